/* The intermediate representation of a network: nodes, values and constants in arrays
 * addressed by index, every shape known (a graph is built for one picture size).
 *
 * Shapes are ONNX's: activations [1, C, H, W], row-major float32. Nodes stand in
 * execution order. The graph owns everything it points at. Not thread-safe. */
#ifndef DAUB_NET_GRAPH_H
#define DAUB_NET_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <daub/status.h>

#include "net/ops.h"
#include "shaders/contract.h"

#define NET_MAX_RANK 6
/* Limits on sizes, checked before any arithmetic with them, since files are untrusted. */
#define NET_MAX_DIM    (1 << 24)
#define NET_MAX_VALUES 100000
#define NET_MAX_CONSTANTS                                                                \
    ((int64_t)1 << 27)     /* numbers, with the copies that passes make */
#define NET_MAX_NODES 4096 /* some passes take time in proportion to its square */

/* Numbers start at 1. Which operators and functions there are is listed in net/ops.h. */
enum net_op { NET_OPS(NET_ENUMERATOR) };

/* Modes with the numbers of shaders/contract.h, which explains them. */
#define NET_PAD_ENUM(name, number) NET_PAD_##name = (number),
enum net_pad_mode { PADDINGS(NET_PAD_ENUM) };
#define NET_ACT_ENUM(name, number) NET_ACT_##name = (number),
enum net_act { ACTIVATIONS(NET_ACT_ENUM) };
#define NET_BINARY_ENUM(name, number) NET_BINARY_##name = (number),
enum net_binary { BINARIES(NET_BINARY_ENUM) };
#define NET_POOL_ENUM(name, number) NET_POOL_##name = (number),
enum net_pool { POOLS(NET_POOL_ENUM) };
#define NET_COORD_ENUM(name, number) NET_COORD_##name = (number),
enum net_coord { COORDINATES(NET_COORD_ENUM) };
#define NET_NEAREST_ENUM(name, number) NET_NEAREST_##name = (number),
enum net_nearest { NEARESTS(NET_NEAREST_ENUM) };

#define NET_RESIZE_ENUM(name, number) NET_RESIZE_##name = (number),
enum net_resize { RESIZES(NET_RESIZE_ENUM) };
/* Modes of ONNX DepthToSpace; SpaceToDepth is the inverse of the same order. */
enum net_block_order { NET_BLOCK_DCR = 1, NET_BLOCK_CRD };

struct net_shape {
    int rank;
    int64_t dim[NET_MAX_RANK];
};

struct net_value {
    char *name;
    struct net_shape shape;
    int producer;    /* node that computes it; -1 for constants */
    float *data;     /* constants: elements in row-major order; NULL where computed */
    bool from_style; /* depends on the style weights and constants only */
};

/* Window arithmetic of convolutions and pools; pairs are vertical, horizontal. */
struct net_window {
    int kernel[2], stride[2], dilation[2];
    int pad[4]; /* top, left, bottom, right */
};

struct net_node {
    enum net_op op;
    char *name;       /* name in the file, for messages */
    const char *type; /* ONNX operator it came from; static, or owned by graph->strings */
    int *input;       /* value indices; -1: optional and absent */
    int input_count;
    int output; /* value index */
    union {
        /* inputs: x, weight [O, I/group, kh, kw], bias [O] or -1. Evaluation order:
         * nearest upsampling of x by `upsample` (1 = none), padding, convolution, bias,
         * activation (slope of PRELU = fourth input). */
        struct {
            struct net_window window;
            enum net_pad_mode pad_mode;
            int group, upsample;
            enum net_act act;
            float alpha, beta;
        } conv;
        /* inputs: x, weight [I, O/group, kh, kw], bias or -1 */
        struct {
            struct net_window window;
            int output_padding[2];
            int group;
        } deconv;
        /* Instance, group and layer normalization.
         * inputs: x, scale [C] or -1, shift [C] or -1 (constants or from the style, any
         * shape with C elements). y = scale (x - mean) / sqrt(var + epsilon) + shift,
         * mean and variance over H, W and the C / groups channels of a group. */
        struct {
            int groups; /* C: instance normalization; 1: layer normalization */
            float epsilon;
        } norm;
        struct {
            enum net_act kind;
            float alpha, beta;
        } act;
        struct {
            enum net_binary kind;
        } binary;
        struct {
            int axis;
        } concat;
        struct {
            int64_t start[NET_MAX_RANK]; /* first element */
            int64_t step[NET_MAX_RANK];  /* may be negative */
        } slice;
        struct {
            enum net_pad_mode mode;
            float value;
            int64_t before[NET_MAX_RANK], after[NET_MAX_RANK]; /* negative crops */
        } pad;
        struct {
            enum net_resize mode;
            enum net_coord coord;
            enum net_nearest nearest;
            float cubic;    /* a of Keys' cubic kernel; -0.75 is usual */
            float scale[2]; /* output over input as the file gives it, vertical,
                               horizontal */
        } resize;
        struct {
            int size;
            enum net_block_order order;
        } block;
        struct {
            enum net_pool kind;
            struct net_window window;
        } pool;
        struct {
            unsigned axes; /* over which the mean or maximum is taken; bit i = axis i */
            bool keep;     /* these axes stay with one element, or are dropped */
        } reduce;
        struct {
            int perm[NET_MAX_RANK];
        } transpose;
        /* The input, seen as shape dim, transposed, in the output's own shape. */
        struct {
            int64_t dim[NET_MAX_RANK];
            int perm[NET_MAX_RANK];
        } permute;
        /* inputs: A [...,K], B [K,N], C or -1; result alpha A B + beta C. */
        struct {
            bool transpose_a, transpose_b;
            float alpha, beta;
        } matmul;
    } u;
};

