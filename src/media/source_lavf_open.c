#include "media/source_lavf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavdevice/avdevice.h>
#include <libavutil/avstring.h>

#include "media/avlog.h"
#include "media/graph_policy.h"
#include "media/loss.h"
#include "media/path.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/input.h"
#include "util/log.h"

enum {
    THREADS_MAX = 8,
    OPENS_MAX =
        256, /* files and URLs that a playlist may open before its first picture */
};

static int interrupted(void *opaque)
{
    return daub_stop_requested(opaque);
}

/* Standard input and named pipes, whose reads FFmpeg's own code would not interrupt. */
static bool open_pipe(struct lavf *l, const char *path, struct daub_error *error)
{
    if (!media_pipe_reader(&l->pipe, STDIN_FILENO, path, l->stop, error))
        return false;
    l->format->pb = l->pipe.io;
    return true;
}

static bool is_named_pipe(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISFIFO(info.st_mode);
}

/* Checks a path before FFmpeg opens it. *pattern: it names many images. */
static bool check_file(const char *path, bool *pattern, struct daub_error *error)
{
    struct stat info;
    *pattern = false;
    if (stat(path, &info) != 0) {
        int cause = errno;
        *pattern = cause == ENOENT && av_filename_number_test(path);
        if (*pattern)
            return true;
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot read %s: %s", path,
                         strerror(cause));
    }
    if (S_ISDIR(info.st_mode))
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "%s is a folder; give a file, or a pattern such as "
                         "%s/%%04d.png",
                         path, path);
    if (S_ISREG(info.st_mode) && info.st_size == 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "%s is empty (0 bytes)", path);
    if (access(path, R_OK) != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot read %s: %s", path,
                         strerror(errno));
    return true;
}

static bool fail_playlist(const struct lavf *l, struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "cannot read %s: it opens over %d other files before its first "
                     "picture; is it a playlist that contains itself?",
                     l->path, OPENS_MAX);
}

static bool fail_input(const struct lavf *l, int code, struct daub_error *error)
{
    if (code == AVERROR_EXIT)
        return daub_fail(error, DAUB_ERROR_FAILED, "stopped while opening %s", l->path);
    /* FFmpeg answers that memory ran out where it opens no more streams */
    if (code == AVERROR(ENOMEM) && strstr(media_error_cause(code), "max_streams"))
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "cannot read %s: it has more streams than FFmpeg opens",
                         l->path);
    if (code == AVERROR(ENOMEM))
        return daub_no_memory(error, "the input");
    if (l->opens > OPENS_MAX)
        return fail_playlist(l, error);
    const char *cause = media_error_cause(code);
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "cannot read %s: it is no video or image that FFmpeg knows (%s)",
                     l->path, cause);
}

/* Remembers each file that the demuxer opens: segments of a playlist, images. Limits
 * their number while the input is opened: playlists may contain themselves. */
static int io_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                   AVDictionary **options)
{
    struct lavf *l = format->opaque;
    if (!l->decoder && ++l->opens > OPENS_MAX)
        return AVERROR(EMFILE);
    media_path_visit_files(url, daub_input_add);
    return l->io_open(format, io, url, flags, options);
}

