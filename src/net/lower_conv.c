/* Lowers convolutions: chooses the kernel and its tile, packs the weights. */
#include "net/lower_conv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

#define SHARED_TILE_H 8
#define SHARED_TILE_W 16
/* Bytes of shared memory of a work-group. Set by hand: two work-groups fit the 48 KiB
 * that common GPUs have. */
#define SHARED_TILE_BUDGET 24576

static void free_conv(struct conv *conv)
{
    free(conv->weight);
    free(conv->bias);
}

int conv_blocks(int channels)
{
    return (channels + 3) / 4;
}

bool conv_bind_bias(struct lowering *low, struct plan_step *step, const struct conv *conv,
                    struct daub_error *error)
{
    size_t c4 = (size_t)conv_blocks(conv->out_c);
    float *both = daub_alloc(c4 * 8, sizeof(float));
    if (!both)
        return daub_no_memory(error, "planning the model");
    memcpy(both, conv->bias, (size_t)conv->out_c * sizeof(float));
    for (int c = 0; conv->slope && c < conv->out_c; c++)
        both[c4 * 4 + (size_t)c] = conv->slope[conv->slope_count == 1 ? 0 : c];
    int64_t at = plan_add_weights(low->plan, both, c4 * 8, false, error);
    free(both);
    if (at < 0)
        return false;
    step->bind[SLOT_PARAMS] = (struct plan_binding){
        .where = PLAN_WEIGHTS, .offset = (size_t)at, .bytes = c4 * 32, .floats = true};
    return true;
}

bool conv_bind_weights(struct lowering *low, struct plan_step *step, const float *packed,
                       size_t count, struct daub_error *error)
{
    bool half = low->plan->caps.fp16;
    int64_t at = plan_add_weights(low->plan, packed, count, half, error);
    if (at < 0)
        return false;
    step->bind[SLOT_WEIGHTS] = (struct plan_binding){.where = PLAN_WEIGHTS,
                                                     .offset = (size_t)at,
                                                     .bytes = count * (half ? 2 : 4),
                                                     .floats = !half};
    return true;
}

float conv_weight(const struct conv *conv, int phase, int o, int i, int ky, int kx)
{
    int per_group = conv->in_c / conv->group;
    if (o >= conv->out_c || i >= per_group)
        return 0.0f;
    size_t at = (size_t)phase * (size_t)conv->out_c + (size_t)o;
    at = at * (size_t)per_group + (size_t)i;
    return conv
        ->weight[(at * (size_t)conv->kernel[0] + (size_t)ky) * (size_t)conv->kernel[1] +
                 (size_t)kx];
}

struct plan_step *conv_start_step(struct lowering *low, const struct conv *conv,
                                  enum kernel kernel, struct daub_error *error)
{
    struct plan_step *step = plan_add_step(low->plan, kernel, conv->node->name, error);
    if (!step)
        return NULL;
    plan_bind_tensor(low->plan, step, SLOT_OUTPUT, conv->out);
    plan_set_act(step, conv->act, conv->alpha, conv->beta);
    step->macs = (double)conv->out_h * conv->out_w * conv->phases * conv->out_c *
                 conv->in_c / conv->group * conv->kernel[0] * conv->kernel[1];
    step->value = conv->node->output;
    return step;
}

void conv_set_dense(const struct conv *conv, struct plan_step *step, int groups)
{
    step->constants.own.conv = (struct conv_constants){.KH = conv->kernel[0],
                                                       .KW = conv->kernel[1],
                                                       .SY = conv->stride[0],
                                                       .SX = conv->stride[1],
                                                       .DY = conv->dilation[0],
                                                       .DX = conv->dilation[1],
                                                       .CI4 = conv_blocks(conv->in_c),
                                                       .PAD = conv->pad_mode,
                                                       .UP = conv->up == 2,
                                                       .PHASES = conv->phases};
    step->push.conv = (struct conv_push){.in_h = conv->in_h,
                                         .in_w = conv->in_w,
                                         .out_h = conv->out_h,
                                         .out_w = conv->out_w,
                                         .top = conv->top,
                                         .left = conv->left,
                                         .o4 = conv_blocks(conv->out_c),
                                         .groups = groups};
}

