/* Planes of an input frame to the picture tensor (shaders/frame_in.comp), row by row. */
#include "host/painting.h"

/* Floats of one row in scratch: one sample before the first, two after the last. */
enum { MARGIN = 16 };

static size_t row_floats(const struct host_call *call)
{
    const struct frame_in_push *push = &call->push.frame_in;
    return ((size_t)int_max(push->w, push->out_w) + 2 * MARGIN + 15) / 16 * 16;
}

static int block_rows(const struct host_call *call)
{
    return call->push.frame_in.out_h / call->constants.own.frame_in.BLOCK;
}

static struct host_work work(const struct host_call *call)
{
    size_t floats = (size_t)call->push.frame_in.out_w *
                    (size_t)call->constants.own.frame_in.BLOCK * 4;
    return (struct host_work){block_rows(call), floats};
}

/* Rows of a part in scratch. */
struct rows {
    float *sample[3]; /* of every pixel: the components */
    float *rgb[3];
    float *upper, *lower; /* of the chroma rows above and below a pixel */
};

enum { ROW_COUNT = 8 };

static size_t scratch_bytes(const struct host_call *call)
{
    return ROW_COUNT * row_floats(call) * sizeof(float);
}

static struct rows make_rows(const struct host_call *call, float *scratch)
{
    struct rows rows;
    size_t floats = row_floats(call);
    float *at = scratch + MARGIN;
    for (int i = 0; i < 3; i++, at += 2 * floats) {
        rows.sample[i] = at;
        rows.rgb[i] = at + floats;
    }
    rows.upper = at;
    rows.lower = at + floats;
    return rows;
}

HOST_INLINE void unpack_bytes(const uint8_t *restrict from, size_t step, int n,
                              float *restrict to)
{
    for (size_t x = 0; x < (size_t)n; x++)
        to[x] = (float)from[x * step];
}

HOST_INLINE void unpack_words(const uint16_t *restrict from, size_t step, int shift,
                              int n, float *restrict to)
{
    for (size_t x = 0; x < (size_t)n; x++)
        to[x] = (float)(from[x * step] >> shift);
}

/* n samples of the planes, the first of which has that index. */
static void unpack(const struct host_call *call, size_t first, int step, int n, float *to)
{
    const struct frame_in_constants *k = &call->constants.own.frame_in;
    if (k->WIDE) {
        const uint16_t *from = (const uint16_t *)call->slot[FRAME_IN_PLANES] + first;
        if (step == 1)
            unpack_words(from, 1, k->SHIFT, n, to);
        else
            unpack_words(from, (size_t)step, k->SHIFT, n, to);
        return;
    }
    const uint8_t *from = (const uint8_t *)call->slot[FRAME_IN_PLANES] + first;
    if (step == 1)
        unpack_bytes(from, 1, n, to);
    else if (step == 2)
        unpack_bytes(from, 2, n, to);
    else
        unpack_bytes(from, (size_t)step, n, to);
}

/* Subsampled row of full-size row y: the row above, the one below and its weight. */
static void position(int y, int sub, int center, int n, int *upper, int *lower, float *f)
{
    *upper = y;
    *lower = y;
    *f = 0.0f;
    if (sub) {
        int quarters = center ? 2 * y - 1 : 2 * y; /* position times four */
        *upper = quarters >> 2;
        *f = (float)(quarters - 4 * *upper) * 0.25f;
        *lower = int_min(*upper + 1, n - 1);
        *upper = int_max(*upper, 0);
    }
}

HOST_INLINE void blend(float *restrict upper, const float *restrict lower, float f, int n)
{
    for (int x = 0; x < n; x++)
        upper[x] = upper[x] * (1.0f - f) + lower[x] * f;
}

/* Interpolates n chroma samples to 2 n pixels. All values are multiples of 1/16 below
 * 2^20, so every sum is exact. */
HOST_INLINE void widen(const float *restrict from, int center, int n, float *restrict to)
{
    const float before = center ? 0.25f : 0.0f, after = center ? 0.25f : 0.5f;
    for (int x = 0; x < n; x++) {
        to[2 * x] = from[x - 1] * before + from[x] * (1.0f - before);
        to[2 * x + 1] = from[x] * (1.0f - after) + from[x + 1] * after;
    }
}

