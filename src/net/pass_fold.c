/* Passes that move work into convolutions. */
#include "net/pass.h"

#include <string.h>

#include "net/op.h"

static bool is_conv(const struct net_node *node)
{
    return node->op == NET_CONV || node->op == NET_CONV_TRANSPOSE;
}

static int conv_group(const struct net_node *node)
{
    return node->op == NET_CONV ? node->u.conv.group : node->u.deconv.group;
}

/* Input and output channel of kernel number k (kh x kw weights) of a convolution. */
static void kernel_channels(const struct net_node *node, const struct net_shape *weight,
                            int64_t k, int64_t *in, int64_t *out)
{
    int64_t group = conv_group(node), first = k / weight->dim[1],
            second = k % weight->dim[1];
    int64_t part = first / (weight->dim[0] / group);
    *out = node->op == NET_CONV ? first : part * weight->dim[1] + second;
    *in = node->op == NET_CONV ? part * weight->dim[1] + second : first;
}

static int64_t conv_outputs(const struct net_graph *graph, const struct net_node *node)
{
    return net_pass_shape(graph, node->output)->dim[1];
}

/* Replaces weights and bias of the convolution at index by copies that a pass may change;
 * a missing bias becomes zeros. */
static bool copy_weights(struct net_graph *graph, int index, struct daub_error *error)
{
    const struct net_node *node = &graph->nodes[index];
    int old_weight = node->input[1], old_bias = net_pass_input(node, 2);
    int slope = net_pass_input(node, 3);
    struct net_shape shape = *net_pass_shape(graph, old_weight);
    int64_t outputs = conv_outputs(graph, node);
    int weight = net_graph_add_constant(graph, graph->values[old_weight].name, &shape,
                                        graph->values[old_weight].data, error);
    int bias = weight < 0
                   ? -1
                   : net_pass_add_vector(graph, graph->nodes[index].name, outputs, error);
    if (bias < 0)
        return false;
    if (old_bias >= 0)
        memcpy(graph->values[bias].data, graph->values[old_bias].data,
               (size_t)outputs * sizeof(float));
    const int input[] = {graph->nodes[index].input[0], weight, bias, slope};
    return net_pass_set_inputs(&graph->nodes[index], input, slope < 0 ? 3 : 4, error);
}

/* Folds a[o] y + b[o] behind a convolution into its weights and bias. */
static bool fold_after(struct net_graph *graph, int index, struct daub_error *error)
{
    struct net_affine affine;
    if (!net_pass_affine(graph, &graph->nodes[index], &affine))
        return true;
    int conv = graph->values[affine.x].producer;
    if (conv < 0 || !is_conv(&graph->nodes[conv]) ||
        (graph->nodes[conv].op == NET_CONV &&
         graph->nodes[conv].u.conv.act != NET_ACT_NONE) ||
        net_value_sole_reader(graph, affine.x) != index)
        return true;
    if (!copy_weights(graph, conv, error) ||
        !net_pass_affine(graph, &graph->nodes[index], &affine))
        return false;
    const struct net_node *node = &graph->nodes[conv];
    const struct net_shape *shape = net_pass_shape(graph, node->input[1]);
    float *weight = graph->values[node->input[1]].data;
    float *bias = graph->values[node->input[2]].data;
    int64_t taps = shape->dim[2] * shape->dim[3], kernels = shape->dim[0] * shape->dim[1];
    float a, b;
    for (int64_t k = 0; k < kernels; k++) {
        int64_t in, out;
        kernel_channels(node, shape, k, &in, &out);
        net_affine_at(&affine, out, &a, &b);
        for (int64_t i = 0; i < taps; i++)
            weight[k * taps + i] *= a;
    }
    for (int64_t o = 0; o < conv_outputs(graph, node); o++) {
        net_affine_at(&affine, o, &a, &b);
        bias[o] = a * bias[o] + b;
    }
    net_pass_replace(graph, index, conv);
    return true;
}

bool net_pass_affine_after(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!fold_after(graph, (int)i, error))
            return false;
    return true;
}

/* Whether a constant added to the input can move into the bias: not with zero padding. */
static bool can_move_shift(const struct net_node *node)
{
    if (node->op != NET_CONV)
        return false;
    const int *pad = node->u.conv.window.pad;
    return node->u.conv.pad_mode != NET_PAD_ZERO ||
           (pad[0] == 0 && pad[1] == 0 && pad[2] == 0 && pad[3] == 0);
}

