/* Operators that compute with numbers: normalization, activations, element-wise
 * functions, means and matrix products. */
#include <math.h>
#include <stdlib.h>

#include "net/op.h"
#include "net/ref.h"
#include "util/alloc.h"

/* ---- normalization ---- */

static bool norm_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    char text[NET_SHAPE_TEXT];
    net_shape_text(x, text);
    if (x->rank < 3 || x->dim[0] != 1)
        return net_op_refuse(job, "its input %s is no feature map [1,C,H,W]", text);
    int groups = job->node->u.norm.groups;
    if (groups < 1 || x->dim[1] % groups)
        return net_op_refuse(job, "%d groups do not divide the channels of %s", groups,
                             text);
    if (!(job->node->u.norm.epsilon >= 0))
        return net_op_refuse(job, "epsilon is negative or no number");
    for (int i = 1; i < 3; i++) {
        const struct net_value *v = net_op_in(job, i);
        if (v && !v->data && !v->from_style)
            return net_op_refuse(job, "its scale or shift depends on the picture");
        if (v && net_shape_count(&v->shape) != x->dim[1])
            return net_op_refuse(job, "scale or shift has %lld elements for input %s",
                                 (long long)net_shape_count(&v->shape), text);
    }
    *out = *x;
    return true;
}

static bool norm_run(const struct net_op_job *job)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    const float *scale = net_op_optional(job, 1), *shift = net_op_optional(job, 2);
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

static void norm_dump(const struct net_op_job *job, FILE *file)
{
    fprintf(file, " groups %d epsilon %.7g", job->node->u.norm.groups,
            (double)job->node->u.norm.epsilon);
}

const struct net_operator net_op_norm = {
    .min_inputs = 1,
    .max_inputs = 3,
    .shape = norm_shape,
    .run = norm_run,
    .dump = norm_dump,
};

/* ---- activations ---- */

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

double net_ref_act_double(enum net_act act, double alpha, double beta, double slope,
                          double x)
{
    switch (act) {
#define ROW(enumerator, name, onnx, a, b, parameters, value)                             \
    case enumerator:                                                                     \
        return value;
        NET_ACTS(ROW)
#undef ROW
    }
    return x;
}

float net_ref_act(enum net_act act, float alpha, float beta, float slope, float x)
{
    return (float)net_ref_act_double(act, (double)alpha, (double)beta, (double)slope,
                                     (double)x);
}

bool net_act_finite_at_0(enum net_act act, float alpha, float beta)
{
    return isfinite(net_ref_act(act, alpha, beta, 0, 0));
}

static bool act_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    enum net_act kind = job->node->u.act.kind;
    if (!net_act_find(kind))
        return net_op_refuse(job, "unknown activation %d", (int)kind);
    if (kind == NET_ACT_PRELU && (x->rank < 2 || !net_op_in(job, 1) ||
                                  !net_op_need_vector(job, 1, x->dim[1], "slope")))
        return net_op_refuse(job, "PRelu needs a slope for each channel");
    *out = *x;
    return true;
}

static bool act_run(const struct net_op_job *job)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    const struct net_node *node = job->node;
    const float *slope = net_op_optional(job, 1);
    int64_t channels = slope ? x->dim[1] : 1, outer = slope ? x->dim[0] : 1;
    int64_t area = net_shape_count(x) / (outer * channels);
    for (int64_t n = 0; n < outer * channels; n++)
        for (int64_t i = n * area; i < (n + 1) * area; i++)
            job->out[i] =
                net_ref_act(node->u.act.kind, node->u.act.alpha, node->u.act.beta,
                            slope ? slope[n % channels] : 0, job->in[0][i]);
    return true;
}

void net_op_dump_act(enum net_act act, float alpha, float beta, FILE *file)
{
    const struct net_act_info *info = net_act_find(act);
    fprintf(file, " %s", net_act_name(act));
    if (info && info->parameters > 0)
        fprintf(file, " %.7g", (double)alpha);
    if (info && info->parameters > 1)
        fprintf(file, " %.7g", (double)beta);
}

static void act_dump(const struct net_op_job *job, FILE *file)
{
    net_op_dump_act(job->node->u.act.kind, job->node->u.act.alpha, job->node->u.act.beta,
                    file);
}

