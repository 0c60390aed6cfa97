/* The temporal stage's kernels against double precision (temporal_reference.c): the
 * shaders of every device, and the host kernels on every instruction set.
 * DAUB_TEST_VERBOSE=1 prints the largest differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/host_run.h"
#include "engine/compile.h"
#include "engine/exec.h"
#include "gpu_test.h"
#include "temporal_reference.h"

static struct gpu_test test;

/* ---- pictures and flows ---- */

static uint32_t seed;

static double noise(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) * 0x1p-23 - 1;
}

static float *take(struct host_call *call, int slot, int vectors)
{
    host_slot_set(call, slot, NULL, (size_t)vectors * 16);
    memset(call->slot[slot], 0, call->bytes[slot]);
    return call->slot[slot];
}

/* Slow waves, with noise that grows from left to right; 0..1 but for overshoots. */
static double stroke(int x, int y, int w, int channel, int picture)
{
    double wave = sin(0.11 * x + 0.07 * y * picture + channel) * cos(0.13 * y - picture);
    return 0.5 + 0.3 * wave + 0.25 * noise() * x / w;
}

/* [h][w] vec4, three channels of which are colors. */
static void colors(float *map, int w, int h, int picture)
{
    for (int k = 0; k < w * h; k++) {
        for (int i = 0; i < 3; i++)
            map[4 * k + i] = (float)fmin(fmax(stroke(k % w, k / w, w, i, picture), 0), 1);
    }
}

/* Motion in picture pixels: none, whole pixels, some part of a pixel, out of the picture,
 * by the region of the map. */
static void motion(int k, int w, int h, double *u, double *v)
{
    static const double kinds[][2] = {{0, 0}, {3, -2}, {0.03, 0.02}, {1.37, 0.61}};
    int x = k % w, y = k / w, kind = (x * 5 / w + y * 3 / h) % 5;
    *u = kind == 4 ? 1.9 * sin(0.4 * x) - x : kinds[kind][0];
    *v = kind == 4 ? 2.7 * cos(0.3 * y) : kinds[kind][1];
}

static void confidence_map(float *map, int w, int h)
{
    for (int k = 0; k < w * h; k++) {
        double u, v;
        motion(k, w, h, &u, &v);
        map[4 * k] = (float)u;
        map[4 * k + 1] = (float)v;
        map[4 * k + 2] = (float)fmin(fmax(0.8 + noise(), 0), 1);
        map[4 * k + 3] = (float)(0.004 * (1 + noise()));
    }
}

/* ---- the painting and its views ---- */

struct painting {
    int block, crd;
    enum net_act act;
    bool affine;
    float scale, shift;
};

static const struct painting paintings[] = {
    {1, 0, NET_ACT_TANH, true, 0.5f, 0.5f},    {1, 0, NET_ACT_NONE, false, 1, 0},
    {2, 0, NET_ACT_CLIP, true, 1 / 255.0f, 0}, {2, 1, NET_ACT_NONE, false, 1 / 255.0f, 0},
    {4, 1, NET_ACT_SIGMOID, false, 1, 0},
};

static int rounded(int n, int block)
{
    return (n + block - 1) / block * block;
}

/* Fills input 0; its colors become what stroke gives, but for the activation. */
static int paint(struct host_call *call, const struct painting *p, int w, int h)
{
    int block = p->block, c4 = (3 * block * block + 3) / 4;
    int stride = rounded(w, block), rows = rounded(h, block);
    float *map = take(call, SLOT_INPUT0, stride * rows / (block * block) * c4);
    for (int k = 0; k < stride * rows; k++) {
        int x = k % stride, y = k / stride, phase = y % block * block + x % block;
        for (int i = 0; i < 3; i++) {
            int channel = p->crd ? i * block * block + phase : phase * 3 + i;
            double v = (stroke(x, y, w, i, 2) - (double)p->shift) / (double)p->scale;
            map[4 * c4 * (y / block * (stride / block) + x / block) + channel] = (float)v;
        }
    }
    call->constants.PAINTED_BLOCK = block;
    call->constants.PAINTED_CRD = p->crd;
    call->constants.V0_ACT = (int)p->act;
    call->constants.V0_BETA = p->act == NET_ACT_CLIP ? 240 : 0;
    call->constants.V0_AFFINE = p->affine;
    if (p->affine) {
        const float affine[] = {1.1f, 0.9f, 1.2f, 0, -0.03f, 0.02f, 0.01f, 0};
        memcpy(take(call, SLOT_AFFINE0, 2), affine, sizeof(affine));
    }
    return stride;
}

