/* SIGINT, SIGTERM and SIGHUP. */
#ifndef DAUB_APP_SIGNALS_H
#define DAUB_APP_SIGNALS_H

#include "util/stop.h"

/* The first signal requests the stop. Signals within a second of it are the same request:
 * a wrapper forwards Ctrl-C, a closed terminal sends SIGHUP and SIGTERM. A later one
 * exits with 130 at once. Until signals_keep_output, unfinished files are removed then,
 * and that happens, too, where the first signal did not end the program within a second:
 * models and drivers are prepared by calls that cannot be interrupted. SIGPIPE is
 * ignored: writing fails instead. stop must live until uninstall. */
void signals_install(struct daub_stop *stop);
/* From now on there is painted output: an exit at once keeps it as NAME.partial.EXT. */
void signals_keep_output(void);
/* All output is complete: what remains to be released may take a moment, since a driver
 * may be compiling, then the program exits with that code. */
void signals_exit_soon(int code);
void signals_uninstall(void);

#endif
