/* Direct convolution (shaders/conv_texel.comp has the formula). A part is a tile of
 * output pixels of some output channels. It first copies the input it needs to scratch
 * memory, with view, upsampling and padding applied, so that the sums read it without
 * conditions; then it makes the sums of one row after the other and writes their outputs.
 */
#include "host/conv_sum.h"
#include "host/conv_input.h"
#include "host/conv_stats.h"

/* Output channels whose weights stay in the cache for all rows of a part. */
#define UNIT 32
/* Floats added to a row of sums, so that two rows do not begin at the same place of a
 * 4 KiB page. Set by hand: 16 to 16 channels on AVX2 took 3 % less in one comparison,
 * about the noise, and on AVX-512 the same. */
#define ROW_SHIFT 272

/* What follows from the call. */
struct conv {
    const struct host_call *call;
    const struct conv_host_constants *k;
    const struct conv_host_push *push;
    int in_c, unit; /* channels: of the input; that are finished together */
    int tiles_x, tiles_y;
    int rows, columns; /* of a tile's input with its border */
    bool planes;       /* a vector holds pixels, not channels: for few output channels */
    size_t row_floats; /* of the tile's input */
    size_t plane_floats, plane_out;
    size_t sums_row, sums_step; /* sums: [2 rows][pixel][channel] */
    /* Floats from the start of scratch. */
    size_t affine, row, tile, sums, stats, total;
};

/* Channels in vectors would leave more than a sixth of the elements unused. */
static bool use_planes(int channels)
{
    int used = (channels + VEC_FLOATS - 1) / VEC_FLOATS * VEC_FLOATS;
    return 6 * channels < 5 * used;
}

static size_t round_16(size_t n)
{
    return (n + 15) / 16 * 16;
}

static struct conv conv_of(const struct host_call *call)
{
    const struct conv_host_constants *k = &call->constants.own.conv_host;
    const struct conv_host_push *push = &call->push.conv_host;
    struct conv c = {.call = call, .k = k, .push = push};
    const bool grouped = push->out_c > k->GROUP_OUT;
    const int parity = k->PHASES == 4; /* odd phases read one row and column more */
    c.in_c = push->out_c / k->GROUP_OUT * k->GROUP_IN;
    c.unit = grouped ? push->out_c : int_min(UNIT, k->O_STEP);
    c.tiles_x = (push->out_w + k->TILE_W - 1) / k->TILE_W;
    c.tiles_y = (push->out_h + k->TILE_H - 1) / k->TILE_H;
    c.rows = (k->TILE_H - 1) * k->SY + (k->KH - 1) * k->DY + 1 + parity;
    c.columns = (k->TILE_W - 1) * k->SX + (k->KW - 1) * k->DX + 1 + parity;
    c.planes = use_planes(k->GROUP_OUT);
    c.row_floats = host_row_floats(c.columns, c.in_c);
    if (c.planes) { /* whole vectors of pixels are read */
        c.plane_floats = round_16((size_t)(c.columns / k->SX + 1 + VEC_FLOATS));
        c.row_floats = c.plane_floats * (size_t)k->SX * (size_t)c.in_c;
    }
    /* A group's last vectors may end behind its channels. */
    c.sums_step = round_16((size_t)c.unit) + (grouped ? 2 * CONV_BLOCK : 0);
    c.sums_row = c.sums_step * round_16((size_t)k->TILE_W) + ROW_SHIFT;
    c.plane_out = round_16((size_t)k->TILE_W);
    c.row = host_rows_scratch(c.in_c);
    c.tile = c.row + (c.planes ? host_row_floats(c.columns, c.in_c) : 0);
    c.sums = c.tile + c.row_floats * (size_t)c.rows;
    c.stats = c.sums + 2 * c.sums_row;
    c.total = c.stats + round_16((size_t)c.unit) * CONV_STATS_ROWS;
    c.total += c.planes ? c.plane_out * CONV_BLOCK : 0;
    return c;
}

