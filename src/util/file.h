/* Files that appear under their name whole or not at all. While a file is written it has
 * the name NAME.partial.EXT in the same folder; it keeps that name where the program
 * fails, is stopped at once or is killed. */
#ifndef DAUB_UTIL_FILE_H
#define DAUB_UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <daub/status.h>

struct daub_file {
    char *path; /* the final name; symbolic links are followed */
    char *temp; /* the name while it is written; NULL: path is a device or a named pipe */
    int fd;     /* of temp, for reading and writing; holds a lock; -1: none */
    int folder; /* of both names; -1: none */
    bool replace;
    bool hidden; /* the temporary name begins with a dot; an unfinished file is useless */
};

/* Creates the temporary file. Everything that would prevent its renaming later and can be
 * known now is checked: the folder, the length of the name, an existing file (replace),
 * inputs (daub_input_add), rights. Leftovers of earlier runs are named in a warning,
 * hidden ones are removed. false with *error; discard is then allowed. */
bool daub_file_open(struct daub_file *file, const char *path, bool replace, bool hidden,
                    struct daub_error *error);
/* The file is worth keeping from now on, although it is unfinished. */
void daub_file_set_useful(struct daub_file *file);
/* Bytes that can still be written there; UINT64_MAX where unknown. */
uint64_t daub_file_free_bytes(const struct daub_file *file);
/* Writes all the data. */
bool daub_file_put(struct daub_file *file, const void *data, size_t size,
                   struct daub_error *error);
/* Makes the data durable and gives the file its name. Where that fails, the file is kept
 * (unless it is hidden) and *error says where. Frees the file's resources. */
bool daub_file_commit(struct daub_file *file, struct daub_error *error);
/* Leaves the file under its temporary name; where its folder was removed, copies it to
 * the current folder or to $TMPDIR or /tmp. where: its name then, at most size bytes.
 * false: it could not be kept. Frees the file's resources. */
bool daub_file_keep(struct daub_file *file, char *where, size_t size);
/* Removes the temporary file and frees the file's resources. Accepts a zeroed file. */
void daub_file_discard(struct daub_file *file);

/* open, put, commit of a hidden file. */
bool daub_file_write(const char *path, const void *data, size_t size, bool replace,
                     struct daub_error *error);

/* Renames from in a folder (a descriptor, or AT_FDCWD) to another name; without replace
 * no existing file is replaced. false: errno says why. */
bool daub_file_rename(int from_folder, const char *from, int to_folder, const char *to,
                      bool replace);

/* Opens a regular file for reading; NULL: errno says why, EINVAL that it is none. A named
 * pipe, whose opening would wait for a writer, is none. */
FILE *daub_file_read(const char *path);
/* The contents of a regular file of at most `most` bytes, with a zero byte behind them;
 * the caller frees them. NULL: errno says why, EFBIG that it is larger. */
char *daub_file_load(const char *path, size_t most, size_t *size);
/* Path from the root folder; the file need not exist. The caller frees it; NULL: errno
 * says why. */
char *daub_file_absolute(const char *path);

/* Path with all symbolic links followed. The file need not exist. The caller frees it;
 * NULL with *error. */
char *daub_file_resolve(const char *path, struct daub_error *error);
/* Whether both names lead to one file (symbolic and hard links followed), or to one that
 * does not exist yet. */
bool daub_file_same(const char *a, const char *b);

/* Removes every temporary file of this process that is not worth keeping, and returns how
 * many were kept. Async-signal-safe; for a program that exits right after. */
int daub_file_leave(void);

#endif
