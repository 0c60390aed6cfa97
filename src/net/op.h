/* The definition of each operator of ops.h, made in op_*.c, and what these files share.
 */
#ifndef DAUB_NET_OP_H
#define DAUB_NET_OP_H

#include "net/graph.h"

/* A node whose shape or result is computed. in and out are set only in the reference. */
struct net_op_job {
    const struct net_graph *graph;
    const struct net_node *node;
    const float *const *in; /* elements of each input, NULL where it is absent */
    float *out;             /* room for the output's elements */
    struct daub_error *error;
};

struct net_operator {
    int min_inputs, max_inputs; /* the first min_inputs must be there */
    bool host_only; /* no kernel: computed on the host from the style weights */
    /* Shape of the output from the attributes and the inputs, all of which it checks.
     * False with *error set where they do not fit. */
    bool (*shape)(const struct net_op_job *job, struct net_shape *out);
    /* The reference: computes the output's elements. NULL for the inputs of the graph.
     * False with *error set where memory runs out. */
    bool (*run)(const struct net_op_job *job);
    /* Writes the attributes, each after a space. NULL where there are none. */
    void (*dump)(const struct net_op_job *job, FILE *file);
};

#define NET_OPERATOR_DECLARATION(enumerator, number, name, definition, lower)            \
    extern const struct net_operator definition;
NET_OPS(NET_OPERATOR_DECLARATION)

/* NULL where op is not in the list. */
const struct net_operator *net_op_find(enum net_op op);

/* The row of an activation in NET_ACTS; NULL where there is none. */
struct net_act_info {
    const char *name;
    float alpha, beta; /* where an ONNX file leaves them out */
    int parameters;    /* 0: neither, 1: alpha, 2: both */
};
const struct net_act_info *net_act_find(enum net_act act);
/* Whether the activation has a finite value at 0. */
bool net_act_finite_at_0(enum net_act act, float alpha, float beta);

/* ---- inputs and output of a job (op.c) ---- */
/* Input i, NULL where it is absent. */
const struct net_value *net_op_in(const struct net_op_job *job, int i);
const struct net_shape *net_op_in_shape(const struct net_op_job *job, int i);
const struct net_shape *net_op_out_shape(const struct net_op_job *job);
/* Elements of an optional input while the reference runs, NULL where it is absent. */
const float *net_op_optional(const struct net_op_job *job, int i);

/* ---- checks; each returns false with *error set (op.c) ---- */
/* Always false; the message names the node and its operator. */
__attribute__((format(printf, 2, 3))) bool net_op_refuse(const struct net_op_job *job,
                                                         const char *format, ...);
bool net_op_no_memory(const struct net_op_job *job);
/* Input 0 is a feature map [1,C,H,W]. */
bool net_op_need_map(const struct net_op_job *job);
/* Input i is absent or a constant of count elements; what names it in the message. */
bool net_op_need_vector(const struct net_op_job *job, int i, int64_t count,
                        const char *what);

/* ---- shared by operators ---- */
#define NET_OP_COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))
/* The name at index value, "?" outside the list. */
const char *net_op_pick_name(const char *const *names, int count, int value);
#define NET_OP_PICK_NAME(names, value)                                                   \
    net_op_pick_name(names, NET_OP_COUNT(names), (int)(value))
const char *net_op_pad_name(enum net_pad_mode mode);
void net_op_dump_act(enum net_act act, float alpha, float beta, FILE *file);

/* Element that padding puts at position i, which may lie outside the axis of size
 * elements; -1 for the padding value. */
int64_t net_op_pad_source(int64_t i, int64_t size, enum net_pad_mode mode);
/* Input element that a nearest NET_RESIZE from in to out elements copies to output
 * element i; axis 0 is vertical, 1 horizontal. */
int64_t net_op_nearest_source(const struct net_node *node, int axis, int64_t i,
                              int64_t in, int64_t out);

#endif
