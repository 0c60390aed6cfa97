/* The beat of real time: when each frame of a source is due, and how long it then took.
 */
#ifndef DAUB_APP_PACE_H
#define DAUB_APP_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/stop.h"

/* Zeroed is ready to use. One thread reads the source and waits; any may look, pause,
 * step and ask for a seek. */
struct pace {
    atomic_bool started;
    atomic_llong start_us; /* clock when time 0 was due */
    atomic_bool paused;
    atomic_int steps; /* frames to show all the same while paused */
    atomic_bool asked;
    atomic_llong asked_us; /* the seek's target */
};

/* Waits until a frame of that time is due; after a gap, a pause or a seek, which shift
 * what follows, it is due at once. Returns early when stop is requested; false: a seek
 * was asked for and the frame is not to be shown. */
bool pace_wait(struct pace *pace, int64_t time_us, const struct daub_stop *stop);
/* The time that is due now; false while nothing is. */
bool pace_now(struct pace *pace, int64_t *time_us);

/* Goes on at that time of the input; while paused, one frame is shown. */
void pace_seek(struct pace *pace, int64_t time_us);
/* Takes what was asked for; the source's thread. */
bool pace_take_seek(struct pace *pace, int64_t *time_us);
/* Pauses, and shows the next frame. */
void pace_step(struct pace *pace);

enum { DELAYS = 4096 }; /* ms */

/* Delays from a frame's arrival to its delivery, by milliseconds. Zeroed is empty. */
struct delays {
    uint64_t count, of[DELAYS];
    int64_t last_us;
};
void delays_add(struct delays *delays, int64_t us);
/* The delay in ms that this share of the frames (0..1) stayed below; 0 without any. */
int delays_quantile(const struct delays *delays, double share);

#endif
