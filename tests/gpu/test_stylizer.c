/* The stylizer: order of frames, refusals, styles, steadiness, lack of memory, the golden
 * check. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/check.h"
#include "engine/probe.h"
#include "gpu_test.h"
#include "nets.h"
#include "picture.h"
#include "util/alloc.h"
#include "util/log.h"

#define WIDTH  40
#define HEIGHT 36

/* Statistics, a residual sum, an upsampled convolution: they use buffers that two frames
 * in flight must not share. */
#define NET_SMALL                                                                        \
    "opset 13; in x 1,3,h,w; f a 8,3,3,3 r1; f b 8,8,3,3 r2; f c 3,8,3,3 r3; f o 8 =1; " \
    "f z 8 =0; f up 4 1,1,2,2; Conv x,a > p kernel_shape=3,3 pads=1,1,1,1 strides=2,2; " \
    "InstanceNormalization p,o,z > q; Relu q > r; "                                      \
    "Conv r,b > t kernel_shape=3,3 pads=1,1,1,1; Add t,r > u; "                          \
    "Resize u,_,up > v mode=nearest coordinate_transformation_mode=asymmetric "          \
    "nearest_mode=floor; Conv v,c > k kernel_shape=3,3 pads=1,1,1,1; Sigmoid k > y; "    \
    "out y 1,3,h,w"

/* Three styles scale and shift normalized channels. */
#define NET_STYLED                                                                       \
    "opset 13; in x 1,3,h,w; in s 1,3; f w 4,3,3,3 r1; f o 4 =1; f z 4 =0; f g 3,4 r2; " \
    "f h 3,4 r3; f v 3,4,1,1 r4; i shape 1,4,1,1; "                                      \
    "Conv x,w > a kernel_shape=3,3 pads=1,1,1,1; InstanceNormalization a,o,z > n; "      \
    "MatMul s,g > p; Reshape p,shape > q; MatMul s,h > r; Reshape r,shape > t; "         \
    "Mul n,q > m; Add m,t > k; Conv k,v > l kernel_shape=1,1; Sigmoid l > y; "           \
    "out y 1,3,h,w"

/* y = x, computed through numbers above 65504, the largest half. */
#define NET_OVERFLOWS                                                                    \
    "opset 11; in x 1,3,h,w; f w 3,3,1,1 1000000.0,0,0,0,1000000.0,0,0,0,1000000.0; "    \
    "f v 3,3,1,1 0.000001,0,0,0,0.000001,0,0,0,0.000001; Conv x,w > a "                  \
    "kernel_shape=1,1; "                                                                 \
    "Relu a > b; Conv b,v > y kernel_shape=1,1; out y 1,3,h,w"

#define NET_NAN                                                                          \
    "opset 11; in x 1,3,h,w; f w 3,3,1,1 nan,0,0,0,1,0,0,0,1; Conv x,w > y "             \
    "kernel_shape=1,1; out y 1,3,h,w"

static struct daub_device *device;
static int device_number;          /* index among the usable ones of daub_device_list */
static const char *device_kernels; /* its kernel set */
static struct daub_model *small_net, *styled_net;

static const struct daub_format format = {.pixel = DAUB_PIXEL_YUV420P};

static struct daub_stylizer_params params_of(void)
{
    return (struct daub_stylizer_params){.in_width = WIDTH,
                                         .in_height = HEIGHT,
                                         .in = format,
                                         .precision = DAUB_PRECISION_FP32,
                                         .skip_check = true};
}

