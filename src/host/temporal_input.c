/* The input of a network of seven channels: the picture, the previous output warped along
 * the flow, and a mask that is 1 where the confidence is at least 0.5
 * (shaders/temporal_input.comp). */
#include "host/history.h"

static struct host_work work(const struct host_call *call)
{
    const struct temporal_input_push *push = &call->push.temporal_input;
    return (struct host_work){push->net_h, (size_t)push->net_w * 8};
}

/* The warped output of a picture row, in the network's range. */
static size_t scratch_bytes(const struct host_call *call)
{
    return (size_t)call->push.temporal_input.w * sizeof(vec4);
}

/* R G B and the mask of row y. */
static void warp_row(const struct host_call *call, int y, vec4 *out)
{
    const struct temporal_input_push *push = &call->push.temporal_input;
    const struct coarse_map confidence = {call->slot[TEMPORAL_INPUT_CONFIDENCE],
                                          push->confidence_w, push->confidence_h, 1,
                                          (float)push->step};
    for (int x = 0; x < push->w; x += RUN) {
        struct motion_run motion;
        struct history_run from = {0};
        vec4 warped[RUN];
        int n = int_min(RUN, push->w - x);
        history_positions(&confidence, x, y, n, push->w, push->h, &motion, &from);
        for (int i = 0; i < RUN; i++)
            from.used[i] = from.used[i] >= 0.5f ? 1 : 0;
        history_row(call->slot[TEMPORAL_INPUT_HISTORY], push->w, push->h, &from, n,
                    warped);
        for (int i = 0; i < n; i++) {
            vec4 v = vec4_clamp(warped[i], vec4_all(0), vec4_all(1));
            v = vec4_mad(v, vec4_all(push->scale), vec4_all(push->shift));
            out[x + i] = from.used[i] != 0 ? (vec4){v[0], v[1], v[2], 1} : vec4_all(0);
        }
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct temporal_input_push *push = &call->push.temporal_input;
    const bool has_history = call->constants.own.temporal_input.HAS_HISTORY != 0;
    const vec4 *picture = call->slot[TEMPORAL_INPUT_PICTURE];
    vec4 *result = call->slot[TEMPORAL_INPUT_RESULT], *warped = scratch;
    for (int y = first; y < end; y++) {
        size_t at = (size_t)y * (size_t)push->net_w;
        if (has_history)
            warp_row(call, pad_index(NET_PAD_REFLECT, y, push->h), warped);
        for (int x = 0; x < push->net_w; x++) {
            vec4 rgb = picture[at + (size_t)x], w = {0};
            if (has_history)
                w = warped[pad_index(NET_PAD_REFLECT, x, push->w)];
            result[2 * (at + (size_t)x)] = (vec4){rgb[0], rgb[1], rgb[2], w[0]};
            result[2 * (at + (size_t)x) + 1] = (vec4){w[1], w[2], w[3], 0};
        }
    }
}

extern const struct host_kernel HOST(host_temporal_input);
const struct host_kernel HOST(host_temporal_input) = {work, scratch_bytes, run};
