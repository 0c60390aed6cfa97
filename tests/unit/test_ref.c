/* The reference executor against numbers worked out by hand, and (test_ref CASES.py)
 * against PyTorch, NumPy and the ONNX package. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/ref.h"
#include "net_build.h"
#include "script.h"
#include "util/alloc.h"

/* ---- by hand ---- */

/* Runs the graph on the given picture and compares the output. */
static void expect(struct net_graph *graph, const float *image, const float *want,
                   int64_t count)
{
    struct daub_error error = {0};
    struct net_ref ref;
    assert_true(net_graph_check(graph, &error));
    assert_true(net_ref_run(&ref, graph, image, NULL, NET_REF_ALL, true, &error));
    assert_int_equal(output_count(graph), count);
    for (int64_t i = 0; i < count; i++)
        if (fabsf(ref.result[graph->output][i] - want[i]) > 1e-5f)
            fail_msg("element %d is %g, not %g", (int)i,
                     (double)ref.result[graph->output][i], (double)want[i]);
    net_ref_free(&ref);
    net_graph_free(graph);
}

static const float nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static struct net_node *hand_conv(struct net_graph *graph, const float *weight, int size)
{
    net_graph_init(graph);
    int x = build_image(graph, 1, 3, 3);
    int w = build_constant(graph, SHAPE(1, 1, size, size), weight);
    struct net_node *node = build_node(graph, NET_CONV, x, w, END);
    node->u.conv.window = (struct net_window){{size, size}, {1, 1}, {1, 1}, {0}};
    node->u.conv.pad_mode = NET_PAD_ZERO;
    node->u.conv.group = node->u.conv.upsample = 1;
    node->u.conv.act = NET_ACT_NONE;
    return node;
}

static void test_conv_padding(void **state)
{
    (void)state;
    /* the element up and to the left of each */
    static const float weight[] = {1, 0, 0, 0, 0, 0, 0, 0, 0};
    static const float zero[] = {0, 0, 0, 0, 1, 2, 0, 4, 5};
    static const float reflect[] = {5, 4, 5, 2, 1, 2, 5, 4, 5};
    static const float edge[] = {1, 1, 2, 1, 1, 2, 4, 4, 5};
    static const float *const want[] = {
        [NET_PAD_ZERO] = zero, [NET_PAD_REFLECT] = reflect, [NET_PAD_EDGE] = edge};
    for (int mode = NET_PAD_ZERO; mode <= NET_PAD_EDGE; mode++) {
        struct net_graph graph;
        struct net_node *node = hand_conv(&graph, weight, 3);
        node->u.conv.pad_mode = (enum net_pad_mode)mode;
        for (int i = 0; i < 4; i++)
            node->u.conv.window.pad[i] = 1;
        build_done(&graph);
        expect(&graph, nine, want[mode], 9);
    }
}

static void test_conv_upsample_act(void **state)
{
    (void)state;
    /* 2x2 sums of the doubled picture, relu(sum - 20):
     * rows 1 1 2 2 3 3, the same, 4 4 5 5 6 6, the same, 7 7 8 8 9 9, the same */
    static const float weight[] = {1, 1, 1, 1};
    static const float want[] = {0, 0, 0, 0, 0, 0, 0,  0, 0,  0,  0,  0, 0,
                                 2, 4, 2, 4, 6, 8, 10, 8, 10, 12, 14, 16};
    struct net_graph graph;
    hand_conv(&graph, weight, 2);
    struct net_node *node = &graph.nodes[graph.node_count - 1];
    node->u.conv.upsample = 2;
    build_done(&graph);
    int bias = build_constant(&graph, SHAPE(1), &(float){-20});
    build_binary(&graph, NET_BINARY_ADD, graph.output, bias);
    build_act(&graph, NET_ACT_RELU, 0, 0, graph.output);
    expect(&graph, nine, want, 25);
}

