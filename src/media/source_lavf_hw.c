#include <string.h>

#include <libavutil/hwcontext.h>
#include <libavutil/pixdesc.h>

#include "media/avlog.h"
#include "media/source_lavf.h"
#include "util/error.h"
#include "util/log.h"

/* Chooses the hardware's surface format; where it is not offered, the hardware cannot
 * decode this stream, and the decoder chooses a format in memory. */
static enum AVPixelFormat choose_format(AVCodecContext *decoder,
                                        const enum AVPixelFormat *formats)
{
    const struct lavf *l = decoder->opaque;
    for (const enum AVPixelFormat *f = formats; *f != AV_PIX_FMT_NONE; f++) {
        if (*f == l->hw_format)
            return *f;
    }
    daub_log(DAUB_LOG_INFO, "the hardware cannot decode this stream; the processor "
                            "decodes it");
    return avcodec_default_get_format(decoder, formats);
}

static bool try_kind(struct lavf *l, const AVCodec *codec, enum AVHWDeviceType kind)
{
    for (int i = 0;; i++) {
        const AVCodecHWConfig *config = avcodec_get_hw_config(codec, i);
        if (!config)
            return false;
        if (config->device_type != kind ||
            !(config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX))
            continue;
        if (av_hwdevice_ctx_create(&l->hw_device, kind, NULL, NULL, 0) < 0)
            return false;
        l->hw_format = config->pix_fmt;
        return true;
    }
}

bool lavf_hw_open(struct lavf *l, const AVCodec *codec, const char *kind,
                  struct daub_error *error)
{
    enum AVHWDeviceType found = AV_HWDEVICE_TYPE_NONE;
    if (strcmp(kind, "auto") == 0) {
        while ((found = av_hwdevice_iterate_types(found)) != AV_HWDEVICE_TYPE_NONE) {
            if (try_kind(l, codec, found))
                break;
        }
        if (!l->hw_device) {
            daub_log(DAUB_LOG_VERBOSE,
                     "no hardware decoder for %s; the processor "
                     "decodes it",
                     codec->name);
            return true;
        }
    } else {
        found = av_hwdevice_find_type_by_name(kind);
        if (found == AV_HWDEVICE_TYPE_NONE)
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "--hwaccel %s: this FFmpeg knows no such hardware decoder; "
                             "auto picks one",
                             kind);
        media_log_forget();
        if (!try_kind(l, codec, found))
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "--hwaccel %s cannot decode %s here (%s); auto falls back "
                             "to the processor",
                             kind, codec->name, media_error_cause(AVERROR(ENODEV)));
    }
    daub_log(DAUB_LOG_VERBOSE, "decoding by %s", av_hwdevice_get_type_name(found));
    l->decoder->opaque = l;
    l->decoder->get_format = choose_format;
    l->decoder->hw_device_ctx = av_buffer_ref(l->hw_device);
    if (!l->decoder->hw_device_ctx)
        return daub_no_memory(error, "a hardware decoder");
    return true;
}

bool lavf_hw_download(struct lavf *l, AVFrame **frame)
{
    if (!l->hw_device || (*frame)->format != l->hw_format)
        return true;
    AVFrame *copy = av_frame_alloc();
    if (!copy || av_hwframe_transfer_data(copy, *frame, 0) < 0 ||
        av_frame_copy_props(copy, *frame) < 0) {
        av_frame_free(&copy);
        return false;
    }
    av_frame_free(frame);
    *frame = copy;
    return true;
}
