#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>

bool daub_fail(struct daub_error *error, enum daub_status status, const char *format, ...)
{
    if (!error || error->status != DAUB_OK)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    error->status = status;
    return false;
}

bool daub_no_memory(struct daub_error *error, const char *what)
{
    return daub_fail(error, DAUB_ERROR_MEMORY, "out of memory: %s", what);
}

const char *daub_status_name(enum daub_status status)
{
    switch (status) {
    case DAUB_OK:
        return "ok";
    case DAUB_ERROR_FAILED:
        return "failed";
    case DAUB_ERROR_ARGUMENT:
        return "bad argument";
    case DAUB_ERROR_NO_DEVICE:
        return "no device";
    case DAUB_ERROR_NOT_FOUND:
        return "not found";
    case DAUB_ERROR_MODEL:
        return "unusable model";
    case DAUB_ERROR_MEMORY:
        return "out of memory";
    case DAUB_ERROR_DEVICE_LOST:
        return "device lost";
    case DAUB_ERROR_GARBAGE:
        return "wrong results";
    case DAUB_ERROR_AGAIN:
        return "try again";
    }
    return "unknown status";
}
