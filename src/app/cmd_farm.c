/* "daub farm": hands a plan to an engine that runs its segments on many machines. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/files.h"
#include "app/film.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/log.h"

enum {
    TASKS_MAX = 1000, /* Slurm allows 1001 by default */
    TEXT_MAX = 6 * PATH_MAX,
};

struct farm {
    const struct options *options;
    struct film film;
    char program[PATH_MAX];
    char *output; /* absolute */
};

/* Appends text in single quotes, as a shell reads it. */
static void append_quoted(char *line, size_t size, const char *text)
{
    size_t n = strlen(line);
    line += n, size -= n;
    n = 0;
    if (size > 1)
        line[n++] = '\'';
    for (; *text && n + 6 < size; text++) {
        if (*text == '\'')
            n += (size_t)snprintf(line + n, size - n, "'\\''");
        else
            line[n++] = *text;
    }
    if (n + 1 < size)
        line[n++] = '\'';
    line[n] = '\0';
}

static void append(char *line, size_t size, const char *text)
{
    size_t n = strlen(line);
    snprintf(line + n, size - n, "%s", text);
}

static void segment_command(const struct farm *farm, char *line, size_t size)
{
    *line = '\0';
    append_quoted(line, size, farm->program);
    append(line, size, " segment --progress none ");
    append_quoted(line, size, farm->film.path);
}

static void join_command(const struct farm *farm, char *line, size_t size)
{
    *line = '\0';
    append_quoted(line, size, farm->program);
    append(line, size, " join --progress none ");
    append_quoted(line, size, farm->film.path);
    append(line, size, " -o ");
    append_quoted(line, size, farm->output);
}

/* The plan's name as Slurm's patterns of log files have it. */
static void log_name(const struct farm *farm, const char *end, char *text, size_t size)
{
    size_t n = (size_t)snprintf(text, size, "--output=");
    for (const char *c = farm->film.path; *c && n + 3 < size; c++) {
        if (*c == '%')
            text[n++] = '%';
        text[n++] = *c;
    }
    snprintf(text + n, size - n, "%s", end);
}

static size_t task_count(const struct farm *farm)
{
    size_t most = farm->options->tasks ? (size_t)farm->options->tasks : TASKS_MAX;
    return farm->film.segment_count < most ? farm->film.segment_count : most;
}

/* ---- Slurm ---- */

extern char **environ;

/* Runs sbatch and reads the number of the job, which it prints first. */
static bool run_sbatch(char **arguments, char *job, size_t size, struct daub_error *error)
{
    posix_spawn_file_actions_t actions;
    int ends[2], status = -1;
    pid_t child = -1;
    size_t n = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot make a pipe: %s",
                         strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int code = posix_spawnp(&child, "sbatch", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    ssize_t got;
    while (code == 0 && n + 1 < size && (got = read(ends[0], job + n, size - 1 - n)) > 0)
        n += (size_t)got;
    job[n] = '\0';
    job[strcspn(job, ";\n")] = '\0';
    close(ends[0]);
    if (code != 0)
        return daub_fail(error, DAUB_ERROR_NOT_FOUND,
                         "cannot run sbatch: %s; install Slurm's client, or use \"daub "
                         "farm print\"",
                         strerror(code));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0 && *job) ||
           daub_fail(error, DAUB_ERROR_FAILED, "sbatch refused the job");
}

/* Submits a job whose script is one command. own: options of this job; the user's come
 * after them. */
static bool submit(const struct farm *farm, char **own, size_t own_count, char *command,
                   char *job, size_t size, struct daub_error *error)
{
    const struct option_list *given = &farm->options->others;
    size_t extra = given->count > 1 ? given->count - 1 : 0, n = 0;
    char **arguments = daub_alloc(own_count + extra + 8, sizeof(*arguments));
    if (!arguments)
        return daub_no_memory(error, "the job");
    arguments[n++] = (char *)"sbatch";
    arguments[n++] = (char *)"--parsable";
    for (size_t i = 0; i < own_count; i++)
        arguments[n++] = own[i];
    for (size_t i = 0; i < extra; i++)
        arguments[n++] = (char *)given->values[i + 1];
    arguments[n++] = (char *)"--wrap";
    arguments[n++] = command;
    bool ok = run_sbatch(arguments, job, size, error);
    free(arguments);
    return ok;
}

