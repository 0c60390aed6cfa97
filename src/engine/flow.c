#include "engine/flow.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

enum {
    PATCH = 8,
    STRIDE = 4,
    COARSEST_SIDE = 40, /* no level is halved that is no longer than this */
    ITERATIONS = 6,
    DIRECTIONS = 2,
    REFINEMENTS = FLOW_REFINEMENTS,
    SWEEPS = FLOW_SWEEPS, /* even: they end where they began */
    VEC4 = 16,
};

/* Of the convergence of Jacobi's iteration; near 1 it is slow. */
static const float SPECTRAL_RADIUS = 0.97f;

/* The way forth serves the check of the way back, for which half the finest size does. */
static int directions(const struct flow *flow, int level)
{
    return level == 0 && flow->level_count > 1 ? 1 : DIRECTIONS;
}

static int patch_count(int n)
{
    return n <= PATCH ? 1 : (n - PATCH + STRIDE - 1) / STRIDE + 1;
}

static VkDeviceSize take(struct flow *flow, VkDeviceSize *total, VkDeviceSize bytes)
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
        level->luma = take(flow, &total, pixels(level) * sizeof(float));
        level->quads = take(flow, &total, pixels(level) * 2 * VEC4);
        level->slopes = take(flow, &total, pixels(level) * 2 * VEC4);
        for (int parity = 0; parity < 2; parity++)
            level->field[parity] = take(flow, &total, pixels(level) * DIRECTIONS * VEC4);
        if ((w > h ? w : h) <= COARSEST_SIDE || (w < h ? w : h) <= 2 * PATCH)
            break;
        w = (w + 1) / 2;
        h = (h + 1) / 2;
    }
    flow->patches = take(flow, &total, patch_bytes(&flow->levels[0]));
    flow->terms = take(flow, &total, pixels(&flow->levels[0]) * 2 * VEC4);
    flow->half_way = take(flow, &total, pixels(&flow->levels[0]) * VEC4);
    flow->smooth = take(flow, &total, pixels(&flow->levels[0]) * VEC4);
    return total;
}

static void clear(VkCommandBuffer cmd, void *user)
{
    const struct flow *flow = user;
    vkCmdFillBuffer(cmd, flow->maps.buffer, 0, VK_WHOLE_SIZE, 0);
}

bool flow_init(struct flow *flow, struct daub_device *device, bool fp16, int w, int h,
               int step, struct daub_error *error)
{
    *flow = (struct flow){.device = device, .fp16 = fp16, .step = step};
    VkDeviceSize bytes = lay_out(flow, (w + step - 1) / step, (h + step - 1) / step);
    if (gpu_buffer_create(device, GPU_MEMORY_DEVICE, bytes, "flow", &flow->maps, error) &&
        gpu_run(device, clear, flow, error))
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
    return (struct dispatch_binding){&flow->maps, offset, bytes,
                                     VK_FORMAT_R32G32B32A32_SFLOAT};
}

static struct dispatch_binding scalars(const struct flow *flow,
                                       const struct flow_level *level)
{
    return (struct dispatch_binding){&flow->maps, level->luma,
                                     pixels(level) * sizeof(float), VK_FORMAT_R32_SFLOAT};
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

static bool add(struct builder *b, const char *kernel, bool fp16, uint32_t *spec,
                size_t spec_count, const struct dispatch_binding *bindings, int columns,
                int rows, int layers, const int *push, size_t push_count, double gflop)
{
    struct dispatch item = {.gflop = gflop, .push_count = (uint32_t)push_count};
    memcpy(item.push, push, push_count * sizeof(*push));
    snprintf(item.name, sizeof(item.name), "flow %s", kernel + strlen("flow_"));
    return dispatch_list_add_map(b->list, kernel, fp16, spec, spec_count, bindings, &item,
                                 columns, rows, layers, b->error);
}

static bool add_luma(struct builder *b, const struct flow_picture *picture)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[0];
    struct dispatch_binding bindings[GPU_BINDINGS] = {
        [0] = picture->map, [6] = scalars(flow, level)};
    uint32_t spec[] = {0, (uint32_t)flow->step, (uint32_t)picture->block, picture->crd};
    const int push[] = {level->w, level->h, picture->columns, picture->rows};
    return add(b, "flow_luma", flow->fp16, spec, 4, bindings, level->w, level->h, 1, push,
               4, 0);
}

