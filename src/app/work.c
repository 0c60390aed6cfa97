#include "app/work.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "app/commands.h"
#include "app/control.h"
#include "app/files.h"
#include "app/speaker.h"
#include "media/format.h"
#include "util/error.h"
#include "util/log.h"

bool work_sizes(struct work *work, struct daub_error *error)
{
    return size_parse(work->options->size, "--size", &work->work_size, error) &&
           size_parse(work->options->out_size, "--out-size", &work->out_size, error);
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

struct media_sink_params work_sink_params(const struct work *work, const char *path,
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
                   .extra_count = options->extra.count,
                   .threads = work->encoder_threads,
                   .part_of = work->part_of,
                   .joined = work->joined},
        .input = &work->source->info,
        .frame = work->output,
    };
}

enum exit_code work_plan_output(struct work *work)
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
            work_sink_params(work, work->options->outputs.values[0], false);
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

static struct compiling_view *view_of(struct work *work)
{
    return work->kept ? &work->kept->compiling : &work->compiling;
}

enum exit_code work_make_look(struct work *work)
{
    const struct options *options = work->options;
    struct daub_error error = {0};
    struct style_mix mix;
    enum exit_code code = EXIT_CODE_DONE;
    if (work->kept && work->kept->device) {
        work->device = work->kept->device;
        work->model = work->kept->model;
    } else {
        code = command_open(options, view_of(work), &work->device, &work->model);
    }
    if (code != EXIT_CODE_DONE)
        return code;
    styles_init(&work->styles, work->model, work->device, work->stop);
    if (!styles_parse(&work->styles, options->style, &mix, &error))
        return daub_stop_requested(work->stop) ? EXIT_CODE_INTERRUPTED
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

enum exit_code work_make_painter(struct work *work)
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
        .keep_input = work->keep_input,
        .only_cuts = work->only_cuts,
        /* another device in the middle of a segment would paint other bits */
        .reserve = options->kernels || (work->part_of && !options->any_device)
                       ? NULL
                       : &work->reserve,
    };
    work->reserve = command_device_params(options, view_of(work));
    work->reserve.select = "processor";
    work->painter_made = true;
    if (!painter_init(&work->painter, &params, work->source->info.sample, &error))
        return command_fail(exit_code_of(error.status), &error);
    daub_log(DAUB_LOG_VERBOSE, "painting %s with %s on %s", work->source->info.name,
             daub_model_get_info(work->model)->name,
             daub_device_get_info(work->device)->name);
    return EXIT_CODE_DONE;
}

void work_uninit(struct work *work)
{
    control_close(work->control);
    speaker_close(work->speaker);
    if (work->painter_made)
        painter_uninit(&work->painter);
    look_uninit(&work->look);
    styles_uninit(&work->styles);
    if (work->kept && work->device && work->model) {
        work->kept->device = work->device;
        work->kept->model = work->model;
    } else {
        daub_model_free(work->model);
        daub_device_close(work->device);
    }
    for (size_t i = 0; i < work->sink_count; i++)
        media_sink_destroy(work->sinks[i]);
    free(work->sinks);
    av_frame_free(&work->output);
    media_source_destroy(work->source);
}
