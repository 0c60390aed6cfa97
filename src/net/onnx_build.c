#include <stdlib.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"

/* Largest difference between the painting's size and the picture's, pixels: networks
 * without padding lose a border, networks with strides round up. */
enum { MAX_BORDER = 64 };

bool net_onnx_add_input(struct net_onnx_builder *b, int symbol,
                        const struct net_shape *shape, int *value)
{
    char name[NET_ONNX_TEXT];
    net_onnx_printable(b->onnx->symbols[symbol].name, name);
    *value = net_graph_add_value(b->graph, name, shape, &b->error);
    if (*value < 0 || net_graph_add_node(b->graph, NET_INPUT, name, "Input", NULL, 0,
                                         *value, &b->error) < 0)
        return false;
    b->entries[symbol].value = *value;
    b->entries[symbol].shape = *shape;
    return true;
}

int net_onnx_emit_conv_1x1(struct net_onnx_builder *b, const struct net_onnx_node *node,
                           int x, int inputs, int outputs, const float *weights,
                           const float *bias)
{
    const struct net_shape shape = {.rank = 4, .dim = {outputs, inputs, 1, 1}};
    const struct net_shape flat = {.rank = 1, .dim = {outputs}};
    struct net_node draft = net_conv_1x1();
    const int input[3] = {x, net_onnx_add_floats(b, node, &shape, weights),
                          bias ? net_onnx_add_floats(b, node, &flat, bias) : -1};
    return net_onnx_emit(b, node, &draft, input, 3, NULL);
}

/* The first three channels, in reverse order where asked for. */
static int emit_channels(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         int x, bool reverse)
{
    struct net_node draft = {.op = NET_SLICE};
    struct net_shape shape = b->graph->values[x].shape;
    bool nhwc = b->onnx->info.nhwc;
    int axis = nhwc ? 3 : 1;
    for (int i = 0; i < NET_MAX_RANK; i++)
        draft.u.slice.step[i] = 1;
    draft.u.slice.start[axis] = reverse ? 2 : 0;
    draft.u.slice.step[axis] = reverse ? -1 : 1;
    shape.dim[axis] = 3;
    return net_onnx_emit(b, node, &draft, &x, 1, &shape);
}

/* The picture's preprocessing of Core ML. */
static int emit_scale_and_bias(struct net_onnx_builder *b,
                               const struct net_onnx_node *node, int x)
{
    const struct net_onnx *onnx = b->onnx;
    const struct net_shape number = {0};
    struct net_shape channels = {.rank = 4, .dim = {1, 1, 1, 1}};
    channels.dim[onnx->info.nhwc ? 3 : 1] = 3;
    int scaled = net_onnx_emit_binary(
        b, node, NET_BINARY_MUL, x, net_onnx_add_floats(b, node, &number, &onnx->scale));
    return net_onnx_emit_binary(b, node, NET_BINARY_ADD, scaled,
                                net_onnx_add_floats(b, node, &channels, onnx->bias));
}

/* The symbol that is fed with the picture of the part that is built. */
static int picture_symbol(const struct net_onnx_builder *b)
{
    return b->encoder && b->onnx->style_image >= 0 ? b->onnx->style_image
                                                   : b->onnx->image;
}

/* Makes what the file takes from the picture: its luma, with alpha, or blue first. */
static bool convert_picture(struct net_onnx_builder *b)
{
    static const float luma[3] = {0.299f, 0.587f, 0.114f};
    static const float keep[12] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    static const float opaque[4] = {0, 0, 0, 1};
    const struct net_onnx *onnx = b->onnx;
    const struct net_onnx_node *first = onnx->node_count ? &onnx->nodes[0] : NULL;
    struct net_onnx_entry *entry = &b->entries[picture_symbol(b)];
    if (!first)
        return true;
    if (onnx->info.bytes && onnx->info.image_channels == 3)
        entry->value = emit_scale_and_bias(b, first, entry->value);
    if (entry->value >= 0 && onnx->bgr)
        entry->value = emit_channels(b, first, entry->value, true);
    if (entry->value >= 0 && onnx->info.file_channels == 1)
        entry->value = net_onnx_emit_conv_1x1(b, first, entry->value, 3, 1, luma, NULL);
    else if (entry->value >= 0 && onnx->info.file_channels == 4)
        entry->value = net_onnx_emit_conv_1x1(b, first, entry->value, 3, 4, keep, opaque);
    if (entry->value < 0)
        return false;
    entry->shape = b->graph->values[entry->value].shape;
    return true;
}

