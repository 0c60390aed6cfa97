/* Convolutions of every kind and the transposed ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/net_build.h"
#include "ops.h"

/* Zero means: 1 for strides, dilations, groups and upsampling; a square kernel; zero
 * padding; no activation. */
struct conv_case {
    int in, out, h, w, kh, kw;
    struct {
        int y, x;
    } stride, dilation;
    int pad[4]; /* top, left, bottom, right */
    enum net_pad_mode mode;
    int group, up;
    enum net_act act;
    float alpha, beta;
};

#define ZERO    NET_PAD_ZERO
#define REFLECT NET_PAD_REFLECT
#define EDGE    NET_PAD_EDGE
#define ALL(n)                                                                           \
    {                                                                                    \
        n, n, n, n                                                                       \
    }

/* Odd sizes, which the tiles of the kernels do not divide. */
static const struct conv_case dense[] = {
    {3, 1, 13, 19, 1, 1, .mode = ZERO},
    {33, 20, 9, 17, 1, 1, .mode = ZERO},
    {16, 48, 11, 13, 1, 1, .stride = {2, 2}},
    {7, 5, 12, 20, 1, 1, .stride = {3, 3}},
    {1, 2, 13, 21, 3, 3, .pad = ALL(1)},
    {3, 16, 21, 37, 3, 3, .pad = ALL(1), .mode = REFLECT},
    {16, 16, 21, 37, 3, 3, .pad = ALL(1)},
    {12, 12, 13, 35, 3, 3, .pad = ALL(1), .mode = EDGE},
    {24, 24, 17, 19, 3, 3, .dilation = {2, 2}, .pad = ALL(2)},
    {33, 32, 15, 23, 3, 3, .stride = {2, 2}, .pad = ALL(1)},
    {4, 5, 10, 18, 3, 3, .pad = {0, 1, 2, 1}, .mode = EDGE},
    {16, 3, 14, 33, 3, 3, .pad = ALL(1), .mode = REFLECT},
    {32, 32, 19, 34, 3, 3, .pad = ALL(1), .mode = REFLECT},
    {20, 33, 7, 11, 3, 3, .pad = {2, 0, 1, 2}},
    {48, 48, 4, 4, 3, 3, .pad = ALL(1)},
    {16, 16, 2, 2, 3, 3, .pad = ALL(1), .mode = REFLECT},
    {16, 20, 9, 1, 3, 3, .pad = ALL(1)},
    {5, 12, 1, 18, 3, 3, .pad = ALL(1), .mode = EDGE},
    {24, 24, 1, 1, 3, 3, .pad = ALL(1)},
    {16, 16, 23, 9, 3, 3, .stride = {3, 3}, .pad = ALL(1), .mode = REFLECT},
    {4, 12, 12, 16, 2, 2, .stride = {2, 2}},
    {7, 3, 11, 17, 2, 2, .pad = {0, 0, 1, 1}, .mode = REFLECT},
    {3, 12, 18, 22, 4, 4, .stride = {2, 2}, .pad = ALL(1)},
    {16, 1, 9, 15, 4, 4, .pad = {1, 1, 2, 2}, .mode = EDGE},
    {3, 20, 15, 20, 5, 5, .pad = ALL(2), .mode = REFLECT},
    {12, 16, 17, 25, 5, 5, .stride = {3, 3}, .pad = ALL(2)},
    {4, 12, 19, 21, 5, 5, .dilation = {2, 2}, .pad = ALL(4), .mode = REFLECT},
    {3, 16, 17, 33, 7, 7, .pad = ALL(3), .mode = REFLECT},
    {16, 3, 16, 19, 7, 7, .pad = ALL(3)},
    {3, 32, 18, 35, 9, 9, .pad = ALL(4), .mode = REFLECT},
    {16, 3, 17, 18, 9, 9, .pad = ALL(4), .mode = REFLECT},
    {12, 27, 11, 21, 1, 9, .pad = {0, 4, 0, 4}, .mode = REFLECT},
    {3, 12, 21, 11, 9, 1, .pad = {4, 0, 4, 0}},
    {7, 16, 14, 23, 3, 5, .stride = {1, 2}, .dilation = {2, 1}, .pad = {2, 2, 2, 2}},
    {12, 4, 16, 13, 5, 2, .stride = {2, 1}, .pad = {1, 0, 2, 1}, .mode = EDGE},
    {2, 8, 40, 3, 11, 1, .pad = {5, 0, 5, 0}},
    {3, 4, 40, 41, 13, 13, .pad = ALL(6), .mode = REFLECT},
};

