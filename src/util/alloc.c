#include "util/alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_long asked;
static atomic_long fail_at;

long daub_alloc_fail_at(long n)
{
    atomic_store(&fail_at, n);
    return atomic_exchange(&asked, 0);
}

static bool must_fail(void)
{
    long number = atomic_fetch_add(&asked, 1) + 1;
    long limit = atomic_load(&fail_at);
    return limit > 0 && number >= limit;
}

bool daub_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

bool daub_add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

void *daub_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (must_fail() || !daub_mul_size(count, size, &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    return calloc(1, bytes ? bytes : 1);
}

bool daub_grow(void *array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t grown = *capacity > SIZE_MAX / 2 ? needed : *capacity * 2;
    if (grown < needed)
        grown = needed;
    if (grown < 8)
        grown = 8;
    void *bigger = daub_alloc(grown, size);
    if (!bigger)
        return false;
    void *old;
    memcpy(&old, array, sizeof(old));
    if (old)
        memcpy(bigger, old, *capacity * size);
    free(old);
    memcpy(array, &bigger, sizeof(bigger));
    *capacity = grown;
    return true;
}

char *daub_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = daub_alloc(bytes, 1);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}
