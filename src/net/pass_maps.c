/* Turns every value that depends on the picture into a map [1,C,H,W], which is what the
 * kernels work on: vectors [1,N] become [1,N,1,1], further axes are joined with the last.
 * Transposes become permutations, products with constant matrices convolutions, and means
 * and maxima over other axes than height and width together pools and convolutions. */
#include "net/pass.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

struct job {
    struct net_graph *graph;
    struct net_shape *original; /* of the values that were there before the pass */
    size_t original_count;
    int index; /* of the node, which moves where others are inserted before it */
    struct daub_error *error;
};

static struct net_node *current(const struct job *job)
{
    return &job->graph->nodes[job->index];
}

static bool refuse(const struct job *job, const char *what)
{
    const struct net_node *node = current(job);
    return daub_fail(
        job->error, DAUB_ERROR_MODEL,
        "operator %s in node '%.80s' %s; export the network with plain image "
        "operators",
        node->type ? node->type : net_op_name(node->op), node->name, what);
}

/* ---- axes ---- */

/* Axes before the channels: the batch, where it has one element. */
static int leading(const struct net_shape *shape)
{
    return shape->rank > 1 && shape->dim[0] == 1;
}

/* Axis of the map that axis i becomes. */
static int map_axis(int i, int lead)
{
    int axis = i + 1 - lead;
    return axis > 3 ? 3 : axis;
}

static struct net_shape as_map(const struct net_shape *shape, int lead)
{
    struct net_shape map = {.rank = 4, .dim = {1, 1, 1, 1}};
    for (int i = lead; i < shape->rank; i++)
        map.dim[map_axis(i, lead)] *= shape->dim[i];
    return map;
}

/* Whether several axes of more than one element became the last axis of the map. */
static bool is_folded(const struct net_shape *shape)
{
    return shape->rank - leading(shape) > 3;
}

static bool is_map(const struct net_shape *shape)
{
    return shape->rank == 4 && shape->dim[0] == 1;
}

/* ---- changes ---- */

/* Inserts a node before the current one; *value is its output. */
static bool insert(struct job *job, const struct net_node *draft, const int *input,
                   int count, const struct net_shape *shape, int *value)
{
    return net_pass_insert(job->graph, &job->index, draft, input, count, shape, value,
                           job->error);
}

/* Reshapes *value where it has another shape. Constants are copied. */
static bool reshape(struct job *job, int *value, const struct net_shape *shape)
{
    const struct net_value *v = &job->graph->values[*value];
    const struct net_node draft = {.op = NET_RESHAPE};
    if (net_shape_equal(&v->shape, shape))
        return true;
    if (v->data) {
        *value = net_graph_add_constant(job->graph, v->name, shape, v->data, job->error);
        return *value >= 0;
    }
    return insert(job, &draft, value, 1, shape, value);
}

/* Exchanges the map's axes 1 and `axis`. */
static bool swap_channels(struct job *job, int *value, int axis)
{
    struct net_shape shape = *net_pass_shape(job->graph, *value);
    struct net_node draft = net_swap_channels(&shape, axis);
    return insert(job, &draft, value, 1, &shape, value);
}

/* The current node passes value on in the shape that its own output becomes as a map. */
static bool finish(struct job *job, int value)
{
    struct net_node *node = current(job);
    struct net_shape *out = &job->graph->values[node->output].shape;
    *out = as_map(out, leading(out));
    if (!net_pass_set_inputs(node, &value, 1, job->error))
        return false;
    node->op = NET_RESHAPE;
    if (net_shape_equal(out, net_pass_shape(job->graph, value))) {
        node->op = NET_ACT;
        node->u.act.kind = NET_ACT_NONE;
    }
    return true;
}

/* ---- operators ---- */

/* Shape of input k before the pass. */
static const struct net_shape *shape_before(const struct job *job, int k)
{
    int value = current(job)->input[k];
    return (size_t)value < job->original_count ? &job->original[value]
                                               : net_pass_shape(job->graph, value);
}

static bool map_binary(struct job *job)
{
    struct net_graph *graph = job->graph;
    struct net_shape *out = &graph->values[current(job)->output].shape;
    int lead = leading(out), rank = out->rank;
    struct net_shape map = as_map(out, lead);
    bool plain = is_map(out);
    for (int k = 0; k < 2; k++) {
        int value = current(job)->input[k];
        const struct net_shape *own = shape_before(job, k);
        if (plain &&
            (graph->values[value].data || graph->values[value].from_style || is_map(own)))
            continue;
        if (graph->values[value].from_style && !graph->values[value].data)
            return refuse(job, "uses the style in a way daub cannot run");
        struct net_shape wide = {.rank = rank};
        for (int i = 0; i < rank; i++)
            wide.dim[i] = i < rank - own->rank ? 1 : own->dim[i - rank + own->rank];
        wide = as_map(&wide, lead);
        if (wide.dim[3] != map.dim[3] && wide.dim[3] != 1)
            return refuse(job, "repeats a part of more than four axes");
        if (!reshape(job, &value, &wide))
            return false;
        current(job)->input[k] = value;
    }
    graph->values[current(job)->output].shape = map;
    return true;
}

