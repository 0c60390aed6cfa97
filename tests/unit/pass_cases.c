#include "pass_cases.h"

#include <string.h>

#include "net_build.h"

static const int to_nchw[] = {0, 3, 1, 2}, to_nhwc[] = {0, 2, 3, 1};

static int scalar(struct net_graph *graph, float x)
{
    return build_fill(graph, SHAPE(1), x);
}

/* (x - mean) / sqrt(mean((x - mean)^2) + 1e-5) through views as [1,C,1,HW], then scale
 * and shift: PyTorch exported for ONNX.js. tiny is added as that exporter did against a
 * fault of the runtime. */
static int web_norm(struct net_graph *graph, int x, bool tiny, unsigned seed)
{
    const int64_t *d = graph->values[x].shape.dim;
    struct net_shape view = SHAPE(1, (int)d[1], 1, (int)(d[2] * d[3]));
    struct net_shape channels = SHAPE(1, (int)d[1], 1, 1);
    int mean = build_mean(graph, build_reshape(graph, x, view), 1 << 3, true);
    int diff = build_binary(graph, NET_BINARY_SUB, x, mean), other = diff;
    if (tiny)
        other = build_binary(graph, NET_BINARY_ADD, diff, scalar(graph, 1e-9f));
    int square = build_binary(graph, NET_BINARY_MUL, diff, other);
    int var = build_mean(graph, build_reshape(graph, square, view), 1 << 3, true);
    var = build_binary(graph, NET_BINARY_ADD, var, scalar(graph, 1e-5f));
    int y = build_binary(graph, NET_BINARY_DIV, diff,
                         build_act(graph, NET_ACT_SQRT, 0, 0, var));
    y = build_binary(graph, NET_BINARY_MUL, y,
                     build_random(graph, channels, 0.5f, 2, seed));
    return build_binary(graph, NET_BINARY_ADD, y,
                        build_random(graph, channels, -1, 1, seed + 1));
}

static void norm_web(struct net_graph *graph)
{
    int x = build_image(graph, 3, 7, 5);
    web_norm(graph, web_norm(graph, x, false, 3), true, 5);
}

/* x inv + (shift - mean inv), inv = scale / sqrt(var + eps), the squared difference as
 * tf.nn.moments computes it: TensorFlow's batch_normalization through tf2onnx. */
static void norm_tf(struct net_graph *graph)
{
    int x = build_image(graph, 4, 6, 5);
    int mean = build_mean(graph, x, 3 << 2, true);
    int diff = build_binary(graph, NET_BINARY_SUB, x, mean);
    int var =
        build_mean(graph, build_binary(graph, NET_BINARY_MUL, diff, diff), 3 << 2, true);
    var = build_binary(graph, NET_BINARY_ADD, scalar(graph, 1e-3f), var);
    int root = build_act(graph, NET_ACT_SQRT, 0, 0, var);
    int inverse = build_act(graph, NET_ACT_RECIPROCAL, 0, 0, root);
    inverse = build_binary(graph, NET_BINARY_MUL, inverse,
                           build_random(graph, SHAPE(1, 4, 1, 1), 0.5f, 2, 7));
    int a = build_binary(graph, NET_BINARY_MUL, x, inverse);
    int b = build_binary(graph, NET_BINARY_MUL, mean, inverse);
    b = build_binary(graph, NET_BINARY_SUB, build_random(graph, SHAPE(4, 1, 1), -1, 1, 8),
                     b);
    build_binary(graph, NET_BINARY_ADD, a, b);
}

/* Unbiased variance (torch.var), power of a half, mean over width then height. */
static void norm_unbiased(struct net_graph *graph)
{
    int x = build_image(graph, 3, 4, 5);
    int mean = build_mean(graph, build_mean(graph, x, 1 << 3, true), 1 << 2, true);
    int diff = build_binary(graph, NET_BINARY_SUB, x, mean);
    int square = build_binary(graph, NET_BINARY_POW, diff, scalar(graph, 2));
    int var = build_mean(graph, square, 3 << 2, true);
    var = build_binary(graph, NET_BINARY_MUL, var, scalar(graph, 20));
    var = build_binary(graph, NET_BINARY_DIV, var, scalar(graph, 19));
    var = build_binary(graph, NET_BINARY_ADD, var, scalar(graph, 0.01f));
    int root = build_binary(graph, NET_BINARY_POW, var, scalar(graph, 0.5f));
    build_binary(graph, NET_BINARY_DIV, diff, root);
}

