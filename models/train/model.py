"""A network with its styles, read from a checkpoint or from an exported file, and painting
pictures of any size with it."""
import json
from typing import NamedTuple, Optional

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from google.protobuf.message import DecodeError
from onnx import numpy_helper

import checkpoint
from catalogue import bold_share
from encoder import Encoder
from export import STORED_HALF, arrays, build, build_encoder, identifier, phases_first
from net import BOLDNESS, FIRST_SIZES, SIZES, Painter, with_rows
from problem import Problem



def rows(styles, boldness, count, total):
    """Style weights [N,total] of styles [N], numbers below count, at boldness [N] in 0..1.

    Row 0 is the identity's, rows 1 to count - 1 are the styles' bold ones. Where total is
    2 count - 1 the soft ones follow in the same order."""
    row = F.one_hot(styles, total).float()
    if total == count:
        return row
    soft = F.one_hot(torch.where(styles > 0, styles + count - 1, styles), total)
    return soft + boldness[:, None] * (row - soft)


def dial(middle, boldness):
    """Share of the bold row: 0 at boldness 0, middle at 0.5, 1 at 1, linear between."""
    if boldness < 0.5:
        return 2 * boldness * middle
    return middle + (2 * boldness - 1) * (1 - middle)


class Basis(NamedTuple):
    """Rows that make the style of a picture of its z: row FIRST once, row FIRST + 1 + i z[i]
    times."""
    bold: int  # FIRST
    soft: Optional[int]  # likewise, where there are soft rows
    rows: int  # 1 + length of z
    encoder: str = ''  # its identifier, where a file names it


class Model:
    def __init__(self, size, styles, net, recipe='', basis=None, encoder=None):
        """basis, encoder: of a network that takes pictures; the rows of its basis are the last."""
        self.size, self.styles, self.net, self.recipe = size, styles, net, recipe
        self.basis, self.encoder = basis, encoder
        self.net.to(memory_format=torch.channels_last)

    def state(self):
        """What a checkpoint keeps of it."""
        return {'size': self.size, 'shape': list(self.net.shape), 'styles': self.styles,
                'net': self.net.state_dict(), 'basis': self.basis,
                'encoder': self.encoder.state_dict() if self.encoder else None}

    @property
    def styled(self):
        """Rows of styles; those of the basis follow."""
        return self.basis.bold if self.basis else self.net.rows

    def style_rows(self, styles, boldness):
        """Style weights [N,K] of styles [N]; boldness [N] in 0..1 is the share of the bold row."""
        known = rows(styles, boldness, len(self.styles), self.styled)
        return F.pad(known, (0, self.net.rows - self.styled))

    def picture_rows(self, z, boldness):
        """Style weights [N,K] of pictures with z [N,Z] at boldness [N] in 0..1."""
        weights = torch.cat([torch.ones(len(z), 1), z], 1)
        bold, soft, count, _ = self.basis
        row = torch.zeros(len(z), self.net.rows)
        if soft is None:
            boldness = torch.ones(len(z))
        else:
            row[:, soft:soft + count] = (1 - boldness)[:, None] * weights
        row[:, bold:bold + count] = boldness[:, None] * weights
        return row

    def row(self, name, boldness=BOLDNESS):
        """Style weights [1,K] of that style alone. boldness 0..1: between its soft and its bold
        row, where it has two."""
        names = [style['name'] for style in self.styles]
        return self.style_rows(torch.tensor([names.index(name)]),
                               torch.tensor([dial(bold_share(name), boldness)]))

    def encoder_identifier(self):
        return identifier(self.encoder) if self.encoder else self.basis.encoder

    def has_soft_rows(self):
        return self.styled > len(self.styles)

    def with_style_rows(self, mixture, styles, recipe):
        """The same with other styles: mixture [new rows, old rows] times the rows of every bank."""
        kept, basis = torch.eye(self.net.rows)[self.styled:], self.basis
        if basis:
            more = len(mixture) - self.styled
            basis = basis._replace(bold=basis.bold + more,
                                   soft=None if basis.soft is None else basis.soft + more)
        return Model(self.size, styles, with_rows(self.net, torch.cat([mixture, kept])), recipe,
                     basis, self.encoder)

    def one_row(self, boldness=BOLDNESS):
        """The same with one row a style, mixed of its soft and its bold row at boldness 0..1."""
        if not self.has_soft_rows():
            return self
        count = len(self.styles)
        shares = [dial(bold_share(style['name']), boldness) for style in self.styles]
        mixture = self.style_rows(torch.arange(count), torch.tensor(shares))
        return self.with_style_rows(
            mixture, self.styles, f'{self.recipe}\nmodels/train/run export --boldness {boldness:g}')

    def two_rows(self):
        """The same with two rows a style; the soft ones start as copies of the bold ones."""
        if self.has_soft_rows():
            return self
        count = len(self.styles)
        mixture = torch.eye(self.net.rows)[[*range(count), *range(1, count)]]
        return self.with_style_rows(mixture, self.styles, self.recipe)

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
    basis = state.get('basis')
    return Model(state['size'], state['styles'], checkpoint.painter(state),
                 checkpoint.recipe(state), basis and Basis(*basis), checkpoint.encoder(state))


