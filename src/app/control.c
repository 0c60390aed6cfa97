#include "app/control.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "app/options.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

enum { CLIENTS = CONTROL_POLLS - 1, LINE_MAX_BYTES = 4096 };

struct client {
    int fd; /* -1: none */
    char line[LINE_MAX_BYTES];
    size_t length;
};

struct control {
    struct control_params params;
    struct sockaddr_un address;
    int fd;
    bool bound, quit;
    struct client clients[CLIENTS];
};

/* ---- the socket ---- */

/* Connects without waiting. Returns 0 or an errno code. */
static int try_connect(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    bool connected = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    int cause = connected ? 0 : errno;
    close(fd);
    return cause;
}

/* Removes the socket that a killed program left: it is this user's and refuses
 * connections. */
static bool remove_stale(const struct sockaddr_un *address, struct daub_error *error)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0)
        return true;
    if (!S_ISSOCK(info.st_mode))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--control %s exists and is not a socket; choose another name",
                         address->sun_path);
    int cause = try_connect(address);
    /* EAGAIN: it listens, but its queue of connections is full */
    if (cause == 0 || cause == EAGAIN)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--control %s: another daub listens there; choose another name",
                         address->sun_path);
    if (cause != ECONNREFUSED || info.st_uid != geteuid())
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--control %s: a socket of that name cannot be replaced (%s); "
                         "choose another name",
                         address->sun_path,
                         cause == ECONNREFUSED ? "it is another user's"
                                               : strerror(cause));
    if (unlink(address->sun_path) == 0 || errno == ENOENT)
        return true;
    return daub_fail(error, DAUB_ERROR_FAILED, "--control %s: cannot remove it: %s",
                     address->sun_path, strerror(errno));
}

struct control *control_open(const struct control_params *params,
                             struct daub_error *error)
{
    struct control *c = daub_alloc(1, sizeof(*c));
    if (!c) {
        daub_no_memory(error, "a control socket");
        return NULL;
    }
    c->params = *params;
    c->fd = -1;
    for (int i = 0; i < CLIENTS; i++)
        c->clients[i].fd = -1;
    c->address.sun_family = AF_UNIX;
    if (strlen(params->path) >= sizeof(c->address.sun_path)) {
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "--control %s: a socket's path has at most %zu "
                  "bytes",
                  params->path, sizeof(c->address.sun_path) - 1);
        goto fail;
    }
    memcpy(c->address.sun_path, params->path, strlen(params->path));
    if (!remove_stale(&c->address, error))
        goto fail;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Linux gives the file the socket's own mode; umask would change other threads'. */
    c->bound = c->fd >= 0 && fchmod(c->fd, 0600) == 0 &&
               bind(c->fd, (const struct sockaddr *)&c->address, sizeof(c->address)) == 0;
    if (c->bound && listen(c->fd, CLIENTS) == 0)
        return c;
    daub_fail(error, DAUB_ERROR_FAILED,
              "--control %s: cannot create the socket: %s; choose another name",
              params->path, strerror(errno));
fail:
    control_close(c);
    return NULL;
}

static void drop(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->length = 0;
}

void control_close(struct control *c)
{
    if (!c)
        return;
    for (int i = 0; i < CLIENTS; i++)
        drop(&c->clients[i]);
    if (c->fd >= 0)
        close(c->fd);
    if (c->bound)
        unlink(c->address.sun_path);
    free(c);
}

/* ---- messages ---- */

/* What a message asks for; all of it is checked before any of it is done. */
struct request {
    struct style_mix mix;    /* count 0: no style is given */
    struct look_change look; /* without the mix */
    bool has_pause, pause, quit, status;
    bool has_record, record, picture;
    const char *record_path, *picture_path; /* the message's; NULL: named by the time */
};

static bool parse_share(const cJSON *item, float *share, bool *given,
                        struct daub_error *error)
{
    *given = cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= 1;
    *share = *given ? (float)item->valuedouble : 0;
    return *given ? true
                  : daub_fail(error, DAUB_ERROR_ARGUMENT,
                              "%s must be a number from 0 to 1", item->string);
}

static bool parse_flag(const cJSON *item, bool *flag, bool *given,
                       struct daub_error *error)
{
    *given = cJSON_IsBool(item);
    *flag = cJSON_IsTrue(item);
    return *given ? true
                  : daub_fail(error, DAUB_ERROR_ARGUMENT, "%s must be true or false",
                              item->string);
}

