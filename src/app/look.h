/* The look of the painting, as keys change it. */
#ifndef DAUB_APP_LOOK_H
#define DAUB_APP_LOOK_H

#include <stdbool.h>

#include "app/painter.h"

/* Use from one thread; the painter takes changes from any. */
struct look {
    struct painter *painter;
    const struct daub_model_info *model;
    float *weights; /* style_count; NULL where the model has no styles */
    struct daub_frame_params params;
    int style;   /* shown alone; -1: a mix */
    bool bypass; /* the input is shown */
};

/* Begins with what the painter was made with. Uninit is allowed after failure. */
bool look_init(struct look *look, struct painter *painter,
               const struct daub_model_info *model,
               const struct daub_frame_params *params, struct daub_error *error);
void look_uninit(struct look *look);

/* Style of that index; out of range: nothing changes. The identity style, which is what
 * strength is for, is left out by look_step_style. Fades. */
void look_set_style(struct look *look, int style);
void look_step_style(struct look *look, int by);
/* A mix, style_count weights. */
void look_set_weights(struct look *look, const float *weights);
/* Brought within 0..1 and to whole hundredths; these four take effect at once. */
void look_set_strength(struct look *look, float strength);
void look_set_stability(struct look *look, float stability);
void look_set_keep_colors(struct look *look, bool keep);
void look_set_bypass(struct look *look, bool bypass);

/* Title of the style, or what stands for it. */
const char *look_title(const struct look *look);

#endif
