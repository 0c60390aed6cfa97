#include <math.h>
#include <string.h>

#include "net/onnx_internal.h"
#include "net/ref.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

/* x broadcast to shape. */
static struct net_tensor *broadcast_to(struct net_onnx_builder *b,
                                       const struct net_onnx_node *node,
                                       const struct net_tensor *x,
                                       const struct net_shape *shape)
{
    int64_t stride[NET_MAX_RANK];
    net_tensor_strides(&x->shape, shape->rank, stride);
    return net_tensor_view(b, node, x, shape, 0, stride);
}

/* Combines two or more operands from left to right; the result is BOOL where it is a
 * test. */
static void combine(struct net_onnx_builder *b, const struct net_onnx_node *node,
                    double (*value)(double x, double y), bool is_test)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "operand");
    struct net_tensor *sum = x ? broadcast_to(b, node, x, &x->shape) : NULL;
    for (int i = 1; sum && i < node->input_count; i++) {
        const struct net_tensor *y = net_onnx_need_constant(b, node, i, "operand");
        struct net_shape shape = {0};
        if (y && !net_shape_broadcast(&sum->shape, &y->shape, &shape))
            net_onnx_refuse(b, node, "its constants' shapes do not match");
        struct net_tensor *left =
            y && !net_onnx_failed(b) ? broadcast_to(b, node, sum, &shape) : NULL;
        struct net_tensor *right = left ? broadcast_to(b, node, y, &shape) : NULL;
        net_tensor_free(b, sum);
        sum = left;
        for (int64_t k = 0; right && k < sum->count; k++)
            sum->data[k] =
                net_tensor_round(sum->type, value(sum->data[k], right->data[k]));
        net_tensor_free(b, right);
    }
    if (sum && is_test)
        sum->type = TYPE(BOOL);
    net_onnx_bind_tensor(b, node, 0, sum);
}

void net_onnx_fold_arithmetic(struct net_onnx_builder *b,
                              const struct net_onnx_node *node)
{
    combine(b, node, node->op->value, node->op->is_test);
}

static double add(double x, double y)
{
    return x + y;
}

void net_onnx_fold_sum(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, add, false);
}

static double smaller(double x, double y)
{
    return x < y ? x : y;
}

void net_onnx_fold_min(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, smaller, false);
}

static double larger(double x, double y)
{
    return x > y ? x : y;
}

void net_onnx_fold_max(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, larger, false);
}

/* Remainder with the sign of the divisor, as in Python. */
static double modulo(double x, double y)
{
    return x - y * floor(x / y);
}

void net_onnx_fold_mod(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    combine(b, node, net_onnx_int(b, node, "fmod", 0) ? fmod : modulo, false);
}

static void fold_act(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     enum net_act act, float alpha, float beta)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "operand");
    struct net_tensor *y = x ? net_tensor_new(b, node, x->type, &x->shape) : NULL;
    for (int64_t i = 0; y && i < y->count; i++)
        y->data[i] = net_tensor_round(
            y->type, net_ref_act_double(act, (double)alpha, (double)beta, 0, x->data[i]));
    net_onnx_bind_tensor(b, node, 0, y);
}

void net_onnx_fold_activation(struct net_onnx_builder *b,
                              const struct net_onnx_node *node)
{
    float alpha, beta;
    net_onnx_act_parameters(b, node, &alpha, &beta);
    fold_act(b, node, (enum net_act)node->op->kind, alpha, beta);
}

void net_onnx_fold_gelu(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    fold_act(b, node, net_onnx_gelu_kind(b, node), 0, 0);
}

void net_onnx_fold_not(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    fold_act(b, node, NET_ACT_EQUALS, 0, 0);
}

/* A constant given by value_float, value_int, value_floats or value_ints. */
static struct net_tensor *constant_of_attribute(struct net_onnx_builder *b,
                                                const struct net_onnx_node *node)
{
    static const struct {
        const char *name;
        Onnx__AttributeProto__AttributeType type;
        bool list;
    } forms[] = {
        {"value_float", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, false},
        {"value_int", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, false},
        {"value_floats", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, true},
        {"value_ints", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, true},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const Onnx__AttributeProto *a =
            net_onnx_attribute(b, node, forms[i].name, forms[i].type);
        if (!a)
            continue;
        bool ints = i & 1;
        size_t count = !forms[i].list ? 1 : ints ? a->n_ints : a->n_floats;
        struct net_shape shape = {.rank = forms[i].list, .dim = {(int64_t)count}};
        struct net_tensor *out =
            net_tensor_new(b, node, ints ? TYPE(INT64) : TYPE(FLOAT), &shape);
        for (size_t k = 0; out && k < count; k++)
            out->data[k] = ints ? (double)(forms[i].list ? a->ints[k] : a->i)
                                : (double)(forms[i].list ? a->floats[k] : a->f);
        return out;
    }
    net_onnx_refuse(b, node,
                    "it holds no number (strings and sparse tensors are not read)");
    return NULL;
}

