#!/usr/bin/env python3
"""Writes cases for test_import: small networks of the families that people have, exported by
PyTorch, with a picture and its painting. Exits with 77 where PyTorch is not installed.

Usage: make_import_cases.py FILE

With DAUB_ONNX_PYTHON, a Python with a newer ONNX package, some files are also converted to
opsets 18 to 28 by ONNX's own converter.

FILE, little-endian: "DAUBIMP2", then for each case a name (96 bytes), the size of the ONNX file,
1 where a refusal is expected, 2 for a quantized network or 4 for a deep one, channels of the picture that the graph takes, height, width,
number of style weights, height and width of the style's picture or 0, the ONNX file's bytes,
picture (floats [C,H,W]), style weights, the style's picture [3,h,w] and painting [3,H,W]."""
import io
import os
import struct
import subprocess
import sys
import tempfile
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
    print(f"no import cases: {missing}")
    sys.exit(77)
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../unit"))
from make_export_cases import WITH_OPSET  # noqa: E402

torch.manual_seed(5)
out = open(sys.argv[1], "wb")
out.write(b"DAUBIMP2")
exported = []  # name, model bytes, cases, for the converter


def write(name, model, image, painting, refusal=False, style=(), other=None):
    image = image[0].numpy().astype("<f4")
    painting = painting[0].numpy().astype("<f4")
    if painting.shape[0] == 1:
        painting = painting.repeat(3, 0)
    out.write(name.encode()[:95].ljust(96, b"\0"))
    other = np.zeros((3, 0, 0)) if other is None else other[0].numpy()
    out.write(struct.pack("<8i", len(model), refusal, *image.shape, len(style), *other.shape[1:]))
    out.write(model + image.tobytes() + np.asarray(style, "<f4").tobytes())
    out.write(other.astype("<f4").tobytes() + painting[:3].tobytes())


# ---- parts ----

