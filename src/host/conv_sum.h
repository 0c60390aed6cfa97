/* The sums of a convolution for a row of output pixels, with 16 output channels of one
 * pixel in neighboring registers or with neighboring pixels in a vector.
 *
 * Every output is one chain of multiply-adds from 0 over kernel row, kernel column and
 * input channel, whatever the shape, so all shapes and instruction sets give the same
 * bits. */
#ifndef DAUB_HOST_CONV_SUM_H
#define DAUB_HOST_CONV_SUM_H

#include <stdbool.h>
#include <stddef.h>

#include "host/vec.h"

#define CONV_BLOCK 16 /* output channels whose weights are side by side */

/* Pixels whose sums are in registers, with one sum each and with two; channels whose sums
 * are in registers, and vectors of pixels for that many channels. */
#if defined(__AVX512F__)
#define CONV_PIXELS_2   14
#define CONV_PIXELS     14
#define CONV_VECTORS(q) ((q) <= 3 ? 8 : (q) == 4 ? 6 : 4)
#elif defined(__aarch64__)
#define CONV_PIXELS_2   12
#define CONV_PIXELS     12
#define CONV_VECTORS(q) ((q) <= 3 ? 8 : (q) == 4 ? 6 : 4)
#else
#define CONV_PIXELS_2   6
#define CONV_PIXELS     12
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
    float *out;           /* [row][out_row], there [pixel][out_step] */
    size_t out_row, out_step;
};

/* Adds a row of taps to the first, the second or both sums of n pixels. The weights of
 * the second sum are that many floats behind the first's. Returns the next row's. */
HOST_INLINE const float *conv_add_row(const struct conv_sum *s, const float *in,
                                      const float *w, ptrdiff_t second, int n,
                                      bool to_first, bool to_second,
                                      vec acc[CONV_PIXELS][2])
{
    const size_t pixel = s->pixel;
    for (int run = 0; run < s->runs; run++) {
        const float *value = in + (size_t)run * s->tap_run;
        for (int k = 0; k < s->run; k++, value++, w += CONV_BLOCK) {
            vec a = vec_load(w), b = vec_load(w + second);
#pragma GCC unroll 28
            for (int p = 0; p < n; p++) {
                vec x = vec_all(value[(size_t)p * pixel]);
                if (to_first)
                    acc[p][0] = vec_mad(a, x, acc[p][0]);
                if (to_second)
                    acc[p][1] = vec_mad(b, x, acc[p][1]);
            }
        }
    }
    return w;
}

/* What a pixel's two sums are. */
enum conv_shape {
    CONV_ONE = 1,  /* one vector of channels; there is no second */
    CONV_TWO,      /* two vectors of channels */
    CONV_TWO_ROWS, /* one vector of channels of the pixel and of the one below */
};

HOST_INLINE const float *conv_weights(const struct conv_sum *s, int o)
{
    return s->weights + (size_t)(o / CONV_BLOCK) * s->block + (size_t)(o % CONV_BLOCK);
}

/* Computes the pixels x .. x + n - 1 of one group of output channels, which starts at
 * channel o. */
HOST_INLINE void conv_sum_pixels(const struct conv_sum *s, int x, int o, int n,
                                 enum conv_shape shape)
{
    vec acc[CONV_PIXELS][2];
#pragma GCC unroll 28
    for (int p = 0; p < n; p++)
        acc[p][0] = acc[p][1] = (vec){0};
    const float *in = s->in + (size_t)x * s->pixel, *w = conv_weights(s, o);
    const ptrdiff_t step = (ptrdiff_t)s->runs * s->run * CONV_BLOCK;
    const ptrdiff_t second = shape == CONV_ONE   ? 0
                             : shape == CONV_TWO ? conv_weights(s, o + VEC_FLOATS) - w
                                                 : -step;
    int row = 0;
    if (shape == CONV_TWO_ROWS) { /* the pixel below begins one row of taps later */
        w = conv_add_row(s, in, w, 0, n, true, false, acc);
        in += s->tap_row;
        row++;
    }
    for (; row < s->rows; row++, in += s->tap_row)
        w = conv_add_row(s, in, w, second, n, true, shape != CONV_ONE, acc);
    if (shape == CONV_TWO_ROWS)
        conv_add_row(s, in, w + second, 0, n, false, true, acc);
    float *out = s->out + (size_t)x * s->out_step + o;
    const size_t out_second = shape == CONV_TWO_ROWS ? s->out_row : VEC_FLOATS;
#pragma GCC unroll 28
    for (int p = 0; p < n; p++, out += s->out_step) {
        vec_store(out, acc[p][0]);
        if (shape != CONV_ONE)
            vec_store(out + out_second, acc[p][1]);
    }
}

