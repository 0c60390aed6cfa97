#include <math.h>
#include <string.h>

#include "app/session_threads.h"
#include "util/clock.h"
#include "util/log.h"

static bool push_to_sinks(struct engine_thread *self, const AVFrame *painted)
{
    struct session *session = self->session;
    const struct session_params *params = &session->params;
    for (size_t i = 0; i < params->sink_count; i++) {
        struct media_sink *sink = params->sinks[i];
        if (!session_sink_failed(session, i) && !sink->ops->push(sink, painted) &&
            !session_lose_sink(session, i))
            return false;
    }
    return true;
}

static void report_position(struct engine_thread *self, int64_t time_us)
{
    struct session_state *state = self->session->params.state;
    if (atomic_fetch_add(&state->painted, 1) == 0)
        self->first_us = time_us;
    atomic_store(&state->time_us, time_us - self->first_us);
    atomic_store(&state->position_us, time_us);
}

/* Adds the delays of a frame. output_us: clock when its push to the sinks began. */
static void add_delays(struct engine_thread *self, int64_t arrival_us, int64_t output_us)
{
    enum { EVERY = 16 };
    struct session_state *state = self->session->params.state;
    struct delays *delays = &self->delays;
    const struct painter *painter = self->session->params.painter;
    int64_t now_us = daub_clock_us();
    delays_add(delays, now_us - arrival_us);
    atomic_store(&state->delay_us, delays->last_us);
    atomic_store(&state->wait_us, painter_submitted_us(painter) - arrival_us);
    atomic_store(&state->paint_us, painter_work_us(painter));
    atomic_store(&state->output_us, now_us - output_us);
    if (delays->count % EVERY == 1) {
        atomic_store(&state->delay_ms[0], delays_quantile(delays, 0.5));
        atomic_store(&state->delay_ms[1], delays_quantile(delays, 0.95));
    }
}

/* Chooses the working size from the measured times. */
static void govern(struct engine_thread *self)
{
    struct painter *painter = self->session->params.painter;
    struct governor *g = &self->governor;
    int64_t now_us = daub_clock_us();
    if (!governor_active(g))
        return;
    /* The painter changes its scale some frames after painter_rescale was called. */
    if (painter->scale != governor_scale(g->level)) {
        int level = 0;
        while (governor_scale(level) > painter->scale)
            level++;
        governor_set(g, now_us, level);
        atomic_store(&self->session->params.state->level, level);
    }
    int level = governor_add(g, now_us, painter_work_us(painter), self->delays.last_us);
    if (level != g->level)
        painter_rescale(painter, governor_scale(level));
}

/* Removes the oldest frame in flight from the list and returns its arrival. */
static int64_t pop_arrival(struct engine_thread *self)
{
    int64_t arrival_us = self->arrivals_us[0];
    self->in_flight--;
    memmove(&self->arrivals_us[0], &self->arrivals_us[1],
            (size_t)self->in_flight * sizeof(self->arrivals_us[0]));
    return arrival_us;
}

/* Pushes the oldest painting to the sinks. false: no frame is in flight, or a failure. */
static bool deliver(struct engine_thread *self)
{
    const struct session_params *params = &self->session->params;
    struct daub_error error = {0};
    AVFrame *painted;
    enum painter_result result = painter_receive(params->painter, &painted, &error);
    if (result == PAINTER_ERROR)
        session_fail(self->session, exit_code_of(error.status), &error);
    if (result != PAINTER_OK)
        return false;
    int64_t arrival_us = pop_arrival(self), output_us = daub_clock_us();
    int64_t time_us =
        av_rescale_q(painted->pts, params->source->info.time_base, AV_TIME_BASE_Q);
    /* frames before a segment only warm the painter up */
    bool ok = painted->flags & AV_FRAME_FLAG_DISCARD || push_to_sinks(self, painted);
    av_frame_free(&painted);
    if (painter_was_cut(params->painter))
        daub_log(DAUB_LOG_VERBOSE, "a new scene begins at %.3f s",
                 (double)time_us * 1e-6);
    report_position(self, time_us);
    add_delays(self, arrival_us, output_us);
    govern(self);
    return ok;
}

static void deliver_all(struct engine_thread *self)
{
    while (self->in_flight > 0 && !session_failed(self->session) && deliver(self)) {
    }
}

