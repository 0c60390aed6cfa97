/* Pixel formats, color matrices and resampling tables against libavutil's descriptions,
 * the standards' numbers and the properties of the methods. */
#include <libavutil/common.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/image.h"
#include "engine/resample.h"

/* ---- formats ---- */

static const char *fourcc_name(const char *name)
{
    /* Names of little-endian formats of more than 8 bits end in "le". */
    static char text[32];
    snprintf(text, sizeof(text), "%sle", name);
    return av_get_pix_fmt(text) != AV_PIX_FMT_NONE ? text : name;
}

static void check_component(const struct image_layout *layout,
                            const AVPixFmtDescriptor *desc, int c)
{
    /* libavutil counts steps and offsets in bytes and lists R, G, B and alpha last. */
    const AVComponentDescriptor *want = &desc->comp[c];
    const struct image_component *got = &layout->component[c];
    assert_int_equal(got->plane, want->plane);
    assert_int_equal(got->step * layout->bytes, want->step);
    assert_int_equal(got->offset * layout->bytes, want->offset);
    assert_int_equal(layout->depth, want->depth);
    assert_int_equal(layout->shift, want->shift);
}

static void test_layouts(void **state)
{
    (void)state;
    for (int p = DAUB_PIXEL_RGB24; p <= DAUB_PIXEL_UYVY422; p++) {
        const struct image_layout *layout = image_layout((enum daub_pixel_format)p);
        assert_non_null(layout);
        enum AVPixelFormat av = av_get_pix_fmt(fourcc_name(layout->name));
        const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av);
        assert_non_null(desc);
        assert_int_equal(layout->planes, av_pix_fmt_count_planes(av));
        assert_int_equal(layout->planes, daub_pixel_planes(layout->pixel));
        assert_int_equal(layout->sub_x, desc->log2_chroma_w);
        assert_int_equal(layout->sub_y, desc->log2_chroma_h);
        assert_int_equal(layout->rgb, !!(desc->flags & AV_PIX_FMT_FLAG_RGB));
        assert_int_equal(layout->components + (layout->alpha_offset >= 0),
                         desc->nb_components);
        for (int c = 0; c < layout->components; c++)
            check_component(layout, desc, c);
        if (layout->alpha_offset >= 0)
            assert_int_equal(layout->alpha_offset, desc->comp[3].offset);
    }
    assert_null(image_layout(0));
    assert_null(image_layout(DAUB_PIXEL_UYVY422 + 1));
    assert_int_equal(daub_pixel_planes(0), 0);
}

static void test_plane_sizes(void **state)
{
    static const int sizes[][2] = {{1, 1},   {2, 2},   {3, 5},    {33, 17},
                                   {640, 9}, {641, 8}, {1920, 1}, {7, 1080}};
    (void)state;
    for (int p = DAUB_PIXEL_RGB24; p <= DAUB_PIXEL_UYVY422; p++) {
        const struct image_layout *layout = image_layout((enum daub_pixel_format)p);
        enum AVPixelFormat av = av_get_pix_fmt(fourcc_name(layout->name));
        const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av);
        for (int i = 0; i < 8; i++) {
            int w = sizes[i][0], h = sizes[i][1], rows;
            size_t bytes, whole = 0;
            for (int plane = 0; plane < layout->planes; plane++) {
                bool chroma = plane > 0 && !layout->rgb;
                int sub = chroma ? desc->log2_chroma_h : 0;
                assert_true(
                    daub_pixel_plane_size(layout->pixel, plane, w, h, &bytes, &rows));
                assert_int_equal(bytes, av_image_get_linesize(av, w, plane));
                assert_int_equal(rows, AV_CEIL_RSHIFT(h, sub));
                assert_int_equal(image_packed_offset(layout, plane, w, h), whole);
                assert_int_equal(image_packed_stride(layout, plane, w),
                                 (bytes + 3) / 4 * 4);
                whole += (bytes + 3) / 4 * 4 * (size_t)rows;
            }
            assert_int_equal(image_packed_offset(layout, layout->planes, w, h), whole);
            assert_false(daub_pixel_plane_size(layout->pixel, layout->planes, w, h,
                                               &bytes, &rows));
            assert_false(daub_pixel_plane_size(layout->pixel, -1, w, h, &bytes, &rows));
        }
    }
    size_t bytes;
    int rows;
    assert_false(daub_pixel_plane_size(DAUB_PIXEL_GRAY8, 0, 0, 1, &bytes, &rows));
    assert_false(daub_pixel_plane_size(DAUB_PIXEL_GRAY8, 0, 1, -1, &bytes, &rows));
    assert_false(daub_pixel_plane_size(0, 0, 1, 1, &bytes, &rows));
}

