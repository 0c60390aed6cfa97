/* Frames on the device with networks that change nothing or invert: formats, sizes,
 * resampling, mixing. */
#include <libswscale/swscale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/image.h"
#include "gpu_test.h"
#include "nets.h"
#include "picture.h"

/* What a test paints on: every device once with each kernel set. */
struct place {
    struct daub_device *device;
    const char *kernels;
};

static struct place places[2 * GPU_TEST_MAX];
static int place_count;
static struct daub_model *identity, *negative;

#define EACH_PLACE(p) (const struct place *p = places; p < places + place_count; p++)

/* Paints in to out, whose sizes and formats replace those of params. */
static void paint_with(const struct place *place, const struct daub_model *model,
                       struct daub_stylizer_params params,
                       const struct daub_frame_params *look, const struct picture *in,
                       struct picture *out)
{
    struct daub_error error = {0};
    struct daub_stylizer *stylizer;
    int64_t tag = 0;
    params.in_width = in->image.width;
    params.in_height = in->image.height;
    params.in = in->image.format;
    params.out_width = out->image.width;
    params.out_height = out->image.height;
    params.out = out->image.format;
    params.skip_check = true;
    params.precision = params.precision ? params.precision : DAUB_PRECISION_FP32;
    if (daub_stylizer_create(place->device, model, &params, &stylizer, &error) != 0 ||
        daub_stylizer_submit(stylizer, &in->image, look, 42, &error) != 0 ||
        daub_stylizer_receive(stylizer, &out->image, &tag, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(tag, 42);
    daub_stylizer_free(stylizer);
}

static void paint(const struct place *place, const struct daub_model *model,
                  const struct daub_frame_params *look, const struct picture *in,
                  struct picture *out)
{
    paint_with(place, model, (struct daub_stylizer_params){0}, look, in, out);
}

static const char *describe(const struct picture *picture)
{
    static char text[128];
    const struct daub_format *f = &picture->image.format;
    snprintf(text, sizeof(text), "%s matrix %d range %d chroma %d, %d x %d",
             image_layout(f->pixel)->name, f->matrix, f->range, f->chroma,
             picture->image.width, picture->image.height);
    return text;
}

/* ---- every format comes back ---- */

/* Largest difference in codes after conversion to the picture tensor and back. A float
 * has 24 bits, so codes of more than 12 bits may change by one. 16-bit storage is exact
 * to 2^-11. */
static int tolerance(const struct picture *picture, bool fp16)
{
    int depth = picture_depth(picture);
    return fp16 ? 2 << (depth - 8) : depth > 12;
}

static void returns(const struct place *place, struct daub_format format, int width,
                    int height, void (*fill)(struct picture *picture), bool fp16)
{
    struct picture in, out;
    struct daub_stylizer_params params = {.precision = fp16 ? DAUB_PRECISION_FP16
                                                            : DAUB_PRECISION_FP32};
    picture_init(&in, format, width, height, 0, false);
    picture_init(&out, format, width, height, 5, false);
    if (fill)
        fill(&in);
    else
        picture_noise(&in, (unsigned)(width * height + format.pixel));
    paint_with(place, identity, params, NULL, &in, &out);
    int off = picture_difference(&in, &out);
    if (off > tolerance(&in, fp16))
        fail_msg("%s, %s kernels%s: %d codes off", describe(&in), place->kernels,
                 fp16 ? ", fp16" : "", off);
    assert_true(picture_guarded(&out));
    if (format.pixel == DAUB_PIXEL_RGBA || format.pixel == DAUB_PIXEL_BGRA)
        assert_int_equal(((unsigned char *)out.image.plane[0])[3], 255);
    picture_free(&in);
    picture_free(&out);
}

/* Calls visit for each meaning that the pixel format's samples may have. */
static void each_format(const struct place *place,
                        void (*visit)(const struct place *place, struct daub_format f))
{
    for (int pixel = DAUB_PIXEL_RGB24; pixel <= DAUB_PIXEL_UYVY422; pixel++) {
        const struct image_layout *layout = image_layout((enum daub_pixel_format)pixel);
        assert_non_null(layout);
        int matrices = layout->rgb || layout->components == 1 ? 1 : 3;
        int ranges = layout->rgb ? 1 : 2;
        int positions = layout->sub_x || layout->sub_y ? 3 : 1;
        for (int i = 0; i < matrices * ranges * positions; i++) {
            struct daub_format f = {.pixel = (enum daub_pixel_format)pixel,
                                    .matrix = (enum daub_matrix)(1 + i % matrices),
                                    .range = (enum daub_range)(1 + i / matrices % ranges),
                                    .chroma =
                                        (enum daub_chroma)(1 + i / matrices / ranges)};
            visit(place, f);
        }
    }
}

static void return_one(const struct place *place, struct daub_format f)
{
    returns(place, f, 70, 50, picture_bars, false);
    returns(place, f, 33, 17, picture_bars, false);
    returns(place, f, 33, 17, picture_gradient, false);
}

static void test_formats(void **state)
{
    (void)state;
    for
        EACH_PLACE(p)
    each_format(p, return_one);
}

/* Random codes, also those outside RGB; sizes down to one pixel. */
static void test_odd_sizes(void **state)
{
    static const int sizes[][2] = {{1, 1}, {2, 2}, {3, 5}, {1, 8}, {9, 1}, {40, 36}};
    (void)state;
    for
        EACH_PLACE(p)
    for (int pixel = DAUB_PIXEL_RGB24; pixel <= DAUB_PIXEL_UYVY422; pixel++)
        for (int i = 0; i < 6; i++) {
            struct daub_format f = {.pixel = (enum daub_pixel_format)pixel,
                                    .chroma = (enum daub_chroma)(1 + i % 3)};
            returns(p, f, sizes[i][0], sizes[i][1], NULL, false);
        }
}

static void test_fp16(void **state)
{
    static const enum daub_pixel_format pixels[] = {
        DAUB_PIXEL_RGB24,   DAUB_PIXEL_YUV420P, DAUB_PIXEL_NV12,
        DAUB_PIXEL_YUYV422, DAUB_PIXEL_GRAY8,   DAUB_PIXEL_YUV444P10};
    (void)state;
    for
        EACH_PLACE(p)
    for (int i = 0; i < 6; i++) {
        struct daub_format f = {.pixel = pixels[i]};
        returns(p, f, 33, 17, picture_bars, true);
        returns(p, f, 34, 18, picture_gradient, true);
    }
}

/* ---- one format to another ---- */

static const struct daub_format conversions[][2] = {
    {{DAUB_PIXEL_YUV420P, DAUB_MATRIX_BT601, DAUB_RANGE_LIMITED, DAUB_CHROMA_LEFT},
     {DAUB_PIXEL_RGB24, 0, 0, 0}},
    {{DAUB_PIXEL_RGB24, 0, 0, 0},
     {DAUB_PIXEL_YUV420P, DAUB_MATRIX_BT709, DAUB_RANGE_LIMITED, DAUB_CHROMA_LEFT}},
    {{DAUB_PIXEL_BGRA, 0, 0, 0},
     {DAUB_PIXEL_NV12, DAUB_MATRIX_BT709, DAUB_RANGE_FULL, DAUB_CHROMA_CENTER}},
    {{DAUB_PIXEL_NV12, DAUB_MATRIX_BT709, DAUB_RANGE_LIMITED, DAUB_CHROMA_TOPLEFT},
     {DAUB_PIXEL_YUV444P, DAUB_MATRIX_BT601, DAUB_RANGE_FULL, DAUB_CHROMA_LEFT}},
    {{DAUB_PIXEL_YUYV422, DAUB_MATRIX_BT601, DAUB_RANGE_LIMITED, DAUB_CHROMA_LEFT},
     {DAUB_PIXEL_YUV420P, DAUB_MATRIX_BT601, DAUB_RANGE_LIMITED, DAUB_CHROMA_CENTER}},
    {{DAUB_PIXEL_P010, DAUB_MATRIX_BT2020, DAUB_RANGE_LIMITED, DAUB_CHROMA_TOPLEFT},
     {DAUB_PIXEL_YUV420P, DAUB_MATRIX_BT709, DAUB_RANGE_LIMITED, DAUB_CHROMA_LEFT}},
    {{DAUB_PIXEL_YUV422P10, DAUB_MATRIX_BT709, DAUB_RANGE_LIMITED, DAUB_CHROMA_LEFT},
     {DAUB_PIXEL_GBRP16, 0, 0, 0}},
    {{DAUB_PIXEL_GRAY16, 0, DAUB_RANGE_FULL, 0},
     {DAUB_PIXEL_YUV422P12, DAUB_MATRIX_BT709, DAUB_RANGE_LIMITED, DAUB_CHROMA_LEFT}},
    {{DAUB_PIXEL_GBRP10, 0, 0, 0},
     {DAUB_PIXEL_GRAY8, DAUB_MATRIX_BT709, DAUB_RANGE_LIMITED, 0}},
    {{DAUB_PIXEL_YUV420P12, DAUB_MATRIX_BT2020, DAUB_RANGE_FULL, DAUB_CHROMA_CENTER},
     {DAUB_PIXEL_UYVY422, DAUB_MATRIX_BT2020, DAUB_RANGE_LIMITED, DAUB_CHROMA_LEFT}},
    {{DAUB_PIXEL_GBRP, 0, 0, 0},
     {DAUB_PIXEL_YUV444P16, DAUB_MATRIX_BT601, DAUB_RANGE_LIMITED, 0}},
};

/* Paints in to out and compares with want; the RGB values of want were made by the same
 * steps in double precision. */
static void expect(const struct place *place, const struct daub_model *model,
                   struct daub_stylizer_params params,
                   const struct daub_frame_params *look, const struct picture *in,
                   const double *rgb, struct picture *out)
{
    struct picture want;
    picture_init(&want, out->image.format, out->image.width, out->image.height, 0, false);
    picture_encode(&want, rgb);
    paint_with(place, model, params, look, in, out);
    int off = picture_difference(&want, out), most = 1;
    if (picture_depth(out) > 12)
        most = 4;
    if (off > most)
        fail_msg("from %s: %d codes off with %s kernels", describe(in), off,
                 place->kernels);
    picture_free(&want);
}

static double *decoded(const struct picture *picture)
{
    double *rgb = malloc(3 * sizeof(double) * (size_t)picture->image.width *
                         (size_t)picture->image.height);
    assert_non_null(rgb);
    picture_decode(picture, rgb);
    return rgb;
}

static void test_conversions(void **state)
{
    (void)state;
    for
        EACH_PLACE(p)
    for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++)
        for (int content = 0; content < 2; content++) {
            struct picture in, out;
            picture_init(&in, conversions[i][0], 37, 21, 0, false);
            picture_init(&out, conversions[i][1], 37, 21, 3, false);
            (content ? picture_bars : picture_gradient)(&in);
            double *rgb = decoded(&in);
            expect(p, identity, (struct daub_stylizer_params){0}, NULL, &in, rgb, &out);
            free(rgb);
            picture_free(&in);
            picture_free(&out);
        }
}

/* ---- resampling ---- */

/* Keys 1981 with a = -1/2, stretched when shrinking; edges repeat. */
static double keys(double x)
{
    x = fabs(x);
    return x < 1   ? 1 - 2.5 * x * x + 1.5 * x * x * x
           : x < 2 ? 2 - 4 * x + 2.5 * x * x - 0.5 * x * x * x
                   : 0;
}

static void resample_line(const double *from, int n, int from_step, double *to, int m,
                          int to_step)
{
    double ratio = (double)n / m, wide = ratio > 1 ? ratio : 1;
    for (int i = 0; i < m; i++) {
        double center = (i + 0.5) * ratio - 0.5, sum = 0, all = 0;
        for (int k = (int)floor(center - 2 * wide); k <= (int)ceil(center + 2 * wide);
             k++) {
            double weight = keys((k - center) / wide);
            int at = k < 0 ? 0 : k >= n ? n - 1 : k;
            sum += weight * from[(ptrdiff_t)at * from_step];
            all += weight;
        }
        to[(ptrdiff_t)i * to_step] = sum / all;
    }
}

static double *resampled(const double *rgb, int w, int h, int out_w, int out_h)
{
    double *half = malloc(3 * sizeof(double) * (size_t)out_w * (size_t)h);
    double *out = malloc(3 * sizeof(double) * (size_t)out_w * (size_t)out_h);
    assert_true(half && out);
    for (int y = 0; y < h; y++)
        for (int c = 0; c < 3; c++)
            resample_line(rgb + 3 * y * w + c, w, 3, half + 3 * y * out_w + c, out_w, 3);
    for (int x = 0; x < out_w; x++)
        for (int c = 0; c < 3; c++)
            resample_line(half + 3 * x + c, h, 3 * out_w, out + 3 * x + c, out_h,
                          3 * out_w);
    free(half);
    return out;
}

static void clamp_to(double *rgb, const double *source, int count)
{
    for (int i = 0; i < count; i++)
        rgb[i] = fmin(fmax(rgb[i], fmin(source[i], 0)), fmax(source[i], 1));
}

struct sizes {
    int in[2], work[2], out[2];
};

static const struct sizes resamplings[] = {
    {{61, 45}, {40, 33}, {61, 45}}, /* working size smaller, output of the input's size */
    {{40, 33}, {57, 70}, {57, 70}}, /* working size and output larger */
    {{75, 40}, {35, 38}, {50, 61}}, /* all different */
    {{48, 40}, {48, 40}, {33, 17}}, /* working size of the input, output smaller */
    {{150, 9}, {32, 36}, {31, 2}},  /* extreme ratios */
};

static void resample_case(const struct place *place, const struct sizes *s,
                          struct daub_format in_format, struct daub_format out_format)
{
    struct picture in, out;
    struct daub_stylizer_params params = {.work_width = s->work[0],
                                          .work_height = s->work[1]};
    picture_init(&in, in_format, s->in[0], s->in[1], 0, false);
    picture_init(&out, out_format, s->out[0], s->out[1], 0, false);
    picture_bars(&in);
    double *rgb = decoded(&in);
    double *work = resampled(rgb, s->in[0], s->in[1], s->work[0], s->work[1]);
    double *painted = resampled(work, s->work[0], s->work[1], s->out[0], s->out[1]);
    double *source = resampled(rgb, s->in[0], s->in[1], s->out[0], s->out[1]);
    clamp_to(painted, source, 3 * s->out[0] * s->out[1]);
    expect(place, identity, params, NULL, &in, painted, &out);
    /* Strength 0: the input at the output's size, with every working size. */
    if (s->in[0] == s->out[0])
        expect(place, identity, params, &(struct daub_frame_params){0}, &in, rgb, &out);
    free(rgb);
    free(work);
    free(painted);
    free(source);
    picture_free(&in);
    picture_free(&out);
}

static void test_resampling(void **state)
{
    (void)state;
    for
        EACH_PLACE(p)
    for (size_t i = 0; i < sizeof(resamplings) / sizeof(resamplings[0]); i++) {
        resample_case(p, &resamplings[i], (struct daub_format){.pixel = DAUB_PIXEL_RGB24},
                      (struct daub_format){.pixel = DAUB_PIXEL_RGB24});
        resample_case(p, &resamplings[i],
                      (struct daub_format){.pixel = DAUB_PIXEL_YUV420P},
                      (struct daub_format){.pixel = DAUB_PIXEL_YUV420P});
    }
}

static double rgb_psnr(const struct picture *a, const struct picture *b)
{
    double sum = 0;
    int w = a->image.width, h = a->image.height;
    for (int i = 0; i < 3 * w * h; i++) {
        int c = i % 3, x = i / 3 % w, y = i / 3 / w;
        double off = picture_get(a, c, x, y) - picture_get(b, c, x, y);
        sum += off * off;
    }
    return sum == 0 ? 99 : 10 * log10(255.0 * 255 * 3 * w * h / sum);
}

/* The same cubic (B = 0, C = 1/2) by libswscale. */
static void scale_with_swscale(const struct picture *in, struct picture *out)
{
    const double param[2] = {0, 0.5};
    struct SwsContext *context = sws_getContext(
        in->image.width, in->image.height, AV_PIX_FMT_RGB24, out->image.width,
        out->image.height, AV_PIX_FMT_RGB24,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, NULL,
        NULL, param);
    assert_non_null(context);
    const uint8_t *from[4] = {in->image.plane[0]};
    uint8_t *to[4] = {out->image.plane[0]};
    int from_stride[4] = {(int)in->image.stride[0]};
    int to_stride[4] = {(int)out->image.stride[0]};
    sws_scale(context, from, from_stride, 0, in->image.height, to, to_stride);
    sws_freeContext(context);
}

static void test_swscale(void **state)
{
    static const int sizes[][4] = {
        {128, 96, 80, 60}, {128, 96, 176, 144}, {127, 95, 63, 41}, {64, 48, 64, 96}};
    (void)state;
    for
        EACH_PLACE(p)
    for (int i = 0; i < 4; i++) {
        struct picture in, out, want;
        struct daub_format rgb = {.pixel = DAUB_PIXEL_RGB24};
        const int *s = sizes[i];
        picture_init(&in, rgb, s[0], s[1], 0, false);
        picture_init(&out, rgb, s[2], s[3], 0, false);
        picture_init(&want, rgb, s[2], s[3], 32, false);
        picture_bars(&in);
        scale_with_swscale(&in, &want);
        paint_with(p, identity,
                   (struct daub_stylizer_params){.work_width = s[2], .work_height = s[3]},
                   NULL, &in, &out);
        double psnr = rgb_psnr(&want, &out);
        printf("%d x %d to %d x %d beside libswscale: %.1f dB\n", s[0], s[1], s[2], s[3],
               psnr);
        assert_true(psnr >= 40);
        picture_free(&in);
        picture_free(&out);
        picture_free(&want);
    }
}

/* ---- strength and color modes ---- */

/* What daub_frame_params asks for, with the painting 1 - input. */
static void mixed(const struct picture *out, double *rgb, int pixels,
                  const struct daub_frame_params *look)
{
    for (int i = 0; i < pixels; i++) {
        double *s = rgb + 3 * i, p[3];
        for (int c = 0; c < 3; c++)
            p[c] = fmin(fmax(1 - s[c], fmin(s[c], 0)), fmax(s[c], 1));
        double more = picture_luma(out, p) - picture_luma(out, s);
        for (int c = 0; c < 3; c++) {
            if (look->color == DAUB_COLOR_KEEP)
                p[c] = s[c] + more;
            else if (look->color == DAUB_COLOR_ONLY)
                p[c] -= more;
            s[c] += (double)look->strength * (p[c] - s[c]);
        }
    }
}

static void test_mixing(void **state)
{
    static const enum daub_pixel_format pixels[] = {
        DAUB_PIXEL_RGBA, DAUB_PIXEL_YUV420P, DAUB_PIXEL_YUV444P10, DAUB_PIXEL_NV12};
    static const struct daub_frame_params looks[] = {
        {.strength = 0, .color = DAUB_COLOR_PAINT},
        {.strength = 0.5f, .color = DAUB_COLOR_PAINT},
        {.strength = 1, .color = DAUB_COLOR_PAINT},
        {.strength = 1, .color = DAUB_COLOR_KEEP},
        {.strength = 1, .color = DAUB_COLOR_ONLY},
        {.strength = 0.25f, .color = DAUB_COLOR_KEEP},
        {.strength = 0.75f, .color = DAUB_COLOR_ONLY},
        {.strength = 0, .color = DAUB_COLOR_ONLY}};
    (void)state;
    for
        EACH_PLACE(p)
    for (int i = 0; i < 4 * 8; i++) {
        struct picture in, out;
        struct daub_format f = {.pixel = pixels[i / 8],
                                .matrix = (enum daub_matrix)(1 + i % 3)};
        picture_init(&in, f, 35, 19, 0, false);
        picture_init(&out, f, 35, 19, 0, false);
        (i % 2 ? picture_bars : picture_gradient)(&in);
        double *rgb = decoded(&in);
        mixed(&out, rgb, 35 * 19, &looks[i % 8]);
        expect(p, negative, (struct daub_stylizer_params){0}, &looks[i % 8], &in, rgb,
               &out);
        free(rgb);
        picture_free(&in);
        picture_free(&out);
    }
}

/* ---- all kernel sets ---- */

struct agreement {
    struct daub_frame_params look;
    int samples, differing; /* of up to 12 bits */
};

static struct agreement agreement;

static void count_differing(const struct picture *a, const struct picture *b)
{
    for (int component = 0; component < image_layout(a->image.format.pixel)->components;
         component++) {
        int columns, rows;
        picture_size(a, component, &columns, &rows);
        for (int i = 0; i < columns * rows; i++) {
            agreement.samples++;
            agreement.differing += picture_get(a, component, i % columns, i / columns) !=
                                   picture_get(b, component, i % columns, i / columns);
        }
    }
}

/* The first place's codes, to one code: sums in another order round to other sides. */
static void agree_on_one(const struct place *place, struct daub_format f)
{
    struct picture in, first, out;
    picture_init(&in, f, 35, 19, 0, false);
    picture_init(&first, f, 35, 19, 0, false);
    picture_init(&out, f, 35, 19, 0, false);
    picture_noise(&in, (unsigned)f.pixel);
    paint(places, negative, &agreement.look, &in, &first);
    paint(place, negative, &agreement.look, &in, &out);
    int off = picture_difference(&first, &out);
    if (off > 1)
        fail_msg("%s: %s and %s kernels are %d codes apart", describe(&in),
                 places->kernels, place->kernels, off);
    if (picture_depth(&out) <= 12)
        count_differing(&first, &out);
    picture_free(&in);
    picture_free(&first);
    picture_free(&out);
}

static void test_sets_agree(void **state)
{
    static const struct daub_frame_params looks[] = {
        {.strength = 1, .color = DAUB_COLOR_PAINT},
        {.strength = 0.6f, .color = DAUB_COLOR_KEEP},
        {.strength = 0.3f, .color = DAUB_COLOR_ONLY}};
    (void)state;
    for
        EACH_PLACE(p)
    for (int i = 0; i < 3; i++) {
        agreement = (struct agreement){.look = looks[i]};
        each_format(p, agree_on_one);
        printf("%s and %s kernels, look %d: %d of %d codes differ by 1\n",
               places->kernels, p->kernels, i, agreement.differing, agreement.samples);
        assert_true(agreement.differing <= agreement.samples / 1000);
    }
}

/* Dither: a value between two codes is kept in the mean, to half of a sixteenth of a
 * code. */
static void test_dither(void **state)
{
    enum { SIDE = 16 };
    (void)state;
    for
        EACH_PLACE(p)
    for (int code = 1000; code < 65000; code += 4057) {
        struct picture in, out;
        picture_init(&in, (struct daub_format){.pixel = DAUB_PIXEL_GBRP16}, SIDE, SIDE, 0,
                     false);
        picture_init(&out, (struct daub_format){.pixel = DAUB_PIXEL_RGB24}, SIDE, SIDE, 3,
                     false);
        for (int i = 0; i < 3 * SIDE * SIDE; i++)
            picture_set(&in, i / (SIDE * SIDE), i % SIDE, i / SIDE % SIDE, code);
        paint_with(p, identity, (struct daub_stylizer_params){0}, NULL, &in, &out);
        for (int c = 0; c < 3; c++) {
            double sum = 0, want = code * 255.0 / 65535;
            for (int i = 0; i < SIDE * SIDE; i++) {
                int got = picture_get(&out, c, i % SIDE, i / SIDE);
                assert_true(fabs(got - want) < 1);
                sum += got;
            }
            assert_true(fabs(sum / (SIDE * SIDE) - want) < 1.5 / 16);
        }
        picture_free(&in);
        picture_free(&out);
    }
}

static int component_difference(const struct picture *a, const struct picture *b,
                                int component)
{
    int columns, rows, most = 0;
    picture_size(a, component, &columns, &rows);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) {
            int off =
                abs(picture_get(a, component, x, y) - picture_get(b, component, x, y));
            most = off > most ? off : most;
        }
    return most;
}

