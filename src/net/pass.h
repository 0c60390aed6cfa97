/* Inside of the passes: one function a pass, and what they share. Passes rewrite the last
 * node of a pattern in place, so that execution order stays right, and leave nodes that
 * nobody reads to net_graph_sweep. Nodes are kept by index where constants are added. */
#ifndef DAUB_NET_PASS_H
#define DAUB_NET_PASS_H

#include "net/graph.h"

bool net_pass_clean(struct net_graph *graph, struct daub_error *error);
bool net_pass_shuffle(struct net_graph *graph, struct daub_error *error);
bool net_pass_spread(struct net_graph *graph, struct daub_error *error);
bool net_pass_nhwc(struct net_graph *graph, struct daub_error *error);
bool net_pass_norm(struct net_graph *graph, struct daub_error *error);
bool net_pass_group_norm(struct net_graph *graph, struct daub_error *error);
bool net_pass_join(struct net_graph *graph, struct daub_error *error);
bool net_pass_norm_affine(struct net_graph *graph, struct daub_error *error);
bool net_pass_affine_after(struct net_graph *graph, struct daub_error *error);
bool net_pass_pad(struct net_graph *graph, struct daub_error *error);
bool net_pass_upsample(struct net_graph *graph, struct daub_error *error);
bool net_pass_affine_before(struct net_graph *graph, struct daub_error *error);
bool net_pass_act(struct net_graph *graph, struct daub_error *error);
bool net_pass_reject(struct net_graph *graph, struct daub_error *error);

/* Padding that shape inference takes for a window, in elements. */
enum { NET_PASS_MAX_PAD = 1 << 16 };

/* ---- looking ---- */
const struct net_shape *net_pass_shape(const struct net_graph *graph, int value);
/* Input i of a node, -1 where it is absent. */
int net_pass_input(const struct net_node *node, int i);
/* The node that computes value if it is an op, else NULL. */
const struct net_node *net_pass_producer(const struct net_graph *graph, int value,
                                         enum net_op op);
const struct net_node *net_pass_binary(const struct net_graph *graph, int value,
                                       enum net_binary kind);
/* What a chain of reshapes that ends in value starts from; value where it is none. */
int net_pass_unshaped(const struct net_graph *graph, int value);
/* The nearest value of that shape behind a chain of reshapes that ends in value, -1 where
 * there is none. */
int net_pass_unshaped_to(const struct net_graph *graph, int value,
                         const struct net_shape *shape);
/* True for a constant whose elements are all the same number, *x. */
bool net_pass_uniform(const struct net_graph *graph, int value, float *x);
/* True for a value that broadcasts over map [1,C,...] as one number for all or one a
 * channel. */
bool net_pass_per_channel(const struct net_graph *graph, int value,
                          const struct net_shape *map);

/* y = a[c] x + b[c], channel by channel, by constants. */
struct net_affine {
    int x;
    enum net_binary kind;
    bool swapped; /* constant first */
    const float *constant;
    int64_t count; /* of constants: C or 1 */
};
/* True where the node is such a function of a map. *affine is valid until the next add of
 * a value. */
bool net_pass_affine(const struct net_graph *graph, const struct net_node *node,
                     struct net_affine *affine);
void net_affine_at(const struct net_affine *affine, int64_t channel, float *a, float *b);

/* ---- changing ---- */
bool net_pass_set_inputs(struct net_node *node, const int *input, int count,
                         struct daub_error *error);
/* Readers of from read to. Does nothing where that would make an input or a constant the
 * graph's output. */
void net_pass_forward(struct net_graph *graph, int from, int to);
/* later, the only reader of earlier's output, becomes what earlier is, keeping its own
 * output value; earlier is left for the sweep. */
void net_pass_take_over(struct net_graph *graph, int later, int earlier);
/* Leaves a node whose output nobody reads for the sweep: it reads nothing from here on.
 */
void net_pass_kill(struct net_node *node);
/* Adds a constant [count] of zeros to fill; -1 with *error set. */
int net_pass_add_vector(struct net_graph *graph, const char *name, int64_t count,
                        struct daub_error *error);

#endif
