"""Tiny training data made on the spot, and commands run on it."""
import contextlib
import io
import os
import tempfile

import numpy as np
from PIL import Image

import cli

# Squeeze and expand channels of SqueezeNet v1.0's fire modules.
FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192),
         8: (64, 256)}
# Channels of VGG-16's convolutions by stage, a quarter of the published ones.
VGG_STAGES = {1: (16, 16), 2: (32, 32), 3: (64, 64, 64), 4: (128, 128, 128)}


def picture(random, width, height):
    coarse = random.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def squeezenet(random):
    """Random weights in the shapes of SqueezeNet v1.0, quickly made."""
    shapes = {'conv1': (96, 3, 7, 7)}
    inputs = 96
    for fire, (squeeze, expand) in FIRES.items():
        shapes[f'fire{fire}/conv1x1_1'] = (squeeze, inputs, 1, 1)
        shapes[f'fire{fire}/conv1x1_2'] = (expand, squeeze, 1, 1)
        shapes[f'fire{fire}/conv3x3_2'] = (expand, squeeze, 3, 3)
        inputs = 2 * expand
    return random_arrays(random, shapes)


def vgg16(random):
    """Random weights in the shapes of VGG-16 with a quarter of its channels."""
    shapes, inputs = {}, 3
    for stage, channels in VGG_STAGES.items():
        for i, outputs in enumerate(channels):
            shapes[f'conv{stage}_{i + 1}'] = (outputs, inputs, 3, 3)
            inputs = outputs
    return random_arrays(random, shapes)


def random_arrays(random, shapes):
    """Arrays NAME_w, NAME_b of convolutions that keep the features' size."""
    arrays = {}
    for name, shape in shapes.items():
        scale = np.sqrt(2 / np.prod(shape[1:]))
        arrays[f'{name}_w'] = random.normal(0, scale, shape).astype(np.float32)
        arrays[f'{name}_b'] = random.normal(0, 0.1, shape[0]).astype(np.float32)
    return arrays


class Data:
    """A data folder as train expects it, removed by close()."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        random = np.random.default_rng(0)
        for below in ('styles', 'content', 'content_more', 'clips', 'one'):
            os.mkdir(self.path(below))
        picture(random, 160, 128).save(self.path('styles/starry_night.jpg'))
        picture(np.random.default_rng(1), 128, 128).save(self.path('styles/own.png'))
        for i, size in enumerate(((80, 64), (64, 96), (100, 70), (50, 40))):
            picture(random, *size).save(self.path(f'content/{i}.png'))
        for i in range(2):
            picture(random, 64, 64).save(self.path(f'content_more/{i}.png'))
        picture(random, 64, 64).save(self.path('one/1.png'))
        self.add_pictures()
        np.savez(self.path('squeezenet_v1_0.npz'), **squeezenet(random))
        np.savez(self.path('vgg16.npz'), **vgg16(random))

    def add_pictures(self):
        """Pictures for the predictor; the last one is held out from training."""
        os.mkdir(self.path('styles_many'))
        random = np.random.default_rng(2)
        for name in ('classics_001', 'classics_002', 'made_001', 'mine', 'ukiyoe_020'):
            picture(random, 96, 64).save(self.path(f'styles_many/{name}.jpg'))

    def path(self, below):
        return os.path.join(self.folder.name, below)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.folder.cleanup()

    def train_words(self, *words):
        return ['train', '--data', self.folder.name, '--threads', '1', '--batch', '2',
                '--crop', '64', '--style-px', '64', '96', *words]

    def train(self, *words):
        return command(*self.train_words(*words))


def command(*words):
    """Runs the command line in this process: (exit code, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main(list(words))
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()
