#include "gpu/gpu.h"

void gpu_record_host_barrier(VkCommandBuffer cmd)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
    };
    vkCmdPipelineBarrier(
        cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
        VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
}

bool gpu_run(struct daub_device *device, void (*record)(VkCommandBuffer cmd, void *user),
             void *user, struct daub_error *error)
{
    VkCommandPool pool = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
    bool ok = false;
    VkCommandPoolCreateInfo pool_info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = device->queue_family,
    };
    GPU_CHECK(vkCreateCommandPool(device->device, &pool_info, NULL, &pool));
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = pool,
        .commandBufferCount = 1,
    };
    VkCommandBuffer cmd;
    GPU_CHECK(vkAllocateCommandBuffers(device->device, &allocate, &cmd));
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    GPU_CHECK(vkBeginCommandBuffer(cmd, &begin));
    record(cmd, user);
    gpu_record_host_barrier(cmd);
    GPU_CHECK(vkEndCommandBuffer(cmd));
    VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    GPU_CHECK(vkCreateFence(device->device, &fence_info, NULL, &fence));
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &cmd,
    };
    pthread_mutex_lock(&device->lock);
    VkResult result = vkQueueSubmit(device->queue, 1, &submit, fence);
    pthread_mutex_unlock(&device->lock);
    GPU_CHECK(result);
    GPU_CHECK(vkWaitForFences(device->device, 1, &fence, VK_TRUE, UINT64_MAX));
    ok = true;
fail:
    vkDestroyFence(device->device, fence, NULL);
    vkDestroyCommandPool(device->device, pool, NULL);
    return ok;
}
