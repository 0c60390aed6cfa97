/* Allocation with checked sizes; every failure can be provoked in tests. */
#ifndef DAUB_UTIL_ALLOC_H
#define DAUB_UTIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* count * size zeroed bytes; NULL where the product overflows or memory ran out. A zero
 * product gives a unique pointer. Free with free(). Thread-safe. */
void *daub_alloc(size_t count, size_t size);

/* Grows *array (elements of size bytes, *capacity of them) to hold at least needed; new
 * elements are zero. On failure returns false and the array is unchanged. */
bool daub_grow(void *array, size_t *capacity, size_t needed, size_t size);

/* A copy of a string, NULL where memory ran out. */
char *daub_strdup(const char *text);

/* a * b or a + b; false where it does not fit. */
bool daub_mul_size(size_t a, size_t b, size_t *product);
bool daub_add_size(size_t a, size_t b, size_t *sum);

/* Tests only: the n-th allocation from now (1 = next) and those after it fail; 0 switches
 * that off. Returns the number of allocations since the last call. */
long daub_alloc_fail_at(long n);

#endif
