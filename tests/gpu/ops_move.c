/* Operators that move elements: slices, pads, joins, rearrangements, resampling, pools.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/net_build.h"
#include "ops.h"

/* ---- slices and pads ---- */

struct slice_case {
    int start[3], step[3], count[3]; /* channels, rows, columns of 10 x 13 x 19 */
};

static const struct slice_case slices[] = {
    {{4, 0, 0}, {1, 1, 1}, {4, 13, 19}},       {{1, 2, 3}, {1, 1, 1}, {5, 7, 11}},
    {{9, 12, 18}, {-1, -1, -1}, {10, 13, 19}}, {{8, 11, 17}, {-2, -3, -4}, {4, 3, 4}},
    {{0, 1, 0}, {3, 2, 5}, {4, 6, 4}},         {{9, 0, 18}, {1, 1, 1}, {1, 13, 1}},
};

static void slice(struct net_graph *graph, const struct slice_case *c)
{
    int x = build_act(graph, NET_ACT_RELU, 0, 0, build_image(graph, 10, 13, 19));
    struct net_node *node = build_node(graph, NET_SLICE, x, END);
    node->u.slice.step[0] = 1;
    for (int i = 0; i < 3; i++) {
        node->u.slice.start[1 + i] = c->start[i];
        node->u.slice.step[1 + i] = c->step[i];
    }
    build_done_as(graph, SHAPE(1, c->count[0], c->count[1], c->count[2]));
}

struct pad_case {
    enum net_pad_mode mode;
    int channels, before[3], after[3];
};

static const struct pad_case pads[] = {
    {NET_PAD_ZERO, 6, {0, 1, 2}, {0, 3, 4}},
    {NET_PAD_CONSTANT, 6, {0, 2, 0}, {0, 1, 5}},
    {NET_PAD_REFLECT, 6, {0, 5, 6}, {0, 12, 18}},
    {NET_PAD_EDGE, 6, {0, 7, 1}, {0, 0, 30}},
    {NET_PAD_CONSTANT, 6, {1, 0, 0}, {2, 0, 0}},
    {NET_PAD_ZERO, 6, {-1, -2, 3}, {2, 1, -4}},
    {NET_PAD_REFLECT, 6, {0, -3, 2}, {0, 4, -5}},
    {NET_PAD_EDGE, 6, {2, 1, 1}, {3, 1, 1}},
    {NET_PAD_REFLECT, 6, {4, 0, 0}, {3, 0, 0}},
    /* Whole blocks of channels, and parts of one at the end. */
    {NET_PAD_REFLECT, 8, {4, 1, 0}, {0, 0, 1}},
    {NET_PAD_REFLECT, 8, {0, 0, 2}, {7, 0, 0}},
    {NET_PAD_EDGE, 8, {4, 0, 0}, {5, 2, 0}},
    {NET_PAD_REFLECT, 8, {-4, 2, 0}, {3, 0, 0}},
    {NET_PAD_REFLECT, 8, {-4, 2, 0}, {-1, 0, 3}},
    {NET_PAD_ZERO, 8, {4, 1, 0}, {6, 0, 0}},
    {NET_PAD_CONSTANT, 8, {-4, 0, 1}, {4, 0, 0}},
};

static void pad(struct net_graph *graph, const struct pad_case *c)
{
    int x =
        build_act(graph, NET_ACT_SIGMOID, 0, 0, build_image(graph, c->channels, 13, 19));
    struct net_node *node = build_node(graph, NET_PAD, x, END);
    node->u.pad.mode = c->mode;
    node->u.pad.value = c->mode == NET_PAD_CONSTANT ? -0.75f : 0;
    for (int i = 0; i < 3; i++) {
        node->u.pad.before[1 + i] = c->before[i];
        node->u.pad.after[1 + i] = c->after[i];
    }
    build_done(graph);
}

/* ---- joins ---- */

static void concat_unaligned(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 3, 9, 17);
    int a = build_conv(graph, x, 5, 1, 0, seed);
    int b = build_act(graph, NET_ACT_TANH, 0, 0, build_norm(graph, x, -1, -1, 3, 1e-5f));
    int c = build_act(graph, NET_ACT_SIGMOID, 0, 0, a);
    build_node(graph, NET_CONCAT, a, b, c, x, END)->u.concat.axis = 1;
    build_done(graph);
}

