/* Mean and sum of squared differences of a map over tiles, in two passes over the pixels
 * of a tile (shaders/stats.comp). A channel's sums go through the tile row by row; the
 * first is of differences from the first pixel, which loses less precision. */
#include "host/row.h"

/* A unit is a row of tiles. */
static struct host_work work(const struct host_call *call)
{
    return (struct host_work){call->push.stats.tiles_y, HOST_PART_FLOATS};
}

static size_t scratch_bytes(const struct host_call *call)
{
    const struct stats_push *push = &call->push.stats;
    size_t pixels = (size_t)push->tile_h * (size_t)push->tile_w;
    return (row_function_floats(push->c4) + pixels * 4 * (size_t)push->c4) *
           sizeof(float);
}

/* Pixels of a tile: rows of n_x pixels of `pixel` floats, `row` floats apart. */
struct tile {
    const float *from;
    int n_x, n_y;
    size_t row, pixel;
};

/* Statistics of `count` vectors of channels from c on. */
#define TILE_STATS(type, name, width)                                                    \
    HOST_INLINE void name##_stats(const struct tile *t, size_t c, const int count,       \
                                  vec4 *to)                                              \
    {                                                                                    \
        const float n = (float)(t->n_x * t->n_y);                                        \
        type first[4], mean[4], m2[4];                                                   \
        for (int i = 0; i < count; i++) {                                                \
            first[i] = *(const type *)(t->from + c + i * (width));                       \
            mean[i] = m2[i] = (type){0};                                                 \
        }                                                                                \
        for (int y = 0; y < t->n_y; y++) {                                               \
            const float *at = t->from + (size_t)y * t->row + c;                          \
            for (int x = 0; x < t->n_x; x++, at += t->pixel) {                           \
                for (int i = 0; i < count; i++)                                          \
                    mean[i] += *(const type *)(at + i * (width)) - first[i];             \
            }                                                                            \
        }                                                                                \
        for (int i = 0; i < count; i++)                                                  \
            mean[i] = first[i] + mean[i] / n;                                            \
        for (int y = 0; y < t->n_y; y++) {                                               \
            const float *at = t->from + (size_t)y * t->row + c;                          \
            for (int x = 0; x < t->n_x; x++, at += t->pixel) {                           \
                for (int i = 0; i < count; i++) {                                        \
                    type d = *(const type *)(at + i * (width)) - mean[i];                \
                    m2[i] = name##_mad(d, d, m2[i]);                                     \
                }                                                                        \
            }                                                                            \
        }                                                                                \
        for (int i = 0; i < count; i++) {                                                \
            for (int j = 0; j < (width); j++)                                            \
                to[c + (size_t)(i * (width) + j)] = (vec4){mean[i][j], m2[i][j], n, 0};  \
        }                                                                                \
    }
TILE_STATS(vec, vec, VEC_FLOATS)
TILE_STATS(vec4, vec4, 4)

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct stats_push *push = &call->push.stats;
    const struct host_view view = host_view0(call);
    const struct row_function f = HOST(row_of_view)(&view, push->c4, &scratch);
    const size_t pixel = 4 * (size_t)push->c4, row = (size_t)push->w * pixel;
    for (int index = first * push->tiles_x; index < end * push->tiles_x; index++) {
        const int tile_x = index % push->tiles_x;
        const int y = index / push->tiles_x * push->tile_h;
        const int x = tile_x * push->tile_w;
        struct tile t = {.from =
                             (const float *)view.x + (size_t)y * row + (size_t)x * pixel,
                         .n_x = int_min(push->tile_w, push->w - x),
                         .n_y = int_min(push->tile_h, push->h - y),
                         .row = row,
                         .pixel = pixel};
        if (row_changes(&f)) {
            const size_t tile_row = (size_t)t.n_x * pixel;
            for (size_t i = 0; i < (size_t)t.n_y; i++)
                HOST(row_apply)
            (&f, t.from + i * row, tile_row, (float *)scratch + i * tile_row);
            t.from = scratch;
            t.row = tile_row;
        }
        vec4 *to = (vec4 *)call->slot[SLOT_STATS] + (size_t)index * pixel;
        size_t c = 0;
        for (; c + 4 * VEC_FLOATS <= pixel; c += 4 * VEC_FLOATS)
            vec_stats(&t, c, 4, to);
        for (; c + 2 * VEC_FLOATS <= pixel; c += 2 * VEC_FLOATS)
            vec_stats(&t, c, 2, to);
        for (; c + VEC_FLOATS <= pixel; c += VEC_FLOATS)
            vec_stats(&t, c, 1, to);
        for (; c < pixel; c += 4)
            vec4_stats(&t, c, 1, to);
    }
}

extern const struct host_kernel HOST(host_stats);
const struct host_kernel HOST(host_stats) = {work, scratch_bytes, run};
