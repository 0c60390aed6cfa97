/* The bounded queue: order, limits, both ends, ownership, and threads against each other
 * (run under ThreadSanitizer with -DDAUB_TSAN=ON). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/queue.h"
#include "util/thread.h"

static atomic_long discarded;

static void discard(void *item)
{
    atomic_fetch_add(&discarded, 1);
    free(item);
}

static void *item_of(long number)
{
    long *item = malloc(sizeof(*item));
    assert_non_null(item);
    *item = number;
    return item;
}

static long number_of(void *item)
{
    long number = *(long *)item;
    free(item);
    return number;
}

static void test_order(void **state)
{
    (void)state;
    struct daub_queue queue;
    void *item;
    assert_true(daub_queue_init(&queue, 3, DAUB_QUEUE_BLOCK, discard));
    assert_int_equal(daub_queue_try_pop(&queue, &item), DAUB_QUEUE_EMPTY);
    assert_null(item);
    for (long round = 0; round < 5; round++) { /* the ring wraps */
        for (long i = 0; i < 3; i++)
            assert_int_equal(daub_queue_push(&queue, item_of(i)), DAUB_QUEUE_OK);
        for (long i = 0; i < 3; i++) {
            assert_int_equal(daub_queue_pop(&queue, &item), DAUB_QUEUE_OK);
            assert_int_equal(number_of(item), i);
        }
    }
    daub_queue_destroy(&queue);
}

static void test_drop_oldest(void **state)
{
    (void)state;
    struct daub_queue queue;
    void *item;
    atomic_store(&discarded, 0);
    assert_true(daub_queue_init(&queue, 2, DAUB_QUEUE_DROP_OLDEST, discard));
    for (long i = 0; i < 5; i++)
        assert_int_equal(daub_queue_push(&queue, item_of(i)), DAUB_QUEUE_OK);
    assert_int_equal(daub_queue_dropped(&queue), 3);
    assert_int_equal(atomic_load(&discarded), 3);
    for (long i = 3; i < 5; i++) {
        assert_int_equal(daub_queue_pop(&queue, &item), DAUB_QUEUE_OK);
        assert_int_equal(number_of(item), i);
    }
    daub_queue_destroy(&queue);
}

static void test_finish(void **state)
{
    (void)state;
    struct daub_queue queue;
    void *item;
    assert_true(daub_queue_init(&queue, 2, DAUB_QUEUE_BLOCK, discard));
    assert_int_equal(daub_queue_push(&queue, item_of(7)), DAUB_QUEUE_OK);
    daub_queue_finish(&queue);
    void *late = item_of(8);
    assert_int_equal(daub_queue_push(&queue, late), DAUB_QUEUE_ENDED);
    free(late); /* the queue did not accept it */
    assert_int_equal(daub_queue_pop(&queue, &item), DAUB_QUEUE_OK);
    assert_int_equal(number_of(item), 7);
    assert_int_equal(daub_queue_pop(&queue, &item), DAUB_QUEUE_ENDED);
    assert_null(item);
    assert_int_equal(daub_queue_try_pop(&queue, &item), DAUB_QUEUE_ENDED);
    daub_queue_destroy(&queue);
}

static void test_close(void **state)
{
    (void)state;
    struct daub_queue queue;
    void *item;
    atomic_store(&discarded, 0);
    assert_true(daub_queue_init(&queue, 2, DAUB_QUEUE_BLOCK, discard));
    assert_int_equal(daub_queue_push(&queue, item_of(1)), DAUB_QUEUE_OK);
    assert_int_equal(daub_queue_push(&queue, item_of(2)), DAUB_QUEUE_OK);
    daub_queue_close(&queue);
    assert_int_equal(atomic_load(&discarded), 2);
    void *late = item_of(3);
    assert_int_equal(daub_queue_push(&queue, late), DAUB_QUEUE_ENDED);
    free(late);
    assert_int_equal(daub_queue_pop(&queue, &item), DAUB_QUEUE_ENDED);
    daub_queue_destroy(&queue);
    daub_queue_destroy(&queue); /* twice is allowed */
}

