/* Passes that recognise normalizations which exporters wrote with means, differences and
 * roots. */
#include "net/pass.h"

#include <math.h>

#include "util/error.h"

/* Largest added number that is ignored: exporters for ONNX.js add one so that the runtime
 * does not get the same value twice. */
#define TINY 1e-8f

/* scale (x - mean) / sqrt(factor var + epsilon), mean and variance over `groups` equal
 * parts of x (1 or its channels). */
struct moments {
    int x, groups;
    float factor, epsilon;
    int scale; /* value, -1: none */
};

/* The value whose mean a chain of mean nodes computes; -1 where value is no mean. */
static int mean_source(const struct net_graph *graph, int value)
{
    const struct net_node *node =
        net_pass_producer(graph, net_pass_behind_reshapes(graph, value), NET_MEAN);
    while (node) {
        value = node->input[0];
        const struct net_node *inner = net_pass_producer(graph, value, NET_MEAN);
        if (!inner)
            return value;
        node = inner;
    }
    return -1;
}

/* Mask of all axes that the chain of means from source to value averages; 0 where an
 * inner mean drops its axes, which renumbers them. */
static unsigned mean_axes(const struct net_graph *graph, int value)
{
    const struct net_node *node;
    unsigned axes = 0;
    value = net_pass_behind_reshapes(graph, value);
    for (bool inner = false; (node = net_pass_producer(graph, value, NET_MEAN));
         inner = true) {
        if (inner && !node->u.reduce.keep)
            return 0;
        axes |= node->u.reduce.axes;
        value = node->input[0];
    }
    return axes;
}

/* Number of groups whose means value holds, in any shape: 1 or the channels of x; 0 where
 * it is no such mean. A reshape of x that keeps the channel axis may come before the
 * mean. */
static int mean_groups_in_any_shape(const struct net_graph *graph, int value, int x)
{
    int source = mean_source(graph, value);
    unsigned axes = mean_axes(graph, value);
    if (source < 0 || axes == 0)
        return 0;
    const struct net_shape *shape = net_pass_shape(graph, source);
    const struct net_shape *own = net_pass_shape(graph, x);
    if (shape->rank < 3 || shape->dim[0] != 1 || own->rank < 3 || own->dim[0] != 1)
        return 0;
    for (int i = 2; i < shape->rank; i++)
        if (shape->dim[i] != 1 && !(axes >> i & 1))
            return 0;
    bool layer = shape->dim[1] == 1 || (axes >> 1 & 1);
    if (source != x) {
        const struct net_node *reshape = net_pass_producer(graph, source, NET_RESHAPE);
        if (!reshape || reshape->input[0] != x ||
            (!layer && shape->dim[1] != own->dim[1]))
            return 0;
    }
    return layer ? 1 : (int)own->dim[1];
}

/* The same where value is used as one number, or one a channel. */
static int mean_groups(const struct net_graph *graph, int value, int x)
{
    return net_pass_per_channel(graph, value, net_pass_shape(graph, x))
               ? mean_groups_in_any_shape(graph, value, x)
               : 0;
}

/* Whether value is x, or a reshape of it that keeps the channel axis. */
static bool is_same_map(const struct net_graph *graph, int value, int x)
{
    const struct net_shape *shape = net_pass_shape(graph, value);
    const struct net_shape *own = net_pass_shape(graph, x);
    return value == x || (net_pass_behind_reshapes(graph, value) == x &&
                          shape->rank >= 3 && own->rank >= 3 &&
                          shape->dim[0] == own->dim[0] && shape->dim[1] == own->dim[1]);
}

static bool adds_tiny_number(const struct net_graph *graph, int value, int of)
{
    const struct net_node *add = net_pass_binary(graph, value, NET_BINARY_ADD);
    float x;
    return add && add->input[0] == of && net_pass_uniform(graph, add->input[1], &x) &&
           fabsf(x) <= TINY;
}

/* x where value is x * x or x ^ 2, else -1. */
static int square_of(const struct net_graph *graph, int value)
{
    const struct net_node *node = net_pass_binary(graph, value, NET_BINARY_POW);
    float x;
    if (node)
        return net_pass_uniform(graph, node->input[1], &x) && x == 2 ? node->input[0]
                                                                     : -1;
    node = net_pass_binary(graph, value, NET_BINARY_MUL);
    if (!node)
        return -1;
    if (node->input[0] == node->input[1] ||
        adds_tiny_number(graph, node->input[1], node->input[0]))
        return node->input[0];
    return adds_tiny_number(graph, node->input[0], node->input[1]) ? node->input[1] : -1;
}

/* Groups of the mean where value is x - mean(x) or mean(x) - x, else 0. */
static int centered_groups(const struct net_graph *graph, int value, int x)
{
    const struct net_node *node = net_pass_binary(graph, value, NET_BINARY_SUB);
    if (!node || !net_shape_equal(net_pass_shape(graph, value), net_pass_shape(graph, x)))
        return 0;
    if (node->input[0] == x)
        return mean_groups(graph, node->input[1], x);
    return node->input[1] == x ? mean_groups(graph, node->input[0], x) : 0;
}

