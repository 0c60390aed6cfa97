/* The passes: dumps before and after against tests/golden, numbers before and after
 * through the reference executor. DAUB_GOLDEN_UPDATE=1 rewrites the dumps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/passes.h"
#include "net_build.h"
#include "pass_cases.h"
#include "util/alloc.h"

/* All passes but the last, which refuses: devices cannot run all graphs of the cases. */
static void rewrite(struct net_graph *graph, const char *name)
{
    struct daub_error error = {0};
    for (size_t i = 0; i + 1 < net_pass_count; i++) {
        bool ok = net_passes[i].run(graph, &error);
        net_graph_sweep(graph);
        if (!ok || !net_graph_check(graph, &error))
            fail_msg("%s, pass %s: %s", name, net_passes[i].name, error.message);
    }
}

static void build_case(struct net_graph *graph, void (*build)(struct net_graph *graph))
{
    struct daub_error error = {0};
    net_graph_init(graph);
    build(graph);
    if (!net_graph_check(graph, &error))
        fail_msg("%s", error.message);
}

static char *read_golden(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = calloc(1, 65536);
    assert_non_null(text);
    size_t size = fread(text, 1, 65535, file);
    text[size] = 0;
    fclose(file);
    return text;
}

static void compare_golden(const char *name, const char *before, const char *after)
{
    char path[512], text[65536];
    snprintf(path, sizeof(path), GOLDEN "/%s.txt", name);
    snprintf(text, sizeof(text), "%s-- after the passes --\n%s", before, after);
    if (getenv("DAUB_GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
    }
    char *golden = read_golden(path);
    if (!golden || strcmp(golden, text) != 0) {
        print_message("%s", text);
        fail_msg("%s differs from the graphs above", path);
    }
    free(golden);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < pass_case_count; i++) {
        struct net_graph graph;
        build_case(&graph, pass_cases[i].build);
        int64_t count = output_count(&graph);
        char *before_text = dump_graph(&graph);
        float *before = run_graph(&graph, 7);
        rewrite(&graph, pass_cases[i].name);
        assert_int_equal(output_count(&graph), count);
        char *after_text = dump_graph(&graph);
        float *after = run_graph(&graph, 7);
        double off = relative_error(after, before, count);
        if (!(off < 1e-4))
            fail_msg("%s: the passes change the output by %g\n%s", pass_cases[i].name,
                     off, after_text);
        compare_golden(pass_cases[i].name, before_text, after_text);
        net_graph_free(&graph);
        free(before);
        free(after);
        free(before_text);
        free(after_text);
    }
}

/* Which attributes of Resize give x[i / 2], worked out by hand. */
static void test_doubling(void **state)
{
    (void)state;
    static const bool folds[5][5] = {
        [NET_COORD_ASYMMETRIC][NET_NEAREST_FLOOR] = true,
        [NET_COORD_ASYMMETRIC][NET_NEAREST_ROUND_PREFER_FLOOR] = true,
        [NET_COORD_HALF_PIXEL][NET_NEAREST_ROUND_PREFER_FLOOR] = true,
        [NET_COORD_HALF_PIXEL][NET_NEAREST_ROUND_PREFER_CEIL] = true,
        [NET_COORD_PYTORCH_HALF_PIXEL][NET_NEAREST_ROUND_PREFER_FLOOR] = true,
        [NET_COORD_PYTORCH_HALF_PIXEL][NET_NEAREST_ROUND_PREFER_CEIL] = true,
        /* i (n - 1) / (2 n - 1) lies less than a half from i / 2 rounded down */
        [NET_COORD_ALIGN_CORNERS][NET_NEAREST_ROUND_PREFER_FLOOR] = true,
        [NET_COORD_ALIGN_CORNERS][NET_NEAREST_ROUND_PREFER_CEIL] = true,
    };
    for (int coord = 1; coord <= NET_COORD_ALIGN_CORNERS; coord++)
        for (int nearest = 1; nearest <= NET_NEAREST_ROUND_PREFER_CEIL; nearest++) {
            struct net_graph graph;
            net_graph_init(&graph);
            int x = build_image(&graph, 2, 5, 4);
            int y = build_resize(&graph, x, NET_RESIZE_NEAREST, (enum net_coord)coord,
                                 (enum net_nearest)nearest, 2);
            build_conv(&graph, y, 3, 3, 1, 1);
            float *before = run_graph(&graph, 3);
            rewrite(&graph, "doubling");
            float *after = run_graph(&graph, 3);
            assert_int_equal(graph.node_count, folds[coord][nearest] ? 2 : 3);
            assert_true(relative_error(after, before, output_count(&graph)) < 1e-5);
            net_graph_free(&graph);
            free(before);
            free(after);
        }
}

