#include "app/session.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdatomic.h>

#include "app/control.h"
#include "app/delays.h"
#include "app/window.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/queue.h"
#include "util/thread.h"

enum { QUEUE_FRAMES = 4, REST_US = 2000000, WAKE_MS = 10, JUMP_BITS = 3, JUMP_MASK = 7 };

struct session {
    struct session_params params;
    struct daub_queue frames; /* AVFrame; source thread -> engine thread */
    struct daub_thread source_thread, engine_thread;
    struct daub_stop done; /* the engine thread has ended */

    pthread_mutex_t lock;
    enum exit_code code;     /* lock: of the first failure; DONE: none */
    struct daub_error error; /* lock: its words; empty where a sink's join will tell */

    int64_t first_us;         /* engine thread */
    struct governor governor; /* engine thread */
    int64_t due_us;           /* source thread: before that, a frame is one too many */
    int64_t asleep_us;        /* source thread: since when */
    unsigned jumps, jumps_passed; /* source thread: seeks and sleeps; at the last frame */
    unsigned jumps_painted;       /* engine thread: the low bits of jumps */
    atomic_ullong dead;   /* a bit each of the first sinks: realtime, it takes no more */
    struct delays delays; /* engine thread, then session_run */
};

static void discard_frame(void *item)
{
    AVFrame *frame = item;
    av_frame_free(&frame);
}

/* The first failure stands and stops everything. error NULL: the sink's join will tell.
 */
static void fail(struct session *session, enum exit_code code,
                 const struct daub_error *error)
{
    pthread_mutex_lock(&session->lock);
    if (session->code == EXIT_CODE_DONE) {
        session->code = code;
        if (error)
            session->error = *error;
    }
    pthread_mutex_unlock(&session->lock);
    daub_stop_request(session->params.stop);
}

static bool failed(struct session *session)
{
    pthread_mutex_lock(&session->lock);
    bool answer = session->code != EXIT_CODE_DONE;
    pthread_mutex_unlock(&session->lock);
    return answer;
}

static bool is_dead(struct session *session, size_t sink)
{
    return sink < 64 && atomic_load(&session->dead) >> sink & 1;
}

/* What a dead sink means: in real time the others go on, where there is one that shows or
 * keeps something, and its join will tell. */
static bool survives(struct session *session, size_t sink)
{
    const struct session_params *params = &session->params;
    unsigned long long bit = sink < 64 ? 1ull << sink : 0;
    bool told = is_dead(session, sink), left = params->window != NULL;
    atomic_fetch_or(&session->dead, bit);
    for (size_t i = 0; i < params->sink_count; i++)
        left = left || (!params->sinks[i]->quiet && !is_dead(session, i));
    if (!params->realtime || !bit || !left) {
        fail(session, EXIT_CODE_OUTPUT, NULL);
        return false;
    }
    if (!told)
        daub_log(DAUB_LOG_WARNING, "%s takes no more; the other outputs go on",
                 params->sinks[sink]->name);
    return true;
}

static bool pass_packet(struct session *session, const AVPacket *packet)
{
    const struct session_params *params = &session->params;
    for (size_t i = 0; i < params->sink_count; i++) {
        struct media_sink *sink = params->sinks[i];
        if (sink->ops->push_packet && !is_dead(session, i) &&
            !sink->ops->push_packet(sink, packet) && !survives(session, i))
            return false;
    }
    return true;
}

/* Whether anybody sees what is painted; where frames are not to be lost, somebody will.
 */
static bool watched(struct session *session)
{
    const struct session_params *params = &session->params;
    for (size_t i = 0; params->realtime && i < params->sink_count; i++) {
        struct media_sink *sink = params->sinks[i];
        if (!is_dead(session, i) && (!sink->ops->watched || sink->ops->watched(sink)))
            return true;
    }
    return !params->realtime;
}