/* Luma of the level below the first, then what the search reads. */
static bool add_maps(struct builder *b, int index)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[index];
    uint32_t spec[] = {0};
    if (index > 0) {
        const struct flow_level *finer = &flow->levels[index - 1];
        struct dispatch_binding bindings[GPU_BINDINGS] = {
            [0] = scalars(flow, finer), [6] = scalars(flow, level)};
        const int push[] = {finer->w, finer->h, level->w, level->h};
        if (!add(b, "flow_half", false, spec, 1, bindings, level->w, level->h, 1, push, 4,
                 0))
            return false;
    }
    VkDeviceSize one = pixels(level) * VEC4, own = one * (VkDeviceSize)b->parity;
    struct dispatch_binding bindings[GPU_BINDINGS] = {
        [0] = scalars(flow, level),
        [6] = floats(flow, level->quads + own, one),
        [7] = floats(flow, level->slopes + own, one)};
    const int push[] = {level->w, level->h};
    return add(b, "flow_maps", false, spec, 1, bindings, level->w, level->h, 1, push, 2,
               0);
}

static bool add_search(struct builder *b, int index)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[index];
    bool coarsest = index == flow->level_count - 1;
    const struct flow_level *coarser = coarsest ? level : level + 1;
    int columns = patch_count(level->w), rows = patch_count(level->h);
    struct dispatch_binding patches = floats(flow, flow->patches, patch_bytes(level));
    struct dispatch_binding search[GPU_BINDINGS] = {
        [0] = both(flow, level, level->slopes),
        [1] = both(flow, level, level->quads),
        [2] = field(flow, coarser, coarsest ? 1 - b->parity : b->parity),
        [3] = field(flow, level, 1 - b->parity),
        [6] = patches};
    uint32_t spec[] = {0, ITERATIONS, coarsest};
    const int push[] = {level->w, level->h, coarser->w, coarser->h, b->parity};
    /* four multiplications and additions of a bilinear sample, five sums */
    int layers = directions(flow, index);
    double gflop = (double)columns * rows * layers * PATCH * PATCH *
                   (ITERATIONS * 18 + 4 * 12) * 1e-9;
    if (!add(b, "flow_search", false, spec, 3, search, columns, rows, layers, push, 5,
             gflop))
        return false;
    struct dispatch_binding dense[GPU_BINDINGS] = {[0] = search[0],
                                                   [1] = search[1],
                                                   [2] = patches,
                                                   [6] = field(flow, level, b->parity)};
    const int dense_push[] = {level->w, level->h, b->parity};
    return add(b, "flow_dense", false, spec, 1, dense, level->w, level->h, layers,
               dense_push, 3, 0);
}

/* Variational refinement of the result. */
static bool add_refinement(struct builder *b)
{
    const struct flow *flow = b->flow;
    const struct flow_level *level = &flow->levels[0];
    VkDeviceSize one = pixels(level) * VEC4;
    struct dispatch_binding terms = floats(flow, flow->terms, 2 * one);
    struct dispatch_binding fields[2] = {floats(flow, flow->smooth, one),
                                         floats(flow, flow->half_way, one)};
    uint32_t spec[] = {0};
    const int push[] = {level->w, level->h, b->parity};
    const float square = SPECTRAL_RADIUS * SPECTRAL_RADIUS;
    float weight = 1;
    for (int i = 0; i < REFINEMENTS; i++) {
        struct dispatch_binding of_terms[GPU_BINDINGS] = {
            [0] = both(flow, level, level->slopes), [1] = fields[0], [6] = terms};
        if (!add(b, "flow_terms", false, spec, 1, of_terms, level->w, level->h, 1, push,
                 3, 0))
            return false;
        for (int k = 0; k < SWEEPS; k++) {
            struct dispatch_binding of_refine[GPU_BINDINGS] = {[0] = terms,
                                                               [1] = fields[k % 2],
                                                               [2] = fields[1 - k % 2],
                                                               [6] = fields[1 - k % 2]};
            int refine_push[] = {level->w, level->h, 0};
            weight = k == 0 ? 1 : k == 1 ? 2 / (2 - square) : 4 / (4 - square * weight);
            memcpy(&refine_push[2], &weight, sizeof(weight));
            if (!add(b, "flow_refine", false, spec, 1, of_refine, level->w, level->h, 1,
                     refine_push, 3, 0))
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
    struct dispatch_binding bindings[GPU_BINDINGS] = {
        [0] = field(flow, finest, parity), [6] = flow_back(flow)};
    uint32_t spec[] = {0};
    const int push[] = {finest->w, finest->h};
    return add(&b, "flow_median", false, spec, 1, bindings, finest->w, finest->h, 1, push,
               2, 0) &&
           add_refinement(&b);
}

struct dispatch_binding flow_back(const struct flow *flow)
{
    return floats(flow, flow->smooth, pixels(&flow->levels[0]) * VEC4);
}

int flow_forth_level(const struct flow *flow)
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
