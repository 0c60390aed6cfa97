/* Each buffer has a memory allocation of its own: there are few, so no sub-allocator. */
#include "gpu/gpu.h"

#include <stdlib.h>
#include <string.h>

#include "util/error.h"

static int find_type(const struct daub_device *device, uint32_t allowed,
                     VkMemoryPropertyFlags need, VkMemoryPropertyFlags want)
{
    int found = -1;
    for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = device->memory.memoryTypes[i].propertyFlags;
        if (!(allowed & (1u << i)) || (flags & need) != need)
            continue;
        if ((flags & want) == want)
            return (int)i;
        if (found < 0)
            found = (int)i;
    }
    return found;
}

static int memory_type(const struct daub_device *device, enum gpu_memory kind,
                       uint32_t allowed)
{
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    const VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    const VkMemoryPropertyFlags cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    const VkMemoryPropertyFlags coherent = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    switch (kind) {
    case GPU_MEMORY_DEVICE:
        return device->caps.unified_memory ? find_type(device, allowed, local, visible)
                                           : find_type(device, allowed, local, 0);
    case GPU_MEMORY_UPLOAD:
        return find_type(device, allowed, visible, coherent);
    case GPU_MEMORY_DOWNLOAD:
        return find_type(device, allowed, visible, cached);
    }
    return -1;
}

static bool too_little_memory(const struct daub_device *device, VkDeviceSize bytes,
                              const char *name, struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_MEMORY,
                     "%s has less than %.1f MB free for %s; paint at a smaller --size",
                     device->info.name, (double)bytes / 1e6, name);
}

/* Memory of the process itself. The system promises more than it has, so that a size is
 * compared with what is installed. */
static bool create_in_process(const struct daub_device *device, const char *name,
                              struct gpu_buffer *buffer, struct daub_error *error)
{
    VkDeviceSize align = device->caps.buffer_align;
    VkDeviceSize bytes = (buffer->bytes + align - 1) / align * align;
    if (bytes <= device->info.memory_bytes)
        buffer->mapped = aligned_alloc(align, bytes);
    buffer->coherent = true;
    if (buffer->mapped)
        return true;
    memset(buffer, 0, sizeof(*buffer));
    return too_little_memory(device, bytes, name, error);
}

bool gpu_buffer_create(struct daub_device *device, enum gpu_memory kind,
                       VkDeviceSize bytes, const char *name, struct gpu_buffer *buffer,
                       struct daub_error *error)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->bytes = bytes ? (bytes + 3) & ~(VkDeviceSize)3 : 4;
    if (!device->device)
        return create_in_process(device, name, buffer, error);
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = buffer->bytes,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    GPU_CHECK(vkCreateBuffer(device->device, &info, NULL, &buffer->buffer));
    gpu_debug_name(device, VK_OBJECT_TYPE_BUFFER, (uint64_t)buffer->buffer, name);
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device->device, buffer->buffer, &needs);
    int type = memory_type(device, kind, needs.memoryTypeBits);
    if (type < 0) {
        daub_fail(error, DAUB_ERROR_MEMORY,
                  "%s has no kind of memory that suits %s; update its driver",
                  device->info.name, name);
        goto fail;
    }
    VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = needs.size,
        .memoryTypeIndex = (uint32_t)type,
    };
    if (vkAllocateMemory(device->device, &allocate, NULL, &buffer->memory) !=
        VK_SUCCESS) {
        too_little_memory(device, needs.size, name, error);
        goto fail;
    }
    GPU_CHECK(vkBindBufferMemory(device->device, buffer->buffer, buffer->memory, 0));
    VkMemoryPropertyFlags flags = device->memory.memoryTypes[type].propertyFlags;
    buffer->coherent = flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT)
        GPU_CHECK(vkMapMemory(device->device, buffer->memory, 0, VK_WHOLE_SIZE, 0,
                              &buffer->mapped));
    return true;
fail:
    gpu_buffer_free(device, buffer);
    return false;
}

