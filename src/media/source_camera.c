/* A V4L2 camera as a source. It is driven by ioctls, because libavdevice's reader can
 * neither be interrupted nor notice that a camera was unplugged. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>

#include "media/avlog.h"
#include "media/camera.h"
#include "media/convert.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

enum { BUFFERS = 4, WAIT_MS = 2000, RETRY_MS = 300, FIRST_TRIES = 5 };

struct camera {
    struct media_source source;
    struct media_camera_params params;
    struct camera_info info; /* of the camera, as last found */
    struct camera_mode mode;
    int fd; /* -1: unplugged */
    struct v4l2_pix_format format;
    const struct camera_format *kind;
    struct {
        void *memory;
        size_t bytes;
    } buffers[BUFFERS];
    unsigned buffer_count;
    AVCodecContext *decoder; /* for MJPEG; else NULL */
    AVPacket *packet;
    struct media_pool pool;
    AVFrame *first; /* read by open, not yet returned by read */
    AVFrame *sample;
    int64_t start_us, last_us; /* clock of the first frame; pts of the last */
    int64_t delivered;         /* frames */
    bool warned_silence;       /* since the last frame */
    bool released;             /* closed by camera_release */
};

/* ---- opening ---- */

struct search {
    const char *name; /* part of the card's name; NULL: search by identity */
    const struct camera_info *identity;
    struct camera_info *found;
    bool any;
};

static bool match(const struct camera_info *info, void *user)
{
    struct search *search = user;
    bool same = search->name ? strcasestr(info->card, search->name) != NULL
                             : strcmp(info->card, search->identity->card) == 0 &&
                                   strcmp(info->bus, search->identity->bus) == 0;
    if (same) {
        *search->found = *info;
        search->any = true;
    }
    return !same;
}

static bool find(struct camera *c, struct daub_error *error)
{
    const char *path = c->params.path;
    int64_t number;
    int code;
    if (strncmp(path, "cam:", 4) == 0)
        path += 4;
    else if (strncmp(path, "/dev/video", 10) == 0)
        path += 10;
    if (daub_text_int(path, 0, 1000, &number))
        return camera_query((int)number, &c->info, &code, error);
    struct search search = {.name = path, .found = &c->info};
    camera_each(match, &search);
    return search.any
               ? true
               : daub_fail(error, DAUB_ERROR_FAILED,
                           "there is no camera with \"%s\" in its name; \"daub devices\" "
                           "lists the cameras",
                           path);
}

static void close_camera(struct camera *c)
{
    enum v4l2_buf_type type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    if (c->fd < 0)
        return;
    camera_ioctl(c->fd, VIDIOC_STREAMOFF, &type);
    for (unsigned i = 0; i < c->buffer_count; i++)
        munmap(c->buffers[i].memory, c->buffers[i].bytes);
    c->buffer_count = 0;
    close(c->fd);
    c->fd = -1;
}

/* Bytes of one raw frame with the driver's row length; 0: that length is impossible. */
static size_t picture_bytes(const struct camera *c, int strides[4])
{
    const struct v4l2_pix_format *f = &c->format;
    return c->kind->pixel == AV_PIX_FMT_NONE
               ? 1
               : camera_picture_bytes(c->kind->pixel, (int)f->width, (int)f->height,
                                      f->bytesperline, strides);
}

