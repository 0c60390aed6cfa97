"""Perceptual losses (Johnson 2016) on the features of SqueezeNet v1.0."""
import zipfile

import numpy as np
import torch
import torch.nn.functional as F

from problem import Problem

LAYERS = ('conv1', 'fire2', 'fire3', 'fire4', 'fire5', 'fire6', 'fire7', 'fire8')
MEAN_BGR = (104.0, 117.0, 123.0)


class LossNet(torch.nn.Module):
    """SqueezeNet v1.0 up to the deepest layer asked for."""

    def __init__(self, path, layers):
        super().__init__()
        self.layers = LAYERS[:1 + max(LAYERS.index(name) for name in layers)]
        try:
            with np.load(path) as arrays:
                for name in self.layers:
                    for conv in self.convolutions(name):
                        for part in ('w', 'b'):
                            array = torch.from_numpy(arrays[f'{conv}_{part}']).float()
                            self.register_buffer(buffer_name(conv, part), array)
        except FileNotFoundError:
            raise Problem(f'no loss network at {path}; give the SqueezeNet v1.0 weights '
                          'with --loss-net FILE.npz') from None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise Problem(f'{path} is not SqueezeNet v1.0 as .npz ({error}); give another '
                          'file with --loss-net') from None

    @staticmethod
    def convolutions(name):
        if name == 'conv1':
            return ('conv1',)
        return tuple(f'{name}/conv{part}' for part in ('1x1_1', '1x1_2', '3x3_2'))

    def conv(self, x, name, stride=1, padding=0):
        weight = getattr(self, buffer_name(name, 'w')).to(x.dtype)
        bias = getattr(self, buffer_name(name, 'b')).to(x.dtype)
        return F.relu(F.conv2d(x, weight, bias, stride, padding))

    def forward(self, image):
        """image [N,3,H,W], RGB 0..1 -> features by layer name."""
        mean = torch.tensor(MEAN_BGR, dtype=image.dtype).view(1, 3, 1, 1)
        x = image.flip(1) * 255 - mean
        features = {}
        for name in self.layers:
            if name == 'conv1':
                x = self.conv(x, name, stride=2, padding=3)
            else:
                if name in ('fire2', 'fire5'):
                    x = F.max_pool2d(x, 3, 2, ceil_mode=True)
                squeezed = self.conv(x, f'{name}/conv1x1_1')
                x = torch.cat([self.conv(squeezed, f'{name}/conv1x1_2'),
                               self.conv(squeezed, f'{name}/conv3x3_2', padding=1)], 1)
            features[name] = x
        return features


def buffer_name(conv, part):
    return f'{conv}_{part}'.replace('/', '_')


def gram(features):
    """[N,C,H,W] -> [N,C,C] in float32, mean over the positions."""
    flat = features.flatten(2).float()
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def relative_error(x, target):
    """Mean squared difference over the target's mean square, for each sample: [N]."""
    dims = tuple(range(1, x.dim()))
    return ((x - target) ** 2).mean(dims) / (target ** 2).mean(dims).clamp(min=1e-12)


class Palette:
    """How foreign colours are to a style picture, seen as a normal distribution of colours."""

    SHARE = 0.995  # of the picture's own pixels that are not foreign to it
    LEAST = 1e-3  # variance of any colour

    def __init__(self, pictures):
        """pictures: list of [1,3,H,W]; their sizes may differ."""
        colours = [picture.flatten(2)[0].T for picture in pictures]
        self.mean = torch.stack([c.mean(0) for c in colours])
        self.precision = torch.stack([torch.linalg.inv(torch.cov(c.T) + self.LEAST * torch.eye(3))
                                      for c in colours])
        self.limit = torch.ones(len(pictures))
        self.limit = torch.stack([torch.quantile(self.distances(p, [i])[0].flatten(), self.SHARE)
                                  for i, p in enumerate(pictures)])

    def distances(self, image, styles):
        """[N,3,H,W] -> [N,H,W], squared Mahalanobis distances over the picture's limit."""
        difference = image.float() - self.mean[styles][:, :, None, None]
        squares = torch.einsum('nihw,nij,njhw->nhw', difference, self.precision[styles], difference)
        return squares / self.limit[styles][:, None, None]

    def __call__(self, painting, styles):
        """Mean of what exceeds the limit, [N]."""
        return F.relu(self.distances(painting, styles) - 1).mean((1, 2))


class Perceptual:
    """Content and style loss against fixed style pictures, and their palettes."""

    def __init__(self, loss_net, content_layers, style_layers, style_pictures):
        """style_pictures: list of [1,3,H,W]; their sizes may differ."""
        self.net, self.content_layers, self.style_layers = loss_net, content_layers, style_layers
        self.palette = Palette(style_pictures)
        with torch.no_grad():
            features = [loss_net(picture) for picture in style_pictures]
            self.grams = {name: torch.cat([gram(f[name]) for f in features])
                          for name in style_layers}

    def __call__(self, painting, photo, styles):
        """styles: [N] index of each sample's picture. Returns (content, style), [N] each."""
        painted = self.net(painting)
        with torch.no_grad():
            original = self.net(photo)
        content = sum(relative_error(painted[name].float(), original[name].float())
                      for name in self.content_layers) / len(self.content_layers)
        style = sum(relative_error(gram(painted[name]), self.grams[name][styles])
                    for name in self.style_layers)
        return content, style


def total_variation(image):
    """Mean squared difference of neighbouring pixels: [N]."""
    rows = ((image[:, :, 1:] - image[:, :, :-1]) ** 2).mean((1, 2, 3))
    return rows + ((image[:, :, :, 1:] - image[:, :, :, :-1]) ** 2).mean((1, 2, 3))


def grid_energy(image, period=2):
    """Energy at a period of exactly that many px (and its harmonics) along rows and along
    columns: [N].

    Lines of the spectrum (Parseval): what repeats in step over the whole picture, as
    upsampling and depth-to-space with unequal phases do. Edges hardly do.
    """
    image, total = image.float(), 0
    for axis in (2, 3):
        cut = image.narrow(axis, 0, image.shape[axis] // period * period)
        phases = cut.unflatten(axis, (-1, period)).mean(axis)
        total = total + phases.var(axis, unbiased=False).mean((1, 2))
    return total


def lattice_energy(image, period=4):
    """Energy of what repeats every period px in both directions over the whole picture: [N].

    So does what a network ties to the places of its upsampled pixels.
    """
    height, width = (side // period * period for side in image.shape[2:])
    cells = image.float()[:, :, :height, :width].unflatten(3, (-1, period)).unflatten(2, (-1, period))
    return cells.mean((2, 4)).var((2, 3), unbiased=False).mean(1)