static struct host_work work(const struct host_call *call)
{
    struct conv c = conv_of(call);
    return (struct host_work){c.tiles_x * c.tiles_y * c.push->groups, HOST_PART_FLOATS};
}

static size_t scratch_bytes(const struct host_call *call)
{
    return conv_of(call).total * sizeof(float);
}

/* ---- input ---- */

/* Four pixels from [x][channel] to [channel][x]. channels: a multiple of 4. */
HOST_INLINE void split_pixels(const float *from, size_t channels, float *to, size_t plane)
{
    for (size_t i = 0; i < channels; i += VEC_FLOATS) {
        vec r[4];
        for (size_t n = 0; n < 4; n++)
            r[n] = vec_load(from + n * channels + i);
        vec_transpose_lanes(r);
        int lanes = (int)(channels - i) / 4;
        for (size_t n = 0; n < 4; n++)
            vec_store_lanes(r[n], lanes, to + (i + n) * plane, 4 * plane);
    }
}

/* [x][channel] to [channel][x % stride][x / stride], and zeros up to a whole vector. */
static void split_planes(const struct conv *c, const float *from, float *to)
{
    const size_t channels = (size_t)c->in_c, stride = (size_t)c->k->SX;
    const size_t columns = (size_t)c->columns, plane = c->plane_floats;
    size_t x = 0;
    if (stride == 1 && channels % 4 == 0) {
        for (; x + 4 <= columns; x += 4)
            split_pixels(from + x * channels, channels, to + x, plane);
    }
    for (; x < columns; x++) {
        for (size_t i = 0; i < channels; i++)
            to[(i * stride + x % stride) * plane + x / stride] = from[x * channels + i];
    }
    for (size_t i = 0; i < channels; i++) {
        for (size_t p = 0; p < stride; p++) {
            size_t used = (columns - p + stride - 1) / stride;
            vec_store(to + (i * stride + p) * plane + used, (vec){0});
        }
    }
}

/* Copies the input of a tile whose first output is x, y. */
static void copy_input(const struct conv *c, int x, int y, float *scratch)
{
    const struct conv_host_constants *k = c->k;
    const struct conv_host_push *push = c->push;
    const struct host_rows rows =
        host_rows_start(c->call, push->in_h, push->in_w, c->in_c, k->UP, k->PAD, scratch);
    int tile_h = int_min(k->TILE_H, push->out_h - y);
    int count = c->rows - (k->TILE_H - tile_h) * k->SY;
    for (int row = 0; row < count; row++) {
        float *to = scratch + c->tile + (size_t)row * c->row_floats;
        host_rows_fill(&rows, y * k->SY - push->top + row, x * k->SX - push->left,
                       c->columns, c->planes ? scratch + c->row : to);
        if (c->planes)
            split_planes(c, scratch + c->row, to);
    }
}

/* ---- sums ---- */

/* Block of weights of output channel o of the group, a multiple of CONV_BLOCK. */
static const float *weights_at(const struct conv *c, int phase, int group, int o,
                               size_t *block)
{
    const struct conv_host_constants *k = c->k;
    const size_t groups = (size_t)(c->push->out_c / k->GROUP_OUT);
    const size_t blocks = (size_t)(k->GROUP_OUT + CONV_BLOCK - 1) / CONV_BLOCK;
    *block = (size_t)k->KH * (size_t)k->KW * (size_t)k->GROUP_IN * CONV_BLOCK;
    size_t at =
        ((size_t)phase * groups + (size_t)group) * blocks + (size_t)(o / CONV_BLOCK);
    return (const float *)c->call->slot[SLOT_WEIGHTS] + at * *block;
}

/* A range of output channels of one group, in one or two rows of a tile. */
struct range {
    int phase, group, o, count; /* o: in the group */
    int row, rows, pixels;      /* of the tile */
    float *sums;                /* of channel o of the first pixel */
};