static bool set_format(struct camera *c, struct daub_error *error)
{
    struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    f.fmt.pix.width = (unsigned)c->mode.width;
    f.fmt.pix.height = (unsigned)c->mode.height;
    f.fmt.pix.pixelformat = c->mode.fourcc;
    f.fmt.pix.field = V4L2_FIELD_NONE;
    if (camera_ioctl(c->fd, VIDIOC_S_FMT, &f) != 0)
        return camera_fail(c->info.path, "set its format", errno, error);
    c->format = f.fmt.pix;
    c->kind = camera_format_of(c->format.pixelformat);
    if (!c->kind || c->format.width < 1 || c->format.width > 16384 ||
        c->format.height < 1 || c->format.height > 16384)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "camera %s chose a format that daub does not read; try another "
                         "--camera-format",
                         c->info.path);
    if (c->format.bytesperline == 0 && c->kind->pixel != AV_PIX_FMT_NONE)
        c->format.bytesperline =
            (unsigned)av_image_get_linesize(c->kind->pixel, (int)c->format.width, 0);
    int strides[4];
    if (picture_bytes(c, strides) == 0)
        return daub_fail(
            error, DAUB_ERROR_FAILED,
            "camera %s reports rows of %u bytes for %u pixels; its driver is "
            "broken",
            c->info.path, c->format.bytesperline, c->format.width);
    struct v4l2_streamparm p = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    AVRational rate = c->mode.rate;
    if (rate.num <= 0)
        rate = av_d2q(c->params.wish.rate > 0 ? c->params.wish.rate : 30, 1000);
    p.parm.capture.timeperframe.numerator = (unsigned)rate.den;
    p.parm.capture.timeperframe.denominator = (unsigned)rate.num;
    if (camera_ioctl(c->fd, VIDIOC_S_PARM, &p) == 0 &&
        p.parm.capture.timeperframe.numerator > 0 &&
        p.parm.capture.timeperframe.numerator < INT32_MAX &&
        p.parm.capture.timeperframe.denominator < INT32_MAX)
        rate = (AVRational){(int)p.parm.capture.timeperframe.denominator,
                            (int)p.parm.capture.timeperframe.numerator};
    c->mode.rate = rate;
    return true;
}

static bool map_buffers(struct camera *c, struct daub_error *error)
{
    struct v4l2_requestbuffers request = {.count = BUFFERS,
                                          .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                          .memory = V4L2_MEMORY_MMAP};
    if (camera_ioctl(c->fd, VIDIOC_REQBUFS, &request) != 0)
        return camera_fail(c->info.path, "get buffers", errno, error);
    if (request.count < 2)
        return camera_fail(c->info.path, "get buffers", ENOMEM, error);
    for (unsigned i = 0; i < request.count && i < BUFFERS; i++) {
        struct v4l2_buffer b = {
            .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP, .index = i};
        if (camera_ioctl(c->fd, VIDIOC_QUERYBUF, &b) != 0)
            return camera_fail(c->info.path, "get buffers", errno, error);
        void *memory =
            mmap(NULL, b.length, PROT_READ, MAP_SHARED, c->fd, (off_t)b.m.offset);
        if (memory == MAP_FAILED)
            return camera_fail(c->info.path, "map its buffers", errno, error);
        c->buffers[i].memory = memory;
        c->buffers[i].bytes = b.length;
        c->buffer_count = i + 1;
        if (camera_ioctl(c->fd, VIDIOC_QBUF, &b) != 0)
            return camera_fail(c->info.path, "queue its buffers", errno, error);
    }
    enum v4l2_buf_type type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    if (camera_ioctl(c->fd, VIDIOC_STREAMON, &type) != 0)
        return camera_fail(c->info.path, "start it", errno, error);
    return true;
}

