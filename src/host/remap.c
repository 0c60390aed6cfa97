/* Moves elements: slices, pads, depth/space rearrangements, concatenation of two maps
 * (shaders/remap.comp). */
#include "host/row.h"

#define REMAP_ENUM(name, number) REMAP_##name = (number),
enum remap_mode { REMAPS(REMAP_ENUM) };

static struct host_work work(const struct host_call *call)
{
    const struct remap_push *push = &call->push.remap;
    return (struct host_work){push->out_h,
                              (size_t)push->out_w * (size_t)push->out_c4 * 4};
}

/* Rows of the input that one row of the output reads. */
static int rows_read(const struct host_call *call)
{
    const struct remap_constants *k = &call->constants.own.remap;
    return k->MODE == REMAP_S2D_DCR || k->MODE == REMAP_S2D_CRD ? k->BLOCK : 1;
}

static size_t scratch_bytes(const struct host_call *call)
{
    const struct remap_push *push = &call->push.remap;
    size_t floats = row_cache_floats(push->in_w, push->in_c4, rows_read(call)) +
                    row_round((size_t)push->out_c4 * 4) + row_round((size_t)push->out_w);
    if (call->constants.own.remap.MODE == REMAP_CONCAT)
        floats += row_cache_floats(push->in_w, push->c4_1, 1);
    return floats * sizeof(float);
}

struct remap {
    const struct remap_push *push;
    const struct remap_constants *k;
    struct row_cache input, second;
    size_t in_pixel, out_pixel; /* floats */
    int *channels;              /* WINDOW: input channel of each output channel, or -1 */
    int *columns;               /* WINDOW: input column of each output column, or -1 */
    bool in_order;              /* WINDOW: channels are consecutive */
};

/* n channels; the steps are those from channel to channel. */
HOST_INLINE void copy_channels(float *to, size_t to_step, const float *from,
                               size_t from_step, int n)
{
    int i = 0;
    if (to_step == 1 && from_step == 1) {
        for (; i + 4 <= n; i += 4)
            *(vec4 *)(to + i) = *(const vec4 *)(from + i);
    }
    for (; i < n; i++)
        to[(size_t)i * to_step] = from[(size_t)i * from_step];
}

/* ---- slices and pads ---- */

/* Input index of index i of the output along one axis; -1: the padding value. */
static int window_index(const struct remap *r, int axis, int i, int n)
{
    i = r->push->start[axis] + r->push->step[axis] * i;
    if ((i < 0 || i >= n) && (r->k->PAD == NET_PAD_ZERO || r->k->PAD == NET_PAD_CONSTANT))
        return -1;
    return pad_index(r->k->PAD, i, n);
}

static void prepare_window(struct remap *r)
{
    const struct remap_push *push = r->push;
    r->in_order = true;
    for (int c = 0; c < push->out_channels; c++) {
        r->channels[c] = window_index(r, 0, c, push->in_channels);
        r->in_order =
            r->in_order && r->channels[c] >= 0 && r->channels[c] == r->channels[0] + c;
    }
    for (int x = 0; x < push->out_w; x++)
        r->columns[x] = window_index(r, 2, x, push->in_w);
}

static void window_row(struct remap *r, int y, float *to)
{
    const struct remap_push *push = r->push;
    const int sy = window_index(r, 1, y, push->in_h), n = push->out_channels;
    const float *row = sy < 0 ? NULL : HOST(row_get)(&r->input, sy);
    for (int x = 0; x < push->out_w; x++, to += r->out_pixel) {
        if (!row || r->columns[x] < 0) {
            for (int c = 0; c < n; c++)
                to[c] = r->k->PAD_VALUE;
            continue;
        }
        const float *from = row + (size_t)r->columns[x] * r->in_pixel;
        if (r->in_order) {
            copy_channels(to, 1, from + r->channels[0], 1, n);
            continue;
        }
        for (int c = 0; c < n; c++)
            to[c] = r->channels[c] < 0 ? r->k->PAD_VALUE : from[r->channels[c]];
    }
}

/* ---- blocks ---- */

/* The phases of a block: its pixels in rows. DCR: channel = phase * C + c, CRD: channel =
 * c * phases + phase. */
static void depth_to_space_row(struct remap *r, int y, float *to)
{
    const int block = r->k->BLOCK, n = r->push->out_channels;
    const bool crd = r->k->MODE == REMAP_D2S_CRD;
    const float *row = HOST(row_get)(&r->input, y / block);
    for (int x = 0, phase_x = 0; x < r->push->out_w; x++, to += r->out_pixel) {
        const int phase = y % block * block + phase_x;
        if (crd)
            copy_channels(to, 1, row + phase, (size_t)(block * block), n);
        else
            copy_channels(to, 1, row + (size_t)phase * (size_t)n, 1, n);
        if (++phase_x == block) {
            phase_x = 0;
            row += r->in_pixel;
        }
    }
}

