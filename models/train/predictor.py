"""Training for any picture as a style (Ghiasi 2017): the encoder, which describes a picture by z,
and further rows of the banks, which z mixes."""
import functools
import sys

import numpy as np
import torch
from torch.nn.functional import pad

import catalogue
import encoder
import teach
from data import to_tensor
from export import identifier
from model import Basis, Model, load_encoder
from net import is_bank, with_rows
from problem import Problem
from train import Samples, Trainer, weaken

MIXED_SHARE = 0.15  # of the samples: painted in a mixture of two pictures
OTHER_SHARE = 0.5  # of the samples: the encoder sees another place than the loss
# A target is drawn from the last WINDOW ones and used USES times on average, as its Gram matrices
# take a third as long as the rest of an iteration.
WINDOW, USES = 64, 4
RIDGE = 0.3  # added to the diagonal of the regression in extended(), times the mean of z z^T there


class Predictor(Trainer):
    """Paints photos in the styles of random pictures, and in the network's own now and then."""

    def __init__(self, options, model, photos, perceptual, pictures, state=None):
        self.encoder, self.pictures = model.encoder, pictures
        self.encoder.requires_grad_(not options['encoder'])
        self.target = functools.lru_cache(WINDOW)(self.target)
        super().__init__(options, model, photos, perceptual, state=state)

    def groups(self):
        named = list(self.net.named_parameters())
        parts = [(1.0, [p for name, p in named if is_bank(name)]),
                 (self.options['convolution_share'], [p for name, p in named if not is_bank(name)]),
                 (self.options['encoder_share'], list(self.encoder.parameters()))]
        return [{'params': parameters, 'share': share} for share, parameters in parts
                if share and parameters[0].requires_grad]

    def subject(self):
        return (f'{len(self.pictures.training)} pictures and '
                f'{len(self.model.styles) - self.first} styles')

    def target(self, number):
        return target(self.pictures, self.perceptual, [self.options['seed'], number, 1])

    def draw_samples(self, random):
        picture, strength, bold = self.draw(random)
        known = self.samples(picture, strength, bold)
        count = len(picture)
        rehearsed = random.random(count) < self.options['rehearsal']
        newest = WINDOW + self.iteration * count // USES
        numbers = newest - random.integers(WINDOW, size=(count, 2))
        share = np.where(random.random(count) < MIXED_SHARE, random.random(count), 0)
        elsewhere = random.random(count) < OTHER_SHARE
        if rehearsed.all():
            return known._replace(picture=None)
        crops, grams, parts = [], [], []
        for i in np.flatnonzero(~rehearsed):
            for number, weight in zip(numbers[i], (1 - share[i], share[i])):
                if weight:
                    view, matrices = self.target(int(number))
                    crops.append(view.other if elsewhere[i] else view.same)
                    grams.append(matrices)
                    parts.append(weight * np.eye(count)[i])
        mixture = torch.from_numpy(np.stack(parts, 1)).float()
        # Not in bfloat16, which is slower for so small a network.
        z = self.encoder(to_tensor(crops))
        row = self.model.picture_rows(mixture @ z, bold)
        mixed = Samples(
            weaken(row, strength), strength, torch.full((count,), self.options['content_weight']),
            self.style_weight(bold),
            {name: torch.einsum('np,pij->nij', mixture, torch.cat([g[name] for g in grams]))
             for name in known.grams}, None)
        return choose(torch.from_numpy(rehearsed), known, mixed)

    def palette(self, painting, samples):
        """Not known of pictures."""
        return torch.zeros(len(painting))


def target(pictures, perceptual, seed):
    """The View of a picture and its Gram matrices [1,C,C] by layer, the same in every run."""
    view = pictures.draw(np.random.default_rng(seed))
    return view, perceptual.picture_grams([to_tensor([view.target])])


def choose(first, one, other):
    """The Samples of one where first [N], else those of the other."""
    def pick(a, b):
        return torch.where(first.view(-1, *[1] * (a.dim() - 1)), a, b)
    return Samples(*(pick(a, b) for a, b in zip(one[:4], other[:4])),
                   {name: pick(one.grams[name], other.grams[name]) for name in one.grams}, None)


@torch.no_grad()
def extended(model, pictures):
    """model with a basis for the z of its encoder.

    It starts as what maps the z of the styles' own pictures (RGB uint8, short side encoder.SIDE,
    one a style) to the styles' rows: ridge regression of the rows, as differences from their mean.
    So unseen pictures begin as mixtures of the styles there are. Over 12 pictures that lite had
    never seen, the style loss was 0.48, with the row of one style in place of the mean 1.1 to 4.4,
    and that of the nearest style 1.06."""
    z, count = model.encoder.encode(pictures), len(pictures)
    kernel = z @ z.t()
    ridge = RIDGE * kernel.diagonal().mean()
    weights = torch.linalg.solve(kernel + ridge * torch.eye(count), z).t()
    weights -= weights.mean(1, keepdim=True)
    mixture = torch.cat([torch.full((1, count), 1 / count), weights])
    first, length = model.net.rows, len(mixture)
    blocks = [torch.eye(first), pad(mixture, (1, first - 1 - count))]
    if model.has_soft_rows():
        blocks.append(pad(mixture, (1 + count, 0)))
    basis = Basis(first, first + length if model.has_soft_rows() else None, length)
    return Model(model.size, model.styles, with_rows(model.net, torch.cat(blocks)), model.recipe,
                 basis, model.encoder)


def prepared(options, model, pictures, perceptual):
    """The network that training starts with: model, with a basis and an encoder."""
    coder = load_encoder(options['encoder']) if options['encoder'] else model.encoder
    if model.basis and not coder:
        raise Problem(f"{options['grow']} has rows for pictures; give their encoder with --encoder")
    if model.basis and identifier(coder) != model.encoder_identifier():
        raise Problem(f"{options['grow']} has rows for pictures already, of another encoder; leave "
                      'out --encoder')
    if not coder:
        coder = encoder.Encoder()
        print(f'teaching the encoder from {teach.VIEWS} pictures', file=sys.stderr, flush=True)
        teach.teach(coder, (target(pictures, perceptual, [options['seed'], number, 2])
                            for number in range(teach.VIEWS)))
    model.encoder = coder
    return model if model.basis else extended(model, [
        catalogue.picture(word, options['data'], encoder.SIDE) for word in options['style']])
