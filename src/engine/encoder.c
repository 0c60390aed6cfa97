/* Encoders: a network that finds a style signal in a picture. The part on maps runs on
 * the device; what follows its means over whole maps are a few thousand numbers, which
 * the reference computes. */
#include <daub/signal.h>

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/crops.h"
#include "engine/model.h"
#include "engine/probe.h"
#include "net/passes.h"
#include "net/ref.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"

struct daub_encoder {
    char *name;
    char identifier[17];
    int count; /* elements of the signal */
    /* The part on maps; its output has the means one after another. */
    struct net_graph maps;
    /* The rest; the means are constants of it, which every picture fills. */
    struct net_graph rest;
    int *means; /* constants of rest, in the order of the output of maps */
    int mean_count;
    int64_t total;        /* numbers of all means */
    pthread_mutex_t lock; /* rest */
};

/* ---- splitting ---- */

/* Whether the node makes a vector of a map: its mean over height and width. */
static bool is_mean(const struct net_node *node)
{
    return node->op == NET_MEAN && node->u.mean.axes == 0xc;
}

/* Marks the nodes that run on the device: all but those that read nothing but means and
 * what is computed from these, and what such nodes need. */
static void mark_device(const struct net_graph *graph, bool *device)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct net_node *node = &graph->nodes[n];
        device[n] = node->op == NET_INPUT;
        for (int i = 0; i < node->input_count; i++) {
            int from = node->input[i] < 0 ? -1 : graph->values[node->input[i]].producer;
            device[n] =
                device[n] || (from >= 0 && device[from] && !is_mean(&graph->nodes[from]));
        }
    }
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct net_node *node = &graph->nodes[n];
        for (int i = 0; device[n] && i < node->input_count; i++) {
            int from = node->input[i] < 0 ? -1 : graph->values[node->input[i]].producer;
            if (from >= 0)
                device[from] = true;
        }
    }
}

/* Whether a node of the host part reads the value, or it is the result. */
static bool host_reads(const struct net_graph *graph, const bool *device, int value)
{
    bool read = value == graph->output;
    for (size_t n = 0; n < graph->node_count; n++) {
        for (int i = 0; !device[n] && i < graph->nodes[n].input_count; i++)
            read = read || graph->nodes[n].input[i] == value;
    }
    return read;
}

/* The result of a node of the device part becomes a constant of the host part, and a
 * vector [1,C,1,1] among the results of the device part. */
static bool split_at(struct daub_encoder *encoder, const bool *device, int node,
                     struct daub_error *error)
{
    struct net_graph *maps = &encoder->maps, *rest = &encoder->rest;
    int value = maps->nodes[node].output;
    struct net_shape shape = maps->values[value].shape;
    bool mean = is_mean(&maps->nodes[node]);
    bool vector = shape.rank == 4 && shape.dim[2] == 1 && shape.dim[3] == 1;
    if (!mean && !vector)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: node '%s' is no mean of a map over height and width, which "
                         "must precede other operators on vectors",
                         encoder->name, maps->nodes[node].name);
    int constant = net_graph_add_constant(rest, "mean", &shape, NULL, error);
    if (constant < 0)
        return false;
    for (size_t n = 0; n < rest->node_count; n++) {
        for (int i = 0; !device[n] && i < rest->nodes[n].input_count; i++) {
            if (rest->nodes[n].input[i] == value)
                rest->nodes[n].input[i] = constant;
        }
    }
    if (rest->output == value)
        rest->output = constant;
    if (mean) {
        maps->nodes[node].u.mean.keep = true;
        maps->values[value].shape =
            (struct net_shape){.rank = 4, .dim = {1, net_shape_count(&shape), 1, 1}};
    }
    encoder->means[encoder->mean_count++] = constant;
    encoder->total += net_shape_count(&shape);
    return true;
}

/* Makes the joined means the output of the device part. */
static bool join_means(struct net_graph *maps, const int *means, int count,
                       struct daub_error *error)
{
    struct net_shape shape = {.rank = 4, .dim = {1, 0, 1, 1}};
    for (int i = 0; i < count; i++)
        shape.dim[1] += maps->values[means[i]].shape.dim[1];
    int joined = net_graph_add_value(maps, "means", &shape, error);
    int node = joined < 0 ? -1
                          : net_graph_add_node(maps, NET_CONCAT, "means", "Concat", means,
                                               count, joined, error);
    if (node < 0)
        return false;
    maps->nodes[node].u.concat.axis = 1;
    maps->output = joined;
    net_graph_sweep(maps);
    return true;
}

