#include "engine/exec.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/half.h"

struct plan_caps exec_caps(const struct daub_device *device, enum gpu_kernels kernels,
                           bool fp16)
{
    if (kernels == GPU_KERNELS_HOST)
        return (struct plan_caps){.host = true,
                                  .align = device->caps.buffer_align,
                                  .max_range = device->info.memory_bytes};
    return (struct plan_caps){
        .fp16 = fp16,
        .align = device->caps.buffer_align,
        .max_range = device->caps.max_storage_range,
        .shared_bytes = device->caps.shared_bytes,
    };
}

enum gpu_kernels exec_kernels(const struct plan *plan)
{
    return plan->caps.host ? GPU_KERNELS_HOST : GPU_KERNELS_SHADERS;
}

/* Bytes of the averages of a normalization; 0 for other steps. Mean and variance have the
 * size of the affine pair made of them. */
static VkDeviceSize average_bytes(const struct exec *exec, const struct plan_step *step)
{
    VkDeviceSize to = exec->device->caps.buffer_align;
    return step->kernel == KERNEL_FINALIZE
               ? (step->bind[SLOT_STATS].bytes + to - 1) / to * to
               : 0;
}

static bool create_averages(struct exec *exec, struct daub_error *error)
{
    VkDeviceSize bytes = 0;
    for (size_t i = 0; i < exec->plan->step_count; i++)
        bytes += average_bytes(exec, &exec->plan->steps[i]);
    return bytes == 0 || gpu_buffer_create(exec->device, GPU_MEMORY_DEVICE, bytes,
                                           "averages", &exec->averages, error);
}

bool exec_init(struct exec *exec, struct daub_device *device, const struct plan *plan,
               bool average, struct daub_error *error)
{
    memset(exec, 0, sizeof(*exec));
    exec->device = device;
    exec->plan = plan;
    exec->kernels = exec_kernels(plan);
    if (gpu_buffer_create(device, GPU_MEMORY_DEVICE, plan->arena_bytes, "arena",
                          &exec->arena, error) &&
        gpu_buffer_create(device, GPU_MEMORY_DEVICE, plan->weight_bytes, "weights",
                          &exec->weights, error) &&
        gpu_buffer_write(device, &exec->weights, 0, plan->weights, plan->weight_bytes,
                         error) &&
        (!average || create_averages(exec, error)))
        return true;
    exec_free(exec);
    return false;
}

void exec_free(struct exec *exec)
{
    if (!exec->device)
        return;
    gpu_buffer_free(exec->device, &exec->arena);
    gpu_buffer_free(exec->device, &exec->weights);
    gpu_buffer_free(exec->device, &exec->averages);
    memset(exec, 0, sizeof(*exec));
}

bool exec_create_params(struct exec *exec, struct gpu_buffer *params,
                        struct daub_error *error)
{
    size_t bytes = exec->plan->param_count * sizeof(float);
    return gpu_buffer_create(exec->device, GPU_MEMORY_UPLOAD, bytes, "parameters", params,
                             error) &&
           gpu_buffer_write(exec->device, params, 0, exec->plan->params, bytes, error);
}

/* averages: offset of this step's averages. */
static bool append_step(struct exec *exec, struct dispatch_list *list,
                        const struct plan_step *step, const struct gpu_buffer *params,
                        const struct gpu_buffer *input,
                        const struct gpu_buffer *frame_params, VkDeviceSize averages,
                        struct daub_error *error)
{
    const struct plan *plan = exec->plan;
    struct dispatch_binding bindings[SLOT_COUNT] = {0};
    struct kernel_constants constants = step->constants;
    for (int i = 0; i < SLOT_COUNT; i++) {
        const struct plan_binding *b = &step->bind[i];
        struct dispatch_binding *to = &bindings[i];
        to->offset = b->offset;
        to->bytes = b->bytes;
        if (b->where == PLAN_WEIGHTS) {
            to->buffer = &exec->weights;
        } else if (b->where == PLAN_PARAMS) {
            to->buffer = params;
        } else if (b->where == PLAN_TENSOR) {
            const struct plan_tensor *tensor = &plan->tensors[b->tensor];
            to->buffer = tensor->external ? input : &exec->arena;
            to->offset = tensor->external ? 0 : tensor->offset;
        }
    }
    if (exec->averages.bytes > 0 && average_bytes(exec, step) > 0) {
        constants.own.finalize.AVERAGE = 1;
        bindings[FINALIZE_FRAME_PARAMS] =
            (struct dispatch_binding){frame_params, 0, frame_params->bytes};
        bindings[FINALIZE_AVERAGES] = (struct dispatch_binding){
            &exec->averages, averages, step->bind[SLOT_STATS].bytes};
    }
    struct dispatch item = {.kernel = step->kernel,
                            .push = step->push,
                            .barrier = step->barrier,
                            .gflop = step->macs * 2e-9};
    snprintf(item.name, sizeof(item.name), "%.30s %.14s", step->name,
             kernel_info(step->kernel)->name);
    memcpy(item.groups, step->groups, sizeof(item.groups));
    return dispatch_list_add(list, plan->caps.fp16, &constants, bindings, &item, error);
}

bool exec_append(struct exec *exec, struct dispatch_list *list,
                 const struct gpu_buffer *params, const struct gpu_buffer *input,
                 const struct gpu_buffer *frame_params, struct daub_error *error)
{
    VkDeviceSize averages = 0;
    for (size_t i = 0; i < exec->plan->step_count; i++) {
        const struct plan_step *step = &exec->plan->steps[i];
        if (!append_step(exec, list, step, params, input, frame_params, averages, error))
            return false;
        averages += average_bytes(exec, step);
    }
    return true;
}

void exec_pack_map(const float *chw, int h, int w, int c, bool fp16, void *map)
{
    size_t pixels = (size_t)h * (size_t)w, c4 = ((size_t)c + 3) / 4;
    memset(map, 0, pixels * c4 * (fp16 ? 8 : 16));
    for (size_t ch = 0; ch < (size_t)c; ch++) {
        for (size_t p = 0; p < pixels; p++) {
            size_t at = p * c4 * 4 + ch;
            if (fp16)
                ((uint16_t *)map)[at] = daub_float_to_half(chw[ch * pixels + p]);
            else
                ((float *)map)[at] = chw[ch * pixels + p];
        }
    }
}

void exec_unpack_map(const void *map, int h, int w, int c, bool fp16, float *chw)
{
    size_t pixels = (size_t)h * (size_t)w, c4 = ((size_t)c + 3) / 4;
    for (size_t ch = 0; ch < (size_t)c; ch++) {
        for (size_t p = 0; p < pixels; p++) {
            size_t at = p * c4 * 4 + ch;
            chw[ch * pixels + p] = fp16 ? daub_half_to_float(((const uint16_t *)map)[at])
                                        : ((const float *)map)[at];
        }
    }
}
