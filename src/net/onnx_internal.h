/* Inside the ONNX importer, for onnx*.c alone.
 *
 * A file becomes symbols (one a value name) and the nodes the output needs, in execution
 * order. A build walks the nodes for one picture size: each symbol ends as a folded
 * constant or as a value of the graph. */
#ifndef DAUB_NET_ONNX_INTERNAL_H
#define DAUB_NET_ONNX_INTERNAL_H

#include <onnx.pb-c.h>

#include "net/graph.h"
#include "net/onnx.h"

/* Bounds of one build, in elements: what folded constants hold together, what folding may
 * compute, what the constants of the graph hold together. Real nets stay far below. */
#define NET_ONNX_MAX_FOLDED    ((int64_t)1 << 25)
#define NET_ONNX_MAX_WORK      ((int64_t)1 << 27)
#define NET_ONNX_MAX_CONSTANTS ((int64_t)1 << 28)

/* A constant while folding. Integers and truth values live in doubles too (exact to
 * 2^53; what lies above, such as the "to the end" of slices, only needs its sign). */
struct net_tensor {
    Onnx__TensorProto__DataType type;
    struct net_shape shape; /* dimensions may be 0 here */
    int64_t count;
    double *data;
};

struct net_onnx_op;

struct net_onnx_node {
    const Onnx__NodeProto *proto;
    const struct net_onnx_op *op;
    int *input, *output; /* symbols, -1 where left out */
    int input_count, output_count;
};

struct net_onnx_symbol {
    const char *name;
    const Onnx__TensorProto *initializer; /* or NULL */
    const Onnx__ValueInfoProto *input;    /* of the net, not initialized, or NULL */
    int producer;                         /* index into the file's nodes, -1 */
    bool used;                            /* on the way to the output */
};

struct net_onnx {
    struct net_onnx_info info;
    struct net_onnx_property *properties;
    Onnx__ModelProto *model;
    char *name; /* of the file, for messages */
    struct net_onnx_symbol *symbols;
    size_t symbol_count;
    struct net_onnx_node *nodes; /* those needed, in execution order */
    size_t node_count;
    int *links;               /* what the nodes' input and output point into */
    int image, style, output; /* symbols; style -1 where there is none */
    struct net_shape style_shape;
    int trial; /* side that dynamic axes had when the file was tried out, pixels */
};

/* What a symbol has become during a build. */
struct net_onnx_entry {
    const Onnx__TensorProto *proto; /* constant not decoded yet */
    struct net_tensor *tensor;      /* constant */
    int value;                      /* of the graph, -1 */
    struct net_shape shape;         /* of the value */
};

/* One build. Failures stick: the first is kept in fault, everything after it does nothing
 * and returns NULL, -1 or a default. */
struct net_onnx_builder {
    const struct net_onnx *onnx;
    struct net_graph *graph;
    struct net_onnx_entry *entries; /* by symbol */
    /* The same file built for its own fixed size, where this build is for another one:
     * tells which constants are sizes in disguise. */
    const struct net_onnx_builder *own;
    bool shapes_only; /* the graph's constants get no contents: nobody will run it */
    int64_t folded, work, constants; /* see the bounds above */
    struct daub_error fault;
};

typedef void net_onnx_handler(struct net_onnx_builder *b,
                              const struct net_onnx_node *node);

/* One operator of the format. fold may be NULL; it runs where every input is constant.
 * translate may be NULL: then only constants can be worked on. */
struct net_onnx_op {
    const char *name;
    net_onnx_handler *fold, *translate;
    bool shape_only; /* fold looks at the inputs' shapes only, so they may be computed */
    int kind; /* enum net_act, net_unary or net_binary that an element-wise one becomes */
    double (*value)(double x, double y); /* of an element-wise one, for fold */
    bool is_test;                        /* value is a truth value */
};
const struct net_onnx_op *net_onnx_find_op(const char *name);

/* One build (onnx_build.c). Fills b and its graph for a picture of height x width; false
 * with b->fault set. Either way net_onnx_finish frees what b holds but for the graph. */
bool net_onnx_run(struct net_onnx_builder *b, const struct net_onnx *onnx, int height,
                  int width);
void net_onnx_finish(struct net_onnx_builder *b);

/* ---- file (onnx_file.c) ---- */
/* Unpacks within a memory bound; NULL with *error set. */
Onnx__ModelProto *net_onnx_unpack(const void *data, size_t size,
                                  struct daub_error *error);
void net_onnx_free_model(Onnx__ModelProto *model);
/* Shape and element count of a tensor whose type, sizes and storage have been checked. */
bool net_onnx_tensor_shape(const Onnx__TensorProto *proto, struct net_shape *shape,
                           int64_t *count, struct daub_error *error);
