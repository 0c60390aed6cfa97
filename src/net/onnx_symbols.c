#include <stdlib.h>
#include <string.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"

enum { MAX_NAMES = 4 * NET_MAX_VALUES, MAX_STYLES = 4096 };

static int compare_names(const void *a, const void *b)
{
    const struct net_onnx_symbol *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int find_symbol(const struct net_onnx *onnx, const char *name)
{
    if (!name || !*name)
        return -1;
    const struct net_onnx_symbol key = {.name = name};
    const struct net_onnx_symbol *found =
        bsearch(&key, onnx->symbols, onnx->symbol_count, sizeof(key), compare_names);
    return found ? (int)(found - onnx->symbols) : -1;
}

static void add_name(struct net_onnx *onnx, const char *name)
{
    if (name && *name)
        onnx->symbols[onnx->symbol_count++] =
            (struct net_onnx_symbol){.name = name, .producer = -1};
}

enum { MAX_NESTING = 8 };

/* The branch of an If; NULL where it has none of that name. */
static const Onnx__GraphProto *branch(const Onnx__NodeProto *node, bool when)
{
    const char *name = when ? "then_branch" : "else_branch";
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (node->attribute[i]->name && !strcmp(node->attribute[i]->name, name))
            return node->attribute[i]->g;
    }
    return NULL;
}

static bool is_if(const Onnx__NodeProto *node)
{
    return node->op_type && !strcmp(node->op_type, "If") &&
           (!node->domain || !*node->domain || !strcmp(node->domain, "ai.onnx"));
}

/* Lists the nodes of a graph, before each If those of its branches. */
static bool list_nodes(struct net_onnx *onnx, const Onnx__GraphProto *graph, int guard,
                       int depth, struct daub_error *error)
{
    if (depth > MAX_NESTING || onnx->listed_count + graph->n_node > NET_MAX_VALUES)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "has more than %d nodes, or Ifs within Ifs; use a smaller model",
                         NET_MAX_VALUES);
    if (!daub_grow(&onnx->graphs, &onnx->graph_capacity, onnx->graph_count + 1,
                   sizeof(*onnx->graphs)))
        return daub_no_memory(error, "reading the model");
    onnx->graphs[onnx->graph_count++] = graph;
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        for (int when = 1; when >= 0 && is_if(node) && node->n_input > 0; when--) {
            const Onnx__GraphProto *part = branch(node, when);
            int inner = (int)onnx->guard_count;
            if (!part)
                continue;
            if (!daub_grow(&onnx->guards, &onnx->guard_capacity, onnx->guard_count + 1,
                           sizeof(*onnx->guards)))
                return daub_no_memory(error, "reading the model");
            onnx->guards[onnx->guard_count++] =
                (struct net_onnx_guard){.owner = node, .when = when, .parent = guard};
            if (!list_nodes(onnx, part, inner, depth + 1, error))
                return false;
        }
        if (!daub_grow(&onnx->listed, &onnx->listed_capacity, onnx->listed_count + 1,
                       sizeof(*onnx->listed)))
            return daub_no_memory(error, "reading the model");
        onnx->listed[onnx->listed_count++] = (struct net_onnx_listed){node, guard};
    }
    return true;
}

/* Names that the node reads: those of an If are the condition and the results of its
 * branches, first of the one for true. */
static size_t input_names(const Onnx__NodeProto *node, const char **names)
{
    size_t count = 0;
    for (size_t i = 0; i < node->n_input; i++, count++) {
        if (names)
            names[count] = node->input[i];
    }
    for (int when = 1; when >= 0 && is_if(node); when--) {
        const Onnx__GraphProto *part = branch(node, when);
        for (size_t i = 0; part && i < part->n_output; i++, count++) {
            if (names)
                names[count] = part->output[i]->name;
        }
    }
    return count;
}

