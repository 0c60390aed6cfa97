#include <float.h>
#include <math.h>

#include "net/onnx_internal.h"
#include "net/op.h"

int net_onnx_emit_act(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      enum net_act kind, float alpha, float beta, int x)
{
    struct net_node draft = {.op = NET_ACT};
    draft.u.act.kind = kind;
    draft.u.act.alpha = alpha;
    draft.u.act.beta = beta;
    return net_onnx_emit(b, node, &draft, &x, 1, NULL);
}

int net_onnx_emit_binary(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         enum net_binary kind, int x, int y)
{
    struct net_node draft = {.op = NET_BINARY};
    draft.u.binary.kind = kind;
    const int input[2] = {x, y};
    return net_onnx_emit(b, node, &draft, input, 2, NULL);
}

void net_onnx_act_parameters(struct net_onnx_builder *b, const struct net_onnx_node *node,
                             float *alpha, float *beta)
{
    const struct net_act_info *info = net_act_find((enum net_act)node->op->kind);
    *alpha = info->parameters > 0 ? net_onnx_float(b, node, "alpha", info->alpha) : 0;
    const char *second = node->op->kind == NET_ACT_SELU ? "gamma" : "beta";
    *beta = info->parameters > 1 ? net_onnx_float(b, node, second, info->beta) : 0;
}

void net_onnx_activation(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    float alpha, beta;
    int x = net_onnx_operand(b, node, 0);
    net_onnx_act_parameters(b, node, &alpha, &beta);
    net_onnx_bind(
        b, node, 0,
        net_onnx_emit_act(b, node, (enum net_act)node->op->kind, alpha, beta, x));
}

static int emit_clip(struct net_onnx_builder *b, const struct net_onnx_node *node, int x,
                     float low, float high)
{
    /* As min(max(x, low), high): where high is below low, the result is high. */
    low = low <= high ? low : high;
    if (low <= -FLT_MAX && high >= FLT_MAX)
        return x;
    if (low == 0 && high >= FLT_MAX)
        return net_onnx_emit_act(b, node, NET_ACT_RELU, 0, 0, x);
    return net_onnx_emit_act(b, node, NET_ACT_CLIP, low > -FLT_MAX ? low : -FLT_MAX,
                             high < FLT_MAX ? high : FLT_MAX, x);
}

/* min(max(x, low), high) where low or high is a tensor; absent ones are -1. */
static int emit_limits(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       int x, int low, int high)
{
    if (low >= 0)
        x = net_onnx_emit_binary(b, node, NET_BINARY_MAX, x, low);
    return high >= 0 ? net_onnx_emit_binary(b, node, NET_BINARY_MIN, x, high) : x;
}

void net_onnx_clip(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    float low = -FLT_MAX, high = FLT_MAX;
    int x = net_onnx_operand(b, node, 0);
    if (net_onnx_opset(b) < 11) {
        low = net_onnx_float(b, node, "min", low);
        high = net_onnx_float(b, node, "max", high);
    } else {
        for (int i = 1; i < 3; i++)
            if (net_onnx_has_input(node, i) && !net_onnx_is_constant(b, node, i)) {
                int limits[2] = {net_onnx_operand(b, node, 1),
                                 net_onnx_operand(b, node, 2)};
                net_onnx_bind(b, node, 0, emit_limits(b, node, x, limits[0], limits[1]));
                return;
            }
        if (net_onnx_has_input(node, 1))
            net_onnx_number(b, node, 1, &low);
        if (net_onnx_has_input(node, 2))
            net_onnx_number(b, node, 2, &high);
    }
    net_onnx_bind(b, node, 0, emit_clip(b, node, x, low, high));
}

enum net_act net_onnx_gelu_kind(struct net_onnx_builder *b,
                                const struct net_onnx_node *node)
{
    return net_onnx_text_is(b, node, "approximate", "tanh", "none") ? NET_ACT_GELU_TANH
                                                                    : NET_ACT_GELU;
}

void net_onnx_gelu(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    enum net_act kind = net_onnx_gelu_kind(b, node);
    net_onnx_bind(b, node, 0, net_onnx_emit_act(b, node, kind, 0, 0, x));
}

