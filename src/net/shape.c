#include "net/op.h"

/* Keeps the bytes of a tensor far below SIZE_MAX. */
#define MAX_ELEMENTS ((int64_t)1 << 40)

int64_t net_shape_count(const struct net_shape *shape)
{
    if (shape->rank < 0 || shape->rank > NET_MAX_RANK)
        return -1;
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 1 || shape->dim[i] > NET_MAX_DIM)
            return -1;
        count *= shape->dim[i];
        if (count > MAX_ELEMENTS)
            return -1;
    }
    return count;
}

void net_shape_text(const struct net_shape *shape, char text[static NET_SHAPE_TEXT])
{
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < shape->rank && i < NET_MAX_RANK; i++)
        used += (size_t)snprintf(text + used, NET_SHAPE_TEXT - used, "%s%lld",
                                 i ? "," : "", (long long)shape->dim[i]);
    snprintf(text + used, NET_SHAPE_TEXT - used, "]");
}

bool net_shape_equal(const struct net_shape *a, const struct net_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

bool net_shape_broadcast(const struct net_shape *a, const struct net_shape *b,
                         struct net_shape *out)
{
    struct net_shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < result.rank; i++) {
        int ia = i - (result.rank - a->rank), ib = i - (result.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1)
            return false;
        result.dim[i] = da == 1 ? db : da;
    }
    *out = result;
    return true;
}

bool net_infer_shape(const struct net_graph *graph, const struct net_node *node,
                     struct net_shape *shape, struct daub_error *error)
{
    const struct net_op_job job = {.graph = graph, .node = node, .error = error};
    const struct net_operator *op = net_op_find(node->op);
    if (!op)
        return net_op_refuse(&job, "unknown operation %d", (int)node->op);
    if (node->input_count < op->min_inputs || node->input_count > op->max_inputs)
        return net_op_refuse(&job, "it has the wrong number of inputs, %d",
                             node->input_count);
    for (int i = 0; i < op->min_inputs; i++)
        if (!net_op_in(&job, i))
            return net_op_refuse(&job, "input %d is missing", i);
    if (!op->shape(&job, shape))
        return false;
    if (net_shape_count(shape) < 0) {
        char text[NET_SHAPE_TEXT];
        net_shape_text(shape, text);
        return net_op_refuse(&job, "its output %s is empty or too large", text);
    }
    return true;
}
