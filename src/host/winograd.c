/* 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray 2016), with the
 * points 0, 1, -1, 2, -2, infinity: 36 multiplications instead of 144 for each pair of
 * channels and tile of 4x4 output pixels.
 *
 * A part makes some tiles, which are numbered row by row, from the input to the output in
 * its scratch memory: each 6x6 piece d of the padded input becomes B^T d B; for each of
 * the 36 elements, a matrix product sums over the input channels; the 6x6 products m of a
 * tile become its output pixels A^T m A. */
#include "host/conv_input.h"
#include "host/conv_stats.h"

#define PIECES 36
#define BLOCK  16 /* output channels whose weights are side by side */
#define STRIP  4  /* tiles whose input is copied at a time */

/* Sums of the matrix products that are in registers: tiles and vectors of channels. */
#if defined(__AVX512F__)
#define ROWS 12
#define VECS 2
#elif defined(__aarch64__)
#define ROWS 6
#define VECS 4
#elif defined(__AVX2__)
#define ROWS 6
#define VECS 2
#else
#define ROWS 3
#define VECS 4
#endif
#define WIDTH (VECS * VEC_FLOATS) /* output channels that are made at a time */

/* What follows from the call. */
struct winograd {
    const struct host_call *call;
    const struct winograd_constants *k;
    const struct winograd_push *push;
    int channels; /* of the input */
    int tiles_x, tiles_y;
    /* The input is upsampled so that in each piece rows 1 and 2 are equal, and rows 3 and
     * 4, and the columns likewise: row 2 and column 2 of the transform are 0. */
    bool sparse;
    size_t piece, tile; /* floats from element to element, from tile to tile of pieces */
    /* Floats from the start of scratch. */
    size_t input, pieces, products, stats, total;
};

static struct winograd winograd_of(const struct host_call *call)
{
    const struct winograd_constants *k = &call->constants.own.winograd;
    const struct winograd_push *push = &call->push.winograd;
    struct winograd w = {.call = call, .k = k, .push = push};
    const int tiles = (k->TILES + ROWS - 1) / ROWS * ROWS;
    w.channels = k->IN_C;
    w.tiles_x = (push->out_w + 3) / 4;
    w.tiles_y = (push->out_h + 3) / 4;
    w.sparse = k->UP && push->top % 2 && push->left % 2 && k->PAD != NET_PAD_REFLECT;
    w.tile = 4 * (size_t)k->CI4;
    /* 16 more than needed, so that the elements of a tile do not share few sets of a
     * cache. */
    w.piece = (size_t)tiles * w.tile + 16;
    w.input = host_rows_scratch(4 * k->CI4);
    w.pieces = w.input + 6 * host_row_floats(4 * STRIP + 2, 4 * k->CI4);
    w.products = w.pieces + (PIECES * w.piece + 15) / 16 * 16;
    w.stats = w.products + (size_t)tiles * PIECES * WIDTH;
    w.total = w.stats + CONV_STATS_ROWS * VEC_FLOATS;
    return w;
}

static struct host_work work(const struct host_call *call)
{
    struct winograd w = winograd_of(call);
    int parts = (w.tiles_x * w.tiles_y + w.k->TILES - 1) / w.k->TILES;
    return (struct host_work){parts, (size_t)w.k->TILES * 64 * (size_t)w.push->o4};
}

static size_t scratch_bytes(const struct host_call *call)
{
    return winograd_of(call).total * sizeof(float);
}

/* ---- input ---- */

/* Whether element k of sparse pieces is 0. */
HOST_INLINE bool is_sparse(size_t k)
{
    return k / 6 == 2 || k % 6 == 2;
}

/* d becomes B^T d. */
HOST_INLINE void transform_input(vec d[6])
{
    const vec two = vec_all(2), four = vec_all(4), five = vec_all(5);
    vec a = vec_mad(-four, d[2], d[4]), b = vec_mad(-four, d[1], d[3]);
    vec c = d[4] - d[2], e = d[3] - d[1];
    d[0] = vec_mad(four, d[0], vec_mad(-five, d[2], d[4]));
    d[5] = vec_mad(four, d[1], vec_mad(-five, d[3], d[5]));
    d[1] = a + b;
    d[2] = a - b;
    d[3] = vec_mad(two, e, c);
    d[4] = vec_mad(-two, e, c);
}

