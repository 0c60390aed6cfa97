/* A virtual camera as a PipeWire node of class Video/Source. It needs no kernel module
 * and no special rights; browsers see it through their portal. PipeWire's loop sends each
 * frame as it comes and the last one again when none comes. The first program that
 * watches chooses one of four formats (SPA_PARAM_EnumFormat, Format, Buffers). */
#include "media/sink_kinds.h"

#ifdef DAUB_PIPEWIRE

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <pipewire/pipewire.h>
#include <spa/param/video/format-utils.h>

#include "media/latest_frame.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"

enum {
    NANO = 1000000000,
    READY_S = 1,
    STALE_US = 1000000,
    PARAM_BYTES = 4096,
    BUFFERS = 4,
    BUFFERS_MAX = 8
};

/* In the order in which they are offered: YUY2 is the one that all programs accept. */
static const struct offer {
    uint32_t format;
    enum AVPixelFormat pixel;
} offers[] = {{SPA_VIDEO_FORMAT_YUY2, AV_PIX_FMT_YUYV422},
              {SPA_VIDEO_FORMAT_I420, AV_PIX_FMT_YUV420P},
              {SPA_VIDEO_FORMAT_NV12, AV_PIX_FMT_NV12},
              {SPA_VIDEO_FORMAT_BGRx, AV_PIX_FMT_BGR0}};
enum { OFFERS = sizeof(offers) / sizeof(offers[0]) };

struct sink_pipewire {
    struct media_sink sink;
    char name[104], label[128];
    int width, height;
    AVRational rate;
    bool bt709;
    struct pw_thread_loop *loop;
    struct pw_context *context;
    struct pw_core *core;
    struct pw_stream *stream;
    struct spa_hook core_hook, stream_hook;
    struct spa_source *arrival, *repeat; /* event: a new frame; timer: none for a while */
    atomic_bool watched, failed;

    struct latest_frame latest; /* engine thread -> the loop's */

    /* Only on the loop's thread. */
    enum pw_stream_state state;
    struct daub_error error;    /* why it failed */
    const struct offer *chosen; /* NULL: no program has watched yet */
    struct media_converter converter;
    AVFrame *current;     /* the frame sent last, in the chosen format */
    uint64_t received;    /* frames from the painter */
    uint64_t sent, shown; /* buffers; those among them with a picture */
};

static struct sink_pipewire *pipewire_of(struct media_sink *sink)
{
    return container_of(sink, struct sink_pipewire, sink);
}

static void fail(struct sink_pipewire *s, const char *why)
{
    if (!atomic_load(&s->failed))
        daub_fail(&s->error, DAUB_ERROR_FAILED, "%s ended: %s", s->label, why);
    atomic_store(&s->failed, true);
    pw_thread_loop_signal(s->loop, false);
}

/* ---- frames, on the loop ---- */

/* Converts the latest frame to the chosen format. */
static void take_latest(struct sink_pipewire *s)
{
    AVFrame *frame = latest_frame_take(&s->latest);
    if (!frame)
        return;
    bool rgb = s->chosen->pixel == AV_PIX_FMT_BGR0;
    AVFrame wanted = {.width = s->width,
                      .height = s->height,
                      .format = s->chosen->pixel,
                      .colorspace = rgb        ? AVCOL_SPC_RGB
                                    : s->bt709 ? AVCOL_SPC_BT709
                                               : AVCOL_SPC_SMPTE170M,
                      .color_range = rgb ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG};
    struct daub_error error = {0};
    AVFrame *made = media_convert(&s->converter, frame, &wanted, &error);
    av_frame_free(&frame);
    if (!made) {
        fail(s, error.message);
        return;
    }
    s->received++;
    av_frame_free(&s->current);
    s->current = made;
}

static int bytes_of(const struct sink_pipewire *s)
{
    return av_image_get_buffer_size(s->chosen->pixel, s->width, s->height, 1);
}

static int stride_of(const struct sink_pipewire *s)
{
    return av_image_get_linesize(s->chosen->pixel, s->width, 0);
}

