#include "engine/check.h"

#include <daub/stylizer.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/probe.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

#define GOLDEN_SIDE     MODEL_SMALL_SIDE
#define GOLDEN_SIDE_MIN 16
/* What the reference may take: some seconds, and less memory than a small machine has. A
 * Johnson-type network takes 1e9 at 64 pixels. */
#define GOLDEN_WORK_MAX  3e9
#define GOLDEN_BYTES_MAX 256e6

/* Gradients, a disc, stripes and noise in the network's value range,
 * [channels][side][side]. */
static void golden_picture(float *image, int side, int channels, struct plan_range range)
{
    uint32_t state = 12345;
    for (int c = 0; c < channels; c++) {
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                float u = (float)x / (float)side, v = (float)y / (float)side;
                float value = c % 3 == 0   ? u
                              : c % 3 == 1 ? v
                                           : 0.5f + 0.3f * sinf(20 * u);
                if ((u - 0.5f) * (u - 0.5f) + (v - 0.4f) * (v - 0.4f) < 0.06f)
                    value = 1 - value;
                value += 0.05f * probe_random(&state);
                *image++ = fminf(fmaxf(value, 0), 1) * range.scale + range.shift;
            }
        }
    }
}

/* Refuses a model with which the reference gives NaN or infinity: the device is not the
 * cause. */
static bool all_numbers(const struct net_graph *graph, const struct net_ref *ref,
                        const struct daub_model *model, struct daub_error *error)
{
    int64_t count = net_shape_count(&graph->values[graph->output].shape);
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(ref->result[graph->output][i]))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "%s gives NaN or infinity on the reference too; its weights "
                             "are damaged: export or fetch the file again",
                             model->info.name);
    }
    return true;
}

/* The golden picture of a model and what the reference makes of it. */
struct golden {
    const struct net_graph *graph;
    struct net_graph built; /* used where the model's small graph has another size */
    int side;               /* pixels */
    float *image, *style;
    struct plan_range range;
    struct net_ref ref;
};

static void golden_uninit(struct golden *golden)
{
    net_ref_free(&golden->ref);
    net_graph_free(&golden->built);
    free(golden->image);
    free(golden->style);
}

/* Builds the graph for the largest picture, at most of GOLDEN_SIDE, with which the
 * reference ends within its limits. */
static bool choose_size(struct golden *golden, const struct daub_model *model,
                        int alignment, bool keep, struct daub_error *error)
{
    struct net_ref_need need = {0};
    int tried = 0;
    for (int wanted = GOLDEN_SIDE; wanted >= GOLDEN_SIDE_MIN; wanted /= 2) {
        int side = (wanted + alignment - 1) / alignment * alignment;
        if (side == tried)
            continue;
        golden->graph = &model->small;
        if (model->small.height != side || model->small.width != side) {
            golden->graph = &golden->built;
            net_graph_free(&golden->built);
            struct daub_error cause = {0};
            bool built = model_build(model, side, side, &golden->built, &cause);
            if (!built && tried > 0) /* smaller than the network allows */
                break;
            if (!built)
                return daub_fail(error, cause.status, "%s", cause.message);
        }
        golden->side = tried = side;
        need = net_ref_need(golden->graph, keep);
        if (need.work <= GOLDEN_WORK_MAX && need.bytes <= GOLDEN_BYTES_MAX)
            return true;
    }
    return daub_fail(error, DAUB_ERROR_MODEL,
                     "%s is too large: even a picture of %dx%d takes %.1f billion "
                     "multiplications and %.0f MB; use a smaller model",
                     model->info.name, tried, tried, need.work / 1e9, need.bytes / 1e6);
}

/* keep: the results of all nodes, not of the last one only. To be freed with
 * golden_uninit in either case. */
static bool golden_init(struct golden *golden, const struct daub_device *device,
                        const struct daub_model *model, bool keep,
                        struct daub_error *error)
{
    const struct net_onnx_info *info = net_onnx_get_info(model->onnx);
    *golden = (struct golden){.range = model_range(model)};
    net_graph_init(&golden->built);
    int alignment = model_alignment(model, device, error);
    if (alignment == 0 || !choose_size(golden, model, alignment, keep, error))
        return false;
    int side = golden->side;
    size_t pixels = (size_t)side * (size_t)side;
    golden->image = daub_alloc(pixels * (size_t)info->image_channels, sizeof(float));
    golden->style = daub_alloc((size_t)info->style_count, sizeof(float));
    if (!golden->image || !golden->style)
        return daub_no_memory(error, "the golden picture");
    golden_picture(golden->image, side, info->image_channels, golden->range);
    model_default_style(model, golden->style);
    return net_ref_run(&golden->ref, golden->graph, golden->image, golden->style,
                       NET_REF_ALL, keep, error) &&
           all_numbers(golden->graph, &golden->ref, model, error);
}

