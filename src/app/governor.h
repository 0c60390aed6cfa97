/* Chooses the working size in real time so that a rate and a delay are kept. The output
 * keeps its size. The time of a frame is proportional to the area of the working size.
 * The governor changes to a smaller size after OVER_US of too much load. It changes to a
 * larger one only where the expected load leaves room, and waits longer after each time
 * that this was too slow. */
#ifndef DAUB_APP_GOVERNOR_H
#define DAUB_APP_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

enum { GOVERNOR_LEVELS = 9 }; /* level 0: full size; 8: a quarter of the width */

struct governor {
    int64_t frame_us; /* time available for a frame; 0: no limit */
    int64_t delay_us; /* longest delay allowed; 0: no limit */
    int level;
    double load;         /* used part of the available time, smoothed; 0: unknown */
    int frames;          /* since the level changed */
    int64_t changed_us;  /* clock when the level changed */
    int64_t over_us;     /* clock since the load is too high; 0: it is not */
    int64_t under_us;    /* clock since a larger size would fit; 0: it would not */
    int64_t patience_us; /* how long a larger size must fit before it is used */
    bool last_was_up;    /* the last change was to a larger size */
};

/* target_fps and max_latency_ms: 0: no limit. source_fps limits target_fps; 0: unknown.
 */
void governor_init(struct governor *governor, double target_fps, double source_fps,
                   double max_latency_ms);
bool governor_active(const struct governor *governor);

/* The part of the full width and height at that level, 1 to 0.25. */
double governor_scale(int level);

/* Adds a painted frame: work_us is the device's time, delay_us its delay. Returns the
 * level to paint at; the caller calls governor_set when frames are painted at it. */
int governor_add(struct governor *governor, int64_t now_us, int64_t work_us,
                 int64_t delay_us);
void governor_set(struct governor *governor, int64_t now_us, int level);

#endif
