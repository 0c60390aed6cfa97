#include <math.h>
#include <string.h>

#include "net/onnx_internal.h"

/* Negative padding crops, before the other padding is added, as ONNX Runtime does. */
static int crop(struct net_onnx_builder *b, const struct net_onnx_node *node, int x,
                struct net_node *pad)
{
    struct net_node draft = {.op = NET_SLICE};
    struct net_shape shape = b->graph->values[x].shape;
    bool crops = false;
    for (int i = 0; i < shape.rank; i++) {
        int64_t *side[2] = {&pad->u.pad.before[i], &pad->u.pad.after[i]};
        draft.u.slice.start[i] = *side[0] < 0 ? -*side[0] : 0;
        draft.u.slice.step[i] = 1;
        for (int k = 0; k < 2; k++) {
            if (*side[k] >= 0)
                continue;
            shape.dim[i] += *side[k];
            *side[k] = 0;
            crops = true;
        }
    }
    return crops ? net_onnx_emit(b, node, &draft, &x, 1, &shape) : x;
}

void net_onnx_pad(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_node draft = {.op = NET_PAD};
    struct net_onnx_ints pads;
    int x = net_onnx_operand(b, node, 0);
    struct net_shape in = net_onnx_shape(b, node, 0);
    net_onnx_attribute_or_input_ints(b, node, "pads", 11, 1, &pads);
    if (!net_onnx_failed(b) && pads.count != 2 * in.rank)
        net_onnx_refuse(b, node, "it has %d paddings for %d axes", pads.count, in.rank);
    float *value = &draft.u.pad.value;
    if (net_onnx_opset(b) < 11)
        *value = net_onnx_float(b, node, "value", 0);
    else if (net_onnx_has_input(node, 2))
        net_onnx_number(b, node, 2, value);
    if (net_onnx_text_is(b, node, "mode", "reflect", "constant"))
        draft.u.pad.mode = NET_PAD_REFLECT;
    else if (net_onnx_text_is(b, node, "mode", "edge", "constant"))
        draft.u.pad.mode = NET_PAD_EDGE;
    else if (net_onnx_text_is(b, node, "mode", "constant", "constant"))
        draft.u.pad.mode = *value == 0 ? NET_PAD_ZERO : NET_PAD_CONSTANT;
    else
        net_onnx_refuse(b, node, "unknown padding mode");
    if (net_onnx_failed(b))
        return;
    for (int i = 0; i < in.rank; i++) {
        draft.u.pad.before[i] = pads.at[i];
        draft.u.pad.after[i] = pads.at[i + in.rank];
    }
    x = crop(b, node, x, &draft);
    bool grows = false;
    for (int i = 0; i < in.rank; i++)
        grows = grows || draft.u.pad.before[i] || draft.u.pad.after[i];
    net_onnx_bind(b, node, 0, grows ? net_onnx_emit(b, node, &draft, &x, 1, NULL) : x);
}

/* Factor and result size of each axis. */
struct scaling {
    float scale[4];
    int64_t size[4];
};

static bool read_scaling(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         const struct net_shape *in, struct scaling *to)
{
    bool roi = net_onnx_opset(b) >= 11; /* then inputs are X, roi, scales, sizes */
    int at = roi ? 2 : 1;
    const struct net_tensor *scales = net_onnx_constant(b, node, at), *sizes = NULL;
    if (roi && (!scales || scales->count == 0))
        sizes = net_onnx_need_constant(b, node, 3, "size");
    else
        scales = net_onnx_need_constant(b, node, at, "scale");
    if (net_onnx_failed(b))
        return false;
    if ((sizes ? sizes : scales)->count != 4 || in->rank != 4) {
        net_onnx_refuse(b, node, "it does not resize a map [1,C,H,W]");
        return false;
    }
    const struct net_shape *original = net_onnx_original_shape(b, node, 0);
    bool bound = node->output_count > 0 && node->output[0] >= 0;
    const int64_t *original_out =
        original && bound ? b->original->entries[node->output[0]].shape.dim : NULL;
    for (int i = 0; i < 4; i++) {
        int64_t dim = in->dim[i], size = sizes ? net_tensor_int(sizes, i) : 0;
        if (!sizes) {
            to->scale[i] = (float)scales->data[i];
            double long_size = floor((double)(to->scale[i] * (float)dim));
            size = long_size >= 1 && long_size <= NET_MAX_DIM ? (int64_t)long_size : 0;
        } else {
            to->scale[i] = (float)size / (float)dim;
        }
        /* The same output size from another input size: the exporter wrote it as a number
         * for the original picture. Keeps the scale that it had there. */
        if (original_out && original->dim[i] != dim && size == original_out[i]) {
            to->scale[i] = (float)size / (float)original->dim[i];
            size = size * dim / original->dim[i];
        }
        if (size < 1 || size > NET_MAX_DIM)
            net_onnx_refuse(b, node, "it resizes axis %d of %lld elements out of range",
                            i, (long long)dim);
        to->size[i] = size;
    }
    return !net_onnx_failed(b);
}