static void on_process(void *user)
{
    struct sink_pipewire *s = user;
    if (!s->chosen)
        return;
    take_latest(s);
    if (!s->current || s->current->format != s->chosen->pixel)
        return;
    struct pw_buffer *buffer = pw_stream_dequeue_buffer(s->stream);
    if (!buffer)
        return; /* the program that watches is slow: this frame is left out */
    struct spa_data *data = &buffer->buffer->datas[0];
    int bytes = bytes_of(s);
    bool fits = data->data && data->maxsize >= (uint32_t)bytes;
    if (fits)
        av_image_copy_to_buffer(
            data->data, bytes, (const uint8_t *const *)s->current->data,
            s->current->linesize, s->chosen->pixel, s->width, s->height, 1);
    data->chunk->offset = 0;
    data->chunk->size = fits ? (uint32_t)bytes : 0;
    data->chunk->stride = stride_of(s);
    struct spa_meta_header *header =
        spa_buffer_find_meta_data(buffer->buffer, SPA_META_Header, sizeof(*header));
    if (header)
        *header = (struct spa_meta_header){.pts = daub_clock_us() * 1000, .seq = s->sent};
    s->shown += fits;
    s->sent++;
    pw_stream_queue_buffer(s->stream, buffer);
}

/* Sends the latest frame, and once more half a frame period after the next was expected.
 */
static void send_now(struct sink_pipewire *s)
{
    if (s->state != PW_STREAM_STATE_STREAMING)
        return;
    pw_stream_trigger_process(s->stream);
    int64_t ns = (int64_t)NANO * 3 / 2 * s->rate.den / s->rate.num;
    struct timespec timeout = {.tv_sec = (time_t)(ns / NANO),
                               .tv_nsec = (long)(ns % NANO)};
    pw_loop_update_timer(pw_thread_loop_get_loop(s->loop), s->repeat, &timeout, NULL,
                         false);
}

static void on_send(void *user, uint64_t count)
{
    (void)count;
    send_now(user);
}

/* A program that starts to watch must not see a frame from before the sleep. */
static void drop_stale(struct sink_pipewire *s)
{
    if (latest_frame_expire(&s->latest, STALE_US))
        av_frame_free(&s->current);
}

/* ---- the node, on the loop ---- */

static void on_state(void *user, enum pw_stream_state old_state,
                     enum pw_stream_state state, const char *error)
{
    struct sink_pipewire *s = user;
    (void)old_state;
    s->state = state;
    if (state == PW_STREAM_STATE_STREAMING)
        drop_stale(s);
    atomic_store(&s->watched, state == PW_STREAM_STATE_STREAMING);
    if (state == PW_STREAM_STATE_ERROR)
        fail(s, error ? error : "no reason given");
    else if (state == PW_STREAM_STATE_STREAMING)
        send_now(s);
    pw_thread_loop_signal(s->loop, false);
}

/* A program that watches has chosen one of the offers. */
static void on_param(void *user, uint32_t id, const struct spa_pod *param)
{
    struct sink_pipewire *s = user;
    struct spa_video_info_raw info = {0};
    if (!param || id != SPA_PARAM_Format)
        return;
    s->chosen = NULL;
    if (spa_format_video_raw_parse(param, &info) < 0)
        return;
    for (size_t i = 0; i < OFFERS; i++) {
        if (offers[i].format == info.format)
            s->chosen = &offers[i];
    }
    if (!s->chosen)
        return;
    uint8_t memory[PARAM_BYTES];
    struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
    const struct spa_pod *answer[2];
    answer[0] = spa_pod_builder_add_object(
        &b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers, SPA_PARAM_BUFFERS_buffers,
        SPA_POD_CHOICE_RANGE_Int(BUFFERS, 2, BUFFERS_MAX), SPA_PARAM_BUFFERS_blocks,
        SPA_POD_Int(1), SPA_PARAM_BUFFERS_size, SPA_POD_Int(bytes_of(s)),
        SPA_PARAM_BUFFERS_stride, SPA_POD_Int(stride_of(s)), SPA_PARAM_BUFFERS_dataType,
        SPA_POD_CHOICE_FLAGS_Int((1 << SPA_DATA_MemFd) | (1 << SPA_DATA_MemPtr)));
    answer[1] = spa_pod_builder_add_object(
        &b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type,
        SPA_POD_Id(SPA_META_Header), SPA_PARAM_META_size,
        SPA_POD_Int((int)sizeof(struct spa_meta_header)));
    pw_stream_update_params(s->stream, answer, 2);
}

static void on_error(void *user, uint32_t id, int sequence, int code, const char *message)
{
    (void)sequence;
    (void)message;
    if (id == PW_ID_CORE && code == -EPIPE)
        fail(user, "PipeWire has stopped");
}

