#include <stdlib.h>
#include <string.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/half.h"

/* Messages that daub reads are nested to six levels (model, graph, node, attribute,
 * tensor, segment), those in subgraphs deeper. protobuf-c recurses without a limit. */
enum { MAX_NESTING = 32 };

const char *net_onnx_printable(const char *text, char out[static NET_ONNX_TEXT])
{
    size_t n = 0;
    for (; text && text[n] && n < NET_ONNX_TEXT - 1; n++)
        out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    out[n] = '\0';
    return out;
}

/* The rest of the file. */
struct bytes {
    const uint8_t *at, *end;
};

static bool read_varint(struct bytes *bytes, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && bytes->at < bytes->end; shift += 7) {
        uint8_t byte = *bytes->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* Checks the wire format: every length ends inside its message, nesting is limited. */
static bool walk_message(const ProtobufCMessageDescriptor *type, struct bytes bytes,
                         int depth)
{
    if (depth > MAX_NESTING)
        return false;
    while (bytes.at < bytes.end) {
        uint64_t key, value;
        if (!read_varint(&bytes, &key) || key >> 3 == 0 || key >> 3 > INT32_MAX)
            return false;
        uint64_t skip = 0;
        switch (key & 7) {
        case 0:
            if (!read_varint(&bytes, &value))
                return false;
            break;
        case 1:
            skip = 8;
            break;
        case 2:
            if (!read_varint(&bytes, &skip))
                return false;
            break;
        case 5:
            skip = 4;
            break;
        default:
            return false;
        }
        if (skip > (uint64_t)(bytes.end - bytes.at))
            return false;
        if ((key & 7) == 2) {
            const ProtobufCFieldDescriptor *field =
                protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
            if (field && field->type == PROTOBUF_C_TYPE_MESSAGE &&
                !walk_message(field->descriptor,
                              (struct bytes){bytes.at, bytes.at + skip}, depth + 1))
                return false;
        }
        bytes.at += skip;
    }
    return true;
}

/* Bytes that protobuf-c may still allocate, and why an allocation failed. */
struct budget {
    size_t left;
    bool exceeded, no_memory;
};

static void *budget_alloc(void *data, size_t size)
{
    struct budget *budget = data;
    if (size > budget->left) {
        budget->exceeded = true;
        return NULL;
    }
    budget->left -= size;
    void *memory = daub_alloc(size, 1);
    budget->no_memory = budget->no_memory || !memory;
    return memory;
}

static void budget_free(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

Onnx__ModelProto *net_onnx_unpack(const void *data, size_t size, struct daub_error *error)
{
    struct bytes bytes = {data, (const uint8_t *)data + size};
    const char *damaged = "is no ONNX file, or a damaged one; fetch or export it again";
    if (size == 0 || !walk_message(&onnx__model_proto__descriptor, bytes, 0)) {
        daub_fail(error, DAUB_ERROR_MODEL, "%s", damaged);
        return NULL;
    }
    /* An empty field of two bytes becomes a struct of up to 200 bytes, so a small file
     * could fill the memory. Exporters' files need little more than their weights. */
    const size_t more_max = (size_t)256 << 20;
    size_t more = size < more_max / 15 ? size * 15 : more_max;
    struct budget budget = {.left = size + more + ((size_t)64 << 20)};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    Onnx__ModelProto *model = onnx__model_proto__unpack(&allocator, size, data);
    if (!model && budget.no_memory)
        daub_no_memory(error, "reading the model");
    else if (!model)
        daub_fail(error, DAUB_ERROR_MODEL, "%s",
                  budget.exceeded ? "needs too much memory to be read" : damaged);
    return model;
}

void net_onnx_free_model(Onnx__ModelProto *model)
{
    ProtobufCAllocator allocator = {budget_alloc, budget_free, NULL};
    if (model)
        onnx__model_proto__free_unpacked(model, &allocator);
}

static size_t element_size(Onnx__TensorProto__DataType type)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return 8;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return 4;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
        return 2;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        return 1;
    default:
        return 0;
    }
}

static size_t typed_count(const Onnx__TensorProto *proto)
{
    switch (proto->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        return proto->n_float_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        return proto->n_double_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return proto->n_int64_data;
    default:
        return proto->n_int32_data;
    }
}

static bool is_raw(const Onnx__TensorProto *proto)
{
    return proto->has_raw_data && proto->raw_data.len > 0;
}

