/* V4L2 cameras: which there are, what they can do, and frames from one. */
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
    AVRational rate; /* frames a second; 0/1 where the driver does not tell */
};

enum { CAMERA_MODES_MAX = 512 };

struct camera_info {
    char path[32]; /* /dev/videoN; a number may belong to another one tomorrow */
    int number;
    char card[32], bus[32]; /* name and place: together the camera's identity */
    struct camera_mode modes[CAMERA_MODES_MAX]; /* that daub can read */
    int mode_count;
};

/* Formats that daub reads, and their names in options; MJPEG has AV_PIX_FMT_NONE. */
struct camera_format {
    uint32_t fourcc;
    const char *name;
    enum AVPixelFormat pixel;
};
const struct camera_format *camera_format_of(uint32_t fourcc);
const struct camera_format *camera_format_named(const char *name);

/* Looks at /dev/videoNUMBER. false with *error where it is no camera (then the errno code
 * in *code is ENOTTY) or cannot be opened. */
bool camera_look(int number, struct camera_info *info, int *code,
                 struct daub_error *error);
/* Calls visit for every camera in the order of numbers until it returns false. */
void camera_each(bool (*visit)(const struct camera_info *info, void *user), void *user);

/* What to capture; zero means default. */
struct camera_wish {
    int width, height; /* 0: 640x360 or the nearest */
    double rate;       /* 0: 30 */
    uint32_t fourcc;   /* 0: raw up to 640x480, else MJPEG where there is any */
};
/* The mode nearest to the wish: a size that was asked for, then rate, then format. NULL:
 * none. */
const struct camera_mode *camera_choose(const struct camera_info *info,
                                        const struct camera_wish *wish);

/* Whether a path names a camera: /dev/video0, cam:0, cam:NAME. */
bool media_path_is_camera(const char *path);

/* Sets *error in words for what a camera's file refused; returns false. what follows
 * "cannot". */
bool camera_fail(const char *path, const char *what, int code, struct daub_error *error);

/* ioctl that is not interrupted by signals. */
int camera_ioctl(int fd, unsigned long request, void *argument);

struct media_camera_params {
    const char *path;
    struct camera_wish wish;
    int64_t frames;         /* at most this many; 0: all */
    struct daub_stop *stop; /* required; ends a waiting open or read */
};
/* Opens a camera and takes its first frame. Frames come as they are captured, the newest
 * first of those that wait; where it is unplugged, read waits until it is back. NULL with
 * *error. */
struct media_source *media_camera_open(const struct media_camera_params *params,
                                       struct daub_error *error);

#endif
