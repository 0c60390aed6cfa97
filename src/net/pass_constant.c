/* Computes nodes of constants, which the importer has no function for. */
#include <stdlib.h>

#include "net/op.h"
#include "net/pass.h"
#include "util/alloc.h"
#include "util/error.h"

static bool reads_constants(const struct net_graph *graph, const struct net_node *node)
{
    for (int k = 0; k < node->input_count; k++)
        if (node->input[k] >= 0 && !graph->values[node->input[k]].data)
            return false;
    return node->op != NET_INPUT && node->output != graph->output;
}

static bool compute(struct net_graph *graph, const struct net_node *node,
                    struct daub_error *error)
{
    struct net_value *out = &graph->values[node->output];
    int64_t count = net_shape_count(&out->shape);
    const float **in = daub_alloc((size_t)node->input_count, sizeof(*in));
    float *data = count < 0 ? NULL : daub_alloc((size_t)count, sizeof(*data));
    bool ok = in && data;
    for (int k = 0; ok && k < node->input_count; k++)
        in[k] = node->input[k] < 0 ? NULL : graph->values[node->input[k]].data;
    const struct net_op_job job = {
        .graph = graph, .node = node, .in = in, .out = data, .error = error};
    ok = ok ? net_op_find(node->op)->run(&job)
            : daub_no_memory(error, "rewriting the network");
    free(in);
    if (!ok) {
        free(data);
        return false;
    }
    out->data = data;
    out->from_style = false;
    out->producer = -1;
    return true;
}

/* The nodes stay until the sweep; nothing reads through them, since their outputs are
 * constants. */
bool net_pass_constant(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (reads_constants(graph, &graph->nodes[i]) &&
            !compute(graph, &graph->nodes[i], error))
            return false;
    return true;
}