/* mean((x - mean)^2) or mean(x^2) - mean^2, in any shape. */
static int plain_variance_groups(const struct net_graph *graph, int value, int x)
{
    const struct net_node *sub = net_pass_binary(graph, value, NET_BINARY_SUB);
    if (sub) {
        int mean = square_of(graph, sub->input[1]);
        int groups = mean < 0 ? 0 : mean_groups(graph, mean, x);
        int source = mean_source(graph, sub->input[0]);
        const struct net_node *reshape = net_pass_producer(graph, source, NET_RESHAPE);
        int squares = reshape ? reshape->input[0] : source;
        if (groups == 0 || squares < 0 || square_of(graph, squares) != x ||
            mean_groups_in_any_shape(graph, sub->input[0], squares) != groups)
            return 0;
        return groups;
    }
    int source = mean_source(graph, value);
    const struct net_node *reshape = net_pass_producer(graph, source, NET_RESHAPE);
    int squares = reshape ? reshape->input[0] : source;
    int centered = squares < 0 ? -1 : square_of(graph, squares);
    const struct net_node *difference =
        centered < 0 ? NULL : net_pass_binary(graph, centered, NET_BINARY_SUB);
    for (int k = 0; difference && k < 2; k++) {
        int map = difference->input[k];
        int groups =
            is_same_map(graph, map, x) ? centered_groups(graph, centered, map) : 0;
        if (groups > 0)
            return mean_groups_in_any_shape(graph, value, squares) == groups ? groups : 0;
    }
    return 0;
}

/* Variance times constant factors: the unbiased variance is n / (n - 1) times the
 * population variance. */
static bool match_variance(const struct net_graph *graph, int value, struct moments *m)
{
    m->factor = 1;
    for (;;) {
        float k;
        const struct net_node *node = net_pass_binary(graph, value, NET_BINARY_MUL);
        if (node && net_pass_uniform(graph, node->input[1], &k) && k > 0) {
            m->factor *= k;
        } else if ((node = net_pass_binary(graph, value, NET_BINARY_DIV)) &&
                   net_pass_uniform(graph, node->input[1], &k) && k > 0) {
            m->factor /= k;
        } else {
            break;
        }
        value = node->input[0];
    }
    m->groups = plain_variance_groups(graph, value, m->x);
    return m->groups > 0;
}

/* Whether value is *base ^ exponent, which may be written with Sqrt. */
static bool is_power(const struct net_graph *graph, int value, float exponent, int *base)
{
    const struct net_node *node = net_pass_producer(graph, value, NET_ACT);
    float x;
    if (node && node->u.act.kind == NET_ACT_SQRT && exponent == 0.5f) {
        *base = node->input[0];
        return true;
    }
    node = net_pass_binary(graph, value, NET_BINARY_POW);
    if (!node || !net_pass_uniform(graph, node->input[1], &x) || x != exponent)
        return false;
    *base = node->input[0];
    return true;
}

/* factor var(x) + epsilon. */
static bool match_variance_plus_epsilon(const struct net_graph *graph, int value,
                                        struct moments *m)
{
    const struct net_node *add = net_pass_binary(graph, value, NET_BINARY_ADD);
    m->epsilon = 0;
    if (add) {
        int constant = graph->values[add->input[0]].data ? 0 : 1;
        if (!net_pass_uniform(graph, add->input[constant], &m->epsilon) ||
            !(m->epsilon >= 0))
            return false;
        value = add->input[1 - constant];
    }
    return match_variance(graph, value, m);
}

static bool match_deviation(const struct net_graph *graph, int value, struct moments *m)
{
    int base;
    return net_pass_per_channel(graph, value, net_pass_shape(graph, m->x)) &&
           is_power(graph, net_pass_behind_reshapes(graph, value), 0.5f, &base) &&
           match_variance_plus_epsilon(graph, base, m);
}

/* A value that can be the scale or shift of a normalization of x. */
static bool is_coefficient(const struct net_graph *graph, int value, int x)
{
    const struct net_shape *shape = net_pass_shape(graph, x);
    return (graph->values[value].data || graph->values[value].from_style) &&
           net_pass_per_channel(graph, value, shape) &&
           net_shape_count(net_pass_shape(graph, value)) == shape->dim[1];
}

/* Matches 1 / deviation, scale / deviation, or 1 / deviation times a scale. */
static bool match_inverse(const struct net_graph *graph, int value, struct moments *m)
{
    const struct net_node *node = net_pass_binary(graph, value, NET_BINARY_MUL);
    int base;
    float one;
    m->scale = -1;
    if (!net_pass_per_channel(graph, value, net_pass_shape(graph, m->x)))
        return false;
    if (node) {
        int k = is_coefficient(graph, node->input[0], m->x) ? 0 : 1;
        if (!is_coefficient(graph, node->input[k], m->x))
            return false;
        m->scale = node->input[k];
        value = node->input[1 - k];
    }
    if (is_power(graph, value, -0.5f, &base))
        return match_variance_plus_epsilon(graph, base, m);
    node = net_pass_producer(graph, value, NET_ACT);
    if (node && node->u.act.kind == NET_ACT_RECIPROCAL)
        return match_deviation(graph, node->input[0], m);
    node = net_pass_binary(graph, value, NET_BINARY_DIV);
    if (!node || !match_deviation(graph, node->input[1], m))
        return false;
    if (net_pass_uniform(graph, node->input[0], &one) && one == 1)
        return true;
    bool free_scale = m->scale < 0;
    m->scale = node->input[0];
    return free_scale && is_coefficient(graph, node->input[0], m->x);
}

