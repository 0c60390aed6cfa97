/* net_bench MODEL.onnx|convN[-M] HxW [shaders|host|host-ISA] [fp32|fp16] [direct]
 * [check] [threads=N] [whole] [runs=N] [style=N] [image=FILE] [output=FILE]: times a
 * network's plan alone (no frame conversion), whole and step by step, and prints the
 * plan. convN-M is one 3x3 convolution of N to M (N) channels. whole: no times of steps,
 * no plan. image, output: 32-bit floats, [C][H][W], to read instead of random numbers and
 * to write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/probe.h"
#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"

static bool conv_graph(struct net_graph *graph, int c, int out_c, int h, int w)
{
    struct net_shape x = {4, {1, c, h, w}}, y = {4, {1, out_c, h, w}};
    struct net_shape k = {4, {out_c, c, 3, 3}};
    float *weights = malloc((size_t)c * (size_t)out_c * 9 * sizeof(float));
    uint32_t state = 1;
    for (int i = 0; weights && i < c * out_c * 9; i++)
        weights[i] = probe_random(&state) / (float)c;
    net_graph_init(graph);
    int in = net_graph_add_value(graph, "x", &x, NULL);
    int weight = net_graph_add_constant(graph, "w", &k, weights, NULL);
    int out = net_graph_add_value(graph, "y", &y, NULL);
    free(weights);
    net_graph_add_node(graph, NET_INPUT, "in", "Input", NULL, 0, in, NULL);
    int inputs[] = {in, weight, -1};
    int n = net_graph_add_node(graph, NET_CONV, "conv", "Conv", inputs, 3, out, NULL);
    struct net_node *node = &graph->nodes[n];
    node->u.conv.window = (struct net_window){{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}};
    node->u.conv.pad_mode = NET_PAD_REFLECT;
    node->u.conv.group = node->u.conv.upsample = 1;
    node->u.conv.act = NET_ACT_NONE;
    graph->image = in;
    graph->output = out;
    graph->style = -1;
    return true;
}

static bool model_graph(struct net_graph *graph, const char *path, int h, int w)
{
    struct daub_error error = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    static char data[64 << 20];
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    struct net_onnx *onnx = net_onnx_parse(data, size, path, &error);
    bool ok = onnx && net_onnx_build(onnx, h, w, graph, &error) &&
              net_passes_run(graph, &error);
    net_onnx_free(onnx);
    if (!ok)
        fprintf(stderr, "%s\n", error.message);
    return ok;
}

static void compare(const struct net_graph *graph, const float *image, const float *style,
                    const float *out, int64_t count)
{
    struct daub_error error = {0};
    struct net_ref ref = {0};
    if (net_ref_run(&ref, graph, image, style, NET_REF_ALL, false, &error)) {
        const float *expected = ref.result[graph->output];
        float low = expected[0], high = expected[0];
        for (int64_t i = 0; i < count; i++) {
            low = expected[i] < low ? expected[i] : low;
            high = expected[i] > high ? expected[i] : high;
        }
        printf("PSNR against the reference %.1f dB (values %g to %g)\n",
               probe_psnr(out, expected, count, (double)high - (double)low), (double)low,
               (double)high);
    }
    net_ref_free(&ref);
}

#define MAX_STYLES 4096

struct options {
    int h, w;
    bool check;
    int style;
    const char *image, *output;
    struct daub_device_params device;
};

static bool parse(int argc, char **argv, struct options *options, struct probe *probe)
{
    if (argc < 3 || sscanf(argv[2], "%dx%d", &options->h, &options->w) != 2)
        return false;
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "shaders") == 0 || strncmp(argv[i], "host", 4) == 0)
            options->device.kernels = argv[i];
        sscanf(argv[i], "threads=%d", &options->device.threads);
        probe->fp16 = probe->fp16 || strcmp(argv[i], "fp16") == 0;
        probe->no_winograd = probe->no_winograd || strcmp(argv[i], "direct") == 0;
        probe->want_steps = probe->want_steps && strcmp(argv[i], "whole") != 0;
        options->check = options->check || strcmp(argv[i], "check") == 0;
        sscanf(argv[i], "runs=%d", &probe->repeat);
        sscanf(argv[i], "style=%d", &options->style);
        if (strncmp(argv[i], "image=", 6) == 0)
            options->image = argv[i] + 6;
        if (strncmp(argv[i], "output=", 7) == 0)
            options->output = argv[i] + 7;
    }
    return options->style >= 0 && options->style < MAX_STYLES;
}

/* Random numbers in 0..1 where path is NULL. */
static bool make_image(float *image, size_t count, const char *path)
{
    uint32_t state = 7;
    for (size_t i = 0; i < count; i++)
        image[i] = probe_random(&state) * 0.5f + 0.5f;
    if (!path)
        return true;
    FILE *file = fopen(path, "rb");
    bool ok = file && fread(image, sizeof(float), count, file) == count;
    if (file)
        fclose(file);
    if (!ok)
        fprintf(stderr, "%s does not have the image's %zu floats\n", path, count);
    return ok;
}