/* patient: much of the file is read to find streams that begin late. */
static bool open_format(struct lavf *l, const char *path,
                        const struct media_open_params *params, bool patient,
                        struct daub_error *error)
{
    enum { PROBE_BYTES = 200 << 20, PROBE_US = 300 * AV_TIME_BASE };
    const AVInputFormat *kind = NULL;
    const char *frame_rate = params->frame_rate;
    bool stdin_used = strcmp(path, "-") == 0, pattern = false;
    /* an existing file of that very name comes first */
    bool literal = !stdin_used && access(path, F_OK) == 0;
    bool graph = !literal && av_strstart(path, "lavfi:", &path);
    bool file = literal || (!stdin_used && !graph && !media_path_is_url(path));
    if (graph && !params->allow_filters && !media_graph_is_harmless(path, error))
        return false;
    if (file && !check_file(path, &pattern, error))
        return false;
    if (pattern && !media_sequence_open(&l->sequence, path, error))
        return false;
    l->format = avformat_alloc_context();
    if (!l->format)
        return daub_no_memory(error, "the input");
    if (patient) {
        l->format->probesize = PROBE_BYTES;
        l->format->max_analyze_duration = PROBE_US;
    }
    l->format->interrupt_callback = (AVIOInterruptCB){interrupted, l->stop};
    l->format->opaque = l;
    l->io_open = l->format->io_open;
    l->format->io_open = io_open;
    bool named_pipe = file && is_named_pipe(path);
    if ((stdin_used || named_pipe) && !open_pipe(l, named_pipe ? path : NULL, error))
        return false;
    /* "file:" keeps a name such as "a:b.mp4" from being taken for a URL */
    char *url = av_asprintf("%s%s", file ? "file:" : "", stdin_used ? "pipe:0" : path);
    if (!url)
        return daub_no_memory(error, "the input");
    AVDictionary *options = NULL;
    if (frame_rate)
        av_dict_set(&options, "framerate", frame_rate, 0);
    /* FFmpeg's own rule for pipes: a playlist must not reach files or the network */
    if (l->pipe.io)
        av_dict_set(&options, "protocol_whitelist", "crypto,data", 0);
    if (pattern)
        av_dict_set_int(&options, "start_number", l->sequence.numbers[0], 0);
    else if (file && strchr(path, '%'))
        av_dict_set(&options, "pattern_type", "none", 0);
    if (graph)
        avdevice_register_all();
    if (graph || pattern)
        kind = av_find_input_format(graph ? "lavfi" : "image2");
    media_log_forget();
    int code = avformat_open_input(&l->format, url, kind, &options);
    if (code >= 0 && av_dict_get(options, "framerate", NULL, 0))
        daub_log(DAUB_LOG_WARNING, "-framerate has no effect on %s, which states its own",
                 l->path);
    av_dict_free(&options);
    av_free(url);
    return code >= 0 ? true : fail_input(l, code, error);
}

static bool is_text_art(enum AVCodecID codec)
{
    /* FFmpeg draws text files as pictures, which no user expects */
    return codec == AV_CODEC_ID_ANSI || codec == AV_CODEC_ID_BINTEXT ||
           codec == AV_CODEC_ID_XBIN || codec == AV_CODEC_ID_IDF;
}

static bool fail_no_video(const struct lavf *l, struct daub_error *error)
{
    bool audio = av_find_best_stream(l->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0;
    bool cover = av_find_best_stream(l->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0) >= 0;
    if (l->opens > OPENS_MAX) /* FFmpeg leaves out what it could not open */
        return fail_playlist(l, error);
    return daub_fail(error, DAUB_ERROR_FAILED, "%s has %s no moving picture to paint",
                     l->path,
                     audio   ? cover ? "sound and a cover image but" : "sound but"
                     : cover ? "a cover image but"
                             : "");
}

/* Opens the input and finds its streams; where one of a file is late, once more. */
static bool open_streams(struct lavf *l, const char *path,
                         const struct media_open_params *params, struct daub_error *error)
{
    for (int patient = 0; patient <= 1; patient++) {
        avformat_close_input(&l->format);
        l->opens = 0;
        bool opened = open_format(l, path, params, patient, error);
        daub_input_add_open_files();
        if (!opened)
            return false;
        media_log_forget();
        int code = lavf_find_stream_info(l->format, params->pixels);
        if (code < 0)
            return fail_input(l, code, error);
        bool file = l->format->pb && (l->format->pb->seekable & AVIO_SEEKABLE_NORMAL);
        if (!file || l->sequence.count || !lavf_is_incomplete(l->format))
            break;
    }
    return true;
}

static bool choose_streams(struct lavf *l, struct daub_error *error)
{
    l->video = lavf_choose_video(l->format);
    if (!l->video)
        return fail_no_video(l, error);
    if (is_text_art(l->video->codecpar->codec_id))
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "cannot read %s: it is a text file, not a video", l->path);
    lavf_discard_others(l);
    l->stream_count = l->format->nb_streams;
    l->clocks = daub_alloc(l->stream_count, sizeof(*l->clocks));
    return l->clocks ? true : daub_no_memory(error, "the input");
}

static bool open_decoder(struct lavf *l, const struct media_open_params *params,
                         struct daub_error *error)
{
    const AVCodecParameters *par = l->video->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    if (!codec)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "cannot decode %s: this FFmpeg has no decoder for %s", l->path,
                         avcodec_get_name(par->codec_id));
    l->decoder = avcodec_alloc_context3(codec);
    if (!l->decoder || avcodec_parameters_to_context(l->decoder, par) < 0)
        return daub_no_memory(error, "the input");
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    l->decoder->thread_count = params->threads            ? params->threads
                               : processors < 1           ? 1
                               : processors > THREADS_MAX ? THREADS_MAX
                                                          : (int)processors;
    l->decoder->pkt_timebase = l->video->time_base;
    l->decoder->framerate = l->source.info.frame_rate;
    if (params->pixels)
        l->decoder->max_pixels = params->pixels;
    if (params->hwaccel && strcmp(params->hwaccel, "none") != 0 &&
        !lavf_hw_open(l, codec, params->hwaccel, error))
        return false;
    media_log_forget();
    int code = avcodec_open2(l->decoder, codec, NULL);
    if (code < 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot decode %s: %s", l->path,
                         media_error_cause(code));
    return true;
}

