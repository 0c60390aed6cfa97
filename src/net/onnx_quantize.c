/* Quantized files in the form with QuantizeLinear and DequantizeLinear: daub computes in
 * float. Constants are dequantized when the file is read. */
#include <math.h>

#include "net/onnx_internal.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

struct quantization {
    const struct net_tensor *scale, *zero; /* zero: NULL for 0 */
    int64_t inner; /* elements of x for each number of scale, which then repeat */
    Onnx__TensorProto__DataType type;
};

static bool read_quantization(struct net_onnx_builder *b,
                              const struct net_onnx_node *node, struct quantization *q)
{
    struct net_shape x = net_onnx_shape(b, node, 0);
    q->scale = net_onnx_need_constant(b, node, 1, "scale");
    q->zero = net_onnx_has_input(node, 2)
                  ? net_onnx_need_constant(b, node, 2, "zero point")
                  : NULL;
    q->type = q->zero ? q->zero->type : TYPE(UINT8);
    q->inner = 1;
    if (net_onnx_failed(b))
        return false;
    if (net_onnx_int(b, node, "block_size", 0) != 0)
        net_onnx_refuse(b, node,
                        "it quantizes in blocks; daub reads one scale a tensor "
                        "or channel");
    if (q->scale->count == 1) {
        q->inner = net_shape_count(&x);
    } else {
        int axis = net_onnx_axis(b, node, net_onnx_int(b, node, "axis", 1), x.rank);
        for (int i = axis + 1; i < x.rank; i++)
            q->inner *= x.dim[i];
        if (!net_onnx_failed(b) && q->scale->count != x.dim[axis])
            net_onnx_refuse(b, node, "it has %lld scales for %lld channels",
                            (long long)q->scale->count, (long long)x.dim[axis]);
    }
    if (q->zero && q->zero->count != q->scale->count)
        net_onnx_refuse(b, node, "it has %lld zero points for %lld scales",
                        (long long)q->zero->count, (long long)q->scale->count);
    return !net_onnx_failed(b);
}

static int64_t scale_index(const struct quantization *q, int64_t i)
{
    return i / (q->inner > 0 ? q->inner : 1) % q->scale->count;
}

static double zero_point(const struct quantization *q, int64_t i)
{
    return q->zero ? q->zero->data[i] : 0;
}

static bool limits(Onnx__TensorProto__DataType type, double *low, double *high)
{
    switch (type) {
    case TYPE(UINT8):
        *low = 0;
        *high = 255;
        return true;
    case TYPE(INT8):
        *low = -128;
        *high = 127;
        return true;
    case TYPE(UINT16):
        *low = 0;
        *high = 65535;
        return true;
    case TYPE(INT16):
        *low = -32768;
        *high = 32767;
        return true;
    default:
        return false;
    }
}

void net_onnx_fold_quantize(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct quantization q;
    double low, high;
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "operand");
    if (!x || !read_quantization(b, node, &q))
        return;
    if (!limits(q.type, &low, &high)) {
        net_onnx_refuse(b, node,
                        "it quantizes to element type %d; daub reads 8 and 16 "
                        "bits",
                        (int)q.type);
        return;
    }
    struct net_tensor *y = net_tensor_new(b, node, q.type, &x->shape);
    for (int64_t i = 0; y && i < y->count; i++) {
        int64_t k = scale_index(&q, i);
        double v = rint(x->data[i] / q.scale->data[k]) + zero_point(&q, k);
        y->data[i] = fmax(low, fmin(high, v));
    }
    net_onnx_bind_tensor(b, node, 0, y);
}

void net_onnx_fold_dequantize(struct net_onnx_builder *b,
                              const struct net_onnx_node *node)
{
    struct quantization q;
    const struct net_tensor *x = net_onnx_need_constant(b, node, 0, "operand");
    if (!x || !read_quantization(b, node, &q))
        return;
    struct net_tensor *y = net_tensor_new(b, node, TYPE(FLOAT), &x->shape);
    for (int64_t i = 0; y && i < y->count; i++) {
        int64_t k = scale_index(&q, i);
        y->data[i] = (x->data[i] - zero_point(&q, k)) * q.scale->data[k];
    }
    net_onnx_bind_tensor(b, node, 0, y);
}

/* The result stays in float: rounded, within limits, and multiplied by the scale. Passes
 * move the factors into the weights of convolutions. */
void net_onnx_quantize(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct quantization q;
    double low, high;
    int x = net_onnx_operand(b, node, 0);
    if (x < 0 || !read_quantization(b, node, &q))
        return;
    if (q.scale->count != 1 || !limits(q.type, &low, &high)) {
        net_onnx_refuse(b, node,
                        "it quantizes computed values with more than one scale, "
                        "or not to 8 or 16 bits");
        return;
    }
    const struct net_shape one = {0};
    const float scale = (float)q.scale->data[0];
    double zero = zero_point(&q, 0);
    int factor = net_onnx_add_floats(b, node, &one, &scale);
    x = net_onnx_emit_binary(b, node, NET_BINARY_DIV, x, factor);
    x = net_onnx_emit_act(b, node, NET_ACT_QUANTIZE, (float)(low - zero),
                          (float)(high - zero), x);
    net_onnx_bind(b, node, 0, net_onnx_emit_binary(b, node, NET_BINARY_MUL, x, factor));
    if (node->output[0] >= 0) {
        b->entries[node->output[0]].scale = q.scale->data[0];
        b->entries[node->output[0]].zero = zero;
    }
}

void net_onnx_keep_quantization(struct net_onnx_builder *b,
                                const struct net_onnx_node *node)
{
    static net_onnx_handler *const movers[] = {
        net_onnx_reshape, net_onnx_transpose,   net_onnx_identity,
        net_onnx_gather,  net_onnx_slice_value, net_onnx_split_value};
    const struct net_onnx_entry *from =
        net_onnx_has_input(node, 0) ? &b->entries[node->input[0]] : NULL;
    for (size_t i = 0; from && i < sizeof(movers) / sizeof(movers[0]); i++) {
        for (int k = 0; node->op->translate == movers[i] && k < node->output_count; k++) {
            if (node->output[k] >= 0) {
                b->entries[node->output[k]].scale = from->scale;
                b->entries[node->output[k]].zero = from->zero;
            }
        }
    }
}

/* The operand is already in float, see net_onnx_quantize. */
void net_onnx_dequantize(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct quantization q;
    int x = net_onnx_operand(b, node, 0);
    if (x < 0 || !read_quantization(b, node, &q))
        return;
    const struct net_onnx_entry *entry = &b->entries[node->input[0]];
    if (q.scale->count != 1 || entry->scale != q.scale->data[0] ||
        entry->zero != zero_point(&q, 0)) {
        net_onnx_refuse(b, node,
                        "it dequantizes a computed value that no QuantizeLinear with the "
                        "same scale and zero point made");
        return;
    }
    net_onnx_bind(b, node, 0, x);
}
