#include "app/film_status.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "app/files.h"
#include "app/film.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

enum {
    QUIET_S = 120, /* an unfinished part that nobody wrote to for so long is given up */
};

enum part_state { PART_WAITING = 0, PART_FAILED, PART_RUNNING, PART_DONE };

struct part {
    enum part_state state;
    int64_t time_s; /* of its last change */
};

/* A segment may have several files: what the most advanced one says counts. */
static void note(struct part *part, const char *name, const struct stat *info)
{
    const char *rest = strchr(name, '.');
    enum part_state state = strcmp(rest, ".nut") == 0               ? PART_DONE
                            : time(NULL) - info->st_mtime < QUIET_S ? PART_RUNNING
                                                                    : PART_FAILED;
    if (state >= part->state)
        *part = (struct part){state, info->st_mtime};
}

static void read_parts(const struct film *film, struct part *parts)
{
    DIR *folder = opendir(film->parts);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        struct stat info;
        char *end;
        unsigned long number = strtoul(entry->d_name, &end, 10);
        if (end == entry->d_name || *end != '.' || number >= film->segment_count ||
            fstatat(dirfd(folder), entry->d_name, &info, 0) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        note(&parts[number], entry->d_name, &info);
    }
    if (folder)
        closedir(folder);
}

/* Seconds until the rest is painted, at the rate of the parts that were completed; -1:
 * unknown. */
static double left_s(const struct film *film, const struct part *parts)
{
    int64_t first_s = INT64_MAX, last_s = 0, done = 0, first_count = 0;
    for (size_t i = 0; i < film->segment_count; i++) {
        if (parts[i].state != PART_DONE)
            continue;
        done += film->segments[i].count;
        if (parts[i].time_s < first_s) {
            first_s = parts[i].time_s;
            first_count = film->segments[i].count;
        }
        last_s = parts[i].time_s > last_s ? parts[i].time_s : last_s;
    }
    /* the first part only tells when the clock started */
    int64_t timed = done - first_count, left = (int64_t)film->frame_count - done;
    if (left == 0)
        return 0;
    return timed > 0 && last_s > first_s
               ? (double)left * (double)(last_s - first_s) / (double)timed
               : -1;
}

static void print_list(const struct film *film, const struct part *parts,
                       enum part_state state, const char *title)
{
    size_t count = 0;
    for (size_t i = 0; i < film->segment_count; i++)
        count += parts[i].state == state;
    printf("%-8s %zu", title, count);
    for (size_t i = 0, shown = 0; state != PART_DONE && state != PART_WAITING &&
                                  i < film->segment_count && shown < 20;
         i++) {
        if (parts[i].state == state)
            printf("%s%zu", shown++ ? ", " : ": ", i);
    }
    printf("\n");
}

int film_status(const struct options *options)
{
    struct daub_error error = {0};
    struct film film;
    struct part *parts = NULL;
    bool ok = film_read(&film, options->input, &error);
    if (ok)
        parts = daub_alloc(film.segment_count, sizeof(*parts));
    ok = ok && (parts || daub_no_memory(&error, "the segments"));
    if (ok) {
        int64_t frames = 0;
        read_parts(&film, parts);
        for (size_t i = 0; i < film.segment_count; i++)
            frames += parts[i].state == PART_DONE ? film.segments[i].count : 0;
        double seconds = left_s(&film, parts);
        char clock[24];
        daub_text_clock(clock, sizeof(clock), seconds + 0.5);
        printf("segments %zu\n", film.segment_count);
        print_list(&film, parts, PART_DONE, "done");
        print_list(&film, parts, PART_RUNNING, "running");
        print_list(&film, parts, PART_FAILED, "failed");
        print_list(&film, parts, PART_WAITING, "waiting");
        printf("frames   %" PRId64 " of %zu, %.1f %%\n", frames, film.frame_count,
               100.0 * (double)frames / (double)film.frame_count);
        printf("ETA      %s\n", seconds < 0 ? "unknown" : clock);
    }
    free(parts);
    film_free(&film);
    return ok ? EXIT_CODE_DONE : files_fail(&error, EXIT_CODE_INPUT);
}
