/* The folder of what daub keeps between starts and can make again. */
#ifndef DAUB_UTIL_FOLDER_H
#define DAUB_UTIL_FOLDER_H

#include <stdbool.h>

/* $XDG_CACHE_HOME/daub or $HOME/.cache/daub, which the caller frees; NULL where neither
 * variable is set or memory ran out. */
char *daub_folder_cache(void);

/* Makes the folder and those above it, for this user only; false where that failed. */
bool daub_folder_make(const char *path);

#endif
