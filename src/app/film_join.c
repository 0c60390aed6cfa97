/* Joins the parts of a film: their packets get the times of the plan, everything else is
 * copied once from the input. Nothing is encoded again. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/film.h"
#include "app/session.h"
#include "app/signals.h"
#include "media/avlog.h"
#include "media/compat.h"
#include "util/alloc.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"

/* ---- parts ---- */

static bool fail_part(const char *path, const char *what, struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "%s %s; remove it and paint the segment again", path, what);
}

/* Opens a part; its packets come as the encoder made them. NULL with *error. */
static AVFormatContext *open_part(const struct film *film, size_t segment,
                                  struct daub_error *error)
{
    char path[PATH_MAX];
    AVFormatContext *format = avformat_alloc_context();
    film_part(film, segment, path, sizeof(path));
    if (!format) {
        daub_no_memory(error, path);
        return NULL;
    }
    format->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
    media_log_forget();
    int code = avformat_open_input(&format, path, av_find_input_format("nut"), NULL);
    if (code < 0) { /* which freed the context */
        daub_fail(error, DAUB_ERROR_NOT_FOUND,
                  "segment %zu is not there: %s: %s; paint it with \"daub segment %s "
                  "%zu\"",
                  segment, path, media_error_text(code), film->path, segment);
        return NULL;
    }
    if (format->nb_streams != 1 ||
        format->streams[0]->codecpar->codec_type != AVMEDIA_TYPE_VIDEO) {
        fail_part(path, "is not a part of a film", error);
        avformat_close_input(&format);
    }
    return format;
}

/* All parts in order, one open at a time. */
struct parts {
    const struct film *film;
    struct daub_stop *stop;
    int32_t *ranks; /* of each packet: its frame, counted from the part's first */
    int64_t delay;  /* frames that the decoder is ahead of the display */
    AVCodecParameters *codec; /* of the first part; all are alike */
    AVFormatContext *format;  /* of the segment; NULL: not open */
    size_t segment;
    int64_t next; /* packet of the film */
};

struct shown {
    int64_t pts;
    int32_t packet;
};

static int earlier(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    return (x->pts > y->pts) - (x->pts < y->pts);
}

/* Finds which frame each packet of the part is: the k-th in order of display. */
static bool rank(struct parts *parts, size_t segment, struct shown *shown,
                 const char *path, struct daub_error *error)
{
    const struct film_segment *s = &parts->film->segments[segment];
    int32_t *ranks = parts->ranks + s->first;
    qsort(shown, (size_t)s->count, sizeof(*shown), earlier);
    for (int64_t i = 0; i < s->count; i++) {
        if (i > 0 && shown[i].pts == shown[i - 1].pts)
            return fail_part(path, "has two frames of one time", error);
        ranks[shown[i].packet] = (int32_t)i;
    }
    for (int64_t i = 0; i < s->count; i++) {
        if (i - ranks[i] > parts->delay)
            parts->delay = i - ranks[i];
    }
    return ranks[0] == 0 || fail_part(path,
                                      "begins with a frame that needs the segment "
                                      "before (an open group of pictures)",
                                      error);
}

static bool same_codec(const AVCodecParameters *a, const AVCodecParameters *b)
{
    return a->codec_id == b->codec_id && a->width == b->width && a->height == b->height &&
           a->extradata_size == b->extradata_size &&
           (a->extradata_size == 0 ||
            memcmp(a->extradata, b->extradata, (size_t)a->extradata_size) == 0);
}

static bool check_codec(struct parts *parts, const AVCodecParameters *codec,
                        const char *path, struct daub_error *error)
{
    if (parts->codec)
        return same_codec(parts->codec, codec) ||
               fail_part(path, "is encoded otherwise than the first segment", error);
    parts->codec = avcodec_parameters_alloc();
    return (parts->codec && avcodec_parameters_copy(parts->codec, codec) >= 0) ||
           daub_no_memory(error, path);
}

/* Reads a part to its end and checks that it is the segment. */
static bool check_part(struct parts *parts, size_t segment, AVPacket *packet,
                       struct daub_error *error)
{
    const struct film_segment *s = &parts->film->segments[segment];
    char path[PATH_MAX];
    int64_t count = 0;
    bool keyed = false;
    film_part(parts->film, segment, path, sizeof(path));
    AVFormatContext *format = open_part(parts->film, segment, error);
    struct shown *shown = daub_alloc((size_t)s->count, sizeof(*shown));
    bool ok = format && (shown || daub_no_memory(error, path)) &&
              check_codec(parts, format->streams[0]->codecpar, path, error);
    while (ok && av_read_frame(format, packet) >= 0) {
        if (count == 0)
            keyed = packet->flags & AV_PKT_FLAG_KEY;
        if (count < s->count)
            shown[count] = (struct shown){packet->pts, (int32_t)count};
        count++;
        ok = packet->pts != AV_NOPTS_VALUE ||
             fail_part(path, "has a frame without a time", error);
        av_packet_unref(packet);
        if (daub_stop_requested(parts->stop))
            ok = daub_fail(error, DAUB_ERROR_FAILED, "stopped");
    }
    if (ok && count != s->count)
        ok = daub_fail(error, DAUB_ERROR_FAILED,
                       "%s has %" PRId64 " frames, the plan has %" PRId64
                       "; remove it and paint the segment again",
                       path, count, s->count);
    ok = ok && (keyed || fail_part(path, "does not begin with a key frame", error)) &&
         rank(parts, segment, shown, path, error);
    free(shown);
    avformat_close_input(&format);
    return ok;
}

