"""Runs an ONNX network with PyTorch: the operators of style networks, one call each, in
channels_last layout."""
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper


def pad(node, x, pads, value=None):
    pads = pads.tolist()
    half = len(pads) // 2
    order = [side for axis in reversed(range(half)) for side in (pads[axis], pads[half + axis])]
    while len(order) > 4 and order[-2:] == [0, 0]:
        del order[-2:]
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[
        node.get("mode", "constant")]
    return F.pad(x, order, mode, float(value) if value is not None else 0.0)


def conv(node, x, weight, bias=None):
    top, left, bottom, right = node.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
    return F.conv2d(x, weight, bias, node.get("strides", 1), (top, left),
                    node.get("dilations", 1), node.get("group", 1))


def resize(node, x, roi, scales=None, sizes=None):
    if sizes is None:
        sizes = [int(size * scale) for size, scale in zip(x.shape, scales.tolist())]
    if node.get("mode", "nearest") != "nearest":
        raise NotImplementedError("Resize that is not nearest")
    return F.interpolate(x, [int(size) for size in sizes[2:]], mode="nearest")


def depth_to_space(node, x):
    block, (n, c, h, w) = node["blocksize"], x.shape
    if node.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    x = x.reshape(n, block, block, c // block ** 2, h, w).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c // block ** 2, h * block, w * block)


def space_to_depth(node, x):
    block, (n, c, h, w) = node["blocksize"], x.shape
    x = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(n, c * block ** 2, h // block, w // block)


def cut(node, x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps):
        index = range(x.shape[axis])[start:end:step]
        x = x.index_select(axis, torch.tensor(list(index), dtype=torch.int64))
    return x


def cast(node, x):
    return x.to({TensorProto.FLOAT: torch.float32, TensorProto.FLOAT16: torch.float16,
                 TensorProto.INT32: torch.int32, TensorProto.INT64: torch.int64}[node["to"]])


def reduced(function):
    def run(node, x, axes=None):
        axes = node.get("axes") if axes is None else axes.tolist()
        return function(x, axes, keepdim=bool(node.get("keepdims", 1)))
    return run


def unsqueeze(node, x, axes):
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


OPERATORS = {
    "Add": lambda node, a, b: a + b,
    "Cast": cast,
    "Clip": lambda node, x, low, high: torch.clamp(x, float(low), float(high)),
    "Concat": lambda node, *x: torch.cat(x, node["axis"]),
    "Constant": lambda node: tensor(node["value"]),
    "ConstantOfShape": lambda node, shape: tensor(node["value"]).expand(shape.tolist()),
    "Conv": conv,
    "DepthToSpace": depth_to_space,
    "Div": lambda node, a, b: a / b,
    "InstanceNormalization": lambda node, x, scale, offset: F.instance_norm(
        x, weight=scale, bias=offset, eps=node.get("epsilon", 1e-5)),
    "MatMul": lambda node, a, b: a @ b,
    "Mul": lambda node, a, b: a * b,
    "Pad": pad,
    "Pow": lambda node, a, b: a ** b,
    "ReduceMean": reduced(torch.mean),
    "ReduceSum": reduced(torch.sum),
    "Relu": lambda node, x: F.relu(x),
    "LeakyRelu": lambda node, x: F.leaky_relu(x, node.get("alpha", 0.01)),
    "Reshape": lambda node, x, shape: x.reshape(shape.tolist()),
    "Resize": resize,
    "Sigmoid": lambda node, x: torch.sigmoid(x),
    "Slice": cut,
    "SpaceToDepth": space_to_depth,
    "Sqrt": lambda node, x: torch.sqrt(x),
    "Sub": lambda node, a, b: a - b,
    "Tanh": lambda node, x: torch.tanh(x),
    "Transpose": lambda node, x: x.permute(node["perm"]),
    "Unsqueeze": unsqueeze,
}


def tensor(proto):
    value = torch.from_numpy(numpy_helper.to_array(proto).copy())
    return value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value


class Network:
    """What depends on constants alone is computed once."""

    def __init__(self, model):
        graph = model.graph
        self.constants = {value.name: tensor(value) for value in graph.initializer}
        self.constants[""] = None
        self.image = next(v.name for v in graph.input if v.name not in self.constants)
        self.output, self.steps, uses = graph.output[0].name, [], {}
        for node in graph.node:
            if node.op_type not in OPERATORS:
                raise NotImplementedError(f"operator {node.op_type}")
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            attributes = {name: value.decode() if isinstance(value, bytes) else value
                          for name, value in attributes.items()}
            step = OPERATORS[node.op_type], attributes, list(node.input), node.output[0]
            if all(name in self.constants for name in node.input):
                self.constants[step[3]] = self.call(step, self.constants)
                continue
            for name in node.input:
                uses[name] = len(self.steps)
            self.steps.append(step)
        self.last_use = uses

    @staticmethod
    def call(step, values):
        operator, attributes, inputs, _ = step
        return operator(attributes, *[values[name] for name in inputs])

    def __call__(self, image):
        values = dict(self.constants)
        values[self.image] = image
        with torch.inference_mode():
            for i, step in enumerate(self.steps):
                values[step[3]] = self.call(step, values)
                for name in step[2]:
                    if self.last_use[name] == i and name != self.output:
                        values.pop(name, None)
        return values[self.output]
