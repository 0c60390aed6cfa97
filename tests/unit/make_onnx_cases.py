#!/usr/bin/env python3
"""Writes cases for test_onnx_cases: ONNX files with a picture and the painting they must
give, computed by the ONNX project's own operator tests and by PyTorch. Exits with 77 where
these packages are not installed.

Usage: make_onnx_cases.py FILE

FILE, little-endian: "DAUBONX1", count, then for each case a name (96 bytes), the size of
the ONNX file and its bytes, picture height and width, the picture's and the painting's
floats [1,3,H,W]."""
import io
import struct
import sys
import warnings

warnings.filterwarnings("ignore")
try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as missing:
    print(f"no ONNX cases: {missing}")
    sys.exit(77)
from make_export_cases import WITH_OPSET

# The ONNX package's tests were written for an older NumPy.
for old, new in (("float", float), ("int", int), ("bool", bool), ("object", object)):
    if old not in np.__dict__:
        setattr(np, old, new)
from onnx.backend.test.case.node import collect_testcases  # noqa: E402

torch.manual_seed(3)
rng = np.random.default_rng(3)
cases = []


def add(name, model, image, painting):
    assert painting.shape == image.shape, (name, painting.shape)
    cases.append((name, model.SerializeToString() if hasattr(model, "graph") else model,
                  np.asarray(image, np.float32), np.asarray(painting, np.float32)))


# ---- the ONNX project's operator tests, made into networks from picture to painting ----

NEWEST_OPSET = min(28, onnx.defs.onnx_opset_version())  # 28: the newest that daub knows
RUN = """Add AveragePool BatchNormalization Clip Concat Conv ConvTranspose DepthToSpace Div
Dropout Elu Exp Flatten Gather GlobalAveragePool HardSigmoid HardSwish Identity
InstanceNormalization LayerNormalization LeakyRelu MaxPool Mul Neg Pad PRelu Pow Reciprocal
ReduceMean ReduceSum Relu Reshape Resize Sigmoid Slice Softplus SpaceToDepth Split Sqrt Squeeze Sub
Sum Tanh Transpose Unsqueeze Upsample Abs Expand Ceil Celu Equal Erf Floor Gemm GlobalMaxPool
Greater GreaterOrEqual Less LessOrEqual Log MatMul Max Min Mish ReduceL1 ReduceL2 ReduceMax
ReduceMin ReduceSumSquare Round Selu Sign Softmax Softsign ThresholdedRelu Tile
QuantizeLinear DequantizeLinear Gelu GroupNormalization""".split()
FOLD = """Add And Cast Ceil Concat Constant ConstantOfShape Div Equal Exp Expand Flatten
Floor Gather Gemm Greater GreaterOrEqual Identity Less LessOrEqual Log MatMul Max Min Mod Mul
Neg Not Or Pow Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu
Reshape Round Shape Sign Size Slice Split Sqrt Squeeze Sub Sum Tile Transpose Unsqueeze Where
Abs Elu HardSigmoid HardSwish LeakyRelu Sigmoid Softplus Tanh Celu Erf Mish ReduceL1 ReduceL2
ReduceSumSquare Selu Softsign ThresholdedRelu Xor QuantizeLinear DequantizeLinear Gelu""".split()
# What daub does not run: other ranks and batches, cropping resize, random dropout, side outputs, arbitrary
# gathers and large matrix products of computed values. And one case that does not round the
# resized length, unlike the standard's text and every runtime.
LEFT_OUT = """_1d 1d_ _3d 3d_ exclude_outside tf_crop training with_mask argmax STRING BFLOAT bfloat16
matmul_([34]d|bcast) resize_downsample_scales_(linear|cubic)_align_corners
not_larger not_smaller half_pixel_symmetric empty_set_bool""".split()
LEFT_OUT_FED = """gather_2d""".split()


