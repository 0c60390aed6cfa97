/* The files that this program reads. No output may replace one of them, whatever name
 * leads to it. */
#ifndef DAUB_UTIL_INPUT_H
#define DAUB_UTIL_INPUT_H

#include <stdbool.h>

/* Remembers the regular file of that name or descriptor; others are ignored. Any thread.
 */
void daub_input_add(const char *path);
void daub_input_add_fd(int fd);
/* Remembers every regular file that the program has open for reading. */
void daub_input_add_open_files(void);
/* Whether path leads to one of these files. Any thread. */
bool daub_input_is(const char *path);

#endif
