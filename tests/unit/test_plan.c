/* The planner without a device: the plan of a Johnson-type network, memory, barriers,
 * 16-bit weights, styles, limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/half.h"
#include "net/lower.h"
#include "net/passes.h"
#include "net/plan.h"
#include "net_build.h"
#include "pass_cases.h"
#include "util/alloc.h"

static const struct plan_range unit_range = {1, 0};

static struct plan_caps caps_of(bool host, bool fp16)
{
    return (struct plan_caps){.host = host,
                              .fp16 = fp16,
                              .align = 64,
                              .max_range = (uint64_t)1 << 30,
                              .shared_bytes = 32768};
}

/* ---- networks ---- */

static int conv(struct net_graph *graph, int x, int outputs, int kernel, int stride,
                unsigned seed)
{
    build_conv(graph, x, outputs, kernel, kernel / 2, seed);
    struct net_node *node = &graph->nodes[graph->node_count - 1];
    node->u.conv.pad_mode = NET_PAD_REFLECT;
    node->u.conv.window.stride[0] = node->u.conv.window.stride[1] = stride;
    return build_done(graph);
}

static int norm(struct net_graph *graph, int x, unsigned seed)
{
    int channels = (int)graph->values[x].shape.dim[1];
    int scale = build_random(graph, SHAPE(channels), 0.5f, 1.5f, seed);
    int shift = build_random(graph, SHAPE(channels), -1, 1, seed + 1);
    return build_norm(graph, x, scale, shift, channels, 1e-5f);
}

static int norm_relu(struct net_graph *graph, int x, unsigned seed)
{
    return build_act(graph, NET_ACT_RELU, 0, 0, norm(graph, x, seed));
}

static int doubled(struct net_graph *graph, int x)
{
    return build_resize(graph, x, NET_RESIZE_NEAREST, NET_COORD_ASYMMETRIC,
                        NET_NEAREST_FLOOR, 2);
}

/* Johnson et al. 2016 with c channels at full size: 9x9, two strided ones, five residual
 * blocks, two upsampled ones, 9x9. */
static void johnson(struct net_graph *graph, int c, int height, int width)
{
    int x = build_image(graph, 3, height, width);
    x = norm_relu(graph, conv(graph, x, c, 9, 1, 1), 2);
    x = norm_relu(graph, conv(graph, x, 2 * c, 3, 2, 4), 5);
    x = norm_relu(graph, conv(graph, x, 4 * c, 3, 2, 7), 8);
    for (unsigned i = 0; i < 5; i++) {
        int y = norm_relu(graph, conv(graph, x, 4 * c, 3, 1, 10 + i), 20 + i);
        y = norm(graph, conv(graph, y, 4 * c, 3, 1, 30 + i), 40 + i);
        x = build_binary(graph, NET_BINARY_ADD, y, x);
    }
    x = norm_relu(graph, conv(graph, doubled(graph, x), 2 * c, 3, 1, 60), 61);
    x = norm_relu(graph, conv(graph, doubled(graph, x), c, 3, 1, 63), 64);
    conv(graph, x, 3, 9, 1, 66);
}

static void prepared(struct net_graph *graph)
{
    struct daub_error error = {0};
    if (!net_graph_check(graph, &error) || !net_passes_run(graph, &error))
        fail_msg("%s", error.message);
}

static void planned(struct plan *plan, const struct net_graph *graph,
                    const struct plan_caps *caps)
{
    struct daub_error error = {0};
    if (!net_lower(plan, graph, caps, &unit_range, &error) ||
        !net_plan_check(plan, &error))
        fail_msg("%s", error.message);
}

static int convolutions(const struct plan *plan)
{
    int count = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        count += plan->steps[i].macs > 0;
    return count;
}

static int steps_of(const struct plan *plan, enum kernel kernel)
{
    int count = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        count += plan->steps[i].kernel == kernel;
    return count;
}

/* ---- the Johnson network ---- */

