/* Activations and binaries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/net_build.h"
#include "ops.h"

/* ---- activations ---- */

struct act_case {
    enum net_act kind;
    float alpha, beta;
};

static const struct act_case acts[] = {
    {NET_ACT_RELU, 0, 0},
    {NET_ACT_LEAKY_RELU, 0.1f, 0},
    {NET_ACT_PRELU, 0, 0},
    {NET_ACT_ELU, 0.8f, 0},
    {NET_ACT_TANH, 0, 0},
    {NET_ACT_SIGMOID, 0, 0},
    {NET_ACT_HARD_SIGMOID, 1.0f / 6, 0.5f},
    {NET_ACT_HARD_SWISH, 0, 0},
    {NET_ACT_CLIP, 0, 6},
    {NET_ACT_SOFTPLUS, 0, 0},
    {NET_ACT_NEG, 0, 0},
    {NET_ACT_ABS, 0, 0},
    {NET_ACT_ERF, 0, 0},
    {NET_ACT_SELU, 1.67326319f, 1.05070102f},
    {NET_ACT_CELU, 0.6f, 0},
    {NET_ACT_MISH, 0, 0},
    {NET_ACT_GELU, 0, 0},
    {NET_ACT_GELU_TANH, 0, 0},
    {NET_ACT_SWISH, 1.702f, 0},
    {NET_ACT_SOFTSIGN, 0, 0},
    {NET_ACT_SQUARE, 0, 0},
    /* From here on with jumps, or not everywhere defined. */
    {NET_ACT_THRESHOLDED_RELU, 0.4f, 0},
    {NET_ACT_FLOOR, 0, 0},
    {NET_ACT_CEIL, 0, 0},
    {NET_ACT_TRUNC, 0, 0},
    {NET_ACT_ROUND, 0, 0},
    {NET_ACT_SIGN, 0, 0},
    {NET_ACT_ABOVE, 0.3f, 0},
    {NET_ACT_AT_LEAST, 0.3f, 0},
    {NET_ACT_QUANTIZE, -9, 12},
    {NET_ACT_SQRT, 0, 0},
    {NET_ACT_LOG, 0, 0},
    {NET_ACT_RECIPROCAL, 0, 0},
    {NET_ACT_POWER, 0.7f, 0},
    {NET_ACT_POWER, -1.5f, 0},
};

static int act(struct net_graph *graph, const struct act_case *a, int x)
{
    int channels = (int)graph->values[x].shape.dim[1];
    int slope =
        a->kind == NET_ACT_PRELU ? build_random(graph, SHAPE(channels), -1, 1, 99) : -1;
    struct net_node *node = build_node(graph, NET_ACT, x, slope, END);
    node->u.act.kind = a->kind;
    node->u.act.alpha = a->alpha;
    node->u.act.beta = a->beta;
    if (slope < 0)
        node->input_count = 1;
    return build_done(graph);
}

/* Arguments up to 60 (saturation, no overflow); the activation is applied by the kernel
 * that reads it, once alone and once after another activation. */
static void act_graph(struct net_graph *graph, const struct act_case *a, unsigned seed)
{
    int x = build_image(graph, 5, 9, 18);
    x = build_binary(graph, NET_BINARY_MUL, x,
                     build_random(graph, SHAPE(5, 1, 1), 1, 60, seed));
    bool positive = a->kind == NET_ACT_SQRT || a->kind == NET_ACT_LOG ||
                    a->kind == NET_ACT_RECIPROCAL || a->kind == NET_ACT_POWER;
    if (positive) {
        x = build_act(graph, NET_ACT_ABS, 0, 0, x);
        x = build_binary(graph, NET_BINARY_ADD, x, build_fill(graph, SHAPE(1), 0.25f));
    }
    int y = act(graph, a, x);
    int z = act(graph, &(struct act_case){NET_ACT_LEAKY_RELU, 0.5f, 0}, y);
    int w = positive ? y : act(graph, a, build_norm(graph, y, -1, -1, 5, 1e-5f));
    build_node(graph, NET_CONCAT, z, w, END)->u.concat.axis = 1;
    build_done(graph);
}

