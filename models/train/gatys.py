"""The optimisation of a single picture (Gatys 2016): slow, and the ceiling of what the
same losses can ask of a network."""
import torch

from losses import total_variation

HISTORY = 20  # of L-BFGS
WEIGHTS = {'alpha': 1.0, 'beta': 15.0, 'tv': 1.0}  # as train's defaults


def optimise(perceptual, photo, picture, options, report=None):
    """photo [N,3,H,W]; picture: index of the style, for all. Returns [N,3,H,W] in 0..1.

    options: steps, alpha (content), beta (style), tv. report(step, content, style) is called
    at every evaluation with the losses, mean over the photos; N pictures are one problem and
    keep their losses apart by being sums.
    """
    painting = photo.clone(memory_format=torch.contiguous_format).requires_grad_(True)
    styles = torch.full((len(photo),), picture)
    optimizer = torch.optim.LBFGS([painting], max_iter=options['steps'],
                                  max_eval=options['steps'], history_size=HISTORY,
                                  tolerance_grad=0, tolerance_change=0,
                                  line_search_fn='strong_wolfe')
    done = 0

    def closure():
        nonlocal done
        optimizer.zero_grad()
        content, style = perceptual(painting, photo, styles)
        outside = ((painting - painting.clamp(0, 1)) ** 2).mean((1, 2, 3))
        loss = (options['alpha'] * content + options['beta'] * style +
                options['tv'] * total_variation(painting) + 1e3 * outside).sum()
        loss.backward()
        done += 1
        if report:
            report(done, float(content.mean()), float(style.mean()))
        return loss

    optimizer.step(closure)
    return painting.detach().clamp(0, 1)