bool check_golden(struct daub_device *device, const struct daub_model *model,
                  enum gpu_kernels kernels, bool fp16, double *psnr,
                  struct daub_error *error)
{
    struct golden golden;
    struct probe probe = {.device = device, .kernels = kernels, .fp16 = fp16};
    int64_t count = 0;
    float *out = NULL;
    if (golden_init(&golden, device, model, false, error))
        out = probe_run(&probe, golden.graph, golden.image, golden.style, &count, error);
    if (out)
        *psnr = probe_psnr(out, golden.ref.result[golden.graph->output], count,
                           golden.range.scale);
    bool ok = out != NULL;
    probe_free(&probe);
    golden_uninit(&golden);
    free(out);
    return ok;
}

/* ---- step by step ---- */

struct comparison {
    const struct net_graph *graph;
    const struct net_ref *ref;
    void (*visit)(const struct daub_checked_step *step, void *user);
    void *user;
};

static void compare_step(const struct plan_step *step, const float *values,
                         const int shape[3], void *user)
{
    const struct comparison *comparison = user;
    const struct net_shape *expected = &comparison->graph->values[step->value].shape;
    const float *result = comparison->ref->result[step->value];
    if (!result || expected->dim[1] != shape[0] || expected->dim[2] != shape[1] ||
        expected->dim[3] != shape[2])
        return;
    int64_t count = net_shape_count(expected);
    double peak = 1e-20;
    for (int64_t i = 0; i < count; i++)
        peak = fmax(peak, fabs((double)result[i]));
    struct daub_checked_step checked = {.psnr_db =
                                            probe_psnr(values, result, count, peak)};
    snprintf(checked.name, sizeof(checked.name), "%s (%s)", step->name,
             kernel_info(step->kernel)->name);
    checked.right = checked.psnr_db >= CHECK_FP32_DB;
    comparison->visit(&checked, comparison->user);
}

bool check_steps(struct daub_device *device, enum gpu_kernels kernels,
                 const struct net_graph *graph, const struct net_ref *ref,
                 const float *image, const float *style,
                 void (*visit)(const struct daub_checked_step *step, void *user),
                 void *user, struct daub_error *error)
{
    struct probe probe = {.device = device, .kernels = kernels};
    struct comparison comparison = {graph, ref, visit, user};
    bool ok = probe_steps(&probe, graph, image, style, compare_step, &comparison, error);
    probe_free(&probe);
    return ok;
}

enum daub_status
daub_device_check_steps(struct daub_device *device, const struct daub_model *model,
                        void (*visit)(const struct daub_checked_step *step, void *user),
                        void *user, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    struct golden golden;
    bool ok = golden_init(&golden, device, model, true, error) &&
              check_steps(device, device->kernels, golden.graph, &golden.ref,
                          golden.image, golden.style, visit, user, error);
    golden_uninit(&golden);
    return ok ? DAUB_OK : error->status;
}

enum daub_status daub_device_check(struct daub_device *device,
                                   const struct daub_model *model,
                                   enum daub_precision precision, double *psnr_db,
                                   bool *safe, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    bool fp16 = precision == DAUB_PRECISION_FP16;
    if (!check_golden(device, model, device->kernels, fp16, psnr_db, error))
        return error->status;
    *safe = *psnr_db >= (fp16 ? CHECK_FP16_DB : CHECK_FP32_DB);
    return DAUB_OK;
}

/* Only a check that was passed is kept: a device that fails is checked at every start,
 * because the cause may be gone. */
bool check_precision(struct daub_device *device, const struct daub_model *model,
                     enum gpu_kernels kernels, bool may_fall_back, bool *fp16,
                     struct daub_error *error)
{
    char name[64];
    double psnr, least = *fp16 ? CHECK_FP16_DB : CHECK_FP32_DB;
    size_t bytes;
    snprintf(name, sizeof(name), "check-%016llx-%d-%s",
             (unsigned long long)model->info.hash, (int)kernels, *fp16 ? "fp16" : "fp32");
    double *passed = gpu_cache_load(device, name, &bytes);
    bool known = passed && bytes == sizeof(*passed) && *passed >= least;
    free(passed);
    if (known)
        return true;
    if (!check_golden(device, model, kernels, *fp16, &psnr, error))
        return false;
    daub_log(DAUB_LOG_VERBOSE, "%s at %s agrees with the reference to %.1f dB",
             device->info.name, *fp16 ? "fp16" : "fp32", psnr);
    if (psnr >= least) {
        gpu_cache_save(device, name, &psnr, sizeof(psnr));
        return true;
    }
    if (*fp16 && may_fall_back) {
        daub_log(DAUB_LOG_WARNING,
                 "%s paints %s wrongly with 16-bit storage (%.1f dB); using 32 bits",
                 device->info.name, model->info.name, psnr);
        *fp16 = false;
        return check_precision(device, model, kernels, false, fp16, error);
    }
    return daub_fail(error, DAUB_ERROR_WRONG_RESULTS,
                     "%s paints %s wrongly (%.1f dB from the reference)%s; update its "
                     "driver or choose another device with --gpu",
                     device->info.name, model->info.name, psnr,
                     *fp16 ? ", try --precision fp32" : "");
}
