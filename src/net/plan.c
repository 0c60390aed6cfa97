/* Adds tensors, steps and weights to a plan and places tensors in the arena. */
#include "net/lower.h"

#include <stdlib.h>
#include <string.h>

#include "net/ref.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/half.h"

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

void net_plan_free(struct plan *plan)
{
    free(plan->tensors);
    free(plan->steps);
    free(plan->weights);
    free(plan->params);
    free(plan->fills);
    memset(plan, 0, sizeof(*plan));
}

static int add_tensor(struct plan *plan, const struct plan_tensor *tensor,
                      struct daub_error *error)
{
    if (tensor->bytes > plan->caps.max_range) {
        daub_fail(error, DAUB_ERROR_MEMORY,
                  "a map of %d x %d x %d takes %.0f MB and the device reads at most %.0f "
                  "MB at once; paint at a smaller --size%s",
                  tensor->w, tensor->h, tensor->c, (double)tensor->bytes / 1e6,
                  (double)plan->caps.max_range / 1e6,
                  plan->caps.fp16 ? "" : " or with --precision fp16");
        return -1;
    }
    if (!daub_grow(&plan->tensors, &plan->tensor_capacity, plan->tensor_count + 1,
                   sizeof(*plan->tensors))) {
        daub_no_memory(error, "planning the model");
        return -1;
    }
    plan->tensors[plan->tensor_count] = *tensor;
    plan->tensors[plan->tensor_count].first = -1;
    plan->tensors[plan->tensor_count].last = -1;
    return (int)plan->tensor_count++;
}

int plan_add_map(struct plan *plan, const char *name, int h, int w, int c,
                 struct daub_error *error)
{
    struct plan_tensor tensor = {.h = h, .w = w, .c = c};
    snprintf(tensor.name, sizeof(tensor.name), "%s", name);
    size_t c4 = ((size_t)c + 3) / 4;
    if (!daub_mul_size((size_t)h, (size_t)w, &tensor.bytes) ||
        !daub_mul_size(tensor.bytes, c4 * (plan->caps.fp16 ? 8 : 16), &tensor.bytes)) {
        daub_fail(error, DAUB_ERROR_MODEL, "a map of %d x %d x %d is too large", w, h, c);
        return -1;
    }
    return add_tensor(plan, &tensor, error);
}

int plan_add_floats(struct plan *plan, const char *name, size_t vec4s,
                    struct daub_error *error)
{
    struct plan_tensor tensor = {.floats = true, .bytes = vec4s * 16};
    snprintf(tensor.name, sizeof(tensor.name), "%s", name);
    return add_tensor(plan, &tensor, error);
}

struct plan_step *plan_add_step(struct plan *plan, enum kernel kernel, const char *name,
                                struct daub_error *error)
{
    if (!daub_grow(&plan->steps, &plan->step_capacity, plan->step_count + 1,
                   sizeof(*plan->steps))) {
        daub_no_memory(error, "planning the model");
        return NULL;
    }
    struct plan_step *step = &plan->steps[plan->step_count++];
    memset(step, 0, sizeof(*step));
    snprintf(step->name, sizeof(step->name), "%s", name);
    step->kernel = kernel;
    step->value = -1;
    step->constants = kernel_default_constants();
    return step;
}

void plan_bind_tensor(const struct plan *plan, struct plan_step *step,
                      enum kernel_slot slot, int tensor)
{
    step->bind[slot] = (struct plan_binding){
        .where = PLAN_TENSOR,
        .tensor = tensor,
        .bytes = plan->tensors[tensor].bytes,
        .floats = plan->tensors[tensor].floats,
        .write = slot >= FIRST_OUTPUT_SLOT,
    };
}

int64_t plan_add_params(struct plan *plan, size_t count, struct daub_error *error)
{
    /* Bindings start on aligned offsets. */
    size_t at = round_up(plan->param_count, plan->caps.align / sizeof(float));
    size_t end = at + round_up(count, 4);
    if (!daub_grow(&plan->params, &plan->param_capacity, end, sizeof(float))) {
        daub_no_memory(error, "planning the model");
        return -1;
    }
    plan->param_count = end;
    return (int64_t)(at * sizeof(float));
}

