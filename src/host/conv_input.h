/* Rows of a convolution's input as its kernels read them: the view applied, upsampled and
 * padded, [x][channel] floats without padding channels. */
#ifndef DAUB_HOST_CONV_INPUT_H
#define DAUB_HOST_CONV_INPUT_H

#include "host/view.h"

struct host_rows {
    struct host_view view;
    int h, w;               /* of the stored map */
    int channels;           /* of a pixel */
    int up;                 /* log2 of the nearest upsampling */
    int pad;                /* NET_PAD_ZERO, NET_PAD_REFLECT or NET_PAD_EDGE */
    float *factor, *offset; /* the affine map, [channel] each; NULL: none */
};

/* Floats that a row of that many pixels may use: the last pixel is written in whole
 * blocks of four channels. */
HOST_INLINE size_t host_row_floats(int pixels, int channels)
{
    return ((size_t)pixels * (size_t)channels + 3 + 15) / 16 * 16;
}

/* Floats of memory for host_rows_start. */
HOST_INLINE size_t host_rows_scratch(int channels)
{
    return ((size_t)channels + 3 + 15) / 16 * 32;
}

HOST_INLINE struct host_rows host_rows_start(const struct host_call *call, int h, int w,
                                             int channels, int up, int pad,
                                             float *scratch)
{
    struct host_rows rows = {host_view0(call), h, w, channels, up, pad, NULL, NULL};
    if (!rows.view.affine)
        return rows;
    rows.factor = scratch;
    rows.offset = scratch + host_rows_scratch(channels) / 2;
    for (int c = 0; 4 * c < channels; c++) {
        *(vec4 *)(rows.factor + 4 * c) = rows.view.affine[2 * c];
        *(vec4 *)(rows.offset + 4 * c) = rows.view.affine[2 * c + 1];
    }
    return rows;
}

/* Neighboring pixels. Each is stored in whole vectors; the next one overwrites what is
 * beyond its channels. */
HOST_INLINE void host_rows_copy(const struct host_rows *rows, const float *from,
                                int count, float *to, bool affine, enum net_act act)
{
    const int channels = rows->channels, stored = (channels + 3) / 4 * 4;
    const float alpha = rows->view.alpha, beta = rows->view.beta;
    const float *factor = rows->factor, *offset = rows->offset;
    if (channels % VEC_FLOATS == 0) {
        for (int i = 0; i < count; i++, from += stored, to += channels) {
            for (int c = 0; c < channels; c += VEC_FLOATS) {
                vec x = *(const vec *)(from + c);
                if (affine)
                    x = vec_mad(*(const vec *)(factor + c), x,
                                *(const vec *)(offset + c));
                *(vec *)(to + c) = vec_activate(act, alpha, beta, (vec){0}, x);
            }
        }
        return;
    }
    for (int i = 0; i < count; i++, from += stored, to += channels) {
        for (int c = 0; c < stored; c += 4) {
            vec4 x = *(const vec4 *)(from + c);
            if (affine)
                x = vec4_mad(*(const vec4 *)(factor + c), x, *(const vec4 *)(offset + c));
            *(vec4 *)(to + c) = vec4_activate(act, alpha, beta, (vec4){0}, x);
        }
    }
}

static void host_rows_pixels(const struct host_rows *rows, const float *from, int count,
                             float *to)
{
    bool affine = rows->factor != NULL;
    if (affine && rows->view.act == NET_ACT_RELU)
        host_rows_copy(rows, from, count, to, true, NET_ACT_RELU);
    else if (affine && rows->view.act == NET_ACT_NONE)
        host_rows_copy(rows, from, count, to, true, NET_ACT_NONE);
    else if (rows->view.act == NET_ACT_NONE)
        host_rows_copy(rows, from, count, to, false, NET_ACT_NONE);
    else
        host_rows_copy(rows, from, count, to, affine, rows->view.act);
}

/* Pixels x .. x + count - 1 of row y of the upsampled map, or of its padding. to:
 * host_row_floats. */
static inline __attribute__((unused)) void
host_rows_fill(const struct host_rows *rows, int y, int x, int count, float *to)
{
    const int h = rows->h << rows->up, w = rows->w << rows->up;
    const size_t channels = (size_t)rows->channels, stored = (channels + 3) / 4 * 4;
    const bool zero = rows->pad == NET_PAD_ZERO;
    if (zero && (y < 0 || y >= h)) {
        memset(to, 0, (size_t)count * channels * sizeof(float));
        return;
    }
    const float *row =
        (const float *)rows->view.x +
        (size_t)(pad_index(rows->pad, y, h) >> rows->up) * (size_t)rows->w * stored;
    for (int i = 0; i < count;) {
        int n = 1, at = x + i;
        if (zero && (at < 0 || at >= w)) {
            memset(to, 0, channels * sizeof(float));
        } else {
            if (rows->up == 0 && at >= 0 && at < w)
                n = int_min(count - i, w - at);
            const float *from =
                row + (size_t)(pad_index(rows->pad, at, w) >> rows->up) * stored;
            host_rows_pixels(rows, from, n, to);
        }
        i += n;
        to += (size_t)n * channels;
    }
}

#endif
