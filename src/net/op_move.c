/* Operators that move elements: concatenation, slices, padding, resampling, pixel
 * shuffles, transposition, new shapes; and the inputs of the graph. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/op.h"
#include "util/alloc.h"

static bool input_shape(const struct net_op_job *job, struct net_shape *out)
{
    *out = *net_op_out_shape(job);
    return true;
}

static void input_dump(const struct net_op_job *job, FILE *file)
{
    fprintf(file, job->node->output == job->graph->style ? " style" : " image");
}

const struct net_operator net_op_input = {
    .min_inputs = 0,
    .max_inputs = 0,
    .shape = input_shape,
    .dump = input_dump,
};

/* A copy whose element [i0, i1, ...] is the input's element number at[0][i0] + at[1][i1]
 * + ..., or a fill value where one of these is negative. */
struct gather {
    struct net_shape shape;
    int64_t *at[NET_MAX_RANK];
    int64_t *memory;
};

static bool gather_begin(struct gather *gather, const struct net_shape *shape)
{
    *gather = (struct gather){.shape = *shape};
    size_t total = 0;
    for (int d = 0; d < shape->rank; d++)
        total += (size_t)shape->dim[d];
    gather->memory = daub_alloc(total, sizeof(int64_t));
    if (!gather->memory)
        return false;
    int64_t *next = gather->memory;
    for (int d = 0; d < shape->rank; d++) {
        gather->at[d] = next;
        next += shape->dim[d];
    }
    return true;
}

static void gather_rows(const struct gather *gather, const float *in, float fill,
                        float *out)
{
    int last = gather->shape.rank - 1;
    int64_t width = gather->shape.dim[last], index[NET_MAX_RANK] = {0};
    for (int d = last; d >= 0;) {
        int64_t base = 0;
        bool outside = false;
        for (d = 0; d < last; d++) {
            outside = outside || gather->at[d][index[d]] < 0;
            base += gather->at[d][index[d]];
        }
        for (int64_t i = 0; i < width; i++)
            out[i] = outside || gather->at[last][i] < 0 ? fill
                                                        : in[base + gather->at[last][i]];
        out += width;
        for (d = last - 1; d >= 0 && ++index[d] == gather->shape.dim[d]; d--)
            index[d] = 0;
    }
}

static void gather_run(struct gather *gather, const float *in, float fill, float *out)
{
    if (gather->shape.rank == 0)
        *out = *in;
    else
        gather_rows(gather, in, fill, out);
    free(gather->memory);
}

/* stride[d]: elements from one index of axis d to the next. */
static void strides(const struct net_shape *shape, int64_t stride[NET_MAX_RANK])
{
    int64_t step = 1;
    for (int d = shape->rank - 1; d >= 0; d--) {
        stride[d] = step;
        step *= shape->dim[d];
    }
}

static void dump_list(const char *label, const int64_t *list, int count, FILE *file)
{
    fprintf(file, " %s ", label);
    for (int i = 0; i < count; i++)
        fprintf(file, "%s%lld", i ? "," : "", (long long)list[i]);
}

/* ---- slices and padding ---- */

/* The number of elements is that of the output value: the attributes do not contain
 * it. */
static bool slice_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_shape *x = net_op_in_shape(job, 0), *own = net_op_out_shape(job);
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
    return net_op_refuse(job, "cannot cut %s out of %s", bs, as);
}

static bool slice_run(const struct net_op_job *job)
{
    struct gather gather;
    int64_t stride[NET_MAX_RANK];
    if (!gather_begin(&gather, net_op_out_shape(job)))
        return net_op_no_memory(job);
    strides(net_op_in_shape(job, 0), stride);
    for (int d = 0; d < gather.shape.rank; d++)
        for (int64_t i = 0; i < gather.shape.dim[d]; i++)
            gather.at[d][i] =
                (job->node->u.slice.start[d] + i * job->node->u.slice.step[d]) *
                stride[d];
    gather_run(&gather, job->in[0], 0, job->out);
    return true;
}

static void slice_dump(const struct net_op_job *job, FILE *file)
{
    int rank = net_op_out_shape(job)->rank;
    dump_list("start", job->node->u.slice.start, rank, file);
    dump_list("step", job->node->u.slice.step, rank, file);
}