struct plan_step *conv_start_dense(struct lowering *low, const struct conv *conv,
                                   enum kernel kernel, const float *packed, size_t count,
                                   struct daub_error *error)
{
    struct plan_step *step = conv_start_step(low, conv, kernel, error);
    if (!step || !conv_bind_weights(low, step, packed, count, error) ||
        !conv_bind_bias(low, step, conv, error))
        return NULL;
    plan_bind_view0(low->plan, step, &conv->in);
    return step;
}

/* ---- shared-memory kernel ---- */

static int shared_chunk(const struct lowering *low, const struct conv *conv)
{
    size_t h = (size_t)((SHARED_TILE_H - 1) * conv->stride[0] +
                        (conv->kernel[0] - 1) * conv->dilation[0] + 1);
    size_t w = (size_t)((SHARED_TILE_W - 1) * conv->stride[1] +
                        (conv->kernel[1] - 1) * conv->dilation[1] + 1);
    size_t budget = low->plan->caps.shared_bytes < SHARED_TILE_BUDGET
                        ? low->plan->caps.shared_bytes
                        : SHARED_TILE_BUDGET;
    size_t chunk = budget / (h * w * 16);
    if (chunk > 8)
        chunk = 8;
    int ci4 = conv_blocks(conv->in_c);
    return (int)chunk > ci4 ? ci4 : (int)chunk;
}

static bool emit_shared(struct lowering *low, const struct conv *conv, int chunk,
                        struct daub_error *error)
{
    int o4 = conv_blocks(conv->out_c), ci4 = conv_blocks(conv->in_c);
    int taps = conv->kernel[0] * conv->kernel[1];
    size_t count = (size_t)conv->phases * (size_t)o4 * (size_t)ci4 * (size_t)taps * 16;
    float *packed = daub_alloc(count, sizeof(float));
    if (!packed)
        return daub_no_memory(error, "planning the model");
    float *to = packed;
    for (int block = 0; block < conv->phases * o4 * ci4; block++) {
        int phase = block / (o4 * ci4), o = block / ci4 % o4 * 4, i = block % ci4 * 4;
        for (int k = 0; k < taps * 16; k++)
            *to++ = conv_weight(conv, phase, o + k / 4 % 4, i + k % 4,
                                k / 16 / conv->kernel[1], k / 16 % conv->kernel[1]);
    }
    struct plan_step *step =
        conv_start_dense(low, conv, KERNEL_CONV_SHARED, packed, count, error);
    free(packed);
    if (!step)
        return false;
    int q4 = o4 >= 2 ? 2 : 1, sets = 1;
    while (sets < 8 && sets * q4 < o4)
        sets *= 2;
    int groups = (o4 + sets * q4 - 1) / (sets * q4);
    conv_set_dense(conv, step, groups);
    step->constants.LANES = sets * (sets >= 2 ? 32 : 64);
    struct conv_shared_constants *own = &step->constants.own.conv_shared;
    own->TILE_H = SHARED_TILE_H;
    own->TILE_W = SHARED_TILE_W;
    own->CHUNK = chunk;
    own->Q4 = q4;
    own->OGROUPS = sets;
    step->groups[0] = (uint32_t)((conv->out_w + SHARED_TILE_W - 1) / SHARED_TILE_W);
    step->groups[1] = (uint32_t)((conv->out_h + SHARED_TILE_H - 1) / SHARED_TILE_H);
    step->groups[2] = (uint32_t)(groups * conv->phases);
    return conv_has_stats(
        low, conv, step->groups[0] * step->groups[1] * (uint32_t)conv->phases, error);
}

bool conv_has_stats(struct lowering *low, const struct conv *conv, uint32_t tiles,
                    struct daub_error *error)
{
    struct lower_made *made = lower_set_made(low, conv->out, error);
    if (!made)
        return false;
    made->conv_step = (int)low->plan->step_count - 1;
    low->plan->steps[made->conv_step].stats_tiles = tiles;
    return true;
}

