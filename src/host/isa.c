#include "host/host.h"

#include <string.h>

/* Declared here because each is compiled from the same table.c. */
#define DECLARE_TABLE(name)                                                              \
    extern const struct host_kernel *const host_kernels_##name[KERNEL_COUNT];
#if defined(__x86_64__)
DECLARE_TABLE(avx512)
DECLARE_TABLE(avx2)
#endif
DECLARE_TABLE(generic)

static const struct host_isa isas[] = {
#if defined(__x86_64__)
    {"avx512", "host-avx512", "AVX-512", host_kernels_avx512},
    {"avx2", "host-avx2", "AVX2", host_kernels_avx2},
    {"generic", "host-generic", "SSE2", host_kernels_generic},
#elif defined(__aarch64__)
    {"neon", "host-neon", "NEON", host_kernels_generic},
#else
    {"generic", "host-generic", "plain C", host_kernels_generic},
#endif
};
enum { ISA_COUNT = sizeof(isas) / sizeof(*isas) };

static bool can_run(const struct host_isa *isa)
{
#if defined(__x86_64__)
    if (strcmp(isa->name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
    if (strcmp(isa->name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    (void)isa;
    return true;
}

const struct host_isa *host_isa_at(int i)
{
    return i >= 0 && i < (int)ISA_COUNT ? &isas[i] : NULL;
}

const struct host_isa *host_isa_choose(const char *name)
{
    for (int i = 0; i < (int)ISA_COUNT; i++) {
        if ((!name || strcmp(name, isas[i].name) == 0) && can_run(&isas[i]))
            return &isas[i];
    }
    return NULL;
}
