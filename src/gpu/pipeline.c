/* Compute pipelines, created on demand and kept by name and specialization. */
#include "gpu/gpu.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

#define CACHE_FILE "pipelines"

struct gpu_pipeline_slot {
    const char *name; /* in gpu_shaders */
    uint32_t spec[GPU_MAX_CONSTANTS];
    size_t spec_count;
    VkPipeline pipeline; /* VK_NULL_HANDLE while a thread compiles it */
};

static const struct gpu_shader *find_shader(const char *name)
{
    for (size_t i = 0; i < gpu_shader_count; i++) {
        if (strcmp(gpu_shaders[i].name, name) == 0)
            return &gpu_shaders[i];
    }
    return NULL;
}

bool gpu_pipelines_init(struct daub_device *device, struct daub_error *error)
{
    size_t bytes = 0;
    void *data = gpu_cache_load(device, CACHE_FILE, &bytes);
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = bytes,
        .pInitialData = data,
    };
    VkResult result = vkCreatePipelineCache(device->device, &info, NULL, &device->cache);
    free(data);
    GPU_CHECK(result);
    return true;
fail:
    return false;
}

static void save_cache(struct daub_device *device)
{
    size_t bytes = 0;
    if (device->pipeline_count == 0 ||
        vkGetPipelineCacheData(device->device, device->cache, &bytes, NULL) != VK_SUCCESS)
        return;
    void *data = daub_alloc(bytes, 1);
    if (data &&
        vkGetPipelineCacheData(device->device, device->cache, &bytes, data) == VK_SUCCESS)
        gpu_cache_save(device, CACHE_FILE, data, bytes);
    free(data);
}

void gpu_pipelines_uninit(struct daub_device *device)
{
    if (device->cache)
        save_cache(device);
    for (size_t i = 0; i < device->pipeline_count; i++)
        vkDestroyPipeline(device->device, device->pipelines[i].pipeline, NULL);
    free(device->pipelines);
    device->pipelines = NULL;
    device->pipeline_count = device->pipeline_capacity = 0;
    vkDestroyPipelineCache(device->device, device->cache, NULL);
    device->cache = VK_NULL_HANDLE;
}

VkPipeline gpu_pipeline_create(struct daub_device *device,
                               const struct gpu_shader *shader, const uint32_t *spec,
                               size_t spec_count, struct daub_error *error)
{
    VkShaderModule module = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = shader->bytes,
        .pCode = shader->code,
    };
    GPU_CHECK(vkCreateShaderModule(device->device, &module_info, NULL, &module));
    VkSpecializationMapEntry entries[GPU_MAX_CONSTANTS];
    for (uint32_t i = 0; i < spec_count; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * 4, 4};
    VkSpecializationInfo special = {(uint32_t)spec_count, entries, spec_count * 4, spec};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = &special},
        .layout = device->pipeline_layout,
    };
    GPU_CHECK(vkCreateComputePipelines(device->device, device->cache, 1, &info, NULL,
                                       &pipeline));
    gpu_debug_name(device, VK_OBJECT_TYPE_PIPELINE, (uint64_t)pipeline, shader->name);
fail:
    vkDestroyShaderModule(device->device, module, NULL);
    return pipeline;
}

/* Call with the lock held. NULL where there is none. */
static struct gpu_pipeline_slot *find(const struct daub_device *device,
                                      const struct gpu_shader *shader,
                                      const uint32_t *spec, size_t spec_count)
{
    for (size_t i = 0; i < device->pipeline_count; i++) {
        struct gpu_pipeline_slot *slot = &device->pipelines[i];
        if (slot->name == shader->name && slot->spec_count == spec_count &&
            (spec_count == 0 || memcmp(slot->spec, spec, spec_count * 4) == 0))
            return slot;
    }
    return NULL;
}

bool gpu_has_pipeline(struct daub_device *device, const char *name, const uint32_t *spec,
                      size_t spec_count)
{
    const struct gpu_shader *shader = find_shader(name);
    pthread_mutex_lock(&device->lock);
    const struct gpu_pipeline_slot *slot =
        shader ? find(device, shader, spec, spec_count) : NULL;
    bool has = slot && slot->pipeline;
    pthread_mutex_unlock(&device->lock);
    return has;
}

/* Call with the lock held. Waits while another thread compiles this pipeline. Where none
 * does, adds an empty slot, so that others wait for this thread. False: no memory. */
static bool get_slot(struct daub_device *device, const struct gpu_shader *shader,
                     const uint32_t *spec, size_t spec_count, VkPipeline *pipeline)
{
    struct gpu_pipeline_slot *slot;
    while ((slot = find(device, shader, spec, spec_count)) && !slot->pipeline)
        pthread_cond_wait(&device->compiled, &device->lock);
    *pipeline = slot ? slot->pipeline : VK_NULL_HANDLE;
    if (slot)
        return true;
    if (!daub_grow(&device->pipelines, &device->pipeline_capacity,
                   device->pipeline_count + 1, sizeof(*device->pipelines)))
        return false;
    slot = &device->pipelines[device->pipeline_count++];
    *slot = (struct gpu_pipeline_slot){.name = shader->name, .spec_count = spec_count};
    if (spec_count)
        memcpy(slot->spec, spec, spec_count * 4);
    return true;
}

/* Call with the lock held. Fills the empty slot, or removes it where compiling failed. */
static void fill_slot(struct daub_device *device, const struct gpu_shader *shader,
                      const uint32_t *spec, size_t spec_count, VkPipeline pipeline)
{
    struct gpu_pipeline_slot *slot = find(device, shader, spec, spec_count);
    slot->pipeline = pipeline;
    if (!pipeline)
        *slot = device->pipelines[--device->pipeline_count];
    pthread_cond_broadcast(&device->compiled);
}

/* Compiles without the lock, so that painting and other compilations continue. */
VkPipeline gpu_pipeline(struct daub_device *device, const char *name,
                        const uint32_t *spec, size_t spec_count, struct daub_error *error)
{
    const struct gpu_shader *shader = find_shader(name);
    VkPipeline pipeline;
    if (!shader || spec_count > GPU_MAX_CONSTANTS) {
        daub_fail(error, DAUB_ERROR_FAILED, "no shader is called %s in this build", name);
        return VK_NULL_HANDLE;
    }
    pthread_mutex_lock(&device->lock);
    bool ok = get_slot(device, shader, spec, spec_count, &pipeline);
    pthread_mutex_unlock(&device->lock);
    if (!ok)
        daub_no_memory(error, "a pipeline");
    if (!ok || pipeline)
        return pipeline;
    pipeline = gpu_pipeline_create(device, shader, spec, spec_count, error);
    pthread_mutex_lock(&device->lock);
    fill_slot(device, shader, spec, spec_count, pipeline);
    pthread_mutex_unlock(&device->lock);
    return pipeline;
}