static void concat_aligned(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 4, 9, 17);
    int a = build_conv(graph, x, 8, 1, 0, seed);
    build_node(graph, NET_CONCAT, a, x, END)->u.concat.axis = 1;
    int first = build_done(graph);
    build_node(graph, NET_CONCAT, first, first, END)->u.concat.axis = 1;
    build_conv(graph, build_done(graph), 3, 3, 1, seed + 1);
}

/* ---- depth and space ---- */

static void block(struct net_graph *graph, bool spread, int size,
                  enum net_block_order order, int channels)
{
    int x = build_image(graph, spread ? channels * size * size : channels,
                        spread ? 5 : 5 * size, spread ? 7 : 7 * size);
    x = build_act(graph, NET_ACT_LEAKY_RELU, 0.2f, 0, x);
    struct net_node *node =
        build_node(graph, spread ? NET_DEPTH_TO_SPACE : NET_SPACE_TO_DEPTH, x, END);
    node->u.block.size = size;
    node->u.block.order = order;
    build_done(graph);
}

static void run_blocks(struct ops *ops, const struct op_bounds *bounds)
{
    static const int sizes[][2] = {{2, 3}, {2, 4}, {3, 5}};
    ops_group(ops, "depth and space");
    for (unsigned i = 0; i < 12; i++) {
        char name[64];
        struct net_graph graph;
        bool spread = i % 2;
        int order = 1 + (int)(i / 2 % 2), size = sizes[i / 4][0],
            channels = sizes[i / 4][1];
        snprintf(name, sizeof(name), "%s to %s by %d, order %d, %d channels",
                 spread ? "depth" : "space", spread ? "space" : "depth", size, order,
                 channels);
        if (!ops_wants(ops, name))
            continue;
        net_graph_init(&graph);
        block(&graph, spread, size, (enum net_block_order)order, channels);
        ops_check(ops, name, i, &graph, bounds);
    }
}

/* ---- resampling ---- */

static const float scales[][2] = {{2, 2},       {0.5f, 0.5f}, {3, 1.5f},
                                  {1.7f, 0.6f}, {0.34f, 4},   {1, 2.25f}};

static void run_resize(struct ops *ops, const struct op_bounds *bounds)
{
    ops_group(ops, "resize");
    for (int mode = 0; mode < 24; mode++) {
        /* 16 nearest ones, 4 linear ones, each at every scale */
        enum net_resize kind = mode < 16   ? NET_RESIZE_NEAREST
                               : mode < 20 ? NET_RESIZE_LINEAR
                                           : NET_RESIZE_CUBIC;
        int coord = 1 + mode % 4, nearest = mode < 16 ? 1 + mode / 4 : 1;
        for (unsigned i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
            char name[64];
            struct net_graph graph;
            snprintf(name, sizeof(name), "resize mode %d coordinates %d rounding %d x %g",
                     kind, coord, nearest, (double)scales[i][0]);
            if (!ops_wants(ops, name))
                continue;
            net_graph_init(&graph);
            int x = build_image(&graph, 5, 11, 14);
            struct net_node *node = build_node(&graph, NET_RESIZE, x, END);
            node->u.resize.mode = kind;
            node->u.resize.coord = (enum net_coord)coord;
            node->u.resize.nearest = (enum net_nearest)nearest;
            node->u.resize.cubic = -0.75f;
            memcpy(node->u.resize.scale, scales[i], sizeof(scales[i]));
            build_done(&graph);
            ops_check(ops, name, i, &graph, bounds);
        }
    }
}

/* ---- pools ---- */

