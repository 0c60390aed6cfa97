#include <stdlib.h>

#include "app/session_threads.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum {
    RELEASE_US = 2000000, /* time asleep after which the camera is released */
    WAKE_MS = 10,
    STILL_US = 100000, /* interval at which a still picture is painted again */
};

static bool pass_packet(struct source_thread *self, const AVPacket *packet)
{
    struct session *session = self->session;
    const struct session_params *params = &session->params;
    for (size_t i = 0; i < params->sink_count; i++) {
        struct media_sink *sink = params->sinks[i];
        if (sink->ops->push_packet && !session_sink_failed(session, i) &&
            !sink->ops->push_packet(sink, packet) && !session_lose_sink(session, i))
            return false;
    }
    return true;
}

/* Whether anybody watches an output; always true outside real time. */
static bool is_watched(struct session *session)
{
    const struct session_params *params = &session->params;
    for (size_t i = 0; params->realtime && i < params->sink_count; i++) {
        struct media_sink *sink = params->sinks[i];
        if (!session_sink_failed(session, i) &&
            (!sink->ops->watched || sink->ops->watched(sink)))
            return true;
    }
    return !params->realtime;
}

/* While nobody watches, nothing is painted, and after a while the camera is released. */
static void sleep_unwatched(struct source_thread *self)
{
    const struct session_params *params = &self->session->params;
    struct media_source *source = params->source;
    bool asleep = !is_watched(self->session);
    if (asleep != atomic_load(&params->state->asleep)) {
        daub_log(DAUB_LOG_VERBOSE, asleep ? "nobody watches; sleeping" : "painting");
        atomic_store(&params->state->asleep, asleep);
        self->asleep_since_us = daub_clock_us();
        self->generation += !asleep;
    }
    if (!asleep || !source->ops->release ||
        daub_clock_us() - self->asleep_since_us < RELEASE_US)
        return;
    source->ops->release(source);
    while (!is_watched(self->session) && !daub_stop_wait(params->stop, WAKE_MS)) {
    }
}

/* Whether painting the frame exceeds the target rate. */
static bool exceeds_target_rate(struct source_thread *self, int64_t time_us)
{
    const struct session_params *params = &self->session->params;
    int64_t step_us = params->target_fps > 0 ? (int64_t)(1e6 / params->target_fps) : 0;
    if (!params->realtime || step_us == 0)
        return false;
    if (self->generation != self->previous_generation ||
        atomic_load(&params->pace->paused)) {
        self->previous_generation = self->generation;
        self->next_us = time_us + step_us;
        return false;
    }
    if (time_us + step_us / 4 < self->next_us && self->next_us - time_us < 2 * step_us)
        return true;
    bool off = time_us > self->next_us + step_us || time_us + step_us < self->next_us;
    self->next_us = (off ? time_us : self->next_us) + step_us;
    return false;
}

/* Whether the painting is only shown in the window and not written to an output. */
static bool is_only_shown(const struct session *session)
{
    const struct session_params *params = &session->params;
    for (size_t i = 0; i < params->sink_count; i++) {
        if (!params->sinks[i]->quiet)
            return false;
    }
    return true;
}

/* Waits until the frame is due; false: it is not to be painted. */
static bool wait_due(struct source_thread *self, int64_t time_us)
{
    const struct session_params *params = &self->session->params;
    if (params->realtime && !params->source->info.realtime &&
        !pace_wait(params->pace, time_us, params->stop))
        return false;
    sleep_unwatched(self);
    return !atomic_load(&params->state->asleep) && !exceeds_target_rate(self, time_us);
}

/* Consumes the frame. */
static bool queue_frame(struct source_thread *self, AVFrame *frame, int64_t arrival_us)
{
    struct session *session = self->session;
    struct session_item *item = daub_alloc(1, sizeof(*item));
    if (!item) {
        struct daub_error error = {0};
        daub_no_memory(&error, "a frame");
        session_fail(session, EXIT_CODE_FAILED, &error);
        av_frame_free(&frame);
        return false;
    }
    *item = (struct session_item){.frame = frame,
                                  .arrival_us = arrival_us ? arrival_us : daub_clock_us(),
                                  .generation = self->generation};
    if (daub_queue_push(&session->frames, item) != DAUB_QUEUE_OK) {
        session->frames.discard(item);
        return false;
    }
    atomic_store(&session->params.state->dropped,
                 (long long)daub_queue_dropped(&session->frames));
    return true;
}

/* Passes a frame on when it is due. A still picture that is only shown in the window is
 * painted repeatedly, because its look may change. */
static bool pass_frame(struct source_thread *self, AVFrame *frame, int64_t arrival_us)
{
    const struct session_params *params = &self->session->params;
    const struct media_source_info *info = &params->source->info;
    bool still = params->window && info->single && is_only_shown(self->session);
    int64_t time_us = av_rescale_q(frame->pts, info->time_base, AV_TIME_BASE_Q);
    do {
        AVFrame *next = still ? av_frame_clone(frame) : NULL;
        if (!wait_due(self, time_us)) {
            av_frame_free(&frame);
        } else if (!queue_frame(self, frame, arrival_us)) {
            av_frame_free(&next);
            return false;
        }
        frame = next;
        time_us += STILL_US;
        if (frame)
            frame->pts = av_rescale_q(time_us, AV_TIME_BASE_Q, info->time_base);
    } while (frame && !daub_stop_requested(params->stop));
    av_frame_free(&frame);
    return true;
}

/* Seeks where the user asked for it. false: a failure. */
static bool seek(struct source_thread *self)
{
    const struct session_params *params = &self->session->params;
    struct media_source *source = params->source;
    struct daub_error error = {0};
    int64_t time_us;
    if (!pace_take_seek(params->pace, &time_us) || !source->info.seekable)
        return true;
    self->generation++;
    /* the next seek by key starts from here, although no frame of it is painted yet */
    atomic_store(&params->state->position_us, time_us);
    if (source->ops->seek(source, time_us, &error))
        return true;
    session_fail(self->session, EXIT_CODE_INPUT, &error);
    return false;
}

static void *run(void *opaque)
{
    struct source_thread *self = opaque;
    struct media_source *source = self->session->params.source;
    struct daub_error error = {0};
    bool going = true;
    while (going && seek(self)) {
        struct media_item item;
        enum media_read answer = source->ops->read(source, &item, &error);
        if (answer == MEDIA_READ_ERROR)
            session_fail(self->session, EXIT_CODE_INPUT, &error);
        going = answer == MEDIA_READ_OK || answer == MEDIA_READ_AGAIN;
        if (answer != MEDIA_READ_OK)
            continue;
        if (item.packet) {
            going = pass_packet(self, item.packet);
            av_packet_free(&item.packet);
        } else {
            going = pass_frame(self, item.frame, item.arrival_us);
        }
    }
    daub_queue_finish(&self->session->frames);
    return NULL;
}

bool source_thread_start(struct source_thread *self, struct session *session,
                         struct daub_error *error)
{
    *self = (struct source_thread){.session = session};
    return daub_thread_start(&self->thread, "daub-source", run, self, error);
}