static void run_acts(struct ops *ops)
{
    ops_group(ops, "activations");
    for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        char name[64];
        struct net_graph graph;
        snprintf(name, sizeof(name), "activation %s", net_act_name(acts[i].kind));
        if (!ops_wants(ops, name))
            continue;
        net_graph_init(&graph);
        act_graph(&graph, &acts[i], i);
        bool jumps = acts[i].kind >= NET_ACT_FLOOR && acts[i].kind <= NET_ACT_SIGN;
        jumps = jumps || acts[i].kind >= NET_ACT_THRESHOLDED_RELU;
        bool square = acts[i].kind == NET_ACT_SQUARE;
        ops_check(ops, name, i, &graph,
                  &(struct op_bounds){1e-5, jumps && !square ? 0 : 5e-3});
    }
}

/* ---- binaries of two maps ---- */

static int conv1(struct net_graph *graph, int x, int outputs, unsigned seed)
{
    return build_conv(graph, x, outputs, 1, 0, seed);
}

/* away from zero, for divisors */
static int positive(struct net_graph *graph, int x)
{
    x = build_act(graph, NET_ACT_SIGMOID, 0, 0, x);
    return build_binary(graph, NET_BINARY_ADD, x, build_fill(graph, SHAPE(1), 1));
}

static int part(struct net_graph *graph, int x, int channels, int height, int width)
{
    struct net_node *node = build_node(graph, NET_SLICE, x, END);
    for (int i = 0; i < 4; i++)
        node->u.slice.step[i] = 1;
    return build_done_as(graph, SHAPE(1, channels, height, width));
}

/* Every operation with an operand of every broadcast shape on either side. */
static void binary_graph(struct net_graph *graph, enum net_binary kind, unsigned seed)
{
    static const int shapes[][3] = {{6, 9, 17}, {6, 1, 1}, {1, 9, 17}, {6, 9, 1},
                                    {6, 1, 17}, {1, 1, 1}, {1, 9, 1}};
    int x = build_image(graph, 6, 9, 17), last = x;
    for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        int k = conv1(graph, x, 6, seed + 3 * i);
        k = positive(graph, part(graph, k, shapes[i][0], shapes[i][1], shapes[i][2]));
        last = i % 2 ? build_binary(graph, kind, k, positive(graph, last))
                     : build_binary(graph, kind, last, k);
    }
}

static void run_binaries(struct ops *ops)
{
    static const char *const names[] = {
        "",    "add",     "sub",           "mul",  "div",        "",     "min",
        "max", "greater", "greater_equal", "less", "less_equal", "equal"};
    ops_group(ops, "binaries");
    for (int kind = NET_BINARY_ADD; kind <= NET_BINARY_EQUAL; kind++) {
        if (kind == NET_BINARY_POW) /* in a chain it leaves the range of floats */
            continue;
        char name[64];
        struct net_graph graph;
        snprintf(name, sizeof(name), "%s of maps", names[kind]);
        if (!ops_wants(ops, name))
            continue;
        net_graph_init(&graph);
        binary_graph(&graph, (enum net_binary)kind, (unsigned)kind);
        ops_check(ops, name, (unsigned)kind, &graph,
                  &(struct op_bounds){1e-5, kind > NET_BINARY_MAX ? 0 : 1e-2});
    }
}

/* ---- constants ---- */

static void constants(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 6, 9, 17);
    x = build_binary(graph, NET_BINARY_SUB, build_fill(graph, SHAPE(1), 0.7f), x);
    x = build_binary(graph, NET_BINARY_MUL, x,
                     build_random(graph, SHAPE(1, 6, 1, 1), -2, 2, seed));
    x = build_act(graph, NET_ACT_TANH, 0, 0, x);
    x = build_binary(graph, NET_BINARY_DIV, x,
                     build_random(graph, SHAPE(6, 1, 1), 1, 2, seed + 1));
    x = build_binary(graph, NET_BINARY_ADD, build_random(graph, SHAPE(6, 1, 1), -1, 1, 5),
                     x);
    x = build_binary(graph, NET_BINARY_SUB, x,
                     build_random(graph, SHAPE(6, 1, 1), -1, 1, seed + 2));
    x = build_act(graph, NET_ACT_RELU, 0, 0, x);
    build_binary(graph, NET_BINARY_SUB, build_random(graph, SHAPE(6, 1, 1), -1, 1, 8), x);
}