/* The opposite, for the painting. */
static int convert_painting(struct net_onnx_builder *b, int value)
{
    static const float copies[3] = {1, 1, 1};
    const struct net_onnx *onnx = b->onnx;
    const struct net_onnx_node *last =
        onnx->node_count ? &onnx->nodes[onnx->node_count - 1] : NULL;
    const struct net_shape *shape = &b->graph->values[value].shape;
    if (!last || shape->rank != 4)
        return value;
    int64_t channels = shape->dim[onnx->info.nhwc ? 3 : 1];
    if (channels == 1 && !onnx->info.nhwc)
        return net_onnx_emit_conv_1x1(b, last, value, 1, 3, copies, NULL);
    if (channels == 4)
        value = emit_channels(b, last, value, false);
    return value >= 0 && onnx->bgr ? emit_channels(b, last, value, true) : value;
}

/* An encoder takes [1,3,H,W], whatever its file takes. */
static bool put_channels_last(struct net_onnx_builder *b)
{
    const struct net_node draft = {.op = NET_TRANSPOSE, .u.transpose.perm = {0, 2, 3, 1}};
    struct net_onnx_entry *entry = &b->entries[picture_symbol(b)];
    if (b->onnx->node_count == 0)
        return true;
    entry->value = net_onnx_emit(b, &b->onnx->nodes[0], &draft, &entry->value, 1, NULL);
    if (entry->value < 0)
        return false;
    entry->shape = b->graph->values[entry->value].shape;
    return true;
}

/* Whether a value of that shape can be an encoder's result: [1,Z], [1,Z,1,1] or
 * [1,1,1,Z]. */
static bool is_vector(const struct net_shape *shape)
{
    int64_t count = net_shape_count(shape);
    return shape->rank >= 2 &&
           (count == shape->dim[1] || count == shape->dim[shape->rank - 1]);
}

/* An encoder's result as [1,Z,1,1], whatever its file gives. */
static bool add_vector(struct net_onnx_builder *b, int value)
{
    const struct net_node draft = {.op = NET_RESHAPE};
    const struct net_shape *own = &b->graph->values[value].shape;
    if (!is_vector(own))
        return daub_fail(&b->error, DAUB_ERROR_MODEL,
                         "gives no vector [1,Z], as an encoder must; export it again");
    const struct net_shape shape = {.rank = 4, .dim = {1, net_shape_count(own), 1, 1}};
    if (!net_shape_equal(own, &shape))
        value = net_onnx_emit(b, &b->onnx->nodes[b->onnx->node_count - 1], &draft, &value,
                              1, &shape);
    b->graph->output = value;
    return value >= 0;
}

static bool add_inputs(struct net_onnx_builder *b)
{
    const struct net_onnx *onnx = b->onnx;
    int64_t channels = onnx->info.image_channels;
    int64_t h = b->graph->height, w = b->graph->width;
    struct net_shape shape = {.rank = 4, .dim = {1, channels, h, w}};
    if (onnx->info.nhwc && !b->encoder)
        shape = (struct net_shape){.rank = 4, .dim = {1, h, w, channels}};
    if (!net_onnx_add_input(b, picture_symbol(b), &shape, &b->graph->image) ||
        (onnx->style >= 0 &&
         !net_onnx_add_input(b, onnx->style, &onnx->style_shape, &b->graph->style)) ||
        (onnx->info.nhwc && b->encoder && !put_channels_last(b)) || !convert_picture(b))
        return false;
    return b->encoder || onnx->cut_count == 0 || net_onnx_add_cuts(b);
}

static void run_node(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    bool constant = node->op->fold;
    for (int i = 0; constant && !node->op->shape_only && i < node->input_count; i++)
        constant = !net_onnx_has_input(node, i) || net_onnx_is_constant(b, node, i);
    if (constant)
        node->op->fold(b, node);
    else if (node->op->translate) {
        node->op->translate(b, node);
        net_onnx_keep_quantization(b, node);
    } else
        net_onnx_refuse(
            b, node,
            "daub runs this operator on sizes and constants only, not on what "
            "is computed from the picture");
}

/* Whether a value of shape out can be the painting: three channels, about the picture's
 * size. */
static bool is_painting(const struct net_graph *graph, const struct net_shape *out,
                        bool nhwc)
{
    if (out->rank != 4 || out->dim[0] != 1 || out->dim[nhwc ? 3 : 1] != 3)
        return false;
    const int64_t want[2] = {graph->height, graph->width};
    for (int i = 0; i < 2; i++) {
        int64_t have = out->dim[nhwc ? 1 + i : 2 + i];
        if (have * 2 <= want[i] || have >= want[i] * 2 || have > want[i] + MAX_BORDER ||
            have < want[i] - MAX_BORDER)
            return false;
    }
    return true;
}

/* Makes the last value the graph's output, transposed where its layout is not the
 * input's. */
