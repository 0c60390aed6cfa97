#include "media/avlog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>

#include "util/log.h"

/* A frame of 16384x16384 pixels in RGBA, with its borders. Damaged files ask for more. */
#define ALLOCATION_MAX (((size_t)1 << 30) + ((size_t)1 << 24))

static _Thread_local char last_error[256];
static _Thread_local char error_text[AV_ERROR_MAX_STRING_SIZE];

static void receive_line(void *context, int level, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void receive_line(void *context, int level, const char *format, va_list args)
{
    if (level > AV_LOG_INFO && daub_log_get_level() < DAUB_LOG_DEBUG)
        return;
    AVClass *class = context ? *(AVClass **)context : NULL;
    char line[sizeof(last_error)];
    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\r\n")] = '\0';
    if (!line[0])
        return;
    if (level <= AV_LOG_ERROR)
        memcpy(last_error, line, sizeof(line));
    daub_log(level <= AV_LOG_WARNING ? DAUB_LOG_VERBOSE : DAUB_LOG_DEBUG, "%s: %s",
             class ? class->item_name(context) : "ffmpeg", line);
}

void media_log_init(void)
{
    av_log_set_callback(receive_line);
    av_max_alloc(ALLOCATION_MAX);
    /* SVT-AV1 logs to stderr itself; level 1 means errors only. */
    setenv("SVT_LOG", "1", 0);
}

const char *media_error_text(int code)
{
    if (code == AVERROR_INVALIDDATA)
        return "invalid data";
    if (av_strerror(code, error_text, sizeof(error_text)) < 0)
        snprintf(error_text, sizeof(error_text), "error %d", code);
    return error_text;
}

const char *media_error_cause(int code)
{
    return last_error[0] ? last_error : media_error_text(code);
}

void media_log_forget(void)
{
    last_error[0] = '\0';
}
