#include "net/pass.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

const struct net_shape *net_pass_shape(const struct net_graph *graph, int value)
{
    return &graph->values[value].shape;
}

int net_pass_input(const struct net_node *node, int i)
{
    return i < node->input_count ? node->input[i] : -1;
}

const struct net_node *net_pass_producer(const struct net_graph *graph, int value,
                                         enum net_op op)
{
    if (value < 0 || graph->values[value].producer < 0)
        return NULL;
    const struct net_node *node = &graph->nodes[graph->values[value].producer];
    return node->op == op ? node : NULL;
}

const struct net_node *net_pass_binary(const struct net_graph *graph, int value,
                                       enum net_binary kind)
{
    const struct net_node *node = net_pass_producer(graph, value, NET_BINARY);
    return node && node->u.binary.kind == kind ? node : NULL;
}

int net_pass_behind_reshapes(const struct net_graph *graph, int value)
{
    const struct net_node *node;
    while ((node = net_pass_producer(graph, value, NET_RESHAPE)))
        value = node->input[0];
    return value;
}

int net_pass_behind_reshapes_as(const struct net_graph *graph, int value,
                                const struct net_shape *shape)
{
    while (!net_shape_equal(net_pass_shape(graph, value), shape)) {
        const struct net_node *node = net_pass_producer(graph, value, NET_RESHAPE);
        if (!node)
            return -1;
        value = node->input[0];
    }
    return value;
}

bool net_pass_uniform(const struct net_graph *graph, int value, float *x)
{
    if (value < 0 || !graph->values[value].data)
        return false;
    const float *data = graph->values[value].data;
    int64_t count = net_shape_count(&graph->values[value].shape);
    for (int64_t i = 1; i < count; i++)
        if (!(data[i] == data[0]))
            return false;
    *x = data[0];
    return true;
}

bool net_pass_per_channel(const struct net_graph *graph, int value,
                          const struct net_shape *map)
{
    const struct net_shape *shape = net_pass_shape(graph, value);
    if (shape->rank > map->rank)
        return false;
    for (int i = 0; i < shape->rank; i++) {
        int axis = map->rank - shape->rank + i;
        if (shape->dim[i] != 1 && (axis != 1 || shape->dim[i] != map->dim[1]))
            return false;
    }
    return true;
}

bool net_pass_affine(const struct net_graph *graph, const struct net_node *node,
                     struct net_affine *affine)
{
    static const float minus_one = -1;
    const struct net_shape *map = net_pass_shape(graph, node->output);
    *affine = (struct net_affine){.kind = NET_BINARY_MUL,
                                  .constant = &minus_one,
                                  .count = 1,
                                  .x = net_pass_input(node, 0)};
    if (map->rank != 4)
        return false;
    if (node->op == NET_ACT)
        return node->u.act.kind == NET_ACT_NEG;
    if (node->op != NET_BINARY)
        return false;
    int k = node->input[1];
    affine->kind = node->u.binary.kind;
    affine->swapped = !graph->values[k].data;
    if (affine->swapped) {
        affine->x = k;
        k = node->input[0];
    }
    affine->constant = graph->values[k].data;
    affine->count = net_shape_count(net_pass_shape(graph, k));
    if (!affine->constant || graph->values[affine->x].data ||
        !net_shape_equal(net_pass_shape(graph, affine->x), map) ||
        !net_pass_per_channel(graph, k, map) || affine->kind > NET_BINARY_DIV)
        return false;
    if (affine->kind == NET_BINARY_DIV)
        for (int64_t i = 0; i < affine->count; i++)
            if (affine->swapped || affine->constant[i] == 0)
                return false;
    return true;
}

void net_affine_at(const struct net_affine *affine, int64_t channel, float *a, float *b)
{
    float k = affine->constant[affine->count == 1 ? 0 : channel];
    *a = 1;
    *b = 0;
    switch (affine->kind) {
    case NET_BINARY_ADD:
        *b = k;
        break;
    case NET_BINARY_SUB:
        *a = affine->swapped ? -1 : 1;
        *b = affine->swapped ? k : -k;
        break;
    case NET_BINARY_MUL:
        *a = k;
        break;
    case NET_BINARY_DIV:
        *a = 1 / k;
        break;
    default: /* net_pass_affine accepts no other */
        break;
    }
}