/* Transforms the 6x6 pixels at `from`, with `row` floats from row to row, and writes them
 * to a tile of the pieces. sparse: of 4x4 pixels, those in the middle count twice. */
HOST_INLINE void transform_piece(const struct winograd *w, const float *from, size_t row,
                                 float *to, const bool sparse)
{
    const size_t pixel = w->tile, piece = w->piece;
    for (size_t i = 0; i < pixel; i += VEC_FLOATS) {
        /* The last vector may overlap the one before it. */
        const size_t c = i + VEC_FLOATS <= pixel ? i : pixel - VEC_FLOATS;
        vec t[PIECES], d[6];
#pragma GCC unroll 6
        for (size_t x = 0; x < 6; x++) {
            const float *column = from + (sparse ? (x + 1) / 2 : x) * pixel + c;
#pragma GCC unroll 6
            for (size_t y = 0; y < 6; y++)
                d[y] = vec_load(column + (sparse ? (y + 1) / 2 : y) * row);
            transform_input(d);
#pragma GCC unroll 6
            for (size_t y = 0; y < 6; y++)
                t[y * 6 + x] = d[y];
        }
#pragma GCC unroll 6
        for (size_t y = 0; y < 6; y++) {
            transform_input(t + y * 6);
#pragma GCC unroll 6
            for (size_t x = 0; x < 6; x++) {
                if (!sparse || !is_sparse(y * 6 + x))
                    vec_store(to + (y * 6 + x) * piece + c, t[y * 6 + x]);
            }
        }
    }
}

/* Pieces of the tiles first .. first + count - 1. */
static void make_pieces(const struct winograd *w, int first, int count, float *scratch)
{
    const struct winograd_push *push = w->push;
    /* A sparse input is copied before it is upsampled. */
    const int scale = w->sparse ? 2 : 1, step = 4 / scale;
    const struct host_rows rows =
        host_rows_start(w->call, push->in_h, push->in_w, (int)w->tile,
                        w->sparse ? 0 : w->k->UP, w->k->PAD, scratch);
    float *input = scratch + w->input, *pieces = scratch + w->pieces;
    const size_t row = host_row_floats(4 * STRIP + 2, (int)w->tile);
    for (int t = 0; t < count;) {
        const int tile_x = (first + t) % w->tiles_x, tile_y = (first + t) / w->tiles_x;
        const int n = int_min(int_min(count - t, STRIP), w->tiles_x - tile_x);
        const int x = step * tile_x - (push->left + scale - 1) / scale;
        const int y = step * tile_y - (push->top + scale - 1) / scale;
        for (int i = 0; i < step + 2; i++)
            host_rows_fill(&rows, y + i, x, step * n + 2, input + (size_t)i * row);
        for (int i = 0; i < n; i++, t++) {
            const float *from = input + (size_t)(i * step) * w->tile;
            if (w->sparse)
                transform_piece(w, from, row, pieces + (size_t)t * w->tile, true);
            else
                transform_piece(w, from, row, pieces + (size_t)t * w->tile, false);
        }
    }
    /* The products are made for whole groups of tiles. */
    const int all = (count + ROWS - 1) / ROWS * ROWS;
    for (size_t k = 0; k < PIECES; k++)
        memset(pieces + k * w->piece + (size_t)count * w->tile, 0,
               (size_t)(all - count) * w->tile * sizeof(float));
}

/* ---- products ---- */

/* Products of ROWS tiles and v vectors of output channels. */
HOST_INLINE void multiply_tiles(const struct winograd *w, const float *pieces,
                                const float *weights, float *to, const int v)
{
    const size_t tile = w->tile, block = PIECES * BLOCK * (size_t)w->channels;
    vec sum[ROWS][VECS];
#pragma GCC unroll 16
    for (size_t t = 0; t < ROWS; t++) {
#pragma GCC unroll 4
        for (int n = 0; n < v; n++)
            sum[t][n] = (vec){0};
    }
    for (int i = 0; i < w->channels; i++, pieces++, weights += BLOCK) {
        vec weight[VECS];
#pragma GCC unroll 4
        for (int n = 0; n < v; n++)
            weight[n] = vec_load(weights + (size_t)(n * VEC_FLOATS / BLOCK) * block +
                                 n * VEC_FLOATS % BLOCK);
#pragma GCC unroll 16
        for (size_t t = 0; t < ROWS; t++) {
            const vec x = vec_all(pieces[t * tile]);
#pragma GCC unroll 4
            for (int n = 0; n < v; n++)
                sum[t][n] = vec_mad(weight[n], x, sum[t][n]);
        }
    }
#pragma GCC unroll 16
    for (size_t t = 0; t < ROWS; t++) {
#pragma GCC unroll 4
        for (int n = 0; n < v; n++)
            vec_store(to + t * PIECES * WIDTH + n * VEC_FLOATS, sum[t][n]);
    }
}

