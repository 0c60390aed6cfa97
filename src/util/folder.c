#include "util/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/alloc.h"

enum { PATH_BYTES = 4200 };

/* The folder "daub" in that of the variable, or in that below the home folder. */
static char *folder(const char *variable, const char *below_home)
{
    char path[PATH_BYTES];
    const char *base = getenv(variable), *home = getenv("HOME");
    if (base && *base == '/')
        snprintf(path, sizeof(path), "%s/daub", base);
    else if (home && *home)
        snprintf(path, sizeof(path), "%s/%s/daub", home, below_home);
    else
        return NULL;
    return daub_strdup(path);
}

char *daub_folder_cache(void)
{
    return folder("XDG_CACHE_HOME", ".cache");
}

char *daub_folder_config(void)
{
    return folder("XDG_CONFIG_HOME", ".config");
}

bool daub_folder_make(const char *name, unsigned rights)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s", name);
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(path, rights) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(path, rights) == 0 || errno == EEXIST;
}
