#include "app/pace.h"

#include <poll.h>

#include "util/clock.h"

/* Later than this, a frame does not try to catch up. */
enum { LATE_US = 500000, PAUSE_MS = 20 };

static void sleep_ms(int ms, const struct daub_stop *stop)
{
    struct pollfd wait = {.fd = stop->fd, .events = POLLIN};
    poll(&wait, 1, ms);
}

void pace_wait(struct pace *pace, int64_t time_us, const struct daub_stop *stop)
{
    bool paused = false;
    while (atomic_load(&pace->paused) && !daub_stop_requested(stop)) {
        sleep_ms(PAUSE_MS, stop);
        paused = true;
    }
    int64_t now = daub_clock_us(), due = pace->start_us + time_us;
    if (!pace->started || paused || now > due + LATE_US || due > now + 10 * LATE_US)
        pace->start_us = now - time_us;
    pace->started = true;
    /* Rounded up: never before its time. */
    while ((due = pace->start_us + time_us) > (now = daub_clock_us()) &&
           !daub_stop_requested(stop))
        sleep_ms((int)((due - now + 999) / 1000), stop);
}

void delays_add(struct delays *delays, int64_t us)
{
    int64_t ms = us < 0 ? 0 : us / 1000;
    delays->of[ms < DELAYS ? ms : DELAYS - 1]++;
    delays->count++;
    delays->last_us = us < 0 ? 0 : us;
}

int delays_quantile(const struct delays *delays, double share)
{
    uint64_t below = 0;
    for (int ms = 0; ms < DELAYS; ms++) {
        below += delays->of[ms];
        if (delays->count && (double)below >= share * (double)delays->count)
            return ms;
    }
    return 0;
}
