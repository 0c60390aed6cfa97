#include "net_build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/ref.h"

static struct daub_error build_error;

static int made(int index)
{
    if (index < 0)
        fail_msg("%s", build_error.message);
    return index;
}

struct net_shape build_shape(int rank, ...)
{
    struct net_shape shape = {.rank = rank};
    va_list args;
    va_start(args, rank);
    for (int i = 0; i < rank; i++)
        shape.dim[i] = va_arg(args, int);
    va_end(args);
    return shape;
}

void random_fill(float *data, int64_t count, float low, float high, unsigned seed)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = low + (high - low) * (float)(state >> 40) / (float)(1 << 24);
    }
}

int build_input(struct net_graph *graph, struct net_shape shape, int *which)
{
    int value = made(net_graph_add_value(graph, "input", &shape, &build_error));
    *which = value;
    made(net_graph_add_node(graph, NET_INPUT, "input", "Input", NULL, 0, value,
                            &build_error));
    graph->output = value;
    return value;
}

int build_image(struct net_graph *graph, int channels, int height, int width)
{
    graph->height = height;
    graph->width = width;
    return build_input(graph, SHAPE(1, channels, height, width), &graph->image);
}

int build_style(struct net_graph *graph, int count)
{
    return build_input(graph, SHAPE(1, count), &graph->style);
}

int build_constant(struct net_graph *graph, struct net_shape shape, const float *data)
{
    return made(net_graph_add_constant(graph, "constant", &shape, data, &build_error));
}

int build_random(struct net_graph *graph, struct net_shape shape, float low, float high,
                 unsigned seed)
{
    int value = build_constant(graph, shape, NULL);
    random_fill(graph->values[value].data, net_shape_count(&shape), low, high, seed);
    return value;
}

int build_fill(struct net_graph *graph, struct net_shape shape, float x)
{
    return build_random(graph, shape, x, x, 0);
}

struct net_node *build_node(struct net_graph *graph, enum net_op op, ...)
{
    int input[16], count = 0;
    va_list args;
    va_start(args, op);
    for (int v; (v = va_arg(args, int)) != END;)
        input[count++] = v;
    va_end(args);
    char name[32];
    snprintf(name, sizeof(name), "%s%zu", net_op_name(op), graph->node_count);
    struct net_shape one = SHAPE(1);
    int output = made(net_graph_add_value(graph, name, &one, &build_error));
    int node = made(net_graph_add_node(graph, op, name, net_op_name(op), input, count,
                                       output, &build_error));
    return &graph->nodes[node];
}

int build_done(struct net_graph *graph)
{
    const struct net_node *node = &graph->nodes[graph->node_count - 1];
    struct net_shape shape;
    if (!net_infer_shape(graph, node, &shape, &build_error))
        fail_msg("%s", build_error.message);
    graph->values[node->output].shape = shape;
    graph->output = node->output;
    return node->output;
}

int build_done_as(struct net_graph *graph, struct net_shape shape)
{
    graph->values[graph->nodes[graph->node_count - 1].output].shape = shape;
    return build_done(graph);
}

int build_conv(struct net_graph *graph, int x, int outputs, int kernel, int pad,
               unsigned seed)
{
    int inputs = (int)graph->values[x].shape.dim[1];
    int weight =
        build_random(graph, SHAPE(outputs, inputs, kernel, kernel), -0.5f, 0.5f, seed);
    int bias = build_random(graph, SHAPE(outputs), -1, 1, seed + 1);
    struct net_node *node = build_node(graph, NET_CONV, x, weight, bias, END);
    node->u.conv.window =
        (struct net_window){{kernel, kernel}, {1, 1}, {1, 1}, {pad, pad, pad, pad}};
    node->u.conv.pad_mode = NET_PAD_ZERO;
    node->u.conv.group = node->u.conv.upsample = 1;
    node->u.conv.act = NET_ACT_NONE;
    return build_done(graph);
}

int build_binary(struct net_graph *graph, enum net_binary kind, int a, int b)
{
    build_node(graph, NET_BINARY, a, b, END)->u.binary.kind = kind;
    return build_done(graph);
}

int build_act(struct net_graph *graph, enum net_act kind, float alpha, float beta, int x)
{
    struct net_node *node = build_node(graph, NET_ACT, x, END);
    node->u.act.kind = kind;
    node->u.act.alpha = alpha;
    node->u.act.beta = beta;
    return build_done(graph);
}