def flat_tools(opset, nodes, inits):
    """Slice, Pad and Reshape for a flat tensor in the form of the opset."""
    def const(name, values):
        inits.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def take(x, start, end, y):
        if opset < 10:
            nodes.append(helper.make_node("Slice", [x], [y], starts=[start], ends=[end],
                                          axes=[0]))
        else:
            nodes.append(helper.make_node(
                "Slice", [x, const(y + "_s", [start]), const(y + "_e", [end])], [y]))

    def pad(x, after, y):
        if opset < 11:
            nodes.append(helper.make_node("Pad", [x], [y], pads=[0, after]))
        else:
            nodes.append(helper.make_node("Pad", [x, const(y + "_p", [0, after])], [y]))

    def reshape(x, shape, y):
        nodes.append(helper.make_node("Reshape", [x, const(y + "_r", shape)], [y]))
    return take, pad, reshape


def wrap(case, data, opset, fed):
    """An image-to-image network around a case: input 0 cut out of the picture where fed, a constant
    otherwise; the result added to the picture in the second case, alone in the first."""
    ins, outs = [np.asarray(x) for x in data[0]], [np.asarray(x) for x in data[1]]
    graph = case.model.graph
    y = outs[0].astype(np.float32).ravel()
    side = 8
    while 3 * side * side < max(y.size, ins[0].size if fed else 1):
        side += 8
    total = 3 * side * side
    image = rng.standard_normal((1, 3, side, side)).astype(np.float32)
    nodes, inits = [], []
    take, pad, reshape = flat_tools(opset, nodes, inits)
    reshape("image", [-1], "flat")
    for i, (info, value) in enumerate(zip(graph.input, ins)):
        if fed and i == 0:
            image.reshape(-1)[:value.size] = value.ravel()
            take("flat", 0, value.size, "piece")
            reshape("piece", list(value.shape), info.name)
        else:
            inits.append(numpy_helper.from_array(value, info.name))
    nodes.extend(graph.node)
    result = graph.output[0].name
    if outs[0].dtype != np.float32:
        nodes.append(helper.make_node("Cast", [result], ["as_float"], to=TensorProto.FLOAT))
        result = "as_float"
    reshape(result, [-1], "y_flat")
    pad("y_flat", total - y.size, "y_padded")
    reshape("y_padded", [1, 3, side, side], "y_map")
    want = np.zeros(total, np.float32)
    want[:y.size] = y
    want = want.reshape(image.shape)
    if fed:
        nodes.append(helper.make_node("Identity", ["y_map"], ["painting"]))
    else:
        nodes.append(helper.make_node("Add", ["image", "y_map"], ["painting"]))
        want = want + image
    picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, image.shape)
    painting = helper.make_tensor_value_info("painting", TensorProto.FLOAT, image.shape)
    model = helper.make_model(helper.make_graph(nodes, "g", [picture], [painting], inits),
                              opset_imports=[helper.make_opsetid("", opset)])
    return model, image, want


def left_out(case, op, fed, ins):
    import re
    if any(re.search(p, case.name) for p in LEFT_OUT + (LEFT_OUT_FED if fed else [])):
        return True
    if any(np.asarray(x).dtype not in (np.float32, np.float64, np.float16, np.int32,
                                       np.int64, np.bool_) for x in ins):
        return True
    if not fed:
        return False
    x = np.asarray(ins[0])
    batch = op in ("Conv", "ConvTranspose", "InstanceNormalization", "MaxPool", "Resize",
                   "AveragePool", "DepthToSpace", "SpaceToDepth", "LayerNormalization",
             "GroupNormalization")
    return x.dtype != np.float32 or x.size == 0 or (batch and x.shape[0] != 1)


