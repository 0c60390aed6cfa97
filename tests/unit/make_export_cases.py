#!/usr/bin/env python3
"""Writes cases for test_exports: networks that torch exports to ONNX in the idioms which the
passes recognise, with their input and output. Exits with 77 where torch is not installed.

Usage: make_export_cases.py FILE

FILE, little-endian: "DAUBEXP1", count, then for each case a name (64 bytes), the number of
nodes that the passes may leave, height, width, length of the style, channels last (0 or
1), the model (size, bytes), style, picture and painting (floats; [1,3,H,W] or, with
channels last, [1,H,W,3])."""
import inspect
import io
import struct
import sys
import warnings

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as missing:
    print(f"no exported cases: {missing}")
    sys.exit(77)

HEIGHT, WIDTH = 48, 40
cases = []
# The default exporter of PyTorch 2.9 and later writes opset 18 and later only.
WITH_OPSET = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}


def reflect(x, side):
    return F.pad(x, (side, side, side, side), mode="reflect")


class Web(nn.Module):
    """Normalization and nearest x2 out of elementary operators, as exported for runtimes that lack
    them; tiny numbers are added so that no value is read twice."""

    def __init__(self, tiny):
        super().__init__()
        self.c, self.tiny = 8, tiny
        self.first, self.down = nn.Conv2d(3, 8, 9), nn.Conv2d(8, 8, 3, 2)
        self.up, self.last = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 3, 9)
        self.scale = nn.ParameterList([nn.Parameter(torch.rand(8) + 0.5) for _ in range(3)])
        self.shift = nn.ParameterList([nn.Parameter(torch.rand(8)) for _ in range(3)])

    def other(self, x):
        return x + 1e-9 if self.tiny else x

    def norm(self, x, i):
        view = (1, self.c, 1, -1)
        diff = x - x.view(view).mean(3, keepdim=True)
        var = (diff * self.other(diff)).view(view).mean(3, keepdim=True)
        y = diff / (var + 1e-5).sqrt()
        return y * self.scale[i].view(-1, self.c, 1, 1) + self.shift[i].view(-1, self.c, 1, 1)

    def double(self, x, height, width):
        x = x.view(-1, 1)
        x = torch.cat([x, self.other(x)], 1).view(-1, width * 2)
        return torch.cat([x, self.other(x)], 1).view(-1, self.c, height * 2, width * 2)

    def forward(self, x):
        y = F.relu(self.norm(self.first(reflect(x, 4)), 0))
        y = F.relu(self.norm(self.down(reflect(y, 1)), 1))
        y = self.double(y, HEIGHT // 2, WIDTH // 2)
        y = F.relu(self.norm(self.up(reflect(y, 1)), 2))
        return self.last(reflect(y, 4))


class Groups(nn.Module):
    """Group, layer, instance and batch normalization, pixel shuffle."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 1, 1, bias=False)
        self.c = nn.Conv2d(16, 12, 3, 1, 1)
        self.group, self.layer = nn.GroupNorm(4, 16), nn.GroupNorm(1, 16)
        self.instance, self.batch = nn.InstanceNorm2d(16, affine=True), nn.BatchNorm2d(16)
        for norm in (self.group, self.layer, self.instance, self.batch):
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.uniform_(norm.bias)
        self.batch.running_mean.uniform_()
        self.batch.running_var.uniform_(0.5, 2)

    def forward(self, x):
        y = F.hardswish(self.group(self.a(x)))
        y = F.elu(self.layer(self.b(y))) + y
        y = F.leaky_relu(self.batch(self.instance(y)), 0.1)
        return torch.sigmoid(F.pixel_shuffle(self.c(y), 2))


class Unshuffle(nn.Module):
    """Pixel unshuffle, gating by a mean, pools, borders of edges."""

    def __init__(self, bilinear):
        super().__init__()
        self.mode = "bilinear" if bilinear else "nearest"
        self.a = nn.Conv2d(12, 8, 3, padding=1, padding_mode="replicate")
        self.c = nn.Conv2d(8, 12, 3, padding=1, padding_mode="reflect")

    def forward(self, x):
        y = F.relu(self.a(F.pixel_unshuffle(x, 2)))
        y = y * torch.sigmoid(y.mean((2, 3), keepdim=True))
        y = F.avg_pool2d(F.interpolate(y, scale_factor=2, mode=self.mode), 2)
        return (F.pixel_shuffle(torch.tanh(self.c(y)), 2) + 1) * 127.5


class Moments(nn.Module):
    """Layer and instance normalization by means and (unbiased) variances."""

    def __init__(self):
        super().__init__()
        self.a, self.c = nn.Conv2d(3, 8, 3, padding=1), nn.ConvTranspose2d(8, 3, 3, 1, 1)
        self.scale, self.shift = nn.Parameter(torch.rand(8)), nn.Parameter(torch.rand(8))

    def forward(self, x):
        y = self.a((x / 255 - 0.5) / 0.5)
        mean = y.mean((1, 2, 3), keepdim=True)
        var = y.var((1, 2, 3), unbiased=False, keepdim=True)
        y = (y - mean) / torch.sqrt(var + 1e-5) * self.scale.view(1, -1, 1, 1)
        y = y + self.shift.view(1, -1, 1, 1)
        var, mean = torch.var_mean(y, (2, 3), keepdim=True)
        y = (y - mean) * torch.rsqrt(var + 1e-5)
        return self.c(F.relu(y) * 1.0 + 0.0) * 2 + 1


class Styled(nn.Module):
    """Scale and shift of a normalization by products with the style weights."""

    def __init__(self):
        super().__init__()
        self.a, self.c = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
        self.norm = nn.InstanceNorm2d(8)
        self.scale, self.shift = (nn.Parameter(torch.rand(4, 8)) for _ in range(2))

    def forward(self, x, style):
        scale, shift = style @ self.scale, style @ self.shift
        y = self.norm(self.a(x)) * scale.view(1, 8, 1, 1)
        return self.c(F.relu(y + shift.unsqueeze(-1).unsqueeze(-1)))


class Summed(nn.Module):
    """The same with style weights [K] and sums instead of products (Dumoulin's network)."""

    def __init__(self):
        super().__init__()
        self.a, self.c = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
        self.scale, self.shift = (nn.Parameter(torch.rand(4, 8)) for _ in range(2))

    def forward(self, x, style):
        weights = style.unsqueeze(1)
        scale, shift = (weights * self.scale).sum(0), (weights * self.shift).sum(0)
        y = self.a(x)
        y = y - y.mean((2, 3), keepdim=True)
        y = y * (1 / ((y ** 2).mean((2, 3), keepdim=True) + 1e-5).sqrt())
        return self.c(F.relu(y * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)))


class ChannelsLast(nn.Module):
    """Preprocessing and the end on [1,H,W,3]."""

    def __init__(self):
        super().__init__()
        self.a, self.c = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 3, 3, padding=1)
        self.norm = nn.InstanceNorm2d(8, affine=True)

    def forward(self, x):
        x = (x - torch.tensor([103.0, 116.0, 123.0])) / 58
        y = F.relu(self.norm(self.a(x.permute(0, 3, 1, 2))))
        y = self.c(F.interpolate(y, scale_factor=2)).permute(0, 2, 3, 1)
        return torch.tanh(y) * 150 + 127.5