static void test_norm(void **state)
{
    (void)state;
    /* mean 5, variance 60 / 9; scale 2, shift 1 */
    struct net_graph graph;
    net_graph_init(&graph);
    int x = build_image(&graph, 1, 3, 3);
    build_norm(&graph, x, build_fill(&graph, SHAPE(1), 2),
               build_fill(&graph, SHAPE(1), 1), 1, 0);
    float want[9];
    for (int i = 0; i < 9; i++)
        want[i] = 1 + 2 * (nine[i] - 5) / sqrtf(60.0f / 9);
    expect(&graph, nine, want, 9);
}

static void test_block_orders(void **state)
{
    (void)state;
    static const float image[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const float dcr[] = {0, 2, 4, 6, 1, 3, 5, 7}, crd[] = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int order = NET_BLOCK_DCR; order <= NET_BLOCK_CRD; order++) {
        struct net_graph graph;
        net_graph_init(&graph);
        struct net_node *node =
            build_node(&graph, NET_DEPTH_TO_SPACE, build_image(&graph, 8, 1, 1), END);
        node->u.block.size = 2;
        node->u.block.order = (enum net_block_order)order;
        build_done(&graph);
        expect(&graph, image, order == NET_BLOCK_DCR ? dcr : crd, 8);
    }
}

