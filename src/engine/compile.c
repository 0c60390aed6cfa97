#include "engine/compile.h"

#include <string.h>
#include <unistd.h>

#include "engine/exec.h"

static void *compile_steps(void *user)
{
    struct compile *compile = user;
    const struct plan *plan = compile->plan;
    for (;;) {
        size_t left = atomic_load(&compile->left);
        while (left > 0 && !atomic_compare_exchange_weak(&compile->left, &left, left - 1))
            ;
        if (left == 0)
            return NULL;
        const struct plan_step *step = &plan->steps[left - 1];
        struct daub_error ignored = {0};
        dispatch_pipeline(compile->device, step->kernel, plan->caps.fp16,
                          &step->constants, &ignored);
    }
}

void compile_start(struct compile *compile, struct daub_device *device,
                   const struct plan *plan)
{
    memset(compile, 0, sizeof(*compile));
    compile->device = device;
    compile->plan = plan;
    atomic_init(&compile->left, plan->step_count);
    if (plan->caps.host)
        return; /* they were compiled when the program was built */
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    while (compile->thread_count + 1 < processors &&
           compile->thread_count < COMPILE_THREADS_MAX &&
           daub_thread_start(&compile->threads[compile->thread_count], "daub-compile",
                             compile_steps, compile, NULL))
        compile->thread_count++;
}

void compile_finish(struct compile *compile)
{
    atomic_store(&compile->left, 0);
    for (int i = 0; i < compile->thread_count; i++)
        daub_thread_join(&compile->threads[i]);
    compile->thread_count = 0;
}
