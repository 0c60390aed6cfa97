/* A histogram of the delays from a frame's arrival to its output. */
#ifndef DAUB_APP_DELAYS_H
#define DAUB_APP_DELAYS_H

#include <stdint.h>

enum { DELAYS = 4096 }; /* bins of 1 ms; the last one counts all longer delays */

/* Zeroed is empty. Use from one thread at a time. */
struct delays {
    uint64_t count, of[DELAYS];
    int64_t last_us;
};

/* Adds the delay of one frame; a negative one counts as 0. */
void delays_add(struct delays *delays, int64_t us);
/* The delay in ms that this share of the frames (0..1) did not exceed; 0 without frames.
 */
int delays_quantile(const struct delays *delays, double share);

#endif
