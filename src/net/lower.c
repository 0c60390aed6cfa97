/* Lowers graph nodes to steps, in order; every value becomes a view. */
#include "net/lower_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/op.h"
#include "util/alloc.h"
#include "util/error.h"

/* Tiles of the stand-alone statistics kernel. */
#define STATS_TILE 8

const struct net_value *lower_value(const struct lowering *low, int value)
{
    return &low->graph->values[value];
}

bool lower_is_map(const struct net_shape *shape)
{
    return shape->rank == 4 && shape->dim[0] == 1;
}

bool lower_unsupported(const struct net_node *node, const char *what,
                       struct daub_error *error)
{
    return daub_fail(error, DAUB_ERROR_MODEL,
                     "operator %s in node '%s' %s; daub runs feed-forward image networks",
                     node->type ? node->type : net_op_name(node->op),
                     node->name ? node->name : "", what);
}

struct plan_view lower_plain_view(int tensor)
{
    return (struct plan_view){
        .tensor = tensor, .affine_tensor = -1, .affine_param = -1, .act = NET_ACT_NONE};
}

bool lower_is_plain(const struct plan_view *view)
{
    return view->affine_tensor < 0 && view->affine_param < 0 && view->act == NET_ACT_NONE;
}

/* A tensor that holds the constant, as a map of the shape's axes 1 to 3; -1 where it is
 * no map, or with *error. */
static int constant_map(struct lowering *low, int value, struct daub_error *error)
{
    const struct net_value *constant = lower_value(low, value);
    const struct net_shape *own = &constant->shape;
    int64_t dim[3] = {1, 1, 1};
    for (int i = 0; i < own->rank; i++) {
        int axis = i + 3 - own->rank;
        if (axis >= 0)
            dim[axis] = own->dim[i];
        else if (own->dim[i] != 1)
            return -1;
    }
    int64_t c4 = (dim[0] + 3) / 4, area = dim[1] * dim[2];
    int tensor = plan_add_map(low->plan, constant->name, (int)dim[1], (int)dim[2],
                              (int)dim[0], error);
    float *packed =
        tensor < 0 ? NULL : daub_alloc((size_t)(area * c4 * 4), sizeof(float));
    if (tensor >= 0 && !packed)
        daub_no_memory(error, "planning the model");
    if (!packed)
        return -1;
    for (int64_t c = 0; c < dim[0]; c++)
        for (int64_t i = 0; i < area; i++)
            packed[i * c4 * 4 + c] = constant->data[c * area + i];
    int64_t at = plan_add_weights(low->plan, packed, (size_t)(area * c4 * 4),
                                  low->plan->caps.fp16, error);
    free(packed);
    if (at < 0)
        return -1;
    low->plan->tensors[tensor].constant = true;
    low->plan->tensors[tensor].offset = (size_t)at;
    return tensor;
}

const struct plan_view *lower_input_view(struct lowering *low,
                                         const struct net_node *node, int i,
                                         struct daub_error *error)
{
    int value = i < node->input_count ? node->input[i] : -1;
    if (value >= 0 && low->views[value].tensor < 0 && lower_value(low, value)->data)
        low->views[value] = lower_plain_view(constant_map(low, value, error));
    if (value >= 0 && low->views[value].tensor >= 0)
        return &low->views[value];
    if (!error || error->status == DAUB_OK)
        lower_unsupported(node, "reads what is no picture", error);
    return NULL;
}

struct lower_made lower_made_by(const struct lowering *low, int tensor)
{
    return (size_t)tensor < low->made_count ? low->made[tensor]
                                            : (struct lower_made){.conv_step = -1};
}

struct lower_made *lower_set_made(struct lowering *low, int tensor,
                                  struct daub_error *error)
{
    size_t count = (size_t)tensor + 1;
    if (!daub_grow(&low->made, &low->made_capacity, count, sizeof(*low->made))) {
        daub_no_memory(error, "planning the model");
        return NULL;
    }
    for (; low->made_count < count; low->made_count++)
        low->made[low->made_count] = (struct lower_made){.conv_step = -1};
    return &low->made[tensor];
}

