#include "app/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/control.h"
#include "app/session_threads.h"
#include "app/signals.h"
#include "app/window.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/log.h"

enum {
    QUEUE_FRAMES = 4,
    /* After a stop request, the painter and the source have this time to end. */
    PATIENCE_MS = 700,
    /* After a failure, the outputs have this time to write what they hold. */
    FAILED_PATIENCE_MS = 60000,
    SIGNAL_MS = 50, /* interval at which a signal is looked for meanwhile */
};

/* ---- what the threads share ---- */

static void discard_item(void *opaque)
{
    struct session_item *item = opaque;
    av_frame_free(&item->frame);
    free(item);
}

void session_fail(struct session *session, enum exit_code code,
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

static enum exit_code code_of(struct session *session)
{
    pthread_mutex_lock(&session->lock);
    enum exit_code code = session->code;
    pthread_mutex_unlock(&session->lock);
    return code;
}

bool session_failed(struct session *session)
{
    return code_of(session) != EXIT_CODE_DONE;
}

bool session_sink_failed(struct session *session, size_t sink)
{
    return sink < 64 && atomic_load(&session->failed_sinks) >> sink & 1;
}

bool session_lose_sink(struct session *session, size_t sink)
{
    const struct session_params *params = &session->params;
    unsigned long long bit = sink < 64 ? 1ull << sink : 0;
    bool known = atomic_fetch_or(&session->failed_sinks, bit) & bit;
    bool left = params->window != NULL;
    for (size_t i = 0; i < params->sink_count; i++)
        left = left || (!params->sinks[i]->quiet && !session_sink_failed(session, i));
    if (!bit || !left) {
        session_fail(session, EXIT_CODE_OUTPUT, NULL);
        return false;
    }
    if (!known)
        daub_log(DAUB_LOG_WARNING, "%s accepts no more frames; the other outputs go on",
                 params->sinks[sink]->name);
    return true;
}

void session_finish_sinks(struct session *session)
{
    const struct session_params *params = &session->params;
    if (atomic_exchange(&session->finishing, true))
        return;
    bool whole = !session_failed(session);
    for (size_t i = 0; i < params->sink_count; i++)
        params->sinks[i]->ops->finish(params->sinks[i], whole);
    daub_stop_request(&session->finished);
}

/* ---- the stop ---- */

/* Ends every wait after a stop request: first in the sinks. Where painter or source do
 * not end in time, the outputs are completed without them. */
struct stop_thread {
    struct session *session;
    struct daub_thread thread;
    struct daub_stop closed; /* every output is complete; ends this thread */
    atomic_bool abandoned;   /* painter or source did not end in time */
};

static void *run_stop(void *opaque)
{
    struct stop_thread *self = opaque;
    struct session *session = self->session;
    const struct session_params *params = &session->params;
    struct pollfd wait[2] = {{.fd = params->stop->fd, .events = POLLIN},
                             {.fd = self->closed.fd, .events = POLLIN}};
    while (!daub_stop_requested(params->stop)) {
        if (daub_stop_requested(&self->closed))
            return NULL;
        poll(wait, 2, -1);
    }
    /* After a failure nobody waits for the end, unless a signal comes. */
    for (int ms = 0;
         ms < FAILED_PATIENCE_MS && session_failed(session) && !signals_came();
         ms += SIGNAL_MS) {
        if (daub_stop_wait(&self->closed, SIGNAL_MS))
            return NULL;
    }
    for (size_t i = 0; i < params->sink_count; i++) {
        if (params->sinks[i]->ops->interrupt)
            params->sinks[i]->ops->interrupt(params->sinks[i]);
    }
    if (!daub_stop_wait(&session->finished, PATIENCE_MS)) {
        atomic_store(&self->abandoned, true);
        session_finish_sinks(session);
    }
    return NULL;
}

/* ---- the calling thread ---- */

static uint64_t bytes_written(const struct session_params *params)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < params->sink_count; i++)
        bytes += params->sinks[i]->ops->bytes
                     ? params->sinks[i]->ops->bytes(params->sinks[i])
                     : 0;
    return bytes;
}

