#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/ref_ops.h"
#include "util/alloc.h"

/* An output whose element [i0, i1, ...] is the input's element number
 * at[0][i0] + at[1][i1] + ..., or a fill value where any of these is negative. */
struct move {
    struct net_shape shape;
    int64_t *at[NET_MAX_RANK];
    int64_t *memory;
};

static bool move_begin(struct move *move, const struct net_shape *shape)
{
    *move = (struct move){.shape = *shape};
    size_t total = 0;
    for (int d = 0; d < shape->rank; d++)
        total += (size_t)shape->dim[d];
    move->memory = daub_alloc(total, sizeof(int64_t));
    if (!move->memory)
        return false;
    int64_t *next = move->memory;
    for (int d = 0; d < shape->rank; d++) {
        move->at[d] = next;
        next += shape->dim[d];
    }
    return true;
}

static void move_rows(const struct move *move, const float *in, float fill, float *out)
{
    int last = move->shape.rank - 1;
    int64_t width = move->shape.dim[last], index[NET_MAX_RANK] = {0};
    for (int d = last; d >= 0;) {
        int64_t base = 0;
        bool outside = false;
        for (d = 0; d < last; d++) {
            outside = outside || move->at[d][index[d]] < 0;
            base += move->at[d][index[d]];
        }
        for (int64_t i = 0; i < width; i++)
            out[i] =
                outside || move->at[last][i] < 0 ? fill : in[base + move->at[last][i]];
        out += width;
        for (d = last - 1; d >= 0 && ++index[d] == move->shape.dim[d]; d--)
            index[d] = 0;
    }
}

