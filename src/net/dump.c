#include "net/op.h"

/* Values are named by their index, so that a dump does not change with the exporter's
 * naming; constants show their shape. */
void net_graph_dump(const struct net_graph *graph, FILE *file)
{
    char text[NET_SHAPE_TEXT];
    fprintf(file, "graph %dx%d%s output %%%d\n", graph->width, graph->height,
            graph->nhwc ? " nhwc" : "", graph->output);
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        const struct net_value *output = &graph->values[node->output];
        net_shape_text(&output->shape, text);
        fprintf(file, "%%%d %s = %s", node->output, text, net_op_name(node->op));
        const struct net_op_job job = {.graph = graph, .node = node};
        const struct net_operator *op = net_op_find(node->op);
        if (op && op->dump)
            op->dump(&job, file);
        for (int k = 0; k < node->input_count; k++) {
            int v = node->input[k];
            if (v < 0) {
                fprintf(file, " -");
            } else if (graph->values[v].data) {
                net_shape_text(&graph->values[v].shape, text);
                fprintf(file, " const%s", text);
            } else {
                fprintf(file, " %%%d", v);
            }
        }
        fprintf(file, "%s\n", output->from_style ? " (style)" : "");
    }
}
