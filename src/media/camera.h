/* V4L2 cameras: finding them, their formats, and opening one as a source. */
#ifndef DAUB_MEDIA_CAMERA_H
#define DAUB_MEDIA_CAMERA_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stdint.h>

#include <libavutil/pixfmt.h>
#include <libavutil/rational.h>

#include "media/source.h"

/* One way to capture. */
struct camera_mode {
    uint32_t fourcc;
    int width, height;
    AVRational rate; /* frames per second; 0/1 where the driver does not report it */
};

enum { CAMERA_MODES_MAX = 512 };

struct camera_info {
    char path[32]; /* /dev/videoN; after it is plugged in again, N may be another */
    int number;
    char card[32], bus[32]; /* name and place; together they identify the camera */
    struct camera_mode modes[CAMERA_MODES_MAX]; /* those that daub can read */
    int mode_count;
};

/* A format that daub reads. */
struct camera_format {
    uint32_t fourcc;
    const char *name;         /* in options */
    enum AVPixelFormat pixel; /* NONE: MJPEG, which has to be decoded */
};
/* NULL: daub does not read it. */
const struct camera_format *camera_format_of(uint32_t fourcc);
const struct camera_format *camera_format_named(const char *name);

/* Bytes of a raw picture whose rows have first_stride bytes, the driver's; strides
 * receives those of all planes. 0: that length is impossible. */
size_t camera_picture_bytes(enum AVPixelFormat pixel, int width, int height,
                            unsigned first_stride, int strides[4]);

/* Reads what /dev/videoNUMBER can do. false with *error and an errno code in *code:
 * ENOTTY where it is no camera, else why it cannot be opened. */
bool camera_query(int number, struct camera_info *info, int *code,
                  struct daub_error *error);
/* Calls visit for every camera in the order of numbers until it returns false. */
void camera_each(bool (*visit)(const struct camera_info *info, void *user), void *user);

/* What to capture; zero means default. */
struct camera_wish {
    int width, height; /* 0: 640x360 or the nearest */
    double rate;       /* 0: 30 */
    uint32_t fourcc;   /* 0: raw up to 640x480, else MJPEG where there is any */
};
/* The mode nearest to the wish: first by a size that was asked for, then by the rate,
 * then by the format. NULL: there is none. */
const struct camera_mode *camera_choose(const struct camera_info *info,
                                        const struct camera_wish *wish);

/* Whether a path names a camera: /dev/video0, cam:0, cam:NAME. */
bool media_path_is_camera(const char *path);

/* Sets *error for a system call that failed on the camera's device and returns false.
 * what: the words after "cannot"; code: an errno code. */
bool camera_fail(const char *path, const char *what, int code, struct daub_error *error);

/* ioctl, repeated while signals interrupt it. */
int camera_ioctl(int fd, unsigned long request, void *argument);

struct media_camera_params {
    const char *path;
    struct camera_wish wish;
    int64_t frames;         /* at most this many; 0: all */
    struct daub_stop *stop; /* required; ends a waiting open or read */
};
/* Opens a camera and reads its first frame. Read returns the newest frame that the driver
 * has and drops older ones; while the camera is unplugged it waits for it to come back.
 * NULL with *error. */
struct media_source *media_camera_open(const struct media_camera_params *params,
                                       struct daub_error *error);

#endif