/* In Y'CbCr the modes leave the planes that they keep unchanged, where nothing is
 * clipped. */
static void test_color_modes(void **state)
{
    static const enum daub_pixel_format pixels[] = {
        DAUB_PIXEL_YUV420P, DAUB_PIXEL_YUV444P, DAUB_PIXEL_P010, DAUB_PIXEL_UYVY422};
    (void)state;
    for
        EACH_PLACE(p)
    for (int i = 0; i < 4 * 3; i++) {
        struct picture in, keep, only;
        struct daub_format f = {.pixel = pixels[i / 3],
                                .matrix = (enum daub_matrix)(1 + i % 3)};
        picture_init(&in, f, 34, 21, 0, false);
        picture_init(&keep, f, 34, 21, 0, false);
        picture_init(&only, f, 34, 21, 0, false);
        picture_gradient(&in);
        paint(p, negative,
              &(struct daub_frame_params){.strength = 1, .color = DAUB_COLOR_KEEP}, &in,
              &keep);
        paint(p, negative,
              &(struct daub_frame_params){.strength = 1, .color = DAUB_COLOR_ONLY}, &in,
              &only);
        assert_int_equal(component_difference(&in, &keep, 1), 0);
        assert_int_equal(component_difference(&in, &keep, 2), 0);
        assert_int_equal(component_difference(&in, &only, 0), 0);
        assert_true(component_difference(&in, &keep, 0) > 30);
        assert_true(component_difference(&in, &only, 1) > 30);
        picture_free(&in);
        picture_free(&keep);
        picture_free(&only);
    }
}

