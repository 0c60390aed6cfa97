#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 64 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment distance over three rows. */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    size_t rows[3][WORD_MAX + 1];
    if (na > WORD_MAX || nb > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]);
            int cb = tolower((unsigned char)b[j - 1]);
            now[j] = smallest(up[j] + 1, now[j - 1] + 1, up[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]) && up2[j - 2] + 1 < now[j])
                now[j] = up2[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

const char *daub_text_nearest(const char *word, const char *const *names, size_t count)
{
    size_t limit = strlen(word) / 3;
    const char *best = NULL;
    if (limit == 0)
        limit = 1;
    for (size_t i = 0; i < count; i++) {
        size_t far = distance(word, names[i]);
        if (far > limit || (best && far == limit))
            continue;
        best = names[i];
        limit = far;
    }
    return best;
}

bool daub_text_int(const char *text, int64_t min, int64_t max, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || isspace((unsigned char)*text) || number < min ||
        number > max)
        return false;
    *value = number;
    return true;
}

static bool plain_double(const char *text, char **end, double *value)
{
    if (!isdigit((unsigned char)*text) && !strchr("+-.", *text))
        return false; /* strtod would accept blanks, "inf" and "nan" */
    *value = strtod(text, end);
    return *end != text && isfinite(*value);
}

bool daub_text_double(const char *text, double min, double max, double *value)
{
    char *end;
    double number;
    if (!plain_double(text, &end, &number) || *end || number < min || number > max)
        return false;
    *value = number;
    return true;
}

bool daub_text_si(const char *text, int64_t min, int64_t max, int64_t *value)
{
    char *end;
    double number;
    if (!plain_double(text, &end, &number))
        return false;
    if (*end == 'k' || *end == 'K')
        number *= 1e3, end++;
    else if (*end == 'M' || *end == 'm')
        number *= 1e6, end++;
    else if (*end == 'G' || *end == 'g')
        number *= 1e9, end++;
    if (*end || number < (double)min || number > (double)max)
        return false;
    *value = llrint(number);
    return true;
}

bool daub_text_time(const char *text, int64_t *us)
{
    double total = 0, part, scale = 1e6;
    int parts = 0;
    char *end;
    for (;; text = end + 1) {
        if (!isdigit((unsigned char)*text) && *text != '.')
            return false;
        part = strtod(text, &end);
        total = total * 60 + part;
        if (++parts > 3 || end == text)
            return false;
        if (*end != ':')
            break;
    }
    if (parts == 1 && strcmp(end, "ms") == 0)
        scale = 1e3;
    else if (parts == 1 && strcmp(end, "us") == 0)
        scale = 1;
    else if (*end && !(parts == 1 && strcmp(end, "s") == 0))
        return false;
    if (!isfinite(total) || total > 1e9)
        return false;
    *us = llrint(total * scale);
    return true;
}

void daub_text_clock(char *buffer, size_t size, double seconds)
{
    int64_t whole = seconds > 0 && seconds < 1e9 ? (int64_t)seconds : 0;
    int64_t hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
    if (hours)
        snprintf(buffer, size, "%" PRId64 ":%02" PRId64 ":%02" PRId64, hours, minutes,
                 rest);
    else
        snprintf(buffer, size, "%" PRId64 ":%02" PRId64, minutes, rest);
}

void daub_text_bytes(char *buffer, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit < 4) {
        value /= 1000;
        unit++;
    }
    snprintf(buffer, size, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value,
             units[unit]);
}

/* Length of the character at text, and its code in *code; 0: no UTF-8. Overlong forms and
 * surrogates are none. */
static size_t utf8_character(const unsigned char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t more = text[0] < 0x80 ? 0 : text[0] < 0xe0 ? 1 : text[0] < 0xf0 ? 2 : 3;
    if ((text[0] >= 0x80 && text[0] < 0xc0) || text[0] >= 0xf8)
        return 0;
    *code = more ? text[0] & (0x3fu >> more) : text[0];
    for (size_t i = 1; i <= more; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (text[i] & 0x3f);
    }
    bool valid =
        *code >= least[more] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
    return valid ? more + 1 : 0;
}

/* Control characters, ends of lines, and marks that change the direction of text. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
           code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

void daub_text_clean(char *text, const char *keep)
{
    const unsigned char *from = (const unsigned char *)text;
    while (*from) {
        uint32_t code = 0;
        size_t length = utf8_character(from, &code);
        bool kept =
            length > 0 && (!is_control(code) || (code < 0x80 && strchr(keep, (int)code)));
        if (!kept)
            *text++ = '?';
        for (size_t i = 0; i < length && kept; i++)
            *text++ = (char)from[i];
        from += length ? length : 1;
    }
    *text = '\0';
}

bool daub_text_print(FILE *file, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    bool ok = vasprintf(&text, format, args) >= 0;
    va_end(args);
    if (!ok)
        return false;
    daub_text_clean(text, "\n\t");
    ok = fputs(text, file) >= 0;
    free(text);
    return ok;
}