/* ---- a call on every executor ---- */

struct found {
    const struct temporal_expected *expected;
    size_t undecided;
};

static void check(const struct host_call *call, const char *name, void *user)
{
    struct found *found = user;
    const struct temporal_expected *e = found->expected;
    const float *got = call->slot[FIRST_OUTPUT_SLOT];
    double most[4] = {0};
    found->undecided = 0;
    for (size_t i = 0; i < e->count; i++) {
        double off = fabs((double)got[i] - e->want[i]);
        if (isinf(e->slack[i])) {
            found->undecided++;
            assert_true(isfinite(got[i]));
            continue;
        }
        most[i % 4] = fmax(most[i % 4], off);
        if (!(off <= e->slack[i]))
            fail_msg("%s: float %zu is %.9g, expected %.9g within %.2g", name, i,
                     (double)got[i], e->want[i], e->slack[i]);
    }
    if (getenv("DAUB_TEST_VERBOSE"))
        printf("%s: largest differences %.1e %.1e %.1e %.1e, %zu of %zu undecided\n",
               name, most[0], most[1], most[2], most[3], found->undecided, e->count);
}

/* Runs the call with shaders; its output slots get the results. */
static void run_shader(struct daub_device *device, enum gpu_kernels set,
                       const struct host_call *call, int columns, int rows)
{
    struct daub_error error = {0};
    struct gpu_buffer buffers[SLOT_COUNT] = {0};
    struct dispatch_binding bindings[SLOT_COUNT] = {0};
    struct dispatch item = {.kernel = call->kernel, .push = call->push};
    struct kernel_constants constants = call->constants;
    struct dispatch_list list;
    bool ok = dispatch_list_init(&list, device, set, 1, &error);
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (!call->slot[i])
            continue;
        ok = ok &&
             gpu_buffer_create(device, GPU_MEMORY_DEVICE, call->bytes[i], "slot",
                               &buffers[i], &error) &&
             gpu_buffer_write(device, &buffers[i], 0, call->slot[i], call->bytes[i],
                              &error);
        bindings[i] = (struct dispatch_binding){&buffers[i], 0, call->bytes[i]};
    }
    ok = ok &&
         dispatch_list_add_map(&list, false, &constants, bindings, &item, columns, rows,
                               1, &error) &&
         compile_list(&list, &error) && dispatch_list_run(&list, NULL, &error);
    for (int i = FIRST_OUTPUT_SLOT; i < SLOT_COUNT; i++) {
        if (call->slot[i])
            ok = ok && gpu_buffer_read(device, &buffers[i], 0, call->slot[i],
                                       call->bytes[i], &error);
    }
    if (!ok)
        fail_msg("%s", error.message);
    for (int i = 0; i < SLOT_COUNT; i++)
        gpu_buffer_free(device, &buffers[i]);
    dispatch_list_free(&list);
}

/* columns x rows: invocations of the shader. Frees the call's slots. */
static void run_everywhere(struct host_call *call, const char *name, int columns,
                           int rows)
{
    struct temporal_expected expected = temporal_reference(call);
    struct found found = {.expected = &expected};
    host_run_all(call, name, check, &found);
    /* The comparison would say nothing if most results were undecided. */
    assert_true(found.undecided <= expected.count / 8);
    for (int i = 0; i < test.count; i++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test.devices[i], sets);
        for (int k = 0; k < count; k++) {
            char where[160];
            if (sets[k] == GPU_KERNELS_HOST)
                continue;
            snprintf(where, sizeof(where), "%s, %s shaders of device %d", name,
                     gpu_test_kernels_name(sets[k]), i);
            run_shader(test.devices[i], sets[k], call, columns, rows);
            check(call, where, &found);
        }
    }
    temporal_expected_free(&expected);
    host_slots_free(call);
}

