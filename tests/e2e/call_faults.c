/* Preloaded into a program: the call number N of a kind fails with an errno.
 * DAUB_FAILING_CALL=KIND:N:ERRNO[:+] with KIND write (of regular files; pwrite counts as
 * well), rename, fsync, ftruncate, open (by openat, for writing), ioctl, memory
 * (allocations of the program itself) or av_memory (of libavutil, for all of FFmpeg);
 * "+": later calls fail as well, as on a full disk. With N = 0 nothing fails. The number
 * of calls is written to the file DAUB_CALL_COUNT at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

/* ---- allocations ---- */

/* Where the code of the program and of libavutil is. */
static struct {
    uintptr_t from, to;
} program, libavutil;

static int find_code(struct dl_phdr_info *info, size_t size, void *first)
{
    (void)size;
    bool is_program = *(bool *)first, is_library = strstr(info->dlpi_name, "libavutil");
    *(bool *)first = false;
    for (int i = 0; i < info->dlpi_phnum && (is_program || is_library); i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        uintptr_t from = info->dlpi_addr + segment->p_vaddr;
        *(is_program ? &program.from : &libavutil.from) = from;
        *(is_program ? &program.to : &libavutil.to) = from + segment->p_memsz;
    }
    return 0;
}

__attribute__((constructor)) static void find(void)
{
    bool first = true;
    dl_iterate_phdr(find_code, &first);
}

static bool allocation_fails(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    return (from >= program.from && from < program.to && fails("memory")) ||
           (from >= libavutil.from && from < libavutil.to && fails("av_memory"));
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL
                                                         : __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? NULL
                                                         : __libc_realloc(old, size);
}

int posix_memalign(void **made, size_t alignment, size_t size)
{
    if (allocation_fails(__builtin_return_address(0)))
        return ENOMEM;
    *made = __libc_memalign(alignment, size);
    return *made ? 0 : ENOMEM;
}

/* ---- files ---- */

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

int ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    return fails("ioctl") ? -1 : REAL(ioctl)(fd, request, argument);
}