/* Folds a[i] x + b[i] before a convolution into its weights and bias. *folded: whether
 * that was possible. */
static bool fold_before(struct net_graph *graph, int conv, bool *folded,
                        struct daub_error *error)
{
    struct net_affine affine;
    *folded = false;
    int value = graph->nodes[conv].input[0], before = graph->values[value].producer;
    if (before < 0 || !net_pass_affine(graph, &graph->nodes[before], &affine) ||
        net_value_sole_reader(graph, value) != conv)
        return true;
    if ((affine.kind == NET_BINARY_ADD || affine.kind == NET_BINARY_SUB) &&
        !can_move_shift(&graph->nodes[conv]))
        return true;
    if (!copy_weights(graph, conv, error) ||
        !net_pass_affine(graph, &graph->nodes[before], &affine))
        return false;
    struct net_node *node = &graph->nodes[conv];
    const struct net_shape *shape = net_pass_shape(graph, node->input[1]);
    float *weight = graph->values[node->input[1]].data;
    float *bias = graph->values[node->input[2]].data;
    int64_t taps = shape->dim[2] * shape->dim[3], kernels = shape->dim[0] * shape->dim[1];
    for (int64_t k = 0; k < kernels; k++) {
        int64_t in, out;
        float a, b;
        double sum = 0;
        kernel_channels(node, shape, k, &in, &out);
        net_affine_at(&affine, in, &a, &b);
        for (int64_t i = 0; i < taps; i++) {
            sum += (double)weight[k * taps + i];
            weight[k * taps + i] *= a;
        }
        bias[out] += (float)((double)b * sum);
    }
    node->input[0] = affine.x;
    net_pass_disconnect(&graph->nodes[before]);
    *folded = true;
    return true;
}

bool net_pass_affine_before(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        for (bool again = is_conv(&graph->nodes[i]); again;)
            if (!fold_before(graph, (int)i, &again, error))
                return false;
    return true;
}

/* Whether every reader of the value is a convolution for whose input accepts() is
 * true. */
static bool all_convs(const struct net_graph *graph, int value,
                      bool (*accepts)(const struct net_node *conv,
                                      const struct net_node *by),
                      const struct net_node *by)
{
    if (value == graph->output)
        return false;
    bool some = false;
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        for (int k = 0; k < node->input_count; k++) {
            if (node->input[k] != value)
                continue;
            if (node->op != NET_CONV || k != 0 || !accepts(node, by))
                return false;
            some = true;
        }
    }
    return some;
}

static enum net_pad_mode pad_mode(const struct net_node *pad)
{
    bool zero = pad->u.pad.mode == NET_PAD_CONSTANT && pad->u.pad.value == 0;
    return zero ? NET_PAD_ZERO : pad->u.pad.mode;
}

/* Whether the node pads height and width only, without cropping. */
static bool pads_sides_only(const struct net_graph *graph, const struct net_node *pad)
{
    const int64_t *before = pad->u.pad.before, *after = pad->u.pad.after;
    if (net_pass_shape(graph, pad->output)->rank != 4 || before[0] || before[1] ||
        after[0] || after[1] || pad_mode(pad) == NET_PAD_CONSTANT)
        return false;
    for (int i = 2; i < 4; i++)
        if (before[i] < 0 || before[i] > NET_PASS_MAX_PAD || after[i] < 0 ||
            after[i] > NET_PASS_MAX_PAD)
            return false;
    return true;
}

static bool accepts_pad(const struct net_node *conv, const struct net_node *pad)
{
    const int *own = conv->u.conv.window.pad;
    bool none = own[0] == 0 && own[1] == 0 && own[2] == 0 && own[3] == 0;
    bool zeros = conv->u.conv.pad_mode == NET_PAD_ZERO && pad_mode(pad) == NET_PAD_ZERO;
    if (conv->u.conv.upsample != 1 || !(none || zeros))
        return false;
    for (int i = 0; i < 2; i++)
        if (own[i] + pad->u.pad.before[2 + i] > NET_PASS_MAX_PAD ||
            own[2 + i] + pad->u.pad.after[2 + i] > NET_PASS_MAX_PAD)
            return false;
    return true;
}

