#include "util/file_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/input.h"

enum { LINKS_MAX = 40 }; /* as the kernel */

const char *file_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *file_folder_of(const char *path)
{
    size_t length = (size_t)(file_name_of(path) - path);
    char *folder = daub_alloc(length + 2, 1);
    if (folder)
        snprintf(folder, length + 2, "%.*s", length ? (int)length : 1,
                 length ? path : ".");
    return folder;
}

char *file_quote(const char *path)
{
    char *text = daub_alloc(4 * strlen(path) + 8, 1), *to = text;
    if (!text)
        return NULL;
    to += sprintf(to, "'%s", *path == '-' ? "./" : ""); /* else it would be an option */
    for (; *path; path++) {
        if (*path == '\'')
            to += sprintf(to, "'\\''");
        else
            *to++ = *path;
    }
    memcpy(to, "'", 2);
    return text;
}

char *file_temp_name(const char *path, bool hidden, int number)
{
    const char *name = file_name_of(path), *dot = strrchr(name, '.');
    const char *extension = dot && dot != name ? dot : "", *prefix = hidden ? "." : "";
    char tail[32] = ".partial";
    if (number > 1)
        snprintf(tail, sizeof(tail), ".partial-%d", number);
    size_t stem = strlen(name) - strlen(extension);
    size_t fixed = strlen(prefix) + strlen(tail) + strlen(extension);
    if (fixed < NAME_MAX && stem > NAME_MAX - fixed)
        stem = NAME_MAX - fixed;
    size_t bytes = (size_t)(name - path) + stem + fixed + 1;
    char *temp = daub_alloc(bytes, 1);
    if (temp)
        snprintf(temp, bytes, "%.*s%s%.*s%s%s", (int)(name - path), path, prefix,
                 (int)stem, name, tail, extension);
    return temp;
}

char *daub_file_absolute(const char *path)
{
    char folder[PATH_MAX];
    if (path[0] == '/')
        return daub_strdup(path);
    if (!getcwd(folder, sizeof(folder)))
        return NULL;
    size_t size = strlen(folder) + strlen(path) + 2;
    char *joined = daub_alloc(size, 1);
    if (joined)
        snprintf(joined, size, "%s/%s", folder, path);
    return joined;
}

char *daub_file_resolve(const char *path, struct daub_error *error)
{
    char here[PATH_MAX], to[PATH_MAX], next[PATH_MAX];
    if (snprintf(here, sizeof(here), "%s", path) >= (int)sizeof(here)) {
        daub_fail(error, DAUB_ERROR_FAILED, "cannot write %.900s: %s", path,
                  strerror(ENAMETOOLONG));
        return NULL;
    }
    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t length = readlink(here, to, sizeof(to) - 1);
        if (length < 0) {
            char *found = daub_strdup(here);
            if (!found)
                daub_no_memory(error, "a name");
            return found;
        }
        to[length] = '\0';
        int folder = to[0] == '/' ? 0 : (int)(file_name_of(here) - here);
        if (snprintf(next, sizeof(next), "%.*s%s", folder, here, to) >= (int)sizeof(next))
            break;
        memcpy(here, next, sizeof(here));
    }
    daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s", path, strerror(ELOOP));
    return NULL;
}

/* In a sticky folder, such as /tmp, only the owner of a file may replace it. */
static bool is_foreign_in_sticky_folder(const char *path, const struct stat *old)
{
    struct stat folder_info;
    char *folder = file_folder_of(path);
    bool sticky = folder && stat(folder, &folder_info) == 0 &&
                  (folder_info.st_mode & S_ISVTX) && old->st_uid != geteuid() &&
                  folder_info.st_uid != geteuid() && geteuid() != 0;
    free(folder);
    return sticky;
}

/* A file that is mounted by itself, as containers do, cannot be replaced. */
static bool is_mounted(const char *path)
{
#ifdef STATX_ATTR_MOUNT_ROOT
    struct statx info;
    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0, &info) == 0 &&
           (info.stx_attributes & STATX_ATTR_MOUNT_ROOT);
#else
    (void)path;
    return false;
#endif
}

bool file_check_target(const char *path, bool replace, struct daub_error *error)
{
    struct stat old;
    if (lstat(path, &old) != 0)
        return errno == ENOENT ||
               daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s; %s", path,
                         strerror(errno),
                         errno == ENAMETOOLONG
                             ? "give a shorter name"
                             : "choose a folder that exists and is yours");
    if (daub_input_is(path))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s is the input itself; give the output another name", path);
    if (!replace)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "%s exists and is left as it is; -y replaces it", path);
    if (is_foreign_in_sticky_folder(path, &old))
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "cannot replace %s: it belongs to another user, and its folder "
                         "protects it; give another name",
                         path);
    if (is_mounted(path))
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "cannot replace %s: a file system is mounted on it; give "
                         "another name",
                         path);
    return true;
}
