#include <math.h>
#include <stdlib.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"

bool net_tensor_count_work(struct net_onnx_builder *b, const struct net_onnx_node *node,
                           int64_t elements)
{
    b->work += elements;
    if (b->work > NET_ONNX_MAX_WORK)
        net_onnx_refuse(b, node, "its constants take too long to compute");
    return !net_onnx_failed(b);
}

struct net_tensor *net_tensor_new(struct net_onnx_builder *b,
                                  const struct net_onnx_node *node,
                                  Onnx__TensorProto__DataType type,
                                  const struct net_shape *shape)
{
    if (net_onnx_failed(b))
        return NULL;
    /* product counts empty axes as 1, so that it limits the product of any of the
     * dimensions. */
    int64_t count = 1, product = 1;
    for (int i = 0; i < shape->rank && product >= 0; i++) {
        int64_t dim = shape->dim[i];
        if (dim < 0 || dim > NET_MAX_DIM ||
            (product *= dim ? dim : 1) > NET_ONNX_MAX_FOLDED)
            product = -1;
        else
            count *= dim;
    }
    if (product < 0 || b->folded + count > NET_ONNX_MAX_FOLDED) {
        net_onnx_refuse(b, node, "its constants are too large");
        return NULL;
    }
    if (!net_tensor_count_work(b, node, count))
        return NULL;
    struct net_tensor *tensor = daub_alloc(1, sizeof(*tensor));
    double *data = daub_alloc((size_t)count, sizeof(*data));
    if (!tensor || !data) {
        free(tensor);
        free(data);
        net_onnx_no_memory(b);
        return NULL;
    }
    *tensor =
        (struct net_tensor){.type = type, .shape = *shape, .count = count, .data = data};
    b->folded += count;
    return tensor;
}

void net_tensor_free(struct net_onnx_builder *b, struct net_tensor *tensor)
{
    if (!tensor)
        return;
    b->folded -= tensor->count;
    free(tensor->data);
    free(tensor);
}

void net_tensor_strides(const struct net_shape *shape, int rank,
                        int64_t stride[static NET_MAX_RANK])
{
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        int axis = i - (rank - shape->rank);
        stride[i] = axis < 0 || shape->dim[axis] == 1 ? 0 : step;
        if (axis >= 0)
            step *= shape->dim[axis];
    }
}

struct net_tensor *net_tensor_view(struct net_onnx_builder *b,
                                   const struct net_onnx_node *node,
                                   const struct net_tensor *source,
                                   const struct net_shape *shape, int64_t offset,
                                   const int64_t stride[static NET_MAX_RANK])
{
    struct net_tensor *out = net_tensor_new(b, node, source->type, shape);
    int64_t at[NET_MAX_RANK] = {0};
    if (out && out->count > 0 && source->count == 0) {
        net_onnx_refuse(b, node, "it reads elements of an empty constant");
        net_tensor_free(b, out);
        return NULL;
    }
    for (int64_t n = 0; out && n < out->count; n++) {
        out->data[n] = source->data[offset];
        for (int i = shape->rank - 1; i >= 0; i--) {
            offset += stride[i];
            if (++at[i] < shape->dim[i])
                break;
            offset -= at[i] * stride[i];
            at[i] = 0;
        }
    }
    return out;
}

struct net_tensor *net_tensor_collapse(struct net_onnx_builder *b,
                                       const struct net_onnx_node *node,
                                       const struct net_tensor *source, unsigned axes)
{
    struct net_shape shape = source->shape;
    int64_t stride[NET_MAX_RANK], step = 1;
    if (!net_tensor_count_work(b, node, source->count))
        return NULL;
    net_tensor_strides(&source->shape, shape.rank, stride);
    for (int i = shape.rank - 1; i >= 0; i--) {
        int64_t dim = source->shape.dim[i];
        bool same = axes >> i & 1;
        for (int64_t n = 0; same && n < source->count; n++)
            same = source->data[n] == source->data[n - n / step % dim * step];
        if (same && dim > 0)
            shape.dim[i] = 1;
        step *= dim;
    }
    return net_tensor_view(b, node, source, &shape, 0, stride);
}

double net_tensor_round(Onnx__TensorProto__DataType type, double x)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        return x;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16: /* halves are computed as float */
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return (double)(float)x;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return x != 0;
    default:
        return isnan(x) ? 0 : trunc(x);
    }
}

int64_t net_tensor_int(const struct net_tensor *tensor, int64_t i)
{
    const double limit = (double)((int64_t)1 << 53);
    double x = tensor->data[i];
    if (!(x > -limit))
        x = isnan(x) ? 0 : -limit;
    return (int64_t)(x < limit ? x : limit);
}
