#include "onnx_mutate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <onnx.pb-c.h>

#include "net/ops.h"

/* All that the importer knows; empty for activations without an operator of their own. */
static const char *const op_names[] = {
#define ACT(enumerator, name, onnx, ...)    onnx ? onnx : "",
#define BINARY(enumerator, name, onnx, ...) onnx ? onnx : "",
#define LOGIC(name, ...)                    #name,
#define OPERATOR(name, ...)                 name,
    /* clang-format off */
    NET_ACTS(ACT)
    NET_BINARIES(BINARY)
    NET_LOGIC(LOGIC)
    NET_ONNX_OPS(OPERATOR, OPERATOR, OPERATOR, OPERATOR)
    /* clang-format on */
};
static const char *const attribute_names[] = {
    "allowzero",
    "alpha",
    "antialias",
    "approximate",
    "auto_pad",
    "axes",
    "axis",
    "beta",
    "block_size",
    "blocksize",
    "ceil_mode",
    "coordinate_transformation_mode",
    "count_include_pad",
    "cubic_coeff_a",
    "dilations",
    "end",
    "ends",
    "epsilon",
    "exclude_outside",
    "fmod",
    "gamma",
    "group",
    "keep_aspect_ratio_policy",
    "keepdims",
    "kernel_shape",
    "max",
    "min",
    "mode",
    "nearest_mode",
    "noop_with_empty_axes",
    "num_groups",
    "num_outputs",
    "output_padding",
    "output_shape",
    "pads",
    "perm",
    "scales",
    "split",
    "start",
    "starts",
    "steps",
    "strides",
    "to",
    "training_mode",
    "transA",
    "transB",
    "value",
    "value_float",
    "value_floats",
    "value_int",
    "value_ints",
};
static const char *const texts[] = {
    "",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "NOTSET",
    "reflect",
    "edge",
    "constant",
    "nearest",
    "linear",
    "cubic",
    "CRD",
    "DCR",
    "asymmetric",
    "align_corners",
    "half_pixel",
    "pytorch_half_pixel",
    "tf_half_pixel_for_nn",
    "floor",
    "ceil",
    "round_prefer_ceil",
};
static const int64_t numbers[] = {
    0,         1,         2,
    3,         4,         5,
    6,         7,         8,
    9,         12,        16,
    21,        32,        64,
    255,       256,       -1,
    -2,        -3,        -4,
    1000,      65535,     65536,
    65537,     1 << 24,   (1 << 24) + 1,
    INT32_MAX, INT32_MIN, INT64_MAX,
    INT64_MIN,
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static uint64_t state;

static size_t pick(size_t count)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return count ? (size_t)(state >> 33) % count : 0;
}

static int64_t number(void)
{
    /* mostly small ones, which pass the first checks */
    return pick(4) ? numbers[pick(21)] : numbers[pick(COUNT(numbers))];
}

static void set_text(char **to, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    free(*to);
    *to = copy;
}

/* Name of a random value. */
static const char *some_name(const Onnx__GraphProto *graph)
{
    const Onnx__NodeProto *node = graph->node[pick(graph->n_node)];
    switch (pick(4)) {
    case 0:
        return graph->n_initializer ? graph->initializer[pick(graph->n_initializer)]->name
                                    : "";
    case 1:
        return graph->n_input ? graph->input[pick(graph->n_input)]->name : "";
    case 2:
        return node->n_input ? node->input[pick(node->n_input)] : "";
    default:
        return node->n_output ? node->output[pick(node->n_output)] : "";
    }
}

static void add_input(Onnx__NodeProto *node, const char *name)
{
    char **inputs = calloc(node->n_input + 1, sizeof(*inputs));
    if (!inputs)
        abort();
    if (node->n_input)
        memcpy(inputs, node->input, node->n_input * sizeof(*inputs));
    free(node->input);
    node->input = inputs;
    set_text(&node->input[node->n_input++], name);
}

static void change_wiring(const Onnx__GraphProto *graph, Onnx__NodeProto *node)
{
    const char *name = some_name(graph);
    name = name && pick(8) ? name : "";
    if (pick(3) == 0)
        add_input(node, name);
    else if (node->n_input && pick(3) == 0)
        free(node->input[--node->n_input]);
    else if (node->n_input)
        set_text(&node->input[pick(node->n_input)], name);
}

static void change_tensor(Onnx__TensorProto *tensor)
{
    static const int types[] = {1, 1, 6, 7, 9, 10, 11, 8, 2};
    switch (pick(5)) {
    case 0:
        if (tensor->n_dims)
            tensor->dims[pick(tensor->n_dims)] = number();
        break;
    case 1:
        tensor->data_type = types[pick(COUNT(types))];
        break;
    case 2:
        if (tensor->n_int64_data)
            tensor->int64_data[pick(tensor->n_int64_data)] = number();
        break;
    case 3:
        if (tensor->n_float_data)
            tensor->float_data[pick(tensor->n_float_data)] = (float)number() / 4;
        break;
    default:
        if (tensor->raw_data.len >= 4) {
            float x = pick(9) ? (float)number() / 4 : 1e38f * (float)pick(9);
            memcpy(tensor->raw_data.data + pick(tensor->raw_data.len - 3), &x, sizeof(x));
        }
    }
}

