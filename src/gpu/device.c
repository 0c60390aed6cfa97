/* Instance, choice of a physical device, the logical device. */
#include "gpu/gpu.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/folder.h"
#include "util/log.h"

#define MAX_DEVICES 16

static const char *result_name(VkResult result)
{
    switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return "out of device memory; paint at a smaller --size";
    case VK_ERROR_DEVICE_LOST:
        return "the device was lost; the driver's log says why";
    case VK_ERROR_INITIALIZATION_FAILED:
        return "the driver could not be initialized";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
        return "no Vulkan device: no driver is installed; install mesa-vulkan-drivers or "
               "the "
               "vendor's";
    case VK_ERROR_LAYER_NOT_PRESENT:
        return "the validation layer is missing; install vulkan-validationlayers";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
        return "a Vulkan extension is missing";
    default:
        return "unexpected result";
    }
}

bool gpu_ok(VkResult result, const char *call, const char *file, int line,
            struct daub_error *error)
{
    if (result == VK_SUCCESS)
        return true;
    enum daub_status status = DAUB_ERROR_FAILED;
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        status = DAUB_ERROR_MEMORY;
    else if (result == VK_ERROR_DEVICE_LOST)
        status = DAUB_ERROR_DEVICE_LOST;
    else if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return daub_fail(error, DAUB_ERROR_NO_DEVICE, "%s", result_name(result));
    int name = (int)strcspn(call, "(");
    return daub_fail(error, status, "%.*s: %s (VkResult %d, %s:%d)", name, call,
                     result_name(result), (int)result, file, line);
}

/* Messages of the validation layer (1.3.239 in Debian 12) that are known to be wrong, by
 * id, with the reason. */
static const char *const allowed_messages[] = {
    /* advice about pipeline caches and small allocations, not a fault */
    "UNASSIGNED-BestPractices",
    NULL,
};

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
           VkDebugUtilsMessageTypeFlagsEXT types,
           const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    struct daub_device *device = user;
    (void)types;
    const char *id = data->pMessageIdName ? data->pMessageIdName : "";
    for (size_t i = 0; allowed_messages[i]; i++) {
        if (strstr(id, allowed_messages[i]))
            return VK_FALSE;
    }
    if (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT) {
        __atomic_fetch_add(&device->validation_errors, 1, __ATOMIC_RELAXED);
        daub_log(DAUB_LOG_ERROR, "validation: %s", data->pMessage);
    } else {
        daub_log(DAUB_LOG_VERBOSE, "validation: %s", data->pMessage);
    }
    return VK_FALSE;
}

int daub_device_validation_errors(const struct daub_device *device)
{
    return __atomic_load_n(&device->validation_errors, __ATOMIC_RELAXED);
}

static bool create_instance(bool validation, void *user, VkInstance *instance,
                            bool *debug_utils, struct daub_error *error)
{
    VkApplicationInfo app = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "daub",
        .pEngineName = "daub",
        .apiVersion = VK_API_VERSION_1_2,
    };
    const char *layer = "VK_LAYER_KHRONOS_validation";
    const char *extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
    VkValidationFeatureEnableEXT sync =
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = user,
    };
    VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = &messenger,
        .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = &sync,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = validation ? &features : NULL,
        .pApplicationInfo = &app,
        .enabledLayerCount = validation ? 1 : 0,
        .ppEnabledLayerNames = &layer,
        .enabledExtensionCount = validation ? 1 : 0,
        .ppEnabledExtensionNames = extensions,
    };
    *debug_utils = validation;
    if (!gpu_vulkan_load(error))
        return false;
    GPU_CHECK(vkCreateInstance(&info, NULL, instance));
    return true;
fail:
    return false;
}

static enum daub_device_kind kind_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return DAUB_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return DAUB_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return DAUB_DEVICE_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return DAUB_DEVICE_SOFTWARE;
    default:
        return DAUB_DEVICE_OTHER;
    }
}

static int compute_family(VkPhysicalDevice physical, bool *timestamps)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = 16;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    int best = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
            continue;
        /* One without graphics, so that painting does not delay the desktop. */
        bool async = !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT);
        if (best < 0 || async) {
            best = (int)i;
            *timestamps = families[i].timestampValidBits > 0;
            if (async)
                break;
        }
    }
    return best;
}

