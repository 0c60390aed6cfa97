/* Passes that recognise functions of one number which exporters wrote out of elementary
 * ones: a GELU, say, as product of x and an error function. */
#include <float.h>
#include <math.h>

#include "net/op.h"
#include "net/pass.h"
#include "net/ref.h"

/* Nodes that a function may consist of; the same node counts each time it is reached. */
enum { MAX_STEPS = 24, MAX_ARGUMENTS = 16 };

/* Computes value for the argument t of value x. False where it depends on anything else
 * or has too many steps. */
static bool evaluate(const struct net_graph *graph, int value, int x, double t,
                     int *steps, double *y)
{
    float number;
    double a, b;
    *y = t;
    if (value == x)
        return true;
    if (net_pass_uniform(graph, value, &number)) {
        *y = (double)number;
        return true;
    }
    int producer = graph->values[value].producer;
    if (producer < 0 || --*steps < 0)
        return false;
    const struct net_node *node = &graph->nodes[producer];
    if (node->op == NET_ACT && node->u.act.kind != NET_ACT_PRELU) {
        if (!evaluate(graph, node->input[0], x, t, steps, &a))
            return false;
        *y = net_ref_act_double(node->u.act.kind, (double)node->u.act.alpha,
                                (double)node->u.act.beta, 0, a);
        return true;
    }
    if (node->op != NET_BINARY || !evaluate(graph, node->input[0], x, t, steps, &a) ||
        !evaluate(graph, node->input[1], x, t, steps, &b))
        return false;
    *y = net_ref_binary(node->u.binary.kind, a, b);
    return true;
}

/* Lists the values from which `value` is computed, the nearest first. */
static int list_arguments(const struct net_graph *graph, int value,
                          int list[MAX_ARGUMENTS])
{
    int count = 0;
    list[count++] = value;
    for (int next = 0; next < count; next++) {
        int producer = graph->values[list[next]].producer;
        const struct net_node *node = producer < 0 ? NULL : &graph->nodes[producer];
        if (!node || (node->op != NET_BINARY && node->op != NET_ACT))
            continue;
        for (int k = 0; k < node->input_count && k < 2; k++) {
            int input = node->input[k], i = 0;
            while (i < count && list[i] != input)
                i++;
            if (i == count && count < MAX_ARGUMENTS && input >= 0 &&
                !graph->values[input].data)
                list[count++] = input;
        }
    }
    return count;
}

/* Values of a function at different arguments. */
enum { SAMPLES = 12 };
static const double samples[SAMPLES] = {-6.3, -3.1, -2.2, -1,  -0.4, -0.05,
                                        0.3,  0.9,  1.7,  2.8, 4.2,  7};

/* Largest difference between the activation and the samples, relative where they are
 * above 1. */
static double difference(enum net_act kind, double alpha, const double y[SAMPLES])
{
    double largest = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double want = net_ref_act_double(kind, alpha, 0, 0, samples[i]);
        double off = fabs(y[i] - want) / fmax(1, fabs(want));
        if (!(off <= largest))
            largest = off;
    }
    return largest;
}

/* Finds the activation with these values; false where there is none. */
static bool find_activation(const double y[SAMPLES], enum net_act *kind, float *alpha)
{
    static const enum net_act kinds[] = {NET_ACT_HARD_SWISH, NET_ACT_MISH,
                                         NET_ACT_GELU,       NET_ACT_GELU_TANH,
                                         NET_ACT_SOFTSIGN,   NET_ACT_SQUARE};
    /* Constants may be halves. */
    double best = 1e-4;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        double off = difference(kinds[i], 0, y);
        if (off < best) {
            best = off;
            *kind = kinds[i];
            *alpha = 0;
        }
    }
    /* The factor of Swish from its value at one argument. */
    double x = samples[7], factor = -log(x / y[7] - 1) / x;
    bool bends = factor > 0.1 && factor < 16; /* a factor of 0 would be x / 2 */
    if (bends && difference(NET_ACT_SWISH, factor, y) < best) {
        best = 0;
        *kind = NET_ACT_SWISH;
        *alpha = (float)factor;
        if (fabs(factor - 1) < 1e-5)
            *alpha = 1;
    }
    return best < 1e-4;
}