def add(name, nodes, module, x, opset, dynamic=False, style=None):
    module.eval()
    args = (x,) if style is None else (x, style)
    with torch.no_grad():
        y = module(*args)
    file = io.BytesIO()
    axes = {"input": {2: "h", 3: "w"}} if dynamic else None
    torch.onnx.export(module, args, file, opset_version=opset, dynamic_axes=axes,
                      input_names=["input", "style"][:len(args)], output_names=["output"],
                      **WITH_OPSET)
    name += f" opset {opset}" + (" dynamic" if dynamic else "")
    last = x.shape[1] != 3
    style = [] if style is None else style.flatten().tolist()
    cases.append((name, nodes, last, file.getvalue(), style, x, y))


def write_cases():
    with open(sys.argv[1], "wb") as file:
        file.write(b"DAUBEXP1" + struct.pack("<i", len(cases)))
        for name, nodes, last, model, style, x, y in cases:
            file.write(name.encode()[:63].ljust(64, b"\0"))
            file.write(struct.pack("<6i", nodes, HEIGHT, WIDTH, len(style), last, len(model)))
            file.write(model + struct.pack(f"<{len(style)}f", *style))
            file.write(x.numpy().astype("<f4").tobytes() + y.numpy().astype("<f4").tobytes())
    print(f"{len(cases)} cases")


def main():
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    x = torch.rand(1, 3, HEIGHT, WIDTH) * 255
    for opset in (9, 11, 13, 16):
        for tiny in (False, True):
            add(f"web {tiny}", 11, Web(tiny), x, opset)
        for dynamic in (False, True):
            add("groups", 14, Groups(), x / 255, opset, dynamic)
            # at opset 9 torch itself warns that the file resizes in another way
            add("unshuffle", 12, Unshuffle(opset > 9), x / 255, opset, dynamic)
            add("moments", 8, Moments(), x, opset, dynamic)
        add("styled", 10, Styled(), x / 255, opset, style=torch.rand(1, 4))
        add("summed", 15, Summed(), x / 255, opset, style=torch.rand(4))
        add("channels last", 8, ChannelsLast(), x.permute(0, 2, 3, 1).contiguous(), opset)
    write_cases()


if __name__ == "__main__":
    main()
