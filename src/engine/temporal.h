/* The temporal stage: the previous output is warped along the optical flow and reused
 * where the confidence is high. Not thread-safe. */
#ifndef DAUB_ENGINE_TEMPORAL_H
#define DAUB_ENGINE_TEMPORAL_H

#include "engine/flow.h"
#include "net/plan.h"

struct temporal {
    struct flow flow;
    int w, h;                     /* of the painting */
    float scene_threshold;        /* of stylizer.h */
    struct gpu_buffer blocks;     /* of temporal_blocks.comp */
    struct gpu_buffer confidence; /* of temporal_confidence.comp */
    struct gpu_buffer output[2];  /* [h][w] R G B 0 in 0..1, by the frame's parity */
};

/* What the kernels report about a frame. */
struct temporal_report {
    float cut; /* 1 where it begins a new scene */
    float divergence, correlation;
    float restart; /* 1 where no history is used: at a cut or on request */
};

/* For paintings of w x h. */
bool temporal_init(struct temporal *temporal, struct daub_device *device, bool fp16,
                   int w, int h, float scene_threshold, struct daub_error *error);
void temporal_free(struct temporal *temporal); /* accepts a zeroed one */

/* Appends the input of a network of seven channels for a frame of that parity: w x h
 * vectors of picture in, twice as many of result out. temporal NULL: there is no history.
 */
bool temporal_append_input(const struct temporal *temporal, struct dispatch_list *list,
                           bool fp16, int parity, const struct dispatch_binding *picture,
                           const struct dispatch_binding *result, int w, int h,
                           const struct plan_range *range, struct daub_error *error);

/* The painting as view.glsl and painting.glsl read it. */
struct temporal_painting {
    struct dispatch_binding map, affine;
    const struct plan_view *view;
    int stride; /* pixels */
    int block;  /* side of its space-to-depth blocks, pixels; 1: none */
    bool crd;   /* channel order of the blocks */
    bool copy;  /* it becomes the output unchanged; for networks that read the history */
    struct plan_range range;
};

/* Most dispatches that the calls below add. */
#define TEMPORAL_MAX_DISPATCHES (FLOW_MAX_DISPATCHES + 5)
/* Appends flow, scene cut detection and confidence of frames of that parity.
 * frame_params: a struct frame_params. report: a struct temporal_report. */
bool temporal_append_flow(const struct temporal *temporal, struct dispatch_list *list,
                          int parity, const struct flow_picture *picture,
                          const struct gpu_buffer *frame_params,
                          const struct gpu_buffer *report, struct daub_error *error);
/* Appends scene cut detection alone, with the same decisions. */
bool temporal_append_cuts(const struct temporal *temporal, struct dispatch_list *list,
                          int parity, const struct flow_picture *picture,
                          const struct gpu_buffer *frame_params,
                          const struct gpu_buffer *report, struct daub_error *error);
/* Appends the blend of painting and history, whose result is temporal_output. */
bool temporal_append_blend(const struct temporal *temporal, struct dispatch_list *list,
                           int parity, const struct temporal_painting *painting,
                           struct daub_error *error);

/* The output of frames of that parity. */
struct dispatch_binding temporal_output(const struct temporal *temporal, int parity);

#endif
