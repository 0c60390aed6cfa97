/* Kernels as C functions on mapped memory, for processors: the same steps, layouts,
 * constants and push constants as the shaders (shaders/contract.h). Every kernel is
 * compiled once for each instruction set; host_isa_choose takes the best that the
 * processor can run.
 *
 * Results do not depend on the number of threads nor, with fused multiply-add (every set
 * but the generic one), on the instruction set: a step's parts are the same for any
 * number of threads, and every sum has one fixed order. */
#ifndef DAUB_HOST_HOST_H
#define DAUB_HOST_HOST_H

#include <daub/status.h>

#include "net/kernel.h"

/* One step: what a dispatch is for a graphics card. */
struct host_call {
    enum kernel kernel;
    struct kernel_constants constants;
    union kernel_push push;
    uint32_t groups[3]; /* of the dispatch; [2]: layers of maps */
    /* Memory of each binding, aligned to 64 bytes, and its bytes; NULL: unused. */
    void *slot[SLOT_COUNT];
    size_t bytes[SLOT_COUNT];
};

/* A call's work in units, such as rows of the output, which may be made in any order and
 * at the same time. */
struct host_work {
    int units;
    size_t unit_floats; /* of output that take as long as a unit */
};

struct host_kernel {
    struct host_work (*work)(const struct host_call *call);
    /* Bytes of scratch memory that a running part needs; NULL: none. */
    size_t (*scratch)(const struct host_call *call);
    /* Makes the units first .. end - 1, a part of the call. scratch is aligned to 64
     * bytes and has undefined contents. */
    void (*run)(const struct host_call *call, int first, int end, void *scratch);
};

/* Floats of a part: enough that the thread pool's overhead does not count, few enough
 * that several threads share a map. */
#define HOST_PART_FLOATS ((size_t)16384)

/* Units of a part, the same for any number of threads; the last part may have fewer. */
static inline int host_part_units(struct host_work work)
{
    size_t units = HOST_PART_FLOATS / (work.unit_floats > 0 ? work.unit_floats : 1);
    size_t most = work.units > 1 ? (size_t)work.units : 1;
    return units < 1 ? 1 : (int)(units < most ? units : most);
}

/* unit_floats of a kernel whose parts have at least that many units. */
static inline size_t host_part_least(size_t unit_floats, int units)
{
    size_t limit = HOST_PART_FLOATS / (size_t)(units > 1 ? units : 1);
    return unit_floats < limit ? unit_floats : limit;
}

struct host_isa {
    const char *name;  /* "avx512", "avx2", "neon" or "generic" */
    const char *set;   /* what --kernels calls it: "host-avx512" */
    const char *label; /* for people: "AVX-512" */
    const struct host_kernel *const
        *kernels; /* by enum kernel; NULL: there is no such function */
};

/* The instruction set of that name, or the best with NULL; NULL where the processor
 * cannot run it or there is none of that name. */
const struct host_isa *host_isa_choose(const char *name);
/* Set i in order of preference, whether or not the processor can run it; NULL after the
 * last. */
const struct host_isa *host_isa_at(int i);

#endif