/* Makes the painter ready for a frame of another size or format. */
static bool fit_painter(struct engine_thread *self, const AVFrame *frame,
                        struct daub_error *error)
{
    struct painter *painter = self->session->params.painter;
    if (painter_fits(painter, frame))
        return true;
    deliver_all(self);
    return session_failed(self->session) || painter_change(painter, frame, error);
}

/* Leaves out a frame that cannot be painted, such as a damaged one of a huge size. false:
 * the session fails, because the device is at fault, too many came in a row, or a part of
 * a film needs every frame. */
static bool skip(struct engine_thread *self, const AVFrame *frame,
                 const struct daub_error *error)
{
    enum { IN_ROW_MAX = 50 };
    AVRational base = self->session->params.source->info.time_base;
    bool device = error->status == DAUB_ERROR_DEVICE_LOST ||
                  error->status == DAUB_ERROR_NO_DEVICE ||
                  error->status == DAUB_ERROR_WRONG_RESULTS;
    if (device || self->session->params.part || self->skipped_in_row == IN_ROW_MAX) {
        session_fail(self->session, exit_code_of(error->status), error);
        return false;
    }
    if (self->skipped_in_row++ == 0)
        daub_log(DAUB_LOG_WARNING,
                 "the frame at %.3f s (%dx%d) cannot be painted and is skipped: %s",
                 (double)frame->pts * av_q2d(base), frame->width, frame->height,
                 error->message);
    self->skipped++;
    return true;
}

/* Restarts the painter's history where the frame does not continue the previous one. */
static void follow_generation(struct engine_thread *self, unsigned generation)
{
    if (generation == self->generation)
        return;
    painter_restart(self->session->params.painter);
    self->governor.over_us = self->governor.under_us = 0;
    self->generation = generation;
}

/* Consumes the item. */
static bool paint(struct engine_thread *self, struct session_item *item)
{
    struct session *session = self->session;
    struct daub_error error = {0};
    bool fits = fit_painter(self, item->frame, &error);
    enum painter_result result = fits ? PAINTER_FULL : PAINTER_ERROR;
    follow_generation(self, item->generation);
    while (fits && !session_failed(session)) {
        result = painter_submit(session->params.painter, item->frame, &error);
        if (result != PAINTER_FULL || !deliver(self))
            break;
    }
    if (result == PAINTER_OK) {
        self->arrivals_us[self->in_flight++] = item->arrival_us;
        item->frame = NULL;
        self->skipped_in_row = 0;
    }
    bool going = result == PAINTER_OK ||
                 (result == PAINTER_ERROR && skip(self, item->frame, &error));
    session->frames.discard(item);
    return going;
}

/* While a frame is in flight, its painting is delivered before waiting for the next
 * frame. In real time the next frame stays in the queue until then, so that a newer one
 * can replace it. */
static enum daub_queue_result next_item(struct engine_thread *self, void **item)
{
    const struct session_params *params = &self->session->params;
    if (self->in_flight == 0)
        return daub_queue_pop(&self->session->frames, item);
    return params->realtime ? DAUB_QUEUE_EMPTY
                            : daub_queue_try_pop(&self->session->frames, item);
}

static void *run(void *opaque)
{
    struct engine_thread *self = opaque;
    struct session *session = self->session;
    bool going = true;
    while (going && !daub_stop_requested(session->params.stop)) {
        void *item;
        enum daub_queue_result result = next_item(self, &item);
        if (result == DAUB_QUEUE_OK)
            going = paint(self, item);
        else if (result == DAUB_QUEUE_EMPTY)
            going = deliver(self);
        else
            going = false;
    }
    daub_queue_close(&session->frames);
    deliver_all(self);
    if (self->skipped > 1)
        daub_log(DAUB_LOG_WARNING, "%lld frames could not be painted and are left out",
                 (long long)self->skipped);
    /* The source thread may still push audio packets, and the sinks accept none after
     * finish. */
    daub_thread_join(&self->source->thread);
    session_finish_sinks(session);
    return NULL;
}

bool engine_thread_start(struct engine_thread *self, struct session *session,
                         struct source_thread *source, struct daub_error *error)
{
    const struct session_params *params = &session->params;
    *self = (struct engine_thread){.session = session, .source = source};
    double source_fps = av_q2d(params->source->info.frame_rate);
    if (params->realtime)
        governor_init(&self->governor, params->target_fps,
                      isfinite(source_fps) ? source_fps : 0, params->max_latency_ms);
    return daub_thread_start(&self->thread, "daub-engine", run, self, error);
}