static struct host_call start(enum kernel kernel)
{
    seed = 1;
    return (struct host_call){.kernel = kernel, .constants = kernel_default_constants()};
}

static const int sizes[][2] = {{64, 48}, {1, 1}, {2, 9}, {7, 3}, {77, 45}, {131, 18}};
enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

#define EACH_SIZE(s) (int s = 0; s < SIZES; s++)

static int half(int n)
{
    return (n + 1) / 2;
}

static int blocks(int n)
{
    return (n + 7) / 8;
}

/* ---- blocks, blend ---- */

static void run_blocks(const struct painting *painting, int w, int h)
{
    char name[64];
    struct host_call call = start(KERNEL_TEMPORAL_BLOCKS);
    snprintf(name, sizeof(name), "blocks of %dx%d, act %d", w, h, (int)painting->act);
    int stride = paint(&call, painting, w, h);
    colors(take(&call, TEMPORAL_BLOCKS_HISTORY, w * h), w, h, 2);
    take(&call, TEMPORAL_BLOCKS_RESULT, 2 * blocks(w) * blocks(h));
    call.push.temporal_blocks = (struct temporal_blocks_push){.w = blocks(w),
                                                              .h = blocks(h),
                                                              .picture_w = w,
                                                              .picture_h = h,
                                                              .painted_stride = stride,
                                                              .scale = painting->scale,
                                                              .shift = painting->shift};
    run_everywhere(&call, name, blocks(w), blocks(h));
}

/* A plain painting, whose variance is rounding errors alone. */
static void run_plain_blocks(void)
{
    const struct painting painting = {1, 0, NET_ACT_NONE, false, 1, 0};
    struct host_call call = start(KERNEL_TEMPORAL_BLOCKS);
    paint(&call, &painting, 40, 24);
    float *map = call.slot[SLOT_INPUT0];
    for (int k = 0; k < 40 * 24; k++) {
        for (int i = 0; i < 3; i++)
            map[4 * k + i] = 0.9f + 0.001f * (float)(k % 40 / 8);
    }
    colors(take(&call, TEMPORAL_BLOCKS_HISTORY, 40 * 24), 40, 24, 1);
    take(&call, TEMPORAL_BLOCKS_RESULT, 2 * 5 * 3);
    call.push.temporal_blocks = (struct temporal_blocks_push){.w = 5,
                                                              .h = 3,
                                                              .picture_w = 40,
                                                              .picture_h = 24,
                                                              .painted_stride = 40,
                                                              .scale = 1};
    run_everywhere(&call, "plain blocks", 5, 3);
}

static void test_blocks(void **state)
{
    (void)state;
    for
        EACH_SIZE(s)
    for (size_t p = 0; p < sizeof(paintings) / sizeof(*paintings); p++)
        run_blocks(&paintings[p], sizes[s][0], sizes[s][1]);
    run_plain_blocks();
}

/* Means and deviation of the painting, means and ratio of detail of the history. */
static void block_map(float *map, int count)
{
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < 3; i++) {
            map[8 * k + i] = (float)(0.5 + 0.2 * noise());
            map[8 * k + 4 + i] = map[8 * k + i] + (float)(0.1 * noise());
        }
        map[8 * k + 3] = (float)(0.05 * (1 + noise()));
        map[8 * k + 7] = (float)(1 + 0.9 * noise());
    }
}

