/* The Vulkan layer: a device with one compute queue, buffers, pipelines by name and
 * specialization, and what the device can do. Independent
 * of networks and pictures. */
#ifndef DAUB_GPU_GPU_H
#define DAUB_GPU_GPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <daub/device.h>

#include "gpu/vulkan.h"
#include "host/pool.h"
#include "shaders/contract.h"

/* Bytes of push constants that every Vulkan device has; every kernel's fit. */
#define GPU_PUSH_BYTES    128
#define GPU_MAX_CONSTANTS 32

/* 0: unsupported. */
struct gpu_caps {
    uint32_t subgroup_size;
    bool timestamps;
    double timestamp_ns;        /* nanoseconds a tick */
    bool unified_memory;        /* device-local memory is host-visible */
    uint32_t buffer_align;      /* of storage buffer offsets */
    uint64_t max_storage_range; /* bytes */
    uint32_t shared_bytes;
    uint32_t max_group_size;
};

/* What runs a plan's steps. SHADERS: the device, by Vulkan. HOST: C functions on mapped
 * memory (src/host), for the processor and for software devices. */
enum gpu_kernels { GPU_KERNELS_SHADERS = 1, GPU_KERNELS_HOST };

struct gpu_pipeline_slot;
struct gpu_shader;

struct daub_device {
    struct daub_device_info info;
    struct gpu_caps caps;
    enum gpu_kernels kernels;
    const struct host_isa
        *isa; /* that the host kernels use; NULL: none, the device runs shaders */
    struct host_pool *pool; /* with isa */
    VkInstance instance;    /* this and all other Vulkan objects: VK_NULL_HANDLE for the
                               processor without Vulkan */
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t queue_family;
    VkPhysicalDeviceMemoryProperties memory;
    VkDebugUtilsMessengerEXT messenger;
    VkDescriptorSetLayout set_layout; /* SLOT_COUNT storage buffers, for every kernel */
    VkPipelineLayout pipeline_layout;
    VkPipelineCache cache;
    char *cache_folder;      /* NULL: nothing is kept on disk */
    pthread_mutex_t lock;    /* queue, pipelines, cache */
    pthread_cond_t compiled; /* with lock: a pipeline was compiled, or could not be */
    struct gpu_pipeline_slot *pipelines;      /* lock */
    size_t pipeline_count, pipeline_capacity; /* lock */
    void (*compiling)(int done, int total,
                      void *user); /* of the parameters; may be NULL */
    void *compiling_user;
    bool debug_names;
    int validation_errors; /* atomic; counted by the messenger */
};

/* False with *error set from a failed Vulkan call; call, file and line go to the text. */
bool gpu_ok(VkResult result, const char *call, const char *file, int line,
            struct daub_error *error);