bool lower_conv_stats(struct lowering *low, int index, struct plan_tiles *tiles,
                      struct daub_error *error)
{
    struct plan_step *step = &low->plan->steps[index];
    size_t c4 = (size_t)conv_blocks(low->plan->tensors[step->bind[SLOT_OUTPUT].tensor].c);
    int *write_stats = &step->constants.own.conv.STATS;
    tiles->count = (int)step->stats_tiles;
    if (*write_stats) { /* another normalization has asked for them */
        tiles->tensor = step->bind[SLOT_STATS].tensor;
        return true;
    }
    tiles->tensor =
        plan_add_floats(low->plan, "stats", (size_t)tiles->count * c4 * 4, error);
    if (tiles->tensor < 0)
        return false;
    *write_stats = 1;
    plan_bind_tensor(low->plan, step, SLOT_STATS, tiles->tensor);
    return true;
}

/* ---- depthwise and generic kernels ---- */

static bool emit_depthwise(struct lowering *low, const struct conv *conv,
                           struct daub_error *error)
{
    int c4 = conv_blocks(conv->out_c), kh = conv->kernel[0], kw = conv->kernel[1];
    size_t count = (size_t)c4 * (size_t)kw * (size_t)kh * 4;
    float *packed = daub_alloc(count, sizeof(float));
    if (!packed)
        return daub_no_memory(error, "planning the model");
    for (size_t k = 0; k < count; k++) {
        int at = (int)(k / 4);
        packed[k] = conv_weight(conv, 0, at / (kw * kh) * 4 + (int)(k % 4), 0, at % kh,
                                at / kh % kw);
    }
    struct plan_step *step =
        conv_start_dense(low, conv, KERNEL_CONV_DEPTHWISE, packed, count, error);
    free(packed);
    if (!step)
        return false;
    int rows = 2;
    step->constants.own.conv_depthwise =
        (struct conv_depthwise_constants){.ROWS = rows,
                                          .KH = kh,
                                          .KW = kw,
                                          .SY = conv->stride[0],
                                          .SX = conv->stride[1],
                                          .PAD = conv->pad_mode,
                                          .UP = conv->up == 2};
    plan_pixel_grid(step, conv->out_w, (conv->out_h + rows - 1) / rows, c4);
    step->push.conv_depthwise = (struct conv_depthwise_push){.in_h = conv->in_h,
                                                             .in_w = conv->in_w,
                                                             .out_h = conv->out_h,
                                                             .out_w = conv->out_w,
                                                             .c4 = c4,
                                                             .top = conv->top,
                                                             .left = conv->left};
    return true;
}

static bool emit_generic(struct lowering *low, const struct conv *conv, bool transposed,
                         struct daub_error *error)
{
    int o4 = conv_blocks(conv->out_c), group_in = conv->in_c / conv->group;
    int group_out = conv->out_c / conv->group, kh = conv->kernel[0], kw = conv->kernel[1];
    size_t count = (size_t)o4 * (size_t)kh * (size_t)kw * (size_t)group_in * 4;
    float *packed = daub_alloc(count, sizeof(float));
    if (!packed)
        return daub_no_memory(error, "planning the model");
    for (size_t k = 0; k < count; k++) {
        int at = (int)(k / 4), i = at % group_in, tap = at / group_in % (kh * kw);
        int o = at / group_in / (kh * kw) * 4 + (int)(k % 4);
        packed[k] = conv_weight(conv, 0, o, i, tap / kw, tap % kw);
    }
    struct plan_step *step =
        conv_start_dense(low, conv, KERNEL_CONV_GENERIC, packed, count, error);
    free(packed);
    if (!step)
        return false;
    step->constants.own.conv_generic =
        (struct conv_generic_constants){.TRANSPOSED = transposed,
                                        .SPLIT = conv->group > 1 && group_out % 4 != 0,
                                        .PAD = conv->pad_mode,
                                        .UP = conv->up == 2};
    plan_pixel_grid(step, conv->out_w, conv->out_h, o4);
    step->push.conv_generic = (struct conv_generic_push){.in_h = conv->in_h,
                                                         .in_w = conv->in_w,
                                                         .in_c4 = conv_blocks(conv->in_c),
                                                         .out_h = conv->out_h,
                                                         .out_w = conv->out_w,
                                                         .out_c4 = o4,
                                                         .kh = kh,
                                                         .kw = kw,
                                                         .sy = conv->stride[0],
                                                         .sx = conv->stride[1],
                                                         .dy = conv->dilation[0],
                                                         .dx = conv->dilation[1],
                                                         .top = conv->top,
                                                         .left = conv->left,
                                                         .group_in = group_in,
                                                         .group_out = group_out};
    return true;
}

