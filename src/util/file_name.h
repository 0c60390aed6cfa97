/* Names of files for util/file.c. */
#ifndef DAUB_UTIL_FILE_NAME_H
#define DAUB_UTIL_FILE_NAME_H

#include <stdbool.h>

#include <daub/status.h>

/* The part of path after the last slash. */
const char *file_name_of(const char *path);
/* The folder of path, "." where it names none; the caller frees it; NULL: no memory. */
char *file_folder_of(const char *path);
/* "NAME.partial.EXT", of number 2 and more "NAME.partial-NUMBER.EXT"; hidden: with a dot
 * before it. Shortened to the length that file systems allow. The caller frees it. */
char *file_temp_name(const char *path, bool hidden, int number);
/* The path as one quoted word of a shell command, which the caller frees; NULL: no
 * memory. */
char *file_quote(const char *path);
/* Checks that a file can be renamed to path, to which links lead no further; without
 * replace, that nothing exists there. */
bool file_check_target(const char *path, bool replace, struct daub_error *error);

#endif
