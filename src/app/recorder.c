#include "app/recorder.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "media/latest_frame.h"
#include "util/alloc.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"
#include "util/thread.h"

enum { NAMES_MAX = 100, RECORDINGS = 4, NAME_BYTES = 512, TEXT_BYTES = 2048 };

/* A recording that runs, or that has ended and whose file a thread is completing. */
struct recording {
    struct recorder *recorder;
    struct media_sink *sink; /* recorder's lock; NULL: this slot is free */
    struct daub_thread closer;
    char name[NAME_BYTES];
};

struct recorder {
    struct media_sink sink;
    struct recorder_params params;
    struct media_source_info input; /* of recordings: the source's without audio */
    int64_t second, step; /* duration of a second and of a frame in the input time base */

    struct latest_frame latest;

    pthread_mutex_t lock;    /* locked last, and only for short times */
    char result[TEXT_BYTES]; /* lock; how the last recording ended; "": it was read */
    bool failed;             /* lock; any recording failed */
    bool interrupted;        /* lock */
    struct recording recordings[RECORDINGS];

    pthread_mutex_t start_lock;  /* locked first; only one recording starts at a time */
    pthread_mutex_t target_lock; /* locked while a frame is pushed */
    struct recording *target;    /* target_lock; the recording that runs; NULL: none */
    atomic_bool running;         /* there is a target */
    bool begun, finished; /* target_lock; the target has a frame; no more frames come */
    int64_t zero_pts;     /* target_lock; pts of the painting at the recording's 0 */
    int64_t last_pts;     /* target_lock; pts of the last painting */
};

static struct recorder *recorder_of(struct media_sink *sink)
{
    return container_of(sink, struct recorder, sink);
}

/* ---- names ---- */

/* Whether a recording that is being completed will have that name. */
static bool is_taken(struct recorder *r, const char *name)
{
    bool found = false;
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < RECORDINGS; i++)
        found =
            found || (r->recordings[i].sink && strcmp(r->recordings[i].name, name) == 0);
    pthread_mutex_unlock(&r->lock);
    return found;
}

/* path or, where that is NULL, a name that does not exist yet. */
static void choose_name(struct recorder *r, const char *path, const char *ending,
                        char *name, size_t size)
{
    char stamp[32];
    struct tm local;
    time_t now = time(NULL);
    if (path) {
        snprintf(name, size, "%s", path);
        return;
    }
    localtime_r(&now, &local);
    strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &local);
    snprintf(name, size, "daub-%s.%s", stamp, ending);
    for (int i = 2; i < NAMES_MAX && (access(name, F_OK) == 0 || is_taken(r, name)); i++)
        snprintf(name, size, "daub-%s-%d.%s", stamp, i, ending);
}

static bool check_name(const char *name, struct daub_error *error)
{
    if (media_path_is_stdout(name) || media_path_is_url(name) ||
        media_path_is_virtual_camera(name) || media_path_is_pattern(name))
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s: give the name of a file", name);
    if (access(name, F_OK) == 0)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s exists; give another name",
                         name);
    return true;
}

/* ---- a recording ---- */

static bool check_idle(struct recorder *r, struct daub_error *error)
{
    pthread_mutex_lock(&r->target_lock);
    bool ok = !r->target && !r->finished;
    if (r->target)
        daub_fail(error, DAUB_ERROR_ARGUMENT, "a recording runs already; stop it first");
    else if (r->finished)
        daub_fail(error, DAUB_ERROR_FAILED, "daub is about to end");
    pthread_mutex_unlock(&r->target_lock);
    return ok;
}

/* NULL where every slot is used. Call with start_lock. */
static struct recording *free_slot(struct recorder *r)
{
    struct recording *slot = NULL;
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < RECORDINGS && !slot; i++)
        slot = r->recordings[i].sink ? NULL : &r->recordings[i];
    pthread_mutex_unlock(&r->lock);
    if (slot)
        daub_thread_join(&slot->closer);
    return slot;
}

static void set_sink(struct recording *slot, struct media_sink *sink)
{
    struct recorder *r = slot->recorder;
    pthread_mutex_lock(&r->lock);
    slot->sink = sink;
    if (sink && r->interrupted && sink->ops->interrupt)
        sink->ops->interrupt(sink);
    pthread_mutex_unlock(&r->lock);
}

/* Opens the encoder without target_lock, so that pushing frames does not wait. Call with
 * start_lock. */