/* Updates progress, window and control until painting has ended. */
static void watch(struct session *session)
{
    const struct session_params *params = &session->params;
    int interval = progress_interval_ms(params->progress);
    int64_t next_us = daub_clock_us() + (int64_t)interval * 1000;
    struct pollfd wait[1 + CONTROL_POLLS] = {
        {.fd = session->finished.fd, .events = POLLIN}};
    while (!daub_stop_requested(&session->finished)) {
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

static void log_delays(const struct session_params *params, const struct delays *delays)
{
    if (params->realtime && delays->count > 0)
        daub_log(DAUB_LOG_INFO,
                 "%lld frames painted in real time, %lld dropped; delay %d ms, of 95 %% "
                 "at most %d ms",
                 (long long)atomic_load(&params->state->painted),
                 (long long)atomic_load(&params->state->dropped),
                 delays_quantile(delays, 0.5), delays_quantile(delays, 0.95));
}

static enum exit_code code_of_sink(enum daub_status status)
{
    if (status == DAUB_ERROR_ARGUMENT)
        return EXIT_CODE_USAGE;
    return status == DAUB_ERROR_MEMORY ? EXIT_CODE_FAILED : EXIT_CODE_OUTPUT;
}

static void report_sink(struct session *session, const struct media_sink *sink,
                        const struct media_report *report, bool interrupted)
{
    struct daub_error error = {0};
    if (report->frames_in == 0 && sink->ops->watched)
        return; /* nobody watched */
    if (report->frames_in == 0 && session->params.part)
        return;
    if (report->frames_in == 0) {
        daub_log(DAUB_LOG_WARNING, "%s: no frame was painted; nothing was written",
                 sink->name);
        return;
    }
    if (!session->params.part)
        progress_done(session->params.progress, sink->name, report, interrupted);
    if (!media_report_holds(report, &error)) {
        daub_log(DAUB_LOG_ERROR, "%s: %s", sink->name, error.message);
        session_fail(session, EXIT_CODE_FAILED, NULL);
    }
}

/* Waits for the outputs and reports each. */
static void close_sinks(struct session *session, bool interrupted)
{
    const struct session_params *params = &session->params;
    bool failed = session_failed(session);
    for (size_t i = 0; i < params->sink_count; i++) {
        struct media_sink *sink = params->sinks[i];
        struct media_report report = {0};
        struct daub_error error = {0};
        if (!sink->ops->join(sink, &report, &error)) {
            daub_log(DAUB_LOG_ERROR, "%s%s%s", error.message, *report.kept ? "; " : "",
                     report.kept);
            session_fail(session, code_of_sink(error.status), NULL);
            pthread_mutex_lock(&session->lock);
            session->code = code_of_sink(error.status);
            pthread_mutex_unlock(&session->lock);
        } else if (*report.kept) {
            daub_log(DAUB_LOG_WARNING, "%s", report.kept);
        } else if (!sink->quiet && !failed) {
            report_sink(session, sink, &report, interrupted);
        }
    }
}

/* Whether a signal ended the session, not the window or the control socket. */
static bool is_interrupted(const struct session_params *params)
{
    bool closed = (params->window && window_closed(params->window)) ||
                  (params->control && control_quit(params->control));
    return daub_stop_requested(params->stop) && !closed;
}

/* Completes the outputs, reports the results and returns the exit code. */
static enum exit_code conclude(struct session *session, struct stop_thread *stopper,
                               const struct delays *delays)
{
    const struct session_params *params = &session->params;
    bool failed = session_failed(session), interrupted = is_interrupted(params);
    if (session->error.status != DAUB_OK)
        daub_log(DAUB_LOG_ERROR, "%s", session->error.message);
    if (interrupted && !failed && !params->part)
        daub_log(DAUB_LOG_INFO, "stopped after %lld frames; what was painted is kept",
                 (long long)atomic_load(&params->state->painted));
    log_delays(params, delays);
    /* a signal may still come while files are completed */
    bool stopped = daub_stop_requested(params->stop);
    close_sinks(session, interrupted && !failed);
    daub_stop_request(&stopper->closed);
    daub_thread_join(&stopper->thread);
    enum exit_code code = code_of(session);
    if (code == EXIT_CODE_DONE && (stopped ? interrupted : is_interrupted(params)))
        code = EXIT_CODE_INTERRUPTED;
    if (code == EXIT_CODE_DONE && params->source->broken)
        code = EXIT_CODE_FAILED;
    return code;
}

/* Ends the program while threads that do not react still run. The outputs are complete.
 */
static _Noreturn void leave(const struct session_params *params, enum exit_code code)
{
    daub_log(DAUB_LOG_VERBOSE, "the painter or the input does not answer; ending without "
                               "it");
    control_close(params->control);
    daub_file_leave();
    fflush(stdout);
    fflush(stderr);
    _exit(code);
}

static bool start(struct session *session, struct source_thread *source,
                  struct engine_thread *engine, struct stop_thread *stopper,
                  struct daub_error *error)
{
    const struct session_params *params = &session->params;
    bool realtime = params->realtime;
    for (size_t i = 0; i < params->sink_count; i++)
        params->sinks[i]->realtime = realtime;
    if (!daub_stop_init(&session->finished, error) ||
        !daub_stop_init(&stopper->closed, error))
        return false;
    if (!daub_queue_init(&session->frames, realtime ? 1 : QUEUE_FRAMES,
                         realtime ? DAUB_QUEUE_DROP_OLDEST : DAUB_QUEUE_BLOCK,
                         discard_item))
        return daub_no_memory(error, "a queue of frames");
    if (!daub_thread_start(&stopper->thread, "daub-stop", run_stop, stopper, error))
        return false;
    if (source_thread_start(source, session, error) &&
        engine_thread_start(engine, session, source, error))
        return true;
    daub_stop_request(params->stop);
    daub_queue_close(&session->frames);
    daub_thread_join(&source->thread);
    session_finish_sinks(session);
    daub_thread_join(&stopper->thread);
    return false;
}

enum exit_code session_run(const struct session_params *params)
{
    struct session session = {.params = *params, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct source_thread source = {0};
    struct engine_thread engine = {0};
    struct stop_thread stopper = {.session = &session, .closed = {.fd = -1}};
    struct daub_error error = {0};
    enum exit_code code = EXIT_CODE_FAILED;
    session.finished.fd = -1;
    if (start(&session, &source, &engine, &stopper, &error)) {
        watch(&session);
        progress_end(params->progress);
        /* one of several devices that paint a film may need longer for its frame */
        bool abandoned =
            atomic_load(&stopper.abandoned) && (!params->part || signals_came());
        if (!abandoned)
            daub_thread_join(&engine.thread);
        code = conclude(&session, &stopper, &engine.delays);
        if (abandoned)
            leave(params, code);
    } else {
        daub_log(DAUB_LOG_ERROR, "%s", error.message);
    }
    daub_queue_destroy(&session.frames);
    daub_stop_uninit(&stopper.closed);
    daub_stop_uninit(&session.finished);
    pthread_mutex_destroy(&session.lock);
    return code;
}
