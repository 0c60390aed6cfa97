#include "app/look.h"

#include <math.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"

/* The only style whose weight is not 0; -1 where there are several or none. */
static int only_style(const struct look *look)
{
    int style = -1, used = 0;
    for (int i = 0; i < look->mix.count; i++) {
        if (look->mix.parts[i].weight > 0) {
            style = look->mix.parts[i].style;
            used++;
        }
    }
    return used == 1 ? style : -1;
}

/* Rounded to hundredths, so that steps of 0.05 from anywhere reach 0 and 1 exactly. */
static float rounded_share(float value)
{
    return fminf(fmaxf(roundf(value * 100) / 100, 0), 1);
}

bool look_init(struct look *look, struct painter *painter, struct styles *styles,
               const struct style_mix *mix, float boldness,
               const struct daub_frame_params *params, struct daub_error *error)
{
    *look = (struct look){.painter = painter,
                          .styles = styles,
                          .mix = *mix,
                          .boldness = boldness,
                          .params = *params};
    look->params.style = NULL;
    if (mix->count == 0)
        return true;
    look->weights =
        daub_alloc((size_t)styles->info->weight_count, sizeof(*look->weights));
    look->params.style = look->weights;
    if (!look->weights)
        return daub_no_memory(error, "the style weights");
    return styles_weights(styles, mix, boldness, look->weights, error);
}

void look_uninit(struct look *look)
{
    free(look->weights);
    *look = (struct look){0};
}

static bool is_empty(const struct look_change *change)
{
    return !change->mix && !change->has_boldness && !change->has_strength &&
           !change->has_stability && !change->has_color && !change->has_bypass;
}

void look_commit(struct look *look, const struct look_change *change, int64_t fade_us)
{
    struct daub_error error = {0};
    if (is_empty(change))
        return;
    if (change->mix)
        look->mix = *change->mix;
    if (change->has_boldness)
        look->boldness = rounded_share(change->boldness);
    if (change->has_strength)
        look->params.strength = rounded_share(change->strength);
    if (change->has_stability)
        look->params.stability = rounded_share(change->stability);
    if (change->has_color)
        look->params.color = change->color;
    if (change->has_bypass)
        look->bypass = change->bypass;
    if ((change->mix || change->has_boldness) &&
        !styles_weights(look->styles, &look->mix, look->boldness, look->weights, &error))
        daub_log(DAUB_LOG_ERROR, "%s", error.message);
    struct daub_frame_params params = look->params;
    if (look->bypass)
        params.strength = 0;
    painter_set_frame_params(look->painter, &params, fade_us);
}

void look_set_style(struct look *look, int style)
{
    const struct style_mix mix = {.parts = {{style, 1}}, .count = 1};
    if (style >= 0 && style < styles_count(look->styles))
        look_commit(look, &(struct look_change){.mix = &mix}, LOOK_FADE_US);
}

void look_step_style(struct look *look, int by)
{
    int count = styles_count(look->styles), style = only_style(look);
    if (count == 0)
        return;
    do {
        style = (style + by + count) % count;
    } while (style == look->styles->info->identity_style && count > 1);
    look_set_style(look, style);
}

const char *look_title(const struct look *look)
{
    const struct daub_model_info *model = look->styles->info;
    int style = only_style(look);
    if (look->bypass)
        return "the input";
    if (look->mix.count == 0)
        return model->title ? model->title : model->name;
    return style < 0 ? "a mix of styles" : styles_title(look->styles, style);
}