static void test_resize_modes(void **state)
{
    (void)state;
    static const float image[] = {10, 20, 30};
    static const struct {
        enum net_resize mode;
        enum net_coord coord;
        enum net_nearest nearest;
        float want[6];
    } cases[] = {
        {NET_RESIZE_NEAREST,
         NET_COORD_ASYMMETRIC,
         NET_NEAREST_FLOOR,
         {10, 10, 20, 20, 30, 30}},
        {NET_RESIZE_NEAREST,
         NET_COORD_ASYMMETRIC,
         NET_NEAREST_CEIL,
         {10, 20, 20, 30, 30, 30}},
        {NET_RESIZE_NEAREST,
         NET_COORD_HALF_PIXEL,
         NET_NEAREST_ROUND_PREFER_FLOOR,
         {10, 10, 20, 20, 30, 30}},
        {NET_RESIZE_NEAREST,
         NET_COORD_HALF_PIXEL,
         NET_NEAREST_FLOOR,
         {10, 10, 10, 20, 20, 30}},
        {NET_RESIZE_LINEAR,
         NET_COORD_HALF_PIXEL,
         NET_NEAREST_FLOOR,
         {10, 12.5f, 17.5f, 22.5f, 27.5f, 30}},
        {NET_RESIZE_LINEAR,
         NET_COORD_ASYMMETRIC,
         NET_NEAREST_FLOOR,
         {10, 15, 20, 25, 30, 30}},
        {NET_RESIZE_LINEAR,
         NET_COORD_ALIGN_CORNERS,
         NET_NEAREST_FLOOR,
         {10, 14, 18, 22, 26, 30}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net_graph graph;
        net_graph_init(&graph);
        int x = build_image(&graph, 1, 1, 3);
        build_resize(&graph, x, cases[i].mode, cases[i].coord, cases[i].nearest, 2);
        float want[12];
        memcpy(want, cases[i].want, sizeof(cases[i].want));
        memcpy(want + 6, cases[i].want, sizeof(cases[i].want));
        expect(&graph, image, want, 12);
    }
}

static void test_activations(void **state)
{
    (void)state;
    assert_true(net_ref_act(NET_ACT_LEAKY_RELU, 0.5f, 0, 0, -4) == -2);
    assert_true(net_ref_act(NET_ACT_PRELU, 0, 0, 0.25f, -4) == -1);
    assert_true(net_ref_act(NET_ACT_CLIP, -1, 1, 0, -4) == -1);
    assert_true(net_ref_act(NET_ACT_CLIP, -1, 1, 0, 4) == 1);
    assert_true(net_ref_act(NET_ACT_HARD_SIGMOID, 0.5f, 0.25f, 0, 0.5f) == 0.5f);
    assert_true(net_ref_act(NET_ACT_HARD_SWISH, 0, 0, 0, 3) == 3);
    assert_true(net_ref_act(NET_ACT_HARD_SWISH, 0, 0, 0, -3) == 0);
    assert_float_equal(net_ref_act(NET_ACT_ELU, 2, 0, 0, -1), 2 * (exp(-1) - 1), 1e-6);
    assert_float_equal(net_ref_act(NET_ACT_SIGMOID, 0, 0, 0, 0), 0.5, 0);
    assert_float_equal(net_ref_act(NET_ACT_SOFTPLUS, 0, 0, 0, 0), log(2), 1e-6);
    assert_true(net_ref_act(NET_ACT_SOFTPLUS, 0, 0, 0, 1000) == 1000);
    assert_true(net_ref_act(NET_ACT_SOFTPLUS, 0, 0, 0, -1000) == 0);
    assert_float_equal(net_ref_act(NET_ACT_SOFTPLUS, 0, 0, 0, -20) / exp(-20), 1, 1e-6);
    assert_true(isnan(net_ref_act(NET_ACT_SOFTPLUS, 0, 0, 0, NAN)));
    assert_true(isnan(net_ref_act(NET_ACT_RELU, 0, 0, 0, NAN)));
    assert_true(isnan(net_ref_act(NET_ACT_CLIP, 0, 1, 0, NAN)));
}

/* ---- running ---- */

/* image -> conv -> norm(scale from the style) -> relu -> + conv */
static void build_styled(struct net_graph *graph)
{
    net_graph_init(graph);
    int x = build_image(graph, 3, 6, 5);
    int style = build_style(graph, 2);
    int table = build_random(graph, SHAPE(2, 4), 0.5f, 1.5f, 3);
    struct net_node *node = build_node(graph, NET_MATMUL, style, table, END);
    node->u.matmul.alpha = 1;
    int scale = build_done(graph);
    scale = build_reshape(graph, scale, SHAPE(1, 4, 1, 1));
    int a = build_conv(graph, x, 4, 3, 1, 5);
    int b = build_norm(graph, a, scale, -1, 4, 1e-5f);
    b = build_act(graph, NET_ACT_RELU, 0, 0, b);
    build_binary(graph, NET_BINARY_ADD, a, b);
}

static void test_scopes(void **state)
{
    (void)state;
    struct net_graph graph;
    struct net_ref ref;
    struct daub_error error = {0};
    const float style[] = {0.25f, 0.75f};
    build_styled(&graph);
    assert_true(net_graph_check(&graph, &error));

    /* the style-only part needs no picture, and keeps the values that other nodes read */
    assert_true(net_ref_run(&ref, &graph, NULL, style, NET_REF_STYLE, false, &error));
    int computed = 0;
    for (size_t i = 0; i < graph.node_count; i++) {
        int v = graph.nodes[i].output;
        if (graph.nodes[i].op == NET_RESHAPE) {
            assert_non_null(ref.result[v]);
            int table = graph.nodes[2].input[1];
            for (int c = 0; c < 4; c++)
                assert_float_equal(ref.result[v][c],
                                   0.25f * graph.values[table].data[c] +
                                       0.75f * graph.values[table].data[4 + c],
                                   1e-6);
        }
        computed += ref.result[v] != NULL;
        if (!graph.values[v].from_style)
            assert_null(ref.result[v]);
    }
    assert_int_equal(computed, 2); /* the input and the reshape; the product is freed */
    net_ref_free(&ref);

    /* missing inputs are named */
    float image[90];
    random_fill(image, 90, 0, 1, 1);
    assert_false(net_ref_run(&ref, &graph, image, NULL, NET_REF_ALL, true, &error));
    assert_int_equal(error.status, DAUB_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "style"));
    net_ref_free(&ref);

    /* keeping and dropping give the same output */
    error = (struct daub_error){0};
    struct net_ref kept;
    assert_true(net_ref_run(&ref, &graph, image, style, NET_REF_ALL, false, &error));
    assert_true(net_ref_run(&kept, &graph, image, style, NET_REF_ALL, true, &error));
    assert_memory_equal(ref.result[graph.output], kept.result[graph.output],
                        4 * 30 * sizeof(float));
    for (size_t i = 0; i < graph.node_count; i++) {
        int v = graph.nodes[i].output;
        assert_non_null(kept.result[v]);
        bool stays = v == graph.image || v == graph.style || v == graph.output;
        assert_true((ref.result[v] != NULL) == stays);
    }
    net_ref_free(&ref);
    net_ref_free(&kept);
    net_graph_free(&graph);
}

