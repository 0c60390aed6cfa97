#include "engine/temporal.h"

#include <stdio.h>
#include <string.h>

#include "engine/exec.h"
#include "util/error.h"

enum {
    FLOW_STEP = 2,
    LOCAL_SIDE = 8,
    VEC4 = 16,
    LOCALS = 2, /* vectors a block */
};

static VkDeviceSize painting_bytes(const struct temporal *t)
{
    return (VkDeviceSize)t->w * (VkDeviceSize)t->h * (t->flow.fp16 ? 8 : 16);
}

struct dispatch_binding temporal_shown(const struct temporal *t, int parity)
{
    return (struct dispatch_binding){&t->painting[parity], 0, painting_bytes(t),
                                     exec_format(false, t->flow.fp16)};
}

static void clear(VkCommandBuffer cmd, void *user)
{
    const struct temporal *t = user;
    for (int i = 0; i < 2; i++)
        vkCmdFillBuffer(cmd, t->painting[i].buffer, 0, VK_WHOLE_SIZE, 0);
}

static int local_side(int n)
{
    return (n + LOCAL_SIDE - 1) / LOCAL_SIDE;
}

bool temporal_init(struct temporal *t, struct daub_device *device, bool fp16, int w,
                   int h, float scene_threshold, struct daub_error *error)
{
    *t = (struct temporal){.w = w, .h = h, .scene_threshold = scene_threshold};
    if (!flow_init(&t->flow, device, fp16, w, h, FLOW_STEP, error))
        return false;
    const struct flow_level *finest = &t->flow.levels[0];
    VkDeviceSize local = (VkDeviceSize)local_side(w) * (VkDeviceSize)local_side(h);
    VkDeviceSize trust = (VkDeviceSize)finest->w * (VkDeviceSize)finest->h * VEC4;
    const struct {
        struct gpu_buffer *buffer;
        const char *name;
        VkDeviceSize bytes;
    } wanted[] = {{&t->local, "local", local * LOCALS * VEC4},
                  {&t->trust, "trust", trust},
                  {&t->painting[0], "painting", painting_bytes(t)},
                  {&t->painting[1], "painting", painting_bytes(t)}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        if (!gpu_buffer_create(device, GPU_MEMORY_DEVICE, wanted[i].bytes, wanted[i].name,
                               wanted[i].buffer, error))
            goto fail;
    }
    if (gpu_run(device, clear, t, error))
        return true;
fail:
    temporal_free(t);
    return false;
}

void temporal_free(struct temporal *t)
{
    struct daub_device *device = t->flow.device;
    if (device) {
        gpu_buffer_free(device, &t->local);
        gpu_buffer_free(device, &t->trust);
        for (int i = 0; i < 2; i++)
            gpu_buffer_free(device, &t->painting[i]);
    }
    flow_free(&t->flow);
    *t = (struct temporal){0};
}

static void put_float(uint32_t *to, float value)
{
    memcpy(to, &value, 4);
}

static struct dispatch_binding whole(const struct gpu_buffer *buffer, VkFormat format)
{
    return (struct dispatch_binding){buffer, 0, buffer->bytes, format};
}

static bool add_cut(const struct temporal *t, struct dispatch_list *list, int parity,
                    const struct gpu_buffer *live, const struct gpu_buffer *report,
                    struct daub_error *error)
{
    int coarsest = t->flow.level_count - 1;
    const struct flow_level *level = &t->flow.levels[coarsest];
    VkFormat floats = exec_format(true, false);
    struct dispatch item = {.name = "temporal cut", .push_count = 4};
    uint32_t spec[GPU_MAX_SPEC] = {0};
    struct dispatch_binding bindings[GPU_BINDINGS] = {
        [0] = flow_slopes(&t->flow, coarsest),
        [1] = flow_field(&t->flow, coarsest, parity),
        [5] = whole(live, floats),
        [6] = whole(report, floats)};
    const int push[] = {level->w, level->h, parity};
    memcpy(item.push, push, sizeof(push));
    put_float(&item.push[3], t->scene_threshold);
    return dispatch_list_add_map(list, "temporal_cut", false, spec, 31, bindings, &item,
                                 1, 1, 1, error);
}

static bool add_trust(const struct temporal *t, struct dispatch_list *list, int parity,
                      const struct gpu_buffer *live, const struct gpu_buffer *report,
                      struct daub_error *error)
{
    int coarse = flow_forth_level(&t->flow);
    const struct flow_level *finest = &t->flow.levels[0],
                            *coarser = &t->flow.levels[coarse];
    VkFormat floats = exec_format(true, false);
    struct dispatch item = {.name = "temporal trust", .push_count = 7};
    uint32_t spec[GPU_MAX_SPEC] = {0};
    struct dispatch_binding bindings[GPU_BINDINGS] = {
        [0] = flow_back(&t->flow),
        [1] = flow_slopes(&t->flow, 0),
        [3] = flow_field(&t->flow, coarse, parity),
        [4] = whole(report, floats),
        [5] = whole(live, floats),
        [6] = whole(&t->trust, floats)};
    const int push[] = {finest->w, finest->h, parity, 0, coarser->w, coarser->h, 0};
    memcpy(item.push, push, sizeof(push));
    put_float(&item.push[3], (float)t->flow.step);
    put_float(&item.push[6], (float)(1 << coarse));
    return dispatch_list_add_map(list, "temporal_trust", false, spec, 31, bindings, &item,
                                 finest->w, finest->h, 1, error);
}