/* Sorted by name and unique, for binary search. */
static bool collect_names(struct net_onnx *onnx, struct daub_error *error)
{
    size_t count = 0;
    for (size_t g = 0; g < onnx->graph_count; g++)
        count += onnx->graphs[g]->n_input + onnx->graphs[g]->n_initializer +
                 onnx->graphs[g]->n_output;
    for (size_t i = 0; i < onnx->listed_count && count <= MAX_NAMES; i++)
        count += onnx->listed[i].proto->n_input + onnx->listed[i].proto->n_output;
    if (count > MAX_NAMES)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "has more than %d values; use a smaller model", NET_MAX_VALUES);
    onnx->symbols = daub_alloc(count, sizeof(*onnx->symbols));
    if (!onnx->symbols)
        return daub_no_memory(error, "reading the model");
    for (size_t g = 0; g < onnx->graph_count; g++) {
        const Onnx__GraphProto *graph = onnx->graphs[g];
        for (size_t i = 0; i < graph->n_input; i++)
            add_name(onnx, graph->input[i]->name);
        for (size_t i = 0; i < graph->n_initializer; i++)
            add_name(onnx, graph->initializer[i]->name);
        for (size_t i = 0; i < graph->n_output; i++)
            add_name(onnx, graph->output[i]->name);
    }
    for (size_t i = 0; i < onnx->listed_count; i++) {
        const Onnx__NodeProto *node = onnx->listed[i].proto;
        for (size_t k = 0; k < node->n_input; k++)
            add_name(onnx, node->input[k]);
        for (size_t k = 0; k < node->n_output; k++)
            add_name(onnx, node->output[k]);
    }
    qsort(onnx->symbols, onnx->symbol_count, sizeof(*onnx->symbols), compare_names);
    size_t unique = 0;
    for (size_t i = 0; i < onnx->symbol_count; i++)
        if (unique == 0 || strcmp(onnx->symbols[unique - 1].name, onnx->symbols[i].name))
            onnx->symbols[unique++] = onnx->symbols[i];
    onnx->symbol_count = unique;
    return true;
}

static bool defined_twice(const char *name, struct daub_error *error)
{
    char text[NET_ONNX_TEXT];
    return daub_fail(error, DAUB_ERROR_MODEL, "defines '%s' twice; the file is damaged",
                     net_onnx_printable(name, text));
}

/* Sets initializer, input or producer of each symbol. */
static bool define_symbols(struct net_onnx *onnx, struct daub_error *error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;
    for (size_t g = 0; g < onnx->graph_count; g++)
        for (size_t i = 0; i < onnx->graphs[g]->n_initializer; i++) {
            const Onnx__TensorProto *tensor = onnx->graphs[g]->initializer[i];
            int s = find_symbol(onnx, tensor->name);
            if (s >= 0 && onnx->symbols[s].initializer)
                return defined_twice(onnx->symbols[s].name, error);
            if (s >= 0)
                onnx->symbols[s].initializer = tensor;
        }
    for (size_t i = 0; i < graph->n_input; i++) {
        int s = find_symbol(onnx, graph->input[i]->name);
        if (s >= 0 && onnx->symbols[s].input)
            return defined_twice(onnx->symbols[s].name, error);
        /* Files of IR version 3 list initializers among the inputs too. */
        if (s >= 0 && !onnx->symbols[s].initializer)
            onnx->symbols[s].input = graph->input[i];
    }
    for (size_t i = 0; i < onnx->listed_count; i++)
        for (size_t k = 0; k < onnx->listed[i].proto->n_output; k++) {
            int s = find_symbol(onnx, onnx->listed[i].proto->output[k]);
            if (s < 0)
                continue;
            if (onnx->symbols[s].initializer || onnx->symbols[s].input ||
                onnx->symbols[s].producer >= 0)
                return defined_twice(onnx->symbols[s].name, error);
            onnx->symbols[s].producer = (int)i;
        }
    return true;
}

