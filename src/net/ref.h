/* Plain C reference: runs a graph in float32 with double sums, clear before fast. Every
 * GPU kernel, pass and golden frame is compared with it, and the host evaluates the
 * style-only part of a net through it. */
#ifndef DAUB_NET_REF_H
#define DAUB_NET_REF_H

#include "net/graph.h"

/* Results of a run: result[v] holds value v's elements or NULL; constants point into the
 * graph, everything else is owned here. */
struct net_ref {
    const struct net_graph *graph;
    float **result;
};

enum net_ref_scope {
    NET_REF_ALL = 1, /* every node */
    NET_REF_STYLE,   /* only values with from_style */
};

/* Runs the graph; image [1,C,H,W] (or NHWC when graph->nhwc) and style may be NULL where
 * the scope or the net does not need them. keep = false frees each value after its last
 * reader, leaving inputs and the output. *ref is to be freed by net_ref_free in either
 * case. False with *error set. Thread-safe on distinct refs. */
bool net_ref_run(struct net_ref *ref, const struct net_graph *graph, const float *image,
                 const float *style, enum net_ref_scope scope, bool keep,
                 struct daub_error *error);
void net_ref_free(struct net_ref *ref);

/* One node: in[i] are the elements of input i (NULL where absent), out has room for the
 * output value. Used by the constant folder too. False with *error where the op cannot be
 * run. */
bool net_ref_node(const struct net_graph *graph, const struct net_node *node,
                  const float *const *in, float *out, struct daub_error *error);

/* The activation of one number; slope is PRELU's. */
float net_ref_act(enum net_act act, float alpha, float beta, float slope, float x);
double net_ref_act_double(enum net_act act, double alpha, double beta, double slope,
                          double x);

#endif