/* v vectors of output channels from o on. */
HOST_INLINE void multiply_pieces(const struct winograd *w, int count, int o,
                                 float *scratch, const int v)
{
    const size_t each = BLOCK * (size_t)w->channels;
    const float *weights = (const float *)w->call->slot[SLOT_WEIGHTS] +
                           (size_t)(o / BLOCK) * PIECES * each + o % BLOCK;
    for (size_t k = 0; k < PIECES; k++, weights += each) {
        const float *pieces = scratch + w->pieces + k * w->piece;
        float *to = scratch + w->products + k * WIDTH;
        const bool zero = w->sparse && is_sparse(k);
        for (int t = 0; zero && t < count; t++)
            memset(to + (size_t)t * PIECES * WIDTH, 0, WIDTH * sizeof(float));
        for (int t = 0; !zero && t < count; t += ROWS) {
            multiply_tiles(w, pieces, weights, to, v);
            pieces += ROWS * w->tile;
            to += ROWS * PIECES * WIDTH;
        }
    }
}

/* Products [tile][36][WIDTH] of the output channels from o on. */
static void make_products(const struct winograd *w, int count, int o, float *scratch)
{
    const int left = (w->push->out_c - o + VEC_FLOATS - 1) / VEC_FLOATS;
    if (left >= VECS)
        multiply_pieces(w, count, o, scratch, VECS);
    else if (left == 1)
        multiply_pieces(w, count, o, scratch, 1);
#if VECS > 2
    else if (left == 2)
        multiply_pieces(w, count, o, scratch, 2);
    else
        multiply_pieces(w, count, o, scratch, 3);
#endif
}

/* ---- output ---- */

/* m[0..3] becomes A^T m[0..5]. */
HOST_INLINE void transform_output(vec m[6])
{
    vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    m[0] = m[0] + a + c;
    m[1] = vec_mad(vec_all(2), d, b);
    m[2] = vec_mad(vec_all(4), c, a);
    m[3] = vec_mad(vec_all(8), d, b) + m[5];
}

/* A vector of output channels of a part. */
struct output {
    float *map;            /* the first channel of the output's first pixel */
    const float *products; /* of the first tile */
    int stored;            /* channels that the map has */
    veci used;             /* mask of those that are not padding */
    vec bias, slope;
    float *stats; /* CONV_STATS_ROWS vectors; NULL: none */
};

HOST_INLINE void store_channels(float *to, vec x, const struct output *o)
{
    if (o->stored == VEC_FLOATS) {
        vec_store(to, (vec)((veci)x & o->used));
        return;
    }
    const vec used = (vec)((veci)x & o->used);
    for (int i = 0; i < o->stored; i += 4)
        *(vec4 *)(to + i) = ((const vec4 *)&used)[i / 4];
}