def conv(i, o, k=3, s=1, groups=1, mode="zeros", bias=True, dilation=1):
    return nn.Conv2d(i, o, k, s, (k // 2) * dilation, dilation, groups, bias, mode)


class Residual(nn.Module):
    def __init__(self, c, norm=nn.InstanceNorm2d, act=nn.ReLU, mode="reflect"):
        super().__init__()
        self.body = nn.Sequential(conv(c, c, mode=mode), norm(c), act(), conv(c, c, mode=mode),
                                  norm(c))

    def forward(self, x):
        return x + self.body(x)


class Act(nn.Module):
    """An elementwise function given as a lambda."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


class Add(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)


class Squeeze(nn.Module):
    """Squeeze and excitation by linear layers or convolutions."""

    def __init__(self, c, kind="linear"):
        super().__init__()
        self.kind = kind
        if kind == "conv":
            self.a, self.b = nn.Conv2d(c, c // 2, 1), nn.Conv2d(c // 2, c, 1)
        else:
            self.a, self.b = nn.Linear(c, c // 2), nn.Linear(c // 2, c)

    def forward(self, x):
        if self.kind == "conv":
            y = F.adaptive_avg_pool2d(x, 1)
            return x * torch.sigmoid(self.b(F.relu(self.a(y))))
        y = x.mean((2, 3)) if self.kind == "linear" else F.adaptive_avg_pool2d(x, 1).flatten(1)
        y = F.hardsigmoid(self.b(F.relu(self.a(y))))
        return x * y[:, :, None, None] if self.kind == "linear" else x * y.view(1, -1, 1, 1)


class LayerNorm2d(nn.Module):
    def __init__(self, c, spelling="moments"):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.rand(c) + 0.5), nn.Parameter(torch.randn(c))
        self.spelling, self.c = spelling, c

    def forward(self, x):
        if self.spelling == "permute":
            y = x.permute(0, 2, 3, 1)
            return F.layer_norm(y, (self.c,), self.w, self.b, 1e-6).permute(0, 3, 1, 2)
        u = x.mean(1, keepdim=True)
        v = (x - u).pow(2).mean(1, keepdim=True)
        y = (x - u) / torch.sqrt(v + 1e-6)
        return self.w[:, None, None] * y + self.b[:, None, None]


class ConvNeXt(nn.Module):
    def __init__(self, c, grn=False):
        super().__init__()
        self.dw, self.norm = conv(c, c, 7, groups=c), nn.LayerNorm(c, eps=1e-6)
        self.a, self.b = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.gamma = nn.Parameter(torch.rand(c))
        self.grn = grn
        self.g, self.h = nn.Parameter(torch.rand(4 * c)), nn.Parameter(torch.rand(4 * c))

    def forward(self, x):
        y = self.norm(self.dw(x).permute(0, 2, 3, 1))
        y = F.gelu(self.a(y))
        if self.grn:
            gx = torch.norm(y, p=2, dim=(1, 2), keepdim=True)
            y = self.g * (y * (gx / (gx.mean(-1, keepdim=True) + 1e-6))) + self.h + y
        return x + (self.gamma * self.b(y)).permute(0, 3, 1, 2)


class NAFBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n1, self.n2 = LayerNorm2d(c), LayerNorm2d(c)
        self.c1, self.c2, self.c3 = conv(c, 2 * c, 1), conv(2 * c, 2 * c, groups=2 * c), conv(c, c, 1)
        self.sca, self.c4, self.c5 = conv(c, c, 1), conv(c, 2 * c, 1), conv(c, c, 1)
        self.beta = nn.Parameter(torch.rand(1, c, 1, 1))

    def forward(self, x):
        a, b = self.c2(self.c1(self.n1(x))).chunk(2, 1)
        y = a * b
        y = self.c3(y * self.sca(F.adaptive_avg_pool2d(y, 1)))
        x = x + y * self.beta
        a, b = self.c4(self.n2(x)).chunk(2, 1)
        return x + self.c5(a * b)


class AdaILN(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, c, 1, 1), 0.7))

    def forward(self, x, gamma, beta):
        m, v = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True)
        a = (x - m) / torch.sqrt(v + 1e-5)
        m, v = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), keepdim=True)
        b = (x - m) / torch.sqrt(v + 1e-5)
        y = self.rho * a + (1 - self.rho) * b
        return y * gamma[:, :, None, None] + beta[:, :, None, None]


class UGATIT(nn.Module):
    """Attention by class activation maps and norms steered by linear layers."""

    def __init__(self, c=8):
        super().__init__()
        self.down = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, c, 7), nn.InstanceNorm2d(c),
                                  nn.ReLU(True), nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, 2),
                                  nn.InstanceNorm2d(c), nn.ReLU(True))
        self.gap, self.gmp = nn.Linear(c, 1, bias=False), nn.Linear(c, 1, bias=False)
        self.mix = nn.Conv2d(2 * c, c, 1)
        self.fc = nn.Sequential(nn.Linear(c, c, bias=False), nn.ReLU(True))
        self.gamma, self.beta = nn.Linear(c, c, bias=False), nn.Linear(c, c, bias=False)
        self.c1, self.n1 = nn.Conv2d(c, c, 3), AdaILN(c)
        self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.ReflectionPad2d(1),
                                nn.Conv2d(c, c, 3), nn.ReLU(True), nn.ReflectionPad2d(3),
                                nn.Conv2d(c, 3, 7, bias=False), nn.Tanh())

    def forward(self, x):
        x = self.down(x)
        gap = F.adaptive_avg_pool2d(x, 1)
        gap_logit = self.gap(gap.view(x.shape[0], -1))
        gap = x * list(self.gap.parameters())[0].unsqueeze(2).unsqueeze(3)
        gmp = F.adaptive_max_pool2d(x, 1)
        gmp_logit = self.gmp(gmp.view(x.shape[0], -1))
        gmp = x * list(self.gmp.parameters())[0].unsqueeze(2).unsqueeze(3)
        x = F.relu(self.mix(torch.cat([gap, gmp], 1)))
        heat = torch.cat([gap_logit, gmp_logit], 1)
        y = F.adaptive_avg_pool2d(x, 1).view(x.shape[0], -1)
        y = self.fc(y)
        gamma, beta = self.gamma(y), self.beta(y)
        x = x + F.relu(self.n1(self.c1(F.pad(x, (1, 1, 1, 1), mode="reflect")), gamma, beta))
        return self.up(x) + 0 * heat.mean()


class CBAM(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b, self.s = nn.Conv2d(c, c // 2, 1), nn.Conv2d(c // 2, c, 1), conv(2, 1, 7)

    def forward(self, x):
        f = lambda v: self.b(F.relu(self.a(v)))
        x = x * torch.sigmoid(f(F.adaptive_avg_pool2d(x, 1)) + f(F.adaptive_max_pool2d(x, 1)))
        y = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.s(y))


class Shuffle(nn.Module):
    def __init__(self, c, groups=4):
        super().__init__()
        self.g, self.a, self.b = groups, conv(c, c, 1, groups=groups), conv(c, c, groups=c)

    def forward(self, x):
        n, c, h, w = x.shape
        y = F.relu(self.a(x)).view(n, self.g, c // self.g, h, w).transpose(1, 2)
        return x + self.b(y.reshape(n, c, h, w))


class RRDB(nn.Module):
    def __init__(self, c=8, g=4):
        super().__init__()
        self.c = nn.ModuleList([conv(c + i * g, g if i < 4 else c) for i in range(5)])

    def forward(self, x):
        parts = [x]
        for i, layer in enumerate(self.c):
            y = layer(torch.cat(parts, 1))
            parts.append(F.leaky_relu(y, 0.2) if i < 4 else y)
        return x + 0.2 * parts[-1]


class UNet(nn.Module):
    def __init__(self, up="transposed", norm=nn.BatchNorm2d, depth=3, c=6, stem=None):
        super().__init__()
        widths = [c * 2 ** min(i, 3) for i in range(depth + 1)]
        self.first = conv(3, c)
        self.down = nn.ModuleList([nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), norm(b), nn.LeakyReLU(0.2))
                                   for a, b in zip(widths, widths[1:])])
        make = {"transposed": lambda a, b: nn.ConvTranspose2d(a, b, 4, 2, 1),
                "nearest": lambda a, b: nn.Sequential(nn.Upsample(scale_factor=2), conv(a, b)),
                "bilinear": lambda a, b: nn.Sequential(
                    nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), conv(a, b))}
        self.up = nn.ModuleList([make[up](b if i == depth - 1 else 2 * b, a) for i, (a, b) in
                                 enumerate(zip(widths, widths[1:]))])
        self.last = conv(2 * c, 3)

    def forward(self, x):
        maps = [self.first(x)]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        y = maps.pop()
        for layer in reversed(self.up):
            y = torch.cat([F.relu(layer(y)), maps.pop()], 1)
        return torch.tanh(self.last(y))


class Attention(nn.Module):
    """Self-attention between all pixels of a pooled map."""

    def __init__(self, c=8):
        super().__init__()
        self.q, self.k, self.v = conv(c, 4, 1), conv(c, 4, 1), conv(c, c, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = [f(x).view(n, -1, h * w) for f in (self.q, self.k, self.v)]
        y = torch.bmm(v, torch.softmax(torch.bmm(q.transpose(1, 2), k), -1).transpose(1, 2))
        return x + y.view(n, c, h, w)


class ChannelsLast(nn.Module):
    """Picture and painting [1,H,W,3]."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def net(*body, c=8):
    return nn.Sequential(conv(3, c), *body, conv(c, 3))


def johnson(norm=nn.InstanceNorm2d, up="nearest", mode="reflect", act=nn.ReLU):
    tail = {"nearest": lambda a, b: [nn.Upsample(scale_factor=2), conv(a, b, mode=mode)],
            "bilinear": lambda a, b: [nn.Upsample(scale_factor=2, mode="bilinear",
                                                  align_corners=False), conv(a, b, mode=mode)],
            "bicubic": lambda a, b: [nn.Upsample(scale_factor=2, mode="bicubic",
                                                 align_corners=False), conv(a, b, mode=mode)],
            "transposed": lambda a, b: [nn.ConvTranspose2d(a, b, 3, 2, 1, 1)],
            "shuffle": lambda a, b: [conv(a, 4 * b), nn.PixelShuffle(2)]}[up]
    return nn.Sequential(conv(3, 8, 9, mode=mode), norm(8), act(), conv(8, 16, 3, 2, mode=mode),
                         norm(16), act(), Residual(16, norm, act, mode), *tail(16, 8), norm(8),
                         act(), conv(8, 3, 9, mode=mode))


class SelfAdaIN(nn.Module):
    """AdaIN of a map by the moments of another."""

    def __init__(self, c=8):
        super().__init__()
        self.a, self.b = conv(3, c), conv(3, c)
        self.o = conv(c, 3)

    def forward(self, x):
        p, q = self.a(x), self.b(x)
        mp, sp = p.mean((2, 3), keepdim=True), p.var((2, 3), keepdim=True).add(1e-5).sqrt()
        mq = q.view(1, 8, -1).mean(2).view(1, 8, 1, 1)
        sq = q.view(1, 8, -1).var(2).add(1e-5).sqrt().view(1, 8, 1, 1)
        return self.o((p - mp.expand(p.size())) / sp.expand(p.size()) * sq + mq)


def spectral():
    from torch.nn.utils import spectral_norm
    return nn.Sequential(spectral_norm(conv(3, 8)), nn.ReLU(), spectral_norm(conv(8, 3)))


def weight():
    from torch.nn.utils import weight_norm
    return nn.Sequential(weight_norm(conv(3, 8)), nn.ReLU(), weight_norm(conv(8, 3)))


def pixel_norm(x):
    return x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-8)


def gelu_tanh(x):
    return 0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * torch.pow(x, 3))))


