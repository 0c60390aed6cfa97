#include <string.h>

#include "net/onnx_internal.h"

static int64_t extent(const struct net_window *w, int axis)
{
    return (int64_t)w->dilation[axis] * (w->kernel[axis] - 1) + 1;
}

/* Copies an attribute of two numbers to pair, which keeps its value where it is
 * absent. */
static void read_pair(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      const char *name, int *pair)
{
    struct net_onnx_ints ints;
    if (!net_onnx_ints(b, node, name, &ints))
        return;
    if (ints.count != 2)
        net_onnx_refuse(b, node, "'%s' has %d numbers; daub runs 2-D windows", name,
                        ints.count);
    for (int i = 0; i < 2 && ints.count == 2; i++)
        pair[i] = (int)ints.at[i];
}

enum padding { EXPLICIT = 1, SAME_UPPER, SAME_LOWER };

/* Reads kernel, stride, dilation and explicit padding. The caller has set the kernel for
 * files without the attribute. */
static enum padding read_window(struct net_onnx_builder *b,
                                const struct net_onnx_node *node, struct net_window *w)
{
    struct net_onnx_ints pads;
    w->stride[0] = w->stride[1] = w->dilation[0] = w->dilation[1] = 1;
    read_pair(b, node, "kernel_shape", w->kernel);
    read_pair(b, node, "strides", w->stride);
    read_pair(b, node, "dilations", w->dilation);
    bool padded = net_onnx_ints(b, node, "pads", &pads);
    if (padded && pads.count != 4)
        net_onnx_refuse(b, node, "'pads' has %d numbers; daub runs 2-D windows",
                        pads.count);
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] < 1 || w->kernel[i] > 1 << 16 || w->stride[i] < 1 ||
            w->stride[i] > 1 << 16 || w->dilation[i] < 1 || w->dilation[i] > 1 << 16)
            net_onnx_refuse(b, node, "kernel, stride or dilation out of range");
    if (net_onnx_text_is(b, node, "auto_pad", "SAME_UPPER", "NOTSET"))
        return SAME_UPPER;
    if (net_onnx_text_is(b, node, "auto_pad", "SAME_LOWER", "NOTSET"))
        return SAME_LOWER;
    bool valid = net_onnx_text_is(b, node, "auto_pad", "VALID", "NOTSET");
    if (!valid && !net_onnx_text_is(b, node, "auto_pad", "NOTSET", "NOTSET") &&
        !net_onnx_text_is(b, node, "auto_pad", "", "NOTSET"))
        net_onnx_refuse(b, node, "unknown 'auto_pad'");
    for (int i = 0; i < 4 && padded && !valid && !net_onnx_failed(b); i++)
        w->pad[i] = (int)pads.at[i];
    return EXPLICIT;
}

/* Splits total so that the odd element goes to the end (UPPER) or the start (LOWER). */
static void split_padding(struct net_window *w, int axis, int64_t total, bool upper)
{
    const int64_t limit = 1 << 18; /* above what shape inference accepts */
    total = total < limit ? total : limit;
    int64_t small = total / 2, large = total - small;
    w->pad[axis] = (int)(upper ? small : large);
    w->pad[axis + 2] = (int)(upper ? large : small);
}

/* Output size = input size / stride, rounded up. */
static void pad_same(struct net_onnx_builder *b, const struct net_shape *in,
                     struct net_window *w, enum padding padding)
{
    for (int i = 0; i < 2 && padding != EXPLICIT && !net_onnx_failed(b); i++) {
        int64_t size = in->dim[2 + i], out = (size + w->stride[i] - 1) / w->stride[i];
        int64_t total = (out - 1) * w->stride[i] + extent(w, i) - size;
        split_padding(w, i, total > 0 ? total : 0, padding == SAME_UPPER);
    }
}

/* Checks input 0 (a feature map) and input 1 (constant weights); false with an error. */
static bool read_weights(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         struct net_shape *x, struct net_window *w)
{
    struct net_shape k = net_onnx_shape(b, node, 1);
    *x = net_onnx_shape(b, node, 0);
    if (!net_onnx_failed(b) && (x->rank != 4 || k.rank != 4))
        net_onnx_refuse(b, node,
                        "its input has %d axes, its weights %d; daub runs 2-D "
                        "convolutions",
                        x->rank, k.rank);
    if (!net_onnx_failed(b) && !net_onnx_is_constant(b, node, 1))
        net_onnx_refuse(b, node,
                        "its weights are computed by the network; daub needs constants");
    if (net_onnx_failed(b))
        return false;
    w->kernel[0] = (int)k.dim[2];
    w->kernel[1] = (int)k.dim[3];
    return true;
}

