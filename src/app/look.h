/* The look: the user's current choice of style, strength, stability and color mode, as
 * keys and control messages change it. */
#ifndef DAUB_APP_LOOK_H
#define DAUB_APP_LOOK_H

#include <stdbool.h>

#include "app/painter.h"

enum { LOOK_FADE_US = 500000 }; /* length of the fade to another style */

/* Use from one thread. */
struct look {
    struct painter *painter;
    const struct daub_model_info *model;
    float *weights;                  /* style_count; NULL where the model has no styles */
    struct daub_frame_params params; /* without the style, which weights holds */
    int style;                       /* index of the only style in use; -1: a mix */
    bool bypass;                     /* the input is shown */
};

/* What to change; everything else stays as it is. */
struct look_change {
    const float *weights; /* style_count, borrowed during the call; NULL: unchanged */
    bool has_strength, has_stability, has_color, has_bypass;
    float strength, stability; /* limited to 0..1 and rounded to hundredths */
    enum daub_color_mode color;
    bool bypass;
};

/* Starts with the parameters that the painter was made with. Uninit is allowed after
 * failure. */
bool look_init(struct look *look, struct painter *painter,
               const struct daub_model_info *model,
               const struct daub_frame_params *params, struct daub_error *error);
void look_uninit(struct look *look);

/* Applies the change between two frames: no frame is painted with only a part of it.
 * Style weights, strength and stability go to their new values in one fade of fade_us (0:
 * the next frame has them); the color mode changes with the next frame. An empty change
 * leaves a running fade as it is, any other replaces it. */
void look_commit(struct look *look, const struct look_change *change, int64_t fade_us);

/* Fades to the style of that index; nothing changes where there is none. */
void look_set_style(struct look *look, int style);
/* Fades to the next (by 1) or previous (by -1) style, except the identity style: strength
 * 0 gives the same picture. */
void look_step_style(struct look *look, int by);

/* Title of the style, or words for a mix, a model without styles or the bypass. */
const char *look_title(const struct look *look);

#endif