static void check_johnson(const struct net_graph *graph, bool host, bool fp16,
                          int residual_blocks)
{
    struct plan plan;
    struct plan_caps caps = caps_of(host, fp16);
    planned(&plan, graph, &caps);
    int convs = convolutions(&plan);
    print_message("%s %s: %d convolutions in %zu steps, %d live maps, %.1f MB arena, "
                  "%.1f MB weights\n",
                  host ? "host" : "shaders", fp16 ? "fp16" : "fp32", convs,
                  plan.step_count, plan.max_live_maps, (double)plan.arena_bytes / 1e6,
                  (double)plan.weight_bytes / 1e6);
    assert_true(convs <= 18);
    assert_int_equal(convs, 2 * residual_blocks + 6);
    assert_true(plan.max_live_maps <= 3);
    /* Norms, activations, padding and upsampling are no dispatches; the residual sums
     * are. */
    assert_int_equal(steps_of(&plan, KERNEL_POINTWISE), residual_blocks);
    assert_int_equal(steps_of(&plan, KERNEL_RESIZE) + steps_of(&plan, KERNEL_REMAP), 0);
    assert_int_equal(steps_of(&plan, KERNEL_STATS), 0);
    net_plan_free(&plan);
}

/* Bytes of the tile of conv_shared.comp. */
static uint32_t tile_bytes(const struct plan_step *step)
{
    const struct conv_shared_constants *c = &step->constants.own.conv_shared;
    int h = (c->TILE_H - 1) * c->SY + (c->KH - 1) * c->DY + 1;
    int w = (c->TILE_W - 1) * c->SX + (c->KW - 1) * c->DX + 1;
    int vectors = h * w * c->CHUNK, lanes = step->constants.LANES;
    return (uint32_t)(vectors > lanes ? vectors : lanes) * 16;
}

/* No tile is larger than a device's shared memory; 16384 is the least that Vulkan
 * allows. */
static void test_shared_memory(void **state)
{
    (void)state;
    struct net_graph graph;
    net_graph_init(&graph);
    johnson(&graph, 32, 64, 64);
    prepared(&graph);
    for (uint32_t bytes = 49152; bytes >= 16384; bytes -= 16384) {
        struct plan plan;
        struct plan_caps caps = caps_of(false, false);
        caps.shared_bytes = bytes;
        planned(&plan, &graph, &caps);
        for (size_t i = 0; i < plan.step_count; i++)
            assert_true(plan.steps[i].kernel != KERNEL_CONV_SHARED ||
                        tile_bytes(&plan.steps[i]) <= bytes);
        assert_int_equal(steps_of(&plan, KERNEL_CONV_SHARED), convolutions(&plan));
        net_plan_free(&plan);
    }
    net_graph_free(&graph);
}

static void test_johnson(void **state)
{
    (void)state;
    struct net_graph graph;
    net_graph_init(&graph);
    johnson(&graph, 16, 360, 640);
    prepared(&graph);
    for (int i = 0; i < 3; i++)
        check_johnson(&graph, i == 0, i == 2, 5);
    net_graph_free(&graph);
}

static void test_web_net(void **state)
{
    (void)state;
    struct net_graph graph;
    net_graph_init(&graph);
    build_web_net(&graph);
    prepared(&graph);
    check_johnson(&graph, true, false, 2);
    check_johnson(&graph, false, true, 2);
    net_graph_free(&graph);
}

/* ---- Winograd ---- */

static struct plan_caps host_caps(void)
{
    return (struct plan_caps){.host = true, .align = 64, .max_range = (uint64_t)1 << 40};
}

static int winograd_steps(const struct net_graph *graph, const struct plan_caps *caps,
                          size_t *weight_bytes)
{
    struct plan plan;
    planned(&plan, graph, caps);
    int count = steps_of(&plan, KERNEL_WINOGRAD);
    *weight_bytes = plan.weight_bytes;
    net_plan_free(&plan);
    return count;
}

/* In a network of the Johnson kind, the residual blocks and the upsampled convolutions;
 * the statistics of its normalizations come from the kernel, too. */
static void test_winograd(void **state)
{
    (void)state;
    struct net_graph graph;
    struct plan_caps caps = host_caps(), shaders = caps_of(false, false);
    size_t bytes, direct_bytes;
    net_graph_init(&graph);
    johnson(&graph, 16, 90, 160);
    prepared(&graph);
    assert_int_equal(winograd_steps(&graph, &caps, &bytes), 12);
    caps.no_winograd = true;
    assert_int_equal(winograd_steps(&graph, &caps, &direct_bytes), 0);
    assert_true(bytes < 5 * direct_bytes);
    assert_int_equal(winograd_steps(&graph, &shaders, &bytes), 0);
    net_graph_free(&graph);
}