const struct net_operator net_op_act = {
    .min_inputs = 1,
    .max_inputs = 2,
    .shape = act_shape,
    .run = act_run,
    .dump = act_dump,
};

/* ---- functions of two numbers ---- */

static const char *const binary_names[] = {
#define ROW(enumerator, name, onnx, value) [enumerator] = name,
    NET_BINARIES(ROW)
#undef ROW
};

double net_ref_binary(enum net_binary kind, double x, double y)
{
    switch (kind) {
#define ROW(enumerator, name, onnx, value)                                               \
    case enumerator:                                                                     \
        return value;
        NET_BINARIES(ROW)
#undef ROW
    }
    return 0;
}

/* Iterator over the rows (last axis) of a shape, which is extended with ones on the left
 * to NET_MAX_RANK axes. */
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

/* stride[d]: elements from one index of axis d to the next, 0 on axes of length 1. */
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

static bool binary_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_shape *a = net_op_in_shape(job, 0), *b = net_op_in_shape(job, 1);
    int kind = (int)job->node->u.binary.kind;
    if (kind < 1 || kind >= NET_OP_COUNT(binary_names))
        return net_op_refuse(job, "unknown operation %d", kind);
    if (net_shape_broadcast(a, b, out))
        return true;
    char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
    net_shape_text(a, as);
    net_shape_text(b, bs);
    return net_op_refuse(job, "shapes %s and %s do not match", as, bs);
}

static bool binary_run(const struct net_op_job *job)
{
    struct walk walk = walk_over(net_op_out_shape(job));
    int64_t sa[NET_MAX_RANK], sb[NET_MAX_RANK];
    walk_strides(net_op_in_shape(job, 0), sa);
    walk_strides(net_op_in_shape(job, 1), sb);
    float *out = job->out;
    do {
        const float *a = job->in[0] + walk_offset(&walk, sa);
        const float *b = job->in[1] + walk_offset(&walk, sb);
        for (int64_t i = 0; i < walk.dim[LAST]; i++)
            *out++ =
                (float)net_ref_binary(job->node->u.binary.kind, (double)a[i * sa[LAST]],
                                      (double)b[i * sb[LAST]]);
    } while (walk_next(&walk));
    return true;
}

static void binary_dump(const struct net_op_job *job, FILE *file)
{
    fprintf(file, " %s", NET_OP_PICK_NAME(binary_names, job->node->u.binary.kind));
}

const struct net_operator net_op_binary = {
    .min_inputs = 2,
    .max_inputs = 2,
    .shape = binary_shape,
    .run = binary_run,
    .dump = binary_dump,
};

/* ---- reductions and matrix products ---- */

static bool reduce_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    unsigned axes = job->node->u.reduce.axes;
    if (axes == 0 || axes >> x->rank)
        return net_op_refuse(job, "axes %#x out of range", axes);
    *out = (struct net_shape){0};
    for (int i = 0; i < x->rank; i++) {
        bool gone = axes >> i & 1;
        if (!gone || job->node->u.reduce.keep)
            out->dim[out->rank++] = gone ? 1 : x->dim[i];
    }
    return true;
}

/* Shape of the input with length 1 on the axes that are reduced. */
static struct net_shape reduced_shape(const struct net_op_job *job)
{
    struct net_shape kept = *net_op_in_shape(job, 0);
    for (int d = 0; d < kept.rank; d++) {
        if (job->node->u.reduce.axes >> d & 1)
            kept.dim[d] = 1;
    }
    return kept;
}

/* The mean, or the maximum, over the axes. */
static bool reduce_run(const struct net_op_job *job)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    const struct net_shape kept = reduced_shape(job);
    bool maximum = job->node->op == NET_MAXIMUM;
    int64_t count = net_shape_count(&kept), stride[NET_MAX_RANK];
    double *sum = daub_alloc((size_t)count, sizeof(*sum));
    if (!sum)
        return net_op_no_memory(job);
    for (int64_t i = 0; i < count; i++)
        sum[i] = maximum ? -INFINITY : 0;
    struct walk walk = walk_over(x);
    walk_strides(&kept, stride);
    const float *in = job->in[0];
    do {
        double *to = sum + walk_offset(&walk, stride);
        for (int64_t i = 0; i < walk.dim[LAST]; i++, in++) {
            double *at = &to[i * stride[LAST]];
            if (!maximum)
                *at += (double)*in;
            else if ((double)*in > *at)
                *at = (double)*in;
        }
    } while (walk_next(&walk));
    double each = maximum ? 1 : (double)(net_shape_count(x) / count);
    for (int64_t i = 0; i < count; i++)
        job->out[i] = (float)(sum[i] / each);
    free(sum);
    return true;
}