/* ---- graphs at random ---- */

struct random {
    struct net_graph *graph;
    uint64_t state;
    int map[64]; /* feature maps so far */
    int maps;
};

static int pick(struct random *r, int n)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (int)((r->state >> 33) % (uint64_t)n);
}

static int random_constant(struct random *r, const struct net_shape *map)
{
    static const float plain[] = {0, 1, -1, 2};
    int c = (int)map->dim[1];
    unsigned seed = (unsigned)pick(r, 1000);
    switch (pick(r, 5)) {
    case 0:
        return build_fill(r->graph, SHAPE(1), plain[pick(r, 4)]);
    case 1:
        return build_fill(r->graph, SHAPE(c, 1, 1), plain[pick(r, 4)]);
    case 2:
        return build_random(r->graph, SHAPE(1, c, 1, 1), 0.5f, 2, seed);
    case 3:
        return build_random(r->graph, SHAPE((int)map->dim[3]), 0.5f, 2, seed);
    default:
        return build_random(r->graph, SHAPE(c, 1, 1), -2, -0.5f, seed);
    }
}

static int random_binary(struct random *r, int x)
{
    static const enum net_binary kinds[] = {NET_BINARY_ADD, NET_BINARY_SUB,
                                            NET_BINARY_MUL};
    const struct net_shape shape = r->graph->values[x].shape;
    int other = r->map[pick(r, r->maps)];
    if (pick(r, 3) || !net_shape_equal(&shape, &r->graph->values[other].shape))
        other = random_constant(r, &shape);
    enum net_binary kind = kinds[pick(r, 3)];
    return pick(r, 3) ? build_binary(r->graph, kind, x, other)
                      : build_binary(r->graph, kind, other, x);
}

static int random_conv(struct random *r, int x)
{
    int channels = (int)r->graph->values[x].shape.dim[1], kernel = 1 + 2 * pick(r, 2);
    build_conv(r->graph, x, channels, kernel, 0, (unsigned)pick(r, 1000));
    struct net_node *node = &r->graph->nodes[r->graph->node_count - 1];
    int group = pick(r, 4) == 0 && channels % 2 == 0 ? 2 : 1;
    if (group == 2)
        node->input[1] = build_random(
            r->graph, SHAPE(channels, channels / 2, kernel, kernel), -0.5f, 0.5f, 3);
    node->u.conv.group = group;
    node->u.conv.pad_mode = (enum net_pad_mode)(1 + pick(r, 3));
    for (int i = 0; i < 4; i++)
        node->u.conv.window.pad[i] = kernel == 3 && pick(r, 4) ? 1 : 0;
    return build_done(r->graph);
}

static int random_deconv(struct random *r, int x)
{
    int channels = (int)r->graph->values[x].shape.dim[1];
    int weight = build_random(r->graph, SHAPE(channels, 2, 2, 2), -1, 1, 4);
    struct net_node *node = build_node(r->graph, NET_CONV_TRANSPOSE, x, weight, END);
    node->u.deconv.window = (struct net_window){{2, 2}, {1, 1}, {1, 1}, {1, 0, 0, 1}};
    node->u.deconv.group = channels % 2 == 0 ? 2 : 1;
    return build_done(r->graph);
}

static int random_norm(struct random *r, int x)
{
    int c = (int)r->graph->values[x].shape.dim[1];
    int scale = pick(r, 2) ? build_random(r->graph, SHAPE(c), 0.5f, 2, 1) : -1;
    int shift = pick(r, 2) ? build_random(r->graph, SHAPE(c), -1, 1, 2) : -1;
    return build_norm(r->graph, x, scale, shift, pick(r, 2) ? c : 1, 0.1f);
}

