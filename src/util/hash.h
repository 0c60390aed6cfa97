/* FNV-1a with 64 bits: distinguishes files and cache entries; not for security. */
#ifndef DAUB_UTIL_HASH_H
#define DAUB_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t daub_hash(const void *data, size_t bytes);
/* The hash of what hash covers, followed by the data. */
uint64_t daub_hash_add(uint64_t hash, const void *data, size_t bytes);

#endif
