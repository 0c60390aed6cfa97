/* Pixel formats and color properties of FFmpeg, as those of <daub/image.h>. */
#ifndef DAUB_MEDIA_FORMAT_H
#define DAUB_MEDIA_FORMAT_H

#include <stdbool.h>

#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>

#include <daub/image.h>

/* The same memory layout in daub's or FFmpeg's enumeration. 0 where the shaders do not
 * read the format; media_pixel_nearest finds another then. YUVJ is YUV with full range.
 */
enum daub_pixel_format media_pixel_from_av(enum AVPixelFormat format);
enum AVPixelFormat media_pixel_to_av(enum daub_pixel_format pixel);
/* YUVJ420P -> YUV420P and so on; any other format as it is. */
enum AVPixelFormat media_plain_format(enum AVPixelFormat format);
bool media_is_full_format(enum AVPixelFormat format); /* YUVJ */

/* The precision of a pixel format. */
struct media_depth {
    enum { MEDIA_FAMILY_GRAY = 1, MEDIA_FAMILY_YUV, MEDIA_FAMILY_RGB } family;
    int bits;             /* of the deepest component */
    int shift_x, shift_y; /* log2 of the chroma subsampling */
    bool alpha, is_float, palette;
};
/* false for GPU surfaces and values that are no format. */
bool media_depth_of(enum AVPixelFormat format, struct media_depth *depth);

/* The format of the shaders that loses the least of another format. */
struct media_match {
    enum daub_pixel_format pixel;
    bool same;      /* the same memory layout: no conversion */
    bool resampled; /* chroma is interpolated to a denser grid */
    bool rounded;   /* floating point samples become 16-bit ones */
    bool no_alpha;  /* transparency is dropped */
};
/* false with *error where libswscale cannot read format. */
bool media_pixel_nearest(enum AVPixelFormat format, struct media_match *match,
                         struct daub_error *error);

/* The format of the frame with that pixel format. Matrix, range and chroma location that
 * the frame leaves unspecified get the defaults of <daub/image.h>. */
struct daub_format media_format_of(const AVFrame *frame, enum daub_pixel_format pixel);

/* Whether the file names a matrix that daub does not know (YCgCo, ICtCp ...). */
bool media_matrix_unknown(enum AVColorSpace space);

/* A view of the frame's planes. */
struct daub_image media_image_of(const AVFrame *frame, struct daub_format format);

#endif
