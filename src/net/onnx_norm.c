#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"

static int emit_norm(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     int groups, int x, int scale, int shift)
{
    struct net_node draft = {.op = NET_NORM};
    draft.u.norm.groups = groups;
    draft.u.norm.epsilon = net_onnx_float(b, node, "epsilon", 1e-5f);
    const int input[3] = {x, scale, shift};
    return net_onnx_emit(b, node, &draft, input, 3, NULL);
}

void net_onnx_instance_norm(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    struct net_shape shape = net_onnx_shape(b, node, 0);
    int scale = net_onnx_operand(b, node, 1), shift = net_onnx_operand(b, node, 2);
    net_onnx_bind(b, node, 0, emit_norm(b, node, (int)shape.dim[1], x, scale, shift));
}

/* With constant statistics, batch normalization is y = a x + c for each channel. */
static void affine(struct net_onnx_builder *b, const struct net_onnx_node *node, int x,
                   const struct net_shape *shape)
{
    static const char *const names[] = {"", "scale", "shift", "mean", "variance"};
    const struct net_tensor *in[5];
    int64_t channels = shape->rank >= 2 ? shape->dim[1] : 1;
    for (int i = 1; i < 5; i++) {
        in[i] = net_onnx_need_constant(b, node, i, names[i]);
        if (in[i] && in[i]->count != channels)
            net_onnx_refuse(b, node, "its %s has %lld elements for %lld channels",
                            names[i], (long long)in[i]->count, (long long)channels);
    }
    if (net_onnx_failed(b))
        return;
    double epsilon = (double)net_onnx_float(b, node, "epsilon", 1e-5f);
    struct net_shape flat = {.rank = shape->rank};
    for (int i = 0; i < flat.rank; i++)
        flat.dim[i] = i == 1 ? channels : 1;
    float *factor = daub_alloc((size_t)channels, sizeof(*factor));
    float *offset = daub_alloc((size_t)channels, sizeof(*offset));
    if (!factor || !offset)
        net_onnx_no_memory(b);
    for (int64_t c = 0; factor && offset && c < channels; c++) {
        double a = in[1]->data[c] / sqrt(in[4]->data[c] + epsilon);
        factor[c] = (float)a;
        offset[c] = (float)(in[2]->data[c] - in[3]->data[c] * a);
    }
    if (!net_onnx_failed(b)) {
        int a = net_onnx_add_floats(b, node, &flat, factor);
        int c = net_onnx_add_floats(b, node, &flat, offset);
        int scaled = net_onnx_emit_binary(b, node, NET_BINARY_MUL, x, a);
        net_onnx_bind(b, node, 0,
                      net_onnx_emit_binary(b, node, NET_BINARY_ADD, scaled, c));
    }
    free(factor);
    free(offset);
}

void net_onnx_batch_norm(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    struct net_shape shape = net_onnx_shape(b, node, 0);
    if (net_onnx_opset(b) < 14 || !net_onnx_int(b, node, "training_mode", 0)) {
        affine(b, node, x, &shape);
        return;
    }
    /* The batch is one picture: its statistics are those of instance normalization. */
    int scale = net_onnx_operand(b, node, 1), shift = net_onnx_operand(b, node, 2);
    net_onnx_bind(b, node, 0, emit_norm(b, node, (int)shape.dim[1], x, scale, shift));
}

/* Scale or shift of a layer normalization as one number for each channel; -1 where it
 * varies inside a channel. */
static int per_channel(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       int i, const struct net_shape *x)
{
    struct net_shape shape = net_onnx_shape(b, node, i);
    if (net_onnx_failed(b))
        return -1;
    int channel = 1 - (x->rank - shape.rank), value;
    bool constant = net_onnx_is_constant(b, node, i);
    if (constant && channel >= 0) {
        const struct net_tensor *full = net_onnx_constant(b, node, i);
        struct net_tensor *small =
            full ? net_tensor_collapse(b, node, full, ~(1u << channel)) : NULL;
        bool fits =
            small && small->count == x->dim[1] && small->shape.dim[channel] == x->dim[1];
        value = fits ? net_onnx_add_constant(b, node, small) : -1;
        net_tensor_free(b, small);
        return value;
    }
    bool fits = channel >= 0 && shape.dim[channel] == x->dim[1] &&
                net_shape_count(&shape) == x->dim[1];
    return fits ? net_onnx_operand(b, node, i) : -1;
}

