/* The host kernels beside convolution on every instruction set: those with fused
 * multiply-add give the same bits, whatever the order of the parts, the generic set
 * nearly the same numbers; nothing is written beyond the maps and the scratch memory.
 * What they compute is tested by tests/gpu/test_ops, on the best set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host_run.h"
#include "net/graph.h"

static uint32_t seed = 1;

static float random_number(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) * 0x1p-23f - 1.0f;
}

static void fill(struct host_call *call, int slot, size_t floats)
{
    host_slot_set(call, slot, NULL, floats * sizeof(float));
    for (size_t i = 0; i < floats; i++)
        ((float *)call->slot[slot])[i] = random_number();
}

static size_t map_floats(int h, int w, int c4)
{
    return (size_t)h * (size_t)w * (size_t)c4 * 4;
}

static struct host_call start(enum kernel kernel)
{
    return (struct host_call){.kernel = kernel, .constants = kernel_default_constants()};
}

/* Input 0 with a pending affine map and activation. */
static void input(struct host_call *call, int h, int w, int c4, enum net_act act)
{
    fill(call, SLOT_INPUT0, map_floats(h, w, c4));
    fill(call, SLOT_AFFINE0, (size_t)c4 * 8);
    call->constants.V0_AFFINE = 1;
    call->constants.V0_ACT = (int)act;
    call->constants.V0_ALPHA = 0.3f;
}

static void compare(const struct host_call *call, const char *name, void *user)
{
    float **first = user;
    for (int s = FIRST_OUTPUT_SLOT; s < SLOT_COUNT; s++) {
        if (!call->slot[s])
            continue;
        size_t count = call->bytes[s] / sizeof(float);
        const float *out = call->slot[s];
        if (!*first) {
            *first = malloc(call->bytes[s]);
            assert_non_null(*first);
            memcpy(*first, out, call->bytes[s]);
        }
        for (size_t i = 0; i < count; i++) {
            double off = fabs((double)out[i] - (double)(*first)[i]);
            if (!(off <= 1e-4 * fmax(1, fabs((double)out[i]))))
                fail_msg("%s: float %zu is %g, not %g", name, i, (double)out[i],
                         (double)(*first)[i]);
        }
    }
}

static void run(struct host_call *call, const char *name)
{
    float *first = NULL;
    host_run_all(call, name, compare, &first);
    free(first);
    host_slots_free(call);
}

static const int sizes[][3] = {{1, 1, 1},   {5, 3, 1},   {9, 33, 2},
                               {40, 61, 3}, {17, 70, 4}, {30, 21, 9}};
enum { SIZE_COUNT = sizeof(sizes) / sizeof(*sizes) };

static void test_pointwise(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE_COUNT * 7 * 5; i++) {
        static const int broadcasts[] = {0, 3, 4, 1, 2, 7, 6};
        const int *size = sizes[i % SIZE_COUNT], axes = broadcasts[i / SIZE_COUNT % 7];
        const int op = i / SIZE_COUNT / 7, h = size[0], w = size[1], c4 = size[2];
        struct host_call call = start(KERNEL_POINTWISE);
        input(&call, h, w, c4, NET_ACT_TANH);
        fill(&call, SLOT_INPUT1,
             map_floats(axes & 1 ? 1 : h, axes & 2 ? 1 : w, axes & 4 ? 1 : c4));
        for (size_t k = 0; k < call.bytes[SLOT_INPUT1] / sizeof(float); k++)
            ((float *)call.slot[SLOT_INPUT1])[k] += 3; /* a divisor */
        fill(&call, SLOT_PARAMS, (size_t)c4 * 4);
        fill(&call, SLOT_OUTPUT, map_floats(h, w, c4));
        call.constants.ACT = NET_ACT_PRELU;
        call.constants.own.pointwise =
            (struct pointwise_constants){.OP = op, .BROADCAST1 = axes};
        call.push.pointwise =
            (struct pointwise_push){.h = h, .w = w, .c4 = c4, .channels = c4 * 4 - i % 4};
        run(&call, "pointwise");
    }
}

