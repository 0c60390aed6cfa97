/* Adding tensors, steps, weights and parameters to a plan, for the lowering. */
#ifndef DAUB_NET_PLAN_BUILD_H
#define DAUB_NET_PLAN_BUILD_H

#include "net/plan.h"

/* n rounded up to a multiple of to. */
size_t plan_round_up(size_t n, size_t to);

int plan_add_map(struct plan *plan, const char *name, int h, int w, int c,
                 struct daub_error *error);
int plan_add_floats(struct plan *plan, const char *name, size_t vec4s,
                    struct daub_error *error);
struct plan_step *plan_add_step(struct plan *plan, enum kernel kernel, const char *name,
                                struct daub_error *error);
/* The step writes the tensor where the slot is an output, else it reads it. */
void plan_bind_tensor(const struct plan *plan, struct plan_step *step,
                      enum kernel_slot slot, int tensor);
void plan_bind_params(struct plan_step *step, enum kernel_slot slot, int64_t offset,
                      size_t bytes);
/* Appends count zero floats (whole vec4s) to params; returns their byte offset, -1
 * without memory. */
int64_t plan_add_params(struct plan *plan, size_t count, struct daub_error *error);
/* Appends bytes of weights on an aligned offset; returns the offset, -1 without memory.
 * floats are stored as halves where as_half. */
int64_t plan_add_weights(struct plan *plan, const float *data, size_t count, bool as_half,
                         struct daub_error *error);
/* Binds the view as input 0 or 1, with its constants. */
void plan_bind_view0(const struct plan *plan, struct plan_step *step,
                     const struct plan_view *view);
void plan_bind_view1(const struct plan *plan, struct plan_step *step,
                     const struct plan_view *view);
void plan_set_act(struct plan_step *step, enum net_act act, float alpha, float beta);
/* Sets the work-groups of a kernel that makes one pixel and channel block in each
 * invocation: w columns, rows, c4 channel blocks. */
void plan_pixel_grid(struct plan_step *step, int w, int rows, int c4);

/* Lifetimes, placement, barriers; the last thing net_lower does. */
bool plan_finish(struct plan *plan, struct daub_error *error);

#endif