def load_encoder(path):
    """The encoder of CHECKPOINT.pt or of an exported ENCODER.onnx."""
    encoder = (read_encoder(path) if path.endswith('.onnx') else
               checkpoint.encoder(checkpoint.load(path)))
    if not encoder:
        raise Problem(f'{path} holds no encoder; make one with models/train/run predictor')
    return encoder


def torch_name(name):
    """PyTorch's name of a constant in an exported network; None for those without weights."""
    if name.endswith('.bank'):
        return name[:-len('.bank')]
    return name if name.endswith('.weight') else None


def open_onnx(path):
    """(weights by name, operators in order, metadata) of an exported file."""
    try:
        file = onnx.load(path)
    except FileNotFoundError:
        raise Problem(f'no model at {path}') from None
    except (OSError, DecodeError) as error:
        raise Problem(f'{path} is not a readable ONNX file ({error})') from None
    return ({constant.name: numpy_helper.to_array(constant)
             for constant in file.graph.initializer},
            [node.op_type for node in file.graph.node],
            {prop.key: prop.value for prop in file.metadata_props})


def fill(module, weights):
    """weights: arrays by parameter name."""
    module.load_state_dict({name: torch.from_numpy(array.astype(np.float32))
                            for name, array in weights.items()})


WRONG_CONTENT = (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration,
                 RuntimeError)
PHASES_LAST = np.argsort(phases_first(np.arange(12), 0))


def read_onnx(path):
    """The inverse of export."""
    foreign = Problem(f'{path} is not a network of models/train; only those can be read here')
    constants, operators, props = open_onnx(path)
    try:
        weights = {torch_name(name): array for name, array in constants.items()
                   if torch_name(name)}
        weights['start.conv.weight'] = weights['start.conv.weight'][:, PHASES_LAST]
        weights['last.weight'] = weights['last.weight'][PHASES_LAST]
        for name in ('photo', 'offset'):
            weights[name] = weights[name][:, :3]
        styles = json.loads(props['daub.styles'])
        channels = tuple(len(weights.get(f'{name}.conv.weight', ()))
                         for name in ('start', 'down', 'deep_down'))
        size, shape = next((name, shape) for sizes in (SIZES, FIRST_SIZES)
                           for name, shape in sizes.items()
                           if (shape.half, shape.quarter, shape.eighth) == channels)
        net = Painter(shape, len(weights['photo']))
        fill(net, weights)
        graph = build(shape, arrays(net), size in STORED_HALF)
        if [node.op_type for node in graph.nodes] != operators:
            raise foreign
        for style in styles:
            style['name'].encode()
        model = Model(size, styles, net, props.get('daub.recipe', ''), read_basis(props))
        soft = 'daub.soft' in props
        if model.styled != (2 * len(styles) - 1 if soft else len(styles)):
            raise foreign
    except WRONG_CONTENT:
        raise foreign from None
    return model


def read_basis(props):
    if 'daub.basis' not in props:
        return None
    return Basis(**{'soft': None, **json.loads(props['daub.basis'])})


def read_encoder(path):
    """The inverse of export_encoder."""
    foreign = Problem(f'{path} is not an encoder of models/train; only those can be read here')
    constants, operators, _ = open_onnx(path)
    encoder = Encoder()
    try:
        weights = {name: constants[name] for name in encoder.state_dict()}
        first = 'stages.0.first.weight'
        weights[first] = weights[first][:, PHASES_LAST]
        for name in ('hidden.weight', 'last.weight'):
            weights[name] = weights[name].T
        fill(encoder, weights)
        if [node.op_type for node in build_encoder(arrays(encoder)).nodes] != operators:
            raise foreign
    except WRONG_CONTENT:
        raise foreign from None
    return encoder
