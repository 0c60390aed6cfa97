#include "onnx_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/onnx.h"
#include "net/passes.h"
#include "net/ref.h"

static void need(bool holds, const char *what, const struct daub_error *error)
{
    if (holds)
        return;
    fprintf(stderr, "%s (%s)\n", what, error->message);
    abort();
}

/* Runs small networks on the reference, before and after the passes. */
static void run(struct net_graph *graph)
{
    static const float zeros[7 * 64 * 64]; /* also of the longest style input, 4096 */
    struct daub_error error = {0};
    for (int turn = 0; turn < 2 && net_ref_need(graph, true).work < 3e6; turn++) {
        struct net_ref ref;
        bool ok = net_ref_run(&ref, graph, zeros, zeros, NET_REF_ALL, false, &error);
        need(ok == (error.status == DAUB_OK), "result and status differ", &error);
        net_ref_free(&ref);
        if (turn == 0 && !net_passes_run(graph, &error))
            break;
        need(net_graph_check(graph, &error), "the passes left a broken graph", &error);
    }
}

static void build(const struct net_onnx *onnx, int height, int width, bool encoder,
                  FILE *sink)
{
    struct daub_error error = {0};
    struct net_graph graph;
    bool ok = (encoder ? net_onnx_build_encoder : net_onnx_build)(onnx, height, width,
                                                                  &graph, &error);
    need(ok == (error.status == DAUB_OK), "result and status differ", &error);
    if (ok) {
        need(net_graph_check(&graph, &error), "a built graph is refused", &error);
        net_graph_dump(&graph, sink);
        /* Reads the last element of every constant, for the sanitizer. */
        float sum = 0;
        for (size_t i = 0; i < graph.value_count; i++)
            if (graph.values[i].data)
                sum += graph.values[i].data[net_shape_count(&graph.values[i].shape) - 1];
        fprintf(sink, "%g\n", (double)sum);
        run(&graph);
    }
    net_graph_free(&graph);
}

int onnx_target(const uint8_t *data, size_t size)
{
    struct daub_error error = {0};
    struct net_onnx *onnx = net_onnx_parse(data, size, "fuzz", &error);
    need(!onnx == (error.status != DAUB_OK), "result and status differ", &error);
    need(!strchr(error.message, '\n'), "message of two lines", &error);
    if (!onnx)
        return 0;
    FILE *sink = fopen("/dev/null", "w");
    if (!sink)
        abort();
    build(onnx, 16, 16, false, sink);
    build(onnx, 13, 21, false, sink);
    build(onnx, 64, 40, false, sink);
    if (net_onnx_get_info(onnx)->style_picture)
        build(onnx, 21, 16, true, sink);
    int alignment = net_onnx_alignment(onnx, &error);
    need(alignment >= 0 && alignment <= 512, "alignment out of range", &error);
    need((alignment > 0) == (error.status == DAUB_OK), "result and status differ",
         &error);
    fclose(sink);
    net_onnx_free(onnx);
    return 1;
}
