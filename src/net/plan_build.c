/* The plan as a container of tensors, steps, weights and parameters. */
#include "net/plan_build.h"

#include <stdio.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/half.h"

size_t plan_round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static int add_tensor(struct plan *plan, const struct plan_tensor *tensor,
                      struct daub_error *error)
{
    if (tensor->bytes > plan->caps.max_range) {
        daub_fail(error, DAUB_ERROR_MEMORY,
                  "a map of %d x %d x %d takes %.0f MB and the device reads at most %.0f "
                  "MB at once; paint at a smaller --size%s",
                  tensor->w, tensor->h, tensor->c, (double)tensor->bytes / 1e6,
                  (double)plan->caps.max_range / 1e6,
                  plan->caps.fp16 ? "" : " or with --precision fp16");
        return -1;
    }
    if (!daub_grow(&plan->tensors, &plan->tensor_capacity, plan->tensor_count + 1,
                   sizeof(*plan->tensors))) {
        daub_no_memory(error, "planning the model");
        return -1;
    }
    plan->tensors[plan->tensor_count] = *tensor;
    plan->tensors[plan->tensor_count].first = -1;
    plan->tensors[plan->tensor_count].last = -1;
    return (int)plan->tensor_count++;
}

int plan_add_map(struct plan *plan, const char *name, int h, int w, int c,
                 struct daub_error *error)
{
    struct plan_tensor tensor = {.h = h, .w = w, .c = c};
    snprintf(tensor.name, sizeof(tensor.name), "%s", name);
    size_t c4 = ((size_t)c + 3) / 4;
    if (!daub_mul_size((size_t)h, (size_t)w, &tensor.bytes) ||
        !daub_mul_size(tensor.bytes, c4 * (plan->caps.fp16 ? 8 : 16), &tensor.bytes)) {
        daub_fail(error, DAUB_ERROR_MODEL, "a map of %d x %d x %d is too large", w, h, c);
        return -1;
    }
    return add_tensor(plan, &tensor, error);
}

int plan_add_floats(struct plan *plan, const char *name, size_t vec4s,
                    struct daub_error *error)
{
    struct plan_tensor tensor = {.floats = true, .bytes = vec4s * 16};
    snprintf(tensor.name, sizeof(tensor.name), "%s", name);
    return add_tensor(plan, &tensor, error);
}

struct plan_step *plan_add_step(struct plan *plan, enum kernel kernel, const char *name,
                                struct daub_error *error)
{
    if (!daub_grow(&plan->steps, &plan->step_capacity, plan->step_count + 1,
                   sizeof(*plan->steps))) {
        daub_no_memory(error, "planning the model");
        return NULL;
    }
    struct plan_step *step = &plan->steps[plan->step_count++];
    memset(step, 0, sizeof(*step));
    snprintf(step->name, sizeof(step->name), "%s", name);
    step->kernel = kernel;
    step->value = -1;
    step->constants = kernel_default_constants();
    return step;
}

void plan_bind_tensor(const struct plan *plan, struct plan_step *step,
                      enum kernel_slot slot, int tensor)
{
    const struct plan_tensor *from = &plan->tensors[tensor];
    step->bind[slot] = (struct plan_binding){
        .where = from->constant ? PLAN_WEIGHTS : PLAN_TENSOR,
        .tensor = tensor,
        .offset = from->constant ? from->offset : 0,
        .bytes = from->bytes,
        .floats = from->floats,
        .write = slot >= FIRST_OUTPUT_SLOT,
    };
}

int64_t plan_add_params(struct plan *plan, size_t count, struct daub_error *error)
{
    /* Bindings start on aligned offsets. */
    size_t at = plan_round_up(plan->param_count, plan->caps.align / sizeof(float));
    size_t end = at + plan_round_up(count, 4);
    if (!daub_grow(&plan->params, &plan->param_capacity, end, sizeof(float))) {
        daub_no_memory(error, "planning the model");
        return -1;
    }
    plan->param_count = end;
    return (int64_t)(at * sizeof(float));
}

int64_t plan_add_weights(struct plan *plan, const float *data, size_t count, bool as_half,
                         struct daub_error *error)
{
    size_t at = plan_round_up(plan->weight_bytes, plan->caps.align), bytes, end;
    if (!daub_mul_size(count, as_half ? 2 : 4, &bytes) ||
        !daub_add_size(at, bytes, &end) ||
        !daub_grow(&plan->weights, &plan->weight_capacity, end, 1)) {
        daub_no_memory(error, "planning the model");
        return -1;
    }
    unsigned char *to = plan->weights + at;
    for (size_t i = 0; as_half && i < count; i++) {
        uint16_t half = daub_float_to_half(data[i]);
        memcpy(to + 2 * i, &half, 2);
    }
    if (!as_half)
        memcpy(to, data, bytes);
    plan->weight_bytes = end;
    return (int64_t)at;
}

void plan_bind_params(struct plan_step *step, enum kernel_slot slot, int64_t offset,
                      size_t bytes)
{
    step->bind[slot] = (struct plan_binding){
        .where = PLAN_PARAMS, .offset = (size_t)offset, .bytes = bytes, .floats = true};
}

/* Binds the view's pending affine map; false where there is none. */
static bool bind_affine(const struct plan *plan, struct plan_step *step,
                        enum kernel_slot slot, const struct plan_view *view)
{
    const struct plan_tensor *tensor = &plan->tensors[view->tensor];
    if (view->affine_tensor >= 0)
        plan_bind_tensor(plan, step, slot, view->affine_tensor);
    else if (view->affine_param >= 0)
        plan_bind_params(step, slot, view->affine_param,
                         ((size_t)tensor->c + 3) / 4 * 32);
    return view->affine_tensor >= 0 || view->affine_param >= 0;
}

void plan_bind_view0(const struct plan *plan, struct plan_step *step,
                     const struct plan_view *view)
{
    plan_bind_tensor(plan, step, SLOT_INPUT0, view->tensor);
    step->constants.V0_AFFINE = bind_affine(plan, step, SLOT_AFFINE0, view);
    step->constants.V0_ACT = view->act;
    step->constants.V0_ALPHA = view->alpha;
    step->constants.V0_BETA = view->beta;
}

void plan_bind_view1(const struct plan *plan, struct plan_step *step,
                     const struct plan_view *view)
{
    plan_bind_tensor(plan, step, SLOT_INPUT1, view->tensor);
    step->constants.V1_AFFINE = bind_affine(plan, step, SLOT_AFFINE1, view);
    step->constants.V1_ACT = view->act;
    step->constants.V1_ALPHA = view->alpha;
    step->constants.V1_BETA = view->beta;
}

void plan_set_act(struct plan_step *step, enum net_act act, float alpha, float beta)
{
    step->constants.ACT = act;
    step->constants.ALPHA = alpha;
    step->constants.BETA = beta;
}

void plan_pixel_grid(struct plan_step *step, int w, int rows, int c4)
{
    step->constants.LANES = PIXEL_LANES;
    step->groups[0] = (uint32_t)((w + PIXEL_LANES - 1) / PIXEL_LANES);
    step->groups[1] = (uint32_t)rows;
    step->groups[2] = (uint32_t)c4;
}