void net_onnx_fold_constant(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const Onnx__AttributeProto *value = net_onnx_attribute(
        b, node, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
    if (value)
        net_onnx_bind_proto(b, node, value->t);
    else
        net_onnx_bind_tensor(b, node, 0, constant_of_attribute(b, node));
}

void net_onnx_fold_constant_of_shape(struct net_onnx_builder *b,
                                     const struct net_onnx_node *node)
{
    const struct net_tensor *dims = net_onnx_need_constant(b, node, 0, "shape");
    if (!dims)
        return;
    struct net_shape shape = {.rank =
                                  (int)(dims->count > NET_MAX_RANK ? 0 : dims->count)};
    if (dims->count > NET_MAX_RANK)
        net_onnx_refuse(b, node, "its result has over %d axes", NET_MAX_RANK);
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = net_tensor_int(dims, i);
    const Onnx__AttributeProto *value = net_onnx_attribute(
        b, node, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
    struct net_shape one;
    int64_t count;
    double fill = 0;
    Onnx__TensorProto__DataType type = TYPE(FLOAT);
    if (value) {
        struct daub_error error = {0};
        if (!net_onnx_tensor_shape(value->t, &one, &count, &error))
            net_onnx_refuse(b, node, "%.200s", error.message);
        else if (count != 1)
            net_onnx_refuse(b, node, "its value has %lld elements", (long long)count);
        if (net_onnx_failed(b))
            return;
        net_onnx_decode_double(value->t, 1, &fill);
        type = (Onnx__TensorProto__DataType)value->t->data_type;
    }
    struct net_tensor *out = net_tensor_new(b, node, type, &shape);
    for (int64_t i = 0; out && i < out->count; i++)
        out->data[i] = fill;
    net_onnx_bind_tensor(b, node, 0, out);
}

void net_onnx_fold_cast(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "operand");
    Onnx__TensorProto__DataType to =
        (Onnx__TensorProto__DataType)net_onnx_int(b, node, "to", 0);
    struct net_tensor *y = x ? net_tensor_new(b, node, to, &x->shape) : NULL;
    for (int64_t i = 0; y && i < y->count; i++)
        y->data[i] = net_tensor_round(to, x->data[i]);
    net_onnx_bind_tensor(b, node, 0, y);
}

void net_onnx_fold_where(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *in[3];
    struct net_shape shape = {0};
    for (int i = 0; i < 3; i++) {
        in[i] = net_onnx_need_constant(b, node, i, "operand");
        if (in[i] && !net_shape_broadcast(&shape, &in[i]->shape, &shape))
            net_onnx_refuse(b, node, "its constants' shapes do not match");
    }
    if (net_onnx_failed(b))
        return;
    struct net_tensor *pick = broadcast_to(b, node, in[0], &shape);
    struct net_tensor *yes = pick ? broadcast_to(b, node, in[1], &shape) : NULL;
    struct net_tensor *no = yes ? broadcast_to(b, node, in[2], &shape) : NULL;
    for (int64_t i = 0; no && i < yes->count; i++)
        if (pick->data[i] == 0)
            yes->data[i] = no->data[i];
    net_tensor_free(b, pick);
    net_tensor_free(b, no);
    net_onnx_bind_tensor(b, node, 0, yes);
}

void net_onnx_fold_range(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *in[3];
    for (int i = 0; i < 3; i++) {
        in[i] = net_onnx_need_constant(b, node, i, "operand");
        if (in[i] && in[i]->count != 1)
            net_onnx_refuse(b, node, "operand %d is no single number", i);
    }
    if (net_onnx_failed(b))
        return;
    double start = in[0]->data[0], step = in[2]->data[0];
    double count = ceil((in[1]->data[0] - start) / step);
    if (isnan(count) || count > (double)NET_MAX_DIM) {
        net_onnx_refuse(b, node, "its range is too long");
        return;
    }
    struct net_shape shape = {.rank = 1, .dim = {count > 0 ? (int64_t)count : 0}};
    struct net_tensor *out = net_tensor_new(b, node, in[0]->type, &shape);
    for (int64_t i = 0; out && i < out->count; i++)
        out->data[i] = net_tensor_round(out->type, start + (double)i * step);
    net_onnx_bind_tensor(b, node, 0, out);
}

enum reduction { SUM, MEAN, PRODUCT, MAXIMUM, MINIMUM, L1, L2, SQUARES };

static enum reduction reduction_named(const char *name)
{
    static const char *const names[] = {
        [SUM] = "ReduceSum", [MEAN] = "ReduceMean",        [PRODUCT] = "ReduceProd",
        [L1] = "ReduceL1",   [MAXIMUM] = "ReduceMax",      [MINIMUM] = "ReduceMin",
        [L2] = "ReduceL2",   [SQUARES] = "ReduceSumSquare"};
    int kind = SQUARES;
    while (kind > SUM && strcmp(names[kind], name) != 0)
        kind--;
    return (enum reduction)kind;
}

static double reduce_step(enum reduction kind, double sum, double x)
{
    switch (kind) {
    case PRODUCT:
        return sum * x;
    case MAXIMUM:
        return x > sum ? x : sum;
    case MINIMUM:
        return x < sum ? x : sum;
    case L1:
        return sum + fabs(x);
    case L2:
    case SQUARES:
        return sum + x * x;
    case SUM:
    case MEAN:
        break;
    }
    return sum + x;
}

void net_onnx_fold_reduce(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    enum reduction kind = reduction_named(node->op->name);
    double start = kind == PRODUCT   ? 1
                   : kind == MAXIMUM ? -INFINITY
                   : kind == MINIMUM ? INFINITY
                                     : 0;
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "operand");
    unsigned axes;
    bool keep;
    if (!x || !net_onnx_reduced(b, node, &axes, &keep) ||
        !net_tensor_count_work(b, node, x->count))
        return;
    struct net_shape kept = x->shape, shape = {0};
    int64_t stride[NET_MAX_RANK] = {0}, step = 1, at[NET_MAX_RANK] = {0};
    for (int i = 0; i < kept.rank; i++) {
        if (axes >> i & 1)
            kept.dim[i] = 1;
        if (keep || !(axes >> i & 1))
            shape.dim[shape.rank++] = kept.dim[i];
    }
    net_tensor_strides(&kept, kept.rank, stride);
    struct net_tensor *out = net_tensor_new(b, node, x->type, &shape);
    if (!out)
        return;
    for (int64_t i = 0; i < out->count; i++)
        out->data[i] = start;
    for (int64_t n = 0, to = 0; n < x->count; n++) {
        out->data[to] = reduce_step(kind, out->data[to], x->data[n]);
        for (int i = kept.rank - 1; i >= 0; i--) {
            to += stride[i];
            if (++at[i] < x->shape.dim[i])
                break;
            to -= at[i] * stride[i];
            at[i] = 0;
        }
    }
    step = out->count > 0 ? x->count / out->count : 1;
    for (int64_t i = 0; i < out->count; i++) {
        double sum = kind == MEAN ? out->data[i] / (double)step : out->data[i];
        out->data[i] = net_tensor_round(out->type, kind == L2 ? sqrt(sum) : sum);
    }
    net_onnx_bind_tensor(b, node, 0, out);
}

