/* The square crops of a picture that an encoder reads. */
#ifndef DAUB_ENGINE_CROPS_H
#define DAUB_ENGINE_CROPS_H

#include <daub/image.h>

enum { CROP_SIDE = 256, CROPS_MAX = 3 };

struct crops {
    int count;  /* 1 where the picture is nearly square, else 3 */
    float *rgb; /* [count][3][CROP_SIDE][CROP_SIDE], 0..1; free with free() */
};

/* Lays RGBA on white, cuts margins of one color off, takes the middle of what is longer
 * than 2:1, scales the short side to CROP_SIDE (by the mean over areas; larger by cubic
 * interpolation), and cuts squares at the start, the middle and the end of the long side.
 * Errors: as daub_encode's. */
bool crops_make(const struct daub_image *picture, struct crops *crops,
                struct daub_error *error);

#endif