/* mean(x^2) - mean^2, dropped axes brought back by a reshape, exponent -1/2. */
static void norm_moments(struct net_graph *graph)
{
    int x = build_image(graph, 3, 4, 5);
    struct net_shape channels = SHAPE(1, 3, 1, 1);
    int mean = build_reshape(graph, build_mean(graph, x, 3 << 2, false), channels);
    int square = build_binary(graph, NET_BINARY_MUL, x, x);
    int var = build_reshape(graph, build_mean(graph, square, 3 << 2, false), channels);
    var = build_binary(graph, NET_BINARY_SUB, var,
                       build_binary(graph, NET_BINARY_MUL, mean, mean));
    var = build_binary(graph, NET_BINARY_ADD, var, scalar(graph, 0.1f));
    int inverse = build_binary(graph, NET_BINARY_POW, var, scalar(graph, -0.5f));
    int diff = build_binary(graph, NET_BINARY_SUB, x, mean);
    build_binary(graph, NET_BINARY_MUL, inverse, diff);
}

static void norm_layer(struct net_graph *graph)
{
    int x = build_image(graph, 3, 4, 5);
    int mean = build_mean(graph, x, 7 << 1, true);
    int diff = build_binary(graph, NET_BINARY_SUB, x, mean);
    int var =
        build_mean(graph, build_binary(graph, NET_BINARY_MUL, diff, diff), 7 << 1, true);
    var = build_binary(graph, NET_BINARY_ADD, var, scalar(graph, 1e-5f));
    int y = build_binary(graph, NET_BINARY_DIV, diff,
                         build_act(graph, NET_ACT_SQRT, 0, 0, var));
    y = build_binary(graph, NET_BINARY_MUL, y,
                     build_random(graph, SHAPE(3, 1, 1), 1, 2, 4));
    build_binary(graph, NET_BINARY_ADD, build_random(graph, SHAPE(3, 1, 1), -1, 1, 5), y);
}

/* As torch.nn.GroupNorm is exported; a second one whose inner norm has its own factors;
 * and one of elementary operators on [1,G,C/G,H,W]. */
static void group_norm(struct net_graph *graph)
{
    int x = build_image(graph, 6, 4, 5);
    int y = build_reshape(graph, x, SHAPE(1, 3, 40));
    int one = build_fill(graph, SHAPE(3), 1), zero = build_fill(graph, SHAPE(3), 0);
    y = build_norm(graph, y, one, zero, 3, 1e-5f);
    y = build_reshape(graph, y, SHAPE(1, 6, 4, 5));
    y = build_binary(graph, NET_BINARY_MUL, y,
                     build_random(graph, SHAPE(6, 1, 1), 1, 2, 4));
    y = build_binary(graph, NET_BINARY_ADD, y,
                     build_random(graph, SHAPE(6, 1, 1), 1, 2, 5));
    y = build_reshape(graph, y, SHAPE(1, 2, 60, 1));
    y = build_norm(graph, y, build_random(graph, SHAPE(2), 1, 2, 6), -1, 2, 1e-5f);
    x = build_reshape(graph, build_reshape(graph, y, SHAPE(1, 6, 4, 5)),
                      SHAPE(1, 3, 2, 4, 5));
    int mean = build_mean(graph, x, 7 << 2, true);
    int diff = build_binary(graph, NET_BINARY_SUB, x, mean);
    int var =
        build_mean(graph, build_binary(graph, NET_BINARY_MUL, diff, diff), 7 << 2, true);
    var = build_binary(graph, NET_BINARY_ADD, var, scalar(graph, 0.1f));
    y = build_binary(graph, NET_BINARY_DIV, diff,
                     build_act(graph, NET_ACT_SQRT, 0, 0, var));
    build_reshape(graph, y, SHAPE(1, 6, 4, 5));
}