/* Chroma component i of picture row y, interpolated to every pixel. */
static void chroma_row(const struct host_call *call, const struct rows *rows, int i,
                       int y)
{
    const struct frame_in_constants *k = &call->constants.own.frame_in;
    const struct frame_in_push *push = &call->push.frame_in;
    int columns = (push->w + k->SUB_X) >> k->SUB_X, upper, lower;
    float f, *to = k->SUB_X ? rows->upper : rows->sample[i];
    position(y, k->SUB_Y, k->CENTER_Y, (push->h + k->SUB_Y) >> k->SUB_Y, &upper, &lower,
             &f);
    size_t base = (size_t)push->base[i], stride = (size_t)push->stride[1];
    unpack(call, base + (size_t)upper * stride, k->STEP_C, columns, to);
    if (f > 0.0f) {
        unpack(call, base + (size_t)lower * stride, k->STEP_C, columns, rows->lower);
        blend(to, rows->lower, f, columns);
    }
    if (k->SUB_X) {
        to[-1] = to[0];
        to[columns] = to[columns - 1];
        widen(to, k->CENTER_X, columns, rows->sample[i]);
    }
}

HOST_INLINE void to_rgb(const struct frame_in_push *push, float one,
                        const float *restrict y, const float *restrict u,
                        const float *restrict v, float *restrict r, float *restrict g,
                        float *restrict b)
{
    const float *m = push->matrix, *o = push->offset;
    const float m0 = m[0], m1 = m[1], m2 = m[2], m3 = m[3], m4 = m[4], m5 = m[5],
                m6 = m[6], m7 = m[7], m8 = m[8], o0 = o[0], o1 = o[1], o2 = o[2];
    for (int x = 0; x < push->w; x++) {
        float s0 = y[x] / one, s1 = u[x] / one, s2 = v[x] / one;
        r[x] = m0 * s0 + m1 * s1 + m2 * s2 + o0;
        g[x] = m3 * s0 + m4 * s1 + m5 * s2 + o1;
        b[x] = m6 * s0 + m7 * s1 + m8 * s2 + o2;
    }
}

/* Row y of the picture, extended to the tensor's width by reflection. */
static void decode_row(const struct host_call *call, const struct rows *rows, int y)
{
    const struct frame_in_constants *k = &call->constants.own.frame_in;
    const struct frame_in_push *push = &call->push.frame_in;
    unpack(call, (size_t)push->base[0] + (size_t)y * (size_t)push->stride[0], k->STEP_0,
           push->w, rows->sample[0]);
    for (int i = 1; i < k->COMPONENTS; i++)
        chroma_row(call, rows, i, y);
    bool gray = k->COMPONENTS == 1;
    to_rgb(push, k->ONE, rows->sample[0], rows->sample[gray ? 0 : 1],
           rows->sample[gray ? 0 : 2], rows->rgb[0], rows->rgb[1], rows->rgb[2]);
    for (int x = push->w; x < push->out_w; x++) {
        for (int i = 0; i < 3; i++)
            rows->rgb[i][x] = rows->rgb[i][pad_index(NET_PAD_REFLECT, x, push->w)];
    }
}

HOST_INLINE void join(const float *restrict r, const float *restrict g,
                      const float *restrict b, int n, float *restrict to)
{
    for (size_t x = 0; x < (size_t)n; x++) {
        to[4 * x] = r[x];
        to[4 * x + 1] = g[x];
        to[4 * x + 2] = b[x];
        to[4 * x + 3] = 0.0f;
    }
}

/* Writes row y of the tensor; the first row of a block also its padding channels. */
static void write_row(const struct host_picture *picture, int y, float *const rgb[3])
{
    float *to = picture_blocks(picture, y);
    int block = picture->block, blocks = picture->stride / block;
    size_t floats = picture_block_floats(block), used = 3 * (size_t)block * (size_t)block;
    if (block == 1) {
        join(rgb[0], rgb[1], rgb[2], blocks, to);
        return;
    }
    for (int x = 0; x < block; x++) {
        for (int i = 0; i < 3; i++) {
            float *channel = to + picture_channel(picture, y % block, x, i);
            for (size_t n = 0; n < (size_t)blocks; n++)
                channel[n * floats] = rgb[i][n * (size_t)block + (size_t)x];
        }
    }
    for (size_t c = used; c < floats && y % block == 0; c++) {
        for (size_t n = 0; n < (size_t)blocks; n++)
            to[n * floats + c] = 0.0f;
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct frame_in_constants *k = &call->constants.own.frame_in;
    const struct frame_in_push *push = &call->push.frame_in;
    const struct host_picture picture = {call->slot[FRAME_IN_PICTURE], push->out_w,
                                         k->BLOCK, k->CRD};
    const struct rows rows = make_rows(call, scratch);
    for (int y = first * k->BLOCK; y < end * k->BLOCK; y++) {
        decode_row(call, &rows, pad_index(NET_PAD_REFLECT, y, push->h));
        write_row(&picture, y, rows.rgb);
    }
}

extern const struct host_kernel HOST(host_frame_in);
const struct host_kernel HOST(host_frame_in) = {work, scratch_bytes, run};
