/* The commands for films in segments: "daub plan", "daub segment", "daub join", and
 * painting with --segments or --resume. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/film.h"
#include "app/film_status.h"
#include "app/signals.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

static int fail_usage(const char *message)
{
    daub_log(DAUB_LOG_ERROR, "%s", message);
    return EXIT_CODE_USAGE;
}

/* Runs a command that a signal may stop. */
static int run_stoppable(const struct options *options,
                         enum exit_code (*run)(const struct options *options,
                                               struct daub_stop *stop))
{
    struct daub_stop stop;
    struct daub_error error = {0};
    if (!daub_stop_init(&stop, &error))
        return command_fail(EXIT_CODE_FAILED, &error);
    signals_install(&stop);
    int code = run(options, &stop);
    if (daub_stop_requested(&stop))
        signals_exit_soon(code);
    signals_uninstall();
    daub_stop_uninit(&stop);
    return code;
}

/* ---- daub plan ---- */

/* Whether a new plan may be written; leftovers of an old one are removed where the user
 * said so. */
static bool make_room(const struct film *film, bool replace, const char *cure)
{
    bool plan = access(film->path, F_OK) == 0, parts = access(film->parts, F_OK) == 0;
    if ((plan || parts) && !replace) {
        daub_log(DAUB_LOG_ERROR, "%s is left of an earlier run; %s",
                 plan ? film->path : film->parts, cure);
        return false;
    }
    if (parts || plan)
        film_remove(film);
    return true;
}

static enum exit_code plan(const struct options *options, struct daub_stop *stop)
{
    const char *path = options->outputs.values[0];
    struct daub_error error = {0};
    struct film film;
    enum exit_code code = EXIT_CODE_OUTPUT;
    if (media_path_is_input(path)) {
        fail_usage("the plan has the name of the input; give it another one");
        return EXIT_CODE_USAGE;
    }
    if (!film_init(&film, path, &error))
        code = files_fail(&error, EXIT_CODE_FAILED);
    else if (make_room(&film, options->overwrite, "-y replaces it, with its parts"))
        code = film_make(&film, options, NULL, stop);
    if (code == EXIT_CODE_DONE && !film_write(&film, options->overwrite, &error))
        code = files_fail(&error, EXIT_CODE_OUTPUT);
    film_free(&film);
    return code;
}

int command_plan(const struct options *options)
{
    if (!options->input)
        return fail_usage("no input; write daub plan INPUT -o FILM.plan");
    if (options->status)
        return film_status(options);
    if (options->outputs.count != 1)
        return fail_usage("a plan needs one file: -o FILM.plan");
    return run_stoppable(options, plan);
}

/* ---- daub segment ---- */

/* Numbers of the task in batch systems; some count from 1. */
static const struct {
    const char *variable;
    int64_t first;
} task_variables[] = {{"SLURM_ARRAY_TASK_ID", 0},
                      {"AWS_BATCH_JOB_ARRAY_INDEX", 0},
                      {"JOB_COMPLETION_INDEX", 0} /* Kubernetes */,
                      {"PBS_ARRAY_INDEX", 0},
                      {"LSB_JOBINDEX", 1},
                      {"SGE_TASK_ID", 1},
                      {"PARALLEL_SEQ", 1}};

static bool task_number(int64_t *number, struct daub_error *error)
{
    for (size_t i = 0; i < sizeof(task_variables) / sizeof(task_variables[0]); i++) {
        const char *value = getenv(task_variables[i].variable);
        int64_t first = task_variables[i].first;
        if (!value || !*value || strcmp(value, "undefined") == 0)
            continue;
        if (!daub_text_int(value, first, INT_MAX, number))
            return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s is %s, which is no number",
                             task_variables[i].variable, value);
        *number -= first;
        return true;
    }
    return daub_fail(
        error, DAUB_ERROR_ARGUMENT,
        "no segment; write its number or \"all\", or run this as a task of "
        "Slurm, PBS, LSF, Grid Engine, AWS Batch, Kubernetes or GNU parallel");
}

/* Marks the segments of that number, or of the task of that number. */
static bool choose_one(const struct film *film, const struct options *options,
                       int64_t number, bool *chosen, struct daub_error *error)
{
    int64_t count = (int64_t)film->segment_count, step = options->tasks;
    if (number < 0 || (number >= count && (step == 0 || number >= step)))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "there is no segment %" PRId64 "; %s has %" PRId64
                         ", counted from 0",
                         number, film->path, count);
    if (step && number >= step)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "there is no task %" PRId64 " of %" PRId64 ", counted from 0",
                         number, step);
    for (; number < count; number += step ? step : count)
        chosen[number] = true;
    return true;
}

static bool choose(const struct film *film, const struct options *options, bool *chosen,
                   struct daub_error *error)
{
    const struct option_list *names = &options->others;
    int64_t number;
    if (names->count == 0)
        return task_number(&number, error) &&
               choose_one(film, options, number, chosen, error);
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->values[i], "all") == 0) {
            memset(chosen, true, film->segment_count * sizeof(*chosen));
            continue;
        }
        if (!daub_text_int(names->values[i], 0, INT_MAX, &number))
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "%s is no segment; write a number or \"all\"",
                             names->values[i]);
        if (!choose_one(film, options, number, chosen, error))
            return false;
    }
    return true;
}