/* Matches (x - mean) / deviation or (x - mean) * inverse. */
static bool match_quotient(const struct net_graph *graph, const struct net_node *node,
                           struct moments *m)
{
    bool division = node->u.binary.kind == NET_BINARY_DIV;
    if (!division && node->u.binary.kind != NET_BINARY_MUL)
        return false;
    for (int k = 0; k < (division ? 1 : 2); k++) {
        const struct net_node *sub =
            net_pass_binary(graph, node->input[k], NET_BINARY_SUB);
        if (!sub)
            continue;
        *m = (struct moments){.x = sub->input[0], .scale = -1};
        int groups = centered_groups(graph, node->input[k], m->x);
        int other = node->input[1 - k];
        if (groups > 0 && (division ? match_deviation(graph, other, m)
                                    : match_inverse(graph, other, m)))
            return m->groups == groups;
    }
    return false;
}

/* The other factor where value is a product with `factor`, else -1. */
static int other_factor(const struct net_graph *graph, int value, int factor)
{
    const struct net_node *mul = net_pass_binary(graph, value, NET_BINARY_MUL);
    if (!mul)
        return -1;
    return mul->input[0] == factor   ? mul->input[1]
           : mul->input[1] == factor ? mul->input[0]
                                     : -1;
}

/* x inverse + (shift - mean inverse), as TensorFlow's batch_normalization writes it, or
 * x inverse - mean inverse (*shift = -1). */
static bool match_expanded(const struct net_graph *graph, const struct net_node *node,
                           struct moments *m, int *shift)
{
    bool sum = node->u.binary.kind == NET_BINARY_ADD;
    if (!sum && node->u.binary.kind != NET_BINARY_SUB)
        return false;
    for (int k = 0; k < 4; k++) {
        int side = k >> 1 & (int)sum;
        const struct net_node *mul =
            net_pass_binary(graph, node->input[side], NET_BINARY_MUL);
        if (!mul)
            continue;
        int inverse = mul->input[1 - (k & 1)], rest = node->input[1 - side];
        *m = (struct moments){.x = mul->input[k & 1], .scale = -1};
        *shift = -1;
        if (sum) {
            const struct net_node *sub = net_pass_binary(graph, rest, NET_BINARY_SUB);
            if (!sub || !is_coefficient(graph, sub->input[0], m->x))
                continue;
            *shift = sub->input[0];
            rest = sub->input[1];
        }
        int mean = other_factor(graph, rest, inverse);
        int groups = mean < 0 ? 0 : mean_groups(graph, mean, m->x);
        if (groups > 0 && match_inverse(graph, inverse, m) && m->groups == groups)
            return true;
    }
    return false;
}

/* Scale of the new normalization; a variance with factor f divides it by sqrt(f). */
static bool norm_scale(struct net_graph *graph, const struct moments *m, int *scale,
                       struct daub_error *error)
{
    *scale = m->scale;
    if (m->factor == 1)
        return true;
    int64_t channels = net_pass_shape(graph, m->x)->dim[1];
    *scale = net_pass_add_vector(graph, "scale", channels, error);
    if (*scale < 0)
        return false;
    const float *old = m->scale < 0 ? NULL : graph->values[m->scale].data;
    for (int64_t c = 0; c < channels; c++)
        graph->values[*scale].data[c] = (old ? old[c] : 1) / sqrtf(m->factor);
    return true;
}

static bool rewrite_norm(struct net_graph *graph, int index, struct daub_error *error)
{
    const struct net_node *node = &graph->nodes[index];
    struct moments m;
    int shift = -1;
    if (node->op != NET_BINARY ||
        (!match_quotient(graph, node, &m) && !match_expanded(graph, node, &m, &shift)))
        return true;
    bool style_scale = m.scale >= 0 && !graph->values[m.scale].data;
    if ((style_scale && m.factor != 1) ||
        !net_shape_equal(net_pass_shape(graph, m.x), net_pass_shape(graph, node->output)))
        return true;
    int scale;
    if (!norm_scale(graph, &m, &scale, error))
        return false;
    struct net_node *norm = &graph->nodes[index];
    if (!net_pass_set_inputs(norm, (const int[]){m.x, scale, shift}, 3, error))
        return false;
    norm->op = NET_NORM;
    norm->u.norm.groups = m.groups;
    norm->u.norm.epsilon = m.epsilon / m.factor;
    return true;
}

bool net_pass_norm(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!rewrite_norm(graph, (int)i, error))
            return false;
    return true;
}
