#include "media/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "media/avlog.h"
#include "media/compat.h"
#include "media/format.h"
#include "media/loss.h"
#include "util/error.h"

enum { THREADS_MAX = 16 };

/* Settings that suit a painting to be watched. libx264: on a 720p clip with the texture
 * of a painting, veryfast made files of the same size as medium at SSIM 0.9835 against
 * 0.9846, in 0.4 of the time; the painter needs the processor as well. */
static const struct {
    const char *encoder, *settings;
} defaults[] = {
    {"libx264", "crf=18:preset=veryfast"},
    {"libx264rgb", "crf=18:preset=veryfast"},
    {"libx265", "crf=20:preset=fast"},
    {"libvpx-vp9", "crf=24:b=0:deadline=good:cpu-used=4:row-mt=1"},
    {"libvpx", "crf=8:b=20M:deadline=good:cpu-used=4"},
    {"libaom-av1", "crf=24:b=0:cpu-used=6:row-mt=1"},
    {"libsvtav1", "crf=28:preset=8"},
    {"libwebp", "quality=90"},
    {"libwebp_anim", "quality=90"},
    {"ffv1", "level=3:slicecrc=1"},
    {"mpeg4", "qscale=3"},
    {"libxvid", "qscale=3"},
    {"msmpeg4", "qscale=3"},
    {"msmpeg4v2", "qscale=3"},
    {"flv", "qscale=3"},
    {"mpeg1video", "qscale=3"},
    {"mpeg2video", "qscale=3"},
    {"mjpeg", "qscale=2"},
    {"libtheora", "qscale=8"},
};

static bool has_option(const AVCodec *codec, const char *name)
{
    return codec->priv_class && av_opt_find2((void *)&codec->priv_class, name, NULL, 0,
                                             AV_OPT_SEARCH_FAKE_OBJ, NULL);
}

/* The encoder's option for constant quality; NULL where it is lossless. */
static const char *quality_option(const AVCodec *codec)
{
    const AVCodecDescriptor *desc = avcodec_descriptor_get(codec->id);
    if (has_option(codec, "crf"))
        return "crf";
    if (has_option(codec, "quality"))
        return "quality";
    return desc && (desc->props & AV_CODEC_PROP_LOSSY) ? "qscale" : NULL;
}

/* Encodes without delay and with a key frame every KEY_SECONDS, so that new viewers see a
 * picture soon. */
static void fill_stream(AVDictionary **dict, const AVCodec *codec, AVRational rate)
{
    enum { KEY_SECONDS = 2 };
    if (has_option(codec, "tune"))
        av_dict_set(dict, "tune", "zerolatency", 0);
    if (has_option(codec, "preset") && strncmp(codec->name, "libx26", 6) == 0)
        av_dict_set(dict, "preset", "veryfast", 0);
    av_dict_set_int(dict, "g", KEY_SECONDS * (int64_t)ceil(av_q2d(rate)), 0);
    av_dict_set(dict, "bf", "0", 0);
}

static bool add_extra(AVDictionary **dict, const struct media_encode_options *options,
                      struct daub_error *error)
{
    for (size_t i = 0; i < options->extra_count; i++) {
        const char *text = options->extra[i], *equals = strchr(text, '=');
        if (!equals || equals == text)
            return daub_fail(error, DAUB_ERROR_ARGUMENT, "-e %s: write KEY=VALUE", text);
        char key[64];
        size_t length = (size_t)(equals - text);
        if (length >= sizeof(key))
            return daub_fail(error, DAUB_ERROR_ARGUMENT, "-e %s: no such option", text);
        memcpy(key, text, length);
        key[length] = '\0';
        av_dict_set(dict, key, equals + 1, 0);
    }
    return true;
}

