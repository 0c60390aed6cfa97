#include "app/painter.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "media/compat.h"
#include "media/format.h"
#include "media/loss.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum { FADE_FRAMES = 6 };

/* The format in which the stylizer reads frames like this one. */
static bool input_format(const AVFrame *frame, struct daub_format *format,
                         struct media_match *match, struct daub_error *error)
{
    if (!media_pixel_nearest(frame->format, match, error))
        return false;
    *format = media_format_of(frame, match->pixel);
    return true;
}

static bool same_format(const struct daub_format *a, const struct daub_format *b)
{
    return a->pixel == b->pixel && a->matrix == b->matrix && a->range == b->range &&
           a->chroma == b->chroma;
}

bool painter_fits(const struct painter *painter, const AVFrame *frame)
{
    struct daub_format format;
    struct media_match match;
    if (atomic_load(&painter->next_ready) || painter->faded_frames >= FADE_FRAMES)
        return false;
    return painter->stylizer && frame->width == painter->width &&
           frame->height == painter->height &&
           input_format(frame, &format, &match, NULL) &&
           same_format(&format, &painter->in);
}

/* Whether any pixel has a color of the palette that is less than opaque. */
static bool has_transparent_color(const AVFrame *frame)
{
    const uint32_t *palette = (const void *)frame->data[1];
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (int x = 0; x < frame->width; x++) {
            if (palette[row[x]] >> 24 < 255)
                return true;
        }
    }
    return false;
}

/* Whether any sample of the alpha component is less than opaque. */
static bool is_transparent(const AVFrame *frame)
{
    if (frame->format == AV_PIX_FMT_PAL8)
        return has_transparent_color(frame);
    enum { RUN = 256 };
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int alpha = desc->nb_components - 1;
    uint16_t line[RUN];
    for (int y = 0; y < frame->height; y++) {
        for (int x = 0; x < frame->width; x += RUN) {
            int count = frame->width - x < RUN ? frame->width - x : RUN;
            av_read_image_line2(line, (const uint8_t **)frame->data, frame->linesize,
                                desc, x, y, alpha, count, 0, sizeof(*line));
            for (int i = 0; i < count; i++) {
                if (line[i] < (1 << desc->comp[alpha].depth) - 1)
                    return true;
            }
        }
    }
    return false;
}

static void warn_of_losses(struct painter *painter, const AVFrame *frame,
                           const struct media_match *match)
{
    if (match->no_alpha && !painter->warned_alpha && is_transparent(frame)) {
        media_loss(DAUB_LOG_WARNING, "the input's transparency is dropped");
        painter->warned_alpha = true;
    }
    if (media_matrix_unknown(frame->colorspace) && !painter->warned_matrix) {
        media_loss(DAUB_LOG_WARNING,
                   "colour matrix %s is painted as %s; colours may be a little off",
                   av_color_space_name(frame->colorspace),
                   painter->in.matrix == DAUB_MATRIX_BT2020  ? "bt2020nc"
                   : painter->in.matrix == DAUB_MATRIX_BT709 ? "bt709"
                                                             : "bt601");
        painter->warned_matrix = true;
    }
    if (!match->same)
        daub_log(DAUB_LOG_VERBOSE, "input format %s is converted to %s for the painter",
                 av_get_pix_fmt_name(frame->format),
                 av_get_pix_fmt_name(media_pixel_to_av(match->pixel)));
}

static struct daub_stylizer_params stylizer_params(const struct painter *painter,
                                                   double scale)
{
    const struct painter_params *params = &painter->params;
    struct daub_stylizer_params stylizer = {
        .in_width = painter->width,
        .in_height = painter->height,
        .in = painter->in,
        .out_width = params->output->width,
        .out_height = params->output->height,
        .out = painter->out,
        .precision = params->precision,
        .temporal = params->temporal,
        .scene_threshold = params->scene_threshold,
        .only_cuts = params->only_cuts,
    };
    size_apply(&params->work, painter->width, painter->height, &stylizer.work_width,
               &stylizer.work_height);
    if (scale < 1) {
        stylizer.work_width = (int)(stylizer.work_width * scale + 0.5);
        stylizer.work_height = (int)(stylizer.work_height * scale + 0.5);
        stylizer.work_width = stylizer.work_width < 1 ? 1 : stylizer.work_width;
        stylizer.work_height = stylizer.work_height < 1 ? 1 : stylizer.work_height;
    }
    return stylizer;
}

