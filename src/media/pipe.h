/* Reads and writes standard input and output and named pipes. Unlike with FFmpeg's own
 * code, every wait for the other end can be ended. */
#ifndef DAUB_MEDIA_PIPE_H
#define DAUB_MEDIA_PIPE_H

#include <libavformat/avio.h>

#include "media/interrupt.h"

struct media_pipe {
    AVIOContext *io; /* NULL: not open */
    int fd;
    bool owned;                              /* fd is closed with it */
    bool regular;                            /* writing never waits */
    struct daub_stop *stop;                  /* of a reader */
    const struct media_interrupt *interrupt; /* of a writer */
};

/* Reads from a descriptor or, where path is not NULL, from the file of that name, which
 * is opened. A read ends with AVERROR_EXIT once stop is requested. */
bool media_pipe_reader(struct media_pipe *pipe, int fd, const char *path,
                       struct daub_stop *stop, struct daub_error *error);
/* The same for writing; opening a named pipe waits for its reader. A write fails with
 * AVERROR_EXIT at the interrupt's deadline. */
bool media_pipe_writer(struct media_pipe *pipe, int fd, const char *path,
                       const struct media_interrupt *interrupt, struct daub_error *error);
/* Writes what is buffered. Returns 0, or the error of this or of an earlier write.
 * Accepts a zeroed pipe. */
int media_pipe_close(struct media_pipe *pipe);

#endif
