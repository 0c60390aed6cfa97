/* Preloaded into a program: the call number N of a kind fails with an errno.
 * DAUB_FAILING_CALL=KIND:N:ERRNO[:+] with KIND write (of regular files; pwrite counts as
 * well), rename, fsync, ftruncate or open (by openat, for writing); "+": later calls fail
 * as well, as on a full disk. With N = 0 nothing fails. The number of calls is written to
 * the file DAUB_CALL_COUNT at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#pragma GCC visibility push(default)

static atomic_long count;

static bool fails(const char *kind)
{
    const char *fault = getenv("DAUB_FAILING_CALL");
    size_t length = strlen(kind);
    if (!fault || strncmp(fault, kind, length) != 0 || fault[length] != ':')
        return false;
    char *end;
    long n = strtol(fault + length + 1, &end, 10), code = strtol(end + 1, &end, 10);
    long now = atomic_fetch_add(&count, 1) + 1;
    if (n == 0 || (now != n && !(*end == ':' && now > n)))
        return false;
    errno = (int)code;
    return true;
}

static bool is_regular(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("DAUB_CALL_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", atomic_load(&count));
        fclose(file);
    }
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size)
{
    return fd > 2 && is_regular(fd) && fails("write") ? -1 : REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return fails("write") ? -1 : REAL(pwrite)(fd, data, size, offset);
}

int renameat(int from, const char *a, int to, const char *b)
{
    return fails("rename") ? -1 : REAL(renameat)(from, a, to, b);
}

int renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
    return fails("rename") ? -1 : REAL(renameat2)(from, a, to, b, flags);
}

int fsync(int fd)
{
    return fails("fsync") ? -1 : REAL(fsync)(fd);
}

int ftruncate(int fd, off_t size)
{
    return fails("ftruncate") ? -1 : REAL(ftruncate)(fd, size);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    return writes && fails("open") ? -1 : REAL(openat)(folder, path, flags, mode);
}
