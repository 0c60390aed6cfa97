"""Scores of a network on pictures as styles: those that it was never trained on."""
import itertools
import os

import numpy as np
import torch

import encoder
from data import read_picture, to_tensor
from losses import gram
from pictures import CURE
from score import say

GREY = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # luminance (BT.601)
RETRIEVAL_PX = 320  # short side of the pictures among which a painting's own is looked for
TOP = 5


def grey(image):
    """The image [N,3,H,W] without its colours."""
    return (image * GREY).sum(1, keepdim=True).expand_as(image)


def targets(perceptual, path, style_px, change=lambda image: image):
    sizes = [change(to_tensor([read_picture(path, side, CURE)])) for side in style_px]
    return perceptual.picture_grams(sizes)


def grams_of(perceptual, image):
    features = perceptual.net(image)
    return features, {name: gram(features[name]) for name in perceptual.style_layers}


def style_losses(perceptual, painted, pictures):
    """[N,P]: of N paintings with these Gram matrices against those of P pictures."""
    return torch.stack([perceptual.style_loss(painted, picture) for picture in pictures], 1)


def bounded_distance(one, other):
    """Of two dicts of Gram matrices [1,C,C], in 0..1 and the same both ways, mean over the layers
    (Cheng 2021)."""
    return float(np.mean([((one[n] - other[n]) ** 2).sum() /
                          ((one[n] ** 2).sum() + (other[n] ** 2).sum()) for n in one]))


@torch.no_grad()
def paintings_scores(paintings, perceptual, photos, coloured, uncoloured):
    """(content, style [P], luminance style [P], mean Gram matrices) of a painting of each photo."""
    content, style, luminance, grams = [], [], [], []
    for painting, photo in zip(paintings, photos):
        features, painted = grams_of(perceptual, painting)
        grams.append(painted)
        content.append(perceptual.content_loss(features, photo))
        style.append(style_losses(perceptual, painted, coloured))
        luminance.append(style_losses(perceptual, grams_of(perceptual, grey(painting))[1],
                                      uncoloured))
    mean = {name: torch.cat([g[name] for g in grams]).mean(0, keepdim=True) for name in grams[0]}
    return (float(torch.cat(content).mean()), torch.cat(style).mean(0).tolist(),
            torch.cat(luminance).mean(0).tolist(), mean)


def row_scores(model, row, perceptual, photos, coloured, uncoloured):
    """Those of the paintings of the model with that row."""
    return paintings_scores((model.paint(photo, row) for photo in photos), perceptual, photos,
                            coloured, uncoloured)


def held_out(photos, options):
    """[1,3,H,W] each."""
    return list(itertools.islice(photos.held_out_batches(1, options['crop']), options['photos']))


def ranks(painted, perceptual, own, paths):
    """Which nearest of the pictures at paths the own one is to paintings with these Gram matrices,
    from 1 on, for each of several."""
    distances = []
    for i, path in enumerate(paths):
        if i % 100 == 0:
            say(f'retrieval: {i} of {len(paths)} pictures')
        picture = targets(perceptual, path, [RETRIEVAL_PX])
        distances.append([bounded_distance(grams, picture) for grams in painted])
    distances = np.array(distances)
    return [1 + int((distances[:, i] < distances[paths.index(path), i]).sum())
            for i, path in enumerate(own)]


def score(model, perceptual, paths, others, photos, options):
    """List of one dict for each of the pictures at paths, which are perceptual's.

    photos: Photos, of which options['photos'] held-out ones are painted at options['boldness'].
    others: paths of all pictures among which each one is looked for, or none."""
    photos = held_out(photos, options)
    coloured = [perceptual.grams_of([i]) for i in range(len(paths))]
    uncoloured = [targets(perceptual, path, options['style_px'], grey) for path in paths]
    place = (perceptual, photos, coloured, uncoloured)
    boldness = torch.tensor([options['boldness']])
    known, result, painted = [], [], []
    for style in model.styles[1:]:
        say(f"style {style['name']}")
        known.append(row_scores(model, model.row(style['name'], options['boldness']), *place))
    for i, path in enumerate(paths):
        say(f'picture {path}')
        z = model.encoder.encode([encoder.read(path, CURE)])
        content, style, luminance, grams = row_scores(
            model, model.picture_rows(z, boldness), *place)
        painted.append(grams)
        nearest = int(np.argmin([scores[1][i] for scores in known]))
        near = known[nearest]
        result.append({
            'picture': os.path.basename(path), 'content': content, 'style': style[i],
            'luminance': luminance[i], 'rank': None, 'nearest': {
                'name': model.styles[1 + nearest]['name'], 'content': near[0],
                'style': near[1][i], 'luminance': near[2][i]}})
    if others:
        for scores, place in zip(result, ranks(painted, perceptual, paths, others)):
            scores['rank'] = place
    return result


def table(result):
    """In Markdown."""
    lines = ['| picture | content | style | luminance | rank | nearest style | content | style | '
             'luminance |', '|---' * 9 + '|']
    for s in result:
        near = s['nearest']
        rank = '' if s['rank'] is None else s['rank']
        lines.append(f"| {s['picture']} | {s['content']:.3f} | {s['style']:.3f} | "
                     f"{s['luminance']:.3f} | {rank} | {near['name']} | {near['content']:.3f} | "
                     f"{near['style']:.3f} | {near['luminance']:.3f} |")
    lines.append('')
    for key in ('content', 'style', 'luminance'):
        own, near = (np.array([s[key] for s in scores])
                     for scores in (result, [s['nearest'] for s in result]))
        lines.append(f'{key}: mean {own.mean():.3f}, median {np.median(own):.3f}; nearest style: '
                     f'mean {near.mean():.3f}, median {np.median(near):.3f}')
    if result[0]['rank'] is not None:
        found = np.array([s['rank'] for s in result])
        lines.append(f'the picture itself is nearest to its paintings in '
                     f'{(found <= 1).sum()} of {len(found)} cases, among the nearest {TOP} in '
                     f'{(found <= TOP).sum()}')
    return '\n'.join(lines)
