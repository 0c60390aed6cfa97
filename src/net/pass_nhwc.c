/* Turns the parts of a network that work on [1,H,W,C] into [1,C,H,W]. */
#include "net/pass.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/error.h"

/* Axis of [1,C,H,W] that axis i of [1,H,W,C] becomes. */
static const int moved[4] = {0, 2, 3, 1};

/* flipped[v]: the value is stored as [1,C,H,W] while its readers, still to be rewritten,
 * mean [1,H,W,C]. */
struct job {
    struct net_graph *graph;
    bool *flipped;
    struct daub_error *error;
};

static struct net_shape flip_shape(const struct net_shape *shape)
{
    struct net_shape out = {.rank = 4};
    for (int i = 0; i < 4; i++)
        out.dim[moved[i]] = shape->dim[i];
    return out;
}

static const int to_nhwc[] = {0, 2, 3, 1}, to_nchw[] = {0, 3, 1, 2};

static bool is_perm(const struct net_node *node, const int perm[4])
{
    for (int i = 0; i < 4; i++)
        if (node->u.transpose.perm[i] != perm[i])
            return false;
    return true;
}

static void make_identity(struct net_node *node)
{
    node->op = NET_ACT;
    node->u.act.kind = NET_ACT_NONE;
}

/* The constant for [1,H,W,C] at *value, rearranged. */
static bool flip_constant(const struct job *job, int *value)
{
    struct net_graph *graph = job->graph;
    struct net_shape old = {.rank = 4, .dim = {1, 1, 1, 1}};
    const struct net_shape *own = net_pass_shape(graph, *value);
    if (net_shape_count(own) == 1 && own->rank <= 4)
        return true;
    for (int i = 0; i < own->rank; i++)
        old.dim[4 - own->rank + i] = own->dim[i];
    struct net_shape shape = flip_shape(&old);
    int flipped = net_graph_add_constant(graph, graph->values[*value].name, &shape, NULL,
                                         job->error);
    if (flipped < 0)
        return false;
    const float *in = graph->values[*value].data;
    float *out = graph->values[flipped].data;
    const int64_t *d = old.dim;
    for (int64_t n = 0; n < d[0]; n++)
        for (int64_t y = 0; y < d[1]; y++)
            for (int64_t x = 0; x < d[2]; x++)
                for (int64_t c = 0; c < d[3]; c++)
                    out[((n * d[3] + c) * d[1] + y) * d[2] + x] = *in++;
    *value = flipped;
    return true;
}

/* Whether all inputs of an element-wise operator are flipped, or constants. */
static bool operands_fit(const struct job *job, const struct net_node *node)
{
    for (int k = 0; k < node->input_count; k++) {
        const struct net_value *operand = &job->graph->values[node->input[k]];
        bool number = node->op == NET_BINARY && operand->shape.rank <= 4 &&
                      net_shape_count(&operand->shape) == 1;
        if (!job->flipped[node->input[k]] && !number &&
            (!operand->data || operand->shape.rank > 4))
            return false;
    }
    return true;
}

static bool flip_operands(const struct job *job, int index)
{
    for (int k = 0; k < job->graph->nodes[index].input_count; k++) {
        const struct net_node *node = &job->graph->nodes[index];
        int value = node->input[k];
        const struct net_value *operand = &job->graph->values[value];
        if (job->flipped[value] || (node->op == NET_BINARY && operand->shape.rank <= 4 &&
                                    net_shape_count(&operand->shape) == 1))
            continue;
        if (!flip_constant(job, &value))
            return false;
        job->graph->nodes[index].input[k] = value;
    }
    return true;
}

static void flip_pairs(int64_t a[NET_MAX_RANK], int64_t b[NET_MAX_RANK])
{
    int64_t old_a[4], old_b[4];
    for (int i = 0; i < 4; i++) {
        old_a[i] = a[i];
        old_b[i] = b[i];
    }
    for (int i = 0; i < 4; i++) {
        a[moved[i]] = old_a[i];
        b[moved[i]] = old_b[i];
    }
}

/* Whether a node with flipped inputs can work on [1,C,H,W] too. */
static bool can_flip(const struct job *job, const struct net_node *node)
{
    if (net_pass_shape(job->graph, node->output)->rank != 4)
        return false;
    switch (node->op) {
    case NET_ACT:
        return node->u.act.kind != NET_ACT_PRELU;
    case NET_SLICE:
    case NET_PAD:
        return true;
    case NET_CONCAT:
    case NET_BINARY:
        return operands_fit(job, node);
    case NET_MEAN:
    case NET_MAXIMUM:
        return node->u.reduce.keep;
    case NET_MATMUL:
        return job->flipped[node->input[0]] && job->graph->values[node->input[1]].data &&
               net_pass_input(node, 2) < 0 && !node->u.matmul.transpose_a;
    default:
        return false;
    }
}

