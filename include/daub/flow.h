/* Dense optical flow between each picture of a stream and the previous one. */
#ifndef DAUB_FLOW_H
#define DAUB_FLOW_H

#include <daub/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct daub_flow; /* opaque; use from one thread at a time */

/* Creates a flow for pictures of width x height, 1 to 16384 each. It computes at the
 * pictures' full size with the method of the stylizer's temporal stage: dense inverse
 * search of patches (Kroeger 2016) with variational refinement (Brox 2004). The caller
 * frees *flow with daub_flow_free; the device must outlive it. Errors: ARGUMENT for an
 * impossible size, MEMORY, DEVICE_LOST, FAILED. */
DAUB_API enum daub_status daub_flow_create(struct daub_device *device, int width,
                                           int height, struct daub_flow **flow,
                                           struct daub_error *error);
/* Accepts NULL. */
DAUB_API void daub_flow_free(struct daub_flow *flow);

/* Adds the next picture, [height][width][3] R G B in 0..1, and writes two flows as
 * vectors (u, v) in pixels, [height][width][2]. backward leads from each pixel of this
 * picture to its place in the previous one, forward from each pixel of the previous
 * picture to its place in this one. For the first picture both are undefined. Waits for
 * the device. Errors: DEVICE_LOST, FAILED. */
DAUB_API enum daub_status daub_flow_next(struct daub_flow *flow, const float *rgb,
                                         float *backward, float *forward,
                                         struct daub_error *error);

#ifdef __cplusplus
}
#endif
#endif
