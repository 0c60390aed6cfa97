/* Messages of the library, such as a warning that it uses 32 bits instead of 16. */
#ifndef DAUB_LOG_H
#define DAUB_LOG_H

#include <daub/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum daub_log_level {
    DAUB_LOG_QUIET = 1,
    DAUB_LOG_ERROR,
    DAUB_LOG_WARNING,
    DAUB_LOG_INFO,
    DAUB_LOG_VERBOSE,
    DAUB_LOG_DEBUG,
};

/* The level up to which messages are reported, for the whole process; INFO at the start.
 * QUIET reports none. Thread-safe. */
DAUB_API void daub_log_set_level(enum daub_log_level level);
DAUB_API enum daub_log_level daub_log_get_level(void);

/* Sends messages to handler instead of standard error; NULL: to standard error again. The
 * library calls handler from any of its threads, with one line of UTF-8 without a
 * newline, valid during the call, and with user. Not thread-safe: call it before other
 * threads use the library. */
DAUB_API void daub_log_set_handler(void (*handler)(enum daub_log_level level,
                                                   const char *text, void *user),
                                   void *user);

#ifdef __cplusplus
}
#endif
#endif