class Coordinates(nn.Module):
    """Convolutions with coordinates as further channels."""

    def __init__(self):
        super().__init__()
        self.a = conv(5, 8)
        self.o = conv(8, 3)
        y, x = torch.meshgrid(torch.linspace(-1, 1, 40), torch.linspace(-1, 1, 48), indexing="ij")
        self.register_buffer("grid", torch.stack([x, y])[None])

    def forward(self, x):
        return self.o(F.relu(self.a(torch.cat([x, self.grid], 1))))


FUNCTIONS = {
    "abs": torch.abs, "sqrt": lambda x: torch.sqrt(torch.abs(x) + 0.1), "exp": lambda x: torch.exp(-x * x),
    "log": lambda x: torch.log(x * x + 1), "reciprocal": lambda x: torch.reciprocal(x * x + 1),
    "neg": torch.neg, "erf": torch.erf, "softplus": F.softplus, "selu": F.selu, "celu": F.celu,
    "mish": F.mish, "gelu": F.gelu, "gelu_tanh": gelu_tanh, "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "silu": F.silu, "hardswish": F.hardswish, "softsign": F.softsign, "square": lambda x: x ** 2,
    "cube": lambda x: x ** 3 * 0.1, "power": lambda x: torch.pow(torch.abs(x) + 0.1, 0.7),
    "threshold": lambda x: F.threshold(x, 0.1, 0.0), "relu6": F.relu6, "clamp": lambda x: x.clamp(-0.3, 0.6),
    "elu": F.elu, "logsigmoid": F.logsigmoid, "tanhshrink": F.tanhshrink,
    "hardshrink": lambda x: F.hardshrink(x, 0.2), "softshrink": lambda x: F.softshrink(x, 0.2),
    "where": lambda x: torch.where(x > 0, x, 0.3 * x), "mask": lambda x: x * (x > 0.2).float(),
    "max2": lambda x: torch.maximum(x, x.flip(1)), "min2": lambda x: torch.minimum(x, 0.2 * x.flip(1)),
    "glu": lambda x: F.glu(torch.cat([x, x.flip(1)], 1), 1), "softmax": lambda x: torch.softmax(x, 1),
    "normalize": lambda x: F.normalize(x, dim=1), "pixel_norm": pixel_norm,
    "standardize": lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-3),
    "maxout": lambda x: x.view(x.shape[0], 4, 2, x.shape[2], x.shape[3]).max(2)[0].repeat(1, 2, 1, 1),
    "rot90": lambda x: x + x.flip(2), "roll_channels": lambda x: x[:, [3, 1, 0, 2, 7, 4, 6, 5]],
    "columns": lambda x: x - x.mean(3, keepdim=True), "rows": lambda x: x * torch.sigmoid(x.mean(2, keepdim=True)),
    "gmp": lambda x: x - F.adaptive_max_pool2d(x, 1), "instance": F.instance_norm,
    "clip_to_map": lambda x: torch.clamp(x, max=x.mean()),
}