/* Scale and shift are given for each group before opset 21, then for each channel. */
static int for_channels(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        int i, int64_t groups, int64_t channels)
{
    const struct net_tensor *given = net_onnx_need_constant(b, node, i, "scale or shift");
    const struct net_shape shape = {.rank = 1, .dim = {channels}};
    if (!given || given->count == channels)
        return net_onnx_operand(b, node, i);
    if (given->count != groups) {
        net_onnx_refuse(b, node,
                        "its scale or shift has %lld elements for %lld groups of %lld "
                        "channels",
                        (long long)given->count, (long long)groups, (long long)channels);
        return -1;
    }
    struct net_tensor *full = net_tensor_new(b, node, given->type, &shape);
    for (int64_t c = 0; full && c < channels; c++)
        full->data[c] = given->data[c / (channels / given->count)];
    int value = full ? net_onnx_add_constant(b, node, full) : -1;
    net_tensor_free(b, full);
    return value;
}

void net_onnx_group_norm(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    struct net_shape shape = net_onnx_shape(b, node, 0);
    if (!net_onnx_failed(b) && shape.rank < 3)
        net_onnx_refuse(b, node, "its input has %d axes", shape.rank);
    if (net_onnx_failed(b))
        return;
    int64_t groups = net_onnx_int(b, node, "num_groups", 0);
    if (groups < 1 || groups > shape.dim[1] || shape.dim[1] % groups) {
        net_onnx_refuse(b, node, "it has %lld groups of %lld channels", (long long)groups,
                        (long long)shape.dim[1]);
        return;
    }
    int scale = for_channels(b, node, 1, groups, shape.dim[1]);
    int shift = for_channels(b, node, 2, groups, shape.dim[1]);
    net_onnx_bind(b, node, 0, emit_norm(b, node, (int)groups, x, scale, shift));
}

static int emit_mean(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     enum net_op op, unsigned axes, int x)
{
    struct net_node draft = {.op = op};
    draft.u.reduce.axes = axes;
    draft.u.reduce.keep = true;
    return net_onnx_emit(b, node, &draft, &x, 1, NULL);
}

static int emit_number(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       enum net_binary kind, int x, float number)
{
    const struct net_shape one = {0};
    int y = net_onnx_add_floats(b, node, &one, &number);
    return net_onnx_emit_binary(b, node, kind, x, y);
}

/* (x - mean) / sqrt(variance + epsilon) over the axes from `axis` on. */
static int emit_layer_norm(struct net_onnx_builder *b, const struct net_onnx_node *node,
                           int x, int axis, int rank)
{
    unsigned axes = ((1u << rank) - 1) & ~((1u << axis) - 1);
    int mean = emit_mean(b, node, NET_MEAN, axes, x);
    int centered = net_onnx_emit_binary(b, node, NET_BINARY_SUB, x, mean);
    int y = net_onnx_emit_act(b, node, NET_ACT_SQUARE, 0, 0, centered);
    y = emit_mean(b, node, NET_MEAN, axes, y);
    y = emit_number(b, node, NET_BINARY_ADD, y,
                    net_onnx_float(b, node, "epsilon", 1e-5f));
    y = net_onnx_emit_act(b, node, NET_ACT_SQRT, 0, 0, y);
    return net_onnx_emit_binary(b, node, NET_BINARY_DIV, centered, y);
}

