/* The common part of sinks that encode: a queue and a thread that writes. Frames come
 * from the engine's thread, packets from the source's; both wait in one short queue. */
#ifndef DAUB_MEDIA_SINK_THREAD_H
#define DAUB_MEDIA_SINK_THREAD_H

#include <stdatomic.h>

#include "media/interrupt.h"
#include "media/sink.h"
#include "util/container_of.h"
#include "util/queue.h"
#include "util/thread.h"

struct sink_thread;
struct sink_thread_ops {
    /* In the sink's thread. frame borrows; packet consumes the reference. */
    bool (*frame)(struct sink_thread *self, const AVFrame *frame,
                  struct daub_error *error);
    bool (*packet)(struct sink_thread *self, AVPacket *packet, struct daub_error *error);
    /* Completes the output; whole false: something failed, maybe here, and it is kept as
     * unfinished. Called once. */
    bool (*end)(struct sink_thread *self, bool whole, struct daub_error *error);
    void (*destroy)(struct sink_thread *self);
};

struct sink_thread {
    struct media_sink sink;
    const struct sink_thread_ops *ops;
    struct daub_queue queue; /* struct sink_item */
    struct daub_thread thread;
    struct media_interrupt interrupt;
    atomic_bool whole;
    atomic_bool no_memory;                        /* an item could not be queued */
    atomic_llong frames_dropped, packets_dropped; /* because the queue was full */
    bool stalled; /* the engine's thread: there was no room for the last frame */
    atomic_ullong bytes;
    struct media_report report; /* the sink's thread until it was joined */
    struct daub_error error;    /* the same */
};

/* policy: whether a push waits or drops the oldest when the sink is slow. destroy is
 * allowed after failure. */
bool sink_thread_init(struct sink_thread *self, const struct media_sink_ops *sink_ops,
                      const struct sink_thread_ops *ops, enum daub_queue_policy policy,
                      struct daub_error *error);
bool sink_thread_start(struct sink_thread *self, struct daub_error *error);

/* Entries for struct media_sink_ops. */
bool sink_thread_push(struct media_sink *sink, const AVFrame *frame);
bool sink_thread_push_packet(struct media_sink *sink, const AVPacket *packet);
void sink_thread_interrupt(struct media_sink *sink);
void sink_thread_finish(struct media_sink *sink, bool whole);
bool sink_thread_join(struct media_sink *sink, struct media_report *report,
                      struct daub_error *error);
uint64_t sink_thread_bytes(struct media_sink *sink);
void sink_thread_destroy(struct media_sink *sink);

static inline struct sink_thread *sink_thread_of(struct media_sink *sink)
{
    return container_of(sink, struct sink_thread, sink);
}

#endif
