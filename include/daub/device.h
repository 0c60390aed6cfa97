/* Lists and opens devices: graphics cards through Vulkan, and the processor. */
#ifndef DAUB_DEVICE_H
#define DAUB_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <daub/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct daub_device; /* opaque */

enum daub_device_kind {
    DAUB_DEVICE_DISCRETE = 1,
    DAUB_DEVICE_INTEGRATED,
    DAUB_DEVICE_VIRTUAL,
    DAUB_DEVICE_SOFTWARE,
    DAUB_DEVICE_OTHER,
    DAUB_DEVICE_PROCESSOR, /* without Vulkan; always there */
};

struct daub_device_info {
    char name[256];
    char driver[256]; /* name and version; for the processor its instruction set */
    char uuid[33];    /* device UUID, 32 hexadecimal digits */
    enum daub_device_kind kind;
    uint32_t vendor_id, device_id;
    uint64_t memory_bytes; /* size of the largest device-local heap; installed memory */
    bool fp16_storage;     /* painting is faster with tensors stored in 16 bits */
    bool usable;           /* it has everything that daub needs */
    char missing[128];     /* if not usable: what is missing, in words */
};

/* Writes up to capacity entries to infos and returns the number of devices: those of
 * Vulkan, then the processor. -1 with *error where Vulkan failed. Thread-safe. */
DAUB_API int daub_device_list(struct daub_device_info *infos, int capacity,
                              struct daub_error *error);

/* How to open a device. A zero field means the default. */
struct daub_device_params {
    /* A number in the order of daub_device_list, a UUID, a part of a name in upper or
     * lower case, or "processor". NULL or "auto": the device of the fastest kind among
     * those that CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES or SLURM_JOB_GPUS name, where
     * they are set. */
    const char *select;
    bool validation; /* load the Khronos validation layer; its messages become errors */
    /* Folder for compiled pipelines and results of checks. NULL: $XDG_CACHE_HOME/daub or
     * $HOME/.cache/daub; "": nothing is stored. */
    const char *cache_path;
    /* Kernel set: "shaders", "host" (C functions, for the processor and software devices)
     * or "host-" and the name of an instruction set: avx512, avx2, neon, generic. NULL:
     * host where the device can run it, else shaders. */
    const char *kernels;
    /* How many threads paint on the processor, at most 256. 0: one for each processor
     * that the process may use. */
    int threads;
    /* NULL: not called. Called while a stylizer, an encoder or a flow is made or checked,
     * on the thread that makes it, once compiling kernels has taken longer than a second,
     * several times a second, at last with done = total. Drivers and daub's cache keep
     * them for the next start. */
    void (*compiling)(int done, int total, void *user);
    void *compiling_user;
};

/* Opens a device; params NULL means all defaults. The caller closes *device with
 * daub_device_close after freeing every stylizer and flow that uses it. Several threads
 * may use the device, each with its own stylizers. Errors: NO_DEVICE (none is
 * usable, or none matches select), ARGUMENT (kernels), MEMORY, FAILED. */
DAUB_API enum daub_status daub_device_open(const struct daub_device_params *params,
                                           struct daub_device **device,
                                           struct daub_error *error);
/* Accepts NULL. */
DAUB_API void daub_device_close(struct daub_device *device);
/* Errors that the validation layer has reported so far; 0 where it is not loaded.
 * Thread-safe. */
DAUB_API int daub_device_validation_errors(const struct daub_device *device);

/* The description of an open device, owned by it. Thread-safe. */
DAUB_API const struct daub_device_info *
daub_device_get_info(const struct daub_device *device);

/* The kernel set that the device paints with: "shaders", or "host-" and an instruction
 * set. Thread-safe. */
DAUB_API const char *daub_device_kernels(const struct daub_device *device);

/* One line that says what decides the bits of a painting: devices with the same line give
 * the same bits for the same model, parameters and pictures. Neither the number of
 * threads nor, on processors with fused multiply-adds, the instruction set is part of it.
 * Writes at most size bytes. Thread-safe. */
DAUB_API void daub_device_fingerprint(const struct daub_device *device, char *line,
                                      size_t size);

#ifdef __cplusplus
}
#endif
#endif