static void move_run(struct move *move, const float *in, float fill, float *out)
{
    if (move->shape.rank == 0)
        *out = *in;
    else
        move_rows(move, in, fill, out);
    free(move->memory);
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

bool net_ref_slice(const struct net_ref_job *job)
{
    struct move move;
    int64_t stride[NET_MAX_RANK];
    if (!move_begin(&move, net_ref_out_shape(job)))
        return net_ref_no_memory(job);
    strides(net_ref_in_shape(job, 0), stride);
    for (int d = 0; d < move.shape.rank; d++)
        for (int64_t i = 0; i < move.shape.dim[d]; i++)
            move.at[d][i] =
                (job->node->u.slice.start[d] + i * job->node->u.slice.step[d]) *
                stride[d];
    move_run(&move, job->in[0], 0, job->out);
    return true;
}

int64_t net_ref_pad_source(int64_t i, int64_t size, enum net_pad_mode mode)
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

bool net_ref_pad(const struct net_ref_job *job)
{
    const struct net_node *node = job->node;
    const struct net_shape *x = net_ref_in_shape(job, 0);
    struct move move;
    int64_t stride[NET_MAX_RANK];
    if (!move_begin(&move, net_ref_out_shape(job)))
        return net_ref_no_memory(job);
    strides(x, stride);
    for (int d = 0; d < move.shape.rank; d++)
        for (int64_t i = 0; i < move.shape.dim[d]; i++) {
            int64_t source = net_ref_pad_source(i - node->u.pad.before[d], x->dim[d],
                                                node->u.pad.mode);
            move.at[d][i] = source < 0 ? -1 : source * stride[d];
        }
    float fill = node->u.pad.mode == NET_PAD_CONSTANT ? node->u.pad.value : 0;
    move_run(&move, job->in[0], fill, job->out);
    return true;
}

/* Output axis d walks along axis perm[d] of the input taken as shape x. */
static bool permute(const struct net_ref_job *job, const struct net_shape *x,
                    const int *perm)
{
    struct net_shape shape = {.rank = x->rank};
    int64_t stride[NET_MAX_RANK];
    for (int d = 0; d < x->rank; d++)
        shape.dim[d] = x->dim[perm[d]];
    struct move move;
    if (!move_begin(&move, &shape))
        return net_ref_no_memory(job);
    strides(x, stride);
    for (int d = 0; d < shape.rank; d++)
        for (int64_t i = 0; i < shape.dim[d]; i++)
            move.at[d][i] = i * stride[perm[d]];
    move_run(&move, job->in[0], 0, job->out);
    return true;
}

bool net_ref_transpose(const struct net_ref_job *job)
{
    return permute(job, net_ref_in_shape(job, 0), job->node->u.transpose.perm);
}

/* The ONNX definition: reshape, transpose, reshape. */
bool net_ref_block(const struct net_ref_job *job)
{
    const int64_t *dim = net_ref_in_shape(job, 0)->dim;
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

bool net_ref_reshape(const struct net_ref_job *job)
{
    memcpy(job->out, job->in[0],
           (size_t)net_shape_count(net_ref_out_shape(job)) * sizeof(float));
    return true;
}

bool net_ref_concat(const struct net_ref_job *job)
{
    const struct net_shape *out = net_ref_out_shape(job);
    int axis = job->node->u.concat.axis;
    int64_t outer = 1, inner = 1, at = 0;
    for (int d = 0; d < axis; d++)
        outer *= out->dim[d];
    for (int d = axis + 1; d < out->rank; d++)
        inner *= out->dim[d];
    int64_t out_run = out->dim[axis] * inner;
    for (int k = 0; k < job->node->input_count; k++) {
        int64_t run = net_ref_in_shape(job, k)->dim[axis] * inner;
        for (int64_t i = 0; i < outer; i++)
            memcpy(job->out + i * out_run + at, job->in[k] + i * run,
                   (size_t)run * sizeof(float));
        at += run;
    }
    return true;
}

/* Where output element i lies on the input's axis, by the formulas of ONNX Resize. A file
 * that states sizes has scale = out / in, rounded; the ratio of the sizes is then meant,
 * so that element 60 of 45 resized to 100 is 27 and not just below. */
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

int64_t net_ref_nearest_source(const struct net_node *node, int axis, int64_t i,
                               int64_t in, int64_t out)
{
    double x = resize_coordinate(node, axis, i, in, out);
    /* Other runtimes work in single precision: with a scale of 1.7, which is really
     * 1.70000005, element 17 comes from 10, not from just below. */
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

static bool resize_nearest(const struct net_ref_job *job)
{
    const struct net_shape *x = net_ref_in_shape(job, 0);
    struct move move;
    int64_t stride[NET_MAX_RANK];
    if (!move_begin(&move, net_ref_out_shape(job)))
        return net_ref_no_memory(job);
    strides(x, stride);
    for (int d = 0; d < move.shape.rank; d++)
        for (int64_t i = 0; i < move.shape.dim[d]; i++) {
            int64_t source = d < 2 ? i
                                   : net_ref_nearest_source(job->node, d - 2, i,
                                                            x->dim[d], move.shape.dim[d]);
            move.at[d][i] = source * stride[d];
        }
    move_run(&move, job->in[0], 0, job->out);
    return true;
}

/* The two input elements around an output element and the second one's share. */
struct tap {
    int64_t first, second;
    double share;
};

static struct tap *linear_taps(const struct net_node *node, int axis, int64_t in,
                               int64_t out)
{
    struct tap *taps = daub_alloc((size_t)out, sizeof(*taps));
    for (int64_t i = 0; taps && i < out; i++) {
        double x = resize_coordinate(node, axis, i, in, out), low = floor(x);
        taps[i] =
            (struct tap){clamp((int64_t)low, in), clamp((int64_t)low + 1, in), x - low};
    }
    return taps;
}

static bool resize_linear(const struct net_ref_job *job)
{
    const struct net_shape *x = net_ref_in_shape(job, 0), *y = net_ref_out_shape(job);
    struct tap *rows = linear_taps(job->node, 0, x->dim[2], y->dim[2]);
    struct tap *cols = linear_taps(job->node, 1, x->dim[3], y->dim[3]);
    float *out = job->out;
    for (int64_t c = 0; rows && cols && c < x->dim[1]; c++) {
        const float *map = job->in[0] + c * x->dim[2] * x->dim[3];
        for (int64_t i = 0; i < y->dim[2]; i++) {
            const float *top = map + rows[i].first * x->dim[3];
            const float *bottom = map + rows[i].second * x->dim[3];
            for (int64_t j = 0; j < y->dim[3]; j++) {
                struct tap t = cols[j];
                double a = (double)top[t.first] * (1 - t.share) +
                           (double)top[t.second] * t.share;
                double b = (double)bottom[t.first] * (1 - t.share) +
                           (double)bottom[t.second] * t.share;
                *out++ = (float)(a * (1 - rows[i].share) + b * rows[i].share);
            }
        }
    }
    bool ok = rows && cols;
    free(rows);
    free(cols);
    return ok || net_ref_no_memory(job);
}

bool net_ref_resize(const struct net_ref_job *job)
{
    return job->node->u.resize.mode == NET_RESIZE_NEAREST ? resize_nearest(job)
                                                          : resize_linear(job);
}