static void describe(VkPhysicalDevice physical, struct daub_device_info *info,
                     struct gpu_caps *caps)
{
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES, .pNext = &subgroup};
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, .pNext = &driver};
    VkPhysicalDeviceProperties2 props = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &id};
    vkGetPhysicalDeviceProperties2(physical, &props);
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &timeline};
    vkGetPhysicalDeviceFeatures2(physical, &features);
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    const VkPhysicalDeviceLimits *limits = &props.properties.limits;

    memset(info, 0, sizeof(*info));
    snprintf(info->name, sizeof(info->name), "%s", props.properties.deviceName);
    snprintf(info->driver, sizeof(info->driver), "%.100s %.100s", driver.driverName,
             driver.driverInfo);
    for (unsigned i = 0; i < VK_UUID_SIZE; i++)
        snprintf(info->uuid + 2 * i, 3, "%02x", id.deviceUUID[i]);
    info->kind = kind_of(props.properties.deviceType);
    info->vendor_id = props.properties.vendorID;
    info->device_id = props.properties.deviceID;
    /* 16-bit storage is faster where memory bandwidth is the limit; a processor converts
     * it in software, which is slower. */
    info->fp16_storage = info->kind != DAUB_DEVICE_SOFTWARE;

    memset(caps, 0, sizeof(*caps));
    caps->subgroup_size = subgroup.subgroupSize;
    caps->timestamp_ns = limits->timestampPeriod;
    caps->buffer_align = 64;
    if (limits->minStorageBufferOffsetAlignment > caps->buffer_align)
        caps->buffer_align = (uint32_t)limits->minStorageBufferOffsetAlignment;
    caps->max_storage_range = limits->maxStorageBufferRange;
    caps->shared_bytes = limits->maxComputeSharedMemorySize;
    caps->max_group_size = limits->maxComputeWorkGroupInvocations;
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) &&
            memory.memoryHeaps[i].size > info->memory_bytes)
            info->memory_bytes = memory.memoryHeaps[i].size;
    }
    const char *missing = NULL;
    if (props.properties.apiVersion < VK_API_VERSION_1_2)
        missing = "Vulkan 1.2 (a newer driver)";
    else if (!timeline.timelineSemaphore)
        missing = "timeline semaphores (a newer driver)";
    else if (compute_family(physical, &caps->timestamps) < 0)
        missing = "a compute queue";
    else if (limits->maxComputeWorkGroupInvocations < 256 ||
             limits->maxComputeWorkGroupSize[0] < 256)
        missing = "work-groups of 256 invocations";
    else if (limits->maxPerStageDescriptorStorageBuffers < SLOT_COUNT)
        missing = "eight storage buffers in a shader";
    info->usable = !missing;
    if (missing)
        snprintf(info->missing, sizeof(info->missing), "%s", missing);
}

static int enumerate(VkInstance instance, VkPhysicalDevice devices[MAX_DEVICES],
                     struct daub_error *error)
{
    uint32_t count = MAX_DEVICES;
    VkResult result = vkEnumeratePhysicalDevices(instance, &count, devices);
    if (result == VK_INCOMPLETE)
        result = VK_SUCCESS;
    if (result == VK_ERROR_INITIALIZATION_FAILED)
        return 0; /* a driver file without its hardware */
    if (!gpu_ok(result, "vkEnumeratePhysicalDevices()", __FILE__, __LINE__, error))
        return -1;
    return (int)count;
}

int daub_device_list(struct daub_device_info *infos, int capacity,
                     struct daub_error *error)
{
    VkInstance instance = VK_NULL_HANDLE;
    VkPhysicalDevice physical[MAX_DEVICES];
    struct daub_error local = {0};
    bool debug;
    int count = 0;
    if (create_instance(false, NULL, &instance, &debug, &local))
        count = enumerate(instance, physical, &local);
    if (local.status && local.status != DAUB_ERROR_NO_DEVICE) {
        daub_fail(error, local.status, "%s", local.message);
        return -1;
    }
    for (int i = 0; i < count && i < capacity; i++) {
        struct gpu_caps caps;
        describe(physical[i], &infos[i], &caps);
    }
    if (instance)
        vkDestroyInstance(instance, NULL);
    if (count < capacity)
        gpu_processor_describe(&infos[count]);
    return count + 1;
}

