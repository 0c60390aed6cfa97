"""Sheets to look at: each photo of a folder or list in each style of a model."""
import numpy as np
from PIL import Image, ImageDraw

from data import read_picture, to_tensor

MARGIN, LABEL = 6, 16


def to_image(tensor):
    """[3,H,W] 0..1 -> a picture."""
    return Image.fromarray((tensor.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))


def sheet(model, paths, names, short_side):
    """One row for each photo: the photo, then its painting in each style."""
    rows = []
    for path in paths:
        photo = read_picture(path, short_side, 'leave it out')
        cells = [Image.fromarray(photo)]
        for name in names:
            painting = model.paint(to_tensor([photo]), model.row(name))[0]
            cells.append(to_image(painting))
        rows.append(cells)
    width = max(cells[0].width for cells in rows) + MARGIN
    heights = [cells[0].height + MARGIN for cells in rows]
    image = Image.new('RGB', ((len(names) + 1) * width + MARGIN, LABEL + sum(heights) + MARGIN),
                      (24, 24, 28))
    draw = ImageDraw.Draw(image)
    for i, name in enumerate(['photo', *names]):
        draw.text((MARGIN + i * width, 3), name, (230, 230, 230))
    top = LABEL + MARGIN // 2
    for cells, height in zip(rows, heights):
        for i, cell in enumerate(cells):
            image.paste(cell, (MARGIN + i * width, top))
        top += height
    return image
