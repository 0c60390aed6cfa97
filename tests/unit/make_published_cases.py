#!/usr/bin/env python3
"""Writes cases for test_exports: published networks of DAUB_DATA, each with a painting that torch
makes from the file's weights and the network's description. Exits with 77 where files or torch are
not there.

Usage: make_published_cases.py FILE, as make_export_cases.py, which describes FILE"""
import os
import pathlib
import sys

from make_export_cases import HEIGHT, WIDTH, F, cases, reflect, torch, write_cases

try:
    from onnx import load, numpy_helper
except ImportError as missing:
    print(f"no published cases: {missing}")
    sys.exit(77)


def multistyle(weights, x, style):
    """Dumoulin, Shlens, Kudlur 2017: a scale and shift of each normalization for each style."""

    def layer(x, name, stride=1):
        kernel = weights[name + ".w"]
        y = F.conv2d(reflect(x, kernel.shape[-1] // 2), kernel, stride=stride)
        scale, shift = (style @ weights[f"{name}.norm.{part}"] for part in ("gamma", "beta"))
        return F.instance_norm(y, weight=scale, bias=shift, eps=1e-5)

    for i, stride in enumerate((1, 2, 2)):
        x = layer(x, f"contract.{i}", stride).relu()
    for i in range(6):
        x = x + layer(layer(x, f"res.{i}.0").relu(), f"res.{i}.1")
    for i in range(2):
        x = layer(F.interpolate(x, scale_factor=2), f"expand.{i}").relu()
    return layer(x, "expand.2").sigmoid()


def main():
    path = pathlib.Path(os.environ["DAUB_DATA"], "onnx_magenta", "multistyle26.onnx")
    if not path.exists():
        print(f"no published cases: {path} is not there (set DAUB_DATA)")
        sys.exit(77)
    weights = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
               for tensor in load(path).graph.initializer}
    torch.manual_seed(1)
    x = torch.rand(1, 3, HEIGHT, WIDTH)
    mix = torch.rand(26)
    for name, style in (("first", torch.eye(26)[0]), ("last", torch.eye(26)[25]),
                        ("a mix", mix / mix.sum())):
        y = multistyle(weights, x, style)
        # Image, style, its reshape; in each of 18 layers four nodes for scale and for shift,
        # convolution and normalization; 12 activations and 6 sums.
        cases.append((f"multistyle26, {name} style", 3 + 18 * 10 + 12 + 6, False, path.read_bytes(),
                      style.tolist(), x, y))
    write_cases()


main()
