#include "util/input.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/alloc.h"

struct identity {
    dev_t device;
    ino_t inode;
};

static struct {
    pthread_mutex_t lock;
    struct identity *list; /* lock */
    size_t count, capacity;
} inputs = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Call with the lock. */
static bool has(const struct stat *info)
{
    for (size_t i = 0; i < inputs.count; i++) {
        if (inputs.list[i].inode == info->st_ino && inputs.list[i].device == info->st_dev)
            return true;
    }
    return false;
}

static void add(const struct stat *info)
{
    if (!S_ISREG(info->st_mode))
        return;
    pthread_mutex_lock(&inputs.lock);
    if (!has(info) &&
        daub_grow(&inputs.list, &inputs.capacity, inputs.count + 1, sizeof(*inputs.list)))
        inputs.list[inputs.count++] = (struct identity){info->st_dev, info->st_ino};
    pthread_mutex_unlock(&inputs.lock);
}

void daub_input_add(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0)
        add(&info);
}

void daub_input_add_fd(int fd)
{
    struct stat info;
    if (fstat(fd, &info) == 0)
        add(&info);
}

void daub_input_add_open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        int fd = atoi(entry->d_name), flags = fcntl(fd, F_GETFL);
        if (entry->d_name[0] != '.' && flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
            daub_input_add_fd(fd);
    }
    if (folder)
        closedir(folder);
}

bool daub_input_is(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return false;
    pthread_mutex_lock(&inputs.lock);
    bool found = has(&info);
    pthread_mutex_unlock(&inputs.lock);
    return found;
}
