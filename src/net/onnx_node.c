#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"

/* Integers from a file are clamped to this: products of two of them fit 64 bits, and
 * checks of sizes refuse anything that large. */
#define MAX_INT ((int64_t)1 << 30)

void net_onnx_refuse(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     const char *format, ...)
{
    char what[256], name[NET_ONNX_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    daub_fail(&b->error, DAUB_ERROR_MODEL, "node '%s' (%s, opset %d): %s",
              net_onnx_printable(node->proto->name, name), node->op->name,
              net_onnx_opset(b), what);
}

void net_onnx_no_memory(struct net_onnx_builder *b)
{
    daub_no_memory(&b->error, "building the network");
}

bool net_onnx_failed(const struct net_onnx_builder *b)
{
    return b->error.status != DAUB_OK;
}

int net_onnx_opset(const struct net_onnx_builder *b)
{
    return b->onnx->info.opset;
}

/* Files of IR version 1 have no type; then the field that is set shows it. */
static bool has_type(const Onnx__AttributeProto *attribute,
                     Onnx__AttributeProto__AttributeType type)
{
    if (attribute->has_type && attribute->type)
        return attribute->type == type;
    switch (type) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        return attribute->has_i;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        return attribute->has_f;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        return attribute->has_s;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        return attribute->t;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        return attribute->n_ints > 0;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        return attribute->n_floats > 0;
    default:
        return false;
    }
}

const Onnx__AttributeProto *net_onnx_attribute(struct net_onnx_builder *b,
                                               const struct net_onnx_node *node,
                                               const char *name,
                                               Onnx__AttributeProto__AttributeType type)
{
    for (size_t i = 0; i < node->proto->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = node->proto->attribute[i];
        if (!attribute->name || strcmp(attribute->name, name))
            continue;
        bool fits = has_type(attribute, type);
        if (fits && type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)
            fits = attribute->t;
        if (fits)
            return attribute;
        net_onnx_refuse(b, node, "its attribute '%s' has the wrong type", name);
        return NULL;
    }
    return NULL;
}

static int64_t clamp(int64_t x)
{
    return x < -MAX_INT ? -MAX_INT : x > MAX_INT ? MAX_INT : x;
}

int64_t net_onnx_int(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     const char *name, int64_t fallback)
{
    const Onnx__AttributeProto *attribute =
        net_onnx_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    return attribute ? clamp(attribute->i) : fallback;
}

float net_onnx_float(struct net_onnx_builder *b, const struct net_onnx_node *node,
                     const char *name, float fallback)
{
    const Onnx__AttributeProto *attribute =
        net_onnx_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    return attribute ? attribute->f : fallback;
}

bool net_onnx_text_is(struct net_onnx_builder *b, const struct net_onnx_node *node,
                      const char *name, const char *text, const char *fallback)
{
    const Onnx__AttributeProto *attribute =
        net_onnx_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (!attribute)
        return !strcmp(text, fallback);
    size_t length = strlen(text);
    return attribute->s.len == length &&
           (length == 0 || !memcmp(attribute->s.data, text, length));
}

bool net_onnx_ints(struct net_onnx_builder *b, const struct net_onnx_node *node,
                   const char *name, struct net_onnx_ints *ints)
{
    const Onnx__AttributeProto *attribute =
        net_onnx_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    ints->count = 0;
    if (!attribute)
        return false;
    if (attribute->n_ints > NET_ONNX_MAX_INTS) {
        net_onnx_refuse(b, node, "its attribute '%s' is too long", name);
        return false;
    }
    for (size_t i = 0; i < attribute->n_ints; i++)
        ints->at[ints->count++] = clamp(attribute->ints[i]);
    return true;
}

bool net_onnx_input_ints(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         int i, struct net_onnx_ints *ints)
{
    ints->count = 0;
    if (!net_onnx_has_input(node, i))
        return false;
    const struct net_tensor *tensor = net_onnx_need_constant(b, node, i, "input");
    if (!tensor)
        return false;
    if (tensor->count > NET_ONNX_MAX_INTS) {
        net_onnx_refuse(b, node, "input %d is too long", i);
        return false;
    }
    for (int64_t k = 0; k < tensor->count; k++)
        ints->at[ints->count++] = clamp(net_tensor_int(tensor, k));
    return true;
}

bool net_onnx_attribute_or_input_ints(struct net_onnx_builder *b,
                                      const struct net_onnx_node *node, const char *name,
                                      int since, int i, struct net_onnx_ints *ints)
{
    return net_onnx_opset(b) < since ? net_onnx_ints(b, node, name, ints)
                                     : net_onnx_input_ints(b, node, i, ints);
}

bool net_onnx_has_input(const struct net_onnx_node *node, int i)
{
    return i < node->input_count && node->input[i] >= 0;
}

bool net_onnx_is_constant(const struct net_onnx_builder *b,
                          const struct net_onnx_node *node, int i)
{
    if (!net_onnx_has_input(node, i))
        return false;
    const struct net_onnx_entry *entry = &b->entries[node->input[i]];
    return entry->proto || entry->tensor;
}