/* Convolutions that the kernel cannot make or whose weights become too large. */
static void test_winograd_limits(void **state)
{
    (void)state;
    static const struct {
        int in, out, kernel, stride, expected;
    } cases[] = {{16, 16, 3, 1, 1},   {16, 16, 5, 1, 0}, {16, 16, 3, 2, 0},
                 {336, 336, 3, 1, 1}, {12, 16, 3, 1, 0}, {16, 3, 3, 1, 0},
                 {352, 352, 3, 1, 0}};
    struct plan_caps caps = host_caps();
    size_t bytes;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct net_graph graph;
        net_graph_init(&graph);
        conv(&graph, build_image(&graph, cases[i].in, 8, 8), cases[i].out,
             cases[i].kernel, cases[i].stride, 1);
        prepared(&graph);
        if (winograd_steps(&graph, &caps, &bytes) != cases[i].expected)
            fail_msg("case %zu has other kernels", i);
        net_graph_free(&graph);
    }
}

/* The weights of a plan with many wide layers. */
static void test_winograd_memory(void **state)
{
    (void)state;
    struct net_graph graph;
    struct plan_caps caps = host_caps();
    size_t bytes;
    net_graph_init(&graph);
    int x = build_image(&graph, 320, 8, 8);
    for (unsigned i = 0; i < 24; i++)
        x = conv(&graph, x, 320, 3, 1, i);
    prepared(&graph);
    assert_int_in_range(winograd_steps(&graph, &caps, &bytes), 10, 20);
    assert_true(bytes < (size_t)320 << 20);
    net_graph_free(&graph);
}

/* Memory of a half-width network at 1920 x 1080 in 16 bits. */
static void test_memory_1080p(void **state)
{
    (void)state;
    struct net_graph graph;
    struct plan plan;
    struct plan_caps caps = caps_of(false, true);
    net_graph_init(&graph);
    johnson(&graph, 16, 1080, 1920);
    prepared(&graph);
    planned(&plan, &graph, &caps);
    size_t map = (size_t)1080 * 1920 * 16 * 2;
    print_message("arena %.1f MB, weights %.1f MB; the first map has %.1f MB\n",
                  (double)plan.arena_bytes / 1e6, (double)plan.weight_bytes / 1e6,
                  (double)map / 1e6);
    assert_true(plan.arena_bytes + plan.weight_bytes < (size_t)400 << 20);
    assert_true(plan.arena_bytes >= map);
    net_plan_free(&plan);
    net_graph_free(&graph);
}

/* ---- net_plan_check finds faults ---- */

static bool conflicting(const struct plan *plan, const struct plan_tensor *a,
                        const struct plan_tensor *b)
{
    return !a->external && !b->external && a->first >= 0 && b->first >= 0 &&
           (plan->caps.keep_all || (a->first <= b->last && b->first <= a->last)) &&
           a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void small_plan(struct plan *plan, struct net_graph *graph, bool keep_all)
{
    struct plan_caps caps = caps_of(true, false);
    caps.keep_all = keep_all;
    net_graph_init(graph);
    johnson(graph, 4, 32, 32);
    prepared(graph);
    planned(plan, graph, &caps);
}

static void test_placement(void **state)
{
    (void)state;
    size_t arena[2];
    for (int keep = 0; keep < 2; keep++) {
        struct plan plan;
        struct net_graph graph;
        small_plan(&plan, &graph, keep);
        for (size_t i = 0; i < plan.tensor_count; i++) {
            assert_true(plan.tensors[i].external ||
                        plan.tensors[i].offset % plan.caps.align == 0);
            for (size_t k = 0; k < i; k++)
                assert_false(conflicting(&plan, &plan.tensors[i], &plan.tensors[k]));
        }
        arena[keep] = plan.arena_bytes;
        net_plan_free(&plan);
        net_graph_free(&graph);
    }
    assert_true(arena[1] > 2 * arena[0]);
}

static void test_checker(void **state)
{
    (void)state;
    struct plan plan;
    struct net_graph graph;
    struct daub_error error = {0};
    small_plan(&plan, &graph, false);
    int barriers = 0, overlaps = 0;
    for (size_t s = 0; s < plan.step_count; s++) {
        if (!plan.steps[s].barrier)
            continue;
        barriers++;
        plan.steps[s].barrier = false;
        assert_false(net_plan_check(&plan, &error));
        plan.steps[s].barrier = true;
    }
    for (size_t i = 0; i < plan.tensor_count; i++) {
        struct plan_tensor *t = &plan.tensors[i];
        for (size_t k = 0; k < plan.tensor_count; k++) {
            const struct plan_tensor *other = &plan.tensors[k];
            size_t kept = t->offset;
            t->offset = other->offset;
            if (i != k && conflicting(&plan, t, other)) {
                overlaps++;
                assert_false(net_plan_check(&plan, &error));
            }
            t->offset = kept;
        }
    }
    assert_true(barriers > 10 && overlaps > 10);
    assert_true(net_plan_check(&plan, &error));
    net_plan_free(&plan);
    net_graph_free(&graph);
}

/* ---- numbers ---- */

static double half_value(unsigned half)
{
    int exponent = (int)(half >> 10 & 31), mantissa = (int)(half & 1023);
    double x = exponent ? ldexp(mantissa | 1024, exponent - 25) : ldexp(mantissa, -24);
    return half & 0x8000 ? -x : x;
}

static void test_half(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 0x7c00; half++) {
        double x = half_value(half), next = half_value(half + 1);
        double middle = (x + next) / 2; /* exact in a float */
        assert_int_equal(daub_float_to_half((float)x), half);
        assert_int_equal(daub_float_to_half((float)-x), half | 0x8000);
        assert_int_equal(daub_float_to_half((float)middle), half + (half & 1));
        assert_int_equal(daub_float_to_half(nextafterf((float)middle, 0)), half);
        assert_int_equal(daub_float_to_half(nextafterf((float)middle, 1e30f)), half + 1);
    }
    assert_int_equal(daub_float_to_half(INFINITY), 0x7c00);
    assert_int_equal(daub_float_to_half(-1e30f), 0xfc00);
    assert_int_equal(daub_float_to_half(65520.0f), 0x7c00);
    assert_int_equal(daub_float_to_half(65519.99f), 0x7bff);
    assert_true((daub_float_to_half(NAN) & 0x7c00) == 0x7c00 &&
                (daub_float_to_half(NAN) & 1023));
    assert_int_equal(daub_float_to_half(1e-40f), 0);
}

