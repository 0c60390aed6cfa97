/* Random small graphs with fixed seeds: combinations that the tables do not have.
 * DAUB_TEST_GRAPHS=N makes more of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../unit/net_build.h"
#include "ops.h"

#define GRAPHS    16
#define MAX_MAPS  32
#define MAX_SIDE  48
#define MAX_DEPTH 40

/* A growing graph and the maps that a next node may read. */
struct growing {
    struct net_graph *graph;
    uint64_t state;
    int map[MAX_MAPS], count;
};

static int pick(struct growing *g, int n)
{
    g->state = g->state * 6364136223846793005u + 1442695040888963407u;
    return (int)((g->state >> 33) % (unsigned)n);
}

static unsigned seed(struct growing *g)
{
    return (unsigned)pick(g, 1 << 20);
}

static int dim(const struct growing *g, int value, int i)
{
    return (int)g->graph->values[value].shape.dim[i];
}

/* A random map, with probability 0.6 the newest one. */
static int any_map(struct growing *g)
{
    return g->map[pick(g, 10) < 6 ? g->count - 1 : pick(g, g->count)];
}

/* Another map of the same height and width (and channels), -1 where there is none. */
static int like(struct growing *g, int x, bool channels)
{
    int start = pick(g, g->count);
    for (int i = 0; i < g->count; i++) {
        int y = g->map[(start + i) % g->count];
        if (y != x && dim(g, x, 2) == dim(g, y, 2) && dim(g, x, 3) == dim(g, y, 3) &&
            (!channels || dim(g, x, 1) == dim(g, y, 1)))
            return y;
    }
    return -1;
}

/* Random weights that keep the magnitude of the values. */
static int weights(struct growing *g, int a, int b, int kernel, int fan_in)
{
    float most = sqrtf(3.0f / (float)fan_in);
    return build_random(g->graph, SHAPE(a, b, kernel, kernel), -most, most, seed(g));
}

static int grow_conv(struct growing *g, int x)
{
    static const int outputs[] = {1, 3, 4, 7, 8, 12, 16, 20};
    int in = dim(g, x, 1), out = outputs[pick(g, 8)], kernel = pick(g, 3) ? 3 : 1;
    int group = pick(g, 5) == 0 ? in : 1;
    bool fits = dim(g, x, 2) > 1 && dim(g, x, 3) > 1;
    int mode = fits ? 1 + pick(g, 3) : NET_PAD_ZERO;
    if (group > 1)
        out = in * (1 + pick(g, 2));
    int weight = weights(g, out, in / group, kernel, in / group * kernel * kernel);
    int bias = build_random(g->graph, SHAPE(out), -1, 1, seed(g));
    struct net_node *node = build_node(g->graph, NET_CONV, x, weight, bias, END);
    int pad = kernel / 2, stride = 1 + (pick(g, 4) == 0);
    node->u.conv.window = (struct net_window){
        {kernel, kernel}, {stride, stride}, {1, 1}, {pad, pad, pad, pad}};
    node->u.conv.pad_mode = (enum net_pad_mode)mode;
    node->u.conv.group = group;
    node->u.conv.upsample = 1 + (pick(g, 5) == 0 && dim(g, x, 2) <= MAX_SIDE / 2 &&
                                 dim(g, x, 3) <= MAX_SIDE / 2);
    node->u.conv.act = NET_ACT_NONE;
    return build_done(g->graph);
}

static int grow_deconv(struct growing *g, int x)
{
    int in = dim(g, x, 1), out = 4 + pick(g, 5), kernel = 2 + pick(g, 3);
    if (dim(g, x, 2) > MAX_SIDE / 2 || dim(g, x, 3) > MAX_SIDE / 2)
        return -1;
    int weight = weights(g, in, out, kernel, in * kernel * kernel / 4);
    struct net_node *node = build_node(g->graph, NET_CONV_TRANSPOSE, x, weight, -1, END);
    int pad = kernel > 2;
    node->u.deconv.window =
        (struct net_window){{kernel, kernel}, {2, 2}, {1, 1}, {pad, pad, pad, pad}};
    node->u.deconv.output_padding[0] = node->u.deconv.output_padding[1] = kernel == 3;
    node->u.deconv.group = 1;
    return build_done(g->graph);
}

