#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <libavformat/avformat.h>

#include "app/commands.h"
#include "app/folder.h"
#include "app/signals.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/folder.h"
#include "util/input.h"
#include "util/log.h"

enum { DEPTH_MAX = 64 }; /* of folders in folders */

/* Files below the folder, by their names relative to it; sorted once all are known. */
struct listing {
    char **names;
    size_t count, capacity;
    const char *root;
    bool recursive;
    dev_t output_device; /* the folder of the output, which is left out */
    ino_t output_inode;
};

bool folder_is(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool join(char *path, size_t size, const char *folder, const char *name)
{
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    return (size_t)snprintf(path, size, "%s%s%s", folder, slash, name) < size;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct listing *listing, const char *name, struct daub_error *error)
{
    char *copy = daub_strdup(name);
    if (!copy || !daub_grow(&listing->names, &listing->capacity, listing->count + 1,
                            sizeof(*listing->names))) {
        free(copy);
        return daub_no_memory(error, "the names of the files");
    }
    listing->names[listing->count++] = copy;
    return true;
}

static bool list(struct listing *listing, const char *below, int depth,
                 struct daub_error *error);

static bool list_entry(struct listing *listing, const char *name, int depth,
                       struct daub_error *error)
{
    char path[PATH_MAX];
    struct stat info;
    bool ok = join(path, sizeof(path), listing->root, name);
    bool linked = ok && lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
    if (!ok || stat(path, &info) != 0) {
        daub_log(DAUB_LOG_WARNING, "skipped: %s cannot be read", name);
        return true;
    }
    bool output =
        info.st_dev == listing->output_device && info.st_ino == listing->output_inode;
    if (S_ISREG(info.st_mode))
        return add_name(listing, name, error);
    /* linked folders could lead back to this one */
    if (!S_ISDIR(info.st_mode) || !listing->recursive || output || linked ||
        depth == DEPTH_MAX)
        return true;
    return list(listing, name, depth + 1, error);
}

/* Adds the files of root/below; hidden ones are left out. */
static bool list(struct listing *listing, const char *below, int depth,
                 struct daub_error *error)
{
    char path[PATH_MAX], name[PATH_MAX];
    const struct dirent *entry;
    bool ok = join(path, sizeof(path), listing->root, below);
    DIR *folder = ok ? opendir(path) : NULL;
    if (!folder && !*below)
        return daub_fail(error, DAUB_ERROR_NOT_FOUND, "cannot read the folder %s: %s",
                         listing->root, strerror(errno));
    if (!folder)
        daub_log(DAUB_LOG_WARNING, "skipped: the folder %s cannot be read: %s", below,
                 strerror(errno));
    while (ok && folder && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        if (*below ? join(name, sizeof(name), below, entry->d_name)
                   : snprintf(name, sizeof(name), "%s", entry->d_name) > 0)
            ok = list_entry(listing, name, depth, error);
    }
    if (folder)
        closedir(folder);
    return ok;
}

/* Endings of files that FFmpeg reads and either does not write at all or, as with WebP,
 * not in every build. */
#define READ_ONLY_IMAGES "heic,heif,avif,webp,jxl,jp2,exr,hdr"
#define READ_ONLY_VIDEOS "wmv,mpg,m2ts,mts,vob,rm,ogm,dav,insv"

/* Whether the name's ending is one of images and videos; *added: the ending that the
 * output's name has in addition, "" where FFmpeg writes such files. */
static bool is_picture_name(const char *name, const char **added)
{
    const AVOutputFormat *format = av_guess_format(NULL, name, NULL);
    bool image = av_match_ext(name, READ_ONLY_IMAGES);
    bool writes = format && format->video_codec != AV_CODEC_ID_NONE &&
                  !(format->mime_type && strncmp(format->mime_type, "audio/", 6) == 0);
    *added = writes ? "" : image ? ".png" : ".mkv";
    return writes || image || av_match_ext(name, READ_ONLY_VIDEOS);
}

static bool make_folder_of(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return true;
    *slash = '\0';
    return daub_folder_make(folder, 0777);
}

struct results {
    size_t painted, skipped, failed;
};

static void report_file(const struct options *options, size_t number, size_t count,
                        const char *name, const char *output)
{
    if (options->progress == PROGRESS_JSON) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "event", "file");
        cJSON_AddNumberToObject(object, "number", (double)number);
        cJSON_AddNumberToObject(object, "count", (double)count);
        cJSON_AddStringToObject(object, "input", name);
        cJSON_AddStringToObject(object, "output", output);
        char *text = cJSON_PrintUnformatted(object);
        if (text)
            fprintf(stderr, "%s\n", text);
        cJSON_free(text);
        cJSON_Delete(object);
    } else {
        daub_log(DAUB_LOG_INFO, "%zu of %zu: %s", number, count, name);
    }
}

