/* Pictures in the caller's memory and their formats. */
#ifndef DAUB_IMAGE_H
#define DAUB_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <daub/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Layouts of samples in memory that the shaders read and write without loss. The names
 * are those of FFmpeg's pixel formats. Samples of more than 8 bits are little-endian
 * 16-bit words with the value in the low bits, for P010 in the high bits. */
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

/* Matrix from R'G'B' to Y'CbCr (ITU-R BT.601-7, BT.709-6, BT.2020-2 with non-constant
 * luminance). Not used for RGB and gray formats. */
enum daub_matrix { DAUB_MATRIX_BT601 = 1, DAUB_MATRIX_BT709, DAUB_MATRIX_BT2020 };

/* Limited: luma 16..235 and chroma 16..240, times 2^(depth-8); full: all values. RGB
 * formats are always full range. */
enum daub_range { DAUB_RANGE_LIMITED = 1, DAUB_RANGE_FULL };

/* Location of a chroma sample of a subsampled format. LEFT: the default of MPEG-2 and
 * H.264, centred only vertically; CENTER: MPEG-1 and JPEG; TOPLEFT: BT.2020. */
enum daub_chroma { DAUB_CHROMA_LEFT = 1, DAUB_CHROMA_CENTER, DAUB_CHROMA_TOPLEFT };

/* Layout and meaning of samples. Zero fields have defaults: matrix BT.709 for pictures of
 * 720 and more lines, else BT.601; range limited; chroma left. */
struct daub_format {
    enum daub_pixel_format pixel;
    enum daub_matrix matrix;
    enum daub_range range;
    enum daub_chroma chroma;
};

/* A view of a picture of width x height pixels; the caller owns the memory. plane[i]
 * points to the first row of a plane and stride[i] is the distance between its rows in
 * bytes, negative for a picture that is stored bottom-up. Unused planes are NULL and 0.
 * Chroma planes of an odd size are rounded up. */
struct daub_image {
    int width, height;
    struct daub_format format;
    void *plane[3];
    ptrdiff_t stride[3];
};

/* The number of planes of a format, 1 to 3; 0 for a value that is no format. Thread-safe.
 */
DAUB_API int daub_pixel_planes(enum daub_pixel_format pixel);

/* The size of a plane of a width x height picture without padding: bytes of one row, and
 * number of rows. false where the format has no such plane. Thread-safe. */
DAUB_API bool daub_pixel_plane_size(enum daub_pixel_format pixel, int plane, int width,
                                    int height, size_t *row_bytes, int *rows);

#ifdef __cplusplus
}
#endif
#endif
