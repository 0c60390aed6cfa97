/* Keeps live painting up with a rate and a delay: chooses how large to paint. The picture
 * keeps its size; the network works on less, which costs less in proportion to its area.
 * Steps down within a second or two of being too slow; steps up only where the next size
 * is expected to fit with room to spare, and ever more hesitantly where that was wrong.
 */
#ifndef DAUB_APP_GOVERNOR_H
#define DAUB_APP_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

enum { GOVERNOR_LEVELS = 9 }; /* 0: full size, to a quarter of the width */

struct governor {
    int64_t frame_us; /* time that there is for a frame; 0: no matter */
    int64_t delay_us; /* that is allowed, from arrival to the outputs; 0: no matter */
    int level;
    double load; /* part of the allowed time that frames take, smoothed; 0: unknown */
    int frames;  /* since the level changed */
    int64_t changed_us, over_us, under_us; /* since when; 0: not */
    int64_t patience_us;                   /* how long there must be room to step up */
    bool rose;                             /* the last step was up */
};

/* target_fps and max_latency_ms: 0: no matter. source_fps: faster is of no use; 0:
 * unknown. */
void governor_init(struct governor *governor, double target_fps, double source_fps,
                   double max_latency_ms);
bool governor_active(const struct governor *governor);

/* Part of the full width and height at that level, 1 to 0.25. */
double governor_scale(int level);

/* A frame was painted: work_us of the device's time, delay_us from its arrival to the
 * outputs. Returns the level to paint at, which the caller tells with governor_set once
 * it does. */
int governor_add(struct governor *governor, int64_t now_us, int64_t work_us,
                 int64_t delay_us);
void governor_set(struct governor *governor, int64_t now_us, int level);

#endif
