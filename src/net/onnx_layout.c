#include <string.h>

#include "net/onnx_internal.h"

static bool is_op(const struct net_onnx_node *node, const char *name)
{
    return !strcmp(node->op->name, name);
}

/* Result shape of Reshape: 0 copies the input's dimension, -1 is computed from the
 * rest. */
static bool resolve(struct net_onnx_builder *b, const struct net_onnx_node *node,
                    const struct net_onnx_ints *target, const struct net_shape *in,
                    struct net_shape *shape, int *open)
{
    bool keep_zero =
        net_onnx_opset(b) >= 14 && net_onnx_int(b, node, "allowzero", 0) != 0;
    int64_t count = 1, known = 1;
    for (int i = 0; i < in->rank; i++)
        count *= in->dim[i];
    *shape = (struct net_shape){.rank = target->count};
    *open = -1;
    for (int i = 0; i < target->count && i < NET_MAX_RANK; i++) {
        int64_t dim = target->at[i];
        if (dim == 0 && !keep_zero && i < in->rank)
            dim = in->dim[i];
        if (dim == -1 && *open < 0)
            *open = i;
        else if (dim < 0 || dim > NET_MAX_DIM ||
                 __builtin_mul_overflow(known, dim, &known))
            shape->rank = NET_MAX_RANK + 1;
        shape->dim[i] = dim;
    }
    if (shape->rank > NET_MAX_RANK) {
        net_onnx_refuse(b, node, "its target shape is impossible or has over %d axes",
                        NET_MAX_RANK);
        return false;
    }
    if (*open >= 0)
        shape->dim[*open] = known > 0 ? count / known : 0;
    return true;
}

static bool reshape_target(struct net_onnx_builder *b, const struct net_onnx_node *node,
                           const struct net_shape *in, struct net_shape *shape)
{
    struct net_onnx_ints target;
    int open;
    if (!net_onnx_input_ints(b, node, 1, &target)) {
        net_onnx_refuse(b, node, "it has no target shape");
        return false;
    }
    const struct net_shape *original = net_onnx_original_shape(b, node, 0);
    struct net_shape original_out;
    if (original && net_onnx_is_size_independent(b, node, 1) &&
        resolve(b, node, &target, original, &original_out, &open) &&
        net_onnx_resize_shape(b, original, &original_out, open, in, shape))
        return true;
    return resolve(b, node, &target, in, shape, &open);
}

static bool flat_target(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        const struct net_shape *in, struct net_shape *shape)
{
    int64_t axis = net_onnx_int(b, node, "axis", 1);
    int split = axis == in->rank ? in->rank : net_onnx_axis(b, node, axis, in->rank);
    *shape = (struct net_shape){.rank = 2, .dim = {1, 1}};
    for (int i = 0; i < in->rank; i++)
        shape->dim[i >= split] *= in->dim[i];
    return !net_onnx_failed(b);
}

static bool squeezed_target(struct net_onnx_builder *b, const struct net_onnx_node *node,
                            const struct net_shape *in, struct net_shape *shape)
{
    struct net_onnx_ints axes;
    unsigned gone = 0;
    bool listed = net_onnx_attribute_or_input_ints(b, node, "axes", 13, 1, &axes);
    for (int i = 0; i < axes.count; i++)
        gone |= 1u << net_onnx_axis(b, node, axes.at[i], in->rank);
    *shape = (struct net_shape){0};
    for (int i = 0; i < in->rank; i++) {
        bool drop = listed ? gone >> i & 1 : in->dim[i] == 1;
        if (drop && in->dim[i] != 1)
            net_onnx_refuse(b, node, "cannot drop axis %d of %lld elements", i,
                            (long long)in->dim[i]);
        if (!drop)
            shape->dim[shape->rank++] = in->dim[i];
    }
    return !net_onnx_failed(b);
}

