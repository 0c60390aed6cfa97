/* The stylizer: one plan; its commands are recorded once for each of the two frames in
 * flight. Host kernels have no commands: submitting a frame runs them. */
#include <daub/daub.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/check.h"
#include "engine/compile.h"
#include "engine/exec.h"
#include "engine/frame.h"
#include "engine/model.h"
#include "engine/probe.h"
#include "net/lower.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

#define SLOTS 2

struct slot {
    struct frame_slot frame;
    struct dispatch_list list;
    VkCommandBuffer cmd;
    VkQueryPool queries; /* with timing */
    double *ms;          /* with timing: of the last frame's dispatches */
    int64_t tag;
    uint64_t value; /* of the timeline when it is done */
    float *style;   /* style weights for which its parameters were filled */
};

struct daub_stylizer {
    struct daub_device *device;
    struct net_graph graph; /* the host computes its style-dependent values */
    struct plan plan;
    struct exec exec;
    struct frame frame;
    struct temporal temporal;
    bool steady;  /* temporal is used */
    bool restart; /* the next frame has no history */
    bool cut;     /* the frame received last begins a new scene */
    VkCommandPool pool;
    VkSemaphore timeline;
    uint64_t submitted, received; /* timeline values */
    struct slot slots[SLOTS];
    int style_count, identity_style; /* identity_style -1: there is none */
    float *default_style, *wanted_style;
    bool timing;
    struct daub_step_time *times;
    int time_count;
};

const char *daub_version(void)
{
    return DAUB_VERSION;
}

/* ---- building ---- */

static bool build_net(struct daub_stylizer *s, const struct daub_model *model,
                      enum gpu_kernels kernels, bool fp16, bool average,
                      struct daub_error *error)
{
    struct plan_caps caps = exec_caps(s->device, kernels, fp16);
    struct plan_range range = model_range(model);
    caps.fold_blocks = frame_is_plain(&s->frame);
    if (!model_build(model, s->frame.net_h, s->frame.net_w, &s->graph, error) ||
        !net_lower(&s->plan, &s->graph, &caps, &range, error))
        return false;
    if (s->plan.out_h != s->frame.net_h || s->plan.out_w != s->frame.net_w)
        return daub_fail(
            error, DAUB_ERROR_MODEL,
            "%s paints %d x %d from %d x %d; daub runs networks that keep the size",
            model->info.name, s->plan.out_w, s->plan.out_h, s->frame.net_w,
            s->frame.net_h);
    return exec_init(&s->exec, s->device, &s->plan, average, error);
}

static bool build_styles(struct daub_stylizer *s, const struct daub_model *model,
                         struct daub_error *error)
{
    s->style_count = net_onnx_get_info(model->onnx)->style_count;
    s->default_style = daub_alloc((size_t)s->style_count, sizeof(float));
    s->wanted_style = daub_alloc((size_t)s->style_count, sizeof(float));
    bool ok = s->default_style && s->wanted_style;
    for (int i = 0; i < SLOTS; i++) {
        s->slots[i].style = daub_alloc((size_t)s->style_count, sizeof(float));
        ok = ok && s->slots[i].style;
    }
    if (!ok)
        return daub_no_memory(error, "the styles");
    s->identity_style = model->info.identity_style;
    model_default_style(model, s->default_style);
    return true;
}

/* Fills the slot's parameters for these style weights. force: also where they are those
 * of the last call. */
static bool set_style(struct daub_stylizer *s, struct slot *slot, const float *style,
                      bool force, struct daub_error *error)
{
    size_t bytes = (size_t)s->style_count * sizeof(float);
    if (s->style_count == 0 || (!force && memcmp(slot->style, style, bytes) == 0))
        return true;
    memcpy(slot->style, style, bytes);
    return net_plan_fill(&s->plan, &s->graph, style, slot->frame.params.mapped, error) &&
           gpu_buffer_flush(s->device, &slot->frame.params, error);
}

static bool on_host(const struct daub_stylizer *s)
{
    return s->exec.kernels == GPU_KERNELS_HOST;
}

