/* Makes the plan of a film, and compares it with this machine. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/film.h"
#include "app/progress.h"
#include "media/camera.h"
#include "media/compat.h"
#include "media/encoder.h"
#include "media/loss.h"
#include "media/mux.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/text.h"

enum {
    SEGMENT_FRAMES = 240, /* default of --segment-frames: ten seconds */
    WARM_UP_FRAMES = 24,  /* default of --warm-up */
    THREADS_MAX = 16,     /* of the encoder */
};

/* ---- options ---- */

/* Whether it is an encoder's option with which it writes or reads other files, such as
 * statistics of a first pass. A plan may come from somebody else. */
static bool writes_files(const char *option)
{
    static const char *const words[] = {"stats", "pass",  "qpfile", "zonefile",
                                        "dump",  "recon", "csv",    "analysis-"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strncmp(option, "-e=", 3) == 0 && strcasestr(option, words[i]))
            return true;
    }
    return false;
}

bool film_options(const struct film *film, const struct options *given,
                  struct options *options, struct daub_error *error)
{
    for (size_t i = 0; i < film->option_count; i++) {
        if (writes_files(film->options[i]))
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "%s in %s would let the encoder write other files; encoding "
                             "in two passes does not go with segments",
                             film->options[i], film->path);
    }
    if (!options_parse(options, VERB_FILM, (int)film->option_count, film->options, error))
        return false;
    options->input = film->input;
    options->format = film->container;
    options->encoder = film->encoder;
    options->gpu = given->gpu;
    options->threads = given->threads;
    options->validation = given->validation;
    options->no_cache = given->no_cache;
    options->progress = given->progress;
    options->overwrite = given->overwrite;
    options->any_device = given->any_device;
    return true;
}

bool film_keeps_matrix(const struct film *film, const struct options *options)
{
    return !options->size && !options->out_size &&
           media_sink_keeps_matrix("film", film->container);
}

/* As one argument, NAME=VALUE. */
static bool add_option(struct film *film, const char *name, const char *value)
{
    char **longer =
        realloc(film->options, (film->option_count + 1) * sizeof(*film->options));
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = longer ? daub_alloc(size, 1) : NULL;
    if (longer)
        film->options = longer;
    if (!text)
        return false;
    snprintf(text, size, "%s=%s", name, value);
    longer[film->option_count++] = text;
    return true;
}

static bool keep_options(struct film *film, const struct options *options)
{
    for (size_t i = 0; i < options->given_count; i++) {
        const struct option_given *given = &options->given[i];
        if (given->verbs & VERB_FILM && !add_option(film, given->name, given->value))
            return false;
    }
    film->given_count = film->option_count;
    return true;
}

bool film_same_options(const struct film *film, const struct options *options,
                       struct daub_error *error)
{
    struct film wanted = {0};
    bool same = strcmp(film->input, options->input) == 0 &&
                keep_options(&wanted, options) && wanted.given_count == film->given_count;
    for (size_t i = 0; same && i < wanted.given_count; i++)
        same = strcmp(film->options[i], wanted.options[i]) == 0;
    film_free(&wanted);
    return same || daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "%s was made with other options or another input; give the "
                             "same as then, or --segments -y to begin anew",
                             film->path);
}

static bool has_option(const struct film *film, const char *start)
{
    for (size_t i = 0; i < film->option_count; i++) {
        if (strncmp(film->options[i], start, strlen(start)) == 0)
            return true;
    }
    return false;
}

/* Adds what depends on the machine: the default model, and for x264 the instruction set
 * up to which its results do not depend on the processor. With AVX-512, x264 164 reads
 * memory that nobody wrote in pictures of up to 240 columns (mbtree_propagate), so that
 * they differ from run to run. */
static bool add_options(struct film *film, const struct work *work)
{
    bool x264 = strncmp(film->encoder, "libx264", 7) == 0;
#if !defined(__x86_64__) && !defined(__i386__)
    x264 = false; /* it has other names for instruction sets there */
#endif
    if (x264 && !has_option(film, "-e=x264-params=") &&
        !has_option(film, "-e=x264opts=") &&
        !add_option(film, "-e", "x264-params=asm=avx2"))
        return false;
    return work->options->model ||
           add_option(film, "-m", daub_model_get_info(work->model)->name);
}

/* ---- the fingerprint ---- */