/* Returns an enum exit_code; DONE also where the file is skipped. */
static int paint_entry(const struct options *options, const struct listing *listing,
                       size_t i, struct work_kept *kept, struct results *results)
{
    const char *name = listing->names[i], *added, *output;
    char input[PATH_MAX], painted[PATH_MAX], target[PATH_MAX];
    const char *sought = painted;
    struct options local = *options;
    if (!is_picture_name(name, &added)) {
        daub_log(DAUB_LOG_INFO, "skipped: %s is neither an image nor a video", name);
        results->skipped++;
        return EXIT_CODE_DONE;
    }
    if ((size_t)snprintf(painted, sizeof(painted), "%s%s", name, added) >=
            sizeof(painted) ||
        !join(input, sizeof(input), listing->root, name) ||
        !join(target, sizeof(target), options->outputs.values[0], painted)) {
        daub_log(DAUB_LOG_ERROR, "the name %s is too long", name);
        results->failed++;
        return EXIT_CODE_DONE;
    }
    if (*added && bsearch(&sought, listing->names, listing->count,
                          sizeof(*listing->names), by_name)) {
        daub_log(DAUB_LOG_ERROR,
                 "%s and %s would have the same painting; rename one of them", name,
                 painted);
        results->failed++;
        return EXIT_CODE_DONE;
    }
    if (!options->overwrite && access(target, F_OK) == 0) {
        daub_log(DAUB_LOG_INFO, "skipped: %s exists; -y paints it anew", target);
        results->skipped++;
        return EXIT_CODE_DONE;
    }
    output = target;
    local.input = input;
    local.outputs = (struct option_list){.values = &output, .count = 1};
    report_file(options, i + 1, listing->count, name, target);
    daub_input_add(input);
    int code = make_folder_of(target) ? paint_file(&local, kept) : EXIT_CODE_OUTPUT;
    results->painted += code == EXIT_CODE_DONE;
    results->failed += code != EXIT_CODE_DONE && code != EXIT_CODE_INTERRUPTED;
    return code;
}

/* Refuses the input's own folder as output, and remembers the output's where it is there.
 */
static bool check_output(const struct options *options, struct listing *listing,
                         struct daub_error *error)
{
    struct stat in, out;
    if (stat(options->outputs.values[0], &out) != 0)
        return true;
    listing->output_device = out.st_dev;
    listing->output_inode = out.st_ino;
    return stat(options->input, &in) != 0 || in.st_dev != out.st_dev ||
           in.st_ino != out.st_ino ||
           daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "%s is the input's folder itself; give another one",
                     options->outputs.values[0]);
}

static bool make_output(const struct options *options, const struct listing *listing,
                        struct daub_error *error)
{
    const char *output = options->outputs.values[0];
    struct stat out;
    if (listing->count == 0)
        return daub_fail(error, DAUB_ERROR_NOT_FOUND,
                         "%s is a folder without files%s; give a folder with images or "
                         "videos",
                         options->input,
                         listing->recursive ? ""
                                            : " (--recursive reads "
                                              "those in it, too)");
    if (!daub_folder_make(output, 0777))
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot make the folder %s: %s",
                         output, strerror(errno));
    return (stat(output, &out) == 0 && S_ISDIR(out.st_mode)) ||
           daub_fail(error, DAUB_ERROR_FAILED, "cannot make the folder %s: it is a file",
                     output);
}

static int paint_all(const struct options *options, const struct listing *listing)
{
    struct work_kept kept = {0};
    struct results results = {0};
    int code = EXIT_CODE_DONE;
    for (size_t i = 0; i < listing->count && code != EXIT_CODE_INTERRUPTED; i++) {
        code = signals_came() ? EXIT_CODE_INTERRUPTED
                              : paint_entry(options, listing, i, &kept, &results);
        /* these would stop every other file as well */
        if (code == EXIT_CODE_DEVICE || code == EXIT_CODE_USAGE)
            break;
    }
    daub_model_free(kept.model);
    daub_device_close(kept.device);
    daub_log(DAUB_LOG_INFO, "%zu painted, %zu skipped, %zu failed", results.painted,
             results.skipped, results.failed);
    if (code == EXIT_CODE_INTERRUPTED || code == EXIT_CODE_DEVICE ||
        code == EXIT_CODE_USAGE)
        return code;
    return results.failed > 0 ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
}

int command_folder(const struct options *options)
{
    struct daub_error error = {0};
    struct listing listing = {.root = options->input, .recursive = options->recursive};
    if (options->outputs.count != 1) {
        daub_log(DAUB_LOG_ERROR, "%s is a folder; give one for its paintings with -o",
                 options->input);
        return EXIT_CODE_USAGE;
    }
    if (options->window || options->control || options->segments || options->resume) {
        daub_log(DAUB_LOG_ERROR, "--window, --control, --segments and --resume do not go "
                                 "with a folder");
        return EXIT_CODE_USAGE;
    }
    bool ok = check_output(options, &listing, &error) && list(&listing, "", 0, &error) &&
              make_output(options, &listing, &error);
    int code;
    if (ok) {
        qsort(listing.names, listing.count, sizeof(*listing.names), by_name);
        code = paint_all(options, &listing);
    } else {
        code = command_fail(error.status == DAUB_ERROR_ARGUMENT ? EXIT_CODE_USAGE
                            : error.status == DAUB_ERROR_FAILED ? EXIT_CODE_OUTPUT
                                                                : EXIT_CODE_INPUT,
                            &error);
    }
    for (size_t i = 0; i < listing.count; i++)
        free(listing.names[i]);
    free(listing.names);
    return code;
}
