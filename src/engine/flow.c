#include "engine/flow.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

enum {
    PATCH = 8,  /* pixels, as in flow.glsl */
    STRIDE = 4, /* pixels from patch to patch, as in flow.glsl */
    /* Pixels; a level whose longer side is at most this is the last. Set by hand, not
     * measured. */
    COARSEST_SIDE = 40,
    ITERATIONS = 6, /* of the search; set by hand, not measured */
    DIRECTIONS = 2,
    REFINEMENTS = FLOW_REFINEMENTS,
    SWEEPS = FLOW_SWEEPS, /* even, so that the result is in the buffer of the start */
    VEC4 = 16,            /* bytes */
};

/* Estimate of the spectral radius of Jacobi's iteration, for the Chebyshev weights; not
 * measured. */
static const float SPECTRAL_RADIUS = 0.97f;

/* The forward flow only serves to check the backward flow, for which half the finest
 * level's size is enough. */
static int directions(const struct flow *flow, int level)
{
    return level == 0 && flow->level_count > 1 ? 1 : DIRECTIONS;
}

static int patch_count(int n)
{
    return n <= PATCH ? 1 : (n - PATCH + STRIDE - 1) / STRIDE + 1;
}

static VkDeviceSize reserve(struct flow *flow, VkDeviceSize *total, VkDeviceSize bytes)
{
    VkDeviceSize at = *total, align = flow->device->caps.buffer_align;
    *total += (bytes + align - 1) / align * align;
    return at;
}

static VkDeviceSize pixels(const struct flow_level *level)
{
    return (VkDeviceSize)level->w * (VkDeviceSize)level->h;
}

static VkDeviceSize patch_bytes(const struct flow_level *level)
{
    return (VkDeviceSize)patch_count(level->w) * (VkDeviceSize)patch_count(level->h) *
           DIRECTIONS * VEC4;
}

static VkDeviceSize lay_out(struct flow *flow, int w, int h)
{
    VkDeviceSize total = 0;
    for (flow->level_count = 0; flow->level_count < FLOW_LEVELS_MAX;) {
        struct flow_level *level = &flow->levels[flow->level_count++];
        *level = (struct flow_level){.w = w, .h = h};
        level->luma = reserve(flow, &total, pixels(level) * sizeof(float));
        level->quads = reserve(flow, &total, pixels(level) * 2 * VEC4);
        level->slopes = reserve(flow, &total, pixels(level) * 2 * VEC4);
        for (int parity = 0; parity < 2; parity++)
            level->field[parity] =
                reserve(flow, &total, pixels(level) * DIRECTIONS * VEC4);
        if ((w > h ? w : h) <= COARSEST_SIDE || (w < h ? w : h) <= 2 * PATCH)
            break;
        w = (w + 1) / 2;
        h = (h + 1) / 2;
    }
    flow->patches = reserve(flow, &total, patch_bytes(&flow->levels[0]));
    flow->terms = reserve(flow, &total, pixels(&flow->levels[0]) * 2 * VEC4);
    flow->half_way = reserve(flow, &total, pixels(&flow->levels[0]) * VEC4);
    flow->smooth = reserve(flow, &total, pixels(&flow->levels[0]) * VEC4);
    return total;
}

bool flow_init(struct flow *flow, struct daub_device *device, bool fp16, int w, int h,
               int step, struct daub_error *error)
{
    *flow = (struct flow){.device = device, .fp16 = fp16, .step = step};
    VkDeviceSize bytes = lay_out(flow, (w + step - 1) / step, (h + step - 1) / step);
    if (gpu_buffer_create(device, GPU_MEMORY_DEVICE, bytes, "flow", &flow->maps, error) &&
        gpu_buffer_clear(device, &flow->maps, error))
        return true;
    flow_free(flow);
    return false;
}

void flow_free(struct flow *flow)
{
    if (flow->device)
        gpu_buffer_free(flow->device, &flow->maps);
    *flow = (struct flow){0};
}

/* ---- dispatches ---- */

struct builder {
    const struct flow *flow;
    struct dispatch_list *list;
    struct daub_error *error;
    int parity;
};

static struct dispatch_binding floats(const struct flow *flow, VkDeviceSize offset,
                                      VkDeviceSize bytes)
{
    return (struct dispatch_binding){&flow->maps, offset, bytes};
}

static struct dispatch_binding scalars(const struct flow *flow,
                                       const struct flow_level *level)
{
    return (struct dispatch_binding){&flow->maps, level->luma,
                                     pixels(level) * sizeof(float)};
}

static struct dispatch_binding field(const struct flow *flow,
                                     const struct flow_level *level, int parity)
{
    return floats(flow, level->field[parity], pixels(level) * DIRECTIONS * VEC4);
}

