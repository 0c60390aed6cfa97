/* One direction of a separable resampling with edge padding (shaders/scale.comp). */
#include "host/view.h"

/* The weights of one output index. */
struct weights {
    int first; /* input index of the first */
    const float *w;
};

static struct weights weights_at(const struct host_call *call, int i, int n_in)
{
    int taps = call->constants.own.scale.TAPS;
    const float *row = call->slot[SLOT_PARAMS];
    row += (size_t)i * (size_t)((taps + 4) / 4) * 4;
    /* Farther outside all taps read the same edge pixel. */
    return (struct weights){int_clamp((int)row[0], -taps, n_in), row + 1};
}

static struct host_work work(const struct host_call *call)
{
    const struct scale_push *push = &call->push.scale;
    return (struct host_work){push->out_h, (size_t)push->out_w * 4};
}

/* A row of the input with TAPS pixels more on each side. */
static size_t scratch_bytes(const struct host_call *call)
{
    size_t taps = (size_t)call->constants.own.scale.TAPS;
    return ((size_t)call->push.scale.in_w + 2 * taps) * sizeof(vec4);
}

static void scale_columns(const struct host_call *call, int y, vec4 *scratch, vec4 *to)
{
    const struct scale_push *push = &call->push.scale;
    const struct host_view view = host_view0(call);
    int taps = call->constants.own.scale.TAPS;
    size_t row = (size_t)y * (size_t)push->in_stride;
    vec4 *from = scratch + taps;
    for (int x = 0; x < push->in_w; x++)
        from[x] = host_view_at(&view, row + (size_t)x, 0);
    for (int x = 0; x < taps; x++) {
        from[-1 - x] = from[0];
        from[push->in_w + x] = from[push->in_w - 1];
    }
    for (int x = 0; x < push->w; x++) {
        struct weights at = weights_at(call, x, push->in_w);
        vec4 sum = {0};
        for (int k = 0; k < taps; k++)
            sum += at.w[k] * from[at.first + k];
        to[x] = sum;
    }
}

static void scale_rows(const struct host_call *call, int y, vec4 *to)
{
    const struct scale_push *push = &call->push.scale;
    const struct host_view view = host_view0(call);
    const struct weights at = weights_at(call, y, push->in_h);
    for (int k = 0; k < call->constants.own.scale.TAPS; k++) {
        int sy = int_clamp(at.first + k, 0, push->in_h - 1);
        size_t row = (size_t)sy * (size_t)push->in_stride;
        for (int x = 0; x < push->w; x++) {
            vec4 sum = k > 0 ? to[x] : (vec4){0};
            to[x] = sum + at.w[k] * host_view_at(&view, row + (size_t)x, 0);
        }
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct scale_push *push = &call->push.scale;
    for (int y = first; y < end; y++) {
        vec4 *to = (vec4 *)call->slot[SLOT_OUTPUT] + (size_t)y * (size_t)push->out_w;
        int from = pad_index(NET_PAD_REFLECT, y, push->h);
        if (call->constants.own.scale.VERTICAL)
            scale_rows(call, from, to);
        else
            scale_columns(call, from, scratch, to);
        for (int x = push->w; x < push->out_w; x++)
            to[x] = to[pad_index(NET_PAD_REFLECT, x, push->w)];
    }
}

extern const struct host_kernel HOST(host_scale);
const struct host_kernel HOST(host_scale) = {work, scratch_bytes, run};
