"""What an encoder knows before a network is trained with it: its convolutions are random, and of
their statistics a linear map predicts those that the style loss compares, by ridge regression.

So z differs from style to style from the start. From random linear layers it did not: after 400
iterations every picture was painted in one mean style."""
import torch

from data import to_tensor
from encoder import LENGTH

VIEWS = 640  # pictures from which the linear map is computed
RIDGE = 0.1  # of the mean square of the statistics


def logarithms(grams):
    """[1,D]: of the mean square of every channel, from the Gram matrices [1,C,C] by layer."""
    return torch.cat([gram.diagonal(dim1=1, dim2=2).clamp(min=1e-3).log()
                      for gram in grams.values()], 1)


def components(x):
    """x [N,D] -> [N,LENGTH]: its principal components, mean square 1 in all. Their deviations are
    the square roots of the true ones, so that small differences count, too."""
    away = x - x.mean(0)
    _, values, directions = torch.linalg.svd(away, full_matrices=False)
    kept = (values > 1e-3 * values[0])[:LENGTH]
    z = away @ directions[:LENGTH][kept].t() / values[:LENGTH][kept].sqrt()
    z = torch.nn.functional.pad(z, (0, LENGTH - z.shape[1]))
    return z / (z ** 2).mean().sqrt()


def regression(x, y):
    """(matrix [D,E], bias [E]) with x @ matrix + bias near y; x [N,D], y [N,E]."""
    mean, deviation = x.mean(0), x.std(0).clamp(min=1e-6)
    x = (x - mean) / deviation
    ridge = RIDGE * len(x) * torch.eye(x.shape[1])
    matrix = torch.linalg.solve(x.t() @ x + ridge, x.t() @ (y - y.mean(0))) / deviation[:, None]
    return matrix, y.mean(0) - mean @ matrix


@torch.no_grad()
def teach(encoder, targets):
    """targets: of (View, its Gram matrices)."""
    statistics, styles = [], []
    for view, grams in targets:
        statistics.append(encoder.statistics(to_tensor([view.same, view.other])))
        styles.append(logarithms(grams))
    z = components(torch.cat(styles))
    encoder.become_linear(*regression(torch.cat(statistics), z.repeat_interleave(2, 0)))
