/* Operators that slide a window over a feature map: convolution, transposed convolution,
 * pooling. */
#include <math.h>
#include <stdlib.h>

#include "net/op.h"
#include "net/ref.h"
#include "util/alloc.h"

static bool window_sane(const struct net_op_job *job, const struct net_window *w)
{
    const int limit = 1 << 16;
    for (int i = 0; i < 2; i++)
        if (w->kernel[i] < 1 || w->kernel[i] > limit || w->stride[i] < 1 ||
            w->stride[i] > limit || w->dilation[i] < 1 || w->dilation[i] > limit)
            return net_op_refuse(
                job, "kernel %dx%d, stride %d,%d or dilation %d,%d out of range",
                w->kernel[0], w->kernel[1], w->stride[0], w->stride[1], w->dilation[0],
                w->dilation[1]);
    for (int i = 0; i < 4; i++)
        if (w->pad[i] < 0 || w->pad[i] > limit)
            return net_op_refuse(job, "padding %d out of range", w->pad[i]);
    return true;
}

static int64_t window_extent(const struct net_window *w, int axis)
{
    return (int64_t)w->dilation[axis] * (w->kernel[axis] - 1) + 1;
}

/* Output rows or columns of a sliding window over size elements. */
static bool slide(const struct net_op_job *job, const struct net_window *w, int axis,
                  int64_t size, int64_t *out)
{
    int64_t padded = size + w->pad[axis] + w->pad[axis + 2];
    int64_t extent = window_extent(w, axis);
    if (extent > padded)
        return net_op_refuse(
            job,
            "its window of %lld is larger than the padded input of %lld; use a "
            "larger picture",
            (long long)extent, (long long)padded);
    *out = (padded - extent) / w->stride[axis] + 1;
    return true;
}

static void dump_window(const struct net_window *w, FILE *file)
{
    fprintf(file, " kernel %dx%d", w->kernel[0], w->kernel[1]);
    if (w->stride[0] != 1 || w->stride[1] != 1)
        fprintf(file, " stride %dx%d", w->stride[0], w->stride[1]);
    if (w->dilation[0] != 1 || w->dilation[1] != 1)
        fprintf(file, " dilation %dx%d", w->dilation[0], w->dilation[1]);
    if (w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3])
        fprintf(file, " pad %d,%d,%d,%d", w->pad[0], w->pad[1], w->pad[2], w->pad[3]);
}

/* ---- convolution and transposed convolution ---- */

static bool conv_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    const struct net_window *w = &node->u.conv.window;
    if (!net_op_need_map(job) || !window_sane(job, w))
        return false;
    const struct net_shape *x = net_op_in_shape(job, 0), *k = net_op_in_shape(job, 1);
    int group = node->u.conv.group, up = node->u.conv.upsample;
    if (!net_op_in(job, 1)->data)
        return net_op_refuse(job, "its weights are not constant");
    if (group < 1 || up < 1 || up > 64 || k->rank != 4 || k->dim[0] % group ||
        k->dim[1] * group != x->dim[1] || k->dim[2] != w->kernel[0] ||
        k->dim[3] != w->kernel[1]) {
        char xs[NET_SHAPE_TEXT], ks[NET_SHAPE_TEXT];
        net_shape_text(x, xs);
        net_shape_text(k, ks);
        return net_op_refuse(job, "weights %s do not fit input %s in %d groups", ks, xs,
                             group);
    }
    if (!net_op_need_vector(job, 2, k->dim[0], "bias"))
        return false;
    bool prelu = node->u.conv.act == NET_ACT_PRELU;
    if (!net_act_find(node->u.conv.act) || prelu != !!net_op_in(job, 3) ||
        (prelu && !net_op_need_vector(job, 3, k->dim[0], "slope")))
        return net_op_refuse(job, "its activation is incomplete");
    if (node->u.conv.pad_mode < NET_PAD_ZERO || node->u.conv.pad_mode > NET_PAD_EDGE)
        return net_op_refuse(job, "bad padding mode");
    *out = (struct net_shape){.rank = 4, .dim = {1, k->dim[0]}};
    for (int i = 0; i < 2; i++) {
        int64_t size = x->dim[2 + i] * up;
        if (node->u.conv.pad_mode == NET_PAD_REFLECT &&
            (w->pad[i] >= size || w->pad[i + 2] >= size))
            return net_op_refuse(
                job, "cannot reflect %d elements of %lld; use a larger picture",
                w->pad[i] > w->pad[i + 2] ? w->pad[i] : w->pad[i + 2], (long long)size);
        if (!slide(job, w, i, size, &out->dim[2 + i]))
            return false;
    }
    return true;
}