static bool check_parts(struct parts *parts, struct daub_error *error)
{
    AVPacket *packet = av_packet_alloc();
    parts->ranks = daub_alloc(parts->film->frame_count, sizeof(*parts->ranks));
    bool ok = (packet && parts->ranks) || daub_no_memory(error, "the parts");
    for (size_t i = 0; ok && i < parts->film->segment_count; i++)
        ok = check_part(parts, i, packet, error);
    av_packet_free(&packet);
    return ok;
}

/* The next packet of the film, as struct media_joined says. */
static AVPacket *next_packet(struct parts *parts, int stream, struct daub_error *error)
{
    const struct film *film = parts->film;
    AVPacket *packet = av_packet_alloc();
    int code = packet ? 0 : AVERROR(ENOMEM);
    while (code >= 0) {
        if (!parts->format && !(parts->format = open_part(film, parts->segment, error)))
            break;
        code = av_read_frame(parts->format, packet);
        if (code != AVERROR_EOF)
            break;
        avformat_close_input(&parts->format);
        code = ++parts->segment < film->segment_count ? 0 : AVERROR_EOF;
    }
    const struct film_segment *s =
        parts->segment < film->segment_count ? &film->segments[parts->segment] : NULL;
    if (code < 0 || !parts->format || !s || parts->next < s->first ||
        parts->next >= s->first + s->count) {
        daub_fail(error, DAUB_ERROR_FAILED,
                  "the parts in %s changed while they were read", film->parts);
        av_packet_free(&packet);
        return NULL;
    }
    packet->stream_index = stream;
    packet->pts = s->first + parts->ranks[parts->next];
    packet->dts = parts->next - parts->delay;
    packet->pos = -1;
    parts->next++;
    return packet;
}

static void parts_free(struct parts *parts)
{
    avcodec_parameters_free(&parts->codec);
    avformat_close_input(&parts->format);
    free(parts->ranks);
}

/* ---- the source of both ---- */

/* Painted packets, and packets of the input's other streams, in the order of their
 * decoding times. */
struct join_source {
    struct media_source source;
    struct media_source *inner;
    struct parts parts;
    AVPacket *painted, *other; /* read and not yet delivered */
    bool other_ended;
};

/* Decoding time of the painted packet. */
static int64_t painted_us(const struct join_source *self)
{
    const struct film *film = self->parts.film;
    int64_t number = self->painted->dts > 0 ? self->painted->dts : 0;
    return av_rescale_q(film->times[number].pts, film->time_base, AV_TIME_BASE_Q);
}

static int64_t other_us(const struct join_source *self)
{
    const AVPacket *packet = self->other;
    const AVStream *stream = self->source.info.container->streams[packet->stream_index];
    int64_t time = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    return time == AV_NOPTS_VALUE ? INT64_MIN
                                  : av_rescale_q(time, stream->time_base, AV_TIME_BASE_Q);
}

static enum media_read join_read(struct media_source *source, struct media_item *item,
                                 struct daub_error *error)
{
    struct join_source *self = container_of(source, struct join_source, source);
    struct parts *parts = &self->parts;
    *item = (struct media_item){0};
    if (daub_stop_requested(parts->stop))
        return MEDIA_READ_END;
    if (!self->painted && parts->next < (int64_t)parts->film->frame_count) {
        self->painted = next_packet(parts, source->info.video_stream, error);
        if (!self->painted)
            return MEDIA_READ_ERROR;
    }
    if (!self->other && !self->other_ended) {
        struct media_item read = {0};
        enum media_read answer = self->inner->ops->read(self->inner, &read, error);
        if (answer == MEDIA_READ_ERROR || answer == MEDIA_READ_AGAIN)
            return answer;
        self->other_ended = answer == MEDIA_READ_END;
        self->other = read.packet;
    }
    if (!self->painted && !self->other) {
        source->broken = self->inner->broken;
        return MEDIA_READ_END;
    }
    bool first = self->painted && (!self->other || painted_us(self) <= other_us(self));
    AVPacket **packet = first ? &self->painted : &self->other;
    item->packet = *packet;
    *packet = NULL;
    return MEDIA_READ_OK;
}