static bool unsqueezed_target(struct net_onnx_builder *b,
                              const struct net_onnx_node *node,
                              const struct net_shape *in, struct net_shape *shape)
{
    struct net_onnx_ints axes;
    unsigned fresh = 0;
    net_onnx_attribute_or_input_ints(b, node, "axes", 13, 1, &axes);
    *shape = (struct net_shape){.rank = in->rank + axes.count};
    for (int i = 0; i < axes.count; i++) {
        unsigned bit = 1u << net_onnx_axis(b, node, axes.at[i], shape->rank);
        if (fresh & bit)
            net_onnx_refuse(b, node, "it adds axis %lld twice", (long long)axes.at[i]);
        fresh |= bit;
    }
    if (shape->rank > NET_MAX_RANK)
        net_onnx_refuse(b, node, "its result has over %d axes", NET_MAX_RANK);
    if (net_onnx_failed(b))
        return false;
    for (int i = 0, from = 0; i < shape->rank; i++)
        shape->dim[i] = fresh >> i & 1 ? 1 : in->dim[from++];
    return true;
}

bool net_onnx_new_shape(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        struct net_shape *shape)
{
    struct net_shape in = net_onnx_shape(b, node, 0);
    if (net_onnx_failed(b))
        return false;
    if (is_op(node, "Reshape"))
        return reshape_target(b, node, &in, shape) && !net_onnx_failed(b);
    if (is_op(node, "Flatten"))
        return flat_target(b, node, &in, shape);
    if (is_op(node, "Squeeze"))
        return squeezed_target(b, node, &in, shape);
    return unsqueezed_target(b, node, &in, shape);
}

void net_onnx_reshape(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_shape shape;
    int x = net_onnx_operand(b, node, 0);
    if (x < 0 || !net_onnx_new_shape(b, node, &shape))
        return;
    const struct net_node draft = {.op = NET_RESHAPE};
    if (!net_shape_equal(&shape, &b->graph->values[x].shape))
        x = net_onnx_emit(b, node, &draft, &x, 1, &shape);
    net_onnx_bind(b, node, 0, x);
}

bool net_onnx_perm(struct net_onnx_builder *b, const struct net_onnx_node *node,
                   int perm[static NET_MAX_RANK])
{
    struct net_onnx_ints ints;
    int rank = net_onnx_shape(b, node, 0).rank;
    unsigned seen = 0;
    bool given = net_onnx_ints(b, node, "perm", &ints);
    for (int i = 0; i < rank; i++) {
        int64_t from = !given ? rank - 1 - i : i < ints.count ? ints.at[i] : -1;
        perm[i] = from < 0 || from >= rank ? 0 : (int)from;
        seen |= 1u << perm[i];
    }
    if (seen != (1u << rank) - 1 || (given && ints.count != rank))
        net_onnx_refuse(b, node, "its axes are no permutation of %d", rank);
    return !net_onnx_failed(b);
}

void net_onnx_transpose(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_node draft = {.op = NET_TRANSPOSE};
    int x = net_onnx_operand(b, node, 0);
    if (x < 0 || !net_onnx_perm(b, node, draft.u.transpose.perm))
        return;
    bool moves = false;
    for (int i = 0; i < b->graph->values[x].shape.rank; i++)
        moves = moves || draft.u.transpose.perm[i] != i;
    net_onnx_bind(b, node, 0, moves ? net_onnx_emit(b, node, &draft, &x, 1, NULL) : x);
}

static void whole_slice(const struct net_shape *shape, struct net_onnx_slice *slice)
{
    *slice = (struct net_onnx_slice){.shape = *shape};
    for (int i = 0; i < NET_MAX_RANK; i++)
        slice->step[i] = 1;
}

/* Start or end of a slice for an axis that had `original` elements at the file's original
 * size: positions in the second half keep their distance from the end. */
