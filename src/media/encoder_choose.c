#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "media/compat.h"
#include "media/encoder.h"
#include "media/format.h"
#include "media/loss.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

/* Encoders of each codec, the best one first. Those that FFmpeg was built without are
 * skipped. */
static const struct {
    enum AVCodecID codec;
    const char *names[4];
} preferred[] = {
    {AV_CODEC_ID_H264, {"libx264", "libopenh264", "h264_nvenc", "h264_vaapi"}},
    {AV_CODEC_ID_VP9, {"libvpx-vp9"}},
    {AV_CODEC_ID_AV1, {"libsvtav1", "libaom-av1"}},
    {AV_CODEC_ID_HEVC, {"libx265"}},
    {AV_CODEC_ID_WEBP, {"libwebp", "libwebp_anim"}},
};

static const AVCodec *encoder_of(enum AVCodecID id)
{
    for (size_t i = 0; i < sizeof(preferred) / sizeof(preferred[0]); i++) {
        for (size_t j = 0; preferred[i].codec == id && j < 4; j++) {
            const char *name = preferred[i].names[j];
            const AVCodec *codec = name ? avcodec_find_encoder_by_name(name) : NULL;
            if (codec)
                return codec;
        }
    }
    return avcodec_find_encoder(id);
}

static const AVCodec *by_name(const char *name, struct daub_error *error)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    const AVCodecDescriptor *desc = avcodec_descriptor_get_by_name(name);
    if (!codec && desc)
        codec = encoder_of(desc->id);
    if (codec && codec->type == AVMEDIA_TYPE_VIDEO)
        return codec;
    if (codec) {
        daub_fail(error, DAUB_ERROR_ARGUMENT, "-c:v %s does not encode video", name);
        return NULL;
    }
    const char *names[512];
    size_t count = 0;
    void *state = NULL;
    const AVCodec *other;
    while (count < 512 && (other = av_codec_iterate(&state))) {
        if (av_codec_is_encoder(other) && other->type == AVMEDIA_TYPE_VIDEO)
            names[count++] = other->name;
    }
    const char *nearest = daub_text_nearest(name, names, count);
    daub_fail(error, DAUB_ERROR_ARGUMENT,
              "-c:v %s: this FFmpeg has no such encoder%s%s%s; \"ffmpeg -encoders\" "
              "lists them",
              name, nearest ? "; did you mean " : "", nearest ? nearest : "",
              nearest ? "?" : "");
    return NULL;
}

const AVCodec *media_encoder_find(const char *name, const AVOutputFormat *container,
                                  const char *path, struct daub_error *error)
{
    if (name)
        return by_name(name, error);
    static const enum AVCodecID modern[] = {AV_CODEC_ID_H264, AV_CODEC_ID_VP9,
                                            AV_CODEC_ID_AV1};
    enum AVCodecID usual =
        av_guess_codec(container, NULL, path, NULL, AVMEDIA_TYPE_VIDEO);
    if (usual == AV_CODEC_ID_NONE) {
        daub_fail(error, DAUB_ERROR_ARGUMENT, "%s: format %s holds no video", path,
                  container->name);
        return NULL;
    }
    /* H.264 where the container can hold it; formats made for one codec keep that one. */
    bool general_purpose = usual == AV_CODEC_ID_MPEG4 ||
                           usual == AV_CODEC_ID_MPEG2VIDEO ||
                           usual == AV_CODEC_ID_MPEG1VIDEO || usual == AV_CODEC_ID_FLV1 ||
                           usual == AV_CODEC_ID_H263 || usual == AV_CODEC_ID_H264 ||
                           usual == AV_CODEC_ID_VP9;
    for (size_t i = 0; general_purpose && i < sizeof(modern) / sizeof(modern[0]); i++) {
        const AVCodec *codec = encoder_of(modern[i]);
        /* less than 0: the muxer does not tell */
        int holds = avformat_query_codec(container, modern[i], FF_COMPLIANCE_NORMAL);
        if (codec && (usual == AV_CODEC_ID_FLV1 ? holds > 0 : holds != 0))
            return codec;
        if (!codec && modern[i] == usual)
            daub_log(DAUB_LOG_WARNING,
                     "this FFmpeg has no encoder for %s; another codec is used",
                     avcodec_get_name(usual));
    }
    const AVCodec *codec = encoder_of(usual);
    if (!codec && avformat_query_codec(container, AV_CODEC_ID_MPEG4, 0) == 1)
        codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    if (!codec)
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "this FFmpeg has no encoder for %s, which %s files hold; choose one "
                  "with -c:v",
                  avcodec_get_name(usual), container->name);
    return codec;
}

