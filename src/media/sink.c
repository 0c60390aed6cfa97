#include "media/sink.h"

#include <string.h>

#include "media/compat.h"
#include "media/encoder.h"
#include "media/mux.h"
#include "media/sink_kinds.h"
#include "util/error.h"

AVRational media_input_rate(const struct media_source_info *input)
{
    enum { RATE_MAX = 480 }; /* a higher value is the resolution of a clock */
    AVRational rate = input->frame_rate;
    if (input->container &&
        (rate.num <= 0 || rate.den <= 0 || rate.num / rate.den > RATE_MAX))
        rate = input->container->streams[input->video_stream]->avg_frame_rate;
    return rate;
}

void sink_camera_shape(const struct media_sink_params *params, AVFrame *shape,
                       AVRational *rate)
{
    const AVFrame *frame = params->frame;
    AVRational asked = media_input_rate(params->input);
    double value = asked.num > 0 && asked.den > 0 ? av_q2d(asked) : 30;
    *rate = av_d2q(value > 240 ? 240 : value < 1 ? 1 : value, 100000);
    /* Every program that shows cameras accepts YUYV. */
    shape->format = AV_PIX_FMT_YUYV422;
    shape->width = frame->width < 2 ? 2 : frame->width & ~1;
    shape->height = frame->height < 2 ? 2 : frame->height & ~1;
    shape->colorspace = params->encode.vcam_bt709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    shape->color_range = AVCOL_RANGE_MPEG;
}

static void camera_want(const struct media_sink_params *params, struct media_want *want)
{
    AVFrame shape = {.format = AV_PIX_FMT_NONE};
    AVRational rate;
    sink_camera_shape(params, &shape, &rate);
    *want = (struct media_want){.format = shape.format,
                                .space = shape.colorspace,
                                .range = shape.color_range,
                                .chroma = AVCHROMA_LOC_LEFT};
}

/* Opens a camera of v4l2loopback where it is loaded, because every program can read that;
 * else one of PipeWire. */
static struct media_sink *camera_open(const struct media_sink_params *params,
                                      struct daub_error *error)
{
    struct daub_error cause = {0};
    bool pipewire = strncmp(params->path, "pipewire:", 9) == 0;
    if (!pipewire && (strcmp(params->path, "vcam:") != 0 || sink_v4l2_present()))
        return sink_v4l2_open(params, error);
    struct media_sink *sink = sink_pipewire_open(params, &cause);
    if (!sink && pipewire)
        daub_fail(error, cause.status, "%s", cause.message);
    else if (!sink)
        daub_fail(error, cause.status,
                  "there is no virtual camera: v4l2loopback is not loaded; sudo modprobe "
                  "v4l2loopback exclusive_caps=1 card_label=daub (package "
                  "v4l2loopback-dkms). Nor is there one by PipeWire: %s",
                  cause.message);
    return sink;
}

enum kind { KIND_NULL = 1, KIND_CAMERA, KIND_IMAGES, KIND_ENCODE };

/* 0 with *error where the path does not determine it. */
static enum kind kind_of(const struct media_sink_params *params,
                         const AVOutputFormat **container, struct daub_error *error)
{
    if (params->format && strcmp(params->format, "null") == 0)
        return KIND_NULL;
    if (media_path_is_virtual_camera(params->path))
        return KIND_CAMERA;
    *container = media_container_find(params->format, params->path, error);
    if (!*container)
        return 0;
    bool numbered = media_path_is_pattern(params->path) && !params->format;
    bool images = strcmp((*container)->name, "image2") == 0;
    /* FFmpeg writes .webp as one animation; a pattern means one file for each image */
    if (images || (numbered && strcmp((*container)->name, "webp") == 0))
        return KIND_IMAGES;
    return KIND_ENCODE;
}

bool media_sink_keeps_matrix(const char *path, const char *format)
{
    struct media_sink_params params = {.path = path, .format = format};
    const AVOutputFormat *container = NULL;
    return kind_of(&params, &container, NULL) == KIND_ENCODE &&
           media_container_of(container)->turns;
}

bool media_sink_want(const struct media_sink_params *params, struct media_want *want,
                     struct daub_error *error)
{
    const AVOutputFormat *container = NULL;
    const AVCodec *codec = NULL;
    switch (kind_of(params, &container, error)) {
    case KIND_NULL:
        *want = (struct media_want){.format = params->frame->format,
                                    .space = AVCOL_SPC_UNSPECIFIED,
                                    .range = AVCOL_RANGE_UNSPECIFIED,
                                    .chroma = AVCHROMA_LOC_UNSPECIFIED};
        return true;
    case KIND_CAMERA:
        camera_want(params, want);
        return true;
    case KIND_IMAGES:
        codec = sink_images_codec(params, error);
        break;
    case KIND_ENCODE:
        codec =
            media_encoder_find(params->encode.encoder, container, params->path, error);
        break;
    }
    return codec &&
           media_encoder_want(codec, &params->encode, params->frame, want, error);
}

struct media_sink *media_sink_open(const struct media_sink_params *params,
                                   struct daub_error *error)
{
    const AVOutputFormat *container = NULL;
    switch (kind_of(params, &container, error)) {
    case KIND_NULL:
        return sink_null_open(params, error);
    case KIND_CAMERA:
        return camera_open(params, error);
    case KIND_IMAGES:
        return sink_images_open(params, error);
    case KIND_ENCODE:
        return sink_encode_open(params, container, error);
    }
    return NULL;
}
