#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/avstring.h>

#include "media/avlog.h"
#include "media/compat.h"
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

bool mux_copy_side_data(AVStream *to, const AVStream *from)
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

static AVStream *add_copy(AVFormatContext *format, const AVStream *from)
{
    AVStream *to = avformat_new_stream(format, NULL);
    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0)
        return NULL;
    to->codecpar->codec_tag = copied_tag(format->oformat, from->codecpar);
    to->time_base = from->time_base;
    to->disposition = from->disposition;
    to->avg_frame_rate = from->avg_frame_rate;
    to->r_frame_rate = from->r_frame_rate;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    if (av_dict_copy(&to->metadata, from->metadata, 0) < 0 ||
        !mux_copy_side_data(to, from))
        return NULL;
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

/* Whether the muxer accepts the streams added so far and one more: the only test that
 * works for every container is to write a header, which is discarded. */
static bool accepts(const struct media_mux *mux, const AVStream *more)
{
    enum { BUFFER = 4096 };
    AVFormatContext *trial = NULL;
    uint8_t *buffer = av_malloc(BUFFER);
    AVIOContext *discarding_io =
        buffer ? avio_alloc_context(buffer, BUFFER, 1, NULL, NULL, discard, discard_seek)
               : NULL;
    bool ok = false;
    if (!discarding_io ||
        avformat_alloc_output_context2(&trial, mux->format->oformat, NULL, NULL) < 0)
        goto done;
    trial->pb = discarding_io;
    trial->flags |= AVFMT_FLAG_CUSTOM_IO;
    trial->strict_std_compliance = mux->format->strict_std_compliance;
    for (unsigned i = 0; i < mux->format->nb_streams; i++) {
        const AVStream *from = mux->format->streams[i];
        /* there may be a thousand large ones, and they do not matter to others */
        if (from->codecpar->codec_type == AVMEDIA_TYPE_ATTACHMENT)
            continue;
        AVStream *to = add_copy(trial, from);
        if (!to)
            goto done;
        to->codecpar->codec_tag = from->codecpar->codec_tag;
    }
    ok = add_copy(trial, more) && avformat_write_header(trial, NULL) >= 0;
done:
    avformat_free_context(trial);
    if (discarding_io)
        av_freep(&discarding_io->buffer);
    else
        av_free(buffer);
    avio_context_free(&discarding_io);
    return ok;
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

static void warn_left_out(const struct media_mux *mux, const AVStream *stream)
{
    const AVOutputFormat *container = mux->format->oformat;
    enum AVMediaType type = stream->codecpar->codec_type;
    const char *kind = av_get_media_type_string(type);
    /* the muxer makes a new time code track from the metadata */
    bool timecode = stream->codecpar->codec_tag == MKTAG('t', 'm', 'c', 'd');
    /* image formats never have audio, so that no warning is needed */
    bool pictures =
        strcmp(container->name, "yuv4mpegpipe") == 0 ||
        strcmp(container->name, "gif") == 0 || strcmp(container->name, "webp") == 0 ||
        strcmp(container->name, "apng") == 0 || strcmp(container->name, "rawvideo") == 0;
    daub_log(timecode || pictures ? DAUB_LOG_VERBOSE : DAUB_LOG_WARNING,
             "%s stream %d (%s) cannot be stored in %s and is left out%s",
             kind ? kind : "unknown", stream->index,
             avcodec_get_name(stream->codecpar->codec_id), container->name,
             strcmp(container->name, "matroska") == 0 ? "" : "; write .mkv to keep it");
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
        const AVCodecParameters *par = input->streams[i]->codecpar;
        mux->copies[i] =
            (struct mux_copy){.to = -1,
                              .time_base = input->streams[i]->time_base,
                              .type = par->codec_type,
                              .raw = av_get_exact_bits_per_sample(par->codec_id) != 0,
                              .last_dts = AV_NOPTS_VALUE,
                              .first_pts = AV_NOPTS_VALUE};
    }
    for (unsigned i = 0; i < input->nb_streams; i++) {
        const AVStream *from = input->streams[i];
        if (!wanted(mux, i))
            continue;
        /* avformat_query_codec does not know attachments */
        bool listed = from->codecpar->codec_type == AVMEDIA_TYPE_ATTACHMENT ||
                      avformat_query_codec(mux->format->oformat, from->codecpar->codec_id,
                                           FF_COMPLIANCE_EXPERIMENTAL) != 0;
        if (!listed || !accepts(mux, from)) {
            warn_left_out(mux, from);
            continue;
        }
        AVStream *to = add_copy(mux->format, from);
        if (!to)
            return daub_no_memory(error, "a copied stream");
        if (to->codecpar->codec_type !=
            AVMEDIA_TYPE_ATTACHMENT) /* they have no packets */
            mux->copies[i].to = to->index;
    }
    return true;
}

/* Statistics of the input stream, which mkvmerge and others store as tags. */
static bool is_stale(const char *key)
{
    return av_strstart(key, "BPS", NULL) || av_strstart(key, "NUMBER_OF_", NULL) ||
           av_strstart(key, "_STATISTICS", NULL) || av_strcasecmp(key, "DURATION") == 0 ||
           av_strcasecmp(key, "encoder") == 0 || av_strcasecmp(key, "vendor_id") == 0;
}