static void fold_pad(struct net_graph *graph, const struct net_node *pad)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        struct net_node *conv = &graph->nodes[i];
        if (conv->op != NET_CONV || conv->input[0] != pad->output)
            continue;
        for (int k = 0; k < 2; k++) {
            conv->u.conv.window.pad[k] += (int)pad->u.pad.before[2 + k];
            conv->u.conv.window.pad[2 + k] += (int)pad->u.pad.after[2 + k];
        }
        conv->u.conv.pad_mode = pad_mode(pad);
        conv->input[0] = pad->input[0];
    }
}

bool net_pass_pad(struct net_graph *graph, struct daub_error *error)
{
    (void)error;
    for (size_t i = 0; i < graph->node_count; i++) {
        struct net_node *pad = &graph->nodes[i];
        if (pad->op != NET_PAD || !pads_sides_only(graph, pad) ||
            !all_convs(graph, pad->output, accepts_pad, pad))
            continue;
        fold_pad(graph, pad);
        net_pass_disconnect(pad);
    }
    return true;
}

/* Whether a Resize gives element i the value of element i / 2. Computed with the
 * reference's function, which knows all coordinate and rounding modes. */
static bool is_nearest_x2(const struct net_graph *graph, const struct net_node *resize)
{
    const int64_t *in = net_pass_shape(graph, resize->input[0])->dim;
    const int64_t *out = net_pass_shape(graph, resize->output)->dim;
    if (resize->u.resize.mode != NET_RESIZE_NEAREST)
        return false;
    for (int axis = 0; axis < 2; axis++) {
        if (out[2 + axis] != 2 * in[2 + axis])
            return false;
        for (int64_t i = 0; i < out[2 + axis]; i++)
            if (net_op_nearest_source(resize, axis, i, in[2 + axis], out[2 + axis]) !=
                i / 2)
                return false;
    }
    return true;
}

static bool accepts_upsample(const struct net_node *conv, const struct net_node *resize)
{
    (void)resize;
    const struct net_window *w = &conv->u.conv.window;
    return conv->u.conv.upsample == 1 && w->stride[0] == 1 && w->stride[1] == 1 &&
           w->dilation[0] == 1 && w->dilation[1] == 1;
}

bool net_pass_upsample(struct net_graph *graph, struct daub_error *error)
{
    (void)error;
    for (size_t i = 0; i < graph->node_count; i++) {
        struct net_node *resize = &graph->nodes[i];
        if (resize->op != NET_RESIZE || !is_nearest_x2(graph, resize) ||
            !all_convs(graph, resize->output, accepts_upsample, resize))
            continue;
        for (size_t k = i + 1; k < graph->node_count; k++) {
            struct net_node *conv = &graph->nodes[k];
            if (conv->op != NET_CONV || conv->input[0] != resize->output)
                continue;
            conv->u.conv.upsample = 2;
            conv->input[0] = resize->input[0];
        }
        net_pass_disconnect(resize);
    }
    return true;
}

static bool fuse_act(struct net_graph *graph, int index, struct daub_error *error)
{
    const struct net_node *act = &graph->nodes[index];
    int value = act->input[0], slope = net_pass_input(act, 1);
    enum net_act kind = act->u.act.kind;
    float alpha = act->u.act.alpha, beta = act->u.act.beta;
    const struct net_node *conv = net_pass_producer(graph, value, NET_CONV);
    if (!conv || conv->u.conv.act != NET_ACT_NONE ||
        !net_act_finite_at_0(kind, alpha, beta) ||
        net_value_sole_reader(graph, value) != index)
        return true;
    int earlier = graph->values[value].producer;
    const int input[] = {conv->input[0], conv->input[1], net_pass_input(conv, 2), slope};
    if (kind == NET_ACT_PRELU &&
        !net_pass_set_inputs(&graph->nodes[earlier], input, 4, error))
        return false;
    net_pass_replace(graph, index, earlier);
    graph->nodes[index].u.conv.act = kind;
    graph->nodes[index].u.conv.alpha = alpha;
    graph->nodes[index].u.conv.beta = beta;
    return true;
}

bool net_pass_act(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        if (node->op == NET_ACT && node->input_count > 0 &&
            node->u.act.kind != NET_ACT_NONE && !fuse_act(graph, (int)i, error))
            return false;
    }
    return true;
}
