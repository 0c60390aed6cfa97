/* What the command line names to read and to write. Failures are logged; the exit code
 * tells their kind. */
#ifndef DAUB_APP_FILES_H
#define DAUB_APP_FILES_H

#include "app/exit_code.h"
#include "app/options.h"
#include "media/sink.h"
#include "media/source.h"
#include "util/stop.h"

/* Opens the input; *source is the caller's. */
enum exit_code files_open_source(const struct options *options, struct daub_stop *stop,
                                 struct media_source **source);

/* Whether path may be written: not the input, and not there yet or to be replaced, which
 * is asked on a terminal. *replace: what was allowed. */
enum exit_code files_check_output(const struct options *options, const char *path,
                                  const struct daub_stop *stop, bool *replace);

enum exit_code files_open_sink(const struct media_sink_params *params,
                               const struct daub_stop *stop, struct media_sink **sink);

#endif
