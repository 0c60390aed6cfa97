/* Operators that move elements: slices, pads, blocks, concatenation, resizing, pooling.
 */
#include "net/lower_internal.h"

#include <string.h>

#define REMAP_ENUM(name, number) REMAP_##name = (number),
enum remap_mode { REMAPS(REMAP_ENUM) };

static struct plan_step *add_remap(struct lowering *low, const struct net_node *node,
                                   enum remap_mode mode, const struct plan_view *from,
                                   int out, struct daub_error *error)
{
    struct plan *plan = low->plan;
    struct plan_step *step = plan_add_step(plan, KERNEL_REMAP, node->name, error);
    if (!step)
        return NULL;
    const struct plan_tensor *in = &plan->tensors[from->tensor],
                             *to = &plan->tensors[out];
    step->constants.own.remap =
        (struct remap_constants){.MODE = (int)mode, .PAD = NET_PAD_ZERO};
    plan_bind_view0(plan, step, from);
    plan_bind_tensor(plan, step, SLOT_OUTPUT, out);
    int c4 = (to->c + 3) / 4;
    plan_pixel_grid(step, to->w, to->h, c4);
    step->push.remap = (struct remap_push){.in_h = in->h,
                                           .in_w = in->w,
                                           .in_c4 = (in->c + 3) / 4,
                                           .in_channels = in->c,
                                           .out_h = to->h,
                                           .out_w = to->w,
                                           .out_c4 = c4,
                                           .out_channels = to->c,
                                           .step = {1, 1, 1}};
    return step;
}

bool lower_window(struct lowering *low, const struct net_node *node,
                  struct daub_error *error)
{
    const struct plan_view *view = lower_input_view(low, node, 0, error);
    if (!view)
        return false;
    struct plan_view from = *view;
    int out = lower_output_map(low, node, error);
    struct plan_step *step =
        out < 0 ? NULL : add_remap(low, node, REMAP_WINDOW, &from, out, error);
    if (!step)
        return false;
    int64_t start[4], stride[4];
    for (int i = 0; i < 4; i++) {
        bool slice = node->op == NET_SLICE;
        start[i] = slice ? node->u.slice.start[i] : -node->u.pad.before[i];
        stride[i] = slice ? node->u.slice.step[i] : 1;
    }
    if (start[0] != 0)
        return lower_unsupported(node, "changes the batch axis", error);
    for (int i = 0; i < 3; i++) {
        step->push.remap.start[i] = (int)start[1 + i];
        step->push.remap.step[i] = (int)stride[1 + i];
    }
    struct remap_constants *own = &step->constants.own.remap;
    if (node->op == NET_PAD) {
        own->PAD = node->u.pad.mode;
        own->PAD_VALUE = node->u.pad.mode == NET_PAD_ZERO ? 0 : node->u.pad.value;
    }
    /* Reflected and repeated channels are not in the order of an input block. */
    int in_c = low->plan->tensors[from.tensor].c, out_c = low->plan->tensors[out].c;
    bool from_blocks = own->PAD == NET_PAD_ZERO || own->PAD == NET_PAD_CONSTANT ||
                       (start[1] >= 0 && start[1] + out_c <= in_c);
    own->ALIGNED = start[1] % 4 == 0 && stride[1] == 1 && in_c % 4 == 0 && from_blocks;
    step->value = node->output;
    return true;
}

