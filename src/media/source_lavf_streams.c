#include "media/source_lavf.h"

#include <stdlib.h>
#include <string.h>

#include "media/loss.h"
#include "util/log.h"

#define SHORTEST_FILM 0.11 /* seconds; a still has one frame, at 10 fps or more */

/* Whether a stream is known to hold one picture only: a thumbnail, or the still of a
 * motion photo. */
static bool is_still(const AVFormatContext *format, const AVStream *stream)
{
    const AVDictionaryEntry *count =
        av_dict_get(stream->metadata, "NUMBER_OF_FRAMES", NULL, AV_DICT_IGNORE_SUFFIX);
    const AVDictionaryEntry *length =
        av_dict_get(stream->metadata, "DURATION", NULL, AV_DICT_IGNORE_SUFFIX);
    /* Matroska states when the stream ends: 00:00:00.040000000 */
    bool brief = length && strncmp(length->value, "00:00:00.", 9) == 0 &&
                 strtod(length->value + 8, NULL) < SHORTEST_FILM &&
                 format->duration > 2 * SHORTEST_FILM * AV_TIME_BASE;
    return brief ||
           (stream->disposition &
            (AV_DISPOSITION_TIMED_THUMBNAILS | AV_DISPOSITION_STILL_IMAGE)) ||
           stream->nb_frames == 1 || (count && strcmp(count->value, "1") == 0);
}

AVStream *lavf_choose_video(const AVFormatContext *format)
{
    AVStream *best = NULL;
    int64_t best_score = -1;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];
        const AVCodecParameters *par = stream->codecpar;
        if (par->codec_type != AVMEDIA_TYPE_VIDEO ||
            (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) ||
            stream->discard == AVDISCARD_ALL)
            continue;
        /* a moving picture first, then the default one, then the largest */
        int64_t score = (int64_t)par->width * par->height;
        if (stream->disposition & AV_DISPOSITION_DEFAULT)
            score += INT64_C(1) << 40;
        if (!is_still(format, stream))
            score += INT64_C(1) << 41;
        if (score > best_score) {
            best = stream;
            best_score = score;
        }
    }
    return best;
}

/* Whether any program has both streams. */
static bool together(AVFormatContext *format, int a, int b)
{
    AVProgram *program = NULL;
    while ((program = av_find_program_from_stream(format, program, a))) {
        for (unsigned i = 0; i < program->nb_stream_indexes; i++) {
            if ((int)program->stream_index[i] == b)
                return true;
        }
    }
    return false;
}

void lavf_discard_others(struct lavf *l)
{
    AVFormatContext *format = l->format;
    int other_programs = 0, picture = l->video->index;
    /* decoders of VP8 and VP9 leave the second layer of WebM out */
    const AVDictionaryEntry *alpha =
        av_dict_get(l->video->metadata, "alpha_mode", NULL, 0);
    if (alpha && strcmp(alpha->value, "1") == 0)
        media_loss(DAUB_LOG_WARNING, "the input's transparency is dropped");
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];
        if ((int)i == picture)
            continue;
        bool other = av_find_program_from_stream(format, NULL, (int)i) &&
                     av_find_program_from_stream(format, NULL, picture) &&
                     !together(format, picture, (int)i);
        if (other) {
            stream->discard = AVDISCARD_ALL;
            other_programs++;
        } else if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
                   !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC)) {
            media_loss(DAUB_LOG_WARNING,
                       "video stream %u is left out: only stream %d is painted", i,
                       picture);
        }
    }
    if (other_programs)
        daub_log(DAUB_LOG_INFO,
                 "%s has %u programs; only that of the largest picture is read", l->path,
                 format->nb_programs);
}

bool lavf_is_incomplete(const AVFormatContext *format)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *par = format->streams[i]->codecpar;
        if ((par->codec_type == AVMEDIA_TYPE_AUDIO && par->sample_rate <= 0) ||
            (par->codec_type == AVMEDIA_TYPE_VIDEO && par->width <= 0))
            return true;
    }
    return false;
}

int lavf_find_stream_info(AVFormatContext *format, int64_t pixels)
{
    unsigned count = pixels ? format->nb_streams : 0;
    AVDictionary **options = av_calloc(count + 1, sizeof(AVDictionary *));
    if (!options)
        return AVERROR(ENOMEM);
    for (unsigned i = 0; i < count; i++)
        av_dict_set_int(&options[i], "max_pixels", pixels, 0);
    int code = avformat_find_stream_info(format, count ? options : NULL);
    for (unsigned i = 0; i < count; i++)
        av_dict_free(&options[i]);
    av_free(options);
    return code;
}
