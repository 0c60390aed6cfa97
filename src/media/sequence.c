#include "media/sequence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/file_name.h"
#include "util/input.h"

static bool name_of(const char *pattern, int number, char name[PATH_MAX])
{
    return av_get_frame_filename(name, PATH_MAX, pattern, number) >= 0;
}

/* The number that makes the pattern this name; -1: none does. */
static int number_in(const char *pattern, const char *name)
{
    size_t p = 0, n = 0;
    while (pattern[p] && (pattern[p] != '%' || pattern[p + 1] == '%')) {
        if (pattern[p] != name[n])
            return -1;
        p += pattern[p] == '%' ? 2 : 1;
        n++;
    }
    char made[PATH_MAX];
    if (pattern[p] != '%' || name[n] < '0' || name[n] > '9')
        return -1;
    long long number = strtoll(name + n, NULL, 10);
    if (number > INT_MAX || !name_of(pattern, (int)number, made) ||
        strcmp(made, name) != 0)
        return -1;
    return (int)number;
}

static bool add(struct media_sequence *s, int number)
{
    if (!daub_grow(&s->numbers, &s->capacity, s->count + 1, sizeof(*s->numbers)))
        return false;
    s->numbers[s->count++] = number;
    return true;
}

static bool is_image(const struct stat *info)
{
    return S_ISREG(info->st_mode) && info->st_size > 0;
}

/* Reads the folder in which the numbered files are. */
static bool list_folder(struct media_sequence *s)
{
    char *folder = file_folder_of(s->pattern);
    DIR *listed = folder ? opendir(folder) : NULL;
    struct dirent *entry;
    struct stat info;
    bool ok = folder != NULL;
    while (ok && listed && (entry = readdir(listed))) {
        int number = number_in(file_name_of(s->pattern), entry->d_name);
        if (number >= 0 && fstatat(dirfd(listed), entry->d_name, &info, 0) == 0 &&
            is_image(&info))
            ok = add(s, number);
    }
    if (listed)
        closedir(listed);
    free(folder);
    return ok;
}

/* Where the number is in the folder's name: tries the numbers. */
static bool list_folders(struct media_sequence *s)
{
    enum { NUMBERS_MAX = 100000 };
    char name[PATH_MAX];
    struct stat info;
    bool ok = true;
    for (int i = 0; ok && i < NUMBERS_MAX && name_of(s->pattern, i, name); i++) {
        if (stat(name, &info) == 0 && is_image(&info))
            ok = add(s, i);
    }
    return ok;
}

static int ascending(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

bool media_sequence_open(struct media_sequence *s, const char *pattern,
                         struct daub_error *error)
{
    *s = (struct media_sequence){.pattern = daub_strdup(pattern)};
    bool in_name = strchr(file_name_of(pattern), '%');
    if (!s->pattern || !(in_name ? list_folder(s) : list_folders(s)))
        return daub_no_memory(error, "the list of images");
    if (s->count == 0)
        return daub_fail(error, DAUB_ERROR_FAILED,
                         "cannot read %s: no image of that pattern with a number",
                         pattern);
    qsort(s->numbers, s->count, sizeof(*s->numbers), ascending);
    return true;
}

int media_sequence_missing(const struct media_sequence *s)
{
    int64_t range = (int64_t)s->numbers[s->count - 1] - s->numbers[0] + 1;
    int64_t missing = range - (int64_t)s->count;
    return missing > INT_MAX ? INT_MAX : (int)missing;
}

static int read_all(int fd, AVPacket *packet)
{
    int done = 0;
    while (done < packet->size) {
        ssize_t count = read(fd, packet->data + done, (size_t)(packet->size - done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? AVERROR(errno) : AVERROR_INVALIDDATA;
        done += (int)count;
    }
    return 0;
}

int media_sequence_read(const struct media_sequence *s, size_t index, AVPacket *packet)
{
    enum { BYTES_MAX = INT_MAX - 1024 };
    char name[PATH_MAX];
    struct stat info;
    if (index >= s->count)
        return AVERROR_EOF;
    if (!name_of(s->pattern, s->numbers[index], name))
        return AVERROR(EINVAL);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return AVERROR_INVALIDDATA; /* of this image only; the others go on */
    daub_input_add(name);
    int code = AVERROR_INVALIDDATA;
    if (fstat(fd, &info) == 0 && info.st_size > 0 && info.st_size < BYTES_MAX)
        code = av_new_packet(packet, (int)info.st_size);
    if (code == 0)
        code = read_all(fd, packet);
    close(fd);
    if (code < 0)
        av_packet_unref(packet);
    return code;
}

void media_sequence_close(struct media_sequence *s)
{
    free(s->pattern);
    free(s->numbers);
    *s = (struct media_sequence){0};
}
