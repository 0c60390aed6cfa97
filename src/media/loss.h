/* What an output cannot keep of the input. */
#ifndef DAUB_MEDIA_LOSS_H
#define DAUB_MEDIA_LOSS_H

#include <stdbool.h>

#include <daub/log.h>

/* true: losses are errors, and painting does not begin after one. Set before any is
 * told. */
void media_loss_set_strict(bool strict);

/* Tells of a loss in one line, with the cure, at that level; as an error where losses are
 * errors. Any thread. */
void media_loss(enum daub_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The number of losses told so far. */
int media_loss_count(void);

#endif
