#include "util/queue.h"

#include <stdlib.h>

#include "util/alloc.h"

bool daub_queue_init(struct daub_queue *queue, size_t capacity,
                     enum daub_queue_policy policy, void (*discard)(void *item))
{
    *queue = (struct daub_queue){
        .policy = policy, .discard = discard, .capacity = capacity ? capacity : 1};
    queue->items = daub_alloc(queue->capacity, sizeof(*queue->items));
    if (!queue->items)
        return false;
    if (pthread_mutex_init(&queue->lock, NULL) != 0)
        goto fail_lock;
    if (pthread_cond_init(&queue->changed_items, NULL) != 0)
        goto fail_items;
    if (pthread_cond_init(&queue->changed_room, NULL) != 0)
        goto fail_room;
    queue->ready = true;
    return true;

fail_room:
    pthread_cond_destroy(&queue->changed_items);
fail_items:
    pthread_mutex_destroy(&queue->lock);
fail_lock:
    free(queue->items);
    queue->items = NULL;
    return false;
}

/* lock held; count > 0 */
static void *take(struct daub_queue *queue)
{
    void *item = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
    return item;
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
    free(queue->items);
    *queue = (struct daub_queue){0};
}

enum daub_queue_result daub_queue_push(struct daub_queue *queue, void *item)
{
    void *oldest = NULL;
    pthread_mutex_lock(&queue->lock);
    while (queue->policy == DAUB_QUEUE_BLOCK && queue->count == queue->capacity &&
           !queue->closed && !queue->finished)
        pthread_cond_wait(&queue->changed_room, &queue->lock);
    bool ended = queue->closed || queue->finished;
    if (!ended) {
        if (queue->count == queue->capacity) {
            oldest = take(queue);
            queue->dropped++;
        }
        queue->items[(queue->head + queue->count) % queue->capacity] = item;
        queue->count++;
        pthread_cond_signal(&queue->changed_items);
    }
    pthread_mutex_unlock(&queue->lock);
    if (oldest)
        queue->discard(oldest);
    return ended ? DAUB_QUEUE_ENDED : DAUB_QUEUE_OK;
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
        pthread_cond_signal(&queue->changed_room);
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
