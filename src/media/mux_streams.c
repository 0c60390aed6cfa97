#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/avstring.h>

#include "media/avlog.h"
#include "media/compat.h"
#include "media/loss.h"
#include "media/mux.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

/* The input's four-character tag where it means the same in the output, else 0: the muxer
 * chooses. The rule of ffmpeg's stream copy. */
static unsigned copied_tag(const AVOutputFormat *container, const AVCodecParameters *par)
{
    unsigned other;
    if (!container->codec_tag ||
        av_codec_get_id(container->codec_tag, par->codec_tag) == par->codec_id ||
        !av_codec_get_tag2(container->codec_tag, par->codec_id, &other))
        return par->codec_tag;
    return 0;
}

/* Whether a stream is stored as an attachment: a cover image in Matroska. The muxer would
 * write a video track, which players would show as the film. */
static bool is_attachment(const AVOutputFormat *container, const AVStream *from)
{
    return strcmp(container->name, "matroska") == 0 &&
           (from->disposition & AV_DISPOSITION_ATTACHED_PIC) &&
           from->attached_pic.size > 0;
}

static bool attach(AVStream *to, const AVStream *from)
{
    AVCodecParameters *par = to->codecpar;
    bool jpeg = par->codec_id == AV_CODEC_ID_MJPEG;
    size_t size = (size_t)from->attached_pic.size;
    char name[64], type[64];
    snprintf(name, sizeof(name), "cover.%s",
             jpeg ? "jpg" : avcodec_get_name(par->codec_id));
    snprintf(type, sizeof(type), "image/%s",
             jpeg ? "jpeg" : avcodec_get_name(par->codec_id));
    av_freep(&par->extradata);
    par->extradata_size = 0;
    par->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!par->extradata)
        return false;
    memcpy(par->extradata, from->attached_pic.data, size);
    par->extradata_size = (int)size;
    par->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    par->codec_tag = 0;
    to->disposition = 0;
    return av_dict_set(&to->metadata, "filename", name, AV_DICT_DONT_OVERWRITE) >= 0 &&
           av_dict_set(&to->metadata, "mimetype", type, AV_DICT_DONT_OVERWRITE) >= 0;
}

static bool copy_side_data(AVStream *to, const AVStream *from)
{
#if MEDIA_PAR_HAS_SIDE_DATA
    (void)to, (void)from; /* avcodec_parameters_copy copied it */
    return true;
#else
    for (int i = 0; i < from->nb_side_data; i++) {
        const AVPacketSideData *data = &from->side_data[i];
        if (!media_stream_add_side_data(to, data->type, data->data, data->size))
            return false;
    }
    return true;
#endif
}

AVStream *mux_clone_stream(AVFormatContext *format, const AVStream *from)
{
    AVStream *to = avformat_new_stream(format, NULL);
    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0 ||
        av_dict_copy(&to->metadata, from->metadata, 0) < 0)
        return NULL;
    to->time_base = from->time_base;
    to->disposition = from->disposition;
    to->avg_frame_rate = from->avg_frame_rate;
    to->r_frame_rate = from->r_frame_rate;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    return copy_side_data(to, from) ? to : NULL;
}

/* QuickTime's own codes of languages are a mixture of both forms of ISO 639-2. */
static bool set_language(const AVOutputFormat *format, AVStream *stream)
{
    static const char *const forms[][2] = {
        {"deu", "ger"}, {"nld", "dut"}, {"ell", "gre"}, {"isl", "ice"},
        {"zho", "chi"}, {"sqi", "alb"}, {"mkd", "mac"}, {"swe", "sve"},
        {"fre", "fra"}, {"rum", "ron"}, {"cze", "ces"}, {"slo", "slk"}};
    const AVDictionaryEntry *language =
        av_dict_get(stream->metadata, "language", NULL, 0);
    for (size_t i = 0; language && i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(format->name, "mov") == 0 && strcmp(language->value, forms[i][0]) == 0)
            return av_dict_set(&stream->metadata, "language", forms[i][1], 0) >= 0;
    }
    return true;
}