static bool conv_transpose_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    const struct net_window *w = &node->u.deconv.window;
    if (!net_op_need_map(job) || !window_sane(job, w))
        return false;
    const struct net_shape *x = net_op_in_shape(job, 0), *k = net_op_in_shape(job, 1);
    int group = node->u.deconv.group;
    if (!net_op_in(job, 1)->data)
        return net_op_refuse(job, "its weights are not constant");
    if (group < 1 || k->rank != 4 || k->dim[0] != x->dim[1] || x->dim[1] % group ||
        k->dim[2] != w->kernel[0] || k->dim[3] != w->kernel[1]) {
        char xs[NET_SHAPE_TEXT], ks[NET_SHAPE_TEXT];
        net_shape_text(x, xs);
        net_shape_text(k, ks);
        return net_op_refuse(job, "weights %s do not fit input %s in %d groups", ks, xs,
                             group);
    }
    *out = (struct net_shape){.rank = 4, .dim = {1, k->dim[1] * group}};
    if (!net_op_need_vector(job, 2, out->dim[1], "bias"))
        return false;
    for (int i = 0; i < 2; i++) {
        int extra = node->u.deconv.output_padding[i];
        if (extra < 0 || (extra >= w->stride[i] && extra >= w->dilation[i]))
            return net_op_refuse(job, "output padding %d out of range", extra);
        out->dim[2 + i] = w->stride[i] * (x->dim[2 + i] - 1) + extra +
                          window_extent(w, i) - w->pad[i] - w->pad[i + 2];
    }
    return true;
}

/* Pixels of a row and output channels that are summed together; constant, so that the
 * compiler vectorizes the inner loop. */
enum { BLOCK = 64, OUTPUTS = 4 };

/* Convolution and transposed convolution are the same sum over input channel, kernel row
 * and kernel column. They differ in the input element of a kernel tap and in the order of
 * the weights. Numbers of channels are those of one group. */
struct sum {
    const float *x, *weight, *bias;
    float *y;
    int64_t groups, inputs, outputs;
    int64_t height, width, out_height, out_width;
    int kernel[2];
    size_t weight_in, weight_out; /* elements from one channel to the next */
    int64_t *rows;  /* [out_height][kernel[0]]: input row of a tap, -1 in zero padding */
    int64_t *cols;  /* [kernel[1]][out_width] */
    double *column; /* [terms][BLOCK]: input elements of a block by tap */
    size_t *offset; /* [terms]: weight of a tap */
};

static void sum_free(struct sum *sum)
{
    free(sum->rows);
    free(sum->cols);
    free(sum->column);
    free(sum->offset);
}

static bool sum_alloc(struct sum *sum)
{
    size_t terms = (size_t)(sum->inputs * sum->kernel[0] * sum->kernel[1]);
    sum->rows = daub_alloc((size_t)(sum->out_height * sum->kernel[0]), sizeof(int64_t));
    sum->cols = daub_alloc((size_t)(sum->out_width * sum->kernel[1]), sizeof(int64_t));
    sum->column = daub_alloc(terms, BLOCK * sizeof(double));
    sum->offset = daub_alloc(terms, sizeof(*sum->offset));
    return sum->rows && sum->cols && sum->column && sum->offset;
}