static void run_blend(const struct painting *painting, int w, int h, bool copy)
{
    char name[64];
    struct host_call call = start(KERNEL_TEMPORAL_BLEND);
    snprintf(name, sizeof(name), "%s of %dx%d, act %d", copy ? "copy" : "blend", w, h,
             (int)painting->act);
    int stride = paint(&call, painting, w, h);
    colors(take(&call, TEMPORAL_BLEND_HISTORY, w * h), w, h, 1);
    confidence_map(take(&call, TEMPORAL_BLEND_CONFIDENCE, half(w) * half(h)), half(w),
                   half(h));
    block_map(take(&call, TEMPORAL_BLEND_BLOCKS, 2 * blocks(w) * blocks(h)),
              blocks(w) * blocks(h));
    take(&call, TEMPORAL_BLEND_OUTPUT, w * h);
    call.constants.own.temporal_blend.COPY = copy;
    call.push.temporal_blend = (struct temporal_blend_push){.w = w,
                                                            .h = h,
                                                            .painted_stride = stride,
                                                            .confidence_w = half(w),
                                                            .confidence_h = half(h),
                                                            .blocks_w = blocks(w),
                                                            .blocks_h = blocks(h),
                                                            .step = 2,
                                                            .scale = painting->scale,
                                                            .shift = painting->shift};
    run_everywhere(&call, name, w, h);
}

static void test_blend(void **state)
{
    (void)state;
    for
        EACH_SIZE(s)
    for (size_t p = 0; p < sizeof(paintings) / sizeof(*paintings); p++) {
        run_blend(&paintings[p], sizes[s][0], sizes[s][1], false);
        run_blend(&paintings[p], sizes[s][0], sizes[s][1], true);
    }
    run_blend(&paintings[0], 1921, 10, false); /* the coarsest positions */
}

/* ---- confidence, cut ---- */

/* Luma and slopes of both parities; the slopes are not read. gain: brightness of the
 * current frame; other: it shows another picture. */
static void luma_maps(float *map, int w, int h, int parity, double gain, bool other)
{
    for (int frame = 0; frame < 2; frame++) {
        float *to = map + 4 * w * h * (frame ? parity : 1 - parity);
        for (int k = 0; k < w * h; k++) {
            int x = k % w + frame, y = k / w;
            double v = 0.4 + 0.25 * sin(0.3 * x + 0.2 * y) * cos(0.23 * y);
            if (frame && other)
                v = 0.9 - 0.3 * cos(0.21 * x * y);
            v += 0.01 * noise();
            to[4 * k] = (float)fmin(fmax(frame ? gain * v : v, 0), 1);
        }
    }
}

static void flow_map(float *map, int w, int h, double sign)
{
    for (int k = 0; k < w * h; k++) {
        double u, v;
        motion(k, w, h, &u, &v);
        map[4 * k] = (float)(sign * u);
        map[4 * k + 1] = (float)(sign * v + 0.02 * noise());
        map[4 * k + 2] = (float)(0.03 * noise() * (k % w) / w);
    }
}

/* restart: the report of temporal_cut asks for it, as in the first frame and at a cut. */
static void run_confidence(int w, int h, int parity, float stability, bool restart)
{
    char name[64];
    const int cw = half(w), ch = half(h);
    struct host_call call = start(KERNEL_TEMPORAL_CONFIDENCE);
    snprintf(name, sizeof(name), "confidence of %dx%d, stability %.1f%s", w, h,
             (double)stability, restart ? ", restart" : "");
    flow_map(take(&call, TEMPORAL_CONFIDENCE_BACKWARD, w * h), w, h, 1);
    luma_maps(take(&call, TEMPORAL_CONFIDENCE_SLOPES, 2 * w * h), w, h, parity, 1, false);
    float *coarse = take(&call, TEMPORAL_CONFIDENCE_COARSE, 2 * cw * ch);
    flow_map(coarse, cw, ch, 0.5);
    flow_map(coarse + 4 * cw * ch, cw, ch, -0.5);
    take(&call, TEMPORAL_CONFIDENCE_REPORT, 1)[3] = restart;
    take(&call, TEMPORAL_CONFIDENCE_PARAMS, 2)[4] = stability;
    take(&call, TEMPORAL_CONFIDENCE_RESULT, w * h);
    call.push.temporal_confidence = (struct temporal_confidence_push){.w = w,
                                                                      .h = h,
                                                                      .parity = parity,
                                                                      .step = 2,
                                                                      .coarse_w = cw,
                                                                      .coarse_h = ch,
                                                                      .coarse_step = 2};
    run_everywhere(&call, name, w, h);
}