static const struct pw_core_events core_events = {.version = PW_VERSION_CORE_EVENTS,
                                                  .error = on_error};
static const struct pw_stream_events stream_events = {.version = PW_VERSION_STREAM_EVENTS,
                                                      .state_changed = on_state,
                                                      .param_changed = on_param,
                                                      .process = on_process};

/* ---- the sink ---- */

static bool pipewire_push(struct media_sink *sink, const AVFrame *frame)
{
    struct sink_pipewire *s = pipewire_of(sink);
    latest_frame_put(&s->latest, frame);
    pw_loop_signal_event(pw_thread_loop_get_loop(s->loop), s->arrival);
    return !atomic_load(&s->failed);
}

static bool pipewire_watched(struct media_sink *sink)
{
    return atomic_load(&pipewire_of(sink)->watched);
}

static void pipewire_finish(struct media_sink *sink, bool whole)
{
    (void)sink;
    (void)whole;
}

/* Removes the node: programs that watch see that the camera is gone. */
static void disconnect(struct sink_pipewire *s)
{
    if (!s->loop)
        return;
    pw_thread_loop_lock(s->loop);
    if (s->stream)
        pw_stream_destroy(s->stream);
    if (s->core)
        pw_core_disconnect(s->core);
    if (s->arrival)
        pw_loop_destroy_source(pw_thread_loop_get_loop(s->loop), s->arrival);
    if (s->repeat)
        pw_loop_destroy_source(pw_thread_loop_get_loop(s->loop), s->repeat);
    if (s->context)
        pw_context_destroy(s->context);
    pw_thread_loop_unlock(s->loop);
    pw_thread_loop_stop(s->loop);
    pw_thread_loop_destroy(s->loop);
    s->loop = NULL;
}

static bool pipewire_join(struct media_sink *sink, struct media_report *report,
                          struct daub_error *error)
{
    struct sink_pipewire *s = pipewire_of(sink);
    disconnect(s);
    *report = (struct media_report){.frames_in = (int64_t)s->received,
                                    .frames_out = (int64_t)s->received};
    daub_log(DAUB_LOG_VERBOSE, "%s: %llu frames, sent %llu times", s->sink.name,
             (unsigned long long)s->received, (unsigned long long)s->shown);
    return atomic_load(&s->failed)
               ? daub_fail(error, s->error.status, "%s", s->error.message)
               : true;
}

static void pipewire_destroy(struct media_sink *sink)
{
    struct sink_pipewire *s = pipewire_of(sink);
    disconnect(s);
    media_converter_uninit(&s->converter);
    latest_frame_uninit(&s->latest);
    av_frame_free(&s->current);
    free(s);
    pw_deinit();
}

static const struct media_sink_ops pipewire_ops = {.push = pipewire_push,
                                                   .watched = pipewire_watched,
                                                   .finish = pipewire_finish,
                                                   .join = pipewire_join,
                                                   .destroy = pipewire_destroy};

static bool connect_stream(struct sink_pipewire *s, struct daub_error *error)
{
    uint8_t memory[PARAM_BYTES];
    struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
    const struct spa_pod *params[OFFERS];
    struct spa_rectangle size = {(uint32_t)s->width, (uint32_t)s->height};
    struct spa_fraction rate = {(uint32_t)s->rate.num, (uint32_t)s->rate.den};
    for (size_t i = 0; i < OFFERS; i++) {
        bool rgb = offers[i].pixel == AV_PIX_FMT_BGR0;
        uint32_t matrix = rgb        ? SPA_VIDEO_COLOR_MATRIX_RGB
                          : s->bt709 ? SPA_VIDEO_COLOR_MATRIX_BT709
                                     : SPA_VIDEO_COLOR_MATRIX_BT601;
        uint32_t range = rgb ? SPA_VIDEO_COLOR_RANGE_0_255 : SPA_VIDEO_COLOR_RANGE_16_235;
        params[i] = spa_pod_builder_add_object(
            &b, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType,
            SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
            SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
            SPA_POD_Id(offers[i].format), SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&size),
            SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&rate),
            SPA_FORMAT_VIDEO_colorRange, SPA_POD_Id(range), SPA_FORMAT_VIDEO_colorMatrix,
            SPA_POD_Id(matrix));
    }
    int code = pw_stream_connect(s->stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
                                 PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_MAP_BUFFERS,
                                 params, OFFERS);
    /* The node exists when the state is PAUSED. */
    for (int i = 0; code >= 0 && i < READY_S && s->state != PW_STREAM_STATE_PAUSED &&
                    s->state != PW_STREAM_STATE_STREAMING && !atomic_load(&s->failed);)
        i += pw_thread_loop_timed_wait(s->loop, 1) != 0;
    bool ready =
        s->state == PW_STREAM_STATE_PAUSED || s->state == PW_STREAM_STATE_STREAMING;
    if (ready)
        return true;
    return daub_fail(error, DAUB_ERROR_FAILED, "PipeWire accepts no camera from daub: %s",
                     code < 0                  ? strerror(-code)
                     : atomic_load(&s->failed) ? s->error.message
                                               : "it does not answer");
}

