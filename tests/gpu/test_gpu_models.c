/* Whole networks through the public interface: the files of DAUB_DATA/onnx against the
 * pictures that PyTorch painted with them, and at other sizes against the C reference;
 * the default model too. */
#include <glob.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <daub/daub.h>

#include "engine/model.h"
#include "gpu_test.h"
#include "net/passes.h"
#include "net/ref.h"

#define FP32_DB 45.0
#define FP16_DB 40.0
/* On a small generated picture, which has larger errors than photographs. */
#define PATTERN_FP16_DB 36.0

static struct gpu_test test;

/* RGB bytes, rows from the top. */
struct rgb {
    int width, height;
    unsigned char *bytes;
};

static struct rgb rgb_new(int width, int height)
{
    struct rgb rgb = {width, height, calloc((size_t)width * (size_t)height, 3)};
    assert_non_null(rgb.bytes);
    return rgb;
}

static struct rgb read_png(const char *path)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&png, path))
        fail_msg("%s: %s", path, png.message);
    png.format = PNG_FORMAT_RGB;
    struct rgb rgb = rgb_new((int)png.width, (int)png.height);
    if (!png_image_finish_read(&png, NULL, rgb.bytes, 0, NULL))
        fail_msg("%s: %s", path, png.message);
    return rgb;
}

static double psnr(const struct rgb *a, const struct rgb *b)
{
    double sum = 0;
    size_t count = 3 * (size_t)a->width * (size_t)a->height;
    assert_true(a->width == b->width && a->height == b->height);
    for (size_t i = 0; i < count; i++) {
        double off = (double)a->bytes[i] - (double)b->bytes[i];
        sum += off * off;
    }
    return sum == 0 ? 99 : 10 * log10(255.0 * 255 * (double)count / sum);
}

/* ---- painting ---- */

static struct daub_image view(const struct rgb *rgb)
{
    return (struct daub_image){.width = rgb->width,
                               .height = rgb->height,
                               .format = {.pixel = DAUB_PIXEL_RGB24},
                               .plane = {rgb->bytes},
                               .stride = {3 * (ptrdiff_t)rgb->width}};
}