static void same_operand(struct net_graph *graph, unsigned seed)
{
    int x = conv1(graph, build_image(graph, 3, 9, 17), 6, seed);
    x = build_binary(graph, NET_BINARY_ADD, x, x);
    x = build_binary(graph, NET_BINARY_MUL, x, x);
    build_binary(graph, NET_BINARY_SUB, build_act(graph, NET_ACT_SIGMOID, 0, 0, x), x);
}

/* A sum in place may overwrite ("over") only an operand that no later node reads,
 * directly or through a view. */
static void in_place(struct net_graph *graph, unsigned seed)
{
    int x = build_image(graph, 3, 11, 18);
    int a = conv1(graph, x, 8, seed), b = conv1(graph, x, 8, seed + 1);
    int view = build_act(graph, NET_ACT_RELU, 0, 0, a);
    int sum = build_binary(graph, NET_BINARY_ADD, a, b);     /* over b, not a */
    int twice = build_binary(graph, NET_BINARY_ADD, sum, a); /* over sum */
    int back = build_binary(graph, NET_BINARY_MUL, twice, view);
    int again = build_binary(graph, NET_BINARY_SUB, x, x); /* not over x */
    again = conv1(graph, again, 8, seed + 2);
    int mixed = build_binary(graph, NET_BINARY_ADD, back, again);
    build_binary(graph, NET_BINARY_ADD, mixed, twice);
}

static void input_is_output(struct net_graph *graph, unsigned seed)
{
    (void)seed;
    int x = build_image(graph, 3, 5, 7);
    build_binary(graph, NET_BINARY_MUL, x, build_fill(graph, SHAPE(1), 1));
}

static void squeeze_excite(struct net_graph *graph, unsigned seed)
{
    int x = conv1(graph, build_image(graph, 3, 21, 35), 10, seed);
    int mean = build_mean(graph, build_act(graph, NET_ACT_RELU, 0, 0, x), 0xc, true);
    int k = build_act(graph, NET_ACT_RELU, 0, 0, conv1(graph, mean, 3, seed + 1));
    k = build_act(graph, NET_ACT_HARD_SIGMOID, 1.0f / 6, 0.5f,
                  conv1(graph, k, 10, seed + 2));
    build_binary(graph, NET_BINARY_MUL, x, k);
}

static void large_mean(struct net_graph *graph, unsigned seed)
{
    (void)seed;
    int x = build_image(graph, 5, 133, 75);
    x = build_binary(graph, NET_BINARY_ADD, x, build_fill(graph, SHAPE(1), 1000));
    x = build_mean(graph, x, 0xc, true);
    build_binary(graph, NET_BINARY_SUB, x, build_fill(graph, SHAPE(1), 1000));
}

/* Constants as maps: for each pixel, for each row, as the first operand. */
static void constant_maps(struct net_graph *graph, unsigned seed)
{
    int x = conv1(graph, build_image(graph, 3, 9, 17), 6, seed);
    x = build_binary(graph, NET_BINARY_ADD, x,
                     build_random(graph, SHAPE(1, 6, 9, 17), -1, 1, seed + 1));
    x = build_binary(graph, NET_BINARY_MAX, build_random(graph, SHAPE(9, 1), -1, 1, 3),
                     x);
    x = build_binary(graph, NET_BINARY_DIV, build_random(graph, SHAPE(6, 1, 1), 1, 2, 4),
                     positive(graph, x));
    build_binary(graph, NET_BINARY_POW, x, build_random(graph, SHAPE(17), -2, 2, 5));
}

static const struct op_case others[] = {
    {"constant maps", constant_maps, {1e-5, 1e-2}},
    {"constants", constants, {1e-5, 5e-3}},
    {"one operand twice", same_operand, {1e-5, 1e-2}},
    {"in place", in_place, {1e-5, 1e-2}},
    {"output is the input", input_is_output, {0, 1e-3}},
    {"squeeze and excite", squeeze_excite, {1e-5, 5e-3}},
};

/* the mean of -1..1 is 0.01 and floats at 1000 are 6e-5 apart */
static const struct op_case near_1000 = {"mean near 1000", large_mean, {2e-2, 0}};

void ops_pointwise(struct ops *ops)
{
    run_acts(ops);
    run_binaries(ops);
    ops_group(ops, "constants, sums in place");
    ops_run(ops, others, sizeof(others) / sizeof(others[0]));
    ops_group(ops, "mean near 1000");
    ops_run(ops, &near_1000, 1);
}