static bool farm_slurm(const struct farm *farm, struct daub_error *error)
{
    char command[TEXT_MAX], array[64], logs[2 * PATH_MAX], job[64], last[64], after[96];
    size_t tasks = task_count(farm);
    snprintf(array, sizeof(array), "--array=0-%zu", tasks - 1);
    log_name(farm, ".%a.log", logs, sizeof(logs));
    segment_command(farm, command, sizeof(command));
    if (tasks < farm->film.segment_count) {
        char more[48];
        snprintf(more, sizeof(more), " --tasks %zu", tasks);
        append(command, sizeof(command), more);
    }
    char *paint[] = {(char *)"--job-name=daub-paint", array, (char *)"--requeue",
                     (char *)"--open-mode=append", logs};
    if (!submit(farm, paint, sizeof(paint) / sizeof(paint[0]), command, job, sizeof(job),
                error))
        return false;
    snprintf(after, sizeof(after), "--dependency=afterok:%s", job);
    log_name(farm, ".join.log", logs, sizeof(logs));
    join_command(farm, command, sizeof(command));
    char *join[] = {(char *)"--job-name=daub-join", after,
                    (char *)"--kill-on-invalid-dep=yes", logs};
    if (!submit(farm, join, sizeof(join) / sizeof(join[0]), command, last, sizeof(last),
                error))
        return false;
    printf("segments: job %s, %zu tasks\njoin: job %s\n", job, tasks, last);
    return true;
}

/* ---- other engines ---- */

static void print_commands(const struct farm *farm)
{
    char command[TEXT_MAX];
    segment_command(farm, command, sizeof(command));
    for (size_t i = 0; i < farm->film.segment_count; i++)
        printf("%s %zu\n", command, i);
    join_command(farm, command, sizeof(command));
    printf("%s\n", command);
}

/* One command: GNU parallel paints, one segment at a time on each machine, then the
 * segments are joined. */
static void print_parallel(const struct farm *farm)
{
    char segment[TEXT_MAX], join[TEXT_MAX], quoted[TEXT_MAX] = "", log[PATH_MAX + 16];
    segment_command(farm, segment, sizeof(segment));
    append(segment, sizeof(segment), " {}");
    join_command(farm, join, sizeof(join));
    append_quoted(quoted, sizeof(quoted), segment);
    snprintf(log, sizeof(log), "%s.joblog", farm->film.path);
    char log_quoted[2 * PATH_MAX] = "";
    append_quoted(log_quoted, sizeof(log_quoted), log);
    printf("seq 0 %zu | parallel -j1 --retries 3 --joblog %s %s && %s\n",
           farm->film.segment_count - 1, log_quoted, quoted, join);
}

int command_farm(const struct options *options)
{
    struct daub_error error = {0};
    struct farm farm = {.options = options};
    const char *engine = options->input;
    if (!engine || options->others.count == 0 || options->outputs.count != 1) {
        daub_log(DAUB_LOG_ERROR,
                 "write daub farm slurm|parallel|print FILM.plan -o OUTPUT");
        return EXIT_CODE_USAGE;
    }
    ssize_t length = readlink("/proc/self/exe", farm.program, sizeof(farm.program) - 1);
    if (length <= 0)
        snprintf(farm.program, sizeof(farm.program), "daub");
    farm.output = daub_file_absolute(options->outputs.values[0]);
    bool ok = film_read(&farm.film, options->others.values[0], &error) &&
              (farm.output || daub_no_memory(&error, "the output's name"));
    if (ok && strcmp(engine, "slurm") == 0)
        ok = farm_slurm(&farm, &error);
    else if (ok && strcmp(engine, "parallel") == 0)
        print_parallel(&farm);
    else if (ok && strcmp(engine, "print") == 0)
        print_commands(&farm);
    else if (ok)
        ok = daub_fail(&error, DAUB_ERROR_ARGUMENT,
                       "no engine %s; there are slurm, parallel and print", engine);
    free(farm.output);
    film_free(&farm.film);
    return ok ? EXIT_CODE_DONE : files_fail(&error, EXIT_CODE_FAILED);
}