/* The packed weights have every weight of a convolution, as floats and as halves. */
static void test_packed_weights(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct net_graph graph;
        struct plan plan;
        struct plan_caps caps = caps_of(i == 0, i == 2);
        net_graph_init(&graph);
        int x = build_image(&graph, 5, 9, 9);
        build_conv(&graph, x, 7, 3, 1, 3);
        const float *weight = graph.values[graph.nodes[1].input[1]].data;
        planned(&plan, &graph, &caps);
        const struct plan_binding *b = &plan.steps[0].bind[SLOT_WEIGHTS];
        bool halves = !b->floats;
        assert_int_equal(halves, caps.fp16);
        for (int k = 0; k < 7 * 5 * 9; k++) {
            size_t count = b->bytes / (halves ? 2 : 4), at = 0;
            for (; at < count; at++) {
                const unsigned char *p = plan.weights + b->offset + at * (halves ? 2 : 4);
                uint16_t half = daub_float_to_half(weight[k]);
                if (memcmp(p, halves ? (const void *)&half : (const void *)&weight[k],
                           halves ? 2 : 4) == 0)
                    break;
            }
            assert_true(at < count);
        }
        net_plan_free(&plan);
        net_graph_free(&graph);
    }
}

/* At 16 bits, a convolution that only a normalization reads has weights scaled to unit
 * norm, a bias of zero, and the normalization an epsilon scaled to match. */
static void test_rescale(void **state)
{
    (void)state;
    struct net_graph graph;
    struct plan plan;
    struct plan_caps caps = caps_of(false, true);
    net_graph_init(&graph);
    int x = build_image(&graph, 4, 8, 8);
    int weight = build_random(&graph, SHAPE(4, 4, 1, 1), -30000, 30000, 5);
    int bias = build_fill(&graph, SHAPE(4), 1e6f);
    struct net_node *node = build_node(&graph, NET_CONV, x, weight, bias, END);
    node->u.conv.window = (struct net_window){{1, 1}, {1, 1}, {1, 1}, {0}};
    node->u.conv.pad_mode = NET_PAD_ZERO;
    node->u.conv.group = node->u.conv.upsample = 1;
    node->u.conv.act = NET_ACT_NONE;
    build_norm(&graph, build_done(&graph), -1, -1, 4, 1e-5f);
    planned(&plan, &graph, &caps);
    const float *w = graph.values[weight].data;
    const struct plan_step *first = &plan.steps[0];
    const uint16_t *packed =
        (const uint16_t *)(plan.weights + first->bind[SLOT_WEIGHTS].offset);
    const struct plan_step *last = &plan.steps[plan.step_count - 1];
    const float *epsilon = plan.params + last->bind[SLOT_PARAMS].offset / 4 + 8;
    assert_int_equal(last->kernel, KERNEL_FINALIZE);
    for (int o = 0; o < 4; o++) {
        double sum = 0, kept = 0;
        for (int i = 0; i < 4; i++) {
            sum += (double)w[4 * o + i] * (double)w[4 * o + i];
            kept += half_value(packed[4 * o + i]) * half_value(packed[4 * o + i]);
        }
        assert_true(fabs(kept - 1) < 1e-2);
        assert_true(fabs((double)epsilon[o] * sum / 1e-5 - 1) < 1e-4);
        assert_true(
            ((const float *)(plan.weights + first->bind[SLOT_PARAMS].offset))[o] == 0);
    }
    net_plan_free(&plan);
    net_graph_free(&graph);
}

