#include "net/graph.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

void net_graph_init(struct net_graph *graph)
{
    *graph = (struct net_graph){.image = -1, .style = -1, .output = -1};
}

void net_graph_free(struct net_graph *graph)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        free(graph->nodes[i].name);
        free(graph->nodes[i].input);
    }
    for (size_t i = 0; i < graph->value_count; i++) {
        free(graph->values[i].name);
        free(graph->values[i].data);
    }
    for (size_t i = 0; i < graph->string_count; i++)
        free(graph->strings[i]);
    free(graph->nodes);
    free(graph->values);
    free(graph->strings);
    net_graph_init(graph);
}

int net_graph_add_value(struct net_graph *graph, const char *name,
                        const struct net_shape *shape, struct daub_error *error)
{
    if (graph->value_count >= NET_MAX_VALUES) {
        daub_fail(error, DAUB_ERROR_MODEL,
                  "the network has more than %d values; use a smaller model",
                  NET_MAX_VALUES);
        return -1;
    }
    char *copy = daub_strdup(name ? name : "");
    if (!copy || !daub_grow(&graph->values, &graph->value_capacity,
                            graph->value_count + 1, sizeof(*graph->values))) {
        free(copy);
        daub_no_memory(error, "building the network");
        return -1;
    }
    graph->values[graph->value_count] =
        (struct net_value){.name = copy, .shape = *shape, .producer = -1};
    return (int)graph->value_count++;
}

struct net_node net_swap_channels(struct net_shape *shape, int axis)
{
    struct net_node node = {.op = NET_PERMUTE};
    for (int i = 0; i < NET_MAX_RANK; i++) {
        node.u.permute.dim[i] = i < 2 ? 1 : shape->dim[i - 2];
        node.u.permute.perm[i] = i == 3 ? 2 + axis : i == 2 + axis ? 3 : i;
    }
    int64_t channels = shape->dim[1];
    shape->dim[1] = shape->dim[axis];
    shape->dim[axis] = channels;
    return node;
}

int net_graph_add_constant(struct net_graph *graph, const char *name,
                           const struct net_shape *shape, const float *data,
                           struct daub_error *error)
{
    int64_t count = net_shape_count(shape);
    if (count < 0) {
        char text[NET_SHAPE_TEXT];
        net_shape_text(shape, text);
        daub_fail(error, DAUB_ERROR_MODEL, "constant '%s' has the impossible shape %s",
                  name ? name : "", text);
        return -1;
    }
    /* passes copy constants; a file may share one among many nodes */
    graph->constant_count += count;
    if (graph->constant_count > NET_MAX_CONSTANTS) {
        daub_fail(error, DAUB_ERROR_MODEL,
                  "the network has over %lld million constant numbers once they are "
                  "copied; use a smaller model",
                  (long long)(NET_MAX_CONSTANTS / 1000000));
        return -1;
    }
    float *copy = daub_alloc((size_t)count, sizeof(float));
    if (!copy) {
        daub_no_memory(error, "building the network");
        return -1;
    }
    if (data)
        memcpy(copy, data, (size_t)count * sizeof(float));
    int value = net_graph_add_value(graph, name, shape, error);
    if (value < 0)
        free(copy);
    else
        graph->values[value].data = copy;
    return value;
}

/* Whether a node's result can be computed on the host before any picture is there. */
static bool node_from_style(const struct net_graph *graph, const struct net_node *node)
{
    if (node->op == NET_INPUT)
        return node->output == graph->style;
    for (int i = 0; i < node->input_count; i++) {
        int v = node->input[i];
        if (v >= 0 && !graph->values[v].data && !graph->values[v].from_style)
            return false;
    }
    return true;
}

struct net_node net_conv_1x1(void)
{
    struct net_node draft = {.op = NET_CONV};
    struct net_window *w = &draft.u.conv.window;
    for (int i = 0; i < 2; i++)
        w->kernel[i] = w->stride[i] = w->dilation[i] = 1;
    draft.u.conv.pad_mode = NET_PAD_ZERO;
    draft.u.conv.group = draft.u.conv.upsample = 1;
    draft.u.conv.act = NET_ACT_NONE;
    return draft;
}

int net_graph_add_node(struct net_graph *graph, enum net_op op, const char *name,
                       const char *type, const int *input, int input_count, int output,
                       struct daub_error *error)
{
    if (graph->node_count >= NET_MAX_NODES) {
        daub_fail(error, DAUB_ERROR_MODEL,
                  "the network has more than %d nodes; use a smaller model",
                  NET_MAX_NODES);
        return -1;
    }
    char *name_copy = daub_strdup(name ? name : "");
    int *input_copy = daub_alloc((size_t)input_count, sizeof(int));
    if (!name_copy || !input_copy ||
        !daub_grow(&graph->nodes, &graph->node_capacity, graph->node_count + 1,
                   sizeof(*graph->nodes))) {
        free(name_copy);
        free(input_copy);
        daub_no_memory(error, "building the network");
        return -1;
    }
    if (input_count > 0)
        memcpy(input_copy, input, (size_t)input_count * sizeof(int));
    int index = (int)graph->node_count++;
    graph->nodes[index] = (struct net_node){
        .op = op,
        .name = name_copy,
        .type = type,
        .input = input_copy,
        .input_count = input_count,
        .output = output,
    };
    graph->values[output].producer = index;
    graph->values[output].from_style = node_from_style(graph, &graph->nodes[index]);
    return index;
}