/* A large epsilon, because dividing by the deviation of a flat map would amplify rounding
 * errors. */
static int grow_norm(struct growing *g, int x)
{
    int channels = dim(g, x, 1), groups = pick(g, 3) ? channels : 1;
    int scale = -1, shift = -1;
    if (channels % 2 == 0 && pick(g, 4) == 0)
        groups = channels / 2;
    if (pick(g, 2)) {
        scale = build_random(g->graph, SHAPE(channels), 0.5f, 1.5f, seed(g));
        shift = build_random(g->graph, SHAPE(channels), -1, 1, seed(g));
    }
    return build_norm(g->graph, x, scale, shift, groups, 1e-2f);
}

static int grow_act(struct growing *g, int x)
{
    int kind = NET_ACT_RELU + pick(g, 10);
    int slope = kind == NET_ACT_PRELU
                    ? build_random(g->graph, SHAPE(dim(g, x, 1)), -1, 1, seed(g))
                    : -1;
    struct net_node *node = build_node(g->graph, NET_ACT, x, slope, END);
    if (slope < 0)
        node->input_count = 1;
    node->u.act.kind = (enum net_act)kind;
    node->u.act.alpha = kind == NET_ACT_CLIP ? -0.5f : 0.3f;
    node->u.act.beta = 0.6f;
    return build_done(g->graph);
}

static int grow_binary(struct growing *g, int x)
{
    int y = like(g, x, true), kind = pick(g, 2) ? NET_BINARY_ADD : NET_BINARY_SUB;
    if (pick(g, 4) == 0) {
        kind = 1 + pick(g, 3);
        y = build_random(g->graph, SHAPE(1, dim(g, x, 1), 1, 1), 0.5f, 1.5f, seed(g));
    } else if (pick(g, 3) == 0) {
        y = build_act(g->graph, NET_ACT_SIGMOID, 0, 0, pick(g, 2) || y < 0 ? x : y);
        if (pick(g, 2))
            y = build_mean(g->graph, y, 0xc, true);
        kind = NET_BINARY_MUL;
    }
    if (y < 0)
        return -1;
    bool turned = pick(g, 2);
    return build_binary(g->graph, (enum net_binary)kind, turned ? y : x, turned ? x : y);
}

static int grow_concat(struct growing *g, int x)
{
    int y = like(g, x, false);
    if (y < 0 || dim(g, x, 1) + dim(g, y, 1) > MAX_DEPTH)
        return -1;
    build_node(g->graph, NET_CONCAT, x, y, END)->u.concat.axis = 1;
    return build_done(g->graph);
}

static int grow_window(struct growing *g, int x)
{
    int h = dim(g, x, 2), w = dim(g, x, 3), channels = dim(g, x, 1);
    if (pick(g, 2)) {
        int mode = 1 + pick(g, 4);
        if (h < 4 || w < 4 || h > MAX_SIDE || w > MAX_SIDE)
            return -1;
        return build_pad(g->graph, x, (enum net_pad_mode)mode, pick(g, 4), pick(g, 4),
                         pick(g, 4), pick(g, 4));
    }
    if (h < 4 || w < 4)
        return -1;
    int first = pick(g, channels), back = pick(g, 2);
    struct net_node *node = build_node(g->graph, NET_SLICE, x, END);
    node->u.slice.step[0] = node->u.slice.step[1] = 1;
    node->u.slice.start[1] = first;
    node->u.slice.start[2] = back ? h - 1 : 1;
    node->u.slice.step[2] = back ? -1 : 1;
    node->u.slice.step[3] = 2;
    return build_done_as(g->graph, SHAPE(1, channels - first, h - 1, w / 2));
}

static int grow_block(struct growing *g, int x)
{
    bool spread = dim(g, x, 1) % 4 == 0 && dim(g, x, 2) <= MAX_SIDE / 2;
    if (!spread && (dim(g, x, 2) % 2 || dim(g, x, 3) % 2 || dim(g, x, 1) > 8))
        return -1;
    struct net_node *node =
        build_node(g->graph, spread ? NET_DEPTH_TO_SPACE : NET_SPACE_TO_DEPTH, x, END);
    node->u.block.size = 2;
    node->u.block.order = (enum net_block_order)(1 + pick(g, 2));
    return build_done(g->graph);
}