static struct daub_device *device_of(const struct painter *painter)
{
    return painter->reserve ? painter->reserve : painter->params.device;
}

/* ---- a change of scale ---- */

static void *build(void *opaque)
{
    struct painter *painter = opaque;
    struct daub_error error = {0};
    if (daub_stylizer_create(device_of(painter), painter->params.model,
                             &painter->next_params, &painter->next, &error) != DAUB_OK)
        daub_log(DAUB_LOG_VERBOSE, "cannot paint at another size: %s", error.message);
    atomic_store(&painter->next_ready, true);
    return NULL;
}

void painter_rescale(struct painter *painter, double scale)
{
    if (painter->builder.started || painter->previous || painter->no_other_size ||
        scale == painter->scale)
        return;
    painter->next_scale = scale;
    painter->next_params = stylizer_params(painter, scale);
    daub_thread_start(&painter->builder, "daub-builder", build, painter, NULL);
}

/* Frees a stylizer that has faded out and starts to use one that was created. Nothing may
 * be in flight. */
static void swap_stylizers(struct painter *painter)
{
    if (painter->faded_frames >= FADE_FRAMES) {
        daub_stylizer_free(painter->previous);
        painter->previous = NULL;
        painter->faded_frames = 0;
    }
    if (!atomic_exchange(&painter->next_ready, false))
        return;
    daub_thread_join(&painter->builder);
    painter->no_other_size = !painter->next;
    if (!painter->next)
        return;
    painter->previous = painter->stylizer;
    painter->stylizer = painter->next;
    painter->next = NULL;
    painter->scale = painter->next_scale;
    daub_log(DAUB_LOG_VERBOSE, "painting at %dx%d", painter->next_params.work_width,
             painter->next_params.work_height);
}

static void free_stylizers(struct painter *painter)
{
    daub_thread_join(&painter->builder);
    atomic_store(&painter->next_ready, false);
    painter->faded_frames = 0;
    daub_stylizer_free(painter->stylizer);
    daub_stylizer_free(painter->next);
    daub_stylizer_free(painter->previous);
    painter->stylizer = painter->next = painter->previous = NULL;
}

/* ---- another device ---- */

static bool create(struct painter *painter, struct daub_error *error)
{
    struct daub_stylizer_params params = stylizer_params(painter, painter->scale);
    return daub_stylizer_create(device_of(painter), painter->params.model, &params,
                                &painter->stylizer, error) == DAUB_OK;
}

/* Creates the stylizer on the reserve, where the error is one that another device may not
 * have. False: *error says why. */
static bool take_reserve(struct painter *painter, struct daub_error *error)
{
    struct daub_error second = {0};
    bool on_host = strncmp(daub_device_kernels(device_of(painter)), "host", 4) == 0;
    bool device_failed =
        error->status != DAUB_ERROR_ARGUMENT && error->status != DAUB_ERROR_MODEL;
    if (!painter->params.reserve || on_host || !device_failed ||
        daub_device_open(painter->params.reserve, &painter->reserve, &second) != DAUB_OK)
        return false;
    free_stylizers(painter);
    if (!create(painter, &second))
        return false;
    daub_log(DAUB_LOG_WARNING, "%s; painting goes on more slowly on the processor (%s)",
             error->message, daub_device_get_info(painter->reserve)->name);
    *error = (struct daub_error){0};
    return true;
}

bool painter_change(struct painter *painter, const AVFrame *frame,
                    struct daub_error *error)
{
    struct media_match match;
    struct daub_format in;
    swap_stylizers(painter);
    if (painter_fits(painter, frame))
        return true;
    if (!input_format(frame, &in, &match, error))
        return false;
    if (painter->stylizer)
        daub_log(DAUB_LOG_INFO, "the input changes from %dx%d to %dx%d %s",
                 painter->width, painter->height, frame->width, frame->height,
                 av_get_pix_fmt_name(frame->format));
    free_stylizers(painter);
    painter->no_other_size = false; /* it holds for the previous input only */
    painter->in = in;
    painter->width = frame->width;
    painter->height = frame->height;
    warn_of_losses(painter, frame, &match);
    return create(painter, error) || take_reserve(painter, error);
}

