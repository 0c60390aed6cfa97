/* What the library says beside its results: warnings such as a fall-back to 32 bits. */
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

/* Process-wide threshold, INFO at start. Thread-safe. */
DAUB_API void daub_log_set_level(enum daub_log_level level);
DAUB_API enum daub_log_level daub_log_get_level(void);

/* Lines go to handler instead of stderr (text: UTF-8, no newline, valid during the call,
 * which may come from any thread); NULL restores stderr. Set it before other threads use
 * the library. */
DAUB_API void daub_log_set_handler(void (*handler)(enum daub_log_level level,
                                                   const char *text, void *user),
                                   void *user);

#ifdef __cplusplus
}
#endif
#endif
