/* Errors as values: every call that can fail returns an enum daub_status and, where
 * the caller passes a struct daub_error, fills it with one line that names the cause
 * and the cure. Nothing in the library exits; what it
 * says beside its results goes through log.h. */
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
    DAUB_ERROR_FAILED,      /* a call to the system or the driver failed */
    DAUB_ERROR_ARGUMENT,    /* the caller passed something impossible */
    DAUB_ERROR_NO_DEVICE,   /* no Vulkan device that can do the work */
    DAUB_ERROR_NOT_FOUND,   /* no model or style of that name */
    DAUB_ERROR_MODEL,       /* the model file is damaged or holds what daub cannot run */
    DAUB_ERROR_MEMORY,      /* host or device memory ran out */
    DAUB_ERROR_DEVICE_LOST, /* the driver gave up; open the device anew */
    DAUB_ERROR_WRONG_RESULTS, /* the device computes wrong pictures at this precision */
    DAUB_ERROR_AGAIN, /* submit: every slot is taken; receive: nothing in flight */
};

/* The first error of a call. Zero-initialise before use; a call that succeeds leaves it
 * as it was. message is UTF-8, one line, no trailing newline. */
struct daub_error {
    enum daub_status status;
    char message[512];
};

/* A constant English name of a status ("no device"); never NULL. Thread-safe. */
DAUB_API const char *daub_status_name(enum daub_status status);

#ifdef __cplusplus
}
#endif
#endif
