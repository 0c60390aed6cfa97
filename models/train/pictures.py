"""Pictures that the predictor is trained on: how often which are drawn, their crops and colours."""
import math
import os
import re
from typing import NamedTuple

import numpy as np
from PIL import Image

import catalogue
import encoder
import patterns
from data import crop, photos_of, read_picture, scaled

# How often pictures of a group are drawn, others 1. The group of a file NAME_123.jpg is NAME, of
# others the folder. By files, half of the training would be on dark oil paintings.
WEIGHTS = {'standardebooks': 4, 'classics': 3, 'palettes': 3, 'made': 3, 'ukiyoe': 2,
           'impressionists': 1.5, 'vangogh': 1.5, 'chinese': 1.5, 'magenta': 0.5, 'patterns': 2}
# Never trained on: in each group those whose names have the smallest SHA-256, without pictures
# of built-in styles.
HELD_OUT = ('chinese_041.jpg', 'classics_146.jpg', 'engravings_020.jpg', 'impressionists_028.jpg',
            'made_017.jpg', 'palettes_031.jpg', 'palettes_091.jpg', 'standardebooks_017.jpg',
            'standardebooks_021.jpg', 'ukiyoe_020.jpg', 'ukiyoe_041.jpg', 'vangogh_012.jpg')
PATTERN_SEEDS = 3  # of each of our own patterns, which take seconds to draw
SHORT_SIDE_PX = (288, 448)  # at which Gram matrices are taken, evenly distributed
TARGET_PX = 288  # square crops for them
ENCODED_PX = (encoder.SIDE, encoder.SIDE * 5 // 4)  # short side where the encoder looks
# z shall not depend on how a picture was scaled.
FILTERS = (Image.BOX, Image.HAMMING, Image.BICUBIC, Image.LANCZOS)
LEAST_DEVIATION = 0.06  # of a crop's values 0..1: less is an empty sky
ATTEMPTS = 10  # to draw a crop that is not empty
CURE = 'repair or remove it'


class View(NamedTuple):
    """A style to learn: RGB uint8 [H,W,3]."""
    target: np.ndarray  # the crop whose Gram matrices the painting shall have
    same: np.ndarray  # what the encoder sees: the same place
    other: np.ndarray  # or another place of the picture


class Pictures:
    """Folders of style pictures and our own patterns, split into training and held-out ones."""

    def __init__(self, folders):
        self.held_out, self.groups = [], {}
        for path in [path for folder in folders for path in photos_of(folder, '--pictures')]:
            folder, name = os.path.split(path)
            if name in HELD_OUT:
                self.held_out.append(path)
                continue
            match = re.fullmatch(r'(.+)_\d+', os.path.splitext(name)[0])
            self.groups.setdefault(match[1] if match else folder, []).append(path)
        self.training = [path for paths in self.groups.values() for path in paths]
        self.groups['patterns'] = [(name, seed) for name in patterns.PATTERNS
                                   for seed in range(patterns.SEED, patterns.SEED + PATTERN_SEEDS)]
        weights = np.array([WEIGHTS.get(group, 1) for group in self.groups], float)
        self.shares = weights / weights.sum()

    def read(self, random, short_side):
        paths = list(self.groups.values())[random.choice(len(self.groups), p=self.shares)]
        source = paths[random.integers(len(paths))]
        if isinstance(source, tuple):
            return scaled(catalogue.pattern(*source), short_side)
        return read_picture(source, short_side, CURE)

    def draw(self, random):
        """The View of a random picture."""
        for _ in range(ATTEMPTS):
            low, high = SHORT_SIDE_PX
            picture = self.read(random, int(random.integers(low, high + 1)))
            if random.random() < 0.5:
                picture = picture[:, ::-1]
            picture = recolour(picture, random)
            place, other = random.random((2, 2))
            target = crop(picture, TARGET_PX, *place)
            if target.std() >= 255 * LEAST_DEVIATION:
                break
        low, high = ENCODED_PX
        small = scaled(picture, int(random.integers(low, high + 1)), int(random.choice(FILTERS)))
        return View(target, *(crop(small, encoder.SIDE, *at) for at in (place, other)))


def recolour(picture, random):
    """The same strokes in other colours, often: RGB uint8 [H,W,3]."""
    permuted, gamma, hue = random.random(3) < (0.3, 0.5, 0.3)
    order, exponent = random.permutation(3), math.exp(random.uniform(-0.4, 0.4))
    angle = random.uniform(-0.6, 0.6)
    values = picture.astype(np.float32) / 255
    if permuted:
        values = values[..., order]
    if gamma:
        values = values ** exponent
    if hue:
        values = values @ turned(angle)
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def turned(angle):
    """[3,3]: turns colours around the axis of greys (Rodrigues)."""
    axis = np.full(3, 1 / math.sqrt(3), np.float32)
    cross = np.cross(np.eye(3, dtype=np.float32), axis)
    return (math.cos(angle) * np.eye(3, dtype=np.float32) + math.sin(angle) * cross +
            (1 - math.cos(angle)) * np.outer(axis, axis)).astype(np.float32)
