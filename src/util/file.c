#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/error.h"

/* Names of temporary files for the signal handler: fixed storage, because a handler may
 * not touch memory that another thread frees. */
enum { PENDING_MAX = 32 };
enum pending_state { PENDING_FREE = 0, PENDING_BUSY, PENDING_READY, PENDING_TAKEN };
static struct {
    atomic_int state;
    char path[PATH_MAX];
    char partial[PATH_MAX]; /* the name to keep it under; "": none */
} pending[PENDING_MAX];

static bool change(atomic_int *state, int from, int to)
{
    return atomic_compare_exchange_strong(state, &from, to);
}

/* partial NULL: none. */
static void pending_add(const char *path, const char *partial)
{
    size_t bytes = strlen(path) + 1;
    size_t partial_bytes = partial ? strlen(partial) + 1 : 0;
    if (bytes > PATH_MAX || partial_bytes > PATH_MAX)
        return;
    for (int i = 0; i < PENDING_MAX; i++) {
        if (!change(&pending[i].state, PENDING_FREE, PENDING_BUSY))
            continue;
        memcpy(pending[i].path, path, bytes);
        pending[i].partial[0] = '\0';
        if (partial)
            memcpy(pending[i].partial, partial, partial_bytes);
        atomic_store(&pending[i].state, PENDING_READY);
        return;
    }
}

static void pending_remove(const char *path)
{
    for (int i = 0; i < PENDING_MAX; i++) {
        if (!change(&pending[i].state, PENDING_READY, PENDING_BUSY))
            continue;
        bool found = strcmp(pending[i].path, path) == 0;
        atomic_store(&pending[i].state, found ? PENDING_FREE : PENDING_READY);
        if (found)
            return;
    }
}

/* Whether it is a file that this process is writing. */
static bool pending_has(const char *path)
{
    bool found = false;
    for (int i = 0; i < PENDING_MAX && !found; i++) {
        if (!change(&pending[i].state, PENDING_READY, PENDING_BUSY))
            continue;
        found = daub_file_same(pending[i].path, path);
        atomic_store(&pending[i].state, PENDING_READY);
    }
    return found;
}

int daub_file_keep_pending(void)
{
    int kept = 0;
    for (int i = 0; i < PENDING_MAX; i++) {
        struct stat info;
        if (!change(&pending[i].state, PENDING_READY, PENDING_TAKEN))
            continue;
        const char *path = pending[i].path, *partial = pending[i].partial;
        if (*partial && stat(path, &info) == 0 && info.st_size > 0 &&
            renameat2(AT_FDCWD, path, AT_FDCWD, partial, RENAME_NOREPLACE) == 0)
            kept++;
        else
            atomic_store(&pending[i].state, PENDING_READY);
    }
    return kept;
}

void daub_file_unlink_pending(void)
{
    for (int i = 0; i < PENDING_MAX; i++) {
        if (change(&pending[i].state, PENDING_READY, PENDING_TAKEN))
            unlink(pending[i].path);
    }
}

/* Bytes of path up to and including its last slash. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0;
}

/* ".NAME.daub-PID.EXT" or, for a file that is kept unfinished, "NAME.partial.EXT"; the
 * caller frees it. */
static char *derived_name(const char *path, const char *prefix, const char *tail)
{
    int folder = folder_length(path);
    const char *name = path + folder;
    const char *dot = strrchr(name, '.');
    if (dot == name)
        dot = NULL;
    const char *extension = dot ? dot : "";
    size_t stem = dot ? (size_t)(dot - name) : strlen(name);
    size_t fixed = strlen(prefix) + strlen(tail) + strlen(extension);
    if (fixed < NAME_MAX && stem > NAME_MAX - fixed)
        stem = NAME_MAX - fixed;
    size_t bytes = (size_t)folder + stem + fixed + 1;
    char *temp = daub_alloc(bytes, 1);
    if (temp)
        snprintf(temp, bytes, "%.*s%s%.*s%s%s", folder, path, prefix, (int)stem, name,
                 tail, extension);
    return temp;
}

static char *temp_name(const char *path)
{
    char tail[64];
    snprintf(tail, sizeof(tail), ".daub-%ld", (long)getpid());
    return derived_name(path, ".", tail);
}

char *daub_file_create_temp(const char *path, struct daub_error *error)
{
    char *temp = temp_name(path);
    if (!temp) {
        daub_no_memory(error, "a name");
        return NULL;
    }
    /* O_EXCL: never follow a link that somebody planted in a shared folder. A file left
     * by an ended process that had our process ID is removed once. */
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int file = open(temp, flags, 0666);
    if (file < 0 && errno == EEXIST && pending_has(temp)) {
        daub_fail(error, DAUB_ERROR_FAILED,
                  "cannot write %s: it is being written already; give another name",
                  path);
        free(temp);
        return NULL;
    }
    if (file < 0 && errno == EEXIST && unlink(temp) == 0)
        file = open(temp, flags, 0666);
    if (file < 0) {
        daub_fail(error, DAUB_ERROR_FAILED,
                  "cannot write %s: %s; choose a folder that exists and is yours", path,
                  strerror(errno));
        free(temp);
        return NULL;
    }
    struct stat old;
    if (stat(path, &old) == 0 && S_ISREG(old.st_mode))
        fchmod(file, old.st_mode & 0777); /* where the file system can */
    close(file);
    char *partial = derived_name(path, "", ".partial");
    pending_add(temp, partial);
    free(partial);
    return temp;
}

void daub_file_discard(const char *temp)
{
    unlink(temp);
    pending_remove(temp);
}

static bool sync_path(const char *path, int flags)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (file < 0)
        return false;
    int code = fsync(file);
    int cause = errno;
    close(file);
    errno = cause;
    /* EINVAL: a file system without fsync has nothing to wait for */
    return code == 0 || cause == EINVAL;
}

static void sync_folder(const char *path)
{
    int length = folder_length(path);
    char folder[PATH_MAX];
    if (length >= PATH_MAX)
        return;
    snprintf(folder, sizeof(folder), "%.*s", length ? length : 1, length ? path : ".");
    sync_path(folder, O_DIRECTORY);
}

static bool move(const char *temp, const char *path, bool replace)
{
    if (replace)
        return rename(temp, path) == 0;
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    struct stat old;
    if (lstat(path, &old) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(temp, path) == 0;
}

bool daub_file_commit(const char *temp, const char *path, bool replace,
                      struct daub_error *error)
{
    if (!sync_path(temp, 0) || !move(temp, path, replace)) {
        daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s", path, strerror(errno));
        daub_file_discard(temp);
        return false;
    }
    pending_remove(temp);
    sync_folder(path);
    return true;
}

static bool write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

bool daub_file_write(const char *path, const void *data, size_t size, bool replace,
                     struct daub_error *error)
{
    char *temp = daub_file_create_temp(path, error);
    if (!temp)
        return false;
    int file = open(temp, O_WRONLY | O_CLOEXEC);
    bool ok = file >= 0 && write_all(file, data, size);
    int cause = errno;
    if (file >= 0 && close(file) != 0 && ok) {
        ok = false;
        cause = errno;
    }
    if (ok) {
        ok = daub_file_commit(temp, path, replace, error);
    } else {
        daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s", path, strerror(cause));
        daub_file_discard(temp);
    }
    free(temp);
    return ok;
}

bool daub_file_same(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}