void net_onnx_decode_float(const Onnx__TensorProto *proto, int64_t count, float *out);
void net_onnx_decode_double(const Onnx__TensorProto *proto, int64_t count, double *out);
/* Text fit for one line of a message: printable ASCII, cut to fit. */
#define NET_ONNX_TEXT 64
const char *net_onnx_clean(const char *text, char out[static NET_ONNX_TEXT]);

/* ---- names and order (onnx_symbols.c) ---- */
/* Fills symbols, nodes and output; refuses operators daub does not know. */
bool net_onnx_link(struct net_onnx *onnx, struct daub_error *error);
/* Tells image and style apart among the inputs in use; fills info's part of it. */
bool net_onnx_find_inputs(struct net_onnx *onnx, struct daub_error *error);

/* ---- attributes (onnx_node.c); the defaults stand where the attribute is absent ----
 */
const Onnx__AttributeProto *net_onnx_attribute(struct net_onnx_builder *b,
                                               const struct net_onnx_node *node,
                                               const char *name,
                                               Onnx__AttributeProto__AttributeType type);
int64_t net_onnx_int(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     const char *name, int64_t standard);
float net_onnx_float(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     const char *name, float standard);
/* Whether the attribute says text; absent ones say standard. */
bool net_onnx_says(struct net_onnx_builder *b, const struct net_onnx_node *node,
                   const char *name, const char *text, const char *standard);
/* Integers of an attribute, clamped to +-2^30; false where it is absent. */
#define NET_ONNX_MAX_INTS (2 * NET_MAX_RANK)
struct net_onnx_ints {
    int count;
    int64_t at[NET_ONNX_MAX_INTS];
};
bool net_onnx_ints(struct net_onnx_builder *b, const struct net_onnx_node *node,
                   const char *name, struct net_onnx_ints *ints);
/* The same from a constant input; false where the input is absent, a fault where it is
 * not constant. */
bool net_onnx_input_ints(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         int i, struct net_onnx_ints *ints);
/* From the attribute where the opset is below since, from input i at and above it. */
bool net_onnx_moved_ints(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         const char *name, int since, int i, struct net_onnx_ints *ints);

/* ---- inputs and results (onnx_node.c) ---- */
__attribute__((format(printf, 3, 4))) void
net_onnx_refuse(struct net_onnx_builder *b, const struct net_onnx_node *node,
                const char *format, ...);
void net_onnx_no_memory(struct net_onnx_builder *b);
bool net_onnx_failed(const struct net_onnx_builder *b);
int net_onnx_opset(const struct net_onnx_builder *b);
bool net_onnx_present(const struct net_onnx_node *node, int i);
/* Whether input i is there and constant, without decoding it. */
bool net_onnx_is_constant(const struct net_onnx_builder *b,
                          const struct net_onnx_node *node, int i);
/* Input i as a constant, decoded; NULL where it is absent or computed. */
const struct net_tensor *net_onnx_constant(struct net_onnx_builder *b,
                                           const struct net_onnx_node *node, int i);
/* The same, with a fault where there is none; what is its name in the message. */
const struct net_tensor *net_onnx_need_constant(struct net_onnx_builder *b,
                                                const struct net_onnx_node *node, int i,
                                                const char *what);
/* Input i if it is a single constant number; false with a fault otherwise. */
bool net_onnx_number(struct net_onnx_builder *b, const struct net_onnx_node *node, int i,
                     float *number);
/* Input i as a value of the graph (constants become values), -1 where absent. */
int net_onnx_operand(struct net_onnx_builder *b, const struct net_onnx_node *node, int i);
/* Shape of input i; rank 0 after a fault. */
struct net_shape net_onnx_shape(struct net_onnx_builder *b,
                                const struct net_onnx_node *node, int i);
/* The shape input i had at the file's own size, NULL where this is that size or the shape
 * is the same. */
const struct net_shape *net_onnx_own_shape(const struct net_onnx_builder *b,
                                           const struct net_onnx_node *node, int i);
/* -rank..rank-1 to 0..rank-1, a fault outside. */
int net_onnx_axis(struct net_onnx_builder *b, const struct net_onnx_node *node,
                  int64_t axis, int rank);

/* A value of the graph holding the tensor's elements. */
int net_onnx_add_constant(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          const struct net_tensor *tensor);
int net_onnx_add_floats(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        const struct net_shape *shape, const float *data);
/* Adds a node like *draft (op and union) and returns its output value; own_shape is for
 * the operations whose output size is not in the union, NULL for the others. */
int net_onnx_emit(struct net_onnx_builder *b, const struct net_onnx_node *node,
                  const struct net_node *draft, const int *input, int input_count,
                  const struct net_shape *own_shape);
/* Output i of the node is this value; this constant (taken over, also on a fault). */
void net_onnx_bind(struct net_onnx_builder *b, const struct net_onnx_node *node, int i,
                   int value);
