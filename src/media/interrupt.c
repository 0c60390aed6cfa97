#include "media/interrupt.h"

#include <stdint.h>

#include "util/clock.h"

/* Files are closed after that, and all must end within the 2 s of tests/e2e/stop.py. */
enum { PATIENCE_US = 1300000 };

bool media_interrupt_init(struct media_interrupt *interrupt, struct daub_error *error)
{
    atomic_init(&interrupt->deadline_us, 0);
    return daub_stop_init(&interrupt->set, error);
}

void media_interrupt_uninit(struct media_interrupt *interrupt)
{
    if (interrupt->set.fd > 0)
        daub_stop_uninit(&interrupt->set);
}

void media_interrupt_set(struct media_interrupt *interrupt)
{
    long long unset = 0;
    if (atomic_compare_exchange_strong(&interrupt->deadline_us, &unset,
                                       daub_clock_us() + PATIENCE_US))
        daub_stop_request(&interrupt->set);
}

int64_t media_interrupt_left_us(const struct media_interrupt *interrupt)
{
    if (!daub_stop_requested(&interrupt->set))
        return INT64_MAX;
    int64_t left_us = atomic_load(&interrupt->deadline_us) - daub_clock_us();
    return left_us > 0 ? left_us : 0;
}

bool media_interrupt_late(const struct media_interrupt *interrupt)
{
    return media_interrupt_left_us(interrupt) == 0;
}
