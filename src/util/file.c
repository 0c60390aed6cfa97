#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/file_name.h"
#include "util/input.h"
#include "util/log.h"

/* ---- the signal handler's list ---- */

/* Fixed storage, because a handler may not touch memory that another thread frees. */
enum { PENDING_MAX = 32 };
enum pending_state {
    PENDING_FREE = 0,
    PENDING_BUSY,
    PENDING_USELESS,
    PENDING_USEFUL,
    PENDING_TAKEN
};
static struct {
    atomic_int state;
    char path[PATH_MAX];
} pending[PENDING_MAX];

static bool change(atomic_int *state, int from, int to)
{
    return atomic_compare_exchange_strong(state, &from, to);
}

static void pending_add(const char *path)
{
    size_t bytes = strlen(path) + 1;
    for (int i = 0; i < PENDING_MAX && bytes <= PATH_MAX; i++) {
        if (!change(&pending[i].state, PENDING_FREE, PENDING_BUSY))
            continue;
        memcpy(pending[i].path, path, bytes);
        atomic_store(&pending[i].state, PENDING_USELESS);
        return;
    }
}

static void pending_set(const char *path, enum pending_state to)
{
    for (int i = 0; i < PENDING_MAX; i++) {
        int was = PENDING_USELESS;
        if (!change(&pending[i].state, was, PENDING_BUSY)) {
            was = PENDING_USEFUL;
            if (!change(&pending[i].state, was, PENDING_BUSY))
                continue;
        }
        bool found = strcmp(pending[i].path, path) == 0;
        atomic_store(&pending[i].state, found ? (int)to : was);
        if (found)
            return;
    }
}

int daub_file_leave(void)
{
    int kept = 0;
    for (int i = 0; i < PENDING_MAX; i++) {
        if (change(&pending[i].state, PENDING_USELESS, PENDING_TAKEN))
            unlink(pending[i].path);
        else if (change(&pending[i].state, PENDING_USEFUL, PENDING_TAKEN))
            kept++;
    }
    return kept;
}

/* ---- open ---- */

static bool fail_file(const struct daub_file *file, int cause, struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: %s", file->path,
                     strerror(cause));
}

enum leftover { LEFTOVER_BUSY = 1, LEFTOVER_USELESS, LEFTOVER_FILM };

/* What a file under a temporary name is: the lock tells whether its writer still runs. */
static enum leftover examine(const struct daub_file *file, const char *temp)
{
    struct stat info;
    enum leftover is = LEFTOVER_FILM;
    int fd = openat(file->folder, file_name_of(temp),
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            is = LEFTOVER_BUSY;
        else if (file->hidden || info.st_size == 0)
            is = LEFTOVER_USELESS;
    }
    if (fd >= 0)
        close(fd);
    return is;
}

static void name_leftover(const char *temp)
{
    char *quoted = file_quote(temp);
    daub_log(DAUB_LOG_WARNING,
             "%s was left by an earlier run that did not end; it can be played. mv %s "
             "NEWNAME keeps it, rm %s removes it",
             temp, quoted ? quoted : "it", quoted ? quoted : "it");
    free(quoted);
}

/* Locks the file that was just created; false where another writer took it for a leftover
 * meanwhile and removed it. Where the file system has no locks, a leftover cannot be told
 * from a file that is being written. */
static bool lock_created(const struct daub_file *file)
{
    struct stat mine, there;
    flock(file->fd, LOCK_EX | LOCK_NB);
    return fstat(file->fd, &mine) == 0 &&
           fstatat(file->folder, file_name_of(file->temp), &there, AT_SYMLINK_NOFOLLOW) ==
               0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Creates and locks the temporary file under the first name that is free. */
static bool create(struct daub_file *file, struct daub_error *error)
{
    enum { NUMBERS_MAX = 100 };
    /* O_EXCL: never follow a link that somebody planted in a shared folder. */
    int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    for (int number = 1; number < NUMBERS_MAX; number++) {
        free(file->temp);
        file->temp = file_temp_name(file->path, file->hidden, number);
        if (!file->temp)
            return daub_no_memory(error, "a name");
        const char *name = file_name_of(file->temp);
        file->fd = openat(file->folder, name, flags, 0666);
        int cause = errno;
        enum leftover old =
            file->fd < 0 && cause == EEXIST ? examine(file, file->temp) : 0;
        if (old == LEFTOVER_USELESS && unlinkat(file->folder, name, 0) == 0)
            file->fd = openat(file->folder, name, flags, 0666);
        if (file->fd >= 0 && lock_created(file))
            return true;
        if (file->fd >= 0) {
            close(file->fd);
            file->fd = -1;
            continue;
        }
        if (old == LEFTOVER_BUSY)
            return daub_fail(error, DAUB_ERROR_FAILED,
                             "cannot write %s: it is being written already, as %s; give "
                             "another name",
                             file->path, file->temp);
        if (cause != EEXIST)
            return daub_fail(error, DAUB_ERROR_FAILED,
                             "cannot write %s: %s; choose a folder that exists and is "
                             "yours",
                             file->path, strerror(cause));
        name_leftover(file->temp);
    }
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "cannot write %s: too many unfinished files of that name; remove %s",
                     file->path, file->temp);
}

