#include "util/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/alloc.h"

enum { PATH_BYTES = 4200 };

char *daub_folder_cache(void)
{
    char path[PATH_BYTES];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        snprintf(path, sizeof(path), "%s/daub", cache);
    else if (home && *home)
        snprintf(path, sizeof(path), "%s/.cache/daub", home);
    else
        return NULL;
    return daub_strdup(path);
}

bool daub_folder_make(const char *folder)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s", folder);
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}