/* More channels than a work-group makes; sizes that Winograd's tiles of four do not
 * divide. */
static const struct conv_case wide[] = {
    {96, 96, 13, 22, 3, 3, .pad = ALL(1)},
    {100, 97, 9, 70, 3, 3, .pad = ALL(1), .mode = REFLECT},
    {128, 96, 4, 4, 3, 3, .pad = ALL(1), .mode = EDGE},
    {96, 110, 6, 5, 3, 3, .mode = ZERO, .act = NET_ACT_PRELU},
    {96, 96, 1, 3, 3, 3, .pad = {1, 2, 1, 0}, .act = NET_ACT_RELU},
};

static const struct conv_case upsampled[] = {
    {16, 12, 9, 13, 3, 3, .pad = ALL(1), .up = 2},
    {24, 16, 7, 18, 3, 3, .pad = ALL(1), .mode = REFLECT, .up = 2},
    {7, 5, 5, 17, 3, 3, .pad = ALL(1), .mode = EDGE, .up = 2},
    {12, 3, 1, 1, 3, 3, .pad = ALL(1), .mode = REFLECT, .up = 2},
    {3, 16, 6, 9, 5, 5, .pad = ALL(2), .mode = REFLECT, .up = 2},
    {16, 16, 6, 9, 3, 3, .pad = {1, 0, 2, 1}, .up = 2},
    {16, 20, 7, 11, 3, 3, .stride = {2, 2}, .pad = ALL(1), .mode = EDGE, .up = 2},
    {16, 16, 8, 10, 1, 1, .up = 2},
    {8, 8, 7, 9, 3, 3, .pad = ALL(1), .mode = REFLECT, .group = 8, .up = 2},
    {8, 12, 7, 9, 3, 3, .pad = ALL(1), .mode = REFLECT, .group = 4, .up = 2},
};

static const struct conv_case grouped[] = {
    {8, 12, 11, 17, 3, 3, .pad = ALL(1), .group = 2},
    {12, 9, 10, 18, 3, 3, .pad = ALL(1), .mode = REFLECT, .group = 3},
    {16, 16, 9, 33, 5, 5, .stride = {2, 2}, .pad = ALL(2), .mode = EDGE, .group = 4},
    {6, 6, 9, 11, 1, 1, .group = 2},
    {5, 5, 13, 19, 3, 3, .pad = ALL(1), .group = 5},
    {12, 12, 14, 33, 7, 7, .stride = {2, 2}, .pad = ALL(3), .mode = REFLECT, .group = 12},
    {16, 16, 11, 18, 3, 5, .pad = {1, 2, 1, 2}, .mode = EDGE, .group = 16},
    {8, 8, 15, 17, 9, 9, .pad = ALL(4), .mode = REFLECT, .group = 8},
    {8, 8, 15, 17, 3, 3, .dilation = {2, 2}, .pad = ALL(2), .group = 8},
    {6, 12, 11, 13, 3, 3, .pad = ALL(1), .group = 6},
    {12, 12, 9, 18, 3, 3, .stride = {3, 3}, .pad = {1, 0, 1, 2}, .group = 12},
};