/* Entry of input i; NULL with an error where it is absent or not computed. */
static struct net_onnx_entry *input_entry(struct net_onnx_builder *b,
                                          const struct net_onnx_node *node, int i)
{
    if (net_onnx_failed(b))
        return NULL;
    if (!net_onnx_has_input(node, i)) {
        net_onnx_refuse(b, node, "input %d is missing", i);
        return NULL;
    }
    struct net_onnx_entry *entry = &b->entries[node->input[i]];
    if (entry->proto || entry->tensor || entry->value >= 0)
        return entry;
    char name[NET_ONNX_TEXT];
    net_onnx_printable(b->onnx->symbols[node->input[i]].name, name);
    net_onnx_refuse(
        b, node, "it reads '%s', an additional output that daub does not compute", name);
    return NULL;
}

static bool proto_shape(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        const Onnx__TensorProto *proto, struct net_shape *shape,
                        int64_t *count)
{
    struct daub_error error = {0};
    if (net_onnx_tensor_shape(proto, shape, count, &error))
        return true;
    net_onnx_refuse(b, node, "%.200s", error.message);
    return false;
}

const struct net_tensor *net_onnx_constant(struct net_onnx_builder *b,
                                           const struct net_onnx_node *node, int i)
{
    if (!net_onnx_is_constant(b, node, i) || net_onnx_failed(b))
        return NULL;
    struct net_onnx_entry *entry = &b->entries[node->input[i]];
    struct net_shape shape;
    int64_t count;
    if (entry->tensor || !proto_shape(b, node, entry->proto, &shape, &count))
        return entry->tensor;
    entry->tensor = net_tensor_new(
        b, node, (Onnx__TensorProto__DataType)entry->proto->data_type, &shape);
    if (entry->tensor)
        net_onnx_decode_double(entry->proto, count, entry->tensor->data);
    return entry->tensor;
}

const struct net_tensor *net_onnx_need_constant(struct net_onnx_builder *b,
                                                const struct net_onnx_node *node, int i,
                                                const char *what)
{
    if (!input_entry(b, node, i))
        return NULL;
    const struct net_tensor *tensor = net_onnx_constant(b, node, i);
    if (!tensor)
        net_onnx_refuse(
            b, node,
            "its %s (input %d) depends on the picture's contents or the style, "
            "which daub cannot follow",
            what, i);
    return tensor;
}

bool net_onnx_number(struct net_onnx_builder *b, const struct net_onnx_node *node, int i,
                     float *number)
{
    const struct net_tensor *tensor = net_onnx_need_constant(b, node, i, "number");
    if (tensor && tensor->count != 1)
        net_onnx_refuse(b, node, "input %d has %lld elements where one is needed", i,
                        (long long)tensor->count);
    if (net_onnx_failed(b))
        return false;
    *number = (float)tensor->data[0];
    return true;
}

struct net_shape net_onnx_shape(struct net_onnx_builder *b,
                                const struct net_onnx_node *node, int i)
{
    struct net_shape shape = {0};
    int64_t count;
    const struct net_onnx_entry *entry = input_entry(b, node, i);
    if (!entry)
        return shape;
    if (entry->value >= 0)
        return b->graph->values[entry->value].shape;
    if (entry->tensor)
        return entry->tensor->shape;
    if (!proto_shape(b, node, entry->proto, &shape, &count))
        return (struct net_shape){0};
    return shape;
}

const struct net_shape *net_onnx_original_shape(const struct net_onnx_builder *b,
                                                const struct net_onnx_node *node, int i)
{
    if (!b->original || !net_onnx_has_input(node, i))
        return NULL;
    const struct net_onnx_entry *original = &b->original->entries[node->input[i]];
    const struct net_onnx_entry *current = &b->entries[node->input[i]];
    if (original->value < 0 || current->value < 0 ||
        original->shape.rank != b->graph->values[current->value].shape.rank ||
        net_shape_equal(&original->shape, &b->graph->values[current->value].shape))
        return NULL;
    return &original->shape;
}

int net_onnx_axis(struct net_onnx_builder *b, const struct net_onnx_node *node,
                  int64_t axis, int rank)
{
    int64_t from_start = axis < 0 ? axis + rank : axis;
    if (from_start >= 0 && from_start < rank)
        return (int)from_start;
    net_onnx_refuse(b, node, "axis %lld is out of range for %d axes", (long long)axis,
                    rank);
    return 0;
}

/* Adds a constant to the graph. *data is for the caller to fill; NULL in a build for
 * shapes only. */
