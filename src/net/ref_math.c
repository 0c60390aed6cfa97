#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/ref.h"
#include "net/ref_ops.h"
#include "util/alloc.h"

bool net_ref_norm(const struct net_ref_job *job)
{
    const struct net_shape *x = net_ref_in_shape(job, 0);
    const float *scale = net_ref_optional(job, 1), *shift = net_ref_optional(job, 2);
    int64_t groups = job->node->u.norm.groups, channels = x->dim[1] / groups;
    int64_t area = net_shape_count(x) / x->dim[1], count = channels * area;
    for (int64_t g = 0; g < groups; g++) {
        const float *in = job->in[0] + g * count;
        float *out = job->out + g * count;
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < count; i++)
            sum += (double)in[i];
        double mean = sum / (double)count;
        for (int64_t i = 0; i < count; i++)
            squares += ((double)in[i] - mean) * ((double)in[i] - mean);
        double inverse =
            1 / sqrt(squares / (double)count + (double)job->node->u.norm.epsilon);
        for (int64_t c = 0; c < channels; c++) {
            double a = (scale ? (double)scale[g * channels + c] : 1) * inverse;
            double b = shift ? (double)shift[g * channels + c] : 0;
            for (int64_t i = c * area; i < (c + 1) * area; i++)
                out[i] = (float)(a * ((double)in[i] - mean) + b);
        }
    }
    return true;
}

bool net_ref_activation(const struct net_ref_job *job)
{
    const struct net_shape *x = net_ref_in_shape(job, 0);
    const struct net_node *node = job->node;
    const float *slope = net_ref_optional(job, 1);
    int64_t channels = slope ? x->dim[1] : 1, outer = slope ? x->dim[0] : 1;
    int64_t area = net_shape_count(x) / (outer * channels);
    for (int64_t n = 0; n < outer * channels; n++)
        for (int64_t i = n * area; i < (n + 1) * area; i++)
            job->out[i] =
                net_ref_act(node->u.act.kind, node->u.act.alpha, node->u.act.beta,
                            slope ? slope[n % channels] : 0, job->in[0][i]);
    return true;
}

static float unary(enum net_unary kind, float x)
{
    switch (kind) {
    case NET_UNARY_SQRT:
        return sqrtf(x);
    case NET_UNARY_NEG:
        return -x;
    case NET_UNARY_ABS:
        return fabsf(x);
    case NET_UNARY_EXP:
        return (float)exp((double)x);
    case NET_UNARY_RECIPROCAL:
        return 1 / x;
    }
    return x;
}

bool net_ref_unary(const struct net_ref_job *job)
{
    int64_t count = net_shape_count(net_ref_out_shape(job));
    for (int64_t i = 0; i < count; i++)
        job->out[i] = unary(job->node->u.unary.kind, job->in[0][i]);
    return true;
}

static float binary(enum net_binary kind, float a, float b)
{
    switch (kind) {
    case NET_BINARY_ADD:
        return a + b;
    case NET_BINARY_SUB:
        return a - b;
    case NET_BINARY_MUL:
        return a * b;
    case NET_BINARY_DIV:
        return a / b;
    case NET_BINARY_POW:
        return (float)pow((double)a, (double)b);
    }
    return a;
}

/* A walk over all elements of a shape, row by row (the last axis); shapes are filled up
 * with ones on the left to NET_MAX_RANK axes. */
struct walk {
    int64_t dim[NET_MAX_RANK], index[NET_MAX_RANK];
};

enum { LAST = NET_MAX_RANK - 1 };

static struct walk walk_over(const struct net_shape *shape)
{
    struct walk walk = {.dim = {1, 1, 1, 1, 1, 1}};
    for (int d = 0; d < shape->rank; d++)
        walk.dim[NET_MAX_RANK - shape->rank + d] = shape->dim[d];
    return walk;
}

static bool walk_next(struct walk *walk)
{
    int d = LAST - 1;
    while (d >= 0 && ++walk->index[d] == walk->dim[d])
        walk->index[d--] = 0;
    return d >= 0;
}

