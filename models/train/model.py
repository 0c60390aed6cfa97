"""A network with its styles, read from a checkpoint or from an exported file, and painting
pictures of any size with it."""
import json

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from google.protobuf.message import DecodeError
from onnx import numpy_helper

import checkpoint
from export import STORED_HALF, build, phases_first
from net import FIRST_SIZES, SIZES, Painter, with_rows
from problem import Problem

BOLDNESS = 0.5  # of styles with two rows, where nothing else is asked for


def rows(styles, boldness, count, total):
    """Style weights [N,total] of styles [N], numbers below count, at boldness [N] in 0..1.

    Row 0 is the identity's, rows 1 to count - 1 are the styles' bold ones. Where total is
    2 count - 1 the soft ones follow in the same order."""
    row = F.one_hot(styles, total).float()
    if total == count:
        return row
    soft = F.one_hot(torch.where(styles > 0, styles + count - 1, styles), total)
    return soft + boldness[:, None] * (row - soft)


class Model:
    def __init__(self, size, styles, net, recipe=''):
        self.size, self.styles, self.net, self.recipe = size, styles, net, recipe
        self.net.to(memory_format=torch.channels_last)

    def row(self, name, boldness=BOLDNESS):
        """Style weights [1,K] of that style alone. boldness 0..1: between its soft and its bold
        row, where it has two."""
        names = [style['name'] for style in self.styles]
        return rows(torch.tensor([names.index(name)]), torch.tensor([boldness]), len(names),
                    self.net.rows)

    def has_soft_rows(self):
        return self.net.rows > len(self.styles)

    def one_row(self, boldness=BOLDNESS):
        """The same with one row a style, mixed of its soft and its bold row at boldness 0..1."""
        if not self.has_soft_rows():
            return self
        count = len(self.styles)
        mixture = rows(torch.arange(count), torch.full((count,), float(boldness)), count,
                       self.net.rows)
        return Model(self.size, self.styles, with_rows(self.net, mixture),
                     f'{self.recipe}\nmodels/train/run export --boldness {boldness:g}')

    def two_rows(self):
        """The same with two rows a style; the soft ones start as copies of the bold ones."""
        if self.has_soft_rows():
            return self
        count = len(self.styles)
        mixture = torch.eye(count)[[*range(count), *range(1, count)]]
        return Model(self.size, self.styles, with_rows(self.net, mixture), self.recipe)

    @torch.no_grad()
    def paint(self, photo, row):
        """photo [N,3,H,W] 0..1 of any size, row [1,K] -> painting of the same size."""
        height, width = photo.shape[2:]
        stride = self.net.shape.stride
        padded = F.pad(photo, (0, -width % stride, 0, -height % stride), mode='reflect')
        painting = self.net(padded, row.expand(len(photo), -1))
        return painting[:, :, :height, :width]


def load(path):
    """Reads CHECKPOINT.pt or MODEL.onnx."""
    if path.endswith('.onnx'):
        return read_onnx(path)
    return from_state(checkpoint.load(path))


def from_state(state):
    return Model(state['size'], state['styles'], checkpoint.painter(state),
                 checkpoint.recipe(state))


def torch_name(name):
    """PyTorch's name of a constant in an exported graph; None for those without weights."""
    if name.endswith('.bank'):
        return name[:-len('.bank')]
    return name if name.endswith('.weight') else None


def read_onnx(path):
    """The inverse of export."""
    foreign = Problem(f'{path} is not a network of models/train; only those can be read here')
    try:
        file = onnx.load(path)
    except FileNotFoundError:
        raise Problem(f'no model at {path}') from None
    except (OSError, DecodeError) as error:
        raise Problem(f'{path} is not a readable ONNX file ({error})') from None
    weights = {}
    for constant in file.graph.initializer:
        name = torch_name(constant.name)
        if name:
            weights[name] = numpy_helper.to_array(constant).astype(np.float32)
    props = {prop.key: prop.value for prop in file.metadata_props}
    try:
        inverse = np.argsort(phases_first(np.arange(12), 0))
        weights['start.conv.weight'] = weights['start.conv.weight'][:, inverse]
        weights['last.weight'] = weights['last.weight'][inverse]
        for name in ('photo', 'offset'):
            weights[name] = weights[name][:, :3]
        styles = json.loads(props['daub.styles'])
        channels = tuple(len(weights.get(f'{name}.conv.weight', ()))
                         for name in ('start', 'down', 'deep_down'))
        size, shape = next((name, shape) for sizes in (SIZES, FIRST_SIZES)
                           for name, shape in sizes.items()
                           if (shape.half, shape.quarter, shape.eighth) == channels)
        net = Painter(shape, len(styles))
        net.load_state_dict({name: torch.from_numpy(array.copy())
                             for name, array in weights.items()})
        graph = build(shape, {name: tensor.numpy() for name, tensor in net.state_dict().items()},
                      size in STORED_HALF)
        if [node.op_type for node in graph.nodes] != [node.op_type for node in file.graph.node]:
            raise foreign
        for style in styles:
            style['name'].encode()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration,
            RuntimeError):
        raise foreign from None
    return Model(size, styles, net, props.get('daub.recipe', ''))
