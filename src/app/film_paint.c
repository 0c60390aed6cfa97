/* Paints segments of a film: each by a session of its own, into a file beside the plan.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/film.h"
#include "app/session.h"
#include "app/signals.h"
#include "media/compat.h"
#include "util/alloc.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"

/* ---- the frames of one segment ---- */

/* A source of exactly the segment's frames, those that warm up flagged to be discarded;
 * without other streams. */
struct segment_source {
    struct media_source source;
    struct media_source *inner;
    const struct film *film;
    size_t next, start, end; /* frames of the film; before start they warm up */
    AVFrame *first;          /* the frame of next; NULL: it is to be read */
};

static bool fail_frames(const struct segment_source *self, struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "%s gives other frames than when %s was made (frame %zu); make the "
                     "plan again",
                     self->film->input, self->film->path, self->next);
}

/* The inner source's next frame; packets are left out. */
static enum media_read next_frame(struct segment_source *self, AVFrame **frame,
                                  struct daub_error *error)
{
    struct media_item item = {0};
    enum media_read answer = self->inner->ops->read(self->inner, &item, error);
    av_packet_free(&item.packet);
    *frame = item.frame;
    return answer == MEDIA_READ_OK && !item.frame ? MEDIA_READ_AGAIN : answer;
}

static enum media_read segment_read(struct media_source *source, struct media_item *item,
                                    struct daub_error *error)
{
    struct segment_source *self = container_of(source, struct segment_source, source);
    *item = (struct media_item){.frame = self->first};
    self->first = NULL;
    if (self->next == self->end)
        return MEDIA_READ_END;
    enum media_read answer =
        item->frame ? MEDIA_READ_OK : next_frame(self, &item->frame, error);
    if (answer != MEDIA_READ_OK)
        return answer;
    if (item->frame->pts != self->film->times[self->next].pts) {
        av_frame_free(&item->frame);
        fail_frames(self, error);
        return MEDIA_READ_ERROR;
    }
    if (self->next < self->start)
        item->frame->flags |= AV_FRAME_FLAG_DISCARD;
    else
        item->frame->flags &= ~AV_FRAME_FLAG_DISCARD;
    self->next++;
    return MEDIA_READ_OK;
}

static void segment_destroy(struct media_source *source)
{
    struct segment_source *self = container_of(source, struct segment_source, source);
    av_frame_free(&self->first);
    media_source_destroy(self->inner);
    free(self);
}

static const struct media_source_ops segment_ops = {.read = segment_read,
                                                    .destroy = segment_destroy};

/* Reads up to the segment's first frame. false without *error: it is another one than
 * the plan has. */
static bool find_first(struct segment_source *self, const struct film_segment *segment,
                       const struct daub_stop *stop, struct daub_error *error)
{
    int64_t wanted = self->film->times[self->next].pts;
    enum media_read answer;
    do {
        av_frame_free(&self->first);
        answer = next_frame(self, &self->first, error);
    } while ((answer == MEDIA_READ_OK && self->first->pts < wanted) ||
             (answer == MEDIA_READ_AGAIN && !daub_stop_requested(stop)));
    return self->first && self->first->pts == wanted &&
           film_hash_frame(self->first) == segment->hash;
}

/* Opens the input at the segment: by a seek, and where that does not lead to the frame of
 * the plan, by reading from the beginning. */
static enum exit_code open_segment(struct work *work, const struct film *film,
                                   size_t number, struct media_source **source)
{
    const struct film_segment *segment = &film->segments[number];
    struct daub_error error = {0};
    struct segment_source *self = daub_alloc(1, sizeof(*self));
    if (!self)
        return EXIT_CODE_FAILED;
    *self = (struct segment_source){.source = {.ops = &segment_ops},
                                    .film = film,
                                    .next = (size_t)(segment->first - segment->warm_up),
                                    .start = (size_t)segment->first,
                                    .end = (size_t)(segment->first + segment->count)};
    *source = &self->source;
    for (int pass = 0; pass < 2; pass++) {
        enum exit_code code =
            files_open_source(work->options, film_keeps_matrix(film, work->options),
                              work->stop, &self->inner);
        if (code != EXIT_CODE_DONE)
            return code;
        self->source.info = self->inner->info;
        self->source.info.frames = segment->count;
        self->source.info.seekable = false;
        bool seek = pass == 0 && self->next > 0 && self->inner->info.seekable;
        int64_t at_us = av_rescale_q_rnd(film->times[self->next].pts, film->time_base,
                                         AV_TIME_BASE_Q, AV_ROUND_DOWN);
        if ((!seek || self->inner->ops->seek(self->inner, at_us, &error)) &&
            find_first(self, segment, work->stop, &error))
            return EXIT_CODE_DONE;
        if (daub_stop_requested(work->stop))
            return EXIT_CODE_INTERRUPTED;
        if (!seek)
            break;
        daub_log(DAUB_LOG_VERBOSE,
                 "a seek to frame %zu gives another picture than reading "
                 "up to it; reading from the beginning",
                 self->next);
        error = (struct daub_error){0};
        av_frame_free(&self->first);
        media_source_destroy(self->inner);
        self->inner = NULL;
    }
    fail_frames(self, &error);
    return (enum exit_code)command_fail(EXIT_CODE_INPUT, &error);
}

