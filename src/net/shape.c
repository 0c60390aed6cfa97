#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "net/graph.h"
#include "util/error.h"

/* Keeps every byte count of a tensor far below what size_t holds. */
#define MAX_ELEMENTS ((int64_t)1 << 40)

int64_t net_shape_count(const struct net_shape *shape)
{
    if (shape->rank < 0 || shape->rank > NET_MAX_RANK)
        return -1;
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 1 || shape->dim[i] > NET_MAX_DIM)
            return -1;
        count *= shape->dim[i];
        if (count > MAX_ELEMENTS)
            return -1;
    }
    return count;
}

void net_shape_text(const struct net_shape *shape, char text[static NET_SHAPE_TEXT])
{
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < shape->rank && i < NET_MAX_RANK; i++)
        used += (size_t)snprintf(text + used, NET_SHAPE_TEXT - used, "%s%lld",
                                 i ? "," : "", (long long)shape->dim[i]);
    snprintf(text + used, NET_SHAPE_TEXT - used, "]");
}

bool net_shape_equal(const struct net_shape *a, const struct net_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

bool net_shape_broadcast(const struct net_shape *a, const struct net_shape *b,
                         struct net_shape *out)
{
    struct net_shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < result.rank; i++) {
        int ia = i - (result.rank - a->rank), ib = i - (result.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1)
            return false;
        result.dim[i] = da == 1 ? db : da;
    }
    *out = result;
    return true;
}

/* What the inference of one node works on. */
struct job {
    const struct net_graph *graph;
    const struct net_node *node;
    struct daub_error *error;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct job *job,
                                                         const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return daub_fail(
        job->error, DAUB_ERROR_MODEL, "node '%.80s' (%.40s): %s", job->node->name,
        job->node->type ? job->node->type : net_op_name(job->node->op), what);
}

/* Input i as a value, NULL where the node goes without it. */
static const struct net_value *input(const struct job *job, int i)
{
    if (i >= job->node->input_count || job->node->input[i] < 0)
        return NULL;
    return &job->graph->values[job->node->input[i]];
}

static const struct net_shape *input_shape(const struct job *job, int i)
{
    return &input(job, i)->shape;
}

static const struct net_shape *own_shape(const struct job *job)
{
    return &job->graph->values[job->node->output].shape;
}

static bool need_map(const struct job *job)
{
    const struct net_shape *x = input_shape(job, 0);
    if (x->rank == 4 && x->dim[0] == 1)
        return true;
    char text[NET_SHAPE_TEXT];
    net_shape_text(x, text);
    return refuse(job, "its input %s is no feature map [1,C,H,W]", text);
}

/* A constant of the wanted number of elements, or none. */
static bool need_vector(const struct job *job, int i, int64_t count, const char *what)
{
    const struct net_value *value = input(job, i);
    if (!value)
        return true;
    if (!value->data)
        return refuse(job, "its %s is not a constant", what);
    if (net_shape_count(&value->shape) != count)
        return refuse(job, "its %s has %lld elements where %lld are needed", what,
                      (long long)net_shape_count(&value->shape), (long long)count);
    return true;
}

static bool window_sane(const struct job *job, const struct net_window *w)
{
    const int limit = 1 << 16;
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] < 1 || w->kernel[i] > limit || w->stride[i] < 1 ||
            w->stride[i] > limit || w->dilation[i] < 1 || w->dilation[i] > limit)
            return refuse(job,
                          "kernel %dx%d, stride %d,%d or dilation %d,%d out of range",
                          w->kernel[0], w->kernel[1], w->stride[0], w->stride[1],
                          w->dilation[0], w->dilation[1]);
    for (int i = 0; i < 4; i++)
        if (w->pad[i] < 0 || w->pad[i] > limit)
            return refuse(job, "padding %d out of range", w->pad[i]);
    return true;
}

static int64_t window_extent(const struct net_window *w, int axis)
{
    return (int64_t)w->dilation[axis] * (w->kernel[axis] - 1) + 1;
}

/* Output rows or columns of a sliding window over size elements. */
static bool slide(const struct job *job, const struct net_window *w, int axis,
                  int64_t size, int64_t *out)
{
    int64_t padded = size + w->pad[axis] + w->pad[axis + 2];
    int64_t extent = window_extent(w, axis);
    if (extent > padded)
        return refuse(job,
                      "its window of %lld is larger than the padded input of %lld; use a "
                      "larger picture",
                      (long long)extent, (long long)padded);
    *out = (padded - extent) / w->stride[axis] + 1;
    return true;
}