/* maps and rest are the same graph before, and the two parts of it afterwards. */
static bool split(struct daub_encoder *encoder, struct daub_error *error)
{
    size_t nodes = encoder->maps.node_count;
    bool *device = daub_alloc(nodes, sizeof(*device));
    int *values = daub_alloc(nodes, sizeof(*values));
    encoder->means = daub_alloc(nodes, sizeof(*encoder->means));
    bool ok = device && values && encoder->means;
    if (!ok)
        daub_no_memory(error, encoder->name);
    if (ok)
        mark_device(&encoder->maps, device);
    for (size_t n = 0; ok && n < nodes; n++) {
        int value = encoder->maps.nodes[n].output;
        if (!device[n] || encoder->maps.nodes[n].op == NET_INPUT ||
            !host_reads(&encoder->maps, device, value))
            continue;
        values[encoder->mean_count] = value;
        ok = split_at(encoder, device, (int)n, error);
    }
    if (ok && encoder->mean_count == 0)
        ok = daub_fail(error, DAUB_ERROR_MODEL,
                       "%s: its result does not depend on the picture", encoder->name);
    ok = ok && join_means(&encoder->maps, values, encoder->mean_count, error);
    if (ok)
        net_graph_sweep(&encoder->rest);
    free(device);
    free(values);
    return ok;
}

/* ---- loading ---- */

static bool build(struct daub_encoder *encoder, const struct net_onnx *onnx,
                  struct daub_error *error)
{
    const struct net_onnx_info *info = net_onnx_get_info(onnx);
    const char *identifier = model_property(onnx, "daub.encoder");
    if (!identifier)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s is no encoder (it has no daub.encoder): it does not find "
                         "styles in pictures",
                         encoder->name);
    if (!model_is_identifier(identifier))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: daub.encoder is not 16 hexadecimal digits; export it again",
                         encoder->name);
    if (info->image_channels != 3 || info->nhwc || info->style_count > 0 ||
        (info->fixed_height && info->fixed_height != CROP_SIDE) ||
        (info->fixed_width && info->fixed_width != CROP_SIDE))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: an encoder takes one picture [1,3,%d,%d]; export it again",
                         encoder->name, CROP_SIDE, CROP_SIDE);
    snprintf(encoder->identifier, sizeof(encoder->identifier), "%s", identifier);
    if (!net_onnx_build(onnx, CROP_SIDE, CROP_SIDE, &encoder->maps, error) ||
        !net_onnx_build(onnx, CROP_SIDE, CROP_SIDE, &encoder->rest, error))
        return false;
    int64_t count = net_shape_count(&encoder->rest.values[encoder->rest.output].shape);
    if (count > DAUB_SIGNAL_MAX)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: its signals have %lld elements and at most %d can be used",
                         encoder->name, (long long)count, DAUB_SIGNAL_MAX);
    encoder->count = (int)count;
    return split(encoder, error) && net_graph_check(&encoder->maps, error) &&
           net_passes_run(&encoder->maps, error);
}

enum daub_status daub_encoder_load_memory(const void *data, size_t size, const char *name,
                                          struct daub_encoder **out,
                                          struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    *out = NULL;
    struct net_onnx *onnx = NULL;
    struct daub_encoder *encoder = daub_alloc(1, sizeof(*encoder));
    if (encoder) {
        pthread_mutex_init(&encoder->lock, NULL);
        encoder->name = daub_strdup(name);
    }
    if (!encoder || !encoder->name)
        daub_no_memory(error, name);
    else
        onnx = net_onnx_parse(data, size, name, error);
    if (onnx && build(encoder, onnx, error))
        *out = encoder;
    else
        daub_encoder_free(encoder);
    net_onnx_free(onnx);
    return *out ? DAUB_OK : error->status;
}

void daub_encoder_free(struct daub_encoder *encoder)
{
    if (!encoder)
        return;
    net_graph_free(&encoder->maps);
    net_graph_free(&encoder->rest);
    free(encoder->means);
    free(encoder->name);
    pthread_mutex_destroy(&encoder->lock);
    free(encoder);
}

static bool is_readable(const char *path)
{
    FILE *file = daub_file_read(path);
    if (file)
        fclose(file);
    return file != NULL;
}