static void sum_channels(const struct conv *c, const struct range *r,
                         const float *scratch)
{
    const struct conv_host_constants *k = c->k;
    const size_t in_c = (size_t)c->in_c;
    const bool joined = k->DX == 1 && c->in_c == k->GROUP_IN;
    size_t block;
    const float *weights = weights_at(c, r->phase, r->group, r->o, &block);
    const size_t first_row = (size_t)(r->row * k->SY + (r->phase >> 1));
    const struct conv_sum sum = {
        .in = scratch + c->tile + first_row * c->row_floats +
              (size_t)(r->phase & 1) * in_c + (size_t)(r->group * k->GROUP_IN),
        .pixel = (size_t)k->SX * in_c,
        .tap_row = (size_t)k->DY * c->row_floats,
        .tap_run = (size_t)k->DX * in_c,
        .rows = k->KH,
        .runs = joined ? 1 : k->KW,
        .run = joined ? k->KW * k->GROUP_IN : k->GROUP_IN,
        .weights = weights,
        .block = block,
        .out = r->sums,
        .out_row = c->sums_row,
        .out_step = c->sums_step,
    };
    conv_sum_channels(&sum, r->pixels, r->count, r->rows);
}

/* [channel][x] to [x][channel], with that many channels, rounded up to 4, and pixels,
 * rounded up to a whole vector. */
static void join_planes(const struct conv *c, const float *from, const struct range *r,
                        int channels)
{
    for (int x = 0; x < r->pixels; x += VEC_FLOATS) {
        for (int i = 0; i < channels; i += 4) {
            float *to = r->sums + (size_t)x * c->sums_step + i;
            vec v[4];
            for (int q = 0; q < 4; q++)
                v[q] = vec_load(from + (size_t)(i + q) * c->plane_out + x);
            vec_transpose_lanes(v);
            for (size_t n = 0; n < 4; n++)
                vec_store_lanes(v[n], VEC_FLOATS / 4, to + n * c->sums_step,
                                4 * c->sums_step);
        }
    }
}

static void sum_planes(const struct conv *c, const struct range *r, float *scratch)
{
    const struct conv_host_constants *k = c->k;
    const size_t channel = (size_t)k->SX * c->plane_floats;
    float *out = scratch + c->total - c->plane_out * CONV_BLOCK;
    size_t block;
    const float *weights = weights_at(c, r->phase, r->group, r->o, &block);
    const size_t first_row = (size_t)(r->row * k->SY + (r->phase >> 1));
    struct range left = *r;
    for (; left.count > 0; left.count -= CONV_BLOCK) {
        int channels = int_min(left.count, CONV_BLOCK);
        const struct conv_planes planes = {
            .in = scratch + c->tile + first_row * c->row_floats +
                  (size_t)(r->group * k->GROUP_IN) * channel + (size_t)(r->phase & 1),
            .tap_row = (size_t)k->DY * c->row_floats,
            .channel = channel,
            .column = c->plane_floats,
            .rows = k->KH,
            .taps = k->KW,
            .dilation = k->DX,
            .stride = k->SX,
            .channels = k->GROUP_IN,
            .weights = weights,
            .out = out,
            .out_step = c->plane_out,
        };
        conv_sum_planes(&planes, r->pixels, channels);
        join_planes(c, out, &left, channels);
        left.sums += CONV_BLOCK;
        weights += block;
    }
}

/* ---- outputs ---- */

/* One row of outputs. */
struct output {
    const float *sums; /* [pixel][sums_step] */
    size_t sums_step;
    const float *bias, *slopes; /* [channel] */
    float *to;                  /* [pixel][to_step] */
    size_t to_step;
    int pixels;
    int used;     /* channels that are not padding */
    float *stats; /* [channel] of the origin, then of CONV_CHAINS sums of differences from
                     it, then of CONV_CHAINS sums of their squares; NULL: none */
    size_t stats_step;
    bool first_row; /* of the tile: its first output becomes the origin */
    float alpha, beta;
};

