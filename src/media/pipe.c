#include "media/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/mem.h>

#include "media/compat.h"
#include "util/error.h"

enum { BUFFER_BYTES = 1 << 15 };

static int read_bytes(void *opaque, uint8_t *data, int size)
{
    struct media_pipe *pipe = opaque;
    struct pollfd wait[2] = {{.fd = pipe->fd, .events = POLLIN},
                             {.fd = pipe->stop->fd, .events = POLLIN}};
    while (!daub_stop_requested(pipe->stop)) {
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return AVERROR(errno);
        if (!wait[0].revents)
            continue;
        ssize_t count = read(pipe->fd, data, (size_t)size);
        if (count > 0)
            return (int)count;
        if (count == 0)
            return AVERROR_EOF;
        if (errno != EINTR && errno != EAGAIN)
            return AVERROR(errno);
    }
    return AVERROR_EXIT;
}

/* false: the deadline passed first. */
static bool wait_writable(const struct media_pipe *pipe)
{
    struct pollfd wait[2] = {{.fd = pipe->fd, .events = POLLOUT}, {.events = POLLIN}};
    int64_t left_us;
    while ((left_us = media_interrupt_left_us(pipe->interrupt)) > 0) {
        bool set = left_us != INT64_MAX;
        wait[1].fd = set ? -1 : pipe->interrupt->set.fd;
        if (poll(wait, 2, set ? (int)(left_us / 1000) + 1 : -1) > 0 && wait[0].revents)
            return true;
    }
    return false;
}

static int write_bytes(void *opaque, media_output_byte *data, int size)
{
    const struct media_pipe *pipe = opaque;
    int done = 0;
    while (done < size) {
        /* A pipe that poll reports as writable accepts PIPE_BUF bytes without waiting. */
        int part = size - done;
        if (!pipe->regular && part > PIPE_BUF)
            part = PIPE_BUF;
        if (!pipe->regular && !wait_writable(pipe))
            return AVERROR_EXIT;
        ssize_t count = write(pipe->fd, data + done, (size_t)part);
        if (count >= 0)
            done += (int)count;
        else if (errno != EINTR && errno != EAGAIN)
            return AVERROR(errno);
    }
    return size;
}

static bool open_pipe(struct media_pipe *pipe, const char *path, int flags,
                      struct daub_error *error)
{
    struct stat info;
    if (path) {
        pipe->fd = open(path, flags | O_CLOEXEC);
        pipe->owned = pipe->fd >= 0;
    }
    if (pipe->fd < 0 || fstat(pipe->fd, &info) != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot open %s: %s",
                         path ? path : "a standard stream", strerror(errno));
    pipe->regular = S_ISREG(info.st_mode);
    uint8_t *buffer = av_malloc(BUFFER_BYTES);
    if (buffer)
        pipe->io = avio_alloc_context(buffer, BUFFER_BYTES, pipe->interrupt != NULL, pipe,
                                      pipe->interrupt ? NULL : read_bytes,
                                      pipe->interrupt ? write_bytes : NULL, NULL);
    if (pipe->io)
        return true;
    av_free(buffer);
    return daub_no_memory(error, "a pipe");
}

bool media_pipe_reader(struct media_pipe *pipe, int fd, const char *path,
                       struct daub_stop *stop, struct daub_error *error)
{
    *pipe = (struct media_pipe){.fd = fd, .stop = stop};
    /* without O_NONBLOCK, opening a named pipe waits for a writer */
    return open_pipe(pipe, path, O_RDONLY | O_NONBLOCK, error);
}

bool media_pipe_writer(struct media_pipe *pipe, int fd, const char *path,
                       const struct media_interrupt *interrupt, struct daub_error *error)
{
    *pipe = (struct media_pipe){.fd = fd, .interrupt = interrupt};
    return open_pipe(pipe, path, O_WRONLY, error);
}

int media_pipe_close(struct media_pipe *pipe)
{
    int code = 0;
    if (pipe->io) {
        if (pipe->interrupt)
            avio_flush(pipe->io);
        code = pipe->interrupt ? pipe->io->error : 0;
        av_freep(&pipe->io->buffer);
        avio_context_free(&pipe->io);
    }
    if (pipe->owned && close(pipe->fd) != 0 && code == 0)
        code = AVERROR(errno);
    *pipe = (struct media_pipe){.fd = -1};
    return code;
}
