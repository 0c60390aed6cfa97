/* Inside the ONNX importer, for onnx*.c alone.
 *
 * A file becomes symbols (one a value name) and the nodes the output needs, in execution
 * order. A build walks the nodes for one picture size: each symbol ends as a folded
 * constant or as a value of the graph. */
#ifndef DAUB_NET_ONNX_INTERNAL_H
#define DAUB_NET_ONNX_INTERNAL_H

#include <onnx.pb-c.h>
#include <stdatomic.h>

#include "net/graph.h"
#include "net/onnx.h"

/* Limits of one build, in elements: of all folded constants together, of what folding
 * computes, of all constants of the graph together. Set by hand, far above what real
 * networks need. */
#define NET_ONNX_MAX_FOLDED    ((int64_t)1 << 25)
#define NET_ONNX_MAX_WORK      ((int64_t)1 << 25)
#define NET_ONNX_MAX_CONSTANTS ((int64_t)3 << 24)
/* Of all builds until a model is ready; a node counts as so many elements. */
#define NET_ONNX_MAX_LOADING ((int64_t)1 << 27)
#define NET_ONNX_NODE_WORK   32

/* A constant during folding. Integers and truth values are stored as doubles too, exact
 * up to 2^53. Of larger ones, such as INT64_MAX as the end of a slice, only the sign
 * matters. */
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
    int guard; /* index into onnx->guards, the condition under which it runs; -1: always
                */
    bool from_picture; /* depends on the picture to paint */
    bool from_style;   /* depends on the style's picture */
};

struct net_onnx_symbol {
    const char *name;
    const Onnx__TensorProto *initializer; /* or NULL */
    const Onnx__ValueInfoProto
        *input;   /* input of the network without initializer, or NULL */
    int producer; /* index into the file's nodes, -1 */
    bool used;    /* the output depends on it */
};

/* A branch of an If: its nodes run where the condition is true or false. */
struct net_onnx_guard {
    const Onnx__NodeProto *owner; /* the If */
    int condition;                /* symbol */
    bool when;
    int parent; /* the guard of the If itself, -1 */
};

/* A vector computed from the style's picture alone that other nodes read: a part of the
 * style input of the network that paints. */
struct net_onnx_cut {
    int symbol;
    struct net_shape shape;
};
#define NET_ONNX_MAX_CUTS 256

struct net_onnx {
    atomic_int owners;
    struct net_onnx_info info;
    struct net_onnx_property *properties;
    Onnx__ModelProto *model;
    char *name; /* of the file, for messages */
    /* The file's nodes, those of branches before their If. */
    struct net_onnx_listed {
        const Onnx__NodeProto *proto;
        int guard;
    } * listed;
    size_t listed_count, listed_capacity;
    const Onnx__GraphProto **graphs; /* the file's and those of branches */
    size_t graph_count, graph_capacity;
    struct net_onnx_guard *guards;
    size_t guard_count, guard_capacity;
    struct net_onnx_symbol *symbols;
    size_t symbol_count;
    struct net_onnx_node *nodes; /* those that the output needs, in execution order */
    size_t node_count;
    int *links;               /* memory of the nodes' input and output */
    int image, style, output; /* symbols; style -1 where there is none */
    int style_image;          /* the style's picture; -1 where there is none */
    struct net_onnx_cut *cuts;
    int cut_count;
    struct net_shape style_shape;
    bool bgr;             /* blue comes first */
    float scale, bias[3]; /* with info.bytes: the network takes scale x + bias */
    int test_side;        /* length of dynamic axes when the file was parsed, pixels */
    atomic_llong spent;   /* work of all builds */
};

/* What a symbol is in a build: a constant or a value of the graph. */
struct net_onnx_entry {
    const Onnx__TensorProto *proto; /* constant not decoded yet */
    struct net_tensor *tensor;      /* constant */
    int value;                      /* of the graph, -1 */
    struct net_shape shape;         /* of the value */
    double scale,
        zero; /* with which QuantizeLinear made the value; scale 0: it did not */
};

/* One build. The first failure is kept in error; after it all functions do nothing and
 * return NULL, -1 or a default. */
