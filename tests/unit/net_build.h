/* Small graphs for tests: every call asserts that it worked. */
#ifndef DAUB_TESTS_NET_BUILD_H
#define DAUB_TESTS_NET_BUILD_H

#include "net/graph.h"

struct net_shape build_shape(int rank, ...); /* int64_t dimensions as plain ints */
#define SHAPE(...)                                                                       \
    build_shape((int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), __VA_ARGS__)

/* The picture [1,C,H,W]; also sets the graph's size. */
int build_image(struct net_graph *graph, int channels, int height, int width);
/* The style weights [1,count]. */
int build_style(struct net_graph *graph, int count);
int build_input(struct net_graph *graph, struct net_shape shape, int *which);
int build_constant(struct net_graph *graph, struct net_shape shape, const float *data);
/* Numbers in low..high, the same for the same seed. */
int build_random(struct net_graph *graph, struct net_shape shape, float low, float high,
                 unsigned seed);
int build_fill(struct net_graph *graph, struct net_shape shape, float value);
void random_fill(float *data, int64_t count, float low, float high, unsigned seed);

/* Adds a node with the inputs after op, up to END. The caller sets its attributes and
 * calls build_done, which infers the output's shape and returns the value. */
#define END (-2)
struct net_node *build_node(struct net_graph *graph, enum net_op op, ...);
int build_done(struct net_graph *graph);
/* For operators whose attributes do not give the output's shape. */
int build_done_as(struct net_graph *graph, struct net_shape shape);

/* Nodes with attributes. */
int build_conv(struct net_graph *graph, int x, int outputs, int kernel, int pad,
               unsigned seed);
int build_binary(struct net_graph *graph, enum net_binary kind, int a, int b);
int build_act(struct net_graph *graph, enum net_act kind, float alpha, float beta, int x);
int build_reshape(struct net_graph *graph, int x, struct net_shape shape);
int build_transpose(struct net_graph *graph, int x, int rank, const int *perm);
int build_mean(struct net_graph *graph, int x, unsigned axes, bool keep);
int build_norm(struct net_graph *graph, int x, int scale, int shift, int groups,
               float epsilon);
int build_pad(struct net_graph *graph, int x, enum net_pad_mode mode, int top, int left,
              int bottom, int right);
int build_resize(struct net_graph *graph, int x, enum net_resize mode,
                 enum net_coord coord, enum net_nearest nearest, float scale);

/* The output's elements as [1,C,H,W], owned by the caller; inputs are random numbers of
 * the seed; the picture is filled in the order of [1,C,H,W] in both layouts. */
float *run_graph(const struct net_graph *graph, unsigned seed);
/* Largest difference over the largest magnitude. */
double relative_error(const float *a, const float *b, int64_t count);
/* A graph's dump, to be freed by the caller. */
char *dump_graph(const struct net_graph *graph);
int64_t output_count(const struct net_graph *graph);

#endif