bool net_pass_set_inputs(struct net_node *node, const int *input, int count,
                         struct daub_error *error)
{
    int *copy = daub_alloc((size_t)count, sizeof(int));
    if (!copy)
        return daub_no_memory(error, "rewriting the network");
    memcpy(copy, input, (size_t)count * sizeof(int));
    free(node->input);
    node->input = copy;
    node->input_count = count;
    return true;
}

void net_pass_redirect(struct net_graph *graph, int from, int to)
{
    int producer = graph->values[to].producer;
    bool computed = producer >= 0 && graph->nodes[producer].op != NET_INPUT;
    if (graph->output == from && !computed)
        return;
    for (size_t i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].input[k] == from)
                graph->nodes[i].input[k] = to;
    if (graph->output == from)
        graph->output = to;
}

void net_pass_disconnect(struct net_node *node)
{
    node->input_count = 0;
    node->op = NET_ACT;
    node->u.act.kind = NET_ACT_NONE;
}

void net_pass_replace(struct net_graph *graph, int later, int earlier)
{
    struct net_node *to = &graph->nodes[later], *from = &graph->nodes[earlier];
    struct net_node old = *to;
    int output = from->output;
    *to = *from;
    to->output = old.output;
    *from = old;
    from->output = output;
    net_pass_disconnect(from);
}

int net_pass_add_vector(struct net_graph *graph, const char *name, int64_t count,
                        struct daub_error *error)
{
    return net_graph_add_constant(
        graph, name, &(struct net_shape){.rank = 1, .dim = {count}}, NULL, error);
}

bool net_pass_insert(struct net_graph *graph, int *index, const struct net_node *draft,
                     const int *input, int count, const struct net_shape *shape,
                     int *value, struct daub_error *error)
{
    int made = net_graph_add_value(graph, graph->nodes[*index].name, shape, error);
    if (made < 0)
        return false;
    const struct net_node *by = &graph->nodes[*index];
    int last = net_graph_add_node(graph, draft->op, by->name, by->type, input, count,
                                  made, error);
    if (last < 0)
        return false;
    struct net_node node = graph->nodes[last];
    node.u = draft->u;
    memmove(&graph->nodes[*index + 1], &graph->nodes[*index],
            (size_t)(last - *index) * sizeof(node));
    graph->nodes[*index] = node;
    for (int i = *index; i <= last; i++)
        graph->values[graph->nodes[i].output].producer = i;
    ++*index;
    *value = made;
    return true;
}

bool net_pass_matmul_weights(struct net_graph *graph, const struct net_node *node,
                             int input[3], bool *fits, struct daub_error *error)
{
    int matrix = node->input[1], sum = net_pass_input(node, 2);
    const struct net_shape b = *net_pass_shape(graph, matrix);
    bool tb = node->u.matmul.transpose_b;
    float alpha = node->u.matmul.alpha, beta = node->u.matmul.beta;
    int64_t outputs = b.dim[tb ? 0 : 1], inner = b.dim[tb ? 1 : 0];
    int64_t added = sum < 0 ? 0 : net_shape_count(net_pass_shape(graph, sum));
    *fits = graph->values[matrix].data && !node->u.matmul.transpose_a && b.rank == 2 &&
            (sum < 0 || (graph->values[sum].data && (added == outputs || added == 1)));
    if (!*fits)
        return true;
    const struct net_shape weights = {.rank = 4, .dim = {outputs, inner, 1, 1}};
    input[1] = net_graph_add_constant(graph, "matrix", &weights, NULL, error);
    input[2] = sum < 0 ? -1 : net_pass_add_vector(graph, "bias", outputs, error);
    if (input[1] < 0 || (sum >= 0 && input[2] < 0))
        return false;
    const float *from = graph->values[matrix].data;
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t k = 0; k < inner; k++)
            graph->values[input[1]].data[o * inner + k] =
                alpha * from[tb ? o * inner + k : k * outputs + o];
    for (int64_t o = 0; sum >= 0 && o < outputs; o++)
        graph->values[input[2]].data[o] =
            beta * graph->values[sum].data[added == 1 ? 0 : o];
    return true;
}
