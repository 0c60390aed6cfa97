/* The output of a muxer that writes several files (HLS, DASH, segments). They are written
 * into a folder NAME.partial and get their names at the end, the one that names the
 * others last. */
#ifndef DAUB_MEDIA_OUTPUT_FILES_H
#define DAUB_MEDIA_OUTPUT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavformat/avformat.h>

#include <daub/status.h>

struct output_file {
    char *name;   /* in the folder */
    char *target; /* the final name */
};

struct output_files {
    char *main; /* the name that the user gave: that of the playlist, or a pattern such as
                   part%d.ts */
    char *folder; /* exists until the end; NULL: none */
    int lock;     /* of the folder */
    bool replace;
    struct daub_error error; /* why io_open refused a file */
    struct output_file *list;
    size_t count, capacity;
};

/* Whether the muxer writes files of its own that this supports. */
bool output_files_needed(const AVOutputFormat *container);

/* Creates the folder. false with *error; discard is then allowed. */
bool output_files_open(struct output_files *files, const char *path, bool replace,
                       struct daub_error *error);
/* Makes the muxer open its files in the folder. The files must outlive the context. */
bool output_files_attach(struct output_files *files, AVFormatContext *format);
/* The size of all files so far. */
uint64_t output_files_bytes(const struct output_files *files);
/* Gives every file its name. On failure what is not renamed stays in the folder, which
 * *error names. */
bool output_files_commit(struct output_files *files, struct daub_error *error);
/* Leaves the folder; where: its main file. */
bool output_files_keep(struct output_files *files, char *where, size_t size);
/* Removes the folder. Accepts a zeroed struct. */
void output_files_discard(struct output_files *files);

#endif