static bool write_output(const float *values, size_t count, const char *path)
{
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(values, sizeof(float), count, file) == count;
    if (file)
        ok = fclose(file) == 0 && ok;
    if (!ok)
        fprintf(stderr, "%s cannot be written\n", path);
    return ok;
}

/* Prints the steps with their times and the plan; returns the sum of the times, ms. */
static double print_steps(const struct probe *probe)
{
    double sum_ms = 0;
    for (size_t i = 0; i < probe->plan.step_count; i++) {
        const struct plan_step *step = &probe->plan.steps[i];
        double ms = probe->step_ms[i];
        sum_ms += ms;
        printf("%8.3f ms %7.1f GFLOP/s  %-14s %s\n", ms,
               ms > 0 ? step->macs * 2e-6 / ms : 0, kernel_info(step->kernel)->name,
               step->name);
    }
    net_plan_dump(&probe->plan, stdout);
    return sum_ms;
}

int main(int argc, char **argv)
{
    struct daub_error error = {0};
    struct options options = {.device = {.kernels = "host"}};
    struct probe probe = {.repeat = 15, .want_steps = true};
    if (!parse(argc, argv, &options, &probe))
        return 2;
    int h = options.h, w = options.w;
    if (daub_device_open(&options.device, &probe.device, &error) != DAUB_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 3;
    }
    probe.kernels = probe.device->kernels;
    struct net_graph graph = {0};
    int in_c = 0, out_c = 0, given = sscanf(argv[1], "conv%d-%d", &in_c, &out_c);
    bool ok = given > 0 ? conv_graph(&graph, in_c, given > 1 ? out_c : in_c, h, w)
                        : model_graph(&graph, argv[1], h, w);
    if (!ok)
        return 4;
    size_t in_count = (size_t)net_shape_count(&graph.values[graph.image].shape);
    int64_t count;
    float *image = malloc(in_count * sizeof(float)), style[MAX_STYLES] = {0};
    style[options.style] = 1;
    if (!image || !make_image(image, in_count, options.image))
        return 1;
    float *out = probe_run(&probe, &graph, image, style, &count, &error);
    if (!out) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    double gflop = 0, sum_ms = probe.want_steps ? print_steps(&probe) : 0;
    for (size_t i = 0; i < probe.plan.step_count; i++)
        gflop += probe.plan.steps[i].macs * 2e-9;
    printf("device: %s\n", probe.device->info.name);
    printf("%s %dx%d: %.2f ms (median %.2f ms, best steps %.2f ms, processor time %.2f "
           "ms), %.2f GFLOP, "
           "%.1f GFLOP/s\n",
           argv[1], h, w, probe.best_ms, probe.median_ms, sum_ms, probe.best_cpu_ms,
           gflop, gflop / probe.best_ms * 1e3);
    if (options.check)
        compare(&graph, image, style, out, count);
    if (options.output && !write_output(out, (size_t)count, options.output))
        return 1;
    free(image);
    free(out);
    probe_free(&probe);
    net_graph_free(&graph);
    daub_device_close(probe.device);
    return 0;
}
