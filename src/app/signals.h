/* SIGINT and SIGTERM. */
#ifndef DAUB_APP_SIGNALS_H
#define DAUB_APP_SIGNALS_H

#include "util/stop.h"

/* The first signal requests the stop; a second one removes temporary files and exits with
 * 130 at once. SIGPIPE is ignored: writing fails instead. stop must live until uninstall.
 */
void signals_install(struct daub_stop *stop);
void signals_uninstall(void);

#endif
