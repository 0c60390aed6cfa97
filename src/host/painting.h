/* Rows of pictures and paintings, one array of floats a color (shaders/painting.glsl). */
#ifndef DAUB_HOST_PAINTING_H
#define DAUB_HOST_PAINTING_H

#include "host/view.h"

/* A map whose pixels are R G B, or blocks of pixels as SpaceToDepth makes them. */
struct host_picture {
    float *x;
    int stride; /* pixels from row to row, a multiple of block */
    int block;  /* side of the blocks; 1: a vec4 a pixel */
    int crd;    /* order of a block's channels: CRD, else DCR */
};

/* Floats of a block, padding channels included. */
HOST_INLINE size_t picture_block_floats(int block)
{
    return (size_t)(3 * block * block + 3) / 4 * 4;
}

/* First block of the row of blocks that holds picture row y. */
HOST_INLINE float *picture_blocks(const struct host_picture *picture, int y)
{
    size_t blocks = (size_t)(picture->stride / picture->block);
    return picture->x +
           (size_t)(y / picture->block) * blocks * picture_block_floats(picture->block);
}

/* Channel of color i at row y, column x inside a block. */
HOST_INLINE int picture_channel(const struct host_picture *picture, int y, int x, int i)
{
    int phase = y * picture->block + x;
    return picture->crd ? i * picture->block * picture->block + phase : phase * 3 + i;
}

HOST_INLINE void picture_split(const float *restrict from, int n, float *restrict r,
                               float *restrict g, float *restrict b)
{
    for (int x = 0; x < n; x++) {
        r[x] = from[4 * (size_t)x];
        g[x] = from[4 * (size_t)x + 1];
        b[x] = from[4 * (size_t)x + 2];
    }
}

/* Every block's channel ch, to every block-th float. */
HOST_INLINE void picture_gather(const float *restrict from, size_t block_floats, int n,
                                float *restrict to, int block)
{
    for (size_t i = 0; i < (size_t)n; i++)
        to[i * (size_t)block] = from[i * block_floats];
}

/* Reads n pixels of row y. */
HOST_INLINE void picture_read_row(const struct host_picture *picture, int y, int n,
                                  float *const rgb[3])
{
    const float *from = picture_blocks(picture, y);
    int block = picture->block;
    if (block == 1) {
        picture_split(from, n, rgb[0], rgb[1], rgb[2]);
        return;
    }
    for (int x = 0; x < block; x++) {
        for (int i = 0; i < 3; i++)
            picture_gather(from + picture_channel(picture, y % block, x, i),
                           picture_block_floats(block), (n - x + block - 1) / block,
                           rgb[i] + x, block);
    }
}

/* Applies the view's affine map and activation, whose first three channels are R G B, to
 * n pixels; rows are a multiple of VEC_FLOATS long. */
HOST_INLINE void picture_apply_view(const struct host_view *view, int n,
                                    float *const rgb[3])
{
    if (!view->affine && view->act == NET_ACT_NONE)
        return;
    for (int i = 0; i < 3; i++) {
        const vec a = vec_all(view->affine ? view->affine[0][i] : 1.0f);
        const vec b = vec_all(view->affine ? view->affine[1][i] : 0.0f);
        for (int x = 0; x < n; x += VEC_FLOATS) {
            vec *v = (vec *)(rgb[i] + x);
            vec from = view->affine ? vec_mad(a, *v, b) : *v;
            *v = vec_activate(view->act, view->alpha, view->beta, vec_all(0.0f), from);
        }
    }
}

#endif
