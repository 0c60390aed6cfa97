"""Perceptual losses (Johnson 2016) on the features of a loss network."""
import copy
import functools
import zipfile

import numpy as np
import torch
import torch.nn.functional as F

from problem import Problem


def read_weights(path, names, what):
    """Arrays NAME_w and NAME_b of the convolutions names in the .npz file at path."""
    try:
        with np.load(path) as arrays:
            return {name: tuple(torch.from_numpy(arrays[f'{name}_{part}']).float()
                                for part in ('w', 'b')) for name in names}
    except FileNotFoundError:
        raise Problem(f'no loss network at {path}; give the {what} weights with '
                      '--loss-weights FILE.npz') from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise Problem(f'{path} is not {what} as .npz ({error}); give another file with '
                      '--loss-weights') from None


class LossNet:
    """A frozen network up to the deepest layer asked for. Called with images [N,3,H,W], RGB 0..1,
    it gives the features [N,C,H,W] by layer name.

    Arithmetic in bfloat16 where the processor has it: the features of VGG-16 are then off by
    less than 1 %, and the time is a third."""

    def __init__(self, path, layers, dtype=None):
        """dtype: of the arithmetic, where it is not the processor's best."""
        self.layers = self.LAYERS[:1 + max(self.LAYERS.index(name) for name in layers)]
        self.dtype = dtype or compute_type()
        names = [conv for layer in self.layers for conv in self.convolutions(layer)]
        self.weights = {
            name: (w.to(self.dtype, memory_format=torch.channels_last), b.to(self.dtype))
            for name, (w, b) in read_weights(path, names, self.TITLE).items()}

    def up_to(self, layer):
        """The same network, ended by that layer."""
        result = copy.copy(self)
        result.layers = self.LAYERS[:1 + self.LAYERS.index(layer)]
        return result

    def conv(self, x, name, stride=1, padding=0):
        return F.relu(F.conv2d(x, *self.weights[name], stride, padding))

    def __call__(self, image):
        mean = torch.tensor(self.MEAN_BGR).view(1, 3, 1, 1)
        x = image.float().flip(1) * 255 - mean
        x = x.to(self.dtype, memory_format=torch.channels_last)
        features = {}
        for name in self.layers:
            x = features[name] = self.layer(x, name)
        return features


class Vgg16(LossNet):
    """Simonyan and Zisserman 2014. Style is judged by textures of four scales, content by the
    layer that still keeps shapes and no longer keeps colours (Johnson 2016)."""

    TITLE, FILE = 'VGG-16', 'vgg16.npz'
    LAYERS = ('conv1_1', 'conv1_2', 'conv2_1', 'conv2_2', 'conv3_1', 'conv3_2', 'conv3_3',
              'conv4_1', 'conv4_2', 'conv4_3')
    STYLE_LAYERS, CONTENT_LAYERS = ('conv1_2', 'conv2_2', 'conv3_3', 'conv4_3'), ('conv3_3',)
    MEAN_BGR = (103.939, 116.779, 123.68)
    POOLED_BEFORE = ('conv2_1', 'conv3_1', 'conv4_1')

    @staticmethod
    def convolutions(name):
        return (name,)

    def layer(self, x, name):
        if name in self.POOLED_BEFORE:
            x = F.max_pool2d(x, 2)
        return self.conv(x, name, padding=1)


class SqueezeNet(LossNet):
    """SqueezeNet v1.0 (Iandola 2016)."""

    TITLE, FILE = 'SqueezeNet v1.0', 'squeezenet_v1_0.npz'
    LAYERS = ('conv1', 'fire2', 'fire3', 'fire4', 'fire5', 'fire6', 'fire7', 'fire8')
    STYLE_LAYERS, CONTENT_LAYERS = ('conv1', 'fire2', 'fire4', 'fire5', 'fire7'), ('fire4',)
    MEAN_BGR = (104.0, 117.0, 123.0)

    @staticmethod
    def convolutions(name):
        if name == 'conv1':
            return ('conv1',)
        return tuple(f'{name}/conv{part}' for part in ('1x1_1', '1x1_2', '3x3_2'))

    def layer(self, x, name):
        if name == 'conv1':
            return self.conv(x, name, stride=2, padding=3)
        if name in ('fire2', 'fire5'):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        squeezed = self.conv(x, f'{name}/conv1x1_1')
        return torch.cat([self.conv(squeezed, f'{name}/conv1x1_2'),
                          self.conv(squeezed, f'{name}/conv3x3_2', padding=1)], 1)


