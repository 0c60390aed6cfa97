/* Compiles a plan's pipelines on threads of their own, from its last step to its first,
 * while the caller builds the frame's commands from the first on. */
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
    atomic_size_t left; /* steps that no thread has taken */
    struct daub_thread threads[COMPILE_THREADS_MAX];
    int thread_count;
};

/* One thread for each processor but the caller's. device and plan must outlive
 * compile_finish. Best effort: what is not compiled here is when it is first used. */
void compile_start(struct compile *compile, struct daub_device *device,
                   const struct plan *plan);
/* Waits for the threads, which take no further steps. */
void compile_finish(struct compile *compile);

#endif