bool lower_block(struct lowering *low, const struct net_node *node,
                 struct daub_error *error)
{
    const struct plan_view *view = lower_input_view(low, node, 0, error);
    if (!view)
        return false;
    if (low->views[node->output].tensor >= 0)
        return true; /* the picture has this layout already */
    struct plan_view from = *view;
    bool crd = node->u.block.order == NET_BLOCK_CRD;
    bool spread = node->op == NET_DEPTH_TO_SPACE;
    enum remap_mode mode = spread ? (crd ? REMAP_D2S_CRD : REMAP_D2S_DCR)
                                  : (crd ? REMAP_S2D_CRD : REMAP_S2D_DCR);
    int out = lower_output_map(low, node, error);
    struct plan_step *step =
        out < 0 ? NULL : add_remap(low, node, mode, &from, out, error);
    if (!step)
        return false;
    int inner = spread ? low->plan->tensors[out].c : low->plan->tensors[from.tensor].c;
    step->constants.own.remap.ALIGNED = !crd && inner % 4 == 0;
    step->constants.own.remap.BLOCK = node->u.block.size;
    step->value = node->output;
    return true;
}

/* Permutations, and new shapes, which are permutations that move no axis. */
bool lower_permute(struct lowering *low, const struct net_node *node,
                   struct daub_error *error)
{
    if (!lower_input_view(low, node, 0, error) ||
        !lower_materialise(low, node->input[0], error))
        return false;
    struct plan_view from = low->views[node->input[0]];
    const struct net_shape *shape = &lower_value(low, node->output)->shape;
    if (net_shape_count(shape) > INT32_MAX)
        return lower_unsupported(node, "moves too many elements", error);
    int out = lower_output_map(low, node, error);
    struct plan_step *step =
        out < 0 ? NULL : add_remap(low, node, REMAP_PERMUTE, &from, out, error);
    if (!step)
        return false;
    struct remap_push *push = &step->push.remap;
    int64_t stride[NET_MAX_RANK], next = 1;
    if (node->op == NET_RESHAPE) {
        for (int i = 0; i < NET_MAX_RANK; i++)
            push->dims[i] = i < 5 ? 1 : (int)net_shape_count(shape);
        push->strides[5] = 1;
    } else {
        for (int i = NET_MAX_RANK - 1; i >= 0; i--) {
            stride[i] = next;
            next *= node->u.permute.dim[i];
        }
        for (int i = 0; i < NET_MAX_RANK; i++) {
            push->dims[i] = (int)node->u.permute.dim[node->u.permute.perm[i]];
            push->strides[i] = (int)stride[node->u.permute.perm[i]];
        }
    }
    step->value = node->output;
    return true;
}

/* The kernel joins two maps; for more, its result is joined with the next. */
bool lower_concat(struct lowering *low, const struct net_node *node,
                  struct daub_error *error)
{
    struct plan *plan = low->plan;
    if (node->u.concat.axis != 1)
        return lower_unsupported(node, "joins along another axis than the channels",
                                 error);
    for (int i = 0; i < node->input_count; i++) {
        if (!lower_input_view(low, node, i, error))
            return false;
    }
    struct plan_view left = low->views[node->input[0]];
    if (node->input_count == 1)
        low->views[node->output] = left;
    for (int i = 1; i < node->input_count; i++) {
        struct plan_view right = low->views[node->input[i]];
        struct plan_tensor a = plan->tensors[left.tensor],
                           b = plan->tensors[right.tensor];
        int out = i + 1 == node->input_count
                      ? lower_output_map(low, node, error)
                      : plan_add_map(plan, "concat", a.h, a.w, a.c + b.c, error);
        struct plan_step *step =
            out < 0 ? NULL : add_remap(low, node, REMAP_CONCAT, &left, out, error);
        if (!step)
            return false;
        plan_bind_view1(plan, step, &right);
        step->push.remap.c4_1 = (b.c + 3) / 4;
        step->constants.own.remap.ALIGNED = a.c % 4 == 0;
        left = lower_plain_view(out);
        if (i + 1 == node->input_count)
            step->value = node->output;
    }
    return true;
}

/* Adds a step from the node's input to a new map, with one invocation for each pixel.
 * *in: the input tensor. */