/* ---- styles ---- */

/* A vector [1,channels] that the style makes from table. */
static int styled_vector(struct net_graph *graph, int style, int table)
{
    struct net_node *node = build_node(graph, NET_MATMUL, style, table, END);
    node->u.matmul.alpha = node->u.matmul.beta = 1;
    int vector = build_done(graph);
    graph->values[vector].from_style = true;
    return vector;
}

/* Asserts that the plan's fill number `fill` gives the table's rows mixed by the
 * weights. */
static void assert_filled(const struct plan *plan, const struct net_graph *graph,
                          size_t fill, int table, const float *weights)
{
    const struct net_shape *shape = &graph->values[table].shape;
    const float *t = graph->values[table].data;
    struct daub_error error = {0};
    float *params = malloc(plan->param_count * sizeof(float));
    assert_non_null(params);
    memcpy(params, plan->params, plan->param_count * sizeof(float));
    assert_true(net_plan_fill(plan, graph, weights, params, &error));
    for (int64_t c = 0; c < shape->dim[1]; c++) {
        float want = 0;
        for (int64_t k = 0; weights && k < shape->dim[0]; k++)
            want += weights[k] * t[k * shape->dim[1] + c];
        assert_true(fabsf(params[plan->fills[fill].offset / 4 + c] - want) < 1e-6f);
    }
    free(params);
}

static void test_style_fill(void **state)
{
    (void)state;
    struct net_graph graph;
    struct plan plan;
    struct plan_caps caps = caps_of(true, false);
    net_graph_init(&graph);
    int x = build_image(&graph, 5, 8, 8), style = build_style(&graph, 3);
    int table = build_random(&graph, SHAPE(3, 5), -1, 1, 4);
    graph.values[style].from_style = true;
    build_norm(&graph, x, styled_vector(&graph, style, table), -1, 5, 1e-5f);
    planned(&plan, &graph, &caps);
    assert_int_equal(plan.fill_count, 1);
    assert_filled(&plan, &graph, 0, table, (const float[]){0.5f, -2, 1});
    assert_filled(&plan, &graph, 0, table, NULL);
    net_plan_free(&plan);
    net_graph_free(&graph);
}

/* Scaled and then shifted by the style: one step, both filled. */
static void test_style_scale_and_shift(void **state)
{
    (void)state;
    struct net_graph graph;
    struct plan plan;
    struct plan_caps caps = caps_of(true, false);
    net_graph_init(&graph);
    int x = build_image(&graph, 3, 8, 8), style = build_style(&graph, 2), tables[2];
    for (int k = 0; k < 2; k++) {
        tables[k] = build_random(&graph, SHAPE(2, 3), -1, 1, 4 + (uint32_t)k);
        int vector = styled_vector(&graph, style, tables[k]);
        vector = build_reshape(&graph, vector, SHAPE(1, 3, 1, 1));
        graph.values[vector].from_style = true;
        x = build_binary(&graph, k ? NET_BINARY_ADD : NET_BINARY_MUL, x, vector);
    }
    build_act(&graph, NET_ACT_RELU, 0, 0, x);
    planned(&plan, &graph, &caps);
    assert_int_equal(plan.step_count, 1);
    assert_int_equal(plan.fill_count, 2);
    assert_int_equal(plan.fills[1].offset, plan.fills[0].offset + 16);
    for (size_t k = 0; k < 2; k++)
        assert_filled(&plan, &graph, k, tables[k], (const float[]){0.25f, 2});
    net_plan_free(&plan);
    net_graph_free(&graph);
}

