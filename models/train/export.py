"""Writes a network as plain ONNX: opset 13, dynamic height and width."""
import hashlib
import json
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from catalogue import PUBLISHED, bold_share
from encoder import LENGTH, SIDE
from net import BOLDNESS, EPSILON
from problem import Problem

OPSET = 13
IR_VERSION = 7  # the oldest that knows opset 13
# Sizes whose convolutions are stored in 16 bits, which halves the file; a Cast of each, which
# runtimes do once when they load it, gives the 32 bits back.
STORED_HALF = {'quality'}


class Graph:
    """Nodes and constants under construction; every method returns its output's name."""

    def __init__(self, half=False, slope=0.0):
        self.nodes, self.constants, self.half, self.slope = [], {}, half, slope

    def constant(self, name, array):
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def add(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def activate(self, x, name):
        if self.slope == 0:
            return self.add('Relu', [x], name)
        return self.add('LeakyRelu', [x], name, alpha=self.slope)

    def conv(self, x, name, weight, stride=1, bias=None):
        pads = self.constant('pads', np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
        x = self.add('Pad', [x, pads], f'{name}.pad', mode='reflect')
        stored = self.constant(f'{name}.weight', weight.astype(np.float16) if self.half else weight)
        if self.half:
            stored = self.add('Cast', [stored], f'{name}.weight.float', to=TensorProto.FLOAT)
        inputs = [x, stored]
        if bias is not None:
            inputs.append(self.constant(f'{name}.bias', bias))
        return self.add('Conv', inputs, name, kernel_shape=[3, 3], strides=[stride, stride])

    def row(self, name, bank):
        """[1,C,1,1]: the rows of bank [K,C], one for each style, mixed by the style input."""
        channels = bank.shape[1]
        shape = self.constant(f'shape.{channels}', np.array([1, channels, 1, 1], np.int64))
        bank = self.constant(f'{name}.bank', bank)
        return self.add('Reshape', [self.add('MatMul', ['style', bank], f'{name}.row'), shape],
                        name)

    def norm(self, x, name, gamma, beta):
        channels = gamma.shape[1]
        one = self.constant(f'ones.{channels}', np.ones(channels, np.float32))
        zero = self.constant(f'zeros.{channels}', np.zeros(channels, np.float32))
        rows = [self.row(f'{name}.gamma', gamma), self.row(f'{name}.beta', beta)]
        x = self.add('InstanceNormalization', [x, one, zero], name, epsilon=EPSILON)
        x = self.add('Mul', [x, rows[0]], f'{name}.scaled')
        return self.add('Add', [x, rows[1]], f'{name}.shifted')

    def conv_norm(self, x, name, weights, stride=1):
        x = self.conv(x, f'{name}.conv', weights[f'{name}.conv.weight'], stride=stride)
        return self.norm(x, f'{name}.norm', weights[f'{name}.norm.gamma'],
                         weights[f'{name}.norm.beta'])


def phases_first(array, axis):
    """Channel order (colour, phase) of PyTorch's pixel_shuffle to ONNX's (phase, colour)."""
    order = np.arange(12).reshape(3, 4).T.ravel()
    return np.take(array, order, axis)


def add_blocks(graph, x, name, count, weights):
    for i in range(count):
        y = graph.conv_norm(x, f'{name}.{i}.first', weights)
        y = graph.activate(y, f'{name}.{i}.first.out')
        y = graph.conv_norm(y, f'{name}.{i}.second', weights)
        x = graph.add('Add', [x, y], f'{name}.{i}.out')
    return x


def add_doubled(graph, x, name):
    """Nearest-neighbour upsampling to twice the size."""
    scales = graph.constant('scales', np.array([1, 1, 2, 2], np.float32))
    return graph.add('Resize', [x, '', scales], name, mode='nearest',
                     coordinate_transformation_mode='asymmetric', nearest_mode='floor')


def build(shape, weights, half=False):
    """The whole network. weights: float32 arrays by PyTorch's parameter name; half stores those
    of the convolutions in 16 bits."""
    graph = Graph(half, shape.slope)
    photo = graph.add('SpaceToDepth', ['image'], 'unshuffled', blocksize=2)
    weights = dict(weights)
    weights['start.conv.weight'] = phases_first(weights['start.conv.weight'], axis=1)
    x = graph.activate(graph.conv_norm(photo, 'start', weights), 'start.out')
    x = graph.activate(graph.conv_norm(x, 'down', weights, stride=2), 'down.out')
    x = add_blocks(graph, x, 'blocks', shape.blocks, weights)
    if shape.eighth:
        y = graph.activate(graph.conv_norm(x, 'deep_down', weights, stride=2), 'deep_down.out')
        y = add_blocks(graph, y, 'deep_blocks', shape.deep_blocks, weights)
        y = graph.conv_norm(add_doubled(graph, y, 'deep_doubled'), 'deep_up', weights)
        x = graph.add('Add', [x, y], 'deep_up.out')
        x = add_blocks(graph, x, 'late_blocks', shape.late_blocks, weights)
    x = add_doubled(graph, x, 'doubled')
    x = graph.activate(graph.conv_norm(x, 'up', weights), 'up.out')
    x = graph.conv(x, 'last', phases_first(weights['last.weight'], axis=0))
    # One value for each colour, the same for all phases.
    rows = {row: graph.row(row, np.tile(weights[row], 4)) for row in ('photo', 'offset')}
    photo = graph.add('Mul', [photo, rows['photo']], 'photo.scaled')
    photo = graph.add('Add', [photo, rows['offset']], 'photo.shifted')
    x = graph.add('Add', [x, photo], 'sum')
    x = graph.add('DepthToSpace', [x], 'shuffled', blocksize=2, mode='DCR')
    # Cut off at 0 and 1; Clip would need constants that OpenCV 4.6 does not read.
    graph.add('HardSigmoid', [x], 'painting', alpha=1.0, beta=0.0)
    return graph


def add_statistics(graph, x, name):
    """Means and deviations of the channels, [1,C,1,1] each."""
    epsilon = graph.constant('epsilon', np.array([EPSILON], np.float32))
    mean = graph.add('ReduceMean', [x], f'{name}.mean', axes=[2, 3])
    away = graph.add('Sub', [x, mean], f'{name}.away')
    square = graph.add('Mul', [away, away], f'{name}.square')
    variance = graph.add('ReduceMean', [square], f'{name}.variance', axes=[2, 3])
    variance = graph.add('Add', [variance, epsilon], f'{name}.variance.positive')
    return [mean, graph.add('Sqrt', [variance], f'{name}.deviation')]


def add_linear(graph, x, name, weights, output=None):
    matrix = graph.constant(f'{name}.weight', weights[f'{name}.weight'].T)
    bias = graph.constant(f'{name}.bias', weights[f'{name}.bias'])
    x = graph.add('MatMul', [x, matrix], f'{name}.product')
    return graph.add('Add', [x, bias], output or name)


def build_encoder(weights):
    """The encoder of encoder.py. weights: float32 arrays by PyTorch's parameter name."""
    graph, parts, i = Graph(), [], 0
    weights = dict(weights)
    first = 'stages.0.first.weight'
    weights[first] = phases_first(weights[first], axis=1)
    x = graph.add('SpaceToDepth', ['picture'], 'unshuffled', blocksize=2)
    while f'stages.{i}.first.weight' in weights:
        name = f'stages.{i}'
        x = graph.conv(x, f'{name}.first', weights[f'{name}.first.weight'], 1 + (i > 0),
                       weights[f'{name}.first.bias'])
        x = graph.activate(x, f'{name}.first.out')
        if f'{name}.second.weight' in weights:
            y = graph.conv(x, f'{name}.second', weights[f'{name}.second.weight'],
                           bias=weights[f'{name}.second.bias'])
            x = graph.add('Add', [x, graph.activate(y, f'{name}.second.out')], f'{name}.out')
        parts += add_statistics(graph, x, name)
        i += 1
    shape = graph.constant('shape.flat', np.array([1, len(weights['hidden.weight'][0])], np.int64))
    x = graph.add('Concat', parts, 'statistics.maps', axis=1)
    x = graph.add('Reshape', [x, shape], 'statistics')
    x = graph.activate(add_linear(graph, x, 'hidden', weights), 'hidden.out')
    add_linear(graph, x, 'last', weights, 'z')
    return graph


def default_style(styles):
    names = [style['name'] for style in styles[1:]]
    return 'starry-night' if 'starry-night' in names else names[0]


def arrays(module):
    return {name: tensor.float().numpy() for name, tensor in module.state_dict().items()}


def finished(graph, name, inputs, outputs, metadata):
    """The onnx.ModelProto. inputs, outputs: shapes by name."""
    values = [[helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)
               for key, shape in shapes.items()] for shapes in (inputs, outputs)]
    result = helper.make_model(
        helper.make_graph(graph.nodes, name, *values, list(graph.constants.values())),
        producer_name='daub', opset_imports=[helper.make_opsetid('', OPSET)])
    result.ir_version = IR_VERSION
    helper.set_model_props(result, metadata)
    onnx.checker.check_model(result, full_check=True)
    return result


def onnx_model(model):
    """model: see model.py."""
    graph = build(model.net.shape, arrays(model.net), model.size in STORED_HALF)
    image = [1, 3, 'H', 'W']
    styles = [{key: style[key] for key in PUBLISHED} for style in model.styles]
    if model.has_soft_rows():
        styles = [{**style, 'bold_share': bold_share(style['name'])} for style in styles]
    licences = sorted({style['licence'] for style in styles[1:]})
    metadata = {
        'daub.title': f'daub {model.size}',
        'daub.styles': json.dumps(styles, ensure_ascii=False),
        'daub.range': '1',
        'daub.identity': '0',
        'daub.default': default_style(styles),
        'daub.licence': f"weights: MIT; pictures: {', '.join(licences)}",
        'daub.recipe': model.recipe}
    if model.has_soft_rows():
        metadata['daub.soft'] = str(len(model.styles))
        metadata['daub.boldness'] = f'{BOLDNESS:g}'
    if model.basis:
        basis = model.basis._replace(encoder=model.encoder_identifier())._asdict()
        metadata['daub.basis'] = json.dumps({key: value for key, value in basis.items()
                                             if value is not None})
    return finished(graph, f'daub-{model.size}', {'image': image, 'style': [1, model.net.rows]},
                    {'painting': image}, metadata)


def digest(graph):
    """Of the SHA-256 of all constants in the order of their names, the first 16 hexadecimal
    digits."""
    result = hashlib.sha256()
    for name in sorted(graph.constants):
        result.update(graph.constants[name].raw_data)
    return result.hexdigest()[:16]


def identifier(encoder):
    return digest(build_encoder(arrays(encoder)))


def onnx_encoder(encoder):
    """encoder: see encoder.py."""
    graph = build_encoder(arrays(encoder))
    return finished(graph, 'daub-encoder', {'picture': [1, 3, SIDE, SIDE]}, {'z': [1, LENGTH]}, {
        'daub.encoder': digest(graph), 'daub.title': 'daub encoder', 'daub.range': '1',
        'daub.licence': 'MIT'})


def widen(file):
    """Turns constants of 16 bits into those of 32 that their Cast gives, for runtimes that read no
    others, such as OpenCV 4.6. Changes the onnx.ModelProto."""
    casts = [node for node in file.graph.node if node.op_type == 'Cast']
    constants = {constant.name: constant for constant in file.graph.initializer}
    for node in casts:
        constant = constants[node.input[0]]
        wide = numpy_helper.to_array(constant).astype(np.float32)
        constant.CopyFrom(numpy_helper.from_array(wide, node.output[0]))
        file.graph.node.remove(node)


def export(model, path):
    """Writes the network; returns the file's size."""
    return write(onnx_model(model), path)


def export_encoder(encoder, path):
    """The same for an encoder."""
    return write(onnx_encoder(encoder), path)


def write(file, path):
    """Writes the file in one step; returns its size."""
    data = file.SerializeToString()
    temporary = f'{path}.part'
    try:
        with open(temporary, 'wb') as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise Problem(f'cannot write {path} ({error.strerror}); choose another place') from None
    return len(data)