/* Whether the codec is for watching: lossy with motion prediction. The others (FFV1,
 * ProRes, PNG, raw video) are for keeping every detail. */
static bool for_watching(const AVCodec *codec)
{
    const AVCodecDescriptor *desc = avcodec_descriptor_get(codec->id);
    return desc && (desc->props & AV_CODEC_PROP_LOSSY) &&
           !(desc->props & AV_CODEC_PROP_INTRA_ONLY);
}

/* Whether the encoder refuses odd sizes with subsampled chroma (measured with
 * FFmpeg 5.1).
 */
static bool needs_even(const AVCodec *codec)
{
    return codec->id == AV_CODEC_ID_H264 || codec->id == AV_CODEC_ID_HEVC ||
           strcmp(codec->name, "libsvtav1") == 0;
}

/* The cost of storing need as have: much for what is lost, little for what is unused. */
static int cost(const struct media_depth *need, const struct media_depth *have)
{
    int bits = have->bits - need->bits;
    int chroma_x = have->shift_x - need->shift_x,
        chroma_y = have->shift_y - need->shift_y;
    int total = 0;
    if (have->family != need->family)
        total += have->family == MEDIA_FAMILY_GRAY ? 100000 : 600;
    if (have->palette)
        total += 5000;
    if (have->is_float)
        total += 3000;
    total += bits < 0 ? -bits * 1000 : bits * 10;
    total += chroma_x > 0 ? chroma_x * 500 : -chroma_x * 40;
    total += chroma_y > 0 ? chroma_y * 500 : -chroma_y * 40;
    return total + have->alpha * 20;
}

static const enum AVPixelFormat y4m_formats[] = {
    AV_PIX_FMT_YUV420P,     AV_PIX_FMT_YUV422P,     AV_PIX_FMT_YUV444P,
    AV_PIX_FMT_GRAY8,       AV_PIX_FMT_YUV411P,     AV_PIX_FMT_YUV420P10LE,
    AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV444P10LE, AV_PIX_FMT_YUV420P12LE,
    AV_PIX_FMT_YUV422P12LE, AV_PIX_FMT_YUV444P12LE, AV_PIX_FMT_GRAY16LE,
    AV_PIX_FMT_YUV444P16LE, AV_PIX_FMT_NONE};

static const enum AVPixelFormat *formats_of(const AVCodec *codec)
{
    return codec->id == AV_CODEC_ID_WRAPPED_AVFRAME ? y4m_formats
                                                    : media_codec_formats(codec);
}

static enum AVPixelFormat cheapest(const AVCodec *codec, const struct media_depth *need,
                                   enum AVPixelFormat usual)
{
    const enum AVPixelFormat *formats = formats_of(codec);
    enum AVPixelFormat best = AV_PIX_FMT_NONE;
    int best_cost = 0;
    if (!formats)
        return usual;
    for (; *formats != AV_PIX_FMT_NONE; formats++) {
        struct media_depth have;
        if (!media_depth_of(*formats, &have) || !sws_isSupportedOutput(*formats))
            continue;
        /* Formats that the shaders write need no conversion. */
        int total = cost(need, &have) + (media_pixel_from_av(*formats) ? 0 : 1);
        if (best == AV_PIX_FMT_NONE || total < best_cost) {
            best = *formats;
            best_cost = total;
        }
    }
    return best;
}

