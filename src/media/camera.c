#include "media/camera.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libavutil/common.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

enum { DEVICE_NUMBERS = 64, SIDE_MAX = 16384 };

static const struct camera_format formats[] = {
    {V4L2_PIX_FMT_YUYV, "yuyv", AV_PIX_FMT_YUYV422},
    {V4L2_PIX_FMT_UYVY, "uyvy", AV_PIX_FMT_UYVY422},
    {V4L2_PIX_FMT_NV12, "nv12", AV_PIX_FMT_NV12},
    {V4L2_PIX_FMT_YUV420, "yu12", AV_PIX_FMT_YUV420P},
    {V4L2_PIX_FMT_RGB24, "rgb3", AV_PIX_FMT_RGB24},
    {V4L2_PIX_FMT_BGR24, "bgr3", AV_PIX_FMT_BGR24},
    {V4L2_PIX_FMT_GREY, "grey", AV_PIX_FMT_GRAY8},
    {V4L2_PIX_FMT_MJPEG, "mjpg", AV_PIX_FMT_NONE},
    {V4L2_PIX_FMT_JPEG, "jpeg", AV_PIX_FMT_NONE},
};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

const struct camera_format *camera_format_of(uint32_t fourcc)
{
    for (int i = 0; i < FORMATS; i++) {
        if (formats[i].fourcc == fourcc)
            return &formats[i];
    }
    return NULL;
}

size_t camera_picture_bytes(enum AVPixelFormat pixel, int width, int height,
                            unsigned first_stride, int strides[4])
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(pixel);
    size_t bytes = 0;
    memset(strides, 0, 4 * sizeof(*strides));
    if (!desc || first_stride > 1u << 20)
        return 0;
    for (int plane = 0; plane < av_pix_fmt_count_planes(pixel); plane++) {
        int stride = plane == 0 || pixel == AV_PIX_FMT_NV12 ? (int)first_stride
                                                            : (int)first_stride / 2;
        int least = av_image_get_linesize(pixel, width, plane);
        int rows = plane == 0 ? height : AV_CEIL_RSHIFT(height, desc->log2_chroma_h);
        if (least <= 0 || stride < least)
            return 0;
        strides[plane] = stride;
        bytes += (size_t)stride * (size_t)rows;
    }
    return bytes;
}

const struct camera_format *camera_format_named(const char *name)
{
    for (int i = 0; i < FORMATS; i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    }
    return NULL;
}

int camera_ioctl(int fd, unsigned long request, void *argument)
{
    int answer;
    do {
        answer = ioctl(fd, request, argument);
    } while (answer < 0 && errno == EINTR);
    return answer;
}

bool media_path_is_camera(const char *path)
{
    return strncmp(path, "cam:", 4) == 0 || strncmp(path, "/dev/video", 10) == 0;
}

/* ---- querying ---- */

static void add_mode(struct camera_info *info, uint32_t fourcc, int width, int height,
                     AVRational rate)
{
    if (info->mode_count == CAMERA_MODES_MAX || width < 1 || height < 1)
        return;
    info->modes[info->mode_count++] = (struct camera_mode){fourcc, width, height, rate};
}

static bool is_plausible(struct v4l2_fract interval)
{
    return interval.numerator > 0 && interval.denominator > 0 &&
           interval.numerator < 1000000 && interval.denominator < 100000000;
}

/* Adds a mode for each rate of a list; for a range of rates only 30 frames/s, or the
 * fastest one where that is slower. */
static void add_rates(int fd, struct camera_info *info, uint32_t fourcc, int width,
                      int height)
{
    enum { RATES_MAX = 32 };
    bool any = false;
    for (unsigned i = 0; i < RATES_MAX; i++) {
        struct v4l2_frmivalenum f = {.index = i,
                                     .pixel_format = fourcc,
                                     .width = (unsigned)width,
                                     .height = (unsigned)height};
        if (camera_ioctl(fd, VIDIOC_ENUM_FRAMEINTERVALS, &f) != 0)
            break;
        bool range = f.type != V4L2_FRMIVAL_TYPE_DISCRETE;
        struct v4l2_fract shortest = range ? f.stepwise.min : f.discrete;
        if (!is_plausible(shortest))
            continue;
        AVRational rate = {(int)shortest.denominator, (int)shortest.numerator};
        if (range && av_q2d(rate) > 30)
            rate = (AVRational){30, 1};
        add_mode(info, fourcc, width, height, rate);
        any = true;
        if (range)
            break;
    }
    if (!any)
        add_mode(info, fourcc, width, height, (AVRational){0, 1});
}

/* For a range of sizes, adds the usual ones. */
static void add_range(int fd, struct camera_info *info, uint32_t fourcc,
                      const struct v4l2_frmsize_stepwise *s)
{
    static const int sizes[][2] = {{320, 180}, {320, 240},  {640, 360},  {640, 480},
                                   {848, 480}, {1280, 720}, {1920, 1080}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned w = (unsigned)sizes[i][0], h = (unsigned)sizes[i][1];
        unsigned step_w = s->step_width ? s->step_width : 1;
        unsigned step_h = s->step_height ? s->step_height : 1;
        if (w >= s->min_width && w <= s->max_width && h >= s->min_height &&
            h <= s->max_height && (w - s->min_width) % step_w == 0 &&
            (h - s->min_height) % step_h == 0)
            add_rates(fd, info, fourcc, (int)w, (int)h);
    }
}

