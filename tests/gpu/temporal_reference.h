/* The temporal stage's kernels in double precision, by the definitions in
 * docs/steadiness.md, for comparison with the shaders and the host kernels. */
#ifndef DAUB_TESTS_TEMPORAL_REFERENCE_H
#define DAUB_TESTS_TEMPORAL_REFERENCE_H

#include "host/host.h"

/* What a call's output slot should hold, and by how much each float may differ: INFINITY
 * where rounding decides between two results that are both right. */
struct temporal_expected {
    double *want, *slack;
    size_t count;
};

/* Of a call of one of the five temporal kernels; its output slot gives the size. */
struct temporal_expected temporal_reference(const struct host_call *call);
void temporal_expected_free(struct temporal_expected *expected);

#endif
