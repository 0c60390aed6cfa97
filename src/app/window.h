/* The preview window: shows the latest output and handles keys. */
#ifndef DAUB_APP_WINDOW_H
#define DAUB_APP_WINDOW_H

#include "app/look.h"
#include "app/pace.h"
#include "app/recorder.h"
#include "app/speaker.h"
#include "app/state.h"
#include "media/sink.h"
#include "media/source.h"
#include "util/stop.h"

struct window; /* opaque; use from the main thread, except its sink */

struct window_params {
    const char *title;
    const AVFrame *frame; /* frame template; borrowed during window_open */
    bool fullscreen, mirror;
    struct look *look; /* changed by keys; this and the next four outlive the window */
    struct pace *pace;
    const struct session_state *state;
    const struct media_source *source;
    struct recorder *recorder;
    bool can_seek;
    int64_t first_us;    /* time of the input's first frame */
    int64_t duration_us; /* of the input; 0: unknown */
    int64_t frame_us;    /* duration of one frame */
};

/* NULL with *error where there is no display or no font. */
struct window *window_open(const struct window_params *params, struct daub_error *error);
void window_close(struct window *window); /* accepts NULL */

/* The speaker that the key m mutes and the statistics show; NULL: there is none. */
void window_set_speaker(struct window *window, struct speaker *speaker);

/* Shows the frames pushed to it; push never blocks. Owned by the window. */
struct media_sink *window_sink(struct window *window);

/* Waits up to 50 ms for a frame or an event, then handles events and draws. Requests the
 * stop when the user closes the window. */
void window_step(struct window *window, struct daub_stop *stop);
/* Shows the message now, while window_step cannot be called. */
void window_tell(struct window *window, const char *message);
/* Whether the user closed the window. */
bool window_closed(const struct window *window);

#endif
