/* Host kernels of the network against the reference, on every instruction set that the
 * processor has: results, bits, memory. DAUB_TEST_SEED and DAUB_TEST_CASES change the
 * random cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_run.h"
#include "net/lower.h"
#include "net/ref.h"
#include "net_build.h"

static struct plan_caps host_caps(bool winograd)
{
    return (struct plan_caps){.host = true,
                              .align = 64,
                              .max_range = (uint64_t)1 << 40,
                              .no_winograd = !winograd};
}
static const struct plan_range unit_range = {1, 0};

/* ---- convolution ---- */

struct conv_case {
    int in_c, out_c, group, h, w, kernel[2], stride[2], dilation[2], pad[4], up;
    bool transposed; /* of stride 2, made as four phases */
    enum net_pad_mode pad_mode;
    enum net_act act, in_act;
    bool affine; /* an affine map is pending on the input */
    unsigned seed;
};

static void name_case(const struct conv_case *c, char *name, size_t size)
{
    snprintf(name, size,
             "seed %u: %d->%d /%d %dx%d kernel %dx%d stride %d,%d dilation %d,%d pad "
             "%d,%d,%d,%d mode %d up %d%s act %d",
             c->seed, c->in_c, c->out_c, c->group, c->h, c->w, c->kernel[0], c->kernel[1],
             c->stride[0], c->stride[1], c->dilation[0], c->dilation[1], c->pad[0],
             c->pad[1], c->pad[2], c->pad[3], (int)c->pad_mode, c->up,
             c->transposed ? " transposed" : "", (int)c->act);
}

static void build_case(struct net_graph *graph, const struct conv_case *c)
{
    net_graph_init(graph);
    int x = build_image(graph, c->in_c, c->h, c->w);
    struct net_shape shape =
        c->transposed ? SHAPE(c->in_c, c->out_c, c->kernel[0], c->kernel[1])
                      : SHAPE(c->out_c, c->in_c / c->group, c->kernel[0], c->kernel[1]);
    int weight = build_random(graph, shape, -0.5f, 0.5f, c->seed);
    int bias = build_random(graph, SHAPE(c->out_c), -1, 1, c->seed + 1);
    int slope = c->act == NET_ACT_PRELU
                    ? build_random(graph, SHAPE(c->out_c), 0, 1, c->seed + 2)
                    : -1;
    struct net_node *node =
        build_node(graph, c->transposed ? NET_CONV_TRANSPOSE : NET_CONV, x, weight, bias,
                   slope < 0 ? END : slope, END);
    const struct net_window window = {{c->kernel[0], c->kernel[1]},
                                      {c->stride[0], c->stride[1]},
                                      {c->dilation[0], c->dilation[1]},
                                      {c->pad[0], c->pad[1], c->pad[2], c->pad[3]}};
    if (c->transposed) {
        node->u.deconv.window = window;
        node->u.deconv.group = 1;
    } else {
        node->u.conv.window = window;
        node->u.conv.pad_mode = c->pad_mode;
        node->u.conv.group = c->group;
        node->u.conv.upsample = c->up;
        node->u.conv.act = c->act;
        node->u.conv.alpha = 0.2f;
        node->u.conv.beta = 0.7f;
    }
    build_done(graph);
}

/* What the kernel has to write. */
struct conv_expected {
    float *out; /* [c][h][w] */
    int c, h, w;
    double scale; /* largest magnitude */
    double bound; /* of the difference, times scale */
};

/* Adds a tile of statistics, of mean b and sum of squared differences m2, to another. */
static void add_tile(double *n, double *mean, double *m2, const float *tile)
{
    double delta = (double)tile[0] - *mean, all = *n + (double)tile[2];
    *m2 += (double)tile[1] + delta * delta * *n * (double)tile[2] / all;
    *mean += delta * (double)tile[2] / all;
    *n = all;
}

static void check_stats(const struct host_call *call, const char *name,
                        const struct conv_expected *e, int channel)
{
    const float *stats = call->slot[SLOT_STATS];
    size_t step = (size_t)(e->c + 3) / 4 * 16, area = (size_t)e->h * (size_t)e->w;
    double n = 0, mean = 0, m2 = 0;
    for (size_t tile = 0; tile < call->bytes[SLOT_STATS] / 4 / step; tile++)
        add_tile(&n, &mean, &m2, stats + tile * step + (size_t)channel * 4);
    double expected = 0, squares = 0;
    const float *out = e->out + (size_t)channel * area;
    for (size_t i = 0; i < area; i++)
        expected += (double)out[i] / (double)area;
    for (size_t i = 0; i < area; i++)
        squares += ((double)out[i] - expected) * ((double)out[i] - expected);
    if (n != (double)area || !(fabs(mean - expected) <= e->bound * e->scale) ||
        !(fabs(m2 - squares) <= e->bound * (double)area * e->scale * e->scale))
        fail_msg("%s: channel %d has statistics %g %g %g, expected %zu %g %g", name,
                 channel, n, mean, m2, area, expected, squares);
}

