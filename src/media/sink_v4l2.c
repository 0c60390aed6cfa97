/* A virtual camera of the kernel module v4l2loopback. It is driven by ioctls, because
 * FFmpeg's v4l2 muxer leaves versions up to 0.12 unusable until the module is loaded
 * again, ignores failures and never repeats a frame. The sink's thread writes the latest
 * frame, and the same again when no new one comes: OBS and browsers close a camera that
 * sends nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/imgutils.h>

#include "media/camera.h"
#include "media/latest_frame.h"
#include "media/sink_kinds.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/container_of.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"

enum {
    DEVICE_NUMBERS = 64, /* /dev/video0 to /dev/video63 are searched */
    RECOVERIES = 1,
    RESUBSCRIBE_US = 1000000,
    EVENT_USERS = V4L2_EVENT_PRIVATE_START + 0x08e00001 /* of v4l2loopback */
};

struct sink_v4l2 {
    struct media_sink sink;
    char path[32], card[32];
    int fd;
    AVFrame *template; /* frame template: what the device accepts */
    AVRational rate;
    struct media_converter converter;
    unsigned char *packed; /* one frame without padding, as the template says */
    size_t bytes;
    struct daub_thread thread;
    bool started;
    bool has_user_events;  /* else it counts as watched */
    int64_t subscribed_us; /* clock */
    atomic_bool watched;

    struct latest_frame latest; /* engine thread -> this sink's */
    atomic_bool failed;
    struct daub_error error; /* why it failed; used by the thread until it was joined */
    int64_t written;         /* frames; the same */
    int64_t pushed;          /* frames; engine thread, then join */
};

static struct sink_v4l2 *v4l2_of(struct media_sink *sink)
{
    return container_of(sink, struct sink_v4l2, sink);
}

/* ---- finding and opening ---- */

bool sink_v4l2_present(void)
{
    return access("/sys/module/v4l2loopback", F_OK) == 0;
}

/* Device capabilities; 0 where fd is no V4L2 device. */
static uint32_t capabilities(int fd, bool *loopback, char *card, size_t size)
{
    struct v4l2_capability cap = {0};
    if (camera_ioctl(fd, VIDIOC_QUERYCAP, &cap) != 0)
        return 0;
    *loopback = strcmp((const char *)cap.driver, "v4l2 loopback") == 0;
    snprintf(card, size, "%.31s", (const char *)cap.card);
    return cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
}

static bool fail_absent(const char *path, struct daub_error *error)
{
    if (!sink_v4l2_present())
        return daub_fail(
            error, DAUB_ERROR_FAILED,
            "there is no virtual camera%s%s: v4l2loopback is not loaded; sudo modprobe "
            "v4l2loopback exclusive_caps=1 card_label=daub (package v4l2loopback-dkms)",
            *path ? " " : "", path);
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "there is no free virtual camera%s%s; v4l2loopback is loaded, "
                     "\"v4l2-ctl --list-devices\" lists its devices",
                     *path ? " " : "", path);
}

static bool fail_open(const char *path, int code, struct daub_error *error)
{
    if (code == ENOENT || code == ENODEV || code == ENXIO)
        return fail_absent(path, error);
    if (code == EACCES || code == EPERM)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "no permission for %s; add yourself to the group video (sudo "
                         "usermod -aG video $USER) and log in again",
                         path);
    return daub_fail(error, DAUB_ERROR_FAILED, "cannot open %s: %s%s", path,
                     strerror(code),
                     code == EBUSY ? "; too many programs have it open" : "");
}

/* Versions from 0.13 refuse this for a device that is written with write(), and do not
 * need it. */
static void stream_on(int fd)
{
    enum v4l2_buf_type type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    camera_ioctl(fd, VIDIOC_STREAMON, &type);
}

