#include "util/stop.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/error.h"

bool daub_stop_init(struct daub_stop *stop, struct daub_error *error)
{
    atomic_init(&stop->requested, false);
    stop->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop->fd < 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot make an event: %s",
                         strerror(errno));
    return true;
}

void daub_stop_uninit(struct daub_stop *stop)
{
    if (stop->fd >= 0)
        close(stop->fd);
    stop->fd = -1;
}

void daub_stop_request(struct daub_stop *stop)
{
    int cause = errno; /* a signal handler must not change it */
    uint64_t one = 1;
    atomic_store(&stop->requested, true);
    if (write(stop->fd, &one, sizeof(one)) < 0) {
        /* full counter: it is readable already */
    }
    errno = cause;
}

bool daub_stop_requested(const struct daub_stop *stop)
{
    return atomic_load(&stop->requested);
}

bool daub_stop_wait(const struct daub_stop *stop, int timeout_ms)
{
    struct pollfd wait = {.fd = stop->fd, .events = POLLIN};
    int64_t end_us = daub_clock_us() + (int64_t)timeout_ms * 1000;
    int64_t left_us = 0;
    while (!daub_stop_requested(stop) &&
           (timeout_ms < 0 || (left_us = end_us - daub_clock_us()) > 0))
        poll(&wait, 1, timeout_ms < 0 ? -1 : (int)((left_us + 999) / 1000));
    return daub_stop_requested(stop);
}
