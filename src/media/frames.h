/* Making frames: a pool of buffers, conversion by libswscale, turning upright. */
#ifndef DAUB_MEDIA_FRAMES_H
#define DAUB_MEDIA_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>

#include <daub/status.h>

/* Buffers of one size and format, used again when the last reference goes. Zeroed is
 * empty; frames may outlive the pool. */
struct media_pool {
    AVBufferPool *buffers;
    enum AVPixelFormat format;
    int width, height;
};

/* A writable frame without properties, to be freed with av_frame_free; NULL with *error
 * where memory ran out. Use from one thread. */
AVFrame *media_pool_get(struct media_pool *pool, enum AVPixelFormat format, int width,
                        int height, struct daub_error *error);
void media_pool_uninit(struct media_pool *pool);

/* Converts between pixel formats, sizes, matrices and ranges. Zeroed is empty. */
struct media_converter {
    struct SwsContext *sws;
    struct media_pool pool;
    /* what sws was made for */
    enum AVPixelFormat from_format, to_format;
    int from_width, from_height, to_width, to_height;
    enum AVColorSpace from_space, to_space;
    bool from_full, to_full;
};

/* A new frame of to's width, height, format, colorspace and color_range that shows from's
 * picture, with from's other properties; NULL with *error. Use from one thread. */
AVFrame *media_convert(struct media_converter *converter, const AVFrame *from,
                       const AVFrame *to, struct daub_error *error);
void media_converter_uninit(struct media_converter *converter);

/* Makes frame the mix of itself and that share (0..1) of other, a frame of the same size
 * and format, which is one of the painter's: 8 bits a sample, or up to 16 in two bytes.
 */
void media_mix(AVFrame *frame, const AVFrame *other, double share);

/* A turn by quarters (0..3, clockwise) after mirroring left to right. */
struct media_turn {
    int quarters;
    bool mirror;
};

/* The turn that a display matrix asks for, rounded to quarters; matrix NULL: none. */
struct media_turn media_turn_of(const int32_t matrix[9]);
bool media_turn_is_none(struct media_turn turn);
/* Whether frames of the format can be turned: no palette, no bit-packed samples, and for
 * odd quarters equal subsampling in both directions. */
bool media_turn_possible(struct media_turn turn, enum AVPixelFormat format);
/* A new turned frame from pool with from's properties but for its display matrix. */
AVFrame *media_turn_frame(struct media_pool *pool, struct media_turn turn,
                          const AVFrame *from, struct daub_error *error);

#endif
