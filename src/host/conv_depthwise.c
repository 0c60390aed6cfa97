/* Depthwise convolution: as many groups as channels (shaders/conv_depthwise.comp). */
#include "host/row.h"

/* Padded rows of the input are kept for the next rows of the output, so a part makes at
 * least some rows. */
enum {
    PART_ROWS_MIN = 8,
    /* Pixels times channel blocks that are made for one vector of channels after the
     * other. */
    RUN_BLOCKS = 1024,
};

static struct host_work work(const struct host_call *call)
{
    const struct conv_depthwise_push *push = &call->push.conv_depthwise;
    size_t floats = (size_t)push->out_w * (size_t)push->c4 * 4;
    /* Fewer rows would view much of the input twice. */
    return (struct host_work){push->out_h, host_part_least(floats, PART_ROWS_MIN)};
}

/* Pixels of a padded row. */
static int padded_width(const struct host_call *call)
{
    const struct conv_depthwise_constants *k = &call->constants.own.conv_depthwise;
    return (call->push.conv_depthwise.out_w - 1) * k->SX + k->KW;
}

static size_t scratch_bytes(const struct host_call *call)
{
    const struct conv_depthwise_push *push = &call->push.conv_depthwise;
    const struct conv_depthwise_constants *k = &call->constants.own.conv_depthwise;
    size_t pixel = 4 * (size_t)push->c4, kh = (size_t)k->KH;
    size_t floats = 2 * row_function_floats(push->c4) + row_round(kh) +
                    row_round(kh * 2) + kh * (size_t)padded_width(call) * pixel +
                    row_round((size_t)push->in_w * pixel) +
                    (size_t)(k->KH * k->KW) * pixel;
    return (floats + 16) * sizeof(float);
}

struct depthwise {
    const struct conv_depthwise_push *push;
    const struct conv_depthwise_constants *k;
    size_t pixel, width; /* floats of a pixel; pixels of a padded row */
    const float *map;
    struct row_function input, output;
    float *weights; /* [kx][ky][c] */
    const float *bias;
    float *padded; /* [KH][width][c], row r in place r % KH */
    int *kept;     /* number of the padded row in each place */
    float *stored; /* a row of the view, with upsampling */
    const float **rows;
};

static struct depthwise prepare(const struct host_call *call, void *scratch)
{
    struct depthwise d = {.push = &call->push.conv_depthwise,
                          .k = &call->constants.own.conv_depthwise,
                          .width = (size_t)padded_width(call),
                          .map = call->slot[SLOT_INPUT0],
                          .bias = call->slot[SLOT_PARAMS]};
    const size_t c4 = (size_t)d.push->c4, kh = (size_t)d.k->KH;
    const size_t taps = kh * (size_t)d.k->KW;
    d.pixel = 4 * c4;
    struct host_view view = host_view0(call);
    d.input = HOST(row_of_view)(&view, d.push->c4, &scratch);
    d.output = HOST(row_of_output)(call, (const vec4 *)d.bias + c4, d.push->c4, &scratch);
    d.weights = row_take(&scratch, taps * d.pixel);
    const vec4 *packed = call->slot[SLOT_WEIGHTS];
    for (size_t c = 0; c < c4; c++) {
        for (size_t k = 0; k < taps; k++)
            *(vec4 *)(d.weights + k * d.pixel + 4 * c) = packed[c * taps + k];
    }
    d.padded = row_take(&scratch, kh * d.width * d.pixel);
    d.stored = row_take(&scratch, (size_t)d.push->in_w * d.pixel);
    d.rows = (const float **)row_take(&scratch, 2 * kh);
    d.kept = (int *)row_take(&scratch, kh);
    for (size_t i = 0; i < kh; i++)
        d.kept[i] = -1;
    return d;
}

/* Writes the pixels of a padded row that lie at columns from..to-1, read from row. */
static void pad_columns(const struct depthwise *d, const float *row, int from, int to,
                        float *padded)
{
    const int n = d->push->in_w << d->k->UP;
    for (int x = from; x < to; x++) {
        int column = x - d->push->left;
        float *at = padded + (size_t)x * d->pixel;
        if (d->k->PAD == NET_PAD_ZERO && (column < 0 || column >= n)) {
            row_fill(at, 0, d->pixel);
            continue;
        }
        int source = pad_index(d->k->PAD, column, n) >> d->k->UP;
        row_copy(at, row + (size_t)source * d->pixel, d->pixel);
    }
}

