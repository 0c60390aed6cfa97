/* The output frame: the previous output warped along the flow where the confidence is
 * high, the painting elsewhere (shaders/temporal_blend.comp, which explains the
 * constants). */
#include "host/history.h"
#include "host/pixels.h"

enum { SIDE = 8, BLOCK_VECTORS = 2 }; /* as in shaders/temporal.glsl */

static const float CLIP_DEVIATIONS = 4, CLIP_MIN = 0.01f;
static const float FOLLOW = 0.05f, FOLLOW_LIGHT = 60, LIGHT_NOISE = 0.001f,
                   FOLLOW_MAX = 0.5f;
static const float SHARPEN = 0.07f, DETAIL_RATIO_MAX = 1.3f;
static const float MIX_RESAMPLED = 0.15f;
static const float DETAIL_RATIO_LOW = 0.9f, DETAIL_RATIO_MIN = 0.6f, RESTORE = 0.2f;

static struct host_work work(const struct host_call *call)
{
    const struct temporal_blend_push *push = &call->push.temporal_blend;
    return (struct host_work){push->h, (size_t)push->w * 4};
}

/* What the pixels of a run have in common. */
struct blend {
    const struct temporal_blend_push *push;
    const vec4 *history;
    struct coarse_map confidence, blocks;
};

/* Of each pixel of a run. */
struct blend_run {
    struct history_run from; /* used: the weight of the history */
    float follow[RUN];
    vec4 painted_block[RUN], previous_block[RUN];
};

HOST_INLINE vec vec_saturate(vec x)
{
    return vec_clamp(x, vec_all(0), vec_all(1));
}

/* Sets the positions, used and follow. */
static void find_positions(const struct blend *b, int x, int y, int n,
                           struct blend_run *run)
{
    struct motion_run motion;
    history_positions(&b->confidence, x, y, n, b->push->w, b->push->h, &motion,
                      &run->from);
    for (int i = 0; i < RUN; i += VEC_FLOATS) {
        vec change = vec_max(vec_load(motion.light + i) - LIGHT_NOISE, vec_all(0));
        vec follow = vec_mad(change, vec_all(FOLLOW_LIGHT), vec_all(FOLLOW));
        vec_store(run->follow + i, vec_min(follow, vec_all(FOLLOW_MAX)));
    }
}

/* Sets the blocks and, by the ratio of their detail, used, sharpen and sharpen_min. */
static void find_weights(const struct blend *b, int x, int y, int n,
                         struct blend_run *run)
{
    struct coarse_positions columns, rows;
    float detail[RUN];
    coarse_row(&b->blocks, 0, x, y, n, run->painted_block);
    coarse_positions(run->from.x, SIDE, b->blocks.w, n, &columns);
    coarse_positions(run->from.y, SIDE, b->blocks.h, n, &rows);
    for (int i = 0; i < n; i++) {
        run->previous_block[i] = coarse_at(&b->blocks, 1, &columns, &rows, i);
        detail[i] = run->previous_block[i][3];
    }
    const vec one = vec_all(1);
    for (int i = 0; i < n; i += VEC_FLOATS) {
        vec ratio = vec_load(detail + i);
        vec px = vec_load(run->from.x + i), py = vec_load(run->from.y + i);
        vec between = vec_max(vec_abs(px - vec_round(px)), vec_abs(py - vec_round(py)));
        vec restore = vec_saturate((DETAIL_RATIO_LOW - ratio) *
                                   (1 / (DETAIL_RATIO_LOW - DETAIL_RATIO_MIN))) *
                      RESTORE;
        vec t = vec_saturate((between - WHOLE) * (1 / (FAR - WHOLE)));
        vec mixed_in = vec_max(t * t * (3.0f - t - t), restore) * MIX_RESAMPLED;
        vec_store(run->from.used + i, vec_load(run->from.used + i) * (one - mixed_in));
        vec_store(run->from.sharpen + i, vec_saturate((DETAIL_RATIO_MAX - ratio) *
                                                      (1 / (DETAIL_RATIO_MAX - 1))) *
                                             SHARPEN);
        vec_store(run->from.sharpen_min + i, restore);
    }
}

HOST_INLINE vec4 blended(const struct blend_run *run, int i, vec4 painted, vec4 previous)
{
    const vec4 block = run->painted_block[i];
    const vec4 range = vec4_all(float_mad(CLIP_DEVIATIONS, block[3], CLIP_MIN));
    previous =
        vec4_mad(vec4_all(run->follow[i]), block - run->previous_block[i], previous);
    previous = vec4_clamp(previous, block - range, block + range);
    /* Exactly the history at weight 1, so that a still scene does not drift. */
    float weight = run->from.used[i];
    vec4 mixed = vec4_mad(previous, vec4_all(weight), painted * (1 - weight));
    return vec4_clamp(mixed, (vec4){0}, vec4_all(1));
}

/* pixels: n of row y, from x on; from the painting to the output. */
static void blend_pixels(const struct blend *b, int x, int y, int n, vec4 *pixels)
{
    struct blend_run run;
    vec4 previous[RUN];
    find_positions(b, x, y, n, &run);
    find_weights(b, x, y, n, &run);
    history_row(b->history, b->push->w, b->push->h, &run.from, n, previous);
    for (int i = 0; i < n; i++) {
        if (run.from.used[i] != 0)
            pixels[i] = blended(&run, i, pixels[i], previous[i]);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)scratch;
    const struct temporal_blend_push *push = &call->push.temporal_blend;
    const bool copy = call->constants.own.temporal_blend.COPY != 0;
    const struct host_painting painting =
        host_painting(call, push->painted_stride, push->scale, push->shift);
    const struct blend b = {push,
                            call->slot[TEMPORAL_BLEND_HISTORY],
                            {call->slot[TEMPORAL_BLEND_CONFIDENCE], push->confidence_w,
                             push->confidence_h, 1, (float)push->step},
                            {call->slot[TEMPORAL_BLEND_BLOCKS], push->blocks_w,
                             push->blocks_h, BLOCK_VECTORS, SIDE}};
    vec4 *out = call->slot[TEMPORAL_BLEND_OUTPUT];
    for (int y = first; y < end; y++) {
        for (int x = 0; x < push->w; x += RUN) {
            vec4 pixels[RUN + PIXELS_SPARE];
            int n = int_min(RUN, push->w - x);
            pixels_painted(&painting, x, y, n, pixels);
            if (!copy)
                blend_pixels(&b, x, y, n, pixels);
            vec4 *to = out + (size_t)y * (size_t)push->w + (size_t)x;
            for (int i = 0; i < n; i++)
                to[i] = vec4_select((vec4i){-1, -1, -1, 0}, pixels[i], (vec4){0});
        }
    }
}

extern const struct host_kernel HOST(host_temporal_blend);
const struct host_kernel HOST(host_temporal_blend) = {work, NULL, run};
