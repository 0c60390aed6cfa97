/* Encoders: a network that finds a style signal in a picture. It is a file of its own, or
 * the part of a model that depends on the style's picture alone. */
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
#include "util/hash.h"

/* Pixels of the short side of a picture that is read at its own size: larger ones are
 * scaled down to it. */
enum { OWN_SIDE_MAX = 512, CROP_SIDE_MAX = 1024 };

/* Limits of a run, far above those of published networks at that size. */
#define ENCODER_WORK_MAX  1e12
#define ENCODER_BYTES_MAX 2e9

struct daub_encoder {
    char *name;
    char identifier[17];
    int count; /* elements of the signal */
    struct net_onnx *onnx;
    struct plan_range range; /* of the picture's values */
    int side; /* pixels, of the square parts that it reads; 0: it reads the whole picture
               */
    struct net_graph graph; /* for pictures of the size of the last one */
    pthread_mutex_t lock;   /* graph */
};

/* ---- loading ---- */

/* Makes the graph for pictures of that size, where it is not that of the last one. */
static bool build(struct daub_encoder *encoder, int height, int width,
                  struct daub_error *error)
{
    struct net_graph *graph = &encoder->graph;
    if (graph->height == height && graph->width == width)
        return true;
    net_graph_free(graph);
    if (!net_onnx_build_encoder(encoder->onnx, height, width, graph, error) ||
        !net_passes_run(graph, error)) {
        net_graph_free(graph);
        return false;
    }
    struct net_ref_need need = net_ref_need(graph, false);
    int64_t count = net_shape_count(&graph->values[graph->output].shape);
    bool large = need.work > ENCODER_WORK_MAX || need.bytes > ENCODER_BYTES_MAX;
    bool other = count > DAUB_SIGNAL_MAX || (encoder->count && count != encoder->count);
    if (large || other)
        net_graph_free(graph);
    if (large)
        return daub_fail(
            error, DAUB_ERROR_MODEL,
            "%s: a style picture of %dx%d takes %.0f billion multiplications "
            "and %.0f MB; use a smaller picture or model",
            encoder->name, width, height, need.work / 1e9, need.bytes / 1e6);
    if (other)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: its signals have %lld elements and at most %d can be used",
                         encoder->name, (long long)count,
                         encoder->count ? encoder->count : DAUB_SIGNAL_MAX);
    if (!encoder->count) /* while it is loaded; constant afterwards */
        encoder->count = (int)count;
    return true;
}

static bool check_inputs(struct daub_encoder *encoder, struct daub_error *error)
{
    const struct net_onnx_info *info = net_onnx_get_info(encoder->onnx);
    bool second = info->style_picture;
    int64_t height = second ? info->style_height : info->fixed_height;
    int64_t width = second ? info->style_width : info->fixed_width;
    if (info->image_channels != 3 || (info->style_count > 0 && !second))
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: an encoder takes one picture of three channels and no "
                         "other input",
                         encoder->name);
    if (height > CROP_SIDE_MAX || width > CROP_SIDE_MAX)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s: it takes pictures of %lldx%lld for the style, and daub "
                         "feeds at most %d",
                         encoder->name, (long long)width, (long long)height,
                         CROP_SIDE_MAX);
    encoder->side = (int)(height ? height : width ? width : second ? 0 : CROP_SIDE);
    return true;
}

/* Takes over onnx, NULL after an error that was reported. identifier NULL: the file says
 * it. */
static struct daub_encoder *create(struct net_onnx *onnx, const char *name,
                                   const char *identifier, struct plan_range range,
                                   struct daub_error *error)
{
    struct daub_encoder *encoder = onnx ? daub_alloc(1, sizeof(*encoder)) : NULL;
    if (!encoder) {
        if (onnx)
            daub_no_memory(error, name);
        net_onnx_free(onnx);
        return NULL;
    }
    pthread_mutex_init(&encoder->lock, NULL);
    encoder->onnx = onnx;
    encoder->range = range;
    encoder->name = daub_strdup(name);
    if (!identifier)
        identifier = model_property(onnx, "daub.encoder");
    bool ok = encoder->name || daub_no_memory(error, name);
    if (ok && !identifier)
        ok = daub_fail(error, DAUB_ERROR_MODEL,
                       "%s is no encoder (it has no daub.encoder): it does not find "
                       "styles in pictures",
                       name);
    if (ok && !model_is_identifier(identifier))
        ok = daub_fail(error, DAUB_ERROR_MODEL,
                       "%s: daub.encoder is not 16 hexadecimal digits; export it again",
                       name);
    if (ok)
        snprintf(encoder->identifier, sizeof(encoder->identifier), "%s", identifier);
    ok = ok && check_inputs(encoder, error);
    int side = encoder->side ? encoder->side : CROP_SIDE;
    if (ok && build(encoder, side, side, error))
        return encoder;
    daub_encoder_free(encoder);
    return NULL;
}

enum daub_status daub_encoder_load_memory(const void *data, size_t size, const char *name,
                                          struct daub_encoder **out,
                                          struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    *out = create(net_onnx_parse(data, size, name, error), name, NULL,
                  (struct plan_range){1, 0}, error);
    return *out ? DAUB_OK : error->status;
}

