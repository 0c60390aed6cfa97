/* Log lines on stderr ("daub: warning: ..."); stdout belongs to the pipe sink. */
#ifndef DAUB_UTIL_LOG_H
#define DAUB_UTIL_LOG_H

enum daub_log_level {
    DAUB_LOG_QUIET = 1,
    DAUB_LOG_ERROR,
    DAUB_LOG_WARNING,
    DAUB_LOG_INFO,
    DAUB_LOG_VERBOSE,
    DAUB_LOG_DEBUG,
};

/* Process-wide threshold, INFO at start. Thread-safe. */
void daub_log_set_level(enum daub_log_level level);
enum daub_log_level daub_log_get_level(void);

/* Writes one line; a progress line on the terminal is cleared first. Thread-safe. */
void daub_log(enum daub_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Shows text as a status line that the next log line or status replaces (terminals only);
 * NULL ends it. Thread-safe. */
void daub_log_status(const char *text);

#endif
