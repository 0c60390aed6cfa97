/* The kernels of one instruction set: HOST_ISA is defined by the build. */
#include "host/host.h"
#include "host/vec.h"

#define HOST_KERNELS(X)                                                                  \
    X(CONV_HOST, conv_host)                                                              \
    X(WINOGRAD, winograd)                                                                \
    X(CONV_DEPTHWISE, conv_depthwise)                                                    \
    X(CONV_GENERIC, conv_generic)                                                        \
    X(POINTWISE, pointwise)                                                              \
    X(REMAP, remap)                                                                      \
    X(RESIZE, resize)                                                                    \
    X(POOL, pool)                                                                        \
    X(STATS, stats)                                                                      \
    X(FINALIZE, finalize)                                                                \
    X(MEAN, mean)                                                                        \
    X(FRAME_IN, frame_in)                                                                \
    X(FRAME_OUT, frame_out)                                                              \
    X(SCALE, scale)                                                                      \
    X(FLOW_LUMA, flow_luma)                                                              \
    X(FLOW_HALF, flow_half)                                                              \
    X(FLOW_MAPS, flow_maps)                                                              \
    X(FLOW_SEARCH, flow_search)                                                          \
    X(FLOW_DENSE, flow_dense)                                                            \
    X(FLOW_MEDIAN, flow_median)                                                          \
    X(FLOW_TERMS, flow_terms)                                                            \
    X(FLOW_REFINE, flow_refine)                                                          \
    X(TEMPORAL_CUT, temporal_cut)                                                        \
    X(TEMPORAL_CONFIDENCE, temporal_confidence)                                          \
    X(TEMPORAL_INPUT, temporal_input)                                                    \
    X(TEMPORAL_BLOCKS, temporal_blocks)                                                  \
    X(TEMPORAL_BLEND, temporal_blend)

#define DECLARE_KERNEL(NAME, name) extern const struct host_kernel HOST(host_##name);
HOST_KERNELS(DECLARE_KERNEL)

extern const struct host_kernel *const HOST(host_kernels)[KERNEL_COUNT];

#define TABLE_ROW(NAME, name) [KERNEL_##NAME] = &HOST(host_##name),
const struct host_kernel *const HOST(host_kernels)[KERNEL_COUNT] = {
    HOST_KERNELS(TABLE_ROW)};
