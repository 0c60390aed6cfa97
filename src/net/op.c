#include "net/op.h"

#include <stdarg.h>

#include "util/error.h"

static const struct {
    const char *name;
    const struct net_operator *definition;
} ops[] = {
#define ROW(enumerator, number, name, definition, lower) [number] = {name, &definition},
    NET_OPS(ROW)
#undef ROW
};

static const struct net_act_info acts[] = {
#define ROW(enumerator, name, onnx, alpha, beta, parameters, value)                      \
    [enumerator] = {name, alpha, beta, parameters},
    NET_ACTS(ROW)
#undef ROW
};

const struct net_operator *net_op_find(enum net_op op)
{
    return op > 0 && (int)op < NET_OP_COUNT(ops) ? ops[op].definition : NULL;
}

const char *net_op_name(enum net_op op)
{
    return net_op_find(op) ? ops[op].name : "?";
}

const struct net_act_info *net_act_find(enum net_act act)
{
    return act > 0 && (int)act < NET_OP_COUNT(acts) ? &acts[act] : NULL;
}

const char *net_act_name(enum net_act act)
{
    return net_act_find(act) ? acts[act].name : "?";
}

const char *net_op_pick_name(const char *const *names, int count, int value)
{
    return value > 0 && value < count && names[value] ? names[value] : "?";
}

const struct net_value *net_op_in(const struct net_op_job *job, int i)
{
    if (i >= job->node->input_count || job->node->input[i] < 0)
        return NULL;
    return &job->graph->values[job->node->input[i]];
}

const struct net_shape *net_op_in_shape(const struct net_op_job *job, int i)
{
    return &net_op_in(job, i)->shape;
}

const struct net_shape *net_op_out_shape(const struct net_op_job *job)
{
    return &job->graph->values[job->node->output].shape;
}

const float *net_op_optional(const struct net_op_job *job, int i)
{
    return net_op_in(job, i) ? job->in[i] : NULL;
}

bool net_op_refuse(const struct net_op_job *job, const char *format, ...)
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

bool net_op_no_memory(const struct net_op_job *job)
{
    return daub_no_memory(job->error, "computing the network on the host");
}

bool net_op_need_map(const struct net_op_job *job)
{
    const struct net_shape *x = net_op_in_shape(job, 0);
    if (x->rank == 4 && x->dim[0] == 1)
        return true;
    char text[NET_SHAPE_TEXT];
    net_shape_text(x, text);
    return net_op_refuse(job, "its input %s is no feature map [1,C,H,W]", text);
}

bool net_op_need_vector(const struct net_op_job *job, int i, int64_t count,
                        const char *what)
{
    const struct net_value *value = net_op_in(job, i);
    if (!value)
        return true;
    if (!value->data)
        return net_op_refuse(job, "its %s is not a constant", what);
    if (net_shape_count(&value->shape) != count)
        return net_op_refuse(job, "its %s has %lld elements where %lld are needed", what,
                             (long long)net_shape_count(&value->shape), (long long)count);
    return true;
}
