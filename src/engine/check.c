#include "engine/check.h"

#include <daub/stylizer.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/probe.h"
#include "net/ref.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

#define GOLDEN_SIDE MODEL_SMALL_SIDE

/* Slopes, a disc, stripes and noise, in the net's values; of seven channels, too. */
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

/* What the reference cannot paint is the model's fault. */
static bool all_numbers(const struct net_graph *graph, const struct net_ref *ref,
                        const struct daub_model *model, struct daub_error *error)
{
    int64_t count = net_shape_count(&graph->values[graph->output].shape);
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(ref->result[graph->output][i]))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "%s paints values that are no numbers; its weights are "
                             "damaged",
                             model->info.name);
    }
    return true;
}

bool check_golden(struct daub_device *device, const struct daub_model *model,
                  enum gpu_kernels kernels, bool fp16, double *psnr,
                  struct daub_error *error)
{
    struct net_graph built = {0};
    const struct net_graph *graph = &model->small;
    struct net_ref ref = {0};
    struct probe probe = {.device = device, .kernels = kernels, .fp16 = fp16};
    struct plan_range range = model_range(model);
    int alignment = model_alignment(model, device, error);
    if (alignment == 0)
        return false;
    int side = (GOLDEN_SIDE + alignment - 1) / alignment * alignment;
    int channels = net_onnx_get_info(model->onnx)->image_channels;
    int styles = net_onnx_get_info(model->onnx)->style_count;
    float *image =
              daub_alloc((size_t)side * (size_t)side * (size_t)channels, sizeof(float)),
          *out = NULL;
    float *style = daub_alloc((size_t)styles, sizeof(float));
    int64_t count = 0;
    bool ok = image && style;
    if (!ok)
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for the golden picture");
    if (ok && (graph->height != side || graph->width != side)) {
        ok = model_build(model, side, side, &built, error);
        graph = &built;
    }
    if (ok) {
        golden_picture(image, side, channels, range);
        model_default_style(model, style);
        ok = net_ref_run(&ref, graph, image, style, NET_REF_ALL, false, error);
    }
    if (ok)
        ok = all_numbers(graph, &ref, model, error);
    if (ok)
        out = probe_run(&probe, graph, image, style, &count, error);
    if (out)
        *psnr = probe_psnr(out, ref.result[graph->output], count, range.scale);
    ok = out != NULL;
    probe_free(&probe);
    net_ref_free(&ref);
    net_graph_free(&built);
    free(image);
    free(style);
    free(out);
    return ok;
}

enum daub_status daub_device_check(struct daub_device *device,
                                   const struct daub_model *model,
                                   enum daub_precision precision, double *psnr_db,
                                   bool *safe, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    bool fp16 = precision == DAUB_PRECISION_FP16;
    if (!check_golden(device, model, probe_choose_kernels(device), fp16, psnr_db, error))
        return error->status;
    *safe = *psnr_db >= (fp16 ? CHECK_FP16_DB : CHECK_FP32_DB);
    return DAUB_OK;
}

static bool golden_cached(struct daub_device *device, const struct daub_model *model,
                          enum gpu_kernels kernels, bool fp16, double *psnr,
                          struct daub_error *error)
{
    char name[64];
    size_t bytes;
    snprintf(name, sizeof(name), "check-%016llx-%d-%s", (unsigned long long)model->hash,
             (int)kernels, fp16 ? "fp16" : "fp32");
    double *kept = gpu_cache_load(device, name, &bytes);
    if (kept && bytes == sizeof(*psnr)) {
        *psnr = *kept;
        free(kept);
        return true;
    }
    free(kept);
    if (!check_golden(device, model, kernels, fp16, psnr, error))
        return false;
    daub_log(DAUB_LOG_VERBOSE, "%s at %s agrees with the reference to %.1f dB",
             device->info.name, fp16 ? "fp16" : "fp32", *psnr);
    gpu_cache_save(device, name, psnr, sizeof(*psnr));
    return true;
}

bool check_precision(struct daub_device *device, const struct daub_model *model,
                     enum gpu_kernels kernels, bool may_fall_back, bool *fp16,
                     struct daub_error *error)
{
    double psnr;
    if (!golden_cached(device, model, kernels, *fp16, &psnr, error))
        return false;
    if (psnr >= (*fp16 ? CHECK_FP16_DB : CHECK_FP32_DB))
        return true;
    if (*fp16 && may_fall_back) {
        daub_log(DAUB_LOG_WARNING,
                 "%s paints %s wrongly with 16-bit storage (%.1f dB); using 32 bits",
                 device->info.name, model->info.name, psnr);
        *fp16 = false;
        return check_precision(device, model, kernels, false, fp16, error);
    }
    return daub_fail(error, DAUB_ERROR_GARBAGE,
                     "%s paints %s wrongly (%.1f dB from the reference)%s; update its "
                     "driver or choose another device with --gpu",
                     device->info.name, model->info.name, psnr,
                     *fp16 ? ", try --precision fp32" : "");
}