static bool emit(struct lowering *low, const struct conv *conv, struct daub_error *error)
{
    bool depthwise = conv->group > 1 && conv->group == conv->in_c &&
                     conv->out_c == conv->in_c && conv->dilation[0] == 1 &&
                     conv->dilation[1] == 1 && conv->kernel[0] <= 7;
    if (depthwise)
        return emit_depthwise(low, conv, error);
    if (winograd_fits(low, conv))
        return emit_winograd(low, conv, error);
    if (low->plan->caps.host)
        return emit_host(low, conv, error);
    int chunk = conv->group == 1 ? shared_chunk(low, conv) : 0;
    if (chunk > 0)
        return emit_shared(low, conv, chunk, error);
    return emit_generic(low, conv, false, error);
}

/* ---- from nodes ---- */

static const float *constant_input(const struct lowering *low,
                                   const struct net_node *node, int i)
{
    return i < node->input_count && node->input[i] >= 0
               ? low->graph->values[node->input[i]].data
               : NULL;
}

static bool start_conv(struct lowering *low, const struct net_node *node,
                       const struct net_window *window, int group, struct conv *conv,
                       struct daub_error *error)
{
    memset(conv, 0, sizeof(*conv));
    const struct net_shape *out = &low->graph->values[node->output].shape;
    if (node->input[0] < 0 || low->views[node->input[0]].tensor < 0 || out->rank != 4 ||
        !constant_input(low, node, 1))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "convolution '%s' has no constant weights or no picture to read",
                         node->name);
    conv->node = node;
    conv->in = low->views[node->input[0]];
    conv->out = plan_add_map(low->plan, low->graph->values[node->output].name,
                             (int)out->dim[2], (int)out->dim[3], (int)out->dim[1], error);
    if (conv->out < 0)
        return false;
    low->views[node->output] = (struct plan_view){.tensor = conv->out,
                                                  .affine_tensor = -1,
                                                  .affine_param = -1,
                                                  .act = NET_ACT_NONE};
    const struct plan_tensor *from = &low->plan->tensors[conv->in.tensor];
    conv->in_h = from->h;
    conv->in_w = from->w;
    conv->in_c = from->c;
    conv->out_h = (int)out->dim[2];
    conv->out_w = (int)out->dim[3];
    conv->out_c = (int)out->dim[1];
    for (int i = 0; i < 2; i++) {
        conv->kernel[i] = window->kernel[i];
        conv->stride[i] = window->stride[i];
        conv->dilation[i] = window->dilation[i];
    }
    conv->top = window->pad[0];
    conv->left = window->pad[1];
    conv->group = group;
    conv->up = 1;
    conv->phases = 1;
    conv->pad_mode = NET_PAD_ZERO;
    conv->act = NET_ACT_NONE;
    conv->bias = daub_alloc((size_t)conv->out_c, sizeof(float));
    if (!conv->bias)
        return daub_no_memory(error, "planning the model");
    const float *bias = constant_input(low, node, 2);
    if (bias)
        memcpy(conv->bias, bias, (size_t)conv->out_c * sizeof(float));
    return true;
}

/* Whether the node is nearest x2 upsampling with a 3x3 convolution of stride 1 and
 * padding
 * 1. Then outputs of each parity are a 2x2 convolution of the small map with summed
 * weights. Reflection by one pixel of the large map reads the edge of the small one. */
static bool is_phase_conv(const struct net_node *node)
{
    const struct net_window *w = &node->u.conv.window;
    for (int i = 0; i < 2; i++) {
        if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1)
            return false;
    }
    for (int i = 0; i < 4; i++) {
        if (w->pad[i] != 1)
            return false;
    }
    return node->u.conv.upsample == 2 && node->u.conv.group == 1;
}

