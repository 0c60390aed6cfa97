#include "media/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavformat/avformat.h>
#include <libavutil/avstring.h>

#include "media/path.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file_name.h"

static char *join(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    char *text = daub_alloc(la + lb + 1, 1);
    if (text) {
        memcpy(text, a, la);
        memcpy(text + la, b, lb);
    }
    return text;
}

static bool open_several(struct media_output *output, const char *path, bool replace,
                         struct daub_error *error)
{
    struct output_files *files = &output->files;
    if (!output_files_open(files, path, replace, error))
        return false;
    output->file.path = daub_strdup(files->main);
    output->url = daub_strdup(files->main);
    output->readable =
        av_filename_number_test(files->main)
            ? NULL
            : av_asprintf("file:%s/%s", files->folder, file_name_of(files->main));
    return (output->file.path && output->url) || daub_no_memory(error, "a name");
}

bool media_output_open(struct media_output *output, const char *path, bool several,
                       bool replace, struct daub_error *error)
{
    *output = (struct media_output){
        .file = {.fd = -1, .folder = -1}, .files = {.lock = -1}, .descriptor = -1};
    struct daub_file *file = &output->file;
    if (media_path_is_input(path))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s is the input itself; give the output another name", path);
    if (media_path_is_stdout(path) || media_path_is_url(path)) {
        output->is_pipe = media_path_is_stdout(path);
        output->descriptor = output->is_pipe ? STDOUT_FILENO : -1;
        file->path = daub_strdup(path);
        output->url = daub_strdup(output->is_pipe ? "pipe:1" : path);
        return (file->path && output->url) || daub_no_memory(error, "a name");
    }
    struct stat info;
    path = media_path_plain(path);
    if (several)
        return open_several(output, path, replace, error);
    output->is_pipe = stat(path, &info) == 0 && S_ISFIFO(info.st_mode);
    if (!daub_file_open(file, path, replace, false, error))
        return false;
    output->url = join("file:", file->temp ? file->temp : file->path);
    output->readable = file->temp && output->url ? av_strdup(output->url) : NULL;
    return output->url || daub_no_memory(error, "a name");
}

bool media_output_commit(struct media_output *output, struct daub_error *error)
{
    return output->files.folder ? output_files_commit(&output->files, error)
                                : daub_file_commit(&output->file, error);
}

bool media_output_keep(struct media_output *output, char *where, size_t size)
{
    return output->files.folder ? output_files_keep(&output->files, where, size)
                                : daub_file_keep(&output->file, where, size);
}

void media_output_uninit(struct media_output *output)
{
    output_files_discard(&output->files);
    daub_file_discard(&output->file);
    av_freep(&output->readable);
    free(output->url);
    output->url = NULL;
}
