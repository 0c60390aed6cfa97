/* A list of compute dispatches with their descriptor sets, recorded as often as wanted.
 * Not thread-safe. */
#ifndef DAUB_ENGINE_DISPATCH_H
#define DAUB_ENGINE_DISPATCH_H

#include "gpu/gpu.h"

struct dispatch_binding {
    const struct gpu_buffer *buffer; /* NULL: unused */
    VkDeviceSize offset, bytes;
    VkFormat format; /* of a texel, for the texel kernels */
};

struct dispatch {
    char name[48];
    VkPipeline pipeline;
    VkDescriptorSet set;
    uint32_t push[GPU_PUSH_BYTES / 4];
    uint32_t push_count; /* words */
    uint32_t groups[3];
    bool barrier; /* waits for the dispatches before it */
    double gflop;
};

struct dispatch_list {
    struct daub_device *device;
    enum gpu_kernels kernels;
    VkFormat activations;
    VkDescriptorPool pool;
    /* Vulkan wants a valid descriptor wherever a shader names one, also where its
     * constants keep it from being used: a region for each dispatch, so that none seems
     * to depend on another. */
    struct gpu_buffer unused;
    VkBufferView *views;
    size_t view_count, view_capacity;
    struct dispatch *items;
    size_t count, capacity;
};

/* Room for max_items dispatches; fp16: the activations' storage. */
bool dispatch_list_init(struct dispatch_list *list, struct daub_device *device,
                        enum gpu_kernels kernels, bool fp16, size_t max_items,
                        struct daub_error *error);
void dispatch_list_free(struct dispatch_list *list); /* accepts a zeroed one */

/* Appends one dispatch of the shader `kernel` (full name). item's name, push, groups,
 * barrier and gflop are filled in by the caller. */
bool dispatch_list_add(struct dispatch_list *list, const char *kernel,
                       const uint32_t *spec, size_t spec_count,
                       const struct dispatch_binding bindings[GPU_BINDINGS],
                       const struct dispatch *item, struct daub_error *error);

/* The full name of a kernel: NAME_texel_fp32 and so on. */
void dispatch_kernel_name(enum gpu_kernels kernels, bool fp16, const char *kernel,
                          char *name, size_t size);

/* Appends kernel (without its suffix) for maps of columns x rows in that many layers, one
 * invocation a column. Sets item's groups and barrier, and spec[0] to the work-group's
 * size. */
bool dispatch_list_add_map(struct dispatch_list *list, const char *kernel, bool fp16,
                           uint32_t *spec, size_t spec_count,
                           const struct dispatch_binding bindings[GPU_BINDINGS],
                           struct dispatch *item, int columns, int rows, int layers,
                           struct daub_error *error);

/* Records all. With a query pool, timestamp i stands before dispatch i (full barriers
 * between them), and one more after the last. */
void dispatch_list_record(const struct dispatch_list *list, VkCommandBuffer cmd,
                          VkQueryPool queries);

#endif
