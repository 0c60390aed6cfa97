/* Pixel formats: every one that FFmpeg knows is either read, converted without loss, or
 * refused with a message. Conversions are checked by a round trip, sample by sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "media/camera.h"
#include "media/format.h"
#include "media/convert.h"

enum { WIDTH = 48, HEIGHT = 32 };

static unsigned seed = 1;

static unsigned random_number(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static int columns(const AVPixFmtDescriptor *desc, int component)
{
    bool chroma = (component == 1 || component == 2) && desc->nb_components > 2;
    return chroma ? AV_CEIL_RSHIFT(WIDTH, desc->log2_chroma_w) : WIDTH;
}

static int rows(const AVPixFmtDescriptor *desc, int component)
{
    bool chroma = (component == 1 || component == 2) && desc->nb_components > 2;
    return chroma ? AV_CEIL_RSHIFT(HEIGHT, desc->log2_chroma_h) : HEIGHT;
}

static bool is_alpha(const AVPixFmtDescriptor *desc, int component)
{
    return (desc->flags & AV_PIX_FMT_FLAG_ALPHA) && component == desc->nb_components - 1;
}

static void read_line(const AVFrame *frame, int component, int y, uint16_t *line)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    av_read_image_line2(line, (const uint8_t **)frame->data, frame->linesize, desc, 0, y,
                        component, columns(desc, component), 0, sizeof(*line));
}

/* Random samples of every component; opaque where there is alpha. */
static AVFrame *random_frame(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    struct media_pool pool = {0};
    struct daub_error error = {0};
    AVFrame *frame = media_pool_get(&pool, format, WIDTH, HEIGHT, &error);
    assert_non_null(frame);
    media_pool_uninit(&pool);
    memset(frame->buf[0]->data, 0, frame->buf[0]->size);
    for (int c = 0; c < desc->nb_components; c++) {
        unsigned max = (1u << desc->comp[c].depth) - 1;
        for (int y = 0; y < rows(desc, c); y++) {
            uint16_t line[WIDTH];
            for (int x = 0; x < WIDTH; x++)
                line[x] = (uint16_t)(is_alpha(desc, c) ? max : random_number() & max);
            av_write_image_line2(line, frame->data, frame->linesize, desc, 0, y, c,
                                 columns(desc, c), sizeof(*line));
        }
    }
    frame->color_range =
        media_is_full_format(format) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    frame->colorspace =
        desc->flags & AV_PIX_FMT_FLAG_RGB ? AVCOL_SPC_RGB : AVCOL_SPC_BT709;
    return frame;
}

static AVFrame *convert(const AVFrame *from, enum AVPixelFormat format)
{
    struct media_converter converter = {0};
    struct daub_error error = {0};
    AVFrame to = {.width = WIDTH,
                  .height = HEIGHT,
                  .format = format,
                  .colorspace = from->colorspace,
                  .color_range = from->color_range};
    AVFrame *made = media_convert(&converter, from, &to, &error);
    if (!made)
        print_error("%s\n", error.message);
    assert_non_null(made);
    media_converter_uninit(&converter);
    return made;
}

/* Whether AVPixFmtDescriptor tells where each sample is. */
static bool has_plain_samples(const AVPixFmtDescriptor *desc, enum AVPixelFormat format)
{
    return !(desc->flags &
             (AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BAYER)) &&
           format != AV_PIX_FMT_RGB8 && /* its descriptor names other bits than swscale */
           format != AV_PIX_FMT_UYYVYY411 && /* luma at uneven distances */
           format != AV_PIX_FMT_XYZ12LE && format != AV_PIX_FMT_XYZ12BE;
}

/* Nothing is lost where, in every component, equal samples stay equal and different ones
 * stay different. Returns 0 then, else the largest difference from this in levels. */
static int spread(const AVFrame *from, const AVFrame *to, bool luma_only)
{
    static int image[65536], origin[65536];
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(from->format);
    int worst = 0;
    for (int c = 0; c < desc->nb_components; c++) {
        if (is_alpha(desc, c) || (luma_only && c > 0))
            continue;
        memset(image, -1, sizeof(image));
        memset(origin, -1, sizeof(origin));
        for (int y = 0; y < rows(desc, c); y++) {
            uint16_t a[WIDTH], b[WIDTH];
            read_line(from, c, y, a);
            read_line(to, c, y, b);
            for (int x = 0; x < columns(desc, c); x++) {
                if (image[a[x]] < 0)
                    image[a[x]] = b[x];
                if (origin[b[x]] < 0)
                    origin[b[x]] = a[x];
                int far = abs(image[a[x]] - b[x]), merged = abs(origin[b[x]] - a[x]);
                worst = far > worst ? far : worst;
                worst = merged > worst ? merged : worst;
            }
        }
    }
    return worst;
}