/* Row r of the padded input. */
static const float *padded_row(const struct depthwise *d, int r)
{
    const struct conv_depthwise_push *push = d->push;
    const int place = r % d->k->KH, y = r - push->top, n = push->in_h << d->k->UP;
    float *padded = d->padded + (size_t)place * d->width * d->pixel;
    if (d->kept[place] == r)
        return padded;
    d->kept[place] = r;
    if (d->k->PAD == NET_PAD_ZERO && (y < 0 || y >= n)) {
        row_fill(padded, 0, d->width * d->pixel);
        return padded;
    }
    size_t source = (size_t)(pad_index(d->k->PAD, y, n) >> d->k->UP);
    const float *stored = d->map + source * (size_t)push->in_w * d->pixel;
    const int width = (int)d->width;
    if (d->k->UP || push->left < 0) {
        HOST(row_apply)(&d->input, stored, (size_t)push->in_w * d->pixel, d->stored);
        pad_columns(d, d->stored, 0, width, padded);
        return padded;
    }
    const int end = int_min(push->left + push->in_w, width);
    if (end > push->left)
        HOST(row_apply)
    (&d->input, stored, (size_t)(end - push->left) * d->pixel,
     padded + (size_t)push->left * d->pixel);
    /* Borders are read from what was just written, unless the window ends before it. */
    const float *row = padded + (size_t)push->left * d->pixel;
    if (end < push->left + push->in_w) {
        HOST(row_apply)(&d->input, stored, (size_t)push->in_w * d->pixel, d->stored);
        row = d->stored;
    }
    pad_columns(d, row, 0, int_min(push->left, width), padded);
    pad_columns(d, row, push->left + push->in_w, width, padded);
    return padded;
}

/* Makes `count` output pixels from column x on: the channels c.. that fill one vector. */
#define DEPTHWISE(type, name)                                                            \
    HOST_INLINE void name##_pixels(const struct depthwise *d, int kh, int kw, int sx,    \
                                   size_t c, int x, const int count, float *to)          \
    {                                                                                    \
        const size_t pixel = d->pixel, step = (size_t)sx * pixel;                        \
        type sum[8];                                                                     \
        for (int p = 0; p < count; p++)                                                  \
            sum[p] = *(const type *)(d->bias + c);                                       \
        const float *weight = d->weights + c;                                            \
        for (int kx = 0; kx < kw; kx++) {                                                \
            const size_t at = ((size_t)x * (size_t)sx + (size_t)kx) * pixel + c;         \
            for (int ky = 0; ky < kh; ky++) {                                            \
                const type w = *(const type *)weight;                                    \
                const float *from = d->rows[ky] + at;                                    \
                weight += pixel;                                                         \
                for (int p = 0; p < count; p++)                                          \
                    sum[p] =                                                             \
                        name##_mad(w, *(const type *)(from + (size_t)p * step), sum[p]); \
            }                                                                            \
        }                                                                                \
        for (int p = 0; p < count; p++)                                                  \
            *(type *)(to + (size_t)(x + p) * pixel + c) = sum[p];                        \
    }                                                                                    \
    HOST_INLINE void name##_row(const struct depthwise *d, int kh, int kw, int sx,       \
                                size_t c, int first, int end, float *to)                 \
    {                                                                                    \
        int x = first;                                                                   \
        for (; x + 4 <= end; x += 4)                                                     \
            name##_pixels(d, kh, kw, sx, c, x, 4, to);                                   \
        for (; x < end; x++)                                                             \
            name##_pixels(d, kh, kw, sx, c, x, 1, to);                                   \
    }
DEPTHWISE(vec, vec)
DEPTHWISE(vec4, vec4)

/* The same for a 3x3 kernel and a stride of 1, with the weights in registers: four pixels
 * share the loads of their six columns, of which one is added at a time. */
