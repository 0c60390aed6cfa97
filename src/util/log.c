#include "util/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

static atomic_int threshold = DAUB_LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool status_shown; /* lock */
static void (*handler)(enum daub_log_level level, const char *text, void *user);
static void *handler_user;

void daub_log_set_handler(void (*function)(enum daub_log_level level, const char *text,
                                           void *user),
                          void *user)
{
    handler = function;
    handler_user = user;
}

void daub_log_set_level(enum daub_log_level level)
{
    atomic_store(&threshold, (int)level);
}

enum daub_log_level daub_log_get_level(void)
{
    return (enum daub_log_level)atomic_load(&threshold);
}

static const char *prefix(enum daub_log_level level)
{
    switch (level) {
    case DAUB_LOG_ERROR:
        return "error: ";
    case DAUB_LOG_WARNING:
        return "warning: ";
    case DAUB_LOG_QUIET:
    case DAUB_LOG_INFO:
    case DAUB_LOG_VERBOSE:
    case DAUB_LOG_DEBUG:
        break;
    }
    return "";
}

static void clear_status(void)
{
    if (status_shown)
        fputs("\r\033[K", stderr);
    status_shown = false;
}

void daub_log(enum daub_log_level level, const char *format, ...)
{
    if ((int)level > atomic_load(&threshold))
        return;
    va_list args;
    va_start(args, format);
    if (handler) {
        char text[1024];
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        handler(level, text, handler_user);
        return;
    }
    pthread_mutex_lock(&lock);
    clear_status();
    fprintf(stderr, "daub: %s", prefix(level));
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    pthread_mutex_unlock(&lock);
    va_end(args);
}

void daub_log_status(const char *text)
{
    pthread_mutex_lock(&lock);
    if (text) {
        fprintf(stderr, "\r\033[K%s", text);
        status_shown = true;
    } else {
        clear_status();
    }
    fflush(stderr);
    pthread_mutex_unlock(&lock);
}