static void test_depthwise(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE_COUNT * 24; i++) {
        const int *size = sizes[i % SIZE_COUNT], h = size[0], w = size[1], c4 = size[2];
        const int mode = i / SIZE_COUNT, kh = 1 + mode % 4, kw = 1 + (mode + 2) % 5;
        const int up = mode / 12, stride = 1 + mode / 4 % 2;
        struct host_call call = start(KERNEL_CONV_DEPTHWISE);
        input(&call, h, w, c4, NET_ACT_SIGMOID);
        int out_h = ((h << up) + 2 * (kh / 2) - kh) / stride + 1;
        int out_w = ((w << up) + 2 * (kw / 2) - kw) / stride + 1;
        fill(&call, SLOT_WEIGHTS, (size_t)(kh * kw * c4) * 4);
        fill(&call, SLOT_PARAMS, (size_t)c4 * 8);
        fill(&call, SLOT_OUTPUT, map_floats(out_h, out_w, c4));
        call.constants.ACT = NET_ACT_PRELU;
        call.constants.own.conv_depthwise =
            (struct conv_depthwise_constants){.KH = kh,
                                              .KW = kw,
                                              .SY = stride,
                                              .SX = stride,
                                              .PAD = 1 + mode % 3,
                                              .UP = up};
        call.push.conv_depthwise = (struct conv_depthwise_push){.in_h = h,
                                                                .in_w = w,
                                                                .out_h = out_h,
                                                                .out_w = out_w,
                                                                .c4 = c4,
                                                                .top = kh / 2,
                                                                .left = kw / 2};
        run(&call, "depthwise");
    }
}

static void test_generic(void **state)
{
    (void)state;
    /* channels of a group: in, out; groups; stride, kernel, dilation */
    static const int shapes[][6] = {{4, 4, 1, 1, 3, 1},  {5, 3, 1, 3, 5, 1},
                                    {9, 40, 1, 2, 4, 1}, {2, 3, 3, 2, 3, 2},
                                    {4, 16, 2, 3, 4, 1}, {3, 8, 4, 1, 2, 3}};
    for (int i = 0; i < 6 * SIZE_COUNT * 2; i++) {
        const int *s = shapes[i % 6], *size = sizes[i / 6 % SIZE_COUNT];
        const bool transposed = i / 6 / SIZE_COUNT != 0;
        const int h = size[0], w = size[1], in_c4 = (s[0] * s[2] + 3) / 4,
                  out_c4 = (s[1] * s[2] + 3) / 4, span = (s[4] - 1) * s[5] + 1;
        const int out_h = transposed ? (h - 1) * s[3] + span : (h + span - 1) / s[3] + 1;
        const int out_w = transposed ? (w - 1) * s[3] + span : (w + span - 1) / s[3] + 1;
        struct host_call call = start(KERNEL_CONV_GENERIC);
        input(&call, h, w, in_c4, NET_ACT_RELU);
        fill(&call, SLOT_WEIGHTS, (size_t)(s[4] * s[4] * s[0] * out_c4) * 4);
        fill(&call, SLOT_PARAMS, (size_t)out_c4 * 8);
        fill(&call, SLOT_OUTPUT, map_floats(out_h, out_w, out_c4));
        call.constants.ACT = NET_ACT_ELU;
        call.constants.ALPHA = 1;
        call.constants.own.conv_generic =
            (struct conv_generic_constants){.TRANSPOSED = transposed,
                                            .SPLIT = s[2] > 1 && s[1] % 4 != 0,
                                            .PAD = transposed ? NET_PAD_ZERO : 1 + i % 3};
        call.push.conv_generic = (struct conv_generic_push){.in_h = h,
                                                            .in_w = w,
                                                            .in_c4 = in_c4,
                                                            .out_h = out_h,
                                                            .out_w = out_w,
                                                            .out_c4 = out_c4,
                                                            .kh = s[4],
                                                            .kw = s[4],
                                                            .sy = s[3],
                                                            .sx = s[3],
                                                            .dy = s[5],
                                                            .dx = s[5],
                                                            .top = transposed ? 0 : 1,
                                                            .left = transposed ? 0 : 1,
                                                            .group_in = s[0],
                                                            .group_out = s[1]};
        run(&call, transposed ? "transposed" : "generic");
    }
}

static void test_resample(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE_COUNT * 6; i++) {
        const int *size = sizes[i % SIZE_COUNT], h = size[0], w = size[1], c4 = size[2];
        struct host_call call = start(KERNEL_RESIZE);
        const int out_h = h * 2 + i % 3, out_w = w + i % 5;
        input(&call, h, w, c4, NET_ACT_HARD_SWISH);
        fill(&call, SLOT_OUTPUT, map_floats(out_h, out_w, c4));
        call.constants.own.resize =
            (struct resize_constants){.MODE = 1 + i / SIZE_COUNT % 2,
                                      .COORD = 1 + i % 4,
                                      .NEAREST = 1 + i / SIZE_COUNT % 4};
        call.push.resize = (struct resize_push){.in_h = h,
                                                .in_w = w,
                                                .out_h = out_h,
                                                .out_w = out_w,
                                                .c4 = c4,
                                                .scale_y = (float)out_h / (float)h,
                                                .scale_x = (float)out_w / (float)w};
        run(&call, "resize");
        call = start(KERNEL_POOL);
        input(&call, h, w, c4, NET_ACT_LEAKY_RELU);
        const int kernel = 1 + i % 3, dilation = 1 + i % 2;
        const int span = (kernel - 1) * dilation + 1, pooled_h = (h + 2 - span) / 2 + 1,
                  pooled_w = (w + 2 - span) / 2 + 1;
        if (h + 2 >= span && w + 2 >= span) {
            fill(&call, SLOT_OUTPUT, map_floats(pooled_h, pooled_w, c4));
            call.constants.own.pool = (struct pool_constants){
                .KIND = 1 + i / SIZE_COUNT % 3, .KH = kernel, .KW = kernel};
            call.push.pool = (struct pool_push){.in_h = h,
                                                .in_w = w,
                                                .out_h = pooled_h,
                                                .out_w = pooled_w,
                                                .c4 = c4,
                                                .stride_y = 2,
                                                .stride_x = 2,
                                                .dilation_y = dilation,
                                                .dilation_x = dilation,
                                                .top = 1,
                                                .left = 1,
                                                .bottom = 1,
                                                .right = 1};
            run(&call, "pool");
        } else {
            host_slots_free(&call);
        }
    }
}

