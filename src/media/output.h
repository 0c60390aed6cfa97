/* The temporary name under which an output is written until it is complete. */
#ifndef DAUB_MEDIA_OUTPUT_H
#define DAUB_MEDIA_OUTPUT_H

#include <stdbool.h>

#include <daub/status.h>

struct media_output {
    char *path;     /* the final name; a symbolic link's target */
    char *temp;     /* NULL where there is nothing to rename: pipes, URLs, devices */
    char *url;      /* what libavformat opens */
    bool is_pipe;   /* standard output or a named pipe: opened by media/pipe.h */
    int descriptor; /* of such an output; -1: opened by path */
    bool replace;
};

/* Creates the temporary file. On failure *error is set; uninit is still allowed. */
bool media_output_open(struct media_output *output, const char *path, bool replace,
                       struct daub_error *error);
/* Gives the complete, closed file its name. */
bool media_output_commit(struct media_output *output, struct daub_error *error);
/* Frees everything; an output that was not committed is removed. */
void media_output_uninit(struct media_output *output);

#endif
