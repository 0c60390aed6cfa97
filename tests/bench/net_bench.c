/* net_bench MODEL.onnx|convN HxW [texel|shared|host|host-ISA] [fp32|fp16] [direct]
 * [check] [threads=N]: times a network's plan alone (no frame conversion), whole and step
 * by step, and prints the plan. convN is one 3x3 convolution of N to N channels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/probe.h"
#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"

static bool conv_graph(struct net_graph *graph, int c, int h, int w)
{
    struct net_shape x = {4, {1, c, h, w}}, k = {4, {c, c, 3, 3}};
    float *weights = malloc((size_t)c * (size_t)c * 9 * sizeof(float));
    uint32_t state = 1;
    for (int i = 0; weights && i < c * c * 9; i++)
        weights[i] = probe_random(&state) / (float)c;
    net_graph_init(graph);
    int in = net_graph_add_value(graph, "x", &x, NULL);
    int weight = net_graph_add_constant(graph, "w", &k, weights, NULL);
    int out = net_graph_add_value(graph, "y", &x, NULL);
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

int main(int argc, char **argv)
{
    struct daub_error error = {0};
    int h = 360, w = 640;
    bool check = false;
    if (argc < 3 || sscanf(argv[2], "%dx%d", &h, &w) != 2)
        return 2;
    struct probe probe = {.repeat = 15, .want_steps = true};
    struct daub_device_params params = {.kernels = "host"};
    double sum_ms = 0;
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "shared") == 0 || strcmp(argv[i], "texel") == 0 ||
            strncmp(argv[i], "host", 4) == 0)
            params.kernels = argv[i];
        sscanf(argv[i], "threads=%d", &params.threads);
        probe.fp16 = probe.fp16 || strcmp(argv[i], "fp16") == 0;
        probe.no_winograd = probe.no_winograd || strcmp(argv[i], "direct") == 0;
        check = check || strcmp(argv[i], "check") == 0;
    }
    if (daub_device_open(&params, &probe.device, &error) != DAUB_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 3;
    }
    probe.kernels = probe_choose_kernels(probe.device);
    struct net_graph graph = {0};
    int conv = 0;
    bool ok = sscanf(argv[1], "conv%d", &conv) == 1 ? conv_graph(&graph, conv, h, w)
                                                    : model_graph(&graph, argv[1], h, w);
    if (!ok)
        return 4;
    int64_t in_count = net_shape_count(&graph.values[graph.image].shape), count;
    float *image = malloc((size_t)in_count * sizeof(float)), style[4096] = {1};
    uint32_t state = 7;
    for (int64_t i = 0; i < in_count; i++)
        image[i] = probe_random(&state) * 0.5f + 0.5f;
    float *out = probe_run(&probe, &graph, image, style, &count, &error);
    if (!out) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    double gflop = 0;
    for (size_t i = 0; i < probe.plan.step_count; i++) {
        const struct plan_step *step = &probe.plan.steps[i];
        double ms = probe.step_ms[i];
        gflop += step->macs * 2e-9;
        sum_ms += ms;
        printf("%8.3f ms %7.1f GFLOP/s  %-14s %s\n", ms,
               ms > 0 ? step->macs * 2e-6 / ms : 0, kernel_info(step->kernel)->name,
               step->name);
    }
    net_plan_dump(&probe.plan, stdout);
    printf("%s %dx%d: %.2f ms (median %.2f ms, best steps %.2f ms, processor time %.2f "
           "ms), %.2f GFLOP, "
           "%.1f GFLOP/s\n",
           argv[1], h, w, probe.best_ms, probe.median_ms, sum_ms, probe.best_cpu_ms,
           gflop, gflop / probe.best_ms * 1e3);
    if (check)
        compare(&graph, image, style, out, count);
    free(image);
    free(out);
    probe_free(&probe);
    net_graph_free(&graph);
    daub_device_close(probe.device);
    return 0;
}
