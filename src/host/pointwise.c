/* Element by element: out = act(view0 OP view1), with broadcasting
 * (shaders/pointwise.comp). */
#include "host/view.h"

#define AXIS_ENUM(name, bit) AXIS_##name = (bit),
enum { BROADCAST_AXES(AXIS_ENUM) };

static int part_rows(const struct host_call *call)
{
    const struct pointwise_push *push = &call->push.pointwise;
    return host_part_rows(push->h, (size_t)push->w * (size_t)push->c4 * 4);
}

static size_t parts(const struct host_call *call)
{
    return host_part_count(call->push.pointwise.h, part_rows(call));
}

/* An operand: steps in vectors from row to row, pixel to pixel, block to block; 0 where
 * the axis is broadcast. */
struct operand {
    struct host_view view;
    size_t row, pixel, block;
    bool one_channel;
};

static struct operand operand(struct host_view view, int broadcast,
                              const struct pointwise_push *push)
{
    size_t block = broadcast & AXIS_C ? 0 : 1;
    size_t pixel = broadcast & AXIS_C ? 1 : (size_t)push->c4;
    size_t row = broadcast & AXIS_W ? pixel : (size_t)push->w * pixel;
    return (struct operand){view, broadcast & AXIS_H ? 0 : row,
                            broadcast & AXIS_W ? 0 : pixel, block, broadcast & AXIS_C};
}

HOST_INLINE vec4 value(const struct operand *o, int y, int x, int c)
{
    size_t at = (size_t)y * o->row + (size_t)x * o->pixel + (size_t)c * o->block;
    vec4 v = host_view_at(&o->view, at, o->one_channel ? 0 : c);
    return o->one_channel ? vec4_all(v[0]) : v;
}

HOST_INLINE vec4 combine(int op, vec4 a, vec4 b, vec4i used)
{
    switch ((enum net_binary)op) {
    case NET_BINARY_ADD:
        return a + b;
    case NET_BINARY_SUB:
        return a - b;
    case NET_BINARY_MUL:
        return a * b;
    default: /* a padding channel would be divided by zero */
        return a / vec4_select(used, b, vec4_all(1));
    }
}

static void run(const struct host_call *call, size_t part, void *scratch)
{
    (void)scratch;
    const struct pointwise_push *push = &call->push.pointwise;
    const struct kernel_constants *k = &call->constants;
    const struct operand a = operand(host_view0(call), k->own.pointwise.BROADCAST0, push);
    const struct operand b = operand(host_view1(call), k->own.pointwise.BROADCAST1, push);
    const vec4 *slopes = k->ACT == NET_ACT_PRELU ? call->slot[SLOT_PARAMS] : NULL;
    vec4 *out = call->slot[SLOT_OUTPUT];
    int rows = part_rows(call), first = (int)part * rows;
    for (int y = first; y < first + rows && y < push->h; y++) {
        vec4 *to = out + (size_t)y * (size_t)push->w * (size_t)push->c4;
        for (int x = 0; x < push->w; x++) {
            for (int c = 0; c < push->c4; c++) {
                vec4i used = ((vec4i){0, 1, 2, 3} + 4 * c) < push->channels;
                vec4 v = value(&a, y, x, c);
                if (k->own.pointwise.OP != 0)
                    v = combine(k->own.pointwise.OP, v, value(&b, y, x, c), used);
                v = vec4_activate((enum net_act)k->ACT, k->ALPHA, k->BETA,
                                  slopes ? slopes[c] : (vec4){0}, v);
                to[(size_t)x * (size_t)push->c4 + (size_t)c] =
                    vec4_select(used, v, (vec4){0});
            }
        }
    }
}

extern const struct host_kernel HOST(host_pointwise);
const struct host_kernel HOST(host_pointwise) = {parts, NULL, run};
