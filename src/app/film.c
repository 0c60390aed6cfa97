#include "app/film.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/hash.h"

enum {
    PLAN_VERSION = 1,
    OPTIONS_MAX = 1000,
    WHOLE_HASH = 64 << 20, /* bytes; larger inputs are hashed in blocks */
    HASH_BLOCK = 64 << 10, /* bytes */
    HASH_BLOCKS = 1024,
    THREADS_MAX = 256,
};
/* Bytes; 20 million frames need less. */
#define PLAN_MAX ((size_t)1 << 30)
/* cJSON stores numbers as doubles. */
#define WHOLE_MAX ((int64_t)1 << 53)

/* ---- names ---- */

bool film_init(struct film *film, const char *path, struct daub_error *error)
{
    *film = (struct film){.path = daub_file_absolute(path)};
    size_t size = film->path ? strlen(film->path) + sizeof(".parts") : 0;
    film->parts = size ? daub_alloc(size, 1) : NULL;
    if (!film->parts)
        return daub_no_memory(error, path);
    snprintf(film->parts, size, "%s.parts", film->path);
    return true;
}

void film_free(struct film *film)
{
    for (size_t i = 0; i < film->option_count; i++)
        free(film->options[i]);
    for (int i = 0; i < film->fact_count; i++) {
        free(film->facts[i].name);
        free(film->facts[i].value);
    }
    free(film->path);
    free(film->parts);
    free(film->folder);
    free(film->input);
    free(film->options);
    free(film->container);
    free(film->encoder);
    free(film->times);
    free(film->segments);
    *film = (struct film){0};
}

void film_part(const struct film *film, size_t segment, char *path, size_t size)
{
    snprintf(path, size, "%s/%05zu.nut", film->parts, segment);
}

bool film_part_exists(const struct film *film, size_t segment)
{
    char path[PATH_MAX];
    struct stat info;
    film_part(film, segment, path, sizeof(path));
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

size_t film_parts_count(const struct film *film)
{
    size_t count = 0;
    for (size_t i = 0; i < film->segment_count; i++)
        count += film_part_exists(film, i);
    return count;
}

/* Whether the name begins with a segment's number, as those of parts do. */
static bool is_part(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits >= 5 && name[digits] == '.';
}

void film_remove(const struct film *film)
{
    DIR *folder = opendir(film->parts);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (is_part(entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    rmdir(film->parts);
    unlink(film->path);
}

/* ---- hashes ---- */

bool film_hash_input(const char *path, int64_t *bytes, uint64_t *hash,
                     struct daub_error *error)
{
    struct stat info;
    FILE *file = daub_file_read(path);
    unsigned char *block = daub_alloc(HASH_BLOCK, 1);
    bool ok = file && block && fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode);
    int64_t size = ok ? info.st_size : 0, count = (size + HASH_BLOCK - 1) / HASH_BLOCK;
    int64_t blocks = size > WHOLE_HASH ? HASH_BLOCKS : count;
    *bytes = size;
    *hash = daub_hash(&size, sizeof(size));
    for (int64_t i = 0; ok && i < blocks; i++) {
        int64_t at =
            blocks == count ? i * HASH_BLOCK : (size - HASH_BLOCK) / (blocks - 1) * i;
        if (blocks < count && i == blocks - 1)
            at = size - HASH_BLOCK;
        size_t want = (size_t)(size - at < HASH_BLOCK ? size - at : HASH_BLOCK);
        ok = fseeko(file, at, SEEK_SET) == 0 && fread(block, 1, want, file) == want;
        *hash = daub_hash_add(*hash, block, want);
    }
    if (!ok)
        daub_fail(error, DAUB_ERROR_NOT_FOUND,
                  "cannot read %s: %s; segments need an input that is one file", path,
                  errno ? strerror(errno) : "not a file");
    if (file)
        fclose(file);
    free(block);
    return ok;
}

bool film_same_input(const struct film *film, struct daub_error *error)
{
    int64_t bytes;
    uint64_t hash;
    if (!film_hash_input(media_path_plain(film->input), &bytes, &hash, error))
        return false;
    if (bytes == film->input_bytes && hash == film->input_hash)
        return true;
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "%s changed since %s was made; remove the plan and make it again",
                     film->input, film->path);
}

uint64_t film_hash_frame(const AVFrame *frame)
{
    uint64_t hash = daub_hash(&frame->format, sizeof(frame->format));
    int planes = av_pix_fmt_count_planes(frame->format);
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    for (int p = 0; p < planes && format; p++) {
        int bytes = av_image_get_linesize(frame->format, frame->width, p);
        bool chroma = (p == 1 || p == 2) && !(format->flags & AV_PIX_FMT_FLAG_RGB);
        int rows =
            chroma ? AV_CEIL_RSHIFT(frame->height, format->log2_chroma_h) : frame->height;
        for (int y = 0; y < rows && bytes > 0; y++)
            hash = daub_hash_add(hash, frame->data[p] + (ptrdiff_t)y * frame->linesize[p],
                                 (size_t)bytes);
    }
    return hash;
}

/* ---- reading ---- */

static bool fail_plan(const struct film *film, const char *what, struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_FAILED,
                     "%s is not a plan of this version of daub (%s); make it with \"daub "
                     "plan\"",
                     film->path, what);
}

