/* Dense optical flow between the current and the previous picture, in both directions, in
 * compute shaders: inverse search of patches over a pyramid (Kroeger, Timofte, Dai, Van
 * Gool: Fast optical flow using dense inverse search, 2016), then variational refinement
 * (Brox, Bruhn, Papenberg, Weickert 2004) of the backward flow. Not thread-safe. */
#ifndef DAUB_ENGINE_FLOW_H
#define DAUB_ENGINE_FLOW_H

#include "engine/dispatch.h"

enum { FLOW_LEVELS_MAX = 8 };

/* One level of the pyramid; offsets into struct flow's maps. */
struct flow_level {
    int w, h;
    VkDeviceSize luma, quads, slopes; /* flow.glsl; quads and slopes of both parities */
    VkDeviceSize field[2]; /* by parity of the current frame, both directions */
};

struct flow {
    struct daub_device *device;
    bool fp16; /* of pictures; the flow itself is 32 bit */
    int step;  /* the finest level has 1 / step of the picture's size */
    int level_count;
    struct flow_level levels[FLOW_LEVELS_MAX]; /* the finest first */
    VkDeviceSize patches, terms, half_way;     /* scratch */
    VkDeviceSize smooth;                       /* the refined backward flow */
    VkDeviceSize restarts;                     /* flow_restarts */
    struct gpu_buffer maps;
};

/* A picture on the device: R G B 0 in 0..1, or blocks of block x block pixels. */
struct flow_picture {
    struct dispatch_binding map;
    int columns, rows; /* in blocks */
    int block;
    bool crd; /* channel order of the blocks */
};

/* For pictures of w x h; step 2 or 4. */
bool flow_init(struct flow *flow, struct daub_device *device, bool fp16, int w, int h,
               int step, struct daub_error *error);
void flow_free(struct flow *flow); /* accepts a zeroed one */

/* Steps of the refinement, and sweeps of the solver in each. */
enum { FLOW_REFINEMENTS = 2, FLOW_SWEEPS = 4 }; /* docs/measured.md, "Optical flow" */

/* Most dispatches that flow_append adds. */
#define FLOW_MAX_DISPATCHES                                                              \
    (5 * FLOW_LEVELS_MAX + 2 + FLOW_REFINEMENTS * (1 + FLOW_SWEEPS))
/* Appends the flow of frames of that parity (frame number modulo 2). The previous frame
 * is the one that the other parity's dispatches read last; before the first frame it is
 * black. */
bool flow_append(const struct flow *flow, struct dispatch_list *list, int parity,
                 const struct flow_picture *picture, struct daub_error *error);
/* The same of the coarsest level alone, whose slopes and field have the same bits. */
bool flow_append_coarsest(const struct flow *flow, struct dispatch_list *list, int parity,
                          const struct flow_picture *picture, struct daub_error *error);

/* The refined backward flow (current to previous frame): [h][w] of the finest level.
 * Vectors are vec4: u and v in pixels of their level, then the luma of the previous frame
 * at the vector's end minus that of the current frame at its start, 0. */
struct dispatch_binding flow_backward(const struct flow *flow);
/* Backward and forward flow of a level before filtering, [2][h][w], for frames of that
 * parity. The forward flow exists from flow_forward_level on only. */
struct dispatch_binding flow_field(const struct flow *flow, int level, int parity);
int flow_forward_level(const struct flow *flow);
/* [parity] vec4, zero at first: whoever finds that a frame does not continue the previous
 * one sets x to 1, and the next frame's search does not start from that frame's field. */
struct dispatch_binding flow_restarts(const struct flow *flow);
/* Luma and its slopes of a level: [parity][h][w] vec4 I, dI/dx, dI/dy, 0. */
struct dispatch_binding flow_slopes(const struct flow *flow, int level);

#endif