/* Fills onnx->nodes with all nodes of the file and the symbols they read and write. */
static bool link_nodes(struct net_onnx *onnx, struct daub_error *error)
{
    size_t count = 0, longest = 0;
    for (size_t i = 0; i < onnx->listed_count; i++) {
        size_t inputs = input_names(onnx->listed[i].proto, NULL);
        longest = inputs > longest ? inputs : longest;
        count += inputs + onnx->listed[i].proto->n_output;
    }
    const char **names = daub_alloc(longest, sizeof(*names));
    onnx->links = daub_alloc(count, sizeof(int));
    onnx->nodes = daub_alloc(onnx->listed_count, sizeof(*onnx->nodes));
    if (!onnx->links || !onnx->nodes || !names) {
        free(names);
        return daub_no_memory(error, "reading the model");
    }
    int *next = onnx->links;
    for (size_t i = 0; i < onnx->listed_count; i++) {
        const Onnx__NodeProto *proto = onnx->listed[i].proto;
        size_t inputs = input_names(proto, names);
        onnx->nodes[i] = (struct net_onnx_node){
            .proto = proto,
            .guard = onnx->listed[i].guard,
            .input = next,
            .output = next + inputs,
            .input_count = (int)inputs,
            .output_count = (int)proto->n_output,
        };
        for (size_t k = 0; k < inputs; k++)
            *next++ = find_symbol(onnx, names[k]);
        for (size_t k = 0; k < proto->n_output; k++)
            *next++ = find_symbol(onnx, proto->output[k]);
    }
    free(names);
    for (size_t g = 0; g < onnx->guard_count; g++)
        onnx->guards[g].condition = find_symbol(onnx, onnx->guards[g].owner->input[0]);
    onnx->node_count = onnx->listed_count;
    return true;
}

/* Depth-first search from the output back to the inputs. */
struct walk {
    struct net_onnx *onnx;
    enum { NEW, OPEN, DONE } * state; /* by node */
    struct {
        int node, next_input;
    } * stack;
    int *order; /* nodes needed, producers first */
    size_t depth, found;
    bool sorted; /* the file's order is an execution order */
    struct daub_error *error;
};

static bool visit(struct walk *walk, int symbol, int reader)
{
    struct net_onnx_symbol *s = &walk->onnx->symbols[symbol];
    s->used = true;
    if (s->initializer || s->input)
        return true;
    char text[NET_ONNX_TEXT];
    if (s->producer < 0)
        return daub_fail(walk->error, DAUB_ERROR_MODEL,
                         "reads '%s', which nothing computes; the file is damaged",
                         net_onnx_printable(s->name, text));
    if (walk->state[s->producer] == OPEN)
        return daub_fail(
            walk->error, DAUB_ERROR_MODEL,
            "computes '%s' from itself; daub runs feed-forward networks only",
            net_onnx_printable(s->name, text));
    if (reader >= 0 && s->producer > reader)
        walk->sorted = false;
    if (walk->state[s->producer] == NEW) {
        walk->state[s->producer] = OPEN;
        walk->stack[walk->depth].node = s->producer;
        walk->stack[walk->depth++].next_input = 0;
    }
    return true;
}

static bool walk_back(struct walk *walk)
{
    if (!visit(walk, walk->onnx->output, -1))
        return false;
    while (walk->depth > 0) {
        int index = walk->stack[walk->depth - 1].node;
        const struct net_onnx_node *node = &walk->onnx->nodes[index];
        int k = walk->stack[walk->depth - 1].next_input++;
        if (k < node->input_count) {
            if (node->input[k] >= 0 && !visit(walk, node->input[k], index))
                return false;
            continue;
        }
        walk->state[index] = DONE;
        walk->order[walk->found++] = index;
        walk->depth--;
    }
    return true;
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Keeps the needed nodes, in the file's order where that is an execution order. */
static bool sort_nodes(struct net_onnx *onnx, struct daub_error *error)
{
    struct walk walk = {
        .onnx = onnx,
        .state = daub_alloc(onnx->node_count, sizeof(*walk.state)),
        .stack = daub_alloc(onnx->node_count, sizeof(*walk.stack)),
        .order = daub_alloc(onnx->node_count, sizeof(*walk.order)),
        .sorted = true,
        .error = error,
    };
    struct net_onnx_node *kept = daub_alloc(onnx->node_count, sizeof(*kept));
    bool ok = walk.state && walk.stack && walk.order && kept;
    if (!ok)
        daub_no_memory(error, "reading the model");
    ok = ok && walk_back(&walk);
    if (ok) {
        if (walk.sorted)
            qsort(walk.order, walk.found, sizeof(*walk.order), compare_ints);
        for (size_t i = 0; i < walk.found; i++)
            kept[i] = onnx->nodes[walk.order[i]];
        free(onnx->nodes);
        onnx->nodes = kept;
        onnx->node_count = walk.found;
    } else {
        free(kept);
    }
    free(walk.state);
    free(walk.stack);
    free(walk.order);
    return ok;
}

static bool find_ops(struct net_onnx *onnx, struct daub_error *error)
{
    for (size_t i = 0; i < onnx->node_count; i++) {
        struct net_onnx_node *node = &onnx->nodes[i];
        const char *domain = node->proto->domain ? node->proto->domain : "";
        bool standard = !*domain || !strcmp(domain, "ai.onnx");
        if (standard && node->proto->op_type)
            node->op = net_onnx_find_op(node->proto->op_type);
        if (node->op)
            continue;
        char name[NET_ONNX_TEXT], op[NET_ONNX_TEXT], from[NET_ONNX_TEXT];
        net_onnx_printable(node->proto->name, name);
        net_onnx_printable(node->proto->op_type, op);
        net_onnx_printable(domain, from);
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "node '%s': daub cannot run the operator %s%s%s (opset %d); the "
                         "network must do without it",
                         name, standard ? "" : from, standard ? "" : ".", op,
                         onnx->info.opset);
    }
    return true;
}

