#include "engine/dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"

bool dispatch_list_init(struct dispatch_list *list, struct daub_device *device,
                        enum gpu_kernels kernels, size_t max_items,
                        struct daub_error *error)
{
    memset(list, 0, sizeof(*list));
    list->device = device;
    list->kernels = kernels;
    list->capacity = max_items;
    list->items = daub_alloc(max_items, sizeof(*list->items));
    if (!list->items)
        return daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for %zu dispatches",
                         max_items);
    if (kernels == GPU_KERNELS_HOST)
        return true;
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                 (uint32_t)max_items * SLOT_COUNT};
    VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = (uint32_t)max_items,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    GPU_CHECK(vkCreateDescriptorPool(device->device, &info, NULL, &list->pool));
    if (!gpu_buffer_create(device, GPU_MEMORY_DEVICE,
                           max_items * device->caps.buffer_align, "unused bindings",
                           &list->unused, error))
        goto fail;
    return true;
fail:
    dispatch_list_free(list);
    return false;
}

void dispatch_list_free(struct dispatch_list *list)
{
    if (list->pool)
        vkDestroyDescriptorPool(list->device->device, list->pool, NULL);
    if (list->device)
        gpu_buffer_free(list->device, &list->unused);
    free(list->items);
    memset(list, 0, sizeof(*list));
}

static void write_set(struct dispatch_list *list, VkDescriptorSet set,
                      const struct dispatch_binding bindings[SLOT_COUNT])
{
    VkDeviceSize region = list->device->caps.buffer_align;
    VkDescriptorBufferInfo ranges[SLOT_COUNT];
    VkWriteDescriptorSet writes[SLOT_COUNT];
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        const struct dispatch_binding *b = &bindings[i];
        ranges[i] = b->buffer
                        ? (VkDescriptorBufferInfo){b->buffer->buffer, b->offset, b->bytes}
                        : (VkDescriptorBufferInfo){list->unused.buffer,
                                                   list->count * region, region};
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &ranges[i],
        };
    }
    vkUpdateDescriptorSets(list->device->device, SLOT_COUNT, writes, 0, NULL);
}

/* Name of the module and number of specialization constants. */
static uint32_t describe_module(const struct dispatch *item, char *name, size_t size)
{
    const struct kernel_info *info = kernel_info(item->kernel);
    snprintf(name, size, "%s_%s", info->name, item->fp16 ? "fp16" : "fp32");
    return info->constants;
}

bool dispatch_compile(struct dispatch_list *list, struct dispatch *item,
                      struct daub_error *error)
{
    char module[64];
    uint32_t count = describe_module(item, module, sizeof(module));
    item->pipeline = gpu_pipeline(list->device, module,
                                  (const uint32_t *)&item->constants, count, error);
    return item->pipeline != VK_NULL_HANDLE;
}

bool dispatch_is_compiled(const struct dispatch_list *list, const struct dispatch *item)
{
    char module[64];
    uint32_t count = describe_module(item, module, sizeof(module));
    return gpu_has_pipeline(list->device, module, (const uint32_t *)&item->constants,
                            count);
}

static bool add_host_call(struct dispatch_list *list, struct dispatch *item,
                          const struct kernel_constants *constants,
                          const struct dispatch_binding bindings[SLOT_COUNT],
                          struct daub_error *error)
{
    struct daub_device *device = list->device;
    if (!device->isa || !device->isa->kernels[item->kernel])
        return daub_fail(error, DAUB_ERROR_FAILED, "%s has no host kernel %s",
                         device->info.name, kernel_info(item->kernel)->name);
    struct host_call *call = &item->call;
    call->kernel = item->kernel;
    call->constants = *constants;
    call->push = item->push;
    memcpy(call->groups, item->groups, sizeof(call->groups));
    for (int i = 0; i < SLOT_COUNT; i++) {
        const struct dispatch_binding *b = &bindings[i];
        call->slot[i] = b->buffer ? (char *)b->buffer->mapped + b->offset : NULL;
        call->bytes[i] = b->buffer ? (size_t)b->bytes : 0;
    }
    if (!host_pool_reserve(device->pool, device->isa, call, error))
        return false;
    list->count++;
    return true;
}

