/* Style signals of every device and kernel set, against the plain C reference of the
 * whole encoder. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <daub/daub.h>

#include "../unit/onnx_make.h"
#include "engine/crops.h"
#include "gpu_test.h"
#include "net/onnx.h"
#include "net/ref.h"

#define IDENTIFIER "0123456789abcdef"
#define META       "opset 13; meta daub.encoder " IDENTIFIER "; meta daub.range 1; "

/* Mean and deviation of two maps of different sizes, LayerNorm as opset 13 writes it, two
 * dense layers. */
#define ENCODER                                                                          \
    META "in picture 1,3,256,256; f a 8,12,3,3 r1; f b 12,8,3,3 r2; f k 40,24 r3; "      \
         "f l 24,16 r4; f bias 24 r5; f small 1 =0.00001; f two 1 =2; i by2 "            \
         "1,1,1,1,1,1; "                                                                 \
         "SpaceToDepth picture > u blocksize=2; "                                        \
         "Conv u,a > c kernel_shape=3,3 strides=2,2 pads=1,1,1,1; Relu c > p; "          \
         "Conv p,b > d kernel_shape=3,3 strides=2,2 pads=1,1,1,1; Relu d > q; "          \
         "GlobalAveragePool p > p1; Mul p,p > pp; ReduceMean pp > p2 axes=2,3 "          \
         "keepdims=1; Mul p1,p1 > p3; Sub p2,p3 > p4; Add p4,small > p5; Sqrt p5 > p6; " \
         "ReduceMean q > q1 axes=2,3 keepdims=0; GlobalAveragePool q > q7; "             \
         "Sub q,q7 > q2; Mul q2,q2 > q3; ReduceMean q3 > q4 axes=2,3 keepdims=0; "       \
         "Add q4,small > q5; Sqrt q5 > q6; "                                             \
         "Concat p1,p6 > s axis=1; Flatten s > s1; Concat s1,q1,q6 > t axis=1; "         \
         "ReduceMean t > m axes=-1, keepdims=1; Sub t,m > t1; Pow t1,two > t2; "         \
         "ReduceMean t2 > v axes=-1, keepdims=1; Add v,small > v1; Sqrt v1 > v2; "       \
         "Div t1,v2 > t3; Gemm t3,k,bias > g; Relu g > h; MatMul h,l > z; out z 1,16"

/* Gates of the channels, computed from a mean (Hu 2018), and layer normalization as that
 * of a map of one channel. */
#define ENCODER_GATED                                                                    \
    META "in picture 1,3,256,256; f a 8,3,3,3 r1; f g 8,8,1,1 r2; f k 16,5 r3; f one 1 " \
         "=1; "                                                                          \
         "f zero 1 =0; i map 1,1,16,1; i row 1,16; "                                     \
         "Conv picture,a > c kernel_shape=3,3 strides=4,4 pads=1,1,1,1; Relu c > p; "    \
         "GlobalAveragePool p > m; Conv m,g > h kernel_shape=1,1; Sigmoid h > s; "       \
         "Mul p,s > q; GlobalAveragePool q > n; Concat n,s > j axis=1; "                 \
         "Reshape j,map > r; InstanceNormalization r,one,zero > i; Reshape i,row > v; "  \
         "MatMul v,k > z; out z 1,5"

/* Its signal is the mean of each color. */
#define ENCODER_MEAN                                                                     \
    META "in picture 1,3,h,w; GlobalAveragePool picture > z; out z 1,3,1,1"

#define ENCODER_NAN                                                                      \
    META "in picture 1,3,256,256; f a 4,3,1,1 =nan; Conv picture,a > c "                 \
         "kernel_shape=1,1; "                                                            \
         "GlobalAveragePool c > z; out z 1,4,1,1"

static struct daub_device *device;

static unsigned char *bytes_of(const char *text, size_t *size)
{
    Onnx__ModelProto *proto = onnx_make(text);
    unsigned char *bytes = onnx_make_bytes(proto, size);
    onnx_make_free(proto);
    return bytes;
}