/* Collects input elements and weight offsets of all kernel taps for row y, columns x0 ..
 * x0 + count; returns the number of taps. Rows of taps in zero padding are left out. */
static size_t gather_taps(const struct sum *sum, int64_t group, int64_t y, int64_t x0,
                          int64_t count)
{
    size_t terms = 0;
    for (int64_t c = 0; c < sum->inputs; c++) {
        const float *map = sum->x + (group * sum->inputs + c) * sum->height * sum->width;
        for (int ky = 0; ky < sum->kernel[0]; ky++) {
            int64_t row = sum->rows[y * sum->kernel[0] + ky];
            if (row < 0)
                continue;
            for (int kx = 0; kx < sum->kernel[1]; kx++) {
                const int64_t *cols = sum->cols + kx * sum->out_width + x0;
                double *column = sum->column + terms * BLOCK;
                for (int64_t i = 0; i < count; i++)
                    column[i] = cols[i] < 0 ? 0 : (double)map[row * sum->width + cols[i]];
                sum->offset[terms++] =
                    (size_t)c * sum->weight_in + (size_t)(ky * sum->kernel[1] + kx);
            }
        }
    }
    return terms;
}

static void accumulate(const struct sum *sum, const float *weight, size_t terms,
                       int outputs, double total[OUTPUTS][BLOCK])
{
    for (size_t t = 0; t < terms; t++) {
        const double *x = sum->column + t * BLOCK;
        for (int o = 0; o < outputs; o++) {
            double w = (double)weight[(size_t)o * sum->weight_out + sum->offset[t]];
            for (int i = 0; i < BLOCK; i++)
                total[o][i] += w * x[i];
        }
    }
}

static void run_block(const struct sum *sum, int64_t group, int64_t y, int64_t x0)
{
    int64_t count = sum->out_width - x0 < BLOCK ? sum->out_width - x0 : BLOCK;
    size_t terms = gather_taps(sum, group, y, x0, count);
    const float *weight = sum->weight + (size_t)(group * sum->inputs * sum->outputs *
                                                 sum->kernel[0] * sum->kernel[1]);
    for (int64_t o = 0; o < sum->outputs; o += OUTPUTS) {
        int outputs = sum->outputs - o < OUTPUTS ? (int)(sum->outputs - o) : OUTPUTS;
        double total[OUTPUTS][BLOCK] = {{0}};
        accumulate(sum, weight + (size_t)o * sum->weight_out, terms, outputs, total);
        for (int k = 0; k < outputs; k++) {
            int64_t channel = group * sum->outputs + o + k;
            double bias = sum->bias ? (double)sum->bias[channel] : 0;
            float *row = sum->y + (channel * sum->out_height + y) * sum->out_width + x0;
            for (int64_t i = 0; i < count; i++)
                row[i] = (float)(total[k][i] + bias);
        }
    }
}

static void run_sum(const struct sum *sum)
{
    for (int64_t group = 0; group < sum->groups; group++)
        for (int64_t y = 0; y < sum->out_height; y++)
            for (int64_t x = 0; x < sum->out_width; x += BLOCK)
                run_block(sum, group, y, x);
}

static struct sum sum_of(const struct net_op_job *job, const struct net_window *window,
                         int group)
{
    const struct net_shape *x = net_op_in_shape(job, 0), *y = net_op_out_shape(job);
    return (struct sum){
        .x = job->in[0],
        .weight = job->in[1],
        .bias = net_op_optional(job, 2),
        .y = job->out,
        .groups = group,
        .inputs = x->dim[1] / group,
        .outputs = y->dim[1] / group,
        .height = x->dim[2],
        .width = x->dim[3],
        .out_height = y->dim[2],
        .out_width = y->dim[3],
        .kernel = {window->kernel[0], window->kernel[1]},
    };
}

