"""Four style pictures of our own, drawn from nothing but a seed: no painter to credit,
no licence to ask for. Each is a small picture with lights, darks and colours, because a
style is learned from its tones as much as from its marks."""
import os

import numpy as np
from PIL import Image, ImageDraw

from problem import Problem

SIDE = 768
SEED = 7


def noise(random, cell, octaves=4):
    """Smooth noise [SIDE,SIDE], mean 0 and deviation 1; the coarsest cells have cell px."""
    total = np.zeros((SIDE, SIDE))
    for octave in range(octaves):
        count = max(2, round(SIDE * 2 ** octave / cell)) + 1
        grid = Image.fromarray(random.standard_normal((count, count)).astype(np.float32))
        total += np.asarray(grid.resize((SIDE, SIDE), Image.BICUBIC)) / 2 ** octave
    return (total - total.mean()) / total.std()


def ramp(values, stops, colours):
    """Colours (0..255) interpolated at the values: [...,3]."""
    colours = np.array(colours, float)
    return np.stack([np.interp(values, stops, colours[:, i]) for i in range(3)], -1)


def smoothstep(values, low, high):
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def pixels():
    """Coordinates y, x of every pixel, 0..1."""
    return np.mgrid[0:SIDE, 0:SIDE] / SIDE


def ridges(random, count, top, bottom):
    """Outlines of hills, far to near: [count,SIDE] heights y of each column."""
    x = np.arange(SIDE) / SIDE
    lines = []
    for i in range(count):
        base = top + (bottom - top) * i / max(1, count - 1)
        waves = sum(np.sin(2 * np.pi * (x * 1.3 * 1.9 ** k + random.random())) / 1.9 ** k
                    for k in range(5))
        lines.append(base + 0.05 * waves)
    return np.stack(lines)


def landscape(random):
    """A sun over hills, as (hill [SIDE,SIDE]: -1 in the sky, else 0.. from far to near;
    depth under its outline; distance from the sun)."""
    y, x = pixels()
    hill, depth = np.full((SIDE, SIDE), -1), np.zeros((SIDE, SIDE))
    for i, line in enumerate(ridges(random, 5, 0.42, 0.86)):
        below = y > line[None]
        hill[below] = i
        depth[below] = (y - line[None])[below]
    return hill, depth, np.hypot(x - 0.66, y - 0.24)


def ink_hatching(random):
    """Pen strokes laid along a flow, crossed where it is dark; sepia and blue-black ink."""
    scale = 2
    y, _ = pixels()
    hill, depth, sun = landscape(random)
    clouds = noise(random, 260)
    slope = 0.75 * smoothstep(depth, 0.13, 0.01) * (0.45 + 0.10 * hill)
    dark = np.where(hill < 0, 0.26 + 0.16 * clouds - 0.25 * np.exp(-(sun / 0.2) ** 2),
                    0.08 + 0.06 * hill + slope + 0.15 * noise(random, 130))
    dark[sun < 0.075] = 0
    dark = np.clip(dark, 0, 1)
    # Around the sun in the sky, down the slopes on the hills.
    gy, gx = np.gradient(sun + 0.05 * clouds)
    sky = np.arctan2(gx, -gy)
    swell = noise(random, 200, 2)
    angle = np.where(hill < 0, sky, 0.9 + 0.55 * swell + np.where(hill % 2 == 1, -1.5, 0))
    paper = np.array([242, 232, 210]) + noise(random, 6, 2)[..., None] * 2.5 \
        + noise(random, 300, 3)[..., None] * np.array([3, 4, 6])
    image = Image.fromarray(np.clip(paper, 0, 255).astype(np.uint8))
    image = image.resize((SIDE * scale, SIDE * scale), Image.BICUBIC)
    draw = ImageDraw.Draw(image)
    # (turn, from which darkness on, ink, strokes, width)
    layers = ((0.0, 0.10, (112, 74, 46), 9000, 1.3), (0.25, 0.34, (58, 48, 54), 7000, 1.5),
              (1.25, 0.50, (30, 36, 66), 7000, 1.6), (-0.7, 0.66, (18, 20, 40), 8000, 1.9))
    for turn, threshold, ink, count, width in layers:
        for py, px in random.random((count, 2)) * SIDE:
            if dark[int(py), int(px)] < threshold + 0.1 * random.standard_normal():
                continue
            stroke(draw, random, (px, py), angle, turn, dark, threshold, ink, width, scale)
    outline = [[(i * scale, line[i] * SIDE * scale) for i in range(0, SIDE, 3)]
               for line in ridges(np.random.default_rng(SEED), 5, 0.42, 0.86)]
    for points in outline:
        draw.line(points, (20, 20, 32), 4)
    return image.resize((SIDE, SIDE), Image.LANCZOS)


