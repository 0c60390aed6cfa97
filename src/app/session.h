/* Source -> painter -> sinks, each on its own thread. */
#ifndef DAUB_APP_SESSION_H
#define DAUB_APP_SESSION_H

#include "app/exit_code.h"
#include "app/governor.h"
#include "app/pace.h"
#include "app/painter.h"
#include "app/progress.h"
#include "app/state.h"
#include "media/sink.h"
#include "media/source.h"
#include "util/stop.h"

struct control;
struct window;

struct session_params {
    struct media_source *source;
    struct media_sink *const *sinks;
    size_t sink_count;
    struct painter *painter;
    struct progress *progress;
    /* Requested by a signal, or by the session itself when something fails. The source
     * was opened with the same one. */
    struct daub_stop *stop;
    /* Frames are read at their own pace, and those that the painter has no time for are
     * dropped, the oldest first. Otherwise all are painted, as fast as possible. */
    bool realtime;
    /* It paints a part of a film: a frame that cannot be painted is a failure, and
     * results are not reported. */
    bool part;
    struct pace *pace;                 /* with realtime */
    double target_fps, max_latency_ms; /* with realtime, see governor.h; 0: no limit */
    struct window *window; /* NULL, or shown while the session runs; also one of sinks */
    struct control *control; /* NULL, or served while the session runs */
    struct session_state *state;
};

/* With a window, from the main thread. Paints until the source ends, the stop is
 * requested or something fails; completes every output, reports the results and returns
 * the exit code. All threads have ended then; where painter or source do not end after a
 * stop request, the program exits with that code instead. */
enum exit_code session_run(const struct session_params *params);

#endif
