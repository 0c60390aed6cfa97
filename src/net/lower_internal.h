/* What the files that lower graph nodes to plan steps share. */
#ifndef DAUB_NET_LOWER_INTERNAL_H
#define DAUB_NET_LOWER_INTERNAL_H

#include "net/lower.h"
#include "net/plan_build.h"

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
    int *last_reader;        /* by value: the last node that reads it; -1: none */
    struct lower_made *made; /* by tensor; those from made_count on have zeros */
    size_t made_count, made_capacity;
    int node; /* being lowered */
};

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
LOWERING(lower_permute);
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
/* Replaces a pending view by a tensor that holds its values. */
bool lower_materialise(struct lowering *low, int value, struct daub_error *error);
/* Adds a tensor for the node's output and sets the output's view to it; -1 with *error.
 */
int lower_output_map(struct lowering *low, const struct net_node *node,
                     struct daub_error *error);

/* Removes a DepthToSpace that is the last step: the reader of the painting reads the
 * blocks. Not where a view is pending both before and after it. */
void lower_fold_output(struct lowering *low);

#endif
