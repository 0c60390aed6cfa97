/* The slot for the latest frame: what is put in, replaced, taken, waited for and dropped,
 * and that no reference is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <libavutil/mem.h>

#include "media/latest_frame.h"
#include "util/clock.h"
#include "util/thread.h"

static const int64_t minute_us = 60000000;

static AVFrame *make_frame(int64_t pts)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = AV_PIX_FMT_GRAY8;
    frame->width = frame->height = 8;
    frame->pts = pts;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

static int references(const AVFrame *frame)
{
    return av_buffer_get_ref_count(frame->buf[0]);
}

static void assert_taken(AVFrame *frame, int64_t pts)
{
    assert_non_null(frame);
    assert_int_equal(frame->pts, pts);
    av_frame_free(&frame);
}

static void test_replace(void **state)
{
    (void)state;
    struct latest_frame latest;
    AVFrame *first = make_frame(1), *second = make_frame(2);
    latest_frame_init(&latest);
    assert_null(latest_frame_take(&latest));
    assert_null(latest_frame_peek(&latest));
    assert_false(latest_frame_put(&latest, first));
    assert_int_equal(references(first), 2);
    assert_true(latest_frame_put(&latest, second));
    assert_int_equal(references(first), 1);
    assert_taken(latest_frame_peek(&latest), 2);
    assert_taken(latest_frame_take(&latest), 2);
    assert_int_equal(references(second), 1);
    assert_null(latest_frame_take(&latest));
    assert_false(latest_frame_put(&latest, first)); /* the second was taken before */
    latest_frame_uninit(&latest);
    assert_int_equal(references(first), 1);
    av_frame_free(&first);
    av_frame_free(&second);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct latest_frame latest;
    AVFrame *first = make_frame(1), *second = make_frame(2);
    latest_frame_init(&latest);
    latest_frame_put(&latest, first);
    av_max_alloc(1);
    bool replaced = latest_frame_put(&latest, second);
    av_max_alloc(INT32_MAX);
    assert_false(replaced);
    assert_taken(latest_frame_take(&latest), 1);
    latest_frame_uninit(&latest);
    av_frame_free(&first);
    av_frame_free(&second);
}

static void test_expire(void **state)
{
    (void)state;
    struct latest_frame latest;
    AVFrame *frame = make_frame(1);
    latest_frame_init(&latest);
    latest_frame_put(&latest, frame);
    assert_false(latest_frame_expire(&latest, minute_us));
    usleep(2000);
    assert_true(latest_frame_expire(&latest, 1000));
    assert_null(latest_frame_take(&latest));
    assert_int_equal(references(frame), 1);
    latest_frame_uninit(&latest);
    av_frame_free(&frame);
}

static void *put_later(void *opaque)
{
    AVFrame *frame = make_frame(7);
    usleep(20000);
    latest_frame_put(opaque, frame);
    av_frame_free(&frame);
    return NULL;
}

static void *finish_later(void *opaque)
{
    usleep(20000);
    latest_frame_finish(opaque);
    return NULL;
}

/* A frame or the finish ends a wait long before its timeout. */
static void test_wait(void **state)
{
    (void)state;
    struct latest_frame latest;
    struct daub_error error = {0};
    struct daub_thread thread = {0};
    bool finished = true;
    latest_frame_init(&latest);
    int64_t start_us = daub_clock_us();
    assert_null(latest_frame_wait(&latest, 30000, &finished));
    assert_true(daub_clock_us() - start_us >= 30000);
    assert_false(finished);
    start_us = daub_clock_us();
    assert_true(daub_thread_start(&thread, "put", put_later, &latest, &error));
    assert_taken(latest_frame_wait(&latest, minute_us, &finished), 7);
    assert_false(finished);
    daub_thread_join(&thread);
    assert_true(daub_thread_start(&thread, "finish", finish_later, &latest, &error));
    assert_null(latest_frame_wait(&latest, minute_us, &finished));
    assert_true(finished);
    assert_true(daub_clock_us() - start_us < minute_us);
    daub_thread_join(&thread);
    /* The last frame can be taken after the finish, too. */
    AVFrame *last = make_frame(8);
    latest_frame_put(&latest, last);
    assert_taken(latest_frame_wait(&latest, minute_us, &finished), 8);
    assert_true(finished);
    latest_frame_uninit(&latest);
    av_frame_free(&last);
}

enum { FRAMES = 5000 };

static void *put_many(void *opaque)
{
    AVFrame *frame = make_frame(0);
    for (int i = 1; i <= FRAMES; i++) {
        frame->pts = i;
        latest_frame_put(opaque, frame);
    }
    latest_frame_finish(opaque);
    av_frame_free(&frame);
    return NULL;
}

/* Frames come out in order, and the last one always comes out. */
static void test_threads(void **state)
{
    (void)state;
    struct latest_frame latest;
    struct daub_error error = {0};
    struct daub_thread thread = {0};
    int64_t pts = 0;
    bool finished = false;
    latest_frame_init(&latest);
    assert_true(daub_thread_start(&thread, "put", put_many, &latest, &error));
    while (!finished) {
        AVFrame *frame = latest_frame_wait(&latest, minute_us, &finished);
        assert_true(finished || frame);
        if (frame) {
            assert_true(frame->pts > pts);
            pts = frame->pts;
        }
        av_frame_free(&frame);
    }
    assert_int_equal(pts, FRAMES);
    daub_thread_join(&thread);
    latest_frame_uninit(&latest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace), cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_expire),  cmocka_unit_test(test_wait),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
