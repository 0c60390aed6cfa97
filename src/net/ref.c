#include "net/ref.h"

#include <stdlib.h>
#include <string.h>

#include "net/op.h"
#include "util/alloc.h"
#include "util/error.h"

bool net_ref_node(const struct net_graph *graph, const struct net_node *node,
                  const float *const *in, float *out, struct daub_error *error)
{
    const struct net_operator *op = net_op_find(node->op);
    if (!op || !op->run)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "node '%s' (%s) cannot be computed by itself", node->name,
                         net_op_name(node->op));
    const struct net_op_job job = {graph, node, in, out, error};
    return op->run(&job);
}

/* State of a run. */
struct run {
    struct net_ref *ref;
    const struct net_graph *graph;
    const float *image, *style;
    int *readers;     /* by value: how many inputs are still to read it */
    const float **in; /* inputs of the current node */
    struct daub_error *error;
};

static bool copy_input(const struct run *run, const struct net_node *node, float *out,
                       size_t bytes)
{
    bool image = node->output == run->graph->image;
    const float *data = image ? run->image : run->style;
    if (!data)
        return daub_fail(run->error, DAUB_ERROR_ARGUMENT,
                         "the network's input '%s' needs %s", node->name,
                         image ? "a picture" : "style weights");
    memcpy(out, data, bytes);
    return true;
}

static bool run_node(const struct run *run, const struct net_node *node)
{
    const struct net_op_job job = {run->graph, node, NULL, NULL, run->error};
    int64_t count = net_shape_count(net_op_out_shape(&job));
    float *out = count < 0 ? NULL : daub_alloc((size_t)count, sizeof(float));
    if (!out)
        return net_op_no_memory(&job);
    run->ref->result[node->output] = out;
    if (node->op == NET_INPUT)
        return copy_input(run, node, out, (size_t)count * sizeof(float));
    for (int i = 0; i < node->input_count; i++)
        run->in[i] = node->input[i] < 0 ? NULL : run->ref->result[node->input[i]];
    return net_ref_node(run->graph, node, run->in, out, run->error);
}

/* Frees inputs of the node that no later node reads. What nodes outside the scope read is
 * kept. */
static void free_inputs(const struct run *run, const struct net_node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        int v = node->input[i];
        if (v < 0 || --run->readers[v] > 0 || run->graph->values[v].data ||
            run->graph->nodes[run->graph->values[v].producer].op == NET_INPUT)
            continue;
        free(run->ref->result[v]);
        run->ref->result[v] = NULL;
    }
}

static bool prepare(struct run *run)
{
    const struct net_graph *graph = run->graph;
    int max_inputs = 1;
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].input_count > max_inputs)
            max_inputs = graph->nodes[i].input_count;
    run->ref->result = daub_alloc(graph->value_count, sizeof(*run->ref->result));
    run->readers = daub_alloc(graph->value_count, sizeof(*run->readers));
    run->in = daub_alloc((size_t)max_inputs, sizeof(*run->in));
    if (!run->ref->result || !run->readers || !run->in)
        return daub_no_memory(run->error, "computing the network on the host");
    for (size_t i = 0; i < graph->value_count; i++)
        run->ref->result[i] = graph->values[i].data;
    for (size_t i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].input[k] >= 0)
                run->readers[graph->nodes[i].input[k]]++;
    run->readers[graph->output]++;
    return true;
}

bool net_ref_run(struct net_ref *ref, const struct net_graph *graph, const float *image,
                 const float *style, enum net_ref_scope scope, bool keep,
                 struct daub_error *error)
{
    *ref = (struct net_ref){.graph = graph};
    struct run run = {
        .ref = ref, .graph = graph, .image = image, .style = style, .error = error};
    bool ok = prepare(&run);
    for (size_t i = 0; ok && i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        if (scope == NET_REF_STYLE && !graph->values[node->output].from_style)
            continue;
        ok = run_node(&run, node);
        if (!keep)
            free_inputs(&run, node);
    }
    free(run.readers);
    free(run.in);
    return ok;
}

void net_ref_free(struct net_ref *ref)
{
    for (size_t i = 0; ref->result && i < ref->graph->value_count; i++)
        if (!ref->graph->values[i].data)
            free(ref->result[i]);
    free(ref->result);
    *ref = (struct net_ref){0};
}

static double elements(const struct net_graph *graph, int value)
{
    return value < 0 ? 0 : (double)net_shape_count(&graph->values[value].shape);
}

static double node_work(const struct net_graph *graph, const struct net_node *node)
{
    const struct net_shape *in =
        node->input_count > 0 ? &graph->values[node->input[0]].shape : NULL;
    const struct net_shape *out = &graph->values[node->output].shape;
    double count = elements(graph, node->output);
    switch (node->op) {
    case NET_CONV:
        return elements(graph, node->input[1]) * (double)(out->dim[2] * out->dim[3]);
    case NET_CONV_TRANSPOSE: /* the reference visits every tap of every element */
        return elements(graph, node->input[1]) * (double)(out->dim[2] * out->dim[3]);
    case NET_POOL:
        return count * node->u.pool.window.kernel[0] * node->u.pool.window.kernel[1];
    case NET_MATMUL:
        return count * (double)in->dim[in->rank - (node->u.matmul.transpose_a ? 2 : 1)];
    case NET_RESIZE:
        return count * 16;
    default:
        for (int i = 0; i < node->input_count; i++)
            count += elements(graph, node->input[i]);
        return count;
    }
}

struct net_ref_need net_ref_need(const struct net_graph *graph, bool keep)
{
    struct net_ref_need need = {0};
    double alive = 0;
    int *readers = daub_alloc(graph->value_count, sizeof(*readers));
    for (size_t i = 0; readers && i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].input[k] >= 0)
                readers[graph->nodes[i].input[k]]++;
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        need.work += node_work(graph, node);
        alive += elements(graph, node->output) * sizeof(float);
        need.bytes = alive > need.bytes ? alive : need.bytes;
        for (int k = 0; readers && !keep && k < node->input_count; k++) {
            int v = node->input[k];
            if (v >= 0 && !graph->values[v].data && --readers[v] == 0)
                alive -= elements(graph, v) * sizeof(float);
        }
    }
    free(readers);
    return need;
}
