"""Sheets to look at: each photo of a folder or list in each style of a model."""
import numpy as np
from PIL import Image, ImageDraw

from data import read_picture, to_tensor

MARGIN, LABEL = 6, 16


def to_image(tensor):
    """[3,H,W] 0..1 -> a picture."""
    return Image.fromarray((tensor.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))


def sheet(model, paths, columns, short_side):
    """One row for each photo: the photo, then its painting in each style. columns: (name, style
    weights [1,K], RGB uint8 [H,W,3] of the style or None) of each."""
    rows = []
    for path in paths:
        photo = read_picture(path, short_side, 'leave it out')
        cells = [Image.fromarray(photo)]
        for _, row, _ in columns:
            cells.append(to_image(model.paint(to_tensor([photo]), row)[0]))
        rows.append(cells)
    width = max(cells[0].width for cells in rows)
    pictures = [None if picture is None else fitted(picture, width, short_side)
                for _, _, picture in columns]
    if any(pictures):
        rows.insert(0, [None, *pictures])
    heights = [max(cell.height for cell in cells if cell) + MARGIN for cells in rows]
    width += MARGIN
    image = Image.new('RGB', ((len(columns) + 1) * width + MARGIN, LABEL + sum(heights) + MARGIN),
                      (24, 24, 28))
    draw = ImageDraw.Draw(image)
    for i, name in enumerate(['photo', *(name for name, _, _ in columns)]):
        draw.text((MARGIN + i * width, 3), name, (230, 230, 230))
    top = LABEL + MARGIN // 2
    for cells, height in zip(rows, heights):
        for i, cell in enumerate(cells):
            if cell:
                image.paste(cell, (MARGIN + i * width, top))
        top += height
    return image


def fitted(picture, width, height):
    """RGB uint8 [H,W,3] as a picture of at most that size."""
    image = Image.fromarray(picture)
    image.thumbnail((width, height))
    return image
