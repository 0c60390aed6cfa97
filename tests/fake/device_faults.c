/* A Vulkan layer that makes a working device look or fail like others. DAUB_FAULTS lists
 * what it does, separated by commas:
 * - card: the device is a graphics card
 * - driver=TEXT: version of its driver
 * - no_timeline: without timeline semaphores
 * - subgroup=N, shared=N, group=N, buffers=N: size of subgroups, bytes of shared memory,
 *   invocations of a work-group, storage buffers of a shader
 * - memory=N: no more than N bytes can be allocated
 * - open: the device cannot be opened
 * - compile: no pipeline can be created
 * - slow=N: creating a pipeline takes N milliseconds more
 * - wrong: dispatches do nothing
 * - lost=N: the device is lost when the N-th frame is submitted; 0: at once
 * - call=N: the N-th call that may fail does so, for lack of memory, or because the
 * device is lost where it waits. DAUB_CALL_COUNT: a file for the number of such calls.
 *
 * Next functions are kept for one driver only. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#define INSTANCE_FUNCTIONS(X)                                                            \
    X(GetPhysicalDeviceProperties)                                                       \
    X(GetPhysicalDeviceProperties2)                                                      \
    X(GetPhysicalDeviceFeatures2)
#define DEVICE_FUNCTIONS(X)                                                              \
    X(AllocateMemory)                                                                    \
    X(CreateComputePipelines)                                                            \
    X(CmdDispatch)                                                                       \
    X(QueueSubmit)                                                                       \
    X(WaitForFences)                                                                     \
    X(WaitSemaphores)                                                                    \
    X(DeviceWaitIdle)

/* Those that only call=N makes fail: name, parameters, arguments. */
#define CREATE(X, name)                                                                  \
    X(Create##name,                                                                      \
      (VkDevice device, const Vk##name##CreateInfo *info,                                \
       const VkAllocationCallbacks *callbacks, Vk##name *made),                          \
      (device, info, callbacks, made))
#define FAILING_FUNCTIONS(X)                                                             \
    CREATE(X, Buffer)                                                                    \
    CREATE(X, BufferView)                                                                \
    CREATE(X, CommandPool)                                                               \
    CREATE(X, DescriptorPool)                                                            \
    CREATE(X, DescriptorSetLayout)                                                       \
    CREATE(X, Fence)                                                                     \
    CREATE(X, PipelineCache)                                                             \
    CREATE(X, PipelineLayout)                                                            \
    CREATE(X, QueryPool)                                                                 \
    CREATE(X, Semaphore)                                                                 \
    CREATE(X, ShaderModule)                                                              \
    X(AllocateCommandBuffers,                                                            \
      (VkDevice device, const VkCommandBufferAllocateInfo *info, VkCommandBuffer *made), \
      (device, info, made))                                                              \
    X(AllocateDescriptorSets,                                                            \
      (VkDevice device, const VkDescriptorSetAllocateInfo *info, VkDescriptorSet *made), \
      (device, info, made))                                                              \
    X(BeginCommandBuffer, (VkCommandBuffer cmd, const VkCommandBufferBeginInfo *info),   \
      (cmd, info))                                                                       \
    X(EndCommandBuffer, (VkCommandBuffer cmd), (cmd))                                    \
    X(BindBufferMemory,                                                                  \
      (VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize at),        \
      (device, buffer, memory, at))                                                      \
    X(MapMemory,                                                                         \
      (VkDevice device, VkDeviceMemory memory, VkDeviceSize at, VkDeviceSize size,       \
       VkMemoryMapFlags flags, void **mapped),                                           \
      (device, memory, at, size, flags, mapped))                                         \
    X(FlushMappedMemoryRanges,                                                           \
      (VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges),              \
      (device, count, ranges))                                                           \
    X(InvalidateMappedMemoryRanges,                                                      \
      (VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges),              \
      (device, count, ranges))

#define DECLARE_NEXT(name) static PFN_vk##name next_##name;
INSTANCE_FUNCTIONS(DECLARE_NEXT)
DEVICE_FUNCTIONS(DECLARE_NEXT)
#define DECLARE_FAILING(name, parameters, arguments) DECLARE_NEXT(name)
FAILING_FUNCTIONS(DECLARE_FAILING)
static PFN_vkGetInstanceProcAddr next_instance_function;
static PFN_vkGetDeviceProcAddr next_device_function;
static atomic_ullong allocated;
static atomic_ulong frames;
static atomic_bool lost;
static atomic_ulong calls;
static VkDevice opened;

/* The value of a fault, "" where it has none; NULL: not asked for. */
static const char *fault(const char *name)
{
    const char *at = getenv("DAUB_FAULTS");
    size_t length = strlen(name);
    while (at && *at) {
        if (strncmp(at, name, length) == 0 && (!at[length] || strchr("=,", at[length])))
            return at[length] == '=' ? at + length + 1 : "";
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    return NULL;
}

static bool call_fails(void)
{
    const char *at = fault("call");
    unsigned long number = atomic_fetch_add(&calls, 1) + 1;
    return at && number == strtoul(at, NULL, 10);
}

__attribute__((destructor)) static void tell_calls(void)
{
    const char *path = getenv("DAUB_CALL_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%lu\n", atomic_load(&calls));
        fclose(file);
    }
}

#define DEFINE_FAILING(name, parameters, arguments)                                      \
    static VKAPI_ATTR VkResult VKAPI_CALL my_##name parameters                           \
    {                                                                                    \
        return call_fails() ? VK_ERROR_OUT_OF_HOST_MEMORY : next_##name arguments;       \
    }
FAILING_FUNCTIONS(DEFINE_FAILING)

static void set_limit(const char *name, uint32_t *limit)
{
    const char *value = fault(name);
    if (value)
        *limit = (uint32_t)strtoul(value, NULL, 10);
}

static void change_properties(VkPhysicalDeviceProperties *properties)
{
    VkPhysicalDeviceLimits *limits = &properties->limits;
    if (fault("card"))
        properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    set_limit("shared", &limits->maxComputeSharedMemorySize);
    set_limit("group", &limits->maxComputeWorkGroupInvocations);
    set_limit("buffers", &limits->maxPerStageDescriptorStorageBuffers);
}

static VKAPI_ATTR void VKAPI_CALL my_GetPhysicalDeviceProperties(
    VkPhysicalDevice device, VkPhysicalDeviceProperties *properties)
{
    next_GetPhysicalDeviceProperties(device, properties);
    change_properties(properties);
}

static VKAPI_ATTR void VKAPI_CALL my_GetPhysicalDeviceProperties2(
    VkPhysicalDevice device, VkPhysicalDeviceProperties2 *properties)
{
    next_GetPhysicalDeviceProperties2(device, properties);
    change_properties(&properties->properties);
    for (VkBaseOutStructure *s = properties->pNext; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES) {
            set_limit("subgroup",
                      &((VkPhysicalDeviceSubgroupProperties *)s)->subgroupSize);
        } else if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES &&
                   fault("driver")) {
            VkPhysicalDeviceDriverProperties *driver = (void *)s;
            const char *text = fault("driver");
            snprintf(driver->driverInfo, sizeof(driver->driverInfo), "%.*s",
                     (int)strcspn(text, ","), text);
        }
    }
}