const struct net_operator net_op_slice = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = slice_shape,
    .run = slice_run,
    .dump = slice_dump,
};

static const char *const pad_names[] = {
    [NET_PAD_ZERO] = "zero",
    [NET_PAD_REFLECT] = "reflect",
    [NET_PAD_EDGE] = "edge",
    [NET_PAD_CONSTANT] = "constant",
};

const char *net_op_pad_name(enum net_pad_mode mode)
{
    return NET_OP_PICK_NAME(pad_names, mode);
}

static bool pad_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    enum net_pad_mode mode = node->u.pad.mode;
    if (mode < NET_PAD_ZERO || mode > NET_PAD_CONSTANT)
        return net_op_refuse(job, "unknown padding mode %d", (int)mode);
    *out = *net_op_in_shape(job, 0);
    for (int i = 0; i < out->rank; i++) {
        int64_t before = node->u.pad.before[i], after = node->u.pad.after[i];
        if (before < -NET_MAX_DIM || before > NET_MAX_DIM || after < -NET_MAX_DIM ||
            after > NET_MAX_DIM)
            return net_op_refuse(job, "padding out of range");
        int64_t kept = out->dim[i] + (before < 0 ? before : 0) + (after < 0 ? after : 0);
        if (kept < 1)
            return net_op_refuse(job, "it crops %lld elements away of %lld",
                                 (long long)(out->dim[i] - kept), (long long)out->dim[i]);
        if (mode == NET_PAD_REFLECT && (before >= kept || after >= kept))
            return net_op_refuse(
                job, "cannot reflect %lld elements of %lld; use a larger picture",
                (long long)(before > after ? before : after), (long long)kept);
        out->dim[i] += before + after;
    }
    return true;
}

int64_t net_op_pad_source(int64_t i, int64_t size, enum net_pad_mode mode)
{
    if (i >= 0 && i < size)
        return i;
    switch (mode) {
    case NET_PAD_EDGE:
        return i < 0 ? 0 : size - 1;
    case NET_PAD_REFLECT: {
        if (size == 1)
            return 0;
        int64_t period = 2 * (size - 1);
        i = (i % period + period) % period;
        return i < size ? i : period - i;
    }
    case NET_PAD_ZERO:
    case NET_PAD_CONSTANT:
        break;
    }
    return -1;
}

static bool pad_run(const struct net_op_job *job)
{
    const struct net_node *node = job->node;
    const struct net_shape *x = net_op_in_shape(job, 0);
    struct gather gather;
    int64_t stride[NET_MAX_RANK];
    if (!gather_begin(&gather, net_op_out_shape(job)))
        return net_op_no_memory(job);
    strides(x, stride);
    for (int d = 0; d < gather.shape.rank; d++)
        for (int64_t i = 0; i < gather.shape.dim[d]; i++) {
            int64_t source =
                net_op_pad_source(i - node->u.pad.before[d], x->dim[d], node->u.pad.mode);
            gather.at[d][i] = source < 0 ? -1 : source * stride[d];
        }
    float fill = node->u.pad.mode == NET_PAD_CONSTANT ? node->u.pad.value : 0;
    gather_run(&gather, job->in[0], fill, job->out);
    return true;
}

static void pad_dump(const struct net_op_job *job, FILE *file)
{
    const struct net_node *node = job->node;
    int rank = net_op_out_shape(job)->rank;
    fprintf(file, " %s", net_op_pad_name(node->u.pad.mode));
    if (node->u.pad.mode == NET_PAD_CONSTANT)
        fprintf(file, " %.7g", (double)node->u.pad.value);
    dump_list("before", node->u.pad.before, rank, file);
    dump_list("after", node->u.pad.after, rank, file);
}

const struct net_operator net_op_pad = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = pad_shape,
    .run = pad_run,
    .dump = pad_dump,
};

/* ---- transposition, pixel shuffles, new shapes ---- */

/* Transposes the input, seen as shape x: output axis d is axis perm[d]. */
static bool permute(const struct net_op_job *job, const struct net_shape *x,
                    const int *perm)
{
    struct net_shape shape = {.rank = x->rank};
    int64_t stride[NET_MAX_RANK];
    for (int d = 0; d < x->rank; d++)
        shape.dim[d] = x->dim[perm[d]];
    struct gather gather;
    if (!gather_begin(&gather, &shape))
        return net_op_no_memory(job);
    strides(x, stride);
    for (int d = 0; d < shape.rank; d++)
        for (int64_t i = 0; i < shape.dim[d]; i++)
            gather.at[d][i] = i * stride[perm[d]];
    gather_run(&gather, job->in[0], 0, job->out);
    return true;
}