static int new_constant(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        const struct net_shape *shape, float **data)
{
    char name[NET_ONNX_TEXT];
    net_onnx_printable(node->proto->name, name);
    *data = NULL;
    int64_t count = net_shape_count(shape);
    if (count > 0 && (b->constants += count) > NET_ONNX_MAX_CONSTANTS)
        net_onnx_refuse(b, node, "the constants of the network are too large");
    if (net_onnx_failed(b))
        return -1;
    if (!b->shapes_only || count < 0) {
        int value = net_graph_add_constant(b->graph, name, shape, NULL, &b->error);
        if (value >= 0)
            *data = b->graph->values[value].data;
        return value;
    }
    float *one = daub_alloc(1, sizeof(float));
    int value = one ? net_graph_add_value(b->graph, name, shape, &b->error) : -1;
    if (value >= 0)
        b->graph->values[value].data = one;
    else
        free(one);
    if (!one)
        net_onnx_no_memory(b);
    return value;
}

int net_onnx_add_constant(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          const struct net_tensor *tensor)
{
    float *data;
    int value = new_constant(b, node, &tensor->shape, &data);
    for (int64_t i = 0; data && i < tensor->count; i++)
        data[i] = (float)tensor->data[i];
    return value;
}

int net_onnx_add_floats(struct net_onnx_builder *b, const struct net_onnx_node *node,
                        const struct net_shape *shape, const float *from)
{
    float *data;
    int value = new_constant(b, node, shape, &data);
    if (data)
        memcpy(data, from, (size_t)net_shape_count(shape) * sizeof(float));
    return value;
}

int net_onnx_operand(struct net_onnx_builder *b, const struct net_onnx_node *node, int i)
{
    if (!net_onnx_has_input(node, i))
        return -1;
    struct net_onnx_entry *entry = input_entry(b, node, i);
    if (!entry || entry->value >= 0)
        return entry ? entry->value : -1;
    int value = -1;
    if (entry->tensor) {
        value = net_onnx_add_constant(b, node, entry->tensor);
    } else {
        struct net_shape shape;
        int64_t count;
        float *data;
        if (!proto_shape(b, node, entry->proto, &shape, &count))
            return -1;
        value = new_constant(b, node, &shape, &data);
        if (data)
            net_onnx_decode_float(entry->proto, count, data);
    }
    if (value >= 0)
        entry->shape = b->graph->values[value].shape;
    return entry->value = value;
}

int net_onnx_emit(struct net_onnx_builder *b, const struct net_onnx_node *node,
                  const struct net_node *draft, const int *input, int input_count,
                  const struct net_shape *output_shape)
{
    char name[NET_ONNX_TEXT];
    net_onnx_printable(node->proto->name, name);
    if (net_onnx_failed(b))
        return -1;
    const struct net_shape none = {0};
    int value = net_graph_add_value(b->graph, name, output_shape ? output_shape : &none,
                                    &b->error);
    if (value < 0)
        return -1;
    int index = net_graph_add_node(b->graph, draft->op, name, node->op->name, input,
                                   input_count, value, &b->error);
    struct net_shape shape;
    if (index < 0)
        return -1;
    b->graph->nodes[index].u = draft->u;
    if (!net_infer_shape(b->graph, &b->graph->nodes[index], &shape, &b->error))
        return -1;
    b->graph->values[value].shape = shape;
    return value;
}

/* Entry of output i; NULL where nothing reads it. */
static struct net_onnx_entry *output_entry(struct net_onnx_builder *b,
                                           const struct net_onnx_node *node, int i)
{
    if (net_onnx_failed(b) || i >= node->output_count || node->output[i] < 0)
        return NULL;
    return &b->entries[node->output[i]];
}

void net_onnx_bind(struct net_onnx_builder *b, const struct net_onnx_node *node, int i,
                   int value)
{
    struct net_onnx_entry *entry = output_entry(b, node, i);
    if (!entry || value < 0)
        return;
    entry->value = value;
    entry->shape = b->graph->values[value].shape;
}

void net_onnx_bind_tensor(struct net_onnx_builder *b, const struct net_onnx_node *node,
                          int i, struct net_tensor *tensor)
{
    struct net_onnx_entry *entry = output_entry(b, node, i);
    if (entry)
        entry->tensor = tensor;
    else
        net_tensor_free(b, tensor);
}

void net_onnx_bind_proto(struct net_onnx_builder *b, const struct net_onnx_node *node,
                         const Onnx__TensorProto *proto)
{
    struct net_onnx_entry *entry = output_entry(b, node, 0);
    if (entry)
        entry->proto = proto;
}

void net_onnx_identity(struct net_onnx_builder *b, const struct net_onnx_node *node)
{
    const struct net_onnx_entry *entry = input_entry(b, node, 0);
    if (!entry)
        return;
    if (entry->proto) {
        net_onnx_bind_proto(b, node, entry->proto);
    } else if (entry->tensor) {
        int64_t stride[NET_MAX_RANK];
        net_tensor_strides(&entry->tensor->shape, entry->tensor->shape.rank, stride);
        net_onnx_bind_tensor(
            b, node, 0,
            net_tensor_view(b, node, entry->tensor, &entry->tensor->shape, 0, stride));
    } else {
        net_onnx_bind(b, node, 0, entry->value);
    }
}
