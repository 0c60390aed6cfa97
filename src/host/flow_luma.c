/* The picture's luma, averaged over STEP x STEP pixels (shaders/flow_luma.comp). */
#include "host/view.h"

enum { BLOCK_MAX = 8 };

static struct host_work work(const struct host_call *call)
{
    const struct flow_luma_push *push = &call->push.flow_luma;
    const int step = call->constants.own.flow_luma.STEP;
    return (struct host_work){push->h, (size_t)push->w * 4 * (size_t)(step * step)};
}

/* Weight of each channel of a block: BT.709's of the coded values, over the number of
 * pixels. */
static void set_weights(int block, bool crd, float pixels, float *weights)
{
    static const float bt709[3] = {0.2126f, 0.7152f, 0.0722f};
    const int channels = 3 * block * block;
    for (int c = 0; c < channels; c++)
        weights[c] = bt709[crd ? c / (block * block) : c % 3] / pixels;
}

/* One row; sides: blocks that a pixel covers. */
HOST_INLINE void make_row(const struct flow_luma_push *push, const vec4 *picture, int y,
                          int side, int vectors, const vec4 *weights, float *luma)
{
    for (int x = 0; x < push->w; x++) {
        vec4 sum = {0};
        for (int j = 0; j < side; j++) {
            const size_t row = (size_t)int_min(y * side + j, push->rows - 1);
            for (int i = 0; i < side; i++) {
                const size_t column = (size_t)int_min(x * side + i, push->columns - 1);
                const vec4 *block =
                    picture + (row * (size_t)push->columns + column) * (size_t)vectors;
                for (int c = 0; c < vectors; c++)
                    sum = vec4_mad(block[c], weights[c], sum);
            }
        }
        luma[x] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)scratch;
    const struct flow_luma_push *push = &call->push.flow_luma;
    const struct flow_luma_constants *k = &call->constants.own.flow_luma;
    const int side = int_max(k->STEP / k->BLOCK, 1);
    const int vectors = (3 * k->BLOCK * k->BLOCK + 3) / 4;
    vec4 weights[3 * BLOCK_MAX * BLOCK_MAX / 4] = {{0}};
    set_weights(k->BLOCK, k->CRD, (float)(side * side * k->BLOCK * k->BLOCK),
                (float *)weights);
    const vec4 *picture = call->slot[FLOW_LUMA_PICTURE];
    for (int y = first; y < end; y++) {
        float *luma = (float *)call->slot[FLOW_LUMA_LUMA] + (size_t)y * (size_t)push->w;
        if (side == 2 && vectors == 1)
            make_row(push, picture, y, 2, 1, weights, luma);
        else if (side == 1 && vectors == 3)
            make_row(push, picture, y, 1, 3, weights, luma);
        else
            make_row(push, picture, y, side, vectors, weights, luma);
    }
}

extern const struct host_kernel HOST(host_flow_luma);
const struct host_kernel HOST(host_flow_luma) = {work, NULL, run};
