#include "media/output_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/avstring.h>

#include "media/path.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/file_name.h"
#include "util/log.h"

/* Muxers write and rename files of their own where the URL's protocol is "file"; an
 * unknown one makes them use io_open for everything. */
#define SCHEME "daub-file:"

bool output_files_needed(const AVOutputFormat *container)
{
    static const char *const names[] = {"hls", "dash", "segment",
                                        "stream_segment,ssegment"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(container->name, names[i]) == 0)
            return true;
    }
    return false;
}

/* Opens and locks the folder. false: another process has the lock. */
static bool lock_folder(struct output_files *files)
{
    files->lock = open(files->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return files->lock < 0 || flock(files->lock, LOCK_EX | LOCK_NB) == 0 ||
           errno != EWOULDBLOCK;
}

static void tell_leftover(const char *folder)
{
    char *quoted = file_quote(folder);
    daub_log(DAUB_LOG_WARNING,
             "%s was left by an earlier run that did not end; rm -r %s removes it",
             folder, quoted ? quoted : "it");
    free(quoted);
}

/* Creates the folder under the first name that is free. */
static bool create(struct output_files *files, const char *stem, struct daub_error *error)
{
    enum { NUMBERS_MAX = 100 };
    for (int number = 1; number < NUMBERS_MAX; number++) {
        files->folder = file_temp_name(stem, false, number);
        if (!files->folder)
            return daub_no_memory(error, "a name");
        bool made = mkdir(files->folder, 0777) == 0;
        int cause = errno;
        if (made) {
            lock_folder(files);
            return true;
        }
        bool busy = cause == EEXIST && !lock_folder(files);
        if (busy)
            daub_fail(error, DAUB_ERROR_FAILED,
                      "cannot write %s: it is being written already, in %s; give another "
                      "name",
                      files->main, files->folder);
        else if (cause == EEXIST)
            tell_leftover(files->folder);
        else
            daub_fail(error, DAUB_ERROR_FAILED,
                      "cannot write %s: %s; choose a folder that exists and is yours",
                      files->main, strerror(cause));
        if (files->lock >= 0)
            close(files->lock);
        files->lock = -1;
        free(files->folder);
        files->folder = NULL;
        if (busy || cause != EEXIST)
            return false;
    }
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "cannot write %s: too many unfinished outputs of that name",
                     files->main);
}

bool output_files_open(struct output_files *files, const char *path, bool replace,
                       struct daub_error *error)
{
    *files = (struct output_files){.replace = replace, .lock = -1};
    files->main = daub_file_resolve(path, error);
    char *stem = files->main ? daub_strdup(files->main) : NULL;
    if (!stem)
        return files->main ? daub_no_memory(error, "a name") : false;
    char *name = stem + (file_name_of(stem) - stem), *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
    bool ok =
        file_check_target(files->main, replace, error) && create(files, stem, error);
    free(stem);
    return ok;
}

/* The name in the folder of a file that was written; NULL: it was not. */
static const char *find(const struct output_files *files, const char *target)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->list[i].target, target) == 0)
            return files->list[i].name;
    }
    return NULL;
}

/* The file's name in the folder; NULL: two targets of one name, or no memory. */
static const char *add(struct output_files *files, const char *target)
{
    const char *name = file_name_of(target);
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->list[i].name, name) == 0)
            return strcmp(files->list[i].target, target) == 0 ? name : NULL;
    }
    if (!daub_grow(&files->list, &files->capacity, files->count + 1,
                   sizeof(*files->list)))
        return NULL;
    struct output_file *file = &files->list[files->count];
    file->name = daub_strdup(name);
    file->target = daub_strdup(target);
    files->count++;
    return file->name && file->target ? file->name : NULL;
}

static int io_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                   AVDictionary **options)
{
    struct output_files *files = format->opaque;
    const char *target = media_path_plain(url);
    av_strstart(url, SCHEME, &target);
    bool reads = !(flags & AVIO_FLAG_WRITE);
    if (!reads && !file_check_target(target, files->replace, &files->error))
        return AVERROR(EEXIST);
    const char *name = media_path_is_url(target) ? NULL
                       : reads                   ? find(files, target)
                                                 : add(files, target);
    if (!name && !reads)
        return AVERROR(EINVAL);
    /* what it reads and did not write is the user's, such as a key */
    char *path =
        name ? av_asprintf("file:%s/%s", files->folder, name) : av_asprintf("%s", url);
    int code = path ? avio_open2(io, path, flags, &format->interrupt_callback, options)
                    : AVERROR(ENOMEM);
    av_free(path);
    return code;
}

bool output_files_attach(struct output_files *files, AVFormatContext *format)
{
    av_free(format->url);
    format->url = av_asprintf(SCHEME "%s", files->main);
    format->opaque = files;
    format->io_open = io_open;
    return format->url != NULL;
}

static char *path_in(const struct output_files *files, const char *name)
{
    size_t bytes = strlen(files->folder) + strlen(name) + 2;
    char *path = daub_alloc(bytes, 1);
    if (path)
        snprintf(path, bytes, "%s/%s", files->folder, name);
    return path;
}

uint64_t output_files_bytes(const struct output_files *files)
{
    uint64_t bytes = 0;
    struct stat info;
    for (size_t i = 0; i < files->count; i++) {
        char *path = path_in(files, files->list[i].name);
        if (path && stat(path, &info) == 0)
            bytes += (uint64_t)info.st_size;
        free(path);
    }
    return bytes;
}

static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    int cause = errno;
    if (fd >= 0)
        close(fd);
    errno = cause;
    return ok;
}

static bool move(const struct output_files *files, const struct output_file *file,
                 struct daub_error *error)
{
    char *path = path_in(files, file->name);
    if (!path)
        return daub_no_memory(error, "a name");
    bool ok = true;
    if (access(path, F_OK) == 0) { /* the muxer may have removed it */
        ok = sync_file(path) &&
             daub_file_rename(AT_FDCWD, path, AT_FDCWD, file->target, files->replace);
        if (!ok)
            daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s; the rest is in %s",
                      file->target, strerror(errno), files->folder);
    }
    free(path);
    return ok;
}

static void release(struct output_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->list[i].name);
        free(files->list[i].target);
    }
    if (files->lock >= 0)
        close(files->lock);
    free(files->list);
    free(files->folder);
    free(files->main);
    *files = (struct output_files){.lock = -1};
}

bool output_files_commit(struct output_files *files, struct daub_error *error)
{
    const struct output_file *last = NULL;
    struct daub_error why = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < files->count; i++)
        ok = file_check_target(files->list[i].target, files->replace, &why);
    if (!ok)
        daub_fail(error, why.status, "%.900s; the complete files are in %.900s",
                  why.message, files->folder);
    for (size_t i = 0; ok && i < files->count; i++) {
        if (strcmp(files->list[i].target, files->main) == 0)
            last = &files->list[i];
        else
            ok = move(files, &files->list[i], error);
    }
    ok = ok && (!last || move(files, last, error));
    if (ok)
        rmdir(files->folder);
    release(files);
    return ok;
}

bool output_files_keep(struct output_files *files, char *where, size_t size)
{
    snprintf(where, size, "%s/%s", files->folder, file_name_of(files->main));
    release(files);
    return true;
}

void output_files_discard(struct output_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        char *path = path_in(files, files->list[i].name);
        if (path)
            unlink(path);
        free(path);
    }
    if (files->folder)
        rmdir(files->folder);
    if (files->main)
        release(files);
}