/* For slopes of any shape: relu(x) - slope relu(-x). */
static int emit_general_prelu(struct net_onnx_builder *b,
                              const struct net_onnx_node *node, int x)
{
    int minus = net_onnx_emit_act(b, node, NET_ACT_NEG, 0, 0, x);
    int above = net_onnx_emit_act(b, node, NET_ACT_RELU, 0, 0, x);
    int below = net_onnx_emit_act(b, node, NET_ACT_RELU, 0, 0, minus);
    int slope = net_onnx_operand(b, node, 1);
    int scaled = net_onnx_emit_binary(b, node, NET_BINARY_MUL, below, slope);
    return net_onnx_emit_binary(b, node, NET_BINARY_SUB, above, scaled);
}

void net_onnx_prelu(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0), y;
    struct net_shape in = net_onnx_shape(b, node, 0), slope = net_onnx_shape(b, node, 1);
    int64_t count = net_shape_count(&slope);
    int channel = 1 - (in.rank - slope.rank); /* axis of the slope that is the input's
                                                 channel axis, counted from the right */
    bool constant = net_onnx_is_constant(b, node, 1);
    if (net_onnx_failed(b))
        return;
    if (constant && count == 1) {
        const struct net_tensor *number = net_onnx_constant(b, node, 1);
        float alpha = number ? (float)number->data[0] : 0;
        y = net_onnx_emit_act(b, node, NET_ACT_LEAKY_RELU, alpha, 0, x);
    } else if (constant && in.rank >= 2 && channel >= 0 && channel < slope.rank &&
               slope.dim[channel] == in.dim[1] && count == in.dim[1]) {
        struct net_node draft = {.op = NET_ACT};
        draft.u.act.kind = NET_ACT_PRELU;
        const int input[2] = {x, net_onnx_operand(b, node, 1)};
        y = net_onnx_emit(b, node, &draft, input, 2, NULL);
    } else {
        y = emit_general_prelu(b, node, x);
    }
    net_onnx_bind(b, node, 0, y);
}

/* Dimension of shape that broadcasting matches with axis i of a tensor of rank `rank`. */
static int64_t dimension_at(const struct net_shape *shape, int i, int rank)
{
    int k = i + shape->rank - rank;
    return k < 0 || k >= shape->rank ? 1 : shape->dim[k];
}

/* Input i as an operand, with input k the other one. A constant that repeats along an
 * axis is reduced to length 1 there, so that it fits pictures of any size. */
static int operand_without_repeats(struct net_onnx_builder *b,
                                   const struct net_onnx_node *node, int i, int k)
{
    struct net_shape mine = net_onnx_shape(b, node, i);
    struct net_shape other = net_onnx_shape(b, node, k);
    const struct net_shape *original = net_onnx_original_shape(b, node, k);
    unsigned axes = 0;
    if (net_onnx_is_constant(b, node, i) && !net_onnx_is_constant(b, node, k))
        for (int a = 0; a < mine.rank; a++)
            if (mine.dim[a] > 1 &&
                mine.dim[a] == dimension_at(original ? original : &other, a, mine.rank))
                axes |= 1u << a;
    const struct net_tensor *full = axes ? net_onnx_constant(b, node, i) : NULL;
    if (!full)
        return net_onnx_operand(b, node, i);
    struct net_tensor *small = net_tensor_collapse(b, node, full, axes);
    bool smaller = small && small->count < full->count;
    int value = smaller ? net_onnx_add_constant(b, node, small) : -1;
    net_tensor_free(b, small);
    return smaller ? value : net_onnx_operand(b, node, i);
}

/* Combines the operands from left to right. */
static void combine(struct net_onnx_builder *b, const struct net_onnx_node *node,
                    enum net_binary kind)
{
    if (node->input_count == 1) {
        net_onnx_identity(b, node);
        return;
    }
    bool pair = node->input_count == 2;
    int x = pair ? operand_without_repeats(b, node, 0, 1) : net_onnx_operand(b, node, 0);
    for (int i = 1; i < node->input_count && !net_onnx_failed(b); i++) {
        int y =
            pair ? operand_without_repeats(b, node, 1, 0) : net_onnx_operand(b, node, i);
        x = net_onnx_emit_binary(b, node, kind, x, y);
    }
    net_onnx_bind(b, node, 0, x);
}

void net_onnx_arithmetic(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, (enum net_binary)node->op->kind);
}

void net_onnx_sum(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, NET_BINARY_ADD);
}

