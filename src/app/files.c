#include "app/files.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "app/commands.h"
#include "media/camera.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/input.h"
#include "util/log.h"
#include "util/text.h"

enum exit_code files_fail(const struct daub_error *error, enum exit_code side)
{
    return (enum exit_code)command_fail(
        error->status == DAUB_ERROR_ARGUMENT ? EXIT_CODE_USAGE
        : error->status == DAUB_ERROR_MEMORY ? EXIT_CODE_FAILED
                                             : side,
        error);
}

void files_add_inputs(const struct options *options)
{
    const char *names[] = {options->input, options->model};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i])
            media_path_visit_files(names[i], daub_input_add);
    }
    for (size_t i = 0; i < options->others.count; i++)
        media_path_visit_files(options->others.values[i], daub_input_add);
    /* pictures and .style files: NAME[=WEIGHT],... */
    char *styles = options->style ? daub_strdup(options->style) : NULL, *rest = NULL;
    for (char *name = styles ? strtok_r(styles, ",", &rest) : NULL; name;
         name = strtok_r(NULL, ",", &rest)) {
        daub_input_add(name);
        char *weight = strrchr(name, '=');
        if (weight) {
            *weight = '\0';
            daub_input_add(name);
        }
    }
    free(styles);
}

static bool camera_params(const struct options *options, struct daub_stop *stop,
                          struct media_camera_params *params, struct daub_error *error)
{
    struct size_spec size;
    const char *name = options->camera_format;
    const struct camera_format *format =
        name && strcmp(name, "auto") != 0 ? camera_format_named(name) : NULL;
    *params = (struct media_camera_params){.path = options->input,
                                           .wish = {.rate = options->camera_rate},
                                           .frames = options->frames,
                                           .stop = stop};
    if (name && strcmp(name, "auto") != 0 && !format)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--camera-format %s: write auto, mjpg, yuyv, uyvy, nv12, yu12, "
                         "rgb3, bgr3 or grey",
                         name);
    if (!size_parse(options->camera_size, "--camera-size", &size, error))
        return false;
    if (size.kind != SIZE_NATIVE && size.kind != SIZE_FIXED)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "--camera-size %s: write WxH",
                         options->camera_size);
    params->wish.fourcc = format ? format->fourcc : 0;
    params->wish.width = size.width;
    params->wish.height = size.height;
    return true;
}

static enum exit_code open_source(const struct options *options, bool keep_matrix,
                                  bool only_packets, int64_t until_us,
                                  struct daub_stop *stop, struct media_source **source)
{
    struct daub_error error = {0};
    struct media_open_params params = {
        .only_packets = only_packets,
        .until_us = until_us,
        .path = options->input,
        .frame_rate = options->frame_rate,
        .hwaccel = options->hwaccel,
        .allow_filters = options->allow_filters,
        .has_start = options->has_start,
        .has_end = options->has_end,
        .start_us = options->start_us,
        .end_us = options->end_us,
        .length_us = options->length_us,
        .frames = options->frames,
        .no_audio = options->no_audio,
        .no_subtitles = options->no_subtitles,
        .keep_matrix = keep_matrix,
        .keep_fields = options->deinterlace == DEINTERLACE_OFF,
        .keep_start = options->keep_start,
        .skip_gaps = options->gaps == GAP_SKIP,
        .stop = stop,
    };
    if (media_path_is_camera(options->input)) {
        struct media_camera_params camera;
        if (!camera_params(options, stop, &camera, &error))
            return files_fail(&error, EXIT_CODE_USAGE);
        *source = media_camera_open(&camera, &error);
    } else {
        *source = media_source_open(&params, &error);
    }
    if (*source)
        return EXIT_CODE_DONE;
    if (daub_stop_requested(stop))
        return EXIT_CODE_INTERRUPTED;
    return files_fail(&error, EXIT_CODE_INPUT);
}

