/* What a running session tells of itself: written by it, read by any thread. Zeroed to
 * begin with. */
#ifndef DAUB_APP_STATE_H
#define DAUB_APP_STATE_H

#include <stdatomic.h>

struct session_state {
    atomic_llong painted;     /* frames */
    atomic_llong position_us; /* in the input, of the last one */
    atomic_llong time_us;     /* the same since the first one */
    atomic_llong dropped;     /* frames that came while the painter was busy */
    /* of the last one in real time: from its capture or arrival to the outputs, and parts
     * of that: until the painter took it, on the device, handing it to the outputs */
    atomic_llong delay_us, wait_us, paint_us, output_us;
    atomic_int delay_ms[2]; /* median, and what 95 % stay below, of all so far */
    atomic_bool asleep;     /* nobody watches */
    atomic_int level;       /* the governor's */
};

#endif
