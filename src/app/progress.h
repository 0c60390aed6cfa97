/* Reports on the progress of the session: a line on the terminal, or JSON. */
#ifndef DAUB_APP_PROGRESS_H
#define DAUB_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/options.h"
#include "app/state.h"
#include "media/sink.h"

struct progress {
    enum progress_kind kind;
    bool terminal;        /* stderr is a terminal */
    int64_t start_us;     /* clock */
    int64_t total_frames; /* 0: unknown */
    int64_t total_us;     /* of the output; 0: unknown */
    double last_fps;      /* smoothed */
    int64_t last_frames, last_us;
};

void progress_init(struct progress *progress, enum progress_kind kind,
                   const struct media_source_info *input);
/* Says on a terminal that the painter is being built, which may take seconds. */
void progress_preparing(const struct progress *progress);
/* Painting begins now. */
void progress_start(struct progress *progress);
/* Milliseconds between two updates; -1: none are shown. */
int progress_interval_ms(const struct progress *progress);
/* realtime: delays and dropped frames are reported. bytes: written so far. */
void progress_update(struct progress *progress, const struct session_state *state,
                     bool realtime, uint64_t bytes);
/* Removes the line. */
void progress_end(struct progress *progress);
/* Reports a finished output. interrupted: it is shorter than planned. */
void progress_done(const struct progress *progress, const char *output,
                   const struct media_report *report, bool interrupted);

#endif