static bool open_folder(struct daub_file *file, struct daub_error *error)
{
    char *folder = file_folder_of(file->path);
    if (!folder)
        return daub_no_memory(error, "a name");
    file->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->folder < 0 && errno == EACCES) /* it need not be listed */
        file->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return file->folder >= 0 ||
           daub_fail(error, DAUB_ERROR_FAILED,
                     "cannot write %s: %s; choose a folder that exists and is yours",
                     file->path, strerror(errno));
}

bool daub_file_open(struct daub_file *file, const char *path, bool replace, bool hidden,
                    struct daub_error *error)
{
    struct stat old;
    *file =
        (struct daub_file){.fd = -1, .folder = -1, .replace = replace, .hidden = hidden};
    bool exists = stat(path, &old) == 0;
    if (exists && S_ISDIR(old.st_mode))
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot write %s: it is a folder",
                         path);
    if (exists && !S_ISREG(old.st_mode)) {
        file->path = daub_strdup(path);
        return file->path || daub_no_memory(error, "a name");
    }
    file->path = daub_file_resolve(path, error);
    if (!file->path || !file_check_target(file->path, replace, error) ||
        !open_folder(file, error) || !create(file, error))
        return false;
    if (exists)
        fchmod(file->fd, old.st_mode & 0777);
    pending_add(file->temp);
    return true;
}

void daub_file_set_useful(struct daub_file *file)
{
    if (file->temp && !file->hidden)
        pending_set(file->temp, PENDING_USEFUL);
}

uint64_t daub_file_free_bytes(const struct daub_file *file)
{
    struct statvfs info;
    if (file->fd < 0 || fstatvfs(file->fd, &info) != 0 || info.f_blocks == 0)
        return UINT64_MAX;
    return (uint64_t)(geteuid() == 0 ? info.f_bfree : info.f_bavail) * info.f_frsize;
}

/* ---- write ---- */

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* A device or a named pipe, which a reader must have opened. */
static int open_special(const char *path)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        fcntl(fd, F_SETFL, 0);
    return fd;
}

bool daub_file_put(struct daub_file *file, const void *data, size_t size,
                   struct daub_error *error)
{
    int fd = file->temp ? file->fd : open_special(file->path);
    bool ok = fd >= 0 && write_all(fd, data, size);
    int cause = errno;
    if (!file->temp && fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        cause = errno;
    }
    return ok ? true : fail_file(file, cause, error);
}

/* ---- end ---- */

static void release(struct daub_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->folder >= 0)
        close(file->folder);
    free(file->temp);
    free(file->path);
    *file = (struct daub_file){.fd = -1, .folder = -1};
}

static bool sync_fd(int fd)
{
    /* EINVAL, EBADF: a file system or an O_PATH descriptor without fsync */
    return fsync(fd) == 0 || errno == EINVAL || errno == EBADF;
}

/* Copies the file, whose folder is gone, to a new file in that folder. */
static bool copy_to(const struct daub_file *file, const char *folder, char *where,
                    size_t size)
{
    char data[1 << 14], name[PATH_MAX];
    ssize_t count = 0;
    snprintf(name, sizeof(name), "%s/%s", folder, file_name_of(file->path));
    char *temp = file_temp_name(name, false, 1);
    int fd = temp ? open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)
                  : -1;
    bool ok = fd >= 0 && lseek(file->fd, 0, SEEK_SET) == 0;
    while (ok && (count = read(file->fd, data, sizeof(data))) > 0)
        ok = write_all(fd, data, (size_t)count);
    ok = ok && count == 0 && sync_fd(fd);
    if (fd >= 0) {
        close(fd);
        if (!ok)
            unlink(temp);
    }
    snprintf(where, size, "%s", ok ? temp : "");
    free(temp);
    return ok;
}

/* Where the temporary file is now: its folder may have another name. false: its folder
 * was removed, and the file with it. */
static bool find(const struct daub_file *file, char *where, size_t size)
{
    struct stat open_info, info;
    char link[64], now[PATH_MAX];
    snprintf(where, size, "%s", file->temp);
    if (fstat(file->fd, &open_info) != 0)
        return false;
    if (stat(file->temp, &info) == 0 && info.st_ino == open_info.st_ino &&
        info.st_dev == open_info.st_dev)
        return true;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
    ssize_t length = open_info.st_nlink ? readlink(link, now, sizeof(now) - 1) : -1;
    if (length < 0)
        return false;
    snprintf(where, size, "%.*s", (int)length, now);
    return true;
}

static bool keep(const struct daub_file *file, char *where, size_t size)
{
    const char *folders[] = {".", getenv("TMPDIR"), "/tmp"};
    if (find(file, where, size))
        return true;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (folders[i] && copy_to(file, folders[i], where, size))
            return true;
    }
    return false;
}