static struct rgb paint(struct daub_device *device, const struct daub_model *model,
                        const struct rgb *in, bool fp16, double *ms)
{
    struct daub_error error = {0};
    struct daub_stylizer *stylizer;
    struct rgb out = rgb_new(in->width, in->height);
    struct daub_image from = view(in), to = view(&out);
    struct daub_stylizer_params params = {.in_width = in->width,
                                          .in_height = in->height,
                                          .in = from.format,
                                          .precision = fp16 ? DAUB_PRECISION_FP16
                                                            : DAUB_PRECISION_FP32,
                                          .skip_check = true};
    if (daub_stylizer_create(device, model, &params, &stylizer, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    *ms = 0;
    for (int i = 0; i < 2 && *ms < 1500; i++) { /* the first run compiles */
        double start = gpu_test_seconds();
        if (daub_stylizer_submit(stylizer, &from, NULL, 0, &error) != DAUB_OK ||
            daub_stylizer_receive(stylizer, &to, NULL, &error) != DAUB_OK)
            fail_msg("%s", error.message);
        *ms = (gpu_test_seconds() - start) * 1e3;
    }
    daub_stylizer_free(stylizer);
    return out;
}

/* ---- the same by the reference ---- */

static int reflected(int i, int n)
{
    int period = 2 * n - 2;
    i = n == 1 ? 0 : i % period;
    return i < n ? i : period - i;
}

static struct rgb reference(const struct daub_model *model, const struct rgb *in)
{
    struct daub_error error = {0};
    struct net_graph graph;
    struct net_ref ref;
    int align = model_alignment(model, test.devices[0], &error);
    assert_true(align > 0);
    int h = (in->height + align - 1) / align * align;
    int w = (in->width + align - 1) / align * align;
    struct plan_range range = model_range(model);
    float *planes = malloc(3 * sizeof(float) * (size_t)h * (size_t)w), style[64] = {0};
    assert_non_null(planes);
    for (int i = 0; i < 3 * h * w; i++) {
        int c = i / (h * w), y = reflected(i / w % h, in->height),
            x = reflected(i % w, in->width);
        planes[i] = (float)in->bytes[3 * (y * in->width + x) + c] / 255 * range.scale +
                    range.shift;
    }
    assert_true(net_onnx_get_info(model->onnx)->style_count <= 64);
    model_default_style(model, style);
    if (!model_build(model, h, w, &graph, &error) ||
        !net_ref_run(&ref, &graph, planes, style, NET_REF_ALL, false, &error))
        fail_msg("%s", error.message);
    struct rgb out = rgb_new(in->width, in->height);
    const float *result = ref.result[graph.output];
    for (int i = 0; i < 3 * in->width * in->height; i++) {
        int c = i % 3, x = i / 3 % in->width, y = i / 3 / in->width;
        double value = (double)result[(c * h + y) * w + x];
        value = (value - (double)range.shift) / (double)range.scale;
        out.bytes[i] = (unsigned char)lrint(fmin(fmax(value, 0), 1) * 255);
    }
    net_ref_free(&ref);
    net_graph_free(&graph);
    free(planes);
    return out;
}

/* A colored pattern with soft and hard edges. */
static struct rgb pattern(int width, int height)
{
    struct rgb rgb = rgb_new(width, height);
    for (int i = 0; i < 3 * width * height; i++) {
        double x = i / 3 % width, y = (double)(i / 3) / width;
        double wave = sin(x / (5 + 2 * (i % 3))) + cos(y / 7) + (x > y ? 0.6 : 0);
        rgb.bytes[i] = (unsigned char)(110 + 50 * wave);
    }
    return rgb;
}

/* ---- tests ---- */

static glob_t files;

static struct daub_model *load(const char *path)
{
    struct daub_error error = {0};
    struct daub_model *model;
    char json[512], text[512] = {0};
    snprintf(json, sizeof(json), "%.*s.json", (int)strlen(path) - 5, path);
    FILE *file = fopen(json, "r");
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    enum daub_model_range range = 0;
    if (size > 0)
        range = strstr(text, "\"-1..1\"") ? DAUB_MODEL_RANGE_SIGNED
                : strstr(text, "\"255\"") ? DAUB_MODEL_RANGE_255
                                          : DAUB_MODEL_RANGE_1;
    if (daub_model_load(path, range, &model, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    return model;
}

static void compare_on(int number, enum gpu_kernels set, bool fp16, const char *name,
                       const struct daub_model *model, const struct rgb *in,
                       const struct rgb *want, double least_db)
{
    double ms;
    const char *kernels = gpu_test_kernels_name(set);
    struct daub_device *device = gpu_test_device(number, kernels);
    struct rgb out = paint(device, model, in, fp16, &ms);
    double db = psnr(&out, want);
    printf("%-24s %4d x %-4d %-6s %s %6.1f dB %8.1f ms\n", name, in->width, in->height,
           kernels, fp16 ? "fp16" : "fp32", db, ms);
    fflush(stdout);
    assert_true(db >= least_db);
    free(out.bytes);
    gpu_test_device_close(device);
}

/* Paints with every device, kernel set and precision (16 bits unless fp16_db is 0). */
static void compare(const char *name, const struct daub_model *model,
                    const struct rgb *in, const struct rgb *want, double fp16_db)
{
    for (int i = 0; i < test.count; i++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test.devices[i], sets);
        for (int k = 0; k < count; k++) {
            compare_on(i, sets[k], false, name, model, in, want, FP32_DB);
            if (fp16_db > 0 && sets[k] != GPU_KERNELS_HOST)
                compare_on(i, sets[k], true, name, model, in, want, fp16_db);
        }
    }
}

static void at_other_sizes(const char *name, const struct daub_model *model)
{
    static const int sizes[][2] = {{96, 64}, {144, 80}, {101, 75}};
    for (int i = 0; i < 3; i++) {
        struct rgb in = pattern(sizes[i][0], sizes[i][1]);
        struct rgb want = reference(model, &in);
        compare(name, model, &in, &want, i == 2 ? PATTERN_FP16_DB : 0);
        free(in.bytes);
        free(want.bytes);
    }
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i], *name = strrchr(path, '/') + 1;
        char other[512];
        int stem = (int)strlen(path) - 5;
        snprintf(other, sizeof(other), "%.*s.in.png", stem, path);
        struct rgb in = read_png(other);
        snprintf(other, sizeof(other), "%.*s.out.png", stem, path);
        struct rgb want = read_png(other);
        struct daub_model *model = load(path);
        compare(name, model, &in, &want, FP16_DB);
        if (strstr(name, "dyn"))
            at_other_sizes(name, model);
        daub_model_free(model);
        free(in.bytes);
        free(want.bytes);
    }
    if (files.gl_pathc == 0)
        skip();
}

static void test_lite(void **state)
{
    (void)state;
    struct daub_model *model = load(MODELS "/lite.onnx");
    at_other_sizes("lite", model);
    daub_model_free(model);
}

static const char *data; /* folder of test material */

/* Scales and shifts that the processor computes from the style weights. */
static void test_multistyle(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof(path), "%s/onnx_magenta/multistyle26.onnx", data);
    if (access(path, R_OK) != 0) {
        print_message("no model at %s (set DAUB_DATA)\n", path);
        skip();
    }
    struct daub_model *model = load(path);
    assert_int_equal(net_onnx_get_info(model->onnx)->style_count, 26);
    at_other_sizes("multistyle26", model);
    daub_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lite),
                                       cmocka_unit_test(test_multistyle),
                                       cmocka_unit_test(test_files)};
    char pattern_text[512];
    data = getenv("DAUB_DATA") ? getenv("DAUB_DATA") : DAUB_DATA;
    if (!gpu_test_open(&test))
        return 77;
    snprintf(pattern_text, sizeof(pattern_text), "%s/onnx/*.onnx", data);
    if (glob(pattern_text, 0, NULL, &files) != 0)
        printf("no models at %s (set DAUB_DATA): the default model only\n", pattern_text);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    globfree(&files);
    return gpu_test_close(&test) ? failed : 1;
}
