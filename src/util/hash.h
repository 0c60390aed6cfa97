/* FNV-1a with 64 bits: tells files and cache entries apart; no protection against intent.
 */
#ifndef DAUB_UTIL_HASH_H
#define DAUB_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t daub_hash(const void *data, size_t bytes);

#endif
