/* A drawing of metrics over time. */
#ifndef DAUB_APP_PLOT_H
#define DAUB_APP_PLOT_H

#include "app/metrics.h"

/* E_warp of every frame as an SVG document of *size bytes, to be freed with free(): the
 * painting, each frame by itself where that is known, and the input; logarithmic. */
char *plot_svg(const struct metrics *metrics, size_t *size, struct daub_error *error);

#endif