/* Min and Max: constant numbers together are a Clip, other operands follow. */
static void limit(struct net_onnx_builder *b, const struct net_onnx_node *node, bool min)
{
    float limit = min ? FLT_MAX : -FLT_MAX, number;
    int x = -1;
    for (int i = 0; i < node->input_count && !net_onnx_failed(b); i++) {
        struct net_shape shape = net_onnx_shape(b, node, i);
        if (net_onnx_is_constant(b, node, i) && net_shape_count(&shape) == 1) {
            net_onnx_number(b, node, i, &number);
            if (min ? number < limit : number > limit)
                limit = number;
            continue;
        }
        int y = net_onnx_operand(b, node, i);
        x = x < 0 ? y
                  : net_onnx_emit_binary(b, node, min ? NET_BINARY_MIN : NET_BINARY_MAX,
                                         x, y);
    }
    int y = emit_clip(b, node, x, min ? -FLT_MAX : limit, min ? limit : FLT_MAX);
    net_onnx_bind(b, node, 0, y);
}

void net_onnx_min(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    limit(b, node, true);
}

void net_onnx_max(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    limit(b, node, false);
}

/* ---- truth values, which are 0 or 1 ---- */

void net_onnx_and(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, NET_BINARY_MUL);
}

void net_onnx_or(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, NET_BINARY_MAX);
}

void net_onnx_xor(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0), y = net_onnx_operand(b, node, 1);
    int equal = net_onnx_emit_binary(b, node, NET_BINARY_EQUAL, x, y);
    net_onnx_bind(b, node, 0, net_onnx_emit_act(b, node, NET_ACT_EQUALS, 0, 0, equal));
}

void net_onnx_not(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    net_onnx_bind(b, node, 0, net_onnx_emit_act(b, node, NET_ACT_EQUALS, 0, 0, x));
}

#define LARGEST 65504.0 /* of a half */

/* Operand i of Where. Constants that a half cannot hold, such as infinite ones in masks,
 * become +-LARGEST, because the operand is multiplied by 0 where it is not picked. */
static int finite_operand(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          int i)
{
    const struct net_tensor *constant = net_onnx_constant(b, node, i);
    bool finite = true;
    for (int64_t k = 0; constant && k < constant->count; k++)
        finite = finite && fabs(constant->data[k]) <= LARGEST;
    if (finite)
        return net_onnx_operand(b, node, i);
    struct net_tensor *copy = net_tensor_collapse(b, node, constant, 0);
    for (int64_t k = 0; copy && k < copy->count; k++)
        copy->data[k] = fmax(-LARGEST, fmin(LARGEST, copy->data[k]));
    int value = copy ? net_onnx_add_constant(b, node, copy) : -1;
    net_tensor_free(b, copy);
    return value;
}

/* pick * yes + (1 - pick) * no */
void net_onnx_where(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_shape one = {0};
    const float number = 1;
    int pick = net_onnx_operand(b, node, 0), yes = finite_operand(b, node, 1),
        no = finite_operand(b, node, 2);
    int rest = net_onnx_add_floats(b, node, &one, &number);
    rest = net_onnx_emit_binary(b, node, NET_BINARY_SUB, rest, pick);
    yes = net_onnx_emit_binary(b, node, NET_BINARY_MUL, pick, yes);
    no = net_onnx_emit_binary(b, node, NET_BINARY_MUL, rest, no);
    net_onnx_bind(b, node, 0, net_onnx_emit_binary(b, node, NET_BINARY_ADD, yes, no));
}

/* daub computes in float; a whole number is one without a fraction. */
void net_onnx_cast(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    switch ((Onnx__TensorProto__DataType)net_onnx_int(b, node, "to", 0)) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        x = emit_clip(b, node, x, 0, 255);
        x = net_onnx_emit_act(b, node, NET_ACT_FLOOR, 0, 0, x);
        break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        x = net_onnx_emit_act(b, node, NET_ACT_TRUNC, 0, 0, x);
        break;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        x = net_onnx_emit_act(b, node, NET_ACT_EQUALS, 0, 0, x);
        x = net_onnx_emit_act(b, node, NET_ACT_EQUALS, 0, 0, x);
        break;
    default:
        net_onnx_refuse(b, node,
                        "it turns computed values into element type %lld; daub "
                        "computes in float",
                        (long long)net_onnx_int(b, node, "to", 0));
    }
    net_onnx_bind(b, node, 0, x);
}