int64_t plan_add_weights(struct plan *plan, const float *data, size_t count, bool as_half,
                         struct daub_error *error)
{
    size_t at = round_up(plan->weight_bytes, plan->caps.align), bytes, end;
    if (!daub_mul_size(count, as_half ? 2 : 4, &bytes) ||
        !daub_add_size(at, bytes, &end) ||
        !daub_grow(&plan->weights, &plan->weight_capacity, end, 1)) {
        daub_no_memory(error, "planning the model");
        return -1;
    }
    unsigned char *to = plan->weights + at;
    for (size_t i = 0; as_half && i < count; i++) {
        uint16_t half = daub_float_to_half(data[i]);
        memcpy(to + 2 * i, &half, 2);
    }
    if (!as_half)
        memcpy(to, data, bytes);
    plan->weight_bytes = end;
    return (int64_t)at;
}

void plan_bind_params(struct plan_step *step, enum kernel_slot slot, int64_t offset,
                      size_t bytes)
{
    step->bind[slot] = (struct plan_binding){
        .where = PLAN_PARAMS, .offset = (size_t)offset, .bytes = bytes, .floats = true};
}

/* Binds the view's pending affine map; false where there is none. */
static bool bind_affine(const struct plan *plan, struct plan_step *step,
                        enum kernel_slot slot, const struct plan_view *view)
{
    const struct plan_tensor *tensor = &plan->tensors[view->tensor];
    if (view->affine_tensor >= 0)
        plan_bind_tensor(plan, step, slot, view->affine_tensor);
    else if (view->affine_param >= 0)
        plan_bind_params(step, slot, view->affine_param,
                         ((size_t)tensor->c + 3) / 4 * 32);
    return view->affine_tensor >= 0 || view->affine_param >= 0;
}

void plan_bind_view0(const struct plan *plan, struct plan_step *step,
                     const struct plan_view *view)
{
    plan_bind_tensor(plan, step, SLOT_INPUT0, view->tensor);
    step->constants.V0_AFFINE = bind_affine(plan, step, SLOT_AFFINE0, view);
    step->constants.V0_ACT = view->act;
    step->constants.V0_ALPHA = view->alpha;
    step->constants.V0_BETA = view->beta;
}

void plan_bind_view1(const struct plan *plan, struct plan_step *step,
                     const struct plan_view *view)
{
    plan_bind_tensor(plan, step, SLOT_INPUT1, view->tensor);
    step->constants.V1_AFFINE = bind_affine(plan, step, SLOT_AFFINE1, view);
    step->constants.V1_ACT = view->act;
    step->constants.V1_ALPHA = view->alpha;
    step->constants.V1_BETA = view->beta;
}

void plan_set_act(struct plan_step *step, enum net_act act, float alpha, float beta)
{
    step->constants.ACT = act;
    step->constants.ALPHA = alpha;
    step->constants.BETA = beta;
}

int plan_pixel_grid(const struct plan *plan, struct plan_step *step, int w, int rows,
                    int c4)
{
    int lanes = plan->caps.texel ? plan->caps.lanes : SHARED_LANES;
    /* A processor is faster with few, long invocations, a GPU with many short ones. */
    int c_step = plan->caps.texel ? c4 : 1;
    step->constants.LANES = lanes;
    step->groups[0] = (uint32_t)((w + lanes - 1) / lanes);
    step->groups[1] = (uint32_t)rows;
    step->groups[2] = (uint32_t)((c4 + c_step - 1) / c_step);
    return c_step;
}

static void touch(struct plan_tensor *tensor, int step)
{
    if (tensor->first < 0)
        tensor->first = step;
    tensor->last = step;
}

static void find_lifetimes(struct plan *plan)
{
    for (size_t s = 0; s < plan->step_count; s++) {
        for (int i = 0; i < SLOT_COUNT; i++) {
            if (plan->steps[s].bind[i].where == PLAN_TENSOR)
                touch(&plan->tensors[plan->steps[s].bind[i].tensor], (int)s);
        }
    }
    /* The painting and its affine pair are read after the last step. */
    touch(&plan->tensors[plan->output.tensor], (int)plan->step_count);
    if (plan->output.affine_tensor >= 0)
        touch(&plan->tensors[plan->output.affine_tensor], (int)plan->step_count);
}

