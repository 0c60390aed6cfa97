"""The training loop. Iteration i draws all its random numbers from (seed, i), so a
resumed run continues exactly as the uninterrupted one would have."""
import math
import signal
import sys
import time
from typing import NamedTuple, Optional

import numpy as np
import torch
import torch.nn.functional as F

from data import Motion, disturb
from losses import compute_type, grid_energy, lattice_energy, total_variation
from problem import Problem

WARM_UP = 40  # iterations; in them the pace is measured, without and with the steadiness loss
STEADY_RISE = 0.1  # of the run, in which the steadiness loss comes to full weight
LAST_RATE = 0.005  # of the full learning rate, at the end of the cosine
SAVE_EVERY_S = 60
REPORT_EVERY_S = 20  # where the progress line cannot be rewritten
TERMS = ('content', 'style', 'palette', 'variation', 'grid', 'steady')
WEAK_SHARE = 0.1  # of the samples: painted at a random strength
# Samples with the soft row alone, and likewise with the bold row, over those with a mixture.
PURE_SHARE = 2
PERIODS_PX = (4, 8)  # of the network's upsampling


class Progress:
    """One line that is rewritten on a terminal and repeated now and then elsewhere."""

    def __init__(self, first):
        self.start, self.first = time.monotonic(), first
        self.last_report = self.start
        self.smoothed = None

    def update(self, iteration, iterations, terms):
        values = np.array([float(terms[name]) for name in TERMS])
        self.smoothed = values if self.smoothed is None else 0.95 * self.smoothed + 0.05 * values
        now = time.monotonic()
        last = iteration == iterations
        if not last and now - self.last_report < (1 if sys.stderr.isatty() else REPORT_EVERY_S):
            return
        self.last_report = now
        pace = (now - self.start) / (iteration - self.first)
        if iterations is None:
            left = 'not known yet'
        else:
            seconds = round(pace * (iterations - iteration))
            left = f'{seconds // 60}:{seconds % 60:02d}'
        losses = '  '.join(f'{n} {v:.3g}' for n, v in zip(TERMS, self.smoothed))
        line = (f"{iteration}/{iterations or '?'}  {losses}  {pace:.2f} s/iteration  "
                f'ETA {left}')
        if sys.stderr.isatty():
            line = f'\r{line}\033[K' + ('\n' if last else '')
        else:
            line += '\n'
        sys.stderr.write(line)
        sys.stderr.flush()


class Samples(NamedTuple):
    """How the N photos of an iteration are painted, and what the paintings are compared with."""
    row: torch.Tensor  # style weights [N,K]
    strength: torch.Tensor  # [N], 0..1
    content_weight: torch.Tensor  # [N]
    style_weight: torch.Tensor  # [N]
    grams: dict  # Gram matrices [N,C,C] by layer
    picture: Optional[torch.Tensor]  # [N] where all are those of perceptual