static bool infer_conv(const struct job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    const struct net_window *w = &node->u.conv.window;
    if (!need_map(job) || !window_sane(job, w))
        return false;
    const struct net_shape *x = input_shape(job, 0), *k = input_shape(job, 1);
    int group = node->u.conv.group, up = node->u.conv.upsample;
    if (!input(job, 1)->data)
        return refuse(job, "its weights are not constant");
    if (group < 1 || up < 1 || up > 64 || k->rank != 4 || k->dim[0] % group ||
        k->dim[1] * group != x->dim[1] || k->dim[2] != w->kernel[0] ||
        k->dim[3] != w->kernel[1]) {
        char xs[NET_SHAPE_TEXT], ks[NET_SHAPE_TEXT];
        net_shape_text(x, xs);
        net_shape_text(k, ks);
        return refuse(job, "weights %s do not fit input %s in %d groups", ks, xs, group);
    }
    if (!need_vector(job, 2, k->dim[0], "bias"))
        return false;
    bool prelu = node->u.conv.act == NET_ACT_PRELU;
    if (node->u.conv.act < NET_ACT_NONE || node->u.conv.act > NET_ACT_CLIP ||
        prelu != !!input(job, 3) || (prelu && !need_vector(job, 3, k->dim[0], "slope")))
        return refuse(job, "its activation is incomplete");
    if (node->u.conv.pad_mode < NET_PAD_ZERO || node->u.conv.pad_mode > NET_PAD_EDGE)
        return refuse(job, "bad padding mode");
    *out = (struct net_shape){.rank = 4, .dim = {1, k->dim[0]}};
    for (int i = 0; i < 2; i++) {
        int64_t size = x->dim[2 + i] * up;
        if (node->u.conv.pad_mode == NET_PAD_REFLECT &&
            (w->pad[i] >= size || w->pad[i + 2] >= size))
            return refuse(job, "cannot reflect %d elements of %lld; use a larger picture",
                          w->pad[i] > w->pad[i + 2] ? w->pad[i] : w->pad[i + 2],
                          (long long)size);
        if (!slide(job, w, i, size, &out->dim[2 + i]))
            return false;
    }
    return true;
}

static bool infer_conv_transpose(const struct job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    const struct net_window *w = &node->u.deconv.window;
    if (!need_map(job) || !window_sane(job, w))
        return false;
    const struct net_shape *x = input_shape(job, 0), *k = input_shape(job, 1);
    int group = node->u.deconv.group;
    if (!input(job, 1)->data)
        return refuse(job, "its weights are not constant");
    if (group < 1 || k->rank != 4 || k->dim[0] != x->dim[1] || x->dim[1] % group ||
        k->dim[2] != w->kernel[0] || k->dim[3] != w->kernel[1]) {
        char xs[NET_SHAPE_TEXT], ks[NET_SHAPE_TEXT];
        net_shape_text(x, xs);
        net_shape_text(k, ks);
        return refuse(job, "weights %s do not fit input %s in %d groups", ks, xs, group);
    }
    *out = (struct net_shape){.rank = 4, .dim = {1, k->dim[1] * group}};
    if (!need_vector(job, 2, out->dim[1], "bias"))
        return false;
    for (int i = 0; i < 2; i++) {
        int extra = node->u.deconv.output_padding[i];
        if (extra < 0 || (extra >= w->stride[i] && extra >= w->dilation[i]))
            return refuse(job, "output padding %d out of range", extra);
        out->dim[2 + i] = w->stride[i] * (x->dim[2 + i] - 1) + extra +
                          window_extent(w, i) - w->pad[i] - w->pad[i + 2];
    }
    return true;
}

static bool infer_norm(const struct job *job, struct net_shape *out)
{
    const struct net_shape *x = input_shape(job, 0);
    char text[NET_SHAPE_TEXT];
    net_shape_text(x, text);
    if (x->rank < 3 || x->dim[0] != 1)
        return refuse(job, "its input %s is no feature map [1,C,H,W]", text);
    int groups = job->node->u.norm.groups;
    if (groups < 1 || x->dim[1] % groups)
        return refuse(job, "%d groups do not divide the channels of %s", groups, text);
    if (!(job->node->u.norm.epsilon >= 0))
        return refuse(job, "epsilon is negative or no number");
    for (int i = 1; i < 3; i++) {
        const struct net_value *v = input(job, i);
        if (v && !v->data && !v->from_style)
            return refuse(job, "its scale or shift depends on the picture");
        if (v && net_shape_count(&v->shape) != x->dim[1])
            return refuse(job, "scale or shift has %lld elements for input %s",
                          (long long)net_shape_count(&v->shape), text);
    }
    *out = *x;
    return true;
}