static void check_conv(const struct host_call *call, const char *name, void *user)
{
    const struct conv_expected *e = user;
    const float *out = call->slot[SLOT_OUTPUT];
    const int stored = (e->c + 3) / 4 * 4;
    for (int y = 0; y < e->h; y++) {
        for (int x = 0; x < e->w; x++) {
            for (int c = 0; c < stored; c++) {
                float is = *out++;
                float wanted = c < e->c ? e->out[(c * e->h + y) * e->w + x] : 0;
                double bound = c < e->c ? e->bound * e->scale : 0;
                if (!(fabs((double)is - (double)wanted) <= bound))
                    fail_msg("%s: channel %d of %d,%d is %g, expected %g", name, c, x, y,
                             (double)is, (double)wanted);
            }
        }
    }
    for (int c = 0; c < e->c; c++)
        check_stats(call, name, e, c);
}

/* Copies the picture [c][h][w] to the input slot. */
static void set_input(struct host_call *call, const struct conv_case *c,
                      const float *image)
{
    int c4 = (c->in_c + 3) / 4;
    size_t area = (size_t)c->h * (size_t)c->w;
    float *map = calloc(area, (size_t)c4 * 16);
    assert_non_null(map);
    for (size_t i = 0; i < area; i++) {
        for (int k = 0; k < c->in_c; k++)
            map[i * (size_t)c4 * 4 + (size_t)k] = image[(size_t)k * area + i];
    }
    host_slot_set(call, SLOT_INPUT0, map, area * (size_t)c4 * 16);
    free(map);
}

/* Gives the input a pending affine map and activation, and applies them to image. */
static void add_view(struct host_call *call, const struct conv_case *c, float *image)
{
    float affine[64][8] = {{0}};
    random_fill(affine[0], 64 * 8, -1, 1, c->seed + 4);
    call->constants.V0_AFFINE = c->affine;
    call->constants.V0_ACT = c->in_act;
    call->constants.V0_ALPHA = 0.2f;
    call->constants.V0_BETA = 0.7f;
    for (int k = 0; k < c->in_c; k++) {
        float *row = image + (size_t)k * (size_t)(c->h * c->w);
        for (int i = 0; i < c->h * c->w; i++) {
            if (c->affine)
                row[i] = affine[k / 4][k % 4] * row[i] + affine[k / 4][4 + k % 4];
            row[i] = net_ref_act(c->in_act, 0.2f, 0.7f, 0, row[i]);
        }
    }
    if (c->affine)
        host_slot_set(call, SLOT_AFFINE0, affine, (size_t)(c->in_c + 3) / 4 * 32);
}