/* Reads the plan, goes to the folder that its names are relative to, and checks the
 * input. */
static bool open_plan(struct film *film, const char *path, struct daub_error *error)
{
    if (!film_read(film, path, error))
        return false;
    if (chdir(film->folder) != 0)
        return daub_fail(error, DAUB_ERROR_NOT_FOUND,
                         "cannot go to the folder %s, where %s was made: %s",
                         film->folder, film->path, strerror(errno));
    return film_same_input(film, error);
}

static enum exit_code segment(const struct options *options, struct daub_stop *stop)
{
    struct daub_error error = {0};
    struct film film;
    bool *chosen = NULL;
    enum exit_code code;
    bool ok = open_plan(&film, options->input, &error);
    if (ok) {
        chosen = daub_alloc(film.segment_count, sizeof(*chosen));
        ok = (chosen || daub_no_memory(&error, "the segments")) &&
             choose(&film, options, chosen, &error);
    }
    code = ok ? film_paint(&film, options, chosen, stop)
              : files_fail(&error, EXIT_CODE_INPUT);
    free(chosen);
    film_free(&film);
    return code;
}

int command_segment(const struct options *options)
{
    if (!options->input)
        return fail_usage("no plan; write daub segment FILM.plan NUMBER");
    return run_stoppable(options, segment);
}

/* ---- daub join ---- */

static enum exit_code join(const struct options *options, struct daub_stop *stop)
{
    struct daub_error error = {0};
    struct film film;
    /* since open_plan changes the folder */
    char *output = daub_file_absolute(options->outputs.values[0]);
    bool ok = open_plan(&film, options->input, &error) &&
              (output || daub_no_memory(&error, "the output's name"));
    enum exit_code code = ok ? film_join(&film, options, output, stop)
                             : files_fail(&error, EXIT_CODE_INPUT);
    free(output);
    film_free(&film);
    return code;
}

int command_join(const struct options *options)
{
    if (!options->input || options->outputs.count != 1)
        return fail_usage("write daub join FILM.plan -o OUTPUT");
    return run_stoppable(options, join);
}

/* ---- painting with --segments ---- */

/* Reads the plan that is left, where --resume is given, or makes a new one. */
static enum exit_code plan_film(struct film *film, const struct options *options,
                                const char *output, struct daub_stop *stop)
{
    struct daub_error error = {0};
    char *path = daub_strdup(film->path);
    bool left = access(film->path, F_OK) == 0;
    enum exit_code code = EXIT_CODE_OUTPUT;
    if (options->resume && left && path) {
        film_free(film);
        bool ok = film_read(film, path, &error) &&
                  film_same_options(film, options, &error) &&
                  film_same_input(film, &error);
        if (ok)
            daub_log(DAUB_LOG_INFO, "going on: %zu of %zu segments are painted",
                     film_parts_count(film), film->segment_count);
        code = ok ? EXIT_CODE_DONE : files_fail(&error, EXIT_CODE_INPUT);
    } else if (make_room(film, options->overwrite,
                         "--resume goes on where it was broken off, -y begins anew")) {
        if (options->resume)
            daub_log(DAUB_LOG_INFO, "nothing is left to resume; beginning anew");
        code = film_make(film, options, output, stop);
        if (code == EXIT_CODE_DONE && !film_write(film, options->overwrite, &error))
            code = files_fail(&error, EXIT_CODE_OUTPUT);
    }
    free(path);
    return code;
}

static enum exit_code paint_film(const struct options *options, struct daub_stop *stop)
{
    const char *output = options->outputs.values[0];
    char path[PATH_MAX];
    struct daub_error error = {0};
    struct film film = {0};
    bool replace;
    enum exit_code code = files_check_output(options, output, stop, &replace);
    if (code != EXIT_CODE_DONE)
        return code;
    snprintf(path, sizeof(path), "%s.plan", media_path_plain(output));
    if (!film_init(&film, path, &error))
        code = files_fail(&error, EXIT_CODE_FAILED);
    if (code == EXIT_CODE_DONE)
        code = plan_film(&film, options, output, stop);
    bool planned = code == EXIT_CODE_DONE;
    if (planned) {
        struct options given = *options;
        given.overwrite = replace;
        code = film_paint(&film, &given, NULL, stop);
        if (code == EXIT_CODE_DONE)
            code = film_join(&film, &given, output, stop);
    }
    if (code == EXIT_CODE_DONE)
        film_remove(&film);
    else if (planned)
        daub_log(DAUB_LOG_INFO,
                 "%zu of %zu segments are painted and kept in %s; the same command with "
                 "--resume goes on",
                 film_parts_count(&film), film.segment_count, film.parts);
    film_free(&film);
    return code;
}

int command_film(const struct options *options)
{
    if (options->window || options->control || options->realtime || options->hwaccel)
        return fail_usage("--segments does not go with --window, --control, --realtime "
                          "and --hwaccel");
    return run_stoppable(options, paint_film);
}
