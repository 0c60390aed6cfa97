#include "engine/temporal.h"

#include <stdio.h>
#include <string.h>

#include "engine/exec.h"
#include "util/error.h"

enum {
    FLOW_STEP = 2,     /* picture pixels a pixel of the flow's finest level */
    BLOCK_SIDE = 8,    /* pixels, as in temporal.glsl */
    BLOCK_VECTORS = 2, /* vec4s of a block, as in temporal.glsl */
    VEC4 = 16,         /* bytes */
};

static VkDeviceSize output_bytes(const struct temporal *t)
{
    return (VkDeviceSize)t->w * (VkDeviceSize)t->h * (t->flow.fp16 ? 8 : 16);
}

struct dispatch_binding temporal_output(const struct temporal *t, int parity)
{
    return (struct dispatch_binding){&t->output[parity], 0, output_bytes(t)};
}

static int block_count(int n)
{
    return (n + BLOCK_SIDE - 1) / BLOCK_SIDE;
}

bool temporal_init(struct temporal *t, struct daub_device *device, bool fp16, int w,
                   int h, float scene_threshold, struct daub_error *error)
{
    *t = (struct temporal){.w = w, .h = h, .scene_threshold = scene_threshold};
    if (!flow_init(&t->flow, device, fp16, w, h, FLOW_STEP, error))
        return false;
    const struct flow_level *finest = &t->flow.levels[0];
    VkDeviceSize blocks = (VkDeviceSize)block_count(w) * (VkDeviceSize)block_count(h);
    VkDeviceSize confidence = (VkDeviceSize)finest->w * (VkDeviceSize)finest->h * VEC4;
    const struct {
        struct gpu_buffer *buffer;
        const char *name;
        VkDeviceSize bytes;
    } wanted[] = {{&t->blocks, "blocks", blocks * BLOCK_VECTORS * VEC4},
                  {&t->confidence, "confidence", confidence},
                  {&t->output[0], "output", output_bytes(t)},
                  {&t->output[1], "output", output_bytes(t)}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        if (!gpu_buffer_create(device, GPU_MEMORY_DEVICE, wanted[i].bytes, wanted[i].name,
                               wanted[i].buffer, error))
            goto fail;
    }
    if (gpu_buffer_clear(device, &t->output[0], error) &&
        gpu_buffer_clear(device, &t->output[1], error))
        return true;
fail:
    temporal_free(t);
    return false;
}

void temporal_free(struct temporal *t)
{
    struct daub_device *device = t->flow.device;
    if (device) {
        gpu_buffer_free(device, &t->blocks);
        gpu_buffer_free(device, &t->confidence);
        for (int i = 0; i < 2; i++)
            gpu_buffer_free(device, &t->output[i]);
    }
    flow_free(&t->flow);
    *t = (struct temporal){0};
}

static struct dispatch_binding whole(const struct gpu_buffer *buffer)
{
    return (struct dispatch_binding){buffer, 0, buffer->bytes};
}

static bool add_cut(const struct temporal *t, struct dispatch_list *list, int parity,
                    const struct gpu_buffer *frame_params,
                    const struct gpu_buffer *report, struct daub_error *error)
{
    int coarsest = t->flow.level_count - 1;
    const struct flow_level *level = &t->flow.levels[coarsest];
    struct kernel_constants constants = kernel_default_constants();
    struct dispatch item = {.name = "temporal cut", .kernel = KERNEL_TEMPORAL_CUT};
    item.push.temporal_cut = (struct temporal_cut_push){
        .w = level->w, .h = level->h, .parity = parity, .divergence = t->scene_threshold};
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [TEMPORAL_CUT_SLOPES] = flow_slopes(&t->flow, coarsest),
        [TEMPORAL_CUT_FIELD] = flow_field(&t->flow, coarsest, parity),
        [TEMPORAL_CUT_PARAMS] = whole(frame_params),
        [TEMPORAL_CUT_REPORT] = whole(report),
        [TEMPORAL_CUT_RESTARTS] = flow_restarts(&t->flow)};
    return dispatch_list_add_map(list, false, &constants, bindings, &item, 1, 1, 1,
                                 error);
}

static bool add_confidence(const struct temporal *t, struct dispatch_list *list,
                           int parity, const struct gpu_buffer *frame_params,
                           const struct gpu_buffer *report, struct daub_error *error)
{
    int coarse = flow_forward_level(&t->flow);
    const struct flow_level *finest = &t->flow.levels[0],
                            *coarser = &t->flow.levels[coarse];
    struct kernel_constants constants = kernel_default_constants();
    struct dispatch item = {.name = "temporal confidence",
                            .kernel = KERNEL_TEMPORAL_CONFIDENCE};
    item.push.temporal_confidence =
        (struct temporal_confidence_push){.w = finest->w,
                                          .h = finest->h,
                                          .parity = parity,
                                          .step = (float)t->flow.step,
                                          .coarse_w = coarser->w,
                                          .coarse_h = coarser->h,
                                          .coarse_step = (float)(1 << coarse)};
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [TEMPORAL_CONFIDENCE_BACKWARD] = flow_backward(&t->flow),
        [TEMPORAL_CONFIDENCE_SLOPES] = flow_slopes(&t->flow, 0),
        [TEMPORAL_CONFIDENCE_COARSE] = flow_field(&t->flow, coarse, parity),
        [TEMPORAL_CONFIDENCE_REPORT] = whole(report),
        [TEMPORAL_CONFIDENCE_PARAMS] = whole(frame_params),
        [TEMPORAL_CONFIDENCE_RESULT] = whole(&t->confidence)};
    return dispatch_list_add_map(list, false, &constants, bindings, &item, finest->w,
                                 finest->h, 1, error);
}

