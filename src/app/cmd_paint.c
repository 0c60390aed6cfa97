#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/control.h"
#include "app/files.h"
#include "app/folder.h"
#include "app/recorder.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/speaker.h"
#include "app/window.h"
#include "app/work.h"
#include "media/loss.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/log.h"

static bool wants_real_time(const struct options *options)
{
    for (size_t i = 0; i < options->outputs.count; i++) {
        if (media_path_is_stream(options->outputs.values[i]) ||
            media_path_is_virtual_camera(options->outputs.values[i]))
            return true;
    }
    return false;
}

static bool wants_window(const struct options *options)
{
    bool only_camera = options->outputs.count == 1 && options->vcam;
    return !options->no_window &&
           (options->window || options->outputs.count == 0 || only_camera);
}

/* Whether the outputs store a display matrix, so that frames need not be turned. Sizes
 * that the user gives are those of the upright picture. */
static bool keeps_matrix(const struct options *options)
{
    bool keeps = !wants_window(options) && !options->control && !options->size &&
                 !options->out_size;
    for (size_t i = 0; i < options->outputs.count; i++)
        keeps =
            keeps && media_sink_keeps_matrix(options->outputs.values[i], options->format);
    return keeps;
}

static int fail_usage(const char *message)
{
    daub_log(DAUB_LOG_ERROR, "%s", message);
    return EXIT_CODE_USAGE;
}

/* Checks that the output may be written: it is not the input nor another output, and it
 * does not exist or may be replaced (*replace). */
static enum exit_code check_output(struct work *work, size_t index, bool *replace)
{
    const struct options *options = work->options;
    const char *path = options->outputs.values[index];
    for (size_t i = 0; i < index; i++) {
        const char *other = options->outputs.values[i];
        if (strcmp(path, other) == 0 ||
            daub_file_same(media_path_plain(path), media_path_plain(other))) {
            daub_log(DAUB_LOG_ERROR,
                     "two outputs are one file: %s and %s; give each a name of its own",
                     other, path);
            return EXIT_CODE_USAGE;
        }
    }
    return files_check_output(options, path, work->stop, replace);
}

static enum exit_code open_sinks(struct work *work, const bool *replace)
{
    const struct option_list *outputs = &work->options->outputs;
    for (size_t i = 0; i < outputs->count; i++) {
        struct media_sink_params params =
            work_sink_params(work, outputs->values[i], replace[i]);
        struct media_sink *sink = NULL;
        enum exit_code code = files_open_sink(&params, work->stop, &sink);
        if (code != EXIT_CODE_DONE)
            return code;
        work->sinks[work->sink_count++] = sink;
    }
    return EXIT_CODE_DONE;
}

static enum exit_code open_outputs(struct work *work)
{
    const struct option_list *outputs = &work->options->outputs;
    work->sinks = daub_alloc(outputs->count + 2, sizeof(struct media_sink *));
    bool *replace = daub_alloc(outputs->count + 1, sizeof(*replace));
    enum exit_code code = work->sinks && replace ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
    if (code != EXIT_CODE_DONE)
        daub_log(DAUB_LOG_ERROR, "out of memory");
    for (size_t i = 0; code == EXIT_CODE_DONE && i < outputs->count; i++)
        code = check_output(work, i, &replace[i]);
    if (code == EXIT_CODE_DONE)
        code = work_plan_output(work);
    if (code == EXIT_CODE_DONE)
        code = open_sinks(work, replace);
    free(replace);
    return code;
}

/* A seek is possible where nothing is written. */
static bool can_seek(const struct work *work)
{
    for (size_t i = 0; i < work->sink_count; i++) {
        if (!work->sinks[i]->ops->watched)
            return false;
    }
    return work->source->info.seekable;
}

static int64_t frame_us(const struct media_source_info *info)
{
    AVRational rate = media_input_rate(info);
    return rate.num > 0 && rate.den > 0 ? (int64_t)(1e6 / av_q2d(rate)) : 40000;
}

/* Opens the speaker for a file's audio; the window works without it. */
static void open_speaker(struct work *work)
{
    const struct options *options = work->options;
    const struct media_source_info *info = &work->source->info;
    struct daub_error error = {0};
    struct stat file;
    /* A pipe can be read only once, and that is needed for the picture. */
    if (options->no_audio || info->single || stat(options->input, &file) != 0 ||
        !S_ISREG(file.st_mode) || !media_has_audio(info))
        return;
    work->speaker =
        speaker_open(info->container->url, info, &work->pace, &work->state, &error);
    if (work->speaker)
        window_set_speaker(work->window, work->speaker);
    else
        daub_log(DAUB_LOG_INFO, "%s", error.message);
}