struct net_onnx_builder {
    const struct net_onnx *onnx;
    struct net_graph *graph;
    struct net_onnx_entry *entries; /* by symbol */
    /* The same file built for its original fixed size, NULL where that is this size. The
     * comparison shows which constants are sizes that an exporter wrote as numbers. */
    const struct net_onnx_builder *original;
    bool shapes_only; /* constants of the graph get no contents; it is not run */
    bool encoder;     /* the part that the style's picture alone determines */
    int64_t folded, work, constants; /* elements so far; limits above */
    struct daub_error error;
};

typedef void net_onnx_handler(struct net_onnx_builder *b,
                              const struct net_onnx_node *node);

/* One ONNX operator. fold computes it where every input is constant, translate adds nodes
 * to the graph; either may be NULL. */
struct net_onnx_op {
    const char *name;
    net_onnx_handler *fold, *translate;
    bool shape_only; /* fold needs the shapes of the inputs only */
    int kind;        /* element-wise operators: enum net_act or net_binary */
    double (*value)(double x, double y); /* element-wise functions, for fold */
    bool is_test;                        /* value gives a truth value */
};
const struct net_onnx_op *net_onnx_find_op(const char *name);

/* Runs one build for a picture of height x width (onnx_build.c). False with b->error set.
 * In either case net_onnx_finish frees what b holds, without the graph. */
bool net_onnx_run(struct net_onnx_builder *b, const struct net_onnx *onnx, int height,
                  int width);
void net_onnx_finish(struct net_onnx_builder *b);
/* Adds an input of the graph, to which the symbol is bound. */
bool net_onnx_add_input(struct net_onnx_builder *b, int symbol,
                        const struct net_shape *shape, int *value);

/* ---- file (onnx_file.c) ---- */
/* Unpacks with limited memory; NULL with *error set. */
Onnx__ModelProto *net_onnx_unpack(const void *data, size_t size,
                                  struct daub_error *error);
void net_onnx_free_model(Onnx__ModelProto *model);
/* Checks type, sizes and storage of a tensor; sets its shape and element count. */
bool net_onnx_tensor_shape(const Onnx__TensorProto *proto, struct net_shape *shape,
                           int64_t *count, struct daub_error *error);
void net_onnx_decode_float(const Onnx__TensorProto *proto, int64_t count, float *out);
void net_onnx_decode_double(const Onnx__TensorProto *proto, int64_t count, double *out);
/* Copy of a text from the file for a message: printable ASCII, shortened to
 * NET_ONNX_TEXT. */
#define NET_ONNX_TEXT 64
const char *net_onnx_printable(const char *text, char out[static NET_ONNX_TEXT]);

/* Reads the tensors that the file keeps in other files of its folder
 * (onnx_external.c). */
bool net_onnx_load_external(struct net_onnx *onnx, struct daub_error *error);

/* ---- names and order (onnx_symbols.c) ---- */
/* Fills symbols, nodes and output; refuses unknown operators. */
bool net_onnx_link(struct net_onnx *onnx, struct daub_error *error);
/* Finds out which inputs are image and style; fills the members of info that describe
 * them. */
bool net_onnx_find_inputs(struct net_onnx *onnx, struct daub_error *error);

/* Notes that the results of a node that only moves elements are quantized as its operand
 * (onnx_quantize.c). */
void net_onnx_keep_quantization(struct net_onnx_builder *b,
                                const struct net_onnx_node *node);

/* ---- style pictures (onnx_style.c) ---- */
/* Marks the nodes that depend on the style's picture alone and finds the cuts. */
bool net_onnx_find_cuts(struct net_onnx *onnx, struct daub_error *error);
/* Whether the build contains the node. */
bool net_onnx_in_part(const struct net_onnx_builder *b, const struct net_onnx_node *node);
/* Sets the cuts' shapes and the length of the style input, from a build of the encoder.
 */
bool net_onnx_measure_cuts(struct net_onnx *onnx, const struct net_onnx_builder *encoder,
                           struct daub_error *error);
/* Painter: adds the style input and binds the cuts to their parts of it. */
bool net_onnx_add_cuts(struct net_onnx_builder *b);
/* Encoder: the cuts one after another, [1,Z,1,1]; -1 after an error. */
int net_onnx_join_cuts(struct net_onnx_builder *b);

