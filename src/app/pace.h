/* The beat of real time: when each frame of a source is due, and how long it then took.
 */
#ifndef DAUB_APP_PACE_H
#define DAUB_APP_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/stop.h"

/* Zeroed is ready to use. */
struct pace {
    bool started;
    int64_t start_us; /* clock when time 0 was due */
    atomic_bool paused;
};

/* Waits until a frame of that time is due; after a gap or a pause, which shift what
 * follows, it is due at once. One thread; paused may be set by any. Returns early when
 * stop is requested. */
void pace_wait(struct pace *pace, int64_t time_us, const struct daub_stop *stop);

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
