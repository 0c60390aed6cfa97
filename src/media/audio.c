#include "media/audio.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>

#include "media/avlog.h"
#include "media/resampler.h"
#include "util/alloc.h"
#include "util/error.h"

enum { STRETCH_OVER = 8192 };           /* samples */
static const double TIME_MAX_US = 2e15; /* a time that is further away is damaged */

struct media_audio {
    AVFormatContext *format;
    AVStream *stream;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    int rate;        /* samples per second that read returns */
    int64_t zero_us; /* container time that counts as 0 */
    double speed;    /* seconds of the file in a second of returned samples */
    int16_t *buffer;
    size_t capacity;  /* of buffer */
    int first, count; /* samples of each channel in it that were not yet read */
    double time_us;   /* of the first of them */
    bool ended;
    atomic_bool *stop;
    struct media_resampler resampler;
};

void media_audio_close(struct media_audio *s)
{
    if (!s)
        return;
    media_resampler_uninit(&s->resampler);
    av_frame_free(&s->frame);
    av_packet_free(&s->packet);
    avcodec_free_context(&s->decoder);
    avformat_close_input(&s->format);
    free(s->buffer);
    free(s);
}

static int is_stopped(void *opaque)
{
    return atomic_load(((struct media_audio *)opaque)->stop);
}

static bool open_file(struct media_audio *s, const char *path, struct daub_error *error)
{
    const AVCodec *codec = NULL;
    s->format = avformat_alloc_context();
    if (!s->format)
        return daub_no_memory(error, "sound");
    s->format->interrupt_callback = (AVIOInterruptCB){is_stopped, s};
    int code = avformat_open_input(&s->format, path, NULL, NULL);
    if (code >= 0)
        code = avformat_find_stream_info(s->format, NULL);
    if (code >= 0)
        code = av_find_best_stream(s->format, AVMEDIA_TYPE_AUDIO, -1, -1, &codec, 0);
    if (code < 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "no sound in %s: %s", path,
                         media_error_text(code));
    s->stream = s->format->streams[code];
    for (unsigned i = 0; i < s->format->nb_streams; i++) {
        if (s->format->streams[i] != s->stream)
            s->format->streams[i]->discard = AVDISCARD_ALL;
    }
    s->decoder = avcodec_alloc_context3(codec);
    s->packet = av_packet_alloc();
    s->frame = av_frame_alloc();
    if (!s->decoder || !s->packet || !s->frame)
        return daub_no_memory(error, "sound");
    code = avcodec_parameters_to_context(s->decoder, s->stream->codecpar);
    s->decoder->pkt_timebase = s->stream->time_base;
    if (code >= 0)
        code = avcodec_open2(s->decoder, codec, NULL);
    return code >= 0
               ? true
               : daub_fail(error, DAUB_ERROR_FAILED, "cannot decode the sound of %s: %s",
                           path, media_error_text(code));
}

struct media_audio *media_audio_open(const char *path, int64_t start_us, int rate,
                                     atomic_bool *stop, struct daub_error *error)
{
    struct media_audio *s = daub_alloc(1, sizeof(*s));
    if (!s) {
        daub_no_memory(error, "sound");
        return NULL;
    }
    s->rate = rate;
    s->stop = stop;
    s->zero_us = start_us;
    s->speed = 1;
    if (open_file(s, path, error))
        return s;
    media_audio_close(s);
    return NULL;
}

bool media_audio_seek(struct media_audio *s, int64_t time_us)
{
    int64_t to = av_sat_add64(time_us, s->zero_us);
    s->first = s->count = 0;
    s->ended = false;
    avcodec_flush_buffers(s->decoder);
    media_resampler_uninit(&s->resampler);
    return avformat_seek_file(s->format, -1, INT64_MIN, to, to, 0) >= 0 ||
           avformat_seek_file(s->format, -1, INT64_MIN, to, INT64_MAX, 0) >= 0;
}

void media_audio_stretch(struct media_audio *s, double part)
{
    s->speed = 1 + part;
}

/* Makes the resampler ready for the decoded frame. */
static bool prepare(struct media_audio *s)
{
    const struct media_sound_format stereo = {.layout = AV_CHANNEL_LAYOUT_STEREO,
                                              .format = AV_SAMPLE_FMT_S16,
                                              .rate = s->rate,
                                              .variable = true};
    return media_resampler_fit(&s->resampler, s->frame, &stereo);
}

/* Converts the decoded frame into the buffer. */
static void convert(struct media_audio *s)
{
    const AVFrame *frame = s->frame;
    int max_count =
        prepare(s) ? swr_get_out_samples(s->resampler.swr, frame->nb_samples) : 0;
    if (max_count < 1 || max_count > INT_MAX / MEDIA_AUDIO_CHANNELS - STRETCH_OVER ||
        !daub_grow(&s->buffer, &s->capacity,
                   (size_t)(max_count + STRETCH_OVER) * MEDIA_AUDIO_CHANNELS,
                   sizeof(*s->buffer)))
        return;
    uint8_t *out = (uint8_t *)s->buffer;
    double held_us = (double)swr_get_delay(s->resampler.swr, 1000000);
    int more = (int)lrint(-(s->speed - 1) * STRETCH_OVER);
    if (swr_set_compensation(s->resampler.swr, more, more ? STRETCH_OVER : 0) < 0)
        s->speed = 1;
    int count = swr_convert(s->resampler.swr, &out, max_count + STRETCH_OVER,
                            (const uint8_t **)frame->extended_data, frame->nb_samples);
    if (count <= 0)
        return;
    int64_t pts = frame->best_effort_timestamp;
    double time_us =
        (double)pts * av_q2d(s->stream->time_base) * 1e6 - (double)s->zero_us - held_us;
    if (pts != AV_NOPTS_VALUE && fabs(time_us) < TIME_MAX_US)
        s->time_us = time_us;
    s->first = 0;
    s->count = count;
}

/* Decodes until there is something to read, or the end. */
static void fill(struct media_audio *s)
{
    while (s->count == 0 && !s->ended && !atomic_load(s->stop)) {
        int code = avcodec_receive_frame(s->decoder, s->frame);
        if (code >= 0) {
            convert(s);
        } else if (code == AVERROR(EAGAIN)) {
            code = av_read_frame(s->format, s->packet);
            bool mine = code >= 0 && s->packet->stream_index == s->stream->index;
            if (code < 0)
                avcodec_send_packet(s->decoder, NULL);
            else if (mine)
                avcodec_send_packet(s->decoder, s->packet); /* errors are ignored */
            av_packet_unref(s->packet);
        } else {
            s->ended = true;
        }
    }
}

int media_audio_read(struct media_audio *s, int16_t *samples, int count, int64_t *time_us)
{
    fill(s);
    *time_us = (int64_t)s->time_us;
    if (count > s->count)
        count = s->count;
    size_t from = (size_t)s->first * MEDIA_AUDIO_CHANNELS;
    for (size_t i = 0; i < (size_t)count * MEDIA_AUDIO_CHANNELS; i++)
        samples[i] = s->buffer[from + i];
    s->first += count;
    s->count -= count;
    s->time_us += 1e6 * s->speed * count / s->rate;
    return count;
}
