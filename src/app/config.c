/* The user's configuration: lines "name = value" with the names of the options; a line
 * "[NAME]" begins the section of a preset. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/folder.h"
#include "util/text.h"

enum {
    BYTES_MAX = 1 << 20,
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

/* The lines before all sections, then those of the preset. text is changed, and options
 * refer to it. */
static bool read_lines(struct config *config, char *text, struct daub_error *error)
{
    bool wanted = true, section = false, ok = true;
    char *rest = text;
    for (int line = 1; ok && rest; line++) {
        char *words = trim(strsep(&rest, "\n"));
        if (*words == '[') {
            section = true;
            ok = read_heading(config, words, line, &wanted, error);
        } else if (wanted && *words && *words != '#') {
            ok = read_line(config, words, line, section, error);
        }
    }
    return ok;
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
    size_t size;
    snprintf(path, sizeof(path), "%s/config", folder ? folder : "");
    free(folder);
    options->config_text = daub_file_load(path, BYTES_MAX, &size);
    bool none = errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (!options->config_text && !none)
        return daub_fail(
            error, DAUB_ERROR_ARGUMENT,
            "cannot read the configuration %s: %s; --no-config leaves it out", path,
            strerror(errno));
    if (options->config_text && !read_lines(&config, options->config_text, error))
        return false;
    return !preset || config.found || fail_preset(&config, error);
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