void net_onnx_conv(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_node draft = {.op = NET_CONV};
    struct net_window *w = &draft.u.conv.window;
    struct net_shape x;
    if (!read_weights(b, node, &x, w))
        return;
    pad_same(b, &x, w, read_window(b, node, w));
    draft.u.conv.pad_mode = NET_PAD_ZERO;
    draft.u.conv.group = (int)net_onnx_int(b, node, "group", 1);
    draft.u.conv.upsample = 1;
    draft.u.conv.act = NET_ACT_NONE;
    int input[3];
    for (int i = 0; i < 3; i++)
        input[i] = net_onnx_operand(b, node, i);
    net_onnx_bind(b, node, 0, net_onnx_emit(b, node, &draft, input, 3, NULL));
}

/* Sets the padding that gives the wanted output size. Where the output is too small
 * without padding, output_padding enlarges it at the bottom and right. */
static void pad_to_size(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        int axis, int64_t in, int64_t out, bool upper,
                        struct net_node *draft)
{
    struct net_window *w = &draft->u.deconv.window;
    int *extra = &draft->u.deconv.output_padding[axis];
    int64_t total = (int64_t)w->stride[axis] * (in - 1) + *extra + extent(w, axis) - out;
    if (out < 1 || total > 1 << 16 || total < -(1 << 16)) {
        net_onnx_refuse(b, node, "its output size %lld cannot be reached",
                        (long long)out);
        return;
    }
    if (total < 0)
        *extra -= (int)total;
    split_padding(w, axis, total > 0 ? total : 0, upper);
}

void net_onnx_conv_transpose(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_node draft = {.op = NET_CONV_TRANSPOSE};
    struct net_window *w = &draft.u.deconv.window;
    struct net_shape x;
    struct net_onnx_ints size;
    if (!read_weights(b, node, &x, w))
        return;
    enum padding padding = read_window(b, node, w);
    draft.u.deconv.group = (int)net_onnx_int(b, node, "group", 1);
    read_pair(b, node, "output_padding", draft.u.deconv.output_padding);
    bool sized = net_onnx_ints(b, node, "output_shape", &size);
    if (sized && size.count != 2 && size.count != 4)
        net_onnx_refuse(b, node, "'output_shape' has %d numbers", size.count);
    const struct net_shape *original = net_onnx_original_shape(b, node, 0);
    for (int i = 0; i < 2 && (sized || padding != EXPLICIT) && !net_onnx_failed(b); i++) {
        int64_t in = x.dim[2 + i], out = in * w->stride[i];
        if (sized)
            out = size.at[size.count - 2 + i];
        if (sized && original && original->dim[2 + i] != in)
            out = (out * in + original->dim[2 + i] / 2) / original->dim[2 + i];
        pad_to_size(b, node, i, in, out, padding == SAME_UPPER, &draft);
    }
    int input[3];
    for (int i = 0; i < 3; i++)
        input[i] = net_onnx_operand(b, node, i);
    net_onnx_bind(b, node, 0, net_onnx_emit(b, node, &draft, input, 3, NULL));
}

/* Rounding the output size up is more padding at the end. As in ONNX and PyTorch, no
 * window starts behind the input and its padding. */
static void pad_ceil(const struct net_shape *in, struct net_window *w)
{
    for (int i = 0; i < 2; i++) {
        int64_t size = in->dim[2 + i] + w->pad[i];
        int64_t span = size + w->pad[i + 2] - extent(w, i);
        int64_t missing =
            span < 0 ? 0 : (w->stride[i] - span % w->stride[i]) % w->stride[i];
        if (missing > 0 && span + missing < size)
            w->pad[i + 2] += (int)missing;
    }
}

void net_onnx_pool(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_node draft = {.op = NET_POOL};
    struct net_window *w = &draft.u.pool.window;
    bool max = !strcmp(node->op->name, "MaxPool");
    struct net_shape x = net_onnx_shape(b, node, 0);
    if (!net_onnx_failed(b) && x.rank != 4)
        net_onnx_refuse(b, node, "its input has %d axes; daub pools maps [1,C,H,W]",
                        x.rank);
    pad_same(b, &x, w, read_window(b, node, w));
    for (int i = 0; i < 4; i++)
        if (w->pad[i] < 0 || w->pad[i] > 1 << 16)
            net_onnx_refuse(b, node, "padding out of range");
    bool counted = !max && net_onnx_int(b, node, "count_include_pad", 0);
    draft.u.pool.kind = max       ? NET_POOL_MAX
                        : counted ? NET_POOL_AVERAGE_PADDED
                                  : NET_POOL_AVERAGE;
    if (net_onnx_int(b, node, "ceil_mode", 0) && !net_onnx_failed(b))
        pad_ceil(&x, w);
    int input = net_onnx_operand(b, node, 0);
    net_onnx_bind(b, node, 0, net_onnx_emit(b, node, &draft, &input, 1, NULL));
}
