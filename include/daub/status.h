/* Errors. A function that can fail returns an enum daub_status and describes the failure
 * in the caller's struct daub_error, which may be NULL: one line with the cause and,
 * where there is one, the cure. The library never ends the process. Its warnings go to
 * log.h. */
#ifndef DAUB_STATUS_H
#define DAUB_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DAUB_API __attribute__((visibility("default")))
#else
#define DAUB_API
#endif

enum daub_status {
    DAUB_OK = 0,
    DAUB_ERROR_FAILED,    /* a call to the system or the driver failed */
    DAUB_ERROR_ARGUMENT,  /* an argument has an impossible value */
    DAUB_ERROR_NO_DEVICE, /* no Vulkan device that can do the work */
    DAUB_ERROR_NOT_FOUND, /* no model or style of that name */
    DAUB_ERROR_MODEL,  /* the model file is damaged or needs what daub does not support */
    DAUB_ERROR_MEMORY, /* host or device memory ran out */
    DAUB_ERROR_DEVICE_LOST,   /* the driver lost the device; open it again */
    DAUB_ERROR_WRONG_RESULTS, /* the device computes wrong pictures at this precision */
    DAUB_ERROR_AGAIN,         /* submit: two frames are in flight; receive: none is */
};

/* Why a call failed. Set it to zero before use: a call that succeeds leaves it unchanged,
 * and one that fails keeps an error that is already there. message is one line of UTF-8
 * without a newline at its end. */
struct daub_error {
    enum daub_status status;
    char message[2048];
};

/* The English name of a status, such as "no device"; a constant string, never NULL.
 * Thread-safe. */
DAUB_API const char *daub_status_name(enum daub_status status);

#ifdef __cplusplus
}
#endif
#endif
