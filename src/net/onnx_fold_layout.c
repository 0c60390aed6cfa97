#include <string.h>

#include "net/onnx_internal.h"

#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

/* Shape (from opset 15 on also a range of it) and Size. */
void net_onnx_fold_shape(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_shape in = net_onnx_shape(b, node, 0);
    bool size = !strcmp(node->op->name, "Size");
    int64_t start = 0, end = in.rank;
    if (!size && net_onnx_opset(b) >= 15) {
        start = net_onnx_int(b, node, "start", 0);
        end = net_onnx_int(b, node, "end", in.rank);
        start += start < 0 ? in.rank : 0;
        end += end < 0 ? in.rank : 0;
        start = start < 0 ? 0 : start;
        end = end > in.rank ? in.rank : end;
    }
    struct net_shape shape = {.rank = !size, .dim = {end > start ? end - start : 0}};
    struct net_tensor *out = net_tensor_new(b, node, INT64, &shape);
    if (size && out) {
        out->data[0] = 1;
        for (int i = 0; i < in.rank; i++)
            out->data[0] *= (double)in.dim[i];
    }
    for (int64_t i = 0; !size && out && i < out->count; i++)
        out->data[i] = (double)in.dim[start + i];
    net_onnx_bind_tensor(b, node, 0, out);
}

void net_onnx_fold_gather(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "data");
    const struct net_tensor *index = net_onnx_need_constant(b, node, 1, "indices");
    if (!x || !index)
        return;
    int axis = net_onnx_axis(b, node, net_onnx_int(b, node, "axis", 0), x->shape.rank);
    struct net_shape shape = {.rank = x->shape.rank - 1 + index->shape.rank};
    if (shape.rank > NET_MAX_RANK)
        net_onnx_refuse(b, node, "its result has over %d axes", NET_MAX_RANK);
    if (net_onnx_failed(b))
        return;
    int64_t inner = 1, outer = 1, length = x->shape.dim[axis];
    for (int i = 0, k = 0; i < x->shape.rank; i++) {
        int64_t dim = x->shape.dim[i];
        for (int q = 0; i == axis && q < index->shape.rank; q++)
            shape.dim[k++] = index->shape.dim[q];
        if (i != axis)
            shape.dim[k++] = dim;
        inner *= i > axis ? dim : 1;
        outer *= i < axis ? dim : 1;
    }
    for (int64_t i = 0; i < index->count; i++) {
        int64_t at = net_tensor_int(index, i);
        if (at < -length || at >= length) {
            net_onnx_refuse(b, node, "index %lld is out of range for %lld elements",
                            (long long)at, (long long)length);
            return;
        }
    }
    struct net_tensor *out = net_tensor_new(b, node, x->type, &shape);
    for (int64_t o = 0; out && inner > 0 && o < outer; o++)
        for (int64_t i = 0; i < index->count; i++) {
            int64_t at = net_tensor_int(index, i);
            at += at < 0 ? length : 0;
            memcpy(out->data + (o * index->count + i) * inner,
                   x->data + (o * length + at) * inner, (size_t)inner * sizeof(double));
        }
    net_onnx_bind_tensor(b, node, 0, out);
}

static struct net_tensor *slice_tensor(struct net_onnx_builder *b,
                                       const struct net_onnx_node *node,
                                       const struct net_tensor *x,
                                       const struct net_onnx_slice *slice)
{
    int64_t stride[NET_MAX_RANK], offset = 0;
    net_tensor_strides(&x->shape, x->shape.rank, stride);
    for (int i = 0; i < x->shape.rank; i++) {
        offset += slice->start[i] * stride[i];
        stride[i] *= slice->step[i];
    }
    return net_tensor_view(b, node, x, &slice->shape, offset, stride);
}

void net_onnx_fold_slice(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "data");
    struct net_onnx_slice slice;
    if (x && net_onnx_read_slice(b, node, &slice))
        net_onnx_bind_tensor(b, node, 0, slice_tensor(b, node, x, &slice));
}

void net_onnx_fold_split(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "data");
    struct net_onnx_slice slice;
    for (int i = 0; x && net_onnx_read_split(b, node, i, &slice); i++)
        net_onnx_bind_tensor(b, node, i, slice_tensor(b, node, x, &slice));
}