LOSS_NETS = {'vgg16': Vgg16, 'squeezenet': SqueezeNet}


@functools.lru_cache(maxsize=None)
def compute_type():
    """bfloat16 where the processor has instructions for it, else float32: without them
    PyTorch's bfloat16 convolutions are fifty times slower."""
    try:
        with open('/proc/cpuinfo', encoding='ascii') as file:
            known = 'avx512_bf16' in file.read()
    except OSError:
        known = False
    return torch.bfloat16 if known else torch.float32


class Gram(torch.autograd.Function):
    """[P,C] features at P positions -> [C,C], mean over the positions, in float32.

    PyTorch's batched product takes three times as long without MKL."""

    @staticmethod
    def forward(context, features):
        context.save_for_backward(features)
        wide = features.float()
        return wide.t() @ wide / len(wide)

    @staticmethod
    def backward(context, gradient):
        features, = context.saved_tensors
        both = (gradient + gradient.t()) / len(features)
        return (features.float() @ both).to(features.dtype)


def gram(features):
    """[N,C,H,W] -> [N,C,C] in float32, mean over the positions."""
    return torch.stack([Gram.apply(one.permute(1, 2, 0).flatten(0, 1)) for one in features])


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
        """style_pictures: for each style a list of the same picture [1,3,H,W] at one or more
        sizes; the Gram matrices are the mean over the sizes."""
        self.net, self.content_layers, self.style_layers = loss_net, content_layers, style_layers
        self.palette = Palette([sizes[0] for sizes in style_pictures])
        deepest = max(loss_net.LAYERS.index(name) for name in content_layers)
        self.content_net = loss_net.up_to(loss_net.LAYERS[deepest])
        grams = [self.picture_grams(sizes) for sizes in style_pictures]
        self.grams = {name: torch.cat([g[name] for g in grams]) for name in style_layers}

    @torch.no_grad()
    def picture_grams(self, sizes):
        features = [self.net(picture) for picture in sizes]
        return {name: sum(gram(f[name]) for f in features) / len(sizes)
                for name in self.style_layers}

    def grams_of(self, styles):
        """Gram matrices [N,C,C] by layer; styles: [N] indices of pictures."""
        return {name: grams[styles] for name, grams in self.grams.items()}

    def __call__(self, painting, photo, styles):
        """styles: [N] index of each sample's picture. Returns (content, style), [N] each."""
        return self.compare(painting, photo, self.grams_of(styles))

    def compare(self, painting, photo, grams):
        """The same with the Gram matrices [N,C,C] of any pictures by layer."""
        painted = self.net(painting)
        return (self.content_loss(painted, photo),
                self.style_loss({name: gram(painted[name]) for name in self.style_layers}, grams))

    def content_loss(self, painted, photo):
        """[N], of paintings with these features."""
        with torch.no_grad():
            original = self.content_net(photo)
        return sum(relative_error(painted[name].float(), original[name].float())
                   for name in self.content_layers) / len(self.content_layers)

    def style_loss(self, painted, grams):
        """[N], of paintings with these Gram matrices by layer."""
        return sum(relative_error(painted[name], grams[name])
                   for name in self.style_layers) / len(self.style_layers)


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
    cells = image.float()[:, :, :height, :width]
    cells = cells.unflatten(3, (-1, period)).unflatten(2, (-1, period))
    return cells.mean((2, 4)).var((2, 3), unbiased=False).mean(1)