HOST_INLINE void make_output(const struct winograd *w, int first, int count,
                             const struct output *o, enum net_act act, bool stats)
{
    const struct winograd_push *push = w->push;
    const float alpha = w->call->constants.ALPHA, beta = w->call->constants.BETA;
    const size_t pixel = 4 * (size_t)push->o4, row = (size_t)push->out_w * pixel;
    vec origin = {0}, sums[CONV_CHAINS] = {{0}}, squares[CONV_CHAINS] = {{0}};
    int tile_x = first % w->tiles_x, tile_y = first / w->tiles_x;
    for (int i = 0; i < count; i++) {
        const float *products = o->products + (size_t)i * PIECES * WIDTH;
        vec t[24], m[6];
#pragma GCC unroll 6
        for (size_t x = 0; x < 6; x++) {
#pragma GCC unroll 6
            for (size_t y = 0; y < 6; y++)
                m[y] = vec_load(products + (y * 6 + x) * WIDTH);
            transform_output(m);
#pragma GCC unroll 4
            for (size_t y = 0; y < 4; y++)
                t[y * 6 + x] = m[y];
        }
        const int n_y = int_min(4, push->out_h - 4 * tile_y);
        const int n_x = int_min(4, push->out_w - 4 * tile_x);
        float *to = o->map + (size_t)(4 * tile_y) * row + (size_t)(4 * tile_x) * pixel;
        for (int y = 0; y < n_y; y++, to += row) {
#pragma GCC unroll 6
            for (int x = 0; x < 6; x++)
                m[x] = t[y * 6 + x];
            transform_output(m);
#pragma GCC unroll 4
            for (int x = 0; x < 4; x++) {
                if (x >= n_x)
                    break;
                vec v = vec_activate(act, alpha, beta, o->slope, m[x] + o->bias);
                store_channels(to + (size_t)x * pixel, v, o);
                if (!stats)
                    continue;
                if (i == 0 && y == 0 && x == 0)
                    origin = v;
                vec difference = v - origin;
                sums[x] += difference;
                squares[x] = vec_mad(difference, difference, squares[x]);
            }
        }
        tile_x++;
        if (tile_x == w->tiles_x) {
            tile_x = 0;
            tile_y++;
        }
    }
    if (!stats)
        return;
    vec_store(o->stats, origin);
    for (int x = 0; x < CONV_CHAINS; x++) {
        vec_store(o->stats + (1 + x) * VEC_FLOATS, sums[x]);
        vec_store(o->stats + (1 + CONV_CHAINS + x) * VEC_FLOATS, squares[x]);
    }
}

/* Number of output pixels in the tiles first .. first + count - 1. */
static int pixels_of(const struct winograd *w, int first, int count)
{
    int pixels = 0;
    for (int i = first; i < first + count; i++)
        pixels += int_min(4, w->push->out_h - i / w->tiles_x * 4) *
                  int_min(4, w->push->out_w - i % w->tiles_x * 4);
    return pixels;
}

/* The output channels from c on. */
static void make_outputs(const struct winograd *w, int first, int count, int c,
                         float *scratch)
{
    const struct kernel_constants *k = &w->call->constants;
    const float *params = w->call->slot[SLOT_PARAMS];
    const int all = 4 * w->push->o4, end = int_min(c + WIDTH, w->push->out_c);
    struct output o = {.products = scratch + w->products, .stats = scratch + w->stats};
    for (; c < end; c += VEC_FLOATS, o.products += VEC_FLOATS) {
        o.map = (float *)w->call->slot[SLOT_OUTPUT] + c;
        o.stored = int_min(VEC_FLOATS, all - c);
        for (int i = 0; i < VEC_FLOATS; i++)
            o.used[i] = c + i < end ? -1 : 0;
        memcpy(&o.bias, params + c, (size_t)o.stored * sizeof(float));
        memcpy(&o.slope, params + all + c, (size_t)o.stored * sizeof(float));
        if (k->ACT == NET_ACT_NONE && w->k->STATS)
            make_output(w, first, count, &o, NET_ACT_NONE, true);
        else if (k->ACT == NET_ACT_NONE)
            make_output(w, first, count, &o, NET_ACT_NONE, false);
        else if (k->ACT == NET_ACT_RELU && !w->k->STATS)
            make_output(w, first, count, &o, NET_ACT_RELU, false);
        else
            make_output(w, first, count, &o, (enum net_act)k->ACT, w->k->STATS);
        if (w->k->STATS)
            conv_write_stats(o.stats, VEC_FLOATS, int_min(VEC_FLOATS, end - c),
                             (float)pixels_of(w, first, count),
                             (vec4 *)w->call->slot[SLOT_STATS] +
                                 (size_t)(first / w->k->TILES) * (size_t)all + c);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct winograd w = winograd_of(call);
    for (int part = first; part < end; part++) {
        const int tile = part * w.k->TILES;
        const int count = int_min(w.k->TILES, w.tiles_x * w.tiles_y - tile);
        make_pieces(&w, tile, count, scratch);
        for (int o = 0; o < w.push->out_c; o += WIDTH) {
            make_products(&w, count, o, scratch);
            make_outputs(&w, tile, count, o, scratch);
        }
    }
}

extern const struct host_kernel HOST(host_winograd);
const struct host_kernel HOST(host_winograd) = {work, scratch_bytes, run};