/* With nobody watching, the painter sleeps, and soon the camera, too. */
static void sleep_unwatched(struct session *session)
{
    const struct session_params *params = &session->params;
    struct media_source *source = params->source;
    bool asleep = !watched(session);
    if (asleep != atomic_load(&params->state->asleep)) {
        daub_log(DAUB_LOG_VERBOSE, asleep ? "nobody watches; sleeping" : "painting");
        atomic_store(&params->state->asleep, asleep);
        session->asleep_us = daub_clock_us();
        session->jumps += !asleep;
    }
    if (!asleep || !source->ops->rest || daub_clock_us() - session->asleep_us < REST_US)
        return;
    source->ops->rest(source);
    struct pollfd wait = {.fd = params->stop->fd, .events = POLLIN};
    while (!watched(session) && !daub_stop_requested(params->stop))
        poll(&wait, 1, WAKE_MS);
}

/* Whether the frame comes sooner than the target rate asks for. */
static bool too_many(struct session *session, int64_t time_us)
{
    double fps = session->params.target_fps;
    int64_t step_us = fps > 0 ? (int64_t)(1e6 / fps) : 0;
    if (!session->params.realtime || step_us == 0)
        return false;
    if (session->jumps != session->jumps_passed ||
        atomic_load(&session->params.pace->paused)) {
        session->jumps_passed = session->jumps;
        session->due_us = time_us + step_us;
        return false;
    }
    if (time_us + step_us / 4 < session->due_us &&
        session->due_us - time_us < 2 * step_us)
        return true;
    bool late =
        time_us > session->due_us + step_us || time_us + step_us < session->due_us;
    session->due_us = (late ? time_us : session->due_us) + step_us;
    return false;
}

/* Whether the painting goes nowhere but to the screen. */
static bool only_shown(const struct session *session)
{
    const struct session_params *params = &session->params;
    for (size_t i = 0; i < params->sink_count; i++) {
        if (!params->sinks[i]->quiet)
            return false;
    }
    return true;
}

/* Waits until the frame is due; false: it is not to be painted. */
static bool wait_due(struct session *session, int64_t time_us)
{
    const struct session_params *params = &session->params;
    if (params->realtime && !params->source->info.live &&
        !pace_wait(params->pace, time_us, params->stop))
        return false;
    sleep_unwatched(session);
    return !atomic_load(&params->state->asleep) && !too_many(session, time_us);
}

/* To the engine's thread, stamped with the clock and, in the low bits, with how many
 * jumps there were: a frame may be dropped, and with it what only it tells. Consumes the
 * frame. */
static bool hand_over(struct session *session, AVFrame *frame, int64_t taken_us)
{
    intptr_t stamp = (intptr_t)(taken_us ? taken_us : daub_clock_us());
    frame->opaque = (void *)(stamp << JUMP_BITS | (session->jumps & JUMP_MASK));
    if (daub_queue_push(&session->frames, frame) != DAUB_QUEUE_OK) {
        av_frame_free(&frame);
        return false;
    }
    atomic_store(&session->params.state->dropped,
                 (long long)daub_queue_dropped(&session->frames));
    return true;
}

/* Passes a frame on when it is due. A still picture in a window is painted again and
 * again, since its look may change. */
