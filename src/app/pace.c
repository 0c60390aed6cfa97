#include "app/pace.h"

#include <poll.h>

#include "util/clock.h"

#define TIME_MAX_US (INT64_C(1) << 60) /* sums with the clock fit 64 bits */

enum {
    LATE_US = 500000, /* a frame that is later shifts all that follow it */
    POLL_MS = 20      /* interval at which a wait checks for a pause, a seek or a step */
};

static void sleep_ms(int ms, const struct daub_stop *stop)
{
    struct pollfd wait = {.fd = stop->fd, .events = POLLIN};
    poll(&wait, 1, ms);
}

bool pace_wait(struct pace *pace, int64_t time_us, const struct daub_stop *stop)
{
    bool paused = false;
    while (atomic_load(&pace->paused) && !atomic_load(&pace->seek_requested) &&
           !daub_stop_requested(stop)) {
        if (atomic_load(&pace->steps) > 0) {
            atomic_fetch_sub(&pace->steps, 1);
            return true;
        }
        atomic_store(&pace->started, false);
        sleep_ms(POLL_MS, stop);
        paused = true;
    }
    time_us = time_us < -TIME_MAX_US  ? -TIME_MAX_US
              : time_us > TIME_MAX_US ? TIME_MAX_US
                                      : time_us;
    int64_t now = daub_clock_us(), deadline = atomic_load(&pace->start_us) + time_us;
    if (!atomic_load(&pace->started) || paused || now > deadline + LATE_US ||
        deadline > now + 10 * LATE_US)
        atomic_store(&pace->start_us, now - time_us);
    atomic_store(&pace->started, true);
    deadline = atomic_load(&pace->start_us) + time_us;
    while (deadline > (now = daub_clock_us()) && !atomic_load(&pace->seek_requested) &&
           !atomic_load(&pace->paused) && !daub_stop_requested(stop)) {
        int64_t ms = (deadline - now + 999) / 1000; /* rounded up: never too early */
        sleep_ms(ms < POLL_MS ? (int)ms : POLL_MS, stop);
    }
    return !atomic_load(&pace->seek_requested);
}

bool pace_now(struct pace *pace, int64_t *time_us)
{
    *time_us = daub_clock_us() - atomic_load(&pace->start_us);
    return atomic_load(&pace->started) && !atomic_load(&pace->paused) &&
           !atomic_load(&pace->seek_requested);
}

void pace_seek(struct pace *pace, int64_t time_us)
{
    atomic_store(&pace->seek_us, time_us);
    atomic_store(&pace->seek_requested, true);
}

bool pace_take_seek(struct pace *pace, int64_t *time_us)
{
    if (!atomic_exchange(&pace->seek_requested, false))
        return false;
    *time_us = atomic_load(&pace->seek_us);
    atomic_store(&pace->started, false);
    atomic_store(&pace->steps, atomic_load(&pace->paused) ? 1 : 0);
    return true;
}

void pace_step(struct pace *pace)
{
    atomic_store(&pace->paused, true);
    atomic_fetch_add(&pace->steps, 1);
}
