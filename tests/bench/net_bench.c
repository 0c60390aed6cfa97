/* net_bench MODEL.onnx|convN HxW [texel|shared] [fp32|fp16] [direct]: times a network's
 * plan alone (no frame conversion), step by step; convN is one 3x3 convolution N -> N. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"

static bool conv_graph(struct net_graph *graph, int c, int h, int w)
{
    struct net_shape x = {4, {1, c, h, w}}, k = {4, {c, c, 3, 3}};
    net_graph_init(graph);
    float *weights = malloc((size_t)c * (size_t)c * 9 * sizeof(float));
    uint32_t state = 1;
    for (int i = 0; i < c * c * 9; i++)
        weights[i] = harness_random(&state) / (float)c;
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
    graph->height = h;
    graph->width = w;
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

int main(int argc, char **argv)
{
    struct daub_error error = {0};
    int h = 360, w = 640;
    if (argc < 3 || sscanf(argv[2], "%dx%d", &h, &w) != 2)
        return 2;
    struct harness harness = {.kernels = GPU_KERNELS_TEXEL, .repeat = 5, .show_steps = true};
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "shared") == 0)
            harness.kernels = GPU_KERNELS_SHARED;
        harness.fp16 = harness.fp16 || strcmp(argv[i], "fp16") == 0;
        harness.no_winograd = harness.no_winograd || strcmp(argv[i], "direct") == 0;
    }
    if (daub_device_open(NULL, &harness.device, &error) != DAUB_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 3;
    }
    struct net_graph graph = {0};
    int conv = 0;
    bool ok = sscanf(argv[1], "conv%d", &conv) == 1 ? conv_graph(&graph, conv, h, w)
                                                    : model_graph(&graph, argv[1], h, w);
    if (!ok)
        return 4;
    int64_t in_count = net_shape_count(&graph.values[graph.image].shape), count;
    float *image = malloc((size_t)in_count * sizeof(float)), *out;
    uint32_t state = 7;
    for (int64_t i = 0; i < in_count; i++)
        image[i] = harness_random(&state) * 0.5f + 0.5f;
    float style[64] = {1};
    if (!harness_run(&harness, &graph, image, style, &out, &count))
        return 1;
    printf("%s %dx%d: %.2f ms, %.1f GFLOP/s; ", argv[1], h, w, harness.ms,
           harness.gflop / harness.ms * 1e3);
    net_plan_dump(&harness.plan, stdout);
    struct net_ref ref = {0};
    if (getenv("CHECK") && net_ref_run(&ref, &graph, image, style, NET_REF_ALL, true, &error)) {
        float peak = 1e-9f;
        for (int64_t i = 0; i < count; i++)
            peak = ref.result[graph.output][i] > peak ? ref.result[graph.output][i] : peak;
        printf("PSNR against the reference %.1f dB (peak %g)\n",
               harness_psnr(out, ref.result[graph.output], count, peak), peak);
    }
    net_ref_free(&ref);
    free(image);
    free(out);
    harness_free(&harness);
    net_graph_free(&graph);
    daub_device_close(harness.device);
    return 0;
}
