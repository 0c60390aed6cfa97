/* Max and average pooling (shaders/pool.comp): first over the rows of the window, then
 * over its columns. */
#include "host/row.h"

static struct host_work work(const struct host_call *call)
{
    const struct pool_push *push = &call->push.pool;
    size_t in_row = (size_t)push->in_w * (size_t)push->c4 * 4;
    return (struct host_work){push->out_h, in_row * (size_t)push->stride_y};
}

/* Input rows that a window spans. */
static int window_rows(const struct host_call *call)
{
    int span = (call->constants.own.pool.KH - 1) * call->push.pool.dilation_y + 1;
    return int_min(span, int_max(call->push.pool.in_h, 1));
}

static size_t scratch_bytes(const struct host_call *call)
{
    const struct pool_push *push = &call->push.pool;
    size_t row = (size_t)push->in_w * (size_t)push->c4 * 4;
    return (row_cache_floats(push->in_w, push->c4, window_rows(call)) + row_round(row) +
            row_round(2 * (size_t)call->constants.own.pool.KH)) *
           sizeof(float);
}

/* to[i] = initial OP rows[0][i] OP rows[1][i] ..., where OP is the maximum or the sum. */
#define JOIN_AT(type, name)                                                              \
    do {                                                                                 \
        type v = name##_all(initial);                                                    \
        for (int r = 0; r < count; r++) {                                                \
            type x = *(const type *)(rows[r] + i);                                       \
            if (largest)                                                                 \
                v = name##_max(v, x);                                                    \
            else                                                                         \
                v += x;                                                                  \
        }                                                                                \
        *(type *)(to + i) = v;                                                           \
    } while (0)

HOST_INLINE void join_rows(bool largest, float initial, const float *const *rows,
                           int count, size_t n, float *to)
{
    size_t i = 0;
    for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
        JOIN_AT(vec, vec);
    for (; i < n; i += 4)
        JOIN_AT(vec4, vec4);
}

/* The same over `count` pixels, `step` floats apart; then divided. */
#define JOIN_PIXELS_AT(type, name)                                                       \
    do {                                                                                 \
        type v = name##_all(initial);                                                    \
        for (int p = 0; p < count; p++) {                                                \
            type x = *(const type *)(from + (size_t)p * step + i);                       \
            if (largest)                                                                 \
                v = name##_max(v, x);                                                    \
            else                                                                         \
                v += x;                                                                  \
        }                                                                                \
        if (!largest)                                                                    \
            v /= divisor;                                                                \
        *(type *)(to + i) = v;                                                           \
    } while (0)

HOST_INLINE void join_pixels(bool largest, float initial, float divisor,
                             const float *from, int count, size_t step, size_t n,
                             float *to)
{
    size_t i = 0;
    for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
        JOIN_PIXELS_AT(vec, vec);
    for (; i < n; i += 4)
        JOIN_PIXELS_AT(vec4, vec4);
}

/* Which of the window's rows or columns lie inside the map, first..end-1, and how many
 * count as pixels of an average. */
struct span {
    int first, end, counted;
};

static struct span span(int kind, int start, int dilation, int taps, int n, int padding)
{
    struct span s = {taps, 0, 0};
    for (int k = 0; k < taps; k++) {
        int i = start + k * dilation;
        bool inside = i >= 0 && i < n;
        if (inside) {
            s.first = int_min(s.first, k);
            s.end = k + 1;
        }
        s.counted += inside || (kind == NET_POOL_AVERAGE_PADDED && i < n + padding);
    }
    s.first = int_min(s.first, s.end);
    return s;
}

HOST_INLINE void pool_row(const struct host_call *call, bool largest, const float *joined,
                          int rows_counted, float *to)
{
    const struct pool_push *push = &call->push.pool;
    const struct pool_constants *k = &call->constants.own.pool;
    const float initial = largest ? -3.0e38f : 0.0f;
    const size_t pixel = 4 * (size_t)push->c4;
    for (int x = 0; x < push->out_w; x++) {
        int start = x * push->stride_x - push->left;
        struct span s =
            span(k->KIND, start, push->dilation_x, k->KW, push->in_w, push->right);
        size_t at = s.first < s.end ? (size_t)(start + s.first * push->dilation_x) : 0;
        float divisor = (float)int_max(rows_counted * s.counted, 1);
        join_pixels(largest, initial, divisor, joined + at * pixel, s.end - s.first,
                    (size_t)push->dilation_x * pixel, pixel, to + (size_t)x * pixel);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct pool_push *push = &call->push.pool;
    const struct pool_constants *k = &call->constants.own.pool;
    const struct host_view view = host_view0(call);
    struct row_cache input =
        HOST(row_cache)(&view, push->in_w, push->c4, window_rows(call), &scratch);
    float *joined = row_take(&scratch, input.row);
    const float **window = (const float **)row_take(&scratch, 2 * (size_t)k->KH);
    const size_t out_row = (size_t)push->out_w * (size_t)push->c4 * 4;
    for (int y = first; y < end; y++) {
        int start = y * push->stride_y - push->top;
        struct span s =
            span(k->KIND, start, push->dilation_y, k->KH, push->in_h, push->bottom);
        for (int ky = s.first; ky < s.end; ky++)
            window[ky - s.first] = HOST(row_get)(&input, start + ky * push->dilation_y);
        float *to = (float *)call->slot[SLOT_OUTPUT] + (size_t)y * out_row;
        if (k->KIND == NET_POOL_MAX) {
            join_rows(true, -3.0e38f, window, s.end - s.first, input.row, joined);
            pool_row(call, true, joined, s.counted, to);
        } else {
            join_rows(false, 0, window, s.end - s.first, input.row, joined);
            pool_row(call, false, joined, s.counted, to);
        }
    }
}

extern const struct host_kernel HOST(host_pool);
const struct host_kernel HOST(host_pool) = {work, scratch_bytes, run};
