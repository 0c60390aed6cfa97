/* The sums of a convolution for a row of output pixels, with 16 output channels of one
 * pixel in neighboring registers or with neighboring pixels in a vector.
 *
 * Every output is one chain of multiply-adds from 0 over kernel row, kernel column and
 * input channel, whatever the shape, so all shapes and instruction sets give the same
 * bits. */
#ifndef DAUB_HOST_CONV_SUM_H
#define DAUB_HOST_CONV_SUM_H

#include <stddef.h>

#include "host/vec.h"

#define CONV_BLOCK 16 /* output channels whose weights are side by side */

/* Pixels whose sums are in registers, for two vectors of channels and for one; channels
 * whose sums are in registers, and vectors of pixels for that many channels. */
#if defined(__AVX512F__)
#define CONV_PIXELS_2   14
#define CONV_PIXELS_1   14
#define CONV_VECTORS(q) ((q) <= 3 ? 8 : (q) == 4 ? 6 : 4)
#elif defined(__aarch64__)
#define CONV_PIXELS_2   12
#define CONV_PIXELS_1   12
#define CONV_VECTORS(q) ((q) <= 3 ? 8 : (q) == 4 ? 6 : 4)
#else
#define CONV_PIXELS_2   6
#define CONV_PIXELS_1   12
#define CONV_VECTORS(q) ((q) == 1 ? 8 : (q) == 2 ? 6 : (q) == 3 ? 4 : (q) == 4 ? 3 : 2)
#endif
#define CONV_CHANNELS 6

/* ---- channels in vectors ---- */

/* The input is [row][pixel][channel]: all channels of a tap lie side by side. */
struct conv_sum {
    const float *in;      /* first tap of the first output pixel */
    size_t pixel;         /* floats from output pixel to output pixel */
    size_t tap_row;       /* from row to row of taps */
    size_t tap_run;       /* from run to run */
    int rows, runs, run;  /* taps */
    const float *weights; /* blocks of [rows][runs][run][CONV_BLOCK] */
    size_t block;         /* floats of a block */
    float *out;           /* [pixel][out_step] */
    size_t out_step;
};

/* n pixels from x on, v vectors of channels from o on. */
HOST_INLINE void conv_sum_pixels(const struct conv_sum *s, int x, int o, int n, int v)
{
    vec acc[CONV_PIXELS_1 > CONV_PIXELS_2 ? CONV_PIXELS_1 : CONV_PIXELS_2][2];
#pragma GCC unroll 28
    for (int p = 0; p < n; p++)
        acc[p][0] = acc[p][1] = (vec){0};
    const size_t pixel = s->pixel;
    const float *w0 =
        s->weights + (size_t)(o / CONV_BLOCK) * s->block + (size_t)(o % CONV_BLOCK);
    const int o1 = o + (v - 1) * VEC_FLOATS;
    const float *w1 =
        s->weights + (size_t)(o1 / CONV_BLOCK) * s->block + (size_t)(o1 % CONV_BLOCK);
    const ptrdiff_t second = w1 - w0;
    for (int row = 0; row < s->rows; row++) {
        for (int run = 0; run < s->runs; run++) {
            const float *in = s->in + (size_t)x * pixel + (size_t)row * s->tap_row +
                              (size_t)run * s->tap_run;
            for (int k = 0; k < s->run; k++, in++, w0 += CONV_BLOCK) {
                vec a = *(const vec *)w0, b = *(const vec *)(w0 + second);
#pragma GCC unroll 28
                for (int p = 0; p < n; p++) {
                    vec value = vec_all(in[(size_t)p * pixel]);
                    acc[p][0] = vec_mad(a, value, acc[p][0]);
                    if (v > 1)
                        acc[p][1] = vec_mad(b, value, acc[p][1]);
                }
            }
        }
    }
    float *out = s->out + (size_t)x * s->out_step + o;
#pragma GCC unroll 28
    for (int p = 0; p < n; p++, out += s->out_step) {
        *(vec *)out = acc[p][0];
        if (v > 1)
            *(vec *)(out + VEC_FLOATS) = acc[p][1];
    }
}

#define CONV_CASE(n)                                                                     \
    case (n):                                                                            \
        conv_sum_pixels(s, x, o, (n), v);                                                \
        break;

HOST_INLINE void conv_sum_some(const struct conv_sum *s, int x, int o, int n, int v)
{
    /* clang-format off */
    switch (n) {
        CONV_CASE(1) CONV_CASE(2) CONV_CASE(3) CONV_CASE(4) CONV_CASE(5) CONV_CASE(6)
#if CONV_PIXELS_1 >= 12
        CONV_CASE(7) CONV_CASE(8) CONV_CASE(9) CONV_CASE(10) CONV_CASE(11) CONV_CASE(12)
#endif
#if CONV_PIXELS_1 >= 14
        CONV_CASE(13) CONV_CASE(14)
#endif
    }
    /* clang-format on */
}

/* Pixels 0 .. pixels - 1 in chunks of nearly the same size. */
HOST_INLINE void conv_sum_chunks(const struct conv_sum *s, int pixels, int o, int most,
                                 int v)
{
    for (int x = 0, left = (pixels + most - 1) / most; left > 0; left--) {
        int n = (pixels - x + left - 1) / left;
        conv_sum_some(s, x, o, n, v);
        x += n;
    }
}

