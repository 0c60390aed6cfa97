/* SIGINT, SIGTERM and SIGHUP. */
#ifndef DAUB_APP_SIGNALS_H
#define DAUB_APP_SIGNALS_H

#include "util/stop.h"

/* The first signal requests the stop. Signals within a second of it are the same request:
 * a wrapper forwards Ctrl-C, a closed terminal sends SIGHUP and SIGTERM. A later one
 * exits with 130 at once; files in which there is no picture yet are removed. Before
 * signals_keep_output that exit also comes a second after the first signal where the
 * program has not ended by then: loading models and drivers cannot be interrupted.
 * SIGPIPE is ignored: writing fails instead. stop must outlive signals_uninstall. */
void signals_install(struct daub_stop *stop);
/* Whether a signal came since the program began. Any thread. */
bool signals_came(void);
/* From now on output is painted and completed after a signal: only a second one exits at
 * once. */
void signals_keep_output(void);
/* Call this when all output is complete. The program exits with that code after a moment,
 * even where releasing the device takes longer because a driver is compiling. */
void signals_exit_soon(int code);
void signals_uninstall(void);

#endif