static void lower_overwritten(struct lowering *low, int tensor)
{
    if ((size_t)tensor >= low->made_count)
        return;
    free(low->made[tensor].rescale);
    low->made[tensor] = (struct lower_made){.conv_step = -1};
}

int lower_output_map(struct lowering *low, const struct net_node *node,
                     struct daub_error *error)
{
    const struct net_shape *shape = &lower_value(low, node->output)->shape;
    if (!lower_is_map(shape)) {
        lower_unsupported(node, "makes what is no picture", error);
        return -1;
    }
    int tensor =
        plan_add_map(low->plan, lower_value(low, node->output)->name, (int)shape->dim[2],
                     (int)shape->dim[3], (int)shape->dim[1], error);
    if (tensor >= 0)
        low->views[node->output] = lower_plain_view(tensor);
    return tensor;
}

/* Whether no later node reads the tensor, through any value. */
static bool dies_here(const struct lowering *low, int tensor)
{
    for (size_t v = 0; v < low->graph->value_count; v++) {
        if (low->views[v].tensor != tensor)
            continue;
        if ((int)v == low->graph->output || low->last_reader[v] > low->node)
            return false;
    }
    return !low->plan->tensors[tensor].external && !low->plan->tensors[tensor].constant;
}

/* out = act(view0 OP view1); view1 NULL: view0 alone. */
static struct plan_step *add_pointwise(struct lowering *low, const char *name,
                                       const struct plan_view *view0,
                                       const struct plan_view *view1, int op, int out,
                                       struct daub_error *error)
{
    struct plan *plan = low->plan;
    struct plan_step *step = plan_add_step(plan, KERNEL_POINTWISE, name, error);
    if (!step)
        return NULL;
    const struct plan_tensor *to = &plan->tensors[out];
    int c4 = (to->c + 3) / 4;
    step->constants.own.pointwise.OP = op;
    plan_bind_view0(plan, step, view0);
    if (view1)
        plan_bind_view1(plan, step, view1);
    plan_bind_tensor(plan, step, SLOT_OUTPUT, out);
    plan_pixel_grid(step, to->w, to->h, c4);
    step->push.pointwise =
        (struct pointwise_push){.h = to->h, .w = to->w, .c4 = c4, .channels = to->c};
    return step;
}

bool lower_materialise(struct lowering *low, int value, struct daub_error *error)
{
    struct plan_view view = low->views[value];
    if (lower_is_plain(&view))
        return true;
    struct plan_tensor from = low->plan->tensors[view.tensor];
    int tensor = plan_add_map(low->plan, lower_value(low, value)->name, from.h, from.w,
                              from.c, error);
    if (tensor < 0 ||
        !add_pointwise(low, lower_value(low, value)->name, &view, NULL, 0, tensor, error))
        return false;
    low->plan->steps[low->plan->step_count - 1].value = value;
    low->views[value] = lower_plain_view(tensor);
    return true;
}

