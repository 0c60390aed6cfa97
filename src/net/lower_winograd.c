/* 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): 36 multiplications instead of
 * 144 for 16 pixels, and two more passes over memory. Only for the texel kernels: on a
 * processor arithmetic is the limit, on a GPU memory bandwidth. */
#include "net/lower_conv.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

#define PIECES 36
/* With fewer channels, the two passes cost more than the saved multiplications: measured
 * 0.8 times the speed at 32 channels, 1.2 at 64, 1.8 at 128 (docs/measured.md). */
#define MIN_CHANNELS 64
#define TILE_GROUPS  4 /* vectors of tiles an invocation multiplies; set by hand */
/* Bytes. Two buffers of 2.25 times the map are needed; larger maps use the direct kernel.
 * Set by hand. */
#define MAX_MAP_BYTES ((size_t)48 << 20)

bool winograd_fits(const struct lowering *low, const struct conv *conv)
{
    const struct plan_caps *caps = &low->plan->caps;
    for (int i = 0; i < 2; i++) {
        if (conv->kernel[i] != 3 || conv->stride[i] != 1 || conv->dilation[i] != 1)
            return false;
    }
    size_t map = (size_t)conv->out_h * (size_t)conv->out_w * 4 *
                 (size_t)(conv->in_c > conv->out_c ? conv->in_c : conv->out_c);
    return caps->texel && !caps->fp16 && !caps->no_winograd && conv->group == 1 &&
           conv->up == 1 && conv->phases == 1 && conv->in_c >= MIN_CHANNELS &&
           conv->out_c >= MIN_CHANNELS && map <= MAX_MAP_BYTES;
}

/* G g G^T of one 3x3 kernel. */
static void transform_weights(float g[3][3], float out[PIECES])
{
    static const float matrix[6][3] = {
        {1.0f / 4, 0, 0},
        {-1.0f / 6, -1.0f / 6, -1.0f / 6},
        {-1.0f / 6, 1.0f / 6, -1.0f / 6},
        {1.0f / 24, 1.0f / 12, 1.0f / 6},
        {1.0f / 24, -1.0f / 12, 1.0f / 6},
        {0, 0, 1},
    };
    double half[6][3];
    for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 3; j++)
            half[i][j] = (double)matrix[i][0] * g[0][j] + (double)matrix[i][1] * g[1][j] +
                         (double)matrix[i][2] * g[2][j];
    }
    for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 6; j++)
            out[i * 6 + j] =
                (float)(half[i][0] * matrix[j][0] + half[i][1] * matrix[j][1] +
                        half[i][2] * matrix[j][2]);
    }
}

/* [36][o / q][i / 4][q] vec4 over i, each run of q padded to whole loads. */
static float *pack(const struct conv *conv, int q, int lanes, size_t *count)
{
    int blocks = (conv->out_c + q - 1) / q, ci4 = conv_blocks(conv->in_c);
    size_t run = (size_t)((q + lanes - 1) / lanes * lanes);
    size_t piece = (size_t)blocks * (size_t)ci4 * run * 4;
    *count = PIECES * piece;
    float *packed = daub_alloc(*count, sizeof(float));
    for (int o = 0; packed && o < conv->out_c; o++) {
        for (int i = 0; i < conv->in_c; i++) {
            float g[3][3], out[PIECES];
            for (int k = 0; k < 9; k++)
                g[k / 3][k % 3] = conv_weight(conv, 0, o, i, k / 3, k % 3);
            transform_weights(g, out);
            size_t at = ((size_t)(o / q) * (size_t)ci4 + (size_t)(i / 4)) * run * 4 +
                        (size_t)(o % q) * 4 + (size_t)(i % 4);
            for (size_t k = 0; k < PIECES; k++)
                packed[k * piece + at] = out[k];
        }
    }
    return packed;
}

/* Tiles of 4 x 4 output pixels; padded: their number rounded up to whole work-groups. */
struct winograd_tiles {
    int count, columns, padded;
};

