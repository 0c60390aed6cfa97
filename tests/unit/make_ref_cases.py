#!/usr/bin/env python3
"""Writes cases for test_ref: operators of the graph computed by PyTorch, NumPy and the
ONNX package over odd shapes. Exits with 77 where these are not installed.

Usage: make_ref_cases.py FILE

FILE, little-endian: "DAUBREF1", count, then for each case a name (64 bytes), the operator,
lists of integers and floats (count first) that the reader maps to attributes, the inputs
and the output as tensors (rank or -1 for an absent one, 64-bit dimensions, floats)."""
import struct
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    print(f"no reference cases: {missing}")
    sys.exit(77)

OPS = ("input conv conv_transpose norm act binary concat slice pad resize "
       "depth_to_space space_to_depth pool mean transpose reshape matmul").split()
PAD = {"constant": 1, "reflect": 2, "replicate": 3}
cases = []
torch.manual_seed(1)
rng = np.random.default_rng(1)


def add(name, op, ints, floats, inputs, output):
    inputs = [None if x is None else np.asarray(x, dtype=np.float32) for x in inputs]
    cases.append((name, OPS.index(op) + 1, [int(i) for i in ints],
                  [float(f) for f in floats], inputs, np.asarray(output, dtype=np.float32)))


def rand(*shape):
    return torch.randn(shape, dtype=torch.float32)


def pair(v):
    return [v, v] if isinstance(v, int) else list(v)


def act_by_name(name, x, alpha, beta, slope):
    return {"none": lambda: x, "relu": lambda: F.relu(x),
            "leaky_relu": lambda: F.leaky_relu(x, alpha), "prelu": lambda: F.prelu(x, slope),
            "elu": lambda: F.elu(x, alpha), "tanh": lambda: torch.tanh(x),
            "sigmoid": lambda: torch.sigmoid(x),
            "hard_sigmoid": lambda: torch.clamp(alpha * x + beta, 0, 1),
            "hard_swish": lambda: F.hardswish(x),
            "clip": lambda: torch.clamp(x, alpha, beta),
            "softplus": lambda: F.softplus(x, threshold=1000),
            "sqrt": lambda: torch.sqrt(x), "neg": lambda: -x, "abs": lambda: x.abs(),
            "exp": lambda: torch.exp(x), "reciprocal": lambda: 1 / x,
            "log": lambda: torch.log(x), "floor": lambda: torch.floor(x),
            "ceil": lambda: torch.ceil(x), "trunc": lambda: torch.trunc(x),
            "round": lambda: torch.round(x), "sign": lambda: torch.sign(x),
            "erf": lambda: torch.erf(x), "selu": lambda: F.selu(x),
            "celu": lambda: F.celu(x, alpha), "mish": lambda: F.mish(x),
            "gelu": lambda: F.gelu(x), "gelu_tanh": lambda: F.gelu(x, approximate="tanh"),
            "swish": lambda: x * torch.sigmoid(alpha * x),
            "softsign": lambda: F.softsign(x),
            "thresholded_relu": lambda: F.threshold(x, alpha, 0),
            "square": lambda: x * x, "power": lambda: x ** alpha,
            "above": lambda: (x > alpha).to(x.dtype),
            "at_least": lambda: (x >= alpha).to(x.dtype),
            "equals": lambda: (x == alpha).to(x.dtype),
            "quantize": lambda: torch.round(x).clamp(alpha, beta)}[name]()


ACTS = ["none", "relu", "leaky_relu", "prelu", "elu", "tanh", "sigmoid", "hard_sigmoid",
        "hard_swish", "clip", "softplus", "sqrt", "neg", "abs", "exp", "reciprocal", "log", "floor",
        "ceil", "trunc", "round", "sign", "erf", "selu", "celu", "mish", "gelu", "gelu_tanh",
        "swish", "softsign", "thresholded_relu", "square", "power", "above", "at_least", "equals", "quantize"]
ACT_PARAMETERS = {"leaky_relu": (0.2, 0), "elu": (0.7, 0), "hard_sigmoid": (0.3, 0.4),
                  "clip": (-0.5, 0.75), "selu": (1.67326319, 1.05070102), "celu": (0.6, 0),
                  "swish": (1.702, 0), "thresholded_relu": (0.4, 0), "power": (3, 0),
                  "above": (0.1, 0), "at_least": (0.1, 0), "equals": (0, 0), "quantize": (-2, 3)}