bool lower_act(struct lowering *low, const struct net_node *node,
               struct daub_error *error)
{
    const struct plan_view *view = lower_input_view(low, node, 0, error);
    if (!view)
        return false;
    if (node->u.act.kind != NET_ACT_PRELU) {
        if (view->act != NET_ACT_NONE && !lower_materialise(low, node->input[0], error))
            return false;
        low->views[node->output] = low->views[node->input[0]];
        low->views[node->output].act = node->u.act.kind;
        low->views[node->output].alpha = node->u.act.alpha;
        low->views[node->output].beta = node->u.act.beta;
        /* Readers of a view multiply its padding channels by 0, so they must be finite.
         */
        return net_act_finite_at_0(node->u.act.kind, node->u.act.alpha,
                                   node->u.act.beta) ||
               lower_materialise(low, node->output, error);
    }
    struct plan_view from = *view;
    int out = lower_output_map(low, node, error);
    const struct net_value *slope = node->input_count > 1 && node->input[1] >= 0
                                        ? lower_value(low, node->input[1])
                                        : NULL;
    if (out < 0 || !slope || !slope->data)
        return out >= 0 &&
               lower_unsupported(node, "has slopes that are not constant", error);
    int channels = low->plan->tensors[out].c;
    int64_t count = net_shape_count(&slope->shape);
    if (count != 1 && count != channels)
        return lower_unsupported(node, "has slopes that are not one a channel", error);
    int64_t at = plan_add_params(low->plan, (size_t)channels, error);
    struct plan_step *step =
        at < 0 ? NULL : add_pointwise(low, node->name, &from, NULL, 0, out, error);
    if (!step)
        return false;
    for (int c = 0; c < channels; c++)
        low->plan->params[at / 4 + c] = slope->data[count == 1 ? 0 : c];
    plan_bind_params(step, SLOT_PARAMS, at, ((size_t)channels + 3) / 4 * 16);
    plan_set_act(step, NET_ACT_PRELU, 0, 0);
    step->value = node->output;
    return true;
}

/* ---- normalization ---- */

static bool stats_step(struct lowering *low, const char *name,
                       const struct plan_view *view, struct plan_tiles *tiles,
                       struct daub_error *error)
{
    struct plan_tensor from = low->plan->tensors[view->tensor];
    int c4 = (from.c + 3) / 4;
    int tiles_x = (from.w + STATS_TILE - 1) / STATS_TILE;
    int tiles_y = (from.h + STATS_TILE - 1) / STATS_TILE;
    tiles->count = tiles_x * tiles_y;
    tiles->tensor =
        plan_add_floats(low->plan, "stats", (size_t)tiles->count * (size_t)c4 * 4, error);
    struct plan_step *step =
        tiles->tensor < 0 ? NULL : plan_add_step(low->plan, KERNEL_STATS, name, error);
    if (!step)
        return false;
    plan_bind_view0(low->plan, step, view);
    plan_bind_tensor(low->plan, step, SLOT_STATS, tiles->tensor);
    plan_pixel_grid(step, tiles_x, tiles_y, c4);
    step->push.stats = (struct stats_push){.h = from.h,
                                           .w = from.w,
                                           .c4 = c4,
                                           .tile_h = STATS_TILE,
                                           .tile_w = STATS_TILE,
                                           .tiles_x = tiles_x,
                                           .tiles_y = tiles_y};
    return true;
}

/* Combines the tiles of a map of `channels` channels in groups of `group`. */
static struct plan_step *finalize_step(struct lowering *low, enum kernel kernel,
                                       const char *name, const struct plan_tiles *tiles,
                                       int channels, int group, struct daub_error *error)
{
    struct plan_step *step = plan_add_step(low->plan, kernel, name, error);
    if (!step)
        return NULL;
    int c4 = (channels + 3) / 4;
    plan_bind_tensor(low->plan, step, SLOT_INPUT0, tiles->tensor);
    step->constants.LANES = PIXEL_LANES;
    step->groups[0] = (uint32_t)c4;
    step->groups[1] = step->groups[2] = 1;
    step->push.finalize = (struct finalize_push){
        .c4 = c4, .tile_count = tiles->count, .group = group, .channels = channels};
    return step;
}

