/* A sink that saves pictures and recordings of the painting when it is asked to. */
#ifndef DAUB_APP_RECORDER_H
#define DAUB_APP_RECORDER_H

#include "media/sink.h"

struct recorder; /* opaque; any thread */

struct recorder_params {
    const struct media_source_info *input; /* must outlive the recorder */
    const AVFrame *frame; /* see media_sink_params; must outlive it, too */
    struct media_encode_options encode;
};

/* NULL with *error. Destroy it by its sink. */
struct recorder *recorder_open(const struct recorder_params *params,
                               struct daub_error *error);
struct media_sink *recorder_sink(struct recorder *recorder);

/* Records from the next painting on, without audio, into a new file at path; NULL: named
 * by the time of day, in the current folder. false with *error where the file exists or
 * cannot be written, a recording runs, or too many are being completed. name receives the
 * file's name, at most size bytes. */
bool recorder_start(struct recorder *recorder, const char *path, char *name, size_t size,
                    struct daub_error *error);
/* Ends the recording; another thread completes the file. false where no recording runs.
 * recorder_result returns the outcome. */
bool recorder_stop(struct recorder *recorder);
bool recorder_running(struct recorder *recorder);
/* How the last recording ended; false: none has ended since the last call. */
bool recorder_result(struct recorder *recorder, char *text, size_t size);

/* Saves the newest painting as an image; path and name as in recorder_start. */
bool recorder_picture(struct recorder *recorder, const char *path, char *name,
                      size_t size, struct daub_error *error);

#endif