def stroke(draw, random, start, angle, turn, dark, threshold, ink, width, scale):
    """One pen stroke: follows the flow, swells in its middle, ends where light begins."""
    x, y = start
    steps = random.integers(8, 22)
    turn = turn + 0.06 * random.standard_normal()
    ink = tuple(int(c + random.integers(-8, 18)) for c in ink)
    for i in range(steps):
        row, column = int(y), int(x)
        if not (0 <= row < SIDE and 0 <= column < SIDE) or dark[row, column] < threshold - 0.12:
            return
        a = angle[row, column] + turn
        nx, ny = x + 3 * np.cos(a), y + 3 * np.sin(a)
        swell = width * (0.55 + np.sin(np.pi * (i + 0.5) / steps)) * scale * 0.62
        draw.line((x * scale, y * scale, nx * scale, ny * scale), ink, max(1, round(swell)))
        x, y = nx, ny


def voronoi(random, points, warp):
    """(index of the nearest point, distance to the border between the two nearest in px)."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    x, y = x + warp * noise(random, 220, 2), y + warp * noise(random, 220, 2)
    nearest = np.full((2, SIDE, SIDE), np.inf)
    index = np.zeros((2, SIDE, SIDE), int)
    for i, (px, py) in enumerate(points):
        distance = (x - px) ** 2 + (y - py) ** 2
        first = distance < nearest[0]
        second = ~first & (distance < nearest[1])
        nearest[1] = np.where(first, nearest[0], np.where(second, distance, nearest[1]))
        index[1] = np.where(first, index[0], np.where(second, i, index[1]))
        nearest[0], index[0] = np.where(first, distance, nearest[0]), np.where(first, i, index[0])
    points = np.asarray(points)
    gap = np.hypot(*(points[index[0]] - points[index[1]]).transpose(2, 0, 1)).clip(1)
    return index[0], (nearest[1] - nearest[0]) / (2 * gap)


def stained_glass(random):
    """A rose window: rings of panes around a sun, lead between them, light behind."""
    points, rings = [(SIDE * 0.5, SIDE * 0.46)], [0]
    for ring, (radius, count) in enumerate(((62, 8), (125, 14), (195, 18), (270, 26), (345, 30),
                                            (425, 36), (510, 40))):
        shift = random.random() * 6.28
        for i in range(count):
            a = 2 * np.pi * i / count + shift + 0.06 * random.standard_normal()
            r = radius + 7 * random.standard_normal()
            points.append((points[0][0] + r * np.cos(a), points[0][1] + r * np.sin(a)))
            rings.append(ring + 1)
    pane, edge = voronoi(random, points, 9)
    jewels = [[(255, 236, 150)], [(250, 196, 40), (255, 150, 30)],
              [(226, 54, 34), (240, 110, 24)], [(150, 16, 52), (196, 30, 40), (90, 20, 110)],
              [(20, 60, 190), (30, 110, 210), (14, 36, 130)],
              [(10, 130, 120), (40, 160, 80), (20, 80, 170)],
              [(24, 40, 120), (100, 36, 140), (16, 96, 140)],
              [(12, 26, 84), (40, 22, 90), (10, 60, 80)]]
    colours = np.array([jewels[r][random.integers(len(jewels[r]))] for r in rings], float)
    colours *= random.uniform(0.72, 1.2, (len(points), 1))
    colours[random.random(len(points)) < 0.08] = (236, 232, 214)
    y, x = pixels()
    angles = random.random(len(points)) * np.pi
    u = x * np.cos(angles[pane]) + y * np.sin(angles[pane])
    # Each pane is a sheet of its own, with streaks along one direction and seeds in it.
    streaks = np.sin(2 * np.pi * 16 * u + 2.2 * noise(random, 150, 3)) * 0.10
    light = 0.86 + streaks + 0.12 * noise(random, 90, 5) + 0.05 * noise(random, 7, 2)
    light *= 0.62 + 0.5 * smoothstep(edge, 0, 22)
    light *= 1.22 - 0.75 * np.hypot(x - 0.42, y - 0.36) ** 1.4
    glass = colours[pane] * light[..., None]
    glass += 70 * smoothstep(light, 1.0, 1.5)[..., None]
    lead = 4.2 + 1.0 * noise(random, 60, 2)
    gleam = np.clip(noise(random, 24, 3), 0, 2)
    metal = np.array([26, 25, 30]) + 16 * gleam[..., None] + \
        44 * np.exp(-((edge - 1.2) / 1.0) ** 2)[..., None] * (gleam[..., None] > 0.5)
    cover = smoothstep(edge, lead + 0.8, lead - 0.8)[..., None]
    return picture(glass * (1 - cover) + metal * cover)


def mosaic_scene(random):
    """What the mosaic shows: a sunset over hills and water, in few strong colours."""
    hill, depth, sun = landscape(random)
    y, _ = pixels()
    sky = ramp(y + 0.05 * noise(random, 200) + 0.25 * sun, (0.05, 0.3, 0.5, 0.75),
               ((252, 196, 92), (238, 110, 82), (150, 62, 120), (56, 46, 120)))
    sky[sun < 0.10] = (255, 240, 178)
    hills = np.array([(120, 96, 160), (60, 98, 150), (24, 112, 128), (44, 132, 84),
                      (22, 64, 62)], float)
    land = hills[hill.clip(0)] * (1.35 - 1.6 * np.clip(depth, 0, 0.35)[..., None])
    land += 26 * noise(random, 70, 3)[..., None] * np.array([1.0, 0.9, 0.5])
    flowers = (noise(random, 40, 2) > 1.5) & (hill >= 3)
    land[flowers] = (240, 92, 84)
    return np.where(hill[..., None] < 0, sky, land)


def pixel_mosaic(random):
    """Square tiles, small where the picture has edges; each a tone of a small palette."""
    scene = mosaic_scene(random)
    palette = np.array([(20, 24, 48), (34, 58, 92), (30, 104, 128), (58, 160, 150),
                        (46, 112, 66), (126, 172, 84), (232, 214, 140), (255, 242, 190),
                        (250, 186, 70), (240, 122, 56), (214, 66, 66), (140, 44, 90),
                        (86, 52, 124), (136, 110, 176), (214, 150, 150), (92, 66, 54)], float)
    out = np.zeros((SIDE, SIDE, 3))
    grout = np.array([30, 28, 34])

    def tile(top, left, size):
        block = scene[top:top + size, left:left + size]
        if size > 8 and block.std((0, 1)).max() > (12 if size == 32 else 24):
            for dy in (0, size // 2):
                for dx in (0, size // 2):
                    tile(top + dy, left + dx, size // 2)
            return
        # Colours between two of the palette are dithered from tile to tile.
        wanted = block.mean((0, 1)) + random.normal(0, 13, 3)
        colour = palette[((palette - wanted) ** 2).sum(1).argmin()] * random.uniform(0.9, 1.1)
        out[top:top + size, left:left + size] = grout
        face = np.ones((size - 2, size - 2))
        face[:2], face[:, :2] = 1.24, 1.15
        face[-2:], face[:, -2:] = 0.74, 0.82
        tilt = random.normal(0, 0.06, 2)
        slope = np.linspace(-1, 1, size - 2)
        face += slope[:, None] * tilt[0] + slope * tilt[1]
        face += random.normal(0, 0.025, face.shape)
        out[top + 1:top + size - 1, left + 1:left + size - 1] = colour * face[..., None]

    for top in range(0, SIDE, 32):
        for left in range(0, SIDE, 32):
            tile(top, left, 32)
    return picture(out)


def watercolour_wash(random):
    """Thin glazes over paper grain: darker rims, granulation, blooms, bleeding edges."""
    y, x = pixels()
    grain = noise(random, 5, 2)
    light = np.ones((SIDE, SIDE, 3)) * np.array([0.985, 0.97, 0.94])
    pigments = {'ultramarine': (0.28, 0.36, 0.78), 'turquoise': (0.22, 0.66, 0.70),
                'rose': (0.86, 0.34, 0.50), 'ochre': (0.92, 0.70, 0.30),
                'sienna': (0.74, 0.40, 0.22), 'violet': (0.46, 0.32, 0.64),
                'sap': (0.48, 0.60, 0.26), 'indigo': (0.16, 0.22, 0.38)}

    def glaze(field, pigment, strength, wet):
        """Lays paint where field > 0. wet: softness of the edge, in units of the field."""
        nonlocal light
        body = smoothstep(field, -wet, wet)
        rim = np.exp(-((field - 1.3 * wet) / (0.9 * wet + 0.012)) ** 2)
        rim *= 0.55 if wet < 0.1 else 0.1
        flow = 0.78 + 0.26 * noise(random, 190, 5)
        granules = 1 + 0.11 * grain * (1.3 if pigment in ('ultramarine', 'sienna') else 0.6)
        amount = strength * np.clip(body * flow * granules + rim * body, 0, None)
        light = light * np.array(pigments[pigment]) ** amount[..., None]

    # Large wet washes: sky, light on the horizon. Paper stays white between them.
    glaze(0.30 - y + 0.10 * noise(random, 230, 5), 'turquoise', 0.5, 0.12)
    glaze(0.13 - y + 0.10 * noise(random, 200, 5), 'ultramarine', 0.7, 0.07)
    glaze(0.09 - abs(y - 0.44) + 0.06 * noise(random, 220), 'ochre', 0.6, 0.10)
    glaze(0.05 - abs(y - 0.36) + 0.07 * noise(random, 200), 'rose', 0.5, 0.06)
    for line, pigment, strength in zip(ridges(random, 4, 0.48, 0.86),
                                       ('violet', 'ultramarine', 'turquoise', 'indigo'),
                                       (0.45, 0.55, 0.6, 0.85)):
        # Pigment gathers at the outline and fades out below it into wet paper.
        under = y - line[None]
        glaze(under * 3 + 0.03 * noise(random, 60, 5), pigment,
              strength * np.exp(-np.clip(under, 0, 1) / 0.10), 0.03)
    # Foliage, petals and drops: small dry-edged touches, near ones larger.
    touches = ('rose', 'sap', 'ochre', 'sienna', 'sap', 'violet', 'turquoise', 'rose')
    for _ in range(110):
        cx, cy = random.random(), 1.02 - 0.75 * random.random() ** 2
        radius = random.uniform(0.012, 0.055) * (0.4 + cy)
        shape = radius - np.hypot(x - cx, (y - cy) * random.uniform(0.7, 1.6))
        field = shape / radius + 0.30 * noise(random, 90 * (0.4 + cy), 4)
        glaze(field, touches[random.integers(len(touches))], random.uniform(0.25, 0.8),
              random.choice([0.04, 0.06, 0.3]))
    # Dark accents, few and small.
    for _ in range(14):
        cx, cy = random.random(), random.uniform(0.55, 1)
        field = 1 - np.hypot(x - cx, (y - cy) * 1.6) / 0.03 + 0.4 * noise(random, 60, 4)
        glaze(field, random.choice(['indigo', 'sienna']), 1.0, 0.05)
    # Blooms: a drop of water pushes the pigment outward into a lace rim.
    for _ in range(14):
        cx, cy, radius = random.random(), random.random(), random.uniform(0.03, 0.09)
        ring = (np.hypot(x - cx, y - cy) / radius - 1) + 0.22 * noise(random, 50, 5)
        lifted = smoothstep(-ring, -0.05, 0.25)[..., None] * 0.5
        light = light ** (1 - lifted) * (1 - 0.14 * np.exp(-(ring / 0.06) ** 2))[..., None]
    relief = np.gradient(grain)[0] + np.gradient(grain)[1]
    return picture(255 * light * (1 + 0.02 * relief[..., None]))


def picture(values):
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


PATTERNS = {'ink_hatching': ink_hatching, 'stained_glass': stained_glass,
            'pixel_mosaic': pixel_mosaic, 'watercolour_wash': watercolour_wash}


def draw(name, seed=SEED):
    """The picture of that name: the same on every call."""
    return PATTERNS[name](np.random.default_rng(seed))


def write(folder):
    """All of them as PNG files; returns their paths."""
    paths = [os.path.join(folder, f'{name}.png') for name in PATTERNS]
    try:
        os.makedirs(folder, exist_ok=True)
        for name, path in zip(PATTERNS, paths):
            draw(name).save(path)
    except OSError as error:
        raise Problem(f'cannot write patterns to {folder} ({error}); choose another '
                      'folder') from None
    return paths