struct net_graph {
    struct net_node *nodes;
    size_t node_count, node_capacity;
    struct net_value *values;
    size_t value_count, value_capacity;
    int64_t constant_count; /* elements of all constants ever added */
    int image;              /* value fed with the picture */
    int style;  /* value fed with the style weights, -1 where the network has none */
    int output; /* the painting */
    int height, width; /* picture size it was built for */
    bool nhwc; /* image and output are [1, H, W, 3]; the transposes at the ends stay nodes
                  until the pass that removes them clears this */
    char **strings; /* owned text that nodes' type points into */
    size_t string_count, string_capacity;
};

/* ---- building (graph.c); -1 or false where memory ran out, with *error set ---- */
void net_graph_init(struct net_graph *graph);
void net_graph_free(struct net_graph *graph); /* accepts a half-built or zeroed graph */
int net_graph_add_value(struct net_graph *graph, const char *name,
                        const struct net_shape *shape, struct daub_error *error);
/* A constant; data (may be NULL: zeros) is copied. */
int net_graph_add_constant(struct net_graph *graph, const char *name,
                           const struct net_shape *shape, const float *data,
                           struct daub_error *error);
/* Appends a node whose attributes are zero, for the caller to fill; its output value must
 * exist. Returns its index. Adding invalidates pointers to nodes and values. */
int net_graph_add_node(struct net_graph *graph, enum net_op op, const char *name,
                       const char *type, const int *input, int input_count, int output,
                       struct daub_error *error);
/* A convolution of single pixels, of stride 1 in one group, without an activation. */
struct net_node net_conv_1x1(void);

/* ---- shapes ---- */
/* Number of elements; -1 where it does not fit or a dimension is out of bounds. */
int64_t net_shape_count(const struct net_shape *shape);
/* The node that exchanges the channels of a map [1,C,H,W] with another axis (2 or 3); its
 * result has *shape afterwards. */
struct net_node net_swap_channels(struct net_shape *shape, int axis);
/* Writes "[1,3,H,W]" with the numbers. */
#define NET_SHAPE_TEXT 160
void net_shape_text(const struct net_shape *shape, char text[static NET_SHAPE_TEXT]);
bool net_shape_equal(const struct net_shape *a, const struct net_shape *b);
/* NumPy broadcasting; false where the shapes do not match. */
bool net_shape_broadcast(const struct net_shape *a, const struct net_shape *b,
                         struct net_shape *out);
/* Computes the shape of the node's output from its inputs' shapes and its attributes into
 * *shape (NET_RESHAPE keeps the output's own and checks the count). False with *error set
 * (names node, op and sizes) where they do not fit. */
bool net_infer_shape(const struct net_graph *graph, const struct net_node *node,
                     struct net_shape *shape, struct daub_error *error);

/* ---- whole graph ---- */
/* Checks that every index is in range, inputs are computed before use, each value has one
 * producer, shapes and from_style are right. Runs after import and after every pass;
 * false with *error set. */
bool net_graph_check(const struct net_graph *graph, struct daub_error *error);
/* How many nodes read a value (the graph's output counts as one reader). */
int net_value_readers(const struct net_graph *graph, int value);
/* The only node that reads the value, -1 where there are none or several (or the value is
 * the graph's output). */
int net_value_sole_reader(const struct net_graph *graph, int value);
/* Deletes nodes whose output is not read and renumbers the others; values are kept. */
void net_graph_sweep(struct net_graph *graph);
/* Stable text form for golden tests: one line a node with attributes and output shape. */
void net_graph_dump(const struct net_graph *graph, FILE *file);

const char *net_op_name(enum net_op op);
const char *net_act_name(enum net_act act);

#endif
