/* Runs of the painting's pixels as vec4 R G B: as painting.h reads them, but side by
 * side. */
#ifndef DAUB_HOST_PIXELS_H
#define DAUB_HOST_PIXELS_H

#include "host/painting.h"

struct host_painting {
    struct host_view view;
    struct host_picture picture;
    float scale, shift; /* network value to 0..1 */
};

HOST_INLINE struct host_painting host_painting(const struct host_call *call, int stride,
                                               float scale, float shift)
{
    const struct kernel_constants *k = &call->constants;
    return (struct host_painting){
        host_view0(call),
        {call->slot[SLOT_INPUT0], stride, k->PAINTED_BLOCK, k->PAINTED_CRD},
        scale,
        shift};
}

HOST_INLINE void pixels_read(const struct host_picture *p, int x, int y, int n, vec4 *out)
{
    const float *from = picture_blocks(p, y);
    if (p->block == 1) {
        memcpy(out, from + 4 * (size_t)x, (size_t)n * sizeof(vec4));
        return;
    }
    size_t block_floats = picture_block_floats(p->block);
    size_t color = p->crd ? (size_t)(p->block * p->block) : 1, pixel = p->crd ? 1 : 3;
    int in_block = x % p->block;
    from += (size_t)(x / p->block) * block_floats +
            (size_t)picture_channel(p, y % p->block, 0, 0);
    for (int i = 0; i < n; i++) {
        const float *at = from + (size_t)in_block * pixel;
        out[i] = (vec4){at[0], at[color], at[2 * color], 0};
        if (++in_block == p->block) {
            in_block = 0;
            from += block_floats;
        }
    }
}

HOST_INLINE vec vec_of_vec4(vec4 x)
{
#if VEC_FLOATS == 4
    return x;
#else
    vec out;
    for (int i = 0; i < VEC_FLOATS; i++)
        out[i] = x[i % 4];
    return out;
#endif
}

/* act is given apart, so that it can be a constant. */
HOST_INLINE void pixels_apply(const struct host_painting *p, enum net_act act, int n,
                              vec4 *pixels)
{
    const struct host_view *view = &p->view;
    vec a = vec_of_vec4(view->affine ? view->affine[0] : vec4_all(1));
    vec b = vec_of_vec4(view->affine ? view->affine[1] : vec4_all(0));
    vec scale = vec_all(p->scale), shift = vec_all(p->shift);
    for (int i = 0; i < n; i += VEC_FLOATS / 4) {
        vec x = *(vec *)(pixels + i);
        if (view->affine)
            x = vec_mad(a, x, b);
        x = vec_mad(vec_activate(act, view->alpha, view->beta, (vec){0}, x), scale,
                    shift);
        *(vec *)(pixels + i) = vec_clamp(x, vec_all(0), vec_all(1));
    }
}

enum { PIXELS_SPARE = VEC_FLOATS / 4 - 1 }; /* that pixels_painted may write after n */

/* Colors (0..1) of n pixels of row y, from x on; the fourth element is undefined. */
HOST_INLINE void pixels_painted(const struct host_painting *p, int x, int y, int n,
                                vec4 *out)
{
    pixels_read(&p->picture, x, y, n, out);
    for (int i = n; i < n + PIXELS_SPARE; i++)
        out[i] = vec4_all(0);
    if (p->view.act == NET_ACT_NONE)
        pixels_apply(p, NET_ACT_NONE, n, out);
    else if (p->view.act == NET_ACT_TANH)
        pixels_apply(p, NET_ACT_TANH, n, out);
    else
        pixels_apply(p, p->view.act, n, out);
}

#endif