/* Rewrites a node with flipped inputs; its output is flipped too. */
static bool flip_node(const struct job *job, int index)
{
    struct net_node *node = &job->graph->nodes[index];
    int input[3] = {node->input[0], -1, -1};
    unsigned axes = 0;
    bool fits;
    switch (node->op) {
    case NET_CONCAT:
        node->u.concat.axis = moved[node->u.concat.axis];
        if (!flip_operands(job, index))
            return false;
        break;
    case NET_BINARY:
        if (!flip_operands(job, index))
            return false;
        break;
    case NET_SLICE:
        flip_pairs(node->u.slice.start, node->u.slice.step);
        break;
    case NET_PAD:
        flip_pairs(node->u.pad.before, node->u.pad.after);
        break;
    case NET_MEAN:
    case NET_MAXIMUM:
        for (int i = 0; i < 4; i++)
            axes |= (node->u.reduce.axes >> i & 1) << moved[i];
        node->u.reduce.axes = axes;
        break;
    case NET_MATMUL:
        if (!net_pass_matmul_weights(job->graph, node, input, &fits, job->error) ||
            !net_pass_set_inputs(node, input, 3, job->error))
            return false;
        node->op = NET_CONV;
        node->u = net_conv_1x1().u;
        break;
    default:
        break;
    }
    struct net_value *out = &job->graph->values[job->graph->nodes[index].output];
    out->shape = flip_shape(&out->shape);
    job->flipped[job->graph->nodes[index].output] = true;
    return true;
}

/* Inserts a transposition back to [1,H,W,C] before each flipped input of a node that
 * works on that layout only. */
static bool flip_back(const struct job *job, int *index)
{
    for (int k = 0; k < job->graph->nodes[*index].input_count; k++) {
        int value = job->graph->nodes[*index].input[k];
        if (value < 0 || !job->flipped[value])
            continue;
        struct net_node draft = {.op = NET_TRANSPOSE};
        struct net_shape shape = {.rank = 4};
        for (int i = 0; i < 4; i++) {
            draft.u.transpose.perm[i] = to_nhwc[i];
            shape.dim[i] = net_pass_shape(job->graph, value)->dim[to_nhwc[i]];
        }
        if (!net_pass_insert(job->graph, index, &draft, &value, 1, &shape, &value,
                             job->error))
            return false;
        job->graph->nodes[*index].input[k] = value;
    }
    return true;
}

/* *index moves where nodes are inserted. */
static bool rewrite_node(const struct job *job, int *index)
{
    struct net_node *node = &job->graph->nodes[*index];
    struct net_value *out = &job->graph->values[node->output];
    bool flipped = false;
    for (int k = 0; k < node->input_count; k++)
        flipped = flipped || (node->input[k] >= 0 && job->flipped[node->input[k]]);
    bool transpose = node->op == NET_TRANSPOSE && out->shape.rank == 4;
    if (flipped && transpose && is_perm(node, to_nchw)) {
        make_identity(node);
        return true;
    }
    if (flipped)
        return can_flip(job, node) ? flip_node(job, *index) : flip_back(job, index);
    if (transpose && is_perm(node, to_nhwc) && !out->from_style) {
        make_identity(node);
        out->shape = flip_shape(&out->shape);
        job->flipped[node->output] = true;
    }
    return true;
}

bool net_pass_nhwc(struct net_graph *graph, struct daub_error *error)
{
    /* Constants that the pass adds have larger indices and are never in this array. */
    struct job job = {graph, daub_alloc(NET_MAX_VALUES, sizeof(bool)), error};
    if (!job.flipped)
        return daub_no_memory(error, "rewriting the network");
    struct net_value *image = &graph->values[graph->image];
    bool ok = true;
    if (graph->nhwc) {
        image->shape = flip_shape(&image->shape);
        job.flipped[graph->image] = true;
    }
    for (int i = 0; ok && (size_t)i < graph->node_count; i++)
        if (graph->nodes[i].op != NET_INPUT)
            ok = rewrite_node(&job, &i);
    if (ok && graph->nhwc && !job.flipped[graph->output] &&
        net_pass_shape(graph, graph->output)->dim[1] != 3)
        ok = daub_fail(error, DAUB_ERROR_MODEL,
                       "the network takes [1,H,W,3] and gives another layout; export it "
                       "with channels first");
    graph->nhwc = graph->nhwc && !ok;
    free(job.flipped);
    return ok;
}
