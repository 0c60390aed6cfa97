/* Encodes into a container: file, stream or pipe. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/pixdesc.h>

#include "media/compat.h"
#include "media/encoder.h"
#include "media/loss.h"
#include "media/mux.h"
#include "media/sink_kinds.h"
#include "media/sink_thread.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

struct sink_encode {
    struct sink_thread base;
    struct media_encoder encoder;
    struct media_mux mux;
    const struct media_container *container;
    AVPacket *packet;
    AVRational in_base;
    bool no_verify;
    bool timeless; /* the container has no times at all */
    bool counts;   /* it counts frames, at a constant rate */
    bool stream;   /* a network stream, which may never end */
    /* of every frame pushed, in order; the sink's thread */
    struct media_time *times;
    size_t time_count, time_capacity;
    int64_t written;
    int64_t *ticks;  /* of a joined film: its frames' times in the encoder's time base */
    int64_t thinned; /* frames left out because they came too soon after another one */
};

static struct sink_encode *encode_of(struct sink_thread *base)
{
    return container_of(base, struct sink_encode, base);
}

/* Encoders drop the durations; the frame they belong to has the packet's pts. */
static int64_t duration_of(const struct sink_encode *self, int64_t pts)
{
    AVRational base = self->encoder.context->time_base;
    size_t low = 0, high = self->time_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (av_compare_ts(self->times[middle].pts, self->in_base, pts, base) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    int64_t duration = low < self->time_count ? self->times[low].duration : 0;
    return av_rescale_q(duration, self->in_base, base);
}

/* draining: the interrupt's deadline ends it, with packets left in the encoder. */
static bool write_packets(struct sink_encode *self, bool draining,
                          struct daub_error *error)
{
    int answer = 0;
    while (!(draining && media_interrupt_late(&self->base.interrupt)) &&
           (answer = media_encoder_receive(&self->encoder, self->packet, error)) > 0) {
        if (self->packet->duration <= 0)
            self->packet->duration = duration_of(self, self->packet->pts);
        if (!media_mux_video(&self->mux, self->packet, self->encoder.context->time_base,
                             error))
            return false;
        if (self->written++ == 0)
            daub_file_set_useful(&self->mux.output.file);
        atomic_store(&self->base.bytes, atomic_load(&self->mux.bytes));
    }
    return answer >= 0;
}

/* Time of the frame of that number, negative before the first. */
static int64_t tick_of(const struct sink_encode *self, int64_t number)
{
    int64_t step = self->time_count > 1 ? self->ticks[1] - self->ticks[0] : 1;
    return number < 0 ? self->ticks[0] + number * step : self->ticks[number];
}

/* A painted packet of a joined film. */
static bool join_packet(struct sink_encode *self, AVPacket *packet,
                        struct daub_error *error)
{
    AVRational base = self->encoder.context->time_base;
    const struct media_time *time = &self->times[packet->pts];
    packet->duration = av_rescale_q(time->duration, self->in_base, base);
    packet->pts = tick_of(self, packet->pts);
    packet->dts = tick_of(self, packet->dts);
    self->base.report.frames_in++;
    if (!media_mux_video(&self->mux, packet, base, error))
        return false;
    if (self->written++ == 0)
        daub_file_set_useful(&self->mux.output.file);
    return true;
}

static bool is_joined(const struct sink_encode *self, int input_stream)
{
    return self->ticks && input_stream == self->mux.input->video_stream;
}

static bool encode_packet(struct sink_thread *base, AVPacket *packet,
                          struct daub_error *error)
{
    struct sink_encode *self = encode_of(base);
    bool ok = is_joined(self, packet->stream_index)
                  ? join_packet(self, packet, error)
                  : media_mux_copy(&self->mux, packet, error);
    atomic_store(&base->bytes, atomic_load(&self->mux.bytes));
    return ok;
}

static AVRational least_step(const struct sink_encode *self)
{
    AVRational tick = self->container->tick;
    tick.num *= self->container->least_ticks;
    return tick;
}

/* Whether the container cannot show the frame for long enough after the previous one,
 * which then is shown longer. */
static bool is_too_soon(struct sink_encode *self, const AVFrame *frame)
{
    AVRational tick = self->container->tick;
    if (self->container->least_ticks == 0 || self->time_count == 0)
        return false;
    struct media_time *last = &self->times[self->time_count - 1];
    int64_t step = av_rescale_q(frame->pts, self->in_base, tick) -
                   av_rescale_q(last->pts, self->in_base, tick);
    if (step >= self->container->least_ticks)
        return false;
    last->duration = frame->pts - last->pts + media_frame_duration(frame);
    return true;
}

/* Says before painting that frames will be left out. */
static void tell_thinning(const struct sink_encode *self,
                          const struct media_sink_params *params)
{
    AVRational rate = media_input_rate(params->input), least = least_step(self);
    if (least.num == 0 || rate.num <= 0 || rate.den <= 0 ||
        av_cmp_q(av_inv_q(rate), least) >= 0)
        return;
    media_loss(DAUB_LOG_WARNING,
               "%s: of %.5g frames a second some are left out, because %s shows each for "
               "%.0f ms at least; .apng and .mp4 keep all",
               params->path, av_q2d(rate), self->mux.format->oformat->name,
               av_q2d(least) * 1e3);
}

static bool encode_frame(struct sink_thread *base, const AVFrame *frame,
                         struct daub_error *error)
{
    struct sink_encode *self = encode_of(base);
    if (is_too_soon(self, frame)) {
        self->thinned++;
        base->report.frames_in--;
        return true;
    }
    if (!daub_grow(&self->times, &self->time_capacity, self->time_count + 1,
                   sizeof(*self->times)))
        return daub_no_memory(error, "frame times");
    enum { TIMES_KEPT = 256 }; /* more than an encoder keeps */
    if (self->stream && self->time_count == 2 * TIMES_KEPT) {
        memcpy(self->times, self->times + TIMES_KEPT, TIMES_KEPT * sizeof(*self->times));
        self->time_count = TIMES_KEPT;
    }
    self->times[self->time_count++] =
        (struct media_time){.pts = frame->pts, .duration = media_frame_duration(frame)};
    return media_encoder_send(&self->encoder, frame, error) &&
           write_packets(self, false, error);
}

static bool uneven(const struct sink_encode *self)
{
    for (size_t i = 2; i < self->time_count; i++) {
        const struct media_time *t = &self->times[i];
        int64_t step = t[0].pts - t[-1].pts, previous = t[-1].pts - t[-2].pts;
        if (step > previous + 1 || step < previous - 1) /* one tick of rounding */
            return true;
    }
    return false;
}

static void report_end(struct sink_encode *self)
{
    struct media_report *report = &self->base.report;
    report->frames_out = self->written;
    report->bytes = atomic_load(&self->mux.bytes);
    if (self->mux.refused)
        daub_log(DAUB_LOG_WARNING,
                 "%" PRId64 " packets of sound or subtitles were refused by %s",
                 self->mux.refused, self->mux.format->oformat->name);
    if (self->thinned)
        daub_log(DAUB_LOG_VERBOSE,
                 "%" PRId64 " frames of %s came too soon and are left out", self->thinned,
                 self->base.sink.name);
    if (self->counts && uneven(self))
        daub_log(
            DAUB_LOG_WARNING,
            "%s counts frames and keeps no times, but those of the input are uneven; "
            ".mkv and .mp4 keep them",
            self->mux.format->oformat->name);
    if (!self->no_verify)
        media_verify(&self->mux, self->times,
                     self->timeless || self->stream ? 0 : self->time_count, self->in_base,
                     report);
    if (report->read_back && report->packets_out < report->packets_in)
        daub_log(DAUB_LOG_WARNING,
                 "%" PRId64 " sound packets went in, %" PRId64 " came out",
                 report->packets_in, report->packets_out);
}

/* Writes what the encoder still holds, unless the deadline has passed. */
static bool drain(struct sink_encode *self, struct daub_error *error)
{
    if (self->ticks || media_interrupt_late(&self->base.interrupt))
        return true;
    return media_encoder_send(&self->encoder, NULL, error) &&
           write_packets(self, true, error);
}

/* Frames that stayed in the encoder at the deadline never went in. */
static void forget_undrained(struct sink_encode *self)
{
    struct media_report *report = &self->base.report;
    if (!media_interrupt_late(&self->base.interrupt) ||
        self->written >= report->frames_in)
        return;
    atomic_fetch_add(&self->base.frames_dropped, report->frames_in - self->written);
    report->frames_in = self->written;
    self->time_count = 0;
}

/* Leaves the file as unfinished and says in the report what can be played of it. */
static void keep_unfinished(struct sink_encode *self)
{
    struct media_report *report = &self->base.report;
    char where[PATH_MAX];
    const struct media_output *output = &self->mux.output;
    bool several = output->files.folder != NULL;
    if (several && output->readable &&
        media_count_frames(output->readable + strlen("file:"), &self->base.interrupt) ==
            0)
        return; /* uninit removes it */
    if ((!output->file.temp && !several) ||
        !media_output_keep(&self->mux.output, where, sizeof(where)))
        return;
    report->frames_out = media_count_frames(where, &self->base.interrupt);
    if (report->frames_out < 0 || (several && report->frames_out == 0))
        report->frames_out = self->written;
    if (report->frames_out == 0) {
        unlink(where);
        return;
    }
    snprintf(report->kept, sizeof(report->kept),
             "%.900s is unfinished; its %" PRId64 " frames are in %.900s",
             self->base.sink.name, report->frames_out, where);
}

static bool encode_end(struct sink_thread *base, bool whole, struct daub_error *error)
{
    struct sink_encode *self = encode_of(base);
    /* A file without frames is not completed; destroy removes it. */
    if (self->time_count == 0 &&
        (!whole || self->mux.output.file.temp || self->mux.output.files.folder))
        return true;
    bool drained = drain(self, error);
    if (self->time_count)
        self->mux.last_us = av_rescale_q(self->times[self->time_count - 1].duration,
                                         self->in_base, AV_TIME_BASE_Q);
    bool ok = media_mux_end(&self->mux, error) && drained;
    if (!ok || !whole) {
        keep_unfinished(self);
        return ok;
    }
    forget_undrained(self);
    report_end(self);
    return media_output_commit(&self->mux.output, error);
}

static bool encode_push_packet(struct media_sink *sink, const AVPacket *packet)
{
    const struct sink_encode *self = encode_of(sink_thread_of(sink));
    bool wanted = is_joined(self, packet->stream_index) ||
                  media_mux_copies(&self->mux, packet->stream_index);
    return !wanted || sink_thread_push_packet(sink, packet);
}

static void encode_finish(struct media_sink *sink, bool whole)
{
    if (encode_of(sink_thread_of(sink))->stream)
        sink_thread_interrupt(sink);
    sink_thread_finish(sink, whole);
}

static void encode_destroy(struct sink_thread *base)
{
    struct sink_encode *self = encode_of(base);
    media_mux_uninit(&self->mux);
    media_encoder_uninit(&self->encoder);
    av_packet_free(&self->packet);
    free(self->times);
    free(self->ticks);
    free(self);
}

static const struct media_sink_ops encode_sink_ops = {
    .push = sink_thread_push,
    .push_packet = encode_push_packet,
    .interrupt = sink_thread_interrupt,
    .finish = encode_finish,
    .join = sink_thread_join,
    .bytes = sink_thread_bytes,
    .destroy = sink_thread_destroy,
};
static const struct sink_thread_ops encode_thread_ops = {.frame = encode_frame,
                                                         .packet = encode_packet,
                                                         .end = encode_end,
                                                         .destroy = encode_destroy};

/* What the film needs at least, in bytes; 0 where unknown. */
static double least_bytes(const struct sink_encode *self,
                          const struct media_sink_params *params)
{
    const AVCodecContext *context = self->encoder.context;
    const AVCodecDescriptor *codec = avcodec_descriptor_get(context->codec_id);
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(context->pix_fmt);
    double samples =
               (double)context->width * context->height * (double)params->input->frames,
           seconds = (double)params->input->duration_us / 1e6;
    if (params->encode.bitrate)
        return (double)params->encode.bitrate / 8 * seconds / 2;
    if (context->codec_id == AV_CODEC_ID_RAWVIDEO)
        return samples * av_get_bits_per_pixel(format) / 8;
    /* bits per pixel: a low guess, so that the warning is right where it comes */
    bool lossy = codec && (codec->props & AV_CODEC_PROP_LOSSY);
    return samples * (lossy ? 0.02 : 1) / 8;
}

static bool check_space(const struct sink_encode *self,
                        const struct media_sink_params *params, struct daub_error *error)
{
    uint64_t there = daub_file_free_bytes(&self->mux.output.file);
    double least = least_bytes(self, params);
    char free_text[24], need_text[24];
    if (there == 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: the disk is full",
                         params->path);
    daub_text_bytes(free_text, sizeof(free_text), there);
    daub_text_bytes(need_text, sizeof(need_text), (uint64_t)least);
    if ((double)there < least)
        daub_log(DAUB_LOG_WARNING,
                 "%s: %s are free on its disk, but the film may need more than %s",
                 params->path, free_text, need_text);
    return true;
}

/* Takes the times of a film whose packets are ready. */
static bool set_up_join(struct sink_encode *self, const struct media_joined *joined,
                        struct daub_error *error)
{
    const AVCodecContext *context = self->encoder.context;
    const AVCodecParameters *codec = joined->codec;
    if (context->codec_id != codec->codec_id || context->width != codec->width ||
        context->height != codec->height ||
        context->extradata_size != codec->extradata_size ||
        (codec->extradata_size > 0 &&
         memcmp(context->extradata, codec->extradata, (size_t)codec->extradata_size)))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "the segments were not encoded as %s needs it here: encoder, "
                         "size or parameters differ; name the film as the plan does, or "
                         "plan it again",
                         self->base.sink.name);
    self->times = daub_alloc(joined->count, sizeof(*self->times));
    self->ticks = daub_alloc(joined->count, sizeof(*self->ticks));
    if (!self->times || !self->ticks)
        return daub_no_memory(error, "frame times");
    memcpy(self->times, joined->times, joined->count * sizeof(*self->times));
    self->time_count = joined->count;
    for (size_t i = 0; i < joined->count; i++)
        self->ticks[i] = media_encoder_time(&self->encoder, self->times[i].pts);
    return true;
}

