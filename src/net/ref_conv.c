#include <stdlib.h>

#include "net/ref.h"
#include "net/ref_ops.h"
#include "util/alloc.h"

/* Pixels of a row and output channels that are summed together: constants, so that the
 * compiler turns the inner loop into vector code. */
enum { BLOCK = 64, OUTPUTS = 4 };

/* Convolution and transposed convolution are one sum over (input channel, kernel row,
 * kernel column); they differ in which input element a kernel tap meets and in how the
 * weights lie. Counts of channels are those of one group. */
struct sum {
    const float *x, *weight, *bias;
    float *y;
    int64_t groups, inputs, outputs;
    int64_t height, width, out_height, out_width;
    int kernel[2];
    size_t weight_in, weight_out; /* elements from one channel to the next */
    int64_t *rows;  /* [out_height][kernel[0]]: input row a tap meets, -1 none */
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

/* Lays out the taps that meet the input in row y, columns x0 .. x0 + count; returns their
 * number. Taps that fall on zero padding altogether are left out. */
static size_t collect(const struct sum *sum, int64_t group, int64_t y, int64_t x0,
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
    size_t terms = collect(sum, group, y, x0, count);
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

static struct sum sum_of(const struct net_ref_job *job, const struct net_window *window,
                         int group)
{
    const struct net_shape *x = net_ref_in_shape(job, 0), *y = net_ref_out_shape(job);
    return (struct sum){
        .x = job->in[0],
        .weight = job->in[1],
        .bias = net_ref_optional(job, 2),
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
    int64_t source = net_ref_pad_source(at, size * up, node->u.conv.pad_mode);
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

static void activate(const struct net_ref_job *job)
{
    const struct net_shape *shape = net_ref_out_shape(job);
    const struct net_node *node = job->node;
    const float *slope = net_ref_optional(job, 3);
    int64_t area = shape->dim[2] * shape->dim[3];
    for (int64_t c = 0; c < shape->dim[1]; c++)
        for (int64_t i = c * area; i < (c + 1) * area; i++)
            job->out[i] =
                net_ref_act(node->u.conv.act, node->u.conv.alpha, node->u.conv.beta,
                            slope ? slope[c] : 0, job->out[i]);
}

bool net_ref_conv(const struct net_ref_job *job)
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
    return ok || net_ref_no_memory(job);
}

bool net_ref_conv_transpose(const struct net_ref_job *job)
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
    return ok || net_ref_no_memory(job);
}
