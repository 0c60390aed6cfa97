/* Networks that take the style as a second picture. What depends on that picture alone
 * is an encoder; the vectors that the other nodes read of it, the cuts, become the style
 * input of the network that paints. */
#include <stdlib.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"

enum { MAX_SIGNAL = 4096 };

enum { FROM_PICTURE = 1, FROM_STYLE = 2 };

static bool add_cut(struct net_onnx *onnx, int symbol, struct daub_error *error)
{
    for (int i = 0; i < onnx->cut_count; i++) {
        if (onnx->cuts[i].symbol == symbol)
            return true;
    }
    if (onnx->cut_count == NET_ONNX_MAX_CUTS)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "uses more than %d results of the style's picture",
                         NET_ONNX_MAX_CUTS);
    onnx->cuts[onnx->cut_count++].symbol = symbol;
    return true;
}

/* The inputs on which a node depends. */
static int sources(const unsigned char *from, const struct net_onnx_node *node)
{
    int all = 0;
    for (int k = 0; k < node->input_count; k++)
        all |= node->input[k] >= 0 ? from[node->input[k]] : 0;
    return all;
}

bool net_onnx_find_cuts(struct net_onnx *onnx, struct daub_error *error)
{
    unsigned char *from = daub_alloc(onnx->symbol_count, 1);
    onnx->cuts = daub_alloc(NET_ONNX_MAX_CUTS, sizeof(*onnx->cuts));
    bool ok = (from && onnx->cuts) || daub_no_memory(error, "reading the model");
    if (ok) {
        from[onnx->image] = FROM_PICTURE;
        from[onnx->style_image] = FROM_STYLE;
    }
    for (size_t n = 0; ok && n < onnx->node_count; n++) {
        struct net_onnx_node *node = &onnx->nodes[n];
        int all = sources(from, node);
        node->from_picture = all & FROM_PICTURE;
        node->from_style = all & FROM_STYLE;
        for (int k = 0; k < node->output_count; k++) {
            if (node->output[k] >= 0)
                from[node->output[k]] = (unsigned char)all;
        }
        for (int k = 0; ok && (all & FROM_PICTURE) && k < node->input_count; k++) {
            if (node->input[k] >= 0 && from[node->input[k]] == FROM_STYLE)
                ok = add_cut(onnx, node->input[k], error);
        }
    }
    free(from);
    return ok;
}

bool net_onnx_in_part(const struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    if (b->onnx->style_image < 0)
        return true;
    return b->encoder ? !node->from_picture : node->from_picture || !node->from_style;
}

bool net_onnx_measure_cuts(struct net_onnx *onnx, const struct net_onnx_builder *encoder,
                           struct daub_error *error)
{
    int64_t total = 0;
    for (int i = 0; i < onnx->cut_count; i++) {
        struct net_onnx_cut *cut = &onnx->cuts[i];
        cut->shape = encoder->entries[cut->symbol].shape;
        total += net_shape_count(&cut->shape);
    }
    if (total > MAX_SIGNAL)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "makes %lld numbers of the style's picture and daub keeps at "
                         "most %d",
                         (long long)total, MAX_SIGNAL);
    onnx->info.style_count = (int)total;
    onnx->style_shape = (struct net_shape){.rank = 2, .dim = {1, total}};
    return true;
}

/* The node that stands for the part in messages. */
static const struct net_onnx_node *last_node(const struct net_onnx_builder *b)
{
    return &b->onnx->nodes[b->onnx->node_count - 1];
}

bool net_onnx_add_cuts(struct net_onnx_builder *b)
{
    const struct net_onnx *onnx = b->onnx;
    const struct net_node reshape = {.op = NET_RESHAPE};
    struct net_node slice = {.op = NET_SLICE};
    int64_t at = 0;
    if (!net_onnx_add_input(b, onnx->style_image, &onnx->style_shape, &b->graph->style))
        return false;
    for (int i = 0; i < NET_MAX_RANK; i++)
        slice.u.slice.step[i] = 1;
    for (int i = 0; i < onnx->cut_count; i++) {
        const struct net_onnx_cut *cut = &onnx->cuts[i];
        int64_t count = net_shape_count(&cut->shape);
        const struct net_shape part = {.rank = 2, .dim = {1, count}};
        slice.u.slice.start[1] = at;
        int value = net_onnx_emit(b, last_node(b), &slice, &b->graph->style, 1, &part);
        value = value < 0
                    ? -1
                    : net_onnx_emit(b, last_node(b), &reshape, &value, 1, &cut->shape);
        if (value < 0)
            return false;
        b->entries[cut->symbol].value = value;
        b->entries[cut->symbol].shape = cut->shape;
        at += count;
    }
    return true;
}

/* A cut as [1,n,1,1]. */
static int cut_vector(struct net_onnx_builder *b, const struct net_onnx_cut *cut)
{
    const struct net_onnx_entry *entry = &b->entries[cut->symbol];
    const struct net_node reshape = {.op = NET_RESHAPE};
    char name[NET_ONNX_TEXT], text[NET_SHAPE_TEXT];
    net_onnx_printable(b->onnx->symbols[cut->symbol].name, name);
    int64_t count = 0, longest = 0;
    if (entry->value < 0 || b->graph->values[entry->value].data) {
        daub_fail(&b->error, DAUB_ERROR_MODEL,
                  "'%s' is a size of the style's picture; daub runs the network for the "
                  "picture once, at another size than the frames",
                  name);
        return -1;
    }
    count = net_shape_count(&entry->shape);
    for (int i = 0; i < entry->shape.rank; i++)
        longest = entry->shape.dim[i] > longest ? entry->shape.dim[i] : longest;
    if (longest != count && count != 1) {
        net_shape_text(&entry->shape, text);
        daub_fail(&b->error, DAUB_ERROR_MODEL,
                  "'%s', made of the style's picture, has the shape %s; daub keeps only "
                  "vectors of a style (means, deviations, weights a channel)",
                  name, text);
        return -1;
    }
    const struct net_shape shape = {.rank = 4, .dim = {1, count, 1, 1}};
    return net_onnx_emit(b, last_node(b), &reshape, &entry->value, 1, &shape);
}

int net_onnx_join_cuts(struct net_onnx_builder *b)
{
    int parts[NET_ONNX_MAX_CUTS];
    int count = b->onnx->cut_count;
    struct net_node concat = {.op = NET_CONCAT, .u.concat.axis = 1};
    for (int i = 0; i < count; i++) {
        parts[i] = cut_vector(b, &b->onnx->cuts[i]);
        if (parts[i] < 0)
            return -1;
    }
    return count == 1 ? parts[0]
                      : net_onnx_emit(b, last_node(b), &concat, parts, count, NULL);
}