/* The output's stream for one of the input. recoder NULL: its packets are copied. */
static AVStream *add_stream(AVFormatContext *format, const AVStream *from,
                            const struct media_recoder *recoder)
{
    AVStream *to;
    if (recoder) {
        const AVCodecContext *encoder = media_recoder_encoder(recoder);
        to = avformat_new_stream(format, NULL);
        if (!to || avcodec_parameters_from_context(to->codecpar, encoder) < 0 ||
            av_dict_copy(&to->metadata, from->metadata, 0) < 0)
            return NULL;
        to->time_base = encoder->time_base;
        to->disposition = from->disposition;
        return set_language(format->oformat, to) ? to : NULL;
    }
    to = mux_clone_stream(format, from);
    if (!to || !set_language(format->oformat, to))
        return NULL;
    to->codecpar->codec_tag = copied_tag(format->oformat, from->codecpar);
    if (is_attachment(format->oformat, from) && !attach(to, from))
        return NULL;
    return to;
}

static int discard(void *opaque, media_output_byte *data, int size)
{
    (void)opaque, (void)data;
    return size;
}

static int64_t discard_seek(void *opaque, int64_t offset, int whence)
{
    (void)opaque, (void)offset, (void)whence;
    return 0;
}

static AVIOContext *open_discarding(void)
{
    enum { BUFFER = 4096 };
    uint8_t *buffer = av_malloc(BUFFER);
    AVIOContext *io =
        buffer ? avio_alloc_context(buffer, BUFFER, 1, NULL, NULL, discard, discard_seek)
               : NULL;
    if (!io)
        av_free(buffer);
    return io;
}

static void close_discarding(AVIOContext *io)
{
    if (io)
        av_freep(&io->buffer);
    avio_context_free(&io);
}

/* Muxers of several files open them by this. */
static int discard_open(AVFormatContext *format, AVIOContext **io, const char *url,
                        int flags, AVDictionary **options)
{
    (void)format, (void)url, (void)flags, (void)options;
    *io = open_discarding();
    return *io ? 0 : AVERROR(ENOMEM);
}

/* Playlists hold what their segments hold. Their own muxers need a whole film: FFmpeg's
 * for HLS leaks without a trailer, that for DASH divides by 0 with one. */
static const AVOutputFormat *segment_format(const AVOutputFormat *format)
{
    const char *name = strcmp(format->name, "hls") == 0    ? "mpegts"
                       : strcmp(format->name, "dash") == 0 ? "mp4"
                                                           : NULL;
    const AVOutputFormat *found = name ? av_guess_format(name, NULL, NULL) : NULL;
    return found ? found : format;
}

/* Whether the muxer accepts the streams added so far and one more: the only test that
 * works for every container is to write a header, which is discarded. */
static bool muxer_accepts(const struct media_mux *mux, const AVStream *more,
                          const struct media_recoder *recoder)
{
    AVFormatContext *trial = NULL;
    AVIOContext *io = open_discarding();
    bool ok = io && avformat_alloc_output_context2(
                        &trial, segment_format(mux->format->oformat), NULL, NULL) >= 0;
    if (ok) {
        trial->pb = io;
        trial->io_open = discard_open;
        trial->flags |= AVFMT_FLAG_CUSTOM_IO;
        trial->strict_std_compliance = mux->format->strict_std_compliance;
    }
    for (unsigned i = 0; ok && i < mux->format->nb_streams; i++) {
        /* there may be a thousand large attachments, and they do not matter to others */
        const AVStream *stream = mux->format->streams[i];
        ok = stream->codecpar->codec_type == AVMEDIA_TYPE_ATTACHMENT ||
             mux_clone_stream(trial, stream);
    }
    ok =
        ok && add_stream(trial, more, recoder) && avformat_write_header(trial, NULL) >= 0;
    avformat_free_context(trial);
    close_discarding(io);
    return ok;
}

/* Whether packets of that codec may be copied or encoded into the container. */
static bool may_hold(const struct media_mux *mux, enum AVMediaType type,
                     enum AVCodecID codec)
{
    /* avformat_query_codec does not know attachments */
    return type == AVMEDIA_TYPE_ATTACHMENT ||
           (media_container_plays(mux->container, codec) &&
            avformat_query_codec(mux->format->oformat, codec,
                                 FF_COMPLIANCE_EXPERIMENTAL) != 0);
}