static bool open_target(struct recorder *r, const char *path, char *name, size_t size,
                        struct daub_error *error)
{
    struct recording *slot = free_slot(r);
    if (!slot)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "%d recordings are still being completed; try again later",
                         RECORDINGS);
    choose_name(r, path, "mp4", name, size);
    snprintf(slot->name, sizeof(slot->name), "%s", name);
    slot->recorder = r;
    struct media_sink_params params = {.path = slot->name,
                                       .encode = r->params.encode,
                                       .input = &r->input,
                                       .frame = r->params.frame};
    struct media_sink *sink =
        check_name(slot->name, error) ? media_sink_open(&params, error) : NULL;
    if (!sink)
        return false;
    sink->realtime = r->sink.realtime;
    set_sink(slot, sink);
    pthread_mutex_lock(&r->target_lock);
    bool ok = !r->finished;
    if (ok) {
        r->begun = false;
        r->target = slot;
        atomic_store(&r->running, true);
    }
    pthread_mutex_unlock(&r->target_lock);
    if (ok)
        return true;
    set_sink(slot, NULL);
    media_sink_destroy(sink);
    return daub_fail(error, DAUB_ERROR_FAILED, "daub is about to end");
}

bool recorder_start(struct recorder *r, const char *path, char *name, size_t size,
                    struct daub_error *error)
{
    pthread_mutex_lock(&r->start_lock);
    bool ok = check_idle(r, error) && open_target(r, path, name, size, error);
    pthread_mutex_unlock(&r->start_lock);
    return ok;
}

static void report_result(struct recorder *r, bool ok, const char *text)
{
    daub_log(ok ? DAUB_LOG_INFO : DAUB_LOG_ERROR, "%s", text);
    pthread_mutex_lock(&r->lock);
    snprintf(r->result, sizeof(r->result), "%s", text);
    r->failed = r->failed || !ok;
    pthread_mutex_unlock(&r->lock);
}

static void *close_recording(void *opaque)
{
    struct recording *recording = opaque;
    struct media_sink *sink = recording->sink;
    struct media_report report = {0};
    struct daub_error error = {0};
    char text[TEXT_BYTES], bytes[24];
    bool ok = sink->ops->join(sink, &report, &error);
    daub_text_bytes(bytes, sizeof(bytes), report.bytes);
    ok = ok && media_report_holds(&report, &error);
    if (ok && report.frames_in == 0)
        snprintf(text, sizeof(text),
                 "no frame was painted while recording; %.900s was not written",
                 recording->name);
    else if (ok)
        snprintf(text, sizeof(text), "recorded %.900s: %" PRId64 " frames, %s",
                 recording->name, report.frames_out, bytes);
    else
        snprintf(text, sizeof(text), "not recorded: %.900s%s%.900s", error.message,
                 *report.kept ? "; " : "", report.kept);
    report_result(recording->recorder, ok, text);
    set_sink(recording, NULL);
    media_sink_destroy(sink);
    return NULL;
}

/* Call with target_lock. Never waits: another thread completes the file. */
static bool stop(struct recorder *r)
{
    struct daub_error error = {0};
    struct recording *recording = r->target;
    if (!recording)
        return false;
    r->target = NULL;
    atomic_store(&r->running, false);
    recording->sink->ops->finish(recording->sink, r->begun);
    if (!daub_thread_start(&recording->closer, "daub-recorder", close_recording,
                           recording, &error))
        close_recording(recording);
    return true;
}

bool recorder_stop(struct recorder *r)
{
    pthread_mutex_lock(&r->target_lock);
    bool stopped = stop(r);
    pthread_mutex_unlock(&r->target_lock);
    return stopped;
}

bool recorder_running(struct recorder *r)
{
    return atomic_load(&r->running);
}

bool recorder_result(struct recorder *r, char *text, size_t size)
{
    pthread_mutex_lock(&r->lock);
    snprintf(text, size, "%s", r->result);
    r->result[0] = '\0';
    pthread_mutex_unlock(&r->lock);
    return *text != '\0';
}

bool recorder_picture(struct recorder *r, const char *path, char *name, size_t size,
                      struct daub_error *error)
{
    struct media_report report;
    struct media_source_info info = {
        .name = "painting", .time_base = {1, 1000}, .frame_rate = {0, 1}, .single = true};
    choose_name(r, path, "png", name, size);
    if (!check_name(name, error))
        return false;
    AVFrame *frame = latest_frame_peek(&r->latest);
    if (!frame)
        return daub_fail(error, DAUB_ERROR_FAILED, "nothing is painted yet");
    struct media_sink_params params = {.path = name, .input = &info, .frame = frame};
    struct media_sink *sink = media_sink_open(&params, error);
    bool ok = sink != NULL;
    if (ok) {
        ok = sink->ops->push(sink, frame);
        sink->ops->finish(sink, ok);
        ok = sink->ops->join(sink, &report, error) && ok;
        media_sink_destroy(sink);
    }
    av_frame_free(&frame);
    return ok;
}