FAMILIES = {
    "johnson": lambda: johnson(), "johnson_transposed": lambda: johnson(up="transposed"),
    "johnson_bilinear": lambda: johnson(up="bilinear"), "johnson_bicubic": lambda: johnson(up="bicubic"),
    "johnson_shuffle": lambda: johnson(up="shuffle"), "johnson_batch": lambda: johnson(nn.BatchNorm2d),
    "johnson_zero": lambda: johnson(mode="zeros"), "johnson_edge": lambda: johnson(mode="replicate"),
    "cyclegan": lambda: nn.Sequential(johnson(up="transposed"), nn.Tanh()),
    "cartoongan": lambda: johnson(up="transposed", act=lambda: nn.LeakyReLU(0.2)),
    "animegan": lambda: net(LayerNorm2d(8), nn.LeakyReLU(0.2), Residual(8, lambda c: nn.GroupNorm(1, c),
                                                                       lambda: nn.LeakyReLU(0.2)), nn.Tanh()),
    "unet": UNet, "unet_nearest": lambda: UNet("nearest"), "unet_bilinear": lambda: UNet("bilinear"),
    "unet_instance": lambda: UNet(norm=nn.InstanceNorm2d), "ugatit": UGATIT,
    "esrgan": lambda: net(RRDB(), RRDB()), "fast_srgan": lambda: net(Residual(8, nn.BatchNorm2d, nn.PReLU, "zeros"),
                                                                     nn.PReLU(8)),
    "nafnet": lambda: net(NAFBlock(8)), "convnext": lambda: net(ConvNeXt(8)),
    "convnext2": lambda: net(ConvNeXt(8, True)), "shuffle": lambda: net(Shuffle(8)), "cbam": lambda: net(CBAM(8)),
    "se_linear": lambda: net(Squeeze(8)), "se_flatten": lambda: net(Squeeze(8, "flatten")),
    "se_conv": lambda: net(Squeeze(8, "conv")), "layernorm2d": lambda: net(LayerNorm2d(8)),
    "layernorm_last": lambda: net(LayerNorm2d(8, "permute")), "spectral": spectral, "weight": weight,
    "adain": SelfAdaIN, "groupnorm": lambda: net(nn.GroupNorm(2, 8), nn.SiLU(), Residual(8, lambda c: nn.GroupNorm(4, c))),
    "depthwise": lambda: net(conv(8, 8, 5, groups=8), nn.ReLU6(), conv(8, 8, 1), nn.Hardswish()),
    "mobilenet": lambda: net(Add(nn.Sequential(conv(8, 16, 1), nn.BatchNorm2d(16), nn.ReLU6(), conv(16, 16, groups=16),
                                               nn.BatchNorm2d(16), nn.ReLU6(), Squeeze(16), conv(16, 8, 1)))),
    "dilated": lambda: net(conv(8, 8, 3, dilation=2), nn.ELU(), conv(8, 8, 3, dilation=4)),
    "groups": lambda: net(conv(8, 8, 3, groups=2), nn.ReLU(), conv(8, 8, 3, groups=4)),
    "pools": lambda: net(nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)),
    "unshuffle": lambda: nn.Sequential(nn.PixelUnshuffle(2), conv(12, 12), nn.ReLU(), nn.PixelShuffle(2)),
    "stride4": lambda: nn.Sequential(nn.Conv2d(3, 8, 7, 4, 3), nn.ReLU(), nn.ConvTranspose2d(8, 3, 8, 4, 2)),
    "deconv_3": lambda: net(nn.Conv2d(8, 8, 3, 2, 1), nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU()),
    "deconv_5": lambda: net(nn.Conv2d(8, 8, 3, 2, 1), nn.ConvTranspose2d(8, 8, 5, 2, 2, 1), nn.ReLU()),
    "deconv_groups": lambda: net(nn.Conv2d(8, 8, 3, 2, 1), nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=8), nn.ReLU()),
    "attention": lambda: net(nn.AvgPool2d(4), Attention(), nn.Upsample(scale_factor=4)),
    "preprocess": lambda: nn.Sequential(Act(lambda x: (x - torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)) / 0.25),
                                        conv(3, 8), nn.ReLU(), conv(8, 3), Act(lambda x: x * 0.25 + 0.4)),
    "bgr": lambda: nn.Sequential(Act(lambda x: x.flip(1) * 255), conv(3, 8), nn.ReLU(), conv(8, 3),
                                 Act(lambda x: x[:, [2, 1, 0]] / 255)),
}
# What daub does not run, and why.
REFUSED = {
    "attention": "products of two computed matrices",
}