/* Both parities of quads or slopes. */
static struct dispatch_binding both(const struct flow *flow,
                                    const struct flow_level *level, VkDeviceSize offset)
{
    return floats(flow, offset, pixels(level) * 2 * VEC4);
}

/* A dispatch of the kernel with push constants. Its own constants are in constants, whose
 * LANES is set. */
static bool add(struct builder *b, enum kernel kernel, bool fp16,
                struct kernel_constants *constants,
                const struct dispatch_binding *bindings, int columns, int rows,
                int layers, union kernel_push push, double gflop)
{
    struct dispatch item = {.kernel = kernel, .push = push, .gflop = gflop};
    snprintf(item.name, sizeof(item.name), "flow %s",
             kernel_info(kernel)->name + strlen("flow_"));
    return dispatch_list_add_map(b->list, fp16, constants, bindings, &item, columns, rows,
                                 layers, b->error);
}

/* The same for one layer of the level, without constants of its own. */
static bool add_map(struct builder *b, enum kernel kernel,
                    const struct dispatch_binding *bindings,
                    const struct flow_level *level, union kernel_push push)
{
    struct kernel_constants constants = kernel_default_constants();
    return add(b, kernel, false, &constants, bindings, level->w, level->h, 1, push, 0);
}

static bool add_luma(struct builder *b, const struct flow_picture *picture)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[0];
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [FLOW_LUMA_PICTURE] = picture->map, [FLOW_LUMA_LUMA] = scalars(flow, level)};
    struct kernel_constants constants = kernel_default_constants();
    constants.own.flow_luma = (struct flow_luma_constants){
        .STEP = flow->step, .BLOCK = picture->block, .CRD = picture->crd};
    union kernel_push push = {.flow_luma = {.w = level->w,
                                            .h = level->h,
                                            .columns = picture->columns,
                                            .rows = picture->rows}};
    return add(b, KERNEL_FLOW_LUMA, flow->fp16, &constants, bindings, level->w, level->h,
               1, push, 0);
}

/* Luma of a level from that of the next finer one (add_luma makes that of the finest),
 * then the maps that the search reads. */
static bool add_maps(struct builder *b, int index)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[index];
    if (index > 0) {
        const struct flow_level *finer = &flow->levels[index - 1];
        struct dispatch_binding bindings[SLOT_COUNT] = {
            [FLOW_HALF_LUMA] = scalars(flow, finer),
            [FLOW_HALF_SMALLER] = scalars(flow, level)};
        union kernel_push push = {
            .flow_half = {
                .in_w = finer->w, .in_h = finer->h, .w = level->w, .h = level->h}};
        if (!add_map(b, KERNEL_FLOW_HALF, bindings, level, push))
            return false;
    }
    VkDeviceSize one = pixels(level) * VEC4, own = one * (VkDeviceSize)b->parity;
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [FLOW_MAPS_LUMA] = scalars(flow, level),
        [FLOW_MAPS_QUADS] = floats(flow, level->quads + own, one),
        [FLOW_MAPS_SLOPES] = floats(flow, level->slopes + own, one)};
    union kernel_push push = {.flow_maps = {.w = level->w, .h = level->h}};
    return add_map(b, KERNEL_FLOW_MAPS, bindings, level, push);
}

static bool add_search(struct builder *b, int index)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[index];
    bool coarsest = index == flow->level_count - 1;
    const struct flow_level *coarser = coarsest ? level : level + 1;
    int columns = patch_count(level->w), rows = patch_count(level->h);
    int layers = directions(flow, index);
    struct dispatch_binding patches = floats(flow, flow->patches, patch_bytes(level));
    struct dispatch_binding slopes = both(flow, level, level->slopes);
    struct dispatch_binding quads = both(flow, level, level->quads);
    struct dispatch_binding search[SLOT_COUNT] = {
        [FLOW_SEARCH_SLOPES] = slopes,
        [FLOW_SEARCH_QUADS] = quads,
        /* The coarsest level has no coarser one: any field may be bound there. */
        [FLOW_SEARCH_COARSE] = field(flow, coarser, coarsest ? 1 - b->parity : b->parity),
        [FLOW_SEARCH_PREVIOUS] = field(flow, level, 1 - b->parity),
        [FLOW_SEARCH_PATCHES] = patches};
    struct kernel_constants constants = kernel_default_constants();
    constants.own.flow_search = (struct flow_search_constants){.ITERATIONS = ITERATIONS};
    union kernel_push push = {.flow_search = {.w = level->w,
                                              .h = level->h,
                                              .coarse_w = coarsest ? 0 : coarser->w,
                                              .coarse_h = coarsest ? 0 : coarser->h,
                                              .parity = b->parity}};
    /* Operations of a pixel: 18 in an iteration (a bilinear sample and five sums), 12 in
     * each of the four comparisons of starting points. */
    double gflop = (double)columns * rows * layers * PATCH * PATCH *
                   (ITERATIONS * 18 + 4 * 12) * 1e-9;
    if (!add(b, KERNEL_FLOW_SEARCH, false, &constants, search, columns, rows, layers,
             push, gflop))
        return false;
    struct dispatch_binding dense[SLOT_COUNT] = {[FLOW_DENSE_SLOPES] = slopes,
                                                 [FLOW_DENSE_QUADS] = quads,
                                                 [FLOW_DENSE_PATCHES] = patches,
                                                 [FLOW_DENSE_FIELD] =
                                                     field(flow, level, b->parity)};
    union kernel_push dense_push = {
        .flow_dense = {.w = level->w, .h = level->h, .parity = b->parity}};
    constants = kernel_default_constants();
    return add(b, KERNEL_FLOW_DENSE, false, &constants, dense, level->w, level->h, layers,
               dense_push, 0);
}

