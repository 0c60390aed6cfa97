#include "media/mux.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/avstring.h>
#include <libavutil/opt.h>

#include "media/avlog.h"
#include "media/compat.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

static bool fail_write(const struct media_mux *mux, int code, struct daub_error *error)
{
    const struct daub_error *refused = &mux->output.files.error;
    if (refused->status != DAUB_OK)
        return daub_fail(error, refused->status, "%s", refused->message);
    return daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s",
                     mux->output.file.path,
                     code == AVERROR_EXIT ? "its reader does not read"
                     : code == AVERROR(EINVAL) || code == AVERROR_INVALIDDATA
                         ? media_error_cause(code)
                         : media_error_text(code));
}

const AVOutputFormat *media_container_find(const char *format, const char *path,
                                           struct daub_error *error)
{
    const AVOutputFormat *found = NULL;
    if (format) {
        const char *name = strcmp(format, "mkv") == 0   ? "matroska"
                           : strcmp(format, "y4m") == 0 ? "yuv4mpegpipe"
                           : strcmp(format, "ts") == 0  ? "mpegts"
                                                        : format;
        found = av_guess_format(name, NULL, NULL);
        if (!found)
            daub_fail(
                error, DAUB_ERROR_ARGUMENT,
                "-f %s: this FFmpeg writes no such format; \"ffmpeg -muxers\" lists "
                "them",
                format);
        return found;
    }
    if (media_path_is_stdout(path))
        return av_guess_format("yuv4mpegpipe", NULL, NULL);
    if (av_strstart(path, "rtmp", NULL))
        return av_guess_format("flv", NULL, NULL);
    if (av_strstart(path, "udp:", NULL) || av_strstart(path, "srt:", NULL) ||
        av_strstart(path, "tcp:", NULL))
        return av_guess_format("mpegts", NULL, NULL);
    found = av_guess_format(NULL, path, NULL);
    if (!found)
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "%s: the name does not determine a format; use an extension such as "
                  ".mp4, .mkv or .png, or add -f FORMAT",
                  path);
    return found;
}

static int is_late(void *opaque)
{
    return media_interrupt_late(opaque);
}

static int open_url(struct media_mux *mux, const char *path)
{
    AVDictionary *options = NULL;
    /* A file on a disk has no peer that could keep the program from ending. */
    if (!mux->output.file.temp)
        mux->format->interrupt_callback =
            (AVIOInterruptCB){is_late, (void *)mux->interrupt};
    if (av_strstart(path, "udp:", NULL))
        av_dict_set(&options, "pkt_size", "1316", 0); /* whole packets of MPEG-TS */
    /* what is written must reach the disk or the peer soon, also if the program is killed
     */
    mux->format->flags |= AVFMT_FLAG_FLUSH_PACKETS;
    if (media_path_is_stream(path))
        mux->format->max_delay = 0;
    int code = avio_open2(&mux->format->pb, mux->output.url, AVIO_FLAG_WRITE,
                          &mux->format->interrupt_callback, &options);
    av_dict_free(&options);
    return code;
}

bool media_mux_open(struct media_mux *mux, const AVOutputFormat *container,
                    const char *path, bool replace,
                    const struct media_interrupt *interrupt, struct daub_error *error)
{
    *mux = (struct media_mux){.interrupt = interrupt,
                              .container = media_container_of(container)};
    atomic_init(&mux->bytes, 0);
    bool several = output_files_needed(container) && !media_path_is_url(path);
    if ((container->flags & AVFMT_NOFILE) && !several && !media_path_is_stream(path))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s: format %s opens files or devices of its own, which daub "
                         "does not support; hls, dash and segment are",
                         path, container->name);
    if (!media_output_open(&mux->output, path, several, replace, error))
        return false;
    if (avformat_alloc_output_context2(&mux->format, container, NULL, mux->output.url) <
        0)
        return daub_no_memory(error, "a container");
    mux->format->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (several && !output_files_attach(&mux->output.files, mux->format))
        return daub_no_memory(error, "a name");
    if (several || (container->flags & AVFMT_NOFILE))
        return true;
    if (mux->output.is_pipe) {
        if (!media_pipe_writer(&mux->pipe, mux->output.descriptor,
                               mux->output.descriptor < 0 ? mux->output.file.path : NULL,
                               interrupt, error))
            return false;
        mux->format->pb = mux->pipe.io;
        mux->format->flags |= AVFMT_FLAG_CUSTOM_IO;
        return true;
    }
    int code = open_url(mux, path);
    return code >= 0 ? true : fail_write(mux, code, error);
}