void net_onnx_layer_norm(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    struct net_shape shape = net_onnx_shape(b, node, 0);
    int axis = net_onnx_axis(b, node, net_onnx_int(b, node, "axis", -1), shape.rank);
    if (net_onnx_failed(b))
        return;
    bool shifted = net_onnx_has_input(node, 2), whole = shape.rank >= 3 && axis <= 1;
    int scale = whole ? per_channel(b, node, 1, &shape) : -1;
    int shift = whole && shifted ? per_channel(b, node, 2, &shape) : -1;
    if (scale >= 0 && (shift >= 0 || !shifted)) {
        net_onnx_bind(b, node, 0, emit_norm(b, node, 1, x, scale, shift));
        return;
    }
    int y = whole ? emit_norm(b, node, 1, x, -1, -1)
                  : emit_layer_norm(b, node, x, axis, shape.rank);
    y = net_onnx_emit_binary(b, node, NET_BINARY_MUL, y, net_onnx_operand(b, node, 1));
    if (shifted)
        y = net_onnx_emit_binary(b, node, NET_BINARY_ADD, y,
                                 net_onnx_operand(b, node, 2));
    net_onnx_bind(b, node, 0, y);
}

/* exp(x - maximum) / sum of these. Before opset 13 over all axes from `axis` on. */
void net_onnx_softmax(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0), rank = net_onnx_shape(b, node, 0).rank;
    bool old = net_onnx_opset(b) < 13;
    int axis = net_onnx_axis(b, node, net_onnx_int(b, node, "axis", old ? 1 : -1), rank);
    if (net_onnx_failed(b))
        return;
    unsigned axes = old ? ((1u << rank) - 1) & ~((1u << axis) - 1) : 1u << axis;
    struct net_shape shape = net_onnx_shape(b, node, 0);
    float count = 1;
    for (int i = 0; i < rank; i++)
        count *= axes >> i & 1 ? (float)shape.dim[i] : 1;
    int most = emit_mean(b, node, NET_MAXIMUM, axes, x);
    int y = net_onnx_emit_binary(b, node, NET_BINARY_SUB, x, most);
    y = net_onnx_emit_act(b, node, NET_ACT_EXP, 0, 0, y);
    int sum = emit_mean(b, node, NET_MEAN, axes, y);
    sum = emit_number(b, node, NET_BINARY_MUL, sum, count);
    net_onnx_bind(b, node, 0, net_onnx_emit_binary(b, node, NET_BINARY_DIV, y, sum));
}

bool net_onnx_reduced(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      unsigned *axes, bool *keep)
{
    struct net_onnx_ints ints;
    int rank = net_onnx_shape(b, node, 0).rank;
    bool sum = !strcmp(node->op->name, "ReduceSum");
    net_onnx_attribute_or_input_ints(b, node, "axes", sum ? 13 : 18, 1, &ints);
    *keep = net_onnx_int(b, node, "keepdims", 1) != 0;
    *axes = 0;
    for (int i = 0; i < ints.count; i++)
        *axes |= 1u << net_onnx_axis(b, node, ints.at[i], rank);
    bool noop = net_onnx_opset(b) >= (sum ? 13 : 18) &&
                net_onnx_int(b, node, "noop_with_empty_axes", 0);
    if (ints.count == 0 && !noop)
        *axes = (1u << rank) - 1;
    return !net_onnx_failed(b);
}

/* The reductions and global pools: the mean or maximum of a function of x, times the
 * number of elements for sums, and a function of that. */
