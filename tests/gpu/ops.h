/* Operators on the device against the C reference: the cases and what runs them. */
#ifndef DAUB_TESTS_OPS_H
#define DAUB_TESTS_OPS_H

#include "gpu_test.h"
#include "net/graph.h"

/* Largest difference allowed over the largest magnitude of the expected output. */
struct op_bounds {
    double fp32, fp16; /* fp16 0: not run at that precision */
};

/* Results of a program's checks. */
struct ops {
    const struct gpu_test *test;
    bool reduced; /* every third case only */
    const char *only;
    int cases, runs, failures;
    const char *group;      /* the current table */
    struct op_bounds worst; /* its largest errors */
    struct op_bounds snr;   /* its least signal-to-noise ratios, in dB */
};

/* Compares the graph (freed here) after the passes, on every device, kernel set and
 * precision, with the reference before the passes, on a picture of random numbers in
 * -1..1. */
void ops_check(struct ops *ops, const char *name, unsigned seed, struct net_graph *graph,
               const struct op_bounds *bounds);

/* Prints the largest error and the least signal-to-noise ratio of the group of cases
 * before, and begins the named group. */
void ops_group(struct ops *ops, const char *name);
/* Whether to run this case. */
bool ops_wants(struct ops *ops, const char *name);

/* A case that builds its graph by itself. */
struct op_case {
    const char *name;
    void (*build)(struct net_graph *graph, unsigned seed);
    struct op_bounds bounds;
};
void ops_run(struct ops *ops, const struct op_case *cases, int count);

void ops_conv(struct ops *ops);
void ops_norm(struct ops *ops);
void ops_pointwise(struct ops *ops);
void ops_move(struct ops *ops);
void ops_fuzz(struct ops *ops);

#endif
