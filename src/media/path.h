/* What a name of an input or output leads to. */
#ifndef DAUB_MEDIA_PATH_H
#define DAUB_MEDIA_PATH_H

#include <stdbool.h>

bool media_path_is_stdout(const char *path);
bool media_path_is_url(const char *path);
bool media_path_is_virtual_camera(const char *path); /* vcam:, /dev/videoN, pipewire: */
bool media_path_is_stream(const char *path);         /* a network URL */
bool media_path_is_pattern(const char *path);        /* of numbered images: has a %d */

/* The name of a file without FFmpeg's "file:"; other names unchanged. */
const char *media_path_plain(const char *path);
/* Calls visit for each file on this machine that the name leads to, also where it is
 * wrapped in other protocols, such as concat:A|B. */
void media_path_visit_files(const char *path, void (*visit)(const char *file));
/* Whether a file that the name leads to is an input of this run (daub_input_is). */
bool media_path_is_input(const char *path);

#endif