static void set_timeline(struct lavf *l, const struct media_open_params *params)
{
    AVFormatContext *format = l->format;
    int64_t begin = lavf_begin_us(l);
    l->offset_us = 0;
    l->end_us = INT64_MAX;
    l->from_us = params->has_start ? 0 : INT64_MIN;
    /* The start becomes 0, because containers show nothing until a later one; a start
     * before 0 is the priming of the sound. Broadcast formats begin at any time. */
    if (params->has_start)
        l->offset_us = begin + params->start_us;
    else if (!params->keep_start || (format->iformat->flags & AVFMT_TS_DISCONT))
        l->offset_us =
            begin > 0 || (format->iformat->flags & AVFMT_TS_DISCONT) ? begin : 0;
    if (params->has_end)
        l->end_us = begin + params->end_us - l->offset_us;
    if (params->length_us) {
        int64_t first = params->has_start ? 0 : begin - l->offset_us;
        if (first + params->length_us < l->end_us)
            l->end_us = first + params->length_us;
    }
}

void lavf_forget_held(struct lavf *l)
{
    for (size_t i = 0; i < l->held_count; i++)
        av_packet_free(&l->held[i]);
    l->held_count = l->held_bytes = 0;
}

/* Whether the demuxer finds a time again. A pipe cannot be read again; raw streams have
 * no times, and FFmpeg would guess the place. */
static bool can_seek(const struct lavf *l)
{
    const AVFormatContext *format = l->format;
    const AVInputFormat *kind = format->iformat;
    /* they open other files or connections by themselves */
    bool own = (kind->flags & AVFMT_NOFILE) || av_match_name("hls", kind->name) ||
               av_match_name("dash", kind->name) || av_match_name("concat", kind->name);
    bool counted = (kind->flags & AVFMT_GENERIC_INDEX) &&
                   (format->duration <= 0 ||
                    format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE);
    return !(kind->flags & AVFMT_NOTIMESTAMPS) && !counted &&
           (own || !format->pb || (format->pb->seekable & AVIO_SEEKABLE_NORMAL));
}

/* After a seek: nothing is known of where the streams are. */
static void forget_place(struct lavf *l)
{
    avcodec_flush_buffers(l->decoder);
    lavf_picture_flush(l);
    lavf_forget_held(l);
    memset(l->clocks, 0, l->stream_count * sizeof(*l->clocks));
    l->shift_us = 0;
    l->last_pts = AV_NOPTS_VALUE;
    l->last_us = l->reached_us = l->video_reached_us = INT64_MIN;
    l->demux_ended = false;
    l->skipped = l->packets_bad = l->pts_made = l->pts_moved = l->clock_restarts = 0;
}

bool lavf_seek(struct lavf *l, int64_t back_us, bool *beginning)
{
    AVFormatContext *format = l->format;
    if (l->sequence.count) {
        int64_t wanted = av_rescale_q(l->from_us, AV_TIME_BASE_Q, l->video->time_base);
        for (l->image = 0; l->image + 1 < l->sequence.count &&
                           lavf_image_pts(l, l->image + 1) <= wanted;)
            l->image++;
        *beginning = true;
        forget_place(l);
        return true;
    }
    if (!can_seek(l))
        return false;
    int64_t begin = lavf_begin_us(l);
    int64_t target = l->offset_us + l->from_us - back_us;
    /* such formats seek by decoding time, which is earlier than the pts of reordered
     * frames */
    if (!(format->iformat->flags & AVFMT_SEEK_TO_PTS) && l->decoder->has_b_frames)
        target -= 3 * AV_TIME_BASE / 23;
    *beginning = target <= begin;
    /* well before the beginning: the first packets may be older than start_time */
    int64_t latest = *beginning ? begin : target;
    if (*beginning)
        target = begin - 10 * AV_TIME_BASE;
    if (avformat_seek_file(format, -1, INT64_MIN, target, latest, 0) < 0 &&
        avformat_seek_file(format, -1, INT64_MIN, latest, latest, 0) < 0)
        return false;
    forget_place(l);
    return true;
}

