#include "app/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "app/governor.h"
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
    LINES = 40 /* of text that fit into the height of the window */
};

struct window {
    struct media_sink sink;
    struct window_params params;
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture, *input_texture; /* input_texture: for the split view */
    struct window_text text;
    Uint32 frame_event;

    struct latest_frame latest; /* engine thread -> main thread */
    atomic_llong pushed;
    atomic_bool minimized;

    struct media_converter converter, input_converter;
    AVFrame *shown; /* BGRA */
    bool split, dragging;
    double divider;  /* 0..1 of the width; left of it the input is shown */
    float stability; /* to return to after the key t set it to 0 */
    bool dirty, closed, mirror, help, statistics, mute;
    struct speaker *speaker; /* NULL: none */
    char notice[640];
    int64_t notice_until_us;
    int64_t rate_from_us, rate_frames; /* frames shown since then */
    double rate;
};

static const char help[] =
    "q  quit\n"
    "space  pause        . ,  next, previous frame\n"
    "left right  seek 5 s        down up  seek 60 s        m  mute\n"
    "< >  previous, next style        1..9  style, or drop a picture\n"
    "[ ]  strength     ( )  boldness     { }  stability     t  off, on\n"
    "c  keep the input's colours        b  show the input\n"
    "tab  input beside the painting; the mouse moves the border\n"
    "h  mirror        f  full screen\n"
    "s  save the picture        r  start, stop recording\n"
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

static void sink_finish(struct media_sink *sink, bool whole)
{
    (void)sink, (void)whole;
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

/* The size of the picture in square pixels, reduced to fit the screen. */
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
    bool driver_chosen = getenv("SDL_VIDEODRIVER") != NULL;
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    bool ready = SDL_Init(SDL_INIT_VIDEO) == 0;
    const char *driver = ready ? SDL_GetCurrentVideoDriver() : NULL;
    /* Without a display, SDL chooses one of these, which show nothing. */
    bool shows_nothing = driver && !driver_chosen &&
                         (strcmp(driver, "offscreen") == 0 ||
                          strcmp(driver, "dummy") == 0 || strcmp(driver, "evdev") == 0);
    if (!ready || shows_nothing)
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
        daub_no_memory(error, "the window");
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
    SDL_DestroyTexture(w->input_texture);
    if (w->renderer)
        SDL_DestroyRenderer(w->renderer);
    /* Hidden, not destroyed, and without SDL_Quit: SDL_PushEvent sends an event to the
     * window over a second connection, which the X server may read later than the end of
     * the window. It would answer with an error that ends the program. */
    if (w->window)
        SDL_HideWindow(w->window);
    free(w);
}

/* ---- drawing ---- */

/* Shows the message for NOTICE_US. */
static void show_notice(struct window *w, const char *message)
{
    snprintf(w->notice, sizeof(w->notice), "%.600s", message);
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

/* The frame converted to BGRA at that size; NULL after showing the error. */
static AVFrame *to_bgra(struct window *w, struct media_converter *converter,
                        const AVFrame *frame, int width, int height)
{
    struct daub_error error = {0};
    AVFrame wanted = {.width = width,
                      .height = height,
                      .format = AV_PIX_FMT_BGRA,
                      .colorspace = AVCOL_SPC_RGB,
                      .color_range = AVCOL_RANGE_JPEG};
    AVFrame *made = media_convert(converter, frame, &wanted, &error);
    if (!made)
        show_notice(w, error.message);
    return made;
}

/* Copies the frame to *texture, which is created again where the size differs. */
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
        show_notice(w, SDL_GetError());
}

/* Copies the input of the shown frame to its texture, for the split view. */
static void upload_input(struct window *w)
{
    const AVFrame *input = w->split && w->shown ? painter_input(w->shown) : NULL;
    if (!input)
        return;
    AVFrame *made =
        to_bgra(w, &w->input_converter, input, w->shown->width, w->shown->height);
    if (made)
        upload(w, &w->input_texture, made);
    av_frame_free(&made);
}