def operator_tests():
    for case in collect_testcases(None):
        if not case.model or len(case.model.graph.node) != 1:
            continue
        op = case.model.graph.node[0].op_type
        version = case.model.opset_import[0].version
        if version > NEWEST_OPSET:
            continue  # in newer versions of ONNX, where an operator has changed
        ins, outs = case.data_sets[0]
        try:
            shapes = [np.asarray(x) for x in list(ins) + list(outs)]
            outs = [np.asarray(x) for x in outs]
        except Exception:
            continue
        if any(s.dtype == object for s in shapes) or outs[0].ndim > 6 or \
                outs[0].size == 0:
            continue
        for fed in (True, False):
            if op not in (RUN if fed else FOLD) or (fed and not ins) or \
                    left_out(case, op, fed, ins) or not np.isfinite(
                        np.asarray(outs[0], np.float64)).all():
                continue
            for opset in {max(9, version), NEWEST_OPSET}:
                # Upsample ended with opset 9.
                if opset == NEWEST_OPSET and op == "Upsample":
                    continue
                model, image, want = wrap(case, (ins, outs), opset, fed)
                add(f"{case.name}:{'run' if fed else 'fold'}:{opset}", model, image, want)


def layer_norm_tests():
    """The package's own cases have batches of two."""
    from onnx.backend.test.case.node.layernormalization import _layer_normalization
    for axis in (1, -3):
        for shape in ((3, 8, 12), (3, 1, 1)):
            for shifted in (True, False):
                x = rng.standard_normal((1, 3, 8, 12)).astype(np.float32)
                w = rng.standard_normal(shape).astype(np.float32)
                b = rng.standard_normal(shape).astype(np.float32)
                full = (3, 8, 12)
                y, _, _ = _layer_normalization(
                    x, np.broadcast_to(w, full),
                    np.broadcast_to(b, full) if shifted else np.zeros(full, np.float32),
                    axis, 1e-2)
                names = ["image", "w"] + (["b"] if shifted else [])
                node = helper.make_node("LayerNormalization", names, ["painting"],
                                        axis=axis, epsilon=1e-2)
                info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape)
                        for n in ("image", "painting")]
                inits = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")]
                model = helper.make_model(
                    helper.make_graph([node], "g", info[:1], info[1:], inits),
                    opset_imports=[helper.make_opsetid("", 17)])
                add(f"layer_norm:{axis}:{shape}:{shifted}", model, x, y)


# ---- whole networks, exported by PyTorch and run at other sizes ----

class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect")
        self.gn = nn.GroupNorm(4, 8)
        self.bn = nn.BatchNorm2d(8)
        self.inorm = nn.InstanceNorm2d(8, affine=True)
        self.c = nn.Conv2d(8, 3, 1)
        for p in self.parameters():
            nn.init.normal_(p, std=0.5)
        self.bn.running_mean.normal_()
        self.bn.running_var.uniform_(0.5, 2)

    def forward(self, x):
        x = F.leaky_relu(self.gn(self.a(x)), 0.1)
        x = F.elu(self.bn(x))
        return self.c(F.hardswish(self.inorm(x)))


class Strided(nn.Module):
    """Two strided convolutions, then the kind of upsampling that up names."""

    def __init__(self, up):
        super().__init__()
        self.up = up
        self.d1 = nn.Conv2d(3, 8, 3, 2, 1)
        self.d2 = nn.Conv2d(8, 12, 4, 2, 1)
        self.t1 = nn.ConvTranspose2d(12, 8, 3, 2, 1, output_padding=1)
        self.p = nn.Conv2d(12, 32, 1)
        self.s = nn.PReLU(8)
        self.o = nn.Conv2d(8, 3, 3, padding=1)
        self.k = nn.Conv2d(12, 8, 1)

    def forward(self, x):
        size = x.shape[2:]
        h = F.relu(self.d1(x))
        y = torch.sigmoid(self.d2(h))
        if self.up == "transposed":
            y = self.t1(y)
        elif self.up == "shuffle":
            y = F.pixel_shuffle(self.p(y), 2)
        elif self.up == "nearest":
            y = F.interpolate(self.k(y), scale_factor=2, mode="nearest")
        elif self.up == "bilinear":
            y = F.interpolate(self.k(y), scale_factor=2, mode="bilinear",
                              align_corners=False)
        elif self.up == "like":
            y = F.interpolate(self.k(y), size=h.shape[2:], mode="nearest")
        else:
            y = F.interpolate(self.k(y), size=h.shape[2:], mode="bilinear",
                              align_corners=True)
        y = self.s(y + h)
        if self.up == "like":
            y = F.interpolate(y, size=size, mode="bilinear", align_corners=False)
        else:
            y = F.interpolate(y, scale_factor=2.0, mode="nearest")
        return torch.tanh(self.o(y)) * 0.5 + 0.5


