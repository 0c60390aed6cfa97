/* Moving from one look of the painting to another, frame by frame. Where the model has
 * styles the way leads over mixtures of both, which cost nothing to paint. */
#ifndef DAUB_APP_FADE_H
#define DAUB_APP_FADE_H

#include <stdbool.h>
#include <stdint.h>

#include <daub/daub.h>

/* Use from one thread at a time. */
struct fade {
    int styles, default_style;
    float *weights; /* 3 rows of that many: where from, where to, now */
    struct daub_frame_params from, to, now;
    int64_t start_us, length_us;
};

/* Starts with params, whose weights are copied. Uninit is allowed after failure. */
bool fade_init(struct fade *fade, const struct daub_model_info *model,
               const struct daub_frame_params *params, struct daub_error *error);
/* From what is shown at now_us to params within length_us; 0 or less: at once. Colours
 * change at once. */
void fade_to(struct fade *fade, const struct daub_frame_params *params, int64_t now_us,
             int64_t length_us);
/* What to paint with at now_us, which may not go back; the fade's until the next call. */
const struct daub_frame_params *fade_at(struct fade *fade, int64_t now_us);
void fade_uninit(struct fade *fade);

#endif
