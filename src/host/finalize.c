/* The last step of a normalization, and MEAN (shaders/finalize.comp). The tiles of each
 * channel are combined in order; then, for groups of several channels, the channels. */
#include "host/view.h"

enum { BLOCKS = 4 }; /* channel blocks at a time: their divisions overlap */

/* Statistics of four channels, by the formula of Chan, Golub and LeVeque (1979). */
struct moments {
    vec4 mean, m2, n;
};

HOST_INLINE struct moments join(struct moments p, struct moments q)
{
    vec4 d = q.mean - p.mean, n = p.n + q.n;
    vec4 weight = q.n / vec4_max(vec4_all(1), n);
    return (struct moments){vec4_mad(d, weight, p.mean),
                            vec4_mad(d * d, p.n * weight, p.m2 + q.m2), n};
}

/* Of the four channels of a block in one tile: at[i] is mean, M2, count of channel i. */
HOST_INLINE struct moments load(const vec4 *at)
{
    vec4 a = at[0], b = at[1], c = at[2], d = at[3];
    return (struct moments){
        {a[0], b[0], c[0], d[0]}, {a[1], b[1], c[1], d[1]}, {a[2], b[2], c[2], d[2]}};
}

HOST_INLINE void combine_tiles(const struct host_call *call, int block, const int count,
                               struct moments *sums)
{
    const struct finalize_push *push = &call->push.finalize;
    const size_t tile = 4 * (size_t)push->c4;
    const vec4 *at = (const vec4 *)call->slot[SLOT_INPUT0] + 4 * (size_t)block;
    /* Means as differences from the first tile's, which loses less precision. */
    vec4 base[BLOCKS];
    struct moments sum[BLOCKS] = {0};
    for (int i = 0; i < count; i++)
        base[i] = load(at + 4 * i).mean;
    for (int t = 0; t < push->tile_count; t++, at += tile) {
        for (int i = 0; i < count; i++) {
            struct moments next = load(at + 4 * i);
            next.mean -= base[i];
            sum[i] = join(sum[i], next);
        }
    }
    for (int i = 0; i < count; i++) {
        sums[i] = sum[i];
        sums[i].mean += base[i];
    }
}

HOST_INLINE struct moments broadcast(const struct moments *blocks, int channel)
{
    const struct moments *from = &blocks[channel / 4];
    int i = channel % 4;
    return (struct moments){vec4_all(from->mean[i]), vec4_all(from->m2[i]),
                            vec4_all(from->n[i])};
}

static void put(struct moments *to, int i, struct moments from)
{
    to->mean[i] = from.mean[0];
    to->m2[i] = from.m2[0];
    to->n[i] = from.n[0];
}

/* Gives all channels of a group the statistics of the group, padding channels those of
 * the last one. */
static void combine_groups(const struct finalize_push *push, struct moments *blocks)
{
    struct moments all = {0};
    for (int c = 0; c < 4 * push->c4; c++) {
        if (c < push->channels && c % push->group == 0) {
            all = broadcast(blocks, c);
            for (int i = 1; i < push->group; i++)
                all = join(all, broadcast(blocks, c + i));
        }
        put(&blocks[c / 4], c % 4, all);
    }
}

/* Averages mean and variance with those of the previous frames and stores the result for
 * the next frame. The limits are those of the shader. */
static void average(const struct host_call *call, int block, vec4 *mean, vec4 *var)
{
    const float distance_max = 0.25f, ratio_max = 1.5f;
    const vec4 control = ((const vec4 *)call->slot[FINALIZE_FRAME_PARAMS])[1];
    vec4 *averages = (vec4 *)call->slot[FINALIZE_AVERAGES] + 2 * (size_t)block;
    const vec4 old_mean = averages[0], old_var = averages[1], d = *mean - old_mean;
    /* 2^(-5 stability): a weight of 1 at a stability of 0, of 1/32 at 1. */
    const float weight =
        control[1] > 0 ? 1.0f : vec4_exp(vec4_all(control[0] * -3.46573590f))[0];
    /* False where a number is NaN, so that a NaN is never kept. */
    vec4i near = (d * d <= distance_max * distance_max * old_var) &
                 (*var <= ratio_max * old_var) & (old_var <= ratio_max * *var);
    if (weight < 1.0f) {
        vec4 rest = vec4_all(1.0f - weight), part = vec4_all(weight);
        *mean = vec4_select(near, vec4_mad(*mean, part, old_mean * rest), *mean);
        *var = vec4_select(near, vec4_mad(*var, part, old_var * rest), *var);
    }
    averages[0] = *mean;
    averages[1] = *var;
}

static void write_affine(const struct host_call *call, int block,
                         const struct moments *all)
{
    const size_t c4 = (size_t)call->push.finalize.c4, c = (size_t)block;
    const vec4 *params = call->slot[SLOT_PARAMS]; /* scale, shift, epsilon */
    vec4 *affine = (vec4 *)call->slot[SLOT_STATS] + 2 * c;
    vec4 mean = all->mean, var = all->m2 / all->n;
    if (call->constants.own.finalize.AVERAGE)
        average(call, block, &mean, &var);
    vec4 deviation = var + params[2 * c4 + c];
    for (int i = 0; i < 4; i++)
        deviation[i] = sqrtf(deviation[i]);
    affine[0] = params[c] / deviation;
    affine[1] = params[c4 + c] - affine[0] * mean;
}

static void write_mean(const struct host_call *call, int block, const struct moments *all)
{
    ((vec4 *)call->slot[SLOT_OUTPUT])[block] = all->mean;
}

/* A unit is a channel block; with groups there is only one unit. */
static struct host_work work(const struct host_call *call)
{
    const struct finalize_push *push = &call->push.finalize;
    return (struct host_work){push->group == 1 ? push->c4 : 1, HOST_PART_FLOATS / BLOCKS};
}

static size_t scratch_bytes(const struct host_call *call)
{
    return (size_t)call->push.finalize.c4 * sizeof(struct moments);
}

HOST_INLINE void
run_part(const struct host_call *call, int first, int end, struct moments *blocks,
         void (*write)(const struct host_call *, int, const struct moments *))
{
    const struct finalize_push *push = &call->push.finalize;
    end = push->group == 1 ? end : push->c4;
    int block = first;
    for (; block + BLOCKS <= end; block += BLOCKS)
        combine_tiles(call, block, BLOCKS, blocks + block);
    for (; block < end; block++)
        combine_tiles(call, block, 1, blocks + block);
    if (push->group > 1) {
        combine_groups(push, blocks);
    } else if (end == push->c4) {
        for (int c = push->channels; c < 4 * push->c4; c++)
            put(&blocks[c / 4], c % 4, broadcast(blocks, push->channels - 1));
    }
    for (block = first; block < end; block++)
        write(call, block, &blocks[block]);
}

static void run_finalize(const struct host_call *call, int first, int end, void *scratch)
{
    run_part(call, first, end, scratch, write_affine);
}

static void run_mean(const struct host_call *call, int first, int end, void *scratch)
{
    run_part(call, first, end, scratch, write_mean);
}

extern const struct host_kernel HOST(host_finalize);
const struct host_kernel HOST(host_finalize) = {work, scratch_bytes, run_finalize};
extern const struct host_kernel HOST(host_mean);
const struct host_kernel HOST(host_mean) = {work, scratch_bytes, run_mean};
