#include "media/source_lavf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "media/avlog.h"
#include "media/compat.h"
#include "util/alloc.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"

enum {
    HELD_MAX = 4096,                 /* packets; then the oldest is returned */
    HELD_BYTES_MAX = 64 << 20,       /* the same */
    ERRORS_IN_ROW_MAX = 64,          /* of demuxer or decoder; then reading ends */
    AGAIN_MS = 10,                   /* until a demuxer without data is asked again */
    TAIL_US = 5 * AV_TIME_BASE,      /* how far audio may be behind in a trimmed file */
    CUT_SHORT_US = AV_TIME_BASE / 4, /* less missing at the end is not reported */
};

static struct lavf *lavf_of(struct media_source *source)
{
    return container_of(source, struct lavf, source);
}

static bool wanted(const struct lavf *l, const AVStream *stream)
{
    enum AVMediaType type = stream->codecpar->codec_type;
    if (stream->discard == AVDISCARD_ALL)
        return false;
    if (type == AVMEDIA_TYPE_AUDIO)
        return l->source.info.audio;
    if (type == AVMEDIA_TYPE_SUBTITLE)
        return l->source.info.subtitles;
    if (type == AVMEDIA_TYPE_VIDEO)
        return stream->disposition & AV_DISPOSITION_ATTACHED_PIC;
    return type == AVMEDIA_TYPE_DATA;
}

/* Keeps a packet of a copied stream; cover images count as due at once. */
static bool hold(struct lavf *l, AVPacket *packet, struct daub_error *error)
{
    const AVStream *stream = l->format->streams[packet->stream_index];
    int64_t due = lavf_packet_us(l, packet);
    bool cover = stream->disposition & AV_DISPOSITION_ATTACHED_PIC;
    if (!wanted(l, stream) || (packet->flags & AV_PKT_FLAG_CORRUPT && !packet->size) ||
        lavf_is_hidden(l, packet))
        return true;
    if (!cover && due != INT64_MIN && (due < l->from_us || due >= l->end_us))
        return true;
    AVPacket *copy = av_packet_alloc();
    if (!copy ||
        !daub_grow(&l->held, &l->held_capacity, l->held_count + 1, sizeof(*l->held))) {
        av_packet_free(&copy);
        return daub_no_memory(error, "a packet");
    }
    av_packet_move_ref(copy, packet);
    l->held_bytes += (size_t)copy->size;
    l->held[l->held_count++] = copy;
    return true;
}

/* The first held packet that is due, in file order; NULL where none is. Packets after the
 * end, which --frames sets late, are dropped. */
static AVPacket *release(struct lavf *l)
{
    for (size_t i = 0; i < l->held_count; i++) {
        AVPacket *packet = l->held[i];
        int64_t due = lavf_packet_us(l, packet);
        bool cover = l->format->streams[packet->stream_index]->disposition &
                     AV_DISPOSITION_ATTACHED_PIC;
        bool late = !cover && due != INT64_MIN && due >= l->end_us;
        if (!cover && !late && !l->video_ended && due > l->last_us &&
            l->held_count <= HELD_MAX && l->held_bytes <= HELD_BYTES_MAX)
            continue;
        l->held_count--;
        l->held_bytes -= (size_t)packet->size;
        memmove(&l->held[i], &l->held[i + 1], (l->held_count - i) * sizeof(*l->held));
        if (!late)
            return packet;
        av_packet_free(&packet);
        i--;
    }
    return NULL;
}

/* In a trimmed file: whether every audio stream has been read up to the end. */
static bool tail_read(const struct lavf *l)
{
    if (l->end_us == INT64_MAX)
        return false;
    if (l->reached_us > l->end_us + TAIL_US)
        return true;
    for (unsigned i = 0; i < l->stream_count; i++) {
        const AVStream *stream = l->format->streams[i];
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && wanted(l, stream) &&
            l->clocks[i].seen && l->clocks[i].next_us - l->offset_us < l->end_us)
            return false;
    }
    return true;
}

static void end_of_file(struct lavf *l)
{
    l->demux_ended = true;
    if (!l->video_ended)
        avcodec_send_packet(l->decoder, NULL); /* drain: the last frames come now */
}