/* Opens the camera of c->info for c->mode. */
static bool start(struct camera *c, struct daub_error *error)
{
    c->fd = open(c->info.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (c->fd < 0)
        return camera_fail(c->info.path, "open it", errno, error);
    if (set_format(c, error) && map_buffers(c, error))
        return true;
    close_camera(c);
    return false;
}

/* ---- frames ---- */

/* Sets matrix and range as the driver reports them; for MJPEG as ITU-T T.871 says. */
static void set_colors(const struct camera *c, AVFrame *frame)
{
    const struct v4l2_pix_format *f = &c->format;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    if (desc->flags & AV_PIX_FMT_FLAG_RGB)
        return;
    bool known = f->priv == V4L2_PIX_FMT_PRIV_MAGIC;
    bool rec709 = known && f->ycbcr_enc == V4L2_YCBCR_ENC_709;
    rec709 = rec709 || (f->colorspace == V4L2_COLORSPACE_REC709 &&
                        !(known && f->ycbcr_enc == V4L2_YCBCR_ENC_601));
    bool full = known && f->quantization == V4L2_QUANTIZATION_FULL_RANGE;
    if (c->kind->pixel == AV_PIX_FMT_NONE) {
        rec709 = false;
        full = true;
    }
    frame->colorspace = rec709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    frame->color_range = full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
}

static AVFrame *copy_raw(struct camera *c, const void *data, size_t bytes,
                         struct daub_error *error)
{
    uint8_t *planes[4];
    int strides[4];
    if (bytes < picture_bytes(c, strides))
        return NULL; /* the driver lost part of the frame */
    AVFrame *frame = media_pool_get(&c->pool, c->kind->pixel, (int)c->format.width,
                                    (int)c->format.height, error);
    if (!frame)
        return NULL;
    if (av_image_fill_pointers(planes, c->kind->pixel, (int)c->format.height,
                               (uint8_t *)(uintptr_t)data, strides) < 0) {
        av_frame_free(&frame);
        return NULL;
    }
    av_image_copy(frame->data, frame->linesize, (const uint8_t **)planes, strides,
                  c->kind->pixel, (int)c->format.width, (int)c->format.height);
    return frame;
}

/* NULL without *error: the frame is damaged. */
static AVFrame *decode(struct camera *c, const void *data, size_t bytes,
                       struct daub_error *error)
{
    AVFrame *frame = av_frame_alloc();
    av_packet_unref(c->packet);
    if (!frame || bytes > INT32_MAX / 2 || av_new_packet(c->packet, (int)bytes) < 0) {
        av_frame_free(&frame);
        daub_no_memory(error, "the camera");
        return NULL;
    }
    memcpy(c->packet->data, data, bytes);
    if (avcodec_send_packet(c->decoder, c->packet) < 0 ||
        avcodec_receive_frame(c->decoder, frame) < 0 ||
        frame->width != (int)c->format.width || frame->height != (int)c->format.height)
        av_frame_free(&frame);
    return frame;
}

static bool make_decoder(struct camera *c, struct daub_error *error)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
    c->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    c->packet = av_packet_alloc();
    if (!c->decoder || !c->packet || avcodec_open2(c->decoder, codec, NULL) < 0)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "this FFmpeg cannot decode MJPEG, which camera %s sends; try "
                         "another --camera-format",
                         c->info.path);
    return true;
}

static int64_t capture_clock_us(const struct v4l2_buffer *b)
{
    int64_t now = daub_clock_us();
    int64_t us = (int64_t)b->timestamp.tv_sec * 1000000 + b->timestamp.tv_usec;
    bool monotonic =
        (b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    return monotonic && us > 0 && us < now ? us : now;
}

/* Dequeues the newest filled buffer and gives older ones back to the driver. Returns 0 or
 * an errno code; EAGAIN: no buffer is filled. */
static int dequeue_newest(struct camera *c, struct v4l2_buffer *newest)
{
    bool any = false;
    for (unsigned i = 0; i <= BUFFERS; i++) {
        struct v4l2_buffer b = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                .memory = V4L2_MEMORY_MMAP};
        if (camera_ioctl(c->fd, VIDIOC_DQBUF, &b) != 0) {
            if (errno == EAGAIN && any)
                return 0;
            return errno;
        }
        if (b.index >= c->buffer_count)
            return EIO;
        if (any && camera_ioctl(c->fd, VIDIOC_QBUF, newest) != 0)
            return errno;
        *newest = b;
        any = true;
    }
    return 0;
}

