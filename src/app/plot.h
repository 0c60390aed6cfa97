/* A plot of the metrics over time. */
#ifndef DAUB_APP_PLOT_H
#define DAUB_APP_PLOT_H

#include "app/metrics.h"

/* E_warp of every frame on a logarithmic scale: of the painting, of the input and, where
 * it is known, of the painting of each frame by itself. Returns an SVG document of *size
 * bytes, to be freed with free(); NULL with *error. */
char *plot_svg(const struct metrics *metrics, size_t *size, struct daub_error *error);

#endif
