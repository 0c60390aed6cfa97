/* Filling struct daub_error inside the library. */
#ifndef DAUB_UTIL_ERROR_H
#define DAUB_UTIL_ERROR_H

#include <stdbool.h>

#include <daub/status.h>

/* Sets *error (if not NULL and not yet set: the first cause is kept) and returns false,
 * so that a failing function can end with `return daub_fail(error, ...)`. The line names
 * the cause and the cure. */
bool daub_fail(struct daub_error *error, enum daub_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for memory: "out of memory: <what>", where what names what it was for. */
bool daub_no_memory(struct daub_error *error, const char *what);

#endif