static int64_t position_at_new_size(int64_t at, int64_t original, int64_t current)
{
    return at >= 0 && at > original / 2 ? at + current - original : at;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static void slice_axis(struct net_onnx_slice *slice, int axis, int64_t start, int64_t end,
                       int64_t step)
{
    int64_t dim = slice->shape.dim[axis];
    bool back = step < 0;
    start = clamp(start < 0 ? start + dim : start, 0, back ? dim - 1 : dim);
    end = clamp(end < 0 ? end + dim : end, back ? -1 : 0, back ? dim - 1 : dim);
    int64_t span = back ? start - end : end - start, stride = back ? -step : step;
    slice->shape.dim[axis] = span > 0 && dim > 0 ? (span - 1) / stride + 1 : 0;
    slice->start[axis] = start;
    slice->step[axis] = step;
}

bool net_onnx_read_slice(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         struct net_onnx_slice *slice)
{
    struct net_onnx_ints start, end, axes, step;
    struct net_shape in = net_onnx_shape(b, node, 0);
    whole_slice(&in, slice);
    net_onnx_attribute_or_input_ints(b, node, "starts", 10, 1, &start);
    net_onnx_attribute_or_input_ints(b, node, "ends", 10, 2, &end);
    bool has_axes = net_onnx_attribute_or_input_ints(b, node, "axes", 10, 3, &axes);
    bool stepped = net_onnx_opset(b) >= 10 && net_onnx_input_ints(b, node, 4, &step);
    if (start.count != end.count || start.count > NET_MAX_RANK ||
        (has_axes ? axes.count != start.count : start.count > in.rank) ||
        (stepped && step.count != start.count))
        net_onnx_refuse(b, node, "its starts, ends, axes and steps do not match");
    const struct net_shape *original = net_onnx_original_shape(b, node, 0);
    for (int i = 0; i < start.count && !net_onnx_failed(b); i++) {
        int axis = has_axes ? net_onnx_axis(b, node, axes.at[i], in.rank) : i;
        int64_t by = stepped ? step.at[i] : 1;
        if (by == 0)
            net_onnx_refuse(b, node, "its step is 0");
        if (net_onnx_failed(b))
            break;
        if (original && original->dim[axis] != in.dim[axis]) {
            bool attribute = net_onnx_opset(b) < 10;
            if (attribute || net_onnx_is_size_independent(b, node, 1))
                start.at[i] =
                    position_at_new_size(start.at[i], original->dim[axis], in.dim[axis]);
            if (attribute || net_onnx_is_size_independent(b, node, 2))
                end.at[i] =
                    position_at_new_size(end.at[i], original->dim[axis], in.dim[axis]);
        }
        slice_axis(slice, axis, start.at[i], end.at[i], by);
    }
    return !net_onnx_failed(b);
}

/* The slice of x; x itself where that is all of it. */
static int emit_slice(struct net_onnx_builder *b, const struct net_onnx_node *node, int x,
                      const struct net_onnx_slice *slice)
{
    struct net_node draft = {.op = NET_SLICE};
    bool all = net_shape_equal(&slice->shape, &b->graph->values[x].shape);
    for (int i = 0; i < NET_MAX_RANK; i++) {
        draft.u.slice.start[i] = slice->start[i];
        draft.u.slice.step[i] = slice->step[i];
        all = all && slice->step[i] > 0;
    }
    return all ? x : net_onnx_emit(b, node, &draft, &x, 1, &slice->shape);
}

void net_onnx_slice_value(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_onnx_slice slice;
    int x = net_onnx_operand(b, node, 0);
    if (x >= 0 && net_onnx_read_slice(b, node, &slice))
        net_onnx_bind(b, node, 0, emit_slice(b, node, x, &slice));
}

bool net_onnx_read_split(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         int i, struct net_onnx_slice *slice)
{
    struct net_shape in = net_onnx_shape(b, node, 0);
    int axis = net_onnx_axis(b, node, net_onnx_int(b, node, "axis", 0), in.rank);
    struct net_onnx_ints sizes;
    if (net_onnx_failed(b) || i >= node->output_count)
        return false;
    if (!net_onnx_attribute_or_input_ints(b, node, "split", 13, 1, &sizes)) {
        /* From opset 18 on the last part may be smaller. */
        int64_t count = node->output_count, dim = in.dim[axis];
        if (net_onnx_opset(b) < 18 && dim % count)
            net_onnx_refuse(b, node, "%lld elements cannot be split into %d equal parts",
                            (long long)dim, node->output_count);
        sizes.count = node->output_count;
        if (sizes.count > NET_ONNX_MAX_INTS)
            net_onnx_refuse(b, node, "it has too many outputs");
        int64_t part = (dim + count - 1) / count;
        for (int k = 0; k < sizes.count && k < NET_ONNX_MAX_INTS; k++)
            sizes.at[k] = k + 1 < sizes.count ? part : dim - part * (count - 1);
    }
    int64_t sum = 0, start = 0;
    for (int k = 0; k < sizes.count && k < NET_ONNX_MAX_INTS; k++) {
        start += k < i ? sizes.at[k] : 0;
        sum += sizes.at[k];
        if (sizes.at[k] < 0)
            sum = INT32_MAX;
    }
    if (sizes.count != node->output_count || sum != in.dim[axis])
        net_onnx_refuse(b, node, "its parts do not add up to %lld elements",
                        (long long)in.dim[axis]);
    if (net_onnx_failed(b))
        return false;
    whole_slice(&in, slice);
    slice->shape.dim[axis] = sizes.at[i];
    slice->start[axis] = start;
    return true;
}

void net_onnx_split_value(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_onnx_slice slice;
    int x = net_onnx_operand(b, node, 0);
    for (int i = 0; x >= 0 && net_onnx_read_split(b, node, i, &slice); i++)
        if (node->output[i] >= 0 && b->onnx->symbols[node->output[i]].used)
            net_onnx_bind(b, node, i, emit_slice(b, node, x, &slice));
}

/* The elements of x that the indices name, as joined slices of evenly spaced ones. */
static int emit_gather(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       int x, int axis, const struct net_tensor *index)
{
    enum { MAX_SLICES = 256 };
    int part[MAX_SLICES], count = 0;
    struct net_shape in = b->graph->values[x].shape;
    int64_t dim = in.dim[axis];
    for (int64_t i = 0; i < index->count && count < MAX_SLICES && !net_onnx_failed(b);) {
        struct net_onnx_slice slice;
        int64_t start = net_tensor_int(index, i), step = 1, run = 1;
        start += start < 0 ? dim : 0;
        for (; i + run < index->count; run++) {
            int64_t next = net_tensor_int(index, i + run);
            next += next < 0 ? dim : 0;
            if (run == 1 && next != start && next >= 0 && next < dim)
                step = next - start;
            if (next != start + run * step)
                break;
        }
        if (start < 0 || start >= dim)
            net_onnx_refuse(b, node, "its index %lld is out of range", (long long)start);
        whole_slice(&in, &slice);
        slice.shape.dim[axis] = run;
        slice.start[axis] = start;
        slice.step[axis] = step;
        part[count++] = net_onnx_failed(b) ? -1 : emit_slice(b, node, x, &slice);
        i += run;
        if (count == MAX_SLICES && i < index->count)
            net_onnx_refuse(b, node, "its indices are in more than %d slices",
                            MAX_SLICES);
    }
    struct net_node draft = {.op = NET_CONCAT};
    draft.u.concat.axis = axis;
    if (net_onnx_failed(b))
        return -1;
    return count == 1 ? part[0] : net_onnx_emit(b, node, &draft, part, count, NULL);
}

void net_onnx_gather(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    int x = net_onnx_operand(b, node, 0);
    struct net_shape in = net_onnx_shape(b, node, 0);
    int axis = net_onnx_axis(b, node, net_onnx_int(b, node, "axis", 0), in.rank);
    const struct net_tensor *index = net_onnx_need_constant(b, node, 1, "index");
    if (net_onnx_failed(b))
        return;
    int index_rank = index->shape.rank;
    if (index_rank > 1 || index->count == 0) {
        net_onnx_refuse(b, node, "its indices have %d axes", index_rank);
        return;
    }
    int value = emit_gather(b, node, x, axis, index);
    if (index_rank == 0 && value >= 0) {
        struct net_shape dropped = {.rank = in.rank - 1};
        for (int i = 0; i < dropped.rank; i++)
            dropped.dim[i] = in.dim[i < axis ? i : i + 1];
        const struct net_node draft = {.op = NET_RESHAPE};
        value = net_onnx_emit(b, node, &draft, &value, 1, &dropped);
    }
    net_onnx_bind(b, node, 0, value);
}

/* Tile as concatenations. */
void net_onnx_tile(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    enum { MAX_COPIES = 64 };
    struct net_onnx_ints times;
    int x = net_onnx_operand(b, node, 0), rank = net_onnx_shape(b, node, 0).rank;
    net_onnx_input_ints(b, node, 1, &times);
    if (!net_onnx_failed(b) && times.count != rank)
        net_onnx_refuse(b, node, "it has %d repeats for %d axes", times.count, rank);
    for (int i = 0; i < rank && !net_onnx_failed(b); i++) {
        int copies[MAX_COPIES];
        struct net_node draft = {.op = NET_CONCAT};
        draft.u.concat.axis = i;
        if (times.at[i] < 1 || times.at[i] > MAX_COPIES)
            net_onnx_refuse(b, node, "it repeats axis %d %lld times; daub does up to %d",
                            i, (long long)times.at[i], MAX_COPIES);
        for (int k = 0; !net_onnx_failed(b) && k < times.at[i]; k++)
            copies[k] = x;
        if (!net_onnx_failed(b) && times.at[i] > 1)
            x = net_onnx_emit(b, node, &draft, copies, (int)times.at[i], NULL);
    }
    net_onnx_bind(b, node, 0, x);
}

void net_onnx_concat(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    enum { MAX_PARTS = 256 };
    int input[MAX_PARTS], count = 0;
    for (int i = 0; i < node->input_count && count < MAX_PARTS; i++)
        input[count++] = net_onnx_operand(b, node, i);
    struct net_shape in = net_onnx_shape(b, node, 0);
    struct net_node draft = {.op = NET_CONCAT};
    draft.u.concat.axis =
        net_onnx_axis(b, node, net_onnx_int(b, node, "axis", 1), in.rank);
    if (node->input_count > MAX_PARTS)
        net_onnx_refuse(b, node, "it joins more than %d parts", MAX_PARTS);
    net_onnx_bind(b, node, 0,
                  count == 1 ? input[0]
                             : net_onnx_emit(b, node, &draft, input, count, NULL));
}

bool net_onnx_expanded(struct net_onnx_builder *b, const struct net_onnx_node *node,
                       struct net_shape *shape)
{
    struct net_onnx_ints ints;
    struct net_shape in = net_onnx_shape(b, node, 0);
    net_onnx_input_ints(b, node, 1, &ints);
    struct net_shape target = {.rank = ints.count};
    if (ints.count > NET_MAX_RANK)
        net_onnx_refuse(b, node, "its target has over %d axes", NET_MAX_RANK);
    if (net_onnx_failed(b))
        return false;
    for (int i = 0; i < target.rank; i++)
        target.dim[i] = ints.at[i];
    if (target.rank >= 2 && net_onnx_is_size_independent(b, node, 1)) {
        /* Height and width of a feature map at the original size: the picture's over a
         * power of two, rounded up. */
        int64_t *sides = &target.dim[target.rank - 2];
        const struct net_graph *original = b->original->graph;
        for (int by = 1; by <= 64; by *= 2)
            if (sides[0] == (original->height + by - 1) / by &&
                sides[1] == (original->width + by - 1) / by) {
                sides[0] = (b->graph->height + by - 1) / by;
                sides[1] = (b->graph->width + by - 1) / by;
                break;
            }
    }
    for (int i = 0; i < target.rank; i++)
        if (target.dim[i] < 0 || target.dim[i] > NET_MAX_DIM)
            net_onnx_refuse(b, node, "its target shape is impossible");
    if (!net_shape_broadcast(&in, &target, shape))
        net_onnx_refuse(b, node, "its target does not fit its input");
    return !net_onnx_failed(b);
}

/* Expand as x + 0, where the constant 0 has the target's length on the axes to repeat. */
void net_onnx_expand_value(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    struct net_shape shape;
    int x = net_onnx_operand(b, node, 0);
    if (x < 0 || !net_onnx_expanded(b, node, &shape))
        return;
    struct net_shape in = b->graph->values[x].shape, zero = shape;
    for (int i = 0; i < in.rank; i++)
        if (in.dim[i] > 1)
            zero.dim[i + shape.rank - in.rank] = 1;
    const struct net_node draft = {.op = NET_BINARY, .u.binary.kind = NET_BINARY_ADD};
    if (!net_shape_equal(&in, &shape)) {
        struct net_tensor *tensor =
            net_tensor_new(b, node, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &zero);
        int input[2] = {x, tensor ? net_onnx_add_constant(b, node, tensor) : -1};
        net_tensor_free(b, tensor);
        x = input[1] < 0 ? -1 : net_onnx_emit(b, node, &draft, input, 2, NULL);
    }
    net_onnx_bind(b, node, 0, x);
}