/* Constants behind a normalization with scale and shift; scale and shift from the style
 * behind one without; a constant behind a scale from the style. */
static void norm_affine(struct net_graph *graph)
{
    int x = build_image(graph, 3, 4, 5), style = build_style(graph, 2);
    int scale = build_random(graph, SHAPE(3), 1, 2, 1);
    int shift = build_random(graph, SHAPE(3), 1, 2, 2);
    int y = build_norm(graph, x, scale, shift, 3, 1e-5f);
    y = build_binary(graph, NET_BINARY_MUL, scalar(graph, 0.5f), y);
    y = build_binary(graph, NET_BINARY_SUB, y,
                     build_random(graph, SHAPE(3, 1, 1), 1, 2, 3));
    y = build_binary(graph, NET_BINARY_SUB,
                     build_random(graph, SHAPE(1, 3, 1, 1), 1, 2, 4), y);
    y = build_binary(graph, NET_BINARY_DIV, y,
                     build_random(graph, SHAPE(3, 1, 1), 1, 2, 5));
    struct net_node *node = build_node(graph, NET_MATMUL, style,
                                       build_random(graph, SHAPE(2, 6), -1, 1, 6), END);
    node->u.matmul.alpha = 1;
    int table = build_done(graph), part[2];
    for (int i = 0; i < 2; i++) {
        node = build_node(graph, NET_SLICE, table, END);
        node->u.slice.start[1] = 3 * i;
        node->u.slice.step[0] = node->u.slice.step[1] = 1;
        part[i] = build_done_as(graph, SHAPE(1, 3));
        part[i] = build_reshape(graph, part[i], SHAPE(1, 3, 1, 1));
    }
    y = build_norm(graph, y, -1, -1, 3, 1e-5f);
    y = build_binary(graph, NET_BINARY_MUL, y, part[0]);
    y = build_binary(graph, NET_BINARY_ADD, part[1], y);
    y = build_act(graph, NET_ACT_RELU, 0, 0, y);
    y = build_norm(graph, y, -1, -1, 1, 1e-5f);
    y = build_binary(graph, NET_BINARY_MUL, y, part[1]);
    y = build_binary(graph, NET_BINARY_ADD, y, scalar(graph, 3));
    build_binary(graph, NET_BINARY_MUL, y, scalar(graph, 3));
}

/* Graphs that must not be folded: factors along the width where W = C, a normalization
 * with a second reader, a factor of the picture's size. */
static void norm_affine_not(struct net_graph *graph)
{
    int x = build_image(graph, 5, 4, 5);
    int y = build_norm(graph, x, -1, -1, 5, 1e-5f);
    y = build_binary(graph, NET_BINARY_MUL, y, build_random(graph, SHAPE(5), 1, 2, 1));
    int z = build_norm(graph, y, -1, -1, 5, 1e-5f);
    y = build_binary(graph, NET_BINARY_MUL, z, scalar(graph, 2));
    y = build_binary(graph, NET_BINARY_ADD, y, z);
    z = build_norm(graph, y, -1, -1, 1, 1e-5f);
    build_binary(graph, NET_BINARY_ADD, z, build_random(graph, SHAPE(4, 5), 1, 2, 2));
}

static void shuffle(struct net_graph *graph)
{
    int x = build_image(graph, 12, 3, 5);
    int y = build_reshape(graph, x, SHAPE(1, 3, 2, 2, 3, 5));
    y = build_transpose(graph, y, 6, (const int[]){0, 1, 4, 2, 5, 3});
    y = build_reshape(graph, y, SHAPE(1, 3, 6, 10));
    y = build_reshape(graph, y, SHAPE(1, 3, 3, 2, 5, 2));
    y = build_transpose(graph, y, 6, (const int[]){0, 3, 5, 1, 2, 4});
    y = build_reshape(graph, y, SHAPE(1, 12, 3, 5));
    y = build_reshape(graph, y, SHAPE(2, 2, 3, 3, 5)); /* without the batch axis */
    y = build_transpose(graph, y, 5, (const int[]){2, 3, 0, 4, 1});
    y = build_reshape(graph, y, SHAPE(1, 3, 6, 10));
    y = build_reshape(graph, y, SHAPE(1, 3, 2, 3, 2, 5));
    y = build_transpose(graph, y, 6, (const int[]){0, 1, 3, 5, 2, 4});
    build_reshape(graph, y, SHAPE(1, 45, 2, 2)); /* blocks of 3x5: not one */
}

