#include "app/commands.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"
#include "util/log.h"

const struct command commands[] = {
    {NULL, VERB_PAINT, "INPUT [-o OUTPUT]",
     "Paints a video, an image or a stream of images with a neural network.",
     command_paint},
    {"bench", VERB_BENCH, "", "Measures how fast a model paints; prints JSON.",
     command_bench},
    {"models", VERB_MODELS, "[--gallery SHEET INPUT [PICTURE...]]",
     "Lists the built-in models and their styles, or paints a picture in every style.",
     command_models},
    {"style", VERB_STYLE, "PICTURE -o ROW.json",
     "Keeps what makes a picture a style, for -s ROW.json.", command_style},
    {"model", VERB_MODEL, "FILE [--check PHOTO EXPECTED]",
     "Says what a model takes and costs, or compares its painting.", command_model},
    {"metrics", VERB_METRICS, "INPUT PAINTED [PER_FRAME]",
     "Measures how steady a painted video is, daub's or another's; prints JSON.",
     command_metrics},
    {"plan", VERB_PLAN, "INPUT -o FILM.plan",
     "Divides a film into segments that many machines can paint.", command_plan},
    {"segment", VERB_SEGMENT, "FILM.plan [NUMBER...|all]",
     "Paints segments of a plan; by default that of the batch system's task.",
     command_segment},
    {"join", VERB_JOIN, "FILM.plan -o OUTPUT", "Joins the painted segments to the film.",
     command_join},
    {"farm", VERB_FARM, "ENGINE FILM.plan -o OUTPUT [-- OPTION...]",
     "Submits a plan to Slurm, or prints commands: ENGINE is slurm, parallel or print.",
     command_farm},
    {"ctl", VERB_CTL, "SOCKET JSON...",
     "Sends messages to a running daub (--control SOCKET); prints its answers.",
     command_ctl},
    {"devices", VERB_DEVICES, "", "Lists the Vulkan devices and the cameras.",
     command_devices},
    {"doctor", VERB_DOCTOR, "",
     "Checks that every Vulkan device computes right pictures.", command_doctor},
};
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

int command_fail(enum exit_code code, const struct daub_error *error)
{
    daub_log(DAUB_LOG_ERROR, "%s", error->message);
    return code;
}

const char *command_default_model(const struct daub_device_info *device)
{
    bool fast = device && (device->kind == DAUB_DEVICE_DISCRETE ||
                           device->kind == DAUB_DEVICE_VIRTUAL);
    return fast ? "standard" : "lite";
}

float command_boldness(const struct options *options, const struct daub_model_info *model)
{
    if (options->has_boldness && !model->has_boldness)
        daub_log(DAUB_LOG_INFO,
                 "--boldness has no effect: model %s has one kind of strokes only",
                 model->name);
    return options->has_boldness ? (float)options->boldness : model->boldness;
}

/* On a terminal a line that is written over, elsewhere one message. */
static void report_compiling(int done, int total, void *user)
{
    static atomic_bool told;
    const struct compiling_view *view = user;
    char line[80];
    snprintf(line, sizeof(line), "compiling kernels: %d of %d (only the first time) ..",
             done, total);
    if (view && view->show)
        view->show(line, view->user);
    if (daub_log_get_level() < DAUB_LOG_INFO)
        return;
    if (isatty(STDERR_FILENO))
        daub_log_status(done < total ? line : NULL);
    else if (!atomic_exchange(&told, true))
        daub_log(DAUB_LOG_INFO, "compiling %d kernels, which only the first start does",
                 total);
}

struct daub_device_params command_device_params(const struct options *options,
                                                struct compiling_view *view)
{
    return (struct daub_device_params){
        .select = options->gpu,
        .validation = options->validation,
        .cache_path = options->no_cache ? "" : NULL,
        .kernels = options->kernels,
        .threads = (int)options->threads,
        .compiling = report_compiling,
        .compiling_user = view,
    };
}

int command_validated(const struct daub_device *device, int code)
{
    int count = device ? daub_device_validation_errors(device) : 0;
    if (count == 0)
        return code;
    daub_log(DAUB_LOG_ERROR, "the validation layer reported %d error%s", count,
             count == 1 ? "" : "s");
    return code == EXIT_CODE_DONE ? EXIT_CODE_DEVICE : code;
}

bool command_load_model(const struct options *options, const char *name,
                        struct daub_model **model, struct daub_error *error)
{
    if (daub_model_load(name, (enum daub_model_range)options->model_range, model,
                        error) != DAUB_OK)
        return false;
    if (!options->style_model ||
        daub_model_set_encoder(*model, options->style_model, error) == DAUB_OK)
        return true;
    daub_model_free(*model);
    *model = NULL;
    return false;
}

enum exit_code command_open(const struct options *options, struct compiling_view *view,
                            struct daub_device **device, struct daub_model **model)
{
    struct daub_error error = {0};
    struct daub_device_params params = command_device_params(options, view);
    /* A named model is loaded first: that is faster than to open a device. */
    if (options->model && !command_load_model(options, options->model, model, &error))
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    if (daub_device_open(&params, device, &error) != DAUB_OK)
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    bool automatic =
        !options->kernels && (!options->gpu || !strcmp(options->gpu, "auto"));
    if (automatic && daub_device_get_info(*device)->kind == DAUB_DEVICE_PROCESSOR)
        daub_log(DAUB_LOG_INFO,
                 "painting on the processor (%s); a graphics card would be "
                 "many times faster",
                 daub_device_get_info(*device)->name);
    if (!options->model &&
        !command_load_model(options, command_default_model(daub_device_get_info(*device)),
                            model, &error))
        return (enum exit_code)command_fail(exit_code_of(error.status), &error);
    const struct daub_model_info *info = daub_model_get_info(*model);
    if (info->range_guessed && !options->model_range)
        daub_log(DAUB_LOG_INFO,
                 "model %s does not state its pixel values; using %s (--model-range sets "
                 "them)",
                 info->name,
                 info->range == DAUB_MODEL_RANGE_1     ? "0..1"
                 : info->range == DAUB_MODEL_RANGE_255 ? "0..255"
                                                       : "-1..1");
    return EXIT_CODE_DONE;
}
