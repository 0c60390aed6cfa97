"""The transform network: no feature map at full resolution, dense 3x3 convolutions,
conditional instance normalization (Dumoulin 2017)."""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


class Shape(NamedTuple):
    """Channels at 1/2, 1/4 and 1/8 of the image's size, and residual blocks: those at 1/4
    before the 1/8 stage, those of the 1/8 stage, those at 1/4 after it.

    eighth 0: a network without the 1/8 stage."""
    half: int
    quarter: int
    blocks: int
    eighth: int = 0
    deep_blocks: int = 0
    late_blocks: int = 0

    @property
    def stride(self):
        """Height and width of the image must be multiples of this."""
        return 8 if self.eighth else 4

    @property
    def slope(self):
        """Slope of the activations below 0 (leaky ReLU). With 0, the 1/8 stage switched off all
        channels of the last activation over a whole bright cloud: a flat blob, through which
        no gradient flows (8 % of a photo after 7000 iterations)."""
        return 0.1 if self.eighth else 0.0


SIZES = {'lite': Shape(16, 32, 1, 48, 3, 1), 'standard': Shape(24, 64, 1, 96, 4, 1),
         'quality': Shape(32, 128, 1, 192, 4, 1)}
# Networks of earlier versions, which can still be read, scored and given further styles.
FIRST_SIZES = {'lite': Shape(16, 32, 4), 'standard': Shape(24, 64, 5),
               'quality': Shape(32, 128, 5)}
BANKS = ('photo', 'offset')
EPSILON = 1e-5
BOLDNESS = 0.5  # of styles with two rows, where nothing else is asked for
STRIDE = 8  # the largest of any shape


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

    def forward(self, x, style):
        return self.norm(self.conv(F.pad(x, (1, 1, 1, 1), mode='reflect')), style)


class Block(nn.Module):
    def __init__(self, channels, styles, slope):
        super().__init__()
        self.slope = slope
        self.first = Conv(channels, channels, styles)
        self.second = Conv(channels, channels, styles)

    def forward(self, x, style):
        return x + self.second(F.leaky_relu(self.first(x, style), self.slope), style)


class Limit(torch.autograd.Function):
    """clamp(0, 1) with a gradient that still leads back what is outside."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(context, gradient):
        x, = context.saved_tensors
        away = ((x < 0) & (gradient > 0)) | ((x > 1) & (gradient < 0))
        return gradient.masked_fill(away, 0)


class Painter(nn.Module):
    """image [N,3,H,W] in 0..1, style [N,K] -> painting [N,3,H,W] in 0..1.

    Style 0 is the identity: nothing is painted and the photo is added whole, so that it
    comes back exactly, and a mixture with it has weaker strokes on a photo that shines
    through. It is not trained but for its rows inside, which only mixtures see.
    """

    def __init__(self, shape, rows):
        super().__init__()
        self.shape = shape
        a, b, c = shape.half, shape.quarter, shape.eighth
        self.start = Conv(12, a, rows)
        self.down = Conv(a, b, rows, stride=2)
        self.blocks = nn.ModuleList(Block(b, rows, shape.slope) for _ in range(shape.blocks))
        if c:
            self.deep_down = Conv(b, c, rows, stride=2)
            self.deep_blocks = nn.ModuleList(Block(c, rows, shape.slope) for _ in range(shape.deep_blocks))
            self.deep_up = Conv(c, b, rows)
            self.late_blocks = nn.ModuleList(Block(b, rows, shape.slope) for _ in range(shape.late_blocks))
        self.up = Conv(b, a, rows)
        self.last = nn.Conv2d(a, 12, 3, bias=False)
        # How much of the photo is added, and a constant, for each colour.
        self.photo = nn.Parameter(torch.zeros(rows, 3))
        self.offset = nn.Parameter(torch.full((rows, 3), 0.5))
        with torch.no_grad():
            # The four phases of the depth-to-space start equal: unequal ones begin as
            # a dotted grid that training never quite removes (Aitken 2017).
            self.last.weight.copy_(0.3 * self.last.weight[::4].repeat_interleave(4, 0))
            self.photo[0], self.offset[0] = 1, 0
            self.up.norm.gamma[0] = 0
            if c:
                # The 1/8 stage starts by adding nothing.
                self.deep_up.norm.gamma.zero_()
        for bank in (self.photo, self.offset, self.up.norm.gamma, self.up.norm.beta):
            bank.register_hook(lambda gradient: torch.cat([0 * gradient[:1], gradient[1:]]))

    @property
    def rows(self):
        """Rows of the banks: the length of the style input."""
        return len(self.photo)

    def activate(self, x):
        return F.leaky_relu(x, self.shape.slope)

    def forward(self, image, style):
        x = F.pixel_unshuffle(image, 2)
        x = self.activate(self.start(x, style))
        x = self.activate(self.down(x, style))
        for block in self.blocks:
            x = block(x, style)
        if self.shape.eighth:
            y = self.activate(self.deep_down(x, style))
            for block in self.deep_blocks:
                y = block(y, style)
            x = x + self.deep_up(F.interpolate(y, scale_factor=2, mode='nearest'), style)
            for block in self.late_blocks:
                x = block(x, style)
        x = F.interpolate(x, scale_factor=2, mode='nearest')
        x = self.activate(self.up(x, style))
        x = self.last(F.pad(x, (1, 1, 1, 1), mode='reflect'))
        photo, offset = (style @ bank for bank in (self.photo, self.offset))
        return Limit.apply(F.pixel_shuffle(x.float(), 2) + photo[:, :, None, None] * image +
                           offset[:, :, None, None])


def is_bank(name):
    """Whether the parameter of that name holds one row for each weight of the style input."""
    return name in BANKS or name.endswith(('.gamma', '.beta'))


@torch.no_grad()
def with_rows(net, mixture):
    """net with other rows: mixture [new rows, old rows] times the rows of every bank."""
    new = Painter(net.shape, len(mixture))
    new.load_state_dict({name: mixture @ weight if is_bank(name) else weight
                         for name, weight in net.state_dict().items()})
    return new
