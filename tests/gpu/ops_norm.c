/* Normalizations: sources of the statistics, operators before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/net_build.h"
#include "ops.h"

#define EPSILON 1e-5f

/* A reflected 3x3 convolution, or another odd size. */
static int conv(struct net_graph *graph, int x, int outputs, int kernel, unsigned seed)
{
    build_conv(graph, x, outputs, kernel, kernel / 2, seed);
    graph->nodes[graph->node_count - 1].u.conv.pad_mode = NET_PAD_REFLECT;
    return graph->output;
}

/* Random scale and shift. */
static int norm(struct net_graph *graph, int x, int groups, unsigned seed)
{
    int channels = (int)graph->values[x].shape.dim[1];
    int scale = build_random(graph, SHAPE(channels), 0.5f, 2, seed);
    int shift = build_random(graph, SHAPE(channels), -1, 1, seed + 1);
    return build_norm(graph, x, scale, shift, groups, EPSILON);
}

static int instance(struct net_graph *graph, int x, unsigned seed)
{
    return norm(graph, x, (int)graph->values[x].shape.dim[1], seed);
}

static int relu(struct net_graph *graph, int x)
{
    return build_act(graph, NET_ACT_RELU, 0, 0, x);
}

static int joined(struct net_graph *graph, int a, int b)
{
    build_node(graph, NET_CONCAT, a, b, END)->u.concat.axis = 1;
    return build_done(graph);
}

/* ---- statistics of stored maps ---- */

static void norm_input(struct net_graph *graph, unsigned seed)
{
    instance(graph, build_image(graph, 5, 13, 19), seed);
}

static void norm_bare(struct net_graph *graph, unsigned seed)
{
    (void)seed;
    build_norm(graph, build_image(graph, 6, 9, 17), -1, -1, 6, 1e-3f);
}

static void norm_group(struct net_graph *graph, unsigned seed)
{
    norm(graph, build_image(graph, 12, 9, 17), 4, seed);
}

static void norm_layer(struct net_graph *graph, unsigned seed)
{
    norm(graph, build_image(graph, 7, 9, 17), 1, seed);
}

/* More tiles than one reduction segment. */
static void norm_many_tiles(struct net_graph *graph, unsigned seed)
{
    norm(graph, build_image(graph, 6, 133, 75), 2, seed);
}

static void norm_column(struct net_graph *graph, unsigned seed)
{
    instance(graph, build_image(graph, 5, 37, 1), seed);
}

/* One pixel: no variance, the result is the shift. */
static void norm_point(struct net_graph *graph, unsigned seed)
{
    instance(graph, build_image(graph, 5, 1, 1), seed);
}

/* 1000 + x with x of deviation 0.58: a sum of squares would have no correct digit of the
 * variance. */
static void norm_large_mean(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 5, 45, 67);
    x = build_binary(graph, NET_BINARY_ADD, x, build_fill(graph, SHAPE(1), 1000));
    norm(graph, x, 5, seed);
}

static void norm_large_mean_groups(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 6, 45, 67);
    x = build_binary(graph, NET_BINARY_ADD, x, build_fill(graph, SHAPE(1), -1000));
    norm(graph, x, 1, seed);
}

static void norm_after_act(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 6, 11, 18);
    x = build_act(graph, NET_ACT_SIGMOID, 0, 0, instance(graph, x, seed));
    instance(graph, x, seed + 5);
}

static void norm_after_concat(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 3, 11, 18);
    int a = relu(graph, conv(graph, x, 5, 1, seed));
    instance(graph, joined(graph, instance(graph, x, seed + 3), a), seed + 5);
}

/* ---- statistics from a convolution's epilogue ---- */

static void norm_conv(struct net_graph *graph, unsigned seed)
{
    instance(graph, conv(graph, build_image(graph, 3, 21, 37), 16, 3, seed), seed + 5);
}

static void norm_conv_narrow(struct net_graph *graph, unsigned seed)
{
    instance(graph, conv(graph, build_image(graph, 4, 19, 33), 3, 5, seed), seed + 5);
}

/* Channels in two blocks of the kernel, groups across them. */
static void norm_conv_group(struct net_graph *graph, unsigned seed)
{
    int x = conv(graph, build_image(graph, 16, 11, 19), 36, 3, seed);
    norm(graph, x, 3, seed + 5);
}

static void norm_conv_layer(struct net_graph *graph, unsigned seed)
{
    norm(graph, conv(graph, build_image(graph, 3, 21, 37), 12, 1, seed), 1, seed + 5);
}

/* Winograd's kernel writes statistics, too. */
static void norm_conv_wide(struct net_graph *graph, unsigned seed)
{
    int x = conv(graph, build_image(graph, 97, 14, 21), 100, 3, seed);
    relu(graph, instance(graph, x, seed + 5));
}

