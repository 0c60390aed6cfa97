/* The command line: a byte chooses the command, zeros separate the arguments. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"
#include "fuzz.h"
#include "util/log.h"

enum { ARGUMENTS_MAX = 64 };

void fuzz_begin(void)
{
    fuzz_check_log();
}

static void use(const struct options *options)
{
    const char *texts[] = {options->size, options->out_size, options->camera_size};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct daub_error error = {0};
        struct size_spec size;
        int width = 0, height = 0;
        if (!size_parse(texts[i], "--size", &size, &error)) {
            daub_log(DAUB_LOG_ERROR, "%s", error.message);
            continue;
        }
        size_apply(&size, 1 + i % 2 * 65535, 65536, &width, &height);
        fuzz_need(width >= 1 && height >= 1, "no size", texts[i] ? texts[i] : "");
    }
    const double numbers[] = {options->camera_rate,     options->target_fps,
                              options->max_latency_ms,  options->strength,
                              options->boldness,        options->stability,
                              options->scene_threshold, options->quality};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        fuzz_need(isfinite(numbers[i]), "a number is not finite", "");
    fuzz_need(options->start_us >= 0 && options->end_us >= 0 && options->length_us >= 0 &&
                  options->frames >= 0,
              "a negative time", "");
}

int fuzz_target(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct command *command = &commands[data[0] % command_count];
    char *text = fuzz_text(data + 1, size - 1), *arguments[ARGUMENTS_MAX + 1];
    int count = 0;
    for (char *at = text; at < text + size && count < ARGUMENTS_MAX; at += strlen(at) + 1)
        arguments[count++] = at;
    arguments[count] = NULL;
    struct options options;
    struct daub_error error = {0};
    bool ok = options_parse(&options, command->verb, count, arguments, &error);
    fuzz_need(ok == (error.status == DAUB_OK), "result and status differ", error.message);
    if (ok)
        use(&options);
    else
        daub_log(DAUB_LOG_ERROR, "%s", error.message);
    options_free(&options);
    free(text);
    return ok;
}