static void change_attribute(Onnx__AttributeProto *attribute)
{
    if (pick(4) == 0)
        set_text(&attribute->name, attribute_names[pick(COUNT(attribute_names))]);
    if (pick(12) == 0)
        attribute->type = (Onnx__AttributeProto__AttributeType)(1 + pick(8));
    if (pick(6) == 0) {
        attribute->has_i = 1;
        attribute->i = number();
    }
    attribute->f = pick(2) ? attribute->f : (float)number() / 8;
    attribute->i = pick(2) ? attribute->i : number();
    if (attribute->n_ints && pick(4))
        attribute->ints[pick(attribute->n_ints)] = number();
    if (attribute->n_ints > 1 && pick(8) == 0)
        attribute->n_ints--;
    if (attribute->n_floats && pick(2))
        attribute->floats[pick(attribute->n_floats)] = (float)number() / 8;
    if (attribute->t && pick(2))
        change_tensor(attribute->t);
    if (attribute->s.data && pick(2)) {
        const char *text = texts[pick(COUNT(texts))];
        free(attribute->s.data);
        attribute->s.len = strlen(text);
        attribute->s.data = (uint8_t *)strdup(text);
    }
}

static Onnx__NodeProto *copy_node(const Onnx__NodeProto *node)
{
    size_t size = onnx__node_proto__get_packed_size(node);
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes)
        abort();
    onnx__node_proto__pack(node, bytes);
    Onnx__NodeProto *copy = onnx__node_proto__unpack(NULL, size, bytes);
    if (!copy)
        abort();
    free(bytes);
    return copy;
}

/* Inserts a copy of a random node, with other inputs, before a random reader. */
static void insert_node(Onnx__GraphProto *graph)
{
    static const char *const fresh[] = {"n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"};
    Onnx__NodeProto *copy = copy_node(graph->node[pick(graph->n_node)]);
    Onnx__NodeProto **nodes = calloc(graph->n_node + 1, sizeof(*nodes));
    if (!nodes)
        abort();
    memcpy(nodes, graph->node, graph->n_node * sizeof(*nodes));
    nodes[graph->n_node] = copy;
    if (copy->n_output)
        set_text(&copy->output[0], fresh[pick(COUNT(fresh))]);
    change_wiring(graph, copy);
    Onnx__NodeProto *reader = graph->node[pick(graph->n_node)];
    if (reader->n_input && copy->n_output)
        set_text(&reader->input[pick(reader->n_input)], copy->output[0]);
    free(graph->node);
    graph->node = nodes;
    graph->n_node++;
}

static void change_model(Onnx__ModelProto *model)
{
    Onnx__GraphProto *graph = model->graph;
    Onnx__NodeProto *node = graph->node[pick(graph->n_node)];
    switch (pick(9)) {
    case 0:
        set_text(&node->op_type, op_names[pick(COUNT(op_names))]);
        break;
    case 1:
    case 2:
        change_wiring(graph, node);
        break;
    case 3:
    case 4:
        if (node->n_attribute)
            change_attribute(node->attribute[pick(node->n_attribute)]);
        break;
    case 5:
        if (graph->n_initializer)
            change_tensor(graph->initializer[pick(graph->n_initializer)]);
        break;
    case 6:
        if (graph->n_node < 64)
            insert_node(graph);
        break;
    case 7:
        if (model->n_opset_import)
            model->opset_import[0]->version = 9 + (int64_t)pick(9);
        break;
    default:
        for (size_t i = 0; i < graph->n_input; i++) {
            const Onnx__TypeProto *type = graph->input[i]->type;
            if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
                !type->tensor_type->shape || !type->tensor_type->shape->n_dim)
                continue;
            const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
            Onnx__TensorShapeProto__Dimension *dim = shape->dim[pick(shape->n_dim)];
            if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                pick(2))
                dim->dim_value = number();
        }
    }
}

size_t onnx_mutate(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, data);
    size_t next = 0;
    state = seed;
    if (model && model->graph && model->graph->n_node) {
        for (size_t change = 0; change <= pick(4); change++)
            change_model(model);
        next = onnx__model_proto__get_packed_size(model);
        if (next <= max)
            onnx__model_proto__pack(model, data);
        else
            next = 0;
    }
    if (model)
        onnx__model_proto__free_unpacked(model, NULL);
    return next;
}