static bool infer_act(const struct job *job, struct net_shape *out)
{
    const struct net_shape *x = input_shape(job, 0);
    enum net_act kind = job->node->u.act.kind;
    if (kind < NET_ACT_NONE || kind > NET_ACT_CLIP)
        return refuse(job, "unknown activation %d", (int)kind);
    if (kind == NET_ACT_PRELU &&
        (x->rank < 2 || !input(job, 1) || !need_vector(job, 1, x->dim[1], "slope")))
        return refuse(job, "PRelu needs a slope for each channel");
    *out = *x;
    return true;
}

static bool infer_binary(const struct job *job, struct net_shape *out)
{
    const struct net_shape *a = input_shape(job, 0), *b = input_shape(job, 1);
    enum net_binary kind = job->node->u.binary.kind;
    if (kind < NET_BINARY_ADD || kind > NET_BINARY_POW)
        return refuse(job, "unknown operation %d", (int)kind);
    if (net_shape_broadcast(a, b, out))
        return true;
    char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
    net_shape_text(a, as);
    net_shape_text(b, bs);
    return refuse(job, "shapes %s and %s do not match", as, bs);
}

static bool infer_concat(const struct job *job, struct net_shape *out)
{
    int axis = job->node->u.concat.axis;
    *out = *input_shape(job, 0);
    if (axis < 0 || axis >= out->rank)
        return refuse(job, "axis %d out of range", axis);
    for (int i = 1; i < job->node->input_count; i++) {
        if (!input(job, i))
            return refuse(job, "an input is missing");
        struct net_shape next = *input_shape(job, i);
        int64_t length = axis < next.rank ? next.dim[axis] : 0;
        if (axis < next.rank)
            next.dim[axis] = out->dim[axis];
        if (!net_shape_equal(&next, out)) {
            char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
            net_shape_text(out, as);
            net_shape_text(input_shape(job, i), bs);
            return refuse(job, "shapes %s and %s cannot be joined on axis %d", as, bs,
                          axis);
        }
        out->dim[axis] += length;
    }
    return true;
}

/* The number of elements taken is the output value's: start and step alone cannot tell.
 */
static bool infer_slice(const struct job *job, struct net_shape *out)
{
    const struct net_shape *x = input_shape(job, 0), *own = own_shape(job);
    const int64_t *start = job->node->u.slice.start, *step = job->node->u.slice.step;
    bool fits = own->rank == x->rank;
    for (int i = 0; fits && i < x->rank; i++) {
        fits = own->dim[i] >= 1 && own->dim[i] <= x->dim[i] && step[i] != 0 &&
               step[i] >= -NET_MAX_DIM && step[i] <= NET_MAX_DIM && start[i] >= 0 &&
               start[i] < x->dim[i];
        if (fits) {
            int64_t last = start[i] + (own->dim[i] - 1) * step[i];
            fits = last >= 0 && last < x->dim[i];
        }
    }
    *out = *own;
    if (fits)
        return true;
    char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
    net_shape_text(x, as);
    net_shape_text(own, bs);
    return refuse(job, "cannot cut %s out of %s", bs, as);
}

static bool infer_pad(const struct job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    enum net_pad_mode mode = node->u.pad.mode;
    if (mode < NET_PAD_ZERO || mode > NET_PAD_CONSTANT)
        return refuse(job, "unknown padding mode %d", (int)mode);
    *out = *input_shape(job, 0);
    for (int i = 0; i < out->rank; i++) {
        int64_t before = node->u.pad.before[i], after = node->u.pad.after[i];
        if (before < -NET_MAX_DIM || before > NET_MAX_DIM || after < -NET_MAX_DIM ||
            after > NET_MAX_DIM)
            return refuse(job, "padding out of range");
        int64_t kept = out->dim[i] + (before < 0 ? before : 0) + (after < 0 ? after : 0);
        if (kept < 1)
            return refuse(job, "it crops %lld elements away of %lld",
                          (long long)(out->dim[i] - kept), (long long)out->dim[i]);
        if (mode == NET_PAD_REFLECT && (before >= kept || after >= kept))
            return refuse(job,
                          "cannot reflect %lld elements of %lld; use a larger picture",
                          (long long)(before > after ? before : after), (long long)kept);
        out->dim[i] += before + after;
    }
    return true;
}

