/* The command "daub models --gallery": one picture in every style of a model, and in
 * those of pictures, on one sheet. */
#include <stdlib.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/painter.h"
#include "app/signals.h"
#include "app/styles.h"
#include "media/sheet.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

/* What the command owns, in the order of creation. */
struct gallery {
    const struct options *options;
    struct daub_stop stop;
    struct media_source *source;
    AVFrame *input;
    AVFrame *cell; /* frame template of paintings */
    struct daub_device *device;
    struct daub_model *model;
    struct painter painter;
    bool painter_made;
    struct media_sheet *sheet;
    AVFrame *canvas; /* frame template of the sheet */
    struct media_sink *sink;
    struct styles styles;
    float *weights;
};

static bool prepare_input(struct gallery *gallery, struct daub_error *error)
{
    const AVFrame *sample = gallery->source->info.sample;
    struct size_spec size;
    const char *wanted = gallery->options->size;
    if (!size_parse(wanted ? wanted : "360p", "--size", &size, error))
        return false;
    gallery->input = av_frame_clone(sample);
    AVFrame *cell = gallery->cell = av_frame_alloc();
    gallery->canvas = av_frame_alloc();
    if (!gallery->input || !cell || !gallery->canvas)
        return daub_no_memory(error, "the gallery");
    size_apply(&size, gallery->input->width, gallery->input->height, &cell->width,
               &cell->height);
    cell->format = AV_PIX_FMT_RGB24;
    cell->colorspace = AVCOL_SPC_RGB;
    cell->color_range = AVCOL_RANGE_JPEG;
    cell->sample_aspect_ratio = (AVRational){1, 1};
    return true;
}

static bool make_painter(struct gallery *gallery, struct daub_error *error)
{
    const struct options *options = gallery->options;
    struct painter_params params = {
        .device = gallery->device,
        .model = gallery->model,
        .work = {.kind = SIZE_FIXED,
                 .width = gallery->cell->width,
                 .height = gallery->cell->height},
        .precision = (enum daub_precision)options->precision,
        .output = gallery->cell,
    };
    gallery->painter_made = true;
    return painter_init(&gallery->painter, &params, gallery->input, error);
}

/* Paints the input with these parameters and adds it to the sheet. */
static bool add(struct gallery *gallery, const struct daub_frame_params *params,
                const char *label, struct daub_error *error)
{
    painter_set_frame_params(&gallery->painter, params, 0);
    AVFrame *input = av_frame_clone(gallery->input), *painted = NULL;
    if (!input)
        return daub_no_memory(error, "the gallery");
    if (painter_submit(&gallery->painter, input, error) != PAINTER_OK) {
        av_frame_free(&input);
        return false;
    }
    bool ok = painter_receive(&gallery->painter, &painted, error) == PAINTER_OK &&
              media_sheet_add(gallery->sheet, painted, label, error);
    av_frame_free(&painted);
    return ok;
}

static enum exit_code paint(struct gallery *gallery)
{
    const struct daub_model_info *info = gallery->styles.info;
    struct daub_error error = {0};
    struct daub_frame_params params = {.strength = 0};
    float boldness = command_boldness(gallery->options, info);
    bool ok = add(gallery, &params, "photo", &error);
    params.strength = 1;
    if (info->style_count == 0) /* a model of one fixed style */
        ok = ok && add(gallery, &params, info->name, &error);
    params.style = gallery->weights;
    for (int i = 0; ok && i < styles_count(&gallery->styles); i++) {
        const struct style_mix mix = {.parts = {{i, 1}}, .count = 1};
        if (daub_stop_requested(&gallery->stop))
            return EXIT_CODE_INTERRUPTED;
        if (i == info->identity_style)
            continue;
        ok = styles_weights(&gallery->styles, &mix, boldness, gallery->weights, &error) &&
             add(gallery, &params,
                 i < info->style_count ? info->styles[i].name
                                       : styles_title(&gallery->styles, i),
                 &error);
    }
    AVFrame *frame = ok ? media_sheet_finish(gallery->sheet, &error) : NULL;
    if (!frame)
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    struct media_sink *sink = gallery->sink;
    struct media_report report;
    sink->ops->push(sink, frame);
    av_frame_free(&frame);
    sink->ops->finish(sink, true);
    if (!sink->ops->join(sink, &report, &error))
        return (enum exit_code)command_fail(EXIT_CODE_OUTPUT, &error);
    return EXIT_CODE_DONE;
}