static int random_node(struct random *r)
{
    int x = r->map[r->maps - 1 - (pick(r, 3) ? 0 : pick(r, r->maps))];
    const int64_t *d = r->graph->values[x].shape.dim;
    switch (pick(r, 9)) {
    case 0:
        return build_pad(r->graph, x, (enum net_pad_mode)(1 + pick(r, 4)), pick(r, 2), 1,
                         pick(r, 2), 1);
    case 1:
        return d[2] * d[3] > 400
                   ? x
                   : build_resize(r->graph, x, NET_RESIZE_NEAREST, NET_COORD_ASYMMETRIC,
                                  NET_NEAREST_FLOOR, (float)(1 + pick(r, 2)));
    case 2:
        return build_act(r->graph, pick(r, 2) ? NET_ACT_RELU : NET_ACT_TANH, 0, 0, x);
    case 3:
    case 4:
        return random_binary(r, x);
    case 5:
        return random_norm(r, x);
    case 6:
        return d[2] > 3 && d[3] > 3 && pick(r, 3) == 0 ? random_deconv(r, x)
                                                       : random_conv(r, x);
    default:
        return random_conv(r, x);
    }
}

static void build_at_random(struct net_graph *graph, unsigned seed)
{
    struct random r = {.graph = graph, .state = seed};
    net_graph_init(graph);
    r.map[r.maps++] = build_image(graph, 2 + pick(&r, 3), 6, 7);
    int length = 3 + pick(&r, 12);
    for (int i = 0; i < length; i++) {
        int64_t smallest = 3;
        int y = random_node(&r);
        const int64_t *d = graph->values[y].shape.dim;
        if (d[2] >= smallest && d[3] >= smallest)
            r.map[r.maps++] = y;
    }
    /* keeps every value in use */
    graph->output = r.map[r.maps - 1];
    net_graph_sweep(graph);
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 400; seed++) {
        struct net_graph graph;
        struct daub_error error = {0};
        build_at_random(&graph, seed);
        if (!net_graph_check(&graph, &error))
            fail_msg("seed %u: %s", seed, error.message);
        if (graph.node_count < 2) {
            net_graph_free(&graph);
            continue;
        }
        char *text = dump_graph(&graph);
        int64_t count = output_count(&graph);
        float *before = run_graph(&graph, seed);
        rewrite(&graph, "random graph");
        assert_int_equal(output_count(&graph), count);
        float *after = run_graph(&graph, seed);
        double off = relative_error(after, before, count);
        if (!(off < 1e-4)) {
            char *now = dump_graph(&graph);
            fail_msg("seed %u: off by %g\n%s\n%s", seed, off, text, now);
        }
        net_graph_free(&graph);
        free(before);
        free(after);
        free(text);
    }
}

/* ---- refusals ---- */

static void expect_refusal(struct net_graph *graph, const char *word)
{
    struct daub_error error = {0};
    assert_true(net_graph_check(graph, &error));
    assert_false(net_passes_run(graph, &error));
    assert_int_equal(error.status, DAUB_ERROR_MODEL);
    if (!strstr(error.message, word))
        fail_msg("'%s' does not name %s", error.message, word);
    net_graph_free(graph);
}

static void test_reject(void **state)
{
    (void)state;
    struct net_graph graph;
    net_graph_init(&graph);
    /* a feature map computed from the style weights */
    int x = build_image(&graph, 3, 4, 4);
    int style = build_reshape(&graph, build_style(&graph, 16), SHAPE(1, 1, 4, 4));
    build_binary(&graph, NET_BINARY_MUL, x, style);
    expect_refusal(&graph, "binary");

    /* a product of two matrices that both depend on the picture */
    net_graph_init(&graph);
    x = build_reshape(&graph, build_image(&graph, 4, 2, 2), SHAPE(4, 4));
    struct net_node *product = build_node(&graph, NET_MATMUL, x, x, END);
    product->u.matmul.alpha = 1;
    build_done(&graph);
    expect_refusal(&graph, "matmul");

    /* a slice of two joined axes */
    net_graph_init(&graph);
    x = build_reshape(&graph, build_image(&graph, 3, 4, 4), SHAPE(1, 2, 2, 2, 3, 2));
    struct net_node *slice = build_node(&graph, NET_SLICE, x, END);
    for (int i = 0; i < 6; i++)
        slice->u.slice.step[i] = 1;
    build_done_as(&graph, SHAPE(1, 2, 2, 2, 2, 2));
    expect_refusal(&graph, "slice");
}