/* ---- attributes (onnx_node.c); fallback is the value where the attribute is absent
 * ---- */
const Onnx__AttributeProto *net_onnx_attribute(struct net_onnx_builder *b,
                                               const struct net_onnx_node *node,
                                               const char *name,
                                               Onnx__AttributeProto__AttributeType type);
int64_t net_onnx_int(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     const char *name, int64_t fallback);
float net_onnx_float(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     const char *name, float fallback);
/* Whether the value of the attribute is text. */
bool net_onnx_text_is(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      const char *name, const char *text, const char *fallback);
/* Integers of an attribute, clamped to +-2^30; false where it is absent. */
#define NET_ONNX_MAX_INTS (2 * NET_MAX_RANK)
struct net_onnx_ints {
    int count;
    int64_t at[NET_ONNX_MAX_INTS];
};
bool net_onnx_ints(struct net_onnx_builder *b, const struct net_onnx_node *node,
                   const char *name, struct net_onnx_ints *ints);
/* The same from a constant input; false where it is absent, an error where it is not
 * constant. */
bool net_onnx_input_ints(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         int i, struct net_onnx_ints *ints);
/* From the attribute before opset since, from input i from that opset on. */
bool net_onnx_attribute_or_input_ints(struct net_onnx_builder *b,
                                      const struct net_onnx_node *node, const char *name,
                                      int since, int i, struct net_onnx_ints *ints);

/* ---- inputs and results (onnx_node.c) ---- */
__attribute__((format(printf, 3, 4))) void
net_onnx_refuse(struct net_onnx_builder *b, const struct net_onnx_node *node,
                const char *format, ...);
void net_onnx_no_memory(struct net_onnx_builder *b);
bool net_onnx_failed(const struct net_onnx_builder *b);
int net_onnx_opset(const struct net_onnx_builder *b);
bool net_onnx_has_input(const struct net_onnx_node *node, int i);
/* Whether input i is present and constant. */
bool net_onnx_is_constant(const struct net_onnx_builder *b,
                          const struct net_onnx_node *node, int i);
/* Input i as a constant, decoded; NULL where it is absent or computed. */
const struct net_tensor *net_onnx_constant(struct net_onnx_builder *b,
                                           const struct net_onnx_node *node, int i);
/* The same, with an error where there is none; what names the input in the message. */
const struct net_tensor *net_onnx_need_constant(struct net_onnx_builder *b,
                                                const struct net_onnx_node *node, int i,
                                                const char *what);
/* Input i if it is a single constant number; false with an error otherwise. */
bool net_onnx_number(struct net_onnx_builder *b, const struct net_onnx_node *node, int i,
                     float *number);
/* Input i as a value of the graph (constants become values), -1 where absent. */
int net_onnx_operand(struct net_onnx_builder *b, const struct net_onnx_node *node, int i);
/* Shape of input i; rank 0 after an error. */
struct net_shape net_onnx_shape(struct net_onnx_builder *b,
                                const struct net_onnx_node *node, int i);
/* Shape of input i at the file's original size; NULL where it is the same. */
const struct net_shape *net_onnx_original_shape(const struct net_onnx_builder *b,
                                                const struct net_onnx_node *node, int i);
/* Maps an axis in -rank..rank-1 to 0..rank-1; an error outside. */
int net_onnx_axis(struct net_onnx_builder *b, const struct net_onnx_node *node,
                  int64_t axis, int rank);

/* Adds a constant with the elements of the tensor to the graph; returns the value. */
int net_onnx_add_constant(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          const struct net_tensor *tensor);
int net_onnx_add_floats(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        const struct net_shape *shape, const float *data);
/* Adds a node with op and attributes of *draft and returns its output value. output_shape
 * is for operators whose attributes do not give the output's size, else NULL. */
int net_onnx_emit(struct net_onnx_builder *b, const struct net_onnx_node *node,
                  const struct net_node *draft, const int *input, int input_count,
                  const struct net_shape *output_shape);