static void add_sizes(int fd, struct camera_info *info, uint32_t fourcc)
{
    enum { SIZES_MAX = 64 };
    for (unsigned i = 0; i < SIZES_MAX; i++) {
        struct v4l2_frmsizeenum s = {.index = i, .pixel_format = fourcc};
        if (camera_ioctl(fd, VIDIOC_ENUM_FRAMESIZES, &s) != 0)
            break;
        if (s.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
            add_range(fd, info, fourcc, &s.stepwise);
            break;
        }
        if (s.discrete.width <= SIDE_MAX && s.discrete.height <= SIDE_MAX)
            add_rates(fd, info, fourcc, (int)s.discrete.width, (int)s.discrete.height);
    }
}

static void add_current(int fd, struct camera_info *info)
{
    struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    if (camera_ioctl(fd, VIDIOC_G_FMT, &f) == 0 &&
        camera_format_of(f.fmt.pix.pixelformat) && f.fmt.pix.width <= SIDE_MAX &&
        f.fmt.pix.height <= SIDE_MAX)
        add_mode(info, f.fmt.pix.pixelformat, (int)f.fmt.pix.width, (int)f.fmt.pix.height,
                 (AVRational){0, 1});
}

bool camera_fail(const char *path, const char *what, int code, struct daub_error *error)
{
    if (code == ENOENT || code == ENODEV || code == ENXIO)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "there is no camera %s; \"daub devices\" lists the cameras",
                         path);
    if (code == EACCES || code == EPERM)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "no permission for camera %s; add yourself to the group video "
                         "(sudo usermod -aG video $USER) and log in again",
                         path);
    if (code == EBUSY)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "camera %s is in use by another program; \"fuser -v %s\" shows "
                         "which",
                         path, path);
    return daub_fail(error, DAUB_ERROR_FAILED, "camera %s: cannot %s: %s", path, what,
                     strerror(code));
}

bool camera_query(int number, struct camera_info *info, int *code,
                  struct daub_error *error)
{
    enum { FORMATS_MAX = 128 };
    *info = (struct camera_info){.number = number};
    snprintf(info->path, sizeof(info->path), "/dev/video%d", number);
    int fd = open(info->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    *code = fd < 0 ? errno : 0;
    if (fd < 0)
        return camera_fail(info->path, "open it", *code, error);
    struct v4l2_capability cap = {0};
    if (camera_ioctl(fd, VIDIOC_QUERYCAP, &cap) != 0)
        cap.capabilities = 0;
    uint32_t caps =
        cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
    snprintf(info->card, sizeof(info->card), "%.31s", (const char *)cap.card);
    snprintf(info->bus, sizeof(info->bus), "%.31s", (const char *)cap.bus_info);
    bool camera = (caps & V4L2_CAP_VIDEO_CAPTURE) && (caps & V4L2_CAP_STREAMING);
    for (unsigned i = 0; camera && i < FORMATS_MAX; i++) {
        struct v4l2_fmtdesc f = {.index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
        if (camera_ioctl(fd, VIDIOC_ENUM_FMT, &f) != 0)
            break;
        if (camera_format_of(f.pixelformat))
            add_sizes(fd, info, f.pixelformat);
    }
    if (camera && info->mode_count == 0)
        add_current(fd, info);
    close(fd);
    if (camera && info->mode_count > 0)
        return true;
    *code = ENOTTY;
    return daub_fail(error, DAUB_ERROR_FAILED,
                     camera ? "camera %s has no format that daub reads (YUYV, UYVY, "
                              "NV12, YU12, RGB, grey or MJPEG)"
                            : "%s is no camera; \"daub devices\" lists the cameras",
                     info->path);
}

void camera_each(bool (*visit)(const struct camera_info *info, void *user), void *user)
{
    struct camera_info *info = daub_alloc(1, sizeof(*info));
    bool going = info != NULL;
    for (int number = 0; going && number < DEVICE_NUMBERS; number++) {
        int code;
        if (camera_query(number, info, &code, NULL))
            going = visit(info, user);
    }
    free(info);
}

/* ---- choosing ---- */

/* How far a mode is from the wish: the mode with the least distance is chosen. */
static double distance(const struct camera_mode *mode, const struct camera_wish *wish)
{
    enum { RAW_AREA = 640 * 480 }; /* USB 2 is too slow for 30 larger raw frames/s */
    double width = wish->width ? wish->width : 640;
    double height = wish->height ? wish->height : 360;
    double rate = wish->rate > 0 ? wish->rate : 30;
    double got = mode->rate.num > 0 ? av_q2d(mode->rate) : rate;
    /* A size that was asked for matters most, the default size less than the rate. */
    double weight = wish->width ? 1e6 : 1e3;
    double dw = mode->width / width - 1, dh = mode->height / height - 1;
    double total = weight * (dw * dw + dh * dh);
    total += got < rate ? 100 * (1 - got / rate) : got / rate - 1;
    const struct camera_format *format = camera_format_of(mode->fourcc);
    bool raw = format->pixel != AV_PIX_FMT_NONE;
    bool wants_raw = mode->width * mode->height <= RAW_AREA;
    total += (raw != wants_raw) * 10 + 0.1 * (double)(format - formats);
    return total;
}

const struct camera_mode *camera_choose(const struct camera_info *info,
                                        const struct camera_wish *wish)
{
    const struct camera_mode *best = NULL;
    for (int i = 0; i < info->mode_count; i++) {
        const struct camera_mode *mode = &info->modes[i];
        if (wish->fourcc && mode->fourcc != wish->fourcc)
            continue;
        if (!best || distance(mode, wish) < distance(best, wish))
            best = mode;
    }
    return best;
}
