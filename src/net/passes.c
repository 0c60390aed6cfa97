#include "net/passes.h"

#include <stdlib.h>

#include "net/op.h"
#include "net/pass.h"
#include "util/alloc.h"
#include "util/error.h"

/* The order matters: nhwc precedes the passes that know [1,C,H,W] only;
 * reshapes are joined after the passes that look for them; padding is folded before
 * upsampling because a Pad may be between a Resize and its convolution. */
const struct net_pass net_passes[] = {
    {"constant", "compute what depends on constants only", net_pass_constant},
    {"clean", "remove what changes nothing", net_pass_clean},
    {"shuffle", "pixel shuffles written as reshape, transpose, reshape",
     net_pass_shuffle},
    {"spread", "upsampling and zero padding written as concatenations", net_pass_spread},
    {"nhwc", "turn [1,H,W,C] into [1,C,H,W]", net_pass_nhwc},
    {"clean", "remove what changes nothing", net_pass_clean},
    {"norm", "normalizations written as means, differences and roots", net_pass_norm},
    {"group-norm", "group normalization written with reshapes", net_pass_group_norm},
    {"join", "two paddings, transposes or reshapes in a row", net_pass_join},
    {"maps", "vectors and other shapes into maps [1,C,H,W]", net_pass_maps},
    {"constant", "compute what depends on constants only", net_pass_constant},
    {"clean", "remove what changes nothing", net_pass_clean},
    {"function", "activations written as products and powers", net_pass_function},
    {"norm-affine", "scale and shift of normalizations", net_pass_norm_affine},
    {"affine-after", "constants behind a convolution into its weights",
     net_pass_affine_after},
    {"pad", "borders into convolutions", net_pass_pad},
    {"upsample", "nearest x2 into convolutions", net_pass_upsample},
    {"affine-before", "constants before a convolution into its weights",
     net_pass_affine_before},
    {"act", "activations into convolutions", net_pass_act},
    {"clean", "remove what changes nothing", net_pass_clean},
    {"reject", "refuse nodes that daub cannot run", net_pass_reject},
};
const size_t net_pass_count = sizeof(net_passes) / sizeof(net_passes[0]);

/* Frees the elements of constants that no node reads any more. */
static bool drop_constants(struct net_graph *graph, struct daub_error *error)
{
    bool *read = daub_alloc(graph->value_count, sizeof(*read));
    if (!read)
        return daub_no_memory(error, "rewriting the network");
    for (size_t i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].input[k] >= 0)
                read[graph->nodes[i].input[k]] = true;
    for (size_t i = 0; i < graph->value_count; i++)
        if (!read[i]) {
            free(graph->values[i].data);
            graph->values[i].data = NULL;
        }
    free(read);
    return true;
}

bool net_passes_run(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < net_pass_count; i++) {
        if (!net_passes[i].run(graph, error))
            return false;
        net_graph_sweep(graph);
        if (!net_graph_check(graph, error))
            return false;
    }
    return drop_constants(graph, error);
}

/* Whether only the part that the host computes from the style weights may contain the
 * node. */
static bool is_host_only(const struct net_node *node)
{
    return net_op_find(node->op)->host_only;
}

/* Whether the node uses values computed from the style only as one number, or one for
 * each channel. */
static bool style_fits(const struct net_graph *graph, const struct net_node *node)
{
    const struct net_shape *map = net_pass_shape(graph, node->output);
    for (int k = 0; k < node->input_count; k++) {
        if (node->input[k] < 0 || !graph->values[node->input[k]].from_style)
            continue;
        if (node->op != NET_BINARY && !(node->op == NET_NORM && k > 0))
            return false;
        if (node->op == NET_BINARY && !net_pass_per_channel(graph, node->input[k], map))
            return false;
    }
    return true;
}

bool net_pass_reject(struct net_graph *graph, struct daub_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        const struct net_shape *shape = net_pass_shape(graph, node->output);
        if (graph->values[node->output].from_style)
            continue;
        if (is_host_only(node) || shape->rank != 4 || !style_fits(graph, node))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "operator %s in node '%.80s' is used in a way daub cannot "
                             "run; export the network with plain image operators",
                             node->type ? node->type : net_op_name(node->op), node->name);
    }
    if (graph->values[graph->output].from_style)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "the network's output does not depend on the picture; use an "
                         "image-to-image model");
    return true;
}
