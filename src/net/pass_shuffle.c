/* Passes that recognise rearrangements which exporters wrote out of reshapes,
 * transposes and concatenations. */
#include "net/pass.h"

/* Same numbers as net_pass_norm's: an exporter's trick, far below any rounding of a map.
 */
#define TINY 1e-8f

/* Shape without leading ones beyond the batch, as 6 axes [1,a,b,c,d,e]; false where it
 * is not five axes of one picture. */
static bool five_axes(const struct net_shape *shape, int *skipped, int64_t dim[6])
{
    *skipped = 6 - shape->rank;
    if (shape->rank < 5 || (shape->rank == 6 && shape->dim[0] != 1))
        return false;
    dim[0] = 1;
    for (int i = 0; i < 5; i++)
        dim[i + 1] = shape->dim[shape->rank - 5 + i];
    return true;
}

static bool same_perm(const struct net_node *transpose, int skipped, const int want[6])
{
    for (int i = skipped; i < 6; i++)
        if (transpose->u.transpose.perm[i - skipped] != want[i] - skipped)
            return false;
    return true;
}

static void become_block(struct net_node *node, enum net_op op, int64_t size,
                         enum net_block_order order)
{
    node->op = op;
    node->u.block.size = (int)size;
    node->u.block.order = order;
}

/* reshape, transpose, reshape: PixelShuffle of torch is order CRD, TensorFlow's is DCR.
 */
static bool rewrite_shuffle(struct net_graph *graph, int index, struct daub_error *error)
{
    struct net_node *last = &graph->nodes[index];
    if (last->op != NET_RESHAPE)
        return true;
    const struct net_node *move = net_pass_producer(graph, last->input[0], NET_TRANSPOSE);
    const struct net_node *first =
        move ? net_pass_producer(graph, move->input[0], NET_RESHAPE) : NULL;
    int64_t d[6];
    int skipped;
    if (!first || !five_axes(net_pass_shape(graph, first->output), &skipped, d))
        return true;
    int x = first->input[0];
    const struct net_shape *in = net_pass_shape(graph, x);
    const struct net_shape *out = net_pass_shape(graph, last->output);
    if (in->rank != 4 || out->rank != 4 || in->dim[0] != 1 || out->dim[0] != 1)
        return true;
    const int64_t *to = out->dim + 1, *from = in->dim + 1;
    static const int crd_up[] = {0, 1, 4, 2, 5, 3}, dcr_up[] = {0, 3, 4, 1, 5, 2};
    static const int crd_down[] = {0, 1, 3, 5, 2, 4}, dcr_down[] = {0, 3, 5, 1, 2, 4};
    struct net_node block = {0};
    /* d = [1,C,r,r,H,W] or [1,r,r,C,H,W] */
    bool lies_up = d[4] == from[1] && d[5] == from[2] && to[1] == d[4] * (to[2] / d[5]) &&
                   to[2] % d[5] == 0;
    if (lies_up && d[2] == d[3] && to[0] == d[1] && to[2] == d[5] * d[2] &&
        same_perm(move, skipped, crd_up))
        become_block(&block, NET_DEPTH_TO_SPACE, d[2], NET_BLOCK_CRD);
    else if (lies_up && d[1] == d[2] && to[0] == d[3] && to[2] == d[5] * d[1] &&
             same_perm(move, skipped, dcr_up))
        become_block(&block, NET_DEPTH_TO_SPACE, d[1], NET_BLOCK_DCR);
    /* d = [1,C,H,r,W,r] */
    bool lies_down = d[1] == from[0] && d[3] == d[5] && d[2] * d[3] == from[1] &&
                     d[4] * d[5] == from[2] && to[1] == d[2] && to[2] == d[4];
    if (lies_down && same_perm(move, skipped, crd_down))
        become_block(&block, NET_SPACE_TO_DEPTH, d[3], NET_BLOCK_CRD);
    else if (lies_down && same_perm(move, skipped, dcr_down))
        become_block(&block, NET_SPACE_TO_DEPTH, d[3], NET_BLOCK_DCR);
    if (!block.op || block.u.block.size > 64)
        return true;
    if (!net_pass_set_inputs(last, &x, 1, error))
        return false;
    last->op = block.op;
    last->u = block.u;
    return true;
}