static bool named_format(const AVCodec *codec, const char *name,
                         enum AVPixelFormat *format, struct daub_error *error)
{
    const enum AVPixelFormat *formats = formats_of(codec);
    *format = av_get_pix_fmt(name);
    char list[256] = "";
    bool found = !formats && *format != AV_PIX_FMT_NONE;
    for (; formats && *formats != AV_PIX_FMT_NONE; formats++) {
        const char *other = av_get_pix_fmt_name(*formats);
        size_t used = strlen(list);
        found = found || *formats == *format;
        if (other && used + strlen(other) + 2 < sizeof(list)) {
            strcat(list, " ");
            strcat(list, other);
        }
    }
    struct media_depth depth;
    if (found && !media_depth_of(*format, &depth))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "-pix_fmt %s is a GPU surface; choose a format in memory", name);
    if (found)
        return true;
    return daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "-pix_fmt %s: %s accepts only%s; choose one of them or leave "
                     "-pix_fmt out",
                     name, codec->name, list);
}

bool media_encoder_want(const AVCodec *codec, const struct media_encode_options *options,
                        const AVFrame *input, struct media_want *want,
                        struct daub_error *error)
{
    struct media_depth need;
    *want = (struct media_want){.space = AVCOL_SPC_UNSPECIFIED,
                                .range = AVCOL_RANGE_UNSPECIFIED,
                                .chroma = AVCHROMA_LOC_UNSPECIFIED};
    if (!media_depth_of(input->format, &need))
        need = (struct media_depth){.family = MEDIA_FAMILY_YUV, .bits = 8};
    need.alpha = need.is_float = need.palette = false;
    if (need.bits > 16)
        need.bits = 16;
    bool odd = (input->width | input->height) & 1;
    if (for_watching(codec)) {
        /* Players show 4:2:0; 4:4:4 only where the encoder needs it for an odd size. */
        bool full = odd && needs_even(codec);
        need.family = MEDIA_FAMILY_YUV;
        need.shift_x = need.shift_y = full ? 0 : 1;
    }
    if (codec->id == AV_CODEC_ID_GIF && !options->pix_fmt) {
        want->format = AV_PIX_FMT_RGB24; /* of which media/palette.h makes a palette */
        return true;
    }
    if (codec->id == AV_CODEC_ID_WEBP)
        need = (struct media_depth){.family = MEDIA_FAMILY_RGB, .bits = 8};
    if (options->pix_fmt) {
        if (!named_format(codec, options->pix_fmt, &want->format, error))
            return false;
    } else {
        want->format = cheapest(codec, &need, media_plain_format(input->format));
    }
    struct media_depth have;
    if (!media_depth_of(want->format, &have))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "encoder %s accepts frames in GPU memory only; choose another "
                         "one with -c:v",
                         codec->name);
    if (codec->id == AV_CODEC_ID_MJPEG && have.family == MEDIA_FAMILY_YUV) {
        /* ITU-T T.871 (JFIF): full range, BT.601, centred chroma */
        want->space = AVCOL_SPC_BT470BG;
        want->range = AVCOL_RANGE_JPEG;
        want->chroma = AVCHROMA_LOC_CENTER;
    } else if (media_is_full_format(want->format)) {
        want->range = AVCOL_RANGE_JPEG;
    } else if (options->stream && have.family == MEDIA_FAMILY_YUV) {
        /* Players of streams assume this at any size. */
        want->space = AVCOL_SPC_BT709;
        want->range = AVCOL_RANGE_MPEG;
    }
    return true;
}

void media_encoder_explain(const AVCodec *codec, const AVFrame *input,
                           const struct media_want *want)
{
    struct media_depth had, have;
    if (!media_depth_of(input->format, &had) || !media_depth_of(want->format, &have))
        return;
    if (had.bits > 8 && have.bits < had.bits && have.bits < 16)
        media_loss(DAUB_LOG_WARNING, "%d-bit input is stored with %d bits by %s",
                   had.bits, have.bits, codec->name);
    if (((input->width | input->height) & 1) && for_watching(codec) &&
        needs_even(codec) && !have.shift_x)
        daub_log(DAUB_LOG_INFO,
                 "odd size %dx%d is kept by encoding %s; an even --out-size gives 4:2:0, "
                 "which more players show",
                 input->width, input->height, av_get_pix_fmt_name(want->format));
}