static bool contains_ignoring_case(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++) {
        if (strncasecmp(text, part, length) == 0)
            return true;
    }
    return false;
}

static bool selected(const struct daub_device_info *info, int index, const char *select)
{
    char *end;
    long number = strtol(select, &end, 10);
    if (*select && !*end)
        return number == index;
    return strcasecmp(info->uuid, select) == 0 ||
           (info->kind == DAUB_DEVICE_PROCESSOR &&
            strcasecmp(select, "processor") == 0) ||
           contains_ignoring_case(info->name, select);
}

static int rank(enum daub_device_kind kind)
{
    switch (kind) {
    case DAUB_DEVICE_DISCRETE:
        return 6;
    case DAUB_DEVICE_INTEGRATED:
        return 5;
    case DAUB_DEVICE_VIRTUAL:
        return 4;
    case DAUB_DEVICE_OTHER:
        return 3;
    case DAUB_DEVICE_PROCESSOR:
        return 2;
    case DAUB_DEVICE_SOFTWARE:
        return 1;
    }
    return 0;
}

/* Device number i of `count` Vulkan devices and the processor. */
static void describe_any(const VkPhysicalDevice *physical, int count, int i,
                         struct daub_device_info *info, struct gpu_caps *caps)
{
    memset(caps, 0, sizeof(*caps));
    caps->buffer_align = 64;
    if (i == count)
        gpu_processor_describe(info);
    else
        describe(physical[i], info, caps);
}

/* Whether --gpu auto may take device i: a batch system may have given others to this
 * process. */
static bool is_assigned(const VkPhysicalDevice *physical, int count, int i)
{
    struct daub_device_info info = {0}, other = {0};
    struct gpu_caps caps;
    int of_vendor = 0, of_all = 0;
    describe_any(physical, count, i, &info, &caps);
    for (int k = 0; k < i; k++) {
        describe_any(physical, count, k, &other, &caps);
        bool card = other.kind == DAUB_DEVICE_DISCRETE;
        of_all += card;
        of_vendor += card && other.vendor_id == info.vendor_id;
    }
    return gpu_assigned(&info, of_vendor, of_all);
}

static bool is_host_set(const char *kernels)
{
    return strncmp(kernels, "host", 4) == 0 && (!kernels[4] || kernels[4] == '-');
}

static bool is_auto(const char *text)
{
    return !text || !*text || strcmp(text, "auto") == 0;
}

/* Index of the device to open, -1 with *error set. A kernel set that is asked for decides
 * between the processor and Vulkan where select does not. */
static int choose(const VkPhysicalDevice *physical, int count, const char *select,
                  const char *kernels, struct daub_error *error)
{
    int best = -1, best_rank = 0, equal = 0;
    struct daub_device_info info = {0};
    struct gpu_caps caps;
    bool any = !is_auto(select);
    for (int i = 0; i <= count; i++) {
        describe_any(physical, count, i, &info, &caps);
        if (any && !selected(&info, i, select))
            continue;
        if (!any && kernels && is_host_set(kernels) != (i == count))
            continue;
        if (!any && !is_assigned(physical, count, i)) {
            daub_log(DAUB_LOG_VERBOSE, "device %d (%s) was not given to this process", i,
                     info.name);
            continue;
        }
        if (!info.usable) {
            if (any) {
                daub_fail(error, DAUB_ERROR_NO_DEVICE,
                          "device %d (%s) cannot be used: it lacks %s", i, info.name,
                          info.missing);
                return -1;
            }
            continue;
        }
        if (rank(info.kind) > best_rank) {
            best = i;
            best_rank = rank(info.kind);
            equal = 0;
        }
        equal += rank(info.kind) == best_rank;
    }
    if (any && equal > 1)
        daub_log(DAUB_LOG_INFO,
                 "%d devices match --gpu '%s'; using device %d; the numbers of `daub "
                 "devices` name each",
                 equal, select, best);
    if (best < 0 && !any)
        daub_fail(error, DAUB_ERROR_NO_DEVICE,
                  "no Vulkan device for the kernel set '%s'; leave --kernels out",
                  kernels);
    else if (best < 0)
        daub_fail(error, DAUB_ERROR_NO_DEVICE,
                  "no device is called '%s'; `daub devices` lists them", select);
    return best;
}