static bool pass_frame(struct session *session, AVFrame *frame, int64_t taken_us)
{
    const struct session_params *params = &session->params;
    const struct media_source_info *info = &params->source->info;
    enum { STILL_US = 100000 };
    bool still = params->window && info->single && only_shown(session);
    int64_t time_us = av_rescale_q(frame->pts, info->time_base, AV_TIME_BASE_Q);
    do {
        AVFrame *next = still ? av_frame_clone(frame) : NULL;
        if (!wait_due(session, time_us)) {
            av_frame_free(&frame);
        } else if (!hand_over(session, frame, taken_us)) {
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

/* Goes where the user wants to. false: a failure. */
static bool seek(struct session *session)
{
    struct media_source *source = session->params.source;
    struct daub_error error = {0};
    int64_t time_us;
    if (!pace_take_seek(session->params.pace, &time_us) || !source->info.seekable)
        return true;
    session->jumps++;
    /* what the next key counts from, though nothing is painted there yet */
    atomic_store(&session->params.state->position_us, time_us);
    if (source->ops->seek(source, time_us, &error))
        return true;
    fail(session, EXIT_CODE_INPUT, &error);
    return false;
}

static void *run_source(void *opaque)
{
    struct session *session = opaque;
    struct media_source *source = session->params.source;
    struct daub_error error = {0};
    bool going = true;
    while (going && seek(session)) {
        struct media_item item;
        enum media_read answer = source->ops->read(source, &item, &error);
        if (answer == MEDIA_READ_ERROR)
            fail(session, EXIT_CODE_INPUT, &error);
        going = answer == MEDIA_READ_OK || answer == MEDIA_READ_AGAIN;
        if (answer != MEDIA_READ_OK)
            continue;
        if (item.packet) {
            going = pass_packet(session, item.packet);
            av_packet_free(&item.packet);
        } else {
            going = pass_frame(session, item.frame, item.taken_us);
        }
    }
    daub_queue_finish(&session->frames);
    return NULL;
}

/* Times of a frame that arrived and was handed to the outputs then. */
static void measure(struct session *session, int64_t arrived_us, int64_t handed_us)
{
    enum { EVERY = 16 };
    struct session_state *state = session->params.state;
    struct delays *delays = &session->delays;
    const struct painter *painter = session->params.painter;
    int64_t now_us = daub_clock_us();
    delays_add(delays, now_us - arrived_us);
    atomic_store(&state->delay_us, delays->last_us);
    atomic_store(&state->wait_us, painter_submitted_us(painter) - arrived_us);
    atomic_store(&state->paint_us, painter_work_us(painter));
    atomic_store(&state->output_us, now_us - handed_us);
    if (delays->count % EVERY == 1) {
        atomic_store(&state->delay_ms[0], delays_quantile(delays, 0.5));
        atomic_store(&state->delay_ms[1], delays_quantile(delays, 0.95));
    }
}

/* Chooses how large to paint by how it went. */
static void govern(struct session *session)
{
    struct painter *painter = session->params.painter;
    struct governor *g = &session->governor;
    int64_t now_us = daub_clock_us();
    if (!governor_active(g))
        return;
    /* The painter gets to a size some frames after it was told to. */
    if (painter->scale != governor_scale(g->level)) {
        int level = 0;
        while (governor_scale(level) > painter->scale)
            level++;
        governor_set(g, now_us, level);
        atomic_store(&session->params.state->level, level);
    }
    int level =
        governor_add(g, now_us, painter_work_us(painter), session->delays.last_us);
    if (level != g->level)
        painter_rescale(painter, governor_scale(level));
}

/* Takes the oldest painting to the sinks. false: none is in flight, or a failure. */
static bool deliver(struct session *session)
{
    const struct session_params *params = &session->params;
    struct daub_error error = {0};
    AVFrame *painted;
    enum painter_result result = painter_receive(params->painter, &painted, &error);
    if (result == PAINTER_ERROR)
        fail(session, exit_code_of(error.status), &error);
    if (result != PAINTER_OK)
        return false;
    bool ok = true;
    int64_t from_us = daub_clock_us();
    for (size_t i = 0; ok && i < params->sink_count; i++)
        ok = is_dead(session, i) ||
             params->sinks[i]->ops->push(params->sinks[i], painted) ||
             survives(session, i);
    int64_t at_us =
        av_rescale_q(painted->pts, params->source->info.time_base, AV_TIME_BASE_Q);
    if (painter_was_cut(params->painter))
        daub_log(DAUB_LOG_VERBOSE, "a new scene begins at %.3f s", (double)at_us * 1e-6);
    struct session_state *state = params->state;
    if (atomic_fetch_add(&state->painted, 1) == 0)
        session->first_us = at_us;
    atomic_store(&state->time_us, at_us - session->first_us);
    atomic_store(&state->position_us, at_us);
    measure(session, (int64_t)((intptr_t)painted->opaque >> JUMP_BITS), from_us);
    govern(session);
    av_frame_free(&painted);
    return ok;
}

/* Consumes the frame. */
static bool paint(struct session *session, AVFrame *frame)
{
    struct painter *painter = session->params.painter;
    struct daub_error error = {0};
    if (!painter_fits(painter, frame)) {
        while (deliver(session)) {
        }
        if (!failed(session) && !painter_change(painter, frame, &error))
            fail(session, exit_code_of(error.status), &error);
    }
    unsigned jumps = (unsigned)((intptr_t)frame->opaque & JUMP_MASK);
    if (jumps != session->jumps_painted) {
        painter_restart(painter);
        session->governor.over_us = session->governor.under_us = 0;
    }
    session->jumps_painted = jumps;
    enum painter_result result = PAINTER_FULL;
    while (!failed(session) &&
           (result = painter_submit(painter, frame, &error)) == PAINTER_FULL) {
        if (!deliver(session))
            break;
    }
    if (result == PAINTER_OK)
        return true;
    if (result == PAINTER_ERROR)
        fail(session, exit_code_of(error.status), &error);
    av_frame_free(&frame);
    return false;
}

static void *run_engine(void *opaque)
{
    struct session *session = opaque;
    const struct session_params *params = &session->params;
    bool going = true;
    while (going && !daub_stop_requested(params->stop)) {
        /* With a painting in flight, fetch it rather than wait for the next frame; in
         * real time do not even begin that: waiting in the queue, it gives way to newer
         * ones. */
        bool idle = params->painter->waiting_count == 0;
        void *item;
        enum daub_queue_result result = DAUB_QUEUE_EMPTY;
        if (idle)
            result = daub_queue_pop(&session->frames, &item);
        else if (!params->realtime)
            result = daub_queue_try_pop(&session->frames, &item);
        if (result == DAUB_QUEUE_OK)
            going = paint(session, item);
        else if (result == DAUB_QUEUE_EMPTY)
            going = deliver(session);
        else
            going = false;
    }
    daub_queue_close(&session->frames);
    if (!failed(session)) {
        while (deliver(session)) {
        }
    }
    /* The outputs end only after the last packet of sound: the source is waited for. */
    daub_thread_join(&session->source_thread);
    bool keep = !failed(session);
    for (size_t i = 0; i < params->sink_count; i++)
        params->sinks[i]->ops->finish(params->sinks[i], keep);
    daub_stop_request(&session->done);
    return NULL;
}

static uint64_t bytes_written(const struct session_params *params)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < params->sink_count; i++)
        bytes += params->sinks[i]->ops->bytes
                     ? params->sinks[i]->ops->bytes(params->sinks[i])
                     : 0;
    return bytes;
}

/* The calling thread's part: progress and the window. */
static void watch(struct session *session)
{
    const struct session_params *params = &session->params;
    int interval = progress_interval_ms(params->progress);
    int64_t next_us = daub_clock_us() + (int64_t)interval * 1000;
    struct pollfd wait[1 + CONTROL_POLLS] = {{.fd = session->done.fd, .events = POLLIN}};
    while (!daub_stop_requested(&session->done)) {
        int more = params->control ? control_polls(params->control, &wait[1]) : 0;
        if (params->window)
            window_step(params->window, params->stop);
        else if (poll(wait, 1 + (nfds_t)more, interval) < 0 && errno != EINTR)
            break;
        if (params->control)
            control_step(params->control);
        if (interval > 0 && daub_clock_us() >= next_us) {
            next_us = daub_clock_us() + (int64_t)interval * 1000;
            progress_update(params->progress, params->state, params->realtime,
                            bytes_written(params));
        }
    }
}

static void tell_delays(const struct session *session)
{
    if (session->params.realtime && session->delays.count > 0)
        daub_log(DAUB_LOG_INFO,
                 "%lld frames painted in real time, %lld dropped; delay %d ms, of 95 %% "
                 "at most %d ms",
                 (long long)atomic_load(&session->params.state->painted),
                 (long long)atomic_load(&session->params.state->dropped),
                 delays_quantile(&session->delays, 0.5),
                 delays_quantile(&session->delays, 0.95));
}

static enum exit_code code_of_sink(enum daub_status status)
{
    if (status == DAUB_ERROR_ARGUMENT)
        return EXIT_CODE_USAGE;
    return status == DAUB_ERROR_MEMORY ? EXIT_CODE_FAILED : EXIT_CODE_OUTPUT;
}

/* Waits for the outputs and reports each. */
static void close_sinks(struct session *session, bool interrupted)
{
    const struct session_params *params = &session->params;
    for (size_t i = 0; i < params->sink_count; i++) {
        struct media_sink *sink = params->sinks[i];
        struct media_report report = {0};
        struct daub_error error = {0};
        if (!sink->ops->join(sink, &report, &error)) {
            daub_log(DAUB_LOG_ERROR, "%s", error.message);
            fail(session, code_of_sink(error.status), NULL);
            session->code = code_of_sink(error.status);
        } else if (sink->quiet) {
            continue;
        } else if (session->code == EXIT_CODE_DONE && report.frames_in == 0 &&
                   sink->ops->watched) {
            continue; /* nobody watched */
        } else if (session->code == EXIT_CODE_DONE && report.frames_in == 0) {
            daub_log(DAUB_LOG_WARNING, "%s: not one frame was painted; nothing written",
                     sink->name);
        } else if (session->code == EXIT_CODE_DONE) {
            progress_done(params->progress, sink->name, &report, interrupted);
            if (!media_report_holds(&report, &error)) {
                daub_log(DAUB_LOG_ERROR, "%s: %s", sink->name, error.message);
                fail(session, EXIT_CODE_FAILED, NULL);
            }
        }
    }
}

static bool start(struct session *session, struct daub_error *error)
{
    if (!daub_stop_init(&session->done, error))
        return false;
    bool realtime = session->params.realtime;
    if (!daub_queue_init(&session->frames, realtime ? 1 : QUEUE_FRAMES,
                         realtime ? DAUB_QUEUE_DROP_OLDEST : DAUB_QUEUE_BLOCK,
                         discard_frame))
        return daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
    if (!daub_thread_start(&session->source_thread, "daub-source", run_source, session,
                           error))
        return false;
    if (daub_thread_start(&session->engine_thread, "daub-engine", run_engine, session,
                          error))
        return true;
    daub_stop_request(session->params.stop);
    daub_queue_close(&session->frames);
    daub_thread_join(&session->source_thread);
    return false;
}

enum exit_code session_run(const struct session_params *params)
{
    struct session session = {.params = *params, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct daub_error error = {0};
    session.done.fd = -1;
    double source_fps = av_q2d(params->source->info.frame_rate);
    if (params->realtime)
        governor_init(&session.governor, params->target_fps,
                      isfinite(source_fps) ? source_fps : 0, params->max_latency_ms);
    if (start(&session, &error)) {
        watch(&session);
        progress_end(params->progress);
        daub_thread_join(&session.engine_thread);
        /* from here on this is the only thread that looks at the session */
        bool closed = (params->window && window_closed(params->window)) ||
                      (params->control && control_quit(params->control));
        bool interrupted = session.code == EXIT_CODE_DONE &&
                           daub_stop_requested(params->stop) && !closed;
        if (session.error.status != DAUB_OK)
            daub_log(DAUB_LOG_ERROR, "%s", session.error.message);
        if (interrupted)
            daub_log(DAUB_LOG_INFO, "stopped after %lld frames; what was painted is kept",
                     (long long)atomic_load(&params->state->painted));
        tell_delays(&session);
        close_sinks(&session, interrupted);
        if (session.code == EXIT_CODE_DONE && interrupted)
            session.code = EXIT_CODE_INTERRUPTED;
        if (session.code == EXIT_CODE_DONE && params->source->broken)
            session.code = EXIT_CODE_FAILED;
    } else {
        daub_log(DAUB_LOG_ERROR, "%s", error.message);
        session.code = EXIT_CODE_FAILED;
    }
    daub_queue_destroy(&session.frames);
    daub_stop_uninit(&session.done);
    pthread_mutex_destroy(&session.lock);
    return session.code;
}
