/* Real time: when each frame of a source has to be shown, and pauses, steps and seeks. */
#ifndef DAUB_APP_PACE_H
#define DAUB_APP_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/stop.h"

/* Zeroed is ready to use. Only the thread that reads the source calls pace_wait and
 * pace_take_seek; any thread may call the other functions. */
struct pace {
    atomic_bool started;
    atomic_llong start_us; /* clock at which time 0 of the input is shown */
    atomic_bool paused;
    atomic_int steps; /* frames to show although it is paused */
    atomic_bool seek_requested;
    atomic_llong seek_us; /* time in the input to go to */
};

/* Waits until a frame of that time has to be shown. After a gap, a pause or a seek it
 * does not wait, and the frames that follow are shifted accordingly. Returns early when
 * stop is requested; false: a seek was requested and the frame is not to be shown. */
bool pace_wait(struct pace *pace, int64_t time_us, const struct daub_stop *stop);
/* The time in the input that has to be shown now; false while it is paused, not started
 * or about to seek. */
bool pace_now(struct pace *pace, int64_t *time_us);

/* Continues at that time of the input; while paused, one frame is shown. */
void pace_seek(struct pace *pace, int64_t time_us);
/* Returns the requested seek and removes the request; false: there is none. */
bool pace_take_seek(struct pace *pace, int64_t *time_us);
/* Pauses, and shows the next frame. */
void pace_step(struct pace *pace);

#endif