static bool fill_options(AVDictionary **dict, const AVCodec *codec,
                         const struct media_encode_options *options, AVRational rate,
                         struct daub_error *error)
{
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (strcmp(defaults[i].encoder, codec->name) == 0)
            av_dict_parse_string(dict, defaults[i].settings, "=", ":", 0);
    }
    if (options->stream)
        fill_stream(dict, codec, rate);
    const char *option = quality_option(codec);
    if (options->bitrate) {
        if (option)
            av_dict_set(dict, option, NULL, 0);
        av_dict_set_int(dict, "b", options->bitrate, 0);
    }
    if (options->has_quality) {
        char text[32];
        if (!option)
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "-crf: %s keeps every bit and has no quality to set; leave "
                             "-crf out",
                             codec->name);
        snprintf(text, sizeof(text), "%g", options->quality);
        av_dict_set(dict, option, text, 0);
    }
    if (options->preset) {
        if (!has_option(codec, "preset"))
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "-preset: %s has no presets; leave -preset out",
                             codec->name);
        av_dict_set(dict, "preset", options->preset, 0);
    }
    if (strcmp(codec->name, "libx265") == 0) /* it prints to stderr by itself */
        av_dict_set(dict, "x265-params", "log-level=none", 0);
    return add_extra(dict, options, error);
}

/* "qscale" is no option of libavcodec: ffmpeg sets a flag and a scaled value too. */
static void apply_qscale(AVCodecContext *context, AVDictionary **dict)
{
    const AVDictionaryEntry *entry = av_dict_get(*dict, "qscale", NULL, 0);
    if (!entry)
        return;
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->global_quality = (int)lround(strtod(entry->value, NULL) * FF_QP2LAMBDA);
    av_dict_set(dict, "qscale", NULL, 0);
}

static AVRational sane_rate(AVRational rate)
{
    return rate.num > 0 && rate.den > 0 ? rate : (AVRational){25, 1};
}

/* The encoder's time base: the source's, so that every pts stays exact, unless the codec
 * or container can only count frames. */
static AVRational choose_base(const struct media_encoder_setup *setup, AVRational *rate)
{
    const AVRational *rates = media_codec_rates(setup->codec);
    *rate = sane_rate(setup->frame_rate);
    if (setup->tick.num)
        return setup->tick;
    if (rates)
        *rate = rates[av_find_nearest_q_idx(*rate, rates)];
    if (rates || setup->constant_rate || setup->codec->id == AV_CODEC_ID_THEORA)
        return av_inv_q(*rate);
    enum { MPEG4_TICKS_MAX = 65535 }; /* vop_time_increment_resolution has 16 bits */
    if (setup->codec->id == AV_CODEC_ID_MPEG4 && setup->time_base.den > MPEG4_TICKS_MAX) {
        AVRational step = av_mul_q(av_inv_q(*rate), av_inv_q(setup->time_base));
        if (step.den == 1 && rate->num <= MPEG4_TICKS_MAX)
            return av_inv_q(*rate);
        return (AVRational){1, 60000};
    }
    return setup->time_base;
}

static void set_colors(AVCodecContext *context, const AVFrame *template)
{
    context->color_range = template->color_range;
    context->colorspace = template->colorspace;
    context->color_primaries = template->color_primaries;
    context->color_trc = template->color_trc;
    context->chroma_sample_location = template->chroma_location;
}

static void set_fields(AVCodecContext *context, const AVFrame *frame)
{
    /* 4:2:0 fields need whole chroma rows in each field of a macroblock pair */
    if (!media_frame_interlaced(frame) || frame->height % 4)
        return;
    context->field_order = media_frame_top_first(frame) ? AV_FIELD_TT : AV_FIELD_BB;
    if (context->codec_id == AV_CODEC_ID_H264 ||
        context->codec_id == AV_CODEC_ID_MPEG2VIDEO ||
        context->codec_id == AV_CODEC_ID_MPEG4)
        context->flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
}

/* ITU-R BT.2408: diffuse white has 203 cd/m2. What is brighter, up to about 1000 cd/m2,
 * is compressed. */