static bool overlap(const struct plan_tensor *a, const struct plan_tensor *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Lowest offset at which the tensor overlaps no placed tensor that is used at the same
 * time. Candidates are zero and the end of every placed tensor. */
static size_t find_offset(const struct plan *plan, const int *order, size_t placed,
                          const struct plan_tensor *tensor)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i <= placed; i++) {
        size_t at = 0;
        if (i > 0) {
            const struct plan_tensor *left = &plan->tensors[order[i - 1]];
            at = round_up(left->offset + left->bytes, plan->caps.align);
        }
        bool free_here = at < best;
        for (size_t k = 0; k < placed && free_here; k++) {
            const struct plan_tensor *other = &plan->tensors[order[k]];
            if ((plan->caps.keep_all || overlap(other, tensor)) &&
                at < other->offset + other->bytes && other->offset < at + tensor->bytes)
                free_here = false;
        }
        if (free_here)
            best = at;
    }
    return best;
}

/* Places the tensors in the arena: the largest first, each at the lowest free offset. */
static bool place(struct plan *plan, struct daub_error *error)
{
    int *order = daub_alloc(plan->tensor_count, sizeof(*order));
    if (!order)
        return daub_no_memory(error, "planning the model");
    size_t count = 0;
    for (size_t i = 0; i < plan->tensor_count; i++) {
        if (!plan->tensors[i].external && plan->tensors[i].first >= 0)
            order[count++] = (int)i;
    }
    /* Insertion sort: qsort has no argument for the plan, and there are at most a few
     * hundred tensors. */
    for (size_t i = 1; i < count; i++) {
        int moving = order[i];
        size_t k = i;
        for (; k > 0 && plan->tensors[order[k - 1]].bytes < plan->tensors[moving].bytes;
             k--)
            order[k] = order[k - 1];
        order[k] = moving;
    }
    for (size_t i = 0; i < count; i++) {
        struct plan_tensor *tensor = &plan->tensors[order[i]];
        tensor->offset = find_offset(plan, order, i, tensor);
        if (tensor->offset + tensor->bytes > plan->arena_bytes)
            plan->arena_bytes = tensor->offset + tensor->bytes;
    }
    free(order);
    return true;
}

static void count_live_maps(struct plan *plan)
{
    for (size_t s = 0; s < plan->step_count; s++) {
        int live = 0;
        for (size_t i = 0; i < plan->tensor_count; i++) {
            const struct plan_tensor *t = &plan->tensors[i];
            live += !t->floats && !t->external && t->h * t->w > 1 && t->first >= 0 &&
                    t->first <= (int)s && t->last >= (int)s;
        }
        if (live > plan->max_live_maps)
            plan->max_live_maps = live;
    }
}

static bool same_memory(const struct plan *plan, const struct plan_binding *a,
                        const struct plan_binding *b)
{
    if (a->where != PLAN_TENSOR || b->where != PLAN_TENSOR)
        return false;
    const struct plan_tensor *x = &plan->tensors[a->tensor],
                             *y = &plan->tensors[b->tensor];
    if (x->external || y->external)
        return a->tensor == b->tensor;
    return x->offset < y->offset + y->bytes && y->offset < x->offset + x->bytes;
}

static bool conflict(const struct plan *plan, size_t earlier, size_t later)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        for (int k = 0; k < SLOT_COUNT; k++) {
            const struct plan_binding *a = &plan->steps[earlier].bind[i];
            const struct plan_binding *b = &plan->steps[later].bind[k];
            if ((a->write || b->write) && same_memory(plan, a, b))
                return true;
        }
    }
    return false;
}

/* A barrier waits for all preceding steps, so only steps since the last barrier can
 * conflict. */
static void set_barriers(struct plan *plan)
{
    size_t since = 0;
    for (size_t s = 0; s < plan->step_count; s++) {
        for (size_t e = since; e < s && !plan->steps[s].barrier; e++)
            plan->steps[s].barrier = conflict(plan, e, s);
        if (plan->steps[s].barrier)
            since = s;
    }
}

bool plan_finish(struct plan *plan, struct daub_error *error)
{
    find_lifetimes(plan);
    if (!place(plan, error))
        return false;
    count_live_maps(plan);
    set_barriers(plan);
    return true;
}