static void norm_conv_column(struct net_graph *graph, unsigned seed)
{
    int x = build_conv(graph, build_image(graph, 3, 23, 1), 12, 3, 1, seed);
    instance(graph, x, seed + 5);
}

static void norm_conv_point(struct net_graph *graph, unsigned seed)
{
    int x = build_conv(graph, build_image(graph, 3, 1, 1), 12, 3, 1, seed);
    instance(graph, x, seed + 5);
}

/* Weights and bias of about 1000: 16-bit storage is possible by rescaling. */
static void norm_conv_large(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 16, 18, 22);
    int weight = build_random(graph, SHAPE(16, 16, 3, 3), -5000, 5000, seed);
    int bias = build_fill(graph, SHAPE(16), 30000);
    struct net_node *node = build_node(graph, NET_CONV, x, weight, bias, END);
    node->u.conv.window = (struct net_window){{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}};
    node->u.conv.pad_mode = NET_PAD_REFLECT;
    node->u.conv.group = node->u.conv.upsample = 1;
    node->u.conv.act = NET_ACT_NONE;
    instance(graph, build_done(graph), seed + 5);
}

/* The convolution's own result has a second reader, so it keeps its scale. */
static void norm_conv_read_twice(struct net_graph *graph, unsigned seed)
{
    int x = conv(graph, build_image(graph, 5, 13, 18), 8, 3, seed);
    build_binary(graph, NET_BINARY_ADD, instance(graph, x, seed + 5), x);
}

/* Two norms share one convolution's statistics. */
static void norm_twice(struct net_graph *graph, unsigned seed)
{
    int x = conv(graph, build_image(graph, 5, 13, 18), 8, 3, seed);
    joined(graph, instance(graph, x, seed + 5), norm(graph, x, 2, seed + 7));
}

static void norm_upsampled(struct net_graph *graph, unsigned seed)
{
    int x = conv(graph, build_image(graph, 12, 7, 9), 16, 3, seed);
    graph->nodes[graph->node_count - 1].u.conv.upsample = 2;
    build_done(graph);
    instance(graph, x, seed + 5);
}

static void norm_deconv(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 12, 7, 9);
    int weight = build_random(graph, SHAPE(12, 8, 3, 3), -1, 1, seed);
    struct net_node *node = build_node(graph, NET_CONV_TRANSPOSE, x, weight, -1, END);
    node->u.deconv.window = (struct net_window){{3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}};
    node->u.deconv.output_padding[0] = node->u.deconv.output_padding[1] = 1;
    node->u.deconv.group = 1;
    relu(graph, instance(graph, build_done(graph), seed + 5));
}

/* Kernels that write no statistics. */
static void norm_depthwise(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 6, 13, 19);
    int weight = build_random(graph, SHAPE(6, 1, 3, 3), -1, 1, seed);
    struct net_node *node = build_node(graph, NET_CONV, x, weight, -1, END);
    node->u.conv.window = (struct net_window){{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}};
    node->u.conv.pad_mode = NET_PAD_REFLECT;
    node->u.conv.group = 6;
    node->u.conv.upsample = 1;
    node->u.conv.act = NET_ACT_NONE;
    instance(graph, build_done(graph), seed + 5);
}

/* ---- operators after normalizations ---- */

/* Two residual blocks: the sum is read by the next block and by its own sum. */
static void norm_residual(struct net_graph *graph, unsigned seed)
{
    int x = relu(graph,
                 instance(graph, conv(graph, build_image(graph, 3, 14, 21), 16, 3, seed),
                          seed + 5));
    for (unsigned block = 0; block < 2; block++) {
        int y = conv(graph, x, 16, 3, seed + 10 + block);
        y = relu(graph, instance(graph, y, seed + 20 + block));
        y = instance(graph, conv(graph, y, 16, 3, seed + 30 + block), seed + 40);
        x = build_binary(graph, NET_BINARY_ADD, x, y);
    }
}

static void norm_prelu(struct net_graph *graph, unsigned seed)
{
    int x =
        instance(graph, conv(graph, build_image(graph, 3, 13, 18), 7, 3, seed), seed + 5);
    int slope = build_random(graph, SHAPE(7), -1, 1, seed + 8);
    build_node(graph, NET_ACT, x, slope, END)->u.act.kind = NET_ACT_PRELU;
    conv(graph, build_done(graph), 4, 3, seed + 9);
}

static void norm_views(struct net_graph *graph, unsigned seed)
{
    int x =
        instance(graph, conv(graph, build_image(graph, 3, 15, 21), 9, 3, seed), seed + 5);
    int y = relu(graph, x);
    int up = build_resize(graph, y, NET_RESIZE_LINEAR, NET_COORD_HALF_PIXEL,
                          NET_NEAREST_FLOOR, 2);
    struct net_node *pool = build_node(graph, NET_POOL, up, END);
    pool->u.pool.kind = NET_POOL_AVERAGE;
    pool->u.pool.window = (struct net_window){{2, 2}, {2, 2}, {1, 1}, {0}};
    int pooled = build_done(graph);
    joined(graph, pooled, build_pad(graph, x, NET_PAD_CONSTANT, 0, 0, 0, 0));
}

