#include <stdlib.h>
#include <string.h>

#include <libavutil/avstring.h>

#include "media/compat.h"
#include "media/loss.h"
#include "media/mux.h"
#include "util/error.h"

/* Statistics of the input stream, which mkvmerge and others store as tags. */
static bool is_stale(const char *key)
{
    return av_strstart(key, "BPS", NULL) || av_strstart(key, "NUMBER_OF_", NULL) ||
           av_strstart(key, "_STATISTICS", NULL) || av_strcasecmp(key, "DURATION") == 0 ||
           av_strcasecmp(key, "encoder") == 0 || av_strcasecmp(key, "vendor_id") == 0 ||
           strcmp(key, "rotate") == 0; /* FFmpeg before 5 */
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

/* Adds the same kinds where only frames have them (HDR10 in HEVC). */
static bool side_data_of_frame(AVStream *stream, const AVFrame *frame_template)
{
    static const struct {
        enum AVFrameSideDataType frame;
        enum AVPacketSideDataType packet;
    } kinds[] = {
        {AV_FRAME_DATA_STEREO3D, AV_PKT_DATA_STEREO3D},
        {AV_FRAME_DATA_SPHERICAL, AV_PKT_DATA_SPHERICAL},
        {AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
         AV_PKT_DATA_MASTERING_DISPLAY_METADATA},
        {AV_FRAME_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_CONTENT_LIGHT_LEVEL},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const AVFrameSideData *data =
            av_frame_get_side_data(frame_template, kinds[i].frame);
        if (!data || has_side_data(stream, kinds[i].packet))
            continue;
        if (!media_stream_add_side_data(stream, kinds[i].packet, data->data, data->size))
            return false;
    }
    return true;
}

bool mux_describe(struct media_mux *mux, const AVFrame *frame_template,
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
            if (describes_picture(data[i].type, !mux->input->upright))
                ok = media_stream_add_side_data(mux->video, data[i].type, data[i].data,
                                                data[i].size);
        }
        for (unsigned i = 0; ok && i < input->nb_chapters; i++)
            ok = copy_chapter(mux, input->chapters[i]);
        if (mux->format->nb_chapters > 0 && !mux->container->chapters)
            media_loss(
                mux->container->pictures ? DAUB_LOG_VERBOSE : DAUB_LOG_WARNING,
                "%u chapters cannot be stored in %s and are left out; write .mkv to "
                "keep them",
                mux->format->nb_chapters, mux->format->oformat->name);
    }
    ok = ok && side_data_of_frame(mux->video, frame_template);
    return ok ? true : daub_no_memory(error, "metadata");
}