/* Channels i .. i + floats of a type's vectors. */
#define FINISH(type, name)                                                               \
    HOST_INLINE type finished_##name(const struct output *o, int i, int x,               \
                                     enum net_act act, bool masked)                      \
    {                                                                                    \
        type v = *(const type *)(o->sums + (size_t)x * o->sums_step + i);                \
        v = name##_activate(act, o->alpha, o->beta, *(const type *)(o->slopes + i),      \
                            v + *(const type *)(o->bias + i));                           \
        for (int n = 0; masked && n < (int)(sizeof(type) / 4); n++)                      \
            v[n] = i + n < o->used ? v[n] : 0.0f;                                        \
        *(type *)(o->to + (size_t)x * o->to_step + i) = v;                               \
        return v;                                                                        \
    }                                                                                    \
    HOST_INLINE void finish_##name(const struct output *o, int i, enum net_act act,      \
                                   bool masked, bool stats)                              \
    {                                                                                    \
        if (!stats) {                                                                    \
            for (int x = 0; x < o->pixels; x++)                                          \
                finished_##name(o, i, x, act, masked);                                   \
            return;                                                                      \
        }                                                                                \
        float *kept = o->stats + i;                                                      \
        if (o->first_row)                                                                \
            *(type *)kept = finished_##name(o, i, 0, act, masked);                       \
        const type origin = *(const type *)kept;                                         \
        type sums[CONV_CHAINS], squares[CONV_CHAINS];                                    \
        for (size_t k = 0; k < CONV_CHAINS; k++) {                                       \
            sums[k] = *(const type *)(kept + (1 + k) * o->stats_step);                   \
            squares[k] = *(const type *)(kept + (1 + CONV_CHAINS + k) * o->stats_step);  \
        }                                                                                \
        int x = 0;                                                                       \
        for (; x + CONV_CHAINS <= o->pixels; x += CONV_CHAINS) {                         \
            for (int k = 0; k < CONV_CHAINS; k++) {                                      \
                type d = finished_##name(o, i, x + k, act, masked) - origin;             \
                sums[k] += d;                                                            \
                squares[k] = name##_mad(d, d, squares[k]);                               \
            }                                                                            \
        }                                                                                \
        for (int k = 0; k < CONV_CHAINS - 1; k++) {                                      \
            if (x + k >= o->pixels)                                                      \
                break;                                                                   \
            type d = finished_##name(o, i, x + k, act, masked) - origin;                 \
            sums[k] += d;                                                                \
            squares[k] = name##_mad(d, d, squares[k]);                                   \
        }                                                                                \
        for (size_t k = 0; k < CONV_CHAINS; k++) {                                       \
            *(type *)(kept + (1 + k) * o->stats_step) = sums[k];                         \
            *(type *)(kept + (1 + CONV_CHAINS + k) * o->stats_step) = squares[k];        \
        }                                                                                \
    }
FINISH(vec, vec)
FINISH(vec4, vec4)
#undef FINISH

HOST_INLINE void finish_channels(const struct output *o, enum net_act act, bool stats)
{
    int i = 0;
    for (; i + VEC_FLOATS <= o->used; i += VEC_FLOATS)
        finish_vec(o, i, act, false, stats);
    for (; i + 4 <= o->used; i += 4)
        finish_vec4(o, i, act, false, stats);
    if (i < o->used)
        finish_vec4(o, i, act, true, stats);
}

static void finish(const struct output *o, enum net_act act)
{
    if (act == NET_ACT_NONE && o->stats)
        finish_channels(o, NET_ACT_NONE, true);
    else if (act == NET_ACT_NONE)
        finish_channels(o, NET_ACT_NONE, false);
    else if (act == NET_ACT_RELU && !o->stats)
        finish_channels(o, NET_ACT_RELU, false);
    else
        finish_channels(o, act, o->stats != NULL);
}

/* ---- parts ---- */

struct tile {
    int x, y, w, h; /* output pixels */
    size_t index;   /* of its statistics in a phase */
};

