#include "engine/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/compile.h"
#include "net/lower.h"
#include "net/ref.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

float probe_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

double probe_psnr(const float *a, const float *b, int64_t count, double peak)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return 10 * log10(peak * peak / (sum / (double)count));
}

static double now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* What one run needs. */
struct run {
    struct exec exec;
    struct gpu_buffer params, input;
    struct dispatch_list list;
};

static void free_run(struct run *run, struct daub_device *device)
{
    dispatch_list_free(&run->list);
    gpu_buffer_free(device, &run->params);
    gpu_buffer_free(device, &run->input);
    exec_free(&run->exec);
}

static bool upload_picture(struct probe *probe, struct run *run, const float *image,
                           struct daub_error *error)
{
    if (probe->plan.input < 0)
        return true;
    const struct plan_tensor *t = &probe->plan.tensors[probe->plan.input];
    void *map = daub_alloc(t->bytes, 1);
    if (!map)
        return daub_no_memory(error, "a test picture");
    exec_pack_map(image, t->h, t->w, t->c, probe->fp16, map);
    bool ok = gpu_buffer_create(probe->device, GPU_MEMORY_DEVICE, t->bytes, "picture",
                                &run->input, error) &&
              gpu_buffer_write(probe->device, &run->input, 0, map, t->bytes, error);
    free(map);
    return ok;
}

static bool set_up(struct probe *probe, struct run *run, const struct net_graph *graph,
                   const float *image, const float *style, struct daub_error *error)
{
    struct plan_caps caps = exec_caps(probe->device, probe->kernels, probe->fp16);
    struct plan_range range = {1, 0};
    caps.no_winograd = probe->no_winograd;
    if (probe->fp16 && !caps.fp16)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "the host kernels have no fp16");
    return net_lower(&probe->plan, graph, &caps, &range, error) &&
           net_plan_check(&probe->plan, error) &&
           exec_init(&run->exec, probe->device, &probe->plan, false, error) &&
           exec_create_params(&run->exec, &run->params, error) &&
           upload_picture(probe, run, image, error) &&
           net_plan_fill(&probe->plan, graph, style, run->params.mapped, error) &&
           gpu_buffer_flush(probe->device, &run->params, error) &&
           dispatch_list_init(&run->list, probe->device, run->exec.kernels,
                              probe->plan.step_count + 1, error) &&
           exec_append(&run->exec, &run->list, &run->params, &run->input, NULL, error) &&
           compile_list(&run->list, error);
}

static bool time_steps(struct probe *probe, struct run *run, struct daub_error *error)
{
    size_t count = run->list.count;
    double *ms = daub_alloc(count + 1, sizeof(*ms));
    probe->step_ms = daub_alloc(count + 1, sizeof(*probe->step_ms));
    bool ok = ms && probe->step_ms;
    if (!ok)
        daub_no_memory(error, "timings");
    for (int k = 0; ok && k <= probe->repeat; k++) {
        ok = dispatch_list_run(&run->list, ms, error);
        for (size_t i = 0; ok && i < count; i++)
            probe->step_ms[i] = k == 0 ? ms[i] : fmin(ms[i], probe->step_ms[i]);
    }
    free(ms);
    return ok;
}

