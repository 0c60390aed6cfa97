#include "host/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/thread.h"

enum {
    THREADS_MAX = 256,
    /* Turns of the loop in which a thread waits for the next call before it sleeps: 25
     * microseconds on a Zen 5, on others by how long their pause instruction takes. Long
     * enough for the time between two steps of a frame. */
    SPINS = 1000,
    SCRATCH_ALIGN = 64,
};

struct worker {
    struct host_pool *pool;
    struct daub_thread thread;
    void *scratch;
};

struct host_pool {
    int count;              /* workers; number 0 stands for the calling thread */
    struct worker *workers; /* scratch: protected by `use` */
    size_t scratch_bytes;   /* of each worker; protected by `use` */
    pthread_mutex_t use;    /* held while a call runs */
    const struct host_kernel
        *kernel; /* this and the next four: the running call, see run_part */
    const struct host_call *call;
    struct host_work work;
    int part_units;
    size_t parts;
    atomic_size_t waiting_parts; /* parts that no thread has taken yet */
    atomic_size_t unfinished_parts;
    atomic_int sleeping; /* workers that wait for `wake` */
    atomic_bool stop;
    pthread_mutex_t lock; /* of the two conditions */
    pthread_cond_t wake;  /* there are parts, or stop */
    pthread_cond_t done;  /* no unfinished parts */
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes a part and makes it; false where none is left. The call cannot end before a part
 * that was taken is finished, so its fields may be read once a part was taken. */
static bool run_part(struct worker *worker)
{
    struct host_pool *pool = worker->pool;
    size_t left = atomic_load(&pool->waiting_parts);
    do {
        if (left == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&pool->waiting_parts, &left, left - 1));
    int first = (int)(pool->parts - left) * pool->part_units;
    int end = pool->work.units - first < pool->part_units ? pool->work.units
                                                          : first + pool->part_units;
    pool->kernel->run(pool->call, first, end, worker->scratch);
    if (atomic_fetch_sub(&pool->unfinished_parts, 1) == 1) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
    }
    return true;
}

static void sleep_until_woken(struct host_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (atomic_load(&pool->waiting_parts) == 0 && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *user)
{
    struct worker *worker = user;
    struct host_pool *pool = worker->pool;
    while (!atomic_load(&pool->stop)) {
        int spins = 0;
        while (spins < SPINS && atomic_load(&pool->waiting_parts) == 0) {
            pause_briefly();
            spins++;
        }
        if (!run_part(worker))
            sleep_until_woken(pool);
    }
    return NULL;
}

static int usable_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > THREADS_MAX ? THREADS_MAX : count;
}

struct host_pool *host_pool_create(int threads, struct daub_error *error)
{
    struct host_pool *pool = daub_alloc(1, sizeof(*pool));
    if (!pool) {
        daub_no_memory(error, "the threads");
        return NULL;
    }
    pthread_mutex_init(&pool->use, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    int wanted = threads > 0 ? threads : usable_processors();
    wanted = wanted > THREADS_MAX ? THREADS_MAX : wanted;
    pool->workers = daub_alloc((size_t)wanted, sizeof(*pool->workers));
    if (!pool->workers) {
        daub_no_memory(error, "the threads");
        goto fail;
    }
    pool->count = 1;
    pool->workers[0].pool = pool;
    for (int i = 1; i < wanted; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        if (!daub_thread_start(&worker->thread, "daub-kernels", work, worker, error))
            goto fail;
        pool->count++;
    }
    return pool;
fail:
    host_pool_free(pool);
    return NULL;
}

void host_pool_free(struct host_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->count; i++) {
        daub_thread_join(&pool->workers[i].thread);
        free(pool->workers[i].scratch);
    }
    free(pool->workers);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->use);
    free(pool);
}

int host_pool_threads(const struct host_pool *pool)
{
    return pool->count;
}

bool host_pool_reserve(struct host_pool *pool, const struct host_isa *isa,
                       const struct host_call *call, struct daub_error *error)
{
    const struct host_kernel *kernel = isa->kernels[call->kernel];
    size_t bytes = kernel->scratch ? kernel->scratch(call) : 0;
    bool ok = true;
    pthread_mutex_lock(&pool->use);
    if (bytes > pool->scratch_bytes) {
        bytes = (bytes + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;
        for (int i = 0; i < pool->count; i++) {
            void *scratch = aligned_alloc(SCRATCH_ALIGN, bytes);
            if (!scratch) {
                ok = false;
                break;
            }
            free(pool->workers[i].scratch);
            pool->workers[i].scratch = scratch;
        }
        if (ok)
            pool->scratch_bytes = bytes;
    }
    pthread_mutex_unlock(&pool->use);
    return ok || daub_no_memory(error, "the threads' scratch memory");
}

static void wait_until_done(struct host_pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->unfinished_parts) == 0)
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->unfinished_parts) > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void host_pool_run(struct host_pool *pool, const struct host_isa *isa,
                   const struct host_call *call)
{
    const struct host_kernel *kernel = isa->kernels[call->kernel];
    struct host_work work = kernel->work(call);
    int part_units = host_part_units(work);
    size_t parts = (size_t)((work.units + part_units - 1) / part_units);
    pthread_mutex_lock(&pool->use);
    if (parts == 1) {
        kernel->run(call, 0, work.units, pool->workers[0].scratch);
    } else if (parts > 1) {
        pool->kernel = kernel;
        pool->call = call;
        pool->work = work;
        pool->part_units = part_units;
        pool->parts = parts;
        atomic_store(&pool->unfinished_parts, parts);
        atomic_store(&pool->waiting_parts, parts);
        if (atomic_load(&pool->sleeping) > 0) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_broadcast(&pool->wake);
            pthread_mutex_unlock(&pool->lock);
        }
        while (run_part(&pool->workers[0]))
            ;
        wait_until_done(pool);
    }
    pthread_mutex_unlock(&pool->use);
}