static bool set_up(struct sink_encode *self, const struct media_sink_params *params,
                   const AVOutputFormat *container, struct daub_error *error)
{
    const struct media_encode_options *encode = &params->encode;
    /* what the encoder works for */
    const AVOutputFormat *film =
        encode->part_of ? media_container_find(encode->part_of, params->path, error)
                        : container;
    const AVCodec *codec =
        film ? media_encoder_find(encode->encoder, film, params->path, error) : NULL;
    if (!codec)
        return false;
    self->no_verify = encode->no_verify;
    self->container = media_container_of(film);
    self->timeless = self->container->timeless || (film->flags & AVFMT_NOTIMESTAMPS);
    self->counts = self->timeless || self->container->counts;
    struct media_encoder_setup setup = {
        .codec = codec,
        .options = &params->encode,
        .frame = params->frame,
        .time_base = params->input->time_base,
        .frame_rate = media_input_rate(params->input),
        .tick = self->container->tick,
        .no_hdr = self->container->pictures && !self->timeless,
        .constant_rate = self->counts,
        .no_reordering = self->container->in_order,
        .global_header = film->flags & AVFMT_GLOBALHEADER,
    };
    self->in_base = setup.time_base;
    self->packet = av_packet_alloc();
    if (!self->packet)
        return daub_no_memory(error, "a packet");
    if (!media_encoder_open(&self->encoder, &setup, error))
        return false;
    if (params->input->sample && !encode->part_of)
        media_encoder_explain(codec, params->input->sample, &self->encoder.want);
    if ((encode->joined && !set_up_join(self, encode->joined, error)) ||
        !media_mux_open(&self->mux, container, params->path, params->replace,
                        &self->base.interrupt, error) ||
        !check_space(self, params, error))
        return false;
    self->mux.video_only = encode->part_of != NULL;
    self->mux.bit_exact = encode->part_of || encode->joined;
    /* the options that are left are the container's; those of a film's are not a part's
     */
    return media_mux_start(&self->mux, self->encoder.context, params->frame,
                           params->input, &self->encoder.unused, error) &&
           (encode->part_of || media_options_used_up(self->encoder.unused, codec->name,
                                                     container->name, error)) &&
           (tell_thinning(self, params), true);
}

struct media_sink *sink_encode_open(const struct media_sink_params *params,
                                    const AVOutputFormat *container,
                                    struct daub_error *error)
{
    struct sink_encode *self = daub_alloc(1, sizeof(*self));
    if (!self) {
        daub_no_memory(error, "an output");
        return NULL;
    }
    self->base.sink.name = params->path;
    self->stream = params->encode.stream;
    /* A network stream drops frames, so that its reader cannot stall the other outputs.
     */
    if (sink_thread_init(&self->base, &encode_sink_ops, &encode_thread_ops,
                         self->stream ? DAUB_QUEUE_DROP_OLDEST : DAUB_QUEUE_BLOCK,
                         error) &&
        set_up(self, params, container, error) && sink_thread_start(&self->base, error))
        return &self->base.sink;
    sink_thread_destroy(&self->base.sink);
    return NULL;
}
