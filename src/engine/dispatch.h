/* A list of dispatches that can be run any number of times: of compute shaders, recorded
 * in command buffers, or of host kernels, run by the device's threads. Not thread-safe.
 */
#ifndef DAUB_ENGINE_DISPATCH_H
#define DAUB_ENGINE_DISPATCH_H

#include "gpu/gpu.h"
#include "net/kernel.h"

struct dispatch_binding {
    const struct gpu_buffer *buffer; /* NULL: unused */
    VkDeviceSize offset, bytes;
};

struct dispatch {
    char name[48];
    enum kernel kernel;
    union kernel_push push;
    bool fp16; /* its module for activations stored as halves */
    struct kernel_constants constants;
    VkPipeline pipeline; /* VK_NULL_HANDLE before compile_list */
    VkDescriptorSet set;
    struct host_call call; /* instead of pipeline and set with GPU_KERNELS_HOST */
    uint32_t groups[3];
    bool barrier; /* waits for the preceding dispatches */
    double gflop;
};

struct dispatch_list {
    struct daub_device *device;
    enum gpu_kernels kernels;
    VkDescriptorPool pool;
    /* Vulkan requires a valid descriptor for every binding that a shader declares, also
     * where its constants keep it from being used. Each dispatch has a region of its own,
     * so that none seems to depend on another. */
    struct gpu_buffer unused;
    struct dispatch *items;
    size_t count, capacity;
};

/* Room for max_items dispatches. */
bool dispatch_list_init(struct dispatch_list *list, struct daub_device *device,
                        enum gpu_kernels kernels, size_t max_items,
                        struct daub_error *error);
void dispatch_list_free(struct dispatch_list *list); /* accepts a zeroed one */

/* Sets the pipeline of a dispatch, compiled unless the device has it. Thread-safe for
 * different dispatches. */
bool dispatch_compile(struct dispatch_list *list, struct dispatch *item,
                      struct daub_error *error);
/* Whether the device has its pipeline. Thread-safe. */
bool dispatch_is_compiled(const struct dispatch_list *list, const struct dispatch *item);

/* Appends one dispatch. item's name, kernel, push, groups, barrier and gflop are filled
 * in by the caller. Nothing is compiled before compile_list (engine/compile.h). */
bool dispatch_list_add(struct dispatch_list *list, bool fp16,
                       const struct kernel_constants *constants,
                       const struct dispatch_binding bindings[SLOT_COUNT],
                       const struct dispatch *item, struct daub_error *error);

/* Appends a dispatch for maps of columns x rows in that many layers, one invocation a
 * column. Sets item's groups and barrier, and constants->LANES. */
bool dispatch_list_add_map(struct dispatch_list *list, bool fp16,
                           struct kernel_constants *constants,
                           const struct dispatch_binding bindings[SLOT_COUNT],
                           struct dispatch *item, int columns, int rows, int layers,
                           struct daub_error *error);

/* Runs all and waits. ms not NULL: the time of each dispatch, 0 where the device has no
 * clock. */
bool dispatch_list_run(const struct dispatch_list *list, double *ms,
                       struct daub_error *error);

/* Records all; not for host kernels. With a query pool, timestamp i is taken before
 * dispatch i and one more after the last, with full barriers between the dispatches. */
void dispatch_list_record(const struct dispatch_list *list, VkCommandBuffer cmd,
                          VkQueryPool queries);

/* The milliseconds of count dispatches from the timestamps of the last recording that was
 * run with queries. */
bool dispatch_read_times(struct daub_device *device, VkQueryPool queries, size_t count,
                         double *ms, struct daub_error *error);

#endif