static VKAPI_ATTR void VKAPI_CALL my_GetPhysicalDeviceFeatures2(
    VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *features)
{
    next_GetPhysicalDeviceFeatures2(device, features);
    for (VkBaseOutStructure *s = features->pNext; s; s = s->pNext) {
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES &&
            fault("no_timeline"))
            ((VkPhysicalDeviceTimelineSemaphoreFeatures *)s)->timelineSemaphore =
                VK_FALSE;
    }
}

static VKAPI_ATTR VkResult VKAPI_CALL
my_AllocateMemory(VkDevice device, const VkMemoryAllocateInfo *info,
                  const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory)
{
    unsigned long long sum = atomic_fetch_add(&allocated, info->allocationSize);
    const char *limit = fault("memory");
    if (call_fails() || (limit && sum + info->allocationSize > strtoull(limit, NULL, 10)))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return next_AllocateMemory(device, info, callbacks, memory);
}

static VKAPI_ATTR VkResult VKAPI_CALL
my_CreateComputePipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                          const VkComputePipelineCreateInfo *infos,
                          const VkAllocationCallbacks *callbacks, VkPipeline *pipelines)
{
    if (fault("compile") || call_fails()) {
        memset(pipelines, 0, count * sizeof(*pipelines));
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    if (fault("slow")) {
        long ms = strtol(fault("slow"), NULL, 10);
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
    }
    return next_CreateComputePipelines(device, cache, count, infos, callbacks, pipelines);
}

static VKAPI_ATTR void VKAPI_CALL my_CmdDispatch(VkCommandBuffer cmd, uint32_t x,
                                                 uint32_t y, uint32_t z)
{
    next_CmdDispatch(cmd, fault("wrong") ? 0 : x, y, z);
}

static VKAPI_ATTR VkResult VKAPI_CALL my_QueueSubmit(VkQueue queue, uint32_t count,
                                                     const VkSubmitInfo *infos,
                                                     VkFence fence)
{
    const char *at = fault("lost");
    if (count > 0 && infos->signalSemaphoreCount > 0) /* of a stylizer */
        atomic_fetch_add(&frames, 1);
    bool now = call_fails() || (at && atomic_load(&frames) >= strtoul(at, NULL, 10));
    if (now && !atomic_exchange(&lost, true))
        next_DeviceWaitIdle(opened); /* a lost device does not use memory any more */
    return atomic_load(&lost) ? VK_ERROR_DEVICE_LOST
                              : next_QueueSubmit(queue, count, infos, fence);
}

static bool is_lost(void)
{
    if (call_fails() && !atomic_exchange(&lost, true))
        next_DeviceWaitIdle(opened);
    return atomic_load(&lost);
}

static VKAPI_ATTR VkResult VKAPI_CALL my_WaitForFences(VkDevice device, uint32_t count,
                                                       const VkFence *fences,
                                                       VkBool32 all, uint64_t timeout)
{
    return is_lost() ? VK_ERROR_DEVICE_LOST
                     : next_WaitForFences(device, count, fences, all, timeout);
}

static VKAPI_ATTR VkResult VKAPI_CALL my_WaitSemaphores(VkDevice device,
                                                        const VkSemaphoreWaitInfo *info,
                                                        uint64_t timeout)
{
    return is_lost() ? VK_ERROR_DEVICE_LOST : next_WaitSemaphores(device, info, timeout);
}

static VKAPI_ATTR VkResult VKAPI_CALL my_DeviceWaitIdle(VkDevice device)
{
    VkResult result = next_DeviceWaitIdle(device);
    return atomic_load(&lost) ? VK_ERROR_DEVICE_LOST : result;
}

/* The loader's own structure in a chain, which holds the next layer's functions. */
static VkBaseOutStructure *find_link(const void *chain, VkStructureType type)
{
    VkBaseOutStructure *s = (VkBaseOutStructure *)(uintptr_t)chain;
    while (s && (s->sType != type ||
                 ((VkLayerInstanceCreateInfo *)s)->function != VK_LAYER_LINK_INFO))
        s = s->pNext;
    return s;
}

static VKAPI_ATTR VkResult VKAPI_CALL
my_CreateInstance(const VkInstanceCreateInfo *info,
                  const VkAllocationCallbacks *callbacks, VkInstance *instance)
{
    VkLayerInstanceCreateInfo *link =
        (void *)find_link(info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_instance_function = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateInstance create =
        (PFN_vkCreateInstance)next_instance_function(NULL, "vkCreateInstance");
    VkResult result = create(info, callbacks, instance);
    if (result != VK_SUCCESS)
        return result;
#define FIND_NEXT(name)                                                                  \
    next_##name = (PFN_vk##name)next_instance_function(*instance, "vk" #name);
    INSTANCE_FUNCTIONS(FIND_NEXT)
#undef FIND_NEXT
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL
my_CreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                const VkAllocationCallbacks *callbacks, VkDevice *device)
{
    VkLayerDeviceCreateInfo *link =
        (void *)find_link(info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
    if (!link || fault("open"))
        return VK_ERROR_INITIALIZATION_FAILED;
    PFN_vkGetInstanceProcAddr instance_function =
        link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    next_device_function = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateDevice create =
        (PFN_vkCreateDevice)instance_function(NULL, "vkCreateDevice");
    VkResult result = create(physical, info, callbacks, device);
    if (result != VK_SUCCESS)
        return result;
    opened = *device;
#define FIND_NEXT(name)                                                                  \
    next_##name = (PFN_vk##name)next_device_function(*device, "vk" #name);
    DEVICE_FUNCTIONS(FIND_NEXT)
#define FIND_FAILING(name, parameters, arguments) FIND_NEXT(name)
    FAILING_FUNCTIONS(FIND_FAILING)
#undef FIND_NEXT
    return VK_SUCCESS;
}

#define RETURN_MINE(function)                                                            \
    if (strcmp(name, "vk" #function) == 0)                                               \
        return (PFN_vkVoidFunction)my_##function;

#define RETURN_FAILING(name_, parameters, arguments) RETURN_MINE(name_)

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL my_GetDeviceProcAddr(VkDevice device,
                                                                     const char *name)
{
    RETURN_MINE(GetDeviceProcAddr)
    DEVICE_FUNCTIONS(RETURN_MINE)
    FAILING_FUNCTIONS(RETURN_FAILING)
    return next_device_function(device, name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
my_GetInstanceProcAddr(VkInstance instance, const char *name)
{
    RETURN_MINE(GetInstanceProcAddr)
    RETURN_MINE(GetDeviceProcAddr)
    RETURN_MINE(CreateInstance)
    RETURN_MINE(CreateDevice)
    INSTANCE_FUNCTIONS(RETURN_MINE)
    DEVICE_FUNCTIONS(RETURN_MINE)
    FAILING_FUNCTIONS(RETURN_FAILING)
    return next_instance_function ? next_instance_function(instance, name) : NULL;
}

__attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *negotiation)
{
    if (negotiation->loaderLayerInterfaceVersion > 2)
        negotiation->loaderLayerInterfaceVersion = 2;
    negotiation->pfnGetInstanceProcAddr = my_GetInstanceProcAddr;
    negotiation->pfnGetDeviceProcAddr = my_GetDeviceProcAddr;
    negotiation->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