/* Reads true, false or the name of a file, which means true. */
static bool parse_file(const cJSON *item, bool *flag, const char **path,
                       struct daub_error *error)
{
    *path = cJSON_GetStringValue(item);
    *flag = *path || cJSON_IsTrue(item);
    return *path ? **path != '\0' || daub_fail(error, DAUB_ERROR_ARGUMENT,
                                               "%s: the name is empty", item->string)
                 : cJSON_IsBool(item) ||
                       daub_fail(error, DAUB_ERROR_ARGUMENT,
                                 "%s must be true, false or the name of a file",
                                 item->string);
}

static bool parse_member(struct control *c, const cJSON *item, struct request *r,
                         struct daub_error *error)
{
    const char *key = item->string, *text = cJSON_GetStringValue(item);
    bool given;
    if (strcmp(key, "style") == 0) {
        if (!text)
            return daub_fail(error, DAUB_ERROR_ARGUMENT, "style must be a text");
        return styles_parse(c->params.look->styles, text, &r->mix, error);
    }
    if (strcmp(key, "boldness") == 0)
        return parse_share(item, &r->look.boldness, &r->look.has_boldness, error);
    if (strcmp(key, "strength") == 0)
        return parse_share(item, &r->look.strength, &r->look.has_strength, error);
    if (strcmp(key, "stability") == 0)
        return parse_share(item, &r->look.stability, &r->look.has_stability, error);
    if (strcmp(key, "colors") == 0) {
        bool keep = text && strcmp(text, "keep") == 0;
        r->look.has_color = true;
        r->look.color = keep ? DAUB_COLOR_KEEP : DAUB_COLOR_PAINT;
        return keep || (text && strcmp(text, "paint") == 0)
                   ? true
                   : daub_fail(error, DAUB_ERROR_ARGUMENT,
                               "colors must be \"paint\" or \"keep\"");
    }
    if (strcmp(key, "bypass") == 0)
        return parse_flag(item, &r->look.bypass, &r->look.has_bypass, error);
    if (strcmp(key, "pause") == 0)
        return parse_flag(item, &r->pause, &r->has_pause, error);
    if (strcmp(key, "record") == 0) {
        r->has_record = true;
        return parse_file(item, &r->record, &r->record_path, error);
    }
    if (strcmp(key, "picture") == 0)
        return parse_file(item, &r->picture, &r->picture_path, error);
    if (strcmp(key, "quit") == 0)
        return parse_flag(item, &r->quit, &given, error);
    if (strcmp(key, "status") == 0)
        return parse_flag(item, &r->status, &given, error);
    return daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "unknown member; there are style, boldness, strength, stability, "
                     "colors, bypass, pause, record, picture, quit and status");
}

/* Does what can fail before anything is changed; adds the files' names to the answer. */
static bool write_files(struct control *c, const struct request *r, cJSON *answer,
                        struct daub_error *error)
{
    char name[512];
    struct recorder *recorder = c->params.recorder;
    if (r->picture) {
        if (!recorder_picture(recorder, r->picture_path, name, sizeof(name), error))
            return false;
        cJSON_AddStringToObject(answer, "picture", name);
    }
    if (r->has_record && r->record) {
        if (!recorder_start(recorder, r->record_path, name, sizeof(name), error))
            return false;
        cJSON_AddStringToObject(answer, "record", name);
    }
    if (r->has_record && !r->record)
        recorder_stop(recorder);
    return true;
}

static void apply(struct control *c, const struct request *r)
{
    struct look_change change = r->look;
    change.mix = r->mix.count > 0 ? &r->mix : NULL;
    look_commit(c->params.look, &change,
                change.mix || change.has_boldness ? LOOK_FADE_US : 0);
    if (r->has_pause)
        atomic_store(&c->params.pace->paused, r->pause);
    if (r->quit) {
        c->quit = true;
        daub_stop_request(c->params.stop);
    }
}

/* Rounded, because a float converted to double prints digits that are not exact. */
static double share(float value)
{
    return round((double)value * 1000) / 1000;
}

