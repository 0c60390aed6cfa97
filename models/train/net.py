"""The transform network: no feature map at full resolution, dense 3x3 convolutions,
conditional instance normalization (Dumoulin 2017)."""
import torch
import torch.nn.functional as F
from torch import nn

# name: (channels at 1/2 size, channels at 1/4 size, residual blocks)
SIZES = {'lite': (16, 32, 4), 'standard': (24, 64, 5), 'quality': (32, 128, 5)}
EPSILON = 1e-5
STRIDE = 4  # height and width of the image must be multiples of this


class Norm(nn.Module):
    """Instance normalization; gamma and beta are mixed from one row for each style."""

    def __init__(self, channels, styles):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(styles, channels))
        self.beta = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x, style):
        """x [N,C,H,W]; style [N,K] weights."""
        x = F.instance_norm(x.float(), eps=EPSILON)
        gamma, beta = style @ self.gamma, style @ self.beta
        return x * gamma[:, :, None, None] + beta[:, :, None, None]


class Conv(nn.Module):
    """Reflection padding, 3x3 convolution, norm. No bias: the norm would remove it."""

    def __init__(self, inputs, outputs, styles, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, bias=False)
        self.norm = Norm(outputs, styles)

    def raw(self, x):
        return self.conv(F.pad(x, (1, 1, 1, 1), mode='reflect'))

    def forward(self, x, style):
        return self.norm(self.raw(x), style)


class Block(nn.Module):
    def __init__(self, channels, styles):
        super().__init__()
        self.first = Conv(channels, channels, styles)
        self.second = Conv(channels, channels, styles)

    def forward(self, x, style):
        return x + self.second(F.relu(self.first(x, style)), style)


class Painter(nn.Module):
    """image [N,3,H,W] in 0..1, style [N,K] -> painting [N,3,H,W] in 0..1."""

    def __init__(self, size, styles):
        super().__init__()
        a, b, blocks = SIZES[size]
        self.start = Conv(12, a, styles)
        self.down = Conv(a, b, styles, stride=2)
        self.blocks = nn.ModuleList(Block(b, styles) for _ in range(blocks))
        self.up = Conv(b, a, styles)
        self.last = nn.Conv2d(a, 12, 3)
        with torch.no_grad():
            # The four phases of the depth-to-space start equal: unequal ones begin as
            # a dotted grid that training never quite removes (Aitken 2017).
            self.last.weight.copy_(self.last.weight[::4].repeat_interleave(4, 0))
            self.last.bias.zero_()
            # The identity style starts as the photo alone, its darker half not cut off.
            self.up.norm.gamma[0] = 0
            self.up.norm.beta[0] = 1

    def forward(self, image, style):
        x = F.pixel_unshuffle(image - 0.5, 2)
        # Norms forget how bright and how contrasty the photo is. The identity style needs
        # that, so the first convolution's output skips all of them; a style that wants
        # none of it closes a channel by its beta under the last ReLU.
        photo = self.start.raw(x)
        x = F.relu(self.start.norm(photo, style))
        x = F.relu(self.down(x, style))
        for block in self.blocks:
            x = block(x, style)
        x = F.interpolate(x, scale_factor=2, mode='nearest')
        x = F.relu(self.up(x, style) + photo)
        x = self.last(F.pad(x, (1, 1, 1, 1), mode='reflect'))
        return torch.sigmoid(F.pixel_shuffle(x.float(), 2))