/* As torch exports it with free sizes: through Unsqueeze and Squeeze. */
static void unshuffle(struct net_graph *graph)
{
    int x = build_image(graph, 2, 6, 9);
    int y = build_reshape(graph, x, SHAPE(1, 2, 6, 1, 9, 1));
    y = build_reshape(graph, y, SHAPE(1, 2, 2, 3, 3, 3));
    y = build_transpose(graph, y, 6, (const int[]){0, 1, 3, 5, 2, 4});
    y = build_reshape(graph, y, SHAPE(1, 18, 1, 1, 2, 3));
    build_reshape(graph, y, SHAPE(1, 18, 2, 3));
}

static int join(struct net_graph *graph, int a, int b, int c, int axis)
{
    build_node(graph, NET_CONCAT, a, b, c, END)->u.concat.axis = axis;
    return build_done(graph);
}

static int web_double(struct net_graph *graph, int x)
{
    const int64_t *d = graph->values[x].shape.dim;
    int c = (int)d[1], h = (int)d[2], w = (int)d[3];
    int a = build_reshape(graph, x, SHAPE(c * h * w, 1));
    int b = build_binary(graph, NET_BINARY_ADD, a, scalar(graph, 1e-9f));
    int y = join(graph, a, b, END, 1);
    y = build_reshape(graph, y, SHAPE(c * h, 2 * w));
    y = join(graph, y, y, END, 1);
    return build_reshape(graph, y, SHAPE(1, c, 2 * h, 2 * w));
}

static void spread(struct net_graph *graph)
{
    int y = web_double(graph, build_image(graph, 2, 3, 5));
    int side = build_fill(graph, SHAPE(1, 2, 6, 2), 0);
    y = join(graph, side, y, side, 3);
    int top = build_fill(graph, SHAPE(1, 2, 2, 14), 0);
    y = join(graph, top, y, top, 2);
    build_conv(graph, y, 3, 5, 0, 9);
}

/* A TensorFlow network: preprocessing and the end on [1,H,W,C], a pair of transposes
 * about an operator in the middle, joined channels, a squeeze-like mean. */
static void nhwc(struct net_graph *graph)
{
    int x = build_input(graph, SHAPE(1, 5, 6, 3), &graph->image);
    graph->nhwc = true;
    int y =
        build_binary(graph, NET_BINARY_SUB, x, build_random(graph, SHAPE(3), -1, 1, 1));
    y = build_binary(graph, NET_BINARY_DIV, y, scalar(graph, 0.5f));
    int z = build_conv(graph, build_transpose(graph, y, 4, to_nchw), 4, 3, 1, 2);
    z = build_transpose(graph, z, 4, to_nhwc);
    z = join(graph, z, y, END, 3);
    z = build_act(graph, NET_ACT_LEAKY_RELU, 0.2f, 0, z);
    z = build_binary(graph, NET_BINARY_MUL, z, build_mean(graph, z, 3 << 1, true));
    struct net_node *node = build_node(graph, NET_PAD, z, END);
    node->u.pad.mode = NET_PAD_REFLECT;
    node->u.pad.before[1] = 2;
    node->u.pad.after[2] = 1;
    z = build_done(graph);
    node = build_node(graph, NET_SLICE, z, END);
    node->u.slice.start[1] = 2;
    for (int i = 0; i < 4; i++)
        node->u.slice.step[i] = 1;
    z = build_done_as(graph, SHAPE(1, 5, 6, 7));
    z = build_conv(graph, build_transpose(graph, z, 4, to_nchw), 3, 3, 1, 4);
    z = build_transpose(graph, z, 4, to_nhwc);
    z = build_act(graph, NET_ACT_TANH, 0, 0, z);
    z = build_binary(graph, NET_BINARY_ADD, z, x);
    build_binary(graph, NET_BINARY_ADD, z, build_random(graph, SHAPE(5, 6, 1), -1, 1, 5));
}