static bool connect_node(struct sink_pipewire *s, struct daub_error *error)
{
    s->loop = pw_thread_loop_new("daub-pipewire", NULL);
    if (!s->loop)
        return daub_no_memory(error, "the PipeWire output");
    struct pw_loop *loop = pw_thread_loop_get_loop(s->loop);
    s->context = pw_context_new(loop, NULL, 0);
    s->arrival = pw_loop_add_event(loop, on_send, s);
    s->repeat = pw_loop_add_timer(loop, on_send, s);
    if (!s->context || !s->arrival || !s->repeat || pw_thread_loop_start(s->loop) < 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot start PipeWire's library: %s",
                         strerror(errno));
    pw_thread_loop_lock(s->loop);
    s->core = pw_context_connect(s->context, NULL, 0);
    int code = errno;
    bool ok = s->core != NULL;
    if (!ok)
        daub_fail(error, DAUB_ERROR_FAILED,
                  "PipeWire is not running for this user (%s); systemctl --user start "
                  "pipewire wireplumber (packages pipewire, wireplumber)",
                  strerror(code));
    if (ok) {
        struct pw_properties *properties = pw_properties_new(
            PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_MEDIA_TYPE, "Video",
            PW_KEY_MEDIA_CATEGORY, "Capture", PW_KEY_MEDIA_ROLE, "Camera",
            PW_KEY_NODE_NAME, s->name, PW_KEY_NODE_DESCRIPTION, s->name, NULL);
        pw_core_add_listener(s->core, &s->core_hook, &core_events, s);
        s->stream = pw_stream_new(s->core, s->name, properties);
        ok = s->stream != NULL;
        if (ok) {
            pw_stream_add_listener(s->stream, &s->stream_hook, &stream_events, s);
            ok = connect_stream(s, error);
        } else {
            daub_no_memory(error, "the PipeWire output");
        }
    }
    pw_thread_loop_unlock(s->loop);
    return ok;
}

struct media_sink *sink_pipewire_open(const struct media_sink_params *params,
                                      struct daub_error *error)
{
    struct sink_pipewire *s = daub_alloc(1, sizeof(*s));
    if (!s) {
        daub_no_memory(error, "the PipeWire output");
        return NULL;
    }
    pw_init(NULL, NULL);
    AVFrame template = {.format = AV_PIX_FMT_NONE};
    sink_camera_shape(params, &template, &s->rate);
    const char *name = strncmp(params->path, "pipewire:", 9) == 0 ? params->path + 9 : "";
    snprintf(s->name, sizeof(s->name), "%.100s", *name ? name : "daub");
    snprintf(s->label, sizeof(s->label), "PipeWire camera \"%s\"", s->name);
    s->width = template.width;
    s->height = template.height;
    s->bt709 = params->encode.vcam_bt709;
    s->sink = (struct media_sink){.ops = &pipewire_ops, .name = s->label};
    latest_frame_init(&s->latest);
    if (!connect_node(s, error)) {
        pipewire_destroy(&s->sink);
        return NULL;
    }
    daub_log(DAUB_LOG_INFO, "painting into the %s", s->label);
    return &s->sink;
}

#else

#include "util/error.h"

struct media_sink *sink_pipewire_open(const struct media_sink_params *params,
                                      struct daub_error *error)
{
    daub_fail(error, DAUB_ERROR_ARGUMENT,
              "%s: this daub was built without PipeWire (libpipewire-0.3-dev)",
              params->path);
    return NULL;
}

#endif
