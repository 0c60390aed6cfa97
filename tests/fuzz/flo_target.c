/* "daub metrics --flow" with the bytes as the flow of the second frame of a video. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "app/options.h"
#include "app/signals.h"
#include "fuzz.h"

enum { SIDE = 16 };

static char *video, *flow, *pattern, *report;

/* libFuzzer needs SIGALRM. */
void __wrap_signals_install(struct daub_stop *stop);

void __wrap_signals_install(struct daub_stop *stop)
{
    (void)stop;
}

/* Two frames of Y4M, grey. */
static void write_video(void)
{
    char data[1024];
    int size =
        snprintf(data, sizeof(data), "YUV4MPEG2 W%d H%d F25:1 Cmono\n", SIDE, SIDE);
    for (int frame = 0; frame < 2; frame++) {
        size += snprintf(data + size, sizeof(data) - (size_t)size, "FRAME\n");
        for (int i = 0; i < SIDE * SIDE; i++)
            data[size++] = (char)(i * (frame + 1));
    }
    fuzz_write(video, data, (size_t)size);
}

void fuzz_begin(void)
{
    fuzz_check_log();
    video = fuzz_path("video.y4m");
    flow = fuzz_path("flow_1.flo");
    pattern = fuzz_path("flow_%d.flo");
    report = fuzz_path("report");
    write_video();
}

int fuzz_target(const uint8_t *data, size_t size)
{
    const struct command *command = commands;
    while (command->verb != VERB_METRICS)
        command++;
    char *arguments[] = {video, video, video, "--flow", pattern, "--quiet", NULL};
    struct options options;
    struct daub_error error = {0};
    fuzz_write(flow, data, size);
    fuzz_need(options_parse(&options, command->verb, 6, arguments, &error), "no options",
              error.message);
    fuzz_need(freopen(report, "w", stdout) != NULL, "cannot write", report);
    int code = command->run(&options);
    fflush(stdout);
    options_free(&options);
    if (code != 0)
        return 0;
    char text[1 << 13] = "";
    FILE *file = fopen(report, "r");
    fuzz_need(file && fread(text, 1, sizeof(text) - 1, file) > 0, "no report", report);
    fclose(file);
    fuzz_need_clean(text, "\n\t");
    cJSON *json = cJSON_Parse(text);
    fuzz_need(cJSON_IsObject(json), "the report is no JSON", text);
    cJSON_Delete(json);
    return 1;
}
