/* Networks of many families (make_import_cases.py): importer, passes, plan and kernels
 * against PyTorch's own painting. Lists what is refused, with the reason.
 *
 * Usage: test_import PYTHON SCRIPT [shaders] [every=N] [only=TEXT]
 * shaders: on the shaders of every Vulkan device, too. every=N: each Nth network. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../gpu/gpu_test.h"
#include "../unit/script.h"
#include "engine/probe.h"
#include "net/onnx.h"
#include "net/passes.h"
#include "util/error.h"

enum { NAME = 96 };
/* dB that a painting must reach: storage in 32 bits; in 16, or a quantized network; a
 * deep quantized network, in which a value near a half that is rounded the other way
 * changes all of the painting. */
static const double least[3] = {50, 40, 25};

static struct gpu_test test;
static bool shaders;
static int nets, refused, runs, failed, every = 1, number;
static char last_net[NAME], last_seen[NAME];

struct net_case {
    char name[NAME];
    int32_t size, expect_refusal, quantized, channels, side[2], styles;
    int32_t other_side[2]; /* of the style's picture; 0: there is none */
    unsigned char *model;
    float *image, *style, *other, *want;
    struct net_graph encoder; /* of the style's picture */
};

static bool take(FILE *file, void *to, size_t size)
{
    return fread(to, 1, size, file) == size;
}

static void *take_new(FILE *file, size_t size)
{
    void *data = malloc(size + 1);
    if (!data || !take(file, data, size))
        abort();
    return data;
}

static double decibels(const float *have, const float *want, int64_t count)
{
    float low = want[0], high = want[0];
    for (int64_t i = 0; i < count; i++) {
        low = fminf(low, want[i]);
        high = fmaxf(high, want[i]);
    }
    double db = probe_psnr(have, want, count, high > low ? (double)(high - low) : 1);
    return isnan(db) ? 0 : db;
}

/* The painting of the case's picture in the style of its style weights or picture. */
static float *paint(const struct net_case *c, const struct net_graph *graph,
                    struct probe *probe, int64_t *count, struct daub_error *error)
{
    float *signal = NULL;
    if (c->other_side[0])
        signal = probe_run(probe, &c->encoder, c->other, NULL, count, error);
    float *out =
        c->other_side[0] && !signal
            ? NULL
            : probe_run(probe, graph, c->image, signal ? signal : c->style, count, error);
    free(signal);
    return out;
}

static void run_on(const struct net_case *c, const struct net_graph *graph,
                   struct daub_device *device, enum gpu_kernels kernels, bool fp16)
{
    struct probe probe = {.device = device, .kernels = kernels, .fp16 = fp16};
    struct daub_error error = {0};
    int64_t count = 0, wanted = 3 * (int64_t)c->side[0] * c->side[1];
    float *out = paint(c, graph, &probe, &count, &error);
    double db = out && count == wanted ? decibels(out, c->want, count) : 0;
    runs++;
    if (!(db >= least[c->quantized ? c->quantized : fp16])) {
        failed++;
        printf("FAILED %s %dx%d, %s %s: %.1f dB %s\n", c->name, c->side[1], c->side[0],
               gpu_test_kernels_name(kernels), fp16 ? "fp16" : "fp32", db,
               error.status ? error.message : "");
    }
    free(out);
    probe_free(&probe);
}

static void run_devices(const struct net_case *c, const struct net_graph *graph)
{
    for (int d = 0; d < test.count; d++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test.devices[d], sets);
        for (int k = 0; k < count; k++) {
            bool host = sets[k] == GPU_KERNELS_HOST;
            if (host && d == test.count - 1) /* the processor */
                run_on(c, graph, test.devices[d], sets[k], false);
            for (int fp16 = 0; !host && shaders && fp16 < 2 - c->quantized; fp16++)
                run_on(c, graph, test.devices[d], sets[k], fp16);
        }
    }
}

static void run_case(struct net_case *c)
{
    struct daub_error error = {0};
    struct net_graph graph;
    bool again = !strcmp(c->name, last_net);
    snprintf(last_net, sizeof(last_net), "%s", c->name);
    net_graph_init(&graph);
    net_graph_init(&c->encoder);
    struct net_onnx *onnx = net_onnx_parse(c->model, (size_t)c->size, c->name, &error);
    bool ok = onnx && net_onnx_build(onnx, c->side[0], c->side[1], &graph, &error) &&
              net_passes_run(&graph, &error);
    if (ok && c->other_side[0])
        ok = net_onnx_build_encoder(onnx, c->other_side[0], c->other_side[1], &c->encoder,
                                    &error) &&
             net_passes_run(&c->encoder, &error);
    nets += !again;
    if (ok)
        run_devices(c, &graph);
    else if (!again || !c->expect_refusal) {
        refused++;
        failed += !c->expect_refusal;
        printf("%s %s\n", c->expect_refusal ? "refused" : "REFUSED", error.message);
    }
    net_graph_free(&graph);
    net_graph_free(&c->encoder);
    net_onnx_free(onnx);
}

static bool next_case(FILE *file, const char *only)
{
    struct net_case c;
    int32_t head[8];
    if (!take(file, c.name, NAME) || !take(file, head, sizeof(head)))
        return false;
    c.size = head[0];
    c.expect_refusal = head[1] & 1;
    c.quantized = head[1] >> 1;
    c.channels = head[2];
    c.side[0] = head[3];
    c.side[1] = head[4];
    c.styles = head[5];
    c.other_side[0] = head[6];
    c.other_side[1] = head[7];
    size_t area = (size_t)c.side[0] * (size_t)c.side[1];
    c.model = take_new(file, (size_t)c.size);
    c.image = take_new(file, (size_t)c.channels * area * sizeof(float));
    c.style = take_new(file, (size_t)c.styles * sizeof(float));
    size_t other = (size_t)head[6] * (size_t)head[7];
    c.other = take_new(file, 3 * other * sizeof(float));
    c.want = take_new(file, 3 * area * sizeof(float));
    number += strcmp(c.name, last_seen) != 0;
    snprintf(last_seen, sizeof(last_seen), "%s", c.name);
    if (number % every == 0 && (!only || strstr(c.name, only)))
        run_case(&c);
    free(c.model);
    free(c.image);
    free(c.style);
    free(c.other);
    free(c.want);
    return true;
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    char magic[8];
    int code;
    if (argc < 3)
        return 77;
    for (int i = 3; i < argc; i++) {
        if (!strncmp(argv[i], "only=", 5))
            only = argv[i] + 5;
        if (!strncmp(argv[i], "every=", 6))
            every = atoi(argv[i] + 6) > 0 ? atoi(argv[i] + 6) : 1;
        shaders = shaders || !strcmp(argv[i], "shaders");
    }
    FILE *file = run_script(argv[1], argv[2], &code);
    if (!file)
        return code;
    if (!take(file, magic, sizeof(magic)) || memcmp(magic, "DAUBIMP2", 8))
        return 1;
    if (!gpu_test_open(&test))
        return 77;
    while (next_case(file, only))
        ;
    fclose(file);
    printf("%d networks, %d refused, %d runs, %d failures\n", nets, refused, runs,
           failed);
    return !gpu_test_close(&test) || failed > 0 || runs == 0;
}
