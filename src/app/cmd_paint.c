#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/control.h"
#include "app/files.h"
#include "app/painter.h"
#include "app/recorder.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/window.h"
#include "media/format.h"
#include "media/loss.h"
#include "media/sink.h"
#include "media/source.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/log.h"

/* What the command owns, in the order of creation; uninit frees it in reverse order. */
struct work {
    const struct options *options;
    struct daub_stop stop;
    struct media_source *source;
    struct size_spec work_size, out_size;
    AVFrame *output; /* frame template of painted frames */
    struct media_sink **sinks;
    size_t sink_count;
    struct daub_device *device;
    struct daub_device_params reserve; /* the processor */
    struct daub_model *model;
    struct styles styles;
    struct look look;
    struct painter painter;
    bool painter_made;
    struct pace pace;
    struct session_state state;
    struct recorder *recorder; /* NULL, or one of sinks */
    struct window *window;     /* NULL, or one of sinks */
    struct speaker *speaker;   /* NULL: none */
    struct control *control;
};

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
    return files_check_output(options, path, &work->stop, replace);
}

/* Sets the shape of pixels so that a size of another aspect ratio does not distort the
 * picture. */
static void set_aspect(AVFrame *output, const AVFrame *input)
{
    double input_aspect = (double)input->width / input->height;
    double output_aspect = (double)output->width / output->height;
    if (!input->sample_aspect_ratio.num || fabs(output_aspect / input_aspect - 1) < 0.01)
        return;
    AVRational stretch;
    av_reduce(&stretch.num, &stretch.den, (int64_t)input->width * output->height,
              (int64_t)input->height * output->width, INT_MAX);
    output->sample_aspect_ratio = av_mul_q(input->sample_aspect_ratio, stretch);
}

/* Colors of the painting: the input's, except what another family of formats or the first
 * sink requires. Players guess an unspecified matrix from the size; where the new size
 * would change that guess, the matrix is set. */
static void set_colors(AVFrame *output, const AVFrame *input,
                       const struct media_want *want)
{
    struct media_depth was, is;
    struct daub_format in = media_format_of(input, DAUB_PIXEL_YUV420P);
    media_depth_of(input->format, &was);
    media_depth_of(output->format, &is);
    if (media_is_full_format(input->format))
        output->color_range = AVCOL_RANGE_JPEG;
    if (is.family == MEDIA_FAMILY_RGB) {
        output->colorspace = AVCOL_SPC_RGB;
        output->color_range = AVCOL_RANGE_JPEG;
        return;
    }
    if (is.family == MEDIA_FAMILY_YUV && was.family != MEDIA_FAMILY_YUV) {
        output->colorspace =
            output->height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
        output->color_range = AVCOL_RANGE_MPEG;
    } else if (output->colorspace == AVCOL_SPC_UNSPECIFIED &&
               (input->height >= 720) != (output->height >= 720)) {
        output->colorspace =
            in.matrix == DAUB_MATRIX_BT709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    }
    if (is.family == MEDIA_FAMILY_GRAY)
        output->color_range =
            in.range == DAUB_RANGE_FULL ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    if (want->space != AVCOL_SPC_UNSPECIFIED)
        output->colorspace = want->space;
    if (want->range != AVCOL_RANGE_UNSPECIFIED)
        output->color_range = want->range;
    if (want->chroma != AVCHROMA_LOC_UNSPECIFIED)
        output->chroma_location = want->chroma;
}

static struct media_sink_params sink_params(const struct work *work, const char *path,
                                            bool replace)
{
    const struct options *options = work->options;
    return (struct media_sink_params){
        .path = path,
        .format = options->format,
        .replace = replace,
        .encode = {.stream = media_path_is_stream(path),
                   .vcam_bt709 = options->vcam_matrix == DAUB_MATRIX_BT709,
                   .encoder = options->encoder,
                   .preset = options->preset,
                   .pix_fmt = options->pix_fmt,
                   .no_verify = options->no_verify,
                   .has_quality = options->has_quality,
                   .quality = options->quality,
                   .bitrate = options->bitrate,
                   .extra = options->extra.values,
                   .extra_count = options->extra.count},
        .input = &work->source->info,
        .frame = work->output,
    };
}

/* Sets the frame template of paintings to what the first output accepts without
 * conversion. */
static enum exit_code plan_output(struct work *work)
{
    const AVFrame *sample = work->source->info.sample;
    struct daub_error error = {0};
    struct media_match match;
    struct media_want want;
    AVFrame *output = work->output = av_frame_alloc();
    if (!output || av_frame_copy_props(output, sample) < 0) {
        daub_log(DAUB_LOG_ERROR, "out of memory");
        return EXIT_CODE_FAILED;
    }
    output->format = sample->format;
    size_apply(&work->out_size, sample->width, sample->height, &output->width,
               &output->height);
    bool ok = media_pixel_nearest(sample->format, &match, &error);
    if (ok && work->options->outputs.count > 0) {
        struct media_sink_params params =
            sink_params(work, work->options->outputs.values[0], false);
        ok = media_sink_want(&params, &want, &error);
    } else {
        want = (struct media_want){.format = AV_PIX_FMT_BGRA};
        want.space = AVCOL_SPC_UNSPECIFIED;
    }
    if (!ok || !media_pixel_nearest(want.format, &match, &error))
        return command_fail(exit_code_of(error.status), &error);
    output->format = media_pixel_to_av(match.pixel);
    set_colors(output, sample, &want);
    set_aspect(output, sample);
    return EXIT_CODE_DONE;
}

