/* Resize of height and width, nearest, linear or cubic, without antialiasing
 * (shaders/resize.comp). */
#include "host/row.h"

/* A part begins with the table of columns and two rows of which later rows need one. */
enum { PART_ROWS_MIN = 8 };

static struct host_work work(const struct host_call *call)
{
    const struct resize_push *push = &call->push.resize;
    size_t floats = (size_t)push->out_w * (size_t)push->c4 * 4;
    return (struct host_work){push->out_h, host_part_least(floats, PART_ROWS_MIN)};
}

static size_t scratch_bytes(const struct host_call *call)
{
    const struct resize_push *push = &call->push.resize;
    size_t out_row = (size_t)push->out_w * (size_t)push->c4 * 4;
    return (row_cache_floats(push->in_w, push->c4, 1) +
            3 * row_round((size_t)push->out_w) + 2 * row_round(out_row)) *
           sizeof(float);
}

static float coordinate(int coord, int o, int n_in, int n_out, float scale)
{
    switch ((enum net_coord)coord) {
    case NET_COORD_ASYMMETRIC:
        return (float)o / scale;
    case NET_COORD_HALF_PIXEL:
        return ((float)o + 0.5f) / scale - 0.5f;
    case NET_COORD_PYTORCH_HALF_PIXEL:
        return n_out > 1 ? ((float)o + 0.5f) / scale - 0.5f : 0.0f;
    default:
        return n_out > 1 ? (float)o * (float)(n_in - 1) / (float)(n_out - 1) : 0.0f;
    }
}

static int nearest(int mode, float i)
{
    /* Coordinates within rounding error of a whole or half number count as that number,
     * as in the shader. */
    const float grid = floorf(i * 2.0f + 0.5f) * 0.5f;
    if (fabsf(i - grid) < 1e-4f + 5e-7f * fabsf(i))
        i = grid;
    switch ((enum net_nearest)mode) {
    case NET_NEAREST_FLOOR:
        return (int)floorf(i);
    case NET_NEAREST_CEIL:
        return (int)ceilf(i);
    case NET_NEAREST_ROUND_PREFER_FLOOR:
        return (int)ceilf(i - 0.5f);
    default:
        return (int)floorf(i + 0.5f);
    }
}

/* What output row or column o reads: the first of two neighbours, and the weight of the
 * second. */
struct sample {
    int first, second;
    float weight;
};

static struct sample sample(const struct resize_constants *k, int o, int n_in, int n_out,
                            float scale)
{
    float i = coordinate(k->COORD, o, n_in, n_out, scale);
    if (k->MODE == NET_RESIZE_NEAREST) {
        int at = int_clamp(nearest(k->NEAREST, i), 0, n_in - 1);
        return (struct sample){at, at, 0};
    }
    i = float_clamp(i, 0, (float)(n_in - 1));
    int first = (int)floorf(i);
    return (struct sample){first, int_min(first + 1, n_in - 1), i - (float)first};
}

/* to = a (1 - weight) + b weight, n floats. */
HOST_INLINE void mix_row(const float *a, const float *b, float weight, size_t n,
                         float *to)
{
    size_t i = 0;
    const vec wv = vec_all(weight), rv = vec_all(1.0f - weight);
    for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
        *(vec *)(to + i) = vec_mad(*(const vec *)(b + i), wv, *(const vec *)(a + i) * rv);
    const vec4 w4 = vec4_all(weight), r4 = vec4_all(1.0f - weight);
    for (; i < n; i += 4)
        *(vec4 *)(to + i) =
            vec4_mad(*(const vec4 *)(b + i), w4, *(const vec4 *)(a + i) * r4);
}

/* The columns that the output's columns read: indices, and the weight of the second. */
struct columns {
    int *first, *second;
    float *weight;
};

static struct columns make_columns(const struct host_call *call, void **scratch)
{
    const struct resize_push *push = &call->push.resize;
    const size_t w = (size_t)push->out_w;
    struct columns columns = {(int *)row_take(scratch, w), (int *)row_take(scratch, w),
                              row_take(scratch, w)};
    for (int x = 0; x < push->out_w; x++) {
        struct sample s = sample(&call->constants.own.resize, x, push->in_w, push->out_w,
                                 push->scale_x);
        columns.first[x] = s.first;
        columns.second[x] = s.second;
        columns.weight[x] = s.weight;
    }
    return columns;
}

