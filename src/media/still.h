/* Still pictures: a whole image file as one frame. */
#ifndef DAUB_MEDIA_STILL_H
#define DAUB_MEDIA_STILL_H

#include <libavutil/frame.h>

#include <daub/status.h>

#include "util/stop.h"

/* Most pixels of the short side: any number, or what is enough for a style. */
enum { STILL_SIDE_ANY = 0, STILL_SIDE_STYLE = 1024 };

/* Reads an image file of at most 2^27 pixels as RGBA, turned upright. Where its short
 * side has more than side_max pixels it is reduced to that. The caller frees the frame;
 * NULL with *error: ARGUMENT where the file is no image (a folder, a device) or has
 * several frames, else FAILED or MEMORY. */
AVFrame *media_still_read(const char *path, int side_max, struct daub_stop *stop,
                          struct daub_error *error);

#endif
