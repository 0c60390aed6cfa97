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

struct host_kernel {
    /* Parts of the call's work, which may run in any order and at the same time; at
     * least 1. */
    size_t (*parts)(const struct host_call *call);
    /* Bytes of scratch memory that a running part needs; NULL: none. */
    size_t (*scratch)(const struct host_call *call);
    /* Makes one part. scratch is aligned to 64 bytes and has undefined contents. */
    void (*run)(const struct host_call *call, size_t part, void *scratch);
};

struct host_isa {
    const char
        *name; /* as --kernels takes it after "host-": avx512, avx2, neon, generic */
    const char *set;   /* its kernel set's name: "host-avx512" */
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
