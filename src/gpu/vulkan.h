/* Vulkan without a link to its loader: the functions that daub calls are pointers with
 * the functions' own names, taken from libvulkan.so.1 at run time. */
#ifndef DAUB_GPU_VULKAN_H
#define DAUB_GPU_VULKAN_H

#include <stdbool.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

struct daub_error;

/* X(NAME): core functions of Vulkan 1.2, called as vkNAME. */
#define GPU_VULKAN_FUNCTIONS(X)                                                          \
    X(AllocateCommandBuffers)                                                            \
    X(AllocateDescriptorSets)                                                            \
    X(AllocateMemory)                                                                    \
    X(BeginCommandBuffer)                                                                \
    X(BindBufferMemory)                                                                  \
    X(CmdBindDescriptorSets)                                                             \
    X(CmdBindPipeline)                                                                   \
    X(CmdCopyBuffer)                                                                     \
    X(CmdDispatch)                                                                       \
    X(CmdFillBuffer)                                                                     \
    X(CmdPipelineBarrier)                                                                \
    X(CmdPushConstants)                                                                  \
    X(CmdResetQueryPool)                                                                 \
    X(CmdWriteTimestamp)                                                                 \
    X(CreateBuffer)                                                                      \
    X(CreateBufferView)                                                                  \
    X(CreateCommandPool)                                                                 \
    X(CreateComputePipelines)                                                            \
    X(CreateDescriptorPool)                                                              \
    X(CreateDescriptorSetLayout)                                                         \
    X(CreateDevice)                                                                      \
    X(CreateFence)                                                                       \
    X(CreateInstance)                                                                    \
    X(CreatePipelineCache)                                                               \
    X(CreatePipelineLayout)                                                              \
    X(CreateQueryPool)                                                                   \
    X(CreateSemaphore)                                                                   \
    X(CreateShaderModule)                                                                \
    X(DestroyBuffer)                                                                     \
    X(DestroyBufferView)                                                                 \
    X(DestroyCommandPool)                                                                \
    X(DestroyDescriptorPool)                                                             \
    X(DestroyDescriptorSetLayout)                                                        \
    X(DestroyDevice)                                                                     \
    X(DestroyFence)                                                                      \
    X(DestroyInstance)                                                                   \
    X(DestroyPipeline)                                                                   \
    X(DestroyPipelineCache)                                                              \
    X(DestroyPipelineLayout)                                                             \
    X(DestroyQueryPool)                                                                  \
    X(DestroySemaphore)                                                                  \
    X(DestroyShaderModule)                                                               \
    X(DeviceWaitIdle)                                                                    \
    X(EndCommandBuffer)                                                                  \
    X(EnumeratePhysicalDevices)                                                          \
    X(FlushMappedMemoryRanges)                                                           \
    X(FreeMemory)                                                                        \
    X(GetBufferMemoryRequirements)                                                       \
    X(GetDeviceQueue)                                                                    \
    X(GetInstanceProcAddr)                                                               \
    X(GetPhysicalDeviceFeatures2)                                                        \
    X(GetPhysicalDeviceMemoryProperties)                                                 \
    X(GetPhysicalDeviceProperties)                                                       \
    X(GetPhysicalDeviceProperties2)                                                      \
    X(GetPhysicalDeviceQueueFamilyProperties)                                            \
    X(GetPipelineCacheData)                                                              \
    X(GetQueryPoolResults)                                                               \
    X(InvalidateMappedMemoryRanges)                                                      \
    X(MapMemory)                                                                         \
    X(QueueSubmit)                                                                       \
    X(UpdateDescriptorSets)                                                              \
    X(WaitForFences)                                                                     \
    X(WaitSemaphores)

/* Hidden, so that they cannot take the place of the functions in other libraries of the
 * process. */
#define DECLARE_FUNCTION(name)                                                           \
    extern __attribute__((visibility("hidden"))) PFN_vk##name vk##name;
GPU_VULKAN_FUNCTIONS(DECLARE_FUNCTION)
#undef DECLARE_FUNCTION

/* Sets the pointers at the first call and keeps the library loaded; later calls repeat
 * the first one's answer. False with NO_DEVICE where the library or one of the functions
 * is missing. To be called before any other function. Thread-safe. */
bool gpu_vulkan_load(struct daub_error *error);

#endif
