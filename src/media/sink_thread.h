/* A sink with a thread and a short queue of frames: what encoders share. */
#ifndef DAUB_MEDIA_SINK_THREAD_H
#define DAUB_MEDIA_SINK_THREAD_H

#include <stdatomic.h>

#include "media/sink.h"
#include "util/queue.h"
#include "util/thread.h"

struct sink_thread;
struct sink_thread_ops {
    /* In the sink's thread. frame borrows. */
    bool (*frame)(struct sink_thread *self, const AVFrame *frame,
                  struct daub_error *error);
    /* Completes (keep) or throws away the output. Called once, also after a failure
     * (then with keep false). */
    bool (*end)(struct sink_thread *self, bool keep, struct daub_error *error);
    void (*destroy)(struct sink_thread *self);
};

struct sink_thread {
    struct media_sink sink;
    const struct sink_thread_ops *ops;
    struct daub_queue queue; /* AVFrame; sender: the engine */
    struct daub_thread thread;
    atomic_bool keep;
    atomic_bool lost; /* a frame could not be queued: memory ran out */
    atomic_ullong bytes;
    struct media_report report; /* the sink's thread until it was joined */
    struct daub_error error;    /* the same */
};

/* Starts the thread. policy: whether push waits or drops when the sink is slow. On
 * failure *error is set and the caller frees self. */
bool sink_thread_start(struct sink_thread *self, const struct media_sink_ops *sink_ops,
                       const struct sink_thread_ops *ops, enum daub_queue_policy policy,
                       struct daub_error *error);

/* Entries for struct media_sink_ops. */
bool sink_thread_push(struct media_sink *sink, const AVFrame *frame);
void sink_thread_finish(struct media_sink *sink, bool keep);
bool sink_thread_join(struct media_sink *sink, struct media_report *report,
                      struct daub_error *error);
uint64_t sink_thread_bytes(struct media_sink *sink);
void sink_thread_destroy(struct media_sink *sink);

static inline struct sink_thread *sink_thread_of(struct media_sink *sink)
{
    return (struct sink_thread *)((char *)sink - offsetof(struct sink_thread, sink));
}

#endif
