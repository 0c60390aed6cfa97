#include "media/sink_thread.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum { KIND_FRAME = 0, KIND_PACKET = 1 };
enum {
    QUEUE_FRAMES = 3,
    QUEUE_PACKETS = 256, /* 5 s of AAC at 48 kHz */
    QUEUE_PACKET_BYTES = 32 << 20,
    /* In real time: a sink that accepts no frame for this time is stalled. */
    STALL_US = 200000,
    /* Longest push after an interrupt; shorter than PATIENCE_MS of session.c. */
    LAST_PUSH_US = 400000,
};

/* A frame or a packet; the other one is NULL. */
struct sink_item {
    AVFrame *frame;
    AVPacket *packet;
};

static void discard_item(void *opaque)
{
    struct sink_item *item = opaque;
    av_frame_free(&item->frame);
    av_packet_free(&item->packet);
    free(item);
}

static bool handle(struct sink_thread *self, struct sink_item *item)
{
    if (media_interrupt_late(&self->interrupt)) {
        atomic_fetch_add(item->frame ? &self->frames_dropped : &self->packets_dropped, 1);
        return true;
    }
    if (item->packet)
        return self->ops->packet(self, item->packet, &self->error);
    self->report.frames_in++;
    return self->ops->frame(self, item->frame, &self->error);
}

static void warn_dropped(struct sink_thread *self)
{
    long long frames = atomic_load(&self->frames_dropped);
    long long packets = atomic_load(&self->packets_dropped);
    if (frames || packets)
        daub_log(
            DAUB_LOG_WARNING,
            "%s was too slow: %lld frames and %lld packets of sound or subtitles are "
            "missing in it",
            self->sink.name, frames, packets);
}

static void *run(void *opaque)
{
    struct sink_thread *self = opaque;
    void *item;
    bool ok = true;
    while (ok && daub_queue_pop(&self->queue, &item) == DAUB_QUEUE_OK) {
        ok = handle(self, item);
        discard_item(item);
    }
    if (ok && atomic_load(&self->no_memory))
        ok = daub_no_memory(&self->error, "a frame");
    if (!ok)
        daub_queue_close(&self->queue); /* push returns false from now on */
    bool whole = ok && atomic_load(&self->whole);
    ok = self->ops->end(self, whole, &self->error) && ok;
    if (!ok)
        daub_fail(&self->error, DAUB_ERROR_FAILED, "%s failed", self->sink.name);
    if (whole)
        warn_dropped(self);
    return NULL;
}

bool sink_thread_init(struct sink_thread *self, const struct media_sink_ops *sink_ops,
                      const struct sink_thread_ops *ops, enum daub_queue_policy policy,
                      struct daub_error *error)
{
    const size_t limits[DAUB_QUEUE_KINDS] = {QUEUE_FRAMES, QUEUE_PACKETS};
    self->sink.ops = sink_ops;
    self->ops = ops;
    if (!media_interrupt_init(&self->interrupt, error))
        return false;
    return daub_queue_init_kinds(&self->queue, limits, QUEUE_PACKET_BYTES, policy,
                                 discard_item) ||
           daub_no_memory(error, "a queue of frames");
}

bool sink_thread_start(struct sink_thread *self, struct daub_error *error)
{
    return daub_thread_start(&self->thread, "daub-sink", run, self, error);
}

/* The clock time until which a push waits for room. */
static int64_t deadline_of(const struct sink_thread *self, int64_t patience_us)
{
    return self->sink.realtime ? daub_clock_us() + patience_us : INT64_MAX;
}

/* Consumes what the item holds. */
static enum daub_queue_result push(struct sink_thread *self, struct sink_item content,
                                   int kind, int64_t deadline_us)
{
    enum daub_queue_result result = DAUB_QUEUE_ENDED;
    struct sink_item *item =
        content.frame || content.packet ? daub_alloc(1, sizeof(*item)) : NULL;
    if (item) {
        *item = content;
        /* frames are few, and as large as the video's format asks */
        size_t bytes = content.packet ? (size_t)content.packet->size : 0;
        result = daub_queue_push_until(&self->queue, item, kind, bytes, deadline_us);
        if (result != DAUB_QUEUE_OK)
            discard_item(item);
    } else {
        atomic_store(&self->no_memory, true);
        av_frame_free(&content.frame);
        av_packet_free(&content.packet);
    }
    return result;
}

bool sink_thread_push(struct media_sink *sink, const AVFrame *frame)
{
    struct sink_thread *self = sink_thread_of(sink);
    struct sink_item content = {.frame = av_frame_clone(frame)};
    enum daub_queue_result result =
        push(self, content, KIND_FRAME, deadline_of(self, self->stalled ? 0 : STALL_US));
    self->stalled = result == DAUB_QUEUE_FULL;
    if (self->stalled)
        atomic_fetch_add(&self->frames_dropped, 1);
    return result != DAUB_QUEUE_ENDED;
}

bool sink_thread_push_packet(struct media_sink *sink, const AVPacket *packet)
{
    struct sink_thread *self = sink_thread_of(sink);
    struct sink_item content = {.packet = av_packet_clone(packet)};
    enum daub_queue_result result =
        push(self, content, KIND_PACKET, deadline_of(self, 0));
    if (result == DAUB_QUEUE_FULL)
        atomic_fetch_add(&self->packets_dropped, 1);
    return result != DAUB_QUEUE_ENDED;
}

void sink_thread_interrupt(struct media_sink *sink)
{
    struct sink_thread *self = sink_thread_of(sink);
    media_interrupt_set(&self->interrupt);
    daub_queue_set_deadline(&self->queue, daub_clock_us() + LAST_PUSH_US);
}

void sink_thread_finish(struct media_sink *sink, bool whole)
{
    struct sink_thread *self = sink_thread_of(sink);
    atomic_store(&self->whole, whole);
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
    if (self->queue.ready)
        daub_queue_finish(&self->queue);
    daub_thread_join(&self->thread);
    daub_queue_destroy(&self->queue);
    media_interrupt_uninit(&self->interrupt);
    self->ops->destroy(self);
}