/* Writes a vector of C constants or a fill for style-only values at params offset. */
static bool put_vector(struct lowering *low, const struct net_node *node, int value,
                       float otherwise, int channels, int64_t offset,
                       struct daub_error *error)
{
    float *to = low->plan->params + offset / 4;
    if (value < 0) {
        for (int c = 0; c < channels; c++)
            to[c] = otherwise;
        return true;
    }
    const struct net_value *v = lower_value(low, value);
    int64_t count = net_shape_count(&v->shape);
    if (count != channels && count != 1)
        return lower_unsupported(node, "has a scale that is not one a channel", error);
    if (v->data) {
        for (int c = 0; c < channels; c++)
            to[c] = v->data[count == 1 ? 0 : c];
        return true;
    }
    if (!v->from_style || count != channels)
        return lower_unsupported(node, "has a scale computed from the picture", error);
    if (!daub_grow(&low->plan->fills, &low->plan->fill_capacity,
                   low->plan->fill_count + 1, sizeof(*low->plan->fills)))
        return daub_no_memory(error, "planning the model");
    low->plan->fills[low->plan->fill_count++] =
        (struct plan_fill){.value = value,
                           .offset = offset,
                           .count = channels,
                           .layout = PLAN_FILL_VECTOR,
                           .factor = 1.0f};
    return true;
}

static bool tiles_of(struct lowering *low, const struct net_node *node,
                     struct plan_tiles *tiles, struct daub_error *error)
{
    const struct plan_view *view = &low->views[node->input[0]];
    int conv = lower_made_by(low, view->tensor).conv_step;
    if (conv >= 0 && lower_is_plain(view))
        return lower_conv_stats(low, conv, tiles, error);
    struct plan_view copy = *view;
    return stats_step(low, node->name, &copy, tiles, error);
}

bool lower_norm(struct lowering *low, const struct net_node *node,
                struct daub_error *error)
{
    struct plan *plan = low->plan;
    if (!lower_input_view(low, node, 0, error) ||
        !lower_materialise(low, node->input[0], error))
        return false;
    struct plan_view view = low->views[node->input[0]];
    struct plan_tensor from = plan->tensors[view.tensor];
    int channels = from.c, c4 = (channels + 3) / 4;
    struct plan_tiles tiles;
    if (channels % node->u.norm.groups)
        return lower_unsupported(node, "has groups of unequal size", error);
    if (!tiles_of(low, node, &tiles, error))
        return false;
    int affine = plan_add_floats(plan, "affine", (size_t)c4 * 2, error);
    int64_t at = affine < 0 ? -1 : plan_add_params(plan, (size_t)c4 * 12, error);
    if (at < 0 ||
        !put_vector(low, node, node->input_count > 1 ? node->input[1] : -1, 1.0f,
                    channels, at, error) ||
        !put_vector(low, node, node->input_count > 2 ? node->input[2] : -1, 0.0f,
                    channels, at + c4 * 16, error))
        return false;
    const float *rescale = lower_made_by(low, view.tensor).rescale;
    for (int c = 0; c < 4 * c4; c++) {
        float k = rescale && c < channels ? rescale[c] : 1.0f;
        plan->params[at / 4 + c4 * 8 + c] = node->u.norm.epsilon * k * k;
    }
    struct plan_step *step =
        finalize_step(low, KERNEL_FINALIZE, node->name, &tiles, channels,
                      channels / node->u.norm.groups, error);
    if (!step)
        return false;
    plan_bind_tensor(plan, step, SLOT_STATS, affine);
    plan_bind_params(step, SLOT_PARAMS, at, (size_t)c4 * 48);
    view.affine_tensor = affine;
    low->views[node->output] = view;
    return true;
}

bool lower_mean(struct lowering *low, const struct net_node *node,
                struct daub_error *error)
{
    struct plan *plan = low->plan;
    const struct plan_view *view = lower_input_view(low, node, 0, error);
    if (!view)
        return false;
    if (node->u.reduce.axes != 0xc || !node->u.reduce.keep)
        return lower_unsupported(node, "reduces other axes than height and width", error);
    struct plan_view copy = *view;
    int channels = plan->tensors[copy.tensor].c;
    struct plan_tiles tiles;
    if (!stats_step(low, node->name, &copy, &tiles, error))
        return false;
    int out = lower_output_map(low, node, error);
    struct plan_step *step =
        out < 0 ? NULL
                : finalize_step(low, KERNEL_MEAN, node->name, &tiles, channels, 1, error);
    if (!step)
        return false;
    plan_bind_tensor(plan, step, SLOT_OUTPUT, out);
    step->value = node->output;
    return true;
}