/* Chebyshev's weight of sweep k; weight: that of sweep k - 1 (Golub and Varga 1961). */
static float chebyshev_weight(int k, float weight)
{
    const float square = SPECTRAL_RADIUS * SPECTRAL_RADIUS;
    return k == 0 ? 1 : k == 1 ? 2 / (2 - square) : 4 / (4 - square * weight);
}

/* Variational refinement of the backward flow. */
static bool add_refinement(struct builder *b)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[0];
    VkDeviceSize one = pixels(level) * VEC4;
    struct dispatch_binding terms = floats(flow, flow->terms, 2 * one);
    struct dispatch_binding fields[2] = {floats(flow, flow->smooth, one),
                                         floats(flow, flow->half_way, one)};
    float weight = 1;
    for (int i = 0; i < REFINEMENTS; i++) {
        struct dispatch_binding of_terms[SLOT_COUNT] = {
            [FLOW_TERMS_SLOPES] = both(flow, level, level->slopes),
            [FLOW_TERMS_FIELD] = fields[0],
            [FLOW_TERMS_TERMS] = terms};
        union kernel_push push = {
            .flow_terms = {.w = level->w, .h = level->h, .parity = b->parity}};
        if (!add_map(b, KERNEL_FLOW_TERMS, of_terms, level, push))
            return false;
        for (int k = 0; k < SWEEPS; k++) {
            struct dispatch_binding of_refine[SLOT_COUNT] = {
                [FLOW_REFINE_TERMS] = terms,
                [FLOW_REFINE_FIELD] = fields[k % 2],
                [FLOW_REFINE_PREVIOUS] = fields[1 - k % 2],
                [FLOW_REFINE_RESULT] = fields[1 - k % 2]};
            weight = chebyshev_weight(k, weight);
            union kernel_push refine_push = {
                .flow_refine = {.w = level->w, .h = level->h, .weight = weight}};
            if (!add_map(b, KERNEL_FLOW_REFINE, of_refine, level, refine_push))
                return false;
        }
    }
    return true;
}

bool flow_append(const struct flow *flow, struct dispatch_list *list, int parity,
                 const struct flow_picture *picture, struct daub_error *error)
{
    struct builder b = {flow, list, error, parity};
    const struct flow_level *finest = &flow->levels[0];
    if (!add_luma(&b, picture))
        return false;
    for (int i = 0; i < flow->level_count; i++) {
        if (!add_maps(&b, i))
            return false;
    }
    for (int i = flow->level_count - 1; i >= 0; i--) {
        if (!add_search(&b, i))
            return false;
    }
    struct dispatch_binding bindings[SLOT_COUNT] = {
        [FLOW_MEDIAN_FIELD] = field(flow, finest, parity),
        [FLOW_MEDIAN_FILTERED] = flow_backward(flow)};
    union kernel_push push = {.flow_median = {.w = finest->w, .h = finest->h}};
    return add_map(&b, KERNEL_FLOW_MEDIAN, bindings, finest, push) && add_refinement(&b);
}

struct dispatch_binding flow_backward(const struct flow *flow)
{
    return floats(flow, flow->smooth, pixels(&flow->levels[0]) * VEC4);
}

int flow_forward_level(const struct flow *flow)
{
    return flow->level_count > 1;
}

struct dispatch_binding flow_field(const struct flow *flow, int level, int parity)
{
    return field(flow, &flow->levels[level], parity);
}

struct dispatch_binding flow_slopes(const struct flow *flow, int level)
{
    return both(flow, &flow->levels[level], flow->levels[level].slopes);
}
