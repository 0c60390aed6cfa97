/* Fuzzing of kept styles and encoders without libFuzzer: changed copies of a few of them.
 * With file names: reads these as styles, for instance inputs that the fuzzer found.
 *
 * Usage: signal_replay [FILE...], or signal_replay seconds N */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "onnx_make.h"
#include "mutate.h"
#include "onnx_mutate.h"
#include "signal_target.h"

#define STYLE(more)                                                                      \
    "{\"daub-style\":1,\"encoder\":\"0123456789abcdef\",\"title\":\"a \\u00e9\"," more "}"

static const char *const styles[] = {
    STYLE("\"z\":[0.5,-1,1e-9,3.25,1e30]"),
    STYLE("\"z\":[1]"),
    STYLE("\"z\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"more\":{\"z\":[[[[]]]]}"),
};
/* What changes put into a text. */
static const char *const words[] = {
    "\"z\":[", "],",         "{",  "\"",       "1e99", "null",    "\\u0000",
    "\\ud800", "\"title\":", "\n", "\xff\xfe", "-0",   "[[[[[[[["};

static const char encoder[] =
    "opset 13; meta daub.encoder 0123456789abcdef; in picture 1,3,256,256; "
    "f a 4,3,3,3 r1; f k 8,3 r2; f e 1 =0.1; Conv picture,a > c kernel_shape=3,3 "
    "strides=4,4; Relu c > p; GlobalAveragePool p > m; Sub p,m > o; Mul o,o > q; "
    "ReduceMean q > v axes=2,3 keepdims=1; Add v,e > w; Sqrt w > d; "
    "Concat m,d > j axis=1; Flatten j > f; MatMul f,k > z; out z 1,3";

/* Runs the target on a block of the exact size, so that the sanitizer sees reads past the
 * end. */
static int run(int (*target)(const uint8_t *, size_t), const void *data, size_t size)
{
    unsigned char *block = malloc(size ? size : 1);
    if (!block)
        abort();
    memcpy(block, data, size);
    int usable = target(block, size);
    free(block);
    return usable;
}

static int run_style(void)
{
    enum { ROOM = 1024 };
    char text[ROOM];
    strcpy(text, styles[mutate_pick(sizeof(styles) / sizeof(styles[0]))]);
    size_t size = strlen(text);
    for (size_t change = 0; change <= mutate_pick(4); change++) {
        size_t at = mutate_pick(size), length = 1 + mutate_pick(8);
        const char *word = words[mutate_pick(sizeof(words) / sizeof(words[0]))];
        length = length < size - at ? length : size - at;
        switch (mutate_pick(3)) {
        case 0:
            text[at] = (char)mutate_pick(256);
            break;
        case 1:
            memmove(text + at, text + at + length, size - at - length);
            size -= length;
            break;
        default:
            length = strlen(word);
            if (size + length > ROOM)
                break;
            memmove(text + at + length, text + at, size - at);
            memcpy(text + at, word, length);
            size += length;
        }
    }
    return run(signal_target, text, size);
}

static int run_encoder(const unsigned char *seed, size_t seed_size)
{
    size_t room = 4 * seed_size + 4096, size = seed_size;
    unsigned char *data = malloc(room);
    if (!data)
        abort();
    memcpy(data, seed, size);
    for (size_t change = 0; change <= mutate_pick(4) && size; change++)
        size = onnx_mutate(data, size, room, (unsigned)mutate_pick(1u << 30));
    int usable = run(encoder_target, data, size);
    free(data);
    return usable;
}

static int run_file(const char *path)
{
    static unsigned char data[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot open %s\n", path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    printf("%s: %s\n", path, run(signal_target, data, size) ? "usable" : "refused");
    return 0;
}

int main(int argc, char **argv)
{
    bool timed = argc > 2 && !strcmp(argv[1], "seconds");
    int failed = 0;
    for (int i = 1; !timed && i < argc; i++)
        failed |= run_file(argv[i]);
    if (argc > 1 && !timed)
        return failed;
    size_t runs[2] = {0}, usable[2] = {0}, size;
    Onnx__ModelProto *proto = onnx_make(encoder);
    unsigned char *seed = onnx_make_bytes(proto, &size);
    onnx_make_free(proto);
    if (!encoder_target(seed, size))
        abort();
    for (time_t end = time(NULL) + (timed ? atoi(argv[2]) : 10); time(NULL) < end;) {
        int kind = mutate_pick(100) == 0; /* an encoder takes as long as many styles */
        runs[kind]++;
        usable[kind] += (size_t)(kind ? run_encoder(seed, size) : run_style());
    }
    printf("%zu styles, %zu of them usable; %zu encoders, %zu of them usable\n", runs[0],
           usable[0], runs[1], usable[1]);
    free(seed);
    return 0;
}
