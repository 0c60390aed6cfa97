#include "media/recoder.h"

#include <limits.h>
#include <stdlib.h>

#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>

#include "media/avlog.h"
#include "media/compat.h"
#include "media/resampler.h"
#include "util/alloc.h"
#include "util/error.h"

enum {
    GAP_US = AV_TIME_BASE /
             10, /* shorter gaps come from rounded time stamps and are not filled */
    SILENCE_US = 60 * AV_TIME_BASE, /* a longer gap stays one in the time stamps */
    BITRATE = 96000,   /* bits a second for each channel, of codecs with losses */
    SLOW_RATE = 32000, /* below it, MPEG sound has no such bit rates */
    TEXT_BYTES = 1 << 20,
    FRAME_SAMPLES = 1024, /* of encoders that take any number */
};

struct media_recoder {
    AVCodecContext *decoder, *encoder;
    AVRational from_base;
    AVFrame *frame; /* decoded */
    int64_t damaged;
    bool ended;
    /* sound */
    struct media_resampler resampler;
    AVAudioFifo *samples; /* in the encoder's format */
    int64_t next_pts; /* of the first sample in it, 1/rate; AV_NOPTS_VALUE: none yet */
    /* text */
    AVPacket *text;    /* encoded, not yet received; NULL: none */
    AVPacket *blank;   /* of MP4: ends the previous text; received before text */
    int64_t shown_end; /* of the previous text; AV_NOPTS_VALUE: none */
};

/* ---- opening ---- */

static bool open_decoder(struct media_recoder *r, const AVStream *from)
{
    const AVCodec *codec = avcodec_find_decoder(from->codecpar->codec_id);
    r->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!r->decoder || avcodec_parameters_to_context(r->decoder, from->codecpar) < 0)
        return false;
    r->decoder->pkt_timebase = from->time_base;
    return avcodec_open2(r->decoder, codec, NULL) >= 0;
}

static int nearest_rate(const AVCodec *codec, int rate)
{
    const int *rates = media_codec_sample_rates(codec);
    int best = rates ? 0 : rate;
    for (; rates && *rates; rates++) {
        bool closer = abs(*rates - rate) < abs(best - rate);
        /* a higher rate loses nothing */
        if (best == 0 || (best < rate ? *rates > best : *rates >= rate && closer))
            best = *rates;
    }
    return best;
}

/* The layout, or the one of the encoder with as many channels, or stereo. */
static bool choose_layout(AVCodecContext *encoder, const AVChannelLayout *wanted)
{
    const AVChannelLayout *layouts = media_codec_layouts(encoder->codec);
    const AVChannelLayout *best = NULL, *stereo = NULL;
    for (; layouts && layouts->nb_channels; layouts++) {
        if (av_channel_layout_compare(layouts, wanted) == 0)
            best = layouts;
        if (layouts->nb_channels == wanted->nb_channels && !best)
            best = layouts;
        if (layouts->nb_channels == 2)
            stereo = layouts;
    }
    best = best ? best : stereo;
    if (best)
        return av_channel_layout_copy(&encoder->ch_layout, best) >= 0;
    if (wanted->order == AV_CHANNEL_ORDER_UNSPEC || wanted->nb_channels > 8) {
        av_channel_layout_default(&encoder->ch_layout,
                                  wanted->nb_channels > 8 ? 2 : wanted->nb_channels);
        return true;
    }
    return av_channel_layout_copy(&encoder->ch_layout, wanted) >= 0;
}

static enum AVSampleFormat choose_format(const AVCodec *codec, enum AVSampleFormat wanted)
{
    const enum AVSampleFormat *formats = media_codec_sample_formats(codec);
    enum AVSampleFormat best = formats ? *formats : wanted;
    for (; formats && *formats != AV_SAMPLE_FMT_NONE; formats++) {
        if (av_get_packed_sample_fmt(*formats) == av_get_packed_sample_fmt(wanted))
            return *formats;
        if (av_get_bytes_per_sample(*formats) > av_get_bytes_per_sample(best))
            best = *formats;
    }
    return best;
}