#define CONV_CASE(n)                                                                     \
    case (n):                                                                            \
        if ((n) <= most)                                                                 \
            conv_sum_pixels(s, x, o, (n), shape);                                        \
        break;

/* Computes the pixels 0 .. pixels - 1. The chunks have nearly equal sizes: a short last
 * one would leave vector registers unused. */
HOST_INLINE void conv_sum_row(const struct conv_sum *s, int pixels, int o,
                              enum conv_shape shape)
{
    const int most = shape == CONV_ONE ? CONV_PIXELS : CONV_PIXELS_2;
    for (int x = 0, left = (pixels + most - 1) / most; left > 0; left--) {
        int n = (pixels - x + left - 1) / left;
        /* clang-format off */
        switch (n) {
            CONV_CASE(1) CONV_CASE(2) CONV_CASE(3) CONV_CASE(4) CONV_CASE(5) CONV_CASE(6)
#if CONV_PIXELS >= 12
            CONV_CASE(7) CONV_CASE(8) CONV_CASE(9) CONV_CASE(10) CONV_CASE(11)
            CONV_CASE(12)
#endif
#if CONV_PIXELS >= 14
            CONV_CASE(13) CONV_CASE(14)
#endif
        }
        /* clang-format on */
        x += n;
    }
}

/* Functions of their own: in a larger one the compiler spills the inner loop's offsets.
 */
static __attribute__((noinline)) void conv_sum_one(const struct conv_sum *s, int pixels,
                                                   int o)
{
    conv_sum_row(s, pixels, o, CONV_ONE);
}

static __attribute__((noinline)) void conv_sum_two(const struct conv_sum *s, int pixels,
                                                   int o)
{
    conv_sum_row(s, pixels, o, CONV_TWO);
}

static __attribute__((noinline)) void conv_sum_two_rows(const struct conv_sum *s,
                                                        int pixels, int o)
{
    conv_sum_row(s, pixels, o, CONV_TWO_ROWS);
}

/* The first channels of out, rounded up to vectors, of one or two rows of pixels. The
 * second row's taps begin one row of taps below the first's. */
static void conv_sum_channels(const struct conv_sum *s, int pixels, int channels,
                              int rows)
{
    struct conv_sum below = *s;
    below.in += s->tap_row;
    below.out += s->out_row;
    int o = 0;
    for (; channels - o > VEC_FLOATS; o += 2 * VEC_FLOATS) {
        for (int row = 0; row < rows; row++)
            conv_sum_two(row == 0 ? s : &below, pixels, o);
    }
    if (o < channels && rows > 1)
        conv_sum_two_rows(s, pixels, o);
    else if (o < channels)
        conv_sum_one(s, pixels, o);
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

#define CONV_VECTOR_CASE(v)                                                              \
    case (v):                                                                            \
        if ((v) <= most)                                                                 \
            conv_sum_vectors(s, x, o, n, (v));                                           \
        break;

/* Pixels 0 .. pixels - 1, rounded up to vectors, of n channels from o on, in chunks of
 * nearly the same size. */
HOST_INLINE void conv_sum_plane_rows(const struct conv_planes *s, int pixels, int o,
                                     int n)
{
    const int most = CONV_VECTORS(n);
    int vectors = (pixels + VEC_FLOATS - 1) / VEC_FLOATS, x = 0;
    for (int left = (vectors + most - 1) / most; left > 0; left--) {
        int v = (vectors + left - 1) / left;
        /* clang-format off */
        switch (v) {
            CONV_VECTOR_CASE(1) CONV_VECTOR_CASE(2) CONV_VECTOR_CASE(3)
            CONV_VECTOR_CASE(4) CONV_VECTOR_CASE(5) CONV_VECTOR_CASE(6)
            CONV_VECTOR_CASE(7) CONV_VECTOR_CASE(8)
        }
        /* clang-format on */
        x += v * VEC_FLOATS;
        vectors -= v;
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
#undef CONV_VECTOR_CASE
#undef CONV_PLANE_CASE

#endif
