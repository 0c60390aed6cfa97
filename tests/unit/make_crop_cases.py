#!/usr/bin/env python3
"""Writes cases for test_crops: pictures with known margins, and the crops that OpenCV and
Pillow make of the part inside. Exits with 77 where these are not installed.

Usage: make_crop_cases.py FILE

FILE, little-endian: "DAUBCROP", count, then for each case a name (64 bytes), width, height,
bytes of a pixel (3 or 4), pixels, number of crops, how many pixels at their edges are not
compared, and the crops [count][3][256][256] as floats."""
import struct
import sys

try:
    import cv2
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"no reference cases: {missing}")
    sys.exit(77)

SIDE = 256
rng = np.random.default_rng(1)
cases = []


def texture(width, height):
    """No row or column of one colour."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([128 + 90 * np.sin(x / 7 + y / 11), (x * 5 + y * 3) % 256,
                      255 * y / height], -1)
    return (image + rng.normal(0, 20, image.shape)).clip(0, 255).astype(np.uint8)


def scaled(inside, width, height):
    floats = inside.astype(np.float32)
    if width <= floats.shape[1]:
        return cv2.resize(floats, (width, height), interpolation=cv2.INTER_AREA)
    return np.stack([np.asarray(Image.fromarray(floats[:, :, c], "F").resize(
        (width, height), Image.Resampling.BICUBIC)) for c in range(3)], -1)


def add(name, picture, inside, skipped=0):
    """inside: what the crops are made of, after margins, alpha and the limit of 2:1."""
    height, width = inside.shape[:2]
    short = min(width, height)
    long = round(SIDE * max(width, height) / short)
    wide = width >= height
    image = scaled(inside, long if wide else SIDE, SIDE if wide else long) / 255
    starts = [(long - SIDE) // 2]
    if max(width, height) >= 1.1 * short:
        starts = [0, (long - SIDE) // 2, long - SIDE]
    crops = [image[:, at:at + SIDE] if wide else image[at:at + SIDE] for at in starts]
    cases.append((name, picture, skipped, [crop.transpose(2, 0, 1).clip(0, 1) for crop in crops]))


def framed(inside, color, top, bottom, left, right):
    height, width = inside.shape[:2]
    picture = np.empty((height + top + bottom, width + left + right, 3), np.uint8)
    picture[:] = color
    picture += rng.integers(0, 7, picture.shape).astype(np.uint8)
    picture[top:top + height, left:left + width] = inside
    return picture


def make():
    for width, height in (256, 256), (511, 509), (700, 500), (300, 590), (640, 400), (500, 256):
        picture = texture(width, height)
        add(f"{width}x{height}", picture, picture)
    picture = texture(1500, 300)
    add("longer than 2:1", picture, picture[:, 450:1050])
    picture = texture(301, 1000)
    add("higher than 2:1", picture, picture[199:801])
    inside = texture(420, 300)
    add("white margins", framed(inside, 240, 30, 11, 7, 52), inside)
    add("black bars", framed(inside, 2, 60, 61, 0, 0), inside)
    dust = framed(inside, 200, 40, 40, 300, 0)
    dust[5, 100] = 0
    add("dust on a margin", dust, inside)
    pixels = texture(400, 300)
    alpha = (40 + np.arange(400) % 216).astype(np.uint8)[None, :, None].repeat(300, 0)
    over = np.round(255 + (pixels.astype(np.float64) - 255) * (alpha / 255.0)).astype(np.uint8)
    add("alpha", np.concatenate([pixels, alpha], -1), over)
    for width, height in (64, 64), (130, 90):
        picture = texture(width, height)
        picture = cv2.GaussianBlur(picture, (0, 0), 2)
        add(f"enlarged {width}x{height}", picture, picture, skipped=12)


def main():
    make()
    with open(sys.argv[1], "wb") as out:
        out.write(b"DAUBCROP" + struct.pack("<i", len(cases)))
        for name, picture, skipped, crops in cases:
            height, width, bytes_each = picture.shape
            out.write(name.encode().ljust(64, b"\0"))
            out.write(struct.pack("<3i", width, height, bytes_each) + picture.tobytes())
            out.write(struct.pack("<2i", len(crops), skipped))
            for crop in crops:
                out.write(np.ascontiguousarray(crop, "<f4").tobytes())


main()
