/* Lowers dense and grouped convolutions to the C kernel for processors
 * (src/host/conv.c). */
#include "net/lower_conv.h"

#include <math.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/error.h"

/* Output channels whose weights are side by side. */
#define HOST_BLOCK 16
/* Output channels that a part makes at least, where there are as many. */
#define HOST_MIN_STEP 32
/* Bytes of a tile's input with its border. It stays in a second-level cache of 512 KiB
 * together with the weights of HOST_MIN_STEP channels. Set by hand. */
#define HOST_TILE_BYTES 196608
/* Multiply-adds of a part: at most the first where that leaves HOST_PARTS parts, and
 * never more than the second. Set by hand. */
#define HOST_MIN_MACS 250000.0
#define HOST_MAX_MACS 4000000.0
#define HOST_PARTS    16
/* How many multiply-adds take as long as copying one input element to scratch memory. Set
 * by hand, not measured. */
#define HOST_COPY_COST 4.0

/* Sums that a row of a tile must have at least to keep the multiply-add units busy: 512
 * bits of neighboring pixels each, of at most HOST_ROW_CHANNELS channels at a time. Set
 * by hand. */
#define HOST_ROW_SUMS     16
#define HOST_ROW_PIXELS   16
#define HOST_ROW_CHANNELS 6

/* Output pixels and channels of a part. */
struct host_tile {
    int h, w, o_step;
};

/* Elements of one channel of the tile's input with its border. */
static double host_tile_area(const struct conv *conv, const struct host_tile *tile)
{
    const int parity = conv->phases == 4; /* the odd phases read one row further */
    double h = (double)(tile->h - 1) * conv->stride[0] +
               (double)(conv->kernel[0] - 1) * conv->dilation[0] + 1 + parity;
    double w = (double)(tile->w - 1) * conv->stride[1] +
               (double)(conv->kernel[1] - 1) * conv->dilation[1] + 1 + parity;
    return h * w;
}

/* Estimated time of the convolution. */
static double host_tile_cost(const struct conv *conv, const struct host_tile *tile)
{
    double pixel_macs = (double)conv->kernel[0] * conv->kernel[1] * conv->in_c /
                        conv->group * conv->phases;
    double bytes = host_tile_area(conv, tile) * conv->in_c * 4;
    double pixels = (double)tile->h * tile->w;
    double total = pixel_macs * conv->out_c * conv->out_h * conv->out_w;
    double macs = pixels * pixel_macs * tile->o_step, limit = total / HOST_PARTS;
    limit = limit < HOST_MIN_MACS ? HOST_MIN_MACS : limit;
    limit = limit > HOST_MAX_MACS ? HOST_MAX_MACS : limit;
    double cost = (macs + bytes / 4 * HOST_COPY_COST) / (pixels * tile->o_step);
    /* With few channels, a vector holds neighboring pixels (use_planes in
     * src/host/conv.c). */
    int per_out = conv->out_c / conv->group;
    double sums = (double)(per_out < HOST_ROW_CHANNELS ? per_out : HOST_ROW_CHANNELS) *
                  tile->w / HOST_ROW_PIXELS;
    if (per_out <= 2 * HOST_ROW_CHANNELS && sums < HOST_ROW_SUMS)
        cost *= HOST_ROW_SUMS / sums;
    double excess = bytes > HOST_TILE_BYTES ? bytes / HOST_TILE_BYTES : 1;
    return cost * excess * (macs > limit ? macs / limit : 1);
}

static struct host_tile choose_host_tile(const struct conv *conv)
{
    struct host_tile best = {1, 1, conv->out_c};
    double best_cost = INFINITY;
    for (int o_parts = 1; o_parts == 1 || conv->out_c > o_parts / 2 * HOST_MIN_STEP;
         o_parts *= 2) {
        if (conv->group > 1 && o_parts > 1)
            break;
        int o_step = (conv->out_c + o_parts - 1) / o_parts;
        if (o_parts > 1)
            o_step = (o_step + HOST_MIN_STEP - 1) / HOST_MIN_STEP * HOST_MIN_STEP;
        for (int columns = 1; columns <= (conv->out_w + 31) / 32; columns++) {
            for (int h = 1; h <= 32 && h <= conv->out_h; h++) {
                struct host_tile tile = {h, (conv->out_w + columns - 1) / columns,
                                         o_step};
                double cost = host_tile_cost(conv, &tile);
                if (cost < best_cost) {
                    best = tile;
                    best_cost = cost;
                }
            }
        }
    }
    int rows = (conv->out_h + best.h - 1) / best.h; /* of tiles, as even as possible */
    best.h = (conv->out_h + rows - 1) / rows;
    return best;
}

/* [phase][group][o / 16][ky][kx][i of the group][16 o], zeros beyond a group's last. */
static float *pack_host(const struct conv *conv, size_t *count)
{
    int per_in = conv->in_c / conv->group, per_out = conv->out_c / conv->group;
    int blocks = (per_out + HOST_BLOCK - 1) / HOST_BLOCK, kw = conv->kernel[1];
    int taps = conv->kernel[0] * kw;
    *count = (size_t)conv->phases * (size_t)conv->group * (size_t)blocks * (size_t)taps *
             (size_t)per_in * HOST_BLOCK;
    float *packed = daub_alloc(*count, sizeof(float)), *to = packed;
    for (int block = 0; packed && block < conv->phases * conv->group * blocks; block++) {
        int phase = block / (conv->group * blocks), first = block % blocks * HOST_BLOCK;
        int group = block / blocks % conv->group;
        for (int at = 0; at < taps * per_in; at++, to += HOST_BLOCK) {
            int tap = at / per_in;
            for (int o = 0; o < HOST_BLOCK && first + o < per_out; o++)
                to[o] = conv_weight(conv, phase, group * per_out + first + o, at % per_in,
                                    tap / kw, tap % kw);
        }
    }
    return packed;
}

bool emit_host(struct lowering *low, const struct conv *conv, struct daub_error *error)
{
    size_t count;
    float *packed = pack_host(conv, &count);
    if (!packed)
        return daub_no_memory(error, "planning the model");
    struct plan_step *step =
        conv_start_dense(low, conv, KERNEL_CONV_HOST, packed, count, error);
    free(packed);
    if (!step)
        return false;
    const struct host_tile tile = choose_host_tile(conv);
    conv_set_dense(conv, step, (conv->out_c + tile.o_step - 1) / tile.o_step);
    struct conv_host_constants *own = &step->constants.own.conv_host;
    own->TILE_H = tile.h;
    own->TILE_W = tile.w;
    own->O_STEP = tile.o_step;
    own->GROUP_IN = conv->in_c / conv->group;
    own->GROUP_OUT = conv->out_c / conv->group;
    step->push.conv_host.out_c = conv->out_c;
    int tiles =
        (conv->out_w + tile.w - 1) / tile.w * ((conv->out_h + tile.h - 1) / tile.h);
    return conv_has_stats(low, conv, (uint32_t)(tiles * conv->phases), error);
}