/* Reads one frame; *frame stays NULL where it is damaged. Returns 0 or an errno code. */
static int capture(struct camera *c, AVFrame **frame, int64_t *arrival_us,
                   struct daub_error *error)
{
    struct v4l2_buffer b;
    *frame = NULL;
    int code = dequeue_newest(c, &b);
    if (code != 0)
        return code;
    size_t bytes = b.bytesused, capacity = c->buffers[b.index].bytes;
    const void *data = c->buffers[b.index].memory;
    if (bytes == 0 || bytes > capacity)
        bytes = capacity;
    if (!(b.flags & V4L2_BUF_FLAG_ERROR))
        *frame = c->kind->pixel == AV_PIX_FMT_NONE ? decode(c, data, bytes, error)
                                                   : copy_raw(c, data, bytes, error);
    int64_t at = *arrival_us = capture_clock_us(&b);
    if (*frame) {
        set_colors(c, *frame);
        if (c->start_us == 0)
            c->start_us = at;
        int64_t pts = at - c->start_us;
        (*frame)->pts = pts > c->last_us ? pts : c->last_us + 1;
        c->last_us = (*frame)->pts;
    }
    return camera_ioctl(c->fd, VIDIOC_QBUF, &b) != 0 ? errno : 0;
}

/* ---- a camera that is unplugged and plugged in again ---- */

static void wait_ms(const struct camera *c, int ms)
{
    struct pollfd wait = {.fd = c->params.stop->fd, .events = POLLIN};
    poll(&wait, 1, ms);
}

static void handle_loss(struct camera *c, int code)
{
    close_camera(c);
    atomic_store(&c->source.away, true);
    if (code == ENODEV || code == ENXIO)
        daub_log(DAUB_LOG_WARNING,
                 "camera %s (%s) was unplugged; waiting for it to come back",
                 c->info.card, c->info.path);
    else
        daub_log(DAUB_LOG_WARNING, "camera %s (%s) stopped (%s); starting it again",
                 c->info.card, c->info.path, strerror(code));
}

/* Searches the same camera under every number and starts it in the same mode. */
static void find_again(struct camera *c)
{
    struct camera_info *found = daub_alloc(1, sizeof(*found));
    struct search search = {.identity = &c->info, .found = found};
    if (found)
        camera_each(match, &search);
    if (search.any) {
        c->info = *found;
        if (start(c, NULL))
            daub_log(DAUB_LOG_INFO, "camera %s is back as %s", c->info.card,
                     c->info.path);
    }
    free(found);
    if (c->fd < 0)
        wait_ms(c, RETRY_MS);
}

/* Waits up to WAIT_MS for a frame. AGAIN: none came. */
static enum media_read next(struct camera *c, AVFrame **frame, int64_t *arrival_us,
                            struct daub_error *error)
{
    struct daub_error local = {0};
    struct pollfd wait[2] = {{.fd = c->fd, .events = POLLIN},
                             {.fd = c->params.stop->fd, .events = POLLIN}};
    *frame = NULL;
    if (c->fd < 0) {
        if (!c->released || !start(c, NULL))
            find_again(c);
        c->released = false;
        return MEDIA_READ_AGAIN;
    }
    int ready = poll(wait, 2, WAIT_MS);
    if (ready == 0 && !c->warned_silence) {
        c->warned_silence = true;
        daub_log(DAUB_LOG_WARNING, "camera %s sends nothing; still waiting",
                 c->info.card);
    }
    if (ready <= 0 || wait[1].revents)
        return MEDIA_READ_AGAIN;
    /* Some drivers report a failure only when a frame is dequeued. */
    int code = capture(c, frame, arrival_us, &local);
    if (code == EAGAIN)
        code = wait[0].revents & (POLLERR | POLLHUP) ? ENODEV : 0;
    if (code != 0) {
        av_frame_free(frame);
        handle_loss(c, code);
        return MEDIA_READ_AGAIN;
    }
    if (local.status != DAUB_OK) {
        daub_fail(error, local.status, "%s", local.message);
        return MEDIA_READ_ERROR;
    }
    if (*frame) {
        c->warned_silence = false;
        atomic_store(&c->source.away, false);
    }
    return *frame ? MEDIA_READ_OK : MEDIA_READ_AGAIN;
}

