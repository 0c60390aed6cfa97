/* Passes that remove nodes without effect and join two equal ones in a row. */
#include "net/pass.h"

#include "net/op.h"

static bool unit_window(const struct net_window *w)
{
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] != 1 || w->stride[i] != 1 || w->pad[i] || w->pad[i + 2])
            return false;
    return true;
}

/* Whether the node is x + 0, x - 0, x * 1, x / 1 or x ^ 1; sets *x. */
static bool is_neutral_binary(const struct net_graph *graph, const struct net_node *node,
                              int *x)
{
    bool sum =
        node->u.binary.kind == NET_BINARY_ADD || node->u.binary.kind == NET_BINARY_SUB;
    bool commutes =
        node->u.binary.kind == NET_BINARY_ADD || node->u.binary.kind == NET_BINARY_MUL;
    float k;
    for (int i = 1; i >= (commutes ? 0 : 1); i--)
        if (net_pass_uniform(graph, node->input[i], &k) && k == (sum ? 0 : 1)) {
            *x = node->input[1 - i];
            return true;
        }
    return false;
}

/* Whether a Resize to the same size copies every element. */
static bool keeps_grid(const struct net_graph *graph, const struct net_node *resize)
{
    const int64_t *dim = net_pass_shape(graph, resize->input[0])->dim;
    if (resize->u.resize.scale[0] == 1 && resize->u.resize.scale[1] == 1)
        return true;
    if (resize->u.resize.mode != NET_RESIZE_NEAREST)
        return resize->u.resize.coord == NET_COORD_ALIGN_CORNERS;
    for (int axis = 0; axis < 2; axis++)
        for (int64_t i = 0; i < dim[2 + axis]; i++)
            if (net_op_nearest_source(resize, axis, i, dim[2 + axis], dim[2 + axis]) != i)
                return false;
    return true;
}

static bool is_relu(const struct net_node *node)
{
    return node && ((node->op == NET_ACT && node->u.act.kind == NET_ACT_RELU) ||
                    (node->op == NET_CONV && node->u.conv.act == NET_ACT_RELU));
}

static bool is_identity_transpose(const struct net_node *node, int rank)
{
    for (int i = 0; i < rank; i++)
        if (node->u.transpose.perm[i] != i)
            return false;
    return true;
}

/* Whether node's output equals input *x; the caller compares the shapes. */
static bool is_identity(const struct net_graph *graph, const struct net_node *node,
                        int *x)
{
    int rank = net_pass_shape(graph, node->output)->rank;
    *x = net_pass_input(node, 0);
    switch (node->op) {
    case NET_ACT: {
        int producer = graph->values[*x].producer;
        return node->u.act.kind == NET_ACT_NONE ||
               (node->u.act.kind == NET_ACT_RELU && producer >= 0 &&
                is_relu(&graph->nodes[producer]));
    }
    case NET_BINARY:
        return is_neutral_binary(graph, node, x);
    case NET_CONCAT:
        return node->input_count == 1;
    case NET_SLICE:
        for (int i = 0; i < rank; i++)
            if (node->u.slice.start[i] != 0)
                return false;
        return true;
    case NET_PAD:
        for (int i = 0; i < rank; i++)
            if (node->u.pad.before[i] != 0)
                return false;
        return true;
    case NET_RESIZE:
        return keeps_grid(graph, node);
    case NET_DEPTH_TO_SPACE:
    case NET_SPACE_TO_DEPTH:
        return node->u.block.size == 1;
    case NET_POOL:
        return unit_window(&node->u.pool.window);
    case NET_TRANSPOSE:
        return is_identity_transpose(node, rank);
    case NET_RESHAPE:
    case NET_MEAN:
        return true;
    default:
        return false;
    }
}

/* Two zero paddings in a row are one. */
static void join_pads(const struct net_graph *graph, struct net_node *node)
{
    const struct net_node *first = net_pass_producer(graph, node->input[0], NET_PAD);
    int rank = net_pass_shape(graph, node->output)->rank;
    if (node->u.pad.mode == NET_PAD_CONSTANT && node->u.pad.value == 0)
        node->u.pad.mode = NET_PAD_ZERO;
    if (!first || first->u.pad.mode != NET_PAD_ZERO || node->u.pad.mode != NET_PAD_ZERO)
        return;
    for (int i = 0; i < rank; i++)
        if (first->u.pad.before[i] < 0 || first->u.pad.after[i] < 0 ||
            node->u.pad.before[i] < 0 || node->u.pad.after[i] < 0 ||
            first->u.pad.before[i] + node->u.pad.before[i] > NET_MAX_DIM ||
            first->u.pad.after[i] + node->u.pad.after[i] > NET_MAX_DIM)
            return;
    for (int i = 0; i < rank; i++) {
        node->u.pad.before[i] += first->u.pad.before[i];
        node->u.pad.after[i] += first->u.pad.after[i];
    }
    node->input[0] = first->input[0];
}

static void join_transposes(const struct net_graph *graph, struct net_node *node)
{
    const struct net_node *first =
        net_pass_producer(graph, node->input[0], NET_TRANSPOSE);
    if (!first)
        return;
    for (int i = 0; i < net_pass_shape(graph, node->output)->rank; i++)
        node->u.transpose.perm[i] = first->u.transpose.perm[node->u.transpose.perm[i]];
    node->input[0] = first->input[0];
}

static void join_reshapes(const struct net_graph *graph, struct net_node *node)
{
    const struct net_node *first = net_pass_producer(graph, node->input[0], NET_RESHAPE);
    if (first)
        node->input[0] = first->input[0];
}

/* Lets a node read x instead of x + 0 where that only repeats x along axes along which
 * the other operand is as long. */
static void drop_expansions(const struct net_graph *graph, struct net_node *node)
{
    for (int k = 0; node->op == NET_BINARY && k < 2; k++) {
        const struct net_node *sum =
            net_pass_binary(graph, node->input[k], NET_BINARY_ADD);
        const struct net_shape *other = net_pass_shape(graph, node->input[1 - k]);
        struct net_shape shape;
        int x;
        if (sum && is_neutral_binary(graph, sum, &x) &&
            net_shape_broadcast(net_pass_shape(graph, x), other, &shape) &&
            net_shape_equal(&shape, net_pass_shape(graph, node->output)))
            node->input[k] = x;
    }
}

bool net_pass_clean(struct net_graph *graph, struct daub_error *error)
{
    (void)error;
    for (size_t i = 0; i < graph->node_count; i++) {
        struct net_node *node = &graph->nodes[i];
        int x;
        drop_expansions(graph, node);
        if (node->op != NET_INPUT && is_identity(graph, node, &x) &&
            net_shape_equal(net_pass_shape(graph, x),
                            net_pass_shape(graph, node->output)))
            net_pass_redirect(graph, node->output, x);
    }
    return true;
}

bool net_pass_join(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        struct net_node *node = &graph->nodes[i];
        if (node->op == NET_PAD)
            join_pads(graph, node);
        else if (node->op == NET_TRANSPOSE)
            join_transposes(graph, node);
        else if (node->op == NET_RESHAPE)
            join_reshapes(graph, node);
    }
    net_graph_sweep(graph);
    return net_pass_clean(graph, error);
}
