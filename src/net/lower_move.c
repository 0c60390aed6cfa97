/* Operators that move elements: slices, pads, blocks, concatenation, resizing, pooling.
 */
#include "net/lower.h"

#include <string.h>

enum remap_mode {
    REMAP_WINDOW = 1,
    REMAP_D2S_DCR,
    REMAP_D2S_CRD,
    REMAP_S2D_DCR,
    REMAP_S2D_CRD,
    REMAP_CONCAT
};

static struct plan_step *add_remap(struct lowering *low, const struct net_node *node,
                                   enum remap_mode mode, const struct plan_view *from,
                                   int out, struct daub_error *error)
{
    struct plan *plan = low->plan;
    struct plan_step *step = plan_add_step(plan, "remap", node->name, error);
    if (!step)
        return NULL;
    const struct plan_tensor *in = &plan->tensors[from->tensor],
                             *to = &plan->tensors[out];
    step->spec[1] = mode;
    step->spec[4] = NET_PAD_ZERO;
    plan_bind_view(plan, step, 0, from);
    plan_bind_tensor(plan, step, 6, out, true);
    int c4 = (to->c + 3) / 4;
    int c_step = plan_pixel_grid(plan, step, to->w, to->h, c4);
    int32_t push[] = {in->h, in->w, (in->c + 3) / 4,
                      in->c, to->h, to->w,
                      c4,    to->c, c_step,
                      0,     0,     0,
                      1,     1,     1,
                      0};
    memcpy(step->push, push, sizeof(push));
    step->push_count = 16;
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
        step->push[9 + i] = (int32_t)start[1 + i];
        step->push[12 + i] = (int32_t)stride[1 + i];
    }
    if (node->op == NET_PAD) {
        step->spec[4] = node->u.pad.mode;
        memcpy(&step->spec[5], &node->u.pad.value, 4);
        if (node->u.pad.mode == NET_PAD_ZERO)
            step->spec[5] = 0;
    }
    step->spec[2] =
        start[1] % 4 == 0 && stride[1] == 1 && low->plan->tensors[from.tensor].c % 4 == 0;
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
        return true; /* folded into the picture */
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
    step->spec[2] = !crd && inner % 4 == 0;
    step->spec[3] = (uint32_t)node->u.block.size;
    step->value = node->output;
    return true;
}

/* Two maps at a time; more are chained. */
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
        plan_bind_view(plan, step, 1, &right);
        step->push[15] = (b.c + 3) / 4;
        step->spec[2] = a.c % 4 == 0;
        left = lower_plain_view(out);
        if (i + 1 == node->input_count)
            step->value = node->output;
    }
    return true;
}

/* A step from the node's one input to a fresh output, a pixel and channel block an
 * invocation; push words 0 to 5 are the sizes, then the caller's. */
static struct plan_step *start_step(struct lowering *low, const struct net_node *node,
                                    const char *kernel, struct daub_error *error)
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
    const struct plan_tensor *in = &low->plan->tensors[from.tensor];
    const struct plan_tensor *to = &low->plan->tensors[out];
    int c4 = (in->c + 3) / 4;
    plan_bind_view(low->plan, step, 0, &from);
    plan_bind_tensor(low->plan, step, 6, out, true);
    int c_step = plan_pixel_grid(low->plan, step, to->w, to->h, c4);
    int32_t push[] = {in->h, in->w, to->h, to->w, c4, c_step};
    memcpy(step->push, push, sizeof(push));
    step->push_count = 6;
    step->value = node->output;
    return step;
}

bool lower_resize(struct lowering *low, const struct net_node *node,
                  struct daub_error *error)
{
    struct plan_step *step = start_step(low, node, "resize", error);
    if (!step)
        return false;
    step->spec[1] = node->u.resize.mode == NET_RESIZE_LINEAR;
    step->spec[2] = node->u.resize.coord;
    step->spec[3] = node->u.resize.nearest;
    memcpy(&step->push[6], node->u.resize.scale, 8);
    step->push_count = 8;
    return true;
}

bool lower_pool(struct lowering *low, const struct net_node *node,
                struct daub_error *error)
{
    struct plan_step *step = start_step(low, node, "pool", error);
    if (!step)
        return false;
    const struct net_window *w = &node->u.pool.window;
    step->spec[1] = node->u.pool.kind;
    step->spec[2] = (uint32_t)w->kernel[0];
    step->spec[3] = (uint32_t)w->kernel[1];
    int32_t push[] = {w->stride[0], w->stride[1], w->dilation[0], w->dilation[1],
                      w->pad[0],    w->pad[1],    w->pad[2],      w->pad[3]};
    memcpy(&step->push[6], push, sizeof(push));
    step->push_count = 14;
    return true;
}

void lower_fold_output(struct lowering *low)
{
    struct plan *plan = low->plan;
    const struct plan_step *last =
        plan->step_count ? &plan->steps[plan->step_count - 1] : NULL;
    const struct plan_view *out = &plan->output;
    if (!plan->caps.fold_blocks || !last || strcmp(last->kernel, "remap") != 0 ||
        last->bind[6].tensor != out->tensor || last->spec[3] > MAX_FOLDED_BLOCK ||
        (last->spec[1] != REMAP_D2S_DCR && last->spec[1] != REMAP_D2S_CRD))
        return;
    bool before = last->spec[20] || last->spec[21] != NET_ACT_NONE;
    if (before || out->affine_tensor >= 0 || out->affine_param >= 0)
        return;
    plan->output.tensor = last->bind[0].tensor;
    plan->output_block = (int)last->spec[3];
    plan->output_crd = last->spec[1] == REMAP_D2S_CRD;
    plan->step_count--;
}
