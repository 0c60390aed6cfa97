/* daub: paints videos. The first argument may name a command; without one it paints. */
#include <stdio.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "app/commands.h"
#include "media/avlog.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

const struct command commands[] = {
    {NULL, VERB_PAINT, "INPUT -o OUTPUT",
     "Paints a video, an image or a stream of images with a neural network.",
     command_paint},
    {"bench", VERB_BENCH, "", "Measures how fast a model paints; prints JSON.",
     command_bench},
    {"models", VERB_MODELS, "", "Lists the built-in models and their styles.",
     command_models},
    {"devices", VERB_DEVICES, "", "Lists the Vulkan devices.", command_devices},
};
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

int command_fail(enum exit_code code, const struct daub_error *error)
{
    daub_log(DAUB_LOG_ERROR, "%s", error->message);
    return code;
}

const char *command_default_model(const struct daub_device_info *device)
{
    (void)device;
    return "lite";
}

enum exit_code command_open(const struct options *options, struct daub_device **device,
                            struct daub_model **model)
{
    struct daub_error error = {0};
    struct daub_device_params params = {.select = options->gpu};
    /* a named model is checked first: it costs less than opening a device */
    if (options->model &&
        daub_model_load(options->model, (enum daub_model_range)options->model_range,
                        model, &error) != DAUB_OK)
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    if (daub_device_open(&params, device, &error) != DAUB_OK)
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    if (!options->model &&
        daub_model_load(command_default_model(daub_device_get_info(*device)),
                        (enum daub_model_range)options->model_range, model,
                        &error) != DAUB_OK)
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    const struct daub_model_info *info = daub_model_get_info(*model);
    if (info->range_guessed && !options->model_range)
        daub_log(DAUB_LOG_INFO,
                 "model %s does not tell its pixel values; guessed %s (--model-range "
                 "sets them)",
                 info->name,
                 info->range == DAUB_MODEL_RANGE_1     ? "0..1"
                 : info->range == DAUB_MODEL_RANGE_255 ? "0..255"
                                                       : "-1..1");
    return EXIT_CODE_DONE;
}

static const struct command *find_command(int count, char **arguments)
{
    for (size_t i = 1; count > 1 && i < command_count; i++) {
        if (strcmp(arguments[1], commands[i].name) == 0)
            return &commands[i];
    }
    return &commands[0];
}

static void set_level(const struct options *options)
{
    if (options->verbose)
        daub_log_set_level(DAUB_LOG_VERBOSE);
    if (options->quiet)
        daub_log_set_level(DAUB_LOG_ERROR);
    if (options->log_level)
        daub_log_set_level((enum daub_log_level)options->log_level);
}

int main(int count, char **arguments)
{
    const struct command *command = find_command(count, arguments);
    int skip = command->name ? 2 : 1;
    struct options options;
    struct daub_error error = {0};
    int code = EXIT_CODE_DONE;
    media_log_init();
    if (!options_parse(&options, command->verb, count - skip, arguments + skip, &error)) {
        code = command_fail(exit_code_of(error.status), &error);
    } else if (options.help) {
        options_help(stdout, command);
    } else if (options.version) {
        printf("daub %s (libavcodec %u.%u)\n", daub_version(), avcodec_version() >> 16,
               avcodec_version() >> 8 & 0xff);
    } else {
        set_level(&options);
        code = command->run(&options);
    }
    options_free(&options);
    return code;
}
