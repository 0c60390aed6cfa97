#include "media/source_lavf.h"

#include <libavutil/avstring.h>
#include <libavutil/mathematics.h>

#include "media/compat.h"

enum {
    GAP_FORWARD_US = 10 * AV_TIME_BASE, /* a gap that long is a new clock */
    GAP_BACK_US = AV_TIME_BASE / 10,
};
/* About 70 years: times since 1970 are possible, and sums of some fit 64 bits in every
 * time base. */
#define TIME_MAX_US (INT64_C(1) << 51)
/* Without a known duration: a gap that long is a damaged time. */
#define GAP_UNKNOWN_US (INT64_C(24) * 3600 * AV_TIME_BASE)

static bool measures_time(const AVStream *stream)
{
    enum AVMediaType type = stream->codecpar->codec_type;
    return (type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO) &&
           !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

/* Broadcast formats may restart their clock anywhere (AVFMT_TS_DISCONT), as in joined
 * recordings. The gap is closed for all streams alike, as ffmpeg does. */
static void close_restart(struct lavf *l, const AVStream *stream,
                          const struct lavf_clock *clock, int64_t dts_us)
{
    if (!(l->format->iformat->flags & AVFMT_TS_DISCONT) || !clock->seen)
        return;
    int64_t gap_us = dts_us + l->shift_us - clock->next_us;
    int64_t shift_us = l->shift_us - gap_us;
    if ((gap_us <= GAP_FORWARD_US && gap_us >= -GAP_BACK_US) || shift_us < -TIME_MAX_US ||
        shift_us > TIME_MAX_US)
        return;
    l->shift_us = shift_us;
    if (stream == l->video)
        l->clock_restarts++;
}

/* A time that is out of range is as good as none. */
static int64_t clamp(int64_t time, AVRational base)
{
    int64_t us =
        time == AV_NOPTS_VALUE ? INT64_MIN : av_rescale_q(time, base, AV_TIME_BASE_Q);
    return us < -TIME_MAX_US || us > TIME_MAX_US ? AV_NOPTS_VALUE : time;
}

static int64_t clamp_duration(int64_t duration, AVRational base)
{
    int64_t clamped = clamp(duration, base);
    return clamped == AV_NOPTS_VALUE || clamped < 0 ? 0 : clamped;
}

int64_t lavf_begin_us(const struct lavf *l)
{
    int64_t begin = clamp(l->format->start_time, AV_TIME_BASE_Q);
    return begin == AV_NOPTS_VALUE ? 0 : begin;
}

void lavf_time_packet(struct lavf *l, AVPacket *packet)
{
    const AVStream *stream = l->format->streams[packet->stream_index];
    packet->pts = clamp(packet->pts, stream->time_base);
    packet->dts = clamp(packet->dts, stream->time_base);
    packet->duration = clamp_duration(packet->duration, stream->time_base);
    struct lavf_clock *clock = &l->clocks[packet->stream_index];
    int64_t dts = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    bool timed = dts != AV_NOPTS_VALUE && measures_time(stream);
    int64_t dts_us = timed ? av_rescale_q(dts, stream->time_base, AV_TIME_BASE_Q) : 0;
    if (timed)
        close_restart(l, stream, clock, dts_us);
    int64_t shift =
        av_rescale_q(l->shift_us - l->offset_us, AV_TIME_BASE_Q, stream->time_base);
    if (packet->pts != AV_NOPTS_VALUE)
        packet->pts += shift;
    if (packet->dts != AV_NOPTS_VALUE)
        packet->dts += shift;
    int64_t length_us = av_rescale_q(packet->duration, stream->time_base, AV_TIME_BASE_Q);
    if (timed) {
        clock->seen = true;
        clock->next_us = dts_us + l->shift_us + length_us;
    }
    int64_t end_us = lavf_packet_us(l, packet);
    if (end_us == INT64_MIN)
        return;
    end_us += length_us;
    if (end_us > l->reached_us)
        l->reached_us = end_us;
    if (stream == l->video && end_us > l->video_reached_us)
        l->video_reached_us = end_us;
}

int64_t lavf_packet_us(const struct lavf *l, const AVPacket *packet)
{
    int64_t ts = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (ts == AV_NOPTS_VALUE)
        return INT64_MIN;
    return av_rescale_q(ts, l->format->streams[packet->stream_index]->time_base,
                        AV_TIME_BASE_Q);
}

bool lavf_is_hidden(struct lavf *l, const AVPacket *packet)
{
    /* of AAC; encoders prime with 1024 to 2624 samples */
    enum { PRIMING_PACKETS = 3 };
    struct lavf_clock *clock = &l->clocks[packet->stream_index];
    const AVStream *stream = l->format->streams[packet->stream_index];
    if (!(packet->flags & AV_PKT_FLAG_DISCARD) || packet->pts == AV_NOPTS_VALUE)
        return false;
    int64_t pts =
        packet->pts + av_rescale_q(l->offset_us, AV_TIME_BASE_Q, stream->time_base);
    if (!clock->begun) {
        clock->begun = true;
        clock->hidden = stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO ||
                        -pts > PRIMING_PACKETS * packet->duration;
    }
    return clock->hidden || pts >= 0;
}

int64_t lavf_image_pts(const struct lavf *l, size_t index)
{
    const struct media_sequence *s = &l->sequence;
    int64_t place = l->skip_gaps ? (int64_t)index : s->numbers[index] - s->numbers[0];
    return place * lavf_frame_step(l);
}

int64_t lavf_length_us(const struct lavf *l)
{
    const AVFormatContext *format = l->format;
    if (l->sequence.count)
        return av_rescale_q(lavf_image_pts(l, l->sequence.count - 1) + lavf_frame_step(l),
                            l->video->time_base, AV_TIME_BASE_Q);
    int64_t length = format->duration > 0 ? format->duration : 0;
    int64_t start = format->start_time != AV_NOPTS_VALUE ? format->start_time : 0;
    /* Matroska states the end, not the length from the first frame on */
    if (av_match_name("matroska", format->iformat->name) && start > 0 && length > start)
        length -= start;
    return length;
}

int64_t lavf_frame_step(const struct lavf *l)
{
    AVRational rate = l->source.info.frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = (AVRational){25, 1};
    int64_t step = av_rescale_q(1, av_inv_q(rate), l->video->time_base);
    return step > 0 ? step : 1;
}

/* Whether the time is so far behind the end of the input, or behind the previous frame
 * where that is unknown, that it must be damaged. */
static bool is_far_away(const struct lavf *l, int64_t pts)
{
    AVRational base = l->video->time_base;
    const AVFormatContext *format = l->format;
    if (l->last_pts == AV_NOPTS_VALUE)
        return false;
    int64_t gap_us = av_sat_sub64(av_rescale_q(pts, base, AV_TIME_BASE_Q),
                                  av_rescale_q(l->last_pts, base, AV_TIME_BASE_Q));
    bool estimated = format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE;
    if (format->duration <= 0 || estimated)
        return gap_us > GAP_UNKNOWN_US || gap_us < -GAP_UNKNOWN_US;
    return gap_us > av_sat_add64(format->duration, GAP_FORWARD_US);
}

enum lavf_keep lavf_time_frame(struct lavf *l, AVFrame *frame)
{
    AVRational base = l->video->time_base;
    int64_t pts = clamp(frame->best_effort_timestamp, base);
    int64_t duration = clamp_duration(media_frame_duration(frame), base);
    if (duration <= 0)
        duration = lavf_frame_step(l);
    if (pts == AV_NOPTS_VALUE || is_far_away(l, pts)) {
        pts = l->last_pts == AV_NOPTS_VALUE
                  ? av_rescale_q(-l->offset_us, AV_TIME_BASE_Q, base)
                  : l->last_pts + l->last_duration;
        l->pts_made++;
    }
    if (l->from_us != INT64_MIN &&
        av_compare_ts(pts, base, l->from_us, AV_TIME_BASE_Q) < 0) {
        l->last_pts = pts;
        l->last_duration = duration;
        return LAVF_BEFORE;
    }
    if (l->last_pts != AV_NOPTS_VALUE && pts <= l->last_pts) {
        /* a millisecond: the finest step that every container can tell apart */
        int64_t step = av_rescale_q(1, (AVRational){1, 1000}, base);
        pts = l->last_pts + (step > 0 ? step : 1);
        l->pts_moved++;
    }
    if (l->end_us != INT64_MAX &&
        av_compare_ts(pts, base, l->end_us, AV_TIME_BASE_Q) >= 0)
        return LAVF_AFTER;
    media_frame_set_duration(frame, duration);
    frame->pts = pts;
    l->last_pts = pts;
    l->last_duration = duration;
    return LAVF_KEEP;
}