/* Opens the window, which is one of the sinks; its keys change the look. */
static enum exit_code open_window(struct work *work)
{
    const struct media_source_info *info = &work->source->info;
    struct daub_error error = {0};
    char title[256];
    snprintf(title, sizeof(title), "%s - daub", work->source->info.name);
    struct window_params params = {
        .title = title,
        .frame = work->output,
        .fullscreen = work->options->fullscreen,
        .mirror = work->options->mirror,
        .look = &work->look,
        .pace = &work->pace,
        .state = &work->state,
        .source = work->source,
        .recorder = work->recorder,
        .can_seek = can_seek(work),
        .first_us = av_rescale_q(info->sample->pts, info->time_base, AV_TIME_BASE_Q),
        .duration_us = info->duration_us,
        .frame_us = frame_us(info)};
    work->window = window_open(&params, &error);
    if (!work->window && work->sink_count > 1 && !work->options->window) {
        daub_log(DAUB_LOG_VERBOSE, "no window: %s", error.message);
        return EXIT_CODE_DONE;
    }
    if (!work->window)
        return command_fail(EXIT_CODE_OUTPUT, &error);
    work->sinks[work->sink_count++] = window_sink(work->window);
    return EXIT_CODE_DONE;
}

static void tell_in_window(const char *line, void *user)
{
    window_tell(user, line);
}

static enum exit_code open_control(struct work *work)
{
    struct daub_error error = {0};
    struct control_params params = {.path = work->options->control,
                                    .look = &work->look,
                                    .pace = &work->pace,
                                    .state = &work->state,
                                    .recorder = work->recorder,
                                    .stop = work->stop};
    work->control = control_open(&params, &error);
    return work->control
               ? EXIT_CODE_DONE
               : command_fail(error.status == DAUB_ERROR_ARGUMENT ? EXIT_CODE_USAGE
                                                                  : EXIT_CODE_FAILED,
                              &error);
}

/* Opens recorder and window. */
static enum exit_code open_preview(struct work *work)
{
    struct daub_error error = {0};
    enum exit_code code = EXIT_CODE_DONE;
    if (!wants_window(work->options) && !work->options->control)
        return EXIT_CODE_DONE;
    struct recorder_params params = {.input = &work->source->info, .frame = work->output};
    work->recorder = recorder_open(&params, &error);
    if (!work->recorder)
        return command_fail(EXIT_CODE_FAILED, &error);
    work->sinks[work->sink_count++] = recorder_sink(work->recorder);
    if (wants_window(work->options))
        code = open_window(work);
    return code;
}

/* Opens what needs the painter: the speaker, and the control socket. */
static enum exit_code open_controls(struct work *work)
{
    if (work->window)
        open_speaker(work);
    return work->options->control ? open_control(work) : EXIT_CODE_DONE;
}

static enum exit_code run(struct work *work)
{
    struct progress progress;
    int losses = media_loss_count();
    enum exit_code code = files_open_source(work->options, keeps_matrix(work->options),
                                            work->stop, &work->source);
    if (code == EXIT_CODE_DONE)
        code = open_outputs(work);
    if (code == EXIT_CODE_DONE) {
        progress_init(&progress, (enum progress_kind)work->options->progress,
                      &work->source->info);
        progress_preparing(&progress);
        code = work_make_look(work);
        if (code == EXIT_CODE_DONE)
            code = open_preview(work);
        if (code == EXIT_CODE_DONE && work->window)
            work->compiling = (struct compiling_view){tell_in_window, work->window};
        if (code == EXIT_CODE_DONE)
            code = work_make_painter(work);
        work->compiling = (struct compiling_view){0};
        progress_end(&progress);
        if (code == EXIT_CODE_DONE)
            code = open_controls(work);
        if (daub_stop_requested(work->stop))
            code = EXIT_CODE_INTERRUPTED;
        else if (code == EXIT_CODE_DONE && work->options->strict &&
                 media_loss_count() > losses)
            code = EXIT_CODE_OUTPUT; /* each loss was told */
    }
    if (code != EXIT_CODE_DONE)
        return code;
    signals_keep_output();
    progress_start(&progress);
    struct session_params params = {
        .source = work->source,
        .sinks = work->sinks,
        .sink_count = work->sink_count,
        .painter = &work->painter,
        .progress = &progress,
        .stop = work->stop,
        .realtime = work->options->realtime || work->window ||
                    wants_real_time(work->options) || work->source->info.realtime,
        .pace = &work->pace,
        .target_fps = work->options->target_fps,
        .max_latency_ms = work->options->max_latency_ms,
        .window = work->window,
        .control = work->control,
        .state = &work->state,
    };
    return session_run(&params);
}

int command_paint(const struct options *options)
{
    media_loss_set_strict(options->strict);
    if (!options->input)
        return fail_usage("no input; write daub INPUT -o OUTPUT, or daub --help");
    if (folder_is(options->input))
        return command_folder(options);
    if (options->recursive)
        return fail_usage("--recursive is for folders");
    if (options->segments || options->resume)
        return command_film(options);
    return paint_file(options, NULL);
}

int paint_file(const struct options *options, struct work_kept *kept)
{
    struct daub_stop stop;
    struct work work = {.options = options,
                        .stop = &stop,
                        .keep_input = wants_window(options),
                        .kept = kept};
    struct daub_error error = {0};
    if (!work_sizes(&work, &error))
        return command_fail(EXIT_CODE_USAGE, &error);
    if (!daub_stop_init(&stop, &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    signals_install(&stop);
    int code = run(&work);
    code = command_validated(work.device, code);
    /* a failure requests the stop, too, and then other files may follow */
    if (daub_stop_requested(&stop) && (!kept || signals_came()))
        signals_exit_soon(code);
    work_uninit(&work);
    signals_uninstall();
    daub_stop_uninit(&stop);
    return code;
}