def export(module, opset, x, dynamic):
    stream = io.BytesIO()
    axes = {"image": {2: "h", 3: "w"}, "painting": {2: "h", 3: "w"}}
    torch.onnx.export(module, x, stream, opset_version=opset, input_names=["image"],
                      output_names=["painting"], dynamic_axes=axes if dynamic else None, **WITH_OPSET)
    return stream.getvalue()


def run(name, module, opset, sizes, dynamic=True):
    module = module.eval()
    for m in module.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.normal_(0, 0.2)
            m.running_var.uniform_(0.5, 2)
    images = [torch.rand(1, 3, *size) for size in sizes]
    label = f"{name} opset {opset}"
    try:
        model = export(module, opset, images[0], dynamic)
    except RuntimeError as error:  # an operator that PyTorch cannot export in that opset
        print(f"{label}: not exported: {str(error).splitlines()[0][:80]}")
        return
    with torch.no_grad():
        cases = [(x, module(x)) for x in images]
    for x, y in cases:
        write(label, model, x, y, name in REFUSED)
    exported.append((label, model, cases, name in REFUSED))


CONVERT = """
import sys, onnx
from onnx import version_converter
for line in open(sys.argv[1]):
    path, opset = line.split()
    try:
        model = version_converter.convert_version(onnx.load(path), int(opset))
        onnx.save(model, path + ".new")
    except Exception as error:
        print(path, str(error)[:200])
"""


def convert():
    """The same files in opsets 18 to 28."""
    python = os.environ.get("DAUB_ONNX_PYTHON")
    if not python:
        return
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/list", "w") as file:
            for i, (label, model, cases, refusal) in enumerate(exported):
                with open(f"{folder}/{i}.onnx", "wb") as out_file:
                    out_file.write(model)
                file.write(f"{folder}/{i}.onnx {18 + i % 11}\n")
        subprocess.run([python, "-c", CONVERT, f"{folder}/list"], check=True)
        for i, (label, model, cases, refusal) in enumerate(exported):
            try:
                with open(f"{folder}/{i}.onnx.new", "rb") as file:
                    model = file.read()
            except FileNotFoundError:
                continue
            for x, y in cases:
                write(f"{label} as {18 + i % 11}", model, x, y, refusal)


# ---- other kinds of files ----

