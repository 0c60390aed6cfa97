/* How far the segments of a plan are, from the files of its parts alone. */
#ifndef DAUB_APP_FILM_STATUS_H
#define DAUB_APP_FILM_STATUS_H

#include "app/options.h"

/* Prints it; options->input is the plan. Returns an enum exit_code. */
int film_status(const struct options *options);

#endif
