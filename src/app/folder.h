/* Painting every image and clip of a folder. */
#ifndef DAUB_APP_FOLDER_H
#define DAUB_APP_FOLDER_H

#include "app/options.h"
#include "app/work.h"

/* Whether the name is that of a folder. */
bool folder_is(const char *path);
/* Paints the folder options->input into that of the one output. A file that cannot be
 * painted does not stop the others. Returns an enum exit_code: FAILED where a file
 * failed. */
int command_folder(const struct options *options);

/* cmd_paint.c: paints one input, of options. kept: NULL, or device and model that are
 * used, or opened and left there. Returns an enum exit_code. */
int paint_file(const struct options *options, struct work_kept *kept);

#endif