int build_reshape(struct net_graph *graph, int x, struct net_shape shape)
{
    build_node(graph, NET_RESHAPE, x, END);
    return build_done_as(graph, shape);
}

int build_transpose(struct net_graph *graph, int x, int rank, const int *perm)
{
    struct net_node *node = build_node(graph, NET_TRANSPOSE, x, END);
    memcpy(node->u.transpose.perm, perm, (size_t)rank * sizeof(int));
    return build_done(graph);
}

int build_mean(struct net_graph *graph, int x, unsigned axes, bool keep)
{
    struct net_node *node = build_node(graph, NET_MEAN, x, END);
    node->u.reduce.axes = axes;
    node->u.reduce.keep = keep;
    return build_done(graph);
}

int build_norm(struct net_graph *graph, int x, int scale, int shift, int groups,
               float epsilon)
{
    struct net_node *node = build_node(graph, NET_NORM, x, scale, shift, END);
    node->u.norm.groups = groups;
    node->u.norm.epsilon = epsilon;
    return build_done(graph);
}

int build_pad(struct net_graph *graph, int x, enum net_pad_mode mode, int top, int left,
              int bottom, int right)
{
    struct net_node *node = build_node(graph, NET_PAD, x, END);
    node->u.pad.mode = mode;
    node->u.pad.before[2] = top;
    node->u.pad.before[3] = left;
    node->u.pad.after[2] = bottom;
    node->u.pad.after[3] = right;
    return build_done(graph);
}

int build_resize(struct net_graph *graph, int x, enum net_resize mode,
                 enum net_coord coord, enum net_nearest nearest, float scale)
{
    struct net_node *node = build_node(graph, NET_RESIZE, x, END);
    node->u.resize.mode = mode;
    node->u.resize.coord = coord;
    node->u.resize.nearest = nearest;
    node->u.resize.scale[0] = node->u.resize.scale[1] = scale;
    return build_done(graph);
}

int64_t output_count(const struct net_graph *graph)
{
    return net_shape_count(&graph->values[graph->output].shape);
}

/* [1,C,H,W] to [1,H,W,C] or back. */
static float *moved(const float *in, int64_t channels, int64_t area, bool to_last)
{
    float *out = malloc((size_t)(channels * area) * sizeof(float));
    assert_non_null(out);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < area; i++)
            if (to_last)
                out[i * channels + c] = in[c * area + i];
            else
                out[c * area + i] = in[i * channels + c];
    return out;
}

static float *random_input(const struct net_graph *graph, int value, unsigned seed)
{
    if (value < 0)
        return NULL;
    const struct net_shape *shape = &graph->values[value].shape;
    int64_t count = net_shape_count(shape);
    float *data = malloc((size_t)count * sizeof(float));
    assert_non_null(data);
    random_fill(data, count, -1, 1, seed);
    if (value != graph->image || !graph->nhwc)
        return data;
    float *last = moved(data, shape->dim[3], count / shape->dim[3], true);
    free(data);
    return last;
}

float *run_graph(const struct net_graph *graph, unsigned seed)
{
    struct daub_error error = {0};
    float *image = random_input(graph, graph->image, seed);
    float *style = random_input(graph, graph->style, seed + 1);
    struct net_ref ref;
    if (!net_ref_run(&ref, graph, image, style, NET_REF_ALL, false, &error))
        fail_msg("%s", error.message);
    const struct net_shape *shape = &graph->values[graph->output].shape;
    int64_t channels = graph->nhwc ? shape->dim[3] : 1;
    float *out =
        moved(ref.result[graph->output], channels, output_count(graph) / channels, false);
    net_ref_free(&ref);
    free(image);
    free(style);
    return out;
}

double relative_error(const float *a, const float *b, int64_t count)
{
    double most = 0, scale = 1e-6;
    for (int64_t i = 0; i < count; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        if (isnan(a[i]) != isnan(b[i]) || difference > most)
            most = isnan(difference) ? INFINITY : difference;
        scale = fabs((double)b[i]) > scale ? fabs((double)b[i]) : scale;
    }
    return most / scale;
}

char *dump_graph(const struct net_graph *graph)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    net_graph_dump(graph, file);
    fclose(file);
    return text;
}