/* Finds the signals of the pictures after the input. */
static enum exit_code add_pictures(struct gallery *gallery)
{
    const struct option_list *pictures = &gallery->options->others;
    struct daub_error error = {0};
    int style;
    styles_init(&gallery->styles, gallery->model, gallery->device, &gallery->stop);
    for (size_t i = 0; i < pictures->count; i++) {
        if (!styles_add(&gallery->styles, pictures->values[i], &style, &error))
            return files_fail(&error, EXIT_CODE_INPUT);
    }
    return EXIT_CODE_DONE;
}

static enum exit_code prepare(struct gallery *gallery)
{
    const struct options *options = gallery->options;
    struct daub_error error = {0};
    bool replace = false;
    enum exit_code code =
        files_open_source(options, false, &gallery->stop, &gallery->source);
    if (code == EXIT_CODE_DONE)
        code = files_check_output(options, options->gallery, &gallery->stop, &replace);
    if (code == EXIT_CODE_DONE)
        code = command_open(options, NULL, &gallery->device, &gallery->model);
    if (code == EXIT_CODE_DONE)
        code = add_pictures(gallery);
    if (code != EXIT_CODE_DONE)
        return code;
    const struct daub_model_info *info = gallery->styles.info;
    int styles = styles_count(&gallery->styles) - (info->identity_style >= 0);
    gallery->weights = daub_alloc((size_t)info->weight_count + 1, sizeof(float));
    if (!gallery->weights)
        daub_no_memory(&error, "the gallery");
    if (!gallery->weights || !prepare_input(gallery, &error) ||
        !(gallery->sheet =
              media_sheet_open(gallery->cell, 1 + (styles ? styles : 1), &error)) ||
        !make_painter(gallery, &error))
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    media_sheet_size(gallery->sheet, gallery->canvas);
    struct media_source_info input = {.name = "the sheet",
                                      .time_base = {1, 25},
                                      .single = true,
                                      .sample = gallery->canvas};
    struct media_sink_params params = {.path = options->gallery,
                                       .replace = replace,
                                       .input = &input,
                                       .frame = gallery->canvas};
    return files_open_sink(&params, &gallery->stop, &gallery->sink);
}

static void gallery_uninit(struct gallery *gallery)
{
    media_sink_destroy(gallery->sink);
    media_sheet_free(gallery->sheet);
    if (gallery->painter_made)
        painter_uninit(&gallery->painter);
    free(gallery->weights);
    styles_uninit(&gallery->styles);
    daub_model_free(gallery->model);
    daub_device_close(gallery->device);
    av_frame_free(&gallery->canvas);
    av_frame_free(&gallery->cell);
    av_frame_free(&gallery->input);
    media_source_destroy(gallery->source);
}

int command_gallery(const struct options *options)
{
    struct gallery gallery = {.options = options};
    struct daub_error error = {0};
    if (!options->input) {
        daub_log(DAUB_LOG_ERROR, "--gallery needs a picture or a video to paint: daub "
                                 "models --gallery SHEET INPUT [PICTURE...]");
        return EXIT_CODE_USAGE;
    }
    if (!daub_stop_init(&gallery.stop, &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    signals_install(&gallery.stop);
    int code = prepare(&gallery);
    if (code == EXIT_CODE_DONE)
        code = paint(&gallery);
    gallery_uninit(&gallery);
    signals_uninstall();
    daub_stop_uninit(&gallery.stop);
    return code;
}