void gpu_buffer_free(struct daub_device *device, struct gpu_buffer *buffer)
{
    if (buffer->bytes == 0)
        return;
    if (buffer->buffer)
        vkDestroyBuffer(device->device, buffer->buffer, NULL);
    if (buffer->memory)
        vkFreeMemory(device->device, buffer->memory, NULL);
    if (!device->device)
        free(buffer->mapped);
    memset(buffer, 0, sizeof(*buffer));
}

static VkMappedMemoryRange whole(const struct gpu_buffer *buffer)
{
    return (VkMappedMemoryRange){
        .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
        .memory = buffer->memory,
        .size = VK_WHOLE_SIZE,
    };
}

bool gpu_buffer_flush(struct daub_device *device, struct gpu_buffer *buffer,
                      struct daub_error *error)
{
    VkMappedMemoryRange range = whole(buffer);
    if (!buffer->coherent)
        GPU_CHECK(vkFlushMappedMemoryRanges(device->device, 1, &range));
    return true;
fail:
    return false;
}

bool gpu_buffer_invalidate(struct daub_device *device, struct gpu_buffer *buffer,
                           struct daub_error *error)
{
    VkMappedMemoryRange range = whole(buffer);
    if (!buffer->coherent)
        GPU_CHECK(vkInvalidateMappedMemoryRanges(device->device, 1, &range));
    return true;
fail:
    return false;
}

static void record_clear(VkCommandBuffer cmd, void *user)
{
    const struct gpu_buffer *buffer = user;
    vkCmdFillBuffer(cmd, buffer->buffer, 0, VK_WHOLE_SIZE, 0);
}

bool gpu_buffer_clear(struct daub_device *device, struct gpu_buffer *buffer,
                      struct daub_error *error)
{
    if (!buffer->mapped)
        return gpu_run(device, record_clear, buffer, error);
    memset(buffer->mapped, 0, buffer->bytes);
    return gpu_buffer_flush(device, buffer, error);
}

struct copy {
    VkBuffer from, to;
    VkBufferCopy region;
};

static void record_copy(VkCommandBuffer cmd, void *user)
{
    const struct copy *copy = user;
    vkCmdCopyBuffer(cmd, copy->from, copy->to, 1, &copy->region);
}

bool gpu_buffer_write(struct daub_device *device, struct gpu_buffer *buffer,
                      VkDeviceSize offset, const void *data, VkDeviceSize bytes,
                      struct daub_error *error)
{
    if (bytes == 0)
        return true;
    if (buffer->mapped) {
        memcpy((char *)buffer->mapped + offset, data, bytes);
        return gpu_buffer_flush(device, buffer, error);
    }
    struct gpu_buffer staging;
    if (!gpu_buffer_create(device, GPU_MEMORY_UPLOAD, bytes, "staging", &staging, error))
        return false;
    memcpy(staging.mapped, data, bytes);
    struct copy copy = {staging.buffer, buffer->buffer, {0, offset, bytes}};
    bool ok = gpu_buffer_flush(device, &staging, error) &&
              gpu_run(device, record_copy, &copy, error);
    gpu_buffer_free(device, &staging);
    return ok;
}

bool gpu_buffer_read(struct daub_device *device, struct gpu_buffer *buffer,
                     VkDeviceSize offset, void *data, VkDeviceSize bytes,
                     struct daub_error *error)
{
    if (bytes == 0)
        return true;
    if (buffer->mapped) {
        bool ok = gpu_buffer_invalidate(device, buffer, error);
        if (ok)
            memcpy(data, (char *)buffer->mapped + offset, bytes);
        return ok;
    }
    struct gpu_buffer staging;
    if (!gpu_buffer_create(device, GPU_MEMORY_DOWNLOAD, bytes, "staging", &staging,
                           error))
        return false;
    struct copy copy = {buffer->buffer, staging.buffer, {offset, 0, bytes}};
    bool ok = gpu_run(device, record_copy, &copy, error) &&
              gpu_buffer_invalidate(device, &staging, error);
    if (ok)
        memcpy(data, staging.mapped, bytes);
    gpu_buffer_free(device, &staging);
    return ok;
}