void net_onnx_reduce(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    static const struct {
        const char *name;
        enum net_op op;
        bool sum;
        enum net_act before, after;
    } kinds[] = {
        {"ReduceMean", NET_MEAN, false, NET_ACT_NONE, NET_ACT_NONE},
        {"GlobalAveragePool", NET_MEAN, false, NET_ACT_NONE, NET_ACT_NONE},
        {"ReduceSum", NET_MEAN, true, NET_ACT_NONE, NET_ACT_NONE},
        {"ReduceSumSquare", NET_MEAN, true, NET_ACT_SQUARE, NET_ACT_NONE},
        {"ReduceL1", NET_MEAN, true, NET_ACT_ABS, NET_ACT_NONE},
        {"ReduceL2", NET_MEAN, true, NET_ACT_SQUARE, NET_ACT_SQRT},
        {"ReduceMax", NET_MAXIMUM, false, NET_ACT_NONE, NET_ACT_NONE},
        {"GlobalMaxPool", NET_MAXIMUM, false, NET_ACT_NONE, NET_ACT_NONE},
        {"ReduceMin", NET_MAXIMUM, false, NET_ACT_NEG, NET_ACT_NEG},
    };
    const char *name = node->op->name;
    size_t i = 0;
    while (strcmp(kinds[i].name, name))
        i++;
    struct net_node draft = {.op = kinds[i].op};
    int x = net_onnx_operand(b, node, 0);
    struct net_shape shape = net_onnx_shape(b, node, 0);
    if (!strncmp(name, "Global", 6)) {
        draft.u.reduce.axes = ((1u << shape.rank) - 1) & ~3u;
        draft.u.reduce.keep = true;
    } else if (!net_onnx_reduced(b, node, &draft.u.reduce.axes, &draft.u.reduce.keep)) {
        return;
    }
    float count = 1;
    for (int k = 0; k < shape.rank; k++)
        count *= draft.u.reduce.axes >> k & 1 ? (float)shape.dim[k] : 1;
    if (kinds[i].before != NET_ACT_NONE)
        x = net_onnx_emit_act(b, node, kinds[i].before, 0, 0, x);
    if (draft.u.reduce.axes != 0)
        x = net_onnx_emit(b, node, &draft, &x, 1, NULL);
    if (kinds[i].sum && count != 1)
        x = emit_number(b, node, NET_BINARY_MUL, x, count);
    if (kinds[i].after != NET_ACT_NONE)
        x = net_onnx_emit_act(b, node, kinds[i].after, 0, 0, x);
    net_onnx_bind(b, node, 0, x);
}

/* Gemm and MatMul. */
void net_onnx_gemm(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_node draft = {.op = NET_MATMUL};
    bool full = !strcmp(node->op->name, "Gemm");
    draft.u.matmul.transpose_a = full && net_onnx_int(b, node, "transA", 0);
    draft.u.matmul.transpose_b = full && net_onnx_int(b, node, "transB", 0);
    draft.u.matmul.alpha = full ? net_onnx_float(b, node, "alpha", 1) : 1;
    draft.u.matmul.beta = full ? net_onnx_float(b, node, "beta", 1) : 1;
    int input[3] = {-1, -1, -1};
    for (int i = 0; i < (full ? 3 : 2); i++)
        input[i] = net_onnx_operand(b, node, i);
    struct net_shape a = net_onnx_shape(b, node, 0), second = net_onnx_shape(b, node, 1);
    if (net_onnx_failed(b))
        return;
    if (a.rank >= 3 && second.rank >= 3 && !b->graph->values[input[0]].data &&
        !b->graph->values[input[1]].data) {
        int64_t rows = a.dim[a.rank - 2], columns = second.dim[second.rank - 1];
        net_onnx_refuse(b, node,
                        "attention: it multiplies two computed matrices, here to %lld x "
                        "%lld (%.0f MB); daub multiplies by constant ones",
                        (long long)rows, (long long)columns,
                        (double)rows * (double)columns * 4e-6);
        return;
    }
    bool vector = !full && a.rank == 1;
    const struct net_node reshape = {.op = NET_RESHAPE};
    struct net_shape row = {.rank = 2, .dim = {1, a.dim[0]}};
    if (vector)
        input[0] = net_onnx_emit(b, node, &reshape, input, 1, &row);
    int y = net_onnx_emit(b, node, &draft, input, 3, NULL);
    if (vector && y >= 0) {
        struct net_shape flat = {.rank = 1, .dim = {b->graph->values[y].shape.dim[1]}};
        y = net_onnx_emit(b, node, &reshape, &y, 1, &flat);
    }
    net_onnx_bind(b, node, 0, y);
}