static bool record_slot(const struct daub_stylizer *s, struct slot *slot,
                        struct daub_error *error)
{
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = s->pool,
        .commandBufferCount = 1,
    };
    if (on_host(s))
        return true;
    if (!slot->cmd)
        GPU_CHECK(vkAllocateCommandBuffers(s->device->device, &allocate, &slot->cmd));
    VkCommandBufferBeginInfo begin = {.sType =
                                          VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    GPU_CHECK(vkBeginCommandBuffer(slot->cmd, &begin));
    dispatch_list_record(&slot->list, slot->cmd, slot->queries);
    gpu_record_host_barrier(slot->cmd);
    GPU_CHECK(vkEndCommandBuffer(slot->cmd));
    return true;
fail:
    return false;
}

static bool build_slot(struct daub_stylizer *s, struct slot *slot,
                       struct daub_error *error)
{
    int parity = (int)(slot - s->slots);
    return frame_slot_init(&s->frame, &s->exec, &slot->frame, error) &&
           dispatch_list_init(&slot->list, s->device, s->exec.kernels,
                              s->plan.step_count + FRAME_MAX_DISPATCHES, error) &&
           frame_append(&s->frame, &s->exec, s->steady ? &s->temporal : NULL, parity,
                        &slot->frame, &slot->list, error) &&
           compile_list(&slot->list, error) &&
           set_style(s, slot, s->default_style, true, error) &&
           record_slot(s, slot, error);
}

static bool build_slots(struct daub_stylizer *s, struct daub_error *error)
{
    for (int i = 0; i < SLOTS; i++) {
        if (!build_slot(s, &s->slots[i], error))
            return false;
    }
    return true;
}

static bool build_queue(struct daub_stylizer *s, struct daub_error *error)
{
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = s->device->queue_family,
    };
    VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                       .pNext = &type};
    if (on_host(s))
        return true;
    GPU_CHECK(vkCreateCommandPool(s->device->device, &pool, NULL, &s->pool));
    GPU_CHECK(vkCreateSemaphore(s->device->device, &semaphore, NULL, &s->timeline));
    return true;
fail:
    return false;
}

/* Whether the precision means storage in 16 bits. */
static bool wants_fp16(const struct daub_device *device, enum daub_precision precision)
{
    return device->kernels != GPU_KERNELS_HOST &&
           (precision == DAUB_PRECISION_FP16 ||
            (precision == DAUB_PRECISION_AUTO && device->info.fp16_storage));
}

enum daub_status daub_stylizer_create(struct daub_device *device,
                                      const struct daub_model *model,
                                      const struct daub_stylizer_params *params,
                                      struct daub_stylizer **out,
                                      struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    *out = NULL;
    struct daub_stylizer *s = daub_alloc(1, sizeof(*s));
    if (!s) {
        daub_no_memory(error, "a stylizer");
        return error->status;
    }
    s->device = device;
    float scene_threshold = params->scene_threshold != 0 ? params->scene_threshold
                                                         : DAUB_SCENE_THRESHOLD_DEFAULT;
    if (!(scene_threshold > 0) || !isfinite(scene_threshold)) {
        daub_fail(error, DAUB_ERROR_ARGUMENT, "scene threshold %g is not above 0",
                  (double)params->scene_threshold);
        goto fail;
    }
    enum gpu_kernels kernels = device->kernels;
    struct plan_range range = model_range(model);
    bool fp16 = wants_fp16(device, params->precision);
    if (kernels == GPU_KERNELS_HOST && params->precision == DAUB_PRECISION_FP16)
        daub_log(DAUB_LOG_WARNING, "the processor paints with 32 bits; it has no fp16");
    if (!params->skip_check &&
        !check_precision(device, model, kernels, params->precision == DAUB_PRECISION_AUTO,
                         &fp16, error))
        goto fail;
    int alignment = model_alignment(model, device, error);
    if (alignment == 0 ||
        !frame_init(&s->frame, device, kernels, fp16, params, alignment,
                    net_onnx_get_info(model->onnx)->image_channels, &range, error) ||
        !build_net(s, model, kernels, fp16, params->temporal == DAUB_TEMPORAL_STATS,
                   error) ||
        !build_styles(s, model, error) || !build_queue(s, error))
        goto fail;
    s->steady = params->temporal == DAUB_TEMPORAL_FLOW || params->only_cuts;
    s->restart = true;
    if (s->steady && !temporal_init(&s->temporal, device, fp16, s->frame.work_w,
                                    s->frame.work_h, scene_threshold, error))
        goto fail;
    if (!build_slots(s, error))
        goto fail;
    *out = s;
    return DAUB_OK;
fail:
    daub_stylizer_free(s);
    return error->status;
}

