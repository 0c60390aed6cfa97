"""Times networks in daub beside PyTorch (float32, channels_last, 2 threads) in one run.

compare.py NET_BENCH [ROUNDS]: alternates runs of NET_BENCH (lavapipe or whatever device daub
picks) with PyTorch's and prints the best and the median milliseconds of each and their
ratios. NET_BENCH is the program built from net_bench.c. lite is the shipped model, in
PyTorch the network of models/train that it was exported from; Johnson's net has random
weights.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F


class Conv(nn.Module):
    """Reflection-padded convolution, instance normalization, ReLU; up: nearest x2 first."""

    def __init__(self, i, o, k, stride=1, up=1, norm=True, act=True):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, stride)
        self.pad, self.up, self.act = k // 2, up, act
        self.norm = nn.InstanceNorm2d(o, affine=True) if norm else None

    def forward(self, x):
        if self.up > 1:
            x = F.interpolate(x, scale_factor=self.up, mode="nearest")
        x = self.conv(F.pad(x, (self.pad,) * 4, mode="reflect"))
        if self.norm:
            x = self.norm(x)
        return F.relu(x) if self.act else x


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = Conv(c, c, 3), Conv(c, c, 3, act=False)

    def forward(self, x):
        return x + self.b(self.a(x))


def johnson(c):
    """Johnson 2016 with c, 2c, 4c channels; c = 16 is the half-width network."""
    return nn.Sequential(
        Conv(3, c, 9), Conv(c, 2 * c, 3, 2), Conv(2 * c, 4 * c, 3, 2),
        *[Residual(4 * c) for _ in range(5)],
        Conv(4 * c, 2 * c, 3, up=2), Conv(2 * c, c, 3, up=2),
        Conv(c, 3, 9, norm=False, act=False))


def export(net, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, torch.rand(1, 3, 64, 64), path, opset_version=13,
                          input_names=["image"], output_names=["painting"],
                          dynamic_axes={"image": {2: "h", 3: "w"},
                                        "painting": {2: "h", 3: "w"}})


def time_torch(net, inputs, runs):
    times = []
    with torch.inference_mode():
        net(*inputs)
        for _ in range(runs):
            start = time.perf_counter()
            net(*inputs)
            times.append((time.perf_counter() - start) * 1e3)
    return times


def time_daub(program, path, size):
    text = subprocess.run([program, path, size], check=True, capture_output=True,
                          text=True).stdout
    line = text.splitlines()[-1]
    return [float(re.search(pattern, line).group(1)) for pattern in
            (r": ([\d.]+) ms", r"median ([\d.]+)", r"processor time ([\d.]+)")]


def compare(name, program, path, net, inputs, rounds):
    net = net.eval().to(memory_format=torch.channels_last)
    inputs = [x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x
              for x in inputs]
    best, median, busy, peer = [], [], [], []
    for _ in range(rounds):
        for times, value in zip((best, median, busy), time_daub(program, path, "360x640")):
            times.append(value)
        peer += time_torch(net, inputs, 15)
    a, b = min(best), statistics.median(median)
    c, d = min(peer), statistics.median(peer)
    print(f"{name:20s} {a:8.1f} {b:8.1f} {min(busy):10.1f} {c:8.1f} {d:8.1f}"
          f" {c / a:8.2f} {d / b:8.2f}", flush=True)


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models")
    sys.path.insert(0, os.path.join(root, "train"))
    from net import Painter
    torch.manual_seed(0)
    torch.set_num_threads(2)
    image = torch.rand(1, 3, 360, 640)
    print("ms at 640x360        daub best   median (processor) PyTorch best median"
          "  ratio of bests, of medians")
    lite = os.path.join(root, "lite.onnx")
    compare("lite", program, lite, Painter("lite", 1), [image, torch.ones(1, 1)], rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "johnson.onnx")
        net = johnson(16).eval()
        export(net, path)
        compare("half-width Johnson", program, path, net, [image], rounds)


if __name__ == "__main__":
    main()