/* The output tensor with its pending view applied. */
static float *read_output(struct probe *probe, struct run *run, int64_t *count,
                          struct daub_error *error)
{
    const struct plan_view *view = &probe->plan.output;
    const struct plan_tensor *t = &probe->plan.tensors[view->tensor];
    size_t c4 = ((size_t)t->c + 3) / 4;
    *count = (int64_t)t->h * t->w * t->c;
    void *map = daub_alloc(t->bytes, 1);
    float *out = daub_alloc((size_t)*count, sizeof(float));
    float *affine = daub_alloc(c4 * 8, sizeof(float));
    bool mapped = view->affine_tensor >= 0 || view->affine_param >= 0;
    bool ok = map && out && affine;
    if (!ok)
        daub_no_memory(error, "a test picture");
    ok =
        ok && gpu_buffer_read(probe->device, t->external ? &run->input : &run->exec.arena,
                              t->external ? 0 : t->offset, map, t->bytes, error);
    if (ok && view->affine_tensor >= 0)
        ok = gpu_buffer_read(probe->device, &run->exec.arena,
                             probe->plan.tensors[view->affine_tensor].offset, affine,
                             c4 * 32, error);
    else if (ok && view->affine_param >= 0)
        memcpy(affine, (char *)run->params.mapped + view->affine_param, c4 * 32);
    if (ok)
        exec_unpack_map(map, t->h, t->w, t->c, probe->fp16, out);
    int64_t pixels = (int64_t)t->h * t->w;
    for (int64_t i = 0; ok && i < *count; i++) {
        int64_t at = i / pixels / 4 * 8 + i / pixels % 4;
        if (mapped)
            out[i] = out[i] * affine[at] + affine[at + 4];
        out[i] = net_ref_act(view->act, view->alpha, view->beta, 0, out[i]);
    }
    free(map);
    free(affine);
    if (ok)
        return out;
    free(out);
    return NULL;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One run, then probe->repeat timed ones. */
static bool run_and_time(struct probe *probe, struct run *run, struct daub_error *error)
{
    size_t repeat = (size_t)probe->repeat;
    double *ms = daub_alloc(repeat + 1, sizeof(double));
    if (!ms)
        return daub_no_memory(error, "timing a model");
    bool ok = dispatch_list_run(&run->list, NULL, error);
    probe->best_cpu_ms = INFINITY;
    for (size_t i = 0; ok && i < repeat; i++) {
        double start = now_ms(CLOCK_MONOTONIC), cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
        ok = dispatch_list_run(&run->list, NULL, error);
        ms[i] = now_ms(CLOCK_MONOTONIC) - start;
        probe->best_cpu_ms =
            fmin(probe->best_cpu_ms, now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    }
    qsort(ms, repeat, sizeof(double), compare_doubles);
    probe->best_ms = repeat ? ms[0] : INFINITY;
    probe->median_ms = repeat ? ms[repeat / 2] : INFINITY;
    free(ms);
    return ok;
}

float *probe_run(struct probe *probe, const struct net_graph *graph, const float *image,
                 const float *style, int64_t *count, struct daub_error *error)
{
    struct run run = {0};
    float *out = NULL;
    probe_free(probe);
    bool ok = set_up(probe, &run, graph, image, style, error);
    ok = ok && run_and_time(probe, &run, error);
    if (ok)
        out = read_output(probe, &run, count, error);
    if (out && probe->want_steps && !time_steps(probe, &run, error)) {
        free(out);
        out = NULL;
    }
    probe->weights = probe->plan.weight_bytes;
    probe->arena = probe->plan.arena_bytes;
    free_run(&run, probe->device);
    return out;
}

/* The map that a step wrote, as floats; NULL with *error set. */
static float *read_map(struct probe *probe, struct run *run,
                       const struct plan_tensor *tensor, struct daub_error *error)
{
    void *map = daub_alloc(tensor->bytes, 1);
    float *values = daub_alloc((size_t)tensor->h * (size_t)tensor->w * (size_t)tensor->c,
                               sizeof(float));
    bool ok = map && values;
    if (!ok)
        daub_no_memory(error, "the result of a step");
    ok = ok && gpu_buffer_read(probe->device, &run->exec.arena, tensor->offset, map,
                               tensor->bytes, error);
    if (ok)
        exec_unpack_map(map, tensor->h, tensor->w, tensor->c, probe->fp16, values);
    free(map);
    if (ok)
        return values;
    free(values);
    return NULL;
}

bool probe_steps(struct probe *probe, const struct net_graph *graph, const float *image,
                 const float *style,
                 void (*visit)(const struct plan_step *step, const float *values,
                               const int shape[3], void *user),
                 void *user, struct daub_error *error)
{
    struct run run = {0};
    probe_free(probe);
    bool ok = set_up(probe, &run, graph, image, style, error);
    for (size_t i = 0; ok && i < probe->plan.step_count; i++) {
        const struct plan_step *step = &probe->plan.steps[i];
        const struct plan_binding *out = &step->bind[SLOT_OUTPUT];
        struct dispatch_list one = run.list;
        one.items += i;
        one.count = 1;
        ok = dispatch_list_run(&one, NULL, error);
        if (!ok || step->value < 0 || out->where != PLAN_TENSOR)
            continue;
        const struct plan_tensor *tensor = &probe->plan.tensors[out->tensor];
        int shape[3] = {tensor->c, tensor->h, tensor->w};
        float *values = tensor->floats ? NULL : read_map(probe, &run, tensor, error);
        ok = values || tensor->floats;
        if (values)
            visit(step, values, shape, user);
        free(values);
    }
    free_run(&run, probe->device);
    return ok;
}

void probe_free(struct probe *probe)
{
    net_plan_free(&probe->plan);
    free(probe->step_ms);
    probe->step_ms = NULL;
}