static struct conv_expected expect(const struct net_graph *graph, const float *image)
{
    struct daub_error error = {0};
    struct net_ref ref;
    if (!net_ref_run(&ref, graph, image, NULL, NET_REF_ALL, false, &error))
        fail_msg("%s", error.message);
    const struct net_shape *shape = &graph->values[graph->output].shape;
    struct conv_expected e = {.c = (int)shape->dim[1],
                              .h = (int)shape->dim[2],
                              .w = (int)shape->dim[3],
                              .scale = 1e-6};
    size_t count = (size_t)net_shape_count(shape);
    e.out = malloc(count * sizeof(float));
    assert_non_null(e.out);
    memcpy(e.out, ref.result[graph->output], count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        e.scale = fmax(e.scale, fabs((double)e.out[i]));
    net_ref_free(&ref);
    return e;
}

static void run_kernel(const struct conv_case *c, enum kernel kernel)
{
    const struct plan_caps caps = host_caps(kernel == KERNEL_WINOGRAD);
    char name[256];
    name_case(c, name, sizeof(name));
    struct net_graph graph;
    struct plan plan;
    struct daub_error error = {0};
    build_case(&graph, c);
    if (!net_lower(&plan, &graph, &caps, &unit_range, &error))
        fail_msg("%s: %s", name, error.message);
    assert_int_equal(plan.step_count, 1);
    const struct plan_step *step = &plan.steps[0];
    if (step->kernel != kernel)
        fail_msg("%s is made by %s", name, kernel_info(step->kernel)->name);
    struct host_call call = {
        .kernel = step->kernel, .constants = step->constants, .push = step->push};
    size_t count = (size_t)c->in_c * (size_t)c->h * (size_t)c->w;
    float *image = malloc(count * sizeof(float));
    assert_non_null(image);
    random_fill(image, (int64_t)count, -1, 1, c->seed + 3);
    set_input(&call, c, image);
    add_view(&call, c, image);
    for (int slot = SLOT_WEIGHTS; slot <= SLOT_PARAMS; slot++)
        host_slot_set(&call, slot, plan.weights + step->bind[slot].offset,
                      step->bind[slot].bytes);
    struct conv_expected expected = expect(&graph, image);
    /* Winograd's transforms lose up to one digit. */
    expected.bound = kernel == KERNEL_WINOGRAD ? 2e-5 : 1e-5;
    /* Magnitude of the sums, before activations such as CLIP. */
    expected.scale = fmax(expected.scale, sqrt(c->in_c));
    size_t c4 = (size_t)(expected.c + 3) / 4;
    host_slot_set(&call, SLOT_OUTPUT, NULL,
                  (size_t)expected.h * (size_t)expected.w * c4 * 16);
    host_slot_set(&call, SLOT_STATS, NULL, step->stats_tiles * c4 * 64);
    call.constants.own.conv.STATS = 1;
    host_run_all(&call, name, check_conv, &expected);
    host_slots_free(&call);
    free(expected.out);
    free(image);
    net_plan_free(&plan);
    net_graph_free(&graph);
}

static void run_conv(const struct conv_case *c)
{
    run_kernel(c, KERNEL_CONV_HOST);
}

static const struct conv_case plain_conv = {.in_c = 16,
                                            .out_c = 16,
                                            .group = 1,
                                            .h = 13,
                                            .w = 37,
                                            .kernel = {3, 3},
                                            .stride = {1, 1},
                                            .dilation = {1, 1},
                                            .pad = {1, 1, 1, 1},
                                            .up = 1,
                                            .pad_mode = NET_PAD_REFLECT,
                                            .act = NET_ACT_NONE,
                                            .in_act = NET_ACT_NONE};

static void test_conv_shapes(void **state)
{
    (void)state;
    static const struct {
        int in_c, out_c, kernel, h, w;
    } shapes[] = {{16, 16, 3, 13, 37}, {3, 16, 9, 21, 70},    {32, 3, 9, 19, 75},
                  {16, 12, 3, 12, 67}, {128, 128, 3, 12, 20}, {5, 40, 3, 7, 9},
                  {32, 24, 1, 5, 33},  {8, 1, 5, 9, 140},     {64, 70, 3, 9, 18}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct conv_case c = plain_conv;
        c.in_c = shapes[i].in_c;
        c.out_c = shapes[i].out_c;
        c.kernel[0] = c.kernel[1] = shapes[i].kernel;
        for (int k = 0; k < 4; k++)
            c.pad[k] = shapes[i].kernel / 2;
        c.h = shapes[i].h;
        c.w = shapes[i].w;
        c.seed = (unsigned)i;
        c.affine = true;
        c.in_act = NET_ACT_RELU;
        run_conv(&c);
    }
}

/* Nearest upsampling and transposed convolutions as four phases, and upsampling that is
 * none. */
static void test_conv_phases(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 6; seed++) {
        struct conv_case c = plain_conv;
        c.seed = seed;
        c.in_c = seed % 2 ? 32 : 6;
        c.out_c = seed % 3 ? 16 : 3;
        c.up = 2;
        c.pad_mode = seed % 2 ? NET_PAD_ZERO : NET_PAD_REFLECT;
        run_conv(&c);
        c.act = NET_ACT_TANH;
        c.kernel[1] = 5;
        c.pad[1] = c.pad[3] = 2;
        run_conv(&c);
        c.transposed = true;
        c.act = NET_ACT_NONE;
        c.up = 1;
        c.kernel[0] = c.kernel[1] = 4;
        c.stride[0] = c.stride[1] = 2;
        c.pad[1] = c.pad[3] = 1;
        run_conv(&c);
    }
}