bool net_onnx_tensor_shape(const Onnx__TensorProto *proto, struct net_shape *shape,
                           int64_t *count, struct daub_error *error)
{
    char name[NET_ONNX_TEXT];
    net_onnx_printable(proto->name, name);
    if (proto->n_external_data > 0 ||
        (proto->has_data_location &&
         proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "keeps tensor '%s' in a file of its own; save the model as one "
                         "file (onnx.save without external data)",
                         name);
    size_t size = proto->has_data_type
                      ? element_size((Onnx__TensorProto__DataType)proto->data_type)
                      : 0;
    if (size == 0 || proto->segment)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "tensor '%s' has element type %d; daub reads float, float16, "
                         "bfloat16, double, bool and integers of 8 to 64 bits",
                         name, (int)proto->data_type);
    if (proto->n_dims > NET_MAX_RANK)
        return daub_fail(error, DAUB_ERROR_MODEL, "tensor '%s' has %zu axes; at most %d",
                         name, proto->n_dims, NET_MAX_RANK);
    *shape = (struct net_shape){.rank = (int)proto->n_dims};
    *count = 1;
    int64_t product = 1; /* like *count, but with 1 for empty axes */
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dim[i] = proto->dims[i];
        if (dim < 0 || dim > NET_MAX_DIM || (product *= dim ? dim : 1) > INT32_MAX)
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "tensor '%s' has the impossible size %lld on axis %d", name,
                             (long long)dim, i);
        *count *= dim;
    }
    size_t stored = is_raw(proto) ? proto->raw_data.len : typed_count(proto);
    size_t wanted = (size_t)*count * (is_raw(proto) ? size : 1);
    if (stored != wanted)
        return daub_fail(
            error, DAUB_ERROR_MODEL,
            "tensor '%s' holds %zu %s where its shape needs %zu; the file is "
            "damaged",
            name, stored, is_raw(proto) ? "bytes" : "elements", wanted);
    return true;
}

/* ONNX stores raw data little-endian. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = size; i-- > 0;)
        bits = bits << 8 | bytes[i];
    return bits;
}

/* The upper half of a float. */
static double bfloat16(uint32_t bits)
{
    float f;
    bits <<= 16;
    memcpy(&f, &bits, sizeof(f));
    return (double)f;
}

static double raw_element(const Onnx__TensorProto *proto, size_t size, size_t i)
{
    uint64_t bits = load(proto->raw_data.data + i * size, size);
    uint32_t low = (uint32_t)bits;
    float f;
    double d;
    switch (proto->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        memcpy(&f, &low, sizeof(f));
        return (double)f;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        memcpy(&d, &bits, sizeof(d));
        return d;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
        return (double)daub_half_to_float((uint16_t)low);
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return (double)(int64_t)bits;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return (double)(int32_t)low;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return bfloat16(low);
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
        return (double)(int16_t)low;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        return (double)(int8_t)low;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        return (double)low;
    default:
        return low ? 1 : 0;
    }
}

static double typed_element(const Onnx__TensorProto *proto, size_t i)
{
    switch (proto->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        return (double)proto->float_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        return proto->double_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
        return (double)daub_half_to_float((uint16_t)proto->int32_data[i]);
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return (double)proto->int64_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return bfloat16((uint32_t)proto->int32_data[i]);
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        return (double)proto->int32_data[i];
    default:
        return proto->int32_data[i] ? 1 : 0;
    }
}

void net_onnx_decode_double(const Onnx__TensorProto *proto, int64_t count, double *out)
{
    size_t size = element_size((Onnx__TensorProto__DataType)proto->data_type);
    for (size_t i = 0; i < (size_t)count; i++)
        out[i] = is_raw(proto) ? raw_element(proto, size, i) : typed_element(proto, i);
}

void net_onnx_decode_float(const Onnx__TensorProto *proto, int64_t count, float *out)
{
    size_t size = element_size((Onnx__TensorProto__DataType)proto->data_type);
    bool plain = proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    if (plain && !is_raw(proto) && count > 0) {
        memcpy(out, proto->float_data, (size_t)count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < (size_t)count; i++) {
        if (plain) { /* the usual case: faster without the switch */
            uint32_t bits = (uint32_t)load(proto->raw_data.data + 4 * i, 4);
            memcpy(&out[i], &bits, sizeof(bits));
        } else {
            out[i] = (float)(is_raw(proto) ? raw_element(proto, size, i)
                                           : typed_element(proto, i));
        }
    }
}
