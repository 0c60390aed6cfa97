"""Learning one more style: its rows of gamma and beta alone, the network frozen."""
import os
import shlex

import numpy as np
import torch

import catalogue
import checkpoint
from data import Photos
from model import Model
from net import is_bank, with_rows
from train import Trainer

LOOK_AT = 8  # photos on which the styles that exist are compared


def grown(model, row):
    """The network of model, which has one row a style, with one more style, which starts as a
    copy of that row."""
    count = len(model.styles)
    net = with_rows(model.net, torch.eye(count)[[*range(count), row]])
    for name, parameter in net.named_parameters():
        if is_bank(name):
            last = torch.zeros_like(parameter)
            last[-1] = 1
            parameter.register_hook(lambda gradient, last=last: gradient * last)
        else:
            parameter.requires_grad_(False)
    return net


@torch.no_grad()
def nearest(model, perceptual, photos, batch, crop):
    """The row whose paintings come nearest to perceptual's first picture; not the identity's,
    which paints nothing that could be changed a little."""
    photo = torch.cat(list(photos.held_out_batches(1, crop))[:LOOK_AT])
    losses = []
    for style in model.styles[1:]:
        row = model.row(style['name'])
        losses.append(sum(float(perceptual(model.paint(part, row), part,
                                           torch.zeros(len(part), dtype=torch.int64))[1].sum())
                          for part in photo.split(batch)))
    return 1 + int(np.argmin(losses))


class Learner(Trainer):
    """Paints everything in the new style, whole."""

    def draw(self, random):
        count = self.options['batch']
        return torch.zeros(count, dtype=torch.int64), torch.ones(count), torch.ones(count)


def learner(options, model):
    """(trainer, name of the style it starts from)."""
    photos, perceptual = Photos(options['content']), catalogue.losses(options)
    row = nearest(model, perceptual, photos, options['batch'], options['crop'])
    larger = Model(model.size, model.styles + options['paintings'], grown(model, row))
    return (Learner(options, larger, photos, perceptual, first=len(model.styles)),
            model.styles[row]['name'])


def recipe(trainer, changed):
    """The command that learned the style."""
    words = checkpoint.words(changed) + ['--seed', str(trainer.options['seed']),
                                         '--iterations', str(trainer.iteration)]
    picture = os.path.basename(trainer.options['picture'])
    return (f'models/train/run learn {shlex.quote(picture)} ' + ' '.join(words) +
            f"; {trainer.seconds / 60:.1f} minutes on {trainer.options['threads']} threads")