static bool wanted(const struct media_mux *mux, unsigned index)
{
    const AVStream *stream = mux->input->container->streams[index];
    if ((int)index == mux->input->video_stream || stream->discard == AVDISCARD_ALL)
        return false;
    switch (stream->codecpar->codec_type) {
    case AVMEDIA_TYPE_AUDIO:
        return mux->input->audio;
    case AVMEDIA_TYPE_SUBTITLE:
        return mux->input->subtitles;
    case AVMEDIA_TYPE_VIDEO: /* others are left out by the source, with a warning */
        return stream->disposition & AV_DISPOSITION_ATTACHED_PIC;
    default:
        return true;
    }
}

/* Opens an encoder for the stream with that codec, where the container takes it. */
static struct media_recoder *try_recoder(const struct media_mux *mux,
                                         const AVStream *from, enum AVCodecID codec)
{
    bool global = mux->format->oformat->flags & AVFMT_GLOBALHEADER;
    if (!may_hold(mux, from->codecpar->codec_type, codec))
        return NULL;
    bool text = from->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE;
    static const int rates[] = {0, 48000, 44100}; /* 0: the nearest */
    for (int i = 0; i < (text ? 1 : 3); i++) {
        struct media_recoder *recoder = media_recoder_open(from, codec, rates[i], global);
        if (recoder && muxer_accepts(mux, from, recoder))
            return recoder;
        media_recoder_free(recoder);
    }
    return NULL;
}

static bool is_text(enum AVCodecID codec)
{
    const AVCodecDescriptor *desc = avcodec_descriptor_get(codec);
    return desc && (desc->props & AV_CODEC_PROP_TEXT_SUB);
}

/* Sound and text subtitles with the first codec that is possible: the container's own
 * first, then any. NULL: none. */
static struct media_recoder *find_recoder(const struct media_mux *mux,
                                          const AVStream *from)
{
    const AVOutputFormat *format = mux->format->oformat;
    const struct media_container *container = mux->container;
    const enum AVCodecID sound[] = {
        container->sound[0],  container->sound[1], container->sound[2],
        container->sound[3],  format->audio_codec, AV_CODEC_ID_AAC,
        AV_CODEC_ID_OPUS,     AV_CODEC_ID_MP3,     AV_CODEC_ID_AC3,
        AV_CODEC_ID_MP2,      AV_CODEC_ID_FLAC,    AV_CODEC_ID_PCM_S16LE,
        AV_CODEC_ID_PCM_S16BE};
    const enum AVCodecID text[] = {container->text,      format->subtitle_codec,
                                   AV_CODEC_ID_SUBRIP,   AV_CODEC_ID_ASS,
                                   AV_CODEC_ID_MOV_TEXT, AV_CODEC_ID_WEBVTT};
    enum AVMediaType type = from->codecpar->codec_type;
    if (container->pictures)
        return NULL;
    bool words = type == AVMEDIA_TYPE_SUBTITLE;
    if (type != AVMEDIA_TYPE_AUDIO && !(words && is_text(from->codecpar->codec_id)))
        return NULL;
    const enum AVCodecID *list = words ? text : sound;
    size_t count =
        words ? sizeof(text) / sizeof(text[0]) : sizeof(sound) / sizeof(sound[0]);
    for (size_t i = 0; i < count; i++) {
        if (list[i] == AV_CODEC_ID_NONE || (words && !is_text(list[i])))
            continue;
        struct media_recoder *recoder = try_recoder(mux, from, list[i]);
        if (recoder)
            return recoder;
    }
    return NULL;
}

static const char *kind_name(const AVStream *stream)
{
    const char *kind = av_get_media_type_string(stream->codecpar->codec_type);
    return kind ? kind : "unknown";
}