class Pieces(nn.Module):
    """Views, slices, pools, constants and means."""

    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(12, 16, 3, padding=1, groups=4)
        self.o = nn.Conv2d(19, 3, 1)
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))

    def forward(self, x):
        n, c, h, w = x.shape
        y = (x - self.mean) / 0.25
        y = y.view(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
        y = y.reshape(n, c * 4, h // 2, w // 2)
        y = self.c(y)
        a, b = y.chunk(2, dim=1)
        y = torch.cat([a * torch.sigmoid(b), b.abs().sqrt()], 1)
        y = y - y.mean(dim=(2, 3), keepdim=True)
        y = y / torch.sqrt((y * y).mean(dim=(2, 3), keepdim=True) + 1e-5)
        y = F.avg_pool2d(F.pad(y, (1, 1, 1, 1)), 3, 1)
        y = F.max_pool2d(y, 3, 1, 1)
        y = F.interpolate(y, scale_factor=2, mode="nearest")
        y = torch.cat([y, x.flip(1).clamp(0, 1)], 1)
        return self.o(y)[:, [2, 1, 0]]


class LayerNet(nn.Module):
    """Layer normalization over C,H,W without weights, as video networks use it."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3, padding=1)
        self.o = nn.Conv2d(6, 3, 1)

    def forward(self, x):
        x = self.a(x)
        return self.o(F.layer_norm(x, [int(d) for d in x.shape[1:]]))


def export(module, opset, height, width, dynamic):
    stream = io.BytesIO()
    axes = {0: "n", 2: "h", 3: "w"}
    torch.onnx.export(
        module, torch.randn(1, 3, height, width), stream, opset_version=opset,
        input_names=["image"], output_names=["painting"], do_constant_folding=True,
        dynamic_axes={"image": axes, "painting": axes} if dynamic else None, **WITH_OPSET)
    return stream.getvalue()


def nets():
    modules = [("norms", Norms(), 1), ("pieces", Pieces(), 2), ("layer", LayerNet(), 1)]
    modules += [(f"strided_{up}", Strided(up), 4) for up in
                ("transposed", "shuffle", "nearest", "bilinear", "like", "corners")]
    for name, module, grid in modules:
        module.eval()
        for opset in (9, 10, 11, 12, 13, 14, 15, 16):
            for dynamic in (True, False):
                # Before opset 11 ONNX had no mode for PyTorch's linear resampling.
                if opset < 11 and name in ("strided_bilinear", "strided_like"):
                    continue
                try:
                    model = export(module, opset, 48, 64, dynamic)
                except RuntimeError as error:  # torch.onnx's own
                    print(f"{name} opset {opset}: not exported: {str(error)[:80]}")
                    continue
                for height, width in ((48, 64), (40, 104), (13 * grid, 19 * grid)):
                    image = torch.randn(1, 3, height, width)
                    with torch.no_grad():
                        painting = module(image)
                    kind = "dynamic" if dynamic else "fixed"
                    add(f"{name}:{kind}:{opset}:{width}x{height}", model, image.numpy(),
                        painting.numpy())


def main():
    operator_tests()
    layer_norm_tests()
    nets()
    with open(sys.argv[1], "wb") as out:
        out.write(b"DAUBONX1" + struct.pack("<i", len(cases)))
        for name, model, image, painting in cases:
            out.write(name.encode()[:95].ljust(96, b"\0"))
            out.write(struct.pack("<i", len(model)) + model)
            out.write(struct.pack("<ii", image.shape[2], image.shape[3]))
            out.write(image.tobytes() + painting.tobytes())
    print(f"{len(cases)} cases")


main()
