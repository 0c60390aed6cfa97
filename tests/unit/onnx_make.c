#include "onnx_make.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void wrong(const char *what, const char *text)
{
    fprintf(stderr, "onnx_make: %s in '%s'\n", what, text);
    abort();
}

static void *need(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

static char *copy(const char *text)
{
    return strcpy(need(strlen(text) + 1), text);
}

/* Appends to a repeated field. */
static void append(void *array, size_t *count, const void *element, size_t size)
{
    void *old, *bigger = need((*count + 1) * size);
    memcpy(&old, array, sizeof(old));
    if (old)
        memcpy(bigger, old, *count * size);
    free(old);
    memcpy((char *)bigger + *count * size, element, size);
    memcpy(array, &bigger, sizeof(bigger));
    ++*count;
}

/* The next part of *text up to a separator; NULL at the end. Writes into *text. */
static char *part(char **text, const char *separators)
{
    char *found = *text ? *text + strspn(*text, " \n") : NULL;
    if (!found || !*found)
        return NULL;
    size_t length = strcspn(found, separators);
    *text = found[length] ? found + length + 1 : NULL;
    found[length] = '\0';
    return found;
}

static float random_number(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

static Onnx__ValueInfoProto *value_info(const char *name, char *dims)
{
    Onnx__ValueInfoProto *info = need(sizeof(*info));
    onnx__value_info_proto__init(info);
    info->name = copy(name);
    info->type = need(sizeof(*info->type));
    onnx__type_proto__init(info->type);
    info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    Onnx__TypeProto__Tensor *tensor = info->type->tensor_type = need(sizeof(*tensor));
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    if (!dims)
        return info;
    tensor->shape = need(sizeof(*tensor->shape));
    onnx__tensor_shape_proto__init(tensor->shape);
    for (char *dim; (dim = part(&dims, ","));) {
        Onnx__TensorShapeProto__Dimension *d = need(sizeof(*d));
        onnx__tensor_shape_proto__dimension__init(d);
        bool number = isdigit((unsigned char)*dim) || *dim == '-';
        d->value_case = number ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                               : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        if (number)
            d->dim_value = atoll(dim);
        else
            d->dim_param = copy(dim);
        append(&tensor->shape->dim, &tensor->shape->n_dim, &d, sizeof(d));
    }
    return info;
}

static Onnx__TensorProto *new_tensor(const char *name, int type)
{
    Onnx__TensorProto *tensor = need(sizeof(*tensor));
    onnx__tensor_proto__init(tensor);
    tensor->name = copy(name);
    tensor->has_data_type = 1;
    tensor->data_type = type;
    return tensor;
}

static void set_dims(Onnx__TensorProto *tensor, char *dims, size_t *count)
{
    *count = 1;
    for (char *dim; (dim = part(&dims, ","));) {
        int64_t size = atoll(dim);
        append(&tensor->dims, &tensor->n_dims, &size, sizeof(size));
        *count *= (size_t)size;
    }
}

/* Floats as raw bytes, as exporters write them. */
static Onnx__TensorProto *float_tensor(const char *name, char *dims, char *values)
{
    Onnx__TensorProto *tensor = new_tensor(name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    size_t count;
    set_dims(tensor, dims, &count);
    float *data = need(count * sizeof(float));
    unsigned seed = values && *values == 'r' ? (unsigned)atoi(values + 1) : 0;
    for (size_t i = 0; i < count; i++) {
        if (values && *values == '=') {
            data[i] = strtof(values + 1, NULL);
        } else if (values && *values != 'r') {
            char *number = part(&values, ",");
            data[i] = number ? strtof(number, NULL) : 0;
        } else {
            data[i] = random_number(&seed);
        }
    }
    tensor->has_raw_data = 1;
    tensor->raw_data.len = count * sizeof(float);
    tensor->raw_data.data = (uint8_t *)data;
    return tensor;
}

/* Integers, or numbers with points, in typed fields; "=V" is a scalar. */
static Onnx__TensorProto *list_tensor(const char *name, char *values)
{
    bool real = strchr(values, '.'), scalar = *values == '=';
    Onnx__TensorProto *tensor =
        new_tensor(name, real ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
                              : ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    values += scalar;
    for (char *number; (number = part(&values, ","));) {
        int64_t whole = atoll(number);
        float x = strtof(number, NULL);
        if (real)
            append(&tensor->float_data, &tensor->n_float_data, &x, sizeof(x));
        else
            append(&tensor->int64_data, &tensor->n_int64_data, &whole, sizeof(whole));
    }
    int64_t count = (int64_t)(real ? tensor->n_float_data : tensor->n_int64_data);
    if (!scalar)
        append(&tensor->dims, &tensor->n_dims, &count, sizeof(count));
    return tensor;
}

#define ATTRIBUTE(kind) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##kind

static Onnx__AttributeProto *attribute(char *text)
{
    Onnx__AttributeProto *a = need(sizeof(*a));
    onnx__attribute_proto__init(a);
    char *value = strchr(text, '=');
    if (!value)
        wrong("attribute without value", text);
    *value++ = '\0';
    a->name = copy(text);
    a->has_type = 1;
    bool number = isdigit((unsigned char)*value) || (*value == '-' && value[1]);
    bool list = strchr(value, ','), real = strchr(value, '.');
    if (*value == '@') {
        a->type = ATTRIBUTE(TENSOR);
        a->t = list_tensor("", value + 1);
    } else if (!number) {
        a->type = ATTRIBUTE(STRING);
        a->has_s = 1;
        a->s.len = strlen(value);
        a->s.data = (uint8_t *)copy(value);
    } else if (!list) {
        a->type = real ? ATTRIBUTE(FLOAT) : ATTRIBUTE(INT);
        a->has_f = real;
        a->has_i = !real;
        a->f = strtof(value, NULL);
        a->i = atoll(value);
    } else {
        a->type = real ? ATTRIBUTE(FLOATS) : ATTRIBUTE(INTS);
        for (char *item; (item = part(&value, ","));) {
            int64_t whole = atoll(item);
            float x = strtof(item, NULL);
            if (real)
                append(&a->floats, &a->n_floats, &x, sizeof(x));
            else
                append(&a->ints, &a->n_ints, &whole, sizeof(whole));
        }
    }
    return a;
}

static void add_names(char *names, char ***array, size_t *count)
{
    for (char *name; (name = part(&names, ","));) {
        char *kept = copy(strcmp(name, "_") ? name : "");
        append(array, count, &kept, sizeof(kept));
    }
}

static Onnx__NodeProto *new_node(const char *op, char *rest)
{
    Onnx__NodeProto *node = need(sizeof(*node));
    onnx__node_proto__init(node);
    node->op_type = copy(op);
    char *word = part(&rest, " ");
    if (word && strcmp(word, ">")) {
        add_names(word, &node->input, &node->n_input);
        word = part(&rest, " ");
    }
    char *outputs = word && !strcmp(word, ">") ? part(&rest, " ") : NULL;
    if (!outputs)
        wrong("node without outputs", op);
    add_names(outputs, &node->output, &node->n_output);
    node->name = copy(node->output[0]);
    while ((word = part(&rest, " "))) {
        Onnx__AttributeProto *a = attribute(word);
        append(&node->attribute, &node->n_attribute, &a, sizeof(a));
    }
    return node;
}

static void add_statement(Onnx__ModelProto *model, char *statement)
{
    Onnx__GraphProto *graph = model->graph;
    char *rest = statement, *verb = part(&rest, " ");
    if (!verb)
        return;
    if (!strcmp(verb, "opset")) {
        model->opset_import[0]->version = atoi(part(&rest, " "));
        return;
    }
    if (!strcmp(verb, "meta")) {
        Onnx__StringStringEntryProto *entry = need(sizeof(*entry));
        onnx__string_string_entry_proto__init(entry);
        entry->key = copy(part(&rest, " "));
        entry->value = copy(rest);
        append(&model->metadata_props, &model->n_metadata_props, &entry, sizeof(entry));
        return;
    }
    bool in = !strcmp(verb, "in"), out = !strcmp(verb, "out");
    bool floats = !strcmp(verb, "f"), ints = !strcmp(verb, "i");
    if (!in && !out && !floats && !ints) {
        Onnx__NodeProto *node = new_node(verb, rest);
        append(&graph->node, &graph->n_node, &node, sizeof(node));
        return;
    }
    char *name = part(&rest, " "), *second = part(&rest, " "), *third = part(&rest, " ");
    if (in || out) {
        Onnx__ValueInfoProto *info = value_info(name, second);
        append(in ? &graph->input : &graph->output,
               in ? &graph->n_input : &graph->n_output, &info, sizeof(info));
        return;
    }
    Onnx__TensorProto *tensor =
        ints ? list_tensor(name, second) : float_tensor(name, second, third);
    append(&graph->initializer, &graph->n_initializer, &tensor, sizeof(tensor));
}

Onnx__ModelProto *onnx_make(const char *text)
{
    Onnx__ModelProto *model = need(sizeof(*model));
    onnx__model_proto__init(model);
    model->has_ir_version = 1;
    model->ir_version = 7;
    Onnx__OperatorSetIdProto *opset = need(sizeof(*opset));
    onnx__operator_set_id_proto__init(opset);
    opset->has_version = 1;
    opset->version = 11;
    append(&model->opset_import, &model->n_opset_import, &opset, sizeof(opset));
    model->graph = need(sizeof(*model->graph));
    onnx__graph_proto__init(model->graph);
    char *own = copy(text), *rest = own;
    for (char *statement; (statement = part(&rest, ";"));)
        add_statement(model, statement);
    free(own);
    return model;
}

void onnx_make_free(Onnx__ModelProto *model)
{
    onnx__model_proto__free_unpacked(model, NULL);
}

unsigned char *onnx_make_bytes(const Onnx__ModelProto *model, size_t *size)
{
    *size = onnx__model_proto__get_packed_size(model);
    unsigned char *bytes = need(*size);
    onnx__model_proto__pack(model, bytes);
    return bytes;
}
