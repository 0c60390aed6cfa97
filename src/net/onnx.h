/* Reads ONNX files. The only module that knows ONNX: everything after it sees struct
 * net_graph. Files are untrusted: every count, dimension and size is checked. */
#ifndef DAUB_NET_ONNX_H
#define DAUB_NET_ONNX_H

#include <stddef.h>

#include "net/graph.h"

struct net_onnx; /* a parsed file, immutable */

/* The newest opset whose operators the importer was compared with. Later ones are read as
 * if none of its operators had changed. */
#define NET_ONNX_KNOWN_OPSET 28

/* One metadata_props entry of the file. */
struct net_onnx_property {
    const char *key, *value;
};

struct net_onnx_info {
    int opset;          /* of the default domain, 7 or later */
    int style_count;    /* elements of the style input; 0 where there is none */
    bool style_picture; /* the file takes the style as a second picture; the style input
                           is what net_onnx_build_encoder makes of it */
    int image_channels; /* 3, or 7 for networks that take the warped previous painting */
    bool encoder;       /* metadata daub.encoder: the output is a vector, not a picture */
    bool bytes;         /* the metadata tell how to make the picture from values 0..255 */
    bool nhwc;          /* image input is [1, H, W, 3] */
    int file_channels;  /* of the picture that the file takes: 1, 3, 4 or 7 */
    int64_t fixed_height,
        fixed_width; /* of the image input; 0 where the axis is dynamic */
    int64_t style_height, style_width; /* the same of the style's picture */
    int64_t parameters;                /* elements of all float initializers */
    uint64_t external_hash;            /* of weights in other files; 0: there are none */
    const struct net_onnx_property *properties;
    size_t property_count;
};

/* Parses size bytes, which are not kept. name is for messages, and its folder is where
 * weights outside the file must lie. NULL with *error set (DAUB_ERROR_MODEL or
 * DAUB_ERROR_MEMORY) where the file is damaged or holds neither an image-to-image network
 * nor an encoder. Operators that daub cannot run are reported here already, with node,
 * operator and opset. */
struct net_onnx *net_onnx_parse(const void *data, size_t size, const char *name,
                                struct daub_error *error);
/* The same for a file that must be an encoder, also where its metadata do not say so. */
struct net_onnx *net_onnx_parse_encoder(const void *data, size_t size, const char *name,
                                        struct daub_error *error);
/* Another owner, who frees it too. Thread-safe, as net_onnx_free. */
struct net_onnx *net_onnx_share(const struct net_onnx *onnx);
void net_onnx_free(struct net_onnx *onnx);
const struct net_onnx_info *net_onnx_get_info(const struct net_onnx *onnx);
/* Calls visit for every operator that computes something of the picture, with the number
 * of its nodes, in the order of names. */
void net_onnx_each_operator(const struct net_onnx *onnx,
                            void (*visit)(const char *name, int count, void *user),
                            void *user);

/* Builds the graph for a picture of height x width. Shape arithmetic and constant
 * expressions are folded, Identity and Dropout removed. Files made for one size are
 * adapted: a Resize to constant sizes keeps its scale, a Reshape to a constant shape
 * keeps its proportions. *graph is initialised here and freed by the caller in either
 * case. False with *error set. */
bool net_onnx_build(const struct net_onnx *onnx, int height, int width,
                    struct net_graph *graph, struct daub_error *error);

/* Builds the part of an encoder's file, or of one with style_picture, that makes a vector
 * of the style's picture of height x width: [1,Z] or [1,Z,1,1]. As net_onnx_build. */
bool net_onnx_build_encoder(const struct net_onnx *onnx, int height, int width,
                            struct net_graph *graph, struct daub_error *error);

/* The network's total stride, 1 to 512, found by building for several sizes. A picture
 * whose sides are multiples of it comes out in the same size, so callers pad to it and
 * crop. 0 with *error set on failure. */
int net_onnx_alignment(const struct net_onnx *onnx, struct daub_error *error);

#endif