static int grouped_deconv(struct net_graph *graph, int x)
{
    int weight = build_random(graph, SHAPE(4, 3, 2, 2), -1, 1, 20);
    struct net_node *node = build_node(graph, NET_CONV_TRANSPOSE, x, weight, END);
    node->u.deconv.window = (struct net_window){{2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}};
    node->u.deconv.group = 2;
    return build_done(graph);
}

/* Constants on both sides of convolutions, plain, grouped, transposed. */
static void affine(struct net_graph *graph)
{
    int x = build_image(graph, 4, 5, 6);
    int y = build_binary(graph, NET_BINARY_MUL, x, scalar(graph, 2));
    y = build_binary(graph, NET_BINARY_SUB, y,
                     build_random(graph, SHAPE(4, 1, 1), -1, 1, 1));
    y = build_binary(graph, NET_BINARY_DIV, y,
                     build_random(graph, SHAPE(4, 1, 1), 1, 2, 2));
    y = build_pad(graph, y, NET_PAD_REFLECT, 1, 1, 1, 1);
    y = build_conv(graph, y, 4, 3, 0, 3);
    y = build_binary(graph, NET_BINARY_MUL, y,
                     build_random(graph, SHAPE(4, 1, 1), 1, 2, 4));
    y = build_binary(graph, NET_BINARY_ADD, build_random(graph, SHAPE(4, 1, 1), 1, 2, 5),
                     y);
    y = build_act(graph, NET_ACT_ELU, 0.5f, 0, y);
    y = build_binary(graph, NET_BINARY_MUL, y,
                     build_random(graph, SHAPE(4, 1, 1), 1, 2, 6));
    y = grouped_deconv(graph, y);
    y = build_binary(graph, NET_BINARY_SUB, build_random(graph, SHAPE(6, 1, 1), 1, 2, 7),
                     y);
    y = build_act(graph, NET_ACT_RELU, 0, 0, y);
    y = build_binary(graph, NET_BINARY_ADD, y, scalar(graph, -0.5f)); /* zero padding */
    y = build_binary(graph, NET_BINARY_MUL, y,
                     build_random(graph, SHAPE(6, 1, 1), 1, 2, 8));
    build_conv(graph, y, 6, 3, 1, 9);
    graph->nodes[graph->node_count - 1].u.conv.group = 1;
    build_act(graph, NET_ACT_NEG, 0, 0, graph->output);
}

/* Paddings that can be folded into one or several convolutions, and paddings that
 * cannot. */
static void pad(struct net_graph *graph)
{
    int x = build_image(graph, 3, 6, 7);
    int p = build_pad(graph, x, NET_PAD_REFLECT, 1, 2, 2, 1);
    int y = build_conv(graph, p, 3, 4, 0, 1);
    y = build_binary(graph, NET_BINARY_ADD, y, build_conv(graph, p, 3, 4, 0, 3));
    y = build_conv(graph, build_pad(graph, y, NET_PAD_ZERO, 1, 0, 2, 0), 3, 3, 1, 5);
    y = build_pad(graph, y, NET_PAD_CONSTANT, 1, 1, 1, 1); /* padding of 0 */
    y = build_conv(graph, build_pad(graph, y, NET_PAD_ZERO, 0, 1, 0, 1), 3, 3, 0, 7);
    p = build_pad(graph, y, NET_PAD_EDGE, 1, 1, 1, 1);
    y = build_binary(graph, NET_BINARY_ADD, p, build_conv(graph, p, 3, 3, 1, 9));
    y = build_conv(graph, build_pad(graph, y, NET_PAD_EDGE, -1, 1, 1, 1), 3, 3, 0, 11);
    y = build_pad(graph, y, NET_PAD_CONSTANT, 1, 1, 1, 1);
    graph->nodes[graph->node_count - 1].u.pad.value = 0.5f;
    y = build_conv(graph, y, 3, 3, 0, 13);
    build_conv(graph, build_pad(graph, y, NET_PAD_REFLECT, 1, 1, 1, 1), 3, 3, 1, 15);
}

