/* Any convolution or transposed convolution: groups, dilation, odd strides
 * (shaders/conv_generic.comp). The output's columns are taken in classes that read the
 * same taps of the kernel: for a transposed convolution those with equal remainder by the
 * stride, else all. A vector holds output channels. */
#include "host/row.h"

enum { PIXELS = 6 }; /* of a class at a time */

static struct host_work work(const struct host_call *call)
{
    const struct conv_generic_push *push = &call->push.conv_generic;
    /* The weights are rearranged once a part, so a part makes some hundred pixels. */
    int least = (256 + push->out_w - 1) / int_max(push->out_w, 1);
    size_t floats = (size_t)push->out_w * (size_t)push->out_c4 * 4;
    return (struct host_work){push->out_h, host_part_least(floats, least)};
}

/* Input rows between the first and the last that a part can read. */
static int rows_read(const struct host_call *call)
{
    const struct conv_generic_push *push = &call->push.conv_generic;
    const struct conv_generic_constants *k = &call->constants.own.conv_generic;
    int rows = host_part_units(work(call)), taps = (push->kh - 1) * push->dy + 1;
    int span = k->TRANSPOSED ? (rows - 1 + taps) / push->sy + 2
                             : (((rows - 1) * push->sy + taps) >> k->UP) + 2;
    return int_min(span, int_max(push->in_h, 1));
}

static size_t weight_floats(const struct conv_generic_push *push)
{
    return (size_t)(push->kh * push->kw) * (size_t)push->group_in * VEC_FLOATS;
}

static size_t scratch_bytes(const struct host_call *call)
{
    const struct conv_generic_push *push = &call->push.conv_generic;
    size_t floats = row_cache_floats(push->in_w, push->in_c4, rows_read(call)) +
                    row_round(row_function_floats(push->out_c4)) +
                    row_round((size_t)push->kw * (size_t)push->out_w) +
                    row_round(4 * (size_t)push->in_c4) + row_round(weight_floats(push)) +
                    row_round(2 * (size_t)push->kh);
    return floats * sizeof(float);
}

struct generic {
    const struct conv_generic_push *push;
    const struct conv_generic_constants *k;
    struct row_cache input;
    struct row_function output;
    const vec4 *packed; /* [o / 4][ky][kx][i] vec4 over o */
    const vec4 *bias;
    int *columns;       /* [kx][x]: input column, or -1 */
    const float *zeros; /* a pixel */
    float *weights;     /* [ky][kx][i] of the vector's output channels */
    const float **rows; /* by ky: input row, or NULL */
};

/* Input index that tap k of output o reads along one axis; -1 where it reads none. */
static int tap(const struct generic *g, int o, int k, int stride, int dilation, int pad,
               int n)
{
    if (g->k->TRANSPOSED) {
        const int i = o + pad - k * dilation;
        return i >= 0 && i % stride == 0 && i / stride < n ? i / stride : -1;
    }
    const int i = o * stride + k * dilation - pad, size = n << g->k->UP;
    if (g->k->PAD == NET_PAD_ZERO && (i < 0 || i >= size))
        return -1;
    return pad_index(g->k->PAD, i, size) >> g->k->UP;
}

static struct generic prepare(const struct host_call *call, void *scratch)
{
    struct generic g = {.push = &call->push.conv_generic,
                        .k = &call->constants.own.conv_generic,
                        .packed = call->slot[SLOT_WEIGHTS],
                        .bias = call->slot[SLOT_PARAMS]};
    const struct conv_generic_push *push = g.push;
    const struct host_view view = host_view0(call);
    g.input = HOST(row_cache)(&view, push->in_w, push->in_c4, rows_read(call), &scratch);
    g.output = HOST(row_of_output)(call, g.bias + push->out_c4, push->out_c4, &scratch);
    g.columns = (int *)row_take(&scratch, (size_t)push->kw * (size_t)push->out_w);
    for (int kx = 0; kx < push->kw; kx++) {
        for (int x = 0; x < push->out_w; x++)
            g.columns[(size_t)kx * (size_t)push->out_w + (size_t)x] =
                tap(&g, x, kx, push->sx, push->dx, push->left, push->in_w);
    }
    float *zeros = row_take(&scratch, 4 * (size_t)push->in_c4);
    row_fill(zeros, 0, 4 * (size_t)push->in_c4);
    g.zeros = zeros;
    g.weights = row_take(&scratch, weight_floats(push));
    g.rows = (const float **)row_take(&scratch, 2 * (size_t)push->kh);
    return g;
}

/* Copies the weights of `blocks` output blocks from `first` on, side by side. */
static void copy_weights(const struct generic *g, int first, int blocks, int width)
{
    const size_t n = (size_t)(g->push->kh * g->push->kw) * (size_t)g->push->group_in;
    for (int b = 0; b < width / 4; b++) {
        for (size_t i = 0; i < n; i++)
            *(vec4 *)(g->weights + i * (size_t)width + 4 * (size_t)b) =
                b < blocks ? g->packed[(size_t)(first + b) * n + i] : (vec4){0};
    }
}

static bool one_group(const struct conv_generic_push *push)
{
    return push->group_out >= 4 * push->out_c4 - 3;
}

/* First input channel that each output channel of a block reads. */
struct bases {
    int at[4];
    bool split; /* they differ */
};

static struct bases bases(const struct generic *g, int block)
{
    struct bases b = {.split = false};
    for (int i = 0; i < 4; i++) {
        int group = one_group(g->push) ? 0 : (4 * block + i) / g->push->group_out;
        /* Those of padding channels would lie behind the last one. */
        b.at[i] =
            int_min(group * g->push->group_in, 4 * g->push->in_c4 - g->push->group_in);
        b.split = b.split || b.at[i] != b.at[0];
    }
    return b;
}