static void join_destroy(struct media_source *source)
{
    struct join_source *self = container_of(source, struct join_source, source);
    av_packet_free(&self->painted);
    av_packet_free(&self->other);
    parts_free(&self->parts);
    media_source_destroy(self->inner);
    free(self);
}

static const struct media_source_ops join_ops = {.read = join_read,
                                                 .destroy = join_destroy};

static enum exit_code open_source(struct work *work, const struct film *film,
                                  struct join_source **out)
{
    /* --frames ends the other streams with the last frame, as in a plain run */
    const struct media_time *last = &film->times[film->frame_count - 1];
    int64_t until_us =
        work->options->frames
            ? av_rescale_q(last->pts + last->duration, film->time_base, AV_TIME_BASE_Q)
            : 0;
    struct daub_error error = {0};
    struct join_source *self = *out = daub_alloc(1, sizeof(*self));
    if (!self)
        return EXIT_CODE_FAILED;
    self->source.ops = &join_ops;
    self->parts = (struct parts){.film = film, .stop = work->stop};
    work->source = &self->source;
    if (!check_parts(&self->parts, &error))
        return daub_stop_requested(work->stop) ? EXIT_CODE_INTERRUPTED
                                               : files_fail(&error, EXIT_CODE_INPUT);
    enum exit_code code =
        files_open_packets(work->options, film_keeps_matrix(film, work->options),
                           until_us, work->stop, &self->inner);
    if (code == EXIT_CODE_DONE) {
        self->source.info = self->inner->info;
        self->source.info.frames = (int64_t)film->frame_count;
        self->source.info.seekable = false;
    }
    return code;
}

/* ---- */

/* Whether the input is to be shown turned. */
static bool has_matrix(const struct media_source_info *info)
{
    int count;
    const AVPacketSideData *data =
        media_stream_side_data(info->container->streams[info->video_stream], &count);
    for (int i = 0; i < count; i++) {
        if (data[i].type == AV_PKT_DATA_DISPLAYMATRIX)
            return true;
    }
    return av_frame_get_side_data(info->sample, AV_FRAME_DATA_DISPLAYMATRIX) != NULL;
}

static enum exit_code join(struct work *work, const struct film *film, const char *output,
                           bool replace)
{
    struct join_source *source;
    struct progress progress;
    enum exit_code code = open_source(work, film, &source);
    if (code == EXIT_CODE_DONE)
        code = work_plan_output(work);
    if (code != EXIT_CODE_DONE)
        return code;
    const struct media_source_info *info = &source->source.info;
    bool turned = !film_keeps_matrix(film, work->options) || info->upright;
    if (!turned && !media_sink_keeps_matrix(output, work->options->format) &&
        has_matrix(info)) {
        daub_log(
            DAUB_LOG_ERROR,
            "%s cannot keep that the film is to be shown turned; join to .mp4 or .mov, "
            "or plan it with -f of this kind of file",
            output);
        return EXIT_CODE_USAGE;
    }
    struct media_joined joined = {
        .times = film->times, .count = film->frame_count, .codec = source->parts.codec};
    work->joined = &joined;
    struct media_sink_params how = work_sink_params(work, output, replace);
    struct media_sink *sink = NULL;
    code = files_open_sink(&how, work->stop, &sink);
    if (code != EXIT_CODE_DONE)
        return code;
    progress_init(&progress, (enum progress_kind)work->options->progress,
                  &source->source.info);
    struct session_params params = {.source = work->source,
                                    .sinks = &sink,
                                    .sink_count = 1,
                                    .progress = &progress,
                                    .stop = work->stop,
                                    .pace = &work->pace,
                                    .state = &work->state};
    code = session_run(&params);
    media_sink_destroy(sink);
    return code;
}

enum exit_code film_join(const struct film *film, const struct options *given,
                         const char *output, struct daub_stop *stop)
{
    struct daub_error error = {0};
    struct options options;
    enum exit_code code;
    struct work work = {
        .options = &options, .stop = stop, .encoder_threads = film->encoder_threads};
    bool replace = false;
    signals_keep_output();
    if (!film_options(film, given, &options, &error) || !work_sizes(&work, &error)) {
        code = files_fail(&error, EXIT_CODE_INPUT);
    } else {
        options.format = given->format; /* else the name decides */
        files_add_inputs(&options);
        options.outputs = (struct option_list){.values = &output, .count = 1};
        code = files_check_output(&options, output, stop, &replace);
        if (code == EXIT_CODE_DONE)
            code = join(&work, film, output, replace);
    }
    work_uninit(&work);
    options.outputs = (struct option_list){0};
    options_free(&options);
    return code;
}
