/* What an encoder reads of a picture. */
#ifndef DAUB_ENGINE_CROPS_H
#define DAUB_ENGINE_CROPS_H

#include <daub/image.h>

enum { CROP_SIDE = 256, CROPS_MAX = 3 };

struct crops {
    int count; /* 1 where the picture is nearly square or is not cut, else 3 */
    int width, height;
    float *rgb; /* [count][3][height][width], 0..1; free with free() */
};

/* Lays RGBA on white, cuts margins of one color off, takes the middle of what is longer
 * than 2:1, scales the short side to `side` (by the mean over areas; larger by cubic
 * interpolation), and cuts squares at the start, the middle and the end of the long side.
 * Errors: as daub_encode's. */
bool crops_make(const struct daub_image *picture, int side, struct crops *crops,
                struct daub_error *error);
/* The same without the squares: one picture, of its own size where its short side has at
 * most `most` pixels. */
bool crops_whole(const struct daub_image *picture, int most, struct crops *crops,
                 struct daub_error *error);

#endif