/* ---- folded blocks ---- */

static void test_folded_blocks(void **state)
{
    (void)state;
    for (int fold = 0; fold < 2; fold++) {
        struct net_graph graph;
        struct plan plan;
        struct plan_caps caps = caps_of(true, false);
        caps.fold_blocks = fold;
        net_graph_init(&graph);
        int x = build_image(&graph, 3, 16, 20);
        struct net_node *node = build_node(&graph, NET_SPACE_TO_DEPTH, x, END);
        node->u.block.size = 2;
        node->u.block.order = NET_BLOCK_CRD;
        x = build_conv(&graph, build_done(&graph), 12, 3, 1, 1);
        node = build_node(&graph, NET_DEPTH_TO_SPACE, x, END);
        node->u.block.size = 2;
        node->u.block.order = NET_BLOCK_DCR;
        build_done(&graph);
        planned(&plan, &graph, &caps);
        assert_int_equal(plan.input_block, fold ? 2 : 1);
        assert_int_equal(plan.output_block, fold ? 2 : 1);
        assert_int_equal(plan.input_crd, fold);
        assert_false(plan.output_crd);
        assert_true(plan.out_h == 16 && plan.out_w == 20);
        assert_int_equal(plan.step_count, fold ? 1 : 3);
        net_plan_free(&plan);
        net_graph_free(&graph);
    }
}

/* ---- refusals ---- */

static void refused(struct net_graph *graph, const struct plan_caps *caps,
                    enum daub_status status, const char *text)
{
    struct plan plan;
    struct daub_error error = {0};
    assert_false(net_lower(&plan, graph, caps, &unit_range, &error));
    assert_int_equal(error.status, status);
    if (!strstr(error.message, text))
        fail_msg("'%s' does not tell '%s'", error.message, text);
    net_plan_free(&plan);
    net_graph_free(graph);
}

static void test_refusals(void **state)
{
    (void)state;
    struct net_graph graph;
    struct plan_caps caps = caps_of(true, false);
    net_graph_init(&graph); /* values that depend on the style, one for each pixel */
    int x = build_image(&graph, 3, 8, 8);
    int style = build_reshape(&graph, build_style(&graph, 64), SHAPE(1, 1, 8, 8));
    build_binary(&graph, NET_BINARY_ADD, x, style);
    refused(&graph, &caps, DAUB_ERROR_MODEL, "uses the style");

    net_graph_init(&graph);
    build_mean(&graph, build_image(&graph, 3, 8, 8), 0x2, true);
    refused(&graph, &caps, DAUB_ERROR_MODEL, "mean");

    net_graph_init(&graph);
    build_conv(&graph, build_image(&graph, 3, 64, 64), 16, 3, 1, 1);
    caps.max_range = 100000;
    refused(&graph, &caps, DAUB_ERROR_MEMORY, "--size");

    net_graph_init(&graph); /* the output does not depend on the picture */
    build_image(&graph, 3, 8, 8);
    build_style(&graph, 4);
    graph.values[graph.style].from_style = true;
    refused(&graph, &caps, DAUB_ERROR_MODEL, "does not depend on the picture");
}

static void test_no_memory(void **state)
{
    (void)state;
    struct net_graph graph;
    net_graph_init(&graph);
    johnson(&graph, 4, 32, 32);
    prepared(&graph);
    for (int host = 0; host < 2; host++) {
        struct plan_caps caps = caps_of(host, !host);
        bool ok = false;
        for (long n = 1; !ok && n < 2000; n++) {
            struct plan plan;
            struct daub_error error = {0};
            daub_alloc_fail_at(n);
            ok = net_lower(&plan, &graph, &caps, &unit_range, &error);
            daub_alloc_fail_at(0);
            assert_true(ok || error.status == DAUB_ERROR_MEMORY);
            net_plan_free(&plan);
        }
        assert_true(ok);
    }
    net_graph_free(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_memory),
        cmocka_unit_test(test_johnson),
        cmocka_unit_test(test_web_net),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_winograd_limits),
        cmocka_unit_test(test_winograd_memory),
        cmocka_unit_test(test_memory_1080p),
        cmocka_unit_test(test_placement),
        cmocka_unit_test(test_checker),
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_packed_weights),
        cmocka_unit_test(test_rescale),
        cmocka_unit_test(test_style_fill),
        cmocka_unit_test(test_style_scale_and_shift),
        cmocka_unit_test(test_folded_blocks),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
