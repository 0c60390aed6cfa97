/* The graph itself: building, readers, sweeping, checking, shapes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/graph.h"
#include "net_build.h"
#include "util/alloc.h"

static void expect_shape(const struct net_graph *graph, int value, const char *want)
{
    char have[NET_SHAPE_TEXT];
    net_shape_text(&graph->values[value].shape, have);
    assert_string_equal(have, want);
}

static void test_counts(void **state)
{
    (void)state;
    const struct net_shape scalar = {0}, map = SHAPE(1, 3, 5, 7);
    struct net_shape large = SHAPE(1, 1), deep = {.rank = NET_MAX_RANK + 1};
    assert_int_equal(net_shape_count(&scalar), 1);
    assert_int_equal(net_shape_count(&map), 105);
    assert_int_equal(net_shape_count(&deep), -1);
    large.dim[1] = 0;
    assert_int_equal(net_shape_count(&large), -1);
    large.dim[1] = -5;
    assert_int_equal(net_shape_count(&large), -1);
    large.dim[1] = NET_MAX_DIM + 1;
    assert_int_equal(net_shape_count(&large), -1);
    large = SHAPE(NET_MAX_DIM, NET_MAX_DIM, NET_MAX_DIM, NET_MAX_DIM, NET_MAX_DIM,
                  NET_MAX_DIM);
    assert_int_equal(net_shape_count(&large), -1);
}

static void test_broadcast(void **state)
{
    (void)state;
    static const struct {
        int a[5], b[5], want[5]; /* rank, dimensions; rank -1 where they do not match */
    } cases[] = {
        {{4, 1, 3, 5, 7}, {4, 1, 3, 5, 7}, {4, 1, 3, 5, 7}},
        {{4, 1, 3, 5, 7}, {3, 3, 1, 1}, {4, 1, 3, 5, 7}},
        {{4, 1, 3, 1, 1}, {2, 5, 7}, {4, 1, 3, 5, 7}},
        {{0}, {2, 5, 7}, {2, 5, 7}},
        {{2, 5, 1}, {2, 1, 7}, {2, 5, 7}},
        {{2, 5, 2}, {2, 5, 7}, {-1}},
        {{4, 1, 3, 5, 7}, {1, 3}, {-1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_shape a = {.rank = cases[i].a[0]}, b = {.rank = cases[i].b[0]}, out;
        for (int k = 0; k < 4; k++) {
            a.dim[k] = cases[i].a[k + 1];
            b.dim[k] = cases[i].b[k + 1];
        }
        for (int turn = 0; turn < 2; turn++) {
            bool ok = net_shape_broadcast(turn ? &b : &a, turn ? &a : &b, &out);
            assert_int_equal(ok, cases[i].want[0] >= 0);
            for (int k = 0; ok && k < out.rank; k++)
                assert_int_equal(out.dim[k], cases[i].want[k + 1]);
            assert_true(!ok || out.rank == cases[i].want[0]);
        }
    }
}

/* image -> conv -> relu -> +conv, and a branch that no node reads. */
struct net {
    struct net_graph graph;
    int image, conv, relu, sum, dead;
};

static void make_net(struct net *net)
{
    struct net_graph *g = &net->graph;
    net_graph_init(g);
    net->image = build_image(g, 3, 8, 6);
    net->conv = build_conv(g, net->image, 4, 3, 1, 1);
    net->relu = build_act(g, NET_ACT_RELU, 0, 0, net->conv);
    net->dead = build_act(g, NET_ACT_NEG, 0, 0, net->relu);
    net->sum = build_binary(g, NET_BINARY_ADD, net->relu, net->conv);
    g->output = net->sum;
}

static void test_readers(void **state)
{
    (void)state;
    struct net net;
    make_net(&net);
    const struct net_graph *g = &net.graph;
    int sum = g->values[net.sum].producer, dead = g->values[net.dead].producer;
    assert_int_equal(net_value_readers(g, net.image), 1);
    assert_int_equal(net_value_readers(g, net.conv), 2);
    assert_int_equal(net_value_readers(g, net.relu), 2);
    assert_int_equal(net_value_readers(g, net.sum), 1); /* as the output */
    assert_int_equal(net_value_readers(g, net.dead), 0);
    assert_int_equal(net_value_sole_reader(g, net.image), g->values[net.conv].producer);
    assert_int_equal(net_value_sole_reader(g, net.conv), -1);
    assert_int_equal(net_value_sole_reader(g, net.sum), -1);
    assert_int_equal(net_value_sole_reader(g, net.dead), -1);
    /* A node that reads a value twice is one reader. */
    net.graph.nodes[sum].input[1] = net.relu;
    net.graph.nodes[dead].input[0] = net.conv;
    assert_int_equal(net_value_readers(g, net.relu), 1);
    assert_int_equal(net_value_sole_reader(g, net.relu), sum);
    net_graph_free(&net.graph);
}

static void test_sweep(void **state)
{
    (void)state;
    struct net net;
    struct daub_error error = {0};
    make_net(&net);
    struct net_graph *g = &net.graph;
    size_t values = g->value_count;
    assert_int_equal(g->node_count, 5);
    net_graph_sweep(g);
    assert_int_equal(g->node_count, 4);
    assert_int_equal(g->value_count, values);
    assert_int_equal(g->values[net.dead].producer, -1);
    assert_int_equal(g->values[net.sum].producer, 3);
    assert_true(net_graph_check(g, &error));
    /* Chains of unread nodes are removed, the input is kept. */
    g->output = net.image;
    net_graph_sweep(g);
    assert_int_equal(g->node_count, 1);
    assert_int_equal(g->nodes[0].op, NET_INPUT);
    assert_true(net_graph_check(g, &error));
    net_graph_free(g);
}

static void test_from_style(void **state)
{
    (void)state;
    struct net_graph g;
    struct daub_error error = {0};
    net_graph_init(&g);
    int image = build_image(&g, 3, 4, 4);
    struct net_shape vector = {.rank = 2, .dim = {1, 5}};
    g.style = net_graph_add_value(&g, "style", &vector, &error);
    net_graph_add_node(&g, NET_INPUT, "style", "Input", NULL, 0, g.style, &error);
    int scaled = build_binary(&g, NET_BINARY_MUL, g.style, build_fill(&g, vector, 2));
    int constant = build_fill(&g, SHAPE(1), 3);
    int alone = build_act(&g, NET_ACT_NEG, 0, 0, constant);
    int mixed = build_binary(&g, NET_BINARY_MUL, image, alone);
    g.output = mixed;
    assert_true(g.values[g.style].from_style);
    assert_true(g.values[scaled].from_style);
    assert_true(g.values[alone].from_style); /* on constants alone */
    assert_false(g.values[image].from_style);
    assert_false(g.values[mixed].from_style);
    assert_false(g.values[constant].from_style);
    assert_true(net_graph_check(&g, &error));
    g.values[mixed].from_style = true;
    assert_false(net_graph_check(&g, &error));
    assert_non_null(strstr(error.message, "from_style is wrong"));
    net_graph_free(&g);
}

/* Each function damages a valid graph; the checker must refuse it with this message. */
static void break_output(struct net *net)
{
    net->graph.output = -1;
}
static void break_output_range(struct net *net)
{
    net->graph.output = (int)net->graph.value_count;
}
static void break_image(struct net *net)
{
    net->graph.image = net->conv;
}
static void break_style(struct net *net)
{
    net->graph.style = net->relu;
}
static void break_order(struct net *net)
{
    struct net_node *nodes = net->graph.nodes, first = nodes[1];
    nodes[1] = nodes[2];
    nodes[2] = first;
    net->graph.values[nodes[1].output].producer = 1;
    net->graph.values[nodes[2].output].producer = 2;
}
static void break_input(struct net *net)
{
    net->graph.nodes[2].input[0] = 1000;
}
static void break_input_absent(struct net *net)
{
    net->graph.nodes[2].input[0] = -1;
}
static void break_producer(struct net *net)
{
    net->graph.values[net->relu].producer = 1;
}
static void break_two_producers(struct net *net)
{
    net->graph.nodes[3].output = net->relu;
    net->graph.values[net->dead].producer = -1;
}
static void break_shape(struct net *net)
{
    net->graph.values[net->sum].shape.dim[3] = 5;
}
static void break_weights(struct net *net)
{
    net->graph.values[net->graph.nodes[1].input[1]].shape.dim[1] = 2;
}
static void break_arity(struct net *net)
{
    net->graph.nodes[4].input_count = 1;
}
static void break_op(struct net *net)
{
    net->graph.nodes[4].op = (enum net_op)99;
}
static void break_kind(struct net *net)
{
    net->graph.nodes[4].u.binary.kind = (enum net_binary)0;
}

static void test_checker(void **state)
{
    (void)state;
    static const struct {
        void (*damage)(struct net *net);
        const char *message;
    } cases[] = {
        {break_output, "computes no output"},
        {break_output_range, "computes no output"},
        {break_image, "no image input"},
        {break_style, "no style input"},
        {break_order, "before it is computed"},
        {break_input, "reads value 1000"},
        {break_input_absent, "reads value -1"},
        {break_producer, "a producer that does not compute it"},
        {break_two_producers, "a value that is not its own"},
        {break_shape, "computes [1,4,8,6], but its value is [1,4,8,5]"},
        {break_weights, "weights [4,2,3,3] do not fit input [1,3,8,6]"},
        {break_arity, "wrong number of inputs, 1"},
        {break_op, "unknown operation 99"},
        {break_kind, "unknown operation 0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net net;
        struct daub_error error = {0};
        make_net(&net);
        assert_true(net_graph_check(&net.graph, &error));
        cases[i].damage(&net);
        assert_false(net_graph_check(&net.graph, &error));
        assert_int_equal(error.status, DAUB_ERROR_MODEL);
        if (!strstr(error.message, cases[i].message))
            fail_msg("message: %s\nexpected: %s", error.message, cases[i].message);
        net_graph_free(&net.graph);
    }
}

/* Infers the last node's shape after a change and expects a refusal. */
static void expect_refused(struct net_graph *g, const char *message)
{
    struct net_shape shape;
    struct daub_error error = {0};
    const struct net_node *node = &g->nodes[g->node_count - 1];
    if (net_infer_shape(g, node, &shape, &error))
        fail_msg("accepted where it must say: %s", message);
    if (!strstr(error.message, message))
        fail_msg("message: %s\nexpected: %s", error.message, message);
}

static struct net_node *last(struct net_graph *g)
{
    return &g->nodes[g->node_count - 1];
}

static void test_window_shapes(void **state)
{
    (void)state;
    struct net_graph g;
    net_graph_init(&g);
    int image = build_image(&g, 3, 9, 7);
    expect_shape(&g, build_conv(&g, image, 4, 3, 1, 1), "[1,4,9,7]");
    struct net_window *w = &last(&g)->u.conv.window;
    w->pad[0] = 1 << 17;
    expect_refused(&g, "padding 131072 out of range");
    w->pad[0] = 1;
    w->stride[1] = 0;
    expect_refused(&g, "out of range");
    w->stride[1] = 1;
    w->dilation[0] = 6;
    expect_refused(&g, "window of 13 is larger than the padded input of 11");
    w->dilation[0] = 1;
    last(&g)->u.conv.pad_mode = NET_PAD_REFLECT;
    w->pad[1] = 7;
    expect_refused(&g, "cannot reflect 7 elements of 7");
    last(&g)->u.conv.pad_mode = NET_PAD_ZERO;
    last(&g)->u.conv.act = NET_ACT_PRELU;
    expect_refused(&g, "activation is incomplete");
    last(&g)->u.conv.act = NET_ACT_NONE;
    last(&g)->u.conv.group = 2;
    expect_refused(&g, "in 2 groups");
    last(&g)->u.conv.group = 1;
    last(&g)->u.conv.upsample = 2;
    w->pad[1] = 1;
    struct net_shape shape;
    struct daub_error error = {0};
    assert_true(net_infer_shape(&g, last(&g), &shape, &error));
    assert_int_equal(shape.dim[2], 18);
    assert_int_equal(shape.dim[3], 14);
    net_graph_free(&g);
}

static void test_layout_shapes(void **state)
{
    (void)state;
    static const int channels_last[] = {0, 2, 3, 1};
    struct net_graph g;
    net_graph_init(&g);
    int image = build_image(&g, 8, 6, 4);
    expect_shape(&g, build_transpose(&g, image, 4, channels_last), "[1,6,4,8]");
    last(&g)->u.transpose.perm[1] = 3;
    expect_refused(&g, "no permutation");
    expect_shape(&g, build_mean(&g, image, 0xc, true), "[1,8,1,1]");
    expect_shape(&g, build_mean(&g, image, 0xc, false), "[1,8]");
    last(&g)->u.reduce.axes = 1 << 4;
    expect_refused(&g, "out of range");
    expect_shape(&g, build_reshape(&g, image, SHAPE(8, 24)), "[8,24]");
    g.values[last(&g)->output].shape.dim[0] = 7;
    expect_refused(&g, "cannot reshape [1,8,6,4] to [7,24]");
    expect_shape(&g, build_pad(&g, image, NET_PAD_REFLECT, 5, 2, 0, -1), "[1,8,11,5]");
    last(&g)->u.pad.before[2] = 6;
    expect_refused(&g, "cannot reflect 6 elements of 6");
    last(&g)->u.pad.before[2] = 0;
    last(&g)->u.pad.before[3] = 3;
    expect_refused(&g, "cannot reflect 3 elements of 3"); /* left by the crop */
    last(&g)->u.pad.before[3] = -3;
    expect_refused(&g, "crops 4 elements");
    struct net_node *node = build_node(&g, NET_DEPTH_TO_SPACE, image, END);
    node->u.block.size = 2;
    node->u.block.order = NET_BLOCK_DCR;
    expect_shape(&g, build_done(&g), "[1,2,12,8]");
    last(&g)->u.block.size = 3;
    expect_refused(&g, "blocks of 3 do not divide [1,8,6,4]");
    net_graph_free(&g);
}

static void test_slice_shapes(void **state)
{
    (void)state;
    struct net_graph g;
    net_graph_init(&g);
    int image = build_image(&g, 8, 6, 4);
    struct net_node *node = build_node(&g, NET_SLICE, image, END);
    for (int i = 0; i < 4; i++)
        node->u.slice.step[i] = 1;
    node->u.slice.start[1] = 7;
    node->u.slice.step[1] = -3;
    expect_shape(&g, build_done_as(&g, SHAPE(1, 3, 6, 4)), "[1,3,6,4]");
    g.values[last(&g)->output].shape.dim[1] = 4; /* would reach channel -2 */
    expect_refused(&g, "cannot cut [1,4,6,4] out of [1,8,6,4]");
    g.values[last(&g)->output].shape.dim[1] = 3;
    last(&g)->u.slice.start[2] = 1;
    expect_refused(&g, "cannot cut");
    last(&g)->u.slice.start[2] = 0;
    last(&g)->u.slice.step[3] = 0;
    expect_refused(&g, "cannot cut");
    net_graph_free(&g);
}

/* Output sizes from scales, rounded as in ONNX Runtime, and output sizes given in the
 * file. */
static void test_resize_shapes(void **state)
{
    (void)state;
    static const struct {
        int in, own;
        float scale;
        int out;
    } cases[] = {
        {3, 0, 5.0f / 3, 5}, {7, 0, 0.5f, 3},     {100, 0, 0.01f, 1},
        {10, 0, 1.05f, 10},  {7, 5, 5.0f / 7, 5}, {49, 31, 31.0f / 49, 31},
        {7, 9, 2, 14}, /* a size that does not agree with the scale is ignored */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_graph g;
        struct net_shape shape;
        struct daub_error error = {0};
        net_graph_init(&g);
        int image = build_image(&g, 3, cases[i].in, 8);
        build_resize(&g, image, NET_RESIZE_NEAREST, NET_COORD_ASYMMETRIC,
                     NET_NEAREST_FLOOR, 1);
        last(&g)->u.resize.scale[0] = cases[i].scale;
        g.values[last(&g)->output].shape = SHAPE(1, 3, cases[i].own, 8);
        assert_true(net_infer_shape(&g, last(&g), &shape, &error));
        assert_int_equal(shape.dim[2], cases[i].out);
        static const float bad[] = {0, -1, 1e30f};
        for (int k = 0; k < 4 && cases[i].in < 50; k++) {
            last(&g)->u.resize.scale[0] = k < 3 ? bad[k] : NAN;
            expect_refused(&g, "cannot resize");
        }
        net_graph_free(&g);
    }
}

static void test_dump(void **state)
{
    (void)state;
    struct net net;
    make_net(&net);
    char *text = dump_graph(&net.graph);
    assert_string_equal(text, "graph 6x8 output %6\n"
                              "%0 [1,3,8,6] = input image\n"
                              "%3 [1,4,8,6] = conv kernel 3x3 pad 1,1,1,1 %0 "
                              "const[4,3,3,3] const[4]\n"
                              "%4 [1,4,8,6] = act relu %3\n"
                              "%5 [1,4,8,6] = act neg %4\n"
                              "%6 [1,4,8,6] = binary add %4 %3\n");
    free(text);
    net_graph_free(&net.graph);
}

/* Every allocation fails in turn; the graph must stay valid. */
static void test_allocation_failures(void **state)
{
    (void)state;
    for (long n = 1; n < 40; n++) {
        struct net_graph g;
        struct daub_error error = {0};
        const struct net_shape shape = SHAPE(1, 2, 3, 4);
        net_graph_init(&g);
        daub_alloc_fail_at(n);
        int x = net_graph_add_value(&g, "x", &shape, &error);
        int c = x < 0 ? -1 : net_graph_add_constant(&g, "c", &shape, NULL, &error);
        int y = c < 0 ? -1 : net_graph_add_value(&g, "y", &shape, &error);
        int node =
            y < 0 ? -1
                  : net_graph_add_node(&g, NET_INPUT, "x", "Input", NULL, 0, x, &error);
        if (node >= 0)
            node = net_graph_add_node(&g, NET_BINARY, "y", "Add", (int[]){x, c}, 2, y,
                                      &error);
        bool used_up = daub_alloc_fail_at(0) < n;
        assert_int_equal(error.status, used_up ? DAUB_OK : DAUB_ERROR_MEMORY);
        assert_true((node >= 0) == used_up);
        net_graph_free(&g);
        net_graph_free(&g); /* a second time */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_readers),       cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_from_style),    cmocka_unit_test(test_checker),
        cmocka_unit_test(test_window_shapes), cmocka_unit_test(test_layout_shapes),
        cmocka_unit_test(test_slice_shapes),  cmocka_unit_test(test_resize_shapes),
        cmocka_unit_test(test_dump),          cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
