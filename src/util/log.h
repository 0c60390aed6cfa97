/* Log lines on stderr ("daub: warning: ..."); stdout belongs to the pipe sink. */
#ifndef DAUB_UTIL_LOG_H
#define DAUB_UTIL_LOG_H

#include <daub/log.h>

/* Writes one line, made safe by daub_text_clean; a progress line on the terminal is
 * cleared first. Thread-safe. */
void daub_log(enum daub_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Shows text as a status line that the next log line or status replaces (terminals only);
 * NULL ends it. Thread-safe. */
void daub_log_status(const char *text);

#endif