static bool check_values(const struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct net_value *value = &graph->values[i];
        if (value->data && (value->producer >= 0 || net_shape_count(&value->shape) < 0))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "constant '%s' is computed by a node or has no size",
                             value->name);
        if (value->producer >= 0 && ((size_t)value->producer >= graph->node_count ||
                                     graph->nodes[value->producer].output != (int)i))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "value '%s' names a producer that does not compute it",
                             value->name);
    }
    return true;
}

static bool check_node(const struct net_graph *graph, int index, struct daub_error *error)
{
    const struct net_node *node = &graph->nodes[index];
    if (node->output < 0 || (size_t)node->output >= graph->value_count ||
        graph->values[node->output].producer != index)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "node '%s' (%s) writes a value that is not its own", node->name,
                         net_op_name(node->op));
    for (int i = 0; i < node->input_count; i++) {
        int v = node->input[i];
        bool absent = v == -1 && i > 0;
        if (!absent && (v < 0 || (size_t)v >= graph->value_count))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "node '%s' (%s) reads value %d, which does not exist",
                             node->name, net_op_name(node->op), v);
        if (!absent && !graph->values[v].data &&
            (graph->values[v].producer < 0 || graph->values[v].producer >= index))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "node '%s' (%s) reads '%s' before it is computed",
                             node->name, net_op_name(node->op), graph->values[v].name);
    }
    struct net_shape shape;
    if (!net_infer_shape(graph, node, &shape, error))
        return false;
    const struct net_value *output = &graph->values[node->output];
    if (!net_shape_equal(&shape, &output->shape)) {
        char have[NET_SHAPE_TEXT], want[NET_SHAPE_TEXT];
        net_shape_text(&output->shape, have);
        net_shape_text(&shape, want);
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "node '%s' (%s) computes %s, but its value is %s", node->name,
                         net_op_name(node->op), want, have);
    }
    if (output->from_style != node_from_style(graph, node))
        return daub_fail(error, DAUB_ERROR_MODEL, "node '%s' (%s): from_style is wrong",
                         node->name, net_op_name(node->op));
    return true;
}

static bool check_input(const struct net_graph *graph, int value, const char *what,
                        struct daub_error *error)
{
    if (value < 0 || (size_t)value >= graph->value_count ||
        graph->values[value].producer < 0 ||
        graph->nodes[graph->values[value].producer].op != NET_INPUT)
        return daub_fail(error, DAUB_ERROR_MODEL, "the network has no %s input", what);
    return true;
}

bool net_graph_check(const struct net_graph *graph, struct daub_error *error)
{
    if (!check_values(graph, error))
        return false;
    if (!check_input(graph, graph->image, "image", error) ||
        (graph->style != -1 && !check_input(graph, graph->style, "style", error)))
        return false;
    for (size_t i = 0; i < graph->node_count; i++) {
        if (!check_node(graph, (int)i, error))
            return false;
        if (graph->nodes[i].op == NET_INPUT && graph->nodes[i].output != graph->image &&
            graph->nodes[i].output != graph->style)
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "input '%s' is neither the image nor the style weights",
                             graph->nodes[i].name);
    }
    if (graph->output < 0 || (size_t)graph->output >= graph->value_count ||
        graph->values[graph->output].producer < 0)
        return daub_fail(error, DAUB_ERROR_MODEL, "the network computes no output");
    return true;
}

int net_value_readers(const struct net_graph *graph, int value)
{
    int readers = value == graph->output;
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        bool reads = false;
        for (int k = 0; k < node->input_count; k++)
            reads = reads || node->input[k] == value;
        readers += reads;
    }
    return readers;
}

int net_value_sole_reader(const struct net_graph *graph, int value)
{
    if (value == graph->output)
        return -1;
    int reader = -1;
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        for (int k = 0; k < node->input_count; k++) {
            if (node->input[k] != value || reader == (int)i)
                continue;
            if (reader >= 0)
                return -1;
            reader = (int)i;
        }
    }
    return reader;
}

/* Nodes stand in execution order, so a walk from the end meets every reader of a value
 * before its producer. Meanwhile producer is -1 for values that are not needed. Inputs
 * are kept: callers refer to them by index. */
void net_graph_sweep(struct net_graph *graph)
{
    for (size_t i = 0; i < graph->value_count; i++)
        graph->values[i].producer = (int)i == graph->output ? 0 : -1;
    for (size_t i = graph->node_count; i-- > 0;) {
        const struct net_node *node = &graph->nodes[i];
        if (node->op == NET_INPUT)
            graph->values[node->output].producer = 0;
        if (graph->values[node->output].producer < 0)
            continue;
        for (int k = 0; k < node->input_count; k++)
            if (node->input[k] >= 0 && !graph->values[node->input[k]].data)
                graph->values[node->input[k]].producer = 0;
    }
    size_t kept = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        struct net_node node = graph->nodes[i];
        if (graph->values[node.output].producer < 0) {
            free(node.name);
            free(node.input);
            continue;
        }
        graph->values[node.output].producer = (int)kept;
        graph->nodes[kept++] = node;
    }
    graph->node_count = kept;
}