/* Input element under tap k for output element i of a convolution. */
static int64_t conv_source(const struct net_node *node, int axis, int64_t size, int64_t i,
                           int k)
{
    const struct net_window *w = &node->u.conv.window;
    int64_t at = i * w->stride[axis] - w->pad[axis] + (int64_t)k * w->dilation[axis];
    int up = node->u.conv.upsample;
    int64_t source = net_op_pad_source(at, size * up, node->u.conv.pad_mode);
    return source < 0 ? -1 : source / up;
}

static int64_t deconv_source(const struct net_node *node, int axis, int64_t size,
                             int64_t i, int k)
{
    const struct net_window *w = &node->u.deconv.window;
    int64_t at = i + w->pad[axis] - (int64_t)k * w->dilation[axis];
    if (at < 0 || at % w->stride[axis] || at / w->stride[axis] >= size)
        return -1;
    return at / w->stride[axis];
}

static void fill_tables(const struct sum *sum, const struct net_node *node,
                        int64_t (*source)(const struct net_node *node, int axis,
                                          int64_t size, int64_t i, int k))
{
    for (int64_t y = 0; y < sum->out_height; y++)
        for (int k = 0; k < sum->kernel[0]; k++)
            sum->rows[y * sum->kernel[0] + k] = source(node, 0, sum->height, y, k);
    for (int k = 0; k < sum->kernel[1]; k++)
        for (int64_t x = 0; x < sum->out_width; x++)
            sum->cols[k * sum->out_width + x] = source(node, 1, sum->width, x, k);
}

static void activate(const struct net_op_job *job)
{
    const struct net_shape *shape = net_op_out_shape(job);
    const struct net_node *node = job->node;
    const float *slope = net_op_optional(job, 3);
    int64_t area = shape->dim[2] * shape->dim[3];
    for (int64_t c = 0; c < shape->dim[1]; c++)
        for (int64_t i = c * area; i < (c + 1) * area; i++)
            job->out[i] =
                net_ref_act(node->u.conv.act, node->u.conv.alpha, node->u.conv.beta,
                            slope ? slope[c] : 0, job->out[i]);
}

static bool conv_run(const struct net_op_job *job)
{
    const struct net_node *node = job->node;
    struct sum sum = sum_of(job, &node->u.conv.window, node->u.conv.group);
    sum.weight_in = (size_t)sum.kernel[0] * (size_t)sum.kernel[1];
    sum.weight_out = sum.weight_in * (size_t)sum.inputs;
    bool ok = sum_alloc(&sum);
    if (ok) {
        fill_tables(&sum, node, conv_source);
        run_sum(&sum);
        if (node->u.conv.act != NET_ACT_NONE)
            activate(job);
    }
    sum_free(&sum);
    return ok || net_op_no_memory(job);
}

static bool conv_transpose_run(const struct net_op_job *job)
{
    const struct net_node *node = job->node;
    struct sum sum = sum_of(job, &node->u.deconv.window, node->u.deconv.group);
    sum.weight_out = (size_t)sum.kernel[0] * (size_t)sum.kernel[1];
    sum.weight_in = sum.weight_out * (size_t)sum.outputs;
    bool ok = sum_alloc(&sum);
    if (ok) {
        fill_tables(&sum, node, deconv_source);
        run_sum(&sum);
    }
    sum_free(&sum);
    return ok || net_op_no_memory(job);
}

static void conv_dump(const struct net_op_job *job, FILE *file)
{
    const struct net_node *node = job->node;
    dump_window(&node->u.conv.window, file);
    if (node->u.conv.pad_mode != NET_PAD_ZERO)
        fprintf(file, " %s", net_op_pad_name(node->u.conv.pad_mode));
    if (node->u.conv.group != 1)
        fprintf(file, " group %d", node->u.conv.group);
    if (node->u.conv.upsample != 1)
        fprintf(file, " upsample %d", node->u.conv.upsample);
    if (node->u.conv.act != NET_ACT_NONE)
        net_op_dump_act(node->u.conv.act, node->u.conv.alpha, node->u.conv.beta, file);
}