static bool map_concat(struct job *job)
{
    struct net_shape out = *net_pass_shape(job->graph, current(job)->output);
    int lead = leading(&out), axis = current(job)->u.concat.axis;
    int count = current(job)->input_count;
    if (axis < lead || (is_folded(&out) && axis - lead > 2))
        return refuse(job, "joins batches of pictures");
    axis = map_axis(axis, lead);
    if (is_map(&out) && axis == 1)
        return true;
    int *input = daub_alloc((size_t)count, sizeof(int)), joined = -1;
    bool ok = input || daub_no_memory(job->error, "rewriting the network");
    struct net_shape map = as_map(&out, lead);
    for (int k = 0; ok && k < count; k++) {
        struct net_shape part = as_map(shape_before(job, k), lead);
        input[k] = current(job)->input[k];
        ok = reshape(job, &input[k], &part) &&
             (axis == 1 || swap_channels(job, &input[k], axis));
    }
    struct net_node draft = {.op = NET_CONCAT};
    draft.u.concat.axis = 1;
    if (axis != 1) {
        int64_t length = map.dim[axis];
        map.dim[axis] = map.dim[1];
        map.dim[1] = length;
    }
    ok = ok && insert(job, &draft, input, count, &map, &joined) &&
         (axis == 1 || swap_channels(job, &joined, axis)) && finish(job, joined);
    free(input);
    return ok;
}

/* Moves the numbers of axes to those of the map; false where the first or joined axes
 * have others than `neutral`. */
static bool map_axes(int64_t list[NET_MAX_RANK], const struct net_shape *shape,
                     int64_t neutral)
{
    int64_t moved[NET_MAX_RANK];
    int lead = leading(shape);
    for (int i = 0; i < NET_MAX_RANK; i++)
        moved[i] = neutral;
    for (int i = 0; i < shape->rank; i++) {
        if (list[i] != neutral && (i < lead || (is_folded(shape) && i - lead > 1)))
            return false;
        if (i >= lead && i - lead < 3)
            moved[map_axis(i, lead)] = list[i];
    }
    memcpy(list, moved, sizeof(moved));
    return true;
}

static bool map_window(struct job *job)
{
    struct net_node draft = *current(job);
    const struct net_shape in = *shape_before(job, 0);
    const struct net_shape *out = net_pass_shape(job->graph, draft.output);
    int lead = leading(&in), value = draft.input[0];
    if (is_map(out) && is_map(&in))
        return true;
    bool fits = draft.op == NET_SLICE ? map_axes(draft.u.slice.start, &in, 0) &&
                                            map_axes(draft.u.slice.step, &in, 1)
                                      : map_axes(draft.u.pad.before, &in, 0) &&
                                            map_axes(draft.u.pad.after, &in, 0);
    for (int i = 0; i < in.rank; i++)
        if (in.dim[i] != out->dim[i] && (i < lead || (is_folded(&in) && i - lead > 1)))
            fits = false;
    if (!fits)
        return refuse(job, "cuts or pads joined axes");
    struct net_shape map = as_map(out, lead);
    return insert(job, &draft, &value, 1, &map, &value) && finish(job, value);
}

/* A mean or maximum over height, width or both by pools. */
static bool pool(struct job *job, enum net_pool kind, bool over[2], int *value)
{
    for (int i = 1; i >= 0; i--) { /* the width first, which leaves less to do */
        struct net_shape shape = *net_pass_shape(job->graph, *value);
        struct net_node draft = {.op = NET_POOL};
        struct net_window *w = &draft.u.pool.window;
        if (!over[i] || shape.dim[2 + i] == 1)
            continue;
        draft.u.pool.kind = kind;
        w->kernel[0] = w->kernel[1] = 1;
        w->kernel[i] = (int)shape.dim[2 + i];
        w->stride[0] = w->stride[1] = w->dilation[0] = w->dilation[1] = 1;
        shape.dim[2 + i] = 1;
        if (!insert(job, &draft, value, 1, &shape, value))
            return false;
    }
    return true;
}

/* Replaces the mean over the channels by a 1x1 convolution whose weights are all 1 / C,
 * because there is no kernel for such a mean. */
static bool channel_mean(struct job *job, int *value)
{
    struct net_shape shape = *net_pass_shape(job->graph, *value);
    int64_t channels = shape.dim[1];
    const struct net_shape weights = {.rank = 4, .dim = {1, channels, 1, 1}};
    struct net_node draft = net_conv_1x1();
    int input[3] = {*value, -1, -1};
    input[1] = net_graph_add_constant(job->graph, "mean", &weights, NULL, job->error);
    if (input[1] < 0)
        return false;
    for (int64_t c = 0; c < channels; c++)
        job->graph->values[input[1]].data[c] = 1.0f / (float)channels;
    shape.dim[1] = 1;
    return insert(job, &draft, input, 3, &shape, value);
}