static enum exit_code open_sinks(struct work *work, const bool *replace)
{
    const struct option_list *outputs = &work->options->outputs;
    for (size_t i = 0; i < outputs->count; i++) {
        struct media_sink_params params =
            sink_params(work, outputs->values[i], replace[i]);
        struct media_sink *sink = NULL;
        enum exit_code code = files_open_sink(&params, &work->stop, &sink);
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
        code = plan_output(work);
    if (code == EXIT_CODE_DONE)
        code = open_sinks(work, replace);
    free(replace);
    return code;
}

/* Opens device and model and makes the look of the options. */
static enum exit_code make_look(struct work *work)
{
    const struct options *options = work->options;
    struct daub_error error = {0};
    struct style_mix mix;
    enum exit_code code = command_open(options, &work->device, &work->model);
    if (code != EXIT_CODE_DONE)
        return code;
    styles_init(&work->styles, work->model, work->device, &work->stop);
    if (!styles_parse(&work->styles, options->style, &mix, &error))
        return daub_stop_requested(&work->stop) ? EXIT_CODE_INTERRUPTED
                                                : files_fail(&error, EXIT_CODE_INPUT);
    struct daub_frame_params params = {.strength = (float)options->strength,
                                       .color = options->keep_colors   ? DAUB_COLOR_KEEP
                                                : options->colors_only ? DAUB_COLOR_ONLY
                                                                       : DAUB_COLOR_PAINT,
                                       .stability = (float)options->stability};
    float boldness = command_boldness(options, work->styles.info);
    if (!look_init(&work->look, &work->painter, &work->styles, &mix, boldness, &params,
                   &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    return EXIT_CODE_DONE;
}

static enum exit_code make_painter(struct work *work)
{
    const struct options *options = work->options;
    struct daub_error error = {0};
    struct painter_params params = {
        .device = work->device,
        .model = work->model,
        .work = work->work_size,
        .precision = (enum daub_precision)options->precision,
        .temporal = work->source->info.single ? DAUB_TEMPORAL_OFF
                                              : (enum daub_temporal)options->temporal,
        .scene_threshold = (float)options->scene_threshold,
        .frame_params = work->look.params,
        .output = work->output,
        .keep_input = wants_window(options),
        .reserve = options->kernels ? NULL : &work->reserve,
    };
    work->reserve = command_device_params(options);
    work->reserve.select = "processor";
    work->painter_made = true;
    if (!painter_init(&work->painter, &params, work->source->info.sample, &error))
        return command_fail(exit_code_of(error.status), &error);
    daub_log(DAUB_LOG_VERBOSE, "painting %s with %s on %s", work->source->info.name,
             daub_model_get_info(work->model)->name,
             daub_device_get_info(work->device)->name);
    return EXIT_CODE_DONE;
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
                                    .stop = &work->stop};
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
    enum exit_code code = files_open_source(work->options, keeps_matrix(work->options),
                                            &work->stop, &work->source);
    if (code == EXIT_CODE_DONE)
        code = open_outputs(work);
    if (code == EXIT_CODE_DONE) {
        progress_init(&progress, (enum progress_kind)work->options->progress,
                      &work->source->info);
        progress_preparing(&progress);
        code = make_look(work);
        if (code == EXIT_CODE_DONE)
            code = open_preview(work);
        if (code == EXIT_CODE_DONE && work->window)
            command_show_compiling(tell_in_window, work->window);
        if (code == EXIT_CODE_DONE)
            code = make_painter(work);
        command_show_compiling(NULL, NULL);
        progress_end(&progress);
        if (code == EXIT_CODE_DONE)
            code = open_controls(work);
        if (daub_stop_requested(&work->stop))
            code = EXIT_CODE_INTERRUPTED;
        else if (code == EXIT_CODE_DONE && work->options->strict && media_loss_count())
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
        .stop = &work->stop,
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

static void work_uninit(struct work *work)
{
    control_close(work->control);
    speaker_close(work->speaker);
    if (work->painter_made)
        painter_uninit(&work->painter);
    look_uninit(&work->look);
    styles_uninit(&work->styles);
    daub_model_free(work->model);
    daub_device_close(work->device);
    for (size_t i = 0; i < work->sink_count; i++)
        media_sink_destroy(work->sinks[i]);
    free(work->sinks);
    av_frame_free(&work->output);
    media_source_destroy(work->source);
}

int command_paint(const struct options *options)
{
    struct work work = {.options = options};
    struct daub_error error = {0};
    media_loss_set_strict(options->strict);
    if (!options->input)
        return fail_usage("no input; write daub INPUT -o OUTPUT, or daub --help");
    if (!size_parse(options->size, "--size", &work.work_size, &error) ||
        !size_parse(options->out_size, "--out-size", &work.out_size, &error))
        return command_fail(EXIT_CODE_USAGE, &error);
    if (!daub_stop_init(&work.stop, &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    signals_install(&work.stop);
    int code = run(&work);
    code = command_validated(work.device, code);
    if (daub_stop_requested(&work.stop))
        signals_exit_soon(code);
    work_uninit(&work);
    signals_uninstall();
    daub_stop_uninit(&work.stop);
    return code;
}