/* ---- binaries ---- */

/* Whether a constant can be added to the offsets of a pending affine map: only one node
 * reads the value, no activation is pending, and the style does not fill the offsets. */
static bool can_add_offset(const struct lowering *low, int value)
{
    const struct plan_view *view = &low->views[value];
    if (view->affine_param < 0 || view->act != NET_ACT_NONE ||
        net_value_sole_reader(low->graph, value) < 0)
        return false;
    for (size_t i = 0; i < low->plan->fill_count; i++) {
        if (low->plan->fills[i].offset == view->affine_param + 16)
            return false;
    }
    return true;
}

/* x OP k with k constant (or from the style), one number or one a channel, becomes a
 * pending affine map, or the offset of one that is pending. */
static bool lower_affine(struct lowering *low, const struct net_node *node, int x, int k,
                         struct daub_error *error)
{
    struct plan *plan = low->plan;
    int value = node->input[x];
    bool reversed = x == 1;
    enum net_binary op = node->u.binary.kind;
    bool joins = (op == NET_BINARY_ADD || (op == NET_BINARY_SUB && !reversed)) &&
                 can_add_offset(low, value);
    if (!joins &&
        (low->views[value].act != NET_ACT_NONE || low->views[value].affine_tensor >= 0 ||
         low->views[value].affine_param >= 0)) {
        if (!lower_materialise(low, value, error))
            return false;
    }
    struct plan_view view = low->views[value];
    const struct net_value *constant = lower_value(low, node->input[k]);
    int channels = plan->tensors[view.tensor].c, c4 = (channels + 3) / 4;
    int64_t count = net_shape_count(&constant->shape);
    int64_t at = joins ? view.affine_param : plan_add_params(plan, (size_t)c4 * 8, error);
    if (at < 0)
        return false;
    float *to = plan->params + at / 4;
    for (int c = 0; c < channels; c++) {
        float *a = &to[c / 4 * 8 + c % 4], *b = a + 4;
        float v = constant->data ? constant->data[count == 1 ? 0 : c] : 0.0f;
        if (!joins) {
            *a = 1.0f;
            *b = 0.0f;
        }
        if (op == NET_BINARY_ADD)
            *b += v;
        else if (op == NET_BINARY_SUB)
            *a *= reversed ? -1.0f : 1.0f, *b += reversed ? v : -v;
        else if (op == NET_BINARY_MUL)
            *a = v;
        else
            *a = 1.0f / v;
    }
    if (!constant->data) {
        bool scales = op == NET_BINARY_MUL || op == NET_BINARY_DIV;
        if (count != channels && count != 1)
            return lower_unsupported(node, "uses the style in a way daub cannot run",
                                     error);
        if (!daub_grow(&plan->fills, &plan->fill_capacity, plan->fill_count + 1,
                       sizeof(*plan->fills)))
            return daub_no_memory(error, "planning the model");
        plan->fills[plan->fill_count++] =
            (struct plan_fill){.value = node->input[k],
                               .offset = at + (scales ? 0 : 16),
                               .count = channels,
                               .layout = PLAN_FILL_AFFINE,
                               .factor = op == NET_BINARY_SUB && !reversed ? -1.0f : 1.0f,
                               .inverse = op == NET_BINARY_DIV};
    }
    view.affine_param = at;
    low->views[node->output] = view;
    return true;
}

/* One number, or one a channel: everything but the channel axis (third from the end)
 * is 1. */
