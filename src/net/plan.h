/* The plan of a graph: kernel calls with their constants, tensors placed in one arena,
 * packed weights. It depends on the kernels' contract but not on Vulkan, so plans can be
 * made, dumped and checked without a device.
 *
 * Normalizations and activations are not dispatches: a value is kept as a view, a stored
 * tensor with a pending per-channel affine map and activation that its reader applies
 * while loading (shaders/view.glsl). The convolution also writes statistics of its
 * output in tiles; one small dispatch makes a normalization's affine pair from them. */
#ifndef DAUB_NET_PLAN_H
#define DAUB_NET_PLAN_H

#include "net/graph.h"
#include "net/kernel.h"

/* The planner's limits: from a device's caps, or chosen by tests. */
struct plan_caps {
    bool host;          /* C functions instead of shaders */
    bool fp16;          /* activations and weights stored as halves */
    size_t align;       /* of offsets in bytes, a power of two */
    uint64_t max_range; /* bytes of one binding */
    uint32_t shared_bytes;
    bool keep_all;    /* check mode: every tensor keeps memory of its own */
    bool fold_blocks; /* the engine reads and writes pictures in space-to-depth layout */
    bool no_winograd; /* direct convolutions only */
};

/* A map [h][w][c/4] vec4 in the activation format, or a plain array of vec4 in 32-bit
 * floats (statistics, affine pairs). */
struct plan_tensor {
    char name[32];
    bool floats, external; /* external: the engine's picture, not in the arena */
    bool constant;         /* stored in weights, at offset */
    int h, w, c;           /* maps */
    size_t bytes, offset;
    int first, last; /* steps that write it first and use it last */
};

struct plan_view {
    int tensor;           /* -1: none */
    int affine_tensor;    /* -1: none, or affine_param */
    int64_t affine_param; /* byte offset in params, -1: none */
    enum net_act act;
    float alpha, beta;
};

enum plan_where { PLAN_UNUSED = 0, PLAN_TENSOR, PLAN_WEIGHTS, PLAN_PARAMS };

struct plan_binding {
    enum plan_where where;
    int tensor;           /* PLAN_TENSOR */
    size_t offset, bytes; /* within weights or params; tensors are bound whole */
    bool floats, write;
};

/* One dispatch. */
struct plan_step {
    char name[48]; /* the node it belongs to, for dumps and timings */
    enum kernel kernel;
    struct kernel_constants constants;
    union kernel_push push;
    struct plan_binding bind[SLOT_COUNT];
    uint32_t groups[3];
    double macs;
    uint32_t stats_tiles; /* tiles of statistics it can write; 0: none */
    bool barrier;         /* waits for the preceding steps */
    int value; /* graph value that its output tensor holds before pending views; -1 */
};

/* Floats of params that depend on the style: elements of value's result, or their
 * inverses, times factor. A single element is repeated. */
struct plan_fill {
    int value;
    int64_t offset; /* bytes */
    int count;
    enum {
        PLAN_FILL_VECTOR = 1,
        PLAN_FILL_AFFINE
    } layout; /* AFFINE: blocks of four go
                 to every second vec4 */
    float factor;
    bool inverse;
};

struct plan {
    struct plan_caps caps;
    struct plan_tensor *tensors;
    size_t tensor_count, tensor_capacity;
    struct plan_step *steps;
    size_t step_count, step_capacity;
    unsigned char *weights; /* packed as the kernels read them */
    size_t weight_bytes, weight_capacity;
    float *params; /* scales, shifts, affine maps; biases are in weights */
    size_t param_count, param_capacity;
    struct plan_fill *fills;
    size_t fill_count, fill_capacity;
    size_t arena_bytes;
    int input; /* tensor */
    /* With fold_blocks, a SpaceToDepth at the network's start and a DepthToSpace at its
     * end are left out, and picture and painting have that layout: side of the blocks (1:
     * none), and whether the channel order is CRD instead of DCR. */
    int input_block, output_block;
    bool input_crd, output_crd;
    struct plan_view output; /* the painting; its reader applies what is pending */
    int out_h, out_w;
    int max_live_maps; /* most maps of more than one pixel in the arena at one step */
};

/* The network's value range: network value = scale * (0..1 value) + shift. */
struct plan_range {
    float scale, shift;
};

void net_plan_free(struct plan *plan);

/* Evaluates the style-only values and writes all fills into params (a copy of
 * plan->params, or plan->params itself). style NULL: zeros. */
bool net_plan_fill(const struct plan *plan, const struct net_graph *graph,
                   const float *style, float *params, struct daub_error *error);

/* Finds overlaps in the arena, reads of tensors not yet written and missing barriers:
 * false with *error set. For tests and probes. */
bool net_plan_check(const struct plan *plan, struct daub_error *error);
void net_plan_dump(const struct plan *plan, FILE *file);

#endif
