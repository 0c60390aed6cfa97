#include "app/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "app/window_text.h"
#include "media/latest_frame.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

enum {
    STEP_MS = 50,
    SEEK_US = 5000000,
    NOTICE_US = 2000000,
    RATE_US = 1000000,
    LETTERS = 40
};

struct window {
    struct media_sink sink;
    struct window_params params;
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture, *input; /* input: of the split view */
    struct window_text text;
    Uint32 frame_event;

    struct latest_frame latest; /* engine thread -> main thread */
    atomic_llong pushed;
    atomic_bool minimized;

    struct media_converter converter, input_converter;
    AVFrame *shown; /* BGRA */
    bool split, dragging;
    double divider;  /* part of the picture's width, left of which the input is shown */
    float stability; /* before it was switched off */
    bool dirty, closed, mirror, help, statistics, mute;
    struct speaker *speaker; /* NULL: none */
    char notice[640];
    int64_t notice_until_us;
    int64_t rate_from_us, rate_frames; /* frames shown since then */
    double rate;
};

static const char help[] =
    "q  quit\n"
    "space  pause        . ,  a frame on, back\n"
    "left right  5 s        up down  60 s        m  mute\n"
    "< >  style before, next        1..9  style\n"
    "[ ]  strength        { }  stability        t  each frame by itself\n"
    "c  keep colours        b  input and painting\n"
    "tab  both, parted where the mouse drags it\n"
    "h  mirror        f  full screen\n"
    "s  save the picture        r  record, or end that\n"
    "i  statistics";

static struct window *window_of(struct media_sink *sink)
{
    return container_of(sink, struct window, sink);
}

/* ---- the sink ---- */

static bool sink_push(struct media_sink *sink, const AVFrame *frame)
{
    struct window *w = window_of(sink);
    latest_frame_put(&w->latest, frame);
    SDL_PushEvent(&(SDL_Event){.type = w->frame_event});
    atomic_fetch_add(&w->pushed, 1);
    return true;
}

static bool sink_watched(struct media_sink *sink)
{
    return !atomic_load(&window_of(sink)->minimized);
}

static void sink_finish(struct media_sink *sink, bool keep)
{
    (void)sink, (void)keep;
}

static bool sink_join(struct media_sink *sink, struct media_report *report,
                      struct daub_error *error)
{
    (void)error;
    int64_t frames = atomic_load(&window_of(sink)->pushed);
    *report = (struct media_report){.frames_in = frames, .frames_out = frames};
    return true;
}

static void sink_destroy(struct media_sink *sink)
{
    window_close(window_of(sink));
}

static const struct media_sink_ops sink_ops = {.push = sink_push,
                                               .watched = sink_watched,
                                               .finish = sink_finish,
                                               .join = sink_join,
                                               .destroy = sink_destroy};

void window_set_speaker(struct window *w, struct speaker *speaker)
{
    w->speaker = speaker;
}

struct media_sink *window_sink(struct window *window)
{
    return &window->sink;
}

/* ---- opening ---- */

/* Size of the picture in square pixels, made to fit the screen. */
static void first_size(const AVFrame *frame, int *width, int *height)
{
    SDL_Rect screen = {.w = 1280, .h = 720};
    SDL_GetDisplayUsableBounds(0, &screen);
    AVRational shape = frame->sample_aspect_ratio;
    double w = frame->width, h = frame->height;
    if (shape.num > 0 && shape.den > 0)
        w *= av_q2d(shape);
    double scale = 1;
    if (w > 0.9 * screen.w || h > 0.9 * screen.h)
        scale = fmin(0.9 * screen.w / w, 0.9 * screen.h / h);
    *width = (int)fmax(w * scale, 1);
    *height = (int)fmax(h * scale, 1);
}

static bool make(struct window *w, struct daub_error *error)
{
    int width, height;
    bool asked = getenv("SDL_VIDEODRIVER") != NULL;
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    if (w->params.software) {
        /* Not OpenGL: Mesa's software one crashes at the vector width that device.c sets
         * for Vulkan's. */
        SDL_SetHint(SDL_HINT_RENDER_DRIVER, "software");
        SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    }
    bool ready = SDL_Init(SDL_INIT_VIDEO) == 0;
    const char *driver = ready ? SDL_GetCurrentVideoDriver() : NULL;
    /* Where there is none, SDL takes one that shows nothing. */
    bool blind = driver && !asked &&
                 (strcmp(driver, "offscreen") == 0 || strcmp(driver, "dummy") == 0 ||
                  strcmp(driver, "evdev") == 0);
    if (!ready || blind)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "no display to show the painting on (%s); give an output with "
                         "-o, such as -o painted.mp4",
                         ready ? "DISPLAY is not set" : SDL_GetError());
    first_size(w->params.frame, &width, &height);
    Uint32 flags = SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI;
    w->window = SDL_CreateWindow(
        w->params.title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, width, height,
        flags | (w->params.fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0));
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    if (w->window)
        w->renderer = SDL_CreateRenderer(w->window, -1, 0);
    if (!w->renderer)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot open a window: %s",
                         SDL_GetError());
    w->frame_event = SDL_RegisterEvents(1);
    return window_text_open(&w->text, error);
}