static void make_phases(struct conv *conv, const float *weight)
{
    for (int k = 0; k < 4 * conv->out_c * conv->in_c; k++) {
        int phase = k / (conv->out_c * conv->in_c), oi = k % (conv->out_c * conv->in_c);
        for (int ky = 0; ky < 3; ky++) {
            for (int kx = 0; kx < 3; kx++) {
                /* Tap t (-1, 0, 1) of parity p reads element floor((p + t) / 2) of the
                 * small map, which is its tap floor((p + t) / 2) - (p - 1). */
                int ty = ((phase >> 1) + ky - 1 + 2) / 2 - 1 - ((phase >> 1) - 1);
                int tx = ((phase & 1) + kx - 1 + 2) / 2 - 1 - ((phase & 1) - 1);
                conv->weight[(size_t)k * 4 + (size_t)(ty * 2 + tx)] +=
                    weight[(size_t)oi * 9 + (size_t)(ky * 3 + kx)];
            }
        }
    }
    conv->out_h /= 2;
    conv->out_w /= 2;
    conv->kernel[0] = conv->kernel[1] = 2;
    conv->top = conv->left = 1;
    conv->phases = 4;
    conv->up = 1;
}

/* Where only an instance normalization reads the convolution, scales its weights so that
 * the outputs are near 1 and do not overflow 16 bits. The normalization undoes the scale;
 * its epsilon is scaled, too. */
static bool rescale(struct lowering *low, struct conv *conv, const struct net_node *node,
                    struct daub_error *error)
{
    int reader = net_value_sole_reader(low->graph, node->output);
    const struct net_node *norm = reader < 0 ? NULL : &low->graph->nodes[reader];
    if (!low->plan->caps.fp16 || !norm || norm->op != NET_NORM ||
        norm->u.norm.groups != conv->out_c || conv->act != NET_ACT_NONE)
        return true;
    float *factor = daub_alloc((size_t)conv->out_c, sizeof(float));
    if (!factor)
        return daub_no_memory(error, "planning the model");
    float magnitude = 1.0f;
    if (low->plan->tensors[conv->in.tensor].external && conv->in.affine_param >= 0)
        magnitude = low->plan->params[conv->in.affine_param / 4];
    size_t each = (size_t)(conv->in_c / conv->group) * (size_t)conv->kernel[0] *
                  (size_t)conv->kernel[1];
    for (int o = 0; o < conv->out_c; o++) {
        double sum = 0;
        for (int p = 0; p < conv->phases; p++) {
            const float *w =
                conv->weight + ((size_t)p * (size_t)conv->out_c + (size_t)o) * each;
            for (size_t i = 0; i < each; i++)
                sum += (double)w[i] * w[i];
        }
        double size = sqrt(sum / conv->phases) * magnitude;
        factor[o] = size > 1e-20 && isfinite(size) ? (float)(1.0 / size) : 1.0f;
        for (int p = 0; p < conv->phases; p++) {
            float *w =
                conv->weight + ((size_t)p * (size_t)conv->out_c + (size_t)o) * each;
            for (size_t i = 0; i < each; i++)
                w[i] *= factor[o];
        }
        /* The normalization subtracts the mean, so a bias has no effect. */
        conv->bias[o] = 0.0f;
    }
    struct lower_made *made = lower_set_made(low, conv->out, error);
    if (made)
        made->rescale = factor;
    else
        free(factor);
    return made != NULL;
}

bool lower_conv(struct lowering *low, const struct net_node *node,
                struct daub_error *error)
{
    struct conv conv;
    bool ok = false;
    if (!start_conv(low, node, &node->u.conv.window, node->u.conv.group, &conv, error))
        goto end;
    const float *weight = constant_input(low, node, 1);
    conv.pad_mode = node->u.conv.pad_mode;
    conv.act = node->u.conv.act;
    conv.alpha = node->u.conv.alpha;
    conv.beta = node->u.conv.beta;
    conv.up = node->u.conv.upsample;
    if (conv.act == NET_ACT_PRELU) {
        conv.slope = constant_input(low, node, 3);
        conv.slope_count =
            conv.slope ? net_shape_count(&low->graph->values[node->input[3]].shape) : 0;
        if (!conv.slope || (conv.slope_count != 1 && conv.slope_count != conv.out_c)) {
            daub_fail(error, DAUB_ERROR_MODEL,
                      "activation of '%s' has slopes that are not one a channel",
                      node->name);
            goto end;
        }
    }
    if (is_phase_conv(node) && conv.pad_mode == NET_PAD_REFLECT)
        conv.pad_mode = NET_PAD_EDGE;
    const bool phases = is_phase_conv(node) && !winograd_fits(low, &conv);
    size_t count = (size_t)net_shape_count(&low->graph->values[node->input[1]].shape);
    conv.weight = daub_alloc(phases ? count / 9 * 16 : count, sizeof(float));
    if (!conv.weight) {
        daub_no_memory(error, "planning the model");
        goto end;
    }
    if (phases)
        make_phases(&conv, weight);
    else
        memcpy(conv.weight, weight, count * sizeof(float));
    ok = rescale(low, &conv, node, error) && emit(low, &conv, error);
end:
    free_conv(&conv);
    return ok;
}

