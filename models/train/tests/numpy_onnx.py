"""Runs our ONNX files with NumPy alone, written from the operators' specification."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper


def conv(x, weight, bias=None, strides=(1, 1), kernel_shape=None):
    height, width = weight.shape[2:]
    assert list(kernel_shape or (height, width)) == [height, width]
    windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), (2, 3))
    windows = windows[:, :, ::strides[0], ::strides[1]]
    y = np.einsum('nchwij,ocij->nohw', windows, weight, optimize=True)
    return y if bias is None else y + bias[:, None, None]


def instance_normalization(x, scale, bias, epsilon):
    mean = x.mean((2, 3), keepdims=True)
    variance = ((x - mean) ** 2).mean((2, 3), keepdims=True)
    return scale[:, None, None] * (x - mean) / np.sqrt(variance + epsilon) + bias[:, None, None]


def space_to_depth(x, blocksize):
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // blocksize, blocksize, w // blocksize, blocksize)
    return x.transpose(0, 3, 5, 1, 2, 4).reshape(n, -1, h // blocksize, w // blocksize)


def depth_to_space(x, blocksize, mode):
    assert mode == b'DCR'
    n, c, h, w = x.shape
    x = x.reshape(n, blocksize, blocksize, c // blocksize ** 2, h, w)
    return x.transpose(0, 3, 4, 1, 5, 2).reshape(n, -1, h * blocksize, w * blocksize)


def pad(x, pads, mode):
    half = len(pads) // 2
    return np.pad(x, list(zip(pads[:half], pads[half:])), mode.decode())


def resize(x, _, scales, mode, coordinate_transformation_mode, nearest_mode):
    assert (mode, coordinate_transformation_mode, nearest_mode) == (
        b'nearest', b'asymmetric', b'floor')
    for axis, scale in enumerate(scales):
        source = np.floor(np.arange(int(x.shape[axis] * scale)) / scale).astype(int)
        x = np.take(x, source, axis)
    return x


OPERATORS = {
    'Add': np.add, 'Sub': np.subtract, 'Mul': np.multiply, 'Div': np.divide,
    'Sqrt': np.sqrt, 'MatMul': np.matmul, 'Conv': conv, 'Pad': pad,
    'Concat': lambda *x, axis: np.concatenate(x, axis),
    'ReduceMean': lambda x, axes: x.mean(tuple(axes), keepdims=True),
    'InstanceNormalization': instance_normalization, 'SpaceToDepth': space_to_depth,
    'DepthToSpace': depth_to_space, 'Resize': resize,
    'Cast': lambda x, to: x.astype({TensorProto.FLOAT: np.float32}[to]),
    'Relu': lambda x: np.maximum(x, 0),
    'LeakyRelu': lambda x, alpha: np.where(x < 0, alpha * x, x),
    'HardSigmoid': lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    'Reshape': lambda x, shape: x.reshape(shape)}


def run(model, **inputs):
    values = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
    # float64, so that differences found are those of the runtime compared with.
    values = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in values.items()}
    values.update(inputs)
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        arguments = [values[name] if name else None for name in node.input]
        values[node.output[0]] = OPERATORS[node.op_type](*arguments, **attributes)
    return values[model.graph.output[0].name]