static void add_status(const struct control *c, cJSON *answer)
{
    const struct look *look = c->params.look;
    const struct session_state *state = c->params.state;
    cJSON_AddStringToObject(answer, "style", look_title(look));
    cJSON_AddNumberToObject(answer, "boldness", share(look->boldness));
    cJSON_AddNumberToObject(answer, "strength", share(look->params.strength));
    cJSON_AddNumberToObject(answer, "stability", share(look->params.stability));
    cJSON_AddStringToObject(answer, "colors",
                            look->params.color == DAUB_COLOR_KEEP ? "keep" : "paint");
    cJSON_AddBoolToObject(answer, "bypass", look->bypass);
    cJSON_AddBoolToObject(answer, "pause", atomic_load(&c->params.pace->paused));
    cJSON_AddBoolToObject(answer, "asleep", atomic_load(&state->asleep));
    cJSON_AddNumberToObject(answer, "scale",
                            share((float)governor_scale(atomic_load(&state->level))));
    cJSON_AddNumberToObject(answer, "frames", (double)atomic_load(&state->painted));
    cJSON_AddNumberToObject(answer, "dropped", (double)atomic_load(&state->dropped));
    cJSON_AddNumberToObject(answer, "delay_ms",
                            (double)atomic_load(&state->delay_us) / 1000);
    cJSON_AddNumberToObject(answer, "delay_median_ms", atomic_load(&state->delay_ms[0]));
    cJSON_AddNumberToObject(answer, "delay_95_ms", atomic_load(&state->delay_ms[1]));
    cJSON_AddNumberToObject(answer, "wait_ms",
                            (double)atomic_load(&state->wait_us) / 1000);
    cJSON_AddNumberToObject(answer, "paint_ms",
                            (double)atomic_load(&state->paint_us) / 1000);
    cJSON_AddNumberToObject(answer, "output_ms",
                            (double)atomic_load(&state->output_us) / 1000);
    cJSON_AddBoolToObject(answer, "recording", recorder_running(c->params.recorder));
}

/* Does what the line asks for. Returns the answer, which the caller frees; NULL where
 * memory ran out. */
static char *execute(struct control *c, const char *line, size_t length)
{
    struct daub_error error = {0};
    struct request r = {0};
    const char *end = NULL;
    cJSON *message = cJSON_ParseWithLengthOpts(line, length, &end, false);
    cJSON *answer = cJSON_CreateObject();
    bool ok = cJSON_IsObject(message) && message->child;
    if (!ok)
        daub_fail(&error, DAUB_ERROR_ARGUMENT, "each line must be one object of JSON");
    for (const cJSON *item = ok ? message->child : NULL; ok && item; item = item->next)
        ok = parse_member(c, item, &r, &error);
    ok = ok && write_files(c, &r, answer, &error);
    if (ok)
        apply(c, &r);
    cJSON_AddBoolToObject(answer, "ok", ok);
    if (!ok)
        cJSON_AddStringToObject(answer, "error", error.message);
    else if (r.status)
        add_status(c, answer);
    char *text = cJSON_PrintUnformatted(answer);
    if (text)
        daub_text_clean(text, "");
    cJSON_Delete(message);
    cJSON_Delete(answer);
    return text;
}

/* Sends the answer. false: the client does not read its answers. */
static bool answer(const struct client *client, char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (!text)
        return false;
    text[length] = '\n'; /* replaces the final zero; one call sends the complete line */
    ssize_t sent = send(client->fd, text, length + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)length + 1;
}

/* Executes the lines that have arrived. false: the client is gone or must be
 * disconnected. */
static bool serve(struct control *c, struct client *client)
{
    ssize_t count = recv(client->fd, client->line + client->length,
                         sizeof(client->line) - client->length, MSG_DONTWAIT);
    if (count <= 0)
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    client->length += (size_t)count;
    char *end;
    while ((end = memchr(client->line, '\n', client->length))) {
        size_t length = (size_t)(end - client->line);
        char *text = execute(c, client->line, length);
        bool ok = answer(client, text);
        free(text);
        if (!ok)
            return false;
        client->length -= length + 1;
        memmove(client->line, end + 1, client->length);
    }
    return client->length < sizeof(client->line);
}

static void accept_all(struct control *c)
{
    int fd;
    while ((fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *place = NULL;
        for (int i = 0; i < CLIENTS && !place; i++)
            place = c->clients[i].fd < 0 ? &c->clients[i] : NULL;
        if (place)
            place->fd = fd;
        else
            close(fd); /* every entry of clients is used */
    }
}

int control_polls(const struct control *c, struct pollfd *polls)
{
    int count = 0;
    polls[count++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
    for (int i = 0; i < CLIENTS; i++) {
        if (c->clients[i].fd >= 0)
            polls[count++] = (struct pollfd){.fd = c->clients[i].fd, .events = POLLIN};
    }
    return count;
}

void control_step(struct control *c)
{
    accept_all(c);
    for (int i = 0; i < CLIENTS; i++) {
        if (c->clients[i].fd >= 0 && !serve(c, &c->clients[i]))
            drop(&c->clients[i]);
    }
}

bool control_quit(const struct control *c)
{
    return c->quit;
}
