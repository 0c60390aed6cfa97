/* daub ctl: sends lines to a running daub's control socket and prints its answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "app/commands.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

enum { ANSWER_MAX = 8192, ANSWER_S = 5 };

static int connect_to(const char *path, struct daub_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = ANSWER_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    errno = ENAMETOOLONG;
    if (fd >= 0 && strlen(path) < sizeof(address.sun_path)) {
        memcpy(address.sun_path, path, strlen(path));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        /* limits connect, too, which waits where the queue of connections is full */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
    }
    if (errno == EAGAIN)
        daub_fail(error, DAUB_ERROR_FAILED,
                  "%s does not accept a connection within %d s: it is busy with other "
                  "programs; try again",
                  path, ANSWER_S);
    else
        daub_fail(error, DAUB_ERROR_FAILED,
                  "no daub listens at %s (%s); start one with --control %s", path,
                  strerror(errno), path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_line(int fd, const char *line)
{
    size_t length = strlen(line);
    return send(fd, line, length, MSG_NOSIGNAL) == (ssize_t)length &&
           send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

/* Reads up to the next newline, which is not stored. */
static bool read_line(int fd, char *line, size_t size)
{
    int64_t end_us = daub_clock_us() + (int64_t)ANSWER_S * 1000000;
    for (size_t i = 0; i < size && daub_clock_us() < end_us; i++) {
        if (recv(fd, &line[i], 1, 0) != 1)
            return false;
        if (line[i] == '\n') {
            line[i] = '\0';
            return true;
        }
    }
    return false;
}

int command_ctl(const struct options *options)
{
    struct daub_error error = {0};
    char line[ANSWER_MAX];
    if (!options->input || options->others.count == 0) {
        daub_log(
            DAUB_LOG_ERROR,
            "write daub ctl SOCKET '{\"style\": \"udnie\"}', or '{\"status\": true}'");
        return EXIT_CODE_USAGE;
    }
    int fd = connect_to(options->input, &error);
    if (fd < 0)
        return command_fail(EXIT_CODE_FAILED, &error);
    bool ok = true;
    for (size_t i = 0; ok && i < options->others.count; i++) {
        ok =
            send_line(fd, options->others.values[i]) && read_line(fd, line, sizeof(line));
        if (!ok) {
            daub_log(DAUB_LOG_ERROR, "the daub at %s did not answer; it may have ended",
                     options->input);
            break;
        }
        daub_text_print(stdout, "%s\n", line);
        cJSON *answer = cJSON_Parse(line);
        ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok"));
        cJSON_Delete(answer);
    }
    close(fd);
    return ok ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}