/* Single precision on purpose: that is how ONNX Runtime multiplies sizes by scales, and
 * 3 * (5/3) must give 5. A file that states sizes instead has scale = out / in, which may
 * round below; its own size is then right. */
static bool infer_resize(const struct job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    if (!need_map(job))
        return false;
    if (node->u.resize.mode < NET_RESIZE_NEAREST ||
        node->u.resize.mode > NET_RESIZE_LINEAR ||
        node->u.resize.coord < NET_COORD_ASYMMETRIC ||
        node->u.resize.coord > NET_COORD_ALIGN_CORNERS ||
        node->u.resize.nearest < NET_NEAREST_FLOOR ||
        node->u.resize.nearest > NET_NEAREST_ROUND_PREFER_CEIL)
        return refuse(job, "unknown kind of resampling");
    *out = *input_shape(job, 0);
    for (int i = 2; i < 4; i++) {
        float size = (float)out->dim[i], scale = node->u.resize.scale[i - 2];
        if (!(scale > 0) || !(scale * size >= 1) || scale * size > NET_MAX_DIM)
            return refuse(job, "cannot resize %lld elements by %g",
                          (long long)out->dim[i], (double)scale);
        int64_t own = own_shape(job)->rank == 4 ? own_shape(job)->dim[i] : 0;
        out->dim[i] = (float)own / size == scale ? own : (int64_t)floorf(scale * size);
    }
    return true;
}

static bool infer_block(const struct job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    int64_t size = node->u.block.size;
    if (!need_map(job))
        return false;
    *out = *input_shape(job, 0);
    char text[NET_SHAPE_TEXT];
    net_shape_text(out, text);
    if (size < 1 || size > 64 || node->u.block.order < NET_BLOCK_DCR ||
        node->u.block.order > NET_BLOCK_CRD)
        return refuse(job, "block size %lld or its order is out of range",
                      (long long)size);
    bool to_space = node->op == NET_DEPTH_TO_SPACE;
    if (to_space ? out->dim[1] % (size * size) : out->dim[2] % size || out->dim[3] % size)
        return refuse(job, "blocks of %lld do not divide %s", (long long)size, text);
    out->dim[1] = to_space ? out->dim[1] / (size * size) : out->dim[1] * size * size;
    for (int i = 2; i < 4; i++)
        out->dim[i] = to_space ? out->dim[i] * size : out->dim[i] / size;
    return true;
}

static bool infer_pool(const struct job *job, struct net_shape *out)
{
    const struct net_window *w = &job->node->u.pool.window;
    enum net_pool kind = job->node->u.pool.kind;
    if (!need_map(job) || !window_sane(job, w))
        return false;
    if (kind < NET_POOL_MAX || kind > NET_POOL_AVERAGE_PADDED)
        return refuse(job, "unknown kind of pooling %d", (int)kind);
    *out = *input_shape(job, 0);
    for (int i = 0; i < 2; i++) {
        if (w->pad[i] >= window_extent(w, i) || w->pad[i + 2] >= window_extent(w, i))
            return refuse(job, "padding %d,%d is not below the window's %lld", w->pad[i],
                          w->pad[i + 2], (long long)window_extent(w, i));
        if (!slide(job, w, i, out->dim[2 + i], &out->dim[2 + i]))
            return false;
    }
    return true;
}

static bool infer_mean(const struct job *job, struct net_shape *out)
{
    const struct net_shape *x = input_shape(job, 0);
    unsigned axes = job->node->u.mean.axes;
    if (axes == 0 || axes >> x->rank)
        return refuse(job, "axes %#x out of range", axes);
    *out = (struct net_shape){0};
    for (int i = 0; i < x->rank; i++) {
        bool gone = axes >> i & 1;
        if (!gone || job->node->u.mean.keep)
            out->dim[out->rank++] = gone ? 1 : x->dim[i];
    }
    return true;
}

