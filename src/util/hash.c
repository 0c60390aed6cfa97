#include "util/hash.h"

uint64_t daub_hash_add(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

uint64_t daub_hash(const void *data, size_t bytes)
{
    return daub_hash_add(0xcbf29ce484222325u, data, bytes);
}