static struct daub_stylizer *created(const struct daub_model *model)
{
    struct daub_error error = {0};
    struct daub_stylizer *stylizer;
    struct daub_stylizer_params params = params_of();
    if (daub_stylizer_create(device, model, &params, &stylizer, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    return stylizer;
}

enum { CALM = 1 << 16, NOISY = 1 << 17 };

/* Noise of that seed. CALM: color bars instead; NOISY: some codes differ by up to 3. */
static void input(struct picture *picture, unsigned seed)
{
    picture_init(picture, format, WIDTH, HEIGHT, 0, false);
    if (seed & CALM)
        picture_bars(picture);
    else
        picture_noise(picture, seed);
    for (size_t i = 0; seed & NOISY && i < picture->bytes; i += 5)
        picture->memory[i] ^= 3;
}

static void output(struct picture *picture)
{
    picture_init(picture, format, WIDTH, HEIGHT, 0, false);
}

static void submit(struct daub_stylizer *stylizer, unsigned seed,
                   const struct daub_frame_params *look, int64_t tag)
{
    struct daub_error error = {0};
    struct picture in;
    input(&in, seed);
    if (daub_stylizer_submit(stylizer, &in.image, look, tag, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    picture_free(&in);
}

static int64_t receive(struct daub_stylizer *stylizer, struct picture *out)
{
    struct daub_error error = {0};
    int64_t tag = -1;
    if (daub_stylizer_receive(stylizer, &out->image, &tag, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    return tag;
}

static bool equal(const struct picture *a, const struct picture *b)
{
    return a->bytes == b->bytes && memcmp(a->memory, b->memory, a->bytes) == 0;
}

/* The painting of one picture by a new stylizer. */
static struct picture alone(const struct daub_model *model, unsigned seed,
                            const struct daub_frame_params *look)
{
    struct daub_stylizer *stylizer = created(model);
    struct picture out;
    output(&out);
    submit(stylizer, seed, look, 0);
    receive(stylizer, &out);
    daub_stylizer_free(stylizer);
    return out;
}

/* ---- order ---- */

static void test_order(void **state)
{
    (void)state;
    struct daub_stylizer *stylizer = created(small_net);
    struct daub_error error = {0};
    struct picture in, out;
    int64_t tag = -5;
    input(&in, 0);
    output(&out);
    assert_int_equal(daub_stylizer_receive(stylizer, &out.image, &tag, &error),
                     DAUB_ERROR_AGAIN);
    submit(stylizer, 0, NULL, 1000);
    for (unsigned i = 1; i < 9; i++) {
        submit(stylizer, i, NULL, 1000 + i);
        assert_int_equal(daub_stylizer_submit(stylizer, &in.image, NULL, 7, &error),
                         DAUB_ERROR_AGAIN);
        assert_int_equal(receive(stylizer, &out), 999 + i);
        struct picture want = alone(small_net, i - 1, NULL);
        assert_true(equal(&want, &out));
        picture_free(&want);
    }
    assert_int_equal(receive(stylizer, &out), 1008);
    assert_int_equal(daub_stylizer_receive(stylizer, &out.image, &tag, &error),
                     DAUB_ERROR_AGAIN);
    assert_int_equal(tag, -5);
    assert_int_equal(error.status, 0);
    daub_stylizer_free(stylizer);
    picture_free(&in);
    picture_free(&out);
}

static void test_free_in_flight(void **state)
{
    (void)state;
    for (unsigned frames = 0; frames < 3; frames++) {
        struct daub_stylizer *stylizer = created(small_net);
        for (unsigned i = 0; i < frames; i++)
            submit(stylizer, i, NULL, 0);
        daub_stylizer_free(stylizer);
    }
    daub_stylizer_free(NULL);
}

/* ---- styles ---- */

/* Weights change with every frame while another is in flight. */
static void test_styles(void **state)
{
    static const float mixes[][3] = {
        {1, 0, 0}, {0, 1, 0}, {0, 1, 0}, {0.25f, 0.25f, 0.5f}, {0, 0, 1}, {1, 0, 0}};
    (void)state;
    struct daub_stylizer *stylizer = created(styled_net);
    struct picture out;
    output(&out);
    for (int i = 0; i <= 6; i++) {
        if (i < 6)
            submit(stylizer, 3,
                   &(struct daub_frame_params){.strength = 1, .style = mixes[i]}, i);
        if (i == 0)
            continue;
        assert_int_equal(receive(stylizer, &out), i - 1);
        struct daub_frame_params look = {.strength = 1, .style = mixes[i - 1]};
        struct picture want = alone(styled_net, 3, &look);
        assert_true(equal(&want, &out));
        picture_free(&want);
    }
    submit(stylizer, 3, NULL, 0); /* no weights: the default style, the first */
    receive(stylizer, &out);
    struct picture first = alone(
        styled_net, 3, &(struct daub_frame_params){.strength = 1, .style = mixes[0]});
    struct picture second = alone(
        styled_net, 3, &(struct daub_frame_params){.strength = 1, .style = mixes[1]});
    assert_true(equal(&first, &out));
    assert_false(equal(&second, &out));
    picture_free(&first);
    picture_free(&second);
    picture_free(&out);
    daub_stylizer_free(stylizer);
}

/* ---- steadiness ---- */

static struct daub_stylizer *created_with(const struct daub_model *model,
                                          enum daub_temporal temporal)
{
    struct daub_error error = {0};
    struct daub_stylizer *stylizer;
    struct daub_stylizer_params params = params_of();
    params.temporal = temporal;
    if (daub_stylizer_create(device, model, &params, &stylizer, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    return stylizer;
}

/* Paints the seeds' pictures one after the other with that many frames in flight. */
static void paint_all(struct daub_stylizer *stylizer, const unsigned *seeds, int count,
                      int depth, const struct daub_frame_params *look,
                      struct picture *out)
{
    for (int i = 0; i < count + depth - 1; i++) {
        if (i < count) {
            output(&out[i]);
            submit(stylizer, seeds[i], look, i);
        }
        if (i >= depth - 1)
            assert_int_equal(receive(stylizer, &out[i - depth + 1]), i - depth + 1);
    }
}

static void assert_painted_alone(unsigned seed, const struct picture *got)
{
    struct picture want = alone(small_net, seed, NULL);
    assert_int_equal(picture_difference(&want, got), 0);
    picture_free(&want);
}

/* A still input gives the first frame's painting in every frame, and the output does not
 * depend on how many frames are in flight. */
static void test_steady(void **state)
{
    enum { COUNT = 12 };
    const unsigned seeds[COUNT] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3};
    const struct daub_frame_params look = {.strength = 1, .stability = 0.5f};
    struct picture first[COUNT], again[COUNT];
    (void)state;
    struct daub_stylizer *stylizer = created_with(small_net, DAUB_TEMPORAL_FLOW);
    paint_all(stylizer, seeds, COUNT, 2, &look, first);
    for (int i = 0; i < COUNT - 2; i++)
        assert_painted_alone(seeds[i], &first[i]);
    daub_stylizer_free(stylizer);
    stylizer = created_with(small_net, DAUB_TEMPORAL_FLOW);
    paint_all(stylizer, seeds, COUNT, 1, &look, again);
    for (int i = 0; i < COUNT; i++) {
        assert_true(equal(&first[i], &again[i]));
        picture_free(&first[i]);
        picture_free(&again[i]);
    }
    daub_stylizer_free(stylizer);
}

static int differing(const struct picture *a, const struct picture *b)
{
    int count = 0;
    for (size_t i = 0; i < a->bytes; i++)
        count += a->memory[i] != b->memory[i];
    return count;
}

/* Two inputs that differ by noise only: the second output is nearer to the first one than
 * to the second painting, unless stability is 0, the history was reset or the style
 * changed. */
static void test_history(void **state)
{
    static const float one[3] = {1, 0, 0}, other[3] = {0, 1, 0};
    (void)state;
    for (int reset = 0; reset < 4; reset++) {
        struct daub_stylizer *stylizer = created_with(styled_net, DAUB_TEMPORAL_FLOW);
        struct daub_frame_params look = {.strength = 1, .stability = 0.5f, .style = one};
        struct picture first, second;
        output(&first);
        output(&second);
        submit(stylizer, CALM, &look, 0);
        receive(stylizer, &first);
        if (reset == 1)
            look.stability = 0;
        if (reset == 2)
            daub_stylizer_reset_history(stylizer);
        if (reset == 3)
            look.style = other;
        submit(stylizer, CALM | NOISY, &look, 1);
        receive(stylizer, &second);
        struct picture want = alone(styled_net, CALM | NOISY, &look);
        assert_false(equal(&want, &first));
        if (reset)
            assert_true(equal(&second, &want));
        else
            assert_true(differing(&second, &first) < differing(&second, &want) / 2);
        picture_free(&want);
        picture_free(&first);
        picture_free(&second);
        daub_stylizer_free(stylizer);
    }
}

/* ---- averaged statistics ---- */

/* y = 0.5 + 0.2 (x - mean) / deviation */
#define NET_NORM                                                                         \
    "opset 11; in x 1,3,h,w; f w 3,3,1,1 1,0,0,0,1,0,0,0,1; f a 3 =0.2; f b 3 =0.5; "    \
    "Conv x,w > c kernel_shape=1,1; InstanceNormalization c,a,b > y; out y 1,3,h,w"

static int texture(int i)
{
    return 90 + i * i % 41;
}

/* Submits the texture, brighter by that many codes. */
static void submit_texture(struct daub_stylizer *stylizer, int brighter,
                           const struct daub_frame_params *look)
{
    struct daub_error error = {0};
    struct picture in;
    output(&in);
    memset(in.memory, 128, in.bytes);
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        picture_set(&in, 0, i % WIDTH, i / WIDTH, texture(i) + brighter);
    assert_int_equal(daub_stylizer_submit(stylizer, &in.image, look, 0, &error), DAUB_OK);
    picture_free(&in);
}

/* The mean approaches that of the frame by the part 2^(-5 stability), and takes it at
 * once where a new scene begins. */
static void test_statistics(void **state)
{
    static const struct {
        float stability, weight;
        int brighter;
    } cases[] = {{0.5f, 0.17678f, 2}, {0.2f, 0.5f, 2}, {0, 1, 2}, {0.5f, 1, 60}};
    enum { PIXELS = WIDTH * HEIGHT };
    double sum = 0, squares = 0;
    for (int i = 0; i < PIXELS; i++) {
        sum += texture(i);
        squares += (double)texture(i) * texture(i);
    }
    double mean = sum / PIXELS, deviation = sqrt(squares / PIXELS - mean * mean);
    struct daub_model *model = net_make(NET_NORM, DAUB_MODEL_RANGE_1);
    (void)state;
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct daub_stylizer *stylizer = created_with(model, DAUB_TEMPORAL_STATS);
        struct daub_frame_params look = {.strength = 1, .stability = cases[k].stability};
        struct picture out;
        output(&out);
        submit_texture(stylizer, 0, &look);
        submit_texture(stylizer, cases[k].brighter, &look);
        for (int frame = 0; frame < 2; frame++) {
            receive(stylizer, &out);
            /* Difference of the frame's mean from the one it is normalized with, codes.
             */
            double ahead = frame ? (1 - (double)cases[k].weight) * cases[k].brighter : 0;
            for (int i = 0; i < PIXELS; i++) {
                double d = (texture(i) - mean + ahead) / deviation;
                double want = 16 + 219 * (0.5 + 0.2 * d);
                assert_true(fabs(want - picture_get(&out, 0, i % WIDTH, i / WIDTH)) <
                            1.01);
            }
        }
        picture_free(&out);
        daub_stylizer_free(stylizer);
    }
    daub_model_free(model);
}

/* After a change of style, statistics of the previous style are not used. */
static void test_statistics_of_styles(void **state)
{
    static const float mixes[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 1, 0}, {1, 0, 0}};
    (void)state;
    struct daub_stylizer *stylizer = created_with(styled_net, DAUB_TEMPORAL_STATS);
    struct picture out;
    output(&out);
    for (unsigned i = 0; i < 4; i++) {
        struct daub_frame_params look = {
            .strength = 1, .stability = 0.5f, .style = mixes[i]};
        unsigned seed = i % 2 ? CALM : CALM | NOISY;
        submit(stylizer, seed, &look, 0);
        receive(stylizer, &out);
        struct picture want = alone(styled_net, seed, &look);
        assert_int_equal(equal(&want, &out), i != 2);
        picture_free(&want);
    }
    picture_free(&out);
    daub_stylizer_free(stylizer);
}

/* Strength of a model with an identity style is a mix of styles; 0 is the input itself.
 */
static void test_identity_style(void **state)
{
    (void)state;
    struct daub_model *model = net_make(
        NET_STYLED "; meta daub.styles [{\"name\":\"a\"},{\"name\":\"identity\"},"
                   "{\"name\":\"b\"}]; meta daub.default b",
        DAUB_MODEL_RANGE_1);
    assert_int_equal(daub_model_get_info(model)->identity_style, 1);
    assert_int_equal(daub_model_get_info(model)->default_style, 2);
    assert_int_equal(daub_model_get_info(styled_net)->identity_style, -1);
    static const float mix[3] = {0.5f, 0, 0.5f}, all_b[3] = {0, 0, 1};
    static const float weaker[3] = {0.125f, 0.75f, 0.125f}, some_b[3] = {0, 0.75f, 0.25f};
    struct {
        struct daub_frame_params look;
        const float *same_as; /* weights without identity style, at strength 1 */
    } cases[] = {{{.strength = 0.25f, .style = mix}, weaker},
                 {{.strength = 0.25f}, some_b},
                 {{.strength = 1, .style = mix}, mix},
                 {{.strength = 1}, all_b}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture got = alone(model, 3, &cases[i].look);
        struct daub_frame_params look = {.strength = 1, .style = cases[i].same_as};
        struct picture want = alone(styled_net, 3, &look);
        assert_true(equal(&want, &got));
        picture_free(&want);
        picture_free(&got);
    }
    struct picture in,
        none = alone(model, 3, &(struct daub_frame_params){.strength = 0, .style = mix});
    input(&in, 3);
    assert_true(equal(&in, &none));
    picture_free(&in);
    picture_free(&none);
    daub_model_free(model);
}

/* ---- networks that read the previous painting ---- */

/* y = picture / 2, plus previous output / 2 + 0.1 where there is a history */
#define NET_FED                                                                          \
    "opset 11; in x 1,7,h,w; f w 3,7,1,1 0.5,0,0,0.5,0,0,0.1,0,0.5,0,0,0.5,0,0.1,"       \
    "0,0,0.5,0,0,0.5,0.1; Conv x,w > y kernel_shape=1,1; out y 1,3,h,w"

enum { FED_WIDTH = 160, FED_HEIGHT = 120, FED_MARGIN = 16 };

static double waves(double x, int y)
{
    return 0.5 + 0.15 * sin(0.21 * x + 0.05 * y) + 0.15 * sin(0.17 * y - 0.08 * x) +
           0.1 * sin(1.1 * x + 0.3 * y);
}

/* The network's painting at x, y after that many frames of a moving picture. */
static double fed_value(enum daub_model_range range, double dx, int frames, double x,
                        int y)
{
    double scale = range == DAUB_MODEL_RANGE_SIGNED ? 2 : 1;
    double shift = range == DAUB_MODEL_RANGE_SIGNED ? -1 : 0;
    double value = 0.5 * (scale * waves(x - dx * frames, y) + shift);
    if (frames > 0)
        value +=
            0.5 * (scale * fed_value(range, dx, frames - 1, x - dx, y) + shift) + 0.1;
    return (value - shift) / scale;
}

/* The part of the inner pixels that differ by more than two codes from fed_value. */
static double fed_misses(const struct daub_model *model, enum daub_temporal temporal,
                         enum daub_model_range range, double dx)
{
    struct daub_stylizer_params params = {
        .in_width = FED_WIDTH,
        .in_height = FED_HEIGHT,
        .in = {.pixel = DAUB_PIXEL_GRAY8, .range = DAUB_RANGE_FULL},
        .temporal = temporal,
        .skip_check = true};
    const struct daub_frame_params look = {.strength = 1, .stability = 0.5f};
    struct daub_stylizer *stylizer;
    struct daub_error error = {0};
    int misses = 0, count = 0;
    struct picture in, out;
    picture_init(&in, params.in, FED_WIDTH, FED_HEIGHT, 0, false);
    picture_init(&out, params.in, FED_WIDTH, FED_HEIGHT, 0, false);
    if (daub_stylizer_create(device, model, &params, &stylizer, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    for (int t = 0; t < 4; t++) {
        /* Frames since the history began: it is reset before the third frame. */
        int since = temporal != DAUB_TEMPORAL_FLOW || t == 2 ? 0 : t == 3 ? 1 : t;
        if (t == 2)
            daub_stylizer_reset_history(stylizer);
        for (int i = 0; i < FED_WIDTH * FED_HEIGHT; i++) {
            int x = i % FED_WIDTH, y = i / FED_WIDTH;
            picture_set(&in, 0, x, y, (int)(255 * waves(x - dx * since, y) + 0.5));
        }
        assert_int_equal(daub_stylizer_submit(stylizer, &in.image, &look, t, &error),
                         DAUB_OK);
        receive(stylizer, &out);
        for (int y = FED_MARGIN; y < FED_HEIGHT - FED_MARGIN; y++) {
            for (int x = FED_MARGIN; x < FED_WIDTH - FED_MARGIN; x++) {
                double want = 255 * fed_value(range, dx, since, x, y);
                misses += fabs(picture_get(&out, 0, x, y) - want) > 2;
                count++;
            }
        }
    }
    picture_free(&in);
    picture_free(&out);
    daub_stylizer_free(stylizer);
    return (double)misses / count;
}

static void test_fed(void **state)
{
    static const enum daub_model_range ranges[] = {DAUB_MODEL_RANGE_1,
                                                   DAUB_MODEL_RANGE_SIGNED};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct daub_model *model = net_make(NET_FED, ranges[i]);
        double psnr;
        bool safe = false;
        struct daub_error error = {0};
        assert_int_equal(
            daub_device_check(device, model, DAUB_PRECISION_FP32, &psnr, &safe, &error),
            DAUB_OK);
        assert_true(safe);
        assert_true(fed_misses(model, DAUB_TEMPORAL_OFF, ranges[i], 0) == 0);
        assert_true(fed_misses(model, DAUB_TEMPORAL_STATS, ranges[i], 0) == 0);
        assert_true(fed_misses(model, DAUB_TEMPORAL_FLOW, ranges[i], 0) == 0);
        assert_true(fed_misses(model, DAUB_TEMPORAL_FLOW, ranges[i], 3) < 0.01);
        assert_true(fed_misses(model, DAUB_TEMPORAL_FLOW, ranges[i], 2.5) < 0.05);
        daub_model_free(model);
    }
}

/* ---- refusals ---- */

static void refuse_submit(struct daub_stylizer *stylizer, const struct daub_image *image,
                          const struct daub_frame_params *look)
{
    struct daub_error error = {0};
    assert_int_equal(daub_stylizer_submit(stylizer, image, look, 0, &error),
                     DAUB_ERROR_ARGUMENT);
    assert_int_equal(error.status, DAUB_ERROR_ARGUMENT);
    assert_true(error.message[0] != 0);
    assert_int_equal(daub_stylizer_submit(stylizer, image, look, 0, NULL),
                     DAUB_ERROR_ARGUMENT);
}

static void test_wrong_pictures(void **state)
{
    (void)state;
    struct daub_stylizer *stylizer = created(small_net);
    struct picture picture, out;
    input(&picture, 1);
    output(&out);
    for (int i = 0; i < 7; i++) {
        struct daub_image wrong = picture.image;
        wrong.width += i == 0;
        wrong.height -= i == 1;
        wrong.format.pixel = i == 2 ? DAUB_PIXEL_NV12 : wrong.format.pixel;
        wrong.plane[0] = i == 3 ? NULL : wrong.plane[0];
        wrong.plane[2] = i == 4 ? NULL : wrong.plane[2];
        wrong.stride[0] = i == 5 ? WIDTH - 1 : wrong.stride[0];
        wrong.stride[1] = i == 6 ? 0 : wrong.stride[1];
        refuse_submit(stylizer, &wrong, NULL);
        /* A refused receive leaves the frame, which can be received later. */
        struct daub_error error = {0};
        submit(stylizer, 1, NULL, 7 + i);
        assert_int_equal(daub_stylizer_receive(stylizer, &wrong, NULL, &error),
                         DAUB_ERROR_ARGUMENT);
        assert_int_equal(receive(stylizer, &out), 7 + i);
    }
    daub_stylizer_free(stylizer);
    picture_free(&picture);
    picture_free(&out);
}

static void test_wrong_frame_params(void **state)
{
    (void)state;
    struct daub_stylizer *stylizer = created(styled_net);
    struct picture picture;
    input(&picture, 1);
    static const float bad[] = {-0.01f, 1.01f, NAN, INFINITY};
    for (int i = 0; i < 4; i++)
        refuse_submit(stylizer, &picture.image,
                      &(struct daub_frame_params){.strength = bad[i]});
    refuse_submit(
        stylizer, &picture.image,
        &(struct daub_frame_params){.strength = 1, .color = (enum daub_color_mode)3});
    const float nan_style[] = {0, NAN, 0}, endless[] = {0, 0, INFINITY};
    refuse_submit(stylizer, &picture.image,
                  &(struct daub_frame_params){.strength = 1, .style = nan_style});
    refuse_submit(stylizer, &picture.image,
                  &(struct daub_frame_params){.strength = 1, .style = endless});
    daub_stylizer_free(stylizer);
    picture_free(&picture);
}

static void test_wrong_params(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        struct daub_stylizer_params p = params_of();
        struct daub_error error = {0};
        struct daub_stylizer *stylizer = (void *)&p;
        p.in_width = i == 0 ? 0 : i == 1 ? 16385 : p.in_width;
        p.in_height = i == 2 ? -1 : p.in_height;
        p.work_width = i == 3 ? -4 : i == 4 ? 1 << 30 : 0;
        p.out_height = i == 5 ? 20000 : 0;
        p.in.pixel = i == 6 ? 0 : i == 7 ? 99 : p.in.pixel;
        p.out.pixel = i == 8 ? 99 : 0;
        p.in.matrix = i == 9 ? 9 : 0;
        p.in.range = i == 10 ? 9 : 0;
        p.in.chroma = i == 11 ? 9 : 0;
        assert_int_equal(daub_stylizer_create(device, small_net, &p, &stylizer, &error),
                         DAUB_ERROR_ARGUMENT);
        assert_true(error.message[0] != 0);
        assert_null(stylizer);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    struct daub_stylizer *stylizer;
    struct daub_error error = {0};
    struct daub_stylizer_params params = params_of();
    int width, height;
    struct daub_format out;
    params.out_width = 21;
    assert_int_equal(daub_stylizer_create(device, small_net, &params, &stylizer, &error),
                     DAUB_OK);
    daub_stylizer_output(stylizer, &width, &height, &out);
    assert_true(width == 21 && height == HEIGHT);
    assert_true(out.pixel == format.pixel && out.matrix == DAUB_MATRIX_BT601 &&
                out.range == DAUB_RANGE_LIMITED && out.chroma == DAUB_CHROMA_LEFT);
    daub_stylizer_free(stylizer);
}

/* ---- failures while building ---- */

/* The n-th allocation fails, for every n. */
static void fails_everywhere(const char *what,
                             enum daub_status (*build)(struct daub_error *))
{
    for (long n = 1; n < 20000; n++) {
        struct daub_error error = {0};
        daub_alloc_fail_at(n);
        enum daub_status status = build(&error);
        daub_alloc_fail_at(0);
        if (status == DAUB_OK) {
            print_message("%s: %ld allocations\n", what, n - 1);
            assert_true(n > 1);
            return;
        }
        if (status != DAUB_ERROR_MEMORY || error.status != DAUB_ERROR_MEMORY)
            fail_msg("%s, allocation %ld: status %d, %s", what, n, status, error.message);
    }
    fail_msg("%s never succeeds", what);
}

static enum daub_status load_model(struct daub_error *error)
{
    struct daub_model *model;
    enum daub_status status = daub_model_load(MODELS "/lite.onnx", 0, &model, error);
    assert_true(status == DAUB_OK || !model);
    daub_model_free(model);
    return status;
}

static struct daub_model *failing_model;
static bool failing_check;

static enum daub_status create_stylizer(struct daub_error *error)
{
    struct daub_stylizer *stylizer;
    struct daub_stylizer_params params = params_of();
    params.skip_check = !failing_check;
    params.out_width = 30;
    enum daub_status status =
        daub_stylizer_create(device, failing_model, &params, &stylizer, error);
    assert_true(status == DAUB_OK || !stylizer);
    daub_stylizer_free(stylizer);
    return status;
}

static enum daub_status open_device(struct daub_error *error)
{
    struct daub_device *opened;
    struct daub_device_params params = {.select = "0", .cache_path = "/nowhere"};
    enum daub_status status = daub_device_open(&params, &opened, error);
    assert_true(status == DAUB_OK || !opened);
    daub_device_close(opened);
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    fails_everywhere("device", open_device);
    fails_everywhere("model", load_model);
    failing_model = styled_net;
    fails_everywhere("stylizer", create_stylizer);
    failing_model = small_net;
    failing_check = true;
    fails_everywhere("stylizer and check", create_stylizer);
}

/* ---- measurement ---- */

static void test_timing(void **state)
{
    (void)state;
    struct daub_error error = {0};
    struct daub_stylizer *stylizer = created(small_net);
    const struct daub_step_time *steps;
    struct picture out, want = alone(small_net, 5, NULL);
    output(&out);
    assert_int_equal(daub_stylizer_times(stylizer, &steps), 0);
    daub_alloc_fail_at(1);
    assert_int_equal(daub_stylizer_enable_timing(stylizer, &error), DAUB_ERROR_MEMORY);
    daub_alloc_fail_at(0);
    assert_int_equal(daub_stylizer_enable_timing(stylizer, &error), DAUB_OK);
    assert_int_equal(daub_stylizer_enable_timing(stylizer, &error), DAUB_OK);
    submit(stylizer, 4, NULL, 0);
    submit(stylizer, 5, NULL, 1);
    receive(stylizer, &out);
    receive(stylizer, &out);
    assert_true(equal(&want, &out));
    int count = daub_stylizer_times(stylizer, &steps);
    double ms = 0, gflop = 0;
    assert_true(count > 5);
    for (int i = 0; i < count; i++) {
        assert_true(steps[i].name[0] != 0 && steps[i].ms >= 0 && steps[i].gflop >= 0);
        ms += steps[i].ms;
        gflop += steps[i].gflop;
    }
    /* 3x3: 3 to 8 and 8 to 8 channels at half size, 8 to 3 as four 2x2 */
    double macs = WIDTH * HEIGHT * (9 * (3 * 8 + 8 * 8) / 4.0 + 4 * 8 * 3);
    assert_true(fabs(gflop - macs * 2e-9) < 1e-9);
    assert_true(!device->caps.timestamps || (ms > 0 && ms < 10000));
    daub_stylizer_free(stylizer);
    picture_free(&out);
    picture_free(&want);
}

static void test_memory(void **state)
{
    (void)state;
    struct daub_memory_info info;
    struct daub_stylizer *stylizer = created(small_net);
    daub_stylizer_memory(stylizer, &info);
    /* at least two 8-channel maps at half size and the picture; a frame in and out */
    assert_true(info.arena_bytes >= (2 * 8 / 4 + 4) * WIDTH * HEIGHT * 4);
    assert_true(info.arena_bytes < 4 << 20);
    assert_true(info.weight_bytes >= (3 * 8 + 8 * 8 + 8 * 3) * 9 * 4);
    assert_true(info.staging_bytes >= 2 * 2 * WIDTH * HEIGHT * 3 / 2);
    assert_true(info.staging_bytes < 1 << 20);
    daub_stylizer_free(stylizer);
}

static long resident_kb(void)
{
    long pages = 0, whole;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &whole, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_no_growth(void **state)
{
    (void)state;
    struct daub_stylizer *stylizer = created(styled_net);
    struct picture out;
    long before = 0;
    output(&out);
    submit(stylizer, 0, NULL, 0);
    for (unsigned i = 1; i <= 240; i++) {
        float style[] = {(float)i / 240, 1 - (float)i / 240, 0};
        submit(stylizer, i, &(struct daub_frame_params){.strength = 1, .style = style},
               i);
        receive(stylizer, &out);
        before = i == 40 ? resident_kb() : before;
    }
    receive(stylizer, &out);
    long grown = resident_kb() - before;
    print_message("resident memory grew by %ld kB in 200 frames\n", grown);
#if !defined(DAUB_SANITIZE) /* AddressSanitizer's quarantine grows */
    assert_true(grown < 1024);
#endif
    daub_stylizer_free(stylizer);
    picture_free(&out);
}

/* ---- the check of the device ---- */

static enum daub_status try_precision(const struct daub_model *model,
                                      enum daub_precision precision,
                                      struct daub_stylizer **stylizer,
                                      struct daub_error *error)
{
    struct daub_stylizer_params params = params_of();
    params.skip_check = false;
    params.precision = precision;
    return daub_stylizer_create(device, model, &params, stylizer, error);
}

/* A network whose values overflow 16 bits: refused with precision fp16, painted in 32
 * bits with precision auto. */
static void test_garbage(void **state)
{
    (void)state;
    if (device->kernels == GPU_KERNELS_HOST)
        skip(); /* no fp16 */
    struct daub_model *model = net_make(NET_OVERFLOWS, DAUB_MODEL_RANGE_1);
    struct daub_stylizer *stylizer;
    struct daub_error error = {0};
    bool storage = device->info.fp16_storage;
    assert_int_equal(try_precision(model, DAUB_PRECISION_FP16, &stylizer, &error),
                     DAUB_ERROR_WRONG_RESULTS);
    assert_non_null(strstr(error.message, "--precision fp32"));
    assert_null(stylizer);

    device->info.fp16_storage = true;
    error = (struct daub_error){0};
    enum daub_log_level level = daub_log_get_level();
    daub_log_set_level(DAUB_LOG_ERROR); /* hides the expected warning */
    assert_int_equal(try_precision(model, DAUB_PRECISION_AUTO, &stylizer, &error),
                     DAUB_OK);
    daub_log_set_level(level);
    device->info.fp16_storage = storage;
    struct picture in, out;
    output(&in);
    output(&out);
    picture_gradient(&in);
    assert_int_equal(daub_stylizer_submit(stylizer, &in.image, NULL, 0, &error), DAUB_OK);
    receive(stylizer, &out);
    assert_true(picture_difference(&in, &out) <= 1);
    picture_free(&in);
    picture_free(&out);
    daub_stylizer_free(stylizer);
    daub_model_free(model);
}

static void test_check_passes(void **state)
{
    (void)state;
    for (int fp16 = 0; fp16 < (device->kernels == GPU_KERNELS_HOST ? 1 : 2); fp16++) {
        struct daub_stylizer *stylizer;
        struct daub_error error = {0};
        enum daub_precision precision = fp16 ? DAUB_PRECISION_FP16 : DAUB_PRECISION_FP32;
        double db = 0;
        bool safe = false;
        if (try_precision(styled_net, precision, &stylizer, &error) != DAUB_OK ||
            daub_device_check(device, styled_net, precision, &db, &safe, &error) !=
                DAUB_OK)
            fail_msg("%s", error.message);
        assert_true(safe && db > (fp16 ? 50 : 90));
        daub_stylizer_free(stylizer);
    }
}

static void test_nan_weights(void **state)
{
    (void)state;
    struct daub_model *model = net_make(NET_NAN, DAUB_MODEL_RANGE_1);
    struct daub_stylizer *stylizer;
    struct daub_error error = {0};
    assert_int_equal(try_precision(model, DAUB_PRECISION_FP32, &stylizer, &error),
                     DAUB_ERROR_MODEL);
    assert_non_null(strstr(error.message, "NaN"));
    daub_model_free(model);
}

/* Unpadded: the painting is smaller than the picture. */
static void test_other_size(void **state)
{
    (void)state;
    struct daub_model *model =
        net_make("opset 11; in x 1,3,h,w; f w 3,3,3,3 r1; Conv x,w > y kernel_shape=3,3; "
                 "out y 1,3,h,w",
                 DAUB_MODEL_RANGE_1);
    struct daub_stylizer *stylizer;
    struct daub_error error = {0};
    assert_int_equal(try_precision(model, DAUB_PRECISION_FP32, &stylizer, &error),
                     DAUB_ERROR_MODEL);
    assert_non_null(strstr(error.message, "keep the size"));
    daub_model_free(model);
}

/* ---- start ---- */

/* Counts of log lines. */
static struct start_log {
    int builds, searches, checks;
} start_log;

static void count_line(enum daub_log_level level, const char *text, void *user)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct start_log *log = user;
    (void)level;
    pthread_mutex_lock(&lock);
    log->builds += strncmp(text, "building ", 9) == 0;
    log->searches += strncmp(text, "searching ", 10) == 0;
    log->checks += strstr(text, " agrees with the reference ") != NULL;
    pthread_mutex_unlock(&lock);
}

/* Loads a model and paints one frame, with the cache in that folder. */
static struct picture start(const char *cache)
{
    struct daub_device *opened;
    struct daub_stylizer *stylizer = NULL;
    struct daub_error error = {0};
    struct daub_stylizer_params params = params_of();
    struct picture in, out;
    char select[16];
    snprintf(select, sizeof(select), "%d", device_number);
    struct daub_device_params open = {
        .select = select, .cache_path = cache, .kernels = device_kernels};
    params.skip_check = false;
    start_log = (struct start_log){0};
    daub_log_set_handler(count_line, &start_log);
    daub_log_set_level(DAUB_LOG_DEBUG);
    struct daub_model *model = net_make(NET_SMALL, DAUB_MODEL_RANGE_1);
    if (daub_device_open(&open, &opened, &error) != DAUB_OK ||
        daub_stylizer_create(opened, model, &params, &stylizer, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    input(&in, 1);
    output(&out);
    assert_int_equal(daub_stylizer_submit(stylizer, &in.image, NULL, 0, &error), DAUB_OK);
    receive(stylizer, &out);
    daub_log_set_level(DAUB_LOG_INFO);
    daub_log_set_handler(NULL, NULL);
    picture_free(&in);
    daub_stylizer_free(stylizer);
    daub_model_free(model);
    daub_device_close(opened);
    return out;
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
    rmdir(path);
}

/* Every file of the folder is for this build's shaders and C code. */
static void check_kept_files(const char *path)
{
    char build[32], kept[256];
    snprintf(build, sizeof(build), "%.15s %.15s", gpu_shader_hash, gpu_source_hash);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        int file = openat(dirfd(folder), entry->d_name, O_RDONLY);
        ssize_t bytes = read(file, kept, sizeof(kept));
        assert_true(bytes > 0 && memmem(kept, (size_t)bytes, build, strlen(build)));
        close(file);
        count++;
    }
    closedir(folder);
    /* alignment, result of the golden check, pipelines */
    assert_true(count >= (device->kernels == GPU_KERNELS_HOST ? 2 : 3));
}

/* A start builds the network twice, once small and once for the frame's size. A second
 * start reads alignment and golden check from the cache. */
static void test_builds(void **state)
{
    (void)state;
    char cache[] = "/tmp/daub-test-cache-XXXXXX";
    assert_non_null(mkdtemp(cache));
    struct picture cold = start(cache);
    assert_int_equal(start_log.builds, 2);
    assert_int_equal(start_log.searches, 1);
    assert_int_equal(start_log.checks, 1);
    check_kept_files(cache);
    struct picture warm = start(cache);
    assert_int_equal(start_log.builds, 2);
    assert_int_equal(start_log.searches, 0);
    assert_int_equal(start_log.checks, 0);
    assert_true(equal(&cold, &warm));
    picture_free(&cold);
    picture_free(&warm);
    remove_folder(cache);
}

/* ---- step by step ---- */

struct steps {
    int count, wrong;
    char first_wrong[80];
};

static void count_step(const struct daub_checked_step *step, void *user)
{
    struct steps *steps = user;
    steps->count++;
    if (!step->right && steps->wrong++ == 0)
        memcpy(steps->first_wrong, step->name, sizeof(step->name));
}

/* Every step of the device is right. Where the weights of one convolution differ from the
 * reference's, that step is the first wrong one. */
static void test_check_steps(void **state)
{
    (void)state;
    struct daub_error error = {0};
    struct steps steps = {0};
    if (daub_device_check_steps(device, small_net, count_step, &steps, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    assert_int_equal(steps.wrong, 0);
    assert_true(steps.count >= 4);

    struct net_graph graph;
    struct net_ref ref = {0};
    float *image = calloc(3 * 64 * 64, sizeof(float));
    uint32_t seed = 1;
    for (int i = 0; image && i < 3 * 64 * 64; i++)
        image[i] = probe_random(&seed);
    assert_true(model_build(small_net, 64, 64, &graph, &error));
    assert_true(net_ref_run(&ref, &graph, image, NULL, NET_REF_ALL, true, &error));
    const struct net_node *conv = NULL;
    int convs = 0;
    for (size_t i = 0; i < graph.node_count && convs < 2; i++) {
        conv = &graph.nodes[i];
        convs += conv->op == NET_CONV;
    }
    assert_int_equal(convs, 2);
    struct net_value *weight = &graph.values[conv->input[1]];
    for (int64_t i = 0; i < net_shape_count(&weight->shape); i++)
        weight->data[i] *= 1.1f;
    steps = (struct steps){0};
    assert_true(check_steps(device, device->kernels, &graph, &ref, image, NULL,
                            count_step, &steps, &error));
    assert_true(steps.wrong > 0);
    assert_memory_equal(steps.first_wrong, conv->name, strlen(conv->name));
    net_ref_free(&ref);
    net_graph_free(&graph);
    free(image);
}

/* ---- threads ---- */

struct worker {
    const struct daub_model *model;
    struct picture out;
    bool ok;
};

/* Reports failures in ok: assertions work on the main thread only. */
static void *work(void *user)
{
    struct worker *worker = user;
    struct daub_stylizer_params params = params_of();
    for (int round = 0; round < 3; round++) {
        struct daub_error error = {0};
        struct daub_stylizer *stylizer;
        struct picture in;
        worker->ok =
            daub_stylizer_create(device, worker->model, &params, &stylizer, &error) == 0;
        for (unsigned i = 0; worker->ok && i < 10; i++) {
            input(&in, 5);
            worker->ok =
                daub_stylizer_submit(stylizer, &in.image, NULL, i, &error) == 0 &&
                daub_stylizer_receive(stylizer, &worker->out.image, NULL, &error) == 0;
            picture_free(&in);
        }
        daub_stylizer_free(stylizer);
        if (!worker->ok)
            return NULL;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct worker workers[2] = {{.model = small_net}, {.model = styled_net}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        output(&workers[i].out);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].ok);
        struct picture want = alone(workers[i].model, 5, NULL);
        assert_true(equal(&want, &workers[i].out));
        picture_free(&want);
        picture_free(&workers[i].out);
    }
}

/* Two threads create the first stylizers of a device at the same time. */
static void test_first_stylizers(void **state)
{
    (void)state;
    struct daub_device *first = device;
    struct worker workers[2] = {{.model = small_net}, {.model = styled_net}};
    pthread_t threads[2];
    device = gpu_test_device(device_number, NULL);
    for (int i = 0; i < 2; i++) {
        output(&workers[i].out);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].ok);
        picture_free(&workers[i].out);
    }
    gpu_test_device_close(device);
    device = first;
}

/* ---- memory that the host reads ---- */

/* The functions of the Vulkan loader, which those below call in their place. */
static PFN_vkCmdPipelineBarrier call_barrier;
static PFN_vkEndCommandBuffer call_end;
static _Thread_local bool barrier_to_host;
static atomic_int buffers_ended, without_barrier;

static VKAPI_ATTR void VKAPI_CALL
note_barrier(VkCommandBuffer cmd, VkPipelineStageFlags from, VkPipelineStageFlags to,
             VkDependencyFlags flags, uint32_t count, const VkMemoryBarrier *barriers,
             uint32_t buffer_count, const VkBufferMemoryBarrier *buffers,
             uint32_t image_count, const VkImageMemoryBarrier *images)
{
    barrier_to_host = false;
    for (uint32_t i = 0; i < count; i++) {
        VkPipelineStageFlags writers =
            VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
        VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
        if ((from & writers) == writers && (to & VK_PIPELINE_STAGE_HOST_BIT) &&
            (barriers[i].srcAccessMask & writes) == writes &&
            (barriers[i].dstAccessMask & VK_ACCESS_HOST_READ_BIT))
            barrier_to_host = true;
    }
    call_barrier(cmd, from, to, flags, count, barriers, buffer_count, buffers,
                 image_count, images);
}

static VKAPI_ATTR VkResult VKAPI_CALL note_end(VkCommandBuffer cmd)
{
    atomic_fetch_add(&buffers_ended, 1);
    atomic_fetch_add(&without_barrier, !barrier_to_host);
    barrier_to_host = false;
    return call_end(cmd);
}

/* Has every command buffer of the tests noted. */
static void note_command_buffers(void)
{
    call_barrier = vkCmdPipelineBarrier;
    call_end = vkEndCommandBuffer;
    vkCmdPipelineBarrier = note_barrier;
    vkEndCommandBuffer = note_end;
}

/* Runs last: every command buffer of the other tests ended with a barrier that lets the
 * host read what kernels and copies wrote. */
static void test_host_barriers(void **state)
{
    (void)state;
    if (!device->device)
        skip(); /* the processor has none */
    assert_true(atomic_load(&buffers_ended) > 0);
    assert_int_equal(atomic_load(&without_barrier), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_free_in_flight),
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_steady),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_fed),
        cmocka_unit_test(test_statistics_of_styles),
        cmocka_unit_test(test_identity_style),
        cmocka_unit_test(test_wrong_pictures),
        cmocka_unit_test(test_wrong_frame_params),
        cmocka_unit_test(test_wrong_params),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_timing),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_growth),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_check_passes),
        cmocka_unit_test(test_nan_weights),
        cmocka_unit_test(test_other_size),
        cmocka_unit_test(test_builds),
        cmocka_unit_test(test_check_steps),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_first_stylizers),
        cmocka_unit_test(test_host_barriers),
    };
    struct gpu_test test;
    int failed = 0;
    if (!gpu_test_open(&test))
        return 77;
    note_command_buffers();
    small_net = net_make(NET_SMALL, DAUB_MODEL_RANGE_1);
    styled_net = net_make(NET_STYLED, DAUB_MODEL_RANGE_1);
    for (int i = 0; i < test.count; i++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test.devices[i], sets);
        for (int k = 0; k < count; k++) {
            device_number = i;
            device_kernels = gpu_test_kernels_name(sets[k]);
            printf("device %d, %s kernels\n", i, device_kernels);
            fflush(stdout);
            device = gpu_test_device(i, device_kernels);
            failed += cmocka_run_group_tests(tests, NULL, NULL);
            gpu_test_device_close(device);
        }
    }
    daub_model_free(small_net);
    daub_model_free(styled_net);
    return gpu_test_close(&test) ? failed : 1;
}