static bool read_whole(const cJSON *item, int64_t min, int64_t max, int64_t *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)min) ||
        !(item->valuedouble <= (double)max) ||
        item->valuedouble != (double)(int64_t)item->valuedouble)
        return false;
    *value = (int64_t)item->valuedouble;
    return true;
}

static bool read_hash(const cJSON *item, uint64_t *hash)
{
    char *end = NULL;
    const char *text = cJSON_GetStringValue(item);
    if (!text || strlen(text) != 16)
        return false;
    *hash = strtoull(text, &end, 16);
    return !*end;
}

static bool read_text(const cJSON *object, const char *name, char **text)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
    if (!value || !*value)
        return false;
    *text = daub_strdup(value);
    return *text != NULL;
}

static bool read_options(struct film *film, const cJSON *list)
{
    int count = cJSON_GetArraySize(list);
    const cJSON *item;
    if (!cJSON_IsArray(list) || count > OPTIONS_MAX)
        return false;
    film->options = daub_alloc((size_t)count + 1, sizeof(*film->options));
    cJSON_ArrayForEach(item, list)
    {
        const char *text = cJSON_GetStringValue(item);
        char *copy = text && film->options ? daub_strdup(text) : NULL;
        if (!copy)
            return false;
        film->options[film->option_count++] = copy;
    }
    return film->options != NULL;
}

static bool read_fingerprint(struct film *film, const cJSON *object)
{
    const cJSON *item;
    if (!cJSON_IsObject(object) || cJSON_GetArraySize(object) > FILM_FACTS_MAX)
        return false;
    cJSON_ArrayForEach(item, object)
    {
        const char *value = cJSON_GetStringValue(item);
        struct film_fact *fact = &film->facts[film->fact_count++];
        fact->name = daub_strdup(item->string);
        fact->value = value ? daub_strdup(value) : NULL;
        if (!fact->name || !fact->value)
            return false;
    }
    return true;
}

static bool read_times(struct film *film, const cJSON *pts, const cJSON *durations)
{
    int count = cJSON_GetArraySize(pts);
    if (!cJSON_IsArray(pts) || !cJSON_IsArray(durations) || count < 1 ||
        count > FILM_FRAMES_MAX || cJSON_GetArraySize(durations) != count ||
        !daub_grow(&film->times, &film->time_capacity, (size_t)count,
                   sizeof(*film->times)))
        return false;
    const cJSON *at = pts->child, *length = durations->child;
    for (; at && length; at = at->next, length = length->next) {
        struct media_time *time = &film->times[film->frame_count++];
        if (!read_whole(at, -WHOLE_MAX, WHOLE_MAX, &time->pts) ||
            !read_whole(length, 0, WHOLE_MAX, &time->duration) ||
            (film->frame_count > 1 && time->pts <= time[-1].pts))
            return false;
    }
    return true;
}

static bool read_segments(struct film *film, const cJSON *list)
{
    const cJSON *item;
    int64_t next = 0, frames = (int64_t)film->frame_count;
    if (!cJSON_IsArray(list))
        return false;
    cJSON_ArrayForEach(item, list)
    {
        if (!daub_grow(&film->segments, &film->segment_capacity, film->segment_count + 1,
                       sizeof(*film->segments)))
            return false;
        struct film_segment *s = &film->segments[film->segment_count++];
        if (!read_whole(cJSON_GetObjectItem(item, "first"), next, next, &s->first) ||
            !read_whole(cJSON_GetObjectItem(item, "count"), 1, frames - next,
                        &s->count) ||
            !read_whole(cJSON_GetObjectItem(item, "warm_up"), 0, next, &s->warm_up) ||
            !read_hash(cJSON_GetObjectItem(item, "hash"), &s->hash))
            return false;
        next += s->count;
    }
    return next == frames;
}