void net_onnx_fold_concat(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *first = net_onnx_need_constant(b, node, 0, "operand");
    if (!first)
        return;
    struct net_shape shape = first->shape;
    int axis = net_onnx_axis(b, node, net_onnx_int(b, node, "axis", 1), shape.rank);
    int64_t outer = 1, inner = 1;
    for (int i = 0; i < shape.rank; i++) {
        outer *= i < axis ? shape.dim[i] : 1;
        inner *= i > axis ? shape.dim[i] : 1;
    }
    for (int i = 1; i < node->input_count; i++) {
        const struct net_tensor *x = net_onnx_need_constant(b, node, i, "operand");
        if (!x)
            return;
        bool fits = x->shape.rank == shape.rank;
        for (int k = 0; fits && k < shape.rank; k++)
            fits = k == axis || x->shape.dim[k] == shape.dim[k];
        if (!fits) {
            net_onnx_refuse(b, node, "its constants' shapes do not match");
            return;
        }
        shape.dim[axis] += x->shape.dim[axis];
    }
    struct net_tensor *out = net_tensor_new(b, node, first->type, &shape);
    int64_t done = 0, row = shape.dim[axis] * inner;
    for (int i = 0; out && i < node->input_count; i++) {
        const struct net_tensor *x = net_onnx_constant(b, node, i);
        int64_t run = x->shape.dim[axis] * inner;
        for (int64_t o = 0; run > 0 && o < outer; o++)
            memcpy(out->data + o * row + done, x->data + o * run,
                   (size_t)run * sizeof(double));
        done += run;
    }
    net_onnx_bind_tensor(b, node, 0, out);
}

/* Reshape, Flatten, Squeeze, Unsqueeze. */
void net_onnx_fold_reshape(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "data");
    struct net_shape shape;
    if (!x || !net_onnx_new_shape(b, node, &shape))
        return;
    struct net_tensor *out = net_tensor_new(b, node, x->type, &shape);
    if (out && out->count != x->count)
        net_onnx_refuse(b, node, "cannot reshape %lld elements to %lld",
                        (long long)x->count, (long long)out->count);
    else if (out && out->count > 0)
        memcpy(out->data, x->data, (size_t)x->count * sizeof(double));
    net_onnx_bind_tensor(b, node, 0, out);
}

void net_onnx_fold_transpose(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "data");
    int perm[NET_MAX_RANK];
    if (!x || !net_onnx_perm(b, node, perm))
        return;
    struct net_shape shape = {.rank = x->shape.rank};
    int64_t from[NET_MAX_RANK], stride[NET_MAX_RANK] = {0};
    net_tensor_strides(&x->shape, x->shape.rank, from);
    for (int i = 0; i < shape.rank; i++) {
        shape.dim[i] = x->shape.dim[perm[i]];
        stride[i] = from[perm[i]];
    }
    net_onnx_bind_tensor(b, node, 0, net_tensor_view(b, node, x, &shape, 0, stride));
}

void net_onnx_fold_expand(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "data");
    struct net_shape shape;
    if (!x || !net_onnx_expanded(b, node, &shape))
        return;
    int64_t stride[NET_MAX_RANK];
    net_tensor_strides(&x->shape, shape.rank, stride);
    net_onnx_bind_tensor(b, node, 0, net_tensor_view(b, node, x, &shape, 0, stride));
}

void net_onnx_fold_tile(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "data");
    struct net_onnx_ints times;
    if (!x || !net_onnx_input_ints(b, node, 1, &times))
        return;
    struct net_shape shape = x->shape;
    if (times.count != shape.rank)
        net_onnx_refuse(b, node, "it has %d repeats for %d axes", times.count,
                        shape.rank);
    for (int i = 0; i < shape.rank && i < times.count; i++)
        shape.dim[i] *= times.at[i];
    struct net_tensor *out = net_tensor_new(b, node, x->type, &shape);
    for (int64_t n = 0; out && n < out->count; n++) {
        int64_t rest = n, from = 0, step = 1;
        for (int i = shape.rank - 1; i >= 0; i--) {
            from += rest % shape.dim[i] % x->shape.dim[i] * step;
            rest /= shape.dim[i];
            step *= x->shape.dim[i];
        }
        out->data[n] = x->data[from];
    }
    net_onnx_bind_tensor(b, node, 0, out);
}
