/* Turning pictures upright, compared with the display matrix applied to each pixel. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/display.h>
#include <libavutil/pixdesc.h>

#include "media/orientation.h"

enum { WIDTH = 6, HEIGHT = 4 };

/* Where the matrix moves the centre of a pixel of a WIDTH x HEIGHT picture, as an index
 * into the turned picture. The matrix maps (x, y) to (a x + c y, b x + d y); what it
 * moves out of the positive quadrant is shifted back by the translation that files store.
 */
static void expected(const int32_t m[9], int x, int y, int *to_x, int *to_y)
{
    double a = m[0] / 65536.0, b = m[1] / 65536.0, c = m[3] / 65536.0, d = m[4] / 65536.0;
    double corner_x = fmin(0, a * WIDTH) + fmin(0, c * HEIGHT);
    double corner_y = fmin(0, b * WIDTH) + fmin(0, d * HEIGHT);
    *to_x = (int)floor(a * (x + 0.5) + c * (y + 0.5) - corner_x);
    *to_y = (int)floor(b * (x + 0.5) + d * (y + 0.5) - corner_y);
}

static AVFrame *picture(enum AVPixelFormat format)
{
    struct media_pool pool = {0};
    struct daub_error error = {0};
    AVFrame *frame = media_pool_get(&pool, format, WIDTH, HEIGHT, &error);
    assert_non_null(frame);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < frame->linesize[0]; x++)
            frame->data[0][y * frame->linesize[0] + x] = (uint8_t)(y * 60 + x);
    }
    media_pool_uninit(&pool);
    return frame;
}

static void check(enum AVPixelFormat format, int bytes, double degrees, int hflip,
                  int vflip)
{
    int32_t matrix[9];
    struct media_pool pool = {0};
    struct daub_error error = {0};
    av_display_rotation_set(matrix, degrees);
    av_display_matrix_flip(matrix, hflip, vflip);
    AVFrame *from = picture(format);
    AVFrame *made = media_turn_frame(&pool, media_turn_of(matrix), from, &error);
    assert_non_null(made);
    bool swap = (int)fabs(degrees) % 180 == 90;
    assert_int_equal(made->width, swap ? HEIGHT : WIDTH);
    assert_int_equal(made->height, swap ? WIDTH : HEIGHT);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            int tx, ty;
            expected(matrix, x, y, &tx, &ty);
            assert_memory_equal(made->data[0] + ty * made->linesize[0] + tx * bytes,
                                from->data[0] + y * from->linesize[0] + x * bytes, bytes);
        }
    }
    av_frame_free(&made);
    av_frame_free(&from);
    media_pool_uninit(&pool);
}

static void test_every_turn(void **state)
{
    (void)state;
    static const double turns[] = {0, 90, 180, 270, -90};
    for (size_t i = 0; i < 5; i++) {
        for (int flip = 0; flip < 4; flip++) {
            check(AV_PIX_FMT_GRAY8, 1, turns[i], flip & 1, flip >> 1);
            check(AV_PIX_FMT_RGB24, 3, turns[i], flip & 1, flip >> 1);
            check(AV_PIX_FMT_GRAY16LE, 2, turns[i], flip & 1, flip >> 1);
        }
    }
}

static void test_chroma(void **state)
{
    (void)state;
    struct media_pool pool = {0};
    struct daub_error error = {0};
    struct media_turn turn = {.quarters = 1};
    AVFrame *from = picture(AV_PIX_FMT_YUV420P);
    for (int y = 0; y < HEIGHT / 2; y++) {
        for (int x = 0; x < WIDTH / 2; x++)
            from->data[1][y * from->linesize[1] + x] = (uint8_t)(y * 10 + x);
    }
    from->sample_aspect_ratio = (AVRational){4, 3};
    AVFrame *made = media_turn_frame(&pool, turn, from, &error);
    assert_non_null(made);
    assert_int_equal(made->sample_aspect_ratio.num, 3);
    /* clockwise: the left column, read upwards, becomes the top row */
    assert_int_equal(made->data[1][0], 10);
    assert_int_equal(made->data[1][1], 0);
    assert_int_equal(made->data[1][made->linesize[1]], 11);
    av_frame_free(&made);
    av_frame_free(&from);
    media_pool_uninit(&pool);
}

static void test_possible(void **state)
{
    (void)state;
    struct media_turn quarter = {.quarters = 1}, half = {.quarters = 2};
    assert_true(media_turn_is_none(media_turn_of(NULL)));
    assert_true(media_turn_possible(quarter, AV_PIX_FMT_YUV420P10LE));
    assert_true(media_turn_possible(quarter, AV_PIX_FMT_NV12));
    assert_true(media_turn_possible(quarter, AV_PIX_FMT_GBRP));
    assert_false(media_turn_possible(quarter, AV_PIX_FMT_YUV422P));
    assert_true(media_turn_possible(half, AV_PIX_FMT_YUV422P));
    assert_false(media_turn_possible(half, AV_PIX_FMT_YUYV422));
    assert_false(media_turn_possible(half, AV_PIX_FMT_PAL8));
    assert_false(media_turn_possible(half, AV_PIX_FMT_MONOBLACK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_turn),
        cmocka_unit_test(test_chroma),
        cmocka_unit_test(test_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