static bool create_device(struct daub_device *device, struct daub_error *error)
{
    bool timestamps;
    device->queue_family = (uint32_t)compute_family(device->physical, &timestamps);
    float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = device->queue_family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
        .timelineSemaphore = VK_TRUE,
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &timeline,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    GPU_CHECK(vkCreateDevice(device->physical, &info, NULL, &device->device));
    vkGetDeviceQueue(device->device, device->queue_family, 0, &device->queue);
    vkGetPhysicalDeviceMemoryProperties(device->physical, &device->memory);
    for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags both =
            VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
        VkMemoryPropertyFlags flags = device->memory.memoryTypes[i].propertyFlags;
        uint64_t heap =
            device->memory.memoryHeaps[device->memory.memoryTypes[i].heapIndex].size;
        if ((flags & both) == both && heap >= device->info.memory_bytes)
            device->caps.unified_memory = true;
    }
    return true;
fail:
    return false;
}

static bool create_layouts(struct daub_device *device, struct daub_error *error)
{
    VkDescriptorSetLayoutBinding bindings[SLOT_COUNT];
    for (uint32_t i = 0; i < SLOT_COUNT; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = SLOT_COUNT,
        .pBindings = bindings,
    };
    GPU_CHECK(
        vkCreateDescriptorSetLayout(device->device, &set, NULL, &device->set_layout));
    VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, GPU_PUSH_BYTES};
    VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &device->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    GPU_CHECK(
        vkCreatePipelineLayout(device->device, &layout, NULL, &device->pipeline_layout));
    return true;
fail:
    return false;
}

static void create_messenger(struct daub_device *device)
{
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
            device->instance, "vkCreateDebugUtilsMessengerEXT");
    VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = device,
    };
    if (create)
        create(device->instance, &info, NULL, &device->messenger);
}

void gpu_debug_name(struct daub_device *device, VkObjectType type, uint64_t handle,
                    const char *name)
{
    if (!device->debug_names)
        return;
    PFN_vkSetDebugUtilsObjectNameEXT set_name =
        (PFN_vkSetDebugUtilsObjectNameEXT)vkGetInstanceProcAddr(
            device->instance, "vkSetDebugUtilsObjectNameEXT");
    VkDebugUtilsObjectNameInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
        .objectType = type,
        .objectHandle = handle,
        .pObjectName = name,
    };
    if (set_name)
        set_name(device->device, &info);
}

/* Sets device->kernels: what is asked for, or else host kernels where the processor would
 * run the shaders: C functions are several times faster than what a driver makes of
 * shaders (docs/measured.md, "On the processor"). */
static bool choose_kernels(struct daub_device *device, const char *requested, int threads,
                           struct daub_error *error)
{
    bool processor = device->info.kind == DAUB_DEVICE_PROCESSOR;
    bool may_host = processor || device->info.kind == DAUB_DEVICE_SOFTWARE;
    bool host = requested ? is_host_set(requested) : may_host;
    if (host && !may_host)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "the host kernels run on the processor, not on %s; add --gpu "
                         "processor",
                         device->info.name);
    if (!host && processor)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "the processor has no kernel set '%s'; it has host", requested);
    device->kernels = host ? GPU_KERNELS_HOST : GPU_KERNELS_SHADERS;
    const char *isa =
        requested && strncmp(requested, "host-", 5) == 0 ? requested + 5 : NULL;
    return !host || gpu_processor_init(device, isa, threads, error);
}

/* Opens device number `index` of the `count` Vulkan devices and the processor. */
static bool open_number(struct daub_device *device, const VkPhysicalDevice *physical,
                        int count, int index, const struct daub_device_params *params,
                        struct daub_error *error)
{
    const char *kernels = is_auto(params->kernels) ? NULL : params->kernels;
    describe_any(physical, count, index, &device->info, &device->caps);
    device->physical = index < count ? physical[index] : VK_NULL_HANDLE;
    return (!device->physical ||
            (create_device(device, error) && create_layouts(device, error) &&
             gpu_pipelines_init(device, error))) &&
           choose_kernels(device, kernels, params->threads, error);
}