static void rewrite_gate(struct net_graph *graph, int index)
{
    struct net_node *node = &graph->nodes[index];
    int list[MAX_ARGUMENTS];
    if (node->op != NET_BINARY ||
        (node->u.binary.kind != NET_BINARY_MUL && node->u.binary.kind != NET_BINARY_DIV))
        return;
    int count = list_arguments(graph, node->output, list);
    for (int i = 1; i < count; i++) {
        double y[SAMPLES];
        bool computed = net_shape_equal(net_pass_shape(graph, list[i]),
                                        net_pass_shape(graph, node->output));
        for (int k = 0; computed && k < SAMPLES; k++) {
            int steps = MAX_STEPS;
            computed = evaluate(graph, node->output, list[i], samples[k], &steps, &y[k]);
        }
        enum net_act kind = NET_ACT_NONE;
        float alpha = 0;
        if (!computed || !find_activation(y, &kind, &alpha))
            continue;
        node->op = NET_ACT;
        node->input_count = 1;
        node->input[0] = list[i];
        node->u.act.kind = kind;
        node->u.act.alpha = alpha;
        node->u.act.beta = 0;
        return;
    }
}

/* x OP k, or k OP x where swapped, as an activation; NET_ACT_NONE where there is none. */
static enum net_act with_number(enum net_binary op, bool swapped, float k, float *alpha,
                                float *beta)
{
    *alpha = k;
    *beta = 0;
    switch (op) {
    case NET_BINARY_DIV:
        return swapped && k == 1 ? NET_ACT_RECIPROCAL : NET_ACT_NONE;
    case NET_BINARY_POW:
        return swapped     ? NET_ACT_NONE
               : k == 2    ? NET_ACT_SQUARE
               : k == 0.5f ? NET_ACT_SQRT
               : k == -1   ? NET_ACT_RECIPROCAL
                           : NET_ACT_POWER;
    case NET_BINARY_MIN:
        *alpha = -FLT_MAX;
        *beta = k;
        return NET_ACT_CLIP;
    case NET_BINARY_MAX:
        *beta = FLT_MAX;
        return k == 0 ? NET_ACT_RELU : NET_ACT_CLIP;
    case NET_BINARY_GREATER:
        return swapped ? NET_ACT_NONE : NET_ACT_ABOVE;
    case NET_BINARY_GREATER_EQUAL:
        return swapped ? NET_ACT_NONE : NET_ACT_AT_LEAST;
    case NET_BINARY_LESS:
        return swapped ? NET_ACT_ABOVE : NET_ACT_NONE;
    case NET_BINARY_LESS_EQUAL:
        return swapped ? NET_ACT_AT_LEAST : NET_ACT_NONE;
    case NET_BINARY_EQUAL:
        return NET_ACT_EQUALS;
    default:
        return NET_ACT_NONE;
    }
}

static void rewrite_number(struct net_graph *graph, struct net_node *node)
{
    for (int k = 0; node->op == NET_BINARY && k < 2; k++) {
        int x = node->input[1 - k];
        float number, alpha, beta;
        if (!net_pass_uniform(graph, node->input[k], &number) ||
            !net_shape_equal(net_pass_shape(graph, x),
                             net_pass_shape(graph, node->output)))
            continue;
        enum net_act kind =
            with_number(node->u.binary.kind, k == 0, number, &alpha, &beta);
        if (kind == NET_ACT_NONE)
            continue;
        const struct net_act_info *info = net_act_find(kind);
        node->op = NET_ACT;
        node->input[0] = x;
        node->input_count = 1;
        node->u.act.kind = kind;
        node->u.act.alpha = info->parameters > 0 ? alpha : 0;
        node->u.act.beta = info->parameters > 1 ? beta : 0;
    }
}

bool net_pass_function(struct net_graph *graph, struct daub_error *error)
{
    (void)error;
    for (size_t i = 0; i < graph->node_count; i++) {
        rewrite_gate(graph, (int)i);
        rewrite_number(graph, &graph->nodes[i]);
    }
    return true;
}
