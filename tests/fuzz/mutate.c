#include "mutate.h"

#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

void mutate_seed(uint64_t seed)
{
    state = seed;
}

size_t mutate_pick(size_t count)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return count ? (size_t)(state >> 33) % count : 0;
}

struct bytes mutate_exact(unsigned char *data, size_t size)
{
    struct bytes block = {malloc(size ? size : 1), size};
    if (!block.data)
        abort();
    memcpy(block.data, data, size);
    free(data);
    return block;
}

struct bytes mutate_bytes(const struct bytes *seed, const struct bytes *other)
{
    static const unsigned char edges[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    struct bytes next = {malloc(2 * seed->size + other->size + 1), seed->size};
    if (!next.data)
        abort();
    memcpy(next.data, seed->data, seed->size);
    for (size_t change = 0; change <= mutate_pick(4) && next.size > 2; change++) {
        size_t at = mutate_pick(next.size), length = 1 + mutate_pick(16);
        if (length > next.size - at)
            length = next.size - at;
        switch (mutate_pick(6)) {
        case 0:
            next.data[at] ^= (unsigned char)(1u << mutate_pick(8));
            break;
        case 1:
            next.data[at] = edges[mutate_pick(sizeof(edges))];
            break;
        case 2:
            next.data[at] = (unsigned char)mutate_pick(256);
            break;
        case 3:
            memmove(next.data + at, next.data + at + length, next.size - at - length);
            next.size -= length;
            break;
        case 4:
            if (next.size + length > 2 * seed->size)
                break;
            memmove(next.data + at + length, next.data + at, next.size - at);
            next.size += length;
            break;
        default:
            length =
                mutate_pick(other->size < next.size - at ? other->size : next.size - at);
            memcpy(next.data + at, other->data + mutate_pick(other->size - length + 1),
                   length);
            break;
        }
    }
    return mutate_exact(next.data, next.size);
}