/* Each activation in each convolution kernel. */
static const struct conv_case activated[] = {
    {5, 8, 9, 17, 1, 1, .act = NET_ACT_RELU},
    {5, 8, 9, 17, 1, 1, .act = NET_ACT_LEAKY_RELU, .alpha = 0.2f},
    {5, 7, 9, 17, 1, 1, .act = NET_ACT_PRELU},
    {5, 8, 9, 17, 1, 1, .act = NET_ACT_ELU, .alpha = 1.3f},
    {5, 6, 9, 17, 1, 1, .act = NET_ACT_TANH},
    {5, 6, 9, 17, 1, 1, .act = NET_ACT_SIGMOID},
    {5, 6, 9, 17, 1, 1, .act = NET_ACT_HARD_SIGMOID, .alpha = 0.2f, .beta = 0.5f},
    {5, 8, 9, 17, 1, 1, .act = NET_ACT_HARD_SWISH},
    {5, 8, 9, 17, 1, 1, .act = NET_ACT_CLIP, .alpha = -0.3f, .beta = 0.6f},
    {32, 20, 9, 18, 3, 3, .pad = ALL(1), .mode = REFLECT, .act = NET_ACT_PRELU},
    {16, 16, 7, 10, 3, 3, .pad = ALL(1), .up = 2, .act = NET_ACT_PRELU},
    {16, 3, 9, 19, 9, 9, .pad = ALL(4), .mode = REFLECT, .act = NET_ACT_TANH},
    {6, 6, 9, 11, 3, 3, .pad = ALL(1), .group = 6, .act = NET_ACT_PRELU},
    {6, 10, 9, 11, 3, 3, .pad = ALL(1), .group = 2, .act = NET_ACT_PRELU},
    {6, 6, 9, 11, 3, 3, .group = 6, .act = NET_ACT_SIGMOID},
    {6, 10, 9, 11, 3, 3, .group = 2, .act = NET_ACT_ELU, .alpha = 0.7f},
};

static int or_one(int n)
{
    return n ? n : 1;
}

static void build(struct net_graph *graph, const struct conv_case *c, unsigned seed)
{
    int x = build_image(graph, c->in, c->h, c->w), group = or_one(c->group);
    int weight = build_random(graph, SHAPE(c->out, c->in / group, c->kh, c->kw), -0.5f,
                              0.5f, seed + 100);
    int bias = build_random(graph, SHAPE(c->out), -1, 1, seed + 101);
    int slope = c->act == NET_ACT_PRELU
                    ? build_random(graph, SHAPE(c->out), -1, 1, seed + 102)
                    : -1;
    struct net_node *node = build_node(graph, NET_CONV, x, weight, bias, slope, END);
    struct net_window *window = &node->u.conv.window;
    *window = (struct net_window){{c->kh, c->kw},
                                  {or_one(c->stride.y), or_one(c->stride.x)},
                                  {or_one(c->dilation.y), or_one(c->dilation.x)},
                                  {c->pad[0], c->pad[1], c->pad[2], c->pad[3]}};
    node->u.conv.pad_mode = c->mode ? c->mode : ZERO;
    node->u.conv.group = group;
    node->u.conv.upsample = or_one(c->up);
    node->u.conv.act = c->act ? c->act : NET_ACT_NONE;
    node->u.conv.alpha = c->alpha;
    node->u.conv.beta = c->beta;
    build_done(graph);
}

static void name_of(const struct conv_case *c, const char *kind, char *name, size_t size)
{
    snprintf(name, size, "%s %d>%d %dx%d kernel %dx%d mode %d act %d", kind, c->in,
             c->out, c->h, c->w, c->kh, c->kw, c->mode, c->act);
}

static void run_table(struct ops *ops, const char *kind, const struct conv_case *cases,
                      size_t count, const struct op_bounds *bounds)
{
    ops_group(ops, kind);
    for (size_t i = 0; i < count; i++) {
        char name[128];
        struct net_graph graph;
        name_of(&cases[i], kind, name, sizeof(name));
        if (!ops_wants(ops, name))
            continue;
        net_graph_init(&graph);
        build(&graph, &cases[i], (unsigned)i);
        ops_check(ops, name, (unsigned)i, &graph, bounds);
    }
}

/* ---- transposed ---- */

struct deconv_case {
    int in, out, h, w, kh, kw;
    int stride_y, stride_x, dilation;
    int pad[4], extra[2]; /* extra: output padding */
    int group;
};