static bool map_reduction(struct job *job)
{
    const struct net_node *node = current(job);
    const struct net_shape in = *shape_before(job, 0);
    unsigned axes = 0, kept = 0;
    int lead = leading(&in), value = node->input[0];
    bool maximum = node->op == NET_MAXIMUM;
    for (int i = lead; i < in.rank; i++)
        *(node->u.reduce.axes >> i & 1 ? &axes : &kept) |= 1u << map_axis(i, lead);
    if (axes & kept)
        return refuse(job, "reduces a part of joined axes");
    if (!maximum && is_map(&in) && axes == 0xc && node->u.reduce.keep)
        return true;
    bool over[2] = {axes >> 2 & 1, axes >> 3 & 1};
    if (!maximum && over[0] && over[1]) {
        struct net_node draft = {.op = NET_MEAN};
        struct net_shape shape = *net_pass_shape(job->graph, value);
        draft.u.reduce.axes = 0xc;
        draft.u.reduce.keep = true;
        shape.dim[2] = shape.dim[3] = 1;
        if (!insert(job, &draft, &value, 1, &shape, &value))
            return false;
    } else if (!pool(job, maximum ? NET_POOL_MAX : NET_POOL_AVERAGE, over, &value)) {
        return false;
    }
    if (!(axes & 2) || net_pass_shape(job->graph, value)->dim[1] == 1)
        return finish(job, value);
    if (!maximum)
        return channel_mean(job, &value) && finish(job, value);
    bool rows[2] = {true, false};
    return swap_channels(job, &value, 2) && pool(job, NET_POOL_MAX, rows, &value) &&
           swap_channels(job, &value, 2) && finish(job, value);
}

static bool map_transpose(struct job *job)
{
    struct net_node *node = current(job);
    const struct net_shape in = *shape_before(job, 0);
    struct net_shape *out = &job->graph->values[node->output].shape;
    int more = NET_MAX_RANK - in.rank, perm[NET_MAX_RANK];
    memcpy(perm, node->u.transpose.perm, sizeof(perm));
    node->op = NET_PERMUTE;
    for (int i = 0; i < NET_MAX_RANK; i++) {
        node->u.permute.dim[i] = i < more ? 1 : in.dim[i - more];
        node->u.permute.perm[i] = i < more ? i : more + perm[i - more];
    }
    *out = as_map(out, leading(out));
    return true;
}

static bool map_matmul(struct job *job)
{
    struct net_graph *graph = job->graph;
    const struct net_shape a = *shape_before(job, 0);
    int64_t inner = a.dim[a.rank - 1], count = net_shape_count(&a) / inner;
    struct net_node draft = net_conv_1x1();
    int input[3] = {current(job)->input[0]}, value;
    bool fits;
    if (!net_pass_matmul_weights(graph, current(job), input, &fits, job->error))
        return false;
    if (!fits)
        return refuse(job, "multiplies matrices computed from the picture (attention)");
    int64_t outputs = net_pass_shape(graph, input[1])->dim[0];
    struct net_shape rows = {.rank = 4, .dim = {1, count, inner, 1}};
    struct net_shape map = {.rank = 4, .dim = {1, outputs, count, 1}};
    if (count == 1)
        rows = (struct net_shape){.rank = 4, .dim = {1, inner, 1, 1}};
    return reshape(job, &input[0], &rows) &&
           (count == 1 || swap_channels(job, &input[0], 2)) &&
           insert(job, &draft, input, 3, &map, &value) &&
           (count == 1 || swap_channels(job, &value, 2)) && finish(job, value);
}

static bool map_node(struct job *job)
{
    struct net_node *node = current(job);
    struct net_shape *out = &job->graph->values[node->output].shape;
    switch (node->op) {
    case NET_ACT:
    case NET_NORM:
        if (is_map(out))
            return true;
        if (!leading(out) && (node->op == NET_NORM || node->u.act.kind == NET_ACT_PRELU))
            return refuse(job, "works on a batch of pictures");
        *out = as_map(out, leading(out));
        return true;
    case NET_BINARY:
        return map_binary(job);
    case NET_CONCAT:
        return map_concat(job);
    case NET_SLICE:
    case NET_PAD:
        return map_window(job);
    case NET_MEAN:
    case NET_MAXIMUM:
        return map_reduction(job);
    case NET_TRANSPOSE:
        return map_transpose(job);
    case NET_RESHAPE:
        return finish(job, node->input[0]);
    case NET_MATMUL:
        return map_matmul(job);
    default:
        return is_map(out) || refuse(job, "is used in a way daub cannot run");
    }
}

bool net_pass_maps(struct net_graph *graph, struct daub_error *error)
{
    struct job job = {.graph = graph, .error = error};
    job.original_count = graph->value_count;
    job.original = daub_alloc(graph->value_count, sizeof(*job.original));
    if (!job.original)
        return daub_no_memory(error, "rewriting the network");
    for (size_t v = 0; v < graph->value_count; v++)
        job.original[v] = graph->values[v].shape;
    bool ok = true;
    for (; ok && (size_t)job.index < graph->node_count; job.index++)
        if (!graph->values[current(&job)->output].from_style)
            ok = map_node(&job);
    free(job.original);
    return ok;
}
