#include "engine/compile.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"

enum { SILENT_US = 1000000, REPORT_MS = 100 };

struct compile {
    struct dispatch_list *list;
    size_t *missing; /* dispatches with different pipelines that the device lacks */
    size_t count;
    size_t before; /* pipelines that the device had; counted, too, in what is reported */
    pthread_mutex_t lock;
    pthread_cond_t changed;  /* with lock: done or running */
    size_t next, done;       /* lock: of missing */
    int running;             /* lock: threads */
    struct daub_error error; /* lock: the first failure; no other compilation begins */
};

static bool same_pipeline(const struct dispatch *a, const struct dispatch *b)
{
    return a->kernel == b->kernel && a->fp16 == b->fp16 &&
           memcmp(&a->constants, &b->constants, sizeof(a->constants)) == 0;
}

static void record_empty(VkCommandBuffer cmd, void *user)
{
    dispatch_list_record(user, cmd, VK_NULL_HANDLE);
}

/* Runs no work-group of the dispatch: Mesa's llvmpipe makes machine code only then. */
static bool run_empty(const struct dispatch_list *list, const struct dispatch *item,
                      struct daub_error *error)
{
    struct dispatch_list one = *list;
    struct dispatch empty = *item;
    one.items = &empty;
    one.count = 1;
    memset(empty.groups, 0, sizeof(empty.groups));
    return gpu_run(list->device, record_empty, &one, error);
}

/* Call with the lock held, which is released while a pipeline is compiled. */
static void compile_next(struct compile *compile)
{
    struct dispatch *item = &compile->list->items[compile->missing[compile->next++]];
    struct daub_error error = {0};
    int64_t start_us = daub_clock_us();
    pthread_mutex_unlock(&compile->lock);
    bool put_off = compile->list->device->info.kind == DAUB_DEVICE_SOFTWARE;
    bool ok = dispatch_compile(compile->list, item, &error) &&
              (!put_off || run_empty(compile->list, item, &error));
    daub_log(DAUB_LOG_DEBUG, "compiled %s for '%s' in %.0f ms",
             kernel_info(item->kernel)->name, item->name,
             (double)(daub_clock_us() - start_us) * 1e-3);
    pthread_mutex_lock(&compile->lock);
    compile->done++;
    if (!ok && compile->error.status == DAUB_OK)
        compile->error = error;
    pthread_cond_signal(&compile->changed);
}

static void *compile_some(void *user)
{
    struct compile *compile = user;
    pthread_mutex_lock(&compile->lock);
    while (compile->next < compile->count && compile->error.status == DAUB_OK)
        compile_next(compile);
    compile->running--;
    pthread_cond_signal(&compile->changed);
    pthread_mutex_unlock(&compile->lock);
    return NULL;
}

/* Waits for the threads and reports. */
static void watch(struct compile *compile)
{
    struct daub_device *device = compile->list->device;
    int64_t start_us = daub_clock_us();
    int total = (int)(compile->before + compile->count);
    bool reported = false;
    pthread_mutex_lock(&compile->lock);
    while (compile->running > 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += REPORT_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&compile->changed, &compile->lock, &until);
        size_t done = compile->done;
        pthread_mutex_unlock(&compile->lock);
        if (device->compiling && daub_clock_us() - start_us > SILENT_US) {
            device->compiling((int)(compile->before + done), total,
                              device->compiling_user);
            reported = true;
        }
        pthread_mutex_lock(&compile->lock);
    }
    pthread_mutex_unlock(&compile->lock);
    if (reported)
        device->compiling(total, total, device->compiling_user);
}

static void compile_missing(struct compile *compile)
{
    struct daub_thread threads[COMPILE_THREADS_MAX] = {0};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&compile->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&compile->lock, NULL);
    pthread_mutex_lock(&compile->lock);
    for (int i = 0; i < COMPILE_THREADS_MAX && i < processors; i++) {
        if (daub_thread_start(&threads[i], "daub-compile", compile_some, compile, NULL))
            compile->running++;
    }
    bool alone = compile->running == 0;
    compile->running += alone;
    pthread_mutex_unlock(&compile->lock);
    if (alone)
        compile_some(compile);
    watch(compile);
    for (int i = 0; i < COMPILE_THREADS_MAX; i++)
        daub_thread_join(&threads[i]);
    pthread_mutex_destroy(&compile->lock);
    pthread_cond_destroy(&compile->changed);
}

/* Whether an earlier missing dispatch has the same pipeline. */
static bool is_listed(const struct compile *compile, const struct dispatch *item)
{
    for (size_t i = 0; i < compile->count; i++) {
        if (same_pipeline(&compile->list->items[compile->missing[i]], item))
            return true;
    }
    return false;
}

bool compile_list(struct dispatch_list *list, struct daub_error *error)
{
    struct compile compile = {.list = list};
    if (list->kernels == GPU_KERNELS_HOST)
        return true;
    compile.missing = daub_alloc(list->count + 1, sizeof(*compile.missing));
    if (!compile.missing)
        return daub_no_memory(error, "compiling the kernels");
    for (size_t i = 0; i < list->count; i++) {
        const struct dispatch *item = &list->items[i];
        if (!dispatch_is_compiled(list, item) && !is_listed(&compile, item))
            compile.missing[compile.count++] = i;
    }
    pthread_mutex_lock(&list->device->lock);
    compile.before = list->device->pipeline_count;
    pthread_mutex_unlock(&list->device->lock);
    if (compile.count > 0)
        compile_missing(&compile);
    free(compile.missing);
    if (compile.error.status != DAUB_OK)
        return daub_fail(error, compile.error.status, "%s", compile.error.message);
    for (size_t i = 0; i < list->count; i++) {
        if (!dispatch_compile(list, &list->items[i], error))
            return false;
    }
    return true;
}