static const struct deconv_case deconvs[] = {
    {16, 12, 7, 11, 3, 3, 2, 2, 1, ALL(1), {1, 1}, 1}, /* as four phases */
    {7, 5, 6, 17, 4, 4, 2, 2, 1, ALL(1), {0, 0}, 1},
    {12, 16, 5, 9, 2, 2, 2, 2, 1, ALL(0), {0, 0}, 1},
    {16, 8, 7, 9, 3, 3, 2, 2, 1, ALL(1), {0, 0}, 1}, /* odd size */
    {16, 8, 7, 9, 3, 3, 2, 2, 1, {0, 0, 1, 1}, {0, 0}, 1},
    {4, 12, 9, 13, 3, 3, 1, 1, 1, ALL(1), {0, 0}, 1},
    {3, 20, 6, 8, 5, 5, 3, 3, 1, {1, 0, 2, 1}, {0, 0}, 1},
    {12, 4, 6, 8, 4, 4, 2, 2, 1, ALL(0), {0, 0}, 1},
    {5, 7, 6, 8, 3, 3, 2, 2, 2, ALL(2), {1, 1}, 1},
    {8, 12, 6, 9, 3, 3, 2, 2, 1, ALL(1), {1, 1}, 2},
    {6, 6, 6, 9, 4, 4, 2, 2, 1, ALL(1), {0, 0}, 6},
    {16, 16, 5, 9, 6, 6, 2, 2, 1, ALL(2), {0, 0}, 1},
    {4, 4, 6, 9, 3, 3, 2, 2, 1, ALL(1), {1, 0}, 1},
    {4, 9, 6, 9, 3, 2, 2, 1, 1, ALL(0), {0, 0}, 1},
    {3, 3, 5, 6, 9, 9, 4, 4, 1, ALL(4), {3, 3}, 1},
    {16, 12, 1, 1, 3, 3, 2, 2, 1, ALL(1), {1, 1}, 1},
    {9, 6, 5, 7, 3, 3, 2, 2, 1, ALL(1), {1, 1}, 3},
};

static void build_deconv(struct net_graph *graph, const struct deconv_case *c,
                         unsigned seed)
{
    int x = build_image(graph, c->in, c->h, c->w);
    int weight = build_random(graph, SHAPE(c->in, c->out / c->group, c->kh, c->kw), -0.5f,
                              0.5f, seed + 100);
    int bias = build_random(graph, SHAPE(c->out), -1, 1, seed + 101);
    struct net_node *node = build_node(graph, NET_CONV_TRANSPOSE, x, weight, bias, END);
    node->u.deconv.window =
        (struct net_window){{c->kh, c->kw},
                            {c->stride_y, c->stride_x},
                            {c->dilation, c->dilation},
                            {c->pad[0], c->pad[1], c->pad[2], c->pad[3]}};
    node->u.deconv.group = c->group;
    memcpy(node->u.deconv.output_padding, c->extra, sizeof(c->extra));
    build_done(graph);
}

static void run_deconvs(struct ops *ops, const struct op_bounds *bounds)
{
    ops_group(ops, "deconv");
    for (size_t i = 0; i < sizeof(deconvs) / sizeof(deconvs[0]); i++) {
        const struct deconv_case *c = &deconvs[i];
        char name[128];
        struct net_graph graph;
        snprintf(name, sizeof(name), "deconv %zu: %d>%d kernel %dx%d stride %d", i, c->in,
                 c->out, c->kh, c->kw, c->stride_y);
        if (!ops_wants(ops, name))
            continue;
        net_graph_init(&graph);
        build_deconv(&graph, c, (unsigned)i);
        ops_check(ops, name, (unsigned)i, &graph, bounds);
    }
}

#define TABLE(cases) cases, sizeof(cases) / sizeof(cases[0])

void ops_conv(struct ops *ops)
{
    /* Rounding of some hundred products; Winograd's transforms lose one more digit. At 16
     * bits the input, the weights and the result are rounded to 2^-11.
     */
    const struct op_bounds bounds = {1e-5, 2e-3};
    run_table(ops, "conv", TABLE(dense), &bounds);
    /* Winograd's transforms lose one digit. */
    run_table(ops, "conv wide", TABLE(wide), &(struct op_bounds){5e-5, 2e-3});
    run_table(ops, "conv upsampled", TABLE(upsampled), &bounds);
    run_table(ops, "conv grouped", TABLE(grouped), &bounds);
    run_deconvs(ops, &bounds);
    /* A tanh is steepest where its argument, a sum of rounded products, is small. */
    run_table(ops, "conv activated", TABLE(activated), &(struct op_bounds){1e-5, 5e-3});
}
