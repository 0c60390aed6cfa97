#!/usr/bin/python3
"""Draws where the time of a frame goes, a stacked bar for each run.

profile.py LABEL=FILE.json ... > profile.svg, with files of what `daub bench --layers` prints.
"""
import json
import sys
from xml.sax.saxutils import escape

PARTS = (("picture in and out", "#4269d0"), ("optical flow", "#efb118"), ("blend", "#ff725c"),
         ("convolutions", "#3ca951"), ("rest of the network", "#9c6b4e"))
OF_FIRST_WORD = {"decode": 0, "encode": 0, "scale": 0, "flow": 1, "temporal": 2}
LEFT_PX, WIDTH_PX, BAR_PX, STEP_PX, TOP_PX = 250, 640, 26, 44, 64
MIN_LABEL_PX = 30  # narrower parts of a bar are drawn without their number


def part_of(step):
    """Index in PARTS of a step; a step of the network is called after its layer and kernel."""
    words = step.split()
    is_convolution = words[-1].startswith(("conv", "winograd"))
    return OF_FIRST_WORD.get(words[0], 3 if is_convolution else 4)


def parts_of(path):
    """Milliseconds of each of PARTS."""
    with open(path, encoding="utf-8") as file:
        steps = json.load(file)["layers"]
    sums = [0.0] * len(PARTS)
    for step in steps:
        sums[part_of(step["name"])] += step["ms"]
    return sums


def text(x, y, words, anchor="start", color="#222"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(words)}</text>'


def legend():
    x = LEFT_PX
    for name, color in PARTS:
        yield f'<rect x="{x}" y="16" width="12" height="12" fill="{color}"/>'
        yield text(x + 17, 26.5, name)
        x += 36 + 7 * len(name)


def bar(label, sums, y, scale):
    middle = y + BAR_PX / 2 + 4.5
    yield text(LEFT_PX - 10, middle, label, "end")
    x = LEFT_PX
    for (_, color), ms in zip(PARTS, sums):
        width = ms * scale
        yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR_PX}" fill="{color}"/>'
        if width >= MIN_LABEL_PX:
            yield text(x + width / 2, middle, f"{ms:.1f}", "middle", "#fff")
        x += width
    yield text(x + 8, middle, f"{sum(sums):.1f} ms")


def main():
    if len(sys.argv) < 2 or not all("=" in argument for argument in sys.argv[1:]):
        sys.exit(__doc__)
    runs = [(label, parts_of(path)) for label, _, path in
            (argument.partition("=") for argument in sys.argv[1:])]
    scale = WIDTH_PX / max(sum(sums) for _, sums in runs)
    height, width = TOP_PX + STEP_PX * len(runs), LEFT_PX + WIDTH_PX + 100
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
          f'font-family="sans-serif" font-size="13">')
    print('<rect width="100%" height="100%" fill="#fff"/>')
    for line in legend():
        print(line)
    for i, (label, sums) in enumerate(runs):
        for line in bar(label, sums, TOP_PX + STEP_PX * i, scale):
            print(line)
    print("</svg>")


if __name__ == "__main__":
    main()
