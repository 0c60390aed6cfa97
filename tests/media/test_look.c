/* Changes of the look: no frame is painted with only a part of a change, and a fade
 * changes style, strength and stability together. The fake painter logs the parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/look.h"
#include "util/thread.h"

enum { WIDTH = 16, HEIGHT = 8 };

struct rig {
    struct daub_device *device;
    struct daub_model *model;
    struct styles styles;
    struct painter painter;
    struct look look;
    AVFrame *frame;
    char log[32];
    FILE *file; /* reads the log */
};

/* As logged for one frame. */
struct logged {
    float strength, stability, style[2];
};

static void rig_init(struct rig *rig)
{
    struct daub_error error = {0};
    *rig = (struct rig){.log = P_tmpdir "/daub-look-XXXXXX"};
    int fd = mkstemp(rig->log);
    assert_true(fd >= 0);
    rig->file = fdopen(fd, "r");
    assert_non_null(rig->file);
    setenv("DAUB_FAKE_LOG", rig->log, 1);
    rig->frame = av_frame_alloc();
    assert_non_null(rig->frame);
    rig->frame->format = AV_PIX_FMT_GRAY8;
    rig->frame->width = WIDTH;
    rig->frame->height = HEIGHT;
    assert_int_equal(av_frame_get_buffer(rig->frame, 0), 0);
    for (int y = 0; y < HEIGHT; y++)
        memset(rig->frame->data[0] + y * rig->frame->linesize[0], 128, WIDTH);
    assert_int_equal(daub_device_open(NULL, &rig->device, &error), DAUB_OK);
    assert_int_equal(daub_model_load("lite", 0, &rig->model, &error), DAUB_OK);
    struct daub_frame_params start = {.strength = 1, .stability = .5f};
    struct style_mix mix;
    styles_init(&rig->styles, rig->model, rig->device, NULL);
    assert_true(styles_parse(&rig->styles, NULL, &mix, &error));
    assert_true(
        look_init(&rig->look, &rig->painter, &rig->styles, &mix, .5f, &start, &error));
    struct painter_params params = {.device = rig->device,
                                    .model = rig->model,
                                    .frame_params = rig->look.params,
                                    .output = rig->frame};
    assert_true(painter_init(&rig->painter, &params, rig->frame, &error));
}

static void rig_uninit(struct rig *rig)
{
    look_uninit(&rig->look);
    styles_uninit(&rig->styles);
    painter_uninit(&rig->painter);
    daub_model_free(rig->model);
    daub_device_close(rig->device);
    av_frame_free(&rig->frame);
    fclose(rig->file);
    unlink(rig->log);
    unsetenv("DAUB_FAKE_LOG");
}

/* Paints a frame and returns what it was painted with. */
static struct logged paint(struct rig *rig)
{
    struct daub_error error = {0};
    struct logged logged;
    AVFrame *input = av_frame_clone(rig->frame), *painted = NULL;
    assert_non_null(input);
    assert_int_equal(painter_submit(&rig->painter, input, &error), PAINTER_OK);
    assert_int_equal(painter_receive(&rig->painter, &painted, &error), PAINTER_OK);
    av_frame_free(&painted);
    assert_int_equal(fscanf(rig->file, "%f %f %f %f", &logged.strength, &logged.stability,
                            &logged.style[0], &logged.style[1]),
                     4);
    return logged;
}

/* One fade: its part is the same in style, strength and stability, grows from frame to
 * frame and does not jump to its end; a change without a fade ends it. */
