"""A bigger network that begins by painting exactly what a smaller one paints (Net2Net,
Chen 2016): channels are copied and the weights that read them divided among the copies, and
further residual blocks start by adding nothing. Training then goes on from there, in a part
of the time that it takes from nothing.
"""
import torch

from model import Model
from net import SIZES, Painter
from problem import Problem


def copies(old, new, random):
    """For each of new channels the old one that it copies, [new]."""
    return torch.cat([torch.arange(old), torch.randint(old, (new - old,), generator=random)])


def shares(source, random):
    """The part of its original each copy [new] stands for; those of one original sum to 1.
    They differ, or the copies would get equal gradients and stay equal."""
    part = 0.5 + torch.rand(len(source), generator=random)
    total = torch.zeros(int(source.max()) + 1).index_add_(0, source, part)
    return part / total[source]


def reads(weight, source, random):
    """weight [O,I,3,3] for inputs that are copies of the old ones."""
    return weight[:, source] * shares(source, random)[:, None, None]


def widen(old, new, inputs, outputs, random):
    """Fills the Conv new from the Conv old; inputs: None where these are the same."""
    weight = old.conv.weight[outputs]
    new.conv.weight.copy_(weight if inputs is None else reads(weight, inputs, random))
    new.norm.gamma.copy_(old.norm.gamma[:, outputs])
    new.norm.beta.copy_(old.norm.beta[:, outputs])


def widen_blocks(old, new, channels, random):
    """Fills the residual blocks new from the blocks old; further ones add nothing at first."""
    for was, block in zip(old, new):
        inside = copies(len(was.first.conv.weight), len(block.first.conv.weight), random)
        widen(was.first, block.first, channels, inside, random)
        widen(was.second, block.second, inside, channels, random)
    for block in new[len(old):]:
        block.second.norm.gamma.zero_()


@torch.no_grad()
def grow(model, size, seed):
    """model at another size, none of whose measures may be smaller."""
    old, shape = model.net, SIZES[size]
    if any(n < o or bool(n) != bool(o) for n, o in zip(shape, old.shape)):
        raise Problem(f'a network of size {model.size} cannot grow to {size}; give one that is '
                      'not larger and has the same stages with --grow')
    random = torch.Generator().manual_seed(seed)
    new = Painter(shape, old.rows)
    half = copies(old.shape.half, shape.half, random)
    quarter = copies(old.shape.quarter, shape.quarter, random)
    widen(old.start, new.start, None, half, random)
    widen(old.down, new.down, half, quarter, random)
    widen_blocks(old.blocks, new.blocks, quarter, random)
    if shape.eighth:
        eighth = copies(old.shape.eighth, shape.eighth, random)
        widen(old.deep_down, new.deep_down, quarter, eighth, random)
        widen_blocks(old.deep_blocks, new.deep_blocks, eighth, random)
        widen(old.deep_up, new.deep_up, eighth, quarter, random)
        widen_blocks(old.late_blocks, new.late_blocks, quarter, random)
    inside = copies(old.shape.half, shape.half, random)
    widen(old.up, new.up, quarter, inside, random)
    new.last.weight.copy_(reads(old.last.weight, inside, random))
    new.photo.copy_(old.photo)
    new.offset.copy_(old.offset)
    return Model(size, model.styles, new, model.recipe, model.basis, model.encoder)