static bool per_channel(const struct net_shape *shape, int channels)
{
    int64_t count = net_shape_count(shape);
    if (count == 1)
        return true;
    return count == channels && shape->rank >= 3 &&
           shape->dim[shape->rank - 3] == channels;
}

#define AXIS_ENUM(name, number) AXIS_##name = (number),
enum broadcast_axis { BROADCAST_AXES(AXIS_ENUM) };

static int broadcast_axes(const struct plan_tensor *part, const struct net_shape *whole)
{
    return (part->h != whole->dim[2] ? AXIS_H : 0) |
           (part->w != whole->dim[3] ? AXIS_W : 0) |
           (part->c != whole->dim[1] ? AXIS_C : 0);
}

bool lower_binary(struct lowering *low, const struct net_node *node,
                  struct daub_error *error)
{
    const struct net_value *a = lower_value(low, node->input[0]);
    const struct net_value *b = lower_value(low, node->input[1]);
    const struct net_shape *shape = &lower_value(low, node->output)->shape;
    enum net_binary op = node->u.binary.kind;
    if (!lower_is_map(shape))
        return lower_unsupported(node, "is used in a way daub cannot run", error);
    int fixed = a->data || a->from_style ? 0 : b->data || b->from_style ? 1 : -1;
    if (fixed >= 0) {
        int x = 1 - fixed;
        const struct net_value *other = lower_value(low, node->input[x]);
        const struct net_value *k = lower_value(low, node->input[fixed]);
        if (!lower_input_view(low, node, x, error))
            return false;
        if (op <= NET_BINARY_DIV && per_channel(&k->shape, (int)shape->dim[1]) &&
            net_shape_equal(&other->shape, shape) && !(op == NET_BINARY_DIV && x == 1))
            return lower_affine(low, node, x, fixed, error);
        if (!k->data)
            return lower_unsupported(node, "uses the style in a way daub cannot run",
                                     error);
    }
    if (!lower_input_view(low, node, 0, error) || !lower_input_view(low, node, 1, error))
        return false;
    struct plan_view v0 = low->views[node->input[0]], v1 = low->views[node->input[1]];
    int axes0 = broadcast_axes(&low->plan->tensors[v0.tensor], shape);
    int axes1 = broadcast_axes(&low->plan->tensors[v1.tensor], shape);
    /* A sum may overwrite an operand that no later step reads. */
    int out = -1;
    if (!axes0 && dies_here(low, v0.tensor) && v0.tensor != v1.tensor)
        out = v0.tensor;
    else if (!axes1 && dies_here(low, v1.tensor) && v0.tensor != v1.tensor)
        out = v1.tensor;
    if (out >= 0)
        low->views[node->output] = lower_plain_view(out);
    else
        out = lower_output_map(low, node, error);
    if (out < 0)
        return false;
    lower_overwritten(low, out);
    struct plan_step *step =
        add_pointwise(low, node->name, &v0, &v1, (int)op, out, error);
    if (!step)
        return false;
    step->constants.own.pointwise.BROADCAST0 = axes0;
    step->constants.own.pointwise.BROADCAST1 = axes1;
    step->value = node->output;
    return true;
}

/* The SpaceToDepth that is the only reader of the picture, where it may be folded; else
 * NULL. */
static const struct net_node *picture_block(const struct lowering *low, int value)
{
    int reader = net_value_sole_reader(low->graph, value);
    if (!low->plan->caps.fold_blocks || reader < 0)
        return NULL;
    const struct net_node *node = &low->graph->nodes[reader];
    return node->op == NET_SPACE_TO_DEPTH && node->u.block.size <= MAX_FOLDED_BLOCK
               ? node
               : NULL;
}

