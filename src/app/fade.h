/* A fade from one set of frame parameters to another, frame by frame. Where the model has
 * styles, the weights during a fade are those of a mix of both, which is painted as fast
 * as one. */
#ifndef DAUB_APP_FADE_H
#define DAUB_APP_FADE_H

#include <stdbool.h>
#include <stdint.h>

#include <daub/daub.h>

/* Use from one thread at a time. */
struct fade {
    int weight_count, default_style;
    float *weights; /* [2][weight_count]: at the start and at the end */
    struct daub_frame_params from, to; /* without the style */
    int64_t start_us, length_us;
};

/* Starts with params, whose weights are copied. Uninit is allowed after failure. */
bool fade_init(struct fade *fade, const struct daub_model_info *model,
               const struct daub_frame_params *params, struct daub_error *error);
/* Fades from the parameters at now_us to params within length_us; 0 or less: at once. The
 * color mode changes at once. */
void fade_to(struct fade *fade, const struct daub_frame_params *params, int64_t now_us,
             int64_t length_us);
/* The parameters at now_us, not before the start of the fade. params->style becomes
 * weights, weight_count of them, which the caller owns; NULL where the model has no
 * styles. */
void fade_at(const struct fade *fade, int64_t now_us, struct daub_frame_params *params,
             float *weights);
void fade_uninit(struct fade *fade);

#endif
