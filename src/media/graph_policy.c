#include "media/graph_policy.h"

#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavutil/avstring.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include "util/error.h"

#define SPACES " \n\t\r"

/* Names of options that name files, code or addresses, besides those whose name or help
 * text says "file" or "path"; and filters that are nothing else. */
static const char *const option_names[] = {
    "model",       "plugin",      "bind_address",  "result",  "object",
    "cover",       "sofa",        "hmm",           "dict",    "lm",
    "filter_name", "plot",        "hint",          "weights", "labels",
    "input",       "destination", "filter_params", "source",  "debug_kdtree"};
static const char *const filter_names[] = {"movie",
                                           "amovie",
                                           "frei0r",
                                           "frei0r_src",
                                           "ladspa",
                                           "lv2",
                                           "zmq",
                                           "azmq",
                                           "ocv",
                                           "sendcmd",
                                           "asendcmd",
                                           "vidstabdetect",
                                           "vidstabtransform"};

static bool is_listed(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, list[i]) == 0)
            return true;
    }
    return false;
}

static bool says_file(const char *text)
{
    return text && !av_stristr(text, "profile") &&
           (av_stristr(text, "file") || av_stristr(text, "path"));
}

static bool names_file(const AVOption *option)
{
    return says_file(option->name) || says_file(option->help) ||
           is_listed(option->name, option_names,
                     sizeof(option_names) / sizeof(option_names[0]));
}

/* Whether the filter has an option that names a file. With key: whether key is such an
 * option or its short name; both are stored at the same offset. */
static bool has_file_option(const AVFilter *filter, const char *key)
{
    const AVOption *option = NULL, *asked = NULL;
    if (key)
        asked = av_opt_find((void *)&filter->priv_class, key, NULL, 0,
                            AV_OPT_SEARCH_FAKE_OBJ);
    while (filter->priv_class && (option = av_opt_next(&filter->priv_class, option))) {
        if (option->type == AV_OPT_TYPE_STRING && names_file(option) &&
            (!key || (asked && asked->offset == option->offset)))
            return true;
    }
    return false;
}

/* Whether the arguments of such a filter set one of these options, or an option whose
 * name is left out. */
static bool sets_file(const AVFilter *filter, const char *arguments)
{
    while (*arguments) {
        char *argument = av_get_token(&arguments, ":");
        if (!argument)
            return true;
        char *equals = strchr(argument, '=');
        if (equals) {
            *equals = '\0';
            argument[strcspn(argument, SPACES)] =
                '\0'; /* libavutil allows "key =value" */
        }
        bool sets = !equals || has_file_option(filter, argument);
        av_free(argument);
        if (sets)
            return true;
        arguments += *arguments == ':';
    }
    return false;
}

static bool is_harmless(char *name, const char *arguments)
{
    char *instance = strchr(name, '@');
    if (instance)
        *instance = '\0';
    if (is_listed(name, filter_names, sizeof(filter_names) / sizeof(filter_names[0])))
        return false;
    const AVFilter *filter = avfilter_get_by_name(name);
    return !filter || !has_file_option(filter, NULL) || !sets_file(filter, arguments);
}

/* Skips the labels of inputs or outputs, such as [a][b]. */
static void skip_labels(const char **at)
{
    *at += strspn(*at, SPACES);
    while (**at == '[') {
        const char *end = strchr(*at, ']');
        *at = end ? end + 1 : *at + strlen(*at);
        *at += strspn(*at, SPACES);
    }
}

bool media_graph_is_harmless(const char *graph, struct daub_error *error)
{
    const char *at = graph + strspn(graph, SPACES);
    if (av_strstart(at, "sws_flags=", NULL))
        at += strcspn(at, ";");
    /* the grammar of libavfilter/graphparser.c, whose tokens are unescaped once */
    while (*at) {
        at += strspn(at, SPACES ",;");
        skip_labels(&at);
        char *name = av_get_token(&at, "=,;[");
        at += *at == '=';
        char *arguments = name ? av_get_token(&at, "[],;") : NULL;
        bool ok = arguments && is_harmless(name, arguments);
        if (!ok)
            daub_fail(error, DAUB_ERROR_ARGUMENT,
                      "lavfi: filter %.40s reads or writes files by these settings; "
                      "--allow-filters allows it",
                      name ? name : "");
        av_free(name);
        av_free(arguments);
        if (!ok)
            return false;
        skip_labels(&at);
        if (*at == ']')
            at++;
    }
    return true;
}
