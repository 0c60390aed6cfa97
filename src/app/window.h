/* The preview window: shows the newest painting, takes keys. */
#ifndef DAUB_APP_WINDOW_H
#define DAUB_APP_WINDOW_H

#include "app/look.h"
#include "app/recorder.h"
#include "app/session.h"
#include "app/speaker.h"
#include "media/sink.h"

struct window; /* opaque; main thread, but for its sink */

struct window_params {
    const char *title;
    const AVFrame *frame; /* size and shape of those that will come; borrowed for open */
    bool fullscreen, mirror;
    bool software; /* draw by the processor, because the painter uses no GPU, either */
    struct look *look; /* changed by keys; these must outlive the window */
    struct pace *pace;
    const struct session_state *state;
    const struct media_source *source;
    struct recorder *recorder;
    bool can_seek;
    int64_t first_us;              /* time of the input's first frame */
    int64_t duration_us, frame_us; /* of the input, and of a frame; 0: unknown */
};

/* NULL with *error where there is no display or no font. */
struct window *window_open(const struct window_params *params, struct daub_error *error);
void window_close(struct window *window); /* accepts NULL */

/* Told of m, and shown in the statistics; NULL: there is no sound. */
void window_set_speaker(struct window *window, struct speaker *speaker);

/* Never blocks, keeps only the newest frame. The window's. */
struct media_sink *window_sink(struct window *window);

/* Waits a moment for a frame or an event and handles what there is. Requests stop when
 * the user closes the window. */
void window_step(struct window *window, struct daub_stop *stop);
/* Whether the user did. */
bool window_closed(const struct window *window);

#endif
