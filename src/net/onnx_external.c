/* Weights that a file keeps in other files, which must lie in its own folder. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/hash.h"

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
    /* A plain name. Symbolic links are followed: caches of models consist of them. */
    return place->location && *place->location && !strchr(place->location, '/') &&
           strcmp(place->location, "..") != 0 && place->offset < INT64_MAX / 2 &&
           (!place->has_length || place->length < INT64_MAX / 2);
}

static bool read_all(int fd, uint8_t *data, size_t length, off_t offset)
{
    while (length > 0) {
        ssize_t count = pread(fd, data, length, offset);
        if (count <= 0)
            return false;
        data += count;
        length -= (size_t)count;
        offset += count;
    }
    return true;
}

/* Reads the bytes of one tensor, at most *left, and subtracts them from it; false with
 * *error set. */
static bool load(const char *path, const struct place *place, uint64_t *left,
                 ProtobufCBinaryData *to, struct daub_error *error)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe must not block */
    struct stat info;
    bool readable = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    uint64_t size = readable ? (uint64_t)info.st_size : 0, length = place->length;
    if (!place->has_length)
        length = place->offset < size ? size - place->offset : 0;
    bool ok = readable && place->offset + length <= size;
    if (!ok)
        daub_fail(error, DAUB_ERROR_MODEL,
                  "keeps weights in '%.100s' beside it, which %s; fetch it again",
                  place->location, readable ? "is too short" : "cannot be read");
    else if (length > *left)
        ok = daub_fail(error, DAUB_ERROR_MODEL,
                       "keeps more weights in other files than daub reads (%lld million "
                       "numbers)",
                       (long long)(NET_ONNX_MAX_CONSTANTS / 1000000));
    void *data = ok ? daub_alloc(length ? (size_t)length : 1, 1) : NULL;
    if (ok && !data)
        ok = daub_no_memory(error, "reading the model");
    if (ok && !read_all(fd, data, (size_t)length, (off_t)place->offset))
        ok = daub_fail(error, DAUB_ERROR_MODEL, "cannot read '%.100s' beside it",
                       place->location);
    if (fd >= 0)
        close(fd);
    if (!ok) {
        free(data);
        return false;
    }
    *left -= length;
    free(to->data);
    *to = (ProtobufCBinaryData){.data = data, .len = (size_t)length};
    return true;
}

bool net_onnx_load_external(struct net_onnx *onnx, struct daub_error *error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;
    const char *slash = strrchr(onnx->name, '/');
    int folder = slash ? (int)(slash - onnx->name) + 1 : 0;
    uint64_t left = sizeof(float) * (uint64_t)NET_ONNX_MAX_CONSTANTS;
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
        if ((size_t)snprintf(path, sizeof(path), "%.*s%s", folder, onnx->name,
                             place.location) >= sizeof(path))
            return daub_fail(error, DAUB_ERROR_MODEL,
                             "keeps weights in a file whose name "
                             "is too long");
        if (!load(path, &place, &left, &tensor->raw_data, error))
            return false;
        onnx->info.external_hash = onnx->info.external_hash * 31 +
                                   daub_hash(tensor->raw_data.data, tensor->raw_data.len);
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