static void test_destroy_discards(void **state)
{
    (void)state;
    struct daub_queue queue;
    atomic_store(&discarded, 0);
    assert_true(daub_queue_init(&queue, 4, DAUB_QUEUE_BLOCK, discard));
    for (long i = 0; i < 3; i++)
        daub_queue_push(&queue, item_of(i));
    daub_queue_destroy(&queue);
    assert_int_equal(atomic_load(&discarded), 3);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct daub_queue queue;
    daub_alloc_fail_at(1);
    assert_false(daub_queue_init(&queue, 4, DAUB_QUEUE_BLOCK, discard));
    daub_alloc_fail_at(0);
    daub_queue_destroy(&queue);
}

/* Each kind has its limit, all leave in the order they came, and a push to a full kind
 * discards its oldest item. */
static void test_kinds(void **state)
{
    (void)state;
    struct daub_queue queue;
    void *item;
    const size_t limits[DAUB_QUEUE_KINDS] = {1, 3};
    atomic_store(&discarded, 0);
    assert_true(
        daub_queue_init_kinds(&queue, limits, SIZE_MAX, DAUB_QUEUE_DROP_OLDEST, discard));
    for (long round = 0; round < 5; round++) { /* the ring wraps */
        static const int kinds[] = {1, 0, 1, 0, 1, 1};
        for (long i = 0; i < 6; i++)
            assert_int_equal(daub_queue_push_until(&queue, item_of(i), kinds[i], 0, 0),
                             DAUB_QUEUE_OK);
        static const long left[] = {2, 3, 4, 5};
        for (int i = 0; i < 4; i++) {
            assert_int_equal(daub_queue_pop(&queue, &item), DAUB_QUEUE_OK);
            assert_int_equal(number_of(item), left[i]);
        }
        assert_int_equal(daub_queue_try_pop(&queue, &item), DAUB_QUEUE_EMPTY);
    }
    assert_int_equal(daub_queue_dropped(&queue), 10);
    assert_int_equal(atomic_load(&discarded), 10);
    daub_queue_destroy(&queue);
}

/* The bytes of all items are limited; one item alone may have more, and items of no bytes
 * always fit. */
static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        enum daub_queue_result result;
    } pushes[] = {{60, DAUB_QUEUE_OK}, {60, DAUB_QUEUE_FULL}, {0, DAUB_QUEUE_OK},
                  {40, DAUB_QUEUE_OK}, {1, DAUB_QUEUE_FULL},  {SIZE_MAX, DAUB_QUEUE_FULL},
                  {0, DAUB_QUEUE_OK}};
    const size_t limits[DAUB_QUEUE_KINDS] = {8, 8};
    struct daub_queue queue;
    void *item;
    assert_true(daub_queue_init_kinds(&queue, limits, 100, DAUB_QUEUE_BLOCK, discard));
    assert_int_equal(daub_queue_push_until(&queue, item_of(0), 1, 1000, 0),
                     DAUB_QUEUE_OK); /* more than all may have, but alone */
    assert_int_equal(daub_queue_pop(&queue, &item), DAUB_QUEUE_OK);
    free(item);
    for (size_t i = 0; i < sizeof(pushes) / sizeof(pushes[0]); i++) {
        void *next = item_of((long)i);
        assert_int_equal(daub_queue_push_until(&queue, next, 1, pushes[i].bytes, 0),
                         pushes[i].result);
        if (pushes[i].result != DAUB_QUEUE_OK)
            free(next);
    }
    daub_queue_destroy(&queue);

    atomic_store(&discarded, 0);
    assert_true(
        daub_queue_init_kinds(&queue, limits, 100, DAUB_QUEUE_DROP_OLDEST, discard));
    for (long i = 0; i < 5; i++)
        assert_int_equal(daub_queue_push_until(&queue, item_of(i), 1, 40, 0),
                         DAUB_QUEUE_OK);
    assert_int_equal(daub_queue_dropped(&queue), 3);
    daub_queue_destroy(&queue);
}

/* A push returns at its deadline, and at one that is set while it waits. */
static void test_deadline(void **state)
{
    (void)state;
    struct daub_queue queue;
    void *late = item_of(2);
    assert_true(daub_queue_init(&queue, 1, DAUB_QUEUE_BLOCK, discard));
    assert_int_equal(daub_queue_push(&queue, item_of(1)), DAUB_QUEUE_OK);
    int64_t start_us = daub_clock_us();
    assert_int_equal(daub_queue_push_until(&queue, late, 0, 0, start_us + 20000),
                     DAUB_QUEUE_FULL);
    assert_true(daub_clock_us() - start_us >= 20000);
    assert_int_equal(daub_queue_push_until(&queue, late, 0, 0, start_us),
                     DAUB_QUEUE_FULL);
    free(late);
    daub_queue_destroy(&queue);
}

