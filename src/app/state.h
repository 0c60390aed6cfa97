/* The state of a running session: written by its threads, read by any thread. Zero at the
 * start. */
#ifndef DAUB_APP_STATE_H
#define DAUB_APP_STATE_H

#include <stdatomic.h>

struct session_state {
    atomic_llong painted;     /* frames */
    atomic_llong position_us; /* in the input, of the last one */
    atomic_llong time_us;     /* the same since the first one */
    atomic_llong dropped;     /* frames that came while the painter was busy */
    /* of the last frame in real time: delay from arrival to output, and its parts: until
     * it was submitted, on the device, pushing it to the sinks */
    atomic_llong delay_us, wait_us, paint_us, output_us;
    atomic_int delay_ms[2]; /* median and 95 % quantile of the delays so far */
    atomic_bool asleep;     /* nobody watches */
    atomic_int level;       /* the governor's */
};

#endif
