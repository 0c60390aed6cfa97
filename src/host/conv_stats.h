/* Statistics of the outputs of a convolution, for the normalization behind it. */
#ifndef DAUB_HOST_CONV_STATS_H
#define DAUB_HOST_CONV_STATS_H

#include "host/vec.h"

/* Sums of a channel: by the output's column % 4. They are sums of differences from the
 * first output, the origin, so that the squares lose no precision. */
#define CONV_CHAINS 4

/* Rows of sums: the origin, then the sums of differences, then those of their squares. */
#define CONV_STATS_ROWS (1 + 2 * CONV_CHAINS)

/* Combines the chains of a tile of n pixels. stats: CONV_STATS_ROWS of `step` floats from
 * one to the next, [channel] each; to: the first channel's. */
static void conv_write_stats(const float *stats, size_t step, int channels, float n,
                             vec4 *to)
{
    for (int i = 0; i < channels; i++) {
        float sum[2];
        for (size_t k = 0; k < 2; k++) {
            const float *chain = stats + (1 + k * CONV_CHAINS) * step + i;
            sum[k] = (chain[0] + chain[step]) + (chain[2 * step] + chain[3 * step]);
        }
        float m2 = sum[1] - sum[0] * sum[0] / n;
        to[i] = (vec4){stats[i] + sum[0] / n, m2 > 0.0f ? m2 : 0.0f, n, 0.0f};
    }
    for (int i = channels; i % 4; i++)
        to[i] = (vec4){0.0f, 0.0f, n, 0.0f};
}

#endif