static void to_decoder(struct lavf *l)
{
    if (l->video_ended)
        return;
    lavf_picture_packet(l, l->packet);
    int code = avcodec_send_packet(l->decoder, l->packet);
    if (code < 0 && code != AVERROR(EAGAIN) && code != AVERROR_EOF) {
        l->packets_bad++;
        daub_log(DAUB_LOG_VERBOSE, "packet at %.3f s refused by the decoder: %s",
                 (double)l->last_us / 1e6, media_error_text(code));
    }
}

/* A stream that began after the others were found has no place in the outputs. */
static void tell_late_stream(struct lavf *l, const AVPacket *packet)
{
    const AVStream *stream = l->format->streams[packet->stream_index];
    const char *kind = av_get_media_type_string(stream->codecpar->codec_type);
    if (!l->told_late_stream)
        daub_log(
            DAUB_LOG_WARNING,
            "%s stream %d begins at %.1f s, long after the others, and is left out; "
            "\"ffmpeg -i\" with a large -analyzeduration and -c copy makes a file in "
            "which it begins with them",
            kind ? kind : "unknown", packet->stream_index,
            (double)(l->reached_us > 0 ? l->reached_us : 0) / 1e6);
    l->told_late_stream = true;
}

/* The next packet of the input. */
static int read_packet(struct lavf *l)
{
    if (l->sequence.count == 0)
        return av_read_frame(l->format, l->packet);
    size_t index = l->image++;
    int code = media_sequence_read(&l->sequence, index, l->packet);
    l->packet->stream_index = l->video->index;
    l->packet->pts = l->packet->dts = lavf_image_pts(l, index);
    l->packet->duration = lavf_frame_step(l);
    l->packet->flags |= AV_PKT_FLAG_KEY;
    return code;
}

/* Reads one packet and sends it to the decoder or to the held packets. */
static bool demux(struct lavf *l, struct daub_error *error)
{
    if (l->video_ended && tail_read(l)) {
        l->demux_ended = true;
        return true;
    }
    int code = read_packet(l);
    if (code == AVERROR(EAGAIN)) {
        daub_stop_wait(l->stop, AGAIN_MS);
        return true;
    }
    if (code < 0) {
        bool damaged = code == AVERROR_INVALIDDATA;
        if (damaged && ++l->errors_in_row < ERRORS_IN_ROW_MAX) {
            l->packets_bad++;
            return true;
        }
        /* demuxers call a file that ends too early an I/O error as well */
        if (code != AVERROR_EXIT && l->format->pb && l->format->pb->error < 0)
            l->read_error = l->format->pb->error;
        if (code == AVERROR(ENOMEM))
            l->read_error = code;
        end_of_file(l);
        return true;
    }
    l->errors_in_row = 0;
    bool ok = true;
    if ((unsigned)l->packet->stream_index < l->stream_count) {
        lavf_time_packet(l, l->packet);
        if (l->packet->stream_index == l->video->index)
            to_decoder(l);
        else
            ok = hold(l, l->packet, error);
    } else {
        tell_late_stream(l, l->packet);
    }
    av_packet_unref(l->packet);
    return ok;
}

/* One frame of the trimmed part, AGAIN where the decoder wants a packet, or END. */
static enum media_read decode(struct lavf *l, AVFrame **result, struct daub_error *error)
{
    AVFrame *frame = av_frame_alloc();
    if (!frame) {
        daub_no_memory(error, "a frame");
        return MEDIA_READ_ERROR;
    }
    enum media_read answer = MEDIA_READ_AGAIN;
    int errors = 0; /* in a row */
    while (answer == MEDIA_READ_AGAIN && !daub_stop_requested(l->stop)) {
        int code = lavf_picture_receive(l, &frame);
        if (code == AVERROR(EAGAIN) && !l->demux_ended)
            break;
        if (code == AVERROR_EOF || code == AVERROR(EAGAIN)) {
            answer = MEDIA_READ_END;
        } else if (code < 0) {
            l->packets_bad++;
            if (++errors == ERRORS_IN_ROW_MAX) {
                l->read_error = code;
                answer = MEDIA_READ_END;
            }
        } else {
            bool damaged =
                frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT);
            enum lavf_keep keep = lavf_time_frame(l, frame);
            l->skipped += keep == LAVF_BEFORE;
            if (keep == LAVF_KEEP)
                answer = MEDIA_READ_OK;
            else if (keep == LAVF_AFTER)
                answer = MEDIA_READ_END;
            l->frames_bad += damaged && keep == LAVF_KEEP;
        }
    }
    if (answer == MEDIA_READ_OK)
        *result = frame;
    else
        av_frame_free(&frame);
    return answer;
}

