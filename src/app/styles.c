#include "app/styles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "media/still.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/input.h"
#include "util/log.h"
#include "util/text.h"

void styles_init(struct styles *styles, const struct daub_model *model,
                 struct daub_device *device, struct daub_stop *stop)
{
    *styles = (struct styles){.model = model,
                              .info = daub_model_get_info(model),
                              .device = device,
                              .stop = stop};
}

void styles_uninit(struct styles *styles)
{
    for (size_t i = 0; i < styles->picture_count; i++)
        free(styles->pictures[i].path);
    free(styles->pictures);
    daub_encoder_free(styles->encoder);
    *styles = (struct styles){0};
}

int styles_count(const struct styles *styles)
{
    return styles->info->style_count + (int)styles->picture_count;
}

const char *styles_title(const struct styles *styles, int style)
{
    int picture = style - styles->info->style_count;
    if (picture >= 0)
        return styles->pictures[picture].signal.title;
    const struct daub_style_info *info = &styles->info->styles[style];
    return info->title ? info->title : info->name;
}

/* ---- pictures ---- */

/* The file's name without folder and extension. */
static void set_title(const char *path, struct daub_signal *signal)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    int length = dot > name ? (int)(dot - name) : (int)strlen(name);
    snprintf(signal->title, sizeof(signal->title), "%.*s", length, name);
}

static bool encode(struct styles *styles, const char *path, struct daub_signal *signal,
                   struct daub_error *error)
{
    struct daub_error cause = {0};
    int64_t start_us = daub_clock_us();
    if (!styles->encoder &&
        daub_encoder_load(styles->model, NULL, &styles->encoder, error) != DAUB_OK)
        return false;
    AVFrame *frame = media_still_read(path, STILL_SIDE_STYLE, styles->stop, error);
    if (!frame)
        return false;
    struct daub_image image = {.width = frame->width,
                               .height = frame->height,
                               .format.pixel = DAUB_PIXEL_RGBA,
                               .plane = {frame->data[0]},
                               .stride = {frame->linesize[0]}};
    bool ok =
        daub_encode(styles->device, styles->encoder, &image, signal, &cause) == DAUB_OK;
    av_frame_free(&frame);
    if (!ok)
        return daub_fail(error, cause.status, "%s: %s", path, cause.message);
    set_title(path, signal);
    daub_log(DAUB_LOG_VERBOSE, "the style of %s was found in %.0f ms", path,
             (double)(daub_clock_us() - start_us) / 1000);
    return true;
}

static bool read_signal(const char *path, struct daub_signal *signal,
                        struct daub_error *error)
{
    enum { BYTES_MAX = 1 << 17 };
    struct daub_error cause = {0};
    size_t size;
    char *text = daub_file_load(path, BYTES_MAX, &size);
    daub_input_add(path);
    bool ok = text != NULL;
    if (!ok)
        daub_fail(error, errno == ENOMEM ? DAUB_ERROR_MEMORY : DAUB_ERROR_FAILED,
                  "cannot read the style %s: %s", path, strerror(errno));
    else if (daub_signal_parse(text, size, signal, &cause) != DAUB_OK)
        ok = daub_fail(error, cause.status, "%s: %s", path, cause.message);
    free(text);
    if (ok && !signal->title[0])
        set_title(path, signal);
    return ok;
}

static bool has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcasecmp(path + length - tail, ending) == 0;
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* Whether the model paints with the signal: makes it say why not. */
static bool check_signal(const struct styles *styles, const struct daub_signal *signal,
                         struct daub_error *error)
{
    struct daub_mix_part part = {.signal = signal, .weight = 1};
    float *weights = daub_alloc((size_t)styles->info->weight_count, sizeof(*weights));
    if (!weights)
        return daub_no_memory(error, "the style weights");
    bool ok = daub_model_mix(styles->model, &part, 1, 1, weights, error) == DAUB_OK;
    free(weights);
    return ok;
}

bool styles_add(struct styles *styles, const char *path, int *style,
                struct daub_error *error)
{
    struct daub_signal signal;
    size_t index = 0;
    while (index < styles->picture_count &&
           strcmp(styles->pictures[index].path, path) != 0)
        index++;
    if (!(has_ending(path, ".json") ? read_signal(path, &signal, error)
                                    : encode(styles, path, &signal, error)) ||
        !check_signal(styles, &signal, error))
        return false;
    if (index == styles->picture_count) {
        if (!daub_grow(&styles->pictures, &styles->picture_capacity, index + 1,
                       sizeof(*styles->pictures)) ||
            !(styles->pictures[index].path = daub_strdup(path)))
            return daub_no_memory(error, "a picture");
        styles->picture_count++;
    }
    styles->pictures[index].signal = signal;
    *style = styles->info->style_count + (int)index;
    return true;
}

