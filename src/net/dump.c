#include "net/graph.h"

static const char *const op_names[] = {
    [NET_INPUT] = "input",
    [NET_CONV] = "conv",
    [NET_CONV_TRANSPOSE] = "conv_transpose",
    [NET_NORM] = "norm",
    [NET_ACT] = "act",
    [NET_UNARY] = "unary",
    [NET_BINARY] = "binary",
    [NET_CONCAT] = "concat",
    [NET_SLICE] = "slice",
    [NET_PAD] = "pad",
    [NET_RESIZE] = "resize",
    [NET_DEPTH_TO_SPACE] = "depth_to_space",
    [NET_SPACE_TO_DEPTH] = "space_to_depth",
    [NET_POOL] = "pool",
    [NET_MEAN] = "mean",
    [NET_TRANSPOSE] = "transpose",
    [NET_RESHAPE] = "reshape",
    [NET_MATMUL] = "matmul",
};
static const char *const act_names[] = {
    [NET_ACT_NONE] = "none",
    [NET_ACT_RELU] = "relu",
    [NET_ACT_LEAKY_RELU] = "leaky_relu",
    [NET_ACT_PRELU] = "prelu",
    [NET_ACT_ELU] = "elu",
    [NET_ACT_TANH] = "tanh",
    [NET_ACT_SIGMOID] = "sigmoid",
    [NET_ACT_HARD_SIGMOID] = "hard_sigmoid",
    [NET_ACT_HARD_SWISH] = "hard_swish",
    [NET_ACT_CLIP] = "clip",
};
static const char *const unary_names[] = {
    [NET_UNARY_SQRT] = "sqrt",
    [NET_UNARY_NEG] = "neg",
    [NET_UNARY_ABS] = "abs",
    [NET_UNARY_EXP] = "exp",
    [NET_UNARY_RECIPROCAL] = "reciprocal",
};
static const char *const binary_names[] = {
    [NET_BINARY_ADD] = "add", [NET_BINARY_SUB] = "sub", [NET_BINARY_MUL] = "mul",
    [NET_BINARY_DIV] = "div", [NET_BINARY_POW] = "pow",
};
static const char *const pad_names[] = {
    [NET_PAD_ZERO] = "zero",
    [NET_PAD_REFLECT] = "reflect",
    [NET_PAD_EDGE] = "edge",
    [NET_PAD_CONSTANT] = "constant",
};
static const char *const pool_names[] = {
    [NET_POOL_MAX] = "max",
    [NET_POOL_AVERAGE] = "average",
    [NET_POOL_AVERAGE_PADDED] = "average_padded",
};
static const char *const resize_names[] = {
    [NET_RESIZE_NEAREST] = "nearest",
    [NET_RESIZE_LINEAR] = "linear",
};
static const char *const coord_names[] = {
    [NET_COORD_ASYMMETRIC] = "asymmetric",
    [NET_COORD_HALF_PIXEL] = "half_pixel",
    [NET_COORD_PYTORCH_HALF_PIXEL] = "pytorch_half_pixel",
    [NET_COORD_ALIGN_CORNERS] = "align_corners",
};
static const char *const nearest_names[] = {
    [NET_NEAREST_FLOOR] = "floor",
    [NET_NEAREST_CEIL] = "ceil",
    [NET_NEAREST_ROUND_PREFER_FLOOR] = "round_prefer_floor",
    [NET_NEAREST_ROUND_PREFER_CEIL] = "round_prefer_ceil",
};

#define NAME(table, value) lookup(table, sizeof(table) / sizeof((table)[0]), (int)(value))

static const char *lookup(const char *const *names, size_t count, int value)
{
    return value > 0 && (size_t)value < count && names[value] ? names[value] : "?";
}

const char *net_op_name(enum net_op op)
{
    return NAME(op_names, op);
}

const char *net_act_name(enum net_act act)
{
    return NAME(act_names, act);
}

static void dump_window(const struct net_window *w, FILE *file)
{
    fprintf(file, " kernel %dx%d", w->kernel[0], w->kernel[1]);
    if (w->stride[0] != 1 || w->stride[1] != 1)
        fprintf(file, " stride %dx%d", w->stride[0], w->stride[1]);
    if (w->dilation[0] != 1 || w->dilation[1] != 1)
        fprintf(file, " dilation %dx%d", w->dilation[0], w->dilation[1]);
    if (w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3])
        fprintf(file, " pad %d,%d,%d,%d", w->pad[0], w->pad[1], w->pad[2], w->pad[3]);
}

static void dump_act(enum net_act act, float alpha, float beta, FILE *file)
{
    fprintf(file, " %s", net_act_name(act));
    if (act == NET_ACT_LEAKY_RELU || act == NET_ACT_ELU)
        fprintf(file, " %.7g", (double)alpha);
    if (act == NET_ACT_HARD_SIGMOID || act == NET_ACT_CLIP)
        fprintf(file, " %.7g %.7g", (double)alpha, (double)beta);
}

static void dump_list(const char *label, const int64_t *list, int count, FILE *file)
{
    fprintf(file, " %s ", label);
    for (int i = 0; i < count; i++)
        fprintf(file, "%s%lld", i ? "," : "", (long long)list[i]);
}