static void reduce_dump(const struct net_op_job *job, FILE *file)
{
    fprintf(file, " axes");
    for (int i = 0; i < NET_MAX_RANK; i++)
        if (job->node->u.reduce.axes >> i & 1)
            fprintf(file, " %d", i);
    fprintf(file, job->node->u.reduce.keep ? " keep" : " drop");
}

const struct net_operator net_op_mean = {
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = reduce_shape,
    .run = reduce_run,
    .dump = reduce_dump,
};

const struct net_operator net_op_maximum = {
    .min_inputs = 1,
    .max_inputs = 1,
    .host_only = true,
    .shape = reduce_shape,
    .run = reduce_run,
    .dump = reduce_dump,
};

/* Rows of A: all its axes but the last. */
static bool matmul_shape(const struct net_op_job *job, struct net_shape *out)
{
    const struct net_node *node = job->node;
    const struct net_shape *a = net_op_in_shape(job, 0), *b = net_op_in_shape(job, 1);
    int ta = node->u.matmul.transpose_a, tb = node->u.matmul.transpose_b;
    bool fits = a->rank >= 2 && b->rank == 2 && (a->rank == 2 || !ta) &&
                a->dim[ta ? 0 : a->rank - 1] == b->dim[tb];
    if (fits) {
        struct net_shape sum;
        *out = *a;
        if (ta)
            out->dim[0] = a->dim[1];
        out->dim[a->rank - 1] = b->dim[1 - tb];
        if (!net_op_in(job, 2) ||
            (a->rank == 2 && net_shape_broadcast(out, net_op_in_shape(job, 2), &sum) &&
             net_shape_equal(out, &sum)))
            return true;
    }
    char as[NET_SHAPE_TEXT], bs[NET_SHAPE_TEXT];
    net_shape_text(a, as);
    net_shape_text(b, bs);
    return net_op_refuse(job, "cannot multiply %s by %s", as, bs);
}

static bool matmul_run(const struct net_op_job *job)
{
    const struct net_node *node = job->node;
    const struct net_shape *a = net_op_in_shape(job, 0), *b = net_op_in_shape(job, 1);
    const struct net_shape *y = net_op_out_shape(job);
    bool ta = node->u.matmul.transpose_a, tb = node->u.matmul.transpose_b;
    int64_t inner = tb ? b->dim[1] : b->dim[0], columns = y->dim[y->rank - 1];
    int64_t rows = net_shape_count(y) / columns, sc[NET_MAX_RANK] = {0};
    const float *c = net_op_optional(job, 2);
    if (c)
        walk_strides(net_op_in_shape(job, 2), sc);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double sum = 0;
            for (int64_t k = 0; k < inner; k++)
                sum += (double)job->in[0][ta ? k * a->dim[1] + i : i * inner + k] *
                       (double)job->in[1][tb ? j * inner + k : k * columns + j];
            sum *= (double)node->u.matmul.alpha;
            if (c)
                sum += (double)node->u.matmul.beta *
                       (double)c[i * sc[LAST - 1] + j * sc[LAST]];
            job->out[i * columns + j] = (float)sum;
        }
    return true;
}

static void matmul_dump(const struct net_op_job *job, FILE *file)
{
    const struct net_node *node = job->node;
    fprintf(file, "%s%s alpha %.7g beta %.7g", node->u.matmul.transpose_a ? " ta" : "",
            node->u.matmul.transpose_b ? " tb" : "", (double)node->u.matmul.alpha,
            (double)node->u.matmul.beta);
}

const struct net_operator net_op_matmul = {
    .min_inputs = 2,
    .max_inputs = 3,
    .host_only = true,
    .shape = matmul_shape,
    .run = matmul_run,
    .dump = matmul_dump,
};
