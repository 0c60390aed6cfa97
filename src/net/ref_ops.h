/* Inside of the reference executor: one function an operator. Shapes come from the graph
 * and have passed net_infer_shape. */
#ifndef DAUB_NET_REF_OPS_H
#define DAUB_NET_REF_OPS_H

#include "net/graph.h"

struct net_ref_job {
    const struct net_graph *graph;
    const struct net_node *node;
    const float *const *in;
    float *out;
    struct daub_error *error;
};

/* False with *error set; they fail only where scratch memory runs out. */
bool net_ref_conv(const struct net_ref_job *job);
bool net_ref_conv_transpose(const struct net_ref_job *job);
bool net_ref_norm(const struct net_ref_job *job);
bool net_ref_activation(const struct net_ref_job *job);
bool net_ref_unary(const struct net_ref_job *job);
bool net_ref_binary(const struct net_ref_job *job);
bool net_ref_concat(const struct net_ref_job *job);
bool net_ref_slice(const struct net_ref_job *job);
bool net_ref_pad(const struct net_ref_job *job);
bool net_ref_resize(const struct net_ref_job *job);
bool net_ref_block(const struct net_ref_job *job);
bool net_ref_pool(const struct net_ref_job *job);
bool net_ref_mean(const struct net_ref_job *job);
bool net_ref_transpose(const struct net_ref_job *job);
bool net_ref_reshape(const struct net_ref_job *job);
bool net_ref_matmul(const struct net_ref_job *job);

/* Element of an axis of size elements that padding shows at i, which may lie outside; -1
 * for the padding value. */
int64_t net_ref_pad_source(int64_t i, int64_t size, enum net_pad_mode mode);

/* Element of an axis of in elements that a nearest NET_RESIZE of it to out elements takes
 * for output element i; axis 0 is vertical, 1 horizontal. */
int64_t net_ref_nearest_source(const struct net_node *node, int axis, int64_t i,
                               int64_t in, int64_t out);

static inline const struct net_shape *net_ref_in_shape(const struct net_ref_job *job,
                                                       int i)
{
    return &job->graph->values[job->node->input[i]].shape;
}

static inline const struct net_shape *net_ref_out_shape(const struct net_ref_job *job)
{
    return &job->graph->values[job->node->output].shape;
}

/* The elements of an optional input, NULL where it is absent. */
static inline const float *net_ref_optional(const struct net_ref_job *job, int i)
{
    return i < job->node->input_count && job->node->input[i] >= 0 ? job->in[i] : NULL;
}

/* Sets *error to "out of memory"; returns false. */
bool net_ref_no_memory(const struct net_ref_job *job);

#endif