/* Waits for the frames in flight, which still use the memory. */
void daub_stylizer_free(struct daub_stylizer *s)
{
    if (!s)
        return;
    if (s->submitted > s->received && !on_host(s)) {
        VkSemaphoreWaitInfo wait = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                    .semaphoreCount = 1,
                                    .pSemaphores = &s->timeline,
                                    .pValues = &s->submitted};
        vkWaitSemaphores(s->device->device, &wait, UINT64_MAX);
    }
    for (int i = 0; i < SLOTS; i++) {
        dispatch_list_free(&s->slots[i].list);
        frame_slot_free(&s->frame, &s->slots[i].frame);
        if (s->slots[i].queries)
            vkDestroyQueryPool(s->device->device, s->slots[i].queries, NULL);
        free(s->slots[i].style);
        free(s->slots[i].ms);
    }
    if (s->timeline)
        vkDestroySemaphore(s->device->device, s->timeline, NULL);
    if (s->pool)
        vkDestroyCommandPool(s->device->device, s->pool, NULL);
    temporal_free(&s->temporal);
    frame_free(&s->frame);
    exec_free(&s->exec);
    net_plan_free(&s->plan);
    net_graph_free(&s->graph);
    free(s->default_style);
    free(s->wanted_style);
    free(s->times);
    free(s);
}

/* ---- frames ---- */

static bool check_image(const struct daub_image *image, int width, int height,
                        const struct daub_format *format, struct daub_error *error)
{
    const struct image_layout *layout = image_layout(format->pixel);
    if (image->width != width || image->height != height ||
        image->format.pixel != format->pixel)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "the picture is not %d x %d %s, for which the stylizer was made",
                         width, height, layout->name);
    for (int p = 0; p < layout->planes; p++) {
        size_t row_bytes;
        int rows;
        daub_pixel_plane_size(format->pixel, p, width, height, &row_bytes, &rows);
        ptrdiff_t stride = image->stride[p] < 0 ? -image->stride[p] : image->stride[p];
        if (!image->plane[p] || ((size_t)stride < row_bytes && rows > 1))
            return daub_fail(
                error, DAUB_ERROR_ARGUMENT,
                "plane %d of the picture is missing or its rows are too short", p);
    }
    return true;
}

/* Whether the style weights differ from the previous frame's: the history was painted in
 * another style and cannot be used. */
static bool style_changes(const struct daub_stylizer *s)
{
    return s->submitted > 0 && s->style_count > 0 &&
           memcmp(s->slots[(s->submitted - 1) % SLOTS].style, s->wanted_style,
                  (size_t)s->style_count * sizeof(float)) != 0;
}

static bool fill_frame_params(struct daub_stylizer *s, struct slot *slot,
                              const struct daub_frame_params *params,
                              struct daub_error *error)
{
    float strength = params ? params->strength : 1.0f;
    if (!(strength >= 0 && strength <= 1))
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "strength %g is not between 0 and 1",
                         (double)strength);
    float stability = params ? params->stability : DAUB_STABILITY_DEFAULT;
    if (!(stability >= 0 && stability <= 1))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "stability %g is not between 0 and 1", (double)stability);
    if (params && params->color > DAUB_COLOR_ONLY)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "unknown color mode %d",
                         (int)params->color);
    const float *style = params && params->style ? params->style : s->default_style;
    for (int i = 0; i < s->style_count; i++) {
        if (!isfinite(style[i]))
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "weight %d of the style mix is not a finite number", i);
    }
    /* With an identity style the network mixes. At strength 0 the input's pixels are
     * used, which the network would reproduce only nearly. */
    bool mixes_pixels = s->identity_style < 0 || strength == 0;
    for (int i = 0; i < s->style_count; i++) {
        float identity = i == s->identity_style ? 1 - strength : 0;
        s->wanted_style[i] = mixes_pixels ? style[i] : identity + strength * style[i];
    }
    struct frame_params control = {
        .strength = mixes_pixels ? strength : 1,
        .color = params ? (float)params->color : 0,
        .stability = stability,
        .restart = s->restart || style_changes(s),
    };
    memcpy(slot->frame.frame_params.mapped, &control, sizeof(control));
    return set_style(s, slot, s->wanted_style, false, error) &&
           gpu_buffer_flush(s->device, &slot->frame.frame_params, error);
}