/* ---- from the style ---- */

/* [1,3] weights to [1,outputs]. */
static int style_vector(struct net_graph *graph, int style, int outputs, unsigned seed)
{
    int table = build_random(graph, SHAPE(3, outputs), -1, 1, seed);
    struct net_node *node = build_node(graph, NET_MATMUL, style, table, END);
    node->u.matmul.alpha = node->u.matmul.beta = 1;
    int out = build_done(graph);
    for (size_t i = graph->node_count - 1; i < graph->node_count; i++)
        graph->values[graph->nodes[i].output].from_style = true;
    return out;
}

static int styled(struct net_graph *graph, int value)
{
    graph->values[value].from_style = true;
    return value;
}

static void norm_style(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 3, 13, 18), style = styled(graph, build_style(graph, 3));
    int scale = style_vector(graph, style, 10, seed),
        shift = style_vector(graph, style, 10, seed + 1);
    x = conv(graph, x, 10, 3, seed + 2);
    relu(graph, build_norm(graph, x, scale, shift, 10, EPSILON));
}

static void style_binaries(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 6, 9, 17), style = styled(graph, build_style(graph, 3));
    int scale = styled(graph, build_reshape(graph, style_vector(graph, style, 6, seed),
                                            SHAPE(1, 6, 1, 1)));
    int shift =
        styled(graph, build_reshape(graph, style_vector(graph, style, 6, seed + 1),
                                    SHAPE(6, 1, 1)));
    x = build_binary(graph, NET_BINARY_MUL, x, scale);
    x = build_binary(graph, NET_BINARY_SUB, x, shift);
    x = build_act(graph, NET_ACT_TANH, 0, 0, x);
    x = build_binary(graph, NET_BINARY_SUB, shift, x);
    build_binary(graph, NET_BINARY_ADD, scale, x);
}

/* Sums have another order than in the reference. Dividing by the deviation amplifies the
 * rounding of 16 bits (2^-11); a map of one pixel divides by the root of epsilon. */
#define BOUNDS                                                                           \
    {                                                                                    \
        2e-5, 5e-3                                                                       \
    }

static const struct op_case stored[] = {
    {"norm of the input", norm_input, BOUNDS},
    {"norm without scale and shift", norm_bare, BOUNDS},
    {"group norm", norm_group, BOUNDS},
    {"layer norm", norm_layer, BOUNDS},
    {"norm over many tiles", norm_many_tiles, BOUNDS},
    {"norm of one column", norm_column, BOUNDS},
    {"norm of one pixel", norm_point, BOUNDS},
    /* floats at 1000 are 6e-5 apart */
    {"norm of mean 1000", norm_large_mean, {5e-4, 0}},
    {"layer norm of mean 1000", norm_large_mean_groups, {5e-4, 0}},
    {"norm after an activation", norm_after_act, BOUNDS},
    {"norm after a concat", norm_after_concat, BOUNDS},
};

static const struct op_case measured[] = {
    {"conv, norm", norm_conv, BOUNDS},
    {"conv to 3 channels, norm", norm_conv_narrow, BOUNDS},
    {"conv, group norm", norm_conv_group, BOUNDS},
    {"conv, layer norm", norm_conv_layer, BOUNDS},
    {"wide conv, norm", norm_conv_wide, {5e-5, 5e-3}},
    {"conv, norm of one column", norm_conv_column, BOUNDS},
    {"conv, norm of one pixel", norm_conv_point, BOUNDS},
    {"conv of large values, norm", norm_conv_large, BOUNDS},
    {"conv read twice, norm", norm_conv_read_twice, BOUNDS},
    {"conv, two norms", norm_twice, BOUNDS},
    {"upsampled conv, norm", norm_upsampled, BOUNDS},
    {"transposed conv, norm", norm_deconv, BOUNDS},
    {"depthwise conv, norm", norm_depthwise, BOUNDS},
};

static const struct op_case followed[] = {
    {"residual blocks", norm_residual, {5e-5, 1e-2}},
    {"norm, prelu, conv", norm_prelu, BOUNDS},
    {"norm, other readers", norm_views, BOUNDS},
    {"norm from the style", norm_style, BOUNDS},
    {"binaries with the style", style_binaries, BOUNDS},
};

#define TABLE(cases) cases, sizeof(cases) / sizeof(cases[0])

void ops_norm(struct ops *ops)
{
    ops_group(ops, "norm of stored maps");
    ops_run(ops, TABLE(stored));
    ops_group(ops, "norm of convolutions");
    ops_run(ops, TABLE(measured));
    ops_group(ops, "norm and what follows");
    ops_run(ops, TABLE(followed));
}
