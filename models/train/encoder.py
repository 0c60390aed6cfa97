"""The encoder: describes the style of any picture by a vector z, from which a network's rows for
pictures (see model.py) make a style (Ghiasi 2017)."""
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from data import crop, read_picture, to_tensor
from net import EPSILON

SIDE = 256  # of the square crops that it reads
LENGTH = 128  # of z
CHANNELS = (32, 64, 96, 128)  # at 1/2, 1/4, 1/8 and 1/16 of the crop's size
HIDDEN = 2 * LENGTH
SQUARE_ASPECT, LONGEST_ASPECT = 1.1, 2.0  # one crop below the first; cut to the second


class Stage(nn.Module):
    def __init__(self, inputs, outputs, stride, residual):
        super().__init__()
        self.first = conv(inputs, outputs, stride)
        self.second = conv(outputs, outputs, 1) if residual else None

    def forward(self, x):
        x = F.relu(self.first(F.pad(x, (1, 1, 1, 1), mode='reflect')))
        if self.second:
            x = x + F.relu(self.second(F.pad(x, (1, 1, 1, 1), mode='reflect')))
        return x


def conv(inputs, outputs, stride):
    """A 3x3 convolution whose results are as large as its inputs, as no norm follows."""
    result = nn.Conv2d(inputs, outputs, 3, stride)
    nn.init.kaiming_normal_(result.weight)
    nn.init.zeros_(result.bias)
    return result


def statistics(x):
    """[N,C,H,W] -> [N,2C] in float32: mean and deviation of each channel."""
    x = x.float()
    mean = x.mean((2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((2, 3))
    return torch.cat([mean.flatten(1), (variance + EPSILON).sqrt()], 1)


class Encoder(nn.Module):
    """picture [N,3,SIDE,SIDE] in 0..1 -> z [N,LENGTH].

    No normalization between the convolutions: it would remove colours and contrast."""

    def __init__(self):
        super().__init__()
        inputs = (12, *CHANNELS)
        self.stages = nn.ModuleList(Stage(inputs[i], CHANNELS[i], 1 + (i > 0), i > 1)
                                    for i in range(len(CHANNELS)))
        self.hidden = nn.Linear(2 * sum(CHANNELS), HIDDEN)
        self.last = nn.Linear(HIDDEN, LENGTH)
        self.to(memory_format=torch.channels_last)

    def statistics(self, picture):
        """[N,2*sum(CHANNELS)]: means and deviations of all stages."""
        x, parts = F.pixel_unshuffle(picture, 2), []
        for stage in self.stages:
            x = stage(x)
            parts.append(statistics(x))
        return torch.cat(parts, 1)

    def forward(self, picture):
        return self.last(F.relu(self.hidden(self.statistics(picture))))

    @torch.no_grad()
    def become_linear(self, matrix, bias):
        """Makes z the statistics times the matrix, plus the bias: the hidden units are the positive
        and the negative parts of z."""
        unit = torch.eye(LENGTH)
        self.hidden.weight.copy_(torch.cat([matrix.t(), -matrix.t()]))
        self.hidden.bias.copy_(torch.cat([bias, -bias]))
        self.last.weight.copy_(torch.cat([unit, -unit], 1))
        self.last.bias.zero_()

    @torch.no_grad()
    def encode(self, pictures):
        """z [N,LENGTH] of N pictures, RGB uint8 [H,W,3] with a short side of SIDE px: each the
        mean over its crops."""
        return torch.stack([self(to_tensor(crops(picture))).mean(0) for picture in pictures])


def read(path, cure):
    """The picture as encode() takes it. Of PIL's filters, z is with this one nearest to what daub's
    own scaling gives (0.014 of the mean square root of 0.36; with Lanczos 0.054)."""
    return read_picture(path, SIDE, cure, Image.HAMMING)


def crops(picture):
    """Square crops at the start, the middle and the end of the long side of a picture RGB uint8
    [H,W,3], of which at most the middle 2:1 part is looked at."""
    height, width = picture.shape[:2]
    side, length = min(height, width), max(height, width)
    places = [0.5]
    if length >= SQUARE_ASPECT * side:
        edge = max(0.0, (1 - (LONGEST_ASPECT - 1) * side / (length - side)) / 2)
        places = [edge, 0.5, 1 - edge]
    return [np.ascontiguousarray(crop(picture, side, place, place)) for place in places]
