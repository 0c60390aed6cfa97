#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

static char folder[64];

void fuzz_need(bool holds, const char *what, const char *more)
{
    if (holds)
        return;
    fprintf(stderr, "%s (%s)\n", what, more);
    abort();
}

/* The length of the character at text; 0: it is no valid UTF-8. The table of the Unicode
 * standard, 3.9. */
static size_t utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char first[2], second[2];
        size_t length;
    } forms[] = {
        {{0x00, 0x7f}, {0, 0}, 1},       {{0xc2, 0xdf}, {0x80, 0xbf}, 2},
        {{0xe0, 0xe0}, {0xa0, 0xbf}, 3}, {{0xe1, 0xec}, {0x80, 0xbf}, 3},
        {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3},
        {{0xf0, 0xf0}, {0x90, 0xbf}, 4}, {{0xf1, 0xf3}, {0x80, 0xbf}, 4},
        {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (text[0] < forms[i].first[0] || text[0] > forms[i].first[1])
            continue;
        bool ok = forms[i].length == 1 ||
                  (text[1] >= forms[i].second[0] && text[1] <= forms[i].second[1]);
        for (size_t k = 2; ok && k < forms[i].length; k++)
            ok = text[k] >= 0x80 && text[k] <= 0xbf;
        return ok ? forms[i].length : 0;
    }
    return 0;
}

void fuzz_need_clean(const char *text, const char *allowed)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = utf8_length(at);
        bool control = *at < ' ' || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
        fuzz_need(length > 0, "printed text is no valid UTF-8", text);
        fuzz_need(!control || strchr(allowed, *at),
                  "printed text has a control character", text);
        at += length;
    }
}

static void check_line(enum daub_log_level level, const char *text, void *user)
{
    (void)level, (void)user;
    fuzz_need_clean(text, "");
}

void fuzz_check_log(void)
{
    daub_log_set_handler(check_line, NULL);
    daub_log_set_level(DAUB_LOG_DEBUG);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s was not removed\n", folder);
}

char *fuzz_path(const char *name)
{
    if (!folder[0]) {
        strcpy(folder, "/tmp/daub-fuzz-XXXXXX");
        fuzz_need(mkdtemp(folder) != NULL, "no folder", folder);
        atexit(remove_folder);
    }
    size_t size = sizeof(folder) + strlen(name) + 2;
    char *path = malloc(size);
    fuzz_need(path != NULL, "no memory", name);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

void fuzz_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    fuzz_need(file && (size == 0 || fwrite(data, size, 1, file) == 1) &&
                  fclose(file) == 0,
              "cannot write", path);
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    fuzz_need(text != NULL, "no memory", "");
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}
