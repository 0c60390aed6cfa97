/* Runs a plan on a device: its arena and weights, and per frame slot the small parameters
 * and the dispatches. Not thread-safe. */
#ifndef DAUB_ENGINE_EXEC_H
#define DAUB_ENGINE_EXEC_H

#include "engine/dispatch.h"
#include "net/plan.h"

struct exec {
    struct daub_device *device;
    const struct plan *plan; /* the caller's */
    enum gpu_kernels kernels;
    struct gpu_buffer arena, weights;
    struct gpu_buffer averages; /* of normalization statistics; unused: none */
};

/* The planner's limits for this device, kernel set and precision. */
struct plan_caps exec_caps(const struct daub_device *device, enum gpu_kernels kernels,
                           bool fp16);

/* The kernel set that the plan was made for. */
enum gpu_kernels exec_kernels(const struct plan *plan);

/* Uploads the weights. average: normalizations use statistics averaged over
 * frames. The plan must outlive the exec. */
bool exec_init(struct exec *exec, struct daub_device *device, const struct plan *plan,
               bool average, struct daub_error *error);
void exec_free(struct exec *exec); /* accepts a zeroed one */

/* A mapped buffer for plan->params, filled with the plan's constants. */
bool exec_create_params(struct exec *exec, struct gpu_buffer *params,
                        struct daub_error *error);

/* Appends the plan's steps to the list. input holds the picture tensor at offset 0.
 * frame_params, a struct frame_params, is read only where statistics are averaged. */
bool exec_append(struct exec *exec, struct dispatch_list *list,
                 const struct gpu_buffer *params, const struct gpu_buffer *input,
                 const struct gpu_buffer *frame_params, struct daub_error *error);

/* Bytes of a picture tensor h x w x c and conversion between [C][H][W] floats and it, for
 * tests and checks. */
void exec_pack_map(const float *chw, int h, int w, int c, bool fp16, void *map);
void exec_unpack_map(const void *map, int h, int w, int c, bool fp16, float *chw);

#endif
