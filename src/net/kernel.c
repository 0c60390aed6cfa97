#include "net/kernel.h"

#include "net/graph.h"

#define CONSTANT_ROW(id, type, name, value) {(id), CONSTANT_IS_##type, #name},
#define CONSTANT_IS_int                     false
#define CONSTANT_IS_float                   true

const struct kernel_constant kernel_common_constants[] = {COMMON_CONSTANTS(CONSTANT_ROW)};

/* An entry more than the list has, since C knows no empty arrays. */
#define OWN_CONSTANTS(NAME, name, push)                                                  \
    static const struct kernel_constant name##_own[] = {                                 \
        NAME##_CONSTANTS(CONSTANT_ROW){0, false, NULL}};
KERNELS(OWN_CONSTANTS)

#define SLOT_BIT(name, slot) | 1u << (slot)
#define KERNEL_ROW(NAME, text, push)                                                     \
    [KERNEL_##NAME] = {                                                                  \
        .name = #text,                                                                   \
        .constants =                                                                     \
            COMMON_CONSTANT_COUNT + sizeof(text##_own) / sizeof(*text##_own) - 1,        \
        .push_bytes = (push),                                                            \
        .slots = 0 NAME##_SLOTS(SLOT_BIT),                                               \
        .own = text##_own,                                                               \
        .own_count = sizeof(text##_own) / sizeof(*text##_own) - 1,                       \
    },

static const struct kernel_info infos[KERNEL_COUNT] = {KERNELS(KERNEL_ROW)};

const struct kernel_info *kernel_info(enum kernel kernel)
{
    return &infos[kernel];
}

struct kernel_constants kernel_default_constants(void)
{
    return (struct kernel_constants){
        .V0_ACT = NET_ACT_NONE, .V1_ACT = NET_ACT_NONE, .ACT = NET_ACT_NONE};
}