struct work {
    struct daub_queue *queue;
    long first, count;
    long pushed, popped, sum;
};

static void *push_numbers(void *opaque)
{
    struct work *work = opaque;
    for (long i = 0; i < work->count; i++) {
        void *item = item_of(work->first + i);
        if (daub_queue_push(work->queue, item) != DAUB_QUEUE_OK) {
            free(item);
            break;
        }
        work->pushed++;
    }
    return NULL;
}

static void *pop_numbers(void *opaque)
{
    struct work *work = opaque;
    void *item;
    while (daub_queue_pop(work->queue, &item) == DAUB_QUEUE_OK) {
        work->sum += number_of(item);
        work->popped++;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct daub_queue queue;
    struct daub_thread threads[4] = {0};
    struct daub_error error = {0};
    assert_true(daub_queue_init(&queue, 3, DAUB_QUEUE_BLOCK, discard));
    struct work works[4] = {{.queue = &queue, .first = 1, .count = COUNT},
                            {.queue = &queue, .first = 1 + COUNT, .count = COUNT},
                            {.queue = &queue},
                            {.queue = &queue}};
    for (int i = 0; i < 4; i++)
        assert_true(daub_thread_start(
            &threads[i], "test", i < 2 ? push_numbers : pop_numbers, &works[i], &error));
    daub_thread_join(&threads[0]);
    daub_thread_join(&threads[1]);
    daub_queue_finish(&queue);
    daub_thread_join(&threads[2]);
    daub_thread_join(&threads[3]);
    daub_thread_join(&threads[3]); /* twice is allowed */
    assert_int_equal(works[2].popped + works[3].popped, 2 * COUNT);
    assert_int_equal(works[2].sum + works[3].sum, (2L * COUNT + 1) * COUNT);
    daub_queue_destroy(&queue);
}

/* A receiver that closes the queue wakes a sender that waits for room, and nothing leaks.
 */
static void test_close_wakes_push(void **state)
{
    (void)state;
    struct daub_queue queue;
    struct daub_thread thread = {0};
    struct daub_error error = {0};
    assert_true(daub_queue_init(&queue, 2, DAUB_QUEUE_BLOCK, discard));
    struct work work = {.queue = &queue, .count = 100};
    assert_true(daub_thread_start(&thread, "test", push_numbers, &work, &error));
    usleep(20000);
    daub_queue_close(&queue);
    daub_thread_join(&thread);
    assert_int_equal(work.pushed, 2);
    daub_queue_destroy(&queue);
}

static void *push_one(void *opaque)
{
    void *item = item_of(0);
    if (daub_queue_push(opaque, item) == DAUB_QUEUE_FULL)
        free(item);
    return NULL;
}

static void test_deadline_wakes_push(void **state)
{
    (void)state;
    struct daub_queue queue;
    struct daub_thread thread = {0};
    struct daub_error error = {0};
    assert_true(daub_queue_init(&queue, 1, DAUB_QUEUE_BLOCK, discard));
    assert_int_equal(daub_queue_push(&queue, item_of(1)), DAUB_QUEUE_OK);
    assert_true(daub_thread_start(&thread, "test", push_one, &queue, &error));
    usleep(20000);
    daub_queue_set_deadline(&queue, daub_clock_us());
    daub_thread_join(&thread);
    daub_queue_destroy(&queue);
}

static void test_finish_wakes_pop(void **state)
{
    (void)state;
    struct daub_queue queue;
    struct daub_thread thread = {0};
    struct daub_error error = {0};
    assert_true(daub_queue_init(&queue, 2, DAUB_QUEUE_BLOCK, discard));
    struct work work = {.queue = &queue};
    assert_true(daub_thread_start(&thread, "test", pop_numbers, &work, &error));
    usleep(20000);
    daub_queue_finish(&queue);
    daub_thread_join(&thread);
    assert_int_equal(work.popped, 0);
    daub_queue_destroy(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_drop_oldest),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_destroy_discards),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_deadline_wakes_push),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_close_wakes_push),
        cmocka_unit_test(test_finish_wakes_pop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
