#include "media/sink_thread.h"

#include <stdlib.h>

#include "util/error.h"

enum { QUEUE_FRAMES = 3 };

static void discard_frame(void *item)
{
    AVFrame *frame = item;
    av_frame_free(&frame);
}

static void *run(void *opaque)
{
    struct sink_thread *self = opaque;
    void *item;
    bool ok = true;
    while (ok && daub_queue_pop(&self->queue, &item) == DAUB_QUEUE_OK) {
        self->report.frames_in++;
        ok = self->ops->frame(self, item, &self->error);
        discard_frame(item);
    }
    if (ok && atomic_load(&self->lost))
        ok = daub_fail(&self->error, DAUB_ERROR_MEMORY, "out of memory");
    if (!ok)
        daub_queue_close(&self->queue); /* push returns false from now on */
    ok = self->ops->end(self, ok && atomic_load(&self->keep), &self->error) && ok;
    if (!ok)
        daub_fail(&self->error, DAUB_ERROR_FAILED, "%s failed", self->sink.name);
    return NULL;
}

bool sink_thread_start(struct sink_thread *self, const struct media_sink_ops *sink_ops,
                       const struct sink_thread_ops *ops, enum daub_queue_policy policy,
                       struct daub_error *error)
{
    self->sink.ops = sink_ops;
    self->ops = ops;
    atomic_init(&self->keep, false);
    atomic_init(&self->lost, false);
    atomic_init(&self->bytes, 0);
    if (!daub_queue_init(&self->queue, QUEUE_FRAMES, policy, discard_frame))
        return daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
    if (!daub_thread_start(&self->thread, "daub-sink", run, self, error)) {
        daub_queue_destroy(&self->queue);
        return false;
    }
    return true;
}

bool sink_thread_push(struct media_sink *sink, const AVFrame *frame)
{
    struct sink_thread *self = sink_thread_of(sink);
    AVFrame *copy = av_frame_clone(frame);
    if (copy && daub_queue_push(&self->queue, copy) == DAUB_QUEUE_OK)
        return true;
    if (!copy)
        atomic_store(&self->lost, true);
    av_frame_free(&copy);
    return false;
}

void sink_thread_finish(struct media_sink *sink, bool keep)
{
    struct sink_thread *self = sink_thread_of(sink);
    atomic_store(&self->keep, keep);
    daub_queue_finish(&self->queue);
}

bool sink_thread_join(struct media_sink *sink, struct media_report *report,
                      struct daub_error *error)
{
    struct sink_thread *self = sink_thread_of(sink);
    daub_thread_join(&self->thread);
    *report = self->report;
    if (self->error.status == DAUB_OK)
        return true;
    return daub_fail(error, self->error.status, "%s", self->error.message);
}

uint64_t sink_thread_bytes(struct media_sink *sink)
{
    return atomic_load(&sink_thread_of(sink)->bytes);
}

void sink_thread_destroy(struct media_sink *sink)
{
    struct sink_thread *self = sink_thread_of(sink);
    daub_queue_finish(&self->queue);
    daub_thread_join(&self->thread);
    daub_queue_destroy(&self->queue);
    self->ops->destroy(self);
}