static void test_defaults(void **state)
{
    (void)state;
    struct daub_format f = {.pixel = DAUB_PIXEL_NV12};
    assert_int_equal(image_defaults(f, 719).matrix, DAUB_MATRIX_BT601);
    assert_int_equal(image_defaults(f, 720).matrix, DAUB_MATRIX_BT709);
    assert_int_equal(image_defaults(f, 720).range, DAUB_RANGE_LIMITED);
    assert_int_equal(image_defaults(f, 720).chroma, DAUB_CHROMA_LEFT);
    f = (struct daub_format){DAUB_PIXEL_NV12, DAUB_MATRIX_BT2020, DAUB_RANGE_FULL,
                             DAUB_CHROMA_TOPLEFT};
    struct daub_format same = image_defaults(f, 9);
    assert_memory_equal(&same, &f, sizeof(f));
}

/* ---- colors ---- */

struct known {
    enum daub_pixel_format pixel;
    enum daub_matrix matrix;
    enum daub_range range;
    int code[3], rgb[3]; /* rgb in percent */
};

/* BT.601 and BT.709 full color bars as measuring instruments give them; BT.2020 worked
 * out from its Kr = 0.2627, Kb = 0.0593 in 10 bits. */
static const struct known known[] = {
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT601,
     DAUB_RANGE_LIMITED,
     {235, 128, 128},
     {100, 100, 100}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT601,
     DAUB_RANGE_LIMITED,
     {16, 128, 128},
     {0, 0, 0}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT601,
     DAUB_RANGE_LIMITED,
     {81, 90, 240},
     {100, 0, 0}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT601,
     DAUB_RANGE_LIMITED,
     {145, 54, 34},
     {0, 100, 0}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT601,
     DAUB_RANGE_LIMITED,
     {41, 240, 110},
     {0, 0, 100}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT709,
     DAUB_RANGE_LIMITED,
     {63, 102, 240},
     {100, 0, 0}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT709,
     DAUB_RANGE_LIMITED,
     {173, 42, 26},
     {0, 100, 0}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT709,
     DAUB_RANGE_LIMITED,
     {32, 240, 118},
     {0, 0, 100}},
    {DAUB_PIXEL_YUV444P, DAUB_MATRIX_BT601, DAUB_RANGE_FULL, {76, 85, 255}, {100, 0, 0}},
    {DAUB_PIXEL_YUV444P,
     DAUB_MATRIX_BT601,
     DAUB_RANGE_FULL,
     {255, 128, 128},
     {100, 100, 100}},
    {DAUB_PIXEL_YUV444P10,
     DAUB_MATRIX_BT2020,
     DAUB_RANGE_LIMITED,
     {940, 512, 512},
     {100, 100, 100}},
    {DAUB_PIXEL_YUV444P10,
     DAUB_MATRIX_BT2020,
     DAUB_RANGE_LIMITED,
     {294, 387, 960},
     {100, 0, 0}},
    {DAUB_PIXEL_YUV444P10,
     DAUB_MATRIX_BT2020,
     DAUB_RANGE_LIMITED,
     {116, 960, 476},
     {0, 0, 100}},
};

static void test_colors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct known *k = &known[i];
        struct image_color color;
        struct daub_format f = {k->pixel, k->matrix, k->range, DAUB_CHROMA_LEFT};
        double one = (1 << image_layout(k->pixel)->depth) - 1;
        image_color(&f, &color);
        for (int r = 0; r < 3; r++) {
            double rgb = (double)color.to_rgb_offset[r];
            double code = (double)color.from_rgb_offset[r];
            for (int c = 0; c < 3; c++) {
                rgb += (double)color.to_rgb[r][c] * k->code[c] / one;
                code += (double)color.from_rgb[r][c] * k->rgb[c] / 100;
            }
            /* The tables round codes, and blue weighs twice a code's error. */
            assert_true(fabs(rgb - k->rgb[r] / 100.0) < 1.2 / (one / 4));
            assert_true(fabs(code * one - k->code[r]) <= 0.55);
        }
    }
}

