/* One sweep of Jacobi's iteration for the equations of flow_terms.c, accelerated by
 * Chebyshev weights (shaders/flow_refine.comp). */
#include "host/flow.h"
#include "host/view.h"

/* Elements x, y, z, w of each pixel of vectors a and b; those of b from VEC_FLOATS on. */
#if VEC_FLOATS == 16
#define SHUFFLE(a, b, x, y, z, w)                                                        \
    __builtin_shufflevector(a, b, x, y, z, w, x + 4, y + 4, z + 4, w + 4, x + 8, y + 8,  \
                            z + 8, w + 8, x + 12, y + 12, z + 12, w + 12)
#elif VEC_FLOATS == 8
#define SHUFFLE(a, b, x, y, z, w)                                                        \
    __builtin_shufflevector(a, b, x, y, z, w, x + 4, y + 4, z + 4, w + 4)
#else
#define SHUFFLE(a, b, x, y, z, w) __builtin_shufflevector(a, b, x, y, z, w)
#endif

static struct host_work work(const struct host_call *call)
{
    const struct flow_refine_push *push = &call->push.flow_refine;
    return (struct host_work){push->h, (size_t)push->w * 4};
}

static size_t scratch_bytes(const struct host_call *call)
{
    return 4 * flow_row_floats(call->push.flow_refine.w) * sizeof(float);
}

/* Rows of n floats; here also has a pixel beyond each end. */
struct rows {
    const float *above, *here, *below; /* of the field */
    const float *matrix, *offset;      /* flow_terms.c */
    float *refined; /* holds the field of two sweeps ago, unless weight is 1 */
};

HOST_INLINE void refine(const struct rows *r, size_t n, float weight, bool accelerate)
{
    for (size_t i = 0; i < n; i += VEC_FLOATS) {
        const vec sum = *(const vec *)(r->here + i - 4) +
                        *(const vec *)(r->here + i + 4) + flow_load(r->above + i, n - i) +
                        flow_load(r->below + i, n - i);
        const vec offset = flow_load(r->offset + i, n - i);
        const vec products =
            flow_load(r->matrix + i, n - i) * SHUFFLE(sum, sum, 0, 0, 1, 1);
        vec u = offset + (products + SHUFFLE(products, products, 2, 3, 0, 1));
        if (accelerate) {
            const vec previous = flow_load(r->refined + i, n - i);
            u = vec_mad(vec_all(weight), u - previous, previous);
        }
        flow_store(r->refined + i, n - i,
                   SHUFFLE(u, offset, 0, 1, VEC_FLOATS + 2, VEC_FLOATS + 3));
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct flow_refine_push *push = &call->push.flow_refine;
    const int h = push->h;
    const size_t n = 4 * (size_t)push->w;
    const float *field = call->slot[FLOW_REFINE_FIELD];
    const float *terms = call->slot[FLOW_REFINE_TERMS];
    float *here = (float *)scratch + FLOW_BORDER;
    for (int y = first; y < end; y++) {
        const size_t at = (size_t)y * n;
        memcpy(here, field + at, n * sizeof(float));
        memcpy(here - 4, here, sizeof(vec4));
        memcpy(here + n, here + n - 4, sizeof(vec4));
        const struct rows r = {field + (size_t)int_max(y - 1, 0) * n,
                               here,
                               field + (size_t)int_min(y + 1, h - 1) * n,
                               terms + 2 * at,
                               terms + 2 * at + n,
                               (float *)call->slot[FLOW_REFINE_RESULT] + at};
        if (push->weight == 1)
            refine(&r, n, 1, false);
        else
            refine(&r, n, push->weight, true);
    }
}

extern const struct host_kernel HOST(host_flow_refine);
const struct host_kernel HOST(host_flow_refine) = {work, scratch_bytes, run};