/* The first channels of out, rounded up to vectors. */
static void conv_sum_channels(const struct conv_sum *s, int pixels, int channels)
{
    for (int o = 0; o < channels;) {
        if (channels - o > VEC_FLOATS) {
            conv_sum_chunks(s, pixels, o, CONV_PIXELS_2, 2);
            o += 2 * VEC_FLOATS;
        } else {
            conv_sum_chunks(s, pixels, o, CONV_PIXELS_1, 1);
            o += VEC_FLOATS;
        }
    }
}

/* ---- pixels in vectors ---- */

/* Input [row][channel][column % stride][column / stride]. */
struct conv_planes {
    const float *in;      /* row of the first tap, first channel */
    size_t tap_row;       /* floats from row to row of taps */
    size_t channel;       /* from channel to channel */
    size_t column;        /* from remainder to remainder of the column */
    int rows, taps;       /* kernel rows and columns */
    int dilation, stride; /* of columns */
    int channels;         /* of the input's group */
    const float *weights; /* one block */
    float *out;           /* [channel][out_step] */
    size_t out_step;
};

/* Adds an input channel's part to n output channels of v vectors of pixels. The shorter
 * of the two is read first: it stays in registers for all of the other. */
HOST_INLINE void conv_add_vectors(const float *in, const float *weights, int n, int v,
                                  vec acc[CONV_CHANNELS][8])
{
    vec kept[8];
#pragma GCC unroll 8
    for (int i = 0; i < (n < v ? n : v); i++)
        kept[i] = n < v ? vec_all(weights[i]) : vec_load(in + i * VEC_FLOATS);
#pragma GCC unroll 8
    for (int k = 0; k < (n < v ? v : n); k++) {
        vec other = n < v ? vec_load(in + k * VEC_FLOATS) : vec_all(weights[k]);
#pragma GCC unroll 8
        for (int i = 0; i < (n < v ? n : v); i++) {
            vec *sum = n < v ? &acc[i][k] : &acc[k][i];
            *sum = vec_mad(kept[i], other, *sum);
        }
    }
}

/* v vectors of pixels from x on, n channels from o on. */
HOST_INLINE void conv_sum_vectors(const struct conv_planes *s, int x, int o, int n, int v)
{
    vec acc[CONV_CHANNELS][8];
#pragma GCC unroll 6
    for (int q = 0; q < n; q++) {
#pragma GCC unroll 8
        for (int i = 0; i < v; i++)
            acc[q][i] = (vec){0};
    }
    const float *w = s->weights + o;
    for (int row = 0; row < s->rows; row++) {
        int remainder = 0, column = 0; /* of the tap's column divided by the stride */
        for (int tap = 0; tap < s->taps; tap++) {
            const float *in = s->in + (size_t)row * s->tap_row +
                              (size_t)remainder * s->column + (size_t)(column + x);
            for (int c = 0; c < s->channels; c++, in += s->channel, w += CONV_BLOCK)
                conv_add_vectors(in, w, n, v, acc);
            for (remainder += s->dilation; remainder >= s->stride; column++)
                remainder -= s->stride;
        }
    }
#pragma GCC unroll 6
    for (int q = 0; q < n; q++) {
#pragma GCC unroll 8
        for (int i = 0; i < v; i++)
            *(vec *)(s->out + (size_t)(o + q) * s->out_step + (size_t)x +
                     (size_t)(i * VEC_FLOATS)) = acc[q][i];
    }
}

/* Pixels 0 .. pixels - 1, rounded up to vectors, of n channels from o on. */
HOST_INLINE void conv_sum_plane_rows(const struct conv_planes *s, int pixels, int o,
                                     int n)
{
    const int most = CONV_VECTORS(n);
    for (int x = 0; x < pixels;) {
        int left = (pixels - x + VEC_FLOATS - 1) / VEC_FLOATS;
        if (left >= most) {
            conv_sum_vectors(s, x, o, n, most);
            x += most * VEC_FLOATS;
        } else if (left >= 2) {
            conv_sum_vectors(s, x, o, n, 2);
            x += 2 * VEC_FLOATS;
        } else {
            conv_sum_vectors(s, x, o, n, 1);
            x += VEC_FLOATS;
        }
    }
}

#define CONV_PLANE_CASE(n)                                                               \
    case (n):                                                                            \
        conv_sum_plane_rows(s, pixels, o, (n));                                          \
        break;

/* The first channels of a block. */
static void conv_sum_planes(const struct conv_planes *s, int pixels, int channels)
{
    for (int o = 0, left = (channels + CONV_CHANNELS - 1) / CONV_CHANNELS; left > 0;
         left--) {
        int n = (channels - o + left - 1) / left;
        switch (n) {
            CONV_PLANE_CASE(1)
            CONV_PLANE_CASE(2)
            CONV_PLANE_CASE(3)
            CONV_PLANE_CASE(4)
            CONV_PLANE_CASE(5)
            CONV_PLANE_CASE(6)
        }
        o += n;
    }
}

#undef CONV_CASE
#undef CONV_PLANE_CASE

#endif
