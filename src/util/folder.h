/* The folders of what daub keeps between starts. */
#ifndef DAUB_UTIL_FOLDER_H
#define DAUB_UTIL_FOLDER_H

#include <stdbool.h>

/* $XDG_CACHE_HOME/daub or $HOME/.cache/daub, which the caller frees; NULL where neither
 * variable is set or memory ran out. */
char *daub_folder_cache(void);

/* $XDG_CONFIG_HOME/daub or $HOME/.config/daub: what the user wrote; otherwise the same.
 */
char *daub_folder_config(void);

/* Makes the folder and those above it with these rights (less the umask), such as 0700;
 * false where that failed. */
bool daub_folder_make(const char *name, unsigned rights);

#endif