static void test_memory(void **state)
{
    (void)state;
    struct net_graph graph;
    float image[90];
    const float style[] = {1, 0};
    build_styled(&graph);
    random_fill(image, 90, 0, 1, 1);
    bool ok = false;
    int failures = 0;
    for (long n = 1; !ok; n++) {
        struct daub_error error = {0};
        struct net_ref ref;
        daub_alloc_fail_at(n);
        ok = net_ref_run(&ref, &graph, image, style, NET_REF_ALL, false, &error);
        daub_alloc_fail_at(0);
        assert_true(ok || error.status == DAUB_ERROR_MEMORY);
        net_ref_free(&ref);
        failures += !ok;
    }
    assert_true(failures > 10);
    net_graph_free(&graph);
}

/* ---- against other programs ---- */

/* A file of make_ref_cases.py. */
static FILE *cases;

static void take(void *data, size_t bytes)
{
    assert_int_equal(fread(data, 1, bytes, cases), bytes);
}

static int take_int(void)
{
    int32_t value;
    take(&value, sizeof(value));
    return value;
}

struct tensor {
    struct net_shape shape;
    float *data; /* NULL: absent */
};

static struct tensor take_tensor(void)
{
    struct tensor t = {.shape.rank = take_int()};
    if (t.shape.rank < 0)
        return t;
    take(t.shape.dim, (size_t)t.shape.rank * sizeof(int64_t));
    int64_t count = net_shape_count(&t.shape);
    assert_true(count > 0);
    t.data = malloc((size_t)count * sizeof(float));
    assert_non_null(t.data);
    take(t.data, (size_t)count * sizeof(float));
    return t;
}

/* Reads a window's attributes; returns the integers behind them. */
static const int *window_of(struct net_window *window, const int *ints)
{
    for (int i = 0; i < 2; i++) {
        window->kernel[i] = ints[i];
        window->stride[i] = ints[2 + i];
        window->dilation[i] = ints[4 + i];
    }
    memcpy(window->pad, ints + 6, 4 * sizeof(int));
    return ints + 10;
}

static void set_conv(struct net_node *node, const int *ints, const float *floats)
{
    ints = window_of(&node->u.conv.window, ints);
    node->u.conv.pad_mode = (enum net_pad_mode)ints[0];
    node->u.conv.group = ints[1];
    node->u.conv.upsample = ints[2];
    node->u.conv.act = (enum net_act)ints[3];
    node->u.conv.alpha = floats[0];
    node->u.conv.beta = floats[1];
}

/* Attributes of operators over any number of axes: first, then second of each. */
static void set_axes(int64_t *first, int64_t *second, const int *ints, int rank)
{
    for (int i = 0; i < rank; i++) {
        first[i] = ints[i];
        second[i] = ints[rank + i];
    }
}

