/* Rows of the style input: which the model has, and the weights of a mix of styles and
 * pictures.
 *
 * Row i is that of style i, the bold one where it has two. The soft row of style i >= 1
 * is row daub.soft + i - 1. A picture's rows are those of daub.basis: a constant one and
 * one for each element of its signal, bold and, where "soft" is given, soft. */
#include <daub/signal.h>

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/model.h"
#include "engine/probe.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/text.h"

#define BOLDNESS_DEFAULT 0.5f

/* ---- metadata ---- */

/* Rows that one key names. */
struct span {
    const char *what;
    int first, count;
};

/* Whether all spans lie within the style input and share no row. */
static bool check_spans(const struct daub_model *model, const struct span *spans,
                        int count, struct daub_error *error)
{
    int rows = net_onnx_get_info(model->onnx)->style_count;
    for (int i = 0; i < count; i++) {
        const struct span *a = &spans[i];
        if (a->first < 0 || a->count < 1 || a->count > rows || a->first > rows - a->count)
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "%s: %s needs rows %d to %d, but the style input has %d; "
                             "export the file again",
                             model->name, a->what, a->first, a->first + a->count - 1,
                             rows);
        for (int k = 0; k < i; k++) {
            const struct span *b = &spans[k];
            if (a->first < b->first + b->count && b->first < a->first + a->count)
                return daub_fail(error, DAUB_ERROR_MODEL,
                                 "%s: %s and %s share rows; export the file again",
                                 model->name, b->what, a->what);
        }
    }
    return true;
}

bool model_is_identifier(const char *text)
{
    for (int i = 0; i < 16; i++) {
        if (!isdigit((unsigned char)text[i]) && (text[i] < 'a' || text[i] > 'f'))
            return false;
    }
    return text[16] == '\0';
}

void model_identifier(const void *data, size_t size, char identifier[static 17])
{
    snprintf(identifier, 17, "%016llx", (unsigned long long)daub_hash(data, size));
}

/* A member that is a whole number from 0 to 65536; -1 where it is not. */
static int whole_number(const cJSON *item, const char *key)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(item, key);
    double value = cJSON_IsNumber(number) ? number->valuedouble : -1;
    return value >= 0 && value <= 65536 && value == floor(value) ? (int)value : -1;
}

static bool read_basis(struct daub_model *model, const char *text,
                       struct daub_error *error)
{
    struct model_rows *rows = &model->rows;
    cJSON *json = strlen(text) <= MODEL_TEXT_MAX ? cJSON_Parse(text) : NULL;
    const char *encoder =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "encoder"));
    bool soft = cJSON_GetObjectItemCaseSensitive(json, "soft") != NULL;
    bool named = encoder && model_is_identifier(encoder);
    if (named)
        snprintf(rows->encoder, sizeof(rows->encoder), "%s", encoder);
    rows->constant = true;
    rows->bold_basis = whole_number(json, "bold");
    rows->soft_basis = soft ? whole_number(json, "soft") : -1;
    model->info.signal_count = whole_number(json, "rows") - 1;
    cJSON_Delete(json);
    if (!named || rows->bold_basis < 0 || (soft && rows->soft_basis < 0) ||
        model->info.signal_count < 1 || model->info.signal_count > DAUB_SIGNAL_MAX)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: daub.basis must be {\"encoder\": 16 hexadecimal digits, "
                         "\"bold\": row, \"rows\": 2 to %d}; export the file again",
                         model->name, 1 + DAUB_SIGNAL_MAX);
    model->info.encoder = rows->encoder;
    return true;
}

void model_take_signals(struct daub_model *model, const char *encoder)
{
    struct daub_model_info *info = &model->info;
    model->rows = (struct model_rows){.soft = -1, .soft_basis = -1};
    snprintf(model->rows.encoder, sizeof(model->rows.encoder), "%s", encoder);
    info->encoder = model->rows.encoder;
    info->signal_count = net_onnx_get_info(model->onnx)->style_count;
    info->weight_count = info->signal_count;
    info->style_count = 0;
    info->default_style = 0;
    info->identity_style = -1;
    info->boldness = BOLDNESS_DEFAULT;
    info->has_boldness = 0;
}

bool model_read_rows(struct daub_model *model, int styles, struct daub_error *error)
{
    const char *soft = model_property(model->onnx, "daub.soft");
    const char *basis = model_property(model->onnx, "daub.basis");
    const char *boldness = model_property(model->onnx, "daub.boldness");
    struct model_rows *rows = &model->rows;
    struct daub_model_info *info = &model->info;
    struct span spans[4];
    int count = 0;
    double number;
    int64_t first = -1;
    *rows = (struct model_rows){.soft = -1, .bold_basis = -1, .soft_basis = -1};
    info->style_count = net_onnx_get_info(model->onnx)->style_count;
    info->boldness = boldness && daub_text_double(boldness, 0, 1, &number)
                         ? (float)number
                         : BOLDNESS_DEFAULT;
    if (!soft && !basis)
        return true;
    info->style_count = styles;
    spans[count++] = (struct span){"daub.styles", 0, styles};
    if (soft && !daub_text_int(soft, 0, 65536, &first))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: daub.soft is no row of the style input", model->name);
    if (soft)
        spans[count++] = (struct span){"daub.soft", (int)first, styles - 1};
    rows->soft = (int)first;
    if (basis && !read_basis(model, basis, error))
        return false;
    if (basis)
        spans[count++] =
            (struct span){"daub.basis", rows->bold_basis, 1 + info->signal_count};
    if (rows->soft_basis >= 0)
        spans[count++] = (struct span){"\"soft\" of daub.basis", rows->soft_basis,
                                       1 + info->signal_count};
    info->has_boldness = soft || rows->soft_basis >= 0;
    return check_spans(model, spans, count, error);
}