static void space_to_depth_row(struct remap *r, int y, float *to)
{
    const int block = r->k->BLOCK, n = r->push->in_channels;
    const bool crd = r->k->MODE == REMAP_S2D_CRD;
    for (int phase_y = 0; phase_y < block; phase_y++) {
        const float *from = HOST(row_get)(&r->input, y * block + phase_y);
        float *at = to;
        for (int x = 0; x < r->push->out_w; x++, at += r->out_pixel) {
            for (int phase_x = 0; phase_x < block; phase_x++, from += r->in_pixel) {
                const int phase = phase_y * block + phase_x;
                if (crd)
                    copy_channels(at + phase, (size_t)(block * block), from, 1, n);
                else
                    copy_channels(at + (size_t)phase * (size_t)n, 1, from, 1, n);
            }
        }
    }
}

/* ---- concatenation ---- */

static void concat_row(struct remap *r, int y, float *to)
{
    const int n = r->push->in_channels, rest = r->push->out_channels - n;
    const float *a = HOST(row_get)(&r->input, y), *b = HOST(row_get)(&r->second, y);
    for (int x = 0; x < r->push->out_w; x++, to += r->out_pixel) {
        copy_channels(to, 1, a, 1, n);
        copy_channels(to + n, 1, b, 1, rest);
        a += r->in_pixel;
        b += 4 * (size_t)r->push->c4_1;
    }
}

/* ---- permutations ---- */

/* A place in the output, in the order [c][y][x], as indices of the permuted axes, and the
 * input element, in the same order, that it reads. */
struct place {
    int index[6], from;
};

static struct place place_of(const struct remap_push *push, int n)
{
    struct place place = {.from = 0};
    for (int i = 5; i >= 0; i--) {
        place.index[i] = n % push->dims[i];
        place.from += place.index[i] * push->strides[i];
        n /= push->dims[i];
    }
    return place;
}

static void next_place(const struct remap_push *push, struct place *place)
{
    for (int i = 5; i >= 0; i--) {
        place->from += push->strides[i];
        if (++place->index[i] < push->dims[i])
            return;
        place->from -= push->dims[i] * push->strides[i];
        place->index[i] = 0;
    }
}

/* The input has nothing pending, so that it need not be read in rows. */
static void permute_row(struct remap *r, int y, float *to)
{
    const struct remap_push *push = r->push;
    for (int c = 0; c < push->out_channels; c++) {
        struct place place = place_of(push, (c * push->out_h + y) * push->out_w);
        for (int x = 0; x < push->out_w; x++) {
            int row = place.from / push->in_w, sc = row / push->in_h;
            int sx = place.from - row * push->in_w, sy = row - sc * push->in_h;
            to[(size_t)x * r->out_pixel + (size_t)c] =
                r->input.map[(size_t)sy * r->input.row + (size_t)sx * r->in_pixel +
                             (size_t)sc];
            next_place(push, &place);
        }
    }
}

static void remap_row(struct remap *r, int y, float *to)
{
    switch ((enum remap_mode)r->k->MODE) {
    case REMAP_WINDOW:
        window_row(r, y, to);
        break;
    case REMAP_D2S_DCR:
    case REMAP_D2S_CRD:
        depth_to_space_row(r, y, to);
        break;
    case REMAP_S2D_DCR:
    case REMAP_S2D_CRD:
        space_to_depth_row(r, y, to);
        break;
    case REMAP_CONCAT:
        concat_row(r, y, to);
        break;
    case REMAP_PERMUTE:
        permute_row(r, y, to);
        break;
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct remap_push *push = &call->push.remap;
    const struct host_view view0 = host_view0(call), view1 = host_view1(call);
    struct remap r = {.push = push,
                      .k = &call->constants.own.remap,
                      .in_pixel = 4 * (size_t)push->in_c4,
                      .out_pixel = 4 * (size_t)push->out_c4};
    r.input = HOST(row_cache)(&view0, push->in_w, push->in_c4, rows_read(call), &scratch);
    if (r.k->MODE == REMAP_CONCAT)
        r.second = HOST(row_cache)(&view1, push->in_w, push->c4_1, 1, &scratch);
    r.channels = (int *)row_take(&scratch, r.out_pixel);
    r.columns = (int *)row_take(&scratch, (size_t)push->out_w);
    if (r.k->MODE == REMAP_WINDOW)
        prepare_window(&r);
    for (int y = first; y < end; y++) {
        float *to = (float *)call->slot[SLOT_OUTPUT] +
                    (size_t)y * (size_t)push->out_w * r.out_pixel;
        for (size_t x = 0; push->out_channels % 4 && x < (size_t)push->out_w; x++)
            *(vec4 *)(to + (x + 1) * r.out_pixel - 4) = (vec4){0};
        remap_row(&r, y, to);
    }
}

extern const struct host_kernel HOST(host_remap);
const struct host_kernel HOST(host_remap) = {work, scratch_bytes, run};
