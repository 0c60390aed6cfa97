/* Pictures and recordings on demand, of what is painted meanwhile: a sink that does
 * nothing until it is told to. */
#ifndef DAUB_APP_RECORDER_H
#define DAUB_APP_RECORDER_H

#include "media/sink.h"

struct recorder; /* opaque; any thread */

struct recorder_params {
    const struct media_source_info *input; /* must outlive the recorder */
    const AVFrame *frame;                  /* as media_sink_params; likewise */
    struct media_encode_options encode;
};

/* NULL with *error. To be destroyed as a sink. */
struct recorder *recorder_open(const struct recorder_params *params,
                               struct daub_error *error);
struct media_sink *recorder_sink(struct recorder *recorder);

/* Records from the next painting on, without sound, into a new file of that name; path
 * NULL: of a name after the time of day, in the current folder. false with *error where
 * it cannot be written, exists, a recording runs, or several are being completed. *name
 * (of size): the file's. */
bool recorder_start(struct recorder *recorder, const char *path, char *name, size_t size,
                    struct daub_error *error);
/* Completes the file, which takes a moment that the caller need not wait for: false where
 * none was recorded. recorder_told tells how it went. */
bool recorder_stop(struct recorder *recorder);
bool recorder_running(struct recorder *recorder);
/* How the last recording ended; false: nothing new since it was asked last. */
bool recorder_told(struct recorder *recorder, char *text, size_t size);

/* Saves the newest painting as an image; path and *name as above. */
bool recorder_picture(struct recorder *recorder, const char *path, char *name,
                      size_t size, struct daub_error *error);

#endif