static bool transpose_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    unsigned seen = 0;
    *out = (struct net_shape){.rank = x->rank};
    for (int i = 0; i < x->rank; i++) {
        int from = job->node->u.transpose.perm[i];
        if (from < 0 || from >= x->rank || seen >> from & 1)
            return net_op_refuse(job, "its axes are no permutation");
        seen |= 1u << from;
        out->dim[i] = x->dim[from];
    }
    return true;
}

static bool transpose_run(const struct net_op_job *job)
{
    return permute(job, net_op_in_shape(job, 0), job->node->u.transpose.perm);
}

static bool permute_shape(const struct net_op_job *job, struct net_shape *out)
{
    struct net_shape seen = {.rank = NET_MAX_RANK};
    unsigned axes = 0;
    for (int i = 0; i < NET_MAX_RANK; i++) {
        int from = job->node->u.permute.perm[i];
        seen.dim[i] = job->node->u.permute.dim[i];
        axes |= from < 0 || from >= NET_MAX_RANK ? 0 : 1u << from;
    }
    *out = *net_op_out_shape(job);
    int64_t count = net_shape_count(&seen);
    if (axes != (1u << NET_MAX_RANK) - 1 || count < 0 ||
        count != net_shape_count(net_op_in_shape(job, 0)) ||
        count != net_shape_count(out))
        return net_op_refuse(job, "its axes are no permutation of the input's");
    return true;
}

static bool permute_run(const struct net_op_job *job)
{
    struct net_shape seen = {.rank = NET_MAX_RANK};
    memcpy(seen.dim, job->node->u.permute.dim, sizeof(seen.dim));
    return permute(job, &seen, job->node->u.permute.perm);
}

/* A permutation of count axes. */
static void dump_axes(const char *label, const int *perm, int count, FILE *file)
{
    fprintf(file, " %s", label);
    for (int i = 0; i < count; i++)
        fprintf(file, "%s%d", i ? "," : "", perm[i]);
}

static void permute_dump(const struct net_op_job *job, FILE *file)
{
    dump_list("of", job->node->u.permute.dim, NET_MAX_RANK, file);
    dump_axes("to ", job->node->u.permute.perm, NET_MAX_RANK, file);
}

const struct net_operator net_op_permute = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = permute_shape,
    .run = permute_run,
    .dump = permute_dump,
};

static void transpose_dump(const struct net_op_job *job, FILE *file)
{
    dump_axes("", job->node->u.transpose.perm, net_op_out_shape(job)->rank, file);
}

const struct net_operator net_op_transpose = {
    .min_inputs = 1,
    .max_inputs = 1,
    .host_only = true,
    .shape = transpose_shape,
    .run = transpose_run,
    .dump = transpose_dump,
};

static bool block_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    int64_t size = node->u.block.size;
    if (!net_op_need_map(job))
        return false;
    *out = *net_op_in_shape(job, 0);
    char text[NET_SHAPE_TEXT];
    net_shape_text(out, text);
    if (size < 1 || size > 64 || node->u.block.order < NET_BLOCK_DCR ||
        node->u.block.order > NET_BLOCK_CRD)
        return net_op_refuse(job, "block size %lld or its order is out of range",
                             (long long)size);
    bool to_space = node->op == NET_DEPTH_TO_SPACE;
    if (to_space ? out->dim[1] % (size * size) : out->dim[2] % size || out->dim[3] % size)
        return net_op_refuse(job, "blocks of %lld do not divide %s", (long long)size,
                             text);
    out->dim[1] = to_space ? out->dim[1] / (size * size) : out->dim[1] * size * size;
    for (int i = 2; i < 4; i++)
        out->dim[i] = to_space ? out->dim[i] * size : out->dim[i] / size;
    return true;
}