static bool open_sound_encoder(struct media_recoder *r, const AVCodec *codec, int rate)
{
    AVCodecContext *encoder = r->encoder;
    const AVCodecContext *decoder = r->decoder;
    const AVCodecDescriptor *desc = avcodec_descriptor_get(codec->id);
    const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
    if (decoder->sample_rate <= 0 || decoder->ch_layout.nb_channels <= 0)
        return false;
    encoder->sample_rate = rate ? rate : nearest_rate(codec, decoder->sample_rate);
    encoder->sample_fmt = choose_format(codec, decoder->sample_fmt);
    if (!choose_layout(encoder, rate ? &stereo : &decoder->ch_layout))
        return false;
    encoder->time_base = (AVRational){1, encoder->sample_rate};
    bool lossy = desc && !(desc->props & AV_CODEC_PROP_LOSSLESS);
    if (lossy && encoder->sample_rate >= SLOW_RATE)
        encoder->bit_rate = (int64_t)BITRATE * encoder->ch_layout.nb_channels;
    if (!lossy)
        encoder->bits_per_raw_sample = decoder->bits_per_raw_sample;
    return true;
}

static bool open_text_encoder(struct media_recoder *r)
{
    AVCodecContext *encoder = r->encoder;
    const AVCodecContext *decoder = r->decoder;
    encoder->time_base = AV_TIME_BASE_Q;
    if (!decoder->subtitle_header)
        return false;
    encoder->subtitle_header = av_mallocz((size_t)decoder->subtitle_header_size + 1);
    if (!encoder->subtitle_header)
        return false;
    memcpy(encoder->subtitle_header, decoder->subtitle_header,
           (size_t)decoder->subtitle_header_size);
    encoder->subtitle_header_size = decoder->subtitle_header_size;
    return true;
}

static bool open_encoder(struct media_recoder *r, const AVCodec *codec, int rate,
                         bool global_header)
{
    bool sound = codec && codec->type == AVMEDIA_TYPE_AUDIO;
    r->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!r->encoder)
        return false;
    r->encoder->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (global_header)
        r->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (sound ? !open_sound_encoder(r, codec, rate) : !open_text_encoder(r))
        return false;
    if (avcodec_open2(r->encoder, codec, NULL) < 0)
        return false;
    if (sound)
        r->samples = av_audio_fifo_alloc(
            r->encoder->sample_fmt, r->encoder->ch_layout.nb_channels, FRAME_SAMPLES);
    return !sound || r->samples;
}

/* The better one where FFmpeg has several encoders. */
static const AVCodec *find_encoder(enum AVCodecID id)
{
    const char *name = id == AV_CODEC_ID_OPUS     ? "libopus"
                       : id == AV_CODEC_ID_VORBIS ? "libvorbis"
                                                  : NULL;
    const AVCodec *codec = name ? avcodec_find_encoder_by_name(name) : NULL;
    return codec ? codec : avcodec_find_encoder(id);
}

struct media_recoder *media_recoder_open(const AVStream *from, enum AVCodecID codec,
                                         int rate, bool global_header)
{
    struct media_recoder *r = daub_alloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->from_base = from->time_base;
    r->next_pts = r->shown_end = AV_NOPTS_VALUE;
    r->frame = av_frame_alloc();
    media_log_forget();
    if (r->frame && open_decoder(r, from) &&
        open_encoder(r, find_encoder(codec), rate, global_header))
        return r;
    media_recoder_free(r);
    return NULL;
}

const AVCodecContext *media_recoder_encoder(const struct media_recoder *r)
{
    return r->encoder;
}

int64_t media_recoder_damaged(const struct media_recoder *r)
{
    return r->damaged;
}

void media_recoder_free(struct media_recoder *r)
{
    if (!r)
        return;
    avcodec_free_context(&r->decoder);
    avcodec_free_context(&r->encoder);
    av_frame_free(&r->frame);
    av_packet_free(&r->text);
    av_packet_free(&r->blank);
    media_resampler_uninit(&r->resampler);
    av_audio_fifo_free(r->samples);
    free(r);
}

/* ---- sound ---- */

/* Makes the resampler ready for the decoded frame. */
static bool fit_resampler(struct media_recoder *r)
{
    const struct media_sound_format to = {.layout = r->encoder->ch_layout,
                                          .format = r->encoder->sample_fmt,
                                          .rate = r->encoder->sample_rate};
    return media_resampler_fit(&r->resampler, r->frame, &to);
}

