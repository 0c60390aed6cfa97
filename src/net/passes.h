/* Rewrites of the graph, in the order of net_passes. Each keeps the numbers (within
 * rounding) and leaves a graph that net_graph_check accepts. */
#ifndef DAUB_NET_PASSES_H
#define DAUB_NET_PASSES_H

#include "net/graph.h"

struct net_pass {
    const char *name;
    const char *what; /* one line for documentation and dumps */
    bool (*run)(struct net_graph *graph, struct daub_error *error);
};

extern const struct net_pass net_passes[];
extern const size_t net_pass_count;

/* Runs all passes; sweeps and checks the graph after each. */
bool net_passes_run(struct net_graph *graph, struct daub_error *error);

#endif