POSITIVE = ("sqrt", "log")  # defined there only


def conv(name, inputs, outputs, kernel, size, stride=1, dilation=1, pad=(0, 0, 0, 0),
         mode="constant", group=1, upsample=1, act="none", bias=True):
    kernel, stride, dilation = pair(kernel), pair(stride), pair(dilation)
    x, w = rand(1, inputs, *size), rand(outputs, inputs // group, *kernel)
    b = rand(outputs) if bias else None
    slope = rand(outputs) if act == "prelu" else None
    alpha, beta = ACT_PARAMETERS.get(act, (0, 0))
    y = x.double()
    if upsample > 1:
        y = y.repeat_interleave(upsample, 2).repeat_interleave(upsample, 3)
    top, left, bottom, right = pad
    if any(pad):
        y = F.pad(y, (left, right, top, bottom), mode=mode)
    y = F.conv2d(y, w.double(), None if b is None else b.double(), stride, 0, dilation,
                 group)
    y = act_by_name(act, y, alpha, beta, None if slope is None else slope.double())
    add(name, "conv", kernel + stride + dilation + list(pad) +
        [PAD[mode], group, upsample, ACTS.index(act) + 1], [alpha, beta], [x, w, b, slope], y)


def deconv(name, inputs, outputs, kernel, size, stride=1, dilation=1, pad=(0, 0, 0, 0),
           extra=0, group=1, bias=True):
    kernel, stride, dilation, extra = pair(kernel), pair(stride), pair(dilation), pair(extra)
    x, w = rand(1, inputs, *size), rand(inputs, outputs // group, *kernel)
    b = rand(outputs) if bias else None
    # torch pads both sides alike; ask for none and cut the sides off afterwards
    y = F.conv_transpose2d(x.double(), w.double(), None, stride, 0, 0, group, dilation)
    top, left, bottom, right = pad
    height = (size[0] - 1) * stride[0] + extra[0] + dilation[0] * (kernel[0] - 1) + 1
    width = (size[1] - 1) * stride[1] + extra[1] + dilation[1] * (kernel[1] - 1) + 1
    y = F.pad(y, (0, width - y.shape[3], 0, height - y.shape[2]))
    y = y[:, :, top:height - bottom, left:width - right]
    if b is not None:
        y = y + b.double().view(1, -1, 1, 1)
    add(name, "conv_transpose", kernel + stride + dilation + list(pad) + extra + [group], [],
        [x, w, b], y)


def convolutions():
    conv("conv 3x3", 5, 7, 3, (9, 70), pad=(1, 1, 1, 1))
    conv("conv 1x1 no bias", 3, 2, 1, (5, 3), bias=False)
    conv("conv valid 3x5 stride 2,3", 2, 9, (3, 5), (11, 17), stride=(2, 3))
    conv("conv uneven zero padding", 3, 4, (2, 4), (7, 6), pad=(1, 0, 2, 3))
    conv("conv reflect 9x9", 3, 5, 9, (12, 130), pad=(4, 4, 4, 4), mode="reflect")
    conv("conv reflect uneven stride 2", 4, 6, 3, (7, 8), 2, pad=(1, 2, 0, 1), mode="reflect")
    conv("conv edge", 2, 3, 5, (4, 6), pad=(2, 3, 4, 2), mode="replicate")
    conv("conv dilated groups", 6, 4, 3, (13, 11), dilation=(2, 3), pad=(2, 3, 2, 3), group=2)
    conv("conv depthwise", 8, 8, 3, (10, 9), 2, pad=(1, 1, 1, 1), group=8)
    conv("conv depthwise multiplier", 3, 6, 3, (6, 5), pad=(1, 1, 1, 1), group=3)
    conv("conv upsample 2 reflect", 4, 5, 3, (5, 7), pad=(1, 1, 1, 1), mode="reflect",
         upsample=2)
    conv("conv upsample 3 zero", 2, 3, 3, (4, 3), pad=(1, 1, 1, 1), upsample=3)
    conv("conv upsample 2 edge stride 2", 2, 3, 4, (4, 5), 2, pad=(1, 0, 2, 3),
         mode="replicate", upsample=2)
    for act in ACTS[1:ACTS.index("sqrt")]:
        conv(f"conv {act}", 3, 5, 3, (5, 4), pad=(1, 1, 1, 1), act=act)
    deconv("deconv 4x4 stride 2", 5, 3, 4, (6, 35), 2, pad=(1, 1, 1, 1))
    deconv("deconv 3x3 stride 2 output padding", 4, 6, 3, (5, 4), 2, pad=(1, 1, 1, 1), extra=1)
    deconv("deconv stride 3,2 uneven", 3, 4, (5, 2), (4, 6), (3, 2), pad=(2, 0, 1, 1),
           extra=(2, 0), bias=False)
    deconv("deconv groups dilated", 6, 4, 3, (5, 5), 2, (2, 3), pad=(1, 2, 1, 2), group=2)
    deconv("deconv depthwise", 4, 4, 2, (3, 7), 2, group=4)


def norm(name, shape, groups, scale, shift, epsilon=1e-5):
    x = 3 * rand(*shape) + 5
    c = shape[1]
    s, t = (rand(c) if scale else None), (rand(c) if shift else None)
    y = F.group_norm(x.double(), groups, None if s is None else s.double(),
                     None if t is None else t.double(), epsilon)
    add(name, "norm", [groups], [epsilon], [x, s, t], y)


def elementwise():
    norm("instance norm", (1, 5, 7, 9), 5, True, True)
    norm("instance norm without affine", (1, 3, 4, 5), 3, False, False, 1e-3)
    norm("instance norm scale", (1, 3, 4, 5), 3, True, False)
    norm("group norm", (1, 12, 5, 3), 4, True, True)
    norm("layer norm", (1, 6, 3, 5), 1, False, True, 0.5)
    norm("norm of [1,G,N]", (1, 4, 33), 4, True, True)
    for act in ACTS:
        x = 3 * rand(1, 5, 4, 3)
        if act in POSITIVE:
            x = x.abs() + 0.1
        slope = rand(5) if act == "prelu" else None
        alpha, beta = ACT_PARAMETERS.get(act, (0, 0))
        y = act_by_name(act, x.double(), alpha, beta, None if slope is None else slope.double())
        add(f"act {act}", "act", [ACTS.index(act) + 1], [alpha, beta],
            [x] if slope is None else [x, slope.view(5, 1, 1)], y)
    shapes = [((1, 4, 3, 5), (1, 4, 3, 5)), ((1, 4, 3, 5), (4, 1, 1)), ((1, 4, 3, 5), (5,)),
              ((4, 1, 1), (1, 4, 3, 5)), ((1, 1, 3, 1), (2, 4, 1, 5)), ((), (1, 2, 3, 4)),
              ((2, 1, 3, 1, 2, 1), (1, 2, 1, 3, 1, 4))]
    for a, b in shapes:
        p, q = rand(*a).abs() + 0.5, rand(*b).abs() + 0.5
        def test(compare):
            return lambda x, y: compare(x, y).to(x.dtype)
        q[q > 1] = 1
        p[p > 1.2] = 1
        for i, f in enumerate([torch.add, torch.sub, torch.mul, torch.div, torch.pow,
                               torch.minimum, torch.maximum, test(torch.gt), test(torch.ge),
                               test(torch.lt), test(torch.le), test(torch.eq)]):
            add(f"binary {i} {a} {b}", "binary", [i + 1], [], [p, q], f(p, q))


def moves():
    parts = [rand(1, 3, 4, 5), rand(1, 2, 4, 5), rand(1, 4, 4, 5)]
    add("concat channels", "concat", [1], [], parts, torch.cat(parts, 1))
    parts = [rand(2, 3, 4), rand(2, 3, 1), rand(2, 3, 2)]
    add("concat last", "concat", [2], [], parts, torch.cat(parts, 2))
    add("concat first", "concat", [0], [], [parts[0], parts[0]], torch.cat([parts[0]] * 2, 0))
    x = rng.standard_normal((1, 6, 7, 8))
    add("slice", "slice", [0, 1, 2, 6, 1, 2, 1, -3], [], [x], x[:, 1:5:2, 2:6, 6::-3])
    add("slice backwards", "slice", [0, 5, 6, 7, 1, -1, -2, -7], [], [x],
        x[:, ::-1, ::-2, ::-7])
    y = rng.standard_normal((2, 3, 2, 4, 3, 5))
    add("slice rank 6", "slice", [1, 0, 1, 3, 2, 4, 1, 2, -1, -2, -1, -1], [], [y],
        y[1:, ::2, ::-1, ::-2, ::-1, ::-1])
    for mode, numpy_mode, number in (("zero", "constant", 1), ("reflect", "reflect", 2),
                                     ("edge", "edge", 3), ("constant", "constant", 4)):
        more = {"constant_values": 2.5} if mode == "constant" else {}
        before, after = [0, 0, 3, 2], [0, 0, 1, 5]
        add(f"pad {mode}", "pad", [number] + before + after, [2.5], [x],
            np.pad(x, list(zip(before, after)), mode=numpy_mode, **more))
        cut = x[:, 1:, 2:, :-3]
        before, after = [0, -1, -2, 1], [0, 2, 1, -3]
        add(f"pad {mode} with crops", "pad", [number] + before + after, [2.5], [x],
            np.pad(cut, [(0, 0), (0, 2), (0, 1), (1, 0)], mode=numpy_mode, **more))
    for r, perm in ((2, (1, 0)), (3, (2, 0, 1)), (4, (0, 3, 1, 2)), (5, (4, 2, 0, 1, 3)),
                    (6, (0, 3, 5, 1, 2, 4)), (6, (5, 4, 3, 2, 1, 0))):
        z = rng.standard_normal([2, 3, 4, 2, 3, 5][:r])
        add(f"transpose {perm}", "transpose", perm, [], [z], z.transpose(perm))
    z = rng.standard_normal((1, 12, 3, 5))
    add("reshape", "reshape", [], [], [z], z.reshape(3, 4, 15))
    for size in (2, 3):
        z = rand(1, 2 * size * size, 3, 5)
        add(f"depth_to_space {size} crd", "depth_to_space", [size, 2], [], [z],
            F.pixel_shuffle(z, size))
        n = z.numpy().reshape(1, size, size, 2, 3, 5).transpose(0, 3, 4, 1, 5, 2)
        n = n.reshape(1, 2, 3 * size, 5 * size)
        add(f"depth_to_space {size} dcr", "depth_to_space", [size, 1], [], [z], n)
        add(f"space_to_depth {size} dcr", "space_to_depth", [size, 1], [], [n], z)
        u = F.pixel_shuffle(z, size)
        add(f"space_to_depth {size} crd", "space_to_depth", [size, 2], [], [u],
            F.pixel_unshuffle(u, size))


def reductions():
    x = rand(1, 4, 11, 9)
    for kernel, stride, pad in ((2, 2, 0), (3, 2, 1), ((3, 2), (1, 2), (1, 0))):
        ints = pair(kernel) + pair(stride) + [1, 1] + pair(pad) * 2
        name = f"{kernel} {stride} {pad}"
        add(f"max pool {name}", "pool", [1] + ints, [], [x], F.max_pool2d(x, kernel, stride, pad))
        for kind, counts in ((2, False), (3, True)):
            add(f"average pool {counts} {name}", "pool", [kind] + ints, [], [x],
                F.avg_pool2d(x, kernel, stride, pad, count_include_pad=counts))
    add("max pool dilated", "pool", [1, 3, 2, 2, 1, 2, 3, 1, 1, 1, 1], [], [x],
        F.max_pool2d(x, (3, 2), (2, 1), 1, (2, 3)))
    z = rng.standard_normal((2, 3, 4, 5, 2, 3))
    for rank, axes in ((4, (2, 3)), (4, (1, 2, 3)), (3, (0,)), (6, (0, 3, 5)), (5, (1,))):
        t = z[(0,) * (6 - rank)].astype(np.float32)
        for keep in (True, False):
            add(f"mean {axes} {keep}", "mean", [sum(1 << a for a in axes), keep], [], [t],
                t.astype(np.float64).mean(axes, keepdims=keep))
    a, b = rng.standard_normal((3, 5)), rng.standard_normal((5, 4))
    add("matmul", "matmul", [0, 0], [1, 1], [a, b], a @ b)
    add("gemm both transposed", "matmul", [1, 1], [0.5, 2], [a.T, b.T, np.arange(4)],
        0.5 * (a @ b) + 2 * np.arange(4))
    c = rng.standard_normal((3, 1))
    add("gemm column", "matmul", [0, 1], [2, -1], [a, b.T, c], 2 * (a @ b) - c)
    c = rng.standard_normal((3, 4))
    add("gemm full", "matmul", [1, 0], [1, 1], [a.T, b, c], a @ b + c)


def resizes():
    """Against torch where it has the mode, and the ONNX package's own reference."""
    x = rand(1, 2, 5, 7)
    add("resize torch nearest 2", "resize", [1, 1, 1, 10, 14], [2, 2], [x],
        F.interpolate(x, scale_factor=2))
    add("resize torch nearest to 12x9", "resize", [1, 1, 1, 12, 9], [12 / 5, 9 / 7], [x],
        F.interpolate(x, size=(12, 9)))
    add("resize torch bilinear", "resize", [2, 3, 1, 10, 14], [2, 2], [x],
        F.interpolate(x, scale_factor=2, mode="bilinear"))
    add("resize torch bilinear down", "resize", [2, 3, 1, 3, 4], [3 / 5, 4 / 7], [x],
        F.interpolate(x, size=(3, 4), mode="bilinear"))
    add("resize torch bilinear corners", "resize", [2, 4, 1, 12, 20], [12 / 5, 20 / 7], [x],
        F.interpolate(x, size=(12, 20), mode="bilinear", align_corners=True))
    big = rand(1, 1, 45, 3)
    add("resize torch nearest 45 to 100", "resize", [1, 1, 1, 100, 3], [100 / 45, 1], [big],
        F.interpolate(big, size=(100, 3)))
    try:
        from onnx.backend.test.case.node import resize as onnx_resize
    except ImportError:
        print("no Resize cases of the ONNX package")
        return
    coords = ["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"]
    nearest = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]
    x = rng.standard_normal((1, 1, 4, 8)).astype(np.float32)
    # scales that are exact in binary: the package computes in double precision
    for scales in ((2, 2), (0.5, 1.5), (1, 4), (0.25, 0.25), (3, 0.75)):
        for ci, coord in enumerate(coords):
            full = np.array((1, 1) + scales)
            for ni, mode in enumerate(nearest):
                y = onnx_resize.interpolate_nd(
                    x, lambda r, *_, m=mode: onnx_resize.nearest_coeffs(r, mode=m),
                    scale_factors=full, coordinate_transformation_mode=coord)
                add(f"resize {coord} {mode} {scales}", "resize",
                    [1, ci + 1, ni + 1, y.shape[2], y.shape[3]], scales, [x], y)
            y = onnx_resize.interpolate_nd(x, onnx_resize.linear_coeffs, scale_factors=full,
                                           coordinate_transformation_mode=coord)
            add(f"resize {coord} linear {scales}", "resize",
                [2, ci + 1, 1, y.shape[2], y.shape[3]], scales, [x], y)


def tensor(file, x):
    if x is None:
        file.write(struct.pack("<i", -1))
        return
    file.write(struct.pack("<i", x.ndim) + struct.pack(f"<{x.ndim}q", *x.shape))
    file.write(np.ascontiguousarray(x, dtype="<f4").tobytes())


def main():
    for make in (convolutions, elementwise, moves, reductions, resizes):
        make()
    with open(sys.argv[1], "wb") as file:
        file.write(b"DAUBREF1" + struct.pack("<i", len(cases)))
        for name, op, ints, floats, inputs, output in cases:
            file.write(name.encode()[:63].ljust(64, b"\0") + struct.pack("<i", op))
            file.write(struct.pack(f"<{len(ints) + 1}i", len(ints), *ints))
            file.write(struct.pack(f"<i{len(floats)}f", len(floats), *floats))
            file.write(struct.pack("<i", len(inputs)))
            for x in inputs:
                tensor(file, x)
            tensor(file, output)
    print(f"{len(cases)} cases")


main()