/* ---- memory ---- */

static void test_strides(void **state)
{
    static const enum daub_pixel_format pixels[] = {DAUB_PIXEL_RGB24, DAUB_PIXEL_YUV420P,
                                                    DAUB_PIXEL_NV12, DAUB_PIXEL_YUYV422,
                                                    DAUB_PIXEL_GBRP12};
    (void)state;
    for
        EACH_PLACE(p)
    for (int i = 0; i < 5 * 4; i++) {
        struct picture in, out;
        struct daub_format f = {.pixel = pixels[i / 4]};
        picture_init(&in, f, 35, 21, i % 4 * 7, i & 1);
        picture_init(&out, f, 35, 21, 13 - i % 4 * 2, i & 2);
        picture_noise(&in, (unsigned)i);
        paint(p, identity, NULL, &in, &out);
        assert_int_equal(picture_difference(&in, &out), 0);
        assert_true(picture_guarded(&in));
        assert_true(picture_guarded(&out));
        picture_free(&in);
        picture_free(&out);
    }
}

/* ---- networks that work on blocks of pixels ---- */

/* SpaceToDepth and DepthToSpace at the ends are folded into the frame kernels. */
static void test_blocks(void **state)
{
    static const char *const texts[] = {
        "opset 13; in x 1,3,h,w; SpaceToDepth x > a blocksize=2; Relu a > b; "
        "DepthToSpace b > y blocksize=2 mode=DCR; out y 1,3,h,w",
        "opset 13; in x 1,3,h,w; SpaceToDepth x > a blocksize=4; f z 48,1,1 =0.0; "
        "Add a,z > b; DepthToSpace b > y blocksize=4 mode=DCR; out y 1,3,h,w",
        "opset 13; in x 1,3,h,w; SpaceToDepth x > a blocksize=2; "
        "DepthToSpace a > y blocksize=2 mode=DCR; out y 1,3,h,w",
    };
    static const enum daub_pixel_format pixels[] = {DAUB_PIXEL_RGB24, DAUB_PIXEL_YUV420P,
                                                    DAUB_PIXEL_NV12};
    (void)state;
    for (int t = 0; t < 3; t++) {
        for (int range = DAUB_MODEL_RANGE_1; range <= DAUB_MODEL_RANGE_255; range++) {
            struct daub_model *model = net_make(texts[t], (enum daub_model_range)range);
            for
                EACH_PLACE(p)
            for (int i = 0; i < 3; i++) {
                struct picture in, out;
                struct daub_format f = {.pixel = pixels[i]};
                picture_init(&in, f, 37 + i, 41, 0, false);
                picture_init(&out, f, 37 + i, 41, 0, false);
                picture_gradient(&in);
                paint(p, model, NULL, &in, &out);
                assert_int_equal(picture_difference(&in, &out), 0);
                paint(p, model, &(struct daub_frame_params){.strength = 0.5f}, &in, &out);
                assert_int_equal(picture_difference(&in, &out), 0);
                picture_free(&in);
                picture_free(&out);
            }
            daub_model_free(model);
        }
    }
}

/* ---- */

static void open_places(const struct gpu_test *test)
{
    for (int i = 0; i < test->count; i++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test->devices[i], sets);
        for (int k = 0; k < count; k++)
            places[place_count++] =
                (struct place){gpu_test_device(i, gpu_test_kernels_name(sets[k])),
                               gpu_test_kernels_name(sets[k])};
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),     cmocka_unit_test(test_odd_sizes),
        cmocka_unit_test(test_fp16),        cmocka_unit_test(test_dither),
        cmocka_unit_test(test_conversions), cmocka_unit_test(test_resampling),
        cmocka_unit_test(test_swscale),     cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_color_modes), cmocka_unit_test(test_strides),
        cmocka_unit_test(test_blocks),      cmocka_unit_test(test_sets_agree),
    };
    struct gpu_test test;
    if (!gpu_test_open(&test))
        return 77;
    open_places(&test);
    identity = net_make(NET_IDENTITY, DAUB_MODEL_RANGE_1);
    negative = net_make(NET_NEGATIVE, DAUB_MODEL_RANGE_1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    daub_model_free(identity);
    daub_model_free(negative);
    for
        EACH_PLACE(p)
    gpu_test_device_close(p->device);
    return gpu_test_close(&test) ? failed : 1;
}