bool temporal_append_flow(const struct temporal *t, struct dispatch_list *list,
                          int parity, const struct flow_picture *picture,
                          const struct gpu_buffer *frame_params,
                          const struct gpu_buffer *report, struct daub_error *error)
{
    return flow_append(&t->flow, list, parity, picture, error) &&
           add_cut(t, list, parity, frame_params, report, error) &&
           add_confidence(t, list, parity, frame_params, report, error);
}

bool temporal_append_cuts(const struct temporal *t, struct dispatch_list *list,
                          int parity, const struct flow_picture *picture,
                          const struct gpu_buffer *frame_params,
                          const struct gpu_buffer *report, struct daub_error *error)
{
    return flow_append_coarsest(&t->flow, list, parity, picture, error) &&
           add_cut(t, list, parity, frame_params, report, error);
}

bool temporal_append_input(const struct temporal *t, struct dispatch_list *list,
                           bool fp16, int parity, const struct dispatch_binding *picture,
                           const struct dispatch_binding *result, int w, int h,
                           const struct plan_range *range, struct daub_error *error)
{
    struct kernel_constants constants = kernel_default_constants();
    constants.own.temporal_input.HAS_HISTORY = t != NULL;
    struct dispatch item = {.name = "temporal input", .kernel = KERNEL_TEMPORAL_INPUT};
    struct temporal_input_push *push = &item.push.temporal_input;
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [TEMPORAL_INPUT_PICTURE] = *picture, [TEMPORAL_INPUT_RESULT] = *result};
    *push = (struct temporal_input_push){
        .net_w = w, .net_h = h, .scale = range->scale, .shift = range->shift};
    if (t) {
        push->w = t->w;
        push->h = t->h;
        push->confidence_w = t->flow.levels[0].w;
        push->confidence_h = t->flow.levels[0].h;
        push->step = t->flow.step;
        bindings[TEMPORAL_INPUT_HISTORY] = temporal_output(t, 1 - parity);
        bindings[TEMPORAL_INPUT_CONFIDENCE] = whole(&t->confidence);
    }
    return dispatch_list_add_map(list, fp16, &constants, bindings, &item, w, h, 1, error);
}

/* Bindings and constants of the kernels that read the painting. */
static void bind_painting(const struct temporal_painting *painting,
                          struct kernel_constants *constants,
                          struct dispatch_binding *bindings)
{
    bindings[SLOT_INPUT0] = painting->map;
    bindings[SLOT_AFFINE0] = painting->affine;
    constants->PAINTED_BLOCK = painting->block;
    constants->PAINTED_CRD = painting->crd;
    constants->V0_AFFINE = painting->affine.buffer != NULL;
    constants->V0_ACT = painting->view->act;
    constants->V0_ALPHA = painting->view->alpha;
    constants->V0_BETA = painting->view->beta;
}

static bool add_blocks(const struct temporal *t, struct dispatch_list *list, int parity,
                       const struct temporal_painting *painting, struct daub_error *error)
{
    const struct plan_range *range = &painting->range;
    int w = block_count(t->w), h = block_count(t->h);
    struct kernel_constants constants = kernel_default_constants();
    struct dispatch item = {.name = "temporal blocks", .kernel = KERNEL_TEMPORAL_BLOCKS};
    item.push.temporal_blocks =
        (struct temporal_blocks_push){.w = w,
                                      .h = h,
                                      .picture_w = t->w,
                                      .picture_h = t->h,
                                      .painted_stride = painting->stride,
                                      .scale = 1.0f / range->scale,
                                      .shift = -range->shift / range->scale};
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [TEMPORAL_BLOCKS_HISTORY] = temporal_output(t, 1 - parity),
        [TEMPORAL_BLOCKS_RESULT] = whole(&t->blocks)};
    bind_painting(painting, &constants, bindings);
    return dispatch_list_add_map(list, t->flow.fp16, &constants, bindings, &item, w, h, 1,
                                 error);
}

bool temporal_append_blend(const struct temporal *t, struct dispatch_list *list,
                           int parity, const struct temporal_painting *painting,
                           struct daub_error *error)
{
    const struct flow_level *finest = &t->flow.levels[0];
    const struct plan_range *range = &painting->range;
    struct kernel_constants constants = kernel_default_constants();
    constants.own.temporal_blend.COPY = painting->copy;
    struct dispatch item = {.name = "temporal blend", .kernel = KERNEL_TEMPORAL_BLEND};
    item.push.temporal_blend =
        (struct temporal_blend_push){.w = t->w,
                                     .h = t->h,
                                     .painted_stride = painting->stride,
                                     .confidence_w = finest->w,
                                     .confidence_h = finest->h,
                                     .blocks_w = block_count(t->w),
                                     .blocks_h = block_count(t->h),
                                     .step = t->flow.step,
                                     .scale = 1.0f / range->scale,
                                     .shift = -range->shift / range->scale};
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [TEMPORAL_BLEND_HISTORY] = temporal_output(t, 1 - parity),
        [TEMPORAL_BLEND_CONFIDENCE] = whole(&t->confidence),
        [TEMPORAL_BLEND_BLOCKS] = whole(&t->blocks),
        [TEMPORAL_BLEND_OUTPUT] = temporal_output(t, parity)};
    bind_painting(painting, &constants, bindings);
    return (painting->copy || add_blocks(t, list, parity, painting, error)) &&
           dispatch_list_add_map(list, t->flow.fp16, &constants, bindings, &item, t->w,
                                 t->h, 1, error);
}