static bool add_fact(struct film *film, const char *name, const char *value)
{
    struct film_fact *fact = &film->facts[film->fact_count++];
    fact->name = daub_strdup(name);
    fact->value = daub_strdup(value);
    return fact->name && fact->value;
}

bool film_add_fingerprint(struct film *film, const struct work *work,
                          struct daub_error *error)
{
    const struct daub_model_info *model = daub_model_get_info(work->model);
    char device[512], weights[64], network[256], libraries[128];
    const float *style = work->look.params.style;
    daub_device_fingerprint(work->device, device, sizeof(device));
    snprintf(network, sizeof(network), "%.200s %016" PRIx64, model->name, model->hash);
    snprintf(weights, sizeof(weights), "%016" PRIx64,
             style ? daub_hash(style, (size_t)model->weight_count * sizeof(*style)) : 0);
    snprintf(libraries, sizeof(libraries), "libavcodec %u.%u.%u, %.60s",
             avcodec_version() >> 16, avcodec_version() >> 8 & 0xff,
             avcodec_version() & 0xff, film->encoder);
    return (add_fact(film, "device", device) && add_fact(film, "model", network) &&
            add_fact(film, "style", weights) && add_fact(film, "encoder", libraries)) ||
           daub_no_memory(error, "the plan");
}

static const char *fact_of(const struct film *film, const char *name)
{
    for (int i = 0; i < film->fact_count; i++) {
        if (strcmp(film->facts[i].name, name) == 0)
            return film->facts[i].value;
    }
    return "unknown";
}

bool film_same_fingerprint(const struct film *film, const struct film *here,
                           bool any_device, struct daub_error *error)
{
    for (int i = 0; i < here->fact_count; i++) {
        const char *name = here->facts[i].name, *mine = here->facts[i].value;
        const char *planned = fact_of(film, name);
        if (strcmp(planned, mine) == 0)
            continue;
        if (!any_device)
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "the %s differs from that of %s: here \"%s\", there \"%s\"; "
                             "the painting would differ between segments; "
                             "--any-device allows it",
                             name, film->path, mine, planned);
        daub_log(DAUB_LOG_WARNING,
                 "the %s differs from the plan's: here \"%s\", there "
                 "\"%s\"",
                 name, mine, planned);
    }
    return true;
}

/* ---- segments ---- */

struct planner {
    struct film *film;
    const struct options *options;
    uint64_t *hashes; /* of the frames, with --split; else of those that begin segments */
    size_t hash_capacity;
};

static bool begin_segment(struct planner *p, int64_t first, int64_t warm_up,
                          struct daub_error *error)
{
    struct film *film = p->film;
    if (!daub_grow(&film->segments, &film->segment_capacity, film->segment_count + 1,
                   sizeof(*film->segments)))
        return daub_no_memory(error, "the plan");
    film->segments[film->segment_count++] = (struct film_segment){
        .first = first, .warm_up = warm_up, .hash = p->hashes[first - warm_up]};
    return true;
}

static bool add_frame(struct planner *p, const AVFrame *input, bool cut,
                      struct daub_error *error)
{
    const struct options *options = p->options;
    struct film *film = p->film;
    int64_t number = (int64_t)film->frame_count;
    int64_t least = options->segment_frames ? options->segment_frames : SEGMENT_FRAMES;
    int64_t warm_up = options->warm_up ? options->warm_up : WARM_UP_FRAMES;
    if (number == FILM_FRAMES_MAX)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "a plan has at most %d frames; plan parts of the film with -ss "
                         "and -t",
                         FILM_FRAMES_MAX);
    struct film_segment *last =
        film->segment_count ? &film->segments[film->segment_count - 1] : NULL;
    bool scene = !last || (cut && last->count >= least);
    bool seam = !scene && options->split_frames && last->count >= options->split_frames;
    if (!daub_grow(&film->times, &film->time_capacity, film->frame_count + 1,
                   sizeof(*film->times)) ||
        !daub_grow(&p->hashes, &p->hash_capacity, film->frame_count + 1,
                   sizeof(*p->hashes)))
        return daub_no_memory(error, "the plan");
    if (scene || options->split_frames)
        p->hashes[number] = film_hash_frame(input);
    film->times[film->frame_count++] =
        (struct media_time){.pts = input->pts, .duration = media_frame_duration(input)};
    if (!seam)
        warm_up = 0;
    if (warm_up > number)
        warm_up = number;
    if ((scene || seam) && !begin_segment(p, number, warm_up, error))
        return false;
    film->segments[film->segment_count - 1].count++;
    return true;
}

