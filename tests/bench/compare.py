"""Times networks in daub beside PyTorch (float32, channels_last, 2 threads) in one run.

compare.py NET_BENCH [ROUNDS]: exports each net with random weights, then alternates a run of
NET_BENCH (lavapipe or whatever device daub picks) with PyTorch runs and prints the best
milliseconds of each and their ratio. NET_BENCH is the program built from net_bench.c.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Conv(nn.Module):
    """Reflection-padded convolution, instance norm, ReLU; nearest x2 before it if asked."""

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
    """Johnson 2016 with c, 2c, 4c channels; c = 16 is the half-width net."""
    return nn.Sequential(
        Conv(3, c, 9), Conv(c, 2 * c, 3, 2), Conv(2 * c, 4 * c, 3, 2),
        *[Residual(4 * c) for _ in range(5)],
        Conv(4 * c, 2 * c, 3, up=2), Conv(2 * c, c, 3, up=2),
        Conv(c, 3, 9, norm=False, act=False))


def family(a, b, residuals):
    """daub's own family (models/train): space-to-depth at both ends."""
    return nn.Sequential(
        nn.PixelUnshuffle(2), Conv(12, a, 3), Conv(a, b, 3, 2),
        *[Residual(b) for _ in range(residuals)],
        Conv(b, a, 3, up=2), Conv(a, 12, 3, norm=False, act=False),
        nn.PixelShuffle(2), nn.Sigmoid())


NETS = {
    "lite": lambda: family(16, 32, 4),
    "half-width Johnson": lambda: johnson(16),
}


def time_torch(net, image, runs):
    best = float("inf")
    with torch.inference_mode():
        for _ in range(runs + 1):
            start = time.perf_counter()
            net(image)
            best = min(best, time.perf_counter() - start)
    return best * 1e3


def time_daub(program, path, size, check):
    command = [program, path, size] + (["check"] if check else [])
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = [l for l in text.splitlines() if "GFLOP/s" in l][-1]
    psnr = re.search(r"reference ([\d.a-z]+) dB", text)
    return (float(re.search(r": ([\d.]+) ms", line).group(1)),
            float(re.search(r"processor time ([\d.]+)", line).group(1)),
            psnr.group(1) if psnr else None)


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    torch.manual_seed(0)
    torch.set_num_threads(2)
    print("net at 640x360       daub ms  (processor)  PyTorch ms  ratio")
    for name, make in NETS.items():
        net = make().eval()
        image = torch.rand(1, 3, 360, 640)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.onnx")
            torch.onnx.export(net, image[:, :, :64, :64], path, opset_version=13,
                              input_names=["image"], output_names=["painting"],
                              dynamic_axes={"image": {2: "h", 3: "w"},
                                            "painting": {2: "h", 3: "w"}})
            net = net.to(memory_format=torch.channels_last)
            image = image.contiguous(memory_format=torch.channels_last)
            daub, processor, peer = [], [], []
            for i in range(rounds):
                wall, busy, _ = time_daub(program, path, "360x640", False)
                daub.append(wall)
                processor.append(busy)
                peer.append(time_torch(net, image, 5))
            print(f"{name:20s} {min(daub):7.1f}  {min(processor):8.1f}     {min(peer):7.1f}"
                  f"     {min(peer) / min(daub):5.2f}", flush=True)


if __name__ == "__main__":
    main()
