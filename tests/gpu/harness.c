#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/ref.h"
#include "util/alloc.h"

float harness_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

double harness_psnr(const float *a, const float *b, int64_t count, double peak)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return 10 * log10(peak * peak / (sum / (double)count));
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

struct recording {
    const struct dispatch_list *list;
    VkQueryPool queries;
};

static void record(VkCommandBuffer cmd, void *user)
{
    const struct recording *recording = user;
    dispatch_list_record(recording->list, cmd, recording->queries);
}

static void show_steps(struct harness *harness, const struct dispatch_list *list)
{
    VkQueryPool queries;
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = (uint32_t)list->count + 1,
    };
    VkDevice device = harness->device->device;
    uint64_t *ticks = calloc(list->count + 1, 8);
    if (!ticks || vkCreateQueryPool(device, &info, NULL, &queries) != VK_SUCCESS)
        abort();
    struct recording recording = {list, queries};
    gpu_run(harness->device, record, &recording, NULL);
    vkGetQueryPoolResults(device, queries, 0, (uint32_t)list->count + 1,
                          (list->count + 1) * 8, ticks, 8,
                          VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
    for (size_t i = 0; i < list->count; i++) {
        double ms = (double)(ticks[i + 1] - ticks[i]) * harness->device->caps.timestamp_ns * 1e-6;
        printf("  %8.3f ms %7.2f GFLOP/s  %s\n", ms,
               ms > 0 ? list->items[i].gflop / ms * 1e3 : 0, list->items[i].name);
    }
    vkDestroyQueryPool(device, queries, NULL);
    free(ticks);
}

/* The output tensor with its pending view applied, as [C][H][W]. */
static float *download(struct exec *exec, const struct plan *plan,
                       struct gpu_buffer *params, struct gpu_buffer *input, int64_t *count,
                       struct daub_error *error)
{
    const struct plan_view *view = &plan->output;
    const struct plan_tensor *t = &plan->tensors[view->tensor];
    void *map = malloc(t->bytes);
    *count = (int64_t)t->h * t->w * t->c;
    float *out = malloc((size_t)*count * sizeof(float));
    size_t c4 = ((size_t)t->c + 3) / 4;
    float *affine = calloc(c4 * 8, sizeof(float));
    bool ok = map && out && affine &&
              gpu_buffer_read(exec->device, t->external ? input : &exec->arena,
                              t->external ? 0 : t->offset, map, t->bytes, error);
    bool mapped = view->affine_tensor >= 0 || view->affine_param >= 0;
    if (ok && view->affine_tensor >= 0)
        ok = gpu_buffer_read(exec->device, &exec->arena,
                             plan->tensors[view->affine_tensor].offset, affine, c4 * 32,
                             error);
    else if (ok && view->affine_param >= 0)
        memcpy(affine, (char *)params->mapped + view->affine_param, c4 * 32);
    if (ok)
        exec_unpack_map(map, t->h, t->w, t->c, plan->caps.fp16, out);
    int64_t pixels = (int64_t)t->h * t->w;
    for (int64_t i = 0; ok && i < *count; i++) {
        int64_t c = i / pixels;
        if (mapped)
            out[i] = out[i] * affine[c / 4 * 8 + c % 4] + affine[c / 4 * 8 + 4 + c % 4];
        out[i] = net_ref_act(view->act, view->alpha, view->beta, 0, out[i]);
    }
    free(map);
    free(affine);
    if (!ok) {
        free(out);
        return NULL;
    }
    return out;
}

bool harness_run(struct harness *harness, const struct net_graph *graph,
                 const float *image, const float *style, float **out, int64_t *count)
{
    struct daub_error error = {0};
    struct exec exec = {0};
    struct gpu_buffer params = {0}, input = {0};
    struct dispatch_list list = {0};
    struct plan_caps caps = exec_caps(harness->device, harness->kernels, harness->fp16);
    struct plan_range range = {1, 0};
    caps.no_winograd = harness->no_winograd;
    net_plan_free(&harness->plan);
    *out = NULL;
    bool ok = net_plan_build(&harness->plan, graph, &caps, &range, &error) &&
              net_plan_check(&harness->plan, &error) &&
              exec_init(&exec, harness->device, &harness->plan, &error) &&
              exec_create_params(&exec, &params, &error);
    if (ok && harness->plan.input >= 0) {
        const struct plan_tensor *t = &harness->plan.tensors[harness->plan.input];
        void *map = malloc(t->bytes);
        exec_pack_map(image, t->h, t->w, t->c, harness->fp16, map);
        ok = gpu_buffer_create(harness->device, GPU_MEMORY_DEVICE, t->bytes, "picture",
                               &input, &error) &&
             gpu_buffer_write(harness->device, &input, 0, map, t->bytes, &error);
        free(map);
    }
    ok = ok && net_plan_fill(&harness->plan, graph, style, params.mapped, &error) &&
         gpu_buffer_flush(harness->device, &params, &error) &&
         dispatch_list_init(&list, harness->device, exec.kernels,
                            harness->plan.step_count, &error) &&
         exec_append(&exec, &list, &params, &input, &error);
    harness->ms = 1e30;
    harness->gflop = 0;
    for (size_t i = 0; i < list.count; i++)
        harness->gflop += list.items[i].gflop;
    struct recording recording = {&list, VK_NULL_HANDLE};
    for (int i = 0; ok && i <= harness->repeat; i++) {
        double start = now_ms();
        ok = gpu_run(harness->device, record, &recording, &error);
        double ms = now_ms() - start;
        if (i > 0 && ms < harness->ms)
            harness->ms = ms;
    }
    if (ok && harness->show_steps)
        show_steps(harness, &list);
    if (ok)
        *out = download(&exec, &harness->plan, &params, &input, count, &error);
    if (!*out)
        fprintf(stderr, "harness: %s\n", error.message);
    dispatch_list_free(&list);
    gpu_buffer_free(harness->device, &params);
    gpu_buffer_free(harness->device, &input);
    exec_free(&exec);
    return *out != NULL;
}

void harness_free(struct harness *harness)
{
    net_plan_free(&harness->plan);
}
