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
from export import build, phases_first
from net import SIZES, STRIDE, Painter
from problem import Problem


class Model:
    def __init__(self, size, styles, net, recipe=''):
        self.size, self.styles, self.net, self.recipe = size, styles, net, recipe
        self.net.to(memory_format=torch.channels_last)

    def row(self, name):
        """Style weights [1,K] of that style alone."""
        names = [style['name'] for style in self.styles]
        return F.one_hot(torch.tensor([names.index(name)]), len(names)).float()

    @torch.no_grad()
    def paint(self, photo, row):
        """photo [N,3,H,W] 0..1 of any size, row [1,K] -> painting of the same size."""
        height, width = photo.shape[2:]
        padded = F.pad(photo, (0, -width % STRIDE, 0, -height % STRIDE), mode='reflect')
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
        shape = tuple(len(weights[name]) for name in ('start.conv.weight', 'down.conv.weight'))
        size = next(name for name, (a, b, _) in SIZES.items() if (a, b) == shape)
        net = Painter(size, len(styles))
        net.load_state_dict({name: torch.from_numpy(array.copy())
                             for name, array in weights.items()})
        graph = build(size, {name: tensor.numpy() for name, tensor in net.state_dict().items()})
        if [node.op_type for node in graph.nodes] != [node.op_type for node in file.graph.node]:
            raise foreign
        for style in styles:
            style['name'].encode()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration,
            RuntimeError):
        raise foreign from None
    return Model(size, styles, net, props.get('daub.recipe', ''))
