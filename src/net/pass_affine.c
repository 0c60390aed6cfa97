/* Passes that recognise group normalization written with reshapes, and that move scale
 * and shift behind a normalization into it. */
#include "net/pass.h"

/* Whether the value is absent or a constant whose elements all equal `neutral`. */
static bool is_neutral(const struct net_graph *graph, int value, float neutral)
{
    float x;
    return value < 0 || (net_pass_uniform(graph, value, &x) && x == neutral);
}

static bool is_constant(const struct net_graph *graph, int value)
{
    return value < 0 || graph->values[value].data;
}

/* Constant with one number for each of `have` groups, repeated to one for each of `want`
 * channels; -1 for -1. */
static bool repeat_vector(struct net_graph *graph, int value, int64_t have, int64_t want,
                          int *out, struct daub_error *error)
{
    *out = value;
    if (value < 0 || have == want)
        return true;
    *out = net_pass_add_vector(graph, graph->values[value].name, want, error);
    for (int64_t c = 0; *out >= 0 && c < want; c++)
        graph->values[*out].data[c] = graph->values[value].data[c / (want / have)];
    return *out >= 0;
}

/* Reshape to [1,G,...], instance normalization, reshape back: each of the G parts is a
 * run of whole channels, so this is group normalization with G groups. */
static bool rewrite_group(struct net_graph *graph, int index, struct daub_error *error)
{
    const struct net_node *last = &graph->nodes[index];
    if (last->op != NET_RESHAPE)
        return true;
    const struct net_node *norm =
        net_pass_producer(graph, net_pass_behind_reshapes(graph, last->output), NET_NORM);
    if (!norm)
        return true;
    const struct net_shape *map = net_pass_shape(graph, last->output);
    int x = net_pass_behind_reshapes_as(graph, norm->input[0], map);
    int groups = norm->u.norm.groups;
    float epsilon = norm->u.norm.epsilon;
    int64_t parts = net_pass_shape(graph, norm->output)->dim[1], channels;
    int scale = net_pass_input(norm, 1), shift = net_pass_input(norm, 2);
    scale = is_neutral(graph, scale, 1) ? -1 : scale;
    shift = is_neutral(graph, shift, 0) ? -1 : shift;
    if (x < 0 || map->rank < 3 || map->dim[0] != 1 || map->dim[1] % groups)
        return true;
    channels = map->dim[1];
    if ((scale >= 0 || shift >= 0) &&
        (channels % parts || !is_constant(graph, scale) || !is_constant(graph, shift)))
        return true;
    int input[3] = {x};
    if (!repeat_vector(graph, scale, parts, channels, &input[1], error) ||
        !repeat_vector(graph, shift, parts, channels, &input[2], error) ||
        !net_pass_set_inputs(&graph->nodes[index], input, 3, error))
        return false;
    graph->nodes[index].op = NET_NORM;
    graph->nodes[index].u.norm.groups = groups;
    graph->nodes[index].u.norm.epsilon = epsilon;
    return true;
}

bool net_pass_group_norm(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!rewrite_group(graph, (int)i, error))
            return false;
    return true;
}

/* Index of the normalization whose result node multiplies or adds to and which nothing
 * else reads, and the other operand; -1 where there is none. */
static int norm_operand(const struct net_graph *graph, int index, int *other)
{
    const struct net_node *node = &graph->nodes[index];
    for (int k = 0; node->op == NET_BINARY && k < 2; k++) {
        int value = node->input[k];
        *other = node->input[1 - k];
        if (net_pass_producer(graph, value, NET_NORM) &&
            net_value_sole_reader(graph, value) == index &&
            net_shape_equal(net_pass_shape(graph, value),
                            net_pass_shape(graph, node->output)))
            return graph->values[value].producer;
    }
    return -1;
}

/* Inserts other * scale before node *index: a vector from the style times a constant. */
static bool scale_style(struct net_graph *graph, int *index, int scale, int *other,
                        struct daub_error *error)
{
    const struct net_node draft = {.op = NET_BINARY, .u.binary.kind = NET_BINARY_MUL};
    const struct net_shape shape = *net_pass_shape(graph, *other);
    const int input[2] = {
        *other,
        net_graph_add_constant(graph, "scale", &shape, graph->values[scale].data, error)};
    return input[1] >= 0 &&
           net_pass_insert(graph, index, &draft, input, 2, &shape, other, error);
}