static const struct net_window windows[] = {
    {{2, 2}, {2, 2}, {1, 1}, {0}},          {{3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
    {{3, 2}, {1, 3}, {1, 1}, {1, 0, 2, 1}}, {{2, 3}, {1, 1}, {2, 3}, {1, 2, 1, 2}},
    {{3, 3}, {2, 2}, {1, 1}, {0, 0, 2, 2}}, {{13, 19}, {1, 1}, {1, 1}, {0}},
};

static void run_pools(struct ops *ops, const struct op_bounds *bounds)
{
    ops_group(ops, "pools");
    for (unsigned i = 0; i < 3 * sizeof(windows) / sizeof(windows[0]); i++) {
        char name[64];
        struct net_graph graph;
        const struct net_window *w = &windows[i / 3];
        snprintf(name, sizeof(name), "pool kind %u window %dx%d", i % 3 + 1, w->kernel[0],
                 w->kernel[1]);
        if (!ops_wants(ops, name))
            continue;
        net_graph_init(&graph);
        int x = build_act(&graph, NET_ACT_LEAKY_RELU, 0.5f, 0,
                          build_image(&graph, 5, 13, 19));
        struct net_node *node = build_node(&graph, NET_POOL, x, END);
        node->u.pool.kind = (enum net_pool)(i % 3 + 1);
        node->u.pool.window = *w;
        build_done(&graph);
        ops_check(ops, name, i, &graph, bounds);
    }
}

static void mean_of_view(struct net_graph *graph, unsigned seed)
{
    int x = build_conv(graph, build_image(graph, 3, 61, 83), 7, 1, 0, seed);
    build_mean(graph, build_act(graph, NET_ACT_TANH, 0, 0, x), 0xc, true);
}

/* Shapes of other ranks in between, and means and maxima over other axes. */
static void shapes(struct net_graph *graph, unsigned seed)
{
    int x = build_conv(graph, build_image(graph, 3, 12, 10), 6, 1, 0, seed);
    x = build_act(graph, NET_ACT_TANH, 0, 0, x);
    x = build_transpose(graph, x, 4, (const int[]){0, 3, 1, 2});
    x = build_reshape(graph, x, SHAPE(1, 2, 5, 6, 3, 4));
    x = build_transpose(graph, x, 6, (const int[]){0, 3, 1, 5, 2, 4});
    x = build_reshape(graph, x, SHAPE(6, 2, 60));
    int mean = build_mean(graph, x, 1 << 2, true),
        most = build_mean(graph, x, 1 << 0, true);
    graph->nodes[graph->values[most].producer].op = NET_MAXIMUM;
    x = build_binary(graph, NET_BINARY_MUL, x, mean);
    x = build_binary(graph, NET_BINARY_SUB, x, most);
    build_reshape(graph, x, SHAPE(1, 5, 12, 12));
}

static void channel_statistics(struct net_graph *graph, unsigned seed)
{
    int x = build_conv(graph, build_image(graph, 3, 9, 13), 7, 1, 0, seed);
    int mean = build_mean(graph, x, 1 << 1, true),
        most = build_mean(graph, x, 1 << 1, true);
    graph->nodes[graph->values[most].producer].op = NET_MAXIMUM;
    int rows = build_mean(graph, x, 1 << 3, true);
    x = build_binary(graph, NET_BINARY_SUB, x, mean);
    x = build_binary(graph, NET_BINARY_ADD, x, most);
    build_binary(graph, NET_BINARY_MUL, x, rows);
}

static const struct op_case joins[] = {
    {"other shapes", shapes, {1e-5, 5e-3}},
    {"statistics of channels and rows", channel_statistics, {1e-5, 5e-3}},
    {"concat of unaligned maps", concat_unaligned, {1e-5, 5e-3}},
    {"concat of aligned maps", concat_aligned, {1e-5, 5e-3}},
    {"mean of a view", mean_of_view, {1e-5, 5e-3}},
};

void ops_move(struct ops *ops)
{
    /* Only the activation at the input is computed; 16 bits round twice. */
    const struct op_bounds moved = {1e-6, 1e-3}, weighed = {1e-5, 2e-3};
    ops_group(ops, "slices");
    for (unsigned i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        struct net_graph graph;
        if (!ops_wants(ops, "slice"))
            continue;
        net_graph_init(&graph);
        slice(&graph, &slices[i]);
        ops_check(ops, "slice", i, &graph, &moved);
    }
    ops_group(ops, "pads");
    for (unsigned i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
        struct net_graph graph;
        if (!ops_wants(ops, "pad"))
            continue;
        net_graph_init(&graph);
        pad(&graph, &pads[i]);
        ops_check(ops, "pad", i, &graph, &moved);
    }
    ops_group(ops, "joins and means");
    ops_run(ops, joins, sizeof(joins) / sizeof(joins[0]));
    run_blocks(ops, &moved);
    run_resize(ops, &weighed);
    run_pools(ops, &weighed);
}
