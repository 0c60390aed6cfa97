/* From a struct's member back to the struct. */
#ifndef DAUB_UTIL_CONTAINER_OF_H
#define DAUB_UTIL_CONTAINER_OF_H

#include <stddef.h>

/* The type whose member pointer points to. */
#define container_of(pointer, type, member)                                              \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