/* As ONNX defines it: reshape, transpose, reshape. */
static bool block_run(const struct net_op_job *job)
{
    const int64_t *dim = net_op_in_shape(job, 0)->dim;
    int64_t r = job->node->u.block.size;
    bool crd = job->node->u.block.order == NET_BLOCK_CRD;
    if (job->node->op == NET_DEPTH_TO_SPACE) {
        int64_t c = dim[1] / (r * r), h = dim[2], w = dim[3];
        return crd ? permute(job, &(struct net_shape){6, {1, c, r, r, h, w}},
                             (const int[]){0, 1, 4, 2, 5, 3})
                   : permute(job, &(struct net_shape){6, {1, r, r, c, h, w}},
                             (const int[]){0, 3, 4, 1, 5, 2});
    }
    const struct net_shape cells = {6, {1, dim[1], dim[2] / r, r, dim[3] / r, r}};
    return crd ? permute(job, &cells, (const int[]){0, 1, 3, 5, 2, 4})
               : permute(job, &cells, (const int[]){0, 3, 5, 1, 2, 4});
}

static void block_dump(const struct net_op_job *job, FILE *file)
{
    fprintf(file, " %d %s", job->node->u.block.size,
            job->node->u.block.order == NET_BLOCK_CRD ? "crd" : "dcr");
}

const struct net_operator net_op_block = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = block_shape,
    .run = block_run,
    .dump = block_dump,
};

static bool reshape_shape(const struct net_op_job *job, struct net_shape *out)
{
    *out = *net_op_out_shape(job);
    if (net_shape_count(out) == net_shape_count(net_op_in_shape(job, 0)))
        return true;
    char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
    net_shape_text(net_op_in_shape(job, 0), as);
    net_shape_text(out, bs);
    return net_op_refuse(job, "cannot reshape %s to %s", as, bs);
}

static bool reshape_run(const struct net_op_job *job)
{
    memcpy(job->out, job->in[0],
           (size_t)net_shape_count(net_op_out_shape(job)) * sizeof(float));
    return true;
}

const struct net_operator net_op_reshape = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = reshape_shape,
    .run = reshape_run,
};

static bool concat_shape(const struct net_op_job *job, struct net_shape *out)
{
    int axis = job->node->u.concat.axis;
    *out = *net_op_in_shape(job, 0);
    if (axis < 0 || axis >= out->rank)
        return net_op_refuse(job, "axis %d out of range", axis);
    for (int i = 1; i < job->node->input_count; i++) {
        if (!net_op_in(job, i))
            return net_op_refuse(job, "an input is missing");
        struct net_shape next = *net_op_in_shape(job, i);
        int64_t length = axis < next.rank ? next.dim[axis] : 0;
        if (axis < next.rank)
            next.dim[axis] = out->dim[axis];
        if (!net_shape_equal(&next, out)) {
            char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
            net_shape_text(out, as);
            net_shape_text(net_op_in_shape(job, i), bs);
            return net_op_refuse(job, "shapes %s and %s cannot be joined on axis %d", as,
                                 bs, axis);
        }
        out->dim[axis] += length;
    }
    return true;
}

static bool concat_run(const struct net_op_job *job)
{
    const struct net_shape *out = net_op_out_shape(job);
    int axis = job->node->u.concat.axis;
    int64_t outer = 1, inner = 1, at = 0;
    for (int d = 0; d < axis; d++)
        outer *= out->dim[d];
    for (int d = axis + 1; d < out->rank; d++)
        inner *= out->dim[d];
    int64_t out_run = out->dim[axis] * inner;
    for (int k = 0; k < job->node->input_count; k++) {
        int64_t run = net_op_in_shape(job, k)->dim[axis] * inner;
        for (int64_t i = 0; i < outer; i++)
            memcpy(job->out + i * out_run + at, job->in[k] + i * run,
                   (size_t)run * sizeof(float));
        at += run;
    }
    return true;
}

static void concat_dump(const struct net_op_job *job, FILE *file)
{
    fprintf(file, " axis %d", job->node->u.concat.axis);
}

const struct net_operator net_op_concat = {
    .min_inputs = 1,
    .max_inputs = INT_MAX,
    .shape = concat_shape,
    .run = concat_run,
    .dump = concat_dump,
};

/* ---- resampling ---- */

/* Multiplies sizes by scales in single precision, as ONNX Runtime does: 3 * (5/3) must
 * give 5. For a file with sizes instead of scales, scale is out / in, and the
 * output's own size is kept where it agrees with scale. */
