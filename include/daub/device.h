/* Vulkan devices. */
#ifndef DAUB_DEVICE_H
#define DAUB_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <daub/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct daub_device; /* opaque; one instance, logical device and queue */

enum daub_device_kind {
    DAUB_DEVICE_DISCRETE = 1,
    DAUB_DEVICE_INTEGRATED,
    DAUB_DEVICE_VIRTUAL,
    DAUB_DEVICE_SOFTWARE,
    DAUB_DEVICE_OTHER,
};

struct daub_device_info {
    char name[256];
    char driver[256]; /* driver name and version in words */
    char uuid[33];    /* device UUID, 32 hex digits */
    enum daub_device_kind kind;
    uint32_t vendor_id, device_id;
    uint64_t memory_bytes; /* largest device-local heap */
    bool fp16_storage;     /* 16-bit storage is of use on it */
    bool usable;           /* meets daub's minimum */
    char missing[128];     /* where not usable: what it lacks, in words */
};

/* Fills up to capacity entries and returns how many devices there are (0 where no driver
 * is installed); -1 with *error set where the loader failed. Thread-safe. */
DAUB_API int daub_device_list(struct daub_device_info *infos, int capacity,
                              struct daub_error *error);

/* Zero means default. */
struct daub_device_params {
    /* NULL or "auto": the fastest kind; a number of daub_device_list; a UUID; or a part
     * of a name, upper or lower case. */
    const char *select;
    bool validation;        /* load the Khronos validation layer; failures are errors */
    const char *cache_path; /* folder of pipeline caches; NULL: XDG_CACHE_HOME/daub; "":
                               none */
    const char *kernels;    /* "texel" or "shared" forces a kernel set; NULL: measured */
};

/* Opens a device. The caller closes *device with daub_device_close after every stylizer
 * made on it. (When the library is loaded it sets LP_NATIVE_VECTOR_WIDTH for software
 * Vulkan, where the processor has 512-bit vectors and the variable is unset.) A device
 * may be used from several threads, one call at a time each stylizer. */
DAUB_API enum daub_status daub_device_open(const struct daub_device_params *params,
                                           struct daub_device **device,
                                           struct daub_error *error);
DAUB_API void daub_device_close(struct daub_device *device);
/* Errors that the validation layer has reported so far; 0 where it is not loaded.
 * Thread-safe. */
DAUB_API int daub_device_validation_errors(const struct daub_device *device);

/* Owned by the device; valid until it is closed. */
DAUB_API const struct daub_device_info *
daub_device_get_info(const struct daub_device *device);

#ifdef __cplusplus
}
#endif
#endif