static bool submit(struct daub_stylizer *s, struct slot *slot, struct daub_error *error)
{
    uint64_t value = s->submitted + 1;
    VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &value,
    };
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &timeline,
        .commandBufferCount = 1,
        .pCommandBuffers = &slot->cmd,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &s->timeline,
    };
    pthread_mutex_lock(&s->device->lock);
    VkResult result = vkQueueSubmit(s->device->queue, 1, &info, VK_NULL_HANDLE);
    pthread_mutex_unlock(&s->device->lock);
    GPU_CHECK(result);
    s->submitted = value;
    return true;
fail:
    return false;
}

static bool run_on_host(struct daub_stylizer *s, struct slot *slot,
                        struct daub_error *error)
{
    double *ms = s->timing ? slot->ms : NULL;
    if (!dispatch_list_run(&slot->list, ms, error))
        return false;
    s->submitted++;
    return true;
}

enum daub_status daub_stylizer_submit(struct daub_stylizer *s,
                                      const struct daub_image *image,
                                      const struct daub_frame_params *params, int64_t tag,
                                      struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    if (s->submitted - s->received == SLOTS)
        return DAUB_ERROR_AGAIN;
    struct slot *slot = &s->slots[s->submitted % SLOTS];
    if (!check_image(image, s->frame.in_w, s->frame.in_h, &s->frame.in, error) ||
        !fill_frame_params(s, slot, params, error))
        return error->status;
    frame_put(&s->frame, &slot->frame, image);
    slot->tag = tag;
    if (!gpu_buffer_flush(s->device, &slot->frame.upload, error) ||
        !(on_host(s) ? run_on_host(s, slot, error) : submit(s, slot, error)))
        return error->status;
    s->restart = false;
    return DAUB_OK;
}

void daub_stylizer_reset_history(struct daub_stylizer *s)
{
    s->restart = true;
}

bool daub_stylizer_was_cut(const struct daub_stylizer *s)
{
    return s->cut;
}

static bool read_times(struct daub_stylizer *s, struct slot *slot,
                       struct daub_error *error)
{
    if (!on_host(s) &&
        !dispatch_read_times(s->device, slot->queries, slot->list.count, slot->ms, error))
        return false;
    for (size_t i = 0; i < slot->list.count; i++)
        s->times[i].ms = slot->ms[i];
    return true;
}

enum daub_status daub_stylizer_receive(struct daub_stylizer *s, struct daub_image *image,
                                       int64_t *tag, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    if (s->submitted == s->received)
        return DAUB_ERROR_AGAIN;
    if (!check_image(image, s->frame.out_w, s->frame.out_h, &s->frame.out, error))
        return error->status;
    struct slot *slot = &s->slots[s->received % SLOTS];
    uint64_t value = s->received + 1;
    VkSemaphoreWaitInfo wait = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                .semaphoreCount = 1,
                                .pSemaphores = &s->timeline,
                                .pValues = &value};
    if (!on_host(s))
        GPU_CHECK(vkWaitSemaphores(s->device->device, &wait, UINT64_MAX));
    if (!gpu_buffer_invalidate(s->device, &slot->frame.download, error))
        goto fail;
    if (!s->frame.only_cuts)
        frame_get(&s->frame, &slot->frame, image);
    if (s->steady) {
        if (!gpu_buffer_invalidate(s->device, &slot->frame.report, error))
            goto fail;
        const struct temporal_report *report = slot->frame.report.mapped;
        s->cut = report->cut > 0;
        daub_log(DAUB_LOG_DEBUG, "divergence %.3f, correlation %.3f%s",
                 (double)report->divergence, (double)report->correlation,
                 s->cut ? ": a new scene" : "");
    }
    if (tag)
        *tag = slot->tag;
    s->received = value;
    if (s->timing && !read_times(s, slot, error))
        goto fail;
    return DAUB_OK;
fail:
    return error->status;
}

