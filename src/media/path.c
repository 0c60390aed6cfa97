#include "media/path.h"

#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>
#include <libavutil/avstring.h>

#include "util/alloc.h"
#include "util/input.h"

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

const char *media_path_plain(const char *path)
{
    return strncmp(path, "file:", 5) == 0 ? path + 5 : path;
}

/* The URL inside a protocol that reads or writes another one; NULL: it is none. */
static const char *inner(const char *path)
{
    static const char *const wrappers[] = {
        "file:", "cache:", "async:", "crypto:", "crypto+", "hls:", "hls+", "md5:"};
    const char *rest;
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
        if (av_strstart(path, wrappers[i], &rest))
            return rest;
    }
    /* subfile,,start,0,end,0,,:URL */
    return av_strstart(path, "subfile,", NULL) && (rest = strstr(path, ",,:")) ? rest + 3
                                                                               : NULL;
}

void media_path_visit_files(const char *path, void (*visit)(const char *file))
{
    const char *list;
    if (!av_strstart(path, "concat:", &list)) {
        const char *inside = inner(path);
        if (inside && (strncmp(path, "file:", 5) != 0))
            media_path_visit_files(inside, visit);
        else
            visit(inside ? inside : path);
        return;
    }
    char *names = daub_strdup(list), *rest = NULL;
    for (char *name = names ? strtok_r(names, "|", &rest) : NULL; name;
         name = strtok_r(NULL, "|", &rest))
        media_path_visit_files(name, visit);
    free(names);
}

static _Thread_local bool any_input;

static void test_input(const char *file)
{
    any_input = any_input || daub_input_is(file);
}

bool media_path_is_input(const char *path)
{
    any_input = false;
    media_path_visit_files(path, test_input);
    return any_input;
}