#define TONE_MAP                                                                         \
    "zscale=transfer=linear:npl=203,format=gbrpf32le,zscale=primaries=bt709,"            \
    "tonemap=mobius:desat=0:peak=5,zscale=transfer=iec61966-2-1:range=full,format="      \
    "gbrp16le"

static bool is_hdr(const AVFrame *frame)
{
    return frame->color_trc == AVCOL_TRC_SMPTE2084 ||
           frame->color_trc == AVCOL_TRC_ARIB_STD_B67;
}

/* Decides what becomes of HDR pictures in files that cannot tell them from others. */
static void choose_tones(struct media_encoder *encoder,
                         const struct media_encoder_setup *setup)
{
    struct media_filter trial = {0};
    const char *name = av_color_transfer_name(setup->frame->color_trc);
    if (!setup->no_hdr || !is_hdr(setup->frame))
        return;
    AVFrame probe = {.width = setup->frame->width,
                     .height = setup->frame->height,
                     .format = setup->frame->format,
                     .sample_aspect_ratio = setup->frame->sample_aspect_ratio};
    encoder->maps_tones =
        media_filter_open(&trial, TONE_MAP, &probe, setup->time_base, NULL);
    media_filter_close(&trial);
    media_loss(
        DAUB_LOG_WARNING,
        encoder->maps_tones
            ? "the HDR picture (%s) is mapped to the ordinary range, because %s has "
              "no HDR; a video such as .mkv keeps it"
            : "the HDR picture (%s) will look pale, because %s has no HDR and this "
              "FFmpeg lacks the filter zscale; a video such as .mkv keeps it",
        name ? name : "unknown", setup->codec->name);
}

static AVFrame *map_tones(struct media_encoder *encoder, const AVFrame *frame,
                          struct daub_error *error)
{
    AVFrame *made = av_frame_clone(frame);
    if (!made)
        return NULL;
    if (!media_filter_fits(&encoder->tones, made)) {
        media_filter_close(&encoder->tones);
        if (!media_filter_open(&encoder->tones, TONE_MAP, made, encoder->in_base, error))
            goto fail;
    }
    int code = media_filter_send(&encoder->tones, made, error)
                   ? media_filter_receive(&encoder->tones, made)
                   : 0;
    if (code < 0)
        daub_fail(error, DAUB_ERROR_FAILED, "the HDR picture cannot be mapped: %s",
                  media_error_cause(code));
    else if (made->buf[0]) {
        made->colorspace = AVCOL_SPC_RGB;
        made->color_range = AVCOL_RANGE_JPEG;
        return made;
    }
fail:
    av_frame_free(&made);
    return NULL;
}

/* Makes the frame template of the encoder, in the format and colors of want. */
static bool make_template(struct media_encoder *encoder, const AVFrame *frame)
{
    AVFrame *made = encoder->template = av_frame_alloc();
    if (!made || av_frame_copy_props(made, frame) < 0)
        return false;
    made->width = frame->width;
    made->height = frame->height;
    made->sample_aspect_ratio = frame->sample_aspect_ratio;
    made->format = encoder->want.format;
    struct media_depth depth;
    media_depth_of(made->format, &depth);
    if (encoder->want.space != AVCOL_SPC_UNSPECIFIED)
        made->colorspace = encoder->want.space;
    if (encoder->want.range != AVCOL_RANGE_UNSPECIFIED)
        made->color_range = encoder->want.range;
    if (encoder->want.chroma != AVCHROMA_LOC_UNSPECIFIED)
        made->chroma_location = encoder->want.chroma;
    if (depth.family == MEDIA_FAMILY_RGB) {
        made->colorspace = AVCOL_SPC_RGB;
        made->color_range = AVCOL_RANGE_JPEG;
    } else if (made->colorspace == AVCOL_SPC_RGB) {
        made->colorspace = made->height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
        if (encoder->want.range == AVCOL_RANGE_UNSPECIFIED)
            made->color_range = AVCOL_RANGE_MPEG;
    }
    return true;
}

