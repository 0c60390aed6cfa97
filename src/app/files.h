/* Opens the files that the command line names. Failures are logged; the exit code says
 * whether input, output or usage is at fault. */
#ifndef DAUB_APP_FILES_H
#define DAUB_APP_FILES_H

#include "app/exit_code.h"
#include "app/options.h"
#include "media/sink.h"
#include "media/source.h"
#include "util/stop.h"

/* Logs the error and returns its code; side (input or output) where the status does not
 * determine it. */
enum exit_code files_fail(const struct daub_error *error, enum exit_code side);

/* Remembers the files that the options name as inputs (see util/input.h). */
void files_add_inputs(const struct options *options);

/* Opens the input; *source is the caller's. keep_matrix: frames are not turned upright,
 * because the outputs keep the container's display matrix. */
enum exit_code files_open_source(const struct options *options, bool keep_matrix,
                                 struct daub_stop *stop, struct media_source **source);

/* The same without its frames: packets of its other streams, up to until_us on its
 * timeline. */
enum exit_code files_open_packets(const struct options *options, bool keep_matrix,
                                  int64_t until_us, struct daub_stop *stop,
                                  struct media_source **source);

/* Checks that path may be written: it is not the input, and it does not exist or may be
 * replaced (*replace); on a terminal the user is asked. */
enum exit_code files_check_output(const struct options *options, const char *path,
                                  const struct daub_stop *stop, bool *replace);

enum exit_code files_open_sink(const struct media_sink_params *params,
                               const struct daub_stop *stop, struct media_sink **sink);

#endif