static bool resize_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    if (!net_op_need_map(job))
        return false;
    if (node->u.resize.mode < NET_RESIZE_NEAREST ||
        node->u.resize.mode > NET_RESIZE_CUBIC ||
        node->u.resize.coord < NET_COORD_ASYMMETRIC ||
        node->u.resize.coord > NET_COORD_ALIGN_CORNERS ||
        node->u.resize.nearest < NET_NEAREST_FLOOR ||
        node->u.resize.nearest > NET_NEAREST_ROUND_PREFER_CEIL)
        return net_op_refuse(job, "unknown kind of resampling");
    *out = *net_op_in_shape(job, 0);
    for (int i = 2; i < 4; i++) {
        float size = (float)out->dim[i], scale = node->u.resize.scale[i - 2];
        if (!(scale > 0) || !(scale * size >= 1) || scale * size > NET_MAX_DIM)
            return net_op_refuse(job, "cannot resize %lld elements by %g",
                                 (long long)out->dim[i], (double)scale);
        int64_t own =
            net_op_out_shape(job)->rank == 4 ? net_op_out_shape(job)->dim[i] : 0;
        out->dim[i] = (float)own / size == scale ? own : (int64_t)floorf(scale * size);
    }
    return true;
}

/* Coordinate of output element i on the input's axis, by the formulas of ONNX Resize.
 * Where scale is out / in rounded to float, the ratio of the sizes is used instead:
 * element 60 of 45 elements resized to 100 then has coordinate 27 and not slightly
 * less. */
static double resize_coordinate(const struct net_node *node, int axis, int64_t i,
                                int64_t in, int64_t out)
{
    float scale = node->u.resize.scale[axis];
    bool by_size = (float)out / (float)in == scale;
    double numerator = by_size ? (double)in : 1;
    double denominator = by_size ? (double)out : (double)scale, x = (double)i;
    switch (node->u.resize.coord) {
    case NET_COORD_ASYMMETRIC:
        return x * numerator / denominator;
    case NET_COORD_PYTORCH_HALF_PIXEL:
        if (out == 1)
            return 0;
        return (x + 0.5) * numerator / denominator - 0.5;
    case NET_COORD_HALF_PIXEL:
        return (x + 0.5) * numerator / denominator - 0.5;
    case NET_COORD_ALIGN_CORNERS:
        return out == 1 ? 0 : x * (double)(in - 1) / (double)(out - 1);
    }
    return x;
}

static int64_t clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

int64_t net_op_nearest_source(const struct net_node *node, int axis, int64_t i,
                              int64_t in, int64_t out)
{
    double x = resize_coordinate(node, axis, i, in, out);
    /* Other runtimes compute in single precision: with a scale of 1.7, stored as
     * 1.70000005, output element 17 is input element 10. Rounds to a half where the
     * difference is that small. */
    double grid = floor(x * 2 + 0.5) / 2;
    if (fabs(x - grid) < 1e-4 + 5e-7 * fabs(x))
        x = grid;
    switch (node->u.resize.nearest) {
    case NET_NEAREST_FLOOR:
        x = floor(x);
        break;
    case NET_NEAREST_CEIL:
        x = ceil(x);
        break;
    case NET_NEAREST_ROUND_PREFER_FLOOR:
        x = ceil(x - 0.5);
        break;
    case NET_NEAREST_ROUND_PREFER_CEIL:
        x = floor(x + 0.5);
        break;
    }
    return clamp((int64_t)x, in);
}

static bool resize_nearest(const struct net_op_job *job)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    struct gather gather;
    int64_t stride[NET_MAX_RANK];
    if (!gather_begin(&gather, net_op_out_shape(job)))
        return net_op_no_memory(job);
    strides(x, stride);
    for (int d = 0; d < gather.shape.rank; d++)
        for (int64_t i = 0; i < gather.shape.dim[d]; i++) {
            int64_t source = d < 2 ? i
                                   : net_op_nearest_source(job->node, d - 2, i, x->dim[d],
                                                           gather.shape.dim[d]);
            gather.at[d][i] = source * stride[d];
        }
    gather_run(&gather, job->in[0], 0, job->out);
    return true;
}