static void set_threads(AVCodecContext *context, int asked)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    context->thread_count = asked                      ? asked
                            : processors < 1           ? 1
                            : processors > THREADS_MAX ? THREADS_MAX
                                                       : (int)processors;
}

bool media_encoder_open(struct media_encoder *encoder,
                        const struct media_encoder_setup *setup, struct daub_error *error)
{
    AVDictionary *dict = NULL;
    *encoder = (struct media_encoder){.in_base = setup->time_base, .last_pts = INT64_MIN};
    if (!media_encoder_want(setup->codec, setup->options, setup->frame, &encoder->want,
                            error))
        return false;
    bool is_gif =
        encoder->want.format == AV_PIX_FMT_RGB24 && setup->codec->id == AV_CODEC_ID_GIF;
    AVCodecContext *context = encoder->context = avcodec_alloc_context3(setup->codec);
    if (!context || !make_template(encoder, setup->frame))
        return daub_no_memory(error, "a frame");
    choose_tones(encoder, setup);
    if (encoder->maps_tones) {
        encoder->template->color_primaries = AVCOL_PRI_BT709;
        encoder->template->color_trc = AVCOL_TRC_IEC61966_2_1;
    }
    context->width = encoder->template->width;
    context->height = encoder->template->height;
    context->pix_fmt = is_gif ? AV_PIX_FMT_PAL8 : encoder->template->format;
    context->sample_aspect_ratio = encoder->template->sample_aspect_ratio;
    context->time_base = choose_base(setup, &context->framerate);
    context->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (setup->options->stream && encoder->template->colorspace == AVCOL_SPC_BT709) {
        encoder->template->color_primaries = AVCOL_PRI_BT709;
        encoder->template->color_trc = AVCOL_TRC_BT709;
    }
    set_colors(context, encoder->template);
    set_fields(context, setup->frame);
    set_threads(context, setup->options->threads);
    if (setup->no_reordering)
        context->max_b_frames = 0;
    if (setup->global_header)
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    bool ok =
        fill_options(&dict, setup->codec, setup->options, context->framerate, error);
    if (ok) {
        apply_qscale(context, &dict);
        media_log_forget();
        int code = avcodec_open2(context, setup->codec, &dict);
        if (code == AVERROR(ENOMEM))
            ok = daub_no_memory(error, "the encoder");
        else if (code < 0)
            ok = daub_fail(error, DAUB_ERROR_ARGUMENT,
                           "encoder %s does not accept its settings: %s",
                           setup->codec->name, media_error_cause(code));
    }
    encoder->unused = dict;
    return ok;
}

static bool fits(const AVFrame *frame, const AVFrame *template)
{
    struct daub_format a = media_format_of(frame, DAUB_PIXEL_YUV420P);
    struct daub_format b = media_format_of(template, DAUB_PIXEL_YUV420P);
    bool rgb = template->colorspace == AVCOL_SPC_RGB;
    return media_plain_format(frame->format) == media_plain_format(template->format) &&
           frame->width == template->width && frame->height == template->height &&
           a.range == b.range && (rgb || a.matrix == b.matrix);
}

/* A frame of the encoder's own size, format and colours. */
static AVFrame *prepare(struct media_encoder *encoder, const AVFrame *frame,
                        struct daub_error *error)
{
    AVFrame *mapped = encoder->maps_tones ? map_tones(encoder, frame, error) : NULL;
    if (encoder->maps_tones && !mapped)
        return NULL;
    const AVFrame *from = mapped ? mapped : frame;
    AVFrame *made =
        fits(from, encoder->template)
            ? av_frame_clone(from)
            : media_convert(&encoder->converter, from, encoder->template, error);
    av_frame_free(&mapped);
    if (!made) {
        daub_no_memory(error, "a frame");
        return NULL;
    }
    made->format = encoder->template->format;
    made->colorspace = encoder->template->colorspace;
    made->color_range = encoder->template->color_range;
    made->chroma_location = encoder->template->chroma_location;
    media_frame_forget_picture_type(made);
    return made;
}

