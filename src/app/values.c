/* Parsing of sizes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "util/error.h"
#include "util/text.h"

enum { SIDE_MAX = 32768 };

static bool fixed_size(const char *text, struct size_spec *size)
{
    const char *x = strpbrk(text, "xX");
    char width[16];
    int64_t w, h;
    if (!x || (size_t)(x - text) >= sizeof(width))
        return false;
    snprintf(width, sizeof(width), "%.*s", (int)(x - text), text);
    if (!daub_text_int(width, 1, SIDE_MAX, &w) || !daub_text_int(x + 1, 1, SIDE_MAX, &h))
        return false;
    *size = (struct size_spec){.kind = SIZE_FIXED, .width = (int)w, .height = (int)h};
    return true;
}

/* Parses a number that is followed by the letter last only: "720p". */
static bool number_before(const char *text, char last, double max, double *number)
{
    char digits[16];
    size_t length = strlen(text);
    if (length < 2 || length > sizeof(digits) || text[length - 1] != last)
        return false;
    snprintf(digits, sizeof(digits), "%.*s", (int)length - 1, text);
    return daub_text_double(digits, 1, max, number);
}

bool size_parse(const char *text, const char *option, struct size_spec *size,
                struct daub_error *error)
{
    double number;
    *size = (struct size_spec){.kind = SIZE_NATIVE};
    if (!text || strcmp(text, "native") == 0 || fixed_size(text, size))
        return true;
    if (number_before(text, 'p', SIDE_MAX, &number)) {
        *size = (struct size_spec){.kind = SIZE_LINES, .height = (int)number};
        return true;
    }
    if (number_before(text, '%', 1000, &number)) {
        *size = (struct size_spec){.kind = SIZE_PERCENT, .percent = number};
        return true;
    }
    return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s %s: write WxH, 720p, 50%% or native",
                     option, text);
}

static int scaled(int side, double factor)
{
    double result = round(side * factor);
    return result < 1 ? 1 : result > SIDE_MAX ? SIDE_MAX : (int)result;
}

void size_apply(const struct size_spec *size, int width, int height, int *new_width,
                int *new_height)
{
    int shorter = width < height ? width : height;
    double factor = 1;
    if (size->kind == SIZE_LINES)
        factor = (double)size->height / shorter;
    else if (size->kind == SIZE_PERCENT)
        factor = size->percent / 100;
    *new_width = size->kind == SIZE_FIXED ? size->width : scaled(width, factor);
    *new_height = size->kind == SIZE_FIXED ? size->height : scaled(height, factor);
    /* The side that "720p" leaves open becomes even, because 4:2:0 needs that. */
    if (size->kind == SIZE_LINES && size->height % 2 == 0) {
        *new_width = width == shorter ? size->height : (*new_width + 1) / 2 * 2;
        *new_height = height == shorter ? size->height : (*new_height + 1) / 2 * 2;
    }
}
