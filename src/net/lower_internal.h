/* From graph nodes to plan steps: what the lowering files share. */
#ifndef DAUB_NET_LOWER_INTERNAL_H
#define DAUB_NET_LOWER_INTERNAL_H

#include "net/lower.h"
#include "net/plan_build.h"

/* A folded block's pixels are kept in registers by the kernels that move frames. */
#define MAX_FOLDED_BLOCK 2

/* What made a tensor. */
struct lower_made {
    int conv_step;  /* the convolution that can write its statistics; -1: none */
    float *rescale; /* factors by which its channels were scaled, owned; NULL: none */
};

struct lowering {
    struct plan *plan;
    const struct net_graph *graph;
    const struct plan_range *range;
    struct plan_view *views; /* by value; tensor -1: not made */
    struct lower_made *made; /* by tensor; later ones have none of it */
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
#undef LOWERING

/* Statistics of a map in tiles: [tile][channel] vec4 of mean, sum of squared differences
 * from it, pixel count, 0. */
struct plan_tiles {
    int tensor, count;
};
/* Makes the convolution step write them from its epilogue. */
bool lower_conv_stats(struct lowering *low, int step, struct plan_tiles *tiles,
                      struct daub_error *error);

/* ---- values and views (lower.c) ---- */
struct lower_made lower_made_by(const struct lowering *low, int tensor);
/* For changes; NULL without memory. Dies at the next call. */
struct lower_made *lower_set_made(struct lowering *low, int tensor,
                                  struct daub_error *error);
const struct net_value *lower_value(const struct lowering *low, int value);
bool lower_is_map(const struct net_shape *shape); /* [1][C][H][W] */
/* Names node and operator; false. */
bool lower_unsupported(const struct net_node *node, const char *what,
                       struct daub_error *error);
struct plan_view lower_plain_view(int tensor);
bool lower_is_plain(const struct plan_view *view); /* nothing pending */
/* The view of input i; NULL with *error where it is no map. Dies at the next change of a
 * view. */
const struct plan_view *lower_input_view(struct lowering *low,
                                         const struct net_node *node, int i,
                                         struct daub_error *error);
/* A fresh tensor for the node's output, made its view; -1 with *error. */
int lower_output_map(struct lowering *low, const struct net_node *node,
                     struct daub_error *error);

/* Leaves out a DepthToSpace that is the last step: the reader of the painting finds the
 * pixels itself. What is pending before and after must not both be. */
void lower_fold_output(struct lowering *low);

#endif