static void test_remap(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE_COUNT * 6; i++) {
        const int *size = sizes[i % SIZE_COUNT], mode = 1 + i / SIZE_COUNT, block = 2;
        const bool spread = mode == 2 || mode == 3, gather = mode == 4 || mode == 5;
        int in_h = size[0], in_w = size[1], in_c = size[2] * 4 - i % 3;
        int out_h = in_h, out_w = in_w, out_c = in_c;
        if (mode == 1) {
            out_h += 3, out_w += 2;
        } else if (spread) {
            out_h *= block, out_w *= block, in_c *= block * block;
        } else if (gather) {
            in_h *= block, in_w *= block, out_c *= block * block;
        } else {
            out_c += 7;
        }
        struct host_call call = start(KERNEL_REMAP);
        input(&call, in_h, in_w, (in_c + 3) / 4, NET_ACT_SOFTPLUS);
        fill(&call, SLOT_INPUT1, map_floats(in_h, in_w, 2));
        fill(&call, SLOT_OUTPUT, map_floats(out_h, out_w, (out_c + 3) / 4));
        call.constants.own.remap = (struct remap_constants){
            .MODE = mode, .BLOCK = block, .PAD = 1 + i % 4, .PAD_VALUE = 0.5f};
        call.push.remap = (struct remap_push){.in_h = in_h,
                                              .in_w = in_w,
                                              .in_c4 = (in_c + 3) / 4,
                                              .in_channels = in_c,
                                              .out_h = out_h,
                                              .out_w = out_w,
                                              .out_c4 = (out_c + 3) / 4,
                                              .out_channels = out_c,
                                              .start = {0, -1, -1},
                                              .step = {1, 1, 1},
                                              .c4_1 = 2};
        run(&call, "remap");
    }
}

static void test_statistics(void **state)
{
    (void)state;
    for (int i = 0; i < SIZE_COUNT * 2; i++) {
        const int *size = sizes[i % SIZE_COUNT], h = size[0], w = size[1], c4 = size[2];
        const int tiles_x = (w + 7) / 8, tiles_y = (h + 7) / 8;
        struct host_call stats = start(KERNEL_STATS);
        input(&stats, h, w, c4, i % 2 ? NET_ACT_TANH : NET_ACT_NONE);
        fill(&stats, SLOT_STATS, (size_t)(tiles_x * tiles_y * c4) * 16);
        stats.push.stats = (struct stats_push){.h = h,
                                               .w = w,
                                               .c4 = c4,
                                               .tile_h = 8,
                                               .tile_w = 8,
                                               .tiles_x = tiles_x,
                                               .tiles_y = tiles_y};
        struct host_call call = start(i % 3 ? KERNEL_FINALIZE : KERNEL_MEAN);
        host_run(host_isa_choose(NULL), &stats, false);
        host_slot_set(&call, SLOT_INPUT0, stats.slot[SLOT_STATS],
                      stats.bytes[SLOT_STATS]);
        run(&stats, "stats");
        fill(&call, SLOT_PARAMS, (size_t)c4 * 12);
        for (int k = 8 * c4; k < 12 * c4; k++)
            ((float *)call.slot[SLOT_PARAMS])[k] = 0.01f;
        fill(&call, i % 3 ? SLOT_STATS : SLOT_OUTPUT, (size_t)c4 * (i % 3 ? 8 : 4));
        call.push.finalize = (struct finalize_push){.c4 = c4,
                                                    .tile_count = tiles_x * tiles_y,
                                                    .group = i % 3 == 1 ? 2 : 1,
                                                    .channels = c4 * 4 - 2};
        run(&call, i % 3 ? "finalize" : "mean");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pointwise), cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_generic),   cmocka_unit_test(test_resample),
        cmocka_unit_test(test_remap),     cmocka_unit_test(test_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
