/* Weights that a file keeps in other files, which must lie in its own folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"

struct place {
    const char *location;
    unsigned long long offset, length;
    bool has_length;
};

static bool read_number(const char *text, unsigned long long *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end;
}

static bool read_place(const Onnx__TensorProto *tensor, struct place *place)
{
    *place = (struct place){0};
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        const char *key = tensor->external_data[i]->key;
        const char *value = tensor->external_data[i]->value;
        if (!key || !value)
            return false;
        if (!strcmp(key, "location"))
            place->location = value;
        else if (!strcmp(key, "offset") && !read_number(value, &place->offset))
            return false;
        else if (!strcmp(key, "length"))
            place->has_length = read_number(value, &place->length);
    }
    /* A plain name: no way out of the folder. */
    return place->location && *place->location && !strchr(place->location, '/') &&
           strcmp(place->location, "..") != 0 && place->offset < INT64_MAX / 2 &&
           (!place->has_length || place->length < INT64_MAX / 2);
}

/* Reads the bytes of one tensor; false with *error set. */
static bool load(const char *path, const struct place *place, ProtobufCBinaryData *to,
                 struct daub_error *error)
{
    FILE *file = fopen(path, "rb");
    bool ok = file && fseek(file, 0, SEEK_END) == 0;
    long long size = ok ? ftell(file) : -1;
    unsigned long long length = place->length;
    if (!place->has_length)
        length = size > 0 && place->offset < (unsigned long long)size
                     ? (unsigned long long)size - place->offset
                     : 0;
    if (size < 0 || place->offset + length > (unsigned long long)size) {
        daub_fail(error, DAUB_ERROR_MODEL,
                  "keeps weights in '%.100s' beside it, which %s; fetch it again",
                  place->location, file ? "is too short" : "cannot be read");
        ok = false;
    }
    void *data = ok ? daub_alloc(length ? (size_t)length : 1, 1) : NULL;
    if (ok && !data)
        ok = daub_no_memory(error, "reading the model");
    if (ok && (fseek(file, (long)place->offset, SEEK_SET) != 0 ||
               fread(data, 1, (size_t)length, file) != length))
        ok = daub_fail(error, DAUB_ERROR_MODEL, "cannot read '%.100s' beside it",
                       place->location);
    if (file)
        fclose(file);
    if (!ok) {
        free(data);
        return false;
    }
    free(to->data);
    *to = (ProtobufCBinaryData){.data = data, .len = (size_t)length};
    return true;
}

bool net_onnx_load_external(struct net_onnx *onnx, struct daub_error *error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;
    const char *slash = strrchr(onnx->name, '/');
    int folder = slash ? (int)(slash - onnx->name) + 1 : 0;
    for (size_t i = 0; graph && i < graph->n_initializer; i++) {
        Onnx__TensorProto *tensor = graph->initializer[i];
        struct place place;
        char name[NET_ONNX_TEXT], path[4096];
        if (!tensor->has_data_location ||
            tensor->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
            continue;
        if (!read_place(tensor, &place))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "keeps tensor '%s' in another folder or says not where; put "
                             "the file beside the model, or save it as one file",
                             net_onnx_printable(tensor->name, name));
        snprintf(path, sizeof(path), "%.*s%s", folder, onnx->name, place.location);
        if (!load(path, &place, &tensor->raw_data, error))
            return false;
        tensor->has_raw_data = true;
        tensor->has_data_location = false;
        for (size_t k = 0; k < tensor->n_external_data; k++)
            onnx__string_string_entry_proto__free_unpacked(tensor->external_data[k],
                                                           NULL);
        free(tensor->external_data);
        tensor->external_data = NULL;
        tensor->n_external_data = 0;
    }
    return true;
}
