#include "util/queue.h"

#include <stdlib.h>
#include <time.h>

#include "util/alloc.h"
#include "util/clock.h"

static bool init_room(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(cond, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return ok;
}

bool daub_queue_init_kinds(struct daub_queue *queue,
                           const size_t limits[DAUB_QUEUE_KINDS], size_t bytes_max,
                           enum daub_queue_policy policy, void (*discard)(void *item))
{
    *queue = (struct daub_queue){.policy = policy,
                                 .discard = discard,
                                 .bytes_max = bytes_max,
                                 .deadline_us = INT64_MAX};
    for (int i = 0; i < DAUB_QUEUE_KINDS; i++) {
        queue->limits[i] = limits[i];
        queue->capacity += limits[i];
    }
    queue->entries = daub_alloc(queue->capacity, sizeof(*queue->entries));
    if (!queue->entries)
        return false;
    if (pthread_mutex_init(&queue->lock, NULL) != 0)
        goto fail_lock;
    if (pthread_cond_init(&queue->changed_items, NULL) != 0)
        goto fail_items;
    if (!init_room(&queue->changed_room))
        goto fail_room;
    queue->ready = true;
    return true;

fail_room:
    pthread_cond_destroy(&queue->changed_items);
fail_items:
    pthread_mutex_destroy(&queue->lock);
fail_lock:
    free(queue->entries);
    queue->entries = NULL;
    return false;
}

bool daub_queue_init(struct daub_queue *queue, size_t capacity,
                     enum daub_queue_policy policy, void (*discard)(void *item))
{
    const size_t limits[DAUB_QUEUE_KINDS] = {capacity ? capacity : 1};
    return daub_queue_init_kinds(queue, limits, SIZE_MAX, policy, discard);
}

/* lock held */
static struct daub_queue_entry *entry_at(struct daub_queue *queue, size_t index)
{
    return &queue->entries[(queue->head + index) % queue->capacity];
}

/* lock held; count > 0 */
static void *take(struct daub_queue *queue)
{
    struct daub_queue_entry *entry = entry_at(queue, 0);
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
    queue->counts[entry->kind]--;
    queue->bytes -= entry->bytes;
    return entry->item;
}

/* lock held; there is one of that kind */
static void *take_kind(struct daub_queue *queue, int kind)
{
    size_t index = 0;
    while (entry_at(queue, index)->kind != kind)
        index++;
    struct daub_queue_entry entry = *entry_at(queue, index);
    for (; index > 0; index--)
        *entry_at(queue, index) = *entry_at(queue, index - 1);
    *entry_at(queue, 0) = entry;
    return take(queue);
}

void daub_queue_destroy(struct daub_queue *queue)
{
    if (!queue->ready)
        return;
    while (queue->count > 0)
        queue->discard(take(queue));
    pthread_cond_destroy(&queue->changed_room);
    pthread_cond_destroy(&queue->changed_items);
    pthread_mutex_destroy(&queue->lock);
    free(queue->entries);
    *queue = (struct daub_queue){0};
}

enum daub_queue_result daub_queue_push(struct daub_queue *queue, void *item)
{
    return daub_queue_push_until(queue, item, 0, 0, INT64_MAX);
}

/* lock held */
static bool has_room(const struct daub_queue *queue, int kind, size_t bytes)
{
    bool fits =
        bytes == 0 || queue->bytes == 0 ||
        (queue->bytes < queue->bytes_max && bytes <= queue->bytes_max - queue->bytes);
    return fits && queue->counts[kind] < queue->limits[kind];
}

/* lock held. Waits for room. false: the deadline passed. */
static bool wait_room(struct daub_queue *queue, int kind, size_t bytes,
                      int64_t deadline_us)
{
    while (!has_room(queue, kind, bytes) && !queue->closed && !queue->finished) {
        int64_t until_us =
            deadline_us < queue->deadline_us ? deadline_us : queue->deadline_us;
        if (until_us == INT64_MAX) {
            pthread_cond_wait(&queue->changed_room, &queue->lock);
            continue;
        }
        if (daub_clock_us() >= until_us)
            return false;
        struct timespec until = {.tv_sec = until_us / 1000000,
                                 .tv_nsec = until_us % 1000000 * 1000};
        pthread_cond_timedwait(&queue->changed_room, &queue->lock, &until);
    }
    return true;
}

enum daub_queue_result daub_queue_push_until(struct daub_queue *queue, void *item,
                                             int kind, size_t bytes, int64_t deadline_us)
{
    enum daub_queue_result result = DAUB_QUEUE_OK;
    pthread_mutex_lock(&queue->lock);
    if (queue->policy == DAUB_QUEUE_BLOCK && !wait_room(queue, kind, bytes, deadline_us))
        result = DAUB_QUEUE_FULL;
    if (queue->closed || queue->finished)
        result = DAUB_QUEUE_ENDED;
    if (result == DAUB_QUEUE_OK) {
        while (queue->counts[kind] > 0 && !has_room(queue, kind, bytes)) {
            queue->discard(take_kind(queue, kind));
            queue->dropped++;
        }
        *entry_at(queue, queue->count++) =
            (struct daub_queue_entry){.item = item, .kind = kind, .bytes = bytes};
        queue->counts[kind]++;
        queue->bytes += bytes;
        pthread_cond_signal(&queue->changed_items);
    }
    pthread_mutex_unlock(&queue->lock);
    return result;
}

void daub_queue_set_deadline(struct daub_queue *queue, int64_t deadline_us)
{
    pthread_mutex_lock(&queue->lock);
    queue->deadline_us = deadline_us;
    pthread_cond_broadcast(&queue->changed_room);
    pthread_mutex_unlock(&queue->lock);
}

static enum daub_queue_result pop(struct daub_queue *queue, void **item, bool wait)
{
    enum daub_queue_result result = DAUB_QUEUE_OK;
    *item = NULL;
    pthread_mutex_lock(&queue->lock);
    while (wait && queue->count == 0 && !queue->finished && !queue->closed)
        pthread_cond_wait(&queue->changed_items, &queue->lock);
    if (queue->count > 0) {
        *item = take(queue);
        /* the one that is woken may wait for room for the other kind */
        pthread_cond_broadcast(&queue->changed_room);
    } else {
        result = queue->finished || queue->closed ? DAUB_QUEUE_ENDED : DAUB_QUEUE_EMPTY;
    }
    pthread_mutex_unlock(&queue->lock);
    return result;
}

enum daub_queue_result daub_queue_pop(struct daub_queue *queue, void **item)
{
    return pop(queue, item, true);
}

enum daub_queue_result daub_queue_try_pop(struct daub_queue *queue, void **item)
{
    return pop(queue, item, false);
}

void daub_queue_finish(struct daub_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->finished = true;
    pthread_cond_broadcast(&queue->changed_items);
    pthread_cond_broadcast(&queue->changed_room);
    pthread_mutex_unlock(&queue->lock);
}

void daub_queue_close(struct daub_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    while (queue->count > 0)
        queue->discard(take(queue));
    pthread_cond_broadcast(&queue->changed_items);
    pthread_cond_broadcast(&queue->changed_room);
    pthread_mutex_unlock(&queue->lock);
}

uint64_t daub_queue_dropped(struct daub_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t dropped = queue->dropped;
    pthread_mutex_unlock(&queue->lock);
    return dropped;
}