/* stride[d]: elements of a tensor from one index of the walk to the next, 0 on axes that
 * it has once. */
static void walk_strides(const struct net_shape *shape, int64_t stride[NET_MAX_RANK])
{
    int64_t step = 1;
    for (int d = LAST; d >= 0; d--) {
        int own = d - (NET_MAX_RANK - shape->rank);
        int64_t dim = own < 0 ? 1 : shape->dim[own];
        stride[d] = dim == 1 ? 0 : step;
        step *= dim;
    }
}

static int64_t walk_offset(const struct walk *walk, const int64_t stride[NET_MAX_RANK])
{
    int64_t offset = 0;
    for (int d = 0; d < LAST; d++)
        offset += walk->index[d] * stride[d];
    return offset;
}

bool net_ref_binary(const struct net_ref_job *job)
{
    struct walk walk = walk_over(net_ref_out_shape(job));
    int64_t sa[NET_MAX_RANK], sb[NET_MAX_RANK];
    walk_strides(net_ref_in_shape(job, 0), sa);
    walk_strides(net_ref_in_shape(job, 1), sb);
    float *out = job->out;
    do {
        const float *a = job->in[0] + walk_offset(&walk, sa);
        const float *b = job->in[1] + walk_offset(&walk, sb);
        for (int64_t i = 0; i < walk.dim[LAST]; i++)
            *out++ = binary(job->node->u.binary.kind, a[i * sa[LAST]], b[i * sb[LAST]]);
    } while (walk_next(&walk));
    return true;
}

bool net_ref_mean(const struct net_ref_job *job)
{
    const struct net_shape *x = net_ref_in_shape(job, 0);
    struct net_shape kept = *x;
    for (int d = 0; d < x->rank; d++)
        if (job->node->u.mean.axes >> d & 1)
            kept.dim[d] = 1;
    int64_t count = net_shape_count(&kept), stride[NET_MAX_RANK];
    double *sum = daub_alloc((size_t)count, sizeof(*sum));
    if (!sum)
        return net_ref_no_memory(job);
    struct walk walk = walk_over(x);
    walk_strides(&kept, stride);
    const float *in = job->in[0];
    do {
        double *at = sum + walk_offset(&walk, stride);
        for (int64_t i = 0; i < walk.dim[LAST]; i++)
            at[i * stride[LAST]] += (double)*in++;
    } while (walk_next(&walk));
    double each = (double)(net_shape_count(x) / count);
    for (int64_t i = 0; i < count; i++)
        job->out[i] = (float)(sum[i] / each);
    free(sum);
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

bool net_ref_pool(const struct net_ref_job *job)
{
    const struct net_shape *x = net_ref_in_shape(job, 0), *y = net_ref_out_shape(job);
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

bool net_ref_matmul(const struct net_ref_job *job)
{
    const struct net_node *node = job->node;
    const struct net_shape *a = net_ref_in_shape(job, 0), *b = net_ref_in_shape(job, 1);
    const struct net_shape *y = net_ref_out_shape(job);
    bool ta = node->u.matmul.transpose_a, tb = node->u.matmul.transpose_b;
    int64_t inner = ta ? a->dim[0] : a->dim[1], sc[NET_MAX_RANK] = {0};
    const float *c = net_ref_optional(job, 2);
    if (c)
        walk_strides(net_ref_in_shape(job, 2), sc);
    for (int64_t i = 0; i < y->dim[0]; i++)
        for (int64_t j = 0; j < y->dim[1]; j++) {
            double sum = 0;
            for (int64_t k = 0; k < inner; k++)
                sum += (double)job->in[0][ta ? k * a->dim[1] + i : i * a->dim[1] + k] *
                       (double)job->in[1][tb ? j * b->dim[1] + k : k * b->dim[1] + j];
            sum *= (double)node->u.matmul.alpha;
            if (c)
                sum += (double)node->u.matmul.beta *
                       (double)c[i * sc[LAST - 1] + j * sc[LAST]];
            job->out[i * y->dim[1] + j] = (float)sum;
        }
    return true;
}