void net_onnx_bind_tensor(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          int i, struct net_tensor *tensor);
void net_onnx_bind_proto(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         const Onnx__TensorProto *proto);

/* ---- constants (onnx_tensor.c) ---- */
/* Counts work towards its bound; false with a fault beyond it. */
bool net_tensor_spend(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      int64_t elements);
/* Zeroed tensor; NULL with a fault where it is too large. */
struct net_tensor *net_tensor_new(struct net_onnx_builder *b,
                                  const struct net_onnx_node *node,
                                  Onnx__TensorProto__DataType type,
                                  const struct net_shape *shape);
void net_tensor_free(struct net_onnx_builder *b, struct net_tensor *tensor);
/* out[i0,i1,...] = source[offset + sum of ik * stride[k]]: slices, transposes,
 * broadcasts. */
struct net_tensor *net_tensor_view(struct net_onnx_builder *b,
                                   const struct net_onnx_node *node,
                                   const struct net_tensor *source,
                                   const struct net_shape *shape, int64_t offset,
                                   const int64_t stride[static NET_MAX_RANK]);
/* Drops to 1 the axes in the mask along which the elements do not vary. */
struct net_tensor *net_tensor_collapse(struct net_onnx_builder *b,
                                       const struct net_onnx_node *node,
                                       const struct net_tensor *source, unsigned axes);
/* Row-major strides of a shape; those of a broadcast to rank `rank` where dimensions of 1
 * stand still. */
void net_tensor_strides(const struct net_shape *shape, int rank,
                        int64_t stride[static NET_MAX_RANK]);
/* Rounds to what the type can hold. */
double net_tensor_round(Onnx__TensorProto__DataType type, double x);
/* Element i clamped to +-2^53. */
int64_t net_tensor_int(const struct net_tensor *tensor, int64_t i);

/* ---- sizes in disguise (onnx_remap.c) ---- */
/* Whether constant input i is the same at the file's own size and here, though what it
 * is applied to is not: then it may be a size that the exporter wrote out. */
bool net_onnx_is_literal(const struct net_onnx_builder *b,
                         const struct net_onnx_node *node, int i);
/* own_in was reshaped to own_out; what here becomes. guess is the axis of own_out that
 * the file leaves open, -1 if none. False where that cannot be told. */
bool net_onnx_remap(const struct net_onnx_builder *b, const struct net_shape *own_in,
                    const struct net_shape *own_out, int guess,
                    const struct net_shape *here, struct net_shape *out);

/* ---- parameters that folding and translation share (onnx_layout.c) ---- */
struct net_onnx_cut {
    struct net_shape shape; /* of what is cut out; dimensions may be 0 */
    int64_t start[NET_MAX_RANK], step[NET_MAX_RANK];
};
bool net_onnx_slice(struct net_onnx_builder *b, const struct net_onnx_node *node,
                    struct net_onnx_cut *cut);
/* Piece i of a Split; false past the last or after a fault. */
bool net_onnx_split(struct net_onnx_builder *b, const struct net_onnx_node *node, int i,
                    struct net_onnx_cut *cut);
/* The target of Reshape, Flatten, Squeeze and Unsqueeze. */
bool net_onnx_new_shape(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        struct net_shape *shape);
bool net_onnx_perm(struct net_onnx_builder *b, const struct net_onnx_node *node,
                   int perm[static NET_MAX_RANK]);
/* The result of Expand. */
bool net_onnx_expanded(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       struct net_shape *shape);

/* ---- shared by norms, reductions and arithmetic ---- */
/* x (kind) y with broadcasting. */
int net_onnx_emit_binary(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         enum net_binary kind, int x, int y);
int net_onnx_emit_act(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      enum net_act kind, float alpha, float beta, int x);
/* The attributes alpha and beta of an activation, 0 where it has none. */
void net_onnx_act_parameters(struct net_onnx_builder *b, const struct net_onnx_node *node,
                             float *alpha, float *beta);
/* Bit mask of the axes, at least one, and whether they stay as 1. */
bool net_onnx_reduced(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      unsigned *axes, bool *keep);

/* ---- operators ---- */
/* Folding and translation of the element-wise lists of ops.h. */
net_onnx_handler net_onnx_fold_activation, net_onnx_activation;
net_onnx_handler net_onnx_fold_function, net_onnx_function;
net_onnx_handler net_onnx_fold_arithmetic, net_onnx_arithmetic;
#define NET_ONNX_DECLARE(name, handler)              net_onnx_handler handler;
#define NET_ONNX_DECLARE_BOTH(name, fold, translate) net_onnx_handler fold, translate;
NET_ONNX_OPS(NET_ONNX_DECLARE, NET_ONNX_DECLARE, NET_ONNX_DECLARE, NET_ONNX_DECLARE_BOTH)

#endif
