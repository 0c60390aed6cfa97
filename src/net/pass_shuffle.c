/* Passes that recognise rearrangements which exporters wrote out of reshapes,
 * transposes and concatenations. */
#include "net/pass.h"

/* Largest added number that is ignored, as in pass_norm.c: far below the rounding of a
 * feature map. */
#define TINY 1e-8f

/* The shape as six axes [1,a,b,c,d,e]; false where it has not that form. */
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

/* The ways to write a shuffle as reshape to six axes, transpose, reshape. PixelShuffle of
 * torch is order CRD, TensorFlow's is DCR. */
static const struct form {
    enum net_op op;
    enum net_block_order order;
    int perm[6];
} forms[] = {
    {NET_DEPTH_TO_SPACE, NET_BLOCK_CRD, {0, 1, 4, 2, 5, 3}}, /* of [1,C,r,r,H,W] */
    {NET_DEPTH_TO_SPACE, NET_BLOCK_DCR, {0, 3, 4, 1, 5, 2}}, /* of [1,r,r,C,H,W] */
    {NET_SPACE_TO_DEPTH, NET_BLOCK_CRD, {0, 1, 3, 5, 2, 4}}, /* of [1,C,H,r,W,r] */
    {NET_SPACE_TO_DEPTH, NET_BLOCK_DCR, {0, 3, 5, 1, 2, 4}},
};

/* Shapes before and after a shuffle whose six axes are d; returns the block size, 0 where
 * the axes are not those of the form. */
static int64_t form_shapes(const struct form *form, const int64_t d[6],
                           struct net_shape *in, struct net_shape *out)
{
    bool up = form->op == NET_DEPTH_TO_SPACE, crd = form->order == NET_BLOCK_CRD;
    int64_t r = up ? d[2] : d[3], other = up ? (crd ? d[3] : d[1]) : d[5];
    int64_t c = up && !crd ? d[3] : d[1], h = up ? d[4] : d[2], w = up ? d[5] : d[4];
    if (r != other || r > 64)
        return 0;
    struct net_shape deep = {4, {1, c * r * r, h, w}}, wide = {4, {1, c, h * r, w * r}};
    *in = up ? deep : wide;
    *out = up ? wide : deep;
    return r;
}

static bool rewrite_shuffle(struct net_graph *graph, int index, struct daub_error *error)
{
    struct net_node *last = &graph->nodes[index];
    if (last->op != NET_RESHAPE)
        return true;
    const struct net_node *move = net_pass_producer(
        graph, net_pass_behind_reshapes(graph, last->output), NET_TRANSPOSE);
    int64_t d[6];
    int skipped;
    if (!move || !five_axes(net_pass_shape(graph, move->input[0]), &skipped, d))
        return true;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct net_shape in, out;
        int64_t size = form_shapes(&forms[i], d, &in, &out);
        int x = size ? net_pass_behind_reshapes_as(graph, move->input[0], &in) : -1;
        if (x < 0 || !same_perm(move, skipped, forms[i].perm) ||
            !net_shape_equal(&out, net_pass_shape(graph, last->output)))
            continue;
        if (!net_pass_set_inputs(last, &x, 1, error))
            return false;
        last->op = forms[i].op;
        last->u.block.size = (int)size;
        last->u.block.order = forms[i].order;
        return true;
    }
    return true;
}

bool net_pass_shuffle(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (!rewrite_shuffle(graph, (int)i, error))
            return false;
    return true;
}

/* x where value is a matrix x concatenated along axis 1 with itself, or with itself plus
 * a tiny number; else -1. */
static int repeated_value(const struct net_graph *graph, int value)
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

/* Nearest x2 upsampling written with concatenations: [N,1] with itself repeats each
 * element, then [C H, 2 W] with itself repeats each row, with reshapes between. */
static bool rewrite_repetition(struct net_graph *graph, int index,
                               struct daub_error *error)
{
    struct net_node *last = &graph->nodes[index];
    if (last->op != NET_RESHAPE)
        return true;
    const struct net_shape *out = net_pass_shape(graph, last->output);
    int rows = repeated_value(graph, net_pass_behind_reshapes(graph, last->output));
    int elements =
        rows < 0 ? -1 : repeated_value(graph, net_pass_behind_reshapes(graph, rows));
    int x = elements < 0 ? -1 : net_pass_behind_reshapes(graph, elements);
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

/* Zero padding written as concatenation with zeros. */
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
        if (!rewrite_repetition(graph, (int)i, error) ||
            !rewrite_zeros(graph, (int)i, error))
            return false;
    return true;
}
