/* Reference: runs a graph in plain C with double sums, written for clarity rather than
 * speed. Kernels, passes and golden pictures are compared with it, and the host computes
 * the style-only part of a network with it. */
#ifndef DAUB_NET_REF_H
#define DAUB_NET_REF_H

#include "net/graph.h"

/* Results of a run. result[v]: elements of value v or NULL; those of constants belong to
 * the graph, all others to this struct. */
struct net_ref {
    const struct net_graph *graph;
    float **result;
};

enum net_ref_scope {
    NET_REF_ALL = 1, /* every node */
    NET_REF_STYLE,   /* only values with from_style */
};

/* Runs the graph; image [1,C,H,W] (or NHWC when graph->nhwc) and style may be NULL where
 * the scope or the network does not need them. keep = false frees each value after its
 * last reader, leaving inputs and the output. *ref is to be freed by net_ref_free in
 * either case. False with *error set. Thread-safe on distinct refs. */
bool net_ref_run(struct net_ref *ref, const struct net_graph *graph, const float *image,
                 const float *style, enum net_ref_scope scope, bool keep,
                 struct daub_error *error);
void net_ref_free(struct net_ref *ref);

/* What a run of all nodes takes: about how many multiplications or moves, and the bytes
 * of the values that are alive together. keep: as net_ref_run. */
struct net_ref_need {
    double work, bytes;
};
struct net_ref_need net_ref_need(const struct net_graph *graph, bool keep);

/* Computes one node. in[i]: elements of input i, NULL where absent; out: room for the
 * output's elements. False with *error set where the operator cannot be run. */
bool net_ref_node(const struct net_graph *graph, const struct net_node *node,
                  const float *const *in, float *out, struct daub_error *error);

/* The activation of one number; slope is PRELU's. */
float net_ref_act(enum net_act act, float alpha, float beta, float slope, float x);
double net_ref_act_double(enum net_act act, double alpha, double beta, double slope,
                          double x);
double net_ref_binary(enum net_binary kind, double x, double y);

#endif