static struct daub_encoder *load(const char *text)
{
    struct daub_error error = {0};
    struct daub_encoder *encoder;
    size_t size;
    unsigned char *bytes = bytes_of(text, &size);
    if (daub_encoder_load_memory(bytes, size, "encoder", &encoder, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    free(bytes);
    return encoder;
}

/* Waves and bars; memory is to be freed. */
static struct daub_image picture_of(int width, int height, bool alpha)
{
    int step = alpha ? 4 : 3;
    unsigned char *memory = calloc((size_t)width * (size_t)height, (size_t)step);
    assert_non_null(memory);
    for (int i = 0; i < width * height; i++) {
        int x = i % width, y = i / width;
        unsigned char *at = memory + (ptrdiff_t)i * step;
        at[0] = (unsigned char)(127 + 120 * sin(0.05 * x + 0.02 * y));
        at[1] = (unsigned char)(x * 3 ^ y);
        at[2] = (unsigned char)(y * 255 / height);
        if (alpha)
            at[3] = (unsigned char)(x % 200 + 55);
    }
    return (struct daub_image){.width = width,
                               .height = height,
                               .format.pixel = alpha ? DAUB_PIXEL_RGBA : DAUB_PIXEL_RGB24,
                               .plane = {memory},
                               .stride = {(ptrdiff_t)width * step}};
}

/* The mean of the reference's results for the crops. */
static int reference(const char *text, const struct daub_image *picture, double *z)
{
    struct daub_error error = {0};
    struct crops crops;
    struct net_graph graph;
    size_t size;
    unsigned char *bytes = bytes_of(text, &size);
    struct net_onnx *onnx = net_onnx_parse(bytes, size, "encoder", &error);
    if (!onnx || !net_onnx_build(onnx, CROP_SIDE, CROP_SIDE, &graph, &error) ||
        !crops_make(picture, CROP_SIDE, &crops, &error))
        fail_msg("%s", error.message);
    int count = (int)net_shape_count(&graph.values[graph.output].shape);
    memset(z, 0, (size_t)count * sizeof(*z));
    for (int i = 0; i < crops.count; i++) {
        struct net_ref ref;
        const float *crop = crops.rgb + (size_t)i * 3 * CROP_SIDE * CROP_SIDE;
        if (!net_ref_run(&ref, &graph, crop, NULL, NET_REF_ALL, false, &error))
            fail_msg("%s", error.message);
        for (int k = 0; k < count; k++)
            z[k] += (double)ref.result[graph.output][k] / crops.count;
        net_ref_free(&ref);
    }
    free(crops.rgb);
    net_graph_free(&graph);
    net_onnx_free(onnx);
    free(bytes);
    return count;
}

static void check_signal(const char *text, int length)
{
    static const struct {
        int width, height;
        bool alpha;
    } cases[] = {{400, 300, false}, {90, 310, true}, {257, 256, false}};
    struct daub_encoder *encoder = load(text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct daub_error error = {0};
        struct daub_signal signal;
        double want[DAUB_SIGNAL_MAX], peak = 0;
        struct daub_image picture =
            picture_of(cases[i].width, cases[i].height, cases[i].alpha);
        if (daub_encode(device, encoder, &picture, &signal, &error) != DAUB_OK)
            fail_msg("%s", error.message);
        assert_string_equal(signal.encoder, IDENTIFIER);
        assert_int_equal(signal.count, reference(text, &picture, want));
        assert_int_equal(signal.count, length);
        for (int k = 0; k < signal.count; k++)
            peak = fmax(peak, fabs(want[k]));
        assert_true(peak > 0.1);
        for (int k = 0; k < signal.count; k++) {
            if (!(fabs((double)signal.z[k] - want[k]) < 1e-4 * peak))
                fail_msg("case %zu, element %d: %g, the reference gives %g", i, k,
                         (double)signal.z[k], want[k]);
        }
        free(picture.plane[0]);
    }
    daub_encoder_free(encoder);
}

static void test_signal(void **state)
{
    (void)state;
    check_signal(ENCODER, 16);
    check_signal(ENCODER_GATED, 5);
}

/* Half red, half blue: their mean. With alpha 0 all is white, whatever the color. */
static void test_colors(void **state)
{
    (void)state;
    struct daub_encoder *encoder = load(ENCODER_MEAN);
    struct daub_image picture = picture_of(256, 256, true);
    for (int i = 0; i < 256 * 256; i++) {
        unsigned char *at = (unsigned char *)picture.plane[0] + 4 * i;
        int x = i % 256;
        at[0] = x < 64 ? 255 : 0;
        at[1] = x < 64 ? 128 : 0;
        at[2] = 0;
        at[3] = i / 256 < 128 ? 255 : 0;
    }
    struct daub_signal signal;
    struct daub_error error = {0};
    if (daub_encode(device, encoder, &picture, &signal, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    /* The lower half is a white margin, so the upper one, 2:1, is what counts. Crops
     * begin at 0, 1/4 and 1/2 of its width; red covers a quarter of the width. */
    assert_int_equal(signal.count, 3);
    assert_float_equal(signal.z[0], 0.5f / 3, 1e-3);
    assert_float_equal(signal.z[1], 0.5f / 3 * 128 / 255, 1e-3);
    assert_float_equal(signal.z[2], 0, 1e-3);
    free(picture.plane[0]);
    daub_encoder_free(encoder);
}

static void refused(const struct daub_encoder *encoder, struct daub_image picture,
                    enum daub_status status, const char *words)
{
    struct daub_signal signal;
    struct daub_error error = {0};
    assert_int_equal(daub_encode(device, encoder, &picture, &signal, &error), status);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not contain '%s'", error.message, words);
}

static void test_refusals(void **state)
{
    (void)state;
    struct daub_encoder *encoder = load(ENCODER), *bad = load(ENCODER_NAN);
    struct daub_image picture = picture_of(300, 200, false), small = picture;
    refused(bad, picture, DAUB_ERROR_MODEL, "NaN");
    small.height = DAUB_PICTURE_SIDE_MIN - 1;
    refused(encoder, small, DAUB_ERROR_ARGUMENT, "300 x 63 pixels; a style needs");
    small = picture;
    small.format.pixel = DAUB_PIXEL_YUV420P;
    refused(encoder, small, DAUB_ERROR_ARGUMENT, "RGB24 or RGBA");
    memset(picture.plane[0], 90, (size_t)300 * 200 * 3);
    refused(encoder, picture, DAUB_ERROR_ARGUMENT, "one color");
    memset((char *)picture.plane[0] + 100 * 300 * 3 + 300, 200, 30); /* ten pixels */
    refused(encoder, picture, DAUB_ERROR_ARGUMENT, "10 x 1 pixels without its margins");
    free(picture.plane[0]);
    daub_encoder_free(encoder);
    daub_encoder_free(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_refusals),
    };
    struct gpu_test test;
    int failed = 0;
    if (!gpu_test_open(&test))
        return 77;
    for (int i = 0; i < test.count; i++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test.devices[i], sets);
        for (int k = 0; k < count; k++) {
            printf("device %d, %s kernels\n", i, gpu_test_kernels_name(sets[k]));
            fflush(stdout);
            device = gpu_test_device(i, gpu_test_kernels_name(sets[k]));
            failed += cmocka_run_group_tests(tests, NULL, NULL);
            gpu_test_device_close(device);
        }
    }
    return gpu_test_close(&test) ? failed : 1;
}