def quantized():
    """Weights in 8 bits a channel, values in 8 bits between the layers."""
    module = net(nn.ReLU(), conv(8, 8), nn.ReLU()).eval()
    layers = [m for m in module if isinstance(m, nn.Conv2d)]
    nodes, inits, scale = [], [], 0.02
    x = "image"
    for i, m in enumerate(layers):
        w = m.weight.detach()
        s = w.abs().amax((1, 2, 3)) / 127
        q = torch.round(w / s[:, None, None, None]).clamp(-127, 127)
        m.weight.data = q * s[:, None, None, None]
        inits += [numpy_helper.from_array(q.numpy().astype(np.int8), f"q{i}"),
                  numpy_helper.from_array(s.numpy(), f"s{i}"),
                  numpy_helper.from_array(np.zeros(len(s), np.int8), f"z{i}"),
                  numpy_helper.from_array(m.bias.detach().numpy(), f"b{i}")]
        nodes += [helper.make_node("DequantizeLinear", [f"q{i}", f"s{i}", f"z{i}"], [f"w{i}"], axis=0),
                  helper.make_node("Conv", [x, f"w{i}", f"b{i}"], [f"c{i}"], pads=[1, 1, 1, 1])]
        x = f"c{i}"
        if i < 2:
            inits += [numpy_helper.from_array(np.float32(scale), f"as{i}"),
                      numpy_helper.from_array(np.uint8(0), f"az{i}")]
            nodes += [helper.make_node("QuantizeLinear", [x, f"as{i}", f"az{i}"], [f"u{i}"]),
                      helper.make_node("DequantizeLinear", [f"u{i}", f"as{i}", f"az{i}"], [f"d{i}"])]
            x = f"d{i}"
    nodes.append(helper.make_node("Identity", [x], ["painting"]))
    return module, nodes, inits


def handmade(name, nodes, inits, opset, image, painting, types=(TensorProto.FLOAT,) * 2, shape=None):
    shapes = shape or [[1, 3, "h", "w"], [1, 3, "h", "w"]]
    info = [helper.make_tensor_value_info(n, t, s) for n, t, s in
            zip(("image", "painting"), types, shapes)]
    model = helper.make_model(helper.make_graph(nodes, "g", info[:1], info[1:], inits),
                              opset_imports=[helper.make_opsetid("", opset)])
    write(f"{name} opset {opset}", model.SerializeToString(), image, painting)


def half(model, kind):
    """The file with weights and values in 16 bits."""
    model = onnx.load_model_from_string(model)
    for i, t in enumerate(model.graph.initializer):
        a = numpy_helper.to_array(t)
        if a.dtype != np.float32:
            continue
        if kind == TensorProto.FLOAT16:
            new = numpy_helper.from_array(a.astype(np.float16), t.name)
        else:
            bits = (np.ascontiguousarray(a).view(np.uint32) >> 16).astype(np.uint16)
            new = TensorProto(name=t.name, data_type=kind, dims=a.shape, raw_data=bits.tobytes())
        model.graph.initializer[i].CopyFrom(new)
    for v in list(model.graph.input) + list(model.graph.output):
        v.type.tensor_type.elem_type = kind
    return model.SerializeToString()