/* Row y of the input, resized to the output's width. Two rows are kept, of an even and
 * an odd number. */
static const float *wide_row(struct row_cache *input, const struct columns *columns,
                             size_t pixel, int width, int y, int *kept, float *rows)
{
    float *to = rows + (size_t)(y % 2) * row_round((size_t)width * pixel);
    if (kept[y % 2] == y)
        return to;
    kept[y % 2] = y;
    const float *from = HOST(row_get)(input, y);
    for (int x = 0; x < width; x++)
        mix_row(from + (size_t)columns->first[x] * pixel,
                from + (size_t)columns->second[x] * pixel, columns->weight[x], pixel,
                to + (size_t)x * pixel);
    return to;
}

/* Weights of the four neighbours by Keys' cubic; t: from the second one. */
static void cubic_weights(float a, float t, float weight[4])
{
    const float r = 1.0f - t;
    weight[0] = a * t * r * r;
    weight[1] = ((a + 2.0f) * t - (a + 3.0f)) * t * t + 1.0f;
    weight[2] = ((a + 2.0f) * r - (a + 3.0f)) * r * r + 1.0f;
    weight[3] = a * r * t * t;
}

/* What output row or column o reads of n_in: the four neighbours and their weights. */
static void cubic_taps(const struct resize_constants *k, int o, int n_in, int n_out,
                       float scale, int at[4], float weight[4])
{
    float i = coordinate(k->COORD, o, n_in, n_out, scale), low = floorf(i);
    cubic_weights(k->CUBIC, i - low, weight);
    for (int t = 0; t < 4; t++)
        at[t] = int_clamp((int)low - 1 + t, 0, n_in - 1);
}

static void cubic_row(const struct host_call *call, struct row_cache *input, int y,
                      float *to)
{
    const struct resize_push *push = &call->push.resize;
    const struct resize_constants *k = &call->constants.own.resize;
    const size_t pixel = 4 * (size_t)push->c4;
    int rows[4], columns[4];
    float wy[4], wx[4];
    cubic_taps(k, y, push->in_h, push->out_h, push->scale_y, rows, wy);
    row_fill(to, 0, (size_t)push->out_w * pixel);
    for (int i = 0; i < 4; i++) {
        const float *from = HOST(row_get)(input, rows[i]);
        for (int x = 0; x < push->out_w; x++) {
            cubic_taps(k, x, push->in_w, push->out_w, push->scale_x, columns, wx);
            for (size_t c = 0; c < pixel; c += 4) {
                vec4 *sum = (vec4 *)(to + (size_t)x * pixel + c);
                for (int t = 0; t < 4; t++)
                    *sum =
                        vec4_mad(*(const vec4 *)(from + (size_t)columns[t] * pixel + c),
                                 vec4_all(wx[t] * wy[i]), *sum);
            }
        }
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct resize_push *push = &call->push.resize;
    const struct resize_constants *k = &call->constants.own.resize;
    const struct host_view view = host_view0(call);
    const size_t pixel = 4 * (size_t)push->c4, out_row = (size_t)push->out_w * pixel;
    struct row_cache input = HOST(row_cache)(&view, push->in_w, push->c4, 1, &scratch);
    const struct columns columns = make_columns(call, &scratch);
    float *wide = row_take(&scratch, 2 * row_round(out_row));
    int kept[2] = {-1, -1};
    for (int y = first; y < end; y++) {
        const struct sample s = sample(k, y, push->in_h, push->out_h, push->scale_y);
        float *to = (float *)call->slot[SLOT_OUTPUT] + (size_t)y * out_row;
        if (k->MODE == NET_RESIZE_CUBIC) {
            cubic_row(call, &input, y, to);
            continue;
        }
        if (k->MODE == NET_RESIZE_LINEAR) {
            const float *a =
                wide_row(&input, &columns, pixel, push->out_w, s.first, kept, wide);
            const float *b =
                wide_row(&input, &columns, pixel, push->out_w, s.second, kept, wide);
            mix_row(a, b, s.weight, out_row, to);
            continue;
        }
        const float *from = HOST(row_get)(&input, s.first);
        for (int x = 0; x < push->out_w; x++)
            row_copy(to + (size_t)x * pixel, from + (size_t)columns.first[x] * pixel,
                     pixel);
    }
}

extern const struct host_kernel HOST(host_resize);
const struct host_kernel HOST(host_resize) = {work, scratch_bytes, run};