bool dispatch_list_add(struct dispatch_list *list, bool fp16,
                       const struct kernel_constants *constants,
                       const struct dispatch_binding bindings[SLOT_COUNT],
                       const struct dispatch *item, struct daub_error *error)
{
    if (list->count == list->capacity)
        return daub_fail(error, DAUB_ERROR_FAILED, "more dispatches than planned for");
    struct dispatch *added = &list->items[list->count];
    *added = *item;
    if (list->kernels == GPU_KERNELS_HOST)
        return add_host_call(list, added, constants, bindings, error);
    added->fp16 = fp16;
    added->constants = *constants;
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = list->pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &list->device->set_layout,
    };
    GPU_CHECK(vkAllocateDescriptorSets(list->device->device, &allocate, &added->set));
    write_set(list, added->set, bindings);
    list->count++;
    return true;
fail:
    return false;
}

bool dispatch_list_add_map(struct dispatch_list *list, bool fp16,
                           struct kernel_constants *constants,
                           const struct dispatch_binding bindings[SLOT_COUNT],
                           struct dispatch *item, int columns, int rows, int layers,
                           struct daub_error *error)
{
    constants->LANES = PIXEL_LANES;
    item->groups[0] = ((uint32_t)columns + PIXEL_LANES - 1) / PIXEL_LANES;
    item->groups[1] = (uint32_t)rows;
    item->groups[2] = (uint32_t)layers;
    item->barrier = true;
    return dispatch_list_add(list, fp16, constants, bindings, item, error);
}

void dispatch_list_record(const struct dispatch_list *list, VkCommandBuffer cmd,
                          VkQueryPool queries)
{
    VkPipelineLayout layout = list->device->pipeline_layout;
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
    };
    if (queries)
        vkCmdResetQueryPool(cmd, queries, 0, (uint32_t)list->count + 1);
    for (size_t i = 0; i < list->count; i++) {
        const struct dispatch *item = &list->items[i];
        if (item->barrier || queries)
            vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                 VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0,
                                 NULL, 0, NULL);
        if (queries)
            vkCmdWriteTimestamp(cmd, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries,
                                (uint32_t)i);
        vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, item->pipeline);
        vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1,
                                &item->set, 0, NULL);
        vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                           kernel_info(item->kernel)->push_bytes, &item->push);
        vkCmdDispatch(cmd, item->groups[0], item->groups[1], item->groups[2]);
    }
    if (queries)
        vkCmdWriteTimestamp(cmd, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries,
                            (uint32_t)list->count);
}

static bool run_on_host(const struct dispatch_list *list, double *ms)
{
    for (size_t i = 0; i < list->count; i++) {
        int64_t start = ms ? daub_clock_us() : 0;
        host_pool_run(list->device->pool, list->device->isa, &list->items[i].call);
        if (ms)
            ms[i] = (double)(daub_clock_us() - start) * 1e-3;
    }
    return true;
}

bool dispatch_read_times(struct daub_device *device, VkQueryPool queries, size_t count,
                         double *ms, struct daub_error *error)
{
    uint64_t *ticks = daub_alloc(count + 1, sizeof(*ticks));
    bool ok = false;
    if (!ticks)
        return daub_no_memory(error, "timings");
    GPU_CHECK(vkGetQueryPoolResults(device->device, queries, 0, (uint32_t)count + 1,
                                    (count + 1) * sizeof(*ticks), ticks, sizeof(*ticks),
                                    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    for (size_t i = 0; i < count; i++)
        ms[i] = (double)(ticks[i + 1] - ticks[i]) * device->caps.timestamp_ns * 1e-6;
    ok = true;
fail:
    free(ticks);
    return ok;
}

struct recording {
    const struct dispatch_list *list;
    VkQueryPool queries;
};

static void record(VkCommandBuffer cmd, void *user)
{
    const struct recording *recording = user;
    dispatch_list_record(recording->list, cmd, recording->queries);
}

bool dispatch_list_run(const struct dispatch_list *list, double *ms,
                       struct daub_error *error)
{
    struct daub_device *device = list->device;
    struct recording recording = {list, VK_NULL_HANDLE};
    bool ok = false;
    if (list->kernels == GPU_KERNELS_HOST)
        return run_on_host(list, ms);
    if (ms)
        memset(ms, 0, list->count * sizeof(*ms));
    if (!ms || !device->caps.timestamps)
        return gpu_run(device, record, &recording, error);
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = (uint32_t)list->count + 1,
    };
    GPU_CHECK(vkCreateQueryPool(device->device, &info, NULL, &recording.queries));
    ok = gpu_run(device, record, &recording, error) &&
         dispatch_read_times(device, recording.queries, list->count, ms, error);
fail:
    if (recording.queries)
        vkDestroyQueryPool(device->device, recording.queries, NULL);
    return ok;
}