static void check_lossless(enum AVPixelFormat format, const struct media_match *match)
{
    AVFrame *from = random_frame(format);
    AVFrame *read = convert(from, media_pixel_to_av(match->pixel));
    int worst = spread(from, read, match->resampled);
    /* libswscale converts a few kinds of RGB by way of 15 bits */
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(read->format);
    bool rgb = desc->flags & AV_PIX_FMT_FLAG_RGB;
    int allowed = rgb ? (1 << desc->comp[0].depth) >> 10 : 0;
    if (worst > allowed)
        print_error("%s -> %s: off by %d\n", av_get_pix_fmt_name(format), desc->name,
                    worst);
    assert_int_in_range(worst, 0, allowed);
    av_frame_free(&from);
    av_frame_free(&read);
}

static void test_every_format(void **state)
{
    (void)state;
    int same = 0, lossless = 0, other = 0, refused = 0;
    const AVPixFmtDescriptor *desc = NULL;
    while ((desc = av_pix_fmt_desc_next(desc))) {
        enum AVPixelFormat format = av_pix_fmt_desc_get_id(desc);
        struct media_match match;
        struct daub_error error = {0};
        if (!media_pixel_nearest(format, &match, &error)) {
            assert_true((desc->flags & AV_PIX_FMT_FLAG_HWACCEL) ||
                        !sws_isSupportedInput(format));
            assert_non_null(strstr(error.message, desc->name));
            refused++;
            continue;
        }
        assert_int_not_equal(match.pixel, 0);
        struct media_depth need, have;
        assert_true(media_depth_of(format, &need));
        assert_true(media_depth_of(media_pixel_to_av(match.pixel), &have));
        assert_int_equal(need.family, have.family);
        assert_true(have.bits >= (need.bits > 16 ? 16 : need.bits));
        if (match.same) {
            same++;
        } else if (has_plain_samples(desc, format)) {
            check_lossless(format, &match);
            lossless++;
        } else {
            other++;
        }
    }
    print_message(
        "%d formats read, %d converted without loss, %d converted, %d refused\n", same,
        lossless, other, refused);
    assert_true(same > 35 && lossless > 100);
}

static void test_palette(void **state)
{
    (void)state;
    struct media_match match;
    struct daub_error error = {0};
    assert_true(media_pixel_nearest(AV_PIX_FMT_PAL8, &match, &error));
    assert_int_equal(match.pixel, DAUB_PIXEL_RGB24);
    assert_true(match.no_alpha);                    /* its colors may be transparent */
    AVFrame *from = random_frame(AV_PIX_FMT_GRAY8); /* indices */
    uint32_t palette[256];
    for (int i = 0; i < 256; i++)
        palette[i] = 0xff000000u | random_number();
    from->format = AV_PIX_FMT_PAL8;
    from->data[1] = (uint8_t *)palette;
    AVFrame *read = convert(from, AV_PIX_FMT_RGB24);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint32_t want = palette[from->data[0][y * from->linesize[0] + x]];
            const uint8_t *got = read->data[0] + y * read->linesize[0] + 3 * x;
            assert_int_equal(want & 0xffffff, got[0] << 16 | got[1] << 8 | got[2]);
        }
    }
    from->data[1] = NULL;
    av_frame_free(&from);
    av_frame_free(&read);
}

static void test_choices(void **state)
{
    (void)state;
    static const struct {
        enum AVPixelFormat format;
        enum daub_pixel_format pixel;
    } cases[] = {
        {AV_PIX_FMT_YUVJ420P, DAUB_PIXEL_YUV420P},
        {AV_PIX_FMT_NV21, DAUB_PIXEL_YUV420P},
        {AV_PIX_FMT_YUV410P, DAUB_PIXEL_YUV420P},
        {AV_PIX_FMT_YUV411P, DAUB_PIXEL_YUV422P},
        {AV_PIX_FMT_YUV440P, DAUB_PIXEL_YUV420P},
        {AV_PIX_FMT_YUVA420P, DAUB_PIXEL_YUV420P},
        {AV_PIX_FMT_YUV420P16LE, DAUB_PIXEL_YUV444P16},
        {AV_PIX_FMT_YUV422P10BE, DAUB_PIXEL_YUV422P10},
        {AV_PIX_FMT_BGR24, DAUB_PIXEL_RGB24},
        {AV_PIX_FMT_RGB48BE, DAUB_PIXEL_GBRP16},
        {AV_PIX_FMT_RGB565LE, DAUB_PIXEL_RGB24},
        {AV_PIX_FMT_GRAY10LE, DAUB_PIXEL_GRAY16},
        {AV_PIX_FMT_MONOWHITE, DAUB_PIXEL_GRAY8},
        {AV_PIX_FMT_BGR0, DAUB_PIXEL_BGRA},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct media_match match;
        struct daub_error error = {0};
        assert_true(media_pixel_nearest(cases[i].format, &match, &error));
        if (cases[i].format == AV_PIX_FMT_YUV440P ||
            cases[i].format == AV_PIX_FMT_YUV410P)
            continue; /* checked below: what matters is that nothing is lost */
        assert_int_equal(match.pixel, cases[i].pixel);
    }
    struct media_match match;
    struct daub_error error = {0};
    assert_true(media_pixel_nearest(AV_PIX_FMT_YUV440P, &match, &error));
    assert_int_equal(match.pixel, DAUB_PIXEL_YUV444P);
    assert_false(media_pixel_nearest(AV_PIX_FMT_VAAPI, &match, &error));
    assert_non_null(strstr(error.message, "--hwaccel none"));
    for (enum daub_pixel_format pixel = DAUB_PIXEL_RGB24; pixel <= DAUB_PIXEL_UYVY422;
         pixel++) {
        enum AVPixelFormat format = media_pixel_to_av(pixel);
        assert_int_not_equal(format, AV_PIX_FMT_NONE);
        assert_int_equal(media_pixel_from_av(format), pixel);
    }
}