static bool read_object(struct film *film, const cJSON *plan, struct daub_error *error)
{
    int64_t version, given, threads, num, den;
    const cJSON *base = cJSON_GetObjectItem(plan, "time_base");
    if (!read_whole(cJSON_GetObjectItem(plan, "daub_plan"), 1, INT_MAX, &version))
        return fail_plan(film, "it is another kind of file", error);
    if (version != PLAN_VERSION)
        return fail_plan(film, "another version wrote it", error);
    if (!read_text(plan, "input", &film->input) ||
        !read_whole(cJSON_GetObjectItem(plan, "input_bytes"), 0, WHOLE_MAX,
                    &film->input_bytes) ||
        !read_hash(cJSON_GetObjectItem(plan, "input_hash"), &film->input_hash))
        return fail_plan(film, "its input is wrong", error);
    if (!read_text(plan, "folder", &film->folder) ||
        !read_text(plan, "container", &film->container) ||
        !read_text(plan, "encoder", &film->encoder) ||
        !read_options(film, cJSON_GetObjectItem(plan, "options")) ||
        !read_fingerprint(film, cJSON_GetObjectItem(plan, "fingerprint")) ||
        !read_whole(cJSON_GetObjectItem(plan, "encoder_threads"), 1, THREADS_MAX,
                    &threads))
        return fail_plan(film, "its options are wrong", error);
    if (!read_whole(cJSON_GetObjectItem(plan, "options_given"), 0,
                    (int64_t)film->option_count, &given))
        return fail_plan(film, "its options are wrong", error);
    film->given_count = (size_t)given;
    film->encoder_threads = (int)threads;
    if (!read_whole(cJSON_GetArrayItem(base, 0), 1, INT_MAX, &num) ||
        !read_whole(cJSON_GetArrayItem(base, 1), 1, INT_MAX, &den) ||
        !read_times(film, cJSON_GetObjectItem(plan, "pts"),
                    cJSON_GetObjectItem(plan, "durations")))
        return fail_plan(film, "its times are wrong", error);
    film->time_base = (AVRational){(int)num, (int)den};
    return read_segments(film, cJSON_GetObjectItem(plan, "segments")) ||
           fail_plan(film, "its segments are wrong", error);
}

bool film_read(struct film *film, const char *path, struct daub_error *error)
{
    size_t size = 0;
    if (!film_init(film, path, error))
        return false;
    char *text = daub_file_load(film->path, PLAN_MAX, &size);
    if (!text && (errno == EFBIG || errno == EINVAL))
        return fail_plan(film, "it is not a file of that size", error);
    if (!text)
        return daub_fail(error, DAUB_ERROR_NOT_FOUND, "cannot read %s: %s", film->path,
                         strerror(errno));
    cJSON *plan = cJSON_ParseWithLength(text, size);
    free(text);
    bool ok = plan ? read_object(film, plan, error)
                   : fail_plan(film, "it is another kind of file", error);
    cJSON_Delete(plan);
    return ok;
}

/* ---- writing ---- */

static void add_hash(cJSON *object, const char *name, uint64_t hash)
{
    char text[17];
    snprintf(text, sizeof(text), "%016" PRIx64, hash);
    cJSON_AddStringToObject(object, name, text);
}

static void add_number(cJSON *array, int64_t value)
{
    cJSON_AddItemToArray(array, cJSON_CreateNumber((double)value));
}

static cJSON *print_object(const struct film *film)
{
    cJSON *plan = cJSON_CreateObject();
    cJSON_AddNumberToObject(plan, "daub_plan", PLAN_VERSION);
    cJSON_AddStringToObject(plan, "input", film->input);
    cJSON_AddNumberToObject(plan, "input_bytes", (double)film->input_bytes);
    add_hash(plan, "input_hash", film->input_hash);
    cJSON_AddStringToObject(plan, "folder", film->folder);
    cJSON *options = cJSON_AddArrayToObject(plan, "options");
    for (size_t i = 0; i < film->option_count; i++)
        cJSON_AddItemToArray(options, cJSON_CreateString(film->options[i]));
    cJSON_AddNumberToObject(plan, "options_given", (double)film->given_count);
    cJSON_AddStringToObject(plan, "container", film->container);
    cJSON_AddStringToObject(plan, "encoder", film->encoder);
    cJSON_AddNumberToObject(plan, "encoder_threads", film->encoder_threads);
    cJSON *facts = cJSON_AddObjectToObject(plan, "fingerprint");
    for (int i = 0; i < film->fact_count; i++)
        cJSON_AddStringToObject(facts, film->facts[i].name, film->facts[i].value);
    cJSON *segments = cJSON_AddArrayToObject(plan, "segments");
    for (size_t i = 0; i < film->segment_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "first", (double)film->segments[i].first);
        cJSON_AddNumberToObject(item, "count", (double)film->segments[i].count);
        cJSON_AddNumberToObject(item, "warm_up", (double)film->segments[i].warm_up);
        add_hash(item, "hash", film->segments[i].hash);
        cJSON_AddItemToArray(segments, item);
    }
    cJSON *base = cJSON_AddArrayToObject(plan, "time_base");
    add_number(base, film->time_base.num);
    add_number(base, film->time_base.den);
    cJSON *pts = cJSON_AddArrayToObject(plan, "pts");
    cJSON *durations = cJSON_AddArrayToObject(plan, "durations");
    for (size_t i = 0; i < film->frame_count; i++) {
        add_number(pts, film->times[i].pts);
        add_number(durations, film->times[i].duration);
    }
    return plan;
}

bool film_write(const struct film *film, bool replace, struct daub_error *error)
{
    cJSON *plan = print_object(film);
    char *text = plan ? cJSON_Print(plan) : NULL;
    cJSON_Delete(plan);
    if (!text)
        return daub_no_memory(error, film->path);
    bool ok = daub_file_write(film->path, text, strlen(text), replace, error);
    cJSON_free(text);
    return ok;
}
