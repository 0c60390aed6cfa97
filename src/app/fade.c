#include "app/fade.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/error.h"

enum { FROM = 0, TO, ROWS };

static float *row(const struct fade *fade, int index)
{
    return fade->weights + (size_t)index * (size_t)fade->weight_count;
}

static void set_target(struct fade *fade, const struct daub_frame_params *params)
{
    fade->to = *params;
    fade->to.style = NULL;
    for (int i = 0; i < fade->weight_count; i++)
        row(fade, TO)[i] = params->style ? params->style[i] : i == fade->default_style;
}

bool fade_init(struct fade *fade, const struct daub_model_info *model,
               const struct daub_frame_params *params, struct daub_error *error)
{
    *fade = (struct fade){.weight_count = model->weight_count,
                          .default_style = model->default_style};
    if (fade->weight_count) {
        fade->weights =
            daub_alloc((size_t)fade->weight_count * ROWS, sizeof(*fade->weights));
        if (!fade->weights)
            return daub_no_memory(error, "the style weights");
    }
    set_target(fade, params);
    return true;
}

void fade_to(struct fade *fade, const struct daub_frame_params *params, int64_t now_us,
             int64_t length_us)
{
    fade_at(fade, now_us, &fade->from, fade->weights ? row(fade, FROM) : NULL);
    fade->from.style = NULL;
    set_target(fade, params);
    fade->start_us = now_us;
    fade->length_us = length_us;
}

static float mix(float a, float b, float part)
{
    return a + part * (b - a);
}

void fade_at(const struct fade *fade, int64_t now_us, struct daub_frame_params *params,
             float *weights)
{
    float part = 1;
    if (now_us - fade->start_us < fade->length_us)
        part = (float)(now_us - fade->start_us) / (float)fade->length_us;
    /* fade_to passes fade->from and its weights, so each value is read before it is
     * written. */
    struct daub_frame_params result = fade->to;
    if (part < 1) {
        result.strength = mix(fade->from.strength, fade->to.strength, part);
        result.stability = mix(fade->from.stability, fade->to.stability, part);
    }
    for (int i = 0; i < fade->weight_count; i++) {
        float to = row(fade, TO)[i];
        weights[i] = part < 1 ? mix(row(fade, FROM)[i], to, part) : to;
    }
    result.style = fade->weight_count ? weights : NULL;
    *params = result;
}

void fade_uninit(struct fade *fade)
{
    free(fade->weights);
    *fade = (struct fade){0};
}