static bool infer_transpose(const struct job *job, struct net_shape *out)
{
    const struct net_shape *x = input_shape(job, 0);
    unsigned seen = 0;
    *out = (struct net_shape){.rank = x->rank};
    for (int i = 0; i < x->rank; i++) {
        int from = job->node->u.transpose.perm[i];
        if (from < 0 || from >= x->rank || seen >> from & 1)
            return refuse(job, "its axes are no permutation");
        seen |= 1u << from;
        out->dim[i] = x->dim[from];
    }
    return true;
}

static bool infer_reshape(const struct job *job, struct net_shape *out)
{
    *out = *own_shape(job);
    if (net_shape_count(out) == net_shape_count(input_shape(job, 0)))
        return true;
    char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
    net_shape_text(input_shape(job, 0), as);
    net_shape_text(out, bs);
    return refuse(job, "cannot reshape %s to %s", as, bs);
}

static bool infer_matmul(const struct job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    const struct net_shape *a = input_shape(job, 0), *b = input_shape(job, 1);
    int ta = node->u.matmul.transpose_a, tb = node->u.matmul.transpose_b;
    bool fits = a->rank == 2 && b->rank == 2 && a->dim[1 - ta] == b->dim[tb];
    if (fits) {
        struct net_shape sum;
        *out = (struct net_shape){.rank = 2, .dim = {a->dim[ta], b->dim[1 - tb]}};
        if (!input(job, 2) || (net_shape_broadcast(out, input_shape(job, 2), &sum) &&
                               net_shape_equal(out, &sum)))
            return true;
    }
    char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
    net_shape_text(a, as);
    net_shape_text(b, bs);
    return refuse(job, "cannot multiply %s by %s", as, bs);
}

static bool infer_same(const struct job *job, struct net_shape *out)
{
    *out = *input_shape(job, 0);
    if (job->node->u.unary.kind < NET_UNARY_SQRT ||
        job->node->u.unary.kind > NET_UNARY_RECIPROCAL)
        return refuse(job, "unknown function %d", (int)job->node->u.unary.kind);
    return true;
}

static bool infer_input(const struct job *job, struct net_shape *out)
{
    *out = *own_shape(job);
    return true;
}

static const struct {
    int min_inputs, max_inputs; /* the first min_inputs must be there */
    bool (*infer)(const struct job *job, struct net_shape *out);
} rules[] = {
    [NET_INPUT] = {0, 0, infer_input},
    [NET_CONV] = {2, 4, infer_conv},
    [NET_CONV_TRANSPOSE] = {2, 3, infer_conv_transpose},
    [NET_NORM] = {1, 3, infer_norm},
    [NET_ACT] = {1, 2, infer_act},
    [NET_UNARY] = {1, 1, infer_same},
    [NET_BINARY] = {2, 2, infer_binary},
    [NET_CONCAT] = {1, INT_MAX, infer_concat},
    [NET_SLICE] = {1, 1, infer_slice},
    [NET_PAD] = {1, 1, infer_pad},
    [NET_RESIZE] = {1, 1, infer_resize},
    [NET_DEPTH_TO_SPACE] = {1, 1, infer_block},
    [NET_SPACE_TO_DEPTH] = {1, 1, infer_block},
    [NET_POOL] = {1, 1, infer_pool},
    [NET_MEAN] = {1, 1, infer_mean},
    [NET_TRANSPOSE] = {1, 1, infer_transpose},
    [NET_RESHAPE] = {1, 1, infer_reshape},
    [NET_MATMUL] = {2, 3, infer_matmul},
};

bool net_infer_shape(const struct net_graph *graph, const struct net_node *node,
                     struct net_shape *shape, struct daub_error *error)
{
    const struct job job = {graph, node, error};
    if (node->op < NET_INPUT || node->op > NET_MATMUL)
        return refuse(&job, "unknown operation %d", (int)node->op);
    if (node->input_count < rules[node->op].min_inputs ||
        node->input_count > rules[node->op].max_inputs)
        return refuse(&job, "it has %d inputs", node->input_count);
    for (int i = 0; i < rules[node->op].min_inputs; i++)
        if (!input(&job, i))
            return refuse(&job, "input %d is missing", i);
    if (!rules[node->op].infer(&job, shape))
        return false;
    if (net_shape_count(shape) < 0) {
        char text[NET_SHAPE_TEXT];
        net_shape_text(shape, text);
        return refuse(&job, "its output %s is empty or too large", text);
    }
    return true;
}
