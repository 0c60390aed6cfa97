/* Fuzzing without libFuzzer, for builds without Clang: runs onnx_target on changed copies
 * of the files of onnx_forms.h. With file names: runs it on these, for instance on inputs
 * that the fuzzer found.
 *
 * Usage: onnx_replay [FILE...], or onnx_replay seconds N [seed S] */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "onnx_forms.h"
#include "onnx_make.h"
#include "mutate.h"
#include "onnx_mutate.h"
#include "onnx_target.h"

static struct bytes make_seed(size_t form)
{
    struct bytes seed;
    char text[2048];
    snprintf(text, sizeof(text), "in x 1,3,%s; out y; %s", form & 1 ? "h,w" : "8,8",
             onnx_forms[form / 2].text);
    Onnx__ModelProto *model = onnx_make(text);
    seed.data = onnx_make_bytes(model, &seed.size);
    onnx_make_free(model);
    return seed;
}

/* A copy changed one to nine times by onnx_mutate. */
static struct bytes mutate_model(const struct bytes *seed)
{
    size_t room = 4 * seed->size + 4096, size = seed->size;
    unsigned char *data = malloc(room);
    if (!data)
        abort();
    memcpy(data, seed->data, size);
    for (size_t change = 0; change <= mutate_pick(8) && size; change++)
        size = onnx_mutate(data, size, room, (unsigned)mutate_pick(1u << 30));
    return mutate_exact(data, size);
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    static unsigned char data[64 << 20];
    if (!file) {
        fprintf(stderr, "cannot open %s\n", path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    printf("%s: %s\n", path, onnx_target(copy, size) ? "usable" : "refused");
    free(copy);
    return 0;
}

static void run_mutations(double seconds)
{
    size_t count = 2 * onnx_form_count, usable = 0, runs = 0;
    struct bytes *seeds = calloc(count, sizeof(*seeds));
    if (!seeds)
        abort();
    for (size_t i = 0; i < count; i++)
        seeds[i] = make_seed(i);
    for (time_t end = time(NULL) + (time_t)seconds; time(NULL) < end; runs++) {
        const struct bytes *seed = &seeds[mutate_pick(count)];
        struct bytes next = mutate_pick(4)
                                ? mutate_model(seed)
                                : mutate_bytes(seed, &seeds[mutate_pick(count)]);
        usable += onnx_target(next.data, next.size) != 0;
        free(next.data);
    }
    printf("%zu files, %zu of them usable\n", runs, usable);
    for (size_t i = 0; i < count; i++)
        free(seeds[i].data);
    free(seeds);
}

int main(int argc, char **argv)
{
    bool timed = argc > 2 && !strcmp(argv[1], "seconds");
    if (argc > 1 && !timed) {
        int failed = 0;
        for (int i = 1; i < argc; i++)
            failed |= run_file(argv[i]);
        return failed;
    }
    unsigned long long seed = 1;
    if (argc > 4 && !strcmp(argv[3], "seed"))
        seed = strtoull(argv[4], NULL, 10);
    printf("seed %llu\n", seed);
    mutate_seed(seed);
    run_mutations(timed ? atof(argv[2]) : 10);
    return 0;
}
