/* Where an output goes: a file, a pipe, a device or a URL. */
#ifndef DAUB_MEDIA_OUTPUT_H
#define DAUB_MEDIA_OUTPUT_H

#include <stdbool.h>

#include <daub/status.h>

#include "media/output_files.h"
#include "util/file.h"

struct media_output {
    struct daub_file file;     /* path: of every kind of output; temp: of a file */
    struct output_files files; /* folder: of a muxer that writes several files */
    char *readable;            /* what can be read again before commit; NULL: nothing */
    char *url;                 /* what libavformat opens */
    bool is_pipe;   /* standard output or a named pipe: opened by media/pipe.h */
    int descriptor; /* of such an output; -1: opened by path */
};

/* Creates the temporary file, or the folder for several files. On failure *error is set;
 * uninit is still allowed. */
bool media_output_open(struct media_output *output, const char *path, bool several,
                       bool replace, struct daub_error *error);
/* Gives the complete, closed file its name; see daub_file_commit. */
bool media_output_commit(struct media_output *output, struct daub_error *error);
/* Leaves the unfinished, closed file under its temporary name; see daub_file_keep. */
bool media_output_keep(struct media_output *output, char *where, size_t size);
/* Frees everything; an output that was neither committed nor kept is removed. */
void media_output_uninit(struct media_output *output);

#endif