/* ---- parts ---- */

/* The beginning of the names that this process gives to a segment's unfinished files,
 * with a dot at its end: two machines may paint the same segment, where one was taken for
 * dead. */
static void own_name(size_t segment, char *name, size_t size)
{
    char host[64] = "host";
    const char *node = getenv("SLURMD_NODENAME");
    gethostname(host, sizeof(host));
    host[sizeof(host) - 1] = '\0';
    snprintf(name, size, "%05zu.%.40s.%.40s.%ld.", segment, host, node ? node : "-",
             (long)getpid());
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '-' : *c;
}

/* Removes what this process left of the segment. */
static void remove_own(const struct film *film, const char *own)
{
    DIR *folder = opendir(film->parts);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strncmp(entry->d_name, own, strlen(own)) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

static bool make_folder(const struct film *film, struct daub_error *error)
{
    if (mkdir(film->parts, 0777) == 0 || errno == EEXIST)
        return true;
    return daub_fail(error, DAUB_ERROR_FAILED, "cannot make the folder %s: %s",
                     film->parts, strerror(errno));
}

/* ---- a device and its thread ---- */

/* What the devices share. */
struct shared {
    const struct film *film;
    const size_t *segments;
    size_t count;
    atomic_size_t next; /* of segments */
    struct progress progress;
    struct session_state state; /* of all */
    atomic_int code;            /* of the first failure */
};

struct painter_thread {
    struct shared *shared;
    struct options options;
    struct work work;
    const char *output; /* the value of options.outputs */
    struct daub_thread thread;
    int number;
};

static void fail_all(struct shared *shared, enum exit_code code)
{
    int none = EXIT_CODE_DONE, interrupted = EXIT_CODE_INTERRUPTED;
    if (!atomic_compare_exchange_strong(&shared->code, &none, (int)code))
        atomic_compare_exchange_strong(&shared->code, &interrupted, (int)code);
}

/* Opens device, model and painter, once, for a source like all others. */
static enum exit_code prepare(struct painter_thread *self)
{
    struct work *work = &self->work;
    const struct film *film = self->shared->film;
    struct daub_error error = {0};
    struct film here = {.encoder = film->encoder};
    if (work->painter_made) {
        painter_restart(&work->painter);
        return EXIT_CODE_DONE;
    }
    enum exit_code code = work_plan_output(work);
    if (code == EXIT_CODE_DONE)
        code = work_make_look(work);
    if (code != EXIT_CODE_DONE)
        return code;
    bool ok = film_add_fingerprint(&here, work, &error) &&
              film_same_fingerprint(film, &here, self->options.any_device, &error);
    here.encoder = NULL;
    film_free(&here);
    return ok ? work_make_painter(work)
              : (enum exit_code)command_fail(exit_code_of(error.status), &error);
}

static enum exit_code run_session(struct painter_thread *self, size_t segment,
                                  const char *path)
{
    struct work *work = &self->work;
    const struct film_segment *s = &self->shared->film->segments[segment];
    struct progress none = {.kind = PROGRESS_NONE};
    struct session_params params = {
        .source = work->source,
        .painter = &work->painter,
        .progress = self->number == 0 ? &self->shared->progress : &none,
        .stop = work->stop,
        .part = true,
        .pace = &work->pace,
        .state = &self->shared->state,
    };
    struct media_sink_params how = work_sink_params(work, path, true);
    struct media_sink *sink = NULL;
    how.format = "nut";
    enum exit_code code = files_open_sink(&how, work->stop, &sink);
    if (code != EXIT_CODE_DONE)
        return code;
    params.sinks = &sink;
    params.sink_count = 1;
    code = session_run(&params);
    media_sink_destroy(sink);
    const struct segment_source *source =
        container_of(work->source, struct segment_source, source);
    if (code == EXIT_CODE_DONE && source->next != source->end) {
        daub_log(DAUB_LOG_ERROR,
                 "%s ends before frame %" PRId64 ", which the plan has; make it again",
                 self->shared->film->input, s->first + s->count);
        code = EXIT_CODE_INPUT;
    }
    return code;
}

static enum exit_code paint_segment(struct painter_thread *self, size_t segment)
{
    const struct film *film = self->shared->film;
    struct work *work = &self->work;
    char own[256], path[PATH_MAX], part[PATH_MAX];
    own_name(segment, own, sizeof(own));
    film_part(film, segment, part, sizeof(part));
    if ((size_t)snprintf(path, sizeof(path), "%s/%snut", film->parts, own) >=
        sizeof(path)) {
        daub_log(DAUB_LOG_ERROR, "the name of %s is too long", film->path);
        return EXIT_CODE_OUTPUT;
    }
    enum exit_code code = open_segment(work, film, segment, &work->source);
    if (code == EXIT_CODE_DONE)
        code = prepare(self);
    if (code == EXIT_CODE_DONE)
        code = run_session(self, segment, path);
    media_source_destroy(work->source);
    work->source = NULL;
    if (code == EXIT_CODE_DONE && rename(path, part) != 0) {
        daub_log(DAUB_LOG_ERROR, "cannot name the segment %s: %s", part, strerror(errno));
        code = EXIT_CODE_OUTPUT;
    }
    if (code != EXIT_CODE_DONE)
        remove_own(film, own);
    else
        daub_log(DAUB_LOG_VERBOSE, "segment %zu is painted: %s", segment, part);
    return code;
}

static void *paint_segments(void *opaque)
{
    struct painter_thread *self = opaque;
    struct shared *shared = self->shared;
    while (atomic_load(&shared->code) == EXIT_CODE_DONE) {
        size_t i = atomic_fetch_add(&shared->next, 1);
        if (i >= shared->count)
            break;
        enum exit_code code = daub_stop_requested(self->work.stop)
                                  ? EXIT_CODE_INTERRUPTED
                                  : paint_segment(self, shared->segments[i]);
        code = (enum exit_code)command_validated(self->work.device, (int)code);
        if (code != EXIT_CODE_DONE)
            fail_all(shared, code);
    }
    return NULL;
}

/* ---- */

/* Splits the list of --gpu; *count devices, *copy is their memory. NULL where memory ran
 * out. */
static char **split_devices(const char *list, size_t *count, char **copy)
{
    size_t commas = 0;
    for (const char *c = list ? list : ""; *c; c++)
        commas += *c == ',';
    char **devices = daub_alloc(commas + 1, sizeof(*devices)), *rest = NULL;
    *copy = daub_strdup(list ? list : "");
    if (!devices || !*copy) {
        free(devices);
        return NULL;
    }
    *count = 0;
    for (char *name = strtok_r(*copy, ",", &rest); name;
         name = strtok_r(NULL, ",", &rest))
        devices[(*count)++] = name;
    *count = *count ? *count : 1; /* NULL: the default */
    return devices;
}

static bool start_painter(struct painter_thread *self, struct shared *shared, int number,
                          char *device, const struct options *given,
                          struct daub_stop *stop, struct daub_error *error)
{
    const struct film *film = shared->film;
    *self =
        (struct painter_thread){.shared = shared, .number = number, .output = film->path};
    if (!film_options(film, given, &self->options, error))
        return false;
    self->options.frames = 0; /* the plan has the number */
    self->options.gpu = device;
    free(self->options.outputs.values);
    self->options.outputs = (struct option_list){.values = &self->output, .count = 1};
    self->work = (struct work){.options = &self->options,
                               .stop = stop,
                               .part_of = film->container,
                               .encoder_threads = film->encoder_threads};
    return work_sizes(&self->work, error) &&
           daub_thread_start(&self->thread, "daub-segments", paint_segments, self, error);
}

static void end_painter(struct painter_thread *self)
{
    daub_thread_join(&self->thread);
    work_uninit(&self->work);
    self->options.outputs = (struct option_list){0};
    options_free(&self->options);
}

/* The chosen segments that have no part; *frames: what there is to paint. */
static size_t missing(const struct film *film, const bool *chosen, size_t *list,
                      int64_t *frames)
{
    size_t count = 0, painted = 0;
    for (size_t i = 0; i < film->segment_count; i++) {
        if (chosen && !chosen[i])
            continue;
        if (film_part_exists(film, i)) {
            painted++;
            continue;
        }
        *frames += film->segments[i].count;
        list[count++] = i;
    }
    if (painted > 0)
        daub_log(DAUB_LOG_INFO, "%zu of %zu segments are painted already", painted,
                 painted + count);
    return count;
}

enum exit_code film_paint(const struct film *film, const struct options *given,
                          const bool *chosen, struct daub_stop *stop)
{
    struct daub_error error = {0};
    struct media_source_info info = {0};
    struct shared shared = {.film = film};
    signals_keep_output();
    size_t device_count = 0;
    size_t *list = daub_alloc(film->segment_count, sizeof(*list));
    char *names = NULL, **devices = split_devices(given->gpu, &device_count, &names);
    struct painter_thread *painters =
        devices ? daub_alloc(device_count, sizeof(*painters)) : NULL;
    bool ok = list && painters ? make_folder(film, &error)
                               : daub_no_memory(&error, "the segments");
    shared.count = ok ? missing(film, chosen, list, &info.frames) : 0;
    shared.segments = list;
    progress_init(&shared.progress, (enum progress_kind)given->progress, &info);
    for (size_t i = 0; ok && shared.count > 0 && i < device_count; i++)
        ok =
            start_painter(&painters[i], &shared, (int)i, devices[i], given, stop, &error);
    if (!ok) {
        fail_all(&shared, exit_code_of(error.status));
        daub_log(DAUB_LOG_ERROR, "%s", error.message);
    }
    for (size_t i = 0; painters && i < device_count; i++)
        end_painter(&painters[i]);
    free(names);
    free(devices);
    free(painters);
    free(list);
    return (enum exit_code)atomic_load(&shared.code);
}
