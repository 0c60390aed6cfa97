/* Reads the finished file again to check that nothing was lost. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/mathematics.h>

#include "media/mux.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

static const AVRational nanoseconds = {1, 1000000000};

struct reading {
    AVFormatContext *format;
    int video;    /* index of the painted stream; -1: not seen yet */
    int64_t *pts; /* video stream's time base */
    size_t count, capacity;
    bool untimed; /* a packet without pts came */
    int64_t audio_packets;
    int audio;           /* index of the first audio stream; -1: not seen yet */
    int64_t audio_first; /* its first pts; AV_NOPTS_VALUE: none */
};

static bool add_packet(struct reading *reading, const AVPacket *packet)
{
    const AVStream *stream = reading->format->streams[packet->stream_index];
    enum AVMediaType type = stream->codecpar->codec_type;
    if (type == AVMEDIA_TYPE_AUDIO) {
        reading->audio_packets++;
        if (reading->audio < 0 || packet->stream_index < reading->audio) {
            reading->audio = packet->stream_index;
            reading->audio_first = packet->pts;
        }
        return true;
    }
    if (type != AVMEDIA_TYPE_VIDEO || (stream->disposition & AV_DISPOSITION_ATTACHED_PIC))
        return true;
    if (reading->video < 0)
        reading->video = packet->stream_index;
    if (packet->stream_index != reading->video || (packet->flags & AV_PKT_FLAG_DISCARD))
        return true;
    if (!daub_grow(&reading->pts, &reading->capacity, reading->count + 1,
                   sizeof(*reading->pts)))
        return false;
    reading->untimed = reading->untimed || packet->pts == AV_NOPTS_VALUE;
    reading->pts[reading->count++] = packet->pts;
    return true;
}

static bool read_all(struct reading *reading, const char *url,
                     const struct media_interrupt *interrupt)
{
    AVPacket *packet = av_packet_alloc();
    bool ok = packet && avformat_open_input(&reading->format, url, NULL, NULL) >= 0;
    int code = 0;
    /* demuxers of single images see one picture in an animation */
    if (ok && strstr(reading->format->iformat->name, "_pipe"))
        ok = false;
    while (ok && (code = av_read_frame(reading->format, packet)) >= 0) {
        ok = add_packet(reading, packet) &&
             !(interrupt && media_interrupt_late(interrupt));
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return ok && code == AVERROR_EOF && reading->count > 0;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static int64_t tick_us(AVRational base)
{
    return av_rescale_rnd(base.num, 1000000, base.den, AV_ROUND_UP);
}

/* Times are compared from the first frame on: a container may shift all times by the same
 * amount. */
static void compare_times(const struct reading *reading,
                          const struct media_container *container,
                          const struct media_time *frames, AVRational base,
                          struct media_report *report)
{
    AVRational out_base = reading->format->streams[reading->video]->time_base;
    int64_t in_zero = av_rescale_q(frames[0].pts, base, nanoseconds);
    int64_t out_zero = av_rescale_q(reading->pts[0], out_base, nanoseconds);
    int64_t worst = 0;
    for (size_t i = 0; i < reading->count; i++) {
        int64_t in = av_rescale_q(frames[i].pts, base, nanoseconds) - in_zero;
        int64_t out = av_rescale_q(reading->pts[i], out_base, nanoseconds) - out_zero;
        if (distance(in, out) > worst)
            worst = distance(in, out);
    }
    report->times_known = true;
    report->pts_error_us = (worst + 500) / 1000;
    /* rounded durations add up */
    report->pts_tick_us =
        tick_us(out_base) * (container->summed ? (int64_t)reading->count : 1);
}

static void compare_offset(const struct media_mux *mux, const struct reading *reading,
                           const struct media_time *frames, AVRational base,
                           struct media_report *report)
{
    const struct mux_copy *copy = NULL;
    for (unsigned i = 0; i < mux->copy_count && !copy; i++) {
        if (mux->copies[i].to >= 0 && mux->copies[i].first_pts != AV_NOPTS_VALUE &&
            mux->copies[i].type == AVMEDIA_TYPE_AUDIO)
            copy = &mux->copies[i];
    }
    if (!copy || reading->audio < 0 || reading->audio_first == AV_NOPTS_VALUE)
        return;
    AVRational video_base = reading->format->streams[reading->video]->time_base;
    AVRational audio_base = reading->format->streams[reading->audio]->time_base;
    int64_t in = av_rescale_q(copy->first_pts, copy->time_base, nanoseconds) -
                 av_rescale_q(frames[0].pts, base, nanoseconds);
    int64_t out = av_rescale_q(reading->audio_first, audio_base, nanoseconds) -
                  av_rescale_q(reading->pts[0], video_base, nanoseconds);
    report->offset_known = true;
    report->offset_error_us = (distance(in, out) + 500) / 1000;
    report->offset_tick_us = tick_us(video_base) + tick_us(audio_base);
    if (copy->recoder) { /* some containers have no place for the encoder's delay */
        const AVCodecContext *encoder = media_recoder_encoder(copy->recoder);
        report->offset_tick_us +=
            av_rescale_q(encoder->initial_padding, (AVRational){1, encoder->sample_rate},
                         AV_TIME_BASE_Q);
    }
}

/* Streams of a kind whose codec the demuxer recognizes. */
static int count_kind(const AVFormatContext *format, enum AVMediaType type)
{
    int count = 0;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *par = format->streams[i]->codecpar;
        count += par->codec_type == type && par->codec_id != AV_CODEC_ID_NONE &&
                 par->codec_id != AV_CODEC_ID_BIN_DATA;
    }
    return count;
}

/* Streams of a kind of which packets were written. */
static int count_written(const struct media_mux *mux, enum AVMediaType type)
{
    int count = 0;
    for (unsigned i = 0; i < mux->copy_count; i++)
        count += mux->copies[i].type == type && mux->copies[i].packets > 0;
    return count;
}

/* Tells of sound and subtitles that were stored as something that nothing plays. */
static void check_kinds(const struct media_mux *mux, const struct reading *reading)
{
    static const enum AVMediaType types[] = {AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_SUBTITLE};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        int written = count_written(mux, types[i]);
        int found = count_kind(reading->format, types[i]);
        if (found < written)
            daub_log(DAUB_LOG_WARNING,
                     "%d %s streams were written to %s, but only %d can be read back; "
                     "write .mkv to keep them",
                     written, av_get_media_type_string(types[i]), mux->output.file.path,
                     found);
    }
}