static void dump_conv(const struct net_node *node, FILE *file)
{
    dump_window(&node->u.conv.window, file);
    if (node->u.conv.pad_mode != NET_PAD_ZERO)
        fprintf(file, " %s", NAME(pad_names, node->u.conv.pad_mode));
    if (node->u.conv.group != 1)
        fprintf(file, " group %d", node->u.conv.group);
    if (node->u.conv.upsample != 1)
        fprintf(file, " upsample %d", node->u.conv.upsample);
    if (node->u.conv.act != NET_ACT_NONE)
        dump_act(node->u.conv.act, node->u.conv.alpha, node->u.conv.beta, file);
}

static void dump_attributes(const struct net_graph *graph, const struct net_node *node,
                            FILE *file)
{
    int rank = graph->values[node->output].shape.rank;
    switch (node->op) {
    case NET_INPUT:
        fprintf(file, node->output == graph->style ? " style" : " image");
        break;
    case NET_CONV:
        dump_conv(node, file);
        break;
    case NET_CONV_TRANSPOSE:
        dump_window(&node->u.deconv.window, file);
        fprintf(file, " output_padding %d,%d group %d", node->u.deconv.output_padding[0],
                node->u.deconv.output_padding[1], node->u.deconv.group);
        break;
    case NET_NORM:
        fprintf(file, " groups %d epsilon %.7g", node->u.norm.groups,
                (double)node->u.norm.epsilon);
        break;
    case NET_ACT:
        dump_act(node->u.act.kind, node->u.act.alpha, node->u.act.beta, file);
        break;
    case NET_UNARY:
        fprintf(file, " %s", NAME(unary_names, node->u.unary.kind));
        break;
    case NET_BINARY:
        fprintf(file, " %s", NAME(binary_names, node->u.binary.kind));
        break;
    case NET_CONCAT:
        fprintf(file, " axis %d", node->u.concat.axis);
        break;
    case NET_SLICE:
        dump_list("start", node->u.slice.start, rank, file);
        dump_list("step", node->u.slice.step, rank, file);
        break;
    case NET_PAD:
        fprintf(file, " %s", NAME(pad_names, node->u.pad.mode));
        if (node->u.pad.mode == NET_PAD_CONSTANT)
            fprintf(file, " %.7g", (double)node->u.pad.value);
        dump_list("before", node->u.pad.before, rank, file);
        dump_list("after", node->u.pad.after, rank, file);
        break;
    case NET_RESIZE:
        fprintf(file, " %s %s", NAME(resize_names, node->u.resize.mode),
                NAME(coord_names, node->u.resize.coord));
        if (node->u.resize.mode == NET_RESIZE_NEAREST)
            fprintf(file, " %s", NAME(nearest_names, node->u.resize.nearest));
        fprintf(file, " scale %.7g,%.7g", (double)node->u.resize.scale[0],
                (double)node->u.resize.scale[1]);
        break;
    case NET_DEPTH_TO_SPACE:
    case NET_SPACE_TO_DEPTH:
        fprintf(file, " %d %s", node->u.block.size,
                node->u.block.order == NET_BLOCK_CRD ? "crd" : "dcr");
        break;
    case NET_POOL:
        fprintf(file, " %s", NAME(pool_names, node->u.pool.kind));
        dump_window(&node->u.pool.window, file);
        break;
    case NET_MEAN:
        fprintf(file, " axes");
        for (int i = 0; i < NET_MAX_RANK; i++)
            if (node->u.mean.axes >> i & 1)
                fprintf(file, " %d", i);
        fprintf(file, node->u.mean.keep ? " keep" : " drop");
        break;
    case NET_TRANSPOSE:
        fprintf(file, " ");
        for (int i = 0; i < rank; i++)
            fprintf(file, "%s%d", i ? "," : "", node->u.transpose.perm[i]);
        break;
    case NET_RESHAPE:
        break;
    case NET_MATMUL:
        fprintf(file, "%s%s alpha %.7g beta %.7g",
                node->u.matmul.transpose_a ? " ta" : "",
                node->u.matmul.transpose_b ? " tb" : "", (double)node->u.matmul.alpha,
                (double)node->u.matmul.beta);
        break;
    }
}

/* Values are named by their index, so that a dump does not change with the exporter's
 * naming; constants show their shape. */
void net_graph_dump(const struct net_graph *graph, FILE *file)
{
    char text[NET_SHAPE_TEXT];
    fprintf(file, "graph %dx%d%s output %%%d\n", graph->width, graph->height,
            graph->nhwc ? " nhwc" : "", graph->output);
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        const struct net_value *output = &graph->values[node->output];
        net_shape_text(&output->shape, text);
        fprintf(file, "%%%d %s = %s", node->output, text, net_op_name(node->op));
        dump_attributes(graph, node, file);
        for (int k = 0; k < node->input_count; k++) {
            int v = node->input[k];
            if (v < 0) {
                fprintf(file, " -");
            } else if (graph->values[v].data) {
                net_shape_text(&graph->values[v].shape, text);
                fprintf(file, " const%s", text);
            } else {
                fprintf(file, " %%%d", v);
            }
        }
        fprintf(file, "%s\n", output->from_style ? " (style)" : "");
    }
}