static void test_gray(void **state)
{
    (void)state;
    struct image_color color;
    struct daub_format f = {DAUB_PIXEL_GRAY8, DAUB_MATRIX_BT601, DAUB_RANGE_LIMITED,
                            DAUB_CHROMA_LEFT};
    image_color(&f, &color);
    for (int i = 0; i < 3; i++) {
        float white = color.to_rgb[i][0] * 235 / 255 + color.to_rgb_offset[i];
        float black = color.to_rgb[i][0] * 16 / 255 + color.to_rgb_offset[i];
        assert_true(fabsf(white - 1) < 1e-6f && fabsf(black) < 1e-6f);
    }
    assert_true(fabsf(color.from_rgb[0][0] - 0.299f * 219 / 255) < 1e-6f);
}

/* ---- resampling ---- */

static float *table_of(int n_in, int n_out)
{
    size_t row = (size_t)resample_vec4s(resample_taps(n_in, n_out)) * 4;
    float *table = calloc(row * (size_t)n_out, sizeof(float));
    assert_non_null(table);
    resample_table(n_in, n_out, table);
    return table;
}

/* Output i of the line, edges repeated. */
static double at(const float *table, int n_in, int n_out, int i, double (*line)(double x))
{
    int taps = resample_taps(n_in, n_out), row = resample_vec4s(taps) * 4;
    const float *entry = table + (ptrdiff_t)i * row;
    double sum = 0;
    for (int k = 0; k < taps; k++) {
        int x = (int)entry[0] + k;
        x = x < 0 ? 0 : x >= n_in ? n_in - 1 : x;
        sum += (double)entry[1 + k] * line(x);
    }
    return sum;
}

static double one(double x)
{
    (void)x;
    return 1;
}

static double slope(double x)
{
    return 3 * x - 7;
}

static double bend(double x)
{
    return 0.01 * x * x;
}

static double fine(double x)
{
    return (int)x % 2 ? 1 : -1;
}

static void test_resample(void **state)
{
    static const int sizes[][2] = {{1, 1},     {1, 7},    {7, 1},    {64, 64},
                                   {64, 128},  {64, 100}, {100, 64}, {1000, 37},
                                   {37, 1000}, {3, 2}};
    (void)state;
    for (int i = 0; i < 10; i++) {
        int n = sizes[i][0], m = sizes[i][1];
        float *table = table_of(n, m);
        double ratio = (double)n / m, wide = ratio > 1 ? ratio : 1;
        for (int k = 0; k < m; k++) {
            double center = (k + 0.5) * ratio - 0.5;
            /* The weights' sum is one. Far from the edges a slope is unchanged, nearly so
             * when shrinking, and a parabola is unchanged when enlarging. */
            assert_true(fabs(at(table, n, m, k, one) - 1) < 1e-5);
            if (center < 2 * wide || center > n - 1 - 2 * wide)
                continue;
            assert_true(fabs(at(table, n, m, k, slope) - slope(center)) < 0.1);
            if (ratio <= 1)
                assert_true(fabs(at(table, n, m, k, bend) - bend(center)) <
                            1e-5 * (1 + bend(center)));
        }
        free(table);
    }
}

/* Equal sizes copy; shrinking by three or more removes the finest stripes. */
static void test_resample_ends(void **state)
{
    (void)state;
    float *table = table_of(50, 50);
    for (int i = 0; i < 50; i++)
        assert_true(at(table, 50, 50, i, slope) == slope(i));
    free(table);
    table = table_of(300, 70);
    for (int i = 3; i < 67; i++)
        assert_true(fabs(at(table, 300, 70, i, fine)) < 0.01);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),       cmocka_unit_test(test_plane_sizes),
        cmocka_unit_test(test_defaults),      cmocka_unit_test(test_colors),
        cmocka_unit_test(test_gray),          cmocka_unit_test(test_resample),
        cmocka_unit_test(test_resample_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