/* Chooses a device and opens it. */
static bool open_chosen(struct daub_device *device,
                        const struct daub_device_params *params, struct daub_error *error)
{
    VkPhysicalDevice physical[MAX_DEVICES];
    const char *kernels = is_auto(params->kernels) ? NULL : params->kernels;
    int count = 0;
    if (kernels && !is_host_set(kernels) && strcmp(kernels, "shaders") != 0)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "no kernel set is called '%s'; there are shaders and host",
                         kernels);
    if (create_instance(params->validation, device, &device->instance,
                        &device->debug_names, error))
        count = enumerate(device->instance, physical, error);
    else if (error->status != DAUB_ERROR_NO_DEVICE)
        return false;
    if (count < 0)
        return false;
    *error = (struct daub_error){0};
    if (device->instance && params->validation)
        create_messenger(device);
    int index = choose(physical, count, params->select, kernels, error);
    return index >= 0 && open_number(device, physical, count, index, params, error);
}

/* Destroys objects before those that they were made from: pipelines and layouts, device,
 * messenger, instance. */
static void close_vulkan(struct daub_device *device)
{
    if (device->device) {
        vkDeviceWaitIdle(device->device);
        gpu_pipelines_uninit(device);
        vkDestroyPipelineLayout(device->device, device->pipeline_layout, NULL);
        vkDestroyDescriptorSetLayout(device->device, device->set_layout, NULL);
        vkDestroyDevice(device->device, NULL);
        device->device = VK_NULL_HANDLE;
    }
    if (device->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                device->instance, "vkDestroyDebugUtilsMessengerEXT");
        if (destroy)
            destroy(device->instance, device->messenger, NULL);
        device->messenger = VK_NULL_HANDLE;
    }
    if (device->instance)
        vkDestroyInstance(device->instance, NULL);
    device->instance = VK_NULL_HANDLE;
}

enum daub_status daub_device_open(const struct daub_device_params *params,
                                  struct daub_device **out, struct daub_error *error)
{
    static const struct daub_device_params defaults;
    struct daub_error local = {0};
    error = error ? error : &local;
    params = params ? params : &defaults;
    *out = NULL;
    struct daub_device *device = daub_alloc(1, sizeof(*device));
    if (!device) {
        daub_no_memory(error, "opening a device");
        return error->status;
    }
    device->compiling = params->compiling;
    device->compiling_user = params->compiling_user;
    pthread_mutex_init(&device->lock, NULL);
    pthread_cond_init(&device->compiled, NULL);
    if (!params->cache_path)
        device->cache_folder = daub_folder_cache();
    else if (*params->cache_path)
        device->cache_folder = daub_strdup(params->cache_path);
    bool any = is_auto(params->select) && is_auto(params->kernels) && !params->validation;
    bool ok = open_chosen(device, params, error);
    if (!ok && any && !device->pool) {
        daub_log(DAUB_LOG_WARNING, "%s; the processor is used instead", error->message);
        *error = (struct daub_error){0};
        close_vulkan(device);
        ok = open_number(device, NULL, 0, 0, params, error);
    }
    if (!ok) {
        daub_device_close(device);
        return error->status;
    }
    *out = device;
    return DAUB_OK;
}

void daub_device_close(struct daub_device *device)
{
    if (!device)
        return;
    host_pool_free(device->pool);
    close_vulkan(device);
    pthread_cond_destroy(&device->compiled);
    pthread_mutex_destroy(&device->lock);
    free(device->cache_folder);
    free(device);
}

const struct daub_device_info *daub_device_get_info(const struct daub_device *device)
{
    return &device->info;
}

const char *daub_device_kernels(const struct daub_device *device)
{
    return device->kernels == GPU_KERNELS_HOST ? device->isa->set : "shaders";
}

void daub_device_fingerprint(const struct daub_device *device, char *line, size_t size)
{
    const struct daub_device_info *info = &device->info;
    if (device->kernels == GPU_KERNELS_HOST)
        snprintf(line, size, "processor with %s multiply-adds, daub %.12s",
                 strcmp(device->isa->name, "generic") == 0 ? "separate" : "fused",
                 gpu_source_hash);
    else
        snprintf(line, size, "%s (%04x:%04x), driver %s, %s, daub %.12s", info->name,
                 info->vendor_id, info->device_id, info->driver,
                 info->fp16_storage ? "fp16" : "fp32", gpu_source_hash);
}