static struct plan_step *start_step(struct lowering *low, const struct net_node *node,
                                    enum kernel kernel, const struct plan_tensor **in,
                                    struct daub_error *error)
{
    const struct plan_view *view = lower_input_view(low, node, 0, error);
    if (!view)
        return NULL;
    struct plan_view from = *view;
    int out = lower_output_map(low, node, error);
    struct plan_step *step =
        out < 0 ? NULL : plan_add_step(low->plan, kernel, node->name, error);
    if (!step)
        return NULL;
    const struct plan_tensor *to = &low->plan->tensors[out];
    *in = &low->plan->tensors[from.tensor];
    plan_bind_view0(low->plan, step, &from);
    plan_bind_tensor(low->plan, step, SLOT_OUTPUT, out);
    plan_pixel_grid(step, to->w, to->h, ((*in)->c + 3) / 4);
    step->value = node->output;
    return step;
}

bool lower_resize(struct lowering *low, const struct net_node *node,
                  struct daub_error *error)
{
    const struct plan_tensor *in;
    struct plan_step *step = start_step(low, node, KERNEL_RESIZE, &in, error);
    if (!step)
        return false;
    const struct plan_tensor *to = &low->plan->tensors[step->bind[SLOT_OUTPUT].tensor];
    step->constants.own.resize =
        (struct resize_constants){.MODE = node->u.resize.mode,
                                  .COORD = node->u.resize.coord,
                                  .NEAREST = node->u.resize.nearest,
                                  .CUBIC = node->u.resize.cubic};
    step->push.resize = (struct resize_push){.in_h = in->h,
                                             .in_w = in->w,
                                             .out_h = to->h,
                                             .out_w = to->w,
                                             .c4 = (in->c + 3) / 4,
                                             .scale_y = node->u.resize.scale[0],
                                             .scale_x = node->u.resize.scale[1]};
    return true;
}

bool lower_pool(struct lowering *low, const struct net_node *node,
                struct daub_error *error)
{
    const struct plan_tensor *in;
    struct plan_step *step = start_step(low, node, KERNEL_POOL, &in, error);
    if (!step)
        return false;
    const struct plan_tensor *to = &low->plan->tensors[step->bind[SLOT_OUTPUT].tensor];
    const struct net_window *w = &node->u.pool.window;
    step->constants.own.pool = (struct pool_constants){
        .KIND = node->u.pool.kind, .KH = w->kernel[0], .KW = w->kernel[1]};
    step->push.pool = (struct pool_push){.in_h = in->h,
                                         .in_w = in->w,
                                         .out_h = to->h,
                                         .out_w = to->w,
                                         .c4 = (in->c + 3) / 4,
                                         .stride_y = w->stride[0],
                                         .stride_x = w->stride[1],
                                         .dilation_y = w->dilation[0],
                                         .dilation_x = w->dilation[1],
                                         .top = w->pad[0],
                                         .left = w->pad[1],
                                         .bottom = w->pad[2],
                                         .right = w->pad[3]};
    return true;
}

void lower_fold_output(struct lowering *low)
{
    struct plan *plan = low->plan;
    const struct plan_step *last =
        plan->step_count ? &plan->steps[plan->step_count - 1] : NULL;
    const struct plan_view *out = &plan->output;
    if (!plan->caps.fold_blocks || !last || last->kernel != KERNEL_REMAP)
        return;
    const struct remap_constants *remap = &last->constants.own.remap;
    if (last->bind[SLOT_OUTPUT].tensor != out->tensor ||
        remap->BLOCK > MAX_FOLDED_BLOCK ||
        (remap->MODE != REMAP_D2S_DCR && remap->MODE != REMAP_D2S_CRD))
        return;
    bool pending = last->constants.V0_AFFINE || last->constants.V0_ACT != NET_ACT_NONE;
    if (pending || out->affine_tensor >= 0 || out->affine_param >= 0)
        return;
    plan->output.tensor = last->bind[SLOT_INPUT0].tensor;
    plan->output_block = remap->BLOCK;
    plan->output_crd = remap->MODE == REMAP_D2S_CRD;
    plan->step_count--;
}