def other_files():
    x = torch.rand(1, 3, 33, 46)
    module, nodes, inits = quantized()
    layers = [m for m in module if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        y = x
        for i, m in enumerate(layers):
            y = m(y)
            if i < 2:
                y = torch.round(y / 0.02).clamp(0, 255) * 0.02
    handmade("quantized", nodes, inits, 13, x, y)
    for name, kind in (("half", TensorProto.FLOAT16), ("bfloat", TensorProto.BFLOAT16)):
        module = johnson().eval()
        for p in module.parameters():
            p.data = p.data.half().float() if name == "half" else p.data.bfloat16().float()
        image = torch.rand(1, 3, 44, 52)
        model = export(module, 13, image, True)
        # Numbers that PyTorch folded from bfloat16 parameters are exact in it too.
        with torch.no_grad():
            write(name, half(model, kind), image, module(image))
    for channels in (1, 4):
        module = nn.Sequential(conv(channels, 8), nn.ReLU(), conv(8, channels)).eval()
        stream = io.BytesIO()
        image = torch.rand(1, 3, 30, 41)
        gray = (image * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        fed = gray if channels == 1 else torch.cat([image, torch.ones_like(gray)], 1)
        torch.onnx.export(module, fed, stream, opset_version=13, input_names=["image"],
                          output_names=["painting"], dynamic_axes={"image": {2: "h", 3: "w"}})
        with torch.no_grad():
            write(f"{channels} channels", stream.getvalue(), image, module(fed))
    # values 0..255 in bytes at both ends
    w = (torch.rand(3, 3, 1, 1) / 3).numpy()
    image = torch.randint(0, 256, (1, 3, 20, 31)).float()
    y = torch.floor(F.conv2d(image, torch.from_numpy(w)).clamp(0, 255))
    nodes = [helper.make_node("Cast", ["image"], ["f"], to=TensorProto.FLOAT),
             helper.make_node("Conv", ["f", "w"], ["c"]),
             helper.make_node("Clip", ["c", "low", "high"], ["d"]),
             helper.make_node("Cast", ["d"], ["painting"], to=TensorProto.UINT8)]
    inits = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(np.float32(0), "low"),
             numpy_helper.from_array(np.float32(255), "high")]
    handmade("bytes", nodes, inits, 12, image, y, (TensorProto.UINT8,) * 2)


def branches():
    """Ifs whose conditions are sizes, one within another, as exporters write for squeezes."""
    w = (torch.rand(3, 3, 1, 1) / 3).numpy()
    image = torch.rand(1, 3, 20, 31)

    def graph(nodes, output, inits=()):
        return helper.make_graph(nodes, output, [], [helper.make_tensor_value_info(
            output, TensorProto.FLOAT, None)], list(inits))

    for wanted in 3, 4:
        inner = [graph([helper.make_node("Conv", ["image", "w"], ["p"])], "p",
                       [numpy_helper.from_array(w, "w")]),
                 graph([helper.make_node("Neg", ["image"], ["q"])], "q")]
        nodes = [helper.make_node("Shape", ["image"], ["s"]), helper.make_node("Gather", ["s", "one"], ["c"]),
                 helper.make_node("Equal", ["c", "wanted"], ["is"]),
                 helper.make_node("If", ["is"], ["r"],
                                  then_branch=graph([helper.make_node("If", ["yes"], ["t"], then_branch=inner[0],
                                                                      else_branch=inner[1])], "t"),
                                  else_branch=graph([helper.make_node("Abs", ["image"], ["u0"]),
                                                     helper.make_node("Sub", ["u0", "half"], ["u"])], "u")),
                 helper.make_node("Add", ["r", "half"], ["painting"])]
        inits = [numpy_helper.from_array(np.array(1), "one"), numpy_helper.from_array(np.array(wanted), "wanted"),
                 numpy_helper.from_array(np.array(True), "yes"), numpy_helper.from_array(np.float32(0.5), "half")]
        y = F.conv2d(image, torch.from_numpy(w)) + 0.5 if wanted == 3 else image
        handmade(f"if {wanted}", nodes, inits, 13, image, y)


RUNTIME = """
import sys, numpy as np, onnxruntime
feeds = dict(np.load(sys.argv[2]))
session = onnxruntime.InferenceSession(sys.argv[1])
np.save(sys.argv[3], session.run(None, feeds)[0])
"""


def run_file(path, feeds):
    """The file's first output by ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/in.npz", **feeds)
        subprocess.run([os.environ["DAUB_ONNX_PYTHON"], "-c", RUNTIME, path, f"{folder}/in.npz",
                        f"{folder}/out.npy"], check=True)
        return torch.from_numpy(np.load(f"{folder}/out.npy"))


def without_quantized_maps(path):
    """The file with quantized weights alone. In the file itself roundings of maps are multiplied by
    later layers: in ONNX Runtime too the painting changes by 33 dB where one scale changes by 1e-6."""
    model = onnx.load(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.input[0] not in constants:
            node.op_type = "Identity"
            del node.input[1:]
    del model.graph.value_info[:]
    return model.SerializeToString()


def published():
    """Files that others published, where the test material has them."""
    folder = os.environ.get("DAUB_DATA", "") + "/onnx_magenta"
    if "DAUB_ONNX_PYTHON" not in os.environ or not os.path.isdir(folder):
        return
    with open(f"{folder}/multistyle26.onnx", "rb") as file:
        model = file.read()
    for size in ((96, 128), (76, 100)):
        x, weights = torch.rand(1, 3, *size), np.zeros(26, np.float32)
        weights[3], weights[19] = 0.25, 0.75
        y = run_file(f"{folder}/multistyle26.onnx", {"image": x.numpy(), "style_weights": weights})
        write("magenta multistyle26", model, x, y, style=weights)
    with open(f"{folder}/arbitrary_transform.onnx", "rb") as file:
        model = file.read()
    x, vector = torch.rand(1, 3, 384, 384), np.random.default_rng(1).random(100).astype(np.float32)
    y = run_file(f"{folder}/arbitrary_transform.onnx", {
        "content_image": x.permute(0, 2, 3, 1).numpy(),
        "mobilenet_conv/Conv/BiasAdd": vector.reshape(1, 1, 1, 100)})
    write("magenta arbitrary_transform", model, x, y.permute(0, 3, 1, 2), 4, vector)
    model = without_quantized_maps(f"{folder}/arbitrary_transform.onnx")
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(model)
        file.flush()
        y = run_file(file.name, {
            "content_image": x.permute(0, 2, 3, 1).numpy(),
            "mobilenet_conv/Conv/BiasAdd": vector.reshape(1, 1, 1, 100)})
    write("magenta arbitrary_transform, float", model, x, y.permute(0, 3, 1, 2), style=vector)
    path = f"{folder}/../onnx_microast/microast.onnx"
    for size, other in (((96, 128), (112, 80)), ((76, 100), (131, 163))):
        x, style = torch.rand(1, 3, *size), torch.rand(1, 3, *other)
        y = run_file(path, {"content": x.numpy(), "style": style.numpy()})
        with open(path, "rb") as file:
            write("MicroAST", file.read(), x, y, other=style)


# ---- networks that take the style as a picture ----

def moments(x):
    """As AdaIN's authors write them."""
    flat = x.view(*x.shape[:2], -1)
    return (flat.mean(2).view(*x.shape[:2], 1, 1),
            (flat.var(2) + 1e-5).sqrt().view(*x.shape[:2], 1, 1))


class AdaIN(nn.Module):
    """Huang 2017: one encoder for both pictures."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(conv(3, 8, mode="reflect"), nn.ReLU(), conv(8, 12, s=2), nn.ReLU())
        self.decoder = nn.Sequential(conv(12, 12, mode="reflect"), nn.ReLU(), nn.Upsample(scale_factor=2),
                                     conv(12, 3))

    def forward(self, content, style):
        x, s = self.encoder(content), self.encoder(style)
        (mean, std), (style_mean, style_std) = moments(x), moments(s)
        y = (x - mean.expand(x.size())) / std.expand(x.size())
        return self.decoder(y * style_std.expand(x.size()) + style_mean.expand(x.size()))


class Predicted(nn.Module):
    """Ghiasi 2017 in one file: pooled features of the style give scale and shift."""

    def __init__(self):
        super().__init__()
        self.predict = nn.Sequential(conv(3, 8, s=2), nn.ReLU(), conv(8, 10, s=2), nn.ReLU(),
                                     nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 16))
        self.first, self.last = conv(3, 8, s=2), conv(8, 12)
        self.norm = nn.InstanceNorm2d(8)

    def forward(self, style, content):
        scale, shift = self.predict(style)[:, :, None, None].chunk(2, 1)
        y = F.relu(self.norm(self.first(content)) * (1 + scale) + shift)
        return torch.sigmoid(F.pixel_shuffle(self.last(y), 2))


class Gates(nn.Module):
    """Weights of channels from both pictures."""

    def __init__(self):
        super().__init__()
        self.first, self.last = conv(3, 8, mode="reflect"), conv(8, 3)

    def forward(self, content, style):
        s = self.first(style)
        gate = torch.sigmoid(s.mean((2, 3), keepdim=True) + s.amax((2, 3), keepdim=True))
        return self.last(F.gelu(self.first(content)) * gate / (1 + gate)) + s.std((2, 3), keepdim=True).mean(1, keepdim=True)


class StyleMaps(nn.Module):
    """Needs a map of the style, not vectors."""

    def forward(self, content, style):
        return content + F.interpolate(style, size=content.shape[2:])


def two_pictures():
    for name, module, names, refusal in (
            ("AdaIN", AdaIN(), ("content", "style"), False),
            ("predicted style", Predicted(), ("style_image", "image"), False),
            ("style gates", Gates(), ("a", "b"), False),
            ("style maps", StyleMaps(), ("content", "style"), True)):
        module.eval()
        first = 1 if names[0].startswith("style") else 0
        for k, (size, other) in enumerate((((48, 64), (40, 52)), ((37, 53), (61, 35)))):
            if first and k:
                size = (36, 52)
            if name == "AdaIN" and k:
                size = (38, 54)
            content, style = torch.rand(1, 3, *size), torch.rand(1, 3, *other)
            given = (style, content) if first else (content, style)
            stream = io.BytesIO()
            torch.onnx.export(module, given, stream, opset_version=11 + 2 * k, input_names=list(names),
                              output_names=["painting"],
                              dynamic_axes={names[0]: {2: "h", 3: "w"}, names[1]: {2: "sh", 3: "sw"}})
            with torch.no_grad():
                write(name, stream.getvalue(), content, module(*given), refusal, other=style)


def main():
    opsets = (9, 11, 12, 13, 14, 15, 16, 17)
    for i, (name, make) in enumerate(FAMILIES.items()):
        for opset in (opsets[i % 8], opsets[(i + 3) % 8]):
            run(name, make(), opset, [(64, 48), (72, 104)])
    for i, (name, f) in enumerate(FUNCTIONS.items()):
        run(f"function {name}", net(nn.InstanceNorm2d(8), Act(f)), opsets[(3 * i + 1) % 8], [(24, 40), (37, 21)])
    run("pix2pix", UNet(depth=8, c=4), 13, [(256, 256), (256, 512)])
    run("pix2pix_fixed", UNet(depth=8, c=4), 11, [(256, 256)], False)
    run("fixed johnson", johnson(), 12, [(64, 48), (44, 60)], False)
    run("fixed se", net(Squeeze(8)), 12, [(64, 48), (44, 61)], False)
    run("coordinates", Coordinates(), 12, [(40, 48)], False)
    other_files()
    branches()
    two_pictures()
    published()
    convert()
    out.close()


if __name__ == "__main__":
    main()
