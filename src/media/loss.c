#include "media/loss.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "util/log.h"

static atomic_bool strict;
static atomic_int count;

void media_loss_set_strict(bool on)
{
    atomic_store(&strict, on);
}

void media_loss(enum daub_log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    atomic_fetch_add(&count, 1);
    daub_log(atomic_load(&strict) ? DAUB_LOG_ERROR : level, "%s", line);
}

int media_loss_count(void)
{
    return atomic_load(&count);
}
