/* The look: the user's current choice of style, boldness, strength, stability and color
 * mode, as keys and control messages change it. */
#ifndef DAUB_APP_LOOK_H
#define DAUB_APP_LOOK_H

#include <stdbool.h>

#include "app/painter.h"
#include "app/styles.h"

enum { LOOK_FADE_US = 500000 }; /* length of the fade to another style */

/* Use from one thread. */
struct look {
    struct painter *painter;
    struct styles *styles;
    struct style_mix mix;
    float boldness;
    float *weights;                  /* of mix at boldness, weight_count */
    struct daub_frame_params params; /* style is weights; NULL: the model has no styles */
    bool bypass;                     /* the input is shown */
};

/* What to change; everything else stays as it is. */
struct look_change {
    const struct style_mix *mix; /* borrowed during the call; NULL: unchanged */
    bool has_boldness, has_strength, has_stability, has_color, has_bypass;
    float boldness, strength, stability; /* limited to 0..1, rounded to hundredths */
    enum daub_color_mode color;
    bool bypass;
};

/* Starts with the mix at that boldness and with params, whose style is not used. The
 * painter is to be created with look->params afterwards, before the first change. Uninit
 * is allowed after failure. */
bool look_init(struct look *look, struct painter *painter, struct styles *styles,
               const struct style_mix *mix, float boldness,
               const struct daub_frame_params *params, struct daub_error *error);
void look_uninit(struct look *look);

/* Applies the change between two frames: no frame is painted with only a part of it.
 * Style weights, strength and stability go to their new values in one fade of fade_us (0:
 * the next frame has them); the color mode changes with the next frame. An empty change
 * leaves a running fade as it is, any other replaces it. */
void look_commit(struct look *look, const struct look_change *change, int64_t fade_us);

/* Fades to the style or picture of that number; nothing changes where there is none. */
void look_set_style(struct look *look, int style);
/* Fades to the next (by 1) or previous (by -1) style or picture, except the identity
 * style: strength 0 gives the same picture. */
void look_step_style(struct look *look, int by);

/* Title of the style, or words for a mix, a model without styles or the bypass. */
const char *look_title(const struct look *look);

#endif
