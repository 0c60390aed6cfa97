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


@torch.no_grad()
def grow(model, size, seed):
    """model at another size, none of whose measures may be smaller."""
    old, old_measures, measures = model.net, SIZES[model.size], SIZES[size]
    if any(n < o for n, o in zip(measures, old_measures)):
        raise Problem(f'a network of size {model.size} cannot grow to {size}; give one that is '
                      'not larger with --grow')
    random = torch.Generator().manual_seed(seed)
    new = Painter(size, len(model.styles))
    half = copies(old_measures[0], measures[0], random)
    quarter = copies(old_measures[1], measures[1], random)
    widen(old.start, new.start, None, half, random)
    widen(old.down, new.down, half, quarter, random)
    for was, block in zip(old.blocks, new.blocks):
        inside = copies(old_measures[1], measures[1], random)
        widen(was.first, block.first, quarter, inside, random)
        widen(was.second, block.second, inside, quarter, random)
    for block in new.blocks[len(old.blocks):]:
        block.second.norm.gamma.zero_()
    inside = copies(old_measures[0], measures[0], random)
    widen(old.up, new.up, quarter, inside, random)
    new.last.weight.copy_(reads(old.last.weight, inside, random))
    new.photo.copy_(old.photo)
    new.offset.copy_(old.offset)
    return Model(size, model.styles, new, model.recipe)