bool painter_init(struct painter *painter, const struct painter_params *params,
                  const AVFrame *first, struct daub_error *error)
{
    *painter = (struct painter){.params = *params, .scale = 1};
    pthread_mutex_init(&painter->lock, NULL);
    const struct daub_model_info *model = daub_model_get_info(params->model);
    if (!fade_init(&painter->fade, model, &params->frame_params, error))
        return false;
    painter->style_weights =
        daub_alloc((size_t)model->weight_count, sizeof(*painter->style_weights));
    if (!painter->style_weights)
        return daub_no_memory(error, "the painter");
    enum daub_pixel_format pixel = media_pixel_from_av(params->output->format);
    painter->out = media_format_of(params->output, pixel);
    return painter_change(painter, first, error);
}

void painter_uninit(struct painter *painter)
{
    free_stylizers(painter);
    daub_device_close(painter->reserve);
    painter->reserve = NULL;
    for (int i = 0; i < painter->waiting_count; i++)
        av_frame_free(&painter->waiting[i]);
    painter->waiting_count = 0;
    fade_uninit(&painter->fade);
    free(painter->style_weights);
    pthread_mutex_destroy(&painter->lock);
    media_converter_uninit(&painter->converter);
    media_pool_uninit(&painter->pool);
}

void painter_set_frame_params(struct painter *painter,
                              const struct daub_frame_params *frame_params,
                              int64_t fade_us)
{
    pthread_mutex_lock(&painter->lock);
    fade_to(&painter->fade, frame_params, daub_clock_us(), fade_us);
    pthread_mutex_unlock(&painter->lock);
}

static enum daub_status submit_view(struct painter *painter, const AVFrame *frame,
                                    struct daub_error *error)
{
    struct daub_image image = media_image_of(frame, painter->in);
    struct daub_frame_params params;
    pthread_mutex_lock(&painter->lock);
    fade_at(&painter->fade, daub_clock_us(), &params, painter->style_weights);
    pthread_mutex_unlock(&painter->lock);
    enum daub_status status =
        daub_stylizer_submit(painter->stylizer, &image, &params, 0, error);
    if (status == DAUB_OK && painter->previous)
        status = daub_stylizer_submit(painter->previous, &image, &params, 0, error);
    return status;
}

/* Submits the frame, converted where the shaders do not read its format. */
static enum daub_status submit(struct painter *painter, const AVFrame *frame,
                               struct daub_error *error)
{
    if (media_pixel_from_av(frame->format) == painter->in.pixel)
        return submit_view(painter, frame, error);
    AVFrame target = {.width = frame->width,
                      .height = frame->height,
                      .format = media_pixel_to_av(painter->in.pixel),
                      .colorspace = frame->colorspace,
                      .color_range = painter->in.range == DAUB_RANGE_FULL
                                         ? AVCOL_RANGE_JPEG
                                         : AVCOL_RANGE_MPEG};
    struct daub_error cause = {0};
    AVFrame *read = media_convert(&painter->converter, frame, &target, &cause);
    enum daub_status status = read ? submit_view(painter, read, error)
                                   : DAUB_ERROR_ARGUMENT; /* not the device's fault */
    if (!read)
        daub_fail(error, status, "%s", cause.message);
    av_frame_free(&read);
    return status;
}

/* Submits the frames in flight on the failed device again, to the reserve. */
static bool restart_on_reserve(struct painter *painter, struct daub_error *error)
{
    if (!take_reserve(painter, error))
        return false;
    for (int i = 0; i < painter->waiting_count; i++) {
        if (submit(painter, painter->waiting[i], error) != DAUB_OK)
            return false;
    }
    return true;
}

enum painter_result painter_submit(struct painter *painter, AVFrame *frame,
                                   struct daub_error *error)
{
    if (painter->waiting_count == PAINTER_SLOTS_MAX)
        return PAINTER_FULL;
    int64_t now_us = daub_clock_us();
    enum daub_status status = submit(painter, frame, error);
    if (status != DAUB_OK && status != DAUB_ERROR_AGAIN &&
        restart_on_reserve(painter, error))
        status = submit(painter, frame, error);
    if (status == DAUB_ERROR_AGAIN)
        return PAINTER_FULL;
    if (status != DAUB_OK)
        return PAINTER_ERROR;
    painter->submitted_us[painter->waiting_count] = now_us;
    painter->waiting[painter->waiting_count++] = frame;
    return PAINTER_OK;
}

/* Gives the painting the time and properties of its input and the colors of the output.
 */