/* NULL: the muxer has no such option. */
static const AVOption *find_option(const struct media_mux *mux, const char *name)
{
    return mux->format->oformat->priv_class
               ? av_opt_find(mux->format->priv_data, name, NULL, 0, 0)
               : NULL;
}

/* Edit lists of MP4 count in the movie's time scale, 1/1000 s by default, too coarse to
 * keep the offset of audio and video exactly. */
static void set_movie_timescale(struct media_mux *mux, AVDictionary **options)
{
    enum { TIMESCALE_MAX = 10000000 };
    int64_t scale = mux->video->time_base.den;
    for (unsigned i = 0; i < mux->format->nb_streams; i++) {
        const AVCodecParameters *par = mux->format->streams[i]->codecpar;
        if (par->codec_type != AVMEDIA_TYPE_AUDIO || par->sample_rate <= 0)
            continue;
        int64_t both =
            scale / av_gcd(scale, par->sample_rate) * (int64_t)par->sample_rate;
        if (both <= TIMESCALE_MAX)
            scale = both;
    }
    if (find_option(mux, "movie_timescale") && scale > 1000 && scale <= TIMESCALE_MAX)
        av_dict_set_int(options, "movie_timescale", scale, AV_DICT_DONT_OVERWRITE);
}

/* Tags of Apple's cameras, such as the place, need another form than the usual ones. */
static void set_mov_flags(struct media_mux *mux, AVDictionary **options)
{
    const AVDictionaryEntry *apple =
        av_dict_get(mux->format->metadata, "com.apple.", NULL, AV_DICT_IGNORE_SUFFIX);
    /* its header is written before the sound's priming is known */
    if (strcmp(mux->format->oformat->name, "ismv") == 0)
        av_dict_set(options, "movflags", "+delay_moov", AV_DICT_APPEND);
    if (apple && mux->container->quicktime)
        av_dict_set(options, "movflags", "+use_metadata_tags", AV_DICT_APPEND);
}

static bool add_video(struct media_mux *mux, const AVCodecContext *encoder,
                      const struct media_source_info *input, struct daub_error *error)
{
    AVStream *stream = mux->video = avformat_new_stream(mux->format, NULL);
    if (!stream || avcodec_parameters_from_context(stream->codecpar, encoder) < 0)
        return daub_no_memory(error, "a stream");
    stream->time_base = encoder->time_base;
    stream->avg_frame_rate = stream->r_frame_rate = encoder->framerate;
    stream->sample_aspect_ratio = encoder->sample_aspect_ratio;
    /* the tag that Apple's players need */
    if (encoder->codec_id == AV_CODEC_ID_HEVC && mux->container->turns)
        stream->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
    if (input->container)
        stream->disposition = input->container->streams[input->video_stream]->disposition;
    return true;
}

bool media_mux_start(struct media_mux *mux, const AVCodecContext *encoder,
                     const AVFrame *frame_template, const struct media_source_info *input,
                     AVDictionary **options, struct daub_error *error)
{
    mux->input = input;
    if (!add_video(mux, encoder, input, error))
        return false;
    if (!mux->video_only &&
        (!mux_add_copies(mux, error) || !mux_describe(mux, frame_template, error)))
        return false;
    if (mux->bit_exact)
        mux->format->flags |= AVFMT_FLAG_BITEXACT;
    set_movie_timescale(mux, options);
    set_mov_flags(mux, options);
    /* a second is what a kill may cost */
    bool clusters = strcmp(mux->format->oformat->name, "matroska") == 0 ||
                    strcmp(mux->format->oformat->name, "webm") == 0;
    if (mux->output.file.temp && clusters)
        av_dict_set(options, "cluster_time_limit", "1000", AV_DICT_DONT_OVERWRITE);
    if (mux->output.file.temp)
        mux->index = mp4_index_open(mux->format, options);
    media_log_forget();
    int code = avformat_write_header(mux->format, options);
    if (code >= 0 && mux->format->pb) {
        avio_flush(mux->format->pb);
        code = mux->format->pb->error;
        if (code < 0)
            return fail_write(mux, code, error);
    }
    if (code == AVERROR(EINVAL) || code == AVERROR_INVALIDDATA ||
        code == AVERROR_PATCHWELCOME || code == AVERROR(ENOSYS))
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s: format %s cannot hold this: %s",
                         mux->output.file.path, mux->format->oformat->name,
                         media_error_cause(code));
    mux->header_written = code >= 0;
    return mux->header_written ? true : fail_write(mux, code, error);
}