static int grow_resize(struct growing *g, int x)
{
    static const float scales[] = {2, 1.5f, 0.5f};
    float scale = scales[pick(g, 3)];
    if (dim(g, x, 2) > MAX_SIDE / 2 || dim(g, x, 3) > MAX_SIDE / 2 || dim(g, x, 2) < 2 ||
        dim(g, x, 3) < 2)
        return -1;
    return build_resize(g->graph, x, (enum net_resize)(1 + pick(g, 2)),
                        (enum net_coord)(1 + pick(g, 4)), NET_NEAREST_FLOOR, scale);
}

static int grow_pool(struct growing *g, int x)
{
    if (dim(g, x, 2) < 4 || dim(g, x, 3) < 4)
        return -1;
    struct net_node *node = build_node(g->graph, NET_POOL, x, END);
    node->u.pool.kind = (enum net_pool)(1 + pick(g, 3));
    node->u.pool.window = (struct net_window){{3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}};
    return build_done(g->graph);
}

/* Adds the means of the unread maps to the newest one, so that no node is removed. */
static int gather(struct growing *g)
{
    int last = g->map[g->count - 1], all = -1;
    for (int i = 0; i + 1 < g->count; i++) {
        int x = g->map[i];
        if (net_value_readers(g->graph, x) > 0)
            continue;
        int mean = build_mean(g->graph, x, 0xc, true);
        if (all >= 0) {
            build_node(g->graph, NET_CONCAT, all, mean, END)->u.concat.axis = 1;
            mean = build_done(g->graph);
        }
        all = mean;
    }
    if (all < 0)
        return last;
    int in = dim(g, all, 1), out = dim(g, last, 1);
    struct net_node *node =
        build_node(g->graph, NET_CONV, all, weights(g, out, in, 1, in), -1, END);
    node->u.conv.window = (struct net_window){{1, 1}, {1, 1}, {1, 1}, {0}};
    node->u.conv.pad_mode = NET_PAD_ZERO;
    node->u.conv.group = node->u.conv.upsample = 1;
    node->u.conv.act = NET_ACT_NONE;
    return build_binary(g->graph, NET_BINARY_ADD, last, build_done(g->graph));
}

static void grow(struct net_graph *graph, unsigned number)
{
    static int (*const kinds[])(struct growing * g, int x) = {
        grow_conv,   grow_conv,   grow_conv,  grow_deconv, grow_norm,
        grow_norm,   grow_act,    grow_act,   grow_binary, grow_binary,
        grow_concat, grow_window, grow_block, grow_resize, grow_pool};
    struct growing g = {.graph = graph, .state = number * 977 + 1, .count = 1};
    pick(&g, 2);
    int channels = 1 + pick(&g, 8), height = 3 + pick(&g, 22), width = 3 + pick(&g, 38);
    g.map[0] = build_image(graph, channels, height, width);
    int steps = 5 + pick(&g, 8);
    for (int tries = 0; g.count <= steps && tries < 200; tries++) {
        int y = kinds[pick(&g, sizeof(kinds) / sizeof(kinds[0]))](&g, any_map(&g));
        if (y >= 0)
            g.map[g.count++] = y;
    }
    graph->output = gather(&g);
}

void ops_fuzz(struct ops *ops)
{
    const char *wish = getenv("DAUB_TEST_GRAPHS");
    unsigned count = wish ? (unsigned)atoi(wish) : GRAPHS;
    ops_group(ops, "random graphs");
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        struct net_graph graph;
        snprintf(name, sizeof(name), "random graph %u", i);
        if (!ops_wants(ops, name))
            continue;
        net_graph_init(&graph);
        grow(&graph, i);
        /* Rounding errors of a dozen layers; at 16 bits normalizations amplify some. */
        ops_check(ops, name, i, &graph, &(struct op_bounds){1e-4, 5e-2});
    }
}