static void upsample(struct net_graph *graph)
{
    int x = build_image(graph, 3, 4, 5);
    int u = build_resize(graph, x, NET_RESIZE_NEAREST, NET_COORD_ASYMMETRIC,
                         NET_NEAREST_FLOOR, 2);
    int y =
        build_conv(graph, build_pad(graph, u, NET_PAD_REFLECT, 1, 1, 1, 1), 3, 3, 0, 1);
    u = build_resize(graph, y, NET_RESIZE_LINEAR, NET_COORD_HALF_PIXEL, NET_NEAREST_FLOOR,
                     2);
    y = build_conv(graph, u, 2, 3, 1, 3);
    u = build_resize(graph, y, NET_RESIZE_NEAREST, NET_COORD_ASYMMETRIC,
                     NET_NEAREST_FLOOR, 2);
    y = build_conv(graph, u, 2, 3, 1, 5);
    struct net_node *node = &graph->nodes[graph->node_count - 1];
    node->u.conv.window.stride[0] = 2; /* not folded */
    y = build_done(graph);
    u = build_resize(graph, y, NET_RESIZE_NEAREST, NET_COORD_ASYMMETRIC,
                     NET_NEAREST_FLOOR, 2);
    y = build_conv(graph, u, 2, 3, 1, 7);
    y = build_binary(graph, NET_BINARY_ADD, y, build_conv(graph, u, 2, 1, 0, 9));
}

static void act(struct net_graph *graph)
{
    int y = build_conv(graph, build_image(graph, 3, 4, 5), 4, 3, 1, 1);
    y = build_act(graph, NET_ACT_CLIP, -0.5f, 0.75f, y);
    y = build_conv(graph, y, 3, 3, 1, 3);
    build_node(graph, NET_ACT, y, build_random(graph, SHAPE(3, 1, 1), 0, 1, 5), END)
        ->u.act.kind = NET_ACT_PRELU;
    y = build_conv(graph, build_done(graph), 4, 3, 1, 6);
    int z = build_act(graph, NET_ACT_RELU, 0, 0, y); /* y is read twice */
    y = build_conv(graph, build_binary(graph, NET_BINARY_ADD, y, z), 4, 1, 0, 8);
    y = build_norm(graph, y, -1, -1, 4, 1e-5f);
    y = grouped_deconv(graph, build_act(graph, NET_ACT_RELU, 0, 0, y));
    build_act(graph, NET_ACT_SIGMOID, 0, 0, y);
}