/* Makes a factor or summand computed from the style the normalization's scale or
 * shift. *fits: whether that is possible; input then holds the new inputs. */
static bool merge_style(struct net_graph *graph, int *index, int other, int input[3],
                        bool *fits, struct daub_error *error)
{
    const struct net_node *node = &graph->nodes[*index];
    const struct net_shape *map = net_pass_shape(graph, node->output);
    int64_t channels = map->dim[1];
    enum net_binary kind = node->u.binary.kind;
    *fits = graph->values[other].from_style && net_pass_per_channel(graph, other, map) &&
            net_shape_count(net_pass_shape(graph, other)) == channels &&
            is_neutral(graph, input[2], 0);
    if (*fits && kind == NET_BINARY_ADD) {
        input[2] = other;
        return true;
    }
    *fits = *fits && kind == NET_BINARY_MUL && is_constant(graph, input[1]);
    if (!*fits)
        return true;
    if (!is_neutral(graph, input[1], 1)) {
        *fits = net_shape_count(net_pass_shape(graph, input[1])) == channels;
        if (*fits && !scale_style(graph, index, input[1], &other, error))
            return false;
    }
    if (*fits)
        input[1] = other;
    return true;
}

/* Combines a constant factor or summand with the normalization's scale and shift. *fits:
 * whether that is possible. False with *error set on failure. */
static bool merge_constant(struct net_graph *graph, int index, int input[3], bool *fits,
                           struct daub_error *error)
{
    struct net_affine affine;
    *fits = net_pass_affine(graph, &graph->nodes[index], &affine) &&
            is_constant(graph, input[2]);
    bool adds = affine.kind == NET_BINARY_ADD || affine.kind == NET_BINARY_SUB;
    bool scales = !adds || (affine.kind == NET_BINARY_SUB && affine.swapped);
    bool shifts = adds || input[2] >= 0;
    *fits = *fits && (!scales || is_constant(graph, input[1]));
    if (!*fits)
        return true;
    int64_t channels = net_pass_shape(graph, graph->nodes[index].output)->dim[1];
    int scale = scales ? net_pass_add_vector(graph, "scale", channels, error) : input[1];
    int shift = shifts ? net_pass_add_vector(graph, "shift", channels, error) : input[2];
    if ((scales && scale < 0) || (shifts && shift < 0))
        return false;
    net_pass_affine(graph, &graph->nodes[index], &affine);
    const float *old_scale = input[1] < 0 ? NULL : graph->values[input[1]].data;
    const float *old_shift = input[2] < 0 ? NULL : graph->values[input[2]].data;
    for (int64_t c = 0; c < channels; c++) {
        float a, b;
        net_affine_at(&affine, c, &a, &b);
        if (scales)
            graph->values[scale].data[c] = a * (old_scale ? old_scale[c] : 1);
        if (shifts)
            graph->values[shift].data[c] = a * (old_shift ? old_shift[c] : 0) + b;
    }
    input[1] = scale;
    input[2] = shift;
    return true;
}

static bool merge_into_norm(struct net_graph *graph, int index, struct daub_error *error)
{
    int other, norm = norm_operand(graph, index, &other);
    if (norm < 0)
        return true;
    const struct net_node *node = &graph->nodes[norm];
    int input[3] = {node->input[0], net_pass_input(node, 1), net_pass_input(node, 2)};
    bool fits;
    if (!merge_style(graph, &index, other, input, &fits, error))
        return false;
    if (!fits && !merge_constant(graph, index, input, &fits, error))
        return false;
    if (!fits)
        return true;
    if (!net_pass_set_inputs(&graph->nodes[norm], input, 3, error))
        return false;
    net_pass_replace(graph, index, norm);
    return true;
}

bool net_pass_norm_affine(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!merge_into_norm(graph, (int)i, error))
            return false;
    return true;
}
