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

enum { NAMES_MAX = 100 };

struct recorder {
    struct media_sink sink;
    struct recorder_params params;
    struct media_source_info input; /* of recordings: the picture alone */

    struct latest_frame latest;

    pthread_mutex_t lock;
    char told[640]; /* lock; how the last recording ended; "": said already */
    bool failed;    /* lock; one of them did */

    pthread_mutex_t target_lock; /* taken before lock; held while a frame is pushed */
    struct media_sink *target;   /* target_lock; NULL: nothing is recorded */
    atomic_bool running;         /* there is a target */
    char name[512];              /* target_lock; the target's, then the closing one's */
    bool begun, finished;        /* target_lock; it has a frame; there will be no other */
    int64_t zero_pts;          /* target_lock; of paintings, where the recording's is 0 */
    int64_t last_pts;          /* target_lock; of paintings */
    struct daub_thread closer; /* target_lock; of one that ends */
    struct media_sink *closing; /* the closer's while it runs */
};

static struct recorder *recorder_of(struct media_sink *sink)
{
    return container_of(sink, struct recorder, sink);
}

/* ---- names ---- */

/* One that does not exist yet. */
static void choose_name(const char *path, const char *ending, char *name, size_t size)
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
    for (int i = 2; i < NAMES_MAX && access(name, F_OK) == 0; i++)
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

bool recorder_start(struct recorder *r, const char *path, char *name, size_t size,
                    struct daub_error *error)
{
    struct media_sink *target = NULL;
    pthread_mutex_lock(&r->target_lock);
    /* Before that one's file has its name, another would take it. */
    if (!r->target)
        daub_thread_join(&r->closer);
    choose_name(path, "mp4", name, size);
    struct media_sink_params params = {.path = name,
                                       .encode = r->params.encode,
                                       .input = &r->input,
                                       .frame = r->params.frame};
    if (r->target)
        daub_fail(error, DAUB_ERROR_ARGUMENT, "a recording runs already");
    else if (r->finished)
        daub_fail(error, DAUB_ERROR_FAILED, "daub is about to end");
    else if (check_name(name, error))
        target = media_sink_open(&params, error);
    if (target) {
        r->target = target;
        r->begun = false;
        snprintf(r->name, sizeof(r->name), "%s", name);
        target->name = r->name;
        atomic_store(&r->running, true);
    }
    pthread_mutex_unlock(&r->target_lock);
    return target != NULL;
}

static void tell(struct recorder *r, bool ok, const char *text)
{
    daub_log(ok ? DAUB_LOG_INFO : DAUB_LOG_ERROR, "%s", text);
    pthread_mutex_lock(&r->lock);
    snprintf(r->told, sizeof(r->told), "%s", text);
    r->failed = r->failed || !ok;
    pthread_mutex_unlock(&r->lock);
}

static void *close_target(void *opaque)
{
    struct recorder *r = opaque;
    struct media_report report = {0};
    struct daub_error error = {0};
    char text[640], bytes[24];
    bool ok = r->closing->ops->join(r->closing, &report, &error);
    daub_text_bytes(bytes, sizeof(bytes), report.bytes);
    ok = ok && media_report_holds(&report, &error);
    if (ok && report.frames_in == 0)
        snprintf(text, sizeof(text), "nothing was painted meanwhile: no %.400s", r->name);
    else if (ok)
        snprintf(text, sizeof(text), "recorded %.400s: %" PRId64 " frames, %s", r->name,
                 report.frames_out, bytes);
    else
        snprintf(text, sizeof(text), "not recorded: %s", error.message);
    media_sink_destroy(r->closing);
    r->closing = NULL;
    tell(r, ok, text);
    return NULL;
}

/* With target_lock. */
static bool stop(struct recorder *r)
{
    struct daub_error error = {0};
    if (!r->target)
        return false;
    daub_thread_join(&r->closer);
    r->closing = r->target;
    r->target = NULL;
    atomic_store(&r->running, false);
    r->closing->ops->finish(r->closing, r->begun);
    if (!daub_thread_start(&r->closer, "daub-recorder", close_target, r, &error))
        close_target(r);
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

bool recorder_told(struct recorder *r, char *text, size_t size)
{
    pthread_mutex_lock(&r->lock);
    snprintf(text, size, "%s", r->told);
    r->told[0] = '\0';
    pthread_mutex_unlock(&r->lock);
    return *text != '\0';
}

bool recorder_picture(struct recorder *r, const char *path, char *name, size_t size,
                      struct daub_error *error)
{
    struct media_report report;
    struct media_source_info info = {
        .name = "painting", .time_base = {1, 1000}, .frame_rate = {0, 1}, .single = true};
    choose_name(path, "png", name, size);
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

/* In the recording's time, in which seeks and pauses leave no gap. */
static int64_t recorded_pts(struct recorder *r, int64_t pts)
{
    AVRational base = r->params.input->time_base;
    AVRational rate = media_input_rate(r->params.input);
    int64_t second = av_rescale_q(AV_TIME_BASE, AV_TIME_BASE_Q, base);
    int64_t step = rate.num > 0 ? av_rescale_q(1, av_inv_q(rate), base) : second / 25;
    if (!r->begun)
        r->zero_pts = pts;
    else if (pts <= r->last_pts || pts > r->last_pts + second)
        r->zero_pts += pts - r->last_pts - (step > 0 ? step : 1);
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
    if (!r->target->ops->push(r->target, shifted))
        stop(r); /* its join tells why */
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

static void recorder_finish(struct media_sink *sink, bool keep)
{
    struct recorder *r = recorder_of(sink);
    (void)keep;
    pthread_mutex_lock(&r->target_lock);
    stop(r);
    r->finished = true;
    pthread_mutex_unlock(&r->target_lock);
}

/* A recording that failed makes the whole fail. */
static bool recorder_join(struct media_sink *sink, struct media_report *report,
                          struct daub_error *error)
{
    struct recorder *r = recorder_of(sink);
    daub_thread_join(&r->closer);
    *report = (struct media_report){0};
    return r->failed ? daub_fail(error, DAUB_ERROR_FAILED, "a recording failed") : true;
}

static void recorder_destroy(struct media_sink *sink)
{
    struct recorder *r = recorder_of(sink);
    daub_thread_join(&r->closer);
    media_sink_destroy(r->target);
    latest_frame_uninit(&r->latest);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->target_lock);
    free(r);
}

static const struct media_sink_ops recorder_ops = {.push = recorder_push,
                                                   .watched = recorder_watched,
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
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    latest_frame_init(&r->latest);
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->target_lock, NULL);
    r->sink =
        (struct media_sink){.ops = &recorder_ops, .name = "recorder", .quiet = true};
    r->params = *params;
    /* Times begin at 0 and have no sound to go with. */
    r->input = *params->input;
    r->input.container = NULL;
    r->input.audio = r->input.subtitles = r->input.single = false;
    return r;
}