/* Copies the latest frame, if there is one, to the texture. */
static void take_frame(struct window *w)
{
    AVFrame *frame = latest_frame_take(&w->latest);
    if (frame && frame->format != AV_PIX_FMT_BGRA) {
        AVFrame *made = to_bgra(w, &w->converter, frame, frame->width, frame->height);
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

/* The largest centred rectangle with the picture's aspect ratio. */
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
    if (left.w > 0 && w->input_texture) {
        SDL_RenderSetClipRect(w->renderer, &left);
        draw_picture(w, w->input_texture, place);
        SDL_RenderSetClipRect(w->renderer, NULL);
    }
    SDL_SetRenderDrawColor(w->renderer, 255, 255, 255, 255);
    SDL_RenderFillRect(w->renderer, &line);
}

static void draw_statistics(struct window *w, int letter_px)
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
    window_text_draw(&w->text, w->renderer, lines, letter_px, 0, 0);
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
    int letter_px = height / LINES < 12 ? 12 : height / LINES;
    if (w->statistics)
        draw_statistics(w, letter_px);
    if (w->help)
        window_text_draw(&w->text, w->renderer, help, letter_px, 0, -1);
    else if (daub_clock_us() < w->notice_until_us)
        window_text_draw(&w->text, w->renderer, w->notice, letter_px, 0, -1);
    SDL_RenderPresent(w->renderer);
    w->dirty = false;
}

void window_tell(struct window *w, const char *message)
{
    show_notice(w, message);
    SDL_PumpEvents();
    draw(w);
}

/* ---- keys ---- */

static void save_picture(struct window *w)
{
    char name[512], text[640];
    struct daub_error error = {0};
    bool ok = recorder_picture(w->params.recorder, NULL, name, sizeof(name), &error);
    snprintf(text, sizeof(text), ok ? "saved %s" : "not saved: %s",
             ok ? name : error.message);
    show_notice(w, text);
}

static void toggle_record(struct window *w)
{
    char name[512], text[640];
    struct daub_error error = {0};
    if (recorder_stop(w->params.recorder))
        return; /* window_step shows the result */
    bool ok = recorder_start(w->params.recorder, NULL, name, sizeof(name), &error);
    snprintf(text, sizeof(text), ok ? "recording %s" : "not recorded: %s",
             ok ? name : error.message);
    show_notice(w, text);
}

static void show_percent(struct window *w, const char *name, float value)
{
    char text[64];
    snprintf(text, sizeof(text), "%s %.0f %%", name, (double)value * 100);
    show_notice(w, text);
}

static void toggle_fullscreen(struct window *w)
{
    bool full = SDL_GetWindowFlags(w->window) & SDL_WINDOW_FULLSCREEN_DESKTOP;
    SDL_SetWindowFullscreen(w->window, full ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
    w->dirty = true;
}

/* Moves the divider to the mouse. x is in points of the window, of which high-DPI screens
 * have fewer than pixels. */
static void drag_divider(struct window *w, int x)
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

/* ---- seeking ---- */

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
    show_notice(w, text);
}

static void seek_to(struct window *w, int64_t us)
{
    enum { TAIL_US = 200000 }; /* left to show after a seek to the end */
    int64_t first_us = w->params.first_us;
    int64_t end_us = first_us + w->params.duration_us - TAIL_US;
    if (!w->params.can_seek) {
        show_notice(w, "this input cannot seek");
        return;
    }
    if (us > end_us)
        us = end_us;
    us = us < first_us ? first_us : us;
    pace_seek(w->params.pace, us);
    show_position(w, us);
}

/* Seeks from the position of the last frame, or from the target of a seek that has not
 * begun. */
static void seek_by(struct window *w, int64_t us)
{
    struct pace *pace = w->params.pace;
    seek_to(w, us + (atomic_load(&pace->seek_requested)
                         ? atomic_load(&pace->seek_us)
                         : atomic_load(&w->params.state->position_us)));
}

static void step(struct window *w, bool back)
{
    int64_t frame_us = w->params.frame_us;
    if (!back || w->params.can_seek)
        pace_step(w->params.pace);
    if (back)
        seek_by(w, -frame_us - frame_us / 10); /* a seek shows the first frame after it */
    else
        show_position(w, atomic_load(&w->params.state->position_us) + frame_us);
}

static void change_strength(struct look *look, float strength)
{
    look_commit(look, &(struct look_change){.has_strength = true, .strength = strength},
                0);
}

static void change_boldness(struct window *w, float boldness)
{
    struct look *look = w->params.look;
    if (!look->styles->info->has_boldness) {
        show_notice(w, "this model has one kind of strokes only");
        return;
    }
    look_commit(look, &(struct look_change){.has_boldness = true, .boldness = boldness},
                0);
    show_percent(w, "boldness", look->boldness);
}