static void report_end(struct lavf *l)
{
    int64_t length = l->video->duration, reached = l->video_reached_us;
    int64_t start = l->video->start_time;
    AVRational base = l->video->time_base;
    if (length > 0) {
        length = av_rescale_q(av_sat_add64(length, start != AV_NOPTS_VALUE ? start : 0),
                              base, AV_TIME_BASE_Q);
    } else {
        length = lavf_length_us(l);
        start = l->format->start_time;
        reached = l->reached_us;
        if (length > 0 && start != AV_NOPTS_VALUE)
            length = av_sat_add64(length, start);
    }
    reached = av_sat_add64(reached, l->offset_us);
    bool estimated = l->format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE;
    l->source.broken = l->read_error != 0;
    if (l->read_error)
        daub_log(DAUB_LOG_WARNING,
                 "reading %s stopped at %.2f s: %s; painted the %" PRId64
                 " frames that were there",
                 l->path, (double)reached / 1e6, media_error_text(l->read_error),
                 l->frames);
    else if (length > 0 && !estimated && reached < av_sat_sub64(length, CUT_SHORT_US))
        daub_log(DAUB_LOG_WARNING,
                 "%s is cut short: it ends at %.2f s of %.2f s; painted the %" PRId64
                 " frames that were there",
                 l->path, (double)reached / 1e6, (double)length / 1e6, l->frames);
}

static void report(struct lavf *l)
{
    if (l->reported)
        return;
    l->reported = true;
    bool whole =
        l->end_us == INT64_MAX && !daub_stop_requested(l->stop) && l->sequence.count == 0;
    if (whole && l->frames > 0)
        report_end(l);
    if (l->packets_bad || l->frames_bad)
        daub_log(DAUB_LOG_WARNING,
                 "%s is damaged: packets that could not be decoded: %" PRId64
                 ", frames that were repaired: %" PRId64,
                 l->path, l->packets_bad, l->frames_bad);
    if (l->pts_made)
        daub_log(
            DAUB_LOG_WARNING,
            "frames without a time stamp, or with an impossible one, timed by the frame "
            "rate: %" PRId64,
            l->pts_made);
    if (l->pts_moved)
        daub_log(DAUB_LOG_WARNING,
                 "frames that did not come after the previous one, moved just behind it: "
                 "%" PRId64,
                 l->pts_moved);
    if (l->clock_restarts)
        daub_log(DAUB_LOG_WARNING, "restarts of the clock of %s, closed up: %" PRId64,
                 l->path, l->clock_restarts);
}

static void deliver(struct lavf *l, AVFrame *frame, struct media_item *item)
{
    item->frame = frame;
    l->frames++;
    l->last_us = av_rescale_q(frame->pts, l->video->time_base, AV_TIME_BASE_Q);
    if (l->frame_limit && l->frames == l->frame_limit) {
        int64_t end = av_rescale_q(frame->pts + media_frame_duration(frame),
                                   l->video->time_base, AV_TIME_BASE_Q);
        if (end < l->end_us)
            l->end_us = end;
        l->video_ended = true;
    }
}

static enum media_read lavf_read(struct media_source *source, struct media_item *item,
                                 struct daub_error *error)
{
    struct lavf *l = lavf_of(source);
    *item = (struct media_item){0};
    while (!daub_stop_requested(l->stop)) {
        AVFrame *frame = NULL;
        enum media_read answer = MEDIA_READ_AGAIN;
        item->packet = release(l);
        if (item->packet)
            return MEDIA_READ_OK;
        if (l->video_ended && l->demux_ended)
            break;
        if (l->first) {
            frame = l->first;
            l->first = NULL;
            answer = MEDIA_READ_OK;
        } else if (!l->video_ended) {
            answer = decode(l, &frame, error);
        }
        if (answer == MEDIA_READ_OK)
            deliver(l, frame, item);
        if (answer == MEDIA_READ_OK || answer == MEDIA_READ_ERROR)
            return answer;
        if (answer == MEDIA_READ_END)
            l->video_ended = true;
        else if (!demux(l, error))
            return MEDIA_READ_ERROR;
    }
    report(l);
    return MEDIA_READ_END;
}