/* What is no normalization is computed as it is written. */
static void test_unusual(void **state)
{
    (void)state;
    for (int n = 0; n < 6; n++) {
        struct net_graph graph;
        struct daub_error error = {0};
        net_graph_init(&graph);
        int x = build_image(&graph, 3, 4, 4), y = x;
        if (n <
            2) /* means over the map, variance over all channels; or another epsilon */
            y = build_binary(&graph, NET_BINARY_SUB, x,
                             build_mean(&graph, x, 3 << 2, true));
        int square = build_binary(&graph, NET_BINARY_MUL, y, y);
        int root = build_act(&graph, NET_ACT_SQRT, 0, 0,
                             build_mean(&graph, square,
                                        n == 0   ? 7 << 1
                                        : n == 2 ? 1 << 1
                                                 : 3 << 2,
                                        true));
        if (n == 1)
            root = build_binary(&graph, NET_BINARY_ADD, root,
                                build_fill(&graph, SHAPE(1), 0.1f));
        if (n < 3)
            build_binary(&graph, NET_BINARY_DIV, y, root);
        if (n == 3)
            build_transpose(&graph, x, 4, (const int[]){0, 1, 3, 2});
        if (n == 4) /* channels last, where an operator cannot follow */
            build_reshape(&graph,
                          build_transpose(&graph, x, 4, (const int[]){0, 2, 3, 1}),
                          SHAPE(1, 3, 4, 4));
        if (n == 5) {
            x = build_reshape(&graph, x, SHAPE(1, 3, 16));
            x = build_transpose(&graph, x, 3, (const int[]){0, 2, 1});
            x = build_binary(&graph, NET_BINARY_MUL, x,
                             build_mean(&graph, x, 1 << 2, true));
            x = build_reshape(&graph, x, SHAPE(1, 4, 2, 2, 3));
            build_act(&graph, NET_ACT_EXP, 0, 0, x);
        }
        float *before = run_graph(&graph, 1);
        int64_t count = output_count(&graph);
        if (!net_passes_run(&graph, &error))
            fail_msg("case %d: %s", n, error.message);
        float *after = run_graph(&graph, 1);
        assert_int_equal(output_count(&graph), count);
        if (!(relative_error(after, before, count) < 1e-5))
            fail_msg("case %d is off by %g", n, relative_error(after, before, count));
        free(before);
        free(after);
        net_graph_free(&graph);
    }
}

static void test_web_net_runs(void **state)
{
    (void)state;
    struct net_graph graph;
    struct daub_error error = {0};
    build_case(&graph, build_web_net);
    float *before = run_graph(&graph, 1);
    if (!net_passes_run(&graph, &error))
        fail_msg("%s", error.message);
    float *after = run_graph(&graph, 1);
    assert_true(relative_error(after, before, output_count(&graph)) < 1e-4);
    for (size_t i = 0; i < graph.node_count; i++) {
        enum net_op op = graph.nodes[i].op;
        assert_true(op == NET_INPUT || op == NET_CONV || op == NET_NORM ||
                    op == NET_ACT || op == NET_BINARY);
    }
    net_graph_free(&graph);
    free(before);
    free(after);
}

static void test_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < pass_case_count; i++) {
        bool ok = false;
        for (long n = 1; !ok; n++) {
            struct net_graph graph;
            struct daub_error error = {0};
            build_case(&graph, pass_cases[i].build);
            daub_alloc_fail_at(n);
            ok = net_passes_run(&graph, &error) || error.status == DAUB_ERROR_MODEL;
            daub_alloc_fail_at(0);
            if (!ok && error.status != DAUB_ERROR_MEMORY)
                fail_msg("%s, allocation %ld: %s", pass_cases[i].name, n, error.message);
            net_graph_free(&graph);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),   cmocka_unit_test(test_doubling),
        cmocka_unit_test(test_random),  cmocka_unit_test(test_reject),
        cmocka_unit_test(test_unusual), cmocka_unit_test(test_web_net_runs),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