/* For functions with `error` and a `fail:` label. */
#define GPU_CHECK(call)                                                                  \
    do {                                                                                 \
        if (!gpu_ok((call), #call, __FILE__, __LINE__, error))                           \
            goto fail;                                                                   \
    } while (0)

void gpu_debug_name(struct daub_device *device, VkObjectType type, uint64_t handle,
                    const char *name);

/* ---- memory.c ---- */
enum gpu_memory {
    GPU_MEMORY_DEVICE = 1, /* fastest for kernels; not mapped unless unified */
    GPU_MEMORY_UPLOAD,     /* mapped, written by the host in order */
    GPU_MEMORY_DOWNLOAD, /* mapped, read by the host; cached where the device has such */
};

struct gpu_buffer {
    VkBuffer buffer; /* this and memory: VK_NULL_HANDLE for the processor */
    VkDeviceMemory memory;
    VkDeviceSize bytes; /* 0: not created */
    void *mapped;       /* NULL where the host cannot reach it */
    bool coherent;
};

/* Bytes of zero become 4. Freed by gpu_buffer_free, which accepts a zeroed one. */
bool gpu_buffer_create(struct daub_device *device, enum gpu_memory kind,
                       VkDeviceSize bytes, const char *name, struct gpu_buffer *buffer,
                       struct daub_error *error);
void gpu_buffer_free(struct daub_device *device, struct gpu_buffer *buffer);
/* Makes host writes visible to the device, or device writes to the host, where the memory
 * is not coherent. */
bool gpu_buffer_flush(struct daub_device *device, struct gpu_buffer *buffer,
                      struct daub_error *error);
bool gpu_buffer_invalidate(struct daub_device *device, struct gpu_buffer *buffer,
                           struct daub_error *error);
/* Fills it with zeros and waits. */
bool gpu_buffer_clear(struct daub_device *device, struct gpu_buffer *buffer,
                      struct daub_error *error);
/* Copies through a staging buffer and waits; for start-up and tests. */
bool gpu_buffer_write(struct daub_device *device, struct gpu_buffer *buffer,
                      VkDeviceSize offset, const void *data, VkDeviceSize bytes,
                      struct daub_error *error);
bool gpu_buffer_read(struct daub_device *device, struct gpu_buffer *buffer,
                     VkDeviceSize offset, void *data, VkDeviceSize bytes,
                     struct daub_error *error);

/* ---- processor.c: the processor as a device without Vulkan ---- */
void gpu_processor_describe(struct daub_device_info *info);
/* Makes the device's host kernels ready. isa: the instruction set, NULL for the best;
 * threads as host_pool_create takes them. */
bool gpu_processor_init(struct daub_device *device, const char *isa, int threads,
                        struct daub_error *error);

/* ---- pipeline.c ---- */
/* A kernel by the name of shaders/manifest.txt with its specialization constants
 * 0..count. Created once and owned by the device. VK_NULL_HANDLE with *error set.
 * Thread-safe. */
VkPipeline gpu_pipeline(struct daub_device *device, const char *name,
                        const uint32_t *spec, size_t spec_count,
                        struct daub_error *error);
/* Whether this pipeline exists already, so that gpu_pipeline will not compile.
 * Thread-safe. */
bool gpu_has_pipeline(struct daub_device *device, const char *name, const uint32_t *spec,
                      size_t spec_count);
/* Creates a pipeline that the caller destroys, from any shader. */
VkPipeline gpu_pipeline_create(struct daub_device *device,
                               const struct gpu_shader *shader, const uint32_t *spec,
                               size_t spec_count, struct daub_error *error);
bool gpu_pipelines_init(struct daub_device *device, struct daub_error *error);
void gpu_pipelines_uninit(struct daub_device *device); /* saves the cache */

/* ---- cache.c: small files beside the pipeline cache ---- */
/* Reads the device's own file NAME, checked against device, driver, build and a checksum;
 * NULL without an error where there is no valid one. The caller frees it. */
void *gpu_cache_load(const struct daub_device *device, const char *name, size_t *bytes);
/* A failure is only a debug message: the file is then made at the next start. */
void gpu_cache_save(const struct daub_device *device, const char *name, const void *data,
                    size_t bytes);

/* ---- assigned.c ---- */
/* Whether a batch system lets this process use the card: CUDA_VISIBLE_DEVICES (NVIDIA),
 * ROCR_VISIBLE_DEVICES (AMD) or else SLURM_JOB_GPUS list its number or UUID. of_vendor,
 * of_all: how many graphics cards of the same vendor, and of all, come before it. True
 * where no variable is set, and for devices that are no graphics cards. */
bool gpu_assigned(const struct daub_device_info *info, int of_vendor, int of_all);

/* ---- embedded by the build ---- */
struct gpu_shader {
    const char *name;
    const uint32_t *code;
    size_t bytes;
};
extern const struct gpu_shader gpu_shaders[];
extern const size_t gpu_shader_count;
extern const char gpu_shader_hash[]; /* of all code, hexadecimal */
extern const char gpu_source_hash[]; /* of the library's C files and version */

/* ---- run.c: a command buffer run at once ---- */
/* The last command of a buffer whose results the host reads: makes what kernels and
 * copies wrote visible to it. */
void gpu_record_host_barrier(VkCommandBuffer cmd);
/* Records through record(cmd, user), submits, waits. What kernels and copies wrote can be
 * read through mapped memory afterwards. */
bool gpu_run(struct daub_device *device, void (*record)(VkCommandBuffer cmd, void *user),
             void *user, struct daub_error *error);

#endif
