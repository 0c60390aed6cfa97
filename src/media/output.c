#include "media/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "media/sink.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"

bool media_path_is_stdout(const char *path)
{
    return strcmp(path, "-") == 0 || strcmp(path, "pipe:1") == 0;
}

bool media_path_is_url(const char *path)
{
    const char *protocol = avio_find_protocol_name(path);
    return protocol && strcmp(protocol, "file") != 0;
}

bool media_path_is_stream(const char *path)
{
    static const char *const schemes[] = {"udp",  "udplite", "rtp",   "srt",  "tcp",
                                          "rtmp", "rtmps",   "rtmpt", "http", "https"};
    const char *protocol = avio_find_protocol_name(path);
    for (size_t i = 0; protocol && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strcmp(protocol, schemes[i]) == 0)
            return true;
    }
    return false;
}

bool media_path_is_virtual_camera(const char *path)
{
    return strcmp(path, "vcam:") == 0 || strncmp(path, "/dev/video", 10) == 0 ||
           strncmp(path, "pipewire:", 9) == 0;
}

bool media_path_is_pattern(const char *path)
{
    return av_filename_number_test(path);
}

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

bool media_output_open(struct media_output *output, const char *path, bool replace,
                       struct daub_error *error)
{
    *output = (struct media_output){.replace = replace, .descriptor = -1};
    if (media_path_is_stdout(path) || media_path_is_url(path)) {
        output->is_pipe = media_path_is_stdout(path);
        output->descriptor = output->is_pipe ? STDOUT_FILENO : -1;
        output->path = daub_strdup(path);
        output->url = daub_strdup(output->is_pipe ? "pipe:1" : path);
        return (output->path && output->url) || daub_no_memory(error, "a name");
    }
    if (strncmp(path, "file:", 5) == 0)
        path += 5;
    struct stat info;
    bool exists = stat(path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode))
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: it is a folder",
                         path);
    bool device = exists && !S_ISREG(info.st_mode);
    output->is_pipe = device && S_ISFIFO(info.st_mode);
    char *target = exists && !device ? realpath(path, NULL) : NULL;
    output->path = target ? target : daub_strdup(path);
    if (!output->path)
        return daub_no_memory(error, "a name");
    if (!device) {
        output->temp = daub_file_create_temp(output->path, error);
        if (!output->temp)
            return false;
    }
    output->url = join("file:", output->temp ? output->temp : output->path);
    return output->url || daub_no_memory(error, "a name");
}

bool media_output_commit(struct media_output *output, struct daub_error *error)
{
    if (!output->temp)
        return true;
    bool ok = daub_file_commit(output->temp, output->path, output->replace, error);
    free(output->temp);
    output->temp = NULL;
    return ok;
}

void media_output_uninit(struct media_output *output)
{
    if (output->temp)
        daub_file_discard(output->temp);
    free(output->temp);
    free(output->path);
    free(output->url);
    *output = (struct media_output){0};
}
