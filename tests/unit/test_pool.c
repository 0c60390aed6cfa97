/* The threads of the host kernels: every part of a call is made once, with scratch memory
 * of its thread, whatever the number of threads and callers (run under ThreadSanitizer
 * with -DDAUB_TSAN=ON). */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "host/pool.h"
#include "util/thread.h"

enum { UNITS_MAX = 1000, SCRATCH = 1000 };

/* A call's slot 0 holds a counter for each unit; groups[0] is the number of units,
 * groups[1] the units of a part. */
static struct host_work work(const struct host_call *call)
{
    return (struct host_work){(int)call->groups[0], HOST_PART_FLOATS / call->groups[1]};
}

static size_t scratch_bytes(const struct host_call *call)
{
    (void)call;
    return SCRATCH;
}

static void count(const struct host_call *call, int first, int end, void *scratch)
{
    atomic_int *counters = call->slot[0];
    assert_true(0 <= first && first < end && end <= (int)call->groups[0]);
    assert_true(end - first == (int)call->groups[1] || end == (int)call->groups[0]);
    assert_int_equal((uintptr_t)scratch % 64, 0);
    memset(scratch, first, SCRATCH);
    for (int i = first; i < end; i++)
        atomic_fetch_add(&counters[i], 1);
    for (size_t i = 0; i < SCRATCH; i++)
        assert_int_equal(((unsigned char *)scratch)[i], first % 256);
}

static const struct host_kernel counting = {work, scratch_bytes, count};
static const struct host_kernel *const kernels[KERNEL_COUNT] = {[KERNEL_MEAN] =
                                                                    &counting};
static const struct host_isa isa = {"test", "test", "test", kernels};

static void run_often(struct host_pool *pool, unsigned times)
{
    atomic_int *counters = calloc(UNITS_MAX, sizeof(*counters));
    assert_non_null(counters);
    struct host_call call = {
        .kernel = KERNEL_MEAN, .slot = {counters}, .groups = {1, 1, 1}};
    assert_true(host_pool_reserve(pool, &isa, &call, NULL));
    int expected[UNITS_MAX] = {0};
    for (unsigned i = 0; i < times; i++) {
        call.groups[0] = i * 37 % UNITS_MAX;
        call.groups[1] = 1u << i % 4;
        host_pool_run(pool, &isa, &call);
        for (unsigned k = 0; k < UNITS_MAX; k++) {
            expected[k] += k < call.groups[0];
            assert_int_equal(atomic_load(&counters[k]), expected[k]);
        }
    }
    free(counters);
}

static void test_every_part_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        struct host_pool *pool = host_pool_create(threads, NULL);
        assert_non_null(pool);
        assert_int_equal(host_pool_threads(pool), threads);
        run_often(pool, 200);
        host_pool_free(pool);
    }
}

static void *call_often(void *pool)
{
    run_often(pool, 100);
    return NULL;
}

static void test_several_callers(void **state)
{
    (void)state;
    struct host_pool *pool = host_pool_create(3, NULL);
    struct daub_thread callers[3] = {0};
    for (int i = 0; i < 3; i++)
        assert_true(daub_thread_start(&callers[i], "caller", call_often, pool, NULL));
    for (int i = 0; i < 3; i++)
        daub_thread_join(&callers[i]);
    host_pool_free(pool);
}

/* Threads that have slept since the last call are woken, and idle threads use no
 * processor time. */
static void test_quiet_when_idle(void **state)
{
    (void)state;
    struct host_pool *pool = host_pool_create(4, NULL);
    run_often(pool, 20);
    struct timespec pause = {0, 100 * 1000 * 1000}, before, after;
    nanosleep(&(struct timespec){0, 20 * 1000 * 1000}, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double used = (double)(after.tv_sec - before.tv_sec) * 1e3 +
                  (double)(after.tv_nsec - before.tv_nsec) * 1e-6;
    assert_true(used < 20);
    run_often(pool, 20);
    host_pool_free(pool);
}

/* The processors of the affinity mask, and the limits of --threads. */
static void test_thread_count(void **state)
{
    (void)state;
    cpu_set_t old, one;
    assert_int_equal(sched_getaffinity(0, sizeof(old), &old), 0);
    struct host_pool *pool = host_pool_create(0, NULL);
    assert_int_equal(host_pool_threads(pool), CPU_COUNT(&old));
    host_pool_free(pool);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &old))
            CPU_SET(i, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    pool = host_pool_create(0, NULL);
    assert_int_equal(host_pool_threads(pool), 1);
    run_often(pool, 5);
    host_pool_free(pool);
    assert_int_equal(sched_setaffinity(0, sizeof(old), &old), 0);
}

static void test_instruction_sets(void **state)
{
    (void)state;
    int found = 0;
    const struct host_isa *best = host_isa_choose(NULL);
    assert_non_null(best);
    for (int i = 0; host_isa_at(i); i++)
        found += host_isa_choose(host_isa_at(i)->name) == host_isa_at(i);
    assert_true(found >= 1);
    assert_ptr_equal(host_isa_choose(best->name), best);
    assert_null(host_isa_choose("mmx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_once),  cmocka_unit_test(test_several_callers),
        cmocka_unit_test(test_quiet_when_idle),  cmocka_unit_test(test_thread_count),
        cmocka_unit_test(test_instruction_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