int64_t media_encoder_time(struct media_encoder *encoder, int64_t pts)
{
    pts = av_rescale_q(pts, encoder->in_base, encoder->context->time_base);
    if (encoder->last_pts != INT64_MIN && pts <= encoder->last_pts)
        pts = encoder->last_pts + 1;
    return encoder->last_pts = pts;
}

/* Consumes the frame; NULL drains. */
static bool encode(struct media_encoder *encoder, AVFrame *frame,
                   struct daub_error *error)
{
    media_log_forget();
    int code = avcodec_send_frame(encoder->context, frame);
    av_frame_free(&frame);
    return code >= 0 || daub_fail(error, DAUB_ERROR_FAILED, "encoder %s failed: %s",
                                  encoder->context->codec->name, media_error_cause(code));
}

bool media_encoder_send(struct media_encoder *encoder, const AVFrame *frame,
                        struct daub_error *error)
{
    AVFrame *ready = NULL;
    AVRational base = encoder->context->time_base;
    if (frame) {
        ready = prepare(encoder, frame, error);
        if (!ready)
            return false;
        ready->pts = media_encoder_time(encoder, frame->pts);
        media_frame_set_duration(
            ready, av_rescale_q(media_frame_duration(frame), encoder->in_base, base));
    }
    if (encoder->context->pix_fmt != AV_PIX_FMT_PAL8 ||
        encoder->template->format == AV_PIX_FMT_PAL8)
        return encode(encoder, ready, error);
    encoder->ended = !frame;
    bool ok = media_palette_send(&encoder->palette, ready, base, error);
    av_frame_free(&ready);
    return ok;
}

/* Gives the encoder the next frame with a palette. 0, or AVERROR(EAGAIN) where there is
 * none; -1: *error. */
static int encode_palette(struct media_encoder *encoder, struct daub_error *error)
{
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return daub_no_memory(error, "a frame") - 1;
    int code = media_palette_receive(&encoder->palette, frame);
    if (code == 0)
        return encode(encoder, frame, error) ? 0 : -1;
    av_frame_free(&frame);
    if (code != AVERROR(EAGAIN))
        return daub_fail(error, DAUB_ERROR_FAILED, "FFmpeg's palette filters fail: %s",
                         media_error_text(code)) -
               1;
    if (!encoder->ended)
        return code;
    encoder->ended = false;
    return encode(encoder, NULL, error) ? 0 : -1;
}

int media_encoder_receive(struct media_encoder *encoder, AVPacket *packet,
                          struct daub_error *error)
{
    int code;
    while ((code = avcodec_receive_packet(encoder->context, packet)) == AVERROR(EAGAIN) &&
           encoder->context->pix_fmt == AV_PIX_FMT_PAL8) {
        int given = encode_palette(encoder, error);
        if (given != 0)
            return given == -1 ? -1 : 0;
    }
    if (code >= 0)
        return 1;
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
        return 0;
    daub_fail(error, DAUB_ERROR_FAILED, "encoder %s failed: %s",
              encoder->context->codec->name, media_error_cause(code));
    return -1;
}

void media_encoder_uninit(struct media_encoder *encoder)
{
    avcodec_free_context(&encoder->context);
    av_frame_free(&encoder->template);
    media_palette_uninit(&encoder->palette);
    media_filter_close(&encoder->tones);
    media_converter_uninit(&encoder->converter);
    av_dict_free(&encoder->unused);
}

bool media_options_used_up(const AVDictionary *unused, const char *encoder,
                           const char *container, struct daub_error *error)
{
    const AVDictionaryEntry *entry = av_dict_get(unused, "", NULL, AV_DICT_IGNORE_SUFFIX);
    if (!entry)
        return true;
    return daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "-e %s=%s: neither %s nor %s has such an option", entry->key,
                     entry->value, encoder, container);
}