static void test_confidence(void **state)
{
    (void)state;
    for
        EACH_SIZE(s)
        {
            run_confidence(sizes[s][0], sizes[s][1], s % 2, 0, false);
            run_confidence(sizes[s][0], sizes[s][1], s % 2, 0.1f, false);
            run_confidence(sizes[s][0], sizes[s][1], 1 - s % 2, 0.5f, false);
            run_confidence(sizes[s][0], sizes[s][1], s % 2, 1, false);
            run_confidence(sizes[s][0], sizes[s][1], s % 2, 1, true);
        }
}

struct cut_case {
    const char *name;
    double gain;
    bool other, restart;
    bool cut; /* expected for pictures that are large enough */
};

static void run_cut(const struct cut_case *c, int w, int h, int parity)
{
    char name[64];
    struct host_call call = start(KERNEL_TEMPORAL_CUT);
    snprintf(name, sizeof(name), "%s, %dx%d", c->name, w, h);
    luma_maps(take(&call, TEMPORAL_CUT_SLOPES, 2 * w * h), w, h, parity, c->gain,
              c->other);
    flow_map(take(&call, TEMPORAL_CUT_FIELD, w * h), w, h, 1);
    take(&call, TEMPORAL_CUT_PARAMS, 2)[5] = c->restart;
    take(&call, TEMPORAL_CUT_REPORT, 1);
    take(&call, TEMPORAL_CUT_RESTARTS, 2);
    call.push.temporal_cut =
        (struct temporal_cut_push){.w = w, .h = h, .parity = parity, .divergence = 0.3f};
    if (w * h > 1000) {
        struct temporal_expected e = temporal_reference(&call);
        if ((e.want[0] != 0) != c->cut)
            fail_msg("%s is not the case that it should be: divergence %g, correlation "
                     "%g",
                     name, e.want[1], e.want[2]);
        temporal_expected_free(&e);
    }
    run_everywhere(&call, name, 1, 1);
}

static void test_cut(void **state)
{
    static const struct cut_case cases[] = {
        {"same scene", 1, false, false, false},  {"flash", 1.4, false, false, false},
        {"scene cut", 1, true, false, true},     {"first frame", 1, true, true, false},
        {"white frame", 9, false, false, false},
    };
    (void)state;
    for
        EACH_SIZE(s)
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        run_cut(&cases[i], sizes[s][0], sizes[s][1], (int)(i + (size_t)s) % 2);
}

/* ---- input of networks of seven channels ---- */

static void run_input(int w, int h, int net_w, int net_h, bool has_history)
{
    char name[64];
    struct host_call call = start(KERNEL_TEMPORAL_INPUT);
    snprintf(name, sizeof(name), "input of %dx%d%s", w, h,
             has_history ? "" : ", first frame");
    colors(take(&call, TEMPORAL_INPUT_PICTURE, net_w * net_h), net_w, net_h, 2);
    take(&call, TEMPORAL_INPUT_RESULT, 2 * net_w * net_h);
    call.constants.own.temporal_input.HAS_HISTORY = has_history;
    call.push.temporal_input = (struct temporal_input_push){
        .net_w = net_w, .net_h = net_h, .scale = 255, .shift = -3};
    if (has_history) {
        colors(take(&call, TEMPORAL_INPUT_HISTORY, w * h), w, h, 1);
        confidence_map(take(&call, TEMPORAL_INPUT_CONFIDENCE, half(w) * half(h)), half(w),
                       half(h));
        call.push.temporal_input.w = w;
        call.push.temporal_input.h = h;
        call.push.temporal_input.confidence_w = half(w);
        call.push.temporal_input.confidence_h = half(h);
        call.push.temporal_input.step = 2;
    }
    run_everywhere(&call, name, net_w, net_h);
}

static void test_input(void **state)
{
    (void)state;
    for
        EACH_SIZE(s)
        {
            int w = sizes[s][0], h = sizes[s][1];
            run_input(w, h, rounded(w, 4), rounded(h, 4), true);
            run_input(w, h, rounded(w, 4), rounded(h, 4), false);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_blend),
        cmocka_unit_test(test_confidence), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_input),
    };
    if (!gpu_test_open(&test))
        return 77;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return gpu_test_close(&test) && failed == 0 ? 0 : 1;
}