/* Gemm and MatMul of vectors and matrices. */
void net_onnx_fold_gemm(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "operand");
    const struct net_tensor *y = net_onnx_need_constant(b, node, 1, "operand");
    bool gemm = !strcmp(node->op->name, "Gemm");
    bool ta = gemm && net_onnx_int(b, node, "transA", 0);
    bool tb = gemm && net_onnx_int(b, node, "transB", 0);
    const struct net_tensor *c = gemm ? net_onnx_constant(b, node, 2) : NULL;
    double alpha = gemm ? (double)net_onnx_float(b, node, "alpha", 1) : 1;
    double beta = gemm ? (double)net_onnx_float(b, node, "beta", 1) : 1;
    if (net_onnx_failed(b))
        return;
    if (x->shape.rank < 1 || x->shape.rank > 2 || y->shape.rank < 1 ||
        y->shape.rank > 2) {
        net_onnx_refuse(b, node, "it multiplies batches of constant matrices");
        return;
    }
    /* A vector is a row on the left and a column on the right. */
    bool row = x->shape.rank == 1, column = y->shape.rank == 1;
    int64_t rows = row ? 1 : x->shape.dim[ta], inner = x->shape.dim[row ? 0 : !ta];
    int64_t columns = column ? 1 : y->shape.dim[!tb];
    struct net_shape shape = {0}, sum;
    if (!row)
        shape.dim[shape.rank++] = rows;
    if (!column)
        shape.dim[shape.rank++] = columns;
    if (inner != y->shape.dim[column ? 0 : tb] ||
        (c && (!net_shape_broadcast(&shape, &c->shape, &sum) ||
               !net_shape_equal(&shape, &sum)))) {
        net_onnx_refuse(b, node, "its constants' shapes do not match");
        return;
    }
    struct net_tensor *added = c ? broadcast_to(b, node, c, &shape) : NULL;
    struct net_tensor *out =
        net_tensor_count_work(b, node,
                              rows * columns < INT32_MAX ? rows * columns * (inner + 1)
                                                         : NET_ONNX_MAX_WORK + 1)
            ? net_tensor_new(b, node, x->type, &shape)
            : NULL;
    for (int64_t i = 0; out && i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double total = 0;
            for (int64_t k = 0; k < inner; k++)
                total += x->data[ta ? k * rows + i : i * inner + k] *
                         y->data[tb ? j * inner + k : k * columns + j];
            int64_t at = i * columns + j;
            out->data[at] = net_tensor_round(
                out->type, alpha * total + (added ? beta * added->data[at] : 0));
        }
    net_tensor_free(b, added);
    net_onnx_bind_tensor(b, node, 0, out);
}