/* Consumes the frame. */
static bool look_at(struct planner *p, struct painter *painter, AVFrame *frame,
                    struct daub_error *error)
{
    AVFrame *painted = NULL;
    bool ok = (painter_fits(painter, frame) || painter_change(painter, frame, error)) &&
              painter_submit(painter, frame, error) == PAINTER_OK;
    if (!ok)
        av_frame_free(&frame);
    ok = ok && painter_receive(painter, &painted, error) == PAINTER_OK &&
         add_frame(p, painter_input(painted), painter_was_cut(painter), error);
    av_frame_free(&painted);
    return ok;
}

static void show_progress(const struct planner *p, const struct media_source_info *info,
                          int64_t *next_us)
{
    char line[80];
    if (daub_clock_us() < *next_us || daub_log_get_level() < DAUB_LOG_INFO ||
        !isatty(STDERR_FILENO))
        return;
    *next_us = daub_clock_us() + 200000;
    snprintf(line, sizeof(line), "looking for scenes: frame %zu of about %" PRId64,
             p->film->frame_count, info->frames);
    daub_log_status(line);
}

/* Reads all frames. */
static enum exit_code read_frames(struct planner *p, struct work *work)
{
    struct media_source *source = work->source;
    struct daub_error error = {0};
    enum media_read answer = MEDIA_READ_OK;
    int64_t next_us = 0;
    while (answer == MEDIA_READ_OK || answer == MEDIA_READ_AGAIN) {
        struct media_item item = {0};
        answer = source->ops->read(source, &item, &error);
        av_packet_free(&item.packet);
        if (answer == MEDIA_READ_OK && item.frame &&
            !look_at(p, &work->painter, item.frame, &error))
            return (enum exit_code)command_fail(exit_code_of(error.status), &error);
        show_progress(p, &source->info, &next_us);
    }
    if (isatty(STDERR_FILENO))
        daub_log_status(NULL);
    if (answer == MEDIA_READ_ERROR)
        return (enum exit_code)command_fail(EXIT_CODE_INPUT, &error);
    if (source->broken) {
        daub_log(DAUB_LOG_ERROR, "%s could not be read to its end, so there is no plan",
                 source->info.name);
        return EXIT_CODE_INPUT;
    }
    return daub_stop_requested(work->stop) ? EXIT_CODE_INTERRUPTED : EXIT_CODE_DONE;
}

/* ---- the plan ---- */

/* Whether a file of that kind can be encoded in segments. */
static bool holds_segments(const AVOutputFormat *container)
{
    static const char *const others[] = {"image2", "gif",      "apng",
                                         "webp",   "rawvideo", "yuv4mpegpipe",
                                         "hls",    "dash",     "segment"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(container->name, others[i]) == 0)
            return false;
    }
    return !(container->flags & (AVFMT_NOFILE | AVFMT_NOTIMESTAMPS));
}

static bool plan_encoding(struct film *film, const struct options *options,
                          const char *output, struct daub_error *error)
{
    const char *path = output ? output : "film.mp4";
    const AVOutputFormat *container = media_container_find(options->format, path, error);
    const AVCodec *codec =
        container ? media_encoder_find(options->encoder, container, path, error) : NULL;
    if (!codec)
        return false;
    if (!holds_segments(container) || media_path_is_url(path) ||
        media_path_is_stdout(path) || media_path_is_virtual_camera(path))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s cannot be made of segments (format %s); .mkv, .mp4, .mov, "
                         ".webm and .ts can",
                         path, container->name);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    film->encoder_threads = processors < 1             ? 1
                            : processors > THREADS_MAX ? THREADS_MAX
                                                       : (int)processors;
    film->container = daub_strdup(container->name);
    film->encoder = daub_strdup(codec->name);
    return (film->container && film->encoder) || daub_no_memory(error, "the plan");
}