/* ---- weights ---- */

static bool check_part(const struct daub_model *model, const struct daub_mix_part *part,
                       struct daub_error *error)
{
    const struct daub_model_info *info = &model->info;
    const struct daub_signal *signal = part->signal;
    if (!(part->weight >= 0) || !isfinite(part->weight))
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "weight %g is not 0 or more",
                         (double)part->weight);
    if (!signal && (part->style < 0 || part->style >= info->style_count))
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "model %s has no style number %d",
                         info->name, part->style);
    if (!signal)
        return true;
    if (!info->encoder)
        return model_takes_pictures(model, error);
    if (strcmp(signal->encoder, info->encoder) != 0 ||
        signal->count != info->signal_count)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "style %s was made with another encoder (%s) than that of model "
                         "%s (%s); make it again from its picture",
                         signal->title, signal->encoder, info->name, info->encoder);
    for (int i = 0; i < signal->count; i++) {
        if (!isfinite(signal->z[i]))
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "element %d of a style signal is not a finite number", i);
    }
    return true;
}

bool model_takes_pictures(const struct daub_model *model, struct daub_error *error)
{
    return model->info.encoder ||
           daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "model %s takes no pictures as styles (its file has no daub.basis); "
                     "choose one of its styles, another model, name the network that "
                     "reads pictures for it (--style-model), or teach it the picture "
                     "with models/train/run learn",
                     model->name);
}

static void add_signal(const struct daub_signal *signal, float weight, bool constant,
                       float *rows)
{
    if (constant)
        *rows++ += weight;
    for (int i = 0; i < signal->count; i++)
        rows[i] += weight * signal->z[i];
}

/* Share of the bold row at a boldness: 0 at 0, middle at 0.5, 1 at 1, linear between. */
static float bold_share(float middle, float boldness)
{
    return boldness < 0.5f ? 2 * boldness * middle
                           : middle + (2 * boldness - 1) * (1 - middle);
}

static void add_part(const struct daub_model *model, const struct daub_mix_part *part,
                     float weight, float boldness, float *weights)
{
    const struct model_rows *rows = &model->rows;
    int first = part->signal ? rows->bold_basis : part->style;
    int soft = part->signal      ? rows->soft_basis
               : rows->soft < 0  ? -1
               : part->style < 1 ? -1
                                 : rows->soft + part->style - 1;
    float middle = part->signal ? 0.5f : model->styles[part->style].bold_share;
    float share = soft >= 0 ? bold_share(middle, boldness) : 1;
    if (part->signal) {
        add_signal(part->signal, share * weight, rows->constant, weights + first);
        if (soft >= 0)
            add_signal(part->signal, (1 - share) * weight, rows->constant,
                       weights + soft);
        return;
    }
    weights[first] += share * weight;
    if (soft >= 0)
        weights[soft] += (1 - share) * weight;
}

enum daub_status daub_model_mix(const struct daub_model *model,
                                const struct daub_mix_part *parts, int count,
                                float boldness, float *weights, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    float sum = 0;
    for (int i = 0; i < count; i++) {
        if (!check_part(model, &parts[i], error))
            return error->status;
        sum += parts[i].weight;
    }
    if (!(boldness >= 0 && boldness <= 1))
        daub_fail(error, DAUB_ERROR_ARGUMENT, "boldness %g is not between 0 and 1",
                  (double)boldness);
    else if (!(sum > 0) || !isfinite(sum))
        daub_fail(error, DAUB_ERROR_ARGUMENT, "the weights of the mix add up to %g",
                  (double)sum);
    if (error->status != DAUB_OK)
        return error->status;
    memset(weights, 0, (size_t)model->info.weight_count * sizeof(*weights));
    for (int i = 0; i < count; i++)
        add_part(model, &parts[i], parts[i].weight / sum, boldness, weights);
    return DAUB_OK;
}

void model_default_style(const struct daub_model *model, float *style)
{
    struct daub_mix_part part = {.style = model->info.default_style, .weight = 1};
    int count = net_onnx_get_info(model->onnx)->style_count;
    memset(style, 0, (size_t)count * sizeof(*style));
    if (count > 0 && model->info.style_count == 0) {
        /* No picture was chosen: any vector will do for checks and timings. */
        uint32_t state = 1;
        for (int i = 0; i < count; i++)
            style[i] = probe_random(&state);
    } else if (count > 0)
        add_part(model, &part, 1, model->info.boldness, style);
}
