/* A control session: several clients of one socket send whatever they like, in pieces,
 * and come and go. Each step is a byte and, for a piece, a byte for its length. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "app/control.h"
#include "fuzz.h"

enum { CLIENTS = 10 }; /* more than the control takes */

static char *path;
static AVFrame *frame;
static struct daub_device *device;
static struct daub_model *model;
static struct styles styles;
static struct painter painter;
static struct look look;
static struct pace pace;
static struct session_state state;
static struct daub_stop stop;

/* Files are another target's matter. */
bool __wrap_recorder_start(struct recorder *recorder, const char *file, char *name,
                           size_t size, struct daub_error *error);
bool __wrap_recorder_picture(struct recorder *recorder, const char *file, char *name,
                             size_t size, struct daub_error *error);
bool __wrap_recorder_stop(struct recorder *recorder);
bool __wrap_recorder_running(struct recorder *recorder);

bool __wrap_recorder_start(struct recorder *recorder, const char *file, char *name,
                           size_t size, struct daub_error *error)
{
    (void)recorder, (void)error;
    snprintf(name, size, "%s", file ? file : "daub.mkv");
    return true;
}

bool __wrap_recorder_picture(struct recorder *recorder, const char *file, char *name,
                             size_t size, struct daub_error *error)
{
    return __wrap_recorder_start(recorder, file, name, size, error);
}

bool __wrap_recorder_stop(struct recorder *recorder)
{
    (void)recorder;
    return true;
}

bool __wrap_recorder_running(struct recorder *recorder)
{
    (void)recorder;
    return false;
}

void fuzz_begin(void)
{
    struct daub_error error = {0};
    struct style_mix mix;
    struct daub_frame_params start = {.strength = 1};
    fuzz_check_log();
    path = fuzz_path("socket");
    frame = av_frame_alloc();
    frame->format = AV_PIX_FMT_GRAY8;
    frame->width = frame->height = 16;
    bool ok = av_frame_get_buffer(frame, 0) == 0 && daub_stop_init(&stop, &error) &&
              daub_device_open(NULL, &device, &error) == DAUB_OK &&
              daub_model_load("lite", 0, &model, &error) == DAUB_OK;
    styles_init(&styles, model, device, NULL);
    ok = ok && styles_parse(&styles, NULL, &mix, &error) &&
         look_init(&look, &painter, &styles, &mix, .5f, &start, &error);
    const struct painter_params params = {
        .device = device, .model = model, .frame_params = look.params, .output = frame};
    fuzz_need(ok && painter_init(&painter, &params, frame, &error), "no painter",
              error.message);
}

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    fuzz_need(fd >= 0, "no socket", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void check_answers(int fd)
{
    char text[1 << 16];
    ssize_t count = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    if (count <= 0)
        return;
    fuzz_need(text[count - 1] == '\n', "an answer without its end", "");
    text[count] = '\0';
    fuzz_need_clean(text, "\n");
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *answer = cJSON_Parse(line);
        fuzz_need(cJSON_IsBool(cJSON_GetObjectItem(answer, "ok")), "no answer", line);
        cJSON_Delete(answer);
    }
}

int fuzz_target(const uint8_t *data, size_t size)
{
    struct daub_error error = {0};
    struct control_params params = {path, &look, &pace, &state, NULL, &stop};
    struct control *control = control_open(&params, &error);
    fuzz_need(control != NULL, "no control", error.message);
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = -1;
    while (size >= 2) {
        int *client = &clients[data[0] % CLIENTS];
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        bool leaves = data[0] & 0x80;
        if (*client < 0)
            *client = connect_client();
        if (*client >= 0)
            send(*client, data + 2, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (*client >= 0 && leaves) {
            close(*client);
            *client = -1;
        }
        data += 2 + length;
        size -= 2 + length;
        control_step(control);
        control_step(control);
        for (int i = 0; i < CLIENTS; i++)
            if (clients[i] >= 0)
                check_answers(clients[i]);
        fuzz_need(look.params.strength >= 0 && look.params.strength <= 1 &&
                      look.boldness >= 0 && look.boldness <= 1,
                  "a share out of range", "");
    }
    bool quit = control_quit(control);
    for (int i = 0; i < CLIENTS; i++)
        if (clients[i] >= 0)
            close(clients[i]);
    control_close(control);
    return quit;
}
