#include "render.h"

#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

/* Embedded by the build, in the order of enum scene_shader. */
extern const struct gpu_shader scene_shaders[];

#define GROUP 8 /* local size each way of both shaders */

static bool create_set(struct scene_render *render, struct daub_error *error)
{
    struct daub_device *device = render->device;
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SLOT_COUNT};
    VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    GPU_CHECK(vkCreateDescriptorPool(device->device, &pool, NULL, &render->pool));
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = render->pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &device->set_layout,
    };
    GPU_CHECK(vkAllocateDescriptorSets(device->device, &allocate, &render->set));
    VkDescriptorBufferInfo range = {render->pixels.buffer, 0, render->pixels.bytes};
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = render->set,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &range,
    };
    vkUpdateDescriptorSets(device->device, 1, &write, 0, NULL);
    return true;
fail:
    return false;
}

bool scene_render_init(struct scene_render *render, const char *device, int width,
                       int height, int samples, struct daub_error *error)
{
    *render = (struct scene_render){.width = width, .height = height, .samples = samples};
    struct daub_device_params params = {.select = device, .kernels = "shaders"};
    VkDeviceSize bytes = (VkDeviceSize)width * (VkDeviceSize)height * 12;
    if (daub_device_open(&params, &render->device, error) != DAUB_OK ||
        !gpu_buffer_create(render->device, GPU_MEMORY_DOWNLOAD, bytes, "scene",
                           &render->pixels, error) ||
        !create_set(render, error)) {
        scene_render_uninit(render);
        return false;
    }
    return true;
}

void scene_render_uninit(struct scene_render *render)
{
    if (!render->device)
        return;
    for (int i = 0; i < SCENE_SHADERS; i++)
        vkDestroyPipeline(render->device->device, render->pipelines[i], NULL);
    if (render->pool)
        vkDestroyDescriptorPool(render->device->device, render->pool, NULL);
    gpu_buffer_free(render->device, &render->pixels);
    daub_device_close(render->device);
    *render = (struct scene_render){0};
}

/* The push constants of both shaders. */
union word {
    int32_t i;
    float f;
};

struct job {
    const struct scene_render *render;
    VkPipeline pipeline;
    union word push[4];
};

static void record(VkCommandBuffer cmd, void *user)
{
    const struct job *job = user;
    const struct scene_render *render = job->render;
    VkPipelineLayout layout = render->device->pipeline_layout;
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, job->pipeline);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1,
                            &render->set, 0, NULL);
    vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(job->push),
                       job->push);
    vkCmdDispatch(cmd, (uint32_t)(render->width + GROUP - 1) / GROUP,
                  (uint32_t)(render->height + GROUP - 1) / GROUP, 1);
}

/* Compiles the shader the first time. */
static bool run(struct scene_render *render, enum scene_shader shader, union word third,
                union word fourth, struct daub_error *error)
{
    struct job job = {
        .render = render,
        .push = {{.i = render->width}, {.i = render->height}, third, fourth}};
    VkPipeline *pipeline = &render->pipelines[shader];
    if (!*pipeline)
        *pipeline =
            gpu_pipeline_create(render->device, &scene_shaders[shader], NULL, 0, error);
    job.pipeline = *pipeline;
    return job.pipeline && gpu_run(render->device, record, &job, error) &&
           gpu_buffer_invalidate(render->device, &render->pixels, error);
}

static union word seconds(int frame)
{
    return (union word){.f = (float)frame / SCENE_FPS};
}

bool scene_render_color(struct scene_render *render, int frame, uint8_t *rgb,
                        struct daub_error *error)
{
    if (!run(render, SCENE_COLOR, (union word){.i = render->samples}, seconds(frame),
             error))
        return false;
    const uint32_t *pixels = render->pixels.mapped;
    size_t count = (size_t)render->width * (size_t)render->height;
    for (size_t i = 0; i < count; i++) {
        rgb[3 * i] = (uint8_t)pixels[i];
        rgb[3 * i + 1] = (uint8_t)(pixels[i] >> 8);
        rgb[3 * i + 2] = (uint8_t)(pixels[i] >> 16);
    }
    return true;
}

bool scene_render_flow(struct scene_render *render, int frame, float *flow, uint8_t *mask,
                       struct daub_error *error)
{
    if (!run(render, SCENE_FLOW, seconds(frame), seconds(frame - 1), error))
        return false;
    const float *pixels = render->pixels.mapped;
    size_t count = (size_t)render->width * (size_t)render->height;
    for (size_t i = 0; i < count; i++) {
        flow[2 * i] = pixels[3 * i];
        flow[2 * i + 1] = pixels[3 * i + 1];
        mask[i] = pixels[3 * i + 2] > 0.5f ? 255 : 0;
    }
    return true;
}