HOST_INLINE vec vec_input(const float *pixel, const struct bases *b, bool split, int i)
{
    (void)split;
    return vec_all(pixel[b->at[0] + i]);
}

HOST_INLINE vec4 vec4_input(const float *pixel, const struct bases *b, bool split, int i)
{
    return split ? (vec4){pixel[b->at[0] + i], pixel[b->at[1] + i], pixel[b->at[2] + i],
                          pixel[b->at[3] + i]}
                 : vec4_all(pixel[b->at[0] + i]);
}

/* Sums of `count` output pixels, `step` columns apart from x on, in order of rows,
 * columns and input channels. */
#define CONVOLVE(type, name, width)                                                      \
    HOST_INLINE void name##_pixels(const struct generic *g, const struct bases *b,       \
                                   bool split, int x, int step, const int count,         \
                                   type bias, type *sums)                                \
    {                                                                                    \
        const struct conv_generic_push *push = g->push;                                  \
        const size_t in_pixel = 4 * (size_t)push->in_c4;                                 \
        type sum[PIXELS];                                                                \
        for (int p = 0; p < count; p++)                                                  \
            sum[p] = bias;                                                               \
        for (int k = 0; k < push->kh * push->kw; k++) {                                  \
            const float *row = g->rows[k / push->kw];                                    \
            const int kx = k % push->kw;                                                 \
            if (!row ||                                                                  \
                (g->k->TRANSPOSED && (x + push->left - kx * push->dx) % push->sx != 0))  \
                continue;                                                                \
            const int *columns = g->columns + (size_t)kx * (size_t)push->out_w;          \
            const float *pixel[PIXELS];                                                  \
            for (int p = 0; p < count; p++) {                                            \
                int column = columns[x + p * step];                                      \
                pixel[p] = column < 0 ? g->zeros : row + (size_t)column * in_pixel;      \
            }                                                                            \
            const float *weight =                                                        \
                g->weights + (size_t)k * (size_t)push->group_in * (width);               \
            for (int i = 0; i < push->group_in; i++) {                                   \
                const type w = *(const type *)(weight + (size_t)i * (width));            \
                for (int p = 0; p < count; p++)                                          \
                    sum[p] = name##_mad(w, name##_input(pixel[p], b, split, i), sum[p]); \
            }                                                                            \
        }                                                                                \
        for (int p = 0; p < count; p++)                                                  \
            sums[p] = sum[p];                                                            \
    }                                                                                    \
    /* Row `to` of the output: `blocks` channel blocks from `first` on. */               \
    HOST_INLINE void name##_row(const struct generic *g, const struct bases *b,          \
                                bool split, int first, int blocks, float *to)            \
    {                                                                                    \
        const struct conv_generic_push *push = g->push;                                  \
        const size_t pixel = 4 * (size_t)push->out_c4;                                   \
        const int step = g->k->TRANSPOSED ? push->sx : 1;                                \
        type bias = {0}, sums[PIXELS];                                                   \
        memcpy(&bias, g->bias + first, (size_t)blocks * 16);                             \
        for (int phase = 0; phase < step; phase++) {                                     \
            for (int x = phase; x < push->out_w;) {                                      \
                int count = x + (PIXELS - 1) * step < push->out_w ? PIXELS : 1;          \
                if (count == PIXELS)                                                     \
                    name##_pixels(g, b, split, x, step, PIXELS, bias, sums);             \
                else                                                                     \
                    name##_pixels(g, b, split, x, step, 1, bias, sums);                  \
                for (int p = 0; p < count; p++, x += step)                               \
                    memcpy(to + (size_t)x * pixel + 4 * (size_t)first, &sums[p],         \
                           (size_t)blocks * 16);                                         \
            }                                                                            \
        }                                                                                \
    }
CONVOLVE(vec, vec, VEC_FLOATS)
CONVOLVE(vec4, vec4, 4)

static void set_rows(struct generic *g, int y)
{
    const struct conv_generic_push *push = g->push;
    for (int ky = 0; ky < push->kh; ky++) {
        int row = tap(g, y, ky, push->sy, push->dy, push->top, push->in_h);
        g->rows[ky] = row < 0 ? NULL : HOST(row_get)(&g->input, row);
    }
}

static void run(const struct host_call *call, int begin, int end, void *scratch)
{
    struct generic g = prepare(call, scratch);
    const struct conv_generic_push *push = g.push;
    const size_t row = (size_t)push->out_w * 4 * (size_t)push->out_c4;
    float *out = call->slot[SLOT_OUTPUT];
    const int width =
        one_group(push) || push->group_out % VEC_FLOATS == 0 ? VEC_FLOATS : 4;
    for (int first = 0; first < push->out_c4; first += width / 4) {
        const int blocks = int_min(width / 4, push->out_c4 - first);
        const struct bases b = bases(&g, first);
        copy_weights(&g, first, blocks, width);
        for (int y = begin; y < end; y++) {
            float *to = out + (size_t)y * row;
            set_rows(&g, y);
            if (width != 4)
                vec_row(&g, &b, false, first, blocks, to);
            else if (b.split)
                vec4_row(&g, &b, true, first, blocks, to);
            else
                vec4_row(&g, &b, false, first, blocks, to);
        }
    }
    if (row_changes(&g.output))
        HOST(row_apply)
    (&g.output, out + (size_t)begin * row, (size_t)(end - begin) * row,
     out + (size_t)begin * row);
}

extern const struct host_kernel HOST(host_conv_generic);
const struct host_kernel HOST(host_conv_generic) = {work, scratch_bytes, run};