static bool add_output(struct net_onnx_builder *b)
{
    struct net_graph *graph = b->graph;
    bool joined = b->encoder && b->onnx->style_image >= 0;
    int value = joined ? net_onnx_join_cuts(b) : b->entries[b->onnx->output].value;
    bool nhwc = b->onnx->info.nhwc;
    if (net_onnx_failed(b))
        return false;
    if (value < 0 || graph->values[value].data || graph->values[value].from_style)
        return daub_fail(&b->error, DAUB_ERROR_MODEL,
                         "its output does not depend on the picture: it is no "
                         "image-to-image network");
    const struct net_shape *shape = &graph->values[value].shape;
    if (b->encoder)
        return add_vector(b, value);
    value = convert_painting(b, value);
    if (value < 0)
        return false;
    shape = &graph->values[value].shape;
    if (b->onnx->node_count > 0 && !is_painting(graph, shape, nhwc) &&
        is_painting(graph, shape, !nhwc)) {
        struct net_node draft = {
            .op = NET_TRANSPOSE,
            .u.transpose.perm = {0, nhwc ? 2 : 3, nhwc ? 3 : 1, nhwc ? 1 : 2}};
        /* The transposition gets the name of the last node. */
        const struct net_onnx_node *last = &b->onnx->nodes[b->onnx->node_count - 1];
        value = net_onnx_emit(b, last, &draft, &value, 1, NULL);
        if (value < 0)
            return false;
        shape = &graph->values[value].shape;
    }
    graph->output = value;
    graph->nhwc = nhwc;
    if (is_painting(graph, shape, nhwc))
        return true;
    char text[NET_SHAPE_TEXT];
    net_shape_text(shape, text);
    return daub_fail(&b->error, DAUB_ERROR_MODEL,
                     "gives %s for a picture of %dx%d; daub needs a picture of three "
                     "channels and about that size back (no classifier, no enlarger)",
                     text, graph->width, graph->height);
}

/* Whether the conditions under which the node stands hold. Where one is not known, the If
 * will say so. */
static bool guards_hold(const struct net_onnx_builder *b,
                        const struct net_onnx_node *node)
{
    for (int g = node->guard; g >= 0; g = b->onnx->guards[g].parent) {
        const struct net_onnx_guard *guard = &b->onnx->guards[g];
        const struct net_onnx_entry *entry =
            guard->condition < 0 ? NULL : &b->entries[guard->condition];
        double value;
        if (!entry || (!entry->tensor && !entry->proto))
            return false;
        struct net_shape shape;
        int64_t count = entry->tensor ? entry->tensor->count : 0;
        if (entry->proto && !net_onnx_tensor_shape(entry->proto, &shape, &count, NULL))
            return false;
        if (count != 1)
            return false;
        if (entry->tensor)
            value = entry->tensor->data[0];
        else
            net_onnx_decode_double(entry->proto, 1, &value);
        if ((value != 0) != guard->when)
            return false;
    }
    return true;
}

void net_onnx_if(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *condition = net_onnx_need_constant(b, node, 0, "condition");
    int outputs = node->output_count;
    if (!condition)
        return;
    if (condition->count != 1 || node->input_count != 1 + 2 * outputs) {
        net_onnx_refuse(b, node, "its branches do not have as many results as it has");
        return;
    }
    for (int i = 0; i < outputs; i++) {
        struct net_onnx_node copy = *node;
        copy.input = node->input + 1 + (condition->data[0] != 0 ? 0 : outputs) + i;
        copy.output = node->output + i;
        copy.input_count = copy.output_count = 1;
        net_onnx_identity(b, &copy);
    }
}

bool net_onnx_run(struct net_onnx_builder *b, const struct net_onnx *onnx, int height,
                  int width)
{
    b->onnx = onnx;
    b->graph->height = height;
    b->graph->width = width;
    b->entries = daub_alloc(onnx->symbol_count, sizeof(*b->entries));
    if (!b->entries) {
        net_onnx_no_memory(b);
        return false;
    }
    for (size_t i = 0; i < onnx->symbol_count; i++) {
        b->entries[i].value = -1;
        b->entries[i].proto = onnx->symbols[i].initializer;
    }
    if (!add_inputs(b))
        return false;
    for (size_t i = 0; i < onnx->node_count && !net_onnx_failed(b); i++) {
        if (net_onnx_in_part(b, &onnx->nodes[i]) && guards_hold(b, &onnx->nodes[i]))
            run_node(b, &onnx->nodes[i]);
    }
    if (net_onnx_failed(b) || !add_output(b))
        return false;
    net_graph_sweep(b->graph);
    return net_graph_check(b->graph, &b->error);
}

void net_onnx_finish(struct net_onnx_builder *b)
{
    if (b->onnx)
        atomic_fetch_add(&((struct net_onnx *)b->onnx)->spent,
                         b->work + (int64_t)b->onnx->node_count * NET_ONNX_NODE_WORK);
    for (size_t i = 0; b->entries && i < b->onnx->symbol_count; i++)
        net_tensor_free(b, b->entries[i].tensor);
    free(b->entries);
    b->entries = NULL;
}