void daub_encoder_free(struct daub_encoder *encoder)
{
    if (!encoder)
        return;
    net_graph_free(&encoder->graph);
    net_onnx_free(encoder->onnx);
    free(encoder->name);
    pthread_mutex_destroy(&encoder->lock);
    free(encoder);
}

/* Writes the path of the encoder of a model with daub.basis: beside the model's file, or
 * in the folder of the built-in models. */
static bool find_encoder(const struct daub_model *model, char path[PATH_MAX],
                         struct daub_error *error)
{
    const char *slash = strrchr(model->path, '/');
    snprintf(path, PATH_MAX, "%.*s%s", slash ? (int)(slash - model->path) + 1 : 0,
             model->path, MODEL_ENCODER_FILE);
    if (model_is_readable(path))
        return true;
    snprintf(path, PATH_MAX, "%s/%s", model_folder(), MODEL_ENCODER_FILE);
    return model_is_readable(path) ||
           daub_fail(
               error, DAUB_ERROR_NOT_FOUND,
               "model %s paints pictures as styles with %s, which is neither beside "
               "%s nor in %s; put it there",
               model->name, MODEL_ENCODER_FILE, model->path, model_folder());
}

/* Reads the encoder's file. One that a model without daub.basis was given needs no
 * metadata: it is known by the hash of its contents. */
static struct daub_encoder *read_encoder(const struct daub_model *model, const char *path,
                                         struct daub_error *error)
{
    char identifier[17];
    size_t size;
    void *data = model_read_file(path, &size, error);
    bool plain = model->encoder_path != NULL;
    struct daub_encoder *encoder = NULL;
    if (data && plain) {
        struct net_onnx *onnx = net_onnx_parse_encoder(data, size, path, error);
        model_identifier(data, size, identifier);
        if (onnx)
            encoder =
                create(onnx, path, identifier, model_encoder_range(onnx, model), error);
    } else if (data) {
        daub_encoder_load_memory(data, size, path, &encoder, error);
    }
    free(data);
    bool same = encoder && strcmp(encoder->identifier, model->info.encoder) == 0;
    if (!encoder || (same && encoder->count == model->info.signal_count))
        return encoder;
    if (plain && !same)
        daub_fail(error, DAUB_ERROR_MODEL,
                  "%s is not the network that model %s was loaded with, or it has "
                  "changed since; load the model again",
                  path, model->name);
    else if (plain)
        daub_fail(error, DAUB_ERROR_MODEL,
                  "%s makes vectors of %d numbers and model %s takes %d; give the "
                  "network that belongs to it with --style-model",
                  path, encoder->count, model->name, model->info.signal_count);
    else
        daub_fail(error, DAUB_ERROR_MODEL,
                  "%s is the encoder of other models (%s, model %s needs %s); take model "
                  "and encoder of one release",
                  path, encoder->identifier, model->name, model->info.encoder);
    daub_encoder_free(encoder);
    return NULL;
}

enum daub_status daub_encoder_load(const struct daub_model *model, const char *path,
                                   struct daub_encoder **encoder,
                                   struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    char found[PATH_MAX];
    *encoder = NULL;
    if (!model_takes_pictures(model, error))
        return error->status;
    if (net_onnx_get_info(model->onnx)->style_picture)
        *encoder = create(net_onnx_share(model->onnx), model->name, model->info.encoder,
                          model_range(model), error);
    else if (path || model->encoder_path)
        *encoder = read_encoder(model, path ? path : model->encoder_path, error);
    else if (find_encoder(model, found, error))
        *encoder = read_encoder(model, found, error);
    return *encoder ? DAUB_OK : error->status;
}

/* ---- encoding ---- */

/* Adds what the network makes of a crop to signal->z. */
static bool add_signal(struct daub_encoder *encoder, struct probe *probe,
                       const struct crops *crops, int index, struct daub_signal *signal,
                       struct daub_error *error)
{
    size_t floats = (size_t)3 * (size_t)crops->height * (size_t)crops->width;
    float *crop = crops->rgb + (size_t)index * floats;
    int64_t count;
    for (size_t i = 0; i < floats; i++)
        crop[i] = crop[i] * encoder->range.scale + encoder->range.shift;
    pthread_mutex_lock(&encoder->lock);
    float *z = NULL;
    if (build(encoder, crops->height, crops->width, error))
        z = probe_run(probe, &encoder->graph, crop, NULL, &count, error);
    pthread_mutex_unlock(&encoder->lock);
    bool ok = z && (count == encoder->count ||
                    daub_fail(error, DAUB_ERROR_MODEL,
                              "%s made %lld numbers of a picture instead of %d; its file "
                              "is damaged",
                              encoder->name, (long long)count, encoder->count));
    for (int i = 0; ok && i < encoder->count; i++)
        signal->z[i] += z[i];
    free(z);
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
    bool ok = encoder->side ? crops_make(picture, encoder->side, &crops, error)
                            : crops_whole(picture, OWN_SIDE_MAX, &crops, error);
    memcpy(signal->encoder, encoder->identifier, sizeof(signal->encoder));
    for (int i = 0; ok && i < crops.count; i++)
        ok = add_signal((struct daub_encoder *)encoder, &probe, &crops, i, signal, error);
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