static void set_attributes(struct net_node *node, const int *ints, const float *floats,
                           int rank)
{
    switch (node->op) {
    case NET_CONV:
        set_conv(node, ints, floats);
        break;
    case NET_CONV_TRANSPOSE:
        ints = window_of(&node->u.deconv.window, ints);
        memcpy(node->u.deconv.output_padding, ints, 2 * sizeof(int));
        node->u.deconv.group = ints[2];
        break;
    case NET_NORM:
        node->u.norm.groups = ints[0];
        node->u.norm.epsilon = floats[0];
        break;
    case NET_ACT:
        node->u.act.kind = (enum net_act)ints[0];
        node->u.act.alpha = floats[0];
        node->u.act.beta = floats[1];
        break;
    case NET_BINARY:
        node->u.binary.kind = (enum net_binary)ints[0];
        break;
    case NET_CONCAT:
        node->u.concat.axis = ints[0];
        break;
    case NET_SLICE:
        set_axes(node->u.slice.start, node->u.slice.step, ints, rank);
        break;
    case NET_PAD:
        node->u.pad.mode = (enum net_pad_mode)ints[0];
        node->u.pad.value = floats[0];
        set_axes(node->u.pad.before, node->u.pad.after, ints + 1, rank);
        break;
    case NET_RESIZE:
        node->u.resize.mode = (enum net_resize)ints[0];
        node->u.resize.coord = (enum net_coord)ints[1];
        node->u.resize.nearest = (enum net_nearest)ints[2];
        memcpy(node->u.resize.scale, floats, 2 * sizeof(float));
        break;
    case NET_DEPTH_TO_SPACE:
    case NET_SPACE_TO_DEPTH:
        node->u.block.size = ints[0];
        node->u.block.order = (enum net_block_order)ints[1];
        break;
    case NET_POOL:
        node->u.pool.kind = (enum net_pool)ints[0];
        window_of(&node->u.pool.window, ints + 1);
        break;
    case NET_MEAN:
        node->u.reduce.axes = (unsigned)ints[0];
        node->u.reduce.keep = ints[1];
        break;
    case NET_TRANSPOSE:
        memcpy(node->u.transpose.perm, ints, (size_t)rank * sizeof(int));
        break;
    case NET_MATMUL:
        node->u.matmul.transpose_a = ints[0];
        node->u.matmul.transpose_b = ints[1];
        node->u.matmul.alpha = floats[0];
        node->u.matmul.beta = floats[1];
        break;
    default: /* without attributes */
        break;
    }
}

/* Reads one case and runs it: its first input is the picture, the others constants. */
static void run_case(void)
{
    char name[64];
    int ints[64];
    float floats[8];
    take(name, sizeof(name));
    int op = take_int(), int_count = take_int();
    assert_int_in_range(int_count, 0, 64);
    take(ints, (size_t)int_count * sizeof(int32_t));
    int float_count = take_int();
    assert_int_in_range(float_count, 0, 8);
    take(floats, (size_t)float_count * sizeof(float));
    int input_count = take_int(), input[4] = {END, END, END, END};
    assert_int_in_range(input_count, 1, 4);

    struct net_graph graph;
    net_graph_init(&graph);
    float *image = NULL;
    for (int i = 0; i < input_count; i++) {
        struct tensor t = take_tensor();
        if (i == 0) {
            input[0] = build_input(&graph, t.shape, &graph.image);
            image = t.data;
            continue;
        }
        input[i] = t.data ? build_constant(&graph, t.shape, t.data) : -1;
        free(t.data);
    }
    struct tensor want = take_tensor();
    struct net_node *node =
        build_node(&graph, (enum net_op)op, input[0], input[1], input[2], input[3], END);
    set_attributes(node, ints, floats, want.shape.rank);
    build_done_as(&graph, want.shape);
    if (!net_shape_equal(&graph.values[graph.output].shape, &want.shape))
        fail_msg("%s: wrong shape", name);

    struct daub_error error = {0};
    struct net_ref ref;
    if (!net_graph_check(&graph, &error) ||
        !net_ref_run(&ref, &graph, image, NULL, NET_REF_ALL, true, &error))
        fail_msg("%s: %s", name, error.message);
    double off =
        relative_error(ref.result[graph.output], want.data, net_shape_count(&want.shape));
    if (!(off < 1e-5))
        fail_msg("%s: off by %g", name, off);
    net_ref_free(&ref);
    net_graph_free(&graph);
    free(image);
    free(want.data);
}

static void test_cases(void **state)
{
    (void)state;
    char magic[8];
    take(magic, sizeof(magic));
    assert_memory_equal(magic, "DAUBREF1", 8);
    int count = take_int();
    assert_true(count > 150);
    for (int i = 0; i < count; i++)
        run_case();
    assert_int_equal(fgetc(cases), EOF);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        int code;
        cases = run_script(argv[1], argv[2], &code);
        if (!cases)
            return code;
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
        code = cmocka_run_group_tests(tests, NULL, NULL);
        fclose(cases);
        return code;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_padding), cmocka_unit_test(test_conv_upsample_act),
        cmocka_unit_test(test_norm),         cmocka_unit_test(test_block_orders),
        cmocka_unit_test(test_resize_modes), cmocka_unit_test(test_activations),
        cmocka_unit_test(test_scopes),       cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
