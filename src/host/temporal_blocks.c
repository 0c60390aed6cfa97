/* Per block of SIDE x SIDE pixels: the mean color of the painting and of the previous
 * output, the standard deviation of the painting, and the detail of the previous output
 * relative to the painting's (shaders/temporal_blocks.comp). */
#include "host/pixels.h"

enum {
    SIDE = 8, /* as in shaders/temporal.glsl */
    BLOCK_VECTORS = 2,
    BLOCK_FLOATS = 4 * SIDE, /* of a block's row */

    RUN_BLOCKS = 8, /* blocks whose rows are read at a time */
    RUN = RUN_BLOCKS * SIDE,
};

static const float DETAIL_RATIO_LIMIT = 2;

static struct host_work work(const struct host_call *call)
{
    return (struct host_work){call->push.temporal_blocks.h, HOST_PART_FLOATS};
}

/* Sums over a block's rows, for each of its columns. */
struct sums {
    float sum[BLOCK_FLOATS], squares[BLOCK_FLOATS];
    /* Squared second differences of the columns i to i + 2; the last two columns' are not
     * used. */
    float detail[BLOCK_FLOATS];
};

/* row: the pixels of a block and two more. */
HOST_INLINE void add_row(const vec4 *row, bool with_squares, struct sums *s)
{
    const float *floats = (const float *)row;
    for (int i = 0; i < BLOCK_FLOATS; i += VEC_FLOATS) {
        vec a = *(const vec *)(floats + i);
        vec b = *(const vec *)(floats + i + 4), c = *(const vec *)(floats + i + 8);
        vec *sum = (vec *)(s->sum + i), *squares = (vec *)(s->squares + i);
        vec *detail = (vec *)(s->detail + i), d = vec_mad(vec_all(-2), b, a + c);
        *sum += a;
        if (with_squares)
            *squares = vec_mad(a, a, *squares);
        *detail = vec_mad(d, d, *detail);
    }
}

HOST_INLINE vec4 total(const float *columns, int count)
{
    vec4 sum = {0};
    for (int i = 0; i < count; i++)
        sum += *(const vec4 *)(columns + 4 * i);
    return sum;
}

HOST_INLINE float total_detail(const struct sums *s)
{
    vec4 sum = total(s->detail, SIDE - 2);
    return sum[0] + sum[1] + sum[2];
}

static void store_block(const struct sums *painted, const struct sums *previous,
                        vec4 *out)
{
    const float n = SIDE * SIDE;
    vec4 mean = total(painted->sum, SIDE) / n;
    vec4 variance = vec4_mad(-mean, mean, total(painted->squares, SIDE) / n);
    variance = vec4_max(variance, (vec4){0});
    vec4 previous_mean = total(previous->sum, SIDE) / n;
    float ratio = sqrtf(total_detail(previous) / float_max(total_detail(painted), 1e-6f));
    out[0] = (vec4){mean[0], mean[1], mean[2],
                    sqrtf((variance[0] + variance[1] + variance[2]) / 3)};
    out[1] = (vec4){previous_mean[0], previous_mean[1], previous_mean[2],
                    float_min(ratio, DETAIL_RATIO_LIMIT)};
}

/* Repeats the last of n pixels until the run's end. */
static void extend(vec4 *row, int n)
{
    for (int i = n; i < RUN + 2; i++)
        row[i] = row[n - 1];
}

/* The row of blocks j. */
static void make_blocks(const struct host_call *call,
                        const struct host_painting *painting, int j)
{
    const struct temporal_blocks_push *push = &call->push.temporal_blocks;
    const vec4 *history = call->slot[TEMPORAL_BLOCKS_HISTORY];
    vec4 *blocks = (vec4 *)call->slot[TEMPORAL_BLOCKS_RESULT] +
                   (size_t)j * (size_t)push->w * BLOCK_VECTORS;
    for (int first = 0; first < push->w; first += RUN_BLOCKS) {
        struct sums painted[RUN_BLOCKS] = {0}, previous[RUN_BLOCKS] = {0};
        int count = int_min(RUN_BLOCKS, push->w - first), x = first * SIDE;
        int n = int_min(RUN, push->picture_w - x);
        for (int k = 0; k < SIDE; k++) {
            vec4 row[RUN + 2 + PIXELS_SPARE];
            int y = int_min(j * SIDE + k, push->picture_h - 1);
            pixels_painted(painting, x, y, n, row);
            extend(row, n);
            for (int i = 0; i < count; i++)
                add_row(row + i * SIDE, true, &painted[i]);
            memcpy(row, history + (size_t)y * (size_t)push->picture_w + (size_t)x,
                   (size_t)n * sizeof(vec4));
            extend(row, n);
            for (int i = 0; i < count; i++)
                add_row(row + i * SIDE, false, &previous[i]);
        }
        for (int i = 0; i < count; i++)
            store_block(&painted[i], &previous[i],
                        blocks + (size_t)(first + i) * BLOCK_VECTORS);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)scratch;
    const struct temporal_blocks_push *push = &call->push.temporal_blocks;
    const struct host_painting painting =
        host_painting(call, push->painted_stride, push->scale, push->shift);
    for (int j = first; j < end; j++)
        make_blocks(call, &painting, j);
}

extern const struct host_kernel HOST(host_temporal_blocks);
const struct host_kernel HOST(host_temporal_blocks) = {work, NULL, run};
