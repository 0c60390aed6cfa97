/* Events of the window that xdotool cannot make: a file dropped on it. SDL's dummy driver
 * shows nothing; the fake library's signals are mean colors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <SDL.h>
#include <cmocka.h>

#include "app/window.h"

enum { SIDE = 96 };

/* What the window gets instead of SDL's next event; type 0: nothing. SDL_PushEvent does
 * not take such events from a program where SDL 2 is made of SDL 3 (sdl2-compat). */
static SDL_Event next_event;

int __real_SDL_WaitEventTimeout(SDL_Event *event, int timeout_ms);
int __wrap_SDL_WaitEventTimeout(SDL_Event *event, int timeout_ms);

/* The linker puts this in the place of SDL_WaitEventTimeout. */
int __wrap_SDL_WaitEventTimeout(SDL_Event *event, int timeout_ms)
{
    if (!next_event.type)
        return __real_SDL_WaitEventTimeout(event, timeout_ms);
    *event = next_event;
    next_event = (SDL_Event){0};
    return 1;
}

struct rig {
    struct daub_stop stop;
    struct daub_device *device;
    struct daub_model *model;
    struct styles styles;
    struct painter painter;
    struct look look;
    AVFrame *frame;
    struct pace pace;
    struct session_state state;
    struct media_source source;
    struct recorder *recorder;
    struct window *window;
    char path[64];
};

static void rig_init(struct rig *rig)
{
    struct daub_error error = {0};
    struct style_mix mix;
    *rig = (struct rig){.path = P_tmpdir "/daub-drop-XXXXXX.ppm"};
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    setenv("DAUB_FAKE_BASIS", "1", 1);
    rig->frame = av_frame_alloc();
    assert_non_null(rig->frame);
    rig->frame->format = AV_PIX_FMT_BGRA;
    rig->frame->width = rig->frame->height = SIDE;
    assert_int_equal(av_frame_get_buffer(rig->frame, 0), 0);
    assert_true(daub_stop_init(&rig->stop, &error));
    assert_int_equal(daub_device_open(NULL, &rig->device, &error), DAUB_OK);
    assert_int_equal(daub_model_load("lite", 0, &rig->model, &error), DAUB_OK);
    styles_init(&rig->styles, rig->model, rig->device, &rig->stop);
    assert_true(styles_parse(&rig->styles, NULL, &mix, &error));
    assert_true(look_init(&rig->look, &rig->painter, &rig->styles, &mix, .5f,
                          &(struct daub_frame_params){.strength = 1}, &error));
    struct painter_params painter = {.device = rig->device,
                                     .model = rig->model,
                                     .frame_params = rig->look.params,
                                     .output = rig->frame};
    assert_true(painter_init(&rig->painter, &painter, rig->frame, &error));
    struct recorder_params recorder = {.input = &rig->source.info, .frame = rig->frame};
    rig->recorder = recorder_open(&recorder, &error);
    assert_non_null(rig->recorder);
    struct window_params window = {.title = "test",
                                   .frame = rig->frame,
                                   .look = &rig->look,
                                   .pace = &rig->pace,
                                   .state = &rig->state,
                                   .source = &rig->source,
                                   .recorder = rig->recorder};
    rig->window = window_open(&window, &error);
    if (!rig->window)
        fail_msg("%s", error.message);
}

static void rig_uninit(struct rig *rig)
{
    window_close(rig->window);
    media_sink_destroy(recorder_sink(rig->recorder));
    look_uninit(&rig->look);
    painter_uninit(&rig->painter);
    styles_uninit(&rig->styles);
    daub_model_free(rig->model);
    daub_device_close(rig->device);
    daub_stop_uninit(&rig->stop);
    av_frame_free(&rig->frame);
    unlink(rig->path);
    unsetenv("DAUB_FAKE_BASIS");
}

/* An image of one color. */
static void write_image(struct rig *rig, int side)
{
    FILE *file = fopen(rig->path, "wb");
    assert_non_null(file);
    fprintf(file, "P6\n%d %d\n255\n", side, side);
    for (int i = 0; i < 3 * side * side; i++)
        fputc(i % 3 == 0 ? 255 : 0, file);
    fclose(file);
}

static void drop(struct rig *rig, const char *path)
{
    next_event = (SDL_Event){.drop = {.type = SDL_DROPFILE, .file = SDL_strdup(path)}};
    window_step(rig->window, &rig->stop);
}

static void type(struct rig *rig, const char *text)
{
    next_event = (SDL_Event){.text = {.type = SDL_TEXTINPUT}};
    snprintf(next_event.text.text, sizeof(next_event.text.text), "%s", text);
    window_step(rig->window, &rig->stop);
}

/* The picture becomes the style, and one of those that < and > lead to. */
static void test_drop(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    int fd = mkstemps(rig.path, 4);
    assert_true(fd >= 0);
    close(fd);
    write_image(&rig, SIDE);
    type(&rig, "2");
    assert_string_equal(look_title(&rig.look), "A Wave");
    drop(&rig, "/nowhere.jpg");
    assert_string_equal(look_title(&rig.look), "A Wave");
    drop(&rig, rig.path);
    assert_non_null(strstr(look_title(&rig.look), "daub-drop-"));
    struct daub_frame_params params;
    float weights[6];
    fade_at(&rig.painter.fade, INT64_MAX, &params, weights);
    assert_float_equal(weights[0] + weights[1], 0, 0);
    assert_float_equal(weights[2], 1, 0);
    assert_float_equal(weights[3], 1, 0.01);
    assert_float_equal(weights[4], 0, 0.01);
    type(&rig, ">");
    assert_string_equal(look_title(&rig.look), "A Night");
    type(&rig, "3"); /* numbers are the model's styles */
    assert_string_equal(look_title(&rig.look), "A Night");
    type(&rig, "<");
    assert_non_null(strstr(look_title(&rig.look), "daub-drop-"));
    write_image(&rig, 20); /* too small: the old signal stays */
    drop(&rig, rig.path);
    assert_non_null(strstr(look_title(&rig.look), "daub-drop-"));
    assert_int_equal(styles_count(&rig.styles), 3);
    rig_uninit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
