/* Places a plan's tensors in the arena, sets barriers, checks and dumps plans. */
#include "net/plan_build.h"

#include <stdlib.h>
#include <string.h>

#include "net/ref.h"
#include "util/alloc.h"
#include "util/error.h"

void net_plan_free(struct plan *plan)
{
    free(plan->tensors);
    free(plan->steps);
    free(plan->weights);
    free(plan->params);
    free(plan->fills);
    memset(plan, 0, sizeof(*plan));
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
            at = plan_round_up(left->offset + left->bytes, plan->caps.align);
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
        const float *from = ref.result[fill->value];
        int64_t have = net_shape_count(&graph->values[fill->value].shape);
        for (int k = 0; k < fill->count; k++) {
            int at = fill->layout == PLAN_FILL_AFFINE ? k / 4 * 8 + k % 4 : k;
            float x = from[have == 1 ? 0 : k];
            to[at] = (fill->inverse ? 1 / x : x) * fill->factor;
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
            plan->caps.host ? "host" : "shaders", plan->caps.fp16 ? "fp16" : "fp32",
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