bool temporal_append_flow(const struct temporal *t, struct dispatch_list *list,
                          int parity, const struct flow_picture *picture,
                          const struct gpu_buffer *live, const struct gpu_buffer *report,
                          struct daub_error *error)
{
    return flow_append(&t->flow, list, parity, picture, error) &&
           add_cut(t, list, parity, live, report, error) &&
           add_trust(t, list, parity, live, report, error);
}

bool temporal_append_feed(const struct temporal *t, struct dispatch_list *list,
                          int parity, const struct dispatch_binding *picture,
                          const struct dispatch_binding *fed, int w, int h,
                          const struct plan_range *range, struct daub_error *error)
{
    uint32_t spec[GPU_MAX_SPEC] = {[1] = t != NULL};
    struct dispatch item = {.name = "temporal feed", .push_count = 9};
    struct dispatch_binding bindings[GPU_BINDINGS] = {[0] = *picture, [6] = *fed};
    int push[7] = {w, h};
    if (t) {
        const struct flow_level *finest = &t->flow.levels[0];
        const int of_before[] = {t->w, t->h, finest->w, finest->h, t->flow.step};
        memcpy(&push[2], of_before, sizeof(of_before));
        bindings[1] = temporal_shown(t, 1 - parity);
        bindings[3] = whole(&t->trust, exec_format(true, false));
    }
    memcpy(item.push, push, sizeof(push));
    put_float(&item.push[7], range->scale);
    put_float(&item.push[8], range->shift);
    return dispatch_list_add_map(list, "temporal_feed",
                                 picture->format == exec_format(false, true), spec, 31,
                                 bindings, &item, w, h, 1, error);
}

/* What the kernels that read the painting share. */
static void bind_painting(const struct temporal_painting *painting, uint32_t *spec,
                          struct dispatch_binding *bindings)
{
    bindings[0] = painting->map;
    bindings[2] = painting->affine;
    spec[13] = (uint32_t)painting->block;
    spec[14] = painting->crd;
    spec[20] = painting->affine.buffer != NULL;
    spec[21] = painting->view->act;
    put_float(&spec[22], painting->view->alpha);
    put_float(&spec[23], painting->view->beta);
    spec[25] = spec[28] = NET_ACT_NONE;
}

/* Push constants: the whole numbers, then scale and shift of the painting's values. */
static void set_push(struct dispatch *item, const int *numbers, uint32_t count,
                     const struct plan_range *range)
{
    memcpy(item->push, numbers, count * sizeof(*numbers));
    put_float(&item->push[count], 1.0f / range->scale);
    put_float(&item->push[count + 1], -range->shift / range->scale);
    item->push_count = count + 2;
}

bool temporal_append_blend(const struct temporal *t, struct dispatch_list *list,
                           int parity, const struct temporal_painting *painted,
                           struct daub_error *error)
{
    const struct flow_level *finest = &t->flow.levels[0];
    struct dispatch_binding before = temporal_shown(t, 1 - parity);
    struct dispatch_binding local = whole(&t->local, exec_format(true, false));
    int local_w = local_side(t->w), local_h = local_side(t->h);
    struct dispatch means = {.name = "temporal local"},
                    blend = {.name = "temporal blend"};
    uint32_t spec[GPU_MAX_SPEC] = {0};
    struct dispatch_binding to_local[GPU_BINDINGS] = {[1] = before, [6] = local};
    struct dispatch_binding to_shown[GPU_BINDINGS] = {
        [1] = before,
        [3] = whole(&t->trust, exec_format(true, false)),
        [4] = local,
        [6] = temporal_shown(t, parity)};
    bind_painting(painted, spec, to_local);
    bind_painting(painted, spec, to_shown);
    const int of_local[] = {local_w, local_h, t->w, t->h, painted->stride};
    const int of_blend[] = {t->w,      t->h,    painted->stride, finest->w,
                            finest->h, local_w, local_h,         t->flow.step};
    set_push(&means, of_local, 5, &painted->range);
    set_push(&blend, of_blend, 8, &painted->range);
    spec[1] = painted->fed;
    return (painted->fed ||
            dispatch_list_add_map(list, "temporal_local", t->flow.fp16, spec, 31,
                                  to_local, &means, local_w, local_h, 1, error)) &&
           dispatch_list_add_map(list, "temporal_blend", t->flow.fp16, spec, 31, to_shown,
                                 &blend, t->w, t->h, 1, error);
}