enum exit_code files_open_source(const struct options *options, bool keep_matrix,
                                 struct daub_stop *stop, struct media_source **source)
{
    return open_source(options, keep_matrix, false, 0, stop, source);
}

enum exit_code files_open_packets(const struct options *options, bool keep_matrix,
                                  int64_t until_us, struct daub_stop *stop,
                                  struct media_source **source)
{
    return open_source(options, keep_matrix, true, until_us, stop, source);
}

static bool is_file(const char *path)
{
    return !media_path_is_stdout(path) && !media_path_is_url(path) &&
           !media_path_is_virtual_camera(path);
}

/* Whether two patterns name the same images. */
static bool same_pattern(const char *a, const char *b)
{
    if (!media_path_is_pattern(a) || !media_path_is_pattern(b))
        return false;
    char first_a[PATH_MAX], first_b[PATH_MAX];
    for (int i = 0; i <= 1; i++) {
        if (av_get_frame_filename(first_a, sizeof(first_a), a, i) < 0 ||
            av_get_frame_filename(first_b, sizeof(first_b), b, i) < 0)
            return false;
        if (daub_file_same(first_a, first_b))
            return true;
    }
    return strcmp(a, b) == 0;
}

/* Whether the file exists; of a pattern, whether its first image exists. */
static bool target_exists(const char *path)
{
    struct stat info;
    char first[PATH_MAX];
    if (media_path_is_pattern(path) && stat(path, &info) != 0 &&
        av_get_frame_filename(first, sizeof(first), path, 1) >= 0)
        path = first;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool ask(const char *path, const struct daub_stop *stop)
{
    daub_text_print(stderr, "daub: %s exists. Replace it? [y/N] ", path);
    fflush(stderr);
    char answer = '\0', rest = '\0';
    struct pollfd wait[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = stop->fd, .events = POLLIN}};
    while (rest != '\n' && !daub_stop_requested(stop)) {
        if (poll(wait, 2, -1) < 0 || !wait[0].revents)
            continue;
        if (read(STDIN_FILENO, &rest, 1) != 1)
            break;
        answer = answer ? answer : rest;
    }
    return answer == 'y' || answer == 'Y';
}

enum exit_code files_check_output(const struct options *options, const char *path,
                                  const struct daub_stop *stop, bool *replace)
{
    *replace = options->overwrite;
    if (media_path_is_stdout(path) && isatty(STDOUT_FILENO)) {
        daub_log(DAUB_LOG_ERROR, "- writes to standard output, which is a terminal; pipe "
                                 "it into a program or a file");
        return EXIT_CODE_USAGE;
    }
    if (media_path_is_input(path) || same_pattern(options->input, path)) {
        daub_log(DAUB_LOG_ERROR, "%s is the input itself; give the output another name",
                 path);
        return EXIT_CODE_USAGE;
    }
    if (!is_file(path) || options->overwrite || !target_exists(media_path_plain(path)))
        return EXIT_CODE_DONE;
    bool terminal =
        isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && strcmp(options->input, "-") != 0;
    if (!options->never && terminal)
        *replace = ask(path, stop);
    if (daub_stop_requested(stop))
        return EXIT_CODE_INTERRUPTED;
    if (*replace)
        return EXIT_CODE_DONE;
    daub_log(DAUB_LOG_ERROR, "%s exists and is left as it is; -y replaces it", path);
    return EXIT_CODE_OUTPUT;
}

enum exit_code files_open_sink(const struct media_sink_params *params,
                               const struct daub_stop *stop, struct media_sink **sink)
{
    struct daub_error error = {0};
    *sink = media_sink_open(params, &error);
    if (*sink)
        return EXIT_CODE_DONE;
    /* the stop ended the wait for the reader of a named pipe */
    return daub_stop_requested(stop) ? EXIT_CODE_INTERRUPTED
                                     : files_fail(&error, EXIT_CODE_OUTPUT);
}