/* Writes the path of the encoder beside the model's file or in the folder of the built-in
 * models. */
static bool find_encoder(const struct daub_model *model, char path[PATH_MAX],
                         struct daub_error *error)
{
    const char *slash = strrchr(model->path, '/');
    snprintf(path, PATH_MAX, "%.*s%s", slash ? (int)(slash - model->path) + 1 : 0,
             model->path, MODEL_ENCODER_FILE);
    if (is_readable(path))
        return true;
    snprintf(path, PATH_MAX, "%s/%s", model_folder(), MODEL_ENCODER_FILE);
    return is_readable(path) ||
           daub_fail(
               error, DAUB_ERROR_NOT_FOUND,
               "model %s paints pictures as styles with %s, which is neither beside "
               "%s nor in %s; put it there",
               model->name, MODEL_ENCODER_FILE, model->path, model_folder());
}

enum daub_status daub_encoder_load(const struct daub_model *model, const char *path,
                                   struct daub_encoder **encoder,
                                   struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    char found[PATH_MAX];
    size_t size;
    *encoder = NULL;
    if (!model_takes_pictures(model, error) ||
        (!path && !find_encoder(model, found, error)))
        return error->status;
    path = path ? path : found;
    void *data = model_read_file(path, &size, error);
    if (data)
        daub_encoder_load_memory(data, size, path, encoder, error);
    free(data);
    if (!*encoder || strcmp((*encoder)->identifier, model->info.encoder) == 0)
        return error->status;
    daub_fail(error, DAUB_ERROR_MODEL,
              "%s is the encoder of other models (%s, model %s needs %s); take model and "
              "encoder of one release",
              path, (*encoder)->identifier, model->name, model->info.encoder);
    daub_encoder_free(*encoder);
    *encoder = NULL;
    return error->status;
}

/* ---- encoding ---- */

/* Adds what the host part makes of a crop's means to signal->z. */
static bool add_signal(struct daub_encoder *encoder, const float *crop,
                       const float *means, struct daub_signal *signal,
                       struct daub_error *error)
{
    struct net_ref ref = {0};
    pthread_mutex_lock(&encoder->lock);
    for (int i = 0; i < encoder->mean_count; i++) {
        const struct net_value *value = &encoder->rest.values[encoder->means[i]];
        size_t count = (size_t)net_shape_count(&value->shape);
        memcpy(value->data, means, count * sizeof(float));
        means += count;
    }
    /* The input is left in the graph, so it needs a picture, which no node reads. */
    bool ok = net_ref_run(&ref, &encoder->rest, crop, NULL, NET_REF_ALL, false, error);
    for (int i = 0; ok && i < encoder->count; i++)
        signal->z[i] += ref.result[encoder->rest.output][i];
    net_ref_free(&ref);
    pthread_mutex_unlock(&encoder->lock);
    return ok;
}

enum daub_status daub_encode(struct daub_device *device,
                             const struct daub_encoder *encoder,
                             const struct daub_image *picture, struct daub_signal *signal,
                             struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    struct crops crops;
    struct probe probe = {.device = device, .kernels = device->kernels};
    *signal = (struct daub_signal){.count = encoder->count};
    bool ok = crops_make(picture, &crops, error);
    memcpy(signal->encoder, encoder->identifier, sizeof(signal->encoder));
    for (int i = 0; ok && i < crops.count; i++) {
        const float *crop = crops.rgb + (size_t)i * 3 * CROP_SIDE * CROP_SIDE;
        int64_t count;
        float *means = probe_run(&probe, &encoder->maps, crop, NULL, &count, error);
        ok = means &&
             (count == encoder->total ||
              daub_fail(error, DAUB_ERROR_MODEL,
                        "%s: its means have another size than stated", encoder->name));
        ok = ok && add_signal((struct daub_encoder *)encoder, crop, means, signal, error);
        free(means);
    }
    for (int i = 0; ok && i < signal->count; i++) {
        signal->z[i] /= (float)crops.count;
        if (!isfinite(signal->z[i]))
            ok = daub_fail(error, DAUB_ERROR_MODEL,
                           "%s gives NaN or infinity; its weights are damaged: fetch it "
                           "again",
                           encoder->name);
    }
    probe_free(&probe);
    free(crops.rgb);
    return ok ? DAUB_OK : error->status;
}