static void clean(struct net_graph *graph)
{
    int x = build_image(graph, 4, 5, 6);
    int y = build_conv(graph, x, 4, 3, 1, 1);
    y = build_reshape(graph, y, SHAPE(1, 4, 5, 6));
    y = build_reshape(graph, build_reshape(graph, y, SHAPE(4, 30)), SHAPE(1, 4, 5, 6));
    y = build_transpose(graph, build_transpose(graph, y, 4, (const int[]){3, 0, 2, 1}), 4,
                        (const int[]){1, 3, 2, 0});
    y = build_act(graph, NET_ACT_NONE, 0, 0, y);
    y = build_binary(graph, NET_BINARY_MUL, build_fill(graph, SHAPE(4, 1, 1), 1), y);
    y = build_binary(graph, NET_BINARY_SUB, y, scalar(graph, 0));
    y = build_binary(graph, NET_BINARY_POW, y, scalar(graph, 1));
    y = build_pad(graph, y, NET_PAD_EDGE, 0, 0, 0, 0);
    y = build_resize(graph, y, NET_RESIZE_LINEAR, NET_COORD_ASYMMETRIC, NET_NEAREST_FLOOR,
                     1);
    y = build_act(graph, NET_ACT_RELU, 0, 0, build_act(graph, NET_ACT_RELU, 0, 0, y));
    struct net_node *node = build_node(graph, NET_SLICE, y, END);
    for (int i = 0; i < 4; i++)
        node->u.slice.step[i] = 1;
    y = build_done_as(graph, SHAPE(1, 4, 5, 6));
    y = join(graph, y, END, END, 1);
    y = build_pad(graph, y, NET_PAD_ZERO, 1, 0, 0, 1);
    y = build_pad(graph, y, NET_PAD_ZERO, 0, 2, 1, 0);
    node = build_node(graph, NET_POOL, y, END);
    node->u.pool.kind = NET_POOL_MAX;
    node->u.pool.window = (struct net_window){{1, 1}, {1, 1}, {1, 1}, {0}};
    y = build_done(graph);
    /* not neutral: a 1 that broadcasts, and 1 - x, 1 / x, 0 - x */
    y = build_binary(graph, NET_BINARY_SUB, scalar(graph, 0), y);
    y = build_mean(graph, y, 3 << 2, true);
    y = build_binary(graph, NET_BINARY_ADD, y, build_fill(graph, SHAPE(1, 4, 5, 6), 0));
    build_binary(graph, NET_BINARY_DIV, scalar(graph, 1), y);
}

static int web_conv(struct net_graph *graph, int x, int outputs, int kernel, int stride,
                    unsigned seed)
{
    int side = kernel / 2;
    x = build_pad(graph, x, NET_PAD_REFLECT, side, side, side, side);
    build_conv(graph, x, outputs, kernel, 0, seed);
    struct net_node *node = &graph->nodes[graph->node_count - 1];
    node->u.conv.window.stride[0] = node->u.conv.window.stride[1] = stride;
    return build_done(graph);
}

static int web_relu(struct net_graph *graph, int x, unsigned seed)
{
    return build_act(graph, NET_ACT_RELU, 0, 0, web_norm(graph, x, false, seed));
}

void build_web_net(struct net_graph *graph)
{
    int x = build_image(graph, 3, 16, 20);
    int y = web_relu(graph, web_conv(graph, x, 4, 9, 1, 1), 3);
    y = web_relu(graph, web_conv(graph, y, 8, 3, 2, 5), 7);
    y = web_relu(graph, web_conv(graph, y, 8, 3, 2, 9), 11);
    for (unsigned i = 0; i < 2; i++) {
        int z = web_relu(graph, web_conv(graph, y, 8, 3, 1, 20 + 10 * i), 22 + 10 * i);
        z = web_norm(graph, web_conv(graph, z, 8, 3, 1, 24 + 10 * i), true, 26 + 10 * i);
        y = build_binary(graph, NET_BINARY_ADD, z, y);
    }
    y = web_relu(graph, web_conv(graph, web_double(graph, y), 8, 3, 1, 50), 51);
    y = web_relu(graph, web_conv(graph, web_double(graph, y), 4, 3, 1, 53), 55);
    web_conv(graph, y, 3, 9, 1, 57);
}

const struct pass_case pass_cases[] = {
    {"pass_norm_web", norm_web},
    {"pass_norm_tf", norm_tf},
    {"pass_norm_unbiased", norm_unbiased},
    {"pass_norm_moments", norm_moments},
    {"pass_norm_layer", norm_layer},
    {"pass_group_norm", group_norm},
    {"pass_norm_affine", norm_affine},
    {"pass_norm_affine_not", norm_affine_not},
    {"pass_shuffle", shuffle},
    {"pass_unshuffle", unshuffle},
    {"pass_spread", spread},
    {"pass_nhwc", nhwc},
    {"pass_affine", affine},
    {"pass_pad", pad},
    {"pass_upsample", upsample},
    {"pass_act", act},
    {"pass_clean", clean},
    {"pass_web_net", build_web_net},
};
const size_t pass_case_count = sizeof(pass_cases) / sizeof(pass_cases[0]);
