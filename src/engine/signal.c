/* Style signals as text. */
#include <daub/signal.h>

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model.h"
#include "util/error.h"
#include "util/text.h"

/* Copies UTF-8 text without control characters, because titles are printed in messages
 * and drawn in the window. Text that is too long is cut before a whole character. */
static void copy_title(char *to, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    for (size_t i = 0; i < length; i++)
        to[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? ' ' : text[i];
    to[length] = '\0';
    daub_text_clean(to, "");
}

static bool parse_vector(const cJSON *z, struct daub_signal *signal,
                         struct daub_error *error)
{
    int count = cJSON_IsArray(z) ? cJSON_GetArraySize(z) : 0;
    if (count < 1 || count > DAUB_SIGNAL_MAX)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "\"z\" is no list of 1 to %d numbers", DAUB_SIGNAL_MAX);
    const cJSON *item;
    cJSON_ArrayForEach(item, z)
    {
        /* + 0: -0 becomes 0, as newer versions of cJSON print it. */
        float value = cJSON_IsNumber(item) ? (float)item->valuedouble + 0.0f : NAN;
        if (!isfinite(value))
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "element %d of \"z\" is no finite number", signal->count);
        signal->z[signal->count++] = value;
    }
    return true;
}

static bool parse(const cJSON *json, struct daub_signal *signal, struct daub_error *error)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "daub-style");
    const char *encoder =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "encoder"));
    const char *title =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "title"));
    if (!cJSON_IsNumber(version))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "it is no style that \"daub style\" wrote");
    if (version->valuedouble != 1)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "it is of version %g and this daub reads version 1: make it "
                         "again with \"daub style\"",
                         version->valuedouble);
    if (!encoder || !model_is_identifier(encoder))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "\"encoder\" is not 16 hexadecimal digits");
    snprintf(signal->encoder, sizeof(signal->encoder), "%s", encoder);
    copy_title(signal->title, sizeof(signal->title), title ? title : "");
    return parse_vector(cJSON_GetObjectItemCaseSensitive(json, "z"), signal, error);
}

enum daub_status daub_signal_parse(const char *text, size_t size,
                                   struct daub_signal *signal, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    *signal = (struct daub_signal){0};
    cJSON *json = cJSON_ParseWithLength(text, size);
    bool ok = parse(json, signal, error);
    cJSON_Delete(json);
    return ok ? DAUB_OK : error->status;
}

/* The value rounded to nine decimal digits, which are enough to read the same float
 * again. cJSON would print the float's own double with 17. */
static double nine_digits(float value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.9g", (double)value);
    return strtod(text, NULL);
}

char *daub_signal_print(const struct daub_signal *signal)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "daub-style", 1);
    cJSON_AddStringToObject(json, "encoder", signal->encoder);
    cJSON_AddStringToObject(json, "title", signal->title);
    cJSON *z = cJSON_AddArrayToObject(json, "z");
    bool ok = z != NULL;
    for (int i = 0; ok && i < signal->count; i++)
        ok = cJSON_AddItemToArray(z, cJSON_CreateNumber(nine_digits(signal->z[i])));
    char *text = ok ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    return text;
}
