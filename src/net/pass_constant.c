/* Computes nodes of constants, which the importer has no function for. */
#include <stdlib.h>

#include "net/op.h"
#include "net/pass.h"
#include "util/alloc.h"
#include "util/error.h"

#define MAX_WORK                                                                         \
    ((int64_t)1 << 27) /* multiplications and copies in one run of the pass */

/* Numbers that one element of the result is a sum of. */
static int64_t summed(const struct net_graph *graph, const struct net_node *node)
{
    if (node->op == NET_POOL)
        return (int64_t)node->u.pool.window.kernel[0] * node->u.pool.window.kernel[1];
    if (node->op != NET_CONV && node->op != NET_CONV_TRANSPOSE && node->op != NET_MATMUL)
        return 1;
    const struct net_shape *out = &graph->values[node->output].shape;
    const struct net_shape *weights = &graph->values[node->input[1]].shape;
    int64_t outputs = node->op == NET_CONV             ? weights->dim[0]
                      : node->op == NET_CONV_TRANSPOSE ? weights->dim[1]
                                                       : out->dim[out->rank - 1];
    return outputs > 0 ? net_shape_count(weights) / outputs : 1;
}

/* Subtracts the node's work from *left; false with *error where that is not enough. */
static bool count_work(const struct net_graph *graph, const struct net_node *node,
                       int64_t *left, struct daub_error *error)
{
    int64_t count = net_shape_count(&graph->values[node->output].shape);
    int64_t each = summed(graph, node);
    for (int k = 0; k < node->input_count; k++) {
        if (node->input[k] >= 0)
            *left -= net_shape_count(&graph->values[node->input[k]].shape);
    }
    if (count < 0 || *left < 0 || (each > 0 && count > *left / each))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "operator %s in node '%.80s' computes too much from constants; "
                         "simplify the model, for example with onnxsim",
                         node->type ? node->type : net_op_name(node->op), node->name);
    *left -= count * each;
    return true;
}

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
    int64_t left = MAX_WORK;
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        if (reads_constants(graph, node) &&
            (!count_work(graph, node, &left, error) || !compute(graph, node, error)))
            return false;
    }
    return true;
}
