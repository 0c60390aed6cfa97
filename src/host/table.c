/* The kernels of one instruction set: HOST_ISA is defined by the build. */
#include "host/host.h"
#include "host/vec.h"

#define HOST_KERNELS(X)                                                                  \
    X(CONV_DEPTHWISE, conv_depthwise)                                                    \
    X(CONV_GENERIC, conv_generic)                                                        \
    X(POINTWISE, pointwise)                                                              \
    X(REMAP, remap)                                                                      \
    X(RESIZE, resize)                                                                    \
    X(POOL, pool)                                                                        \
    X(STATS, stats)                                                                      \
    X(FINALIZE, finalize)                                                                \
    X(MEAN, mean)

#define DECLARE_KERNEL(NAME, name) extern const struct host_kernel HOST(host_##name);
HOST_KERNELS(DECLARE_KERNEL)

extern const struct host_kernel *const HOST(host_kernels)[KERNEL_COUNT];

#define TABLE_ROW(NAME, name) [KERNEL_##NAME] = &HOST(host_##name),
const struct host_kernel *const HOST(host_kernels)[KERNEL_COUNT] = {
    HOST_KERNELS(TABLE_ROW)};
