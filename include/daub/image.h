/* Pictures as the caller holds them: a view of planes in memory, never owned. */
#ifndef DAUB_IMAGE_H
#define DAUB_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <daub/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sample layouts that the shaders read and write without loss. Names follow FFmpeg's
 * pixel formats; samples over 8 bits are little-endian 16-bit words, value in the low
 * bits (in the high bits for P010). */
enum daub_pixel_format {
    DAUB_PIXEL_RGB24 = 1, /* R G B bytes */
    DAUB_PIXEL_RGBA,      /* R G B A bytes; alpha is ignored on input, 255 on output */
    DAUB_PIXEL_BGRA,
    DAUB_PIXEL_GRAY8,
    DAUB_PIXEL_GRAY16,
    DAUB_PIXEL_GBRP, /* planes G, B, R */
    DAUB_PIXEL_GBRP10,
    DAUB_PIXEL_GBRP12,
    DAUB_PIXEL_GBRP16,
    DAUB_PIXEL_YUV420P,
    DAUB_PIXEL_YUV422P,
    DAUB_PIXEL_YUV444P,
    DAUB_PIXEL_YUV420P10,
    DAUB_PIXEL_YUV422P10,
    DAUB_PIXEL_YUV444P10,
    DAUB_PIXEL_YUV420P12,
    DAUB_PIXEL_YUV422P12,
    DAUB_PIXEL_YUV444P12,
    DAUB_PIXEL_YUV444P16,
    DAUB_PIXEL_NV12,
    DAUB_PIXEL_P010,
    DAUB_PIXEL_YUYV422,
    DAUB_PIXEL_UYVY422,
};

/* Y'CbCr matrix (ITU-R BT.601, BT.709, BT.2020 non-constant luminance). Ignored for RGB
 * formats; gray needs only the range. */
enum daub_matrix { DAUB_MATRIX_BT601 = 1, DAUB_MATRIX_BT709, DAUB_MATRIX_BT2020 };

/* Limited: luma 16..235, chroma 16..240 (scaled by 2^(depth-8)); full: all codes. RGB
 * formats are always full range. */
enum daub_range { DAUB_RANGE_LIMITED = 1, DAUB_RANGE_FULL };

/* Where a chroma sample of a subsampled format sits: LEFT is MPEG-2 and H.264's default
 * (centred vertically only), CENTER is MPEG-1 and JPEG, TOPLEFT is BT.2020. */
enum daub_chroma { DAUB_CHROMA_LEFT = 1, DAUB_CHROMA_CENTER, DAUB_CHROMA_TOPLEFT };

/* What the samples mean. A zero matrix means BT.709 from 720 lines up and BT.601 below; a
 * zero range means limited; a zero chroma means left. */
struct daub_format {
    enum daub_pixel_format pixel;
    enum daub_matrix matrix;
    enum daub_range range;
    enum daub_chroma chroma;
};

/* A view of width x height pixels; planes and byte strides as the pixel format needs
 * them, unused ones NULL and 0. Strides may be negative (bottom-up pictures). Chroma
 * planes of odd-sized pictures are rounded up. */
struct daub_image {
    int width, height;
    struct daub_format format;
    void *plane[3];
    ptrdiff_t stride[3];
};

/* Planes of a format (1 to 3); 0 for a value that is no format. Thread-safe. */
DAUB_API int daub_pixel_planes(enum daub_pixel_format pixel);

/* Bytes of one row of samples and number of rows of a plane of a width x height picture,
 * without padding. Returns false where there is no such plane. Thread-safe. */
DAUB_API bool daub_pixel_plane_size(enum daub_pixel_format pixel, int plane, int width,
                                    int height, size_t *row_bytes, int *rows);

#ifdef __cplusplus
}
#endif
#endif