/* ---- parsing ---- */

static bool fail_name(const struct styles *styles, const char *word,
                      struct daub_error *error)
{
    const struct daub_model_info *info = styles->info;
    if (info->style_count == 0)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "model %s paints like pictures and %s is no path of one, which "
                         "has a '.' or a '/'",
                         info->name, word);
    const char **names = daub_alloc((size_t)info->style_count, sizeof(*names));
    if (!names)
        return daub_no_memory(error, "the style weights");
    for (int i = 0; i < info->style_count; i++)
        names[i] = info->styles[i].name;
    const char *nearest = daub_text_nearest(word, names, (size_t)info->style_count);
    free(names);
    return daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "model %s has no style %s%s%s%s; \"daub models\" lists them",
                     info->name, word, nearest ? "; did you mean " : "",
                     nearest ? nearest : "", nearest ? "?" : "");
}

/* A style's name or number, else the path of a picture. */
static bool find_style(struct styles *styles, const char *word, int *style,
                       struct daub_error *error)
{
    int64_t number;
    for (int i = 0; i < styles->info->style_count; i++) {
        if (strcasecmp(styles->info->styles[i].name, word) == 0) {
            *style = i;
            return true;
        }
    }
    if (daub_text_int(word, 0, styles->info->style_count - 1, &number)) {
        *style = (int)number;
        return true;
    }
    return strpbrk(word, "./") ? styles_add(styles, word, style, error)
                               : fail_name(styles, word, error);
}

/* Parses NAME[=W]; changes the text. */
static bool parse_part(struct styles *styles, char *text, struct style_mix *mix,
                       struct daub_error *error)
{
    char *equals = strrchr(text, '=');
    double weight = 1;
    if (mix->count == STYLE_MIX_MAX)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "a mix has at most %d styles; leave out the weakest",
                         STYLE_MIX_MAX);
    if (equals && !daub_text_double(equals + 1, 0, 1000, &weight))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--style %s: the weight must be a number from 0 to 1000", text);
    if (equals)
        *equals = '\0';
    struct style_part *part = &mix->parts[mix->count];
    if (!find_style(styles, text, &part->style, error))
        return false;
    part->weight = (float)weight;
    mix->count++;
    return true;
}

static bool parse_parts(struct styles *styles, const char *text, struct style_mix *mix,
                        struct daub_error *error)
{
    char *copy = daub_strdup(text);
    float sum = 0;
    bool ok = copy || daub_no_memory(error, "the styles");
    for (char *part = copy; ok && part;) {
        char *comma = strchr(part, ',');
        if (comma)
            *comma = '\0';
        ok = parse_part(styles, part, mix, error);
        part = comma ? comma + 1 : NULL;
    }
    free(copy);
    for (int i = 0; i < mix->count; i++)
        sum += mix->parts[i].weight;
    return ok && (sum > 0 || daub_fail(error, DAUB_ERROR_ARGUMENT,
                                       "--style %s: every weight is 0", text));
}

bool styles_parse(struct styles *styles, const char *text, struct style_mix *mix,
                  struct daub_error *error)
{
    *mix = (struct style_mix){0};
    if (!text && styles->info->style_count == 0)
        return !styles->info->encoder ||
               daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "model %s paints like a picture: name one with -s painting.jpg",
                         styles->info->name);
    mix->parts[0] = (struct style_part){styles->info->default_style, 1};
    mix->count = 1;
    if (!text)
        return true;
    if (styles->info->style_count == 0 && !styles->info->encoder)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "model %s has only one style; leave out --style",
                         styles->info->name);
    if (strpbrk(text, "./") && is_file(text))
        return styles_add(styles, text, &mix->parts[0].style, error);
    mix->count = 0;
    return parse_parts(styles, text, mix, error);
}

bool styles_weights(const struct styles *styles, const struct style_mix *mix,
                    float boldness, float *weights, struct daub_error *error)
{
    struct daub_mix_part parts[STYLE_MIX_MAX];
    for (int i = 0; i < mix->count; i++) {
        int picture = mix->parts[i].style - styles->info->style_count;
        parts[i] = (struct daub_mix_part){
            .signal = picture >= 0 ? &styles->pictures[picture].signal : NULL,
            .style = mix->parts[i].style,
            .weight = mix->parts[i].weight};
    }
    return mix->count == 0 || daub_model_mix(styles->model, parts, mix->count, boldness,
                                             weights, error) == DAUB_OK;
}
