/* Graphs that the passes change, for test_passes. */
#ifndef DAUB_TESTS_PASS_CASES_H
#define DAUB_TESTS_PASS_CASES_H

#include "net/graph.h"

struct pass_case {
    const char *name; /* of tests/golden/NAME.txt */
    void (*build)(struct net_graph *graph);
};

extern const struct pass_case pass_cases[];
extern const size_t pass_case_count;

/* A Johnson-type network as old web exporters wrote it: normalizations and upsampling out
 * of elementary operators. */
void build_web_net(struct net_graph *graph);

#endif
