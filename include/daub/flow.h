/* Dense optical flow from each picture of a stream to the one before it and back. */
#ifndef DAUB_FLOW_H
#define DAUB_FLOW_H

#include <daub/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct daub_flow; /* opaque; use from one thread at a time */

/* For pictures of width x height, 1 to 16384 each. The method is that of the stylizer's
 * steadiness at the pictures' full size: inverse search of patches (Kroeger 2016) and
 * variational refinement (Brox 2004). The device must outlive the flow. */
DAUB_API enum daub_status daub_flow_create(struct daub_device *device, int width,
                                           int height, struct daub_flow **flow,
                                           struct daub_error *error);
DAUB_API void daub_flow_free(struct daub_flow *flow);

/* Takes the next picture, [height][width][3] R G B in 0..1, and writes vectors u v in
 * pixels, [height][width][2]: back leads from each of its pixels to where that was in the
 * picture before, forth from that picture's pixels into this one. Of the first picture
 * both are without meaning. */
DAUB_API enum daub_status daub_flow_next(struct daub_flow *flow, const float *rgb,
                                         float *back, float *forth,
                                         struct daub_error *error);

#ifdef __cplusplus
}
#endif
#endif