/* A convolution of single pixels, weights [outputs][inputs], bias NULL for none. */
int net_onnx_emit_conv_1x1(struct net_onnx_builder *b, const struct net_onnx_node *node,
                           int x, int inputs, int outputs, const float *weights,
                           const float *bias);
/* Sets output i of the node to a value of the graph, or to a constant, which the builder
 * then owns. */
void net_onnx_bind(struct net_onnx_builder *b, const struct net_onnx_node *node, int i,
                   int value);
void net_onnx_bind_tensor(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          int i, struct net_tensor *tensor);
void net_onnx_bind_proto(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         const Onnx__TensorProto *proto);

/* ---- constants (onnx_tensor.c) ---- */
/* Adds to the count of computed elements; false with an error beyond the limit. */
bool net_tensor_count_work(struct net_onnx_builder *b, const struct net_onnx_node *node,
                           int64_t elements);
/* Zeroed tensor; NULL with an error where it is too large. */
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
/* Reduces to length 1 those axes in the mask along which the elements do not vary. */
struct net_tensor *net_tensor_collapse(struct net_onnx_builder *b,
                                       const struct net_onnx_node *node,
                                       const struct net_tensor *source, unsigned axes);
/* Row-major strides of a shape broadcast to rank `rank`: 0 for dimensions of 1. */
void net_tensor_strides(const struct net_shape *shape, int rank,
                        int64_t stride[static NET_MAX_RANK]);
/* Rounds to what the type can hold. */
double net_tensor_round(Onnx__TensorProto__DataType type, double x);
/* Element i clamped to +-2^53. */
int64_t net_tensor_int(const struct net_tensor *tensor, int64_t i);

/* ---- sizes written as constants (onnx_remap.c) ---- */
/* Whether constant input i has the same elements at the file's original size and at this
 * one. Applied to something that has another size here, it may be a size that the
 * exporter wrote as a number. */
bool net_onnx_is_size_independent(const struct net_onnx_builder *b,
                                  const struct net_onnx_node *node, int i);
/* A value of shape original_in was reshaped to original_out: sets *out to what one of
 * shape current is reshaped to. open_axis is the axis that the file gives as -1, else -1.
 * False where there is no such shape. */
bool net_onnx_resize_shape(const struct net_onnx_builder *b,
                           const struct net_shape *original_in,
                           const struct net_shape *original_out, int open_axis,
                           const struct net_shape *current, struct net_shape *out);

/* ---- parameters that folding and translation share (onnx_layout.c) ---- */
struct net_onnx_slice {
    struct net_shape shape; /* of the result; dimensions may be 0 */
    int64_t start[NET_MAX_RANK], step[NET_MAX_RANK];
};
bool net_onnx_read_slice(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         struct net_onnx_slice *slice);
/* Part i of a Split; false behind the last or after an error. */
bool net_onnx_read_split(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         int i, struct net_onnx_slice *slice);
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
/* The kind of a Gelu. */
enum net_act net_onnx_gelu_kind(struct net_onnx_builder *b,
                                const struct net_onnx_node *node);
/* The attributes alpha and beta of an activation, 0 where it has none. */
void net_onnx_act_parameters(struct net_onnx_builder *b, const struct net_onnx_node *node,
                             float *alpha, float *beta);
/* Bit mask of the reduced axes, at least one, and whether they stay as dimensions of
 * 1. */
bool net_onnx_reduced(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      unsigned *axes, bool *keep);

/* ---- operators ---- */
/* Folding and translation of the element-wise lists of ops.h. */
net_onnx_handler net_onnx_fold_activation, net_onnx_activation;
#define NET_ONNX_DECLARE_LOGIC(name, value, translate) net_onnx_handler translate;
NET_LOGIC(NET_ONNX_DECLARE_LOGIC)
net_onnx_handler net_onnx_fold_arithmetic, net_onnx_arithmetic;
#define NET_ONNX_DECLARE(name, handler)              net_onnx_handler handler;
#define NET_ONNX_DECLARE_BOTH(name, fold, translate) net_onnx_handler fold, translate;
NET_ONNX_OPS(NET_ONNX_DECLARE, NET_ONNX_DECLARE, NET_ONNX_DECLARE, NET_ONNX_DECLARE_BOTH)

#endif
