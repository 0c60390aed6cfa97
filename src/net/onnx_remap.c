#include "net/onnx_internal.h"

bool net_onnx_is_literal(const struct net_onnx_builder *b,
                         const struct net_onnx_node *node, int i)
{
    if (!b->own || !net_onnx_is_constant(b, node, i))
        return false;
    const struct net_tensor *own = b->own->entries[node->input[i]].tensor;
    const struct net_tensor *here = b->entries[node->input[i]].tensor;
    if (!own || !here)
        return true;
    bool same = own->count == here->count;
    for (int64_t k = 0; same && k < own->count; k++)
        same = own->data[k] == here->data[k];
    return same;
}

/* Own height and width p, q of a map, and a count of elements that the map has here: its
 * size, found near p and q scaled as the picture was. */
static bool refit_map(const struct net_onnx_builder *b, int64_t count, int64_t *p,
                      int64_t *q)
{
    double dy = (double)b->graph->height / b->own->graph->height;
    double dx = (double)b->graph->width / b->own->graph->width;
    int64_t near = (int64_t)((double)*p * dy);
    for (int64_t h = near > 1 ? near - 1 : 1; h <= near + 2; h++) {
        double off = (double)(count / h) - (double)*q * dx;
        if (count % h || off <= -2 || off >= 2)
            continue;
        *p = h;
        *q = count / h;
        return true;
    }
    return false;
}

/* Dimensions [from,to) of out held own elements and shall hold here elements. */
static bool refit_group(const struct net_onnx_builder *b, struct net_shape *out, int from,
                        int to, int guess, int64_t own, int64_t here)
{
    if (own == here || to == from)
        return own == here;
    if (to - from == 1) {
        out->dim[from] = here;
        return true;
    }
    /* A picture's two sides, as where the shape of a map was written out. */
    const struct net_graph *before = b->own->graph;
    for (int i = to - 2; i >= from; i--) {
        int64_t *p = &out->dim[i], *q = &out->dim[i + 1];
        int64_t skew = *p * before->width - *q * before->height;
        int64_t slack = before->width + before->height, rest = own / (*p * *q);
        if (skew < slack && skew > -slack && here % rest == 0 &&
            refit_map(b, here / rest, p, q))
            return true;
    }
    int grows = from;
    for (int i = from; i < to; i++)
        if (i == guess || (grows != guess && out->dim[i] > out->dim[grows]))
            grows = i;
    int64_t rest = own / out->dim[grows];
    if (here % rest)
        return false;
    out->dim[grows] = here / rest;
    return true;
}

bool net_onnx_remap(const struct net_onnx_builder *b, const struct net_shape *own_in,
                    const struct net_shape *own_out, int guess,
                    const struct net_shape *here, struct net_shape *out)
{
    int i = 0, k = 0;
    *out = *own_out;
    if (net_shape_count(own_in) < 0 || net_shape_count(own_out) < 0 ||
        net_shape_count(here) < 0 || here->rank != own_in->rank)
        return false;
    /* The smallest runs of dimensions on both sides that hold the same elements. */
    while (i < own_in->rank || k < own_out->rank) {
        int64_t in = 1, to = 1, now = 1;
        int first = k;
        if (i < own_in->rank) {
            now *= here->dim[i];
            in *= own_in->dim[i++];
        }
        if (k < own_out->rank)
            to *= own_out->dim[k++];
        while (in != to) {
            if (in < to ? i == own_in->rank : k == own_out->rank)
                return false;
            if (in < to) {
                now *= here->dim[i];
                in *= own_in->dim[i++];
            } else {
                to *= own_out->dim[k++];
            }
        }
        if (!refit_group(b, out, first, k, guess, in, now))
            return false;
    }
    return true;
}