bool lower_input(struct lowering *low, const struct net_node *node,
                 struct daub_error *error)
{
    const struct plan_range *range = low->range;
    if (node->output != low->graph->image)
        return true; /* the style weights stay on the host */
    const struct net_node *block = picture_block(low, node->output);
    int tensor = lower_output_map(low, block ? block : node, error);
    if (tensor < 0)
        return false;
    if (block) {
        low->plan->input_block = block->u.block.size;
        low->plan->input_crd = block->u.block.order == NET_BLOCK_CRD;
        low->views[node->output] = low->views[block->output];
    }
    low->plan->tensors[tensor].external = true;
    low->plan->input = tensor;
    if (range->scale == 1.0f && range->shift == 0.0f)
        return true;
    int channels = low->plan->tensors[tensor].c, c4 = (channels + 3) / 4;
    int64_t at = plan_add_params(low->plan, (size_t)c4 * 8, error);
    if (at < 0)
        return false;
    for (int c = 0; c < channels; c++) {
        /* The channels after R G B are already in the network's value range. */
        bool picture = block || c < 3;
        low->plan->params[at / 4 + c / 4 * 8 + c % 4] = picture ? range->scale : 1;
        low->plan->params[at / 4 + c / 4 * 8 + 4 + c % 4] = picture ? range->shift : 0;
    }
    low->views[block ? block->output : node->output].affine_param = at;
    return true;
}

/* By operator; NULL: only the host computes it, from the style weights. */
static bool (*const lowerings[])(struct lowering *, const struct net_node *,
                                 struct daub_error *) = {
#define LOWERING(enumerator, number, name, definition, lower) [enumerator] = (lower),
    NET_OPS(LOWERING)
#undef LOWERING
};

static bool lower_node(struct lowering *low, const struct net_node *node,
                       struct daub_error *error)
{
    if (!lowerings[node->op])
        return lower_unsupported(node, "is used in a way daub cannot run", error);
    return lowerings[node->op](low, node, error);
}

static bool run(struct lowering *low, struct daub_error *error)
{
    const struct net_graph *graph = low->graph;
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct net_node *node = &graph->nodes[n];
        low->node = (int)n;
        if (graph->values[node->output].from_style)
            continue;
        if (!lower_node(low, node, error))
            return false;
    }
    if (low->views[graph->output].tensor < 0)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "the model's output does not depend on the picture");
    if (low->plan->tensors[low->views[graph->output].tensor].external &&
        !lower_materialise(low, graph->output, error))
        return false;
    low->plan->output = low->views[graph->output];
    lower_fold_output(low);
    const struct plan_tensor *out = &low->plan->tensors[low->plan->output.tensor];
    low->plan->out_h = out->h * low->plan->output_block;
    low->plan->out_w = out->w * low->plan->output_block;
    return true;
}

/* Makes views and last_reader. */
static bool prepare(struct lowering *low, struct daub_error *error)
{
    const struct net_graph *graph = low->graph;
    low->views = daub_alloc(graph->value_count, sizeof(*low->views));
    low->last_reader = daub_alloc(graph->value_count, sizeof(*low->last_reader));
    if (!low->views || !low->last_reader)
        return daub_no_memory(error, "planning the model");
    for (size_t v = 0; v < graph->value_count; v++) {
        low->views[v] = lower_plain_view(-1);
        low->last_reader[v] = -1;
    }
    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].input[i] >= 0)
                low->last_reader[graph->nodes[n].input[i]] = (int)n;
    return true;
}

bool net_lower(struct plan *plan, const struct net_graph *graph,
               const struct plan_caps *caps, const struct plan_range *range,
               struct daub_error *error)
{
    memset(plan, 0, sizeof(*plan));
    plan->caps = *caps;
    plan->input = -1;
    plan->input_block = plan->output_block = 1;
    struct lowering low = {.plan = plan, .graph = graph, .range = range};
    bool ok = prepare(&low, error) && run(&low, error) && plan_finish(plan, error);
    for (size_t t = 0; t < low.made_count; t++)
        free(low.made[t].rescale);
    free(low.views);
    free(low.last_reader);
    free(low.made);
    return ok;
}