class Trainer:
    def __init__(self, options, model, photos, perceptual, first=1, state=None):
        """options: see options.py. model's styles from first on are those of perceptual's
        pictures. state: the checkpoint to continue, if any."""
        self.options, self.model, self.net, self.first = options, model, model.net, first
        self.photos, self.perceptual = photos, perceptual
        # Factors of the loss weights, by picture.
        self.factors = {key: torch.tensor([float(style[key]) for style in model.styles[first:]])
                        for key in ('content', 'style')}
        groups = self.groups()
        self.parameters = [p for group in groups for p in group['params']]
        self.optimizer = torch.optim.Adam(groups, options['rate'])
        self.iteration, self.seconds = 0, 0.0
        self.paces = []  # seconds of each iteration of the warm-up
        self.iterations = options['iterations']  # None: set once the pace is known
        self.earlier = []  # lengths this run was planned to have before it was resumed
        if state:
            groups = self.optimizer.state_dict()['param_groups']
            self.optimizer.load_state_dict({'state': state['moments'], 'param_groups': groups})
            self.iteration, self.seconds = state['iteration'], state['seconds']
            self.paces, self.earlier = state['paces'], state['earlier']
            if state['iterations'] not in (None, self.iterations):
                self.earlier = self.earlier + [state['iterations']]

    def groups(self):
        """What is trained. share: of the learning rate."""
        return [{'params': [p for p in self.net.parameters() if p.requires_grad], 'share': 1.0}]

    def state(self):
        return {**self.model.state(), 'earlier': self.earlier,
                'iteration': self.iteration, 'iterations': self.iterations,
                'seconds': self.seconds, 'paces': self.paces,
                'moments': self.optimizer.state_dict()['state']}

    def rate(self):
        """Linear warm-up, then a cosine."""
        if self.iteration < WARM_UP:
            return self.options['rate'] * (self.iteration + 1) / WARM_UP
        done = (self.iteration - WARM_UP) / max(1, self.iterations - WARM_UP)
        cosine = 0.5 + 0.5 * math.cos(math.pi * min(1, done))
        return self.options['rate'] * (LAST_RATE + (1 - LAST_RATE) * cosine)

    def steady_weight(self):
        """0, then a slow rise: at full weight from the start it would forbid the first strokes."""
        if self.iteration < WARM_UP:
            return 0.0
        done = self.iteration / self.iterations - self.options['steady_from']
        return self.options['steady_weight'] * min(1, max(0, done / STEADY_RISE))

    def rehearses(self):
        """Whether the steadiness loss is computed only for its cost to be known."""
        return self.options['steady_weight'] > 0 and WARM_UP // 2 <= self.iteration < WARM_UP

    def draw(self, random):
        """For each sample its picture [N], strength [N] 0..1 and boldness [N] 0..1."""
        count = self.options['batch']
        picture = torch.from_numpy(random.integers(len(self.model.styles) - self.first, size=count))
        chance, strength = random.random((2, count))
        strength[chance >= WEAK_SHARE] = 1
        bold = torch.from_numpy(random.random(count) * (1 + 2 * PURE_SHARE) - PURE_SHARE)
        return picture, torch.from_numpy(strength).float(), bold.clamp(0, 1).float()

    def style_weight(self, bold):
        """Of samples with that boldness [N]."""
        if not self.model.has_soft_rows():
            return torch.full((len(bold),), self.options['style_weight'])
        return self.options['style_weight'] ** bold * self.options['soft_weight'] ** (1 - bold)

    def samples(self, picture, strength, bold):
        """Photos painted in the styles of perceptual's pictures."""
        row = self.model.style_rows(picture + self.first, bold)
        return Samples(weaken(row, strength), strength,
                       self.options['content_weight'] * self.factors['content'][picture],
                       self.style_weight(bold) * self.factors['style'][picture],
                       self.perceptual.grams_of(picture), picture)

    def draw_samples(self, random):
        return self.samples(*self.draw(random))

    def palette(self, painting, samples):
        return self.perceptual.palette(painting, samples.picture)

    def step(self):
        options, count = self.options, self.options['batch']
        random = np.random.default_rng([options['seed'], self.iteration])
        photo = self.photos.batch(random, count, options['crop'])
        samples = self.draw_samples(random)
        row, strength = samples.row, samples.strength
        steady_weight = self.steady_weight()
        steady = steady_weight > 0 or self.rehearses()
        if steady:
            motion = Motion(random, count, options['crop'])
            motion.mask *= strength[:, None, None, None]  # the photo itself may be noisy
            moved_photo = disturb(motion.warp(photo), random)
        with torch.autocast('cpu', dtype=torch.bfloat16,
                            enabled=compute_type() == torch.bfloat16):
            if steady:
                both = self.net(torch.cat([photo, moved_photo]), torch.cat([row, row]))
                painting, moved = both[:count], both[count:]
            else:
                painting = self.net(photo, row)
        content, style = self.perceptual.compare(painting, photo, samples.grams)
        foreign = self.palette(painting, samples)
        lines = F.relu(grid_energy(painting) - grid_energy(photo))
        lattice = sum(F.relu(lattice_energy(painting, period) - lattice_energy(photo, period))
                      for period in PERIODS_PX)
        terms = {'content': weighted_mean(content, strength),
                 'style': weighted_mean(style, strength),
                 'palette': weighted_mean(foreign, strength),
                 'variation': total_variation(painting).mean(), 'grid': (lines + lattice).mean(),
                 'steady': motion.compare(painting, moved) if steady else torch.zeros(())}
        paint = (samples.content_weight * content +
                 # The logarithm keeps far-off pictures of the first iterations in bounds.
                 samples.style_weight * torch.log1p(style) +
                 options['palette_weight'] * foreign +
                 options['tv_weight'] * total_variation(painting))
        back = options['identity_weight'] * (painting - photo).abs().mean((1, 2, 3))
        loss = ((strength * paint + (1 - strength) * back).mean() +
                options['grid_weight'] * terms['grid'] + steady_weight * terms['steady'])
        if not torch.isfinite(loss):
            raise Problem(f'the loss is not finite at iteration {self.iteration}; lower --rate')
        for group in self.optimizer.param_groups:
            group['lr'] = group['share'] * self.rate()
        # Adam leaves what has no gradient as it is, also right after a run was resumed.
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, options['clip'])
        self.optimizer.step()
        self.iteration += 1
        return terms

    def subject(self):
        return ', '.join(style['title'] for style in self.model.styles[self.first:])

    def run(self, save):
        """Trains to the end, calling save() now and then; False where interrupted."""
        # Now, lest a place that cannot be written is found out after ten minutes.
        save()
        interrupted = []
        handler = signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
        start, before = time.monotonic(), self.seconds
        saved = start
        progress = Progress(self.iteration)
        print(f'training {self.model.size} on {self.subject()}; '
              f'{len(self.photos.training)} photos', file=sys.stderr, flush=True)
        try:
            while self.iterations is None or self.iteration < self.iterations:
                step_start = time.monotonic()
                terms = self.step()
                now = time.monotonic()
                self.seconds = before + now - start
                if len(self.paces) < WARM_UP:
                    self.paces.append(now - step_start)
                if self.iterations is None and self.iteration >= WARM_UP:
                    self.iterations = self.affordable()
                progress.update(self.iteration, self.iterations, terms)
                if interrupted or now - saved > SAVE_EVERY_S:
                    save()
                    saved = now
                if interrupted:
                    return False
        finally:
            signal.signal(signal.SIGINT, handler)
        save()
        return True

    def affordable(self):
        """Iterations that fit --minutes at the pace of the warm-up."""
        # Medians, because the first iterations also allocate and compile.
        plain = np.median(self.paces[:WARM_UP // 2])
        steady = np.median(self.paces[WARM_UP // 2:])
        share = self.options['steady_from']
        left = self.options['minutes'] * 60 - sum(self.paces)
        return WARM_UP + max(0, int(left / (share * plain + (1 - share) * steady)))


def weaken(row, strength):
    """Style weights [N,K] at strength [N]: the rest is the identity's."""
    row = strength[:, None] * row
    row[:, 0] += 1 - strength
    return row


def weighted_mean(values, weights):
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)
