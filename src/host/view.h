/* Maps and views as the kernels read them: [h][w][c / 4] vec4, padding channels 0. */
#ifndef DAUB_HOST_VIEW_H
#define DAUB_HOST_VIEW_H

#include "host/act.h"
#include "host/host.h"

/* A view's pending affine map and activation. */
struct host_view {
    const vec4 *x;      /* the stored map */
    const vec4 *affine; /* [c / 4][2]: factor, offset; NULL: none pending */
    enum net_act act;
    float alpha, beta;
};

HOST_INLINE struct host_view host_view0(const struct host_call *call)
{
    const struct kernel_constants *k = &call->constants;
    return (struct host_view){call->slot[SLOT_INPUT0],
                              k->V0_AFFINE ? call->slot[SLOT_AFFINE0] : NULL,
                              (enum net_act)k->V0_ACT, k->V0_ALPHA, k->V0_BETA};
}

HOST_INLINE struct host_view host_view1(const struct host_call *call)
{
    const struct kernel_constants *k = &call->constants;
    return (struct host_view){call->slot[SLOT_INPUT1],
                              k->V1_AFFINE ? call->slot[SLOT_AFFINE1] : NULL,
                              (enum net_act)k->V1_ACT, k->V1_ALPHA, k->V1_BETA};
}

/* The value of vector i, which belongs to channel block c. */
HOST_INLINE vec4 host_view_at(const struct host_view *view, size_t i, int c)
{
    vec4 x = view->x[i];
    if (view->affine)
        x = vec4_mad(view->affine[2 * c], x, view->affine[2 * c + 1]);
    return vec4_activate(view->act, view->alpha, view->beta, (vec4){0}, x);
}

#endif
