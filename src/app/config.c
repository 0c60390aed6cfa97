/* The user's configuration: lines "name = value" with the names of the options; a line
 * "[NAME]" begins the section of a preset. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/options.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/folder.h"
#include "util/text.h"

enum {
    SIZE_MAX_BYTES = 1 << 20,
    PRESETS_MAX = 256, /* whose names are suggested */
};

struct config {
    const char *path;
    struct options *options;
    unsigned verb;
    const char *preset; /* NULL: none */
    bool found;         /* the section of the preset is there */
    const char *names[PRESETS_MAX];
    size_t name_count;
};

static char *trim(char *text)
{
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return text + strspn(text, " \t");
}

static bool fail_line(const struct config *config, int line, const char *what,
                      struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s:%d: %s", config->path, line, what);
}

/* A section's heading. *wanted: whether its lines count. */
static bool read_heading(struct config *config, char *text, int line, bool *wanted,
                         struct daub_error *error)
{
    char *end = strchr(text, ']');
    if (!end || end[1] || end == text + 1)
        return fail_line(config, line, "a section is written [NAME]", error);
    *end = '\0';
    char *name = trim(text + 1);
    if (config->name_count < PRESETS_MAX)
        config->names[config->name_count++] = name;
    *wanted = config->preset && strcmp(name, config->preset) == 0;
    config->found = config->found || *wanted;
    return true;
}

static bool read_line(struct config *config, char *text, int line, bool section,
                      struct daub_error *error)
{
    struct daub_error cause = {0};
    char *equals = strchr(text, '=');
    if (!equals)
        return fail_line(config, line, "a line is written name = value", error);
    *equals = '\0';
    char *name = trim(text), *value = trim(equals + 1);
    size_t length = strlen(value);
    if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
        value[length - 1] = '\0';
        value++;
    }
    if (!*name || !*value)
        return fail_line(config, line, "a line is written name = value", error);
    if (options_set(config->options, config->verb, name, value,
                    section ? FROM_PRESET : FROM_CONFIG, &cause))
        return true;
    return fail_line(config, line, cause.message, error);
}

/* The lines before all sections, or those of the preset. */
static bool read_lines(struct config *config, const char *text, bool section,
                       struct daub_error *error)
{
    bool wanted = !section, ok = true;
    char *copy = config->options->config_text, *rest = copy;
    memcpy(copy, text, strlen(text) + 1);
    config->name_count = 0;
    for (int line = 1; ok && rest; line++) {
        char *start = strsep(&rest, "\n");
        char *words = trim(start);
        if (!*words || *words == '#')
            continue;
        if (*words == '[')
            ok = read_heading(config, words, line, &wanted, error);
        else if (wanted)
            ok = read_line(config, words, line, section, error);
        if (ok && *words == '[' && !section)
            break;
    }
    return ok;
}

/* The file's text; NULL where there is none, or with *error. */
static char *read_text(const char *path, struct daub_error *error)
{
    struct stat info;
    FILE *file = daub_file_read(path);
    char *text = NULL;
    if (!file && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return NULL;
    if (!file || fstat(fileno(file), &info) != 0) {
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "cannot read %s: %s; --no-config leaves it "
                  "out",
                  path, strerror(errno));
    } else if (!S_ISREG(info.st_mode) || info.st_size > SIZE_MAX_BYTES) {
        daub_fail(
            error, DAUB_ERROR_ARGUMENT,
            "%s is not a configuration: not a file, or larger than 1 MB; --no-config "
            "leaves it out",
            path);
    } else {
        text = daub_alloc((size_t)info.st_size + 1, 1);
        if (!text)
            daub_no_memory(error, path);
        else
            text[fread(text, 1, (size_t)info.st_size, file)] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

static bool fail_preset(const struct config *config, struct daub_error *error)
{
    const char *nearest =
        daub_text_nearest(config->preset, config->names, config->name_count);
    return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s has no preset %s; %s%s%s",
                     config->path, config->preset, nearest ? "did you mean " : "",
                     nearest ? nearest : "the encoder's preset is written -preset",
                     nearest ? "?" : "");
}

/* Reads the configuration into options, which were initialised. */
static bool read_config(struct options *options, unsigned verb, const char *preset,
                        struct daub_error *error)
{
    char path[4300], *folder = daub_folder_config();
    struct config config = {
        .path = path, .options = options, .verb = verb, .preset = preset};
    snprintf(path, sizeof(path), "%s/config", folder ? folder : "");
    free(folder);
    char *text = read_text(path, error);
    if (!text)
        return error->status == DAUB_OK && (!preset || fail_preset(&config, error));
    /* the values of both readings stay in memory */
    size_t size = strlen(text) + 1;
    options->config_text = daub_alloc(2, size);
    char *both = options->config_text;
    bool ok = both || daub_no_memory(error, path);
    ok = ok && read_lines(&config, text, false, error);
    if (ok && preset) {
        options->config_text = both + size;
        ok = read_lines(&config, text, true, error) &&
             (config.found || fail_preset(&config, error));
    }
    options->config_text = both;
    free(text);
    return ok;
}

bool options_load(struct options *options, unsigned verb, int count, char **arguments,
                  struct daub_error *error)
{
    /* The command line decides whether and what of the configuration is read. */
    if (!options_parse(options, verb, count, arguments, error))
        return false;
    if (!(verb & VERBS_CONFIGURED) || options->no_config || options->help ||
        options->version)
        return true;
    const char *preset = options->named_preset;
    options_free(options);
    options_init(options);
    return read_config(options, verb, preset, error) &&
           options_parse_more(options, verb, count, arguments, error);
}

void options_dump(FILE *out, const struct options *options)
{
    enum option_source source = FROM_COMMAND_LINE;
    for (size_t i = 0; i < options->given_count; i++) {
        const struct option_given *given = &options->given[i];
        if (!options_may_be_configured(given->name))
            continue;
        if (given->source != source)
            fprintf(out, "# %s\n",
                    given->source == FROM_CONFIG   ? "of the configuration"
                    : given->source == FROM_PRESET ? "of the preset"
                                                   : "of the command line");
        source = given->source;
        fprintf(out, "%s = %s\n", options_long_name(given->name), given->value);
    }
}