static void read_mode(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      const struct scaling *to, struct net_node *draft)
{
    draft->u.resize.nearest = NET_NEAREST_FLOOR;
    draft->u.resize.mode = NET_RESIZE_NEAREST;
    if (net_onnx_text_is(b, node, "mode", "linear", "nearest") ||
        net_onnx_text_is(b, node, "mode", "bilinear", "nearest"))
        draft->u.resize.mode = NET_RESIZE_LINEAR;
    else if (!net_onnx_text_is(b, node, "mode", "nearest", "nearest"))
        net_onnx_refuse(b, node,
                        "it resizes with an unknown mode; daub knows nearest and "
                        "linear");
    draft->u.resize.coord = NET_COORD_ASYMMETRIC;
    if (net_onnx_opset(b) < 11) {
        /* Before opset 11 rounding is as in ONNX Runtime: up where the output is smaller.
         */
        bool down = false, up = false;
        for (int i = 0; i < 4; i++) {
            down = down || to->scale[i] < 1;
            up = up || to->scale[i] > 1;
        }
        if (down && up && draft->u.resize.mode == NET_RESIZE_NEAREST)
            net_onnx_refuse(b, node, "it enlarges one axis and shrinks the other");
        if (down)
            draft->u.resize.nearest = NET_NEAREST_CEIL;
        return;
    }
    static const struct {
        const char *name;
        enum net_coord coord;
    } coords[] = {
        {"half_pixel", NET_COORD_HALF_PIXEL},
        {"pytorch_half_pixel", NET_COORD_PYTORCH_HALF_PIXEL},
        {"align_corners", NET_COORD_ALIGN_CORNERS},
        {"asymmetric", NET_COORD_ASYMMETRIC},
    };
    static const struct {
        const char *name;
        enum net_nearest nearest;
    } roundings[] = {
        {"round_prefer_floor", NET_NEAREST_ROUND_PREFER_FLOOR},
        {"round_prefer_ceil", NET_NEAREST_ROUND_PREFER_CEIL},
        {"floor", NET_NEAREST_FLOOR},
        {"ceil", NET_NEAREST_CEIL},
    };
    bool known = false, rounds = false;
    for (int i = 0; i < 4; i++) {
        if (net_onnx_text_is(b, node, "coordinate_transformation_mode", coords[i].name,
                             "half_pixel")) {
            draft->u.resize.coord = coords[i].coord;
            known = true;
        }
        if (net_onnx_text_is(b, node, "nearest_mode", roundings[i].name,
                             "round_prefer_floor")) {
            draft->u.resize.nearest = roundings[i].nearest;
            rounds = true;
        }
    }
    /* floor((x + 1/2) / scale) is the half-pixel coordinate with halves rounded up. */
    if (draft->u.resize.mode == NET_RESIZE_NEAREST && rounds &&
        draft->u.resize.nearest == NET_NEAREST_FLOOR &&
        net_onnx_text_is(b, node, "coordinate_transformation_mode",
                         "tf_half_pixel_for_nn", "half_pixel")) {
        draft->u.resize.coord = NET_COORD_HALF_PIXEL;
        draft->u.resize.nearest = NET_NEAREST_ROUND_PREFER_CEIL;
        known = true;
    }
    if (!known || !rounds)
        net_onnx_refuse(b, node,
                        "it resizes with an unknown coordinate or rounding mode");
}

static int emit_transpose(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          int x, const int perm[4])
{
    struct net_node draft = {.op = NET_TRANSPOSE};
    memcpy(draft.u.transpose.perm, perm, 4 * sizeof(*perm));
    return net_onnx_emit(b, node, &draft, &x, 1, NULL);
}

/* Resize and Upsample. */
void net_onnx_resize(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    static const int to_nchw[4] = {0, 3, 1, 2}, to_nhwc[4] = {0, 2, 3, 1};
    struct net_node draft = {.op = NET_RESIZE};
    struct scaling to;
    int x = net_onnx_operand(b, node, 0);
    struct net_shape in = net_onnx_shape(b, node, 0);
    if (net_onnx_failed(b) || !read_scaling(b, node, &in, &to))
        return;
    read_mode(b, node, &to, &draft);
    bool moved[4];
    for (int i = 0; i < 4; i++)
        moved[i] = to.scale[i] != 1 || to.size[i] != in.dim[i];
    bool last = moved[1]; /* channels come last: [1,H,W,C] */
    if (moved[0] || (moved[1] && moved[3])) {
        net_onnx_refuse(b, node, "it resizes other axes than height and width");
        return;
    }
    if (!moved[1] && !moved[2] && !moved[3]) {
        net_onnx_bind(b, node, 0, x);
        return;
    }
    int y = last ? 1 : 2;
    draft.u.resize.scale[0] = to.scale[y];
    draft.u.resize.scale[1] = to.scale[y + 1];
    struct net_shape size = {
        .rank = 4, .dim = {1, in.dim[last ? 3 : 1], to.size[y], to.size[y + 1]}};
    if (last)
        x = emit_transpose(b, node, x, to_nchw);
    x = net_onnx_emit(b, node, &draft, &x, 1, &size);
    if (last)
        x = emit_transpose(b, node, x, to_nhwc);
    net_onnx_bind(b, node, 0, x);
}

/* DepthToSpace and SpaceToDepth. */
void net_onnx_block(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    bool to_space = !strcmp(node->op->name, "DepthToSpace");
    struct net_node draft = {.op = to_space ? NET_DEPTH_TO_SPACE : NET_SPACE_TO_DEPTH};
    draft.u.block.size = (int)net_onnx_int(b, node, "blocksize", 0);
    draft.u.block.order = NET_BLOCK_DCR;
    if (to_space && net_onnx_opset(b) >= 11) {
        if (net_onnx_text_is(b, node, "mode", "CRD", "DCR"))
            draft.u.block.order = NET_BLOCK_CRD;
        else if (!net_onnx_text_is(b, node, "mode", "DCR", "DCR"))
            net_onnx_refuse(b, node, "unknown 'mode'");
    }
    int x = net_onnx_operand(b, node, 0);
    net_onnx_bind(b, node, 0, net_onnx_emit(b, node, &draft, &x, 1, NULL));
}