/* Paints like the picture that was dropped on the window. */
static void drop_picture(struct window *w, const char *path)
{
    struct daub_error error = {0};
    int style;
    if (!styles_add(w->params.look->styles, path, &style, &error)) {
        show_notice(w, error.message);
        return;
    }
    look_set_style(w->params.look, style);
    show_notice(w, look_title(w->params.look));
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
    show_notice(w, keep ? "the input's colours" : "the painting's colours");
}

static void toggle_bypass(struct window *w)
{
    struct look *look = w->params.look;
    look_commit(look, &(struct look_change){.has_bypass = true, .bypass = !look->bypass},
                0);
    show_notice(w, look_title(look));
}

/* A stability of 0 paints every frame without history. */
static void toggle_temporal(struct window *w)
{
    struct look *look = w->params.look;
    float stability = look->params.stability;
    if (look->painter->params.temporal == DAUB_TEMPORAL_OFF) {
        show_notice(w, "stability has no effect: --temporal is off");
        return;
    }
    change_stability(look, stability > 0      ? 0
                           : w->stability > 0 ? w->stability
                                              : DAUB_STABILITY_DEFAULT);
    w->stability = stability;
    show_notice(w, stability > 0 ? "stability off" : "stability on");
}

/* Keys that are known by their character, whatever the keyboard layout. */
static void handle_character(struct window *w, char c)
{
    struct look *look = w->params.look;
    switch (c) {
    case '<':
    case '>':
        look_step_style(look, c == '<' ? -1 : 1);
        show_notice(w, look_title(look));
        break;
    case '[':
    case ']':
        change_strength(look, look->params.strength + (c == '[' ? -0.05f : 0.05f));
        show_percent(w, "strength", look->params.strength);
        break;
    case '(':
    case ')':
        change_boldness(w, look->boldness + (c == '(' ? -0.05f : 0.05f));
        break;
    case '{':
    case '}':
        change_stability(look, look->params.stability + (c == '{' ? -0.05f : 0.05f));
        show_percent(w, "stability", look->params.stability);
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
            int style = c - '1' + (look->styles->info->identity_style == 0);
            if (style < look->styles->info->style_count)
                look_set_style(look, style);
            show_notice(w, look_title(look));
        }
    }
}

static void handle_key(struct window *w, SDL_Keycode key, struct daub_stop *stop)
{
    switch (key) {
    case SDLK_q:
    case SDLK_ESCAPE:
        w->closed = true;
        daub_stop_request(stop);
        break;
    case SDLK_SPACE:
        atomic_store(&w->params.pace->paused, !atomic_load(&w->params.pace->paused));
        show_notice(w, atomic_load(&w->params.pace->paused) ? "paused" : "playing");
        break;
    case SDLK_c:
        toggle_keep_colors(w);
        break;
    case SDLK_t:
        toggle_temporal(w);
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
        show_notice(w, !w->speaker ? "no sound" : w->mute ? "muted" : "not muted");
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
            handle_character(w, event.text.text[0]);
        } else if (event.type == SDL_KEYDOWN && !event.key.repeat) {
            handle_key(w, event.key.keysym.sym, stop);
        } else if (event.type == SDL_MOUSEBUTTONDOWN || event.type == SDL_MOUSEBUTTONUP) {
            w->dragging = event.type == SDL_MOUSEBUTTONDOWN;
            drag_divider(w, event.button.x);
        } else if (event.type == SDL_MOUSEMOTION && w->dragging) {
            drag_divider(w, event.motion.x);
        } else if (event.type == SDL_DROPFILE) {
            drop_picture(w, event.drop.file);
            SDL_free(event.drop.file);
        } else if (event.type == SDL_WINDOWEVENT) {
            Uint32 flags = SDL_GetWindowFlags(w->window);
            atomic_store(&w->minimized, flags & SDL_WINDOW_MINIMIZED);
            w->dirty = true;
        }
    } while (SDL_PollEvent(&event));
    take_frame(w);
    char text[640];
    if (atomic_load(&w->params.source->away) && w->notice_until_us == 0)
        show_notice(w, "the camera was unplugged; waiting for it");
    if (recorder_result(w->params.recorder, text, sizeof(text)))
        show_notice(w, text);
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