void media_verify(const struct media_mux *mux, const struct media_time *frames,
                  size_t count, AVRational base, struct media_report *report)
{
    struct reading reading = {.video = -1, .audio = -1, .audio_first = AV_NOPTS_VALUE};
    for (unsigned i = 0; i < mux->copy_count; i++) {
        /* raw audio may be split into packets of another size */
        if (mux->copies[i].type == AVMEDIA_TYPE_AUDIO && !mux->copies[i].raw &&
            !mux->container->late_packets)
            report->packets_in += mux->copies[i].packets;
    }
    bool read = mux->output.readable && count > 0 &&
                read_all(&reading, mux->output.readable, mux->interrupt);
    if (read && mux->container->late_packets && reading.count < count)
        read = false; /* the demuxer's fault */
    if (read) {
        report->read_back = true;
        report->frames_out = (int64_t)reading.count;
        report->packets_out = reading.audio_packets;
        check_kinds(mux, &reading);
        if (!reading.untimed && reading.count == count) {
            qsort(reading.pts, reading.count, sizeof(*reading.pts), ascending);
            compare_times(&reading, mux->container, frames, base, report);
            compare_offset(mux, &reading, frames, base, report);
        }
    } else if (mux->output.readable && count > 0) {
        daub_log(DAUB_LOG_VERBOSE, "%s cannot be read back to be verified",
                 mux->output.file.path);
    }
    free(reading.pts);
    avformat_close_input(&reading.format);
}

int64_t media_count_frames(const char *path, const struct media_interrupt *interrupt)
{
    struct reading reading = {.video = -1, .audio = -1, .audio_first = AV_NOPTS_VALUE};
    char *url = av_asprintf("file:%s", path);
    if (url)
        read_all(&reading, url, interrupt);
    av_free(url);
    free(reading.pts);
    avformat_close_input(&reading.format);
    return media_interrupt_late(interrupt) ? -1 : (int64_t)reading.count;
}

bool media_report_holds(const struct media_report *report, struct daub_error *error)
{
    if (report->frames_out != report->frames_in)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "%" PRId64 " frames went in, %" PRId64 " came out",
                         report->frames_in, report->frames_out);
    if (report->times_known && report->pts_error_us > report->pts_tick_us)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "frame times are off by up to %.3f ms; a container such as .mkv "
                         "or .mp4 keeps them",
                         (double)report->pts_error_us / 1e3);
    /* a millisecond, to which some containers round the codec's delay */
    if (report->offset_known && report->offset_error_us > report->offset_tick_us + 1000)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "sound is off by %.3f ms against the picture",
                         (double)report->offset_error_us / 1e3);
    return true;
}
