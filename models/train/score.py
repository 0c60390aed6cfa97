"""Scores of networks, style by style: losses on held-out photos, beside nets of one style
and beside Gatys' optimisation; steadiness on clips; the dotted grid; the identity."""
import os
import sys

import numpy as np
import torch

import gatys
from losses import grid_energy
from model import load
from problem import Problem
from steadiness import sharpness

SUFFIXES = ('.pt', '.onnx')


def on_photos(paint, perceptual, picture, photos, batch, crop):
    """{content, style, grid2, grid4} of paint(photo [N,3,H,W]) over the held-out photos.

    grid2, grid4: energy at periods of 2 and of up to 4 px over that of the photos."""
    sums, count = np.zeros(6), 0
    with torch.no_grad():
        for photo in photos.held_out_batches(batch, crop):
            painting = paint(photo)
            content, style = perceptual(painting, photo, torch.full((len(photo),), picture))
            values = (content, style, *(grid_energy(image, period) for period in (2, 4)
                                        for image in (painting, photo)))
            sums += [float(value.sum()) for value in values]
            count += len(photo)
    return {'content': sums[0] / count, 'style': sums[1] / count, 'grid2': sums[2] / sums[3],
            'grid4': sums[4] / sums[5]}


def losses(perceptual, painting, photo, picture):
    """(content, style), mean over the photos."""
    with torch.no_grad():
        both = perceptual(painting, photo, torch.full((len(photo),), picture))
    return [float(loss.mean()) for loss in both]


def on_clips(paint, clips):
    """{clip: {e_warp, sharpness}}; sharpness over that of the clip."""
    result = {}
    for clip in clips:
        paintings = [paint(frame) for frame in clip.frames]
        ratio = np.mean([float(sharpness(p) / sharpness(f))
                         for p, f in zip(paintings, clip.frames)])
        result[clip.name] = {'e_warp': clip.error(paintings), 'sharpness': float(ratio)}
    return result


def identity_psnr(model, photos, batch, crop):
    """Mean over the held-out photos, dB, at most 100; None for a net without that slot."""
    if 'identity' not in [style['name'] for style in model.styles]:
        return None
    row, values = model.row('identity'), []
    for photo in photos.held_out_batches(batch, crop):
        error = ((model.paint(photo, row) - photo) ** 2).mean((1, 2, 3))
        values += (-10 * torch.log10(error.clamp(min=1e-10))).tolist()
    return float(np.mean(values))


def beside(folder, size, name, boldness):
    """The net of that one style and size in folder, if there is one."""
    for suffix in SUFFIXES:
        path = os.path.join(folder, f'{size}-{name}{suffix}')
        if os.path.exists(path):
            return load(path).one_row(boldness)
    return None


class Ceiling:
    """What Gatys' optimisation reaches on a few photos, and after how many steps."""

    def __init__(self, perceptual, photos, picture, options):
        self.perceptual, self.photos, self.picture = perceptual, photos, picture
        self.weights = np.array([options['alpha'], options['beta']])
        self.curve = []  # (content, style) before the first step, after it and so on
        gatys.optimise(perceptual, photos, picture, options,
                       lambda _, *both: self.curve.append(both))

    def beside(self, paint):
        """For the scores: the ceiling, paint(photo) on the same photos, and after how many steps
        the optimisation is as good by alpha content + beta style; None: after more."""
        with torch.no_grad():
            painting = paint(self.photos)
        own = losses(self.perceptual, painting, self.photos, self.picture)
        return {'content': self.curve[-1][0], 'style': self.curve[-1][1], 'curve': self.curve,
                'network': own, 'steps': next(
                    (i for i, both in enumerate(self.curve)
                     if self.weights @ both <= self.weights @ own), None)}


def score(models, styles, perceptual, photos, clips, options):
    """List of one dict for each model. styles: names in the order of perceptual's pictures.

    options: batch, crop, beside (folder or None) and boldness of what lies there, gatys (photos)
    with steps and weights.
    """
    ceiling = {}
    if options['gatys']:
        few = torch.cat(list(photos.held_out_batches(1, options['crop']))[:options['gatys']])
        for picture, name in enumerate(styles):
            say(f'Gatys: {name}')
            ceiling[name] = Ceiling(perceptual, few, picture, options)
    return [score_model(model, styles, perceptual, photos, clips, options, ceiling)
            for model in models]


def score_model(model, styles, perceptual, photos, clips, options, ceiling):
    known = {style['name'] for style in model.styles}
    names = [name for name in styles if name in known]
    if not names:
        raise Problem('a model holds none of the styles; name their pictures with --style')
    rows = {}
    for name in names:
        say(f'{model.size}: {name}')
        picture, row = styles.index(name), model.row(name)
        place = (perceptual, picture, photos, options['batch'], options['crop'])
        scores = on_photos(lambda photo: model.paint(photo, row), *place)
        scores['clips'] = on_clips(lambda frame: model.paint(frame, row), clips)
        single = None
        if options['beside']:
            single = beside(options['beside'], model.size, name, options['boldness'])
        if single:
            one = single.row(name)
            scores['single'] = on_photos(lambda photo: single.paint(photo, one), *place)
        if name in ceiling:
            scores['gatys'] = ceiling[name].beside(lambda photo: model.paint(photo, row))
        rows[name] = scores
    return {'size': model.size, 'styles': rows,
            'identity_psnr': identity_psnr(model, photos, options['batch'], options['crop']),
            'clips': {clip.name: clip.error(clip.frames) for clip in clips}}


def say(text):
    print(text, file=sys.stderr, flush=True)


def table(result):
    """One model's scores as a table in Markdown."""
    clips = list(result['clips'])
    head = ['style', 'style loss', 'content loss', 'one-style net: style', 'content', 'ratio',
            'Gatys: style', 'content', 'steps', 'grid 2 px', '4 px']
    head += [*(f'E_warp {clip}' for clip in clips), 'sharpness']
    lines = [head, ['---'] * len(head)]
    for name, s in result['styles'].items():
        single, ceiling = s.get('single'), s.get('gatys')
        cells = [name, f"{s['style']:.3f}", f"{s['content']:.3f}"]
        cells += [f"{single['style']:.3f}", f"{single['content']:.3f}",
                  f"{s['style'] / single['style']:.2f}"] if single else [''] * 3
        cells += [f"{ceiling['style']:.3f}", f"{ceiling['content']:.3f}",
                  'more' if ceiling['steps'] is None else str(ceiling['steps'])] if ceiling else [''] * 3
        cells += [f"{s['grid2']:.2f}", f"{s['grid4']:.2f}"]
        cells += [f"{s['clips'][clip]['e_warp']:.5f}" for clip in clips]
        cells += [f"{np.mean([c['sharpness'] for c in s['clips'].values()]):.2f}" if clips else '']
        lines.append(cells)
    own = ', '.join(f'{clip} {error:.6f}' for clip, error in result['clips'].items())
    text = '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in lines)
    text += f"\n\n{result['size']}"
    if result['identity_psnr'] is not None:
        text += f"; identity style: {result['identity_psnr']:.1f} dB"
    return text + (f'; E_warp of the clips themselves: {own}' if clips else '')
