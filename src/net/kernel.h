/* The kernels as the C code sees them, made from shaders/contract.h: their names, the
 * structs of their constants and push constants, and what they read and write. */
#ifndef DAUB_NET_KERNEL_H
#define DAUB_NET_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shaders/contract.h"

enum kernel {
    KERNEL_NONE = 0,
#define KERNEL_ENUM(NAME, name, push) KERNEL_##NAME,
    KERNELS(KERNEL_ENUM)
#undef KERNEL_ENUM
        KERNEL_COUNT
};

enum kernel_slot {
#define SLOT_ENUM(name, slot) name = (slot),
    NETWORK_SLOTS(SLOT_ENUM) OWN_SLOTS(SLOT_ENUM)
#undef SLOT_ENUM
};

/* struct NAME_constants: the kernel's own specialization constants, in order of their
 * ids. */
#define CONSTANT_FIELD(id, type, name, value) type name;
#define PUSH_FIELD(type, name)                type name;
#define KERNEL_STRUCTS(NAME, name, push)                                                 \
    struct name##_constants {                                                            \
        NAME##_CONSTANTS(CONSTANT_FIELD)                                                 \
    };                                                                                   \
    struct name##_push {                                                                 \
        NAME##_PUSH(PUSH_FIELD)                                                          \
    };                                                                                   \
    _Static_assert(sizeof(struct name##_push) == (push), "push constants of " #name);
KERNELS(KERNEL_STRUCTS)

/* Constants that both dense convolutions begin with. */
struct conv_constants {
    CONV_CONSTANTS(CONSTANT_FIELD)
};
struct conv_push {
    CONV_PUSH(PUSH_FIELD)
};

/* Invocations of a work-group of the kernels that work pixel by pixel. */
enum { PIXEL_LANES = 64 };

#define KERNEL_MAX_CONSTANTS  30 /* common ones included */
#define KERNEL_MAX_PUSH_BYTES 128

/* Values of a kernel's specialization constants, in the order of their ids. */
struct kernel_constants {
    COMMON_CONSTANTS(CONSTANT_FIELD)
    union {
        uint32_t words[KERNEL_MAX_CONSTANTS - COMMON_CONSTANT_COUNT];
        struct conv_constants conv;
#define KERNEL_MEMBER(NAME, name, push) struct name##_constants name;
        KERNELS(KERNEL_MEMBER)
#undef KERNEL_MEMBER
    } own;
};
_Static_assert(offsetof(struct kernel_constants, own) == 4 * COMMON_CONSTANT_COUNT,
               "ids of the common constants");
_Static_assert(sizeof(struct kernel_constants) == 4 * KERNEL_MAX_CONSTANTS,
               "a kernel has more constants than KERNEL_MAX_CONSTANTS");

union kernel_push {
    uint32_t words[KERNEL_MAX_PUSH_BYTES / 4];
    struct conv_push conv;
#define KERNEL_MEMBER(NAME, name, push) struct name##_push name;
    KERNELS(KERNEL_MEMBER)
#undef KERNEL_MEMBER
};
_Static_assert(sizeof(union kernel_push) == KERNEL_MAX_PUSH_BYTES,
               "push constants of at most 128 bytes work on every device");

/* One specialization constant in the contract. */
struct kernel_constant {
    uint32_t id;
    bool is_float;
    const char *name; /* its SPIR-V modules are called name_PRECISION */
};

struct kernel_info {
    const char *name;   /* its SPIR-V modules are called name_PRECISION */
    uint32_t constants; /* ids below this may be specialized */
    uint32_t push_bytes;
    uint32_t slots;                    /* bit i: slot i is bound */
    const struct kernel_constant *own; /* the kernel's own constants */
    size_t own_count;
};

/* kernel: not KERNEL_NONE. */
const struct kernel_info *kernel_info(enum kernel kernel);

/* Constants without pending affine maps and activations; all others 0. */
struct kernel_constants kernel_default_constants(void);

extern const struct kernel_constant kernel_common_constants[COMMON_CONSTANT_COUNT];

#endif