bool net_onnx_link(struct net_onnx *onnx, struct daub_error *error)
{
    if (!list_nodes(onnx, onnx->model->graph, -1, 0, error) ||
        !collect_names(onnx, error) || !define_symbols(onnx, error) ||
        !link_nodes(onnx, error))
        return false;
    const Onnx__GraphProto *graph = onnx->model->graph;
    onnx->output = graph->n_output ? find_symbol(onnx, graph->output[0]->name) : -1;
    if (onnx->output < 0)
        return daub_fail(error, DAUB_ERROR_MODEL, "names no output; the file is damaged");
    return sort_nodes(onnx, error) && find_ops(onnx, error);
}

/* Dimensions of an input or output, 0 where dynamic. False where the file does not give
 * them. */
static bool declared_shape(const Onnx__ValueInfoProto *info, struct net_shape *shape)
{
    const Onnx__TypeProto *type = info->type;
    if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !type->tensor_type || !type->tensor_type->shape ||
        type->tensor_type->shape->n_dim > NET_MAX_RANK)
        return false;
    *shape = (struct net_shape){.rank = (int)type->tensor_type->shape->n_dim};
    for (int i = 0; i < shape->rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = type->tensor_type->shape->dim[i];
        bool fixed =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        shape->dim[i] = fixed && dim->dim_value > 0 ? dim->dim_value : 0;
        if (shape->dim[i] > NET_MAX_DIM)
            return false;
    }
    return true;
}

static bool is_float(const Onnx__ValueInfoProto *info)
{
    int type = info->type->tensor_type->elem_type;
    return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 ||
           type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
}

/* Whether the name says that the input is the style's picture. */
static bool is_style_name(const char *name)
{
    return strstr(name, "style") || strstr(name, "Style") || strstr(name, "STYLE");
}

/* The second of two pictures is the style's, or the one that is called so. */
static bool set_style_picture(struct net_onnx *onnx, int symbol,
                              const struct net_shape *shape, struct daub_error *error)
{
    struct net_onnx_info *info = &onnx->info;
    char name[NET_ONNX_TEXT];
    net_onnx_printable(onnx->symbols[symbol].name, name);
    int channels = info->nhwc ? 3 : 1;
    if (info->style_picture || onnx->info.file_channels != 3 || info->encoder)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "wants another picture, '%s'; daub feeds one to paint and one "
                         "of the style, each of three channels",
                         name);
    if (shape->dim[0] > 1 || (shape->dim[channels] != 3 && shape->dim[channels] != 0))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "takes a second picture '%s' that is no %s", name,
                         info->nhwc ? "[1,H,W,3]" : "[1,3,H,W]");
    int64_t sides[2] = {shape->dim[info->nhwc ? 1 : 2], shape->dim[info->nhwc ? 2 : 3]};
    onnx->style_image = symbol;
    info->style_picture = true;
    if (is_style_name(onnx->symbols[onnx->image].name) &&
        !is_style_name(onnx->symbols[symbol].name)) {
        onnx->style_image = onnx->image;
        onnx->image = symbol;
        info->style_height = info->fixed_height;
        info->style_width = info->fixed_width;
        info->fixed_height = sides[0];
        info->fixed_width = sides[1];
    } else {
        info->style_height = sides[0];
        info->style_width = sides[1];
    }
    return true;
}

