#include "app/look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

/* The style whose weight is 1; -1 where there is none. */
static int only_style(const struct look *look)
{
    int style = -1;
    for (int i = 0; i < look->model->style_count; i++) {
        if (look->weights[i] == 1)
            style = i;
    }
    return style;
}

bool look_init(struct look *look, struct painter *painter,
               const struct daub_model_info *model,
               const struct daub_frame_params *params, struct daub_error *error)
{
    *look =
        (struct look){.painter = painter, .model = model, .params = *params, .style = -1};
    look->params.style = NULL;
    if (model->style_count == 0)
        return true;
    look->weights = daub_alloc((size_t)model->style_count, sizeof(*look->weights));
    if (!look->weights)
        return daub_no_memory(error, "the style weights");
    for (int i = 0; i < model->style_count; i++)
        look->weights[i] = params->style ? params->style[i] : i == model->default_style;
    look->style = only_style(look);
    return true;
}

void look_uninit(struct look *look)
{
    free(look->weights);
    *look = (struct look){0};
}

/* Rounded to hundredths, so that steps of 0.05 from anywhere reach 0 and 1 exactly. */
static float rounded_share(float value)
{
    return fminf(fmaxf(roundf(value * 100) / 100, 0), 1);
}

static bool is_empty(const struct look_change *change)
{
    return !change->weights && !change->has_strength && !change->has_stability &&
           !change->has_color && !change->has_bypass;
}

void look_commit(struct look *look, const struct look_change *change, int64_t fade_us)
{
    if (is_empty(change))
        return;
    for (int i = 0; change->weights && i < look->model->style_count; i++)
        look->weights[i] = change->weights[i];
    if (change->weights)
        look->style = only_style(look);
    if (change->has_strength)
        look->params.strength = rounded_share(change->strength);
    if (change->has_stability)
        look->params.stability = rounded_share(change->stability);
    if (change->has_color)
        look->params.color = change->color;
    if (change->has_bypass)
        look->bypass = change->bypass;
    struct daub_frame_params params = look->params;
    params.style = look->weights;
    if (look->bypass)
        params.strength = 0;
    painter_set_frame_params(look->painter, &params, fade_us);
}

void look_set_style(struct look *look, int style)
{
    int count = look->model->style_count;
    if (style < 0 || style >= count)
        return;
    for (int i = 0; i < count; i++)
        look->weights[i] = i == style;
    look_commit(look, &(struct look_change){.weights = look->weights}, LOOK_FADE_US);
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