bool net_pass_shuffle(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!rewrite_shuffle(graph, (int)i, error))
            return false;
    return true;
}

/* The value that stands twice in a concatenation of two along axis 1 of a matrix, the
 * second time perhaps with a tiny number added; -1 where value is no such thing. */
static int twice(const struct net_graph *graph, int value)
{
    const struct net_node *node = net_pass_producer(graph, value, NET_CONCAT);
    float x;
    if (!node || node->input_count != 2 || node->u.concat.axis != 1 ||
        net_pass_shape(graph, value)->rank != 2)
        return -1;
    const struct net_node *add = net_pass_binary(graph, node->input[1], NET_BINARY_ADD);
    int second = node->input[1];
    if (second != node->input[0] && add && net_pass_uniform(graph, add->input[1], &x) &&
        x >= -TINY && x <= TINY)
        second = add->input[0];
    return second == node->input[0] ? second : -1;
}

/* Source of a chain of reshapes. */
static int unshaped(const struct net_graph *graph, int value)
{
    const struct net_node *node;
    while (value >= 0 && (node = net_pass_producer(graph, value, NET_RESHAPE)))
        value = node->input[0];
    return value;
}

/* Nearest x2 for runtimes without it: each element twice ([N,1] beside itself), then each
 * row twice ([C H, 2 W] beside itself), with reshapes between. */
static bool rewrite_doubling(struct net_graph *graph, int index, struct daub_error *error)
{
    struct net_node *last = &graph->nodes[index];
    if (last->op != NET_RESHAPE)
        return true;
    const struct net_shape *out = net_pass_shape(graph, last->output);
    int rows = twice(graph, unshaped(graph, last->input[0]));
    int elements = rows < 0 ? -1 : twice(graph, unshaped(graph, rows));
    int x = elements < 0 ? -1 : unshaped(graph, elements);
    if (x < 0 || out->rank != 4)
        return true;
    const struct net_shape *in = net_pass_shape(graph, x);
    if (in->rank != 4 || in->dim[0] != 1 || out->dim[0] != 1 ||
        out->dim[1] != in->dim[1] || out->dim[2] != 2 * in->dim[2] ||
        out->dim[3] != 2 * in->dim[3] || net_pass_shape(graph, elements)->dim[1] != 1 ||
        net_pass_shape(graph, rows)->dim[1] != out->dim[3])
        return true;
    if (!net_pass_set_inputs(last, &x, 1, error))
        return false;
    last->op = NET_RESIZE;
    last->u.resize.mode = NET_RESIZE_NEAREST;
    last->u.resize.coord = NET_COORD_ASYMMETRIC;
    last->u.resize.nearest = NET_NEAREST_FLOOR;
    last->u.resize.scale[0] = last->u.resize.scale[1] = 2;
    return true;
}

/* Zeros joined to the ends of a map: padding. */
static bool rewrite_zeros(struct net_graph *graph, int index, struct daub_error *error)
{
    struct net_node *node = &graph->nodes[index];
    int axis = node->u.concat.axis, x = -1;
    if (node->op != NET_CONCAT || net_pass_shape(graph, node->output)->rank != 4 ||
        axis < 2 || node->input_count < 2)
        return true;
    struct net_node pad = {.u.pad.mode = NET_PAD_ZERO};
    for (int k = 0; k < node->input_count; k++) {
        int value = node->input[k];
        int64_t length = net_pass_shape(graph, value)->dim[axis];
        float zero;
        if (net_pass_uniform(graph, value, &zero) && zero == 0)
            *(x < 0 ? &pad.u.pad.before[axis] : &pad.u.pad.after[axis]) += length;
        else if (x < 0)
            x = value;
        else
            return true;
    }
    if (x < 0)
        return true;
    if (!net_pass_set_inputs(node, &x, 1, error))
        return false;
    node->op = NET_PAD;
    node->u = pad.u;
    return true;
}

bool net_pass_spread(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!rewrite_doubling(graph, (int)i, error) ||
            !rewrite_zeros(graph, (int)i, error))
            return false;
    return true;
}
