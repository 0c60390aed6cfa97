/* Files that appear under their name complete or not at all. */
#ifndef DAUB_UTIL_FILE_H
#define DAUB_UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <daub/status.h>

/* Creates an empty file ".NAME.daub-PID.EXT" beside path (the extension stays, because
 * muxers read it) and returns its name, which the caller frees; NULL with *error where
 * the folder cannot be written. The file counts as pending until commit or discard. */
char *daub_file_create_temp(const char *path, struct daub_error *error);

/* fsyncs temp and renames it to path; replace false refuses where path exists. On failure
 * temp is removed and path is unchanged. */
bool daub_file_commit(const char *temp, const char *path, bool replace,
                      struct daub_error *error);
/* Removes temp. */
void daub_file_discard(const char *temp);

/* create_temp, write, commit. */
bool daub_file_write(const char *path, const void *data, size_t size, bool replace,
                     struct daub_error *error);

/* Whether both names lead to one file (symbolic and hard links followed); false where one
 * of them does not exist. */
bool daub_file_same(const char *a, const char *b);

/* Renames every pending temporary file that is not empty to NAME.partial.EXT, unless that
 * exists, and returns how many. Async-signal-safe, likewise. */
int daub_file_keep_pending(void);

/* Unlinks every pending temporary file of this process. Async-signal-safe; for a signal
 * handler that exits right after. */
void daub_file_unlink_pending(void);

#endif
