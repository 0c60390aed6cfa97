/* Reads ONNX files. The only module that knows ONNX: everything after it sees struct
 * net_graph. Files are untrusted: every count, dimension and size is checked. */
#ifndef DAUB_NET_ONNX_H
#define DAUB_NET_ONNX_H

#include <stddef.h>

#include "net/graph.h"

struct net_onnx; /* a parsed file, immutable */

/* One metadata_props entry of the file. */
struct net_onnx_property {
    const char *key, *value;
};

struct net_onnx_info {
    int opset;          /* of the default domain, 7 to 22 */
    int style_count;    /* elements of the style input; 0 where there is none */
    int image_channels; /* 3, or 7 for networks that take the warped previous painting */
    bool encoder;       /* metadata daub.encoder: the output is a vector, not a picture */
    bool nhwc;          /* image input is [1, H, W, 3] */
    int64_t fixed_height,
        fixed_width;        /* of the image input; 0 where the axis is dynamic */
    int64_t parameters;     /* elements of all float initializers */
    uint64_t external_hash; /* of weights in other files; 0: there are none */
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
void net_onnx_free(struct net_onnx *onnx);
const struct net_onnx_info *net_onnx_get_info(const struct net_onnx *onnx);

/* Builds the graph for a picture of height x width. Shape arithmetic and constant
 * expressions are folded, Identity and Dropout removed. Files made for one size are
 * adapted: a Resize to constant sizes keeps its scale, a Reshape to a constant shape
 * keeps its proportions. *graph is initialised here and freed by the caller in either
 * case. False with *error set. */
bool net_onnx_build(const struct net_onnx *onnx, int height, int width,
                    struct net_graph *graph, struct daub_error *error);

/* The network's total stride, 1 to 512, found by building for several sizes. A picture
 * whose sides are multiples of it comes out in the same size, so callers pad to it and
 * crop. 0 with *error set on failure. */
int net_onnx_alignment(const struct net_onnx *onnx, struct daub_error *error);

#endif