bool daub_file_keep(struct daub_file *file, char *where, size_t size)
{
    bool kept = file->temp && keep(file, where, size);
    if (file->temp)
        pending_set(file->temp, PENDING_FREE);
    release(file);
    return kept;
}

bool daub_file_rename(int from_folder, const char *from, int to_folder, const char *to,
                      bool replace)
{
    struct stat old;
    if (replace)
        return renameat(from_folder, from, to_folder, to) == 0;
    if (renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS) /* some file systems lack it */
        return false;
    if (fstatat(to_folder, to, &old, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return renameat(from_folder, from, to_folder, to) == 0;
}

static bool move(const struct daub_file *file)
{
    if (daub_input_is(file->path)) {
        errno = EBUSY;
        return false;
    }
    return daub_file_rename(file->folder, file_name_of(file->temp), file->folder,
                            file_name_of(file->path), file->replace);
}

static bool fail_commit(struct daub_file *file, int cause, struct daub_error *error)
{
    char where[PATH_MAX], path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", file->path);
    if (file->hidden) {
        fail_file(file, cause, error);
        daub_file_discard(file);
    } else if (daub_file_keep(file, where, sizeof(where))) {
        daub_fail(error, DAUB_ERROR_FAILED,
                  "cannot write %.900s: %s; the complete file is %.900s", path,
                  strerror(cause), where);
    } else {
        daub_fail(
            error, DAUB_ERROR_FAILED,
            "cannot write %.900s: %s, and its folder is gone; nothing could be kept",
            path, strerror(cause));
    }
    return false;
}

bool daub_file_commit(struct daub_file *file, struct daub_error *error)
{
    struct stat here, moved;
    if (!file->temp) {
        release(file);
        return true;
    }
    if (!sync_fd(file->fd) || !move(file))
        return fail_commit(file, errno, error);
    pending_set(file->temp, PENDING_FREE);
    sync_fd(file->folder);
    if (fstat(file->fd, &here) == 0 &&
        (stat(file->path, &moved) != 0 || moved.st_ino != here.st_ino))
        daub_log(DAUB_LOG_WARNING, "the folder of %s was moved; the file went with it",
                 file->path);
    release(file);
    return true;
}

void daub_file_discard(struct daub_file *file)
{
    if (file->temp && file->fd >= 0) {
        unlinkat(file->folder, file_name_of(file->temp), 0);
        pending_set(file->temp, PENDING_FREE);
    }
    if (file->path) /* else it is zeroed, and its descriptors are not its own */
        release(file);
}

bool daub_file_write(const char *path, const void *data, size_t size, bool replace,
                     struct daub_error *error)
{
    struct daub_file file;
    bool ok = daub_file_open(&file, path, replace, true, error) &&
              daub_file_put(&file, data, size, error) && daub_file_commit(&file, error);
    if (!ok)
        daub_file_discard(&file);
    return ok;
}

FILE *daub_file_read(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool regular = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    FILE *file = regular ? fdopen(fd, "rb") : NULL;
    int cause = fd < 0 || regular ? errno : EINVAL;
    if (fd >= 0 && !file)
        close(fd);
    errno = cause;
    return file;
}

char *daub_file_load(const char *path, size_t most, size_t *size)
{
    struct stat info;
    FILE *file = daub_file_read(path);
    char *data = NULL;
    int cause = 0;
    if (!file || fstat(fileno(file), &info) != 0)
        cause = errno;
    else if ((uint64_t)info.st_size > most)
        cause = EFBIG;
    else if (!(data = daub_alloc((size_t)info.st_size + 1, 1)))
        cause = ENOMEM;
    if (data) {
        *size = fread(data, 1, (size_t)info.st_size, file);
        cause = ferror(file) ? EIO : 0;
    }
    if (file)
        fclose(file);
    if (cause) {
        free(data);
        data = NULL;
    }
    errno = cause;
    return data;
}

static bool same_info(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether two files that do not exist yet would be one. */
static bool same_new(const char *a, const char *b)
{
    struct stat sa, sb;
    char *ra = daub_file_resolve(a, NULL), *rb = daub_file_resolve(b, NULL);
    char *fa = ra ? file_folder_of(ra) : NULL, *fb = rb ? file_folder_of(rb) : NULL;
    bool same = fa && fb && strcmp(file_name_of(ra), file_name_of(rb)) == 0 &&
                stat(fa, &sa) == 0 && stat(fb, &sb) == 0 && same_info(&sa, &sb);
    free(fa);
    free(fb);
    free(ra);
    free(rb);
    return same;
}

bool daub_file_same(const char *a, const char *b)
{
    struct stat sa, sb;
    bool ea = stat(a, &sa) == 0, eb = stat(b, &sb) == 0;
    return ea && eb ? same_info(&sa, &sb) : !ea && !eb && same_new(a, b);
}