static bool set_image(struct net_onnx *onnx, int symbol, const struct net_shape *shape,
                      struct daub_error *error)
{
    struct net_onnx_info *info = &onnx->info;
    char name[NET_ONNX_TEXT];
    net_onnx_printable(onnx->symbols[symbol].name, name);
    if (onnx->image >= 0)
        return set_style_picture(onnx, symbol, shape, error);
    if (shape->dim[0] > 1)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "takes batches of %lld pictures; export it for one",
                         (long long)shape->dim[0]);
    bool first = shape->dim[1] == 3 || shape->dim[1] == 7 || shape->dim[1] == 4 ||
                 (shape->dim[1] == 1 && shape->dim[3] != 3);
    info->nhwc = !first && shape->dim[3] == 3;
    onnx->info.file_channels = first ? (int)shape->dim[1] : 3;
    info->image_channels = shape->dim[1] == 7 ? 7 : 3;
    if (!first && !info->nhwc && shape->dim[1] != 0)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "takes pictures of %lld channels at '%s'; daub feeds 1 (gray), "
                         "3 (RGB), 4 (with alpha), or 7 with the previous painting",
                         (long long)shape->dim[1], name);
    info->fixed_height = shape->dim[info->nhwc ? 1 : 2];
    info->fixed_width = shape->dim[info->nhwc ? 2 : 3];
    onnx->image = symbol;
    return true;
}

static bool set_style(struct net_onnx *onnx, int symbol, const struct net_shape *shape,
                      struct daub_error *error)
{
    char name[NET_ONNX_TEXT];
    net_onnx_printable(onnx->symbols[symbol].name, name);
    int64_t count = shape->dim[shape->rank - 1];
    if (onnx->style >= 0 || (shape->rank == 2 && shape->dim[0] > 1) || count < 1 ||
        count > MAX_STYLES)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "has the input '%s' beside the image; daub feeds one vector of "
                         "style weights [1,K] of fixed length at most",
                         name);
    onnx->style = symbol;
    onnx->style_shape = *shape;
    onnx->style_shape.dim[0] = shape->rank == 1 ? count : 1;
    onnx->info.style_count = (int)count;
    return true;
}

bool net_onnx_find_inputs(struct net_onnx *onnx, struct daub_error *error)
{
    onnx->image = onnx->style = onnx->style_image = -1;
    const Onnx__GraphProto *graph = onnx->model->graph;
    for (size_t i = 0; i < graph->n_input; i++) {
        int s = find_symbol(onnx, graph->input[i]->name);
        const Onnx__ValueInfoProto *input = s < 0 ? NULL : onnx->symbols[s].input;
        struct net_shape shape;
        if (!input || input != graph->input[i] || !onnx->symbols[s].used)
            continue;
        char name[NET_ONNX_TEXT];
        net_onnx_printable(onnx->symbols[s].name, name);
        if (!declared_shape(input, &shape) || !is_float(input))
            return daub_fail(
                error, DAUB_ERROR_MODEL,
                "does not say that its input '%s' is a float tensor of known "
                "rank; export it again",
                name);
        bool vector = shape.rank == 4 && shape.dim[0] == 1 && shape.dim[1] == 1 &&
                      shape.dim[2] == 1 && shape.dim[3] > 4;
        bool style = shape.rank == 1 || shape.rank == 2 || vector;
        bool image = shape.rank == 4 && !vector;
        if (!image && !style)
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "has an input '%s' of %d axes: no picture [1,3,H,W]", name,
                             shape.rank);
        if (image ? !set_image(onnx, s, &shape, error)
                  : !set_style(onnx, s, &shape, error))
            return false;
    }
    if (onnx->image < 0)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "computes its output without a picture [1,3,H,W]: it is no "
                         "image-to-image network");
    if (onnx->style_image >= 0 && onnx->style >= 0)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "takes a style as a picture and as a vector; daub feeds one of "
                         "them");
    struct net_shape shape;
    const Onnx__ValueInfoProto *output = onnx->model->graph->output[0];
    if (!onnx->info.encoder && declared_shape(output, &shape) && shape.rank != 4 &&
        shape.rank != 0)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "gives a result of %d axes, not a picture [1,3,H,W]: it is a "
                         "classifier or another kind of network",
                         shape.rank);
    return true;
}
