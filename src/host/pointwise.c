/* Element by element: out = act(view0 OP view1), with broadcasting
 * (shaders/pointwise.comp). Works on short runs of pixels, which stay in the first cache
 * from one operation to the next. */
#include "host/row.h"

#define AXIS_ENUM(name, bit) AXIS_##name = (bit),
enum { BROADCAST_AXES(AXIS_ENUM) };

enum { RUN_FLOATS = 1024 };

static size_t run_pixels(const struct pointwise_push *push)
{
    size_t n = RUN_FLOATS / ((size_t)push->c4 * 4);
    return n < 1 ? 1 : n;
}

static struct host_work work(const struct host_call *call)
{
    const struct pointwise_push *push = &call->push.pointwise;
    return (struct host_work){push->h, (size_t)push->w * (size_t)push->c4 * 4};
}

static size_t scratch_bytes(const struct host_call *call)
{
    const struct pointwise_push *push = &call->push.pointwise;
    size_t run = row_round(run_pixels(push) * (size_t)push->c4 * 4);
    return (3 * row_round(row_function_floats(push->c4)) + 2 * run) * sizeof(float);
}

struct operand {
    const float *map;
    struct row_function function;
    int axes;          /* broadcast */
    size_t row, pixel; /* floats; 0 where the axis is broadcast */
    float *buffer;     /* a run */
};

static struct operand operand(const struct host_call *call, struct host_view view,
                              int axes, void **scratch)
{
    const struct pointwise_push *push = &call->push.pointwise;
    int c4 = axes & AXIS_C ? 1 : push->c4;
    size_t pixel = 4 * (size_t)c4;
    size_t row = axes & AXIS_W ? pixel : (size_t)push->w * pixel;
    return (struct operand){
        .map = (const float *)view.x,
        .function = HOST(row_of_view)(&view, c4, scratch),
        .axes = axes,
        .row = axes & AXIS_H ? 0 : row,
        .pixel = axes & AXIS_W ? 0 : pixel,
        .buffer = row_take(scratch, run_pixels(push) * (size_t)push->c4 * 4)};
}

/* The operand's values at `count` pixels from x on, of `pixel` floats each: where they
 * are stored, or in the operand's buffer. */
static const float *values(const struct operand *o, int y, int x, int count, size_t pixel)
{
    const float *from = o->map + (size_t)y * o->row + (size_t)x * o->pixel;
    if (!(o->axes & (AXIS_W | AXIS_C))) {
        if (!row_changes(&o->function))
            return from;
        HOST(row_apply)(&o->function, from, (size_t)count * pixel, o->buffer);
        return o->buffer;
    }
    for (int i = 0; i < count; i++) {
        float *to = o->buffer + (size_t)i * pixel;
        if (i > 0 && (o->axes & AXIS_W)) {
            row_copy(to, o->buffer, pixel);
        } else if (o->axes & AXIS_C) {
            vec4 first;
            HOST(row_apply)
            (&o->function, from + (size_t)i * o->pixel, 4, (float *)&first);
            row_fill(to, first[0], pixel);
        } else {
            HOST(row_apply)(&o->function, from, pixel, to);
        }
    }
    return o->buffer;
}

#define COMBINE(OPERATION)                                                               \
    do {                                                                                 \
        size_t i = 0;                                                                    \
        for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)                                     \
            *(vec *)(to + i) =                                                           \
                OPERATION(vec, veci, *(const vec *)(a + i), *(const vec *)(b + i));      \
        for (; i < n; i += 4)                                                            \
            *(vec4 *)(to + i) =                                                          \
                OPERATION(vec4, vec4i, *(const vec4 *)(a + i), *(const vec4 *)(b + i));  \
    } while (0)

#define ADD(name, mask, x, y)           ((x) + (y))
#define SUB(name, mask, x, y)           ((x) - (y))
#define MUL(name, mask, x, y)           ((x) * (y))
#define DIV(name, mask, x, y)           ((x) / (y))
#define POW(name, mask, x, y)           name##_power(x, y)
#define MIN(name, mask, x, y)           name##_min(x, y)
#define MAX(name, mask, x, y)           name##_max(x, y)
#define GREATER(name, mask, x, y)       name##_one_where((mask)((x) > (y)))
#define GREATER_EQUAL(name, mask, x, y) name##_one_where((mask)((x) >= (y)))
#define LESS(name, mask, x, y)          name##_one_where((mask)((x) < (y)))
#define LESS_EQUAL(name, mask, x, y)    name##_one_where((mask)((x) <= (y)))
#define EQUAL(name, mask, x, y)         name##_one_where((mask)((x) == (y)))

/* Padding channels, where 0 / 0 is no number, become 0 afterwards. */
static void combine(int op, const float *a, const float *b, size_t n, float *to)
{
    switch ((enum net_binary)op) {
#define CASE(NAME, number)                                                               \
    case NET_BINARY_##NAME:                                                              \
        COMBINE(NAME);                                                                   \
        break;
        BINARIES(CASE)
#undef CASE
    }
}

static void clear_padding(float *to, int count, size_t pixel, int used)
{
    vec4i mask = (vec4i){0, 1, 2, 3} < used;
    for (int i = 0; i < count; i++) {
        vec4 *last = (vec4 *)(to + (size_t)(i + 1) * pixel - 4);
        *last = vec4_select(mask, *last, (vec4){0});
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct pointwise_push *push = &call->push.pointwise;
    const struct pointwise_constants *k = &call->constants.own.pointwise;
    const struct operand a = operand(call, host_view0(call), k->BROADCAST0, &scratch);
    struct operand b = {0};
    if (k->OP != 0)
        b = operand(call, host_view1(call), k->BROADCAST1, &scratch);
    const struct row_function output =
        HOST(row_of_output)(call, call->slot[SLOT_PARAMS], push->c4, &scratch);
    const size_t pixel = 4 * (size_t)push->c4;
    const int step = (int)run_pixels(push);
    for (int y = first; y < end; y++) {
        float *row =
            (float *)call->slot[SLOT_OUTPUT] + (size_t)y * (size_t)push->w * pixel;
        for (int x = 0; x < push->w; x += step) {
            int count = int_min(step, push->w - x);
            size_t n = (size_t)count * pixel;
            float *to = row + (size_t)x * pixel;
            const float *v = values(&a, y, x, count, pixel);
            if (k->OP != 0) {
                combine(k->OP, v, values(&b, y, x, count, pixel), n, to);
                v = to;
            }
            if (row_changes(&output))
                HOST(row_apply)(&output, v, n, to);
            else if (v != to)
                row_copy(to, v, n);
            if (push->channels % 4)
                clear_padding(to, count, pixel, push->channels % 4);
        }
    }
}

extern const struct host_kernel HOST(host_pointwise);
const struct host_kernel HOST(host_pointwise) = {work, scratch_bytes, run};