/* Consumes the reference, also on failure. The muxer keeps packets until it has later
 * ones of every stream; many bytes are written without that. */
static int write_packet(struct media_mux *mux, AVPacket *packet)
{
    enum { WAITING_BYTES_MAX = 64 << 20 };
    media_log_forget();
    bool video = packet->stream_index == mux->video->index;
    mux->waiting_bytes = video ? 0 : mux->waiting_bytes + (size_t)packet->size;
    if (mux->index)
        mp4_index_add(mux->index, packet,
                      mux->format->streams[packet->stream_index]->time_base);
    int code = av_interleaved_write_frame(mux->format, packet);
    if (code >= 0 && mux->waiting_bytes > WAITING_BYTES_MAX) {
        code = av_interleaved_write_frame(mux->format, NULL);
        if (mux->index)
            mp4_index_flush(mux->index);
        mux->waiting_bytes = 0;
    }
    if (mux->format->pb) {
        if (mux->format->pb->error < 0)
            code = mux->format->pb->error;
        int64_t at = avio_tell(mux->format->pb);
        if (at > 0)
            atomic_store(&mux->bytes, (unsigned long long)at);
    }
    return code;
}

bool media_mux_video(struct media_mux *mux, AVPacket *packet, AVRational base,
                     struct daub_error *error)
{
    av_packet_rescale_ts(packet, base, mux->video->time_base);
    packet->stream_index = mux->video->index;
    int code = write_packet(mux, packet);
    return code >= 0 ? true : fail_write(mux, code, error);
}

/* Muxers need decoding times, and growing ones. */
static void repair_times(const AVStream *to, struct mux_copy *copy, AVPacket *packet)
{
    if (packet->dts == AV_NOPTS_VALUE)
        packet->dts = packet->pts != AV_NOPTS_VALUE ? packet->pts
                      : copy->last_dts != AV_NOPTS_VALUE
                          ? copy->last_dts + (packet->duration > 0 ? packet->duration : 1)
                          : 0;
    bool equal_is_fine = to->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE;
    if (copy->last_dts != AV_NOPTS_VALUE &&
        (packet->dts < copy->last_dts ||
         (!equal_is_fine && packet->dts == copy->last_dts)))
        packet->dts = copy->last_dts + !equal_is_fine;
    if (packet->pts == AV_NOPTS_VALUE || packet->pts < packet->dts)
        packet->pts = packet->dts;
    copy->last_dts = packet->dts;
}

/* What has to be added to the times of a copied stream, in its own time base. */
static int64_t missing_delay(const struct media_mux *mux, const AVStream *to)
{
    const AVCodecParameters *par = to->codecpar;
    const char *name = mux->format->oformat->name;
    bool matroska = strcmp(name, "matroska") == 0 || strcmp(name, "webm") == 0;
    if (MEDIA_MATROSKA_ADDS_DELAY || !matroska || par->codec_id != AV_CODEC_ID_OPUS)
        return 0;
    return av_rescale_q(par->initial_padding, (AVRational){1, 48000}, to->time_base);
}

bool media_mux_copies(const struct media_mux *mux, int input_stream)
{
    return input_stream >= 0 && (unsigned)input_stream < mux->copy_count &&
           mux->copies[input_stream].to >= 0;
}

/* Writes a packet of a copied stream, with times in copy->time_base. */
static bool write_copy(struct media_mux *mux, struct mux_copy *copy, AVPacket *packet,
                       struct daub_error *error)
{
    AVStream *to = mux->format->streams[copy->to];
    if (copy->first_pts == AV_NOPTS_VALUE)
        copy->first_pts = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    av_packet_rescale_ts(packet, copy->time_base, to->time_base);
    int64_t delay = missing_delay(mux, to);
    if (packet->pts != AV_NOPTS_VALUE)
        packet->pts += delay;
    if (packet->dts != AV_NOPTS_VALUE)
        packet->dts += delay;
    repair_times(to, copy, packet);
    packet->stream_index = copy->to;
    packet->pos = -1;
    bool payload = packet->size > 0; /* else it holds only new parameters */
    int code = write_packet(mux, packet);
    bool failed = mux->format->pb && mux->format->pb->error < 0;
    if (code >= 0)
        copy->packets += payload;
    else if (failed || code == AVERROR(ENOMEM) || code == AVERROR(EPIPE))
        return fail_write(mux, code, error);
    else
        mux->refused++; /* one damaged packet must not end the conversion */
    return true;
}