static bool is_single(const struct lavf *l)
{
    const char *name = l->format->iformat->name;
    size_t length = strlen(name);
    bool image2 = strcmp(name, "image2") == 0;
    bool piped = length > 5 && strcmp(name + length - 5, "_pipe") == 0;
    return !l->pipe.io && ((image2 && !av_filename_number_test(l->format->url)) || piped);
}

static void fill_info(struct lavf *l, const struct media_open_params *params)
{
    struct media_source_info *info = &l->source.info;
    AVFormatContext *format = l->format;
    info->name = l->path;
    info->time_base = l->video->time_base;
    info->frame_rate = av_guess_frame_rate(format, l->video, NULL);
    info->container = format;
    info->video_stream = l->video->index;
    info->audio = !params->no_audio;
    info->subtitles = !params->no_subtitles;
    info->single = is_single(l);
    info->upright = !params->keep_matrix;
    info->start_us = l->offset_us;
    info->end_us = l->end_us == INT64_MAX ? INT64_MAX : l->end_us + l->offset_us;
    int64_t total = lavf_length_us(l);
    int64_t skipped = params->has_start ? params->start_us : 0;
    int64_t length = total > skipped ? total - skipped : 0;
    if (l->end_us != INT64_MAX && (length > l->end_us || !total))
        length = l->end_us;
    info->duration_us = length;
    bool whole = !params->has_start && l->end_us == INT64_MAX;
    if (whole && l->sequence.count)
        info->frames = (int64_t)l->sequence.count;
    else if (whole && l->video->nb_frames > 0)
        info->frames = l->video->nb_frames;
    else if (info->frame_rate.num > 0 && info->frame_rate.den > 0)
        info->frames = av_rescale_q(length, AV_TIME_BASE_Q, av_inv_q(info->frame_rate));
    if (info->single)
        info->frames = 1;
    info->seekable = !l->pipe.io && !info->single && !l->frame_limit && length > 0 &&
                     format->pb && (format->pb->seekable & AVIO_SEEKABLE_NORMAL);
    if (params->frames && (!info->frames || info->frames > params->frames))
        info->frames = params->frames;
}

/* Says which images of a sequence are not there. */
static void tell_gaps(const struct lavf *l)
{
    const struct media_sequence *s = &l->sequence;
    int missing = s->count ? media_sequence_missing(s) : 0;
    size_t before = 0;
    if (missing == 0)
        return;
    while (s->numbers[before + 1] == s->numbers[before] + 1)
        before++;
    media_loss(
        DAUB_LOG_WARNING,
        "%s: %d images between numbers %d and %d are missing or empty, the first "
        "after %d; %s",
        l->path, missing, s->numbers[0], s->numbers[s->count - 1], s->numbers[before],
        l->skip_gaps ? "the gaps are closed"
                     : "the images before them are shown longer (--gaps skip closes "
                       "the gaps)");
}

bool lavf_open(struct lavf *l, const struct media_open_params *params,
               struct daub_error *error)
{
    l->stop = params->stop;
    l->hw_format = AV_PIX_FMT_NONE;
    l->last_pts = AV_NOPTS_VALUE;
    l->last_us = INT64_MIN;
    l->reached_us = l->video_reached_us = INT64_MIN;
    l->frame_limit = params->frames;
    l->keep_fields = params->keep_fields;
    l->skip_gaps = params->skip_gaps;
    l->path =
        daub_strdup(strcmp(params->path, "-") == 0 ? "standard input" : params->path);
    l->packet = av_packet_alloc();
    if (!l->path || !l->packet)
        return daub_no_memory(error, "the input");
    const char *path = media_path_plain(params->path);
    if (!open_streams(l, path, params, error) || !choose_streams(l, error))
        return false;
    l->source.info.frame_rate = av_guess_frame_rate(l->format, l->video, NULL);
    if (!open_decoder(l, params, error))
        return false;
    set_timeline(l, params);
    fill_info(l, params);
    tell_gaps(l);
    return true;
}

void lavf_close(struct lavf *l)
{
    lavf_forget_held(l);
    free(l->held);
    lavf_picture_uninit(l);
    media_sequence_close(&l->sequence);
    av_frame_free(&l->sample);
    av_frame_free(&l->first);
    av_packet_free(&l->packet);
    avcodec_free_context(&l->decoder);
    av_buffer_unref(&l->hw_device);
    avformat_close_input(&l->format);
    media_pipe_close(&l->pipe);
    free(l->clocks);
    free(l->path);
}