void daub_stylizer_output(const struct daub_stylizer *s, int *width, int *height,
                          struct daub_format *format)
{
    *width = s->frame.out_w;
    *height = s->frame.out_h;
    *format = s->frame.out;
}

/* ---- measurement ---- */

static bool create_queries(struct daub_stylizer *s, struct slot *slot,
                           struct daub_error *error)
{
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = (uint32_t)slot->list.count + 1,
    };
    slot->ms = daub_alloc(slot->list.count, sizeof(*slot->ms));
    if (!slot->ms)
        return daub_no_memory(error, "timings");
    if (on_host(s))
        return true;
    GPU_CHECK(vkCreateQueryPool(s->device->device, &info, NULL, &slot->queries));
    return record_slot(s, slot, error);
fail:
    return false;
}

enum daub_status daub_stylizer_enable_timing(struct daub_stylizer *s,
                                             struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    if (s->times)
        return DAUB_OK;
    size_t count = s->slots[0].list.count;
    s->times = daub_alloc(count, sizeof(*s->times));
    if (!s->times) {
        daub_no_memory(error, "timings");
        return error->status;
    }
    for (size_t i = 0; i < count; i++) {
        s->times[i].name = s->slots[0].list.items[i].name;
        s->times[i].gflop = s->slots[0].list.items[i].gflop;
    }
    s->time_count = (int)count;
    if (!on_host(s) && !s->device->caps.timestamps)
        return DAUB_OK; /* times stay zero */
    for (int i = 0; i < SLOTS; i++) {
        if (!create_queries(s, &s->slots[i], error))
            return error->status;
    }
    s->timing = true;
    return DAUB_OK;
}

int daub_stylizer_times(const struct daub_stylizer *s,
                        const struct daub_step_time **steps)
{
    *steps = s->times;
    return s->time_count;
}

enum daub_status daub_model_estimate(struct daub_device *device,
                                     const struct daub_model *model, int width,
                                     int height, enum daub_precision precision,
                                     struct daub_model_cost *cost,
                                     struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    struct net_graph graph = {0};
    struct plan plan = {0};
    struct plan_caps caps =
        exec_caps(device, device->kernels, wants_fp16(device, precision));
    struct plan_range range = model_range(model);
    caps.fold_blocks = true;
    if (width < 1 || height < 1 || width > 16384 || height > 16384) {
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "a picture of %d x %d cannot be painted; sides are 1 to 16384", width,
                  height);
        return error->status;
    }
    *cost = (struct daub_model_cost){.alignment = model_alignment(model, device, error)};
    int a = cost->alignment;
    bool ok = a > 0 &&
              model_build(model, (height + a - 1) / a * a, (width + a - 1) / a * a,
                          &graph, error) &&
              net_lower(&plan, &graph, &caps, &range, error);
    if (ok) {
        cost->steps = (int)plan.step_count;
        cost->macs = model_macs(&graph);
        cost->arena_bytes = plan.arena_bytes;
        cost->weight_bytes = plan.weight_bytes;
    }
    if (ok && plan.arena_bytes + plan.weight_bytes > device->info.memory_bytes)
        daub_fail(error, DAUB_ERROR_MEMORY, "it takes %.0f MB and %s has %.0f",
                  (double)(plan.arena_bytes + plan.weight_bytes) / 1e6, device->info.name,
                  (double)device->info.memory_bytes / 1e6);
    net_plan_free(&plan);
    net_graph_free(&graph);
    return error->status;
}

void daub_stylizer_dump(const struct daub_stylizer *s, FILE *file)
{
    net_plan_dump(&s->plan, file);
}

void daub_stylizer_memory(const struct daub_stylizer *s, struct daub_memory_info *info)
{
    info->arena_bytes = s->exec.arena.bytes + s->frame.maps.bytes +
                        s->frame.picture.bytes + s->frame.net_input.bytes;
    info->weight_bytes = s->exec.weights.bytes + s->frame.tables.bytes;
    info->staging_bytes = 0;
    for (int i = 0; i < SLOTS; i++) {
        const struct frame_slot *slot = &s->slots[i].frame;
        info->staging_bytes += slot->upload.bytes + slot->download.bytes +
                               slot->params.bytes + slot->frame_params.bytes;
    }
}