/* Sums of all groups that have channels among o .. o + count - 1, in one or two rows. */
static void sum_rows(const struct conv *c, const struct tile *tile, int phase, int row,
                     int rows, int o, int count, float *scratch)
{
    const int per_group = c->k->GROUP_OUT;
    for (int i = 0; i < count;) {
        struct range r = {.phase = phase, .group = (o + i) / per_group};
        r.o = (o + i) % per_group;
        r.count = int_min(per_group - r.o, count - i);
        r.row = row;
        r.rows = rows;
        r.pixels = tile->w;
        r.sums = scratch + c->sums + i;
        if (c->planes)
            sum_planes(c, &r, scratch);
        else
            sum_channels(c, &r, scratch);
        i += r.count;
    }
}

/* Output channels o .. o + count - 1 of a tile. */
static void make_unit(const struct conv *c, const struct tile *tile, int phase, int o,
                      int count, float *scratch)
{
    const struct conv_host_push *push = c->push;
    const struct kernel_constants *k = &c->call->constants;
    const size_t scale = c->k->PHASES == 4 ? 2 : 1, o4 = (size_t)push->o4;
    const size_t step = round_16((size_t)c->unit);
    const float *params = (const float *)c->call->slot[SLOT_PARAMS] + o;
    struct output out = {
        .sums_step = c->sums_step,
        .bias = params,
        .slopes = params + 4 * o4,
        .to_step = 4 * o4 * scale,
        .pixels = tile->w,
        .used = count,
        .stats = c->k->STATS ? scratch + c->stats : NULL,
        .stats_step = step,
        .alpha = k->ALPHA,
        .beta = k->BETA,
    };
    if (out.stats)
        memset(out.stats, 0, step * CONV_STATS_ROWS * sizeof(float));
    /* Two rows at a time where the second's taps begin one row below the first's. */
    const int at_once = !c->planes && c->k->SY == c->k->DY ? 2 : 1;
    for (int row = 0; row < tile->h; row++) {
        if (row % at_once == 0)
            sum_rows(c, tile, phase, row, int_min(at_once, tile->h - row), o, count,
                     scratch);
        out.sums = scratch + c->sums + (size_t)(row % at_once) * c->sums_row;
        size_t y = (size_t)(tile->y + row) * scale + (size_t)(phase >> 1);
        size_t x = (size_t)tile->x * scale + (size_t)(phase & 1);
        size_t at = y * (size_t)push->out_w * scale + x;
        out.to = (float *)c->call->slot[SLOT_OUTPUT] + at * o4 * 4 + o;
        out.first_row = row == 0;
        finish(&out, (enum net_act)k->ACT);
    }
    if (!out.stats)
        return;
    size_t index = (size_t)phase * (size_t)c->tiles_x * (size_t)c->tiles_y + tile->index;
    conv_write_stats(out.stats, step, count, (float)(tile->w * tile->h),
                     (vec4 *)c->call->slot[SLOT_STATS] + index * o4 * 4 + o);
}

static void make_tile(const struct host_call *call, size_t part, void *scratch)
{
    const struct conv c = conv_of(call);
    const size_t o_parts = (size_t)c.push->groups, tiles_x = (size_t)c.tiles_x;
    struct tile tile = {.index = part / o_parts};
    tile.x = (int)(tile.index % tiles_x) * c.k->TILE_W;
    tile.y = (int)(tile.index / tiles_x) * c.k->TILE_H;
    tile.w = int_min(c.k->TILE_W, c.push->out_w - tile.x);
    tile.h = int_min(c.k->TILE_H, c.push->out_h - tile.y);
    const int first = (int)(part % o_parts) * c.k->O_STEP;
    const int end = int_min(first + c.k->O_STEP, c.push->out_c);
    copy_input(&c, tile.x, tile.y, scratch);
    for (int o = first; o < end; o += c.unit) {
        for (int phase = 0; phase < c.k->PHASES; phase++)
            make_unit(&c, &tile, phase, o, int_min(c.unit, end - o), scratch);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    for (int i = first; i < end; i++)
        make_tile(call, (size_t)i, scratch);
}

extern const struct host_kernel HOST(host_conv_host);
const struct host_kernel HOST(host_conv_host) = {work, scratch_bytes, run};