/* Moves what the resampler makes of count input samples, or holds, to the fifo. */
static bool resample(struct media_recoder *r, const uint8_t **data, int count)
{
    int room = swr_get_out_samples(r->resampler.swr, count);
    if (room <= 0)
        return room == 0;
    uint8_t **out = NULL;
    int made = av_samples_alloc_array_and_samples(
        &out, NULL, r->encoder->ch_layout.nb_channels, room, r->encoder->sample_fmt, 0);
    if (made >= 0)
        made = swr_convert(r->resampler.swr, out, room, data, count);
    bool ok = made >= 0 && av_audio_fifo_write(r->samples, (void **)out, made) >= made;
    if (out)
        av_freep(&out[0]);
    av_freep(&out);
    return ok;
}

/* Fills a gap before the decoded frame with silence. */
static bool close_gap(struct media_recoder *r)
{
    int64_t pts = r->frame->best_effort_timestamp;
    AVRational rate = {1, r->encoder->sample_rate};
    if (pts == AV_NOPTS_VALUE) {
        r->next_pts = r->next_pts == AV_NOPTS_VALUE ? 0 : r->next_pts;
        return true;
    }
    int64_t start = av_rescale_q(pts, r->from_base, rate);
    if (r->next_pts == AV_NOPTS_VALUE) {
        r->next_pts = start;
        return true;
    }
    int64_t end = r->next_pts + av_audio_fifo_size(r->samples) +
                  swr_get_delay(r->resampler.swr, r->encoder->sample_rate);
    int64_t gap_us = av_rescale_q(start - end, rate, AV_TIME_BASE_Q);
    if (gap_us > SILENCE_US)
        r->next_pts += start - end;
    else if (gap_us > GAP_US)
        return swr_inject_silence(
                   r->resampler.swr,
                   (int)av_rescale(gap_us, r->resampler.rate, AV_TIME_BASE)) >= 0;
    return true;
}

static bool add_samples(struct media_recoder *r)
{
    if (r->resampler.swr && r->resampler.rate != r->frame->sample_rate)
        resample(r, NULL, 0);
    return fit_resampler(r) && close_gap(r) &&
           resample(r, (const uint8_t **)r->frame->extended_data, r->frame->nb_samples);
}

/* Whether there is enough for a frame of the encoder. */
static bool has_frame(const struct media_recoder *r)
{
    int size = r->encoder->frame_size > 0 ? r->encoder->frame_size : FRAME_SAMPLES;
    return av_audio_fifo_size(r->samples) >= (r->ended ? 1 : size);
}

/* Sends the next frame of the fifo to the encoder. 0, or an AVERROR code. */
static int encode_samples(struct media_recoder *r)
{
    AVCodecContext *encoder = r->encoder;
    int size = encoder->frame_size > 0 ? encoder->frame_size : FRAME_SAMPLES;
    int left = av_audio_fifo_size(r->samples);
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return AVERROR(ENOMEM);
    frame->nb_samples = left < size ? left : size;
    frame->format = encoder->sample_fmt;
    frame->sample_rate = encoder->sample_rate;
    frame->pts = r->next_pts;
    bool ok = av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout) >= 0 &&
              av_frame_get_buffer(frame, 0) >= 0 &&
              av_audio_fifo_read(r->samples, (void **)frame->extended_data,
                                 frame->nb_samples) == frame->nb_samples;
    r->next_pts += frame->nb_samples;
    int code = ok ? avcodec_send_frame(encoder, frame) : AVERROR(ENOMEM);
    av_frame_free(&frame);
    return code;
}

static bool send_sound(struct media_recoder *r, const AVPacket *packet)
{
    int code = avcodec_send_packet(r->decoder, packet);
    if (code < 0 && code != AVERROR_EOF)
        r->damaged++;
    while ((code = avcodec_receive_frame(r->decoder, r->frame)) >= 0) {
        if (!add_samples(r))
            return false;
        av_frame_unref(r->frame);
    }
    if (!packet) {
        r->ended = true;
        if (r->resampler.swr && !resample(r, NULL, 0))
            return false;
    }
    return true;
}

/* ---- text ---- */

/* MP4 has no end of a text: an empty one takes its place. FFmpeg's muxer adds it, but not
 * in fragments. */
