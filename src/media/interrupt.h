/* Ends the waits of a sink: after a deadline, nothing in it waits for a peer. */
#ifndef DAUB_MEDIA_INTERRUPT_H
#define DAUB_MEDIA_INTERRUPT_H

#include <stdint.h>

#include "util/stop.h"

struct media_interrupt {
    struct daub_stop set;     /* requested: deadline_us counts */
    atomic_llong deadline_us; /* clock */
};

bool media_interrupt_init(struct media_interrupt *interrupt, struct daub_error *error);
/* Accepts a zeroed one. */
void media_interrupt_uninit(struct media_interrupt *interrupt);
/* Sets the deadline, a moment from now; later calls change nothing. Any thread. */
void media_interrupt_set(struct media_interrupt *interrupt);
/* Microseconds until the deadline, 0 where it has passed; INT64_MAX: none is set. */
int64_t media_interrupt_left_us(const struct media_interrupt *interrupt);
bool media_interrupt_late(const struct media_interrupt *interrupt);

#endif
