"""Pictures: reading, random crops, and the small motions of the steadiness loss."""
import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from problem import Problem

SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp')
MAX_ASPECT = 20  # longer ones would take gigabytes when scaled
HOLD_OUT = 20  # every 20th photo is kept for scoring and never trained on


def read_picture(path, short_side, cure, resample=Image.LANCZOS):
    """RGB uint8 [H,W,3], scaled so that its short side has short_side pixels."""
    try:
        with Image.open(path) as image:
            # Lets the JPEG decoder skip detail that the scaling would discard.
            image.draft('RGB', (2 * short_side, 2 * short_side))
            image = image.convert('RGB')
    except FileNotFoundError:
        raise Problem(f'no picture at {path}; {cure}') from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Problem(f'cannot read the picture {path} ({error}); {cure}') from None
    if max(image.size) > MAX_ASPECT * min(image.size):
        raise Problem(f'the picture {path} is more than {MAX_ASPECT} times as long as it is wide; '
                      f'{cure}')
    return scaled(image, short_side, resample)


def scaled(image, short_side, resample=Image.LANCZOS):
    """A picture or RGB uint8 [H,W,3], scaled so that its short side has short_side pixels."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    scale = short_side / min(image.size)
    size = [max(short_side, round(side * scale)) for side in image.size]
    return np.asarray(image.resize(size, resample))


def crop(picture, side, y, x):
    """The square of RGB uint8 [H,W,3] at a place from 0 (top, left) to 1 (bottom, right)."""
    top, left = (round(at * (full - side)) for at, full in zip((y, x), picture.shape))
    return picture[top:top + side, left:left + side]


def to_tensor(pictures):
    """List of uint8 [H,W,3] -> float [N,3,H,W] in 0..1, channels last in memory."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return (stacked.float() / 255).contiguous(memory_format=torch.channels_last)


def photos_of(folder, option='--content'):
    """Paths of the pictures in a folder that the option names, in a fixed order."""
    try:
        names = sorted(n for n in os.listdir(folder) if n.lower().endswith(SUFFIXES))
    except OSError as error:
        raise Problem(f'no pictures at {folder} ({error.strerror}); give a folder of pictures '
                      f'with {option}') from None
    if len(names) < 2:
        raise Problem(f'{folder} holds {len(names)} pictures, at least 2 are needed; give a '
                      f'folder of pictures with {option}')
    return [os.path.join(folder, name) for name in names]


class Photos:
    """Folders of content photos, each split into training and held-out ones."""

    CURE = 'repair or remove it'

    def __init__(self, folders):
        self.held_out, self.training = [], []
        for folder in folders:
            paths = photos_of(folder)
            self.held_out += paths[::HOLD_OUT]
            self.training += [path for i, path in enumerate(paths) if i % HOLD_OUT]

    def batch(self, random, count, side):
        """Random crops at random scale, half of them mirrored: [count,3,side,side]."""
        crops = []
        for _ in range(count):
            path = self.training[random.integers(len(self.training))]
            picture = read_picture(path, round(side * random.uniform(1, 1.5)), self.CURE)
            y, x = (random.integers(full - side + 1) for full in picture.shape[:2])
            crop = picture[y:y + side, x:x + side]
            crops.append(crop[:, ::-1] if random.random() < 0.5 else crop)
        return relight(to_tensor(crops), random)

    def held_out_batches(self, count, side):
        for first in range(0, len(self.held_out), count):
            crops = []
            for path in self.held_out[first:first + count]:
                picture = read_picture(path, side, self.CURE)
                y, x = ((full - side) // 2 for full in picture.shape[:2])
                crops.append(picture[y:y + side, x:x + side])
            yield to_tensor(crops)


DARK_SHARE = 0.25  # of the crops


def relight(photo, random):
    """Some photos made night scenes with lamps: else a net that saw too few bright spots
    paints each of them as the brightest thing it knows, a yellow eye."""
    count, _, height, width = photo.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    for i in np.flatnonzero(random.random(count) < DARK_SHARE):
        photo[i] = photo[i] ** random.uniform(1.2, 2.5)
        for _ in range(random.integers(6)):
            top, left = random.uniform(0, (height, width))
            radius = random.uniform(1.5, 7)
            glow = torch.sigmoid(2 * (radius - torch.hypot(y - top, x - left)))
            colour = torch.from_numpy(random.uniform((0.8, 0.7, 0.5), 1)).float()
            photo[i] += glow * (colour.view(3, 1, 1) - photo[i])
    return photo


class Motion:
    """A small random motion for each sample, as between two frames of a video."""

    SHIFT_PX, ROTATION, ZOOM = 12.0, math.radians(3), 0.05
    MARGIN_PX = 12  # from here to the border the net sees something else: not compared

    def __init__(self, random, count, side):
        # Squared, so that slow motion is as common as it is in video.
        amount = random.uniform(0, 1, count) ** 2
        angle, zoom, dx, dy = random.uniform(-1, 1, (4, count)) * amount
        zoom, angle = 1 + zoom * self.ZOOM, angle * self.ROTATION
        shift = 2 * self.SHIFT_PX / side  # coordinates run from -1 to 1
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        affine = np.stack([cos, -sin, dx * shift, sin, cos, dy * shift], 1)
        self.grid = F.affine_grid(torch.from_numpy(affine).float().view(count, 2, 3),
                                  (count, 3, side, side), align_corners=False)
        limit = 1 - 2 * self.MARGIN_PX / side
        edge = torch.linspace(-1, 1, side).abs() <= limit
        inside = (self.grid.abs() <= limit).all(-1) & edge[:, None] & edge
        self.mask = inside.unsqueeze(1).float()

    def warp(self, image):
        """Bicubic: a bilinear warp would blur, and so reward blurred paintings."""
        return F.grid_sample(image, self.grid, 'bicubic', 'reflection', align_corners=False)

    def compare(self, image, moved):
        """Mean squared difference of warp(image) and moved over the valid area."""
        difference = (self.warp(image) - moved) ** 2 * self.mask
        return difference.sum() / (self.mask.sum() * image.shape[1]).clamp(min=1)


def disturb(image, random):
    """Small changes of exposure, sensor noise, and blocks as a codec leaves them."""
    count, _, height, width = image.shape
    gain = torch.from_numpy(random.uniform(0.95, 1.05, (count, 1, 1, 1))).float()
    strength = torch.from_numpy(random.uniform(0, 1, (2, count, 1, 1, 1))).float()
    noise = random.standard_normal((count, 3, height, width), dtype=np.float32)
    blocks = random.standard_normal((count, 3, -(-height // 8), -(-width // 8)), dtype=np.float32)
    blocks = F.interpolate(torch.from_numpy(blocks), scale_factor=8)[:, :, :height, :width]
    noise = 0.03 * strength[0] * torch.from_numpy(noise) + 0.015 * strength[1] * blocks
    return (image * gain + noise).clamp(0, 1)
