#include "net/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/ref_ops.h"
#include "util/alloc.h"
#include "util/error.h"

static bool (*const operators[])(const struct net_ref_job *job) = {
    [NET_CONV] = net_ref_conv,
    [NET_CONV_TRANSPOSE] = net_ref_conv_transpose,
    [NET_NORM] = net_ref_norm,
    [NET_ACT] = net_ref_activation,
    [NET_UNARY] = net_ref_unary,
    [NET_BINARY] = net_ref_binary,
    [NET_CONCAT] = net_ref_concat,
    [NET_SLICE] = net_ref_slice,
    [NET_PAD] = net_ref_pad,
    [NET_RESIZE] = net_ref_resize,
    [NET_DEPTH_TO_SPACE] = net_ref_block,
    [NET_SPACE_TO_DEPTH] = net_ref_block,
    [NET_POOL] = net_ref_pool,
    [NET_MEAN] = net_ref_mean,
    [NET_TRANSPOSE] = net_ref_transpose,
    [NET_RESHAPE] = net_ref_reshape,
    [NET_MATMUL] = net_ref_matmul,
};

bool net_ref_no_memory(const struct net_ref_job *job)
{
    return daub_fail(
        job->error, DAUB_ERROR_MEMORY,
        "out of memory while computing node '%s' (%s); use a smaller picture",
        job->node->name, net_op_name(job->node->op));
}

float net_ref_act(enum net_act act, float alpha, float beta, float slope, float x)
{
    switch (act) {
    case NET_ACT_NONE:
        return x;
    case NET_ACT_RELU:
        return x < 0 ? 0 : x;
    case NET_ACT_LEAKY_RELU:
        return x < 0 ? alpha * x : x;
    case NET_ACT_PRELU:
        return x < 0 ? slope * x : x;
    case NET_ACT_ELU:
        return x < 0 ? (float)((double)alpha * expm1((double)x)) : x;
    case NET_ACT_TANH:
        return (float)tanh((double)x);
    case NET_ACT_SIGMOID:
        return (float)(1 / (1 + exp(-(double)x)));
    case NET_ACT_HARD_SIGMOID:
        x = alpha * x + beta;
        return x < 0 ? 0 : x > 1 ? 1 : x;
    case NET_ACT_HARD_SWISH: {
        float gate = x / 6 + 0.5f;
        return x * (gate < 0 ? 0 : gate > 1 ? 1 : gate);
    }
    case NET_ACT_CLIP:
        return x < alpha ? alpha : x > beta ? beta : x;
    }
    return x;
}

bool net_ref_node(const struct net_graph *graph, const struct net_node *node,
                  const float *const *in, float *out, struct daub_error *error)
{
    if (node->op <= NET_INPUT || node->op > NET_MATMUL)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "node '%s' (%s) cannot be computed by itself", node->name,
                         net_op_name(node->op));
    const struct net_ref_job job = {graph, node, in, out, error};
    return operators[node->op](&job);
}

/* State of a run. */
struct run {
    struct net_ref *ref;
    const struct net_graph *graph;
    const float *image, *style;
    int *readers;     /* input slots still to be served, by value */
    const float **in; /* of the node at hand */
    struct daub_error *error;
};

static bool take_input(const struct run *run, const struct net_node *node, float *out,
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
    const struct net_ref_job job = {run->graph, node, NULL, NULL, run->error};
    int64_t count = net_shape_count(net_ref_out_shape(&job));
    float *out = count < 0 ? NULL : daub_alloc((size_t)count, sizeof(float));
    if (!out)
        return net_ref_no_memory(&job);
    run->ref->result[node->output] = out;
    if (node->op == NET_INPUT)
        return take_input(run, node, out, (size_t)count * sizeof(float));
    for (int i = 0; i < node->input_count; i++)
        run->in[i] = node->input[i] < 0 ? NULL : run->ref->result[node->input[i]];
    return net_ref_node(run->graph, node, run->in, out, run->error);
}

/* Frees what nobody reads any more. Readers that this scope leaves out keep their inputs.
 */
static void drop_inputs(const struct run *run, const struct net_node *node)
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
    int most = 1;
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].input_count > most)
            most = graph->nodes[i].input_count;
    run->ref->result = daub_alloc(graph->value_count, sizeof(*run->ref->result));
    run->readers = daub_alloc(graph->value_count, sizeof(*run->readers));
    run->in = daub_alloc((size_t)most, sizeof(*run->in));
    if (!run->ref->result || !run->readers || !run->in)
        return daub_fail(run->error, DAUB_ERROR_MEMORY,
                         "out of memory while running the network");
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
            drop_inputs(&run, node);
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