#define DEPTHWISE_3X3(type, name)                                                        \
    HOST_INLINE type name##_column(const type *w, const type *v, const int kx, type sum) \
    {                                                                                    \
        if (kx < 0 || kx > 2)                                                            \
            return sum;                                                                  \
        sum = name##_mad(w[kx * 3], v[0], sum);                                          \
        sum = name##_mad(w[kx * 3 + 1], v[1], sum);                                      \
        return name##_mad(w[kx * 3 + 2], v[2], sum);                                     \
    }                                                                                    \
    HOST_INLINE void name##_add(const type *w, const float *const *rows, size_t at,      \
                                const int column, type *sum)                             \
    {                                                                                    \
        const type v[3] = {*(const type *)(rows[0] + at), *(const type *)(rows[1] + at), \
                           *(const type *)(rows[2] + at)};                               \
        sum[0] = name##_column(w, v, column, sum[0]);                                    \
        sum[1] = name##_column(w, v, column - 1, sum[1]);                                \
        sum[2] = name##_column(w, v, column - 2, sum[2]);                                \
        sum[3] = name##_column(w, v, column - 3, sum[3]);                                \
    }                                                                                    \
    HOST_INLINE void name##_row_3x3(const struct depthwise *d, size_t c, int first,      \
                                    int end, float *to)                                  \
    {                                                                                    \
        const size_t pixel = d->pixel;                                                   \
        const float *const rows[3] = {d->rows[0] + c, d->rows[1] + c, d->rows[2] + c};   \
        const type bias = *(const type *)(d->bias + c);                                  \
        type w[9];                                                                       \
        for (size_t k = 0; k < 9; k++)                                                   \
            w[k] = *(const type *)(d->weights + k * pixel + c);                          \
        int x = first;                                                                   \
        for (; x + 4 <= end; x += 4) {                                                   \
            const size_t at = (size_t)x * pixel;                                         \
            type sum[4] = {bias, bias, bias, bias};                                      \
            name##_add(w, rows, at, 0, sum);                                             \
            name##_add(w, rows, at + pixel, 1, sum);                                     \
            name##_add(w, rows, at + 2 * pixel, 2, sum);                                 \
            name##_add(w, rows, at + 3 * pixel, 3, sum);                                 \
            name##_add(w, rows, at + 4 * pixel, 4, sum);                                 \
            name##_add(w, rows, at + 5 * pixel, 5, sum);                                 \
            for (size_t p = 0; p < 4; p++)                                               \
                *(type *)(to + at + p * pixel + c) = sum[p];                             \
        }                                                                                \
        name##_row(d, 3, 3, 1, c, x, end, to);                                           \
    }
DEPTHWISE_3X3(vec, vec)
DEPTHWISE_3X3(vec4, vec4)

HOST_INLINE void convolve_row(const struct depthwise *d, int kh, int kw, int sx,
                              float *to)
{
    const int block = int_max(RUN_BLOCKS / d->push->c4 / 4, 1) * 4;
    const bool small = kh == 3 && kw == 3 && sx == 1;
    for (int first = 0; first < d->push->out_w; first += block) {
        const int end = int_min(first + block, d->push->out_w);
        size_t c = 0;
        for (; c + VEC_FLOATS <= d->pixel; c += VEC_FLOATS) {
            if (small)
                vec_row_3x3(d, c, first, end, to);
            else
                vec_row(d, kh, kw, sx, c, first, end, to);
        }
        for (; c < d->pixel; c += 4) {
            if (small)
                vec4_row_3x3(d, c, first, end, to);
            else
                vec4_row(d, kh, kw, sx, c, first, end, to);
        }
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct depthwise d = prepare(call, scratch);
    const struct conv_depthwise_constants *k = d.k;
    const size_t row = (size_t)d.push->out_w * d.pixel;
    for (int y = first; y < end; y++) {
        float *to = (float *)call->slot[SLOT_OUTPUT] + (size_t)y * row;
        for (int ky = 0; ky < k->KH; ky++)
            d.rows[ky] = padded_row(&d, y * k->SY + ky);
        if (k->KH == 3 && k->KW == 3 && k->SX == 1)
            convolve_row(&d, 3, 3, 1, to);
        else
            convolve_row(&d, k->KH, k->KW, k->SX, to);
        if (row_changes(&d.output))
            HOST(row_apply)(&d.output, to, row, to);
    }
}

extern const struct host_kernel HOST(host_conv_depthwise);
const struct host_kernel HOST(host_conv_depthwise) = {work, scratch_bytes, run};