/* ---- the sink ---- */

/* The pts in the recording, in which seeks and pauses leave no gap. */
static int64_t recorded_pts(struct recorder *r, int64_t pts)
{
    if (!r->begun)
        r->zero_pts = pts;
    else if (pts <= r->last_pts || pts > r->last_pts + r->second)
        r->zero_pts += pts - r->last_pts - r->step;
    r->begun = true;
    r->last_pts = pts;
    return pts - r->zero_pts;
}

static void record(struct recorder *r, const AVFrame *frame)
{
    AVFrame *shifted = av_frame_clone(frame);
    if (!shifted)
        return;
    shifted->pts = recorded_pts(r, frame->pts);
    struct media_sink *sink = r->target->sink;
    if (!sink->ops->push(sink, shifted))
        stop(r); /* its join reports the cause */
    av_frame_free(&shifted);
}

static bool recorder_push(struct media_sink *sink, const AVFrame *frame)
{
    struct recorder *r = recorder_of(sink);
    latest_frame_put(&r->latest, frame);
    pthread_mutex_lock(&r->target_lock);
    if (r->target)
        record(r, frame);
    pthread_mutex_unlock(&r->target_lock);
    return true;
}

static bool recorder_watched(struct media_sink *sink)
{
    return recorder_running(recorder_of(sink));
}

static void recorder_interrupt(struct media_sink *sink)
{
    struct recorder *r = recorder_of(sink);
    pthread_mutex_lock(&r->lock);
    r->interrupted = true;
    for (int i = 0; i < RECORDINGS; i++) {
        struct media_sink *each = r->recordings[i].sink;
        if (each && each->ops->interrupt)
            each->ops->interrupt(each);
    }
    pthread_mutex_unlock(&r->lock);
}

static void recorder_finish(struct media_sink *sink, bool whole)
{
    struct recorder *r = recorder_of(sink);
    (void)whole;
    pthread_mutex_lock(&r->target_lock);
    stop(r);
    r->finished = true;
    pthread_mutex_unlock(&r->target_lock);
}

static void join_closers(struct recorder *r)
{
    for (int i = 0; i < RECORDINGS; i++)
        daub_thread_join(&r->recordings[i].closer);
}

/* Fails where a recording failed, so that the exit code shows it. */
static bool recorder_join(struct media_sink *sink, struct media_report *report,
                          struct daub_error *error)
{
    struct recorder *r = recorder_of(sink);
    join_closers(r);
    *report = (struct media_report){0};
    return r->failed ? daub_fail(error, DAUB_ERROR_FAILED, "a recording failed") : true;
}

static void recorder_destroy(struct media_sink *sink)
{
    struct recorder *r = recorder_of(sink);
    join_closers(r);
    media_sink_destroy(r->target ? r->target->sink : NULL);
    latest_frame_uninit(&r->latest);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->target_lock);
    pthread_mutex_destroy(&r->start_lock);
    free(r);
}

static const struct media_sink_ops recorder_ops = {.push = recorder_push,
                                                   .watched = recorder_watched,
                                                   .interrupt = recorder_interrupt,
                                                   .finish = recorder_finish,
                                                   .join = recorder_join,
                                                   .destroy = recorder_destroy};

struct media_sink *recorder_sink(struct recorder *r)
{
    return &r->sink;
}

struct recorder *recorder_open(const struct recorder_params *params,
                               struct daub_error *error)
{
    struct recorder *r = daub_alloc(1, sizeof(*r));
    if (!r) {
        daub_no_memory(error, "a recorder");
        return NULL;
    }
    latest_frame_init(&r->latest);
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->target_lock, NULL);
    pthread_mutex_init(&r->start_lock, NULL);
    r->sink =
        (struct media_sink){.ops = &recorder_ops, .name = "recorder", .quiet = true};
    r->params = *params;
    /* Times begin at 0, because there is no audio to stay in time with. */
    r->input = *params->input;
    r->input.container = NULL;
    r->input.audio = r->input.subtitles = r->input.single = false;
    /* Read now, because the demuxer may change its streams while it reads. */
    r->input.frame_rate = media_input_rate(params->input);
    AVRational rate = r->input.frame_rate, base = params->input->time_base;
    r->second = av_rescale_q(AV_TIME_BASE, AV_TIME_BASE_Q, base);
    r->step = rate.num > 0 && rate.den > 0 ? av_rescale_q(1, av_inv_q(rate), base)
                                           : r->second / 25;
    r->step = r->step > 0 ? r->step : 1;
    return r;
}
