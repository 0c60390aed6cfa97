/* Places a plan's tensors in the arena, sets barriers, checks and dumps plans. */
#include "net/plan_build.h"

#include <stdlib.h>
#include <string.h>

#include "net/ref.h"
#include "util/alloc.h"
#include "util/error.h"

enum { UNBARRED_MAX = 64 }; /* steps in a row without a barrier */

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
 * time. order: the placed tensors, by offset. */
static size_t find_offset(const struct plan *plan, const int *order, size_t placed,
                          const struct plan_tensor *tensor)
{
    size_t at = 0;
    for (size_t i = 0; i < placed; i++) {
        const struct plan_tensor *other = &plan->tensors[order[i]];
        if (!plan->caps.keep_all && !overlap(other, tensor))
            continue;
        if (at + tensor->bytes <= other->offset)
            break;
        size_t end = plan_round_up(other->offset + other->bytes, plan->caps.align);
        at = end > at ? end : at;
    }
    return at;
}

struct sized {
    size_t bytes;
    int tensor;
};

/* The largest first; equal ones in their order. */
static int compare_sizes(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->tensor > y->tensor) - (x->tensor < y->tensor);
}

/* Places the tensors in the arena: the largest first, each at the lowest free offset. */
static bool place(struct plan *plan, struct daub_error *error)
{
    struct sized *sorted = daub_alloc(plan->tensor_count, sizeof(*sorted));
    int *order = daub_alloc(plan->tensor_count, sizeof(*order)); /* by offset */
    size_t count = 0;
    if (!sorted || !order) {
        free(sorted);
        free(order);
        return daub_no_memory(error, "planning the model");
    }
    for (size_t i = 0; i < plan->tensor_count; i++) {
        if (!plan->tensors[i].external && plan->tensors[i].first >= 0)
            sorted[count++] = (struct sized){plan->tensors[i].bytes, (int)i};
    }
    qsort(sorted, count, sizeof(*sorted), compare_sizes);
    for (size_t i = 0; i < count; i++) {
        struct plan_tensor *tensor = &plan->tensors[sorted[i].tensor];
        tensor->offset = find_offset(plan, order, i, tensor);
        if (tensor->offset + tensor->bytes > plan->arena_bytes)
            plan->arena_bytes = tensor->offset + tensor->bytes;
        size_t k = i;
        for (; k > 0 && plan->tensors[order[k - 1]].offset > tensor->offset; k--)
            order[k] = order[k - 1];
        order[k] = sorted[i].tensor;
    }
    free(sorted);
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
 * conflict. One is set after UNBARRED_MAX steps at the latest: the search takes time. */
static void set_barriers(struct plan *plan)
{
    size_t since = 0;
    for (size_t s = 0; s < plan->step_count; s++) {
        plan->steps[s].barrier = s - since > UNBARRED_MAX;
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
