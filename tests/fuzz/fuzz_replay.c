/* Fuzzing without libFuzzer, for builds without Clang: runs the target on the files of a
 * folder and on changed copies of them. With the name of a file: runs it on that, for
 * instance on an input that the fuzzer found. A unit that takes over 5 s of processor
 * time or brings the program to 1 GB of memory is a failure; the bytes of the unit are
 * then in NAME.unit.
 *
 * Usage: NAME_replay FOLDER seconds N [seed S], or NAME_replay FILE... */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "mutate.h"

enum {
    UNIT_SECONDS = 5,
    UNIT_KB_MAX = 1 << 20,
    UNIT_BYTES_MAX = 1 << 20,
    FILES_MAX = 4096
};

static int kept = -1; /* file of the unit that runs */
static char kept_path[512];

static void too_slow(int number)
{
    static const char text[] = "a unit took over 5 s\n";
    (void)number;
    _exit(write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 2 : 1);
}

static int run(const struct bytes *unit)
{
    struct itimerval limit = {.it_value = {.tv_sec = UNIT_SECONDS}}, none = {0};
    if (kept >= 0)
        fuzz_need(pwrite(kept, unit->data, unit->size, 0) == (ssize_t)unit->size &&
                      ftruncate(kept, (off_t)unit->size) == 0,
                  "cannot write", kept_path);
    setitimer(ITIMER_PROF, &limit, NULL);
    int usable = fuzz_target(unit->data, unit->size);
    setitimer(ITIMER_PROF, &none, NULL);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fuzz_need(usage.ru_maxrss < UNIT_KB_MAX, "a unit took over 1 GB", "");
    return usable;
}

static struct bytes read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char *data = malloc(UNIT_BYTES_MAX);
    fuzz_need(file && data, "cannot read", path);
    size_t size = fread(data, 1, UNIT_BYTES_MAX, file);
    fclose(file);
    return mutate_exact(data, size);
}

static size_t read_folder(const char *path, struct bytes *seeds)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort), used = 0;
    fuzz_need(count >= 0, "cannot read", path);
    for (int i = 0; i < count; i++) {
        char file[4400];
        snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && used < FILES_MAX)
            seeds[used++] = read_file(file);
        free(names[i]);
    }
    free(names);
    fuzz_need(used > 0, "no files in", path);
    return (size_t)used;
}

static void run_folder(const char *path, double seconds)
{
    struct bytes *seeds = calloc(FILES_MAX, sizeof(*seeds));
    fuzz_need(seeds != NULL, "no memory", path);
    size_t count = read_folder(path, seeds), usable = 0, runs = 0;
    for (; runs < count; runs++)
        usable += run(&seeds[runs]) != 0;
    for (time_t end = time(NULL) + (time_t)seconds; time(NULL) < end; runs++) {
        struct bytes next =
            mutate_bytes(&seeds[mutate_pick(count)], &seeds[mutate_pick(count)]);
        usable += run(&next) != 0;
        free(next.data);
    }
    fprintf(stderr, "%zu units, %zu of them usable\n", runs, usable);
    for (size_t i = 0; i < count; i++)
        free(seeds[i].data);
    free(seeds);
}

int main(int argc, char **argv)
{
    bool timed = argc > 3 && !strcmp(argv[2], "seconds");
    struct sigaction action = {.sa_handler = too_slow};
    sigaction(SIGPROF, &action, NULL);
    fuzz_begin();
    for (int i = 1; !timed && i < argc; i++) {
        struct bytes unit = read_file(argv[i]);
        printf("%s: %s\n", argv[i], run(&unit) ? "usable" : "refused");
        free(unit.data);
    }
    if (!timed)
        return 0;
    unsigned long long seed = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
    fprintf(stderr, "seed %llu\n", seed);
    mutate_seed(seed);
    snprintf(kept_path, sizeof(kept_path), "%s.unit", argv[0]);
    kept = open(kept_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    fuzz_need(kept >= 0, "cannot write", kept_path);
    run_folder(argv[1], atof(argv[3]));
    unlink(kept_path);
    return 0;
}
