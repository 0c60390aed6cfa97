/* Maps of the optical flow, for processors. They are those of shaders/flow.glsl but for
 * one: the memory of a frame's quads holds planes here, [h][w] floats each of I, dI/dx
 * and dI/dy, because neighboring pixels of one plane make a vector. Luma I is 0..1. */
#ifndef DAUB_HOST_FLOW_H
#define DAUB_HOST_FLOW_H

#include "host/host.h"
#include "host/vec.h"

enum {
    FLOW_PATCH = 8,   /* pixels */
    FLOW_STRIDE = 4,  /* pixels from patch to patch */
    FLOW_BORDER = 16, /* floats before the first pixel of a scratch row */
};

HOST_INLINE int flow_patch_count(int n)
{
    return n <= FLOW_PATCH ? 1 : (n - FLOW_PATCH + FLOW_STRIDE - 1) / FLOW_STRIDE + 1;
}

/* First pixel of patch p; the last patch ends at the edge of the picture. */
HOST_INLINE int flow_patch_origin(int p, int n)
{
    return int_max(int_min(p * FLOW_STRIDE, n - FLOW_PATCH), 0);
}

HOST_INLINE size_t flow_size(int w, int h)
{
    return (size_t)w * (size_t)h;
}

/* The plane of I of one parity; those of the slopes follow, size floats apart. */
HOST_INLINE const float *flow_luma(const void *planes, size_t size, int parity)
{
    return (const float *)planes + 4 * size * (size_t)parity;
}

/* ---- scratch rows of floats ---- */

/* Floats from row to row: a row can be read in whole vectors, and at least one pixel
 * beyond each end. */
HOST_INLINE size_t flow_row_floats(int w)
{
    return ((size_t)w + 31) / 16 * 16 + FLOW_BORDER;
}

/* Repeats the first and last pixel of a scratch row. */
HOST_INLINE void flow_extend(float *row, int w)
{
    row[-1] = row[0];
    for (size_t x = (size_t)w; x + FLOW_BORDER < flow_row_floats(w); x++)
        row[x] = row[w - 1];
}

/* Swaps rows and columns. */
HOST_INLINE void flow_transpose(vec4 m[4])
{
    const vec4 a = __builtin_shufflevector(m[0], m[1], 0, 4, 1, 5);
    const vec4 b = __builtin_shufflevector(m[2], m[3], 0, 4, 1, 5);
    const vec4 c = __builtin_shufflevector(m[0], m[1], 2, 6, 3, 7);
    const vec4 d = __builtin_shufflevector(m[2], m[3], 2, 6, 3, 7);
    m[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    m[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    m[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    m[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

/* Writes w pixels of four channels, each from a row of its own; NULL: 0. */
HOST_INLINE void flow_interleave(vec4 *to, const float *const rows[4], int w)
{
    for (int x = 0; x < w; x += 4) {
        vec4 m[4];
        for (int i = 0; i < 4; i++)
            m[i] = rows[i] ? *(const vec4 *)(rows[i] + x) : (vec4){0};
        flow_transpose(m);
        memcpy(to + x, m, (size_t)int_min(4, w - x) * sizeof(vec4));
    }
}

/* Reads w pixels into rows, one for each channel; NULL: not wanted. */
HOST_INLINE void flow_separate(const vec4 *from, float *const rows[4], int w)
{
    for (int x = 0; x < w; x += 4) {
        vec4 m[4] = {{0}};
        memcpy(m, from + x, (size_t)int_min(4, w - x) * sizeof(vec4));
        flow_transpose(m);
        for (int i = 0; i < 4; i++) {
            if (rows[i])
                *(vec4 *)(rows[i] + x) = m[i];
        }
    }
}

/* ---- maps whose rows need not be whole vectors ---- */

/* A vector of the n floats that are left in a map. */
HOST_INLINE vec flow_load(const float *from, size_t n)
{
    if (n >= VEC_FLOATS)
        return *(const vec *)from;
    vec v = {0};
    memcpy(&v, from, n * sizeof(float));
    return v;
}

HOST_INLINE void flow_store(float *to, size_t n, vec v)
{
    if (n >= VEC_FLOATS)
        *(vec *)to = v;
    else
        memcpy(to, &v, n * sizeof(float));
}

/* ---- positions ---- */

/* The largest whole number that is at most x, of |x| < 2^31. */
HOST_INLINE vec4i flow_floor(vec4 x)
{
    const vec4i whole = __builtin_convertvector(x, vec4i);
    return whole + (__builtin_convertvector(whole, vec4) > x);
}

HOST_INLINE vec4 flow_mix(vec4 a, vec4 b, vec4 f)
{
    return vec4_mad(f, b - a, a);
}

#endif