static bool open_device(struct sink_v4l2 *s, struct daub_error *error)
{
    const uint32_t both = V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_CAPTURE;
    for (int i = 0; i <= RECOVERIES; i++) {
        bool loopback = false;
        s->fd = open(s->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (s->fd < 0)
            return fail_open(s->path, errno, error);
        uint32_t caps = capabilities(s->fd, &loopback, s->card, sizeof(s->card));
        if (caps & V4L2_CAP_VIDEO_OUTPUT)
            return true;
        if (!loopback)
            return daub_fail(error, DAUB_ERROR_FAILED,
                             "%s (%s) is a real camera, to which nothing can be written; "
                             "the module v4l2loopback makes virtual cameras",
                             s->path, s->card);
        if (caps & both)
            return daub_fail(error, DAUB_ERROR_FAILED,
                             "another program is writing to %s (%s); stop it, or choose "
                             "another virtual camera",
                             s->path, s->card);
        /* Up to version 0.12, a program that wrote without STREAMON and closed the device
         * leaves it with neither capability; this restores them. */
        stream_on(s->fd);
        close(s->fd);
        s->fd = -1;
    }
    return daub_fail(
        error, DAUB_ERROR_FAILED,
        "%s accepts no frames any more; load its module again: sudo modprobe -r "
        "v4l2loopback && sudo modprobe v4l2loopback exclusive_caps=1",
        s->path);
}

/* Opens the first device to which no other program writes. */
static bool find_free(struct sink_v4l2 *s, struct daub_error *error)
{
    for (int number = 0; number < DEVICE_NUMBERS; number++) {
        bool loopback = false;
        snprintf(s->path, sizeof(s->path), "/dev/video%d", number);
        int fd = open(s->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        uint32_t caps = capabilities(fd, &loopback, s->card, sizeof(s->card));
        close(fd);
        if (loopback &&
            !(caps & V4L2_CAP_VIDEO_CAPTURE && !(caps & V4L2_CAP_VIDEO_OUTPUT)))
            return open_device(s, error);
    }
    return fail_absent("", error);
}

/* Versions from 0.13 send an event with the number of programs that watch, at once and
 * whenever it changes. */
static bool subscribe_users(struct sink_v4l2 *s)
{
    struct v4l2_event_subscription users = {.type = EVENT_USERS,
                                            .flags = V4L2_EVENT_SUB_FL_SEND_INITIAL};
    /* Without this, no initial event is sent to a subscriber. */
    camera_ioctl(s->fd, VIDIOC_UNSUBSCRIBE_EVENT, &users);
    s->subscribed_us = daub_clock_us();
    return camera_ioctl(s->fd, VIDIOC_SUBSCRIBE_EVENT, &users) == 0;
}

static bool set_format(struct sink_v4l2 *s, struct daub_error *error)
{
    struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    struct v4l2_pix_format *pix = &f.fmt.pix;
    unsigned width = (unsigned)s->template->width, height = (unsigned)s->template->height;
    *pix = (struct v4l2_pix_format){.width = width,
                                    .height = height,
                                    .pixelformat = V4L2_PIX_FMT_YUYV,
                                    .field = V4L2_FIELD_NONE,
                                    .bytesperline = 2 * width,
                                    .sizeimage = 2 * width * height};
    bool bt709 = s->template->colorspace == AVCOL_SPC_BT709;
    pix->priv = V4L2_PIX_FMT_PRIV_MAGIC;
    pix->colorspace = bt709 ? V4L2_COLORSPACE_REC709 : V4L2_COLORSPACE_SRGB;
    pix->ycbcr_enc = bt709 ? V4L2_YCBCR_ENC_709 : V4L2_YCBCR_ENC_601;
    pix->quantization = V4L2_QUANTIZATION_LIM_RANGE;
    if (camera_ioctl(s->fd, VIDIOC_S_FMT, &f) != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "%s (%s) accepts no frames: %s%s",
                         s->path, s->card, strerror(errno),
                         errno == EBUSY || errno == EINVAL
                             ? "; another program is writing to it"
                             : "");
    if (pix->width != width || pix->height != height ||
        pix->pixelformat != V4L2_PIX_FMT_YUYV ||
        (pix->bytesperline && pix->bytesperline != 2 * width))
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "a program that watches %s (%s) keeps it at %.4s %ux%u; close "
                         "that program, or paint at that size with --out-size",
                         s->path, s->card, (const char *)&pix->pixelformat, pix->width,
                         pix->height);
    struct v4l2_streamparm p = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    p.parm.output.timeperframe.numerator = (unsigned)s->rate.den;
    p.parm.output.timeperframe.denominator = (unsigned)s->rate.num;
    camera_ioctl(s->fd, VIDIOC_S_PARM, &p); /* only a hint: failure does no harm */
    stream_on(s->fd);
    s->has_user_events = subscribe_users(s);
    return true;
}

/* ---- the thread ---- */

/* false: the device is gone. It succeeds without a program that reads. */
static bool write_frame(struct sink_v4l2 *s, struct daub_error *error)
{
    ssize_t count;
    do {
        count = write(s->fd, s->packed, s->bytes);
    } while (count < 0 && errno == EINTR);
    if (count == (ssize_t)s->bytes || (count < 0 && errno == EAGAIN))
        return true;
    if (count >= 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "%s accepted only part of a frame",
                         s->path);
    return daub_fail(error, DAUB_ERROR_FAILED, "cannot write to %s: %s", s->path,
                     errno == ENODEV ? "it was removed" : strerror(errno));
}

static void read_user_events(struct sink_v4l2 *s)
{
    struct v4l2_event event = {0};
    /* An event can be lost; asking again keeps the camera from sleeping for ever. */
    if (s->has_user_events && !atomic_load(&s->watched) &&
        daub_clock_us() - s->subscribed_us > RESUBSCRIBE_US)
        subscribe_users(s);
    while (s->has_user_events && camera_ioctl(s->fd, VIDIOC_DQEVENT, &event) == 0) {
        uint32_t count;
        memcpy(&count, event.u.data, sizeof(count));
        if (event.type == EVENT_USERS)
            atomic_store(&s->watched, count > 0);
    }
}

static bool pack(struct sink_v4l2 *s, const AVFrame *frame, struct daub_error *error)
{
    AVFrame *made = NULL;
    bool same = frame->format == s->template->format &&
                frame->width == s->template->width &&
                frame->height == s->template->height &&
                frame->colorspace == s->template->colorspace &&
                frame->color_range == s->template->color_range;
    if (!same)
        frame = made = media_convert(&s->converter, frame, s->template, error);
    if (frame)
        av_image_copy_to_buffer(s->packed, (int)s->bytes,
                                (const uint8_t *const *)frame->data, frame->linesize,
                                s->template->format, s->template->width,
                                s->template->height, 1);
    av_frame_free(&made);
    return frame != NULL;
}

static void *run(void *opaque)
{
    struct sink_v4l2 *s = opaque;
    bool ok = true, any = false, finished = false;
    /* Half a frame period late, so that a frame that is on its way comes first. */
    int64_t timeout_us = (int64_t)(1.5e6 / av_q2d(s->rate));
    while (ok && !finished) {
        AVFrame *frame = latest_frame_wait(&s->latest, timeout_us, &finished);
        read_user_events(s);
        if (frame) {
            ok = pack(s, frame, &s->error);
            any = true;
        }
        if (ok && any && (frame || !finished))
            ok = write_frame(s, &s->error);
        s->written += frame && ok;
        av_frame_free(&frame);
    }
    atomic_store(&s->failed, !ok);
    return NULL;
}

/* ---- the sink ---- */

static bool v4l2_push(struct media_sink *sink, const AVFrame *frame)
{
    struct sink_v4l2 *s = v4l2_of(sink);
    /* A frame and the one that replaces it count as one. */
    s->pushed += !latest_frame_put(&s->latest, frame);
    return !atomic_load(&s->failed);
}

static bool v4l2_watched(struct media_sink *sink)
{
    return atomic_load(&v4l2_of(sink)->watched);
}

static void v4l2_finish(struct media_sink *sink, bool whole)
{
    (void)whole;
    latest_frame_finish(&v4l2_of(sink)->latest);
}

static bool v4l2_join(struct media_sink *sink, struct media_report *report,
                      struct daub_error *error)
{
    struct sink_v4l2 *s = v4l2_of(sink);
    daub_thread_join(&s->thread);
    *report = (struct media_report){.frames_in = s->pushed, .frames_out = s->written};
    return atomic_load(&s->failed)
               ? daub_fail(error, s->error.status, "%s", s->error.message)
               : true;
}

static void v4l2_destroy(struct media_sink *sink)
{
    struct sink_v4l2 *s = v4l2_of(sink);
    enum v4l2_buf_type type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    if (s->started) {
        v4l2_finish(sink, false);
        daub_thread_join(&s->thread);
    }
    if (s->fd >= 0) {
        camera_ioctl(s->fd, VIDIOC_STREAMOFF, &type);
        close(s->fd);
    }
    media_converter_uninit(&s->converter);
    latest_frame_uninit(&s->latest);
    av_frame_free(&s->template);
    free(s->packed);
    free(s);
}

static const struct media_sink_ops v4l2_ops = {.push = v4l2_push,
                                               .watched = v4l2_watched,
                                               .finish = v4l2_finish,
                                               .join = v4l2_join,
                                               .destroy = v4l2_destroy};

static bool set_up(struct sink_v4l2 *s, const struct media_sink_params *params,
                   struct daub_error *error)
{
    s->template = av_frame_alloc();
    if (!s->template)
        return daub_no_memory(error, "the virtual camera");
    sink_camera_shape(params, s->template, &s->rate);
    s->bytes = (size_t)s->template->width * (size_t)s->template->height * 2;
    s->packed = daub_alloc(s->bytes, 1);
    if (!s->packed)
        return daub_no_memory(error, "the virtual camera");
    snprintf(s->path, sizeof(s->path), "%.31s", params->path);
    bool opened =
        strcmp(params->path, "vcam:") == 0 ? find_free(s, error) : open_device(s, error);
    if (!opened || !set_format(s, error))
        return false;
    daub_log(DAUB_LOG_INFO, "painting into the camera \"%s\" (%s)", s->card, s->path);
    s->started = daub_thread_start(&s->thread, "daub-vcam", run, s, error);
    return s->started;
}

struct media_sink *sink_v4l2_open(const struct media_sink_params *params,
                                  struct daub_error *error)
{
    struct sink_v4l2 *s = daub_alloc(1, sizeof(*s));
    if (!s) {
        daub_no_memory(error, "the virtual camera");
        return NULL;
    }
    latest_frame_init(&s->latest);
    s->fd = -1;
    atomic_store(&s->watched, true);
    s->sink = (struct media_sink){.ops = &v4l2_ops, .name = params->path};
    if (set_up(s, params, error))
        return &s->sink;
    v4l2_destroy(&s->sink);
    return NULL;
}