bool net_plan_check(const struct plan *plan, struct daub_error *error)
{
    for (size_t i = 0; i < plan->tensor_count; i++) {
        const struct plan_tensor *a = &plan->tensors[i];
        if (a->external || a->first < 0)
            continue;
        if (a->offset % plan->caps.align || a->offset + a->bytes > plan->arena_bytes)
            return daub_fail(error, DAUB_ERROR_FAILED, "plan: tensor %s is misplaced",
                             a->name);
        for (size_t k = 0; k < i; k++) {
            const struct plan_tensor *b = &plan->tensors[k];
            if (!b->external && b->first >= 0 && overlap(a, b) &&
                a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes)
                return daub_fail(error, DAUB_ERROR_FAILED,
                                 "plan: tensors %s and %s overlap", a->name, b->name);
        }
    }
    size_t since = 0;
    for (size_t s = 0; s < plan->step_count; s++) {
        if (plan->steps[s].barrier)
            since = s;
        for (size_t e = since; e < s; e++) {
            if (conflict(plan, e, s))
                return daub_fail(error, DAUB_ERROR_FAILED,
                                 "plan: no barrier between %s and %s",
                                 plan->steps[e].name, plan->steps[s].name);
        }
        for (int i = 0; i < SLOT_COUNT; i++) {
            const struct plan_binding *b = &plan->steps[s].bind[i];
            if (b->where == PLAN_TENSOR && !b->write &&
                !plan->tensors[b->tensor].external &&
                plan->tensors[b->tensor].first == (int)s)
                return daub_fail(error, DAUB_ERROR_FAILED,
                                 "plan: %s reads %s before it is written",
                                 plan->steps[s].name, plan->tensors[b->tensor].name);
        }
    }
    return true;
}

bool net_plan_fill(const struct plan *plan, const struct net_graph *graph,
                   const float *style, float *params, struct daub_error *error)
{
    struct net_ref ref = {0};
    float *zeros = NULL;
    bool ok = plan->fill_count == 0;
    if (ok)
        return true;
    if (!style && graph->style >= 0) {
        int64_t count = net_shape_count(&graph->values[graph->style].shape);
        style = zeros = daub_alloc((size_t)count, sizeof(float));
        if (!zeros)
            return daub_no_memory(error, "planning the model");
    }
    ok = net_ref_run(&ref, graph, NULL, style, NET_REF_STYLE, true, error);
    for (size_t i = 0; ok && i < plan->fill_count; i++) {
        const struct plan_fill *fill = &plan->fills[i];
        float *to = params + fill->offset / (int64_t)sizeof(float);
        for (int k = 0; k < fill->count; k++) {
            int at = fill->layout == PLAN_FILL_AFFINE ? k / 4 * 8 + k % 4 : k;
            to[at] = ref.result[fill->value][k] * fill->factor;
        }
    }
    net_ref_free(&ref);
    free(zeros);
    return ok;
}

void net_plan_dump(const struct plan *plan, FILE *file)
{
    fprintf(file,
            "plan %s %s: %zu steps, %d live maps, arena %zu bytes, weights %zu bytes\n",
            plan->caps.texel ? "texel" : "shared", plan->caps.fp16 ? "fp16" : "fp32",
            plan->step_count, plan->max_live_maps, plan->arena_bytes, plan->weight_bytes);
    for (size_t s = 0; s < plan->step_count; s++) {
        const struct plan_step *step = &plan->steps[s];
        fprintf(file, "%3zu %c %-14s %ux%ux%u", s, step->barrier ? '|' : ' ',
                kernel_info(step->kernel)->name, step->groups[0], step->groups[1],
                step->groups[2]);
        for (int i = 0; i < SLOT_COUNT; i++) {
            const struct plan_binding *b = &step->bind[i];
            if (b->where == PLAN_TENSOR) {
                const struct plan_tensor *t = &plan->tensors[b->tensor];
                fprintf(file, " %d%c%s@%zu+%zu", i, b->write ? '>' : '<', t->name,
                        t->offset, t->bytes);
            }
        }
        fprintf(file, "  %s\n", step->name);
    }
}