static unsigned pick(unsigned *state, unsigned n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

static struct conv_case random_case(unsigned seed)
{
    static const int channels[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 20, 24, 32, 33, 48};
    unsigned s = seed * 2654435761u + 1;
    struct conv_case c = plain_conv;
    c.seed = seed;
    c.group = pick(&s, 3) ? 1 : 1 + (int)pick(&s, 4);
    c.in_c = channels[pick(&s, c.group > 1 ? 6 : 15)] * c.group;
    c.out_c = channels[pick(&s, c.group > 1 ? 9 : 15)] * c.group;
    if (c.group == c.in_c && c.in_c == c.out_c)
        c.out_c *= 2; /* not depthwise */
    c.up = pick(&s, 6) ? 1 : 2;
    for (int i = 0; i < 2; i++) {
        c.kernel[i] = 1 + (int)pick(&s, 5);
        c.stride[i] = pick(&s, 3) ? 1 : 1 + (int)pick(&s, 3);
        c.dilation[i] = pick(&s, 4) ? 1 : 1 + (int)pick(&s, 3);
        c.pad[i] = (int)pick(&s, 4);
        c.pad[i + 2] = (int)pick(&s, 4);
    }
    c.h = 13 + (int)pick(&s, 12);
    c.w = 13 + (int)pick(&s, 60);
    c.pad_mode = (enum net_pad_mode)(NET_PAD_ZERO + (int)pick(&s, 3));
    c.act = (enum net_act)(NET_ACT_NONE + (int)pick(&s, 11));
    c.in_act = (enum net_act)(NET_ACT_NONE + (int)pick(&s, 3));
    c.affine = pick(&s, 2);
    return c;
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void test_conv_random(void **state)
{
    (void)state;
    unsigned first = from_environment("DAUB_TEST_SEED", 1000);
    unsigned count = from_environment("DAUB_TEST_CASES", 150);
    for (unsigned seed = first; seed < first + count; seed++) {
        struct conv_case c = random_case(seed);
        run_conv(&c);
    }
}

/* ---- Winograd ---- */

/* A 3x3 convolution of stride 1 that the planner makes by Winograd's method. */
static struct conv_case winograd_case(unsigned seed)
{
    static const int in[] = {16, 17, 20, 32, 33, 36, 48, 64, 71};
    static const int out[] = {4, 5, 8, 12, 16, 20, 33, 64, 96};
    unsigned s = seed * 2654435761u + 1;
    struct conv_case c = random_case(seed);
    c.group = 1;
    c.up = pick(&s, 3) ? 1 : 2;
    c.in_c = in[pick(&s, 9)];
    c.out_c = out[pick(&s, 9)];
    const bool same = pick(&s, 2); /* input and output have the same size */
    for (int i = 0; i < 4; i++)
        c.pad[i] = same ? 1 : (int)pick(&s, 4);
    for (int i = 0; i < 2; i++) {
        c.kernel[i] = 3;
        c.stride[i] = c.dilation[i] = 1;
    }
    c.h = 4 + (int)pick(&s, 20);
    c.w = 4 + (int)pick(&s, 60);
    c.in_act = (enum net_act)(NET_ACT_NONE + (int)pick(&s, 11));
    return c;
}

static void test_winograd_random(void **state)
{
    (void)state;
    unsigned first = from_environment("DAUB_TEST_SEED", 1000);
    unsigned count = from_environment("DAUB_TEST_CASES", 150) / 2;
    for (unsigned seed = first; seed < first + count; seed++) {
        struct conv_case c = winograd_case(seed);
        run_kernel(&c, KERNEL_WINOGRAD);
    }
}

/* Maps that are smaller than a tile or than the padding, and many channels. */
static void test_winograd_shapes(void **state)
{
    (void)state;
    static const struct {
        int in_c, out_c, h, w;
    } shapes[] = {{16, 4, 1, 1},   {32, 40, 2, 1},   {48, 33, 1, 30},   {64, 32, 40, 2},
                  {32, 64, 4, 48}, {128, 128, 9, 9}, {192, 200, 5, 11}, {32, 48, 45, 80}};
    const size_t count = sizeof(shapes) / sizeof(*shapes);
    for (size_t k = 0; k < 2 * count; k++) {
        const size_t i = k % count;
        struct conv_case c = plain_conv;
        c.up = 1 + (int)(k / count);
        c.in_c = shapes[i].in_c;
        c.out_c = shapes[i].out_c;
        c.h = shapes[i].h;
        c.w = shapes[i].w;
        c.pad_mode = c.h > 1 && c.w > 1 ? NET_PAD_REFLECT : NET_PAD_EDGE;
        if (c.up == 2 && c.pad_mode == NET_PAD_REFLECT)
            c.pad[2] = c.pad[3] = 3; /* reflected pixels are not in pairs */
        c.seed = (unsigned)k;
        c.affine = i % 2;
        c.in_act = i % 2 ? NET_ACT_RELU : NET_ACT_NONE;
        run_kernel(&c, KERNEL_WINOGRAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_shapes),     cmocka_unit_test(test_conv_phases),
        cmocka_unit_test(test_conv_random),     cmocka_unit_test(test_winograd_shapes),
        cmocka_unit_test(test_winograd_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
