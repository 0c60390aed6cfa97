"""An encoder with random weights, and a network whose basis rows are random: tests of
pictures as styles do not depend on trained ones."""

import hashlib
import json

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

SIDE = 256
STAGES = ((12, 32, 1), (32, 64, 2), (64, 96, 2), (96, 96, 1), (96, 128, 2), (128, 128, 1))
POOLED = (0, 1, 3, 5)  # stages whose mean and deviation are used
HIDDEN, LENGTH = 256, 128
EPSILON = 1e-5


def identifier(constants):
    data = b"".join(constants[name].tobytes() for name in sorted(constants))
    return hashlib.sha256(data).hexdigest()[:16]


class Encoder:
    """Space-to-depth, six convolutions, mean and deviation of four stages, layer
    normalization, two dense layers."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.weights = {}
        for i, (inputs, outputs, _) in enumerate(STAGES):
            self.weights["conv%d" % i] = rng.normal(
                0, np.sqrt(2 / inputs / 9), (outputs, inputs, 3, 3)).astype(np.float32)
        pooled = 2 * sum(STAGES[i][1] for i in POOLED)
        for name, shape in (("dense0", (pooled, HIDDEN)), ("dense1", (HIDDEN, LENGTH))):
            self.weights[name] = rng.normal(0, np.sqrt(1 / shape[0]), shape).astype(np.float32)
        self.identifier = identifier(self.weights)

    def signal(self, crops):
        """crops [N,3,256,256] -> mean z [128], by PyTorch."""
        x = torch.from_numpy(np.ascontiguousarray(crops, np.float32)).double()
        weights = {k: torch.from_numpy(v).double() for k, v in self.weights.items()}
        n = len(x)
        x = x.reshape(n, 3, SIDE // 2, 2, SIDE // 2, 2).permute(0, 3, 5, 1, 2, 4)
        x = x.reshape(n, 12, SIDE // 2, SIDE // 2)  # ONNX's order: phase, colour
        pooled = []
        for i, (_, _, stride) in enumerate(STAGES):
            x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weights["conv%d" % i],
                                stride=stride))
            if i in POOLED:
                pooled += [x.mean((2, 3)), (x.var((2, 3), unbiased=False) + EPSILON).sqrt()]
        h = F.layer_norm(torch.cat(pooled, 1), (len(weights["dense0"]),), eps=EPSILON)
        return (F.relu(h @ weights["dense0"]) @ weights["dense1"]).mean(0).numpy()

    def write(self, path):
        nodes, constants = [], dict(self.weights)

        def add(op, inputs, name, **attributes):
            nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
            return name

        constants.update(pads=np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
                         epsilon=np.array([EPSILON], np.float32))
        x = add("SpaceToDepth", ["picture"], "unshuffled", blocksize=2)
        pooled = []
        for i, (_, _, stride) in enumerate(STAGES):
            x = add("Pad", [x, "pads"], "pad%d" % i, mode="reflect")
            x = add("Conv", [x, "conv%d" % i], "map%d" % i, kernel_shape=[3, 3],
                    strides=[stride, stride])
            x = add("Relu", [x], "stage%d" % i)
            if i not in POOLED:
                continue
            mean = add("ReduceMean", [x], "mean%d" % i, axes=[2, 3], keepdims=1)
            off = add("Sub", [x, mean], "off%d" % i)
            var = add("ReduceMean", [add("Mul", [off, off], "square%d" % i)], "var%d" % i,
                      axes=[2, 3], keepdims=1)
            pooled += [mean, add("Sqrt", [add("Add", [var, "epsilon"], "above%d" % i)],
                                 "deviation%d" % i)]
        h = add("Flatten", [add("Concat", pooled, "pooled", axis=1)], "flat", axis=1)
        off = add("Sub", [h, add("ReduceMean", [h], "mean", axes=[1], keepdims=1)], "off")
        var = add("ReduceMean", [add("Mul", [off, off], "square")], "var", axes=[1], keepdims=1)
        h = add("Div", [off, add("Sqrt", [add("Add", [var, "epsilon"], "above")], "deviation")],
                "normal")
        h = add("Relu", [add("MatMul", [h, "dense0"], "hidden0")], "hidden")
        add("MatMul", [h, "dense1"], "z")
        save(path, nodes, constants, [("picture", [1, 3, SIDE, SIDE])], ("z", [1, LENGTH]),
             {"daub.encoder": self.identifier, "daub.title": "random", "daub.range": "1"})


def save(path, nodes, constants, inputs, output, properties):
    def info(pair):
        return helper.make_tensor_value_info(pair[0], TensorProto.FLOAT, pair[1])
    graph = helper.make_graph(nodes, "random", [info(i) for i in inputs], [info(output)],
                              [numpy_helper.from_array(v, k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    helper.set_model_props(model, properties)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def add_rows(source, path, encoder, seed, soft=True, length=LENGTH):
    """Writes the network of source, which has soft rows, with bold and soft basis rows; without
    soft, with the bold ones only, of styles and basis."""
    file = onnx.load(source)
    rng = np.random.default_rng(seed)
    properties = {p.key: p.value for p in file.metadata_props}
    count = len(json.loads(properties["daub.styles"]))
    total = 0
    for constant in file.graph.initializer:
        if not constant.name.endswith(".bank"):
            continue
        bank = numpy_helper.to_array(constant)[:2 * count - 1 if soft else count]
        rows = [bank]
        for _ in range(2 if soft else 1):
            # Around the mean of the styles; the elements of a signal are of order 1.
            basis = rng.normal(0, 0.15, (1 + length, bank.shape[1])) * bank[1:].std() / 4
            basis[0] += bank[1:].mean(0)
            rows.append(basis)
        bank = np.concatenate(rows).astype(np.float32)
        total = len(bank)
        constant.CopyFrom(numpy_helper.from_array(bank, constant.name))
    file.graph.input[1].type.tensor_type.shape.dim[1].dim_value = total
    first = 2 * count - 1 if soft else count
    basis = {"encoder": encoder, "bold": first, "rows": 1 + length}
    if soft:
        basis["soft"] = first + 1 + length
    else:
        del properties["daub.soft"]
    properties["daub.basis"] = json.dumps(basis)
    del file.metadata_props[:]
    helper.set_model_props(file, properties)
    onnx.save(file, path)
    return total, first
