/* The pixel format table behind <daub/image.h>. */
#ifndef DAUB_ENGINE_IMAGE_H
#define DAUB_ENGINE_IMAGE_H

#include <daub/image.h>

/* Where a component's samples lie. */
struct image_component {
    int plane;
    int step;   /* samples from one pixel to the next */
    int offset; /* samples from the row's start to the first */
};

struct image_layout {
    enum daub_pixel_format pixel;
    const char *name;
    int planes;
    int components;   /* 1 gray, 3 */
    bool rgb;         /* components are R, G, B, else Y, Cb, Cr */
    int sub_x, sub_y; /* log2 of the chroma subsampling */
    int bytes;        /* of a sample */
    int depth, shift; /* significant bits, and zero bits below them */
    struct image_component component[3];
    int alpha_offset; /* of a packed alpha sample, -1: none */
};

/* NULL for a value that is no format. */
const struct image_layout *image_layout(enum daub_pixel_format pixel);

/* Fills zero fields by the rules of <daub/image.h>. */
struct daub_format image_defaults(struct daub_format format, int height);

/* Coefficients of one picture's samples, as integers of 2^depth - 1 = 1, to RGB 0..1:
 * rgb = matrix * sample + offset; and back. Sources: ITU-R BT.601-7, BT.709-6, BT.2020-2.
 */
struct image_color {
    float to_rgb[3][3], to_rgb_offset[3];
    float from_rgb[3][3], from_rgb_offset[3];
};
void image_color(const struct daub_format *format, struct image_color *color);

/* Bytes from row to row of a tightly packed copy, a multiple of four. */
size_t image_packed_stride(const struct image_layout *layout, int plane, int width);
/* Offset of a plane in a packed copy; plane = layout->planes gives the whole size. */
size_t image_packed_offset(const struct image_layout *layout, int plane, int width,
                           int height);

#endif