static void test_one_fade(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_float_equal(paint(&rig).strength, 1, 0);
    const struct style_mix wave = {.parts = {{1, 1}}, .count = 1};
    struct look_change change = {.mix = &wave,
                                 .has_strength = true,
                                 .strength = .5f,
                                 .has_stability = true,
                                 .stability = .1f};
    const int64_t hour_us = 3600000000;
    look_commit(&rig.look, &change, hour_us);
    float part = 0;
    for (int i = 0; i < 5; i++) {
        usleep(1000);
        struct logged logged = paint(&rig);
        assert_true(logged.style[1] > part && logged.style[1] < 1);
        part = logged.style[1];
        assert_float_equal(logged.style[0], 1 - part, 1e-6);
        assert_float_equal(logged.strength, 1 - .5f * part, 1e-6);
        assert_float_equal(logged.stability, .5f - .4f * part, 1e-6);
    }
    look_commit(&rig.look, &(struct look_change){0}, 0); /* changes nothing */
    assert_true(paint(&rig).style[1] < 1);
    look_commit(&rig.look, &(struct look_change){.has_strength = true, .strength = .7f},
                0);
    struct logged last = paint(&rig);
    assert_float_equal(last.style[1], 1, 0);
    assert_float_equal(last.strength, .7f, 0);
    assert_float_equal(last.stability, .1f, 0);
    rig_uninit(&rig);
}

static const float styles[2][2] = {{1, 0}, {0, 1}};
static const struct style_mix mixes[2] = {{.parts = {{0, 1}}, .count = 1},
                                          {.parts = {{1, 1}}, .count = 1}};
static const float strengths[2] = {.25f, .75f}, stabilities[2] = {1, 0};

struct committer {
    struct look *look;
    atomic_bool done;
};

static void commit(struct look *look, int which)
{
    look_commit(look,
                &(struct look_change){.mix = &mixes[which],
                                      .has_strength = true,
                                      .strength = strengths[which],
                                      .has_stability = true,
                                      .stability = stabilities[which]},
                0);
}

static void *run_committer(void *opaque)
{
    struct committer *committer = opaque;
    for (int i = 0; !atomic_load(&committer->done); i++)
        commit(committer->look, i % 2);
    return NULL;
}

/* While another thread switches between two looks, each frame has every parameter of one
 * of them. */
static void test_complete_changes(void **state)
{
    (void)state;
    struct rig rig;
    struct daub_error error = {0};
    struct daub_thread thread = {0};
    rig_init(&rig);
    commit(&rig.look, 0);
    struct committer committer = {.look = &rig.look};
    assert_true(
        daub_thread_start(&thread, "committer", run_committer, &committer, &error));
    for (int i = 0; i < 2000; i++) {
        struct logged logged = paint(&rig);
        int which = logged.style[1] > 0;
        assert_float_equal(logged.style[0], styles[which][0], 0);
        assert_float_equal(logged.style[1], styles[which][1], 0);
        assert_float_equal(logged.strength, strengths[which], 0);
        assert_float_equal(logged.stability, stabilities[which], 0);
    }
    atomic_store(&committer.done, true);
    daub_thread_join(&thread);
    rig_uninit(&rig);
}

/* Values are limited to 0..1 and rounded; the bypass shows the input and keeps the
 * strength; styles are stepped through in turn. */
static void test_values(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct look *look = &rig.look;
    look_commit(look, &(struct look_change){.has_strength = true, .strength = 1.3f}, 0);
    assert_float_equal(look->params.strength, 1, 0);
    look_commit(look, &(struct look_change){.has_strength = true, .strength = .6012f}, 0);
    assert_float_equal(look->params.strength, .6f, 1e-7);
    look_commit(look, &(struct look_change){.has_bypass = true, .bypass = true}, 0);
    assert_float_equal(paint(&rig).strength, 0, 0);
    assert_string_equal(look_title(look), "the input");
    look_commit(look, &(struct look_change){.has_bypass = true}, 0);
    assert_float_equal(paint(&rig).strength, .6f, 1e-7);
    assert_string_equal(look_title(look), "A Night");
    look_step_style(look, 1);
    assert_string_equal(look_title(look), "A Wave");
    look_step_style(look, 1);
    assert_string_equal(look_title(look), "A Night");
    look_set_style(look, 2); /* there is none */
    assert_string_equal(look_title(look), "A Night");
    const struct style_mix mix = {.parts = {{0, 3}, {1, 3}}, .count = 2};
    look_commit(look, &(struct look_change){.mix = &mix}, 0);
    assert_string_equal(look_title(look), "a mix of styles");
    assert_float_equal(paint(&rig).style[0], .5f, 0);
    rig_uninit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_fade),
        cmocka_unit_test(test_complete_changes),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