static bool is_brand(const char *key)
{
    return strcmp(key, "major_brand") == 0 || strcmp(key, "minor_version") == 0 ||
           strcmp(key, "compatible_brands") == 0 || strcmp(key, "encoder") == 0;
}

static bool copy_tags(AVDictionary **to, const AVDictionary *from,
                      bool (*left_out)(const char *key))
{
    const AVDictionaryEntry *entry = NULL;
    while ((entry = av_dict_get(from, "", entry, AV_DICT_IGNORE_SUFFIX))) {
        if (!left_out(entry->key) && av_dict_set(to, entry->key, entry->value, 0) < 0)
            return false;
    }
    return true;
}

static bool copy_chapter(struct media_mux *mux, const AVChapter *from)
{
    AVFormatContext *format = mux->format;
    int64_t shift = av_rescale_q(mux->input->start_us, AV_TIME_BASE_Q, from->time_base);
    int64_t end = mux->input->end_us == INT64_MAX
                      ? INT64_MAX
                      : av_rescale_q(mux->input->end_us, AV_TIME_BASE_Q, from->time_base);
    if (from->end <= shift || from->start >= end)
        return true;
    AVChapter *chapter = av_mallocz(sizeof(*chapter));
    AVChapter **list = av_realloc_array(format->chapters, format->nb_chapters + 1,
                                        sizeof(*format->chapters));
    if (list)
        format->chapters = list;
    if (!chapter || !list) {
        av_free(chapter);
        return false;
    }
    chapter->id = from->id;
    chapter->time_base = from->time_base;
    chapter->start = from->start > shift ? from->start - shift : 0;
    chapter->end = (from->end < end ? from->end : end) - shift;
    format->chapters[format->nb_chapters++] = chapter;
    return av_dict_copy(&chapter->metadata, from->metadata, 0) >= 0;
}

/* Side data of the picture that painting does not change. Dolby Vision's is left out: it
 * describes a second layer that is no longer there. */
static bool describes_picture(enum AVPacketSideDataType type, bool keep_matrix)
{
    return (type == AV_PKT_DATA_DISPLAYMATRIX && keep_matrix) ||
           type == AV_PKT_DATA_STEREO3D || type == AV_PKT_DATA_SPHERICAL ||
           type == AV_PKT_DATA_MASTERING_DISPLAY_METADATA ||
           type == AV_PKT_DATA_CONTENT_LIGHT_LEVEL;
}

static bool has_side_data(const AVStream *stream, enum AVPacketSideDataType type)
{
    int count;
    const AVPacketSideData *data = media_stream_side_data(stream, &count);
    for (int i = 0; i < count; i++) {
        if (data[i].type == type)
            return true;
    }
    return false;
}

/* Adds the same kinds where only frames have them (HDR10 in HEVC, EXIF in JPEG). */
static bool side_data_of_frame(AVStream *stream, const AVFrame *frame_template,
                               bool keep_matrix)
{
    static const struct {
        enum AVFrameSideDataType frame;
        enum AVPacketSideDataType packet;
    } kinds[] = {
        {AV_FRAME_DATA_DISPLAYMATRIX, AV_PKT_DATA_DISPLAYMATRIX},
        {AV_FRAME_DATA_STEREO3D, AV_PKT_DATA_STEREO3D},
        {AV_FRAME_DATA_SPHERICAL, AV_PKT_DATA_SPHERICAL},
        {AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
         AV_PKT_DATA_MASTERING_DISPLAY_METADATA},
        {AV_FRAME_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_CONTENT_LIGHT_LEVEL},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const AVFrameSideData *data =
            av_frame_get_side_data(frame_template, kinds[i].frame);
        if (!data || !describes_picture(kinds[i].packet, keep_matrix) ||
            has_side_data(stream, kinds[i].packet))
            continue;
        if (!media_stream_add_side_data(stream, kinds[i].packet, data->data, data->size))
            return false;
    }
    return true;
}

bool mux_describe(struct media_mux *mux, const AVFrame *frame_template, bool keep_matrix,
                  struct daub_error *error)
{
    const AVFormatContext *input = mux->input->container;
    bool ok = true;
    if (input) {
        const AVStream *from = input->streams[mux->input->video_stream];
        int count;
        const AVPacketSideData *data = media_stream_side_data(from, &count);
        ok = copy_tags(&mux->format->metadata, input->metadata, is_brand) &&
             copy_tags(&mux->video->metadata, from->metadata, is_stale);
        for (int i = 0; ok && i < count; i++) {
            if (describes_picture(data[i].type, keep_matrix))
                ok = media_stream_add_side_data(mux->video, data[i].type, data[i].data,
                                                data[i].size);
        }
        for (unsigned i = 0; ok && i < input->nb_chapters; i++)
            ok = copy_chapter(mux, input->chapters[i]);
    }
    ok = ok && side_data_of_frame(mux->video, frame_template, keep_matrix);
    return ok ? true : daub_no_memory(error, "metadata");
}