/* Writes a packet that is decoded and encoded; NULL: what the encoder still holds. */
static bool recode(struct media_mux *mux, struct mux_copy *copy, const AVPacket *packet,
                   struct daub_error *error)
{
    AVPacket *made = av_packet_alloc();
    if (!made)
        return daub_no_memory(error, "a packet");
    bool ok = media_recoder_send(copy->recoder, packet, error);
    int answer = 0;
    while (ok && (answer = media_recoder_receive(copy->recoder, made, error)) > 0) {
        ok = write_copy(mux, copy, made, error);
        av_packet_unref(made);
    }
    av_packet_free(&made);
    return ok && answer == 0;
}

bool media_mux_copy(struct media_mux *mux, AVPacket *packet, struct daub_error *error)
{
    struct mux_copy *copy = &mux->copies[packet->stream_index];
    return copy->recoder ? recode(mux, copy, packet, error)
                         : write_copy(mux, copy, packet, error);
}

/* Writes what the encoders of sound still hold. */
static bool drain_recoders(struct media_mux *mux, struct daub_error *error)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < mux->copy_count; i++) {
        struct mux_copy *copy = &mux->copies[i];
        if (!copy->recoder)
            continue;
        ok = recode(mux, copy, NULL, error);
        int64_t damaged = media_recoder_damaged(copy->recoder);
        if (damaged)
            daub_log(DAUB_LOG_WARNING,
                     "packets of stream %u that could not be decoded: %" PRId64, i,
                     damaged);
    }
    return ok;
}

/* 0, or the AVERROR code of the last writes. */
static int close_output(struct media_mux *mux)
{
    if (mux->pipe.io) {
        mux->format->pb = NULL;
        return media_pipe_close(&mux->pipe);
    }
    if (mux->format && mux->format->pb && !(mux->format->oformat->flags & AVFMT_NOFILE))
        return avio_closep(&mux->format->pb);
    return 0;
}

/* Animations state how long a frame is shown with the next one; the last has an option.
 */
static void set_last_delay(struct media_mux *mux)
{
    const AVOption *option = find_option(mux, "final_delay");
    int64_t value = 0;
    AVRational rational = {0, 1};
    if (!option || mux->last_us <= 0)
        return;
    if (option->type == AV_OPT_TYPE_RATIONAL) {
        av_opt_get_q(mux->format->priv_data, "final_delay", 0, &rational);
        if (rational.num > 0) /* given by the user */
            return;
        av_reduce(&rational.num, &rational.den, mux->last_us, AV_TIME_BASE, UINT16_MAX);
        av_opt_set_q(mux->format->priv_data, "final_delay", rational, 0);
    } else if (av_opt_get_int(mux->format->priv_data, "final_delay", 0, &value) >= 0 &&
               value < 0) { /* not given by the user */
        av_opt_set_int(mux->format->priv_data, "final_delay",
                       av_rescale_q(mux->last_us, AV_TIME_BASE_Q, (AVRational){1, 100}),
                       0);
    }
}

bool media_mux_end(struct media_mux *mux, struct daub_error *error)
{
    bool drained = drain_recoders(mux, error);
    set_last_delay(mux);
    media_log_forget();
    int code = av_write_trailer(mux->format);
    if (mux->format->pb) {
        if (code >= 0)
            code = mux->format->pb->error;
        int64_t size = avio_size(mux->format->pb);
        if (size > 0)
            atomic_store(&mux->bytes, (unsigned long long)size);
    }
    int close_code = close_output(mux);
    if (code >= 0)
        code = close_code;
    if (code >= 0 && mux->index && !mp4_index_finish(mux->index, mux->output.file.fd))
        daub_log(DAUB_LOG_VERBOSE, "%s stays fragmented", mux->output.file.path);
    struct stat info;
    if (mux->output.files.folder)
        atomic_store(&mux->bytes, output_files_bytes(&mux->output.files));
    if (mux->output.file.fd >= 0 && fstat(mux->output.file.fd, &info) == 0)
        atomic_store(&mux->bytes, (unsigned long long)info.st_size);
    return code >= 0 ? drained : fail_write(mux, code, error);
}

void media_mux_uninit(struct media_mux *mux)
{
    close_output(mux);
    avformat_free_context(mux->format);
    mux->format = NULL;
    mp4_index_free(mux->index);
    mux->index = NULL;
    media_output_uninit(&mux->output);
    for (unsigned i = 0; mux->copies && i < mux->copy_count; i++)
        media_recoder_free(mux->copies[i].recoder);
    free(mux->copies);
    mux->copies = NULL;
}
