#include "app/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/error.h"

enum {
    SCALES = 3,
    COLOURS = 3,   /* luma and two opponent colours */
    RESPONSES = 8, /* along x, y and both diagonals, each positive and negative */
    FEATURES = COLOURS * (RESPONSES + 1),
    GRAM = FEATURES * FEATURES,
};

/* One scale of a picture: [h][w][COLOURS]. */
struct scale {
    int w, h;
    float *values;
};

static const float *at(const struct scale *s, int x, int y)
{
    x = x < 0 ? 0 : x < s->w ? x : s->w - 1;
    y = y < 0 ? 0 : y < s->h ? y : s->h - 1;
    return &s->values[COLOURS * ((size_t)y * (size_t)s->w + (size_t)x)];
}

static void opponent_colors(const float *rgb, float *to)
{
    to[0] = 0.2126f * rgb[0] + 0.7152f * rgb[1] + 0.0722f * rgb[2];
    to[1] = rgb[0] - rgb[1];
    to[2] = 0.5f * (rgb[0] + rgb[1]) - rgb[2];
}

/* Replaces the scale by the means of its 2 x 2 blocks. */
static void halve(struct scale *s)
{
    int w = (s->w + 1) / 2, h = (s->h + 1) / 2;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            float mean[COLOURS];
            for (int c = 0; c < COLOURS; c++)
                mean[c] =
                    0.25f * (at(s, 2 * x, 2 * y)[c] + at(s, 2 * x + 1, 2 * y)[c] +
                             at(s, 2 * x, 2 * y + 1)[c] + at(s, 2 * x + 1, 2 * y + 1)[c]);
            for (int c = 0; c < COLOURS; c++)
                s->values[COLOURS * ((size_t)y * (size_t)w + (size_t)x) + (size_t)c] =
                    mean[c];
        }
    }
    s->w = w;
    s->h = h;
}

static void features(const struct scale *s, int x, int y, float *to)
{
    static const int directions[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
    for (int c = 0; c < COLOURS; c++) {
        *to++ = at(s, x, y)[c];
        for (int d = 0; d < 4; d++) {
            int dx = directions[d][0], dy = directions[d][1];
            float v = at(s, x + dx, y + dy)[c] - at(s, x - dx, y - dy)[c];
            *to++ = fmaxf(v, 0);
            *to++ = fmaxf(-v, 0);
        }
    }
}

static void gram(const struct scale *s, double *sums)
{
    float f[FEATURES], row[GRAM];
    for (int i = 0; i < GRAM; i++)
        sums[i] = 0;
    for (int y = 0; y < s->h; y++) {
        for (int i = 0; i < GRAM; i++)
            row[i] = 0;
        for (int x = 0; x < s->w; x++) {
            features(s, x, y, f);
            for (int i = 0; i < FEATURES; i++) {
                for (int j = 0; j < FEATURES; j++)
                    row[i * FEATURES + j] += f[i] * f[j];
            }
        }
        for (int i = 0; i < GRAM; i++)
            sums[i] += (double)row[i] / ((double)s->w * (double)s->h);
    }
}

bool metrics_style_distance(const float *a, const float *b, int width, int height,
                            double *distance, struct daub_error *error)
{
    const float *pictures[2] = {a, b};
    struct scale scales[2] = {{width, height, NULL}, {width, height, NULL}};
    double(*grams)[GRAM] = daub_alloc(2, sizeof(*grams));
    size_t pixels = (size_t)width * (size_t)height;
    bool ok = grams != NULL;
    for (int k = 0; k < 2; k++) {
        scales[k].values = daub_alloc(pixels, COLOURS * sizeof(float));
        ok = ok && scales[k].values;
        for (size_t i = 0; ok && i < pixels; i++)
            opponent_colors(&pictures[k][3 * i], &scales[k].values[COLOURS * i]);
    }
    *distance = 0;
    for (int n = 0; ok && n < SCALES; n++) {
        double difference = 0, size = 0;
        for (int k = 0; k < 2; k++) {
            gram(&scales[k], grams[k]);
            halve(&scales[k]);
        }
        /* Normalized to correlations, so that strong features do not outweigh others. */
        for (int i = 0; i < FEATURES; i++) {
            for (int j = 0; j < FEATURES; j++) {
                double scale =
                    sqrt(grams[1][i * FEATURES + i] * grams[1][j * FEATURES + j]) + 1e-9;
                double d =
                    (grams[0][i * FEATURES + j] - grams[1][i * FEATURES + j]) / scale;
                double v = grams[1][i * FEATURES + j] / scale;
                difference += d * d;
                size += v * v;
            }
        }
        *distance += difference / size / SCALES;
    }
    free(grams);
    free(scales[0].values);
    free(scales[1].values);
    return ok || daub_no_memory(error, "the metrics");
}