static void conv_transpose_dump(const struct net_op_job *job, FILE *file)
{
    const struct net_node *node = job->node;
    dump_window(&node->u.deconv.window, file);
    fprintf(file, " output_padding %d,%d group %d", node->u.deconv.output_padding[0],
            node->u.deconv.output_padding[1], node->u.deconv.group);
}

const struct net_operator net_op_conv = {
    .min_inputs = 2,
    .max_inputs = 4,
    .shape = conv_shape,
    .run = conv_run,
    .dump = conv_dump,
};

const struct net_operator net_op_conv_transpose = {
    .min_inputs = 2,
    .max_inputs = 3,
    .shape = conv_transpose_shape,
    .run = conv_transpose_run,
    .dump = conv_transpose_dump,
};

/* ---- pooling ---- */

static bool pool_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_window *w = &job->node->u.pool.window;
    enum net_pool kind = job->node->u.pool.kind;
    if (!net_op_need_map(job) || !window_sane(job, w))
        return false;
    if (kind < NET_POOL_MAX || kind > NET_POOL_AVERAGE_PADDED)
        return net_op_refuse(job, "unknown kind of pooling %d", (int)kind);
    *out = *net_op_in_shape(job, 0);
    for (int i = 0; i < 2; i++) {
        if (w->pad[i] >= window_extent(w, i) || w->pad[i + 2] >= window_extent(w, i))
            return net_op_refuse(job, "padding %d,%d is not below the window's %lld",
                                 w->pad[i], w->pad[i + 2],
                                 (long long)window_extent(w, i));
        if (!slide(job, w, i, out->dim[2 + i], &out->dim[2 + i]))
            return false;
    }
    return true;
}

/* One output element of a pool: its window starts at (y, x), which may lie outside. */
static float pool_element(const struct net_node *node, const float *map, int64_t height,
                          int64_t width, int64_t y, int64_t x)
{
    const struct net_window *w = &node->u.pool.window;
    float most = -INFINITY;
    double sum = 0;
    int64_t met = 0;
    for (int ky = 0; ky < w->kernel[0]; ky++) {
        int64_t row = y + (int64_t)ky * w->dilation[0];
        for (int kx = 0; kx < w->kernel[1] && row >= 0 && row < height; kx++) {
            int64_t col = x + (int64_t)kx * w->dilation[1];
            if (col < 0 || col >= width)
                continue;
            float value = map[row * width + col];
            most = value > most || isnan(value) ? value : most;
            sum += (double)value;
            met++;
        }
    }
    if (node->u.pool.kind == NET_POOL_MAX)
        return most;
    if (node->u.pool.kind == NET_POOL_AVERAGE_PADDED)
        met = (int64_t)w->kernel[0] * w->kernel[1];
    return (float)(sum / (double)met);
}

static bool pool_run(const struct net_op_job *job)
{
    const struct net_shape *x = net_op_in_shape(job, 0), *y = net_op_out_shape(job);
    const struct net_window *w = &job->node->u.pool.window;
    float *out = job->out;
    for (int64_t c = 0; c < x->dim[1]; c++) {
        const float *map = job->in[0] + c * x->dim[2] * x->dim[3];
        for (int64_t i = 0; i < y->dim[2]; i++)
            for (int64_t j = 0; j < y->dim[3]; j++)
                *out++ = pool_element(job->node, map, x->dim[2], x->dim[3],
                                      i * w->stride[0] - w->pad[0],
                                      j * w->stride[1] - w->pad[1]);
    }
    return true;
}

static const char *const pool_names[] = {
    [NET_POOL_MAX] = "max",
    [NET_POOL_AVERAGE] = "average",
    [NET_POOL_AVERAGE_PADDED] = "average_padded",
};

static void pool_dump(const struct net_op_job *job, FILE *file)
{
    fprintf(file, " %s", NET_OP_PICK_NAME(pool_names, job->node->u.pool.kind));
    dump_window(&job->node->u.pool.window, file);
}

const struct net_operator net_op_pool = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = pool_shape,
    .run = pool_run,
    .dump = pool_dump,
};