static bool add_blank(struct media_recoder *r, int64_t next_start)
{
    enum { BLANK_BYTES = 2 };
    if (r->encoder->codec_id != AV_CODEC_ID_MOV_TEXT || r->shown_end == AV_NOPTS_VALUE ||
        next_start <= r->shown_end)
        return true;
    r->blank = av_packet_alloc();
    if (!r->blank || av_new_packet(r->blank, BLANK_BYTES) < 0)
        return false;
    memset(r->blank->data, 0, BLANK_BYTES);
    r->blank->pts = r->blank->dts = r->shown_end;
    r->blank->duration = next_start == INT64_MAX ? 0 : next_start - r->shown_end;
    r->blank->flags |= AV_PKT_FLAG_KEY;
    return true;
}

static bool encode_text(struct media_recoder *r, const AVPacket *packet,
                        AVSubtitle *subtitle)
{
    int64_t pts = packet->pts == AV_NOPTS_VALUE ? packet->dts : packet->pts;
    AVRational ms = {1, 1000}, base = r->encoder->time_base;
    if (pts == AV_NOPTS_VALUE) {
        r->damaged++;
        return true;
    }
    int64_t start = av_rescale_q(pts, r->from_base, base) +
                    av_rescale_q(subtitle->start_display_time, ms, base);
    int64_t length =
        subtitle->end_display_time > subtitle->start_display_time &&
                subtitle->end_display_time != UINT32_MAX
            ? av_rescale_q(subtitle->end_display_time - subtitle->start_display_time, ms,
                           base)
            : av_rescale_q(packet->duration, r->from_base, base);
    AVPacket *made = r->text = av_packet_alloc();
    if (!made || av_new_packet(made, TEXT_BYTES) < 0)
        return false;
    subtitle->pts = av_rescale_q(start, base, AV_TIME_BASE_Q);
    subtitle->end_display_time -= subtitle->start_display_time;
    subtitle->start_display_time = 0;
    int size = avcodec_encode_subtitle(r->encoder, made->data, TEXT_BYTES, subtitle);
    if (size <= 0) {
        r->damaged += size < 0;
        av_packet_free(&r->text);
        return true;
    }
    av_shrink_packet(made, size);
    made->pts = made->dts = start;
    made->duration = length;
    made->flags |= AV_PKT_FLAG_KEY;
    bool ok = add_blank(r, start);
    r->shown_end = length > 0 ? start + length : AV_NOPTS_VALUE;
    return ok;
}

static bool send_text(struct media_recoder *r, const AVPacket *packet)
{
    AVSubtitle subtitle = {0};
    int got = 0;
    bool ok = true;
    if (!packet)
        return add_blank(r, INT64_MAX);
    AVPacket *copy = av_packet_clone(packet); /* the function's packet is not const */
    if (!copy)
        return false;
    if (avcodec_decode_subtitle2(r->decoder, &subtitle, &got, copy) < 0)
        r->damaged++;
    else if (got && subtitle.num_rects > 0)
        ok = encode_text(r, packet, &subtitle);
    if (got)
        avsubtitle_free(&subtitle);
    av_packet_free(&copy);
    return ok;
}

/* ---- both ---- */

bool media_recoder_send(struct media_recoder *r, const AVPacket *packet,
                        struct daub_error *error)
{
    bool sound = r->encoder->codec_type == AVMEDIA_TYPE_AUDIO;
    bool ok = sound ? send_sound(r, packet) : send_text(r, packet);
    return ok ||
           daub_fail(error, DAUB_ERROR_FAILED, "%s stream could not be encoded as %s: %s",
                     sound ? "a sound" : "a subtitle", r->encoder->codec->name,
                     media_error_cause(AVERROR(ENOMEM)));
}

int media_recoder_receive(struct media_recoder *r, AVPacket *packet,
                          struct daub_error *error)
{
    if (r->encoder->codec_type != AVMEDIA_TYPE_AUDIO) {
        AVPacket **next = r->blank ? &r->blank : &r->text;
        if (!*next)
            return 0;
        av_packet_move_ref(packet, *next);
        av_packet_free(next);
        return 1;
    }
    int code;
    while ((code = avcodec_receive_packet(r->encoder, packet)) == AVERROR(EAGAIN)) {
        if (has_frame(r))
            code = encode_samples(r);
        else if (r->ended)
            code = avcodec_send_frame(r->encoder, NULL);
        else
            return 0;
        if (code < 0)
            break;
    }
    if (code >= 0)
        return 1;
    if (code == AVERROR_EOF)
        return 0;
    daub_fail(error, DAUB_ERROR_FAILED, "encoder %s failed: %s", r->encoder->codec->name,
              media_error_cause(code));
    return -1;
}