static void lavf_destroy(struct media_source *source)
{
    struct lavf *l = lavf_of(source);
    lavf_close(l);
    free(l);
}

/* The first frame of the part that is wanted. */
static enum media_read first_frame(struct lavf *l, struct daub_error *error)
{
    enum media_read answer = MEDIA_READ_AGAIN;
    while (answer == MEDIA_READ_AGAIN && !daub_stop_requested(l->stop)) {
        answer = decode(l, &l->first, error);
        if (answer == MEDIA_READ_AGAIN && !demux(l, error))
            answer = MEDIA_READ_ERROR;
    }
    return answer;
}

/* Seeks to the start. Some formats seek to any packet, and the decoder then lacks a key
 * frame and drops frames. So this seeks further and further back until a frame before the
 * start, or exactly at it, is decoded. */
static enum media_read search_start(struct lavf *l, struct daub_error *error)
{
    static const int64_t back_us[] = {0, 2 * AV_TIME_BASE, 10 * AV_TIME_BASE,
                                      60 * AV_TIME_BASE, INT64_MAX / 2};
    int64_t wanted_pts = av_rescale_q(l->from_us, AV_TIME_BASE_Q, l->video->time_base);
    enum media_read answer = MEDIA_READ_END;
    for (size_t i = 0; i < sizeof(back_us) / sizeof(back_us[0]); i++) {
        bool beginning = false;
        if (!lavf_seek(l, back_us[i], &beginning)) {
            daub_log(DAUB_LOG_VERBOSE, "%s cannot seek; reading it from here", l->path);
            return first_frame(l, error);
        }
        answer = first_frame(l, error);
        bool right = l->skipped > 0 || beginning ||
                     (answer == MEDIA_READ_OK &&
                      l->first->pts <= wanted_pts + lavf_frame_step(l) / 2);
        if (right || answer == MEDIA_READ_ERROR || daub_stop_requested(l->stop))
            break;
        av_frame_free(&l->first);
    }
    return answer;
}

static bool lavf_seek_to(struct media_source *source, int64_t time_us,
                         struct daub_error *error)
{
    struct lavf *l = lavf_of(source);
    av_frame_free(&l->first);
    l->from_us = time_us;
    l->video_ended = false;
    enum media_read answer = search_start(l, error);
    l->video_ended = answer == MEDIA_READ_END;
    return answer != MEDIA_READ_ERROR;
}

static const struct media_source_ops lavf_ops = {
    .read = lavf_read, .seek = lavf_seek_to, .destroy = lavf_destroy};

static bool fail_no_frame(struct lavf *l, struct daub_error *error)
{
    if (daub_stop_requested(l->stop))
        return daub_fail(error, DAUB_ERROR_FAILED, "stopped while opening %s", l->path);
    if (l->from_us != INT64_MIN && !l->packets_bad)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "%s has no frame in the part that -ss, -to and -t select",
                         l->path);
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "cannot read %s: no frame could be decoded (%s)", l->path,
                     media_error_cause(AVERROR_INVALIDDATA));
}

static bool peek(struct lavf *l, bool search, struct daub_error *error)
{
    media_log_forget();
    enum media_read answer = search ? search_start(l, error) : first_frame(l, error);
    if (answer == MEDIA_READ_ERROR)
        return false;
    if (answer != MEDIA_READ_OK)
        return fail_no_frame(l, error);
    l->sample = av_frame_clone(l->first);
    if (!l->sample)
        return daub_no_memory(error, "a frame");
    l->source.info.sample = l->sample;
    return true;
}

struct media_source *media_source_open(const struct media_open_params *params,
                                       struct daub_error *error)
{
    struct lavf *l = daub_alloc(1, sizeof(*l));
    if (!l) {
        daub_no_memory(error, "a source");
        return NULL;
    }
    l->source.ops = &lavf_ops;
    bool search = params->has_start && params->start_us > 0;
    if (!lavf_open(l, params, error) || !peek(l, search, error)) {
        lavf_destroy(&l->source);
        return NULL;
    }
    if (params->only_packets) {
        av_frame_free(&l->first);
        l->video_ended = true;
        if (params->until_us && params->until_us < l->end_us)
            l->end_us = params->until_us;
    }
    return &l->source;
}
