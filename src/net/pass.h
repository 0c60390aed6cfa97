/* The passes, one function each, and what they share. A pass rewrites the last node of a
 * pattern in place, so that execution order is kept, and leaves unread nodes to
 * net_graph_sweep. Adding a constant invalidates pointers to values, so values are
 * referred to by index. */
#ifndef DAUB_NET_PASS_H
#define DAUB_NET_PASS_H

#include "net/graph.h"

bool net_pass_constant(struct net_graph *graph, struct daub_error *error);
bool net_pass_clean(struct net_graph *graph, struct daub_error *error);
bool net_pass_shuffle(struct net_graph *graph, struct daub_error *error);
bool net_pass_spread(struct net_graph *graph, struct daub_error *error);
bool net_pass_nhwc(struct net_graph *graph, struct daub_error *error);
bool net_pass_norm(struct net_graph *graph, struct daub_error *error);
bool net_pass_group_norm(struct net_graph *graph, struct daub_error *error);
bool net_pass_join(struct net_graph *graph, struct daub_error *error);
bool net_pass_maps(struct net_graph *graph, struct daub_error *error);
bool net_pass_function(struct net_graph *graph, struct daub_error *error);
bool net_pass_norm_affine(struct net_graph *graph, struct daub_error *error);
bool net_pass_affine_after(struct net_graph *graph, struct daub_error *error);
bool net_pass_pad(struct net_graph *graph, struct daub_error *error);
bool net_pass_upsample(struct net_graph *graph, struct daub_error *error);
bool net_pass_affine_before(struct net_graph *graph, struct daub_error *error);
bool net_pass_act(struct net_graph *graph, struct daub_error *error);
bool net_pass_reject(struct net_graph *graph, struct daub_error *error);

/* Largest padding of a window that shape inference accepts, elements. */
enum { NET_PASS_MAX_PAD = 1 << 16 };

/* ---- queries ---- */
const struct net_shape *net_pass_shape(const struct net_graph *graph, int value);
/* Input i of a node, -1 where it is absent. */
int net_pass_input(const struct net_node *node, int i);
/* The node that computes value if it is an op, else NULL. */
const struct net_node *net_pass_producer(const struct net_graph *graph, int value,
                                         enum net_op op);
const struct net_node *net_pass_binary(const struct net_graph *graph, int value,
                                       enum net_binary kind);
/* The value that a chain of reshapes which ends in value starts from; value itself where
 * no reshape computes it. */
int net_pass_behind_reshapes(const struct net_graph *graph, int value);
/* Follows the chain of reshapes that ends in value back to a value of that shape; -1
 * where there is none. */
int net_pass_behind_reshapes_as(const struct net_graph *graph, int value,
                                const struct net_shape *shape);
/* True for a constant whose elements are all the same number, *x. */
bool net_pass_uniform(const struct net_graph *graph, int value, float *x);
/* True for a value that broadcasts over map [1,C,...] as a single number or one for each
 * channel. */
bool net_pass_per_channel(const struct net_graph *graph, int value,
                          const struct net_shape *map);

/* y = a[c] x + b[c], channel by channel, by constants. */
struct net_affine {
    int x;
    enum net_binary kind;
    bool swapped; /* the constant is the first operand */
    const float *constant;
    int64_t count; /* of constants: C or 1 */
};
/* True where the node is such a function of a map. *affine is valid until a value is
 * added. */
bool net_pass_affine(const struct net_graph *graph, const struct net_node *node,
                     struct net_affine *affine);
void net_affine_at(const struct net_affine *affine, int64_t channel, float *a, float *b);

/* ---- changes ---- */
bool net_pass_set_inputs(struct net_node *node, const int *input, int count,
                         struct daub_error *error);
/* Lets all readers of value from read value to. Does nothing where an input or a constant
 * would become the graph's output. */
void net_pass_redirect(struct net_graph *graph, int from, int to);
/* Node later, the only reader of earlier's output, becomes a copy of node earlier with
 * its own output value; earlier is disconnected. */
void net_pass_replace(struct net_graph *graph, int later, int earlier);
/* Removes the inputs of a node whose output is not read, so that the sweep deletes it. */
void net_pass_disconnect(struct net_node *node);
/* Inserts a node before node *index, which moves by one; *value is its output. */
bool net_pass_insert(struct net_graph *graph, int *index, const struct net_node *draft,
                     const int *input, int count, const struct net_shape *shape,
                     int *value, struct daub_error *error);
/* Makes the weights and bias, input[1] and input[2], with which a 1x1 convolution over
 * K channels does what NET_MATMUL does. *fits: whether there are such constants. */
bool net_pass_matmul_weights(struct net_graph *graph, const struct net_node *node,
                             int input[3], bool *fits, struct daub_error *error);
/* Adds a constant [count] of zeros, for the caller to fill; -1 with *error set. */
int net_pass_add_vector(struct net_graph *graph, const char *name, int64_t count,
                        struct daub_error *error);

#endif