static struct plan_step *add_in(struct lowering *low, const struct conv *conv, int pieces,
                                const struct winograd_tiles *tiles,
                                struct daub_error *error)
{
    struct plan_step *step =
        plan_add_step(low->plan, KERNEL_WINOGRAD_IN, conv->node->name, error);
    if (!step)
        return NULL;
    int lanes = low->plan->caps.lanes, ci4 = conv_blocks(conv->in_c);
    plan_bind_view0(low->plan, step, &conv->in);
    plan_bind_tensor(low->plan, step, SLOT_STATS, pieces);
    step->constants.LANES = lanes;
    step->constants.own.winograd_in.PAD = conv->pad_mode;
    step->push.winograd_in = (struct winograd_in_push){.in_h = conv->in_h,
                                                       .in_w = conv->in_w,
                                                       .ci4 = ci4,
                                                       .top = conv->top,
                                                       .left = conv->left,
                                                       .tiles = tiles->count,
                                                       .tiles_x = tiles->columns,
                                                       .tiles_padded = tiles->padded};
    step->groups[0] = (uint32_t)(tiles->padded / lanes);
    step->groups[1] = (uint32_t)ci4;
    step->groups[2] = 1;
    return step;
}

static bool add_multiply(struct lowering *low, const struct conv *conv, int pieces,
                         int products, int q, int padded, struct daub_error *error)
{
    int lanes = low->plan->caps.lanes, o4 = conv_blocks(conv->out_c);
    size_t count;
    float *packed = pack(conv, q, lanes, &count);
    if (!packed)
        return daub_no_memory(error, "planning the model");
    struct plan_step *step =
        plan_add_step(low->plan, KERNEL_WINOGRAD_MULTIPLY, conv->node->name, error);
    bool ok = step && conv_bind_weights(low, step, packed, count, error);
    free(packed);
    if (!ok)
        return false;
    plan_bind_tensor(low->plan, step, SLOT_INPUT0, pieces);
    plan_bind_tensor(low->plan, step, SLOT_STATS, products);
    step->constants.LANES = lanes;
    step->constants.own.winograd_multiply = (struct winograd_multiply_constants){
        .GROUPS = TILE_GROUPS, .Q = q, .CI4 = conv_blocks(conv->in_c)};
    step->push.winograd_multiply =
        (struct winograd_multiply_push){.tiles_padded = padded, .o4 = o4};
    step->groups[0] = (uint32_t)(padded / (lanes * TILE_GROUPS));
    step->groups[1] = (uint32_t)((conv->out_c + q - 1) / q);
    step->groups[2] = PIECES;
    return true;
}

bool emit_winograd(struct lowering *low, const struct conv *conv,
                   struct daub_error *error)
{
    struct plan *plan = low->plan;
    int lanes = plan->caps.lanes, unit = lanes * TILE_GROUPS;
    int ci4 = conv_blocks(conv->in_c), o4 = conv_blocks(conv->out_c);
    int tiles_x = (conv->out_w + 3) / 4, count = tiles_x * ((conv->out_h + 3) / 4);
    int padded = (count + unit - 1) / unit * unit;
    const struct winograd_tiles tiles = {count, tiles_x, padded};
    int q = conv->out_c % 32 == 0 ? 32 : 16;
    int pieces = plan_add_floats(plan, "pieces",
                                 (size_t)PIECES * (size_t)ci4 * (size_t)padded, error);
    int products =
        pieces < 0 ? -1
                   : plan_add_floats(plan, "products",
                                     (size_t)PIECES * (size_t)o4 * (size_t)padded, error);
    if (products < 0 || !add_in(low, conv, pieces, &tiles, error) ||
        !add_multiply(low, conv, pieces, products, q, padded, error))
        return false;
    struct plan_step *step = conv_start_step(low, conv, KERNEL_WINOGRAD_OUT, error);
    if (!step || !conv_bind_bias(low, step, conv, error))
        return false;
    /* The multiplying step gets the operations of the direct convolution, so that speeds
     * can be compared. */
    plan->steps[plan->step_count - 2].macs = step->macs;
    step->macs = 0;
    plan_bind_tensor(plan, step, SLOT_INPUT0, products);
    step->constants.LANES = lanes;
    step->push.winograd_out = (struct winograd_out_push){.out_h = conv->out_h,
                                                         .out_w = conv->out_w,
                                                         .o4 = o4,
                                                         .tiles = count,
                                                         .tiles_x = tiles_x,
                                                         .tiles_padded = padded};
    step->groups[0] = (uint32_t)((count + lanes - 1) / lanes);
    step->groups[1] = (uint32_t)o4;
    step->groups[2] = 1;
    return conv_has_stats(low, conv, step->groups[0], error);
}
