"""Learning one more style: its rows of gamma and beta alone, the network frozen."""
import os
import shlex

import numpy as np
import torch

import catalogue
import checkpoint
import encoder
from data import Photos
from net import is_bank
from train import Trainer

LOOK_AT = 8  # photos on which the styles that exist are compared


def grown(model, start, styles):
    """model, which has one row a style, with one more style. Its row, the only one that is
    trained, starts as the mixture start [1,K] of the others."""
    count = len(model.styles)
    larger = model.with_style_rows(torch.cat([torch.eye(model.net.rows)[:count], start]),
                                   model.styles + styles, model.recipe)
    for name, parameter in larger.net.named_parameters():
        if is_bank(name):
            new = torch.zeros_like(parameter)
            new[count] = 1
            parameter.register_hook(lambda gradient, new=new: gradient * new)
        else:
            parameter.requires_grad_(False)
    return larger


def starts(model, picture):
    """(name, style weights [1,K]) of the rows that learning may start from: those of the styles
    but the identity's, which paints nothing that could be changed a little; that predicted for the
    picture RGB uint8 [H,W,3], where the model has an encoder."""
    result = [(style['name'], model.row(style['name'])) for style in model.styles[1:]]
    if model.encoder:
        z = model.encoder.encode([picture])
        result.append(('the predicted style', model.picture_rows(z, torch.ones(1))))
    return result


@torch.no_grad()
def nearest(model, rows, perceptual, photos, batch, crop):
    """The number of the row whose paintings come nearest to perceptual's first picture."""
    photo = torch.cat(list(photos.held_out_batches(1, crop))[:LOOK_AT])
    losses = []
    for _, row in rows:
        losses.append(sum(float(perceptual(model.paint(part, row), part,
                                           torch.zeros(len(part), dtype=torch.int64))[1].sum())
                          for part in photo.split(batch)))
    return int(np.argmin(losses))


class Learner(Trainer):
    """Paints everything in the new style, whole."""

    def draw(self, random):
        count = self.options['batch']
        return torch.zeros(count, dtype=torch.int64), torch.ones(count), torch.ones(count)


def learner(options, model):
    """(trainer, name of the style it starts from)."""
    photos, perceptual = Photos(options['content']), catalogue.losses(options)
    rows = starts(model, catalogue.picture(options['picture'], options['data'], encoder.SIDE))
    name, row = rows[nearest(model, rows, perceptual, photos, options['batch'], options['crop'])]
    larger = grown(model, row, options['paintings'])
    return Learner(options, larger, photos, perceptual, first=len(model.styles)), name


def recipe(trainer, changed):
    """The command that learned the style."""
    words = checkpoint.words(changed) + ['--seed', str(trainer.options['seed']),
                                         '--iterations', str(trainer.iteration)]
    picture = os.path.basename(trainer.options['picture'])
    return (f'models/train/run learn {shlex.quote(picture)} ' + ' '.join(words) +
            f"; {trainer.seconds / 60:.1f} minutes on {trainer.options['threads']} threads")