/* A transposed convolution of stride 2 as four 2x2 convolutions, where each output reads
 * at most the two nearest rows and columns. Weights of the node: [I][O][kh][kw]. */
static bool deconv_phases(struct conv *conv, const struct net_node *node,
                          const float *weight)
{
    const struct net_window *w = &node->u.deconv.window;
    const int in_c = conv->in_c, out_c = conv->out_c, kh = w->kernel[0],
              kw = w->kernel[1];
    for (int k = 0; k < 4 * out_c * in_c; k++) {
        int phase = k / (out_c * in_c), o = k / in_c % out_c, i = k % in_c;
        for (int ky = 0; ky < kh; ky++) {
            for (int kx = 0; kx < kw; kx++) {
                /* Output 2y + p takes input row y + d where 2d = p + pad - k. */
                int dy = (phase >> 1) + w->pad[0] - ky, dx = (phase & 1) + w->pad[1] - kx;
                if (dy % 2 || dx % 2)
                    continue;
                int ty = dy / 2 + 1 - (phase >> 1), tx = dx / 2 + 1 - (phase & 1);
                if (ty < 0 || ty > 1 || tx < 0 || tx > 1)
                    return false;
                conv->weight[(size_t)k * 4 + (size_t)(ty * 2 + tx)] =
                    weight[(((size_t)i * (size_t)out_c + (size_t)o) * (size_t)kh +
                            (size_t)ky) *
                               (size_t)kw +
                           (size_t)kx];
            }
        }
    }
    return true;
}

/* [I][O / group][kh][kw] to [O][I / group][kh][kw]. */
static void transpose_weights(struct conv *conv, const float *weight)
{
    int per_in = conv->in_c / conv->group, per_out = conv->out_c / conv->group;
    size_t taps = (size_t)conv->kernel[0] * (size_t)conv->kernel[1];
    for (int o = 0; o < conv->out_c; o++) {
        for (int i = 0; i < per_in; i++) {
            size_t from = (size_t)(o / per_out * per_in + i) * (size_t)per_out +
                          (size_t)(o % per_out);
            memcpy(conv->weight + ((size_t)o * (size_t)per_in + (size_t)i) * taps,
                   weight + from * taps, taps * sizeof(float));
        }
    }
}

bool lower_deconv(struct lowering *low, const struct net_node *node,
                  struct daub_error *error)
{
    struct conv conv;
    const struct net_window *w = &node->u.deconv.window;
    bool ok = false;
    if (!start_conv(low, node, w, node->u.deconv.group, &conv, error))
        goto end;
    const float *weight = constant_input(low, node, 1);
    size_t count = (size_t)net_shape_count(&low->graph->values[node->input[1]].shape);
    size_t phased = (size_t)conv.out_c * (size_t)conv.in_c * 16;
    conv.weight = daub_alloc(count > phased ? count : phased, sizeof(float));
    if (!conv.weight) {
        daub_no_memory(error, "planning the model");
        goto end;
    }
    bool even = conv.out_h == 2 * conv.in_h && conv.out_w == 2 * conv.in_w;
    if (even && conv.group == 1 && w->stride[0] == 2 && w->stride[1] == 2 &&
        w->dilation[0] == 1 && w->dilation[1] == 1 &&
        deconv_phases(&conv, node, weight)) {
        conv.phases = 4;
        conv.out_h /= 2;
        conv.out_w /= 2;
        conv.kernel[0] = conv.kernel[1] = 2;
        conv.stride[0] = conv.stride[1] = 1;
        conv.top = conv.left = 1;
        ok = rescale(low, &conv, node, error) && emit(low, &conv, error);
    } else {
        transpose_weights(&conv, weight);
        ok = emit_generic(low, &conv, true, error);
    }
end:
    free_conv(&conv);
    return ok;
}
