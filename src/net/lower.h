/* What the files that lower graph nodes to plan steps share. */
#ifndef DAUB_NET_LOWER_H
#define DAUB_NET_LOWER_H

#include "net/plan.h"

/* Largest side of a folded block, pixels: the frame kernels keep its pixels in registers.
 */
#define MAX_FOLDED_BLOCK 2

/* How a tensor was made. */
struct lower_made {
    int conv_step;  /* the convolution that can write its statistics; -1: none */
    float *rescale; /* factors by which its channels were scaled, owned; NULL: none */
};

struct lowering {
    struct plan *plan;
    const struct net_graph *graph;
    const struct plan_range *range;
    struct plan_view *views; /* by value; tensor -1: not made */
    struct lower_made *made; /* by tensor; those from made_count on have zeros */
    size_t made_count, made_capacity;
    int node; /* being lowered */
};

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
/* Grid of the pixel kernels: lanes along x, rows, channel blocks; returns the channel
 * blocks an invocation loops over. */
int plan_pixel_grid(const struct plan *plan, struct plan_step *step, int w, int rows,
                    int c4);

/* Lifetimes, placement, barriers; the last thing net_plan_build does. */
bool plan_finish(struct plan *plan, struct daub_error *error);

/* The lowering of every operator, found through NET_OPS of net/ops.h: appends the steps
 * of the node and sets the view of its output. */
#define LOWERING(name)                                                                   \
    bool name(struct lowering *low, const struct net_node *node, struct daub_error *error)
LOWERING(lower_input);
LOWERING(lower_conv);
LOWERING(lower_deconv);
LOWERING(lower_norm);
LOWERING(lower_act);
LOWERING(lower_binary);
LOWERING(lower_mean);
LOWERING(lower_window);
LOWERING(lower_block);
LOWERING(lower_concat);
LOWERING(lower_resize);
LOWERING(lower_pool);
#undef LOWERING

/* Statistics of a map in tiles: [tile][channel] vec4 of mean, sum of squared differences
 * from it, pixel count, 0. */
struct plan_tiles {
    int tensor, count;
};
/* Makes the convolution step write the statistics at its end. */
bool lower_conv_stats(struct lowering *low, int step, struct plan_tiles *tiles,
                      struct daub_error *error);

/* ---- values and views (lower.c) ---- */
struct lower_made lower_made_by(const struct lowering *low, int tensor);
/* To be changed; NULL without memory. Valid until the next call. */
struct lower_made *lower_set_made(struct lowering *low, int tensor,
                                  struct daub_error *error);
const struct net_value *lower_value(const struct lowering *low, int value);
bool lower_is_map(const struct net_shape *shape); /* [1][C][H][W] */
/* Sets *error, naming node and operator; always false. */
bool lower_unsupported(const struct net_node *node, const char *what,
                       struct daub_error *error);
struct plan_view lower_plain_view(int tensor);
bool lower_is_plain(const struct plan_view *view); /* nothing pending */
/* The view of input i; NULL with *error where it is no map. Valid until a view is
 * changed.
 */
const struct plan_view *lower_input_view(struct lowering *low,
                                         const struct net_node *node, int i,
                                         struct daub_error *error);
/* Adds a tensor for the node's output and sets the output's view to it; -1 with *error.
 */
int lower_output_map(struct lowering *low, const struct net_node *node,
                     struct daub_error *error);

/* Removes a DepthToSpace that is the last step: the reader of the painting reads the
 * blocks. Not where a view is pending both before and after it. */
void lower_fold_output(struct lowering *low);

#endif