static bool plan_names(struct film *film, const struct options *options,
                       struct daub_error *error)
{
    char folder[PATH_MAX];
    const char *file = media_path_plain(options->input);
    if (media_path_is_camera(options->input) || strcmp(options->input, "-") == 0)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s cannot be read twice; segments need an input that is a file",
                         options->input);
    if (!film_hash_input(file, &film->input_bytes, &film->input_hash, error))
        return false;
    film->input = daub_strdup(options->input);
    film->folder = getcwd(folder, sizeof(folder)) ? daub_strdup(folder) : NULL;
    return (film->input && film->folder && keep_options(film, options)) ||
           daub_no_memory(error, "the plan");
}

static void report(const struct film *film)
{
    int64_t least = INT64_MAX, most = 0;
    for (size_t i = 0; i < film->segment_count; i++) {
        const struct film_segment *s = &film->segments[i];
        least = s->count < least ? s->count : least;
        most = s->count > most ? s->count : most;
        char clock[24];
        daub_text_clock(clock, sizeof(clock),
                        (double)film->times[s->first].pts * av_q2d(film->time_base));
        if (s->warm_up)
            daub_log(DAUB_LOG_WARNING,
                     "segment %zu begins inside a scene, at %s; a seam may show there", i,
                     clock);
    }
    daub_log(DAUB_LOG_INFO,
             "%zu frames in %zu segments of %" PRId64 " to %" PRId64 " frames",
             film->frame_count, film->segment_count, least, most);
}

/* Opens the film's encoder and container once and discards them, so that wrong options
 * and losses are told before painting. */
static enum exit_code try_output(const struct film *film, const struct options *options,
                                 struct work *work, const char *output)
{
    char path[PATH_MAX];
    struct media_sink *sink = NULL;
    int losses = media_loss_count();
    snprintf(path, sizeof(path), "%s%s", output ? output : film->path,
             output ? "" : ".trial");
    struct media_sink_params how = work_sink_params(work, path, true);
    how.format = film->container;
    enum exit_code code = files_open_sink(&how, work->stop, &sink);
    media_sink_destroy(sink);
    if (code == EXIT_CODE_DONE && options->strict && media_loss_count() > losses)
        code = EXIT_CODE_OUTPUT; /* each loss was told */
    return code;
}

enum exit_code film_make(struct film *film, const struct options *options,
                         const char *output, struct daub_stop *stop)
{
    struct daub_error error = {0};
    struct options local = *options;
    const char *path = output ? output : "film";
    struct work work = {
        .options = &local, .stop = stop, .keep_input = true, .only_cuts = true};
    struct planner planner = {.film = film, .options = options};
    media_loss_set_strict(options->strict);
    if (!plan_names(film, options, &error) ||
        !plan_encoding(film, options, output, &error) || !work_sizes(&work, &error))
        return files_fail(&error, EXIT_CODE_INPUT);
    local.outputs = (struct option_list){.values = &path, .count = 1};
    local.format = film->container;
    local.temporal = DAUB_TEMPORAL_FLOW; /* the only one that finds cuts */
    char *first_device = options->gpu ? daub_strdup(options->gpu) : NULL;
    if (first_device)
        first_device[strcspn(first_device, ",")] = '\0';
    local.gpu = first_device;
    enum exit_code code =
        files_open_source(&local, film_keeps_matrix(film, &local), stop, &work.source);
    if (code == EXIT_CODE_DONE && work.source->info.single) {
        daub_log(DAUB_LOG_ERROR, "%s is an image; only films have segments",
                 options->input);
        code = EXIT_CODE_USAGE;
    }
    if (code == EXIT_CODE_DONE)
        code = work_plan_output(&work);
    if (code == EXIT_CODE_DONE)
        code = try_output(film, options, &work, output);
    if (code == EXIT_CODE_DONE)
        code = work_make_look(&work);
    if (code == EXIT_CODE_DONE)
        code = work_make_painter(&work);
    if (code == EXIT_CODE_DONE &&
        !((add_options(film, &work) || daub_no_memory(&error, "the plan")) &&
          film_add_fingerprint(film, &work, &error)))
        code = (enum exit_code)command_fail(EXIT_CODE_FAILED, &error);
    if (code == EXIT_CODE_DONE) {
        film->time_base = work.source->info.time_base;
        code = read_frames(&planner, &work);
    }
    if (code == EXIT_CODE_DONE)
        report(film);
    work_uninit(&work);
    free(planner.hashes);
    free(first_device);
    return code;
}