static bool set_properties(AVFrame *painted, const AVFrame *input, const AVFrame *output)
{
    if (av_frame_copy_props(painted, input) < 0)
        return false;
    painted->sample_aspect_ratio = output->sample_aspect_ratio;
    painted->colorspace = output->colorspace;
    painted->color_range = output->color_range;
    painted->color_primaries = output->color_primaries;
    painted->color_trc = output->color_trc;
    painted->chroma_location = output->chroma_location;
    painted->crop_left = painted->crop_right = 0;
    painted->crop_top = painted->crop_bottom = 0;
    media_frame_forget_picture_type(painted);
    return true;
}

static void free_input(void *opaque, uint8_t *data)
{
    AVFrame *frame = (AVFrame *)(void *)data;
    (void)opaque;
    av_frame_free(&frame);
}

const AVFrame *painter_input(const AVFrame *painted)
{
    return painted->opaque_ref ? (const AVFrame *)(void *)painted->opaque_ref->data
                               : NULL;
}

/* Receives a frame; during a change of scale, from both stylizers, and mixes them. */
static bool receive(struct painter *painter, AVFrame *made, struct daub_error *error)
{
    const AVFrame *output = painter->params.output;
    struct daub_image image = media_image_of(made, painter->out);
    int64_t tag;
    if (daub_stylizer_receive(painter->stylizer, &image, &tag, error) != DAUB_OK)
        return false;
    if (!painter->previous)
        return true;
    AVFrame *faded = media_pool_get(&painter->pool, output->format, output->width,
                                    output->height, error);
    if (!faded)
        return false;
    image = media_image_of(faded, painter->out);
    bool ok = daub_stylizer_receive(painter->previous, &image, &tag, error) == DAUB_OK;
    double share = (double)(FADE_FRAMES - painter->faded_frames) / (FADE_FRAMES + 1);
    if (ok && share > 0)
        media_mix(made, faded, share);
    painter->faded_frames++;
    av_frame_free(&faded);
    return ok;
}

/* Takes ownership of the input: frees it or attaches it to the painting. */
static void attach_or_free_input(struct painter *painter, AVFrame *made, AVFrame *input)
{
    if (painter->params.keep_input) {
        av_buffer_unref(&made->opaque_ref);
        made->opaque_ref = av_buffer_create((uint8_t *)(void *)input, sizeof(*input),
                                            free_input, NULL, AV_BUFFER_FLAG_READONLY);
    }
    if (!made->opaque_ref || !painter->params.keep_input)
        av_frame_free(&input);
}

enum painter_result painter_receive(struct painter *painter, AVFrame **painted,
                                    struct daub_error *error)
{
    const AVFrame *output = painter->params.output;
    *painted = NULL;
    if (painter->waiting_count == 0)
        return PAINTER_EMPTY;
    AVFrame *made = media_pool_get(&painter->pool, output->format, output->width,
                                   output->height, error);
    if (!made)
        return PAINTER_ERROR;
    AVFrame *input = painter->waiting[0];
    /* There is no stylizer after a change to the processor that failed. */
    bool ok = (painter->stylizer && receive(painter, made, error)) ||
              (restart_on_reserve(painter, error) && receive(painter, made, error));
    if (!ok || !set_properties(made, input, output)) {
        daub_fail(error, DAUB_ERROR_FAILED, "a frame was not painted");
        av_frame_free(&made);
        return PAINTER_ERROR;
    }
    int64_t now_us = daub_clock_us(), submitted_us = painter->submitted_us[0];
    painter->work_us =
        now_us - (submitted_us > painter->last_received_us ? submitted_us
                                                           : painter->last_received_us);
    painter->last_submitted_us = submitted_us;
    painter->last_received_us = now_us;
    painter->waiting_count--;
    memmove(&painter->submitted_us[0], &painter->submitted_us[1],
            (size_t)painter->waiting_count * sizeof(painter->submitted_us[0]));
    memmove(&painter->waiting[0], &painter->waiting[1],
            (size_t)painter->waiting_count * sizeof(painter->waiting[0]));
    attach_or_free_input(painter, made, input);
    *painted = made;
    return PAINTER_OK;
}

void painter_restart(struct painter *painter)
{
    if (painter->stylizer)
        daub_stylizer_reset_history(painter->stylizer);
    if (painter->previous)
        daub_stylizer_reset_history(painter->previous);
}

int64_t painter_work_us(const struct painter *painter)
{
    return painter->work_us;
}

int64_t painter_submitted_us(const struct painter *painter)
{
    return painter->last_submitted_us;
}

bool painter_was_cut(const struct painter *painter)
{
    return daub_stylizer_was_cut(painter->stylizer);
}
