/* A bounded first-in first-out queue of pointers between threads. */
#ifndef DAUB_UTIL_QUEUE_H
#define DAUB_UTIL_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum daub_queue_policy {
    DAUB_QUEUE_BLOCK = 1,   /* push waits for room: nothing is lost */
    DAUB_QUEUE_DROP_OLDEST, /* push discards the oldest item: never waits */
};

enum daub_queue_result {
    DAUB_QUEUE_OK = 1,
    DAUB_QUEUE_EMPTY, /* try_pop only: nothing there now, more may come */
    DAUB_QUEUE_FULL,  /* push with a deadline only: no room came in time */
    DAUB_QUEUE_ENDED, /* the queue was finished or closed */
};

/* Items of a second kind have a limit of their own; all leave in the order they came. */
enum { DAUB_QUEUE_KINDS = 2 };

struct daub_queue_entry {
    void *item;
    int kind;
    size_t bytes;
};

struct daub_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed_items; /* an item came or the sender finished */
    pthread_cond_t changed_room;  /* room came or the receiver closed; CLOCK_MONOTONIC */
    enum daub_queue_policy policy;
    void (*discard)(void *item);
    size_t limits[DAUB_QUEUE_KINDS];
    struct daub_queue_entry *entries; /* lock: ring of capacity, the sum of limits */
    size_t capacity;
    size_t head;                     /* lock: index of the oldest entry */
    size_t count;                    /* lock */
    size_t counts[DAUB_QUEUE_KINDS]; /* lock: of each kind */
    size_t bytes_max;    /* of all items together, unless one alone has more */
    size_t bytes;        /* lock */
    bool finished;       /* lock: the sender pushes no more */
    bool closed;         /* lock: the receiver pops no more */
    int64_t deadline_us; /* lock: of every push, by the clock */
    uint64_t dropped;    /* lock: items that DROP_OLDEST discarded */
    bool ready;          /* set by init; destroy does nothing without it */
};

/* discard frees an item that is never popped. Returns false where memory ran out; destroy
 * accepts a zeroed, half-built or destroyed queue. No thread may be inside a call when
 * destroy runs. */
bool daub_queue_init(struct daub_queue *queue, size_t capacity,
                     enum daub_queue_policy policy, void (*discard)(void *item));
/* The same with a limit for each kind, and one for the bytes of all items. */
bool daub_queue_init_kinds(struct daub_queue *queue,
                           const size_t limits[DAUB_QUEUE_KINDS], size_t bytes_max,
                           enum daub_queue_policy policy, void (*discard)(void *item));
void daub_queue_destroy(struct daub_queue *queue);

/* OK: the queue owns item. ENDED (either end has finished): the caller still owns it. */
enum daub_queue_result daub_queue_push(struct daub_queue *queue, void *item);
/* The same for an item of a kind (0 or 1) and size, which waits for room until that clock
 * time at most. FULL: the caller still owns it. */
enum daub_queue_result daub_queue_push_until(struct daub_queue *queue, void *item,
                                             int kind, size_t bytes, int64_t deadline_us);
/* From now on no push waits longer than until that clock time, not even one that waits
 * already. */
void daub_queue_set_deadline(struct daub_queue *queue, int64_t deadline_us);

/* OK: the caller owns *item. ENDED: the sender finished and all its items were taken, or
 * the receiver closed; *item is NULL. pop waits; try_pop returns EMPTY instead. */
enum daub_queue_result daub_queue_pop(struct daub_queue *queue, void **item);
enum daub_queue_result daub_queue_try_pop(struct daub_queue *queue, void **item);

/* The sender's end: what is queued can still be taken. */
void daub_queue_finish(struct daub_queue *queue);
/* The receiver's end: discards what is queued; a waiting push returns ENDED. */
void daub_queue_close(struct daub_queue *queue);

uint64_t daub_queue_dropped(struct daub_queue *queue);

#endif
