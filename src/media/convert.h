/* New frames: from a pool of buffers, converted by libswscale, or mixed of two. */
#ifndef DAUB_MEDIA_CONVERT_H
#define DAUB_MEDIA_CONVERT_H

#include <stdbool.h>

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>

#include <daub/status.h>

/* Buffers for frames of one size and format. A buffer is used again when its last
 * reference is gone. Zeroed is empty; frames may outlive the pool. */
struct media_pool {
    AVBufferPool *buffers;
    enum AVPixelFormat format;
    int width, height;
};

/* A writable frame without properties, which the caller frees with av_frame_free; NULL
 * with *error where memory ran out. Use from one thread. */
AVFrame *media_pool_get(struct media_pool *pool, enum AVPixelFormat format, int width,
                        int height, struct daub_error *error);
void media_pool_uninit(struct media_pool *pool);

/* Converts between pixel formats, sizes, matrices and ranges. Zeroed is empty. */
struct media_converter {
    struct SwsContext *sws;
    struct media_pool pool;
    /* sws was created for these */
    enum AVPixelFormat from_format, to_format;
    int from_width, from_height, to_width, to_height;
    enum AVColorSpace from_space, to_space;
    bool from_full, to_full;
};

/* Converts from to a new frame with the width, height, format, colorspace and color_range
 * of to and the other properties of from; NULL with *error. Use from one thread. */
AVFrame *media_convert(struct media_converter *converter, const AVFrame *from,
                       const AVFrame *to, struct daub_error *error);
void media_converter_uninit(struct media_converter *converter);

/* Mixes frame with the share (0..1) of other, a frame of the same size and format.
 * Samples have one byte, or two in little-endian order. */
void media_mix(AVFrame *frame, const AVFrame *other, double share);

#endif