/* The input elements that an output element is a weighted sum of; the first are
 * repeated for linear resampling, with weight 0. */
struct taps {
    int64_t at[4];
    double share[4];
};

/* Keys' cubic convolution kernel (Keys 1981) with coefficient a: the weight of a sample
 * at distance x >= 0, in samples. */
static double cubic_share(double a, double x)
{
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

static struct taps *find_taps(const struct net_node *node, int axis, int64_t in,
                              int64_t out)
{
    bool cubic = node->u.resize.mode == NET_RESIZE_CUBIC;
    struct taps *taps = daub_alloc((size_t)out, sizeof(*taps));
    for (int64_t i = 0; taps && i < out; i++) {
        double x = resize_coordinate(node, axis, i, in, out), low = floor(x);
        for (int k = 0; k < 4; k++) {
            double distance = x - (low + k - 1);
            taps[i].at[k] = clamp((int64_t)low + k - 1, in);
            taps[i].share[k] = cubic ? cubic_share((double)node->u.resize.cubic, distance)
                                     : fmax(0, 1 - fabs(distance));
        }
    }
    return taps;
}

static bool resize_smooth(const struct net_op_job *job)
{
    const struct net_shape *x = net_op_in_shape(job, 0), *y = net_op_out_shape(job);
    struct taps *rows = find_taps(job->node, 0, x->dim[2], y->dim[2]);
    struct taps *cols = find_taps(job->node, 1, x->dim[3], y->dim[3]);
    float *out = job->out;
    for (int64_t c = 0; rows && cols && c < x->dim[1]; c++) {
        const float *map = job->in[0] + c * x->dim[2] * x->dim[3];
        for (int64_t i = 0; i < y->dim[2]; i++)
            for (int64_t j = 0; j < y->dim[3]; j++) {
                double sum = 0;
                for (int k = 0; k < 4; k++) {
                    const float *row = map + rows[i].at[k] * x->dim[3];
                    double across = 0;
                    for (int m = 0; m < 4; m++)
                        across += (double)row[cols[j].at[m]] * cols[j].share[m];
                    sum += across * rows[i].share[k];
                }
                *out++ = (float)sum;
            }
    }
    bool ok = rows && cols;
    free(rows);
    free(cols);
    return ok || net_op_no_memory(job);
}

static bool resize_run(const struct net_op_job *job)
{
    return job->node->u.resize.mode == NET_RESIZE_NEAREST ? resize_nearest(job)
                                                          : resize_smooth(job);
}

static const char *const resize_names[] = {
    [NET_RESIZE_NEAREST] = "nearest",
    [NET_RESIZE_LINEAR] = "linear",
    [NET_RESIZE_CUBIC] = "cubic",
};

static const char *const coord_names[] = {
    [NET_COORD_ASYMMETRIC] = "asymmetric",
    [NET_COORD_HALF_PIXEL] = "half_pixel",
    [NET_COORD_PYTORCH_HALF_PIXEL] = "pytorch_half_pixel",
    [NET_COORD_ALIGN_CORNERS] = "align_corners",
};

static const char *const nearest_names[] = {
    [NET_NEAREST_FLOOR] = "floor",
    [NET_NEAREST_CEIL] = "ceil",
    [NET_NEAREST_ROUND_PREFER_FLOOR] = "round_prefer_floor",
    [NET_NEAREST_ROUND_PREFER_CEIL] = "round_prefer_ceil",
};

static void resize_dump(const struct net_op_job *job, FILE *file)
{
    const struct net_node *node = job->node;
    fprintf(file, " %s %s", NET_OP_PICK_NAME(resize_names, node->u.resize.mode),
            NET_OP_PICK_NAME(coord_names, node->u.resize.coord));
    if (node->u.resize.mode == NET_RESIZE_NEAREST)
        fprintf(file, " %s", NET_OP_PICK_NAME(nearest_names, node->u.resize.nearest));
    if (node->u.resize.mode == NET_RESIZE_CUBIC)
        fprintf(file, " %.7g", (double)node->u.resize.cubic);
    fprintf(file, " scale %.7g,%.7g", (double)node->u.resize.scale[0],
            (double)node->u.resize.scale[1]);
}

const struct net_operator net_op_resize = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = resize_shape,
    .run = resize_run,
    .dump = resize_dump,
};
