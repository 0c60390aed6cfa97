/* Turning frames upright, as their display matrix demands. */
#ifndef DAUB_MEDIA_ORIENTATION_H
#define DAUB_MEDIA_ORIENTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "media/convert.h"

/* A rotation by quarters of a turn (0..3, clockwise) after mirroring left to right. */
struct media_turn {
    int quarters;
    bool mirror;
};

/* The turn that shows a frame with this display matrix upright, rounded to quarters;
 * matrix NULL: none. */
struct media_turn media_turn_of(const int32_t matrix[9]);
bool media_turn_is_none(struct media_turn turn);
/* Whether frames of the format can be turned: neither a palette nor bit-packed samples,
 * and for odd quarters the same chroma subsampling in both directions. */
bool media_turn_possible(struct media_turn turn, enum AVPixelFormat format);
/* A turned copy of the frame from the pool, with its properties except the display
 * matrix; NULL with *error. The format must be possible. */
AVFrame *media_turn_frame(struct media_pool *pool, struct media_turn turn,
                          const AVFrame *from, struct daub_error *error);

/* Turns frames of any format; those that cannot be turned become 4:4:4. Zeroed is
 * empty. */
struct media_turner {
    struct media_pool pool;
    struct media_converter to_full_chroma;
};
AVFrame *media_turner_apply(struct media_turner *turner, struct media_turn turn,
                            const AVFrame *from, struct daub_error *error);
void media_turner_uninit(struct media_turner *turner);

#endif
