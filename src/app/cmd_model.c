/* daub model: prints a model's graph or plan. */
#include <stdio.h>

#include "app/commands.h"
#include "util/error.h"
#include "util/log.h"

static int dump_plan(const struct options *options, const struct daub_model *model,
                     int width, int height)
{
    struct daub_error error = {0};
    struct daub_device *device = NULL;
    struct daub_stylizer *stylizer = NULL;
    struct daub_device_params device_params = command_device_params(options, NULL);
    struct daub_stylizer_params params = {.in_width = width,
                                          .in_height = height,
                                          .in = {.pixel = DAUB_PIXEL_YUV420P},
                                          .precision =
                                              (enum daub_precision)options->precision,
                                          .skip_check = true};
    int code = EXIT_CODE_DONE;
    if (daub_device_open(&device_params, &device, &error) != DAUB_OK ||
        daub_stylizer_create(device, model, &params, &stylizer, &error) != DAUB_OK)
        code = command_fail(exit_code_of(error.status), &error);
    else
        daub_stylizer_dump(stylizer, stdout);
    daub_stylizer_free(stylizer);
    code = command_validated(device, code);
    daub_device_close(device);
    return code;
}

int command_model(const struct options *options)
{
    struct daub_error error = {0};
    struct daub_model *model = NULL;
    struct size_spec size;
    int width, height, code = EXIT_CODE_DONE;
    if (!options->input || !options->dump) {
        daub_log(DAUB_LOG_ERROR, "say which model and what to print: daub model FILE "
                                 "--dump graph or --dump plan");
        return EXIT_CODE_USAGE;
    }
    if (!size_parse(options->size, "--size", &size, &error))
        return command_fail(EXIT_CODE_USAGE, &error);
    size_apply(&size, 640, 360, &width, &height);
    if (daub_model_load(options->input, (enum daub_model_range)options->model_range,
                        &model, &error) != DAUB_OK)
        return command_fail(exit_code_of(error.status), &error);
    if (options->dump == DUMP_PLAN)
        code = dump_plan(options, model, width, height);
    else if (daub_model_dump(model, width, height, stdout, &error) != DAUB_OK)
        code = command_fail(exit_code_of(error.status), &error);
    daub_model_free(model);
    return code;
}
