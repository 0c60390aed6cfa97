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

bool pace_wait(struct pace *pace, int64_t time_us, const struct daub_stop *stop)
{
    bool paused = false;
    while (atomic_load(&pace->paused) && !atomic_load(&pace->asked) &&
           !daub_stop_requested(stop)) {
        if (atomic_load(&pace->steps) > 0) {
            atomic_fetch_sub(&pace->steps, 1);
            return true;
        }
        atomic_store(&pace->started, false);
        sleep_ms(PAUSE_MS, stop);
        paused = true;
    }
    int64_t now = daub_clock_us(), due = atomic_load(&pace->start_us) + time_us;
    if (!atomic_load(&pace->started) || paused || now > due + LATE_US ||
        due > now + 10 * LATE_US)
        atomic_store(&pace->start_us, now - time_us);
    atomic_store(&pace->started, true);
    /* Rounded up: never before its time. */
    due = atomic_load(&pace->start_us) + time_us;
    while (due > (now = daub_clock_us()) && !atomic_load(&pace->asked) &&
           !atomic_load(&pace->paused) && !daub_stop_requested(stop)) {
        int64_t ms = (due - now + 999) / 1000;
        sleep_ms(ms < PAUSE_MS ? (int)ms : PAUSE_MS, stop);
    }
    return !atomic_load(&pace->asked);
}

bool pace_now(struct pace *pace, int64_t *time_us)
{
    *time_us = daub_clock_us() - atomic_load(&pace->start_us);
    return atomic_load(&pace->started) && !atomic_load(&pace->paused) &&
           !atomic_load(&pace->asked);
}

void pace_seek(struct pace *pace, int64_t time_us)
{
    atomic_store(&pace->asked_us, time_us);
    atomic_store(&pace->asked, true);
}

bool pace_take_seek(struct pace *pace, int64_t *time_us)
{
    if (!atomic_exchange(&pace->asked, false))
        return false;
    *time_us = atomic_load(&pace->asked_us);
    atomic_store(&pace->started, false);
    atomic_store(&pace->steps, atomic_load(&pace->paused) ? 1 : 0);
    return true;
}

void pace_step(struct pace *pace)
{
    atomic_store(&pace->paused, true);
    atomic_fetch_add(&pace->steps, 1);
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
