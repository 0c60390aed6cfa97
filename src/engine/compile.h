/* Compiles a plan's pipelines on threads of their own, from the last step to the first,
 * while the caller, who builds the frame's commands, compiles from the first to the last.
 */
#ifndef DAUB_ENGINE_COMPILE_H
#define DAUB_ENGINE_COMPILE_H

#include <stdatomic.h>

#include "gpu/gpu.h"
#include "net/plan.h"
#include "util/thread.h"

enum { COMPILE_THREADS_MAX = 7 };

struct compile {
    struct daub_device *device;
    const struct plan *plan;
    atomic_size_t left; /* steps whose compilation has not begun */
    struct daub_thread threads[COMPILE_THREADS_MAX];
    int thread_count;
};

/* One thread for each processor but the caller's. device and plan must outlive
 * compile_finish. What is not compiled here is compiled at its first use. */
void compile_start(struct compile *compile, struct daub_device *device,
                   const struct plan *plan);
/* Waits for the compilations that have begun; no other begins. */
void compile_finish(struct compile *compile);

#endif
