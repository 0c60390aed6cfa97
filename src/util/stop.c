#include "util/stop.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
