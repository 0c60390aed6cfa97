/* Sizes that an exporter wrote as constants, in files made for one picture size: what
 * they are at another size. */
#include "net/onnx_internal.h"

bool net_onnx_is_size_independent(const struct net_onnx_builder *b,
                                  const struct net_onnx_node *node, int i)
{
    if (!b->original || !net_onnx_is_constant(b, node, i))
        return false;
    const struct net_tensor *original = b->original->entries[node->input[i]].tensor;
    const struct net_tensor *current = b->entries[node->input[i]].tensor;
    if (!original || !current)
        return true;
    bool same = original->count == current->count;
    for (int64_t k = 0; same && k < original->count; k++)
        same = original->data[k] == current->data[k];
    return same;
}

/* Sets *height and *width, the original size of a feature map, to the current one: a
 * height that divides the count of elements, both within 2 of the original times the
 * change of the picture's size. */
static bool resize_map(const struct net_onnx_builder *b, int64_t count, int64_t *height,
                       int64_t *width)
{
    double scale_y = (double)b->graph->height / b->original->graph->height;
    double scale_x = (double)b->graph->width / b->original->graph->width;
    int64_t estimate = (int64_t)((double)*height * scale_y);
    for (int64_t h = estimate > 1 ? estimate - 1 : 1; h <= estimate + 2; h++) {
        double difference = (double)(count / h) - (double)*width * scale_x;
        if (count % h || difference <= -2 || difference >= 2)
            continue;
        *height = h;
        *width = count / h;
        return true;
    }
    return false;
}

/* Changes the dimensions [from,to) of out, whose product is original, so that it becomes
 * current. open_axis is preferred where one dimension has to take the change. */
static bool resize_dimensions(const struct net_onnx_builder *b, struct net_shape *out,
                              int from, int to, int open_axis, int64_t original,
                              int64_t current)
{
    if (original == current || to == from)
        return original == current;
    if (to - from == 1) {
        out->dim[from] = current;
        return true;
    }
    /* Two neighboring dimensions with the picture's aspect ratio are taken for the height
     * and width of a map. */
    const struct net_graph *graph = b->original->graph;
    for (int i = to - 2; i >= from; i--) {
        int64_t *height = &out->dim[i], *width = &out->dim[i + 1];
        int64_t difference = *height * graph->width - *width * graph->height;
        int64_t limit = graph->width + graph->height,
                others = original / (*height * *width);
        if (difference < limit && difference > -limit && current % others == 0 &&
            resize_map(b, current / others, height, width))
            return true;
    }
    int largest = from;
    for (int i = from; i < to; i++)
        if (i == open_axis || (largest != open_axis && out->dim[i] > out->dim[largest]))
            largest = i;
    int64_t others = original / out->dim[largest];
    if (current % others)
        return false;
    out->dim[largest] = current / others;
    return true;
}

bool net_onnx_resize_shape(const struct net_onnx_builder *b,
                           const struct net_shape *original_in,
                           const struct net_shape *original_out, int open_axis,
                           const struct net_shape *current, struct net_shape *out)
{
    int i = 0, k = 0;
    *out = *original_out;
    if (net_shape_count(original_in) < 0 || net_shape_count(original_out) < 0 ||
        net_shape_count(current) < 0 || current->rank != original_in->rank)
        return false;
    /* Goes through the shortest runs of dimensions on both sides with equal products. */
    while (i < original_in->rank || k < original_out->rank) {
        int64_t in_count = 1, out_count = 1, current_count = 1;
        int first = k;
        if (i < original_in->rank) {
            current_count *= current->dim[i];
            in_count *= original_in->dim[i++];
        }
        if (k < original_out->rank)
            out_count *= original_out->dim[k++];
        while (in_count != out_count) {
            if (in_count < out_count ? i == original_in->rank : k == original_out->rank)
                return false;
            if (in_count < out_count) {
                current_count *= current->dim[i];
                in_count *= original_in->dim[i++];
            } else {
                out_count *= original_out->dim[k++];
            }
        }
        if (!resize_dimensions(b, out, first, k, open_axis, in_count, current_count))
            return false;
    }
    return true;
}