static void tell_recoded(const struct media_mux *mux, const AVStream *stream,
                         const struct media_recoder *recoder)
{
    const AVCodecDescriptor *desc =
        avcodec_descriptor_get(media_recoder_encoder(recoder)->codec_id);
    const char *codec = desc ? desc->name : "another codec";
    bool lossless = desc && (desc->props & AV_CODEC_PROP_LOSSLESS);
    if (lossless)
        daub_log(DAUB_LOG_INFO, "%s stream %d (%s) is stored as %s, which %s holds",
                 kind_name(stream), stream->index,
                 avcodec_get_name(stream->codecpar->codec_id), codec,
                 mux->format->oformat->name);
    else
        media_loss(DAUB_LOG_INFO,
                   "%s stream %d (%s) cannot be stored in %s and is encoded as %s%s",
                   kind_name(stream), stream->index,
                   avcodec_get_name(stream->codecpar->codec_id),
                   mux->format->oformat->name, codec,
                   strcmp(mux->format->oformat->name, "matroska") == 0
                       ? ""
                       : "; write .mkv to keep it as it is");
}

/* Why a stream is left out. */
static void tell_left_out(const struct media_mux *mux, const AVStream *stream)
{
    const AVCodecParameters *par = stream->codecpar;
    const char *container = mux->format->oformat->name;
    /* the muxer makes a new time code track from the metadata */
    if (par->codec_tag == MKTAG('t', 'm', 'c', 'd')) {
        daub_log(DAUB_LOG_VERBOSE, "time code stream %d is made anew", stream->index);
        return;
    }
    bool sound = par->codec_type == AVMEDIA_TYPE_AUDIO;
    if (sound && (par->sample_rate <= 0 || par->ch_layout.nb_channels <= 0))
        media_loss(DAUB_LOG_WARNING,
                   "audio stream %d (%s) is left out: nothing of it was found in the "
                   "first part of the input, so its sample rate is unknown",
                   stream->index, avcodec_get_name(par->codec_id));
    else
        media_loss(mux->container->pictures ? DAUB_LOG_VERBOSE : DAUB_LOG_WARNING,
                   "%s stream %d (%s) cannot be stored in %s and is left out%s",
                   kind_name(stream), stream->index, avcodec_get_name(par->codec_id),
                   container,
                   strcmp(container, "matroska") == 0 ? "" : "; write .mkv to keep it");
}

static bool add_copy(struct media_mux *mux, struct mux_copy *copy, const AVStream *from,
                     struct daub_error *error)
{
    enum AVMediaType type = from->codecpar->codec_type;
    if (!may_hold(mux, type, from->codecpar->codec_id) ||
        !muxer_accepts(mux, from, NULL)) {
        copy->recoder = find_recoder(mux, from);
        if (!copy->recoder) {
            tell_left_out(mux, from);
            return true;
        }
        tell_recoded(mux, from, copy->recoder);
    }
    AVStream *to = add_stream(mux->format, from, copy->recoder);
    if (!to)
        return daub_no_memory(error, "a copied stream");
    if (to->codecpar->codec_type != AVMEDIA_TYPE_ATTACHMENT) /* they have no packets */
        copy->to = to->index;
    copy->time_base = copy->recoder ? to->time_base : from->time_base;
    copy->raw = av_get_exact_bits_per_sample(to->codecpar->codec_id) != 0;
    return true;
}

bool mux_add_copies(struct media_mux *mux, struct daub_error *error)
{
    const AVFormatContext *input = mux->input->container;
    if (!input)
        return true;
    mux->copies = daub_alloc(input->nb_streams, sizeof(*mux->copies));
    if (!mux->copies)
        return daub_no_memory(error, "the copied streams");
    mux->copy_count = input->nb_streams;
    for (unsigned i = 0; i < input->nb_streams; i++) {
        mux->copies[i] =
            (struct mux_copy){.to = -1,
                              .type = input->streams[i]->codecpar->codec_type,
                              .last_dts = AV_NOPTS_VALUE,
                              .first_pts = AV_NOPTS_VALUE};
    }
    bool ok = true;
    for (unsigned i = 0; ok && i < input->nb_streams; i++)
        ok = !wanted(mux, i) || add_copy(mux, &mux->copies[i], input->streams[i], error);
    return ok;
}
