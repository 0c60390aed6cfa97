#include "signal_target.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daub/daub.h>

static void need(bool holds, const char *what, const struct daub_error *error)
{
    if (holds)
        return;
    fprintf(stderr, "%s (%s)\n", what, error->message);
    abort();
}

int signal_target(const uint8_t *data, size_t size)
{
    struct daub_error error = {0};
    struct daub_signal signal, again;
    enum daub_status status =
        daub_signal_parse((const char *)data, size, &signal, &error);
    need(status == error.status, "result and status differ", &error);
    need(!strchr(error.message, '\n'), "message of two lines", &error);
    if (status != DAUB_OK)
        return 0;
    need(signal.count >= 1 && signal.count <= DAUB_SIGNAL_MAX, "count out of range",
         &error);
    need(strlen(signal.encoder) == 16 && !signal.title[sizeof(signal.title) - 1],
         "text out of range", &error);
    for (int i = 0; i < signal.count; i++)
        need(isfinite(signal.z[i]), "a number is not finite", &error);
    char *text = daub_signal_print(&signal);
    need(text && !strchr(text, '\n'), "not one line", &error);
    need(daub_signal_parse(text, strlen(text), &again, &error) == DAUB_OK,
         "what was written is refused", &error);
    need(memcmp(&signal, &again, sizeof(signal)) == 0, "it was not kept", &error);
    free(text);
    return 1;
}

int encoder_target(const uint8_t *data, size_t size)
{
    struct daub_error error = {0};
    struct daub_encoder *encoder;
    enum daub_status status =
        daub_encoder_load_memory(data, size, "fuzz", &encoder, &error);
    need(status == error.status && !encoder == (status != DAUB_OK),
         "result and status differ", &error);
    need(!strchr(error.message, '\n'), "message of two lines", &error);
    daub_encoder_free(encoder);
    return status == DAUB_OK;
}