static struct camera *camera_of(struct media_source *source)
{
    return container_of(source, struct camera, source);
}

static enum media_read camera_read(struct media_source *source, struct media_item *item,
                                   struct daub_error *error)
{
    struct camera *c = camera_of(source);
    *item = (struct media_item){0};
    if (daub_stop_requested(c->params.stop) ||
        (c->params.frames > 0 && c->delivered == c->params.frames))
        return MEDIA_READ_END;
    enum media_read answer = MEDIA_READ_OK;
    if (c->first) {
        item->frame = c->first;
        c->first = NULL;
    } else {
        answer = next(c, &item->frame, &item->arrival_us, error);
    }
    c->delivered += answer == MEDIA_READ_OK;
    return answer;
}

/* Closes the camera, so that its LED goes out; the next read opens it again. */
static void camera_release(struct media_source *source)
{
    struct camera *c = camera_of(source);
    close_camera(c);
    c->released = true;
}

static void camera_destroy(struct media_source *source)
{
    struct camera *c = camera_of(source);
    close_camera(c);
    avcodec_free_context(&c->decoder);
    av_packet_free(&c->packet);
    av_frame_free(&c->first);
    av_frame_free(&c->sample);
    media_pool_uninit(&c->pool);
    free(c);
}

static const struct media_source_ops camera_ops = {
    .read = camera_read, .release = camera_release, .destroy = camera_destroy};

/* Reads the first frame, which a source must have when it is opened. */
static bool read_first(struct camera *c, struct daub_error *error)
{
    int64_t arrival_us;
    for (int i = 0; i < FIRST_TRIES && !c->first; i++) {
        if (daub_stop_requested(c->params.stop))
            return daub_fail(error, DAUB_ERROR_FAILED, "stopped while opening %s",
                             c->info.path);
        if (next(c, &c->first, &arrival_us, error) == MEDIA_READ_ERROR)
            return false;
    }
    if (!c->first)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "camera %s (%s) sends no pictures; unplug it and plug it in "
                         "again, or try another --camera-format",
                         c->info.card, c->info.path);
    c->sample = av_frame_clone(c->first);
    return c->sample ? true : daub_no_memory(error, "the camera");
}

static bool choose(struct camera *c, struct daub_error *error)
{
    const struct camera_mode *mode = camera_choose(&c->info, &c->params.wish);
    if (!mode)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "camera %s (%s) does not have this format; \"daub devices\" "
                         "lists its formats",
                         c->info.card, c->info.path);
    c->mode = *mode;
    return true;
}

struct media_source *media_camera_open(const struct media_camera_params *params,
                                       struct daub_error *error)
{
    struct camera *c = daub_alloc(1, sizeof(*c));
    if (!c) {
        daub_no_memory(error, "the camera");
        return NULL;
    }
    c->params = *params;
    c->fd = -1;
    c->last_us = -1;
    c->source.ops = &camera_ops;
    if (!find(c, error) || !choose(c, error) || !start(c, error) ||
        (c->kind->pixel == AV_PIX_FMT_NONE && !make_decoder(c, error)) ||
        !read_first(c, error)) {
        camera_destroy(&c->source);
        return NULL;
    }
    c->source.info = (struct media_source_info){.name = c->info.card,
                                                .time_base = {1, 1000000},
                                                .frame_rate = c->mode.rate,
                                                .realtime = true,
                                                .sample = c->sample,
                                                .end_us = INT64_MAX};
    daub_log(DAUB_LOG_VERBOSE, "camera %s (%s): %ux%u %s at %.3g frames/s", c->info.card,
             c->info.path, c->format.width, c->format.height, c->kind->name,
             av_q2d(c->mode.rate));
    return &c->source;
}
