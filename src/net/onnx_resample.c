#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"

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
    struct net_onnx_ints axes = {.count = in.rank};
    for (int i = 0; i < in.rank; i++)
        axes.at[i] = i;
    if (net_onnx_opset(b) >= 18 && net_onnx_has_input(node, 3))
        net_onnx_input_ints(b, node, 3, &axes);
    if (!net_onnx_failed(b) && (pads.count != 2 * axes.count || axes.count > in.rank))
        net_onnx_refuse(b, node, "it has %d paddings for %d axes", pads.count,
                        axes.count);
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
    for (int i = 0; i < axes.count; i++) {
        int axis = net_onnx_axis(b, node, axes.at[i], in.rank);
        draft.u.pad.before[axis] = pads.at[i];
        draft.u.pad.after[axis] = pads.at[i + axes.count];
    }
    if (net_onnx_failed(b))
        return;
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

/* The scales or sizes that the node gives: an attribute in opsets below 9, the second
 * input below 11, then the third or fourth. */
struct given {
    bool sizes;
    int count;
    double number[NET_ONNX_MAX_INTS];
};

static bool read_given(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       struct given *given)
{
    int opset = net_onnx_opset(b);
    if (opset < 9) {
        const Onnx__AttributeProto *scales = net_onnx_attribute(
            b, node, "scales", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
        if (!scales || scales->n_floats > NET_ONNX_MAX_INTS)
            net_onnx_refuse(b, node, "it has no 'scales', or too many");
        for (size_t i = 0; !net_onnx_failed(b) && i < scales->n_floats; i++)
            given->number[given->count++] = (double)scales->floats[i];
        return !net_onnx_failed(b);
    }
    int at = opset >= 11 ? 2 : 1;
    const struct net_tensor *numbers = net_onnx_constant(b, node, at);
    given->sizes = opset >= 11 && (!numbers || numbers->count == 0);
    numbers = net_onnx_need_constant(b, node, given->sizes ? 3 : at,
                                     given->sizes ? "size" : "scale");
    if (numbers && numbers->count > NET_ONNX_MAX_INTS)
        net_onnx_refuse(b, node, "it has too many scales or sizes");
    for (int64_t i = 0; !net_onnx_failed(b) && i < numbers->count; i++)
        given->number[given->count++] =
            given->sizes ? (double)net_tensor_int(numbers, i) : numbers->data[i];
    return !net_onnx_failed(b);
}

static bool read_scaling(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         const struct net_shape *in, struct scaling *to)
{
    struct net_onnx_ints axes;
    struct given given = {0};
    bool listed = net_onnx_opset(b) >= 18 && net_onnx_ints(b, node, "axes", &axes);
    if (!read_given(b, node, &given))
        return false;
    if (in->rank != 4 || given.count != (listed ? axes.count : 4) || given.count > 4) {
        net_onnx_refuse(b, node, "it does not resize a map [1,C,H,W]");
        return false;
    }
    bool by_size = given.sizes;
    int from[4] = {-1, -1, -1, -1}; /* element of the input for each axis */
    for (int i = 0; i < given.count; i++)
        from[listed ? net_onnx_axis(b, node, axes.at[i], 4) : i] = i;
    const struct net_shape *original = net_onnx_original_shape(b, node, 0);
    bool bound = node->output_count > 0 && node->output[0] >= 0;
    const int64_t *original_out =
        original && bound ? b->original->entries[node->output[0]].shape.dim : NULL;
    for (int i = 0; i < 4; i++) {
        int64_t dim = in->dim[i], size = dim;
        if (from[i] < 0) {
            to->scale[i] = 1;
        } else if (!by_size) {
            to->scale[i] = (float)given.number[from[i]];
            double long_size = floor((double)(to->scale[i] * (float)dim));
            size = long_size >= 1 && long_size <= NET_MAX_DIM ? (int64_t)long_size : 0;
        } else {
            size = (int64_t)given.number[from[i]];
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

/* Whether the pixels are filtered before they become fewer. */
static bool filters(struct net_onnx_builder *b, const struct net_onnx_node *node,
                    const struct scaling *to)
{
    bool smaller = false;
    for (int i = 0; i < 4; i++)
        smaller = smaller || to->scale[i] < 1;
    return smaller && net_onnx_int(b, node, "antialias", 0) &&
           !net_onnx_text_is(b, node, "mode", "nearest", "nearest");
}

static void read_mode(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      const struct scaling *to, struct net_node *draft)
{
    draft->u.resize.nearest = NET_NEAREST_FLOOR;
    draft->u.resize.mode = NET_RESIZE_NEAREST;
    if (!net_onnx_text_is(b, node, "keep_aspect_ratio_policy", "stretch", "stretch"))
        net_onnx_refuse(b, node, "daub knows only 'stretch' as keep_aspect_ratio_policy");
    if (net_onnx_text_is(b, node, "mode", "linear", "nearest") ||
        net_onnx_text_is(b, node, "mode", "bilinear", "nearest"))
        draft->u.resize.mode = NET_RESIZE_LINEAR;
    else if (net_onnx_text_is(b, node, "mode", "cubic", "nearest"))
        draft->u.resize.mode = NET_RESIZE_CUBIC;
    else if (!net_onnx_text_is(b, node, "mode", "nearest", "nearest"))
        net_onnx_refuse(b, node,
                        "it resizes with an unknown mode; daub knows nearest, "
                        "linear and cubic");
    draft->u.resize.cubic = net_onnx_float(b, node, "cubic_coeff_a", -0.75f);
    if (draft->u.resize.mode == NET_RESIZE_CUBIC && !filters(b, node, to) &&
        net_onnx_int(b, node, "exclude_outside", 0))
        net_onnx_refuse(b, node, "it resizes with 'exclude_outside'");
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

/* Where output element o lies among n_in input elements. */
static double coordinate(enum net_coord coord, int64_t o, int64_t n_in, int64_t n_out,
                         double scale)
{
    if (coord == NET_COORD_ASYMMETRIC)
        return (double)o / scale;
    if (coord == NET_COORD_ALIGN_CORNERS)
        return n_out > 1 ? (double)o * (double)(n_in - 1) / (double)(n_out - 1) : 0;
    if (coord == NET_COORD_PYTORCH_HALF_PIXEL && n_out == 1)
        return 0;
    return ((double)o + 0.5) / scale - 0.5;
}

/* Weight of an element at distance x, in output elements. */
static double filter_weight(const struct net_node *draft, double x)
{
    double a = (double)draft->u.resize.cubic;
    x = fabs(x);
    if (draft->u.resize.mode == NET_RESIZE_LINEAR)
        return x < 1 ? 1 - x : 0;
    return x < 1   ? ((a + 2) * x - (a + 3)) * x * x + 1
           : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
                   : 0;
}

/* Row o of the matrix that filters n_in elements to n_out. exclude: what lies outside has
 * no weight; else it is what lies at the border. */
static void filter_row(const struct net_node *draft, int64_t o, int64_t n_in,
                       int64_t n_out, double scale, bool exclude, float *row)
{
    double factor = scale < 1 ? scale : 1, sum = 0;
    double x = coordinate(draft->u.resize.coord, o, n_in, n_out, scale);
    int64_t reach = (int64_t)ceil(2 / factor);
    for (int64_t i = (int64_t)floor(x) - reach; i <= (int64_t)floor(x) + reach + 1; i++) {
        int64_t at = i < 0 ? 0 : i > n_in - 1 ? n_in - 1 : i;
        double weight =
            at != i && exclude ? 0 : filter_weight(draft, ((double)i - x) * factor);
        row[at] += (float)weight;
        sum += weight;
    }
    for (int64_t i = 0; sum != 0 && i < n_in; i++)
        row[i] = (float)((double)row[i] / sum);
}

/* Swaps the channels with another axis. */
static int swap_channels(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         int x, int axis)
{
    if (x < 0)
        return -1;
    struct net_shape shape = b->graph->values[x].shape;
    struct net_node draft = net_swap_channels(&shape, axis);
    return net_onnx_emit(b, node, &draft, &x, 1, &shape);
}

/* Filters along an axis of [1,C,H,W] by the product with a matrix. */
static int emit_filter(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       const struct net_node *draft, int x, int axis, int64_t n_out,
                       double scale)
{
    enum { MOST = 1 << 25 };
    int64_t n_in = x < 0 ? 0 : b->graph->values[x].shape.dim[axis];
    bool exclude = net_onnx_int(b, node, "exclude_outside", 0);
    if (x < 0 || n_in == n_out)
        return x;
    if (n_in * n_out > MOST) {
        net_onnx_refuse(b, node, "it filters %lld elements to %lld, more than daub does",
                        (long long)n_in, (long long)n_out);
        return -1;
    }
    float *matrix = daub_alloc((size_t)(n_in * n_out), sizeof(float));
    if (!matrix) {
        net_onnx_no_memory(b);
        return -1;
    }
    for (int64_t o = 0; !b->shapes_only && o < n_out; o++)
        filter_row(draft, o, n_in, n_out, scale, exclude, matrix + o * n_in);
    x = swap_channels(b, node, x, axis);
    if (x >= 0)
        x = net_onnx_emit_conv_1x1(b, node, x, (int)n_in, (int)n_out, matrix, NULL);
    free(matrix);
    return swap_channels(b, node, x, axis);
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
    if (filters(b, node, &to)) {
        x = emit_filter(b, node, &draft, x, 3, size.dim[3], (double)to.scale[y + 1]);
        x = emit_filter(b, node, &draft, x, 2, size.dim[2], (double)to.scale[y]);
    } else {
        x = net_onnx_emit(b, node, &draft, &x, 1, &size);
    }
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
    if (net_onnx_opset(b) >= (to_space ? 11 : 28)) {
        if (net_onnx_text_is(b, node, "mode", "CRD", "DCR"))
            draft.u.block.order = NET_BLOCK_CRD;
        else if (!net_onnx_text_is(b, node, "mode", "DCR", "DCR"))
            net_onnx_refuse(b, node, "unknown 'mode'");
    }
    int x = net_onnx_operand(b, node, 0);
    net_onnx_bind(b, node, 0, net_onnx_emit(b, node, &draft, &x, 1, NULL));
}
