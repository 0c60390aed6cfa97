/* The next level of a luma pyramid: means of 2 x 2 pixels (shaders/flow_half.comp). */
#include "host/view.h"

static struct host_work work(const struct host_call *call)
{
    const struct flow_half_push *push = &call->push.flow_half;
    return (struct host_work){push->h, (size_t)push->w * 4};
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)scratch;
    const struct flow_half_push *push = &call->push.flow_half;
    const float *luma = call->slot[FLOW_HALF_LUMA];
    for (int y = first; y < end; y++) {
        const float *above = luma + (size_t)(2 * y) * (size_t)push->in_w;
        const float *below =
            luma + (size_t)int_min(2 * y + 1, push->in_h - 1) * (size_t)push->in_w;
        float *to = (float *)call->slot[FLOW_HALF_SMALLER] + (size_t)y * (size_t)push->w;
        const int pairs = push->in_w / 2;
        for (int x = 0; x < pairs; x++)
            to[x] = 0.25f *
                    (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]);
        if (pairs < push->w) { /* the last column has one pixel only */
            const float a = above[2 * pairs], b = below[2 * pairs];
            to[pairs] = 0.25f * (a + a + b + b);
        }
    }
}

extern const struct host_kernel HOST(host_flow_half);
const struct host_kernel HOST(host_flow_half) = {work, NULL, run};
