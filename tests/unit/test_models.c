/* Whole networks: importer, passes and reference executor on the files of DAUB_DATA/onnx,
 * against the pictures PyTorch painted with them. */
#include <glob.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <png.h>

#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"

/* RGB bytes, rows from the top. */
struct picture {
    int width, height;
    unsigned char *rgb;
};

static struct picture read_png(const char *path)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&png, path))
        fail_msg("%s: %s", path, png.message);
    png.format = PNG_FORMAT_RGB;
    struct picture picture = {(int)png.width, (int)png.height,
                              malloc(PNG_IMAGE_SIZE(png))};
    assert_non_null(picture.rgb);
    if (!png_image_finish_read(&png, NULL, picture.rgb, 0, NULL))
        fail_msg("%s: %s", path, png.message);
    return picture;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = calloc(1, *size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

/* A byte is value * scale + shift for the network. */
static void value_range(const char *json, float *scale, float *shift)
{
    bool is_signed = strstr(json, "\"-1..1\""), is_unit = strstr(json, "\"1\"");
    assert_true(is_signed || is_unit || strstr(json, "\"255\""));
    *scale = is_signed ? 1 / 127.5f : is_unit ? 1 / 255.0f : 1;
    *shift = is_signed ? -1 : 0;
}

static float *to_planes(const struct picture *picture, float scale, float shift)
{
    int area = picture->width * picture->height;
    float *planes = malloc(3 * (size_t)area * sizeof(float));
    assert_non_null(planes);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < area; i++)
            planes[c * area + i] = (float)picture->rgb[3 * i + c] * scale + shift;
    return planes;
}

/* Peak signal-to-noise ratio of the network's output, rounded to bytes; 99 where equal.
 */
static double psnr(const struct picture *want, const float *planes, float scale,
                   float shift)
{
    int area = want->width * want->height;
    double squares = 0;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < area; i++) {
            double x = ((double)planes[c * area + i] - (double)shift) / (double)scale;
            double byte = rint(fmin(fmax(x, 0), 255));
            double off = byte - (double)want->rgb[3 * i + c];
            squares += isnan(x) ? 255.0 * 255.0 : off * off;
        }
    return squares == 0 ? 99 : 10 * log10(255.0 * 255.0 * 3 * area / squares);
}

static double paint(const char *path, const struct picture *in,
                    const struct picture *want, float scale, float shift)
{
    struct daub_error error = {0};
    size_t size;
    char *data = read_file(path, &size);
    struct net_onnx *onnx = net_onnx_parse(data, size, path, &error);
    struct net_graph graph;
    struct net_ref ref;
    net_graph_init(&graph);
    if (!onnx || !net_onnx_build(onnx, in->height, in->width, &graph, &error) ||
        !net_passes_run(&graph, &error))
        fail_msg("%s: %s", path, error.message);
    assert_int_equal(graph.values[graph.output].shape.dim[2], want->height);
    assert_int_equal(graph.values[graph.output].shape.dim[3], want->width);
    float *planes = to_planes(in, scale, shift);
    if (!net_ref_run(&ref, &graph, planes, NULL, NET_REF_ALL, false, &error))
        fail_msg("%s: %s", path, error.message);
    double result = psnr(want, ref.result[graph.output], scale, shift);
    if (getenv("DAUB_DUMP"))
        net_graph_dump(&graph, stdout);
    net_ref_free(&ref);
    net_graph_free(&graph);
    net_onnx_free(onnx);
    free(planes);
    free(data);
    return result;
}

static glob_t models;

static void test_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < models.gl_pathc; i++) {
        const char *path = models.gl_pathv[i];
        char stem[512], other[600];
        snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(path) - strlen(".onnx")), path);
        snprintf(other, sizeof(other), "%s.json", stem);
        size_t size;
        float scale, shift;
        char *json = read_file(other, &size);
        value_range(json, &scale, &shift);
        snprintf(other, sizeof(other), "%s.in.png", stem);
        struct picture in = read_png(other);
        snprintf(other, sizeof(other), "%s.out.png", stem);
        struct picture want = read_png(other);
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        double result = paint(path, &in, &want, scale, shift);
        clock_gettime(CLOCK_MONOTONIC, &end);
        print_message("%s: %dx%d, %.1f dB, %.2f s\n", strrchr(path, '/') + 1, in.width,
                      in.height, result,
                      (double)(end.tv_sec - start.tv_sec) +
                          1e-9 * (double)(end.tv_nsec - start.tv_nsec));
        assert_true(result >= 60);
        free(json);
        free(in.rgb);
        free(want.rgb);
    }
}

int main(void)
{
    const char *data = getenv("DAUB_DATA");
    char pattern[512];
    snprintf(pattern, sizeof(pattern), "%s/onnx/*.onnx", data ? data : DAUB_DATA);
    if (glob(pattern, 0, NULL, &models) != 0) {
        printf("skipped: no models at %s (set DAUB_DATA)\n", pattern);
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    globfree(&models);
    return failed;
}
