/* The one event that ends a session: a signal, a closed window or a failure. */
#ifndef DAUB_UTIL_STOP_H
#define DAUB_UTIL_STOP_H

#include <stdatomic.h>
#include <stdbool.h>

#include <daub/status.h>

struct daub_stop {
    atomic_bool requested;
    int fd; /* readable, for poll, from the request on */
};

bool daub_stop_init(struct daub_stop *stop, struct daub_error *error);
void daub_stop_uninit(struct daub_stop *stop);
/* From any thread or signal handler. */
void daub_stop_request(struct daub_stop *stop);
bool daub_stop_requested(const struct daub_stop *stop);
/* Waits until it is requested, at most timeout_ms; negative: without a limit. Returns
 * whether it is. */
bool daub_stop_wait(const struct daub_stop *stop, int timeout_ms);

#endif