struct window *window_open(const struct window_params *params, struct daub_error *error)
{
    struct window *w = daub_alloc(1, sizeof(*w));
    if (!w) {
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    latest_frame_init(&w->latest);
    w->sink = (struct media_sink){.ops = &sink_ops, .name = "window", .quiet = true};
    w->params = *params;
    w->mirror = params->mirror;
    w->divider = 0.5;
    if (make(w, error)) {
        w->params.frame = NULL;
        return w;
    }
    window_close(w);
    return NULL;
}

void window_close(struct window *w)
{
    if (!w)
        return;
    latest_frame_uninit(&w->latest);
    av_frame_free(&w->shown);
    media_converter_uninit(&w->converter);
    media_converter_uninit(&w->input_converter);
    window_text_close(&w->text);
    SDL_DestroyTexture(w->texture);
    SDL_DestroyTexture(w->input);
    if (w->renderer)
        SDL_DestroyRenderer(w->renderer);
    if (w->window)
        SDL_DestroyWindow(w->window);
    SDL_Quit();
    free(w);
}

/* ---- drawing ---- */

/* Shows the message for a while. */
static void say(struct window *w, const char *message)
{
    snprintf(w->notice, sizeof(w->notice), "%s", message);
    w->notice_until_us = daub_clock_us() + NOTICE_US;
    w->dirty = true;
}

static void count_rate(struct window *w)
{
    int64_t now = daub_clock_us();
    w->rate_frames++;
    if (now - w->rate_from_us >= RATE_US) {
        w->rate = (double)w->rate_frames * 1e6 / (double)(now - w->rate_from_us);
        w->rate_from_us = now;
        w->rate_frames = 0;
    }
}

/* The frame in BGRA, of that size; NULL where that failed, which was said. */
static AVFrame *shown_as(struct window *w, struct media_converter *converter,
                         const AVFrame *frame, int width, int height)
{
    struct daub_error error = {0};
    AVFrame to = {.width = width,
                  .height = height,
                  .format = AV_PIX_FMT_BGRA,
                  .colorspace = AVCOL_SPC_RGB,
                  .color_range = AVCOL_RANGE_JPEG};
    AVFrame *made = media_convert(converter, frame, &to, &error);
    if (!made)
        say(w, error.message);
    return made;
}

/* Makes *texture show the frame. */
static void upload(struct window *w, SDL_Texture **texture, const AVFrame *frame)
{
    int width = 0, height = 0;
    if (*texture)
        SDL_QueryTexture(*texture, NULL, NULL, &width, &height);
    if (width != frame->width || height != frame->height) {
        SDL_DestroyTexture(*texture);
        *texture =
            SDL_CreateTexture(w->renderer, SDL_PIXELFORMAT_ARGB8888,
                              SDL_TEXTUREACCESS_STREAMING, frame->width, frame->height);
    }
    if (!*texture ||
        SDL_UpdateTexture(*texture, NULL, frame->data[0], frame->linesize[0]) != 0)
        say(w, SDL_GetError());
}

/* What the shown frame was painted from, for the split view. */
static void upload_input(struct window *w)
{
    const AVFrame *input = w->split && w->shown ? painter_input(w->shown) : NULL;
    if (!input)
        return;
    AVFrame *made =
        shown_as(w, &w->input_converter, input, w->shown->width, w->shown->height);
    if (made)
        upload(w, &w->input, made);
    av_frame_free(&made);
}

/* Brings the newest frame to the texture. */
static void take_frame(struct window *w)
{
    AVFrame *frame = latest_frame_take(&w->latest);
    if (frame && frame->format != AV_PIX_FMT_BGRA) {
        AVFrame *made = shown_as(w, &w->converter, frame, frame->width, frame->height);
        av_frame_free(&frame);
        frame = made;
    }
    if (!frame)
        return;
    av_frame_free(&w->shown);
    w->shown = frame;
    upload(w, &w->texture, frame);
    upload_input(w);
    w->dirty = true;
    count_rate(w);
}

/* The largest place for the picture that keeps its shape. */
static SDL_Rect fitted(const AVFrame *frame, int width, int height)
{
    AVRational shape = frame->sample_aspect_ratio;
    double aspect = (double)frame->width / frame->height;
    if (shape.num > 0 && shape.den > 0)
        aspect *= av_q2d(shape);
    SDL_Rect place = {.w = width, .h = height};
    if (width > aspect * height)
        place.w = (int)(aspect * height + 0.5);
    else
        place.h = (int)(width / aspect + 0.5);
    place.x = (width - place.w) / 2;
    place.y = (height - place.h) / 2;
    return place;
}

static void draw_picture(struct window *w, SDL_Texture *texture, const SDL_Rect *place)
{
    SDL_RenderCopyEx(w->renderer, texture, NULL, place, 0, NULL,
                     w->mirror ? SDL_FLIP_HORIZONTAL : SDL_FLIP_NONE);
}

static void draw_split(struct window *w, const SDL_Rect *place)
{
    SDL_Rect left = *place;
    left.w = (int)(w->divider * place->w + 0.5);
    SDL_Rect line = {left.x + left.w - 1, place->y, 2, place->h};
    if (left.w > 0 && w->input) {
        SDL_RenderSetClipRect(w->renderer, &left);
        draw_picture(w, w->input, place);
        SDL_RenderSetClipRect(w->renderer, NULL);
    }
    SDL_SetRenderDrawColor(w->renderer, 255, 255, 255, 255);
    SDL_RenderFillRect(w->renderer, &line);
}

static void draw_statistics(struct window *w, int letters)
{
    const struct window_params *params = &w->params;
    const struct session_state *state = params->state;
    double scale = governor_scale(atomic_load(&state->level));
    char lines[512], painted[32] = "";
    if (scale < 1)
        snprintf(painted, sizeof(painted), ", painted at %.0f %%", scale * 100);
    snprintf(lines, sizeof(lines),
             "%s%s\nstrength %.0f %%   stability %.0f %%\n%d x %d%s   %.1f frames/s\n"
             "%lld dropped   delay %.0f ms (median %d, 95 %% %d)\n"
             "waiting %.0f   painting %.0f   outputs %.0f ms",
             recorder_running(params->recorder) ? "[recording]  " : "",
             look_title(params->look), (double)params->look->params.strength * 100,
             (double)params->look->params.stability * 100, w->shown ? w->shown->width : 0,
             w->shown ? w->shown->height : 0, painted, w->rate,
             (long long)atomic_load(&state->dropped),
             (double)atomic_load(&state->delay_us) / 1000,
             atomic_load(&state->delay_ms[0]), atomic_load(&state->delay_ms[1]),
             (double)atomic_load(&state->wait_us) / 1000,
             (double)atomic_load(&state->paint_us) / 1000,
             (double)atomic_load(&state->output_us) / 1000);
    if (w->speaker) {
        size_t used = strlen(lines);
        snprintf(lines + used, sizeof(lines) - used, "\nsound %+.0f ms",
                 (double)speaker_offset_us(w->speaker) / 1000);
    }
    window_text_draw(&w->text, w->renderer, lines, letters, 0, 0);
}

static void draw(struct window *w)
{
    int width = 0, height = 0;
    SDL_GetRendererOutputSize(w->renderer, &width, &height);
    SDL_SetRenderDrawColor(w->renderer, 0, 0, 0, 255);
    SDL_RenderClear(w->renderer);
    if (w->texture && w->shown) {
        SDL_Rect place = fitted(w->shown, width, height);
        draw_picture(w, w->texture, &place);
        if (w->split)
            draw_split(w, &place);
    }
    int letters = height / LETTERS < 12 ? 12 : height / LETTERS;
    if (w->statistics)
        draw_statistics(w, letters);
    if (w->help)
        window_text_draw(&w->text, w->renderer, help, letters, 0, -1);
    else if (daub_clock_us() < w->notice_until_us)
        window_text_draw(&w->text, w->renderer, w->notice, letters, 0, -1);
    SDL_RenderPresent(w->renderer);
    w->dirty = false;
}

/* ---- keys ---- */

static void save_picture(struct window *w)
{
    char name[512], text[640];
    struct daub_error error = {0};
    bool ok = recorder_picture(w->params.recorder, NULL, name, sizeof(name), &error);
    snprintf(text, sizeof(text), ok ? "saved %s" : "not saved: %s",
             ok ? name : error.message);
    say(w, text);
}

static void toggle_record(struct window *w)
{
    char name[512], text[640];
    struct daub_error error = {0};
    if (recorder_stop(w->params.recorder))
        return; /* window_step tells how it went */
    bool ok = recorder_start(w->params.recorder, NULL, name, sizeof(name), &error);
    snprintf(text, sizeof(text), ok ? "recording %s" : "not recorded: %s",
             ok ? name : error.message);
    say(w, text);
}

static void show_share(struct window *w, const char *what, float share)
{
    char text[64];
    snprintf(text, sizeof(text), "%s %.0f %%", what, (double)share * 100);
    say(w, text);
}

static void toggle_fullscreen(struct window *w)
{
    bool full = SDL_GetWindowFlags(w->window) & SDL_WINDOW_FULLSCREEN_DESKTOP;
    SDL_SetWindowFullscreen(w->window, full ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
    w->dirty = true;
}

/* The mouse moves the divider; positions are those of the window, which on some screens
 * has fewer points than the picture pixels. */
static void drag(struct window *w, int x)
{
    int width = 0, height = 0, points = 0;
    SDL_GetRendererOutputSize(w->renderer, &width, &height);
    SDL_GetWindowSize(w->window, &points, NULL);
    if (!w->split || !w->shown || points < 1)
        return;
    SDL_Rect place = fitted(w->shown, width, height);
    double at = ((double)x * width / points - place.x) / fmax(place.w, 1);
    w->divider = fmin(fmax(at, 0), 1);
    w->dirty = true;
}

/* ---- moving about ---- */

static void add_clock(char *text, size_t size, int64_t us)
{
    size_t used = strlen(text);
    daub_text_clock(text + used, size - used, (double)us / 1e6);
}

static void show_position(struct window *w, int64_t us)
{
    char text[80] = "";
    add_clock(text, sizeof(text), us - w->params.first_us);
    if (w->params.duration_us > 0) {
        strcat(text, " / ");
        add_clock(text, sizeof(text), w->params.duration_us);
    }
    say(w, text);
}

static void seek_to(struct window *w, int64_t us)
{
    enum { TAIL_US = 200000 };
    int64_t first_us = w->params.first_us;
    int64_t end_us = first_us + w->params.duration_us - TAIL_US;
    if (!w->params.can_seek) {
        say(w, "this input cannot be searched");
        return;
    }
    if (us > end_us)
        us = end_us;
    us = us < first_us ? first_us : us;
    pace_seek(w->params.pace, us);
    show_position(w, us);
}

/* From where it is, or is on the way to. */
static void seek_by(struct window *w, int64_t us)
{
    struct pace *pace = w->params.pace;
    seek_to(w, us + (atomic_load(&pace->asked)
                         ? atomic_load(&pace->asked_us)
                         : atomic_load(&w->params.state->position_us)));
}

static void step(struct window *w, bool back)
{
    int64_t frame_us = w->params.frame_us;
    if (!back || w->params.can_seek)
        pace_step(w->params.pace);
    if (back)
        seek_by(w, -frame_us - frame_us / 10); /* the frame that begins after that */
    else
        show_position(w, atomic_load(&w->params.state->position_us) + frame_us);
}

static void change_strength(struct look *look, float strength)
{
    look_commit(look, &(struct look_change){.has_strength = true, .strength = strength},
                0);
}

static void change_stability(struct look *look, float stability)
{
    look_commit(look,
                &(struct look_change){.has_stability = true, .stability = stability}, 0);
}

static void toggle_keep_colors(struct window *w)
{
    struct look *look = w->params.look;
    bool keep = look->params.color != DAUB_COLOR_KEEP;
    struct look_change change = {.has_color = true,
                                 .color = keep ? DAUB_COLOR_KEEP : DAUB_COLOR_PAINT};
    look_commit(look, &change, 0);
    say(w, keep ? "the input's colours" : "the painting's colours");
}

static void toggle_bypass(struct window *w)
{
    struct look *look = w->params.look;
    look_commit(look, &(struct look_change){.has_bypass = true, .bypass = !look->bypass},
                0);
    say(w, look_title(look));
}

/* A stability of 0 paints every frame without history. */
static void toggle_steadiness(struct window *w)
{
    struct look *look = w->params.look;
    float now = look->params.stability;
    if (look->painter->params.temporal == DAUB_TEMPORAL_OFF) {
        say(w, "each frame by itself: --temporal is off");
        return;
    }
    change_stability(look, now > 0            ? 0
                           : w->stability > 0 ? w->stability
                                              : DAUB_STABILITY_DEFAULT);
    w->stability = now;
    say(w, now > 0 ? "each frame by itself" : "steady");
}

/* Keys that make a character, whatever the layout. */
static void take_character(struct window *w, char c)
{
    struct look *look = w->params.look;
    switch (c) {
    case '<':
    case '>':
        look_step_style(look, c == '<' ? -1 : 1);
        say(w, look_title(look));
        break;
    case '[':
    case ']':
        change_strength(look, look->params.strength + (c == '[' ? -0.05f : 0.05f));
        show_share(w, "strength", look->params.strength);
        break;
    case '{':
    case '}':
        change_stability(look, look->params.stability + (c == '{' ? -0.05f : 0.05f));
        show_share(w, "stability", look->params.stability);
        break;
    case '.':
    case ',':
        step(w, c == ',');
        break;
    case '?':
        w->help = !w->help;
        w->dirty = true;
        break;
    default:
        if (c >= '1' && c <= '9') {
            look_set_style(look, c - '1' + (look->model->identity_style == 0));
            say(w, look_title(look));
        }
    }
}

static void take_key(struct window *w, SDL_Keycode key, struct daub_stop *stop)
{
    switch (key) {
    case SDLK_q:
    case SDLK_ESCAPE:
        w->closed = true;
        daub_stop_request(stop);
        break;
    case SDLK_SPACE:
        atomic_store(&w->params.pace->paused, !atomic_load(&w->params.pace->paused));
        say(w, atomic_load(&w->params.pace->paused) ? "paused" : "going on");
        break;
    case SDLK_c:
        toggle_keep_colors(w);
        break;
    case SDLK_t:
        toggle_steadiness(w);
        break;
    case SDLK_b:
        toggle_bypass(w);
        break;
    case SDLK_TAB:
        w->split = !w->split;
        upload_input(w);
        w->dirty = true;
        break;
    case SDLK_LEFT:
    case SDLK_RIGHT:
        seek_by(w, key == SDLK_LEFT ? -SEEK_US : SEEK_US);
        break;
    case SDLK_DOWN:
    case SDLK_UP:
        seek_by(w, 12 * (key == SDLK_DOWN ? -SEEK_US : SEEK_US));
        break;
    case SDLK_m:
        w->mute = !w->mute;
        if (w->speaker)
            speaker_mute(w->speaker, w->mute);
        say(w, !w->speaker ? "no sound" : w->mute ? "mute" : "sound");
        break;
    case SDLK_h:
        w->mirror = !w->mirror;
        w->dirty = true;
        break;
    case SDLK_f:
        toggle_fullscreen(w);
        break;
    case SDLK_s:
        save_picture(w);
        break;
    case SDLK_r:
        toggle_record(w);
        break;
    case SDLK_i:
        w->statistics = !w->statistics;
        w->dirty = true;
        break;
    default:
        break;
    }
}

void window_step(struct window *w, struct daub_stop *stop)
{
    SDL_Event event;
    if (!SDL_WaitEventTimeout(&event, STEP_MS))
        event.type = 0;
    do {
        if (event.type == SDL_QUIT) {
            w->closed = true;
            daub_stop_request(stop);
        } else if (event.type == SDL_TEXTINPUT) {
            take_character(w, event.text.text[0]);
        } else if (event.type == SDL_KEYDOWN && !event.key.repeat) {
            take_key(w, event.key.keysym.sym, stop);
        } else if (event.type == SDL_MOUSEBUTTONDOWN || event.type == SDL_MOUSEBUTTONUP) {
            w->dragging = event.type == SDL_MOUSEBUTTONDOWN;
            drag(w, event.button.x);
        } else if (event.type == SDL_MOUSEMOTION && w->dragging) {
            drag(w, event.motion.x);
        } else if (event.type == SDL_WINDOWEVENT) {
            Uint32 flags = SDL_GetWindowFlags(w->window);
            atomic_store(&w->minimized, flags & SDL_WINDOW_MINIMIZED);
            w->dirty = true;
        }
    } while (SDL_PollEvent(&event));
    take_frame(w);
    char text[640];
    if (atomic_load(&w->params.source->away) && w->notice_until_us == 0)
        say(w, "the camera is gone; waiting for it");
    if (recorder_told(w->params.recorder, text, sizeof(text)))
        say(w, text);
    if (w->notice_until_us && daub_clock_us() >= w->notice_until_us) {
        w->notice_until_us = 0;
        w->dirty = true;
    }
    if (w->dirty)
        draw(w);
}

bool window_closed(const struct window *w)
{
    return w->closed;
}
