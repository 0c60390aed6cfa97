/* Pictures for the frame tests: memory with guarded padding, samples by component, and
 * plain conversions to and from RGB in double precision. */
#ifndef DAUB_TESTS_PICTURE_H
#define DAUB_TESTS_PICTURE_H

#include <stdbool.h>

#include <daub/daub.h>

struct picture {
    struct daub_image image;
    unsigned char *memory;
    size_t bytes;
};

/* padding: bytes behind each row; flipped: rows stored from the bottom, negative strides.
 */
void picture_init(struct picture *picture, struct daub_format format, int width,
                  int height, int padding, bool flipped);
void picture_free(struct picture *picture);
/* Whether the padding between the rows is unchanged since picture_init. */
bool picture_guarded(const struct picture *picture);

/* Samples of component 0..2 (R G B or Y Cb Cr; gray: 0), x and y in its own resolution.
 */
int picture_components(const struct picture *picture);
void picture_size(const struct picture *picture, int component, int *columns, int *rows);
int picture_depth(const struct picture *picture);
int picture_get(const struct picture *picture, int component, int x, int y);
void picture_set(struct picture *picture, int component, int x, int y, int code);

/* rgb: [height][width][3], 0..1; codes outside the range give values outside it. Chroma
 * is interpolated linearly at its position; picture_encode filters it with the duals. */
void picture_decode(const struct picture *picture, double *rgb);
void picture_encode(struct picture *picture, const double *rgb);
/* Luma of an RGB pixel in the picture's matrix (BT.709 for RGB formats). */
double picture_luma(const struct picture *picture, const double rgb[3]);

/* Color bars of 75 %, ramps and dark steps; chroma changes sharply. */
void picture_bars(struct picture *picture);
/* Smooth changes of all components, inside the RGB cube. */
void picture_gradient(struct picture *picture);
/* Any codes, most of them outside the RGB cube. */
void picture_noise(struct picture *picture, unsigned seed);

/* Largest difference of two pictures in codes. */
int picture_difference(const struct picture *a, const struct picture *b);

#endif
