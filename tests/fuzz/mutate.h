/* Random changes of bytes, for the programs that fuzz without libFuzzer. */
#ifndef DAUB_TESTS_MUTATE_H
#define DAUB_TESTS_MUTATE_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
    unsigned char *data;
    size_t size;
};

/* The same seed gives the same numbers and changes. */
void mutate_seed(uint64_t seed);
/* A number below count; 0 where count is 0. */
size_t mutate_pick(size_t count);
/* Moves the bytes to a block of their exact size, so that the sanitizer sees reads past
 * the end; frees data. */
struct bytes mutate_exact(unsigned char *data, size_t size);
/* A copy with one to five changes; some take a part of other. */
struct bytes mutate_bytes(const struct bytes *seed, const struct bytes *other);

#endif