static struct daub_format meaning(enum AVPixelFormat format, int height,
                                  enum AVColorSpace space, enum AVColorRange range)
{
    AVFrame frame = {.format = format,
                     .width = 16,
                     .height = height,
                     .colorspace = space,
                     .color_range = range};
    return media_format_of(&frame, DAUB_PIXEL_YUV420P);
}

static void test_meaning(void **state)
{
    (void)state;
    struct daub_format f =
        meaning(AV_PIX_FMT_YUV420P, 480, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED);
    assert_int_equal(f.matrix, DAUB_MATRIX_BT601);
    assert_int_equal(f.range, DAUB_RANGE_LIMITED);
    assert_int_equal(f.chroma, DAUB_CHROMA_LEFT);
    f = meaning(AV_PIX_FMT_YUV420P, 720, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_MPEG);
    assert_int_equal(f.matrix, DAUB_MATRIX_BT709);
    f = meaning(AV_PIX_FMT_YUV420P, 1080, AVCOL_SPC_SMPTE170M, AVCOL_RANGE_JPEG);
    assert_int_equal(f.matrix, DAUB_MATRIX_BT601);
    assert_int_equal(f.range, DAUB_RANGE_FULL);
    f = meaning(AV_PIX_FMT_YUVJ420P, 480, AVCOL_SPC_BT470BG, AVCOL_RANGE_UNSPECIFIED);
    assert_int_equal(f.range, DAUB_RANGE_FULL);
    assert_int_equal(f.chroma, DAUB_CHROMA_CENTER);
    f = meaning(AV_PIX_FMT_YUV420P10LE, 480, AVCOL_SPC_BT2020_NCL, AVCOL_RANGE_MPEG);
    assert_int_equal(f.matrix, DAUB_MATRIX_BT2020);
    f = meaning(AV_PIX_FMT_RGB24, 480, AVCOL_SPC_RGB, AVCOL_RANGE_UNSPECIFIED);
    assert_int_equal(f.range, DAUB_RANGE_FULL);
    f = meaning(AV_PIX_FMT_GRAY8, 480, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED);
    assert_int_equal(f.range, DAUB_RANGE_FULL);
    f = meaning(AV_PIX_FMT_GRAY8, 480, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_MPEG);
    assert_int_equal(f.range, DAUB_RANGE_LIMITED);
    assert_true(media_matrix_unknown(AVCOL_SPC_YCGCO));
    assert_false(media_matrix_unknown(AVCOL_SPC_BT709));
}

/* What is copied from a camera's buffer, also of odd sizes, lies inside it, as the
 * sanitizer sees. */
static void test_camera_pictures(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {
        AV_PIX_FMT_YUYV422, AV_PIX_FMT_NV12,  AV_PIX_FMT_YUV420P,
        AV_PIX_FMT_RGB24,   AV_PIX_FMT_GRAY8,
    };
    for (int i = 0; i < 5 * 4 * 8; i++) {
        enum AVPixelFormat pixel = formats[i % 5];
        int width = 7 + i / 5 % 2, height = 5 + i / 10 % 2, strides[4], used[4];
        unsigned stride = (unsigned)(av_image_get_linesize(pixel, width, 0) - 1 + i / 20);
        size_t bytes = camera_picture_bytes(pixel, width, height, stride, strides);
        if (bytes == 0)
            continue;
        uint8_t *buffer = malloc(bytes), *planes[4], *copy[4];
        assert_non_null(buffer);
        memset(buffer, 1, bytes);
        assert_int_equal(av_image_fill_pointers(planes, pixel, height, buffer, strides),
                         bytes);
        assert_true(av_image_alloc(copy, used, width, height, pixel, 16) > 0);
        av_image_copy(copy, used, (const uint8_t **)planes, strides, pixel, width,
                      height);
        av_free(copy[0]);
        free(buffer);
    }
    int strides[4];
    assert_int_equal(camera_picture_bytes(AV_PIX_FMT_GRAY8, 8, 8, 7, strides), 0);
    assert_int_equal(camera_picture_bytes(AV_PIX_FMT_NV12, 8, 5, 8, strides), 8 * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_camera_pictures), cmocka_unit_test(test_every_format),
        cmocka_unit_test(test_palette),         cmocka_unit_test(test_choices),
        cmocka_unit_test(test_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
