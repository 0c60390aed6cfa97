#include "app/look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

enum { FADE_US = 500000 };

static void apply(struct look *look, int64_t fade_us)
{
    struct daub_frame_params params = look->params;
    if (look->bypass)
        params.strength = 0;
    params.style = look->weights;
    painter_set_frame_params(look->painter, &params, fade_us);
}

bool look_init(struct look *look, struct painter *painter,
               const struct daub_model_info *model,
               const struct daub_frame_params *params, struct daub_error *error)
{
    *look =
        (struct look){.painter = painter, .model = model, .params = *params, .style = -1};
    if (model->style_count == 0)
        return true;
    look->weights = daub_alloc((size_t)model->style_count, sizeof(*look->weights));
    if (!look->weights)
        return daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
    for (int i = 0; i < model->style_count; i++) {
        look->weights[i] = params->style ? params->style[i] : i == model->default_style;
        if (look->weights[i] == 1)
            look->style = i;
    }
    return true;
}

void look_uninit(struct look *look)
{
    free(look->weights);
    *look = (struct look){0};
}

void look_set_weights(struct look *look, const float *weights)
{
    look->style = -1;
    for (int i = 0; i < look->model->style_count; i++) {
        look->weights[i] = weights[i];
        if (weights[i] == 1)
            look->style = i;
    }
    apply(look, FADE_US);
}

void look_set_style(struct look *look, int style)
{
    int count = look->model->style_count;
    if (style < 0 || style >= count)
        return;
    for (int i = 0; i < count; i++)
        look->weights[i] = i == style;
    look->style = style;
    apply(look, FADE_US);
}

void look_step_style(struct look *look, int by)
{
    int count = look->model->style_count, style = look->style;
    if (count == 0)
        return;
    do {
        style = (style + by + count) % count;
    } while (style == look->model->identity_style && count > 1);
    look_set_style(look, style);
}

/* In whole hundredths: steps from 0 and 1 and back meet these exactly. */
static float share(float value)
{
    return fminf(fmaxf(roundf(value * 100) / 100, 0), 1);
}

void look_set_strength(struct look *look, float strength)
{
    look->params.strength = share(strength);
    apply(look, 0);
}

void look_set_stability(struct look *look, float stability)
{
    look->params.stability = share(stability);
    apply(look, 0);
}

void look_set_keep_colors(struct look *look, bool keep)
{
    look->params.color = keep ? DAUB_COLOR_KEEP : DAUB_COLOR_PAINT;
    apply(look, 0);
}

void look_set_bypass(struct look *look, bool bypass)
{
    look->bypass = bypass;
    apply(look, 0);
}

const char *look_title(const struct look *look)
{
    if (look->bypass)
        return "the input";
    if (look->model->style_count == 0)
        return look->model->title ? look->model->title : look->model->name;
    if (look->style < 0)
        return "a mix of styles";
    const struct daub_style_info *style = &look->model->styles[look->style];
    return style->title ? style->title : style->name;
}
