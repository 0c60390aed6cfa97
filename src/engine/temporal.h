/* Steadiness: the painting of the frame before is carried along the optical flow and
 * shown again where it can be trusted. Not thread-safe. */
#ifndef DAUB_ENGINE_TEMPORAL_H
#define DAUB_ENGINE_TEMPORAL_H

#include "engine/flow.h"
#include "net/plan.h"

struct temporal {
    struct flow flow;
    int w, h;                      /* of the painting */
    float scene_threshold;         /* of stylizer.h */
    struct gpu_buffer local;       /* of temporal_local.comp */
    struct gpu_buffer trust;       /* of temporal_trust.comp */
    struct gpu_buffer painting[2]; /* [h][w] R G B 0 in 0..1, by the frame's parity */
};

/* What a frame's kernels found. */
struct temporal_report {
    float cut; /* 1 where it begins a new scene */
    float divergence, correlation;
    float anew; /* 1 where nothing of before is carried on: at a cut, or as told */
};

/* For paintings of w x h. */
bool temporal_init(struct temporal *temporal, struct daub_device *device, bool fp16,
                   int w, int h, float scene_threshold, struct daub_error *error);
void temporal_free(struct temporal *temporal); /* accepts a zeroed one */

/* Appends what a network of seven input channels reads of a frame of that parity: w x h
 * vectors of picture, and twice as many of fed. temporal NULL: nothing was painted
 * before.
 */
bool temporal_append_feed(const struct temporal *temporal, struct dispatch_list *list,
                          int parity, const struct dispatch_binding *picture,
                          const struct dispatch_binding *fed, int w, int h,
                          const struct plan_range *range, struct daub_error *error);

/* What the network painted, as view.glsl and painting.glsl read it. */
struct temporal_painting {
    struct dispatch_binding map, affine;
    const struct plan_view *view;
    int stride; /* pixels */
    int block;
    bool crd;
    bool fed; /* by temporal_append_feed: it is shown as it is */
    struct plan_range range;
};

/* Most dispatches that the calls below add. */
#define TEMPORAL_MAX_DISPATCHES (FLOW_MAX_DISPATCHES + 5)
/* Appends the flow, the search for cuts and the trust of frames of that parity. live:
 * element 1 holds the stability and whether to start anew. report: a struct
 * temporal_report. */
bool temporal_append_flow(const struct temporal *temporal, struct dispatch_list *list,
                          int parity, const struct flow_picture *picture,
                          const struct gpu_buffer *live, const struct gpu_buffer *report,
                          struct daub_error *error);
/* Appends the blend of painting and history, which is then temporal_shown. */
bool temporal_append_blend(const struct temporal *temporal, struct dispatch_list *list,
                           int parity, const struct temporal_painting *painting,
                           struct daub_error *error);

/* The painting shown at frames of that parity. */
struct dispatch_binding temporal_shown(const struct temporal *temporal, int parity);

#endif
