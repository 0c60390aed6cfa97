/* Lowers 3x3 convolutions of stride 1 to Winograd's F(4x4, 3x3) (src/host/winograd.c): 36
 * multiplications instead of 144 for 16 pixels. Only for processors, where arithmetic is
 * the limit. */
#include "net/lower_conv.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/error.h"

#define PIECES 36
/* Channels from which on it is faster than the direct kernel (docs/measured.md); the
 * kernel needs MIN_IN of the input for whole vectors. */
#define MIN_IN  16
#define MIN_OUT 4
/* Output channels whose weights are side by side. */
#define BLOCK 16
/* Bytes of the transformed weights of a convolution, and of all weights of the plan. */
#define MAX_BYTES       ((size_t)16 << 20)
#define MAX_TOTAL_BYTES ((size_t)256 << 20)
/* Tiles of a part: what the kernel multiplies at a time (docs/measured.md). */
#define PART_TILES 12

static size_t packed_floats(const struct conv *conv)
{
    size_t blocks = ((size_t)conv->out_c + BLOCK - 1) / BLOCK;
    return blocks * PIECES * (size_t)conv->in_c * BLOCK;
}

bool winograd_fits(const struct lowering *low, const struct conv *conv)
{
    for (int i = 0; i < 2; i++) {
        if (conv->kernel[i] != 3 || conv->stride[i] != 1 || conv->dilation[i] != 1)
            return false;
    }
    const struct plan_caps *caps = &low->plan->caps;
    return caps->host && !caps->no_winograd && conv->group == 1 && conv->in_c >= MIN_IN &&
           conv->out_c >= MIN_OUT && packed_floats(conv) * sizeof(float) <= MAX_BYTES &&
           low->plan->weight_bytes + packed_floats(conv) * sizeof(float) <=
               MAX_TOTAL_BYTES;
}

/* G g G^T of one 3x3 kernel. */
static void transform_weights(const struct conv *conv, int o, int i, float out[PIECES])
{
    static const double matrix[6][3] = {
        {1.0 / 4, 0, 0},
        {-1.0 / 6, -1.0 / 6, -1.0 / 6},
        {-1.0 / 6, 1.0 / 6, -1.0 / 6},
        {1.0 / 24, 1.0 / 12, 1.0 / 6},
        {1.0 / 24, -1.0 / 12, 1.0 / 6},
        {0, 0, 1},
    };
    double half[6][3];
    for (int x = 0; x < 3; x++) {
        double g[3];
        for (int y = 0; y < 3; y++)
            g[y] = (double)conv_weight(conv, 0, o, i, y, x);
        for (int k = 0; k < 6; k++)
            half[k][x] = matrix[k][0] * g[0] + matrix[k][1] * g[1] + matrix[k][2] * g[2];
    }
    for (int k = 0; k < PIECES; k++) {
        const double *row = half[k / 6], *column = matrix[k % 6];
        out[k] = (float)(row[0] * column[0] + row[1] * column[1] + row[2] * column[2]);
    }
}

/* [o / 16][36][i][16 o], zeros beyond the last output channel. */
static float *pack(const struct conv *conv)
{
    const size_t channels = (size_t)conv->in_c;
    float *packed = daub_alloc(packed_floats(conv), sizeof(float));
    for (size_t o = 0; packed && o < (size_t)conv->out_c; o++) {
        float *block = packed + o / BLOCK * PIECES * channels * BLOCK + o % BLOCK;
        for (size_t i = 0; i < channels; i++) {
            float pieces[PIECES];
            transform_weights(conv, (int)o, (int)i, pieces);
            for (size_t k = 0; k < PIECES; k++)
                block[(k * channels + i) * BLOCK] = pieces[k];
        }
    }
    return packed;
}

bool emit_winograd(struct lowering *low, const struct conv *conv,
                   struct daub_error *error)
{
    float *packed = pack(conv);
    if (!packed)
        return daub_no_memory(error, "planning the model");
    struct plan_step *step =
        conv_start_dense(low, conv, KERNEL_WINOGRAD, packed, packed_floats(conv), error);
    free(packed);
    if (!step)
        return false;
    if (conv->up == 2)
        step->macs *= 4.0 / 9; /* those of the direct kernel, as four phases */
    const int tiles = (conv->out_h + 3) / 4 * ((conv->out_w + 3) / 4);
    conv_set_dense(conv, step, 1);
    step->constants.own.winograd.TILES = PART_TILES;
    step->constants.own.winograd.IN_C = conv->in_c;
    step->push.winograd.out_c = conv->out_c;
    return conv_has_stats(low, conv, (uint32_t)((tiles + PART_TILES - 1) / PART_TILES),
                          error);
}
