#include "net/onnx.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/onnx_internal.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

enum {
    MIN_OPSET = 7,
    MIN_IR = 3,
    MAX_IR = 14,
    MAX_SIDE = 1 << 16, /* of a picture, pixels */
    MAX_ALIGNMENT = 512,
    SMALL_ALIGNMENT = 64, /* up to it every number is tried, then powers of two */
    STYLE_SIDE = 256,     /* of a style's picture when the file is read, pixels */
};

/* Builds the graph. A file with a fixed size that differs from the wanted one is also
 * built for its original size, with which constants are compared. */
static bool build(const struct net_onnx *onnx, int height, int width, bool encoder,
                  bool shapes_only, struct net_graph *graph, struct daub_error *error)
{
    const struct net_onnx_info *info = &onnx->info;
    bool second = encoder && info->style_picture;
    int64_t fixed_height = second ? info->style_height : info->fixed_height;
    int64_t fixed_width = second ? info->style_width : info->fixed_width;
    int original_height = fixed_height ? (int)fixed_height : height;
    int original_width = fixed_width ? (int)fixed_width : width;
    bool resized = original_height != height || original_width != width;
    struct net_graph original_graph;
    struct net_onnx_builder original = {
        .graph = &original_graph, .shapes_only = true, .encoder = encoder};
    struct net_onnx_builder builder = {.graph = graph,
                                       .original = resized ? &original : NULL,
                                       .shapes_only = shapes_only,
                                       .encoder = encoder};
    net_graph_init(&original_graph);
    net_graph_init(graph);
    bool ok =
        (!resized || net_onnx_run(&original, onnx, original_height, original_width)) &&
        net_onnx_run(&builder, onnx, height, width);
    const struct daub_error *cause =
        original.error.status ? &original.error : &builder.error;
    if (!ok && resized && !original.error.status &&
        builder.error.status == DAUB_ERROR_MODEL)
        daub_fail(error, DAUB_ERROR_MODEL,
                  "%.100s: made for %dx%d, does not work at %dx%d: %.300s", onnx->name,
                  original_width, original_height, width, height, cause->message);
    else if (!ok)
        daub_fail(error, cause->status, "%.120s: %.380s", onnx->name, cause->message);
    net_onnx_finish(&builder);
    net_onnx_finish(&original);
    net_graph_free(&original_graph);
    return ok;
}

static bool check_versions(struct net_onnx *onnx, struct daub_error *error)
{
    const Onnx__ModelProto *model = onnx->model;
    if (!model->has_ir_version || model->ir_version < 1 || !model->graph)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "is no ONNX file, or a damaged one; fetch or export it again");
    if (model->ir_version < MIN_IR || model->ir_version > MAX_IR)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "has ONNX IR version %lld; daub reads %d to %d",
                         (long long)model->ir_version, MIN_IR, MAX_IR);
    int64_t opset = 0;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *import = model->opset_import[i];
        if (!import->domain || !*import->domain || !strcmp(import->domain, "ai.onnx"))
            opset = import->version;
    }
    if (opset < MIN_OPSET || opset > INT_MAX)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "uses ONNX opset %lld; daub reads %d and later: export it again",
                         (long long)opset, MIN_OPSET);
    onnx->info.opset = (int)opset;
    return true;
}

/* Checks the initializers that the network needs. */
static bool check_tensors(struct net_onnx *onnx, struct daub_error *error)
{
    for (size_t i = 0; i < onnx->symbol_count; i++) {
        const Onnx__TensorProto *tensor = onnx->symbols[i].initializer;
        struct net_shape shape;
        int64_t count;
        if (!tensor || !onnx->symbols[i].used)
            continue;
        if (!net_onnx_tensor_shape(tensor, &shape, &count, error))
            return false;
        if (tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
            tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 ||
            tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 ||
            tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8 ||
            tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 ||
            tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE)
            onnx->info.parameters += count;
    }
    return true;
}

/* What other tools write: WinML's pixel format; the image preprocessing of Core ML, which
 * gives the network scale x + bias for pixel values x of 0..255. */
static void read_foreign(struct net_onnx *onnx, const char *key, const char *value)
{
    static const char *const biases[] = {"red_bias", "green_bias", "blue_bias"};
    double number;
    if (!strcmp(key, "Image.BitmapPixelFormat") && !strncmp(value, "Bgr", 3))
        onnx->bgr = true;
    if (!strcmp(key, "is_bgr") && (!strcmp(value, "1") || !strcasecmp(value, "true")))
        onnx->bgr = true;
    if (!strcmp(key, "image_scale") && daub_text_double(value, 1e-6, 1e6, &number)) {
        onnx->scale = (float)number;
        onnx->info.bytes = true;
    }
    for (int c = 0; c < 3; c++) {
        if (!strcmp(key, biases[c]) && daub_text_double(value, -1e6, 1e6, &number)) {
            onnx->bias[c] = (float)number;
            onnx->info.bytes = true;
        }
    }
}

static bool read_properties(struct net_onnx *onnx, struct daub_error *error)
{
    const Onnx__ModelProto *model = onnx->model;
    onnx->scale = 1;
    onnx->properties = daub_alloc(model->n_metadata_props, sizeof(*onnx->properties));
    if (!onnx->properties)
        return daub_no_memory(error, "reading the model");
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *entry = model->metadata_props[i];
        onnx->properties[i] = (struct net_onnx_property){
            .key = entry->key ? entry->key : "",
            .value = entry->value ? entry->value : "",
        };
        if (strcmp(onnx->properties[i].key, "daub.encoder") == 0)
            onnx->info.encoder = true;
        read_foreign(onnx, onnx->properties[i].key, onnx->properties[i].value);
    }
    onnx->info.properties = onnx->properties;
    onnx->info.property_count = model->n_metadata_props;
    return true;
}

/* Whether the builds until now took too long. Loading builds for many sizes, so the limit
 * of one build does not suffice. */
static bool is_slow(const struct net_onnx *onnx, struct daub_error *error)
{
    if (atomic_load(&onnx->spent) <= NET_ONNX_MAX_LOADING)
        return false;
    daub_fail(error, DAUB_ERROR_MODEL,
              "%.120s: takes too long to prepare: it has too many nodes and computed "
              "constants; use a smaller model",
              onnx->name);
    return true;
}

/* Builds the graph once, so that an operator that daub cannot run is reported when the
 * file is opened. Dynamic sides are 64 pixels, or 256 or 1024 where the network
 * refuses less. */
static bool build_for_test(struct net_onnx *onnx, struct daub_error *error)
{
    const struct net_onnx_info *info = &onnx->info;
    if (info->fixed_height > MAX_SIDE || info->fixed_width > MAX_SIDE)
        return daub_fail(
            error, DAUB_ERROR_MODEL, "%.120s: made for %lldx%lld, at most %d", onnx->name,
            (long long)info->fixed_width, (long long)info->fixed_height, MAX_SIDE);
    bool dynamic = !info->fixed_height || !info->fixed_width;
    for (onnx->test_side = 64;; onnx->test_side *= 4) {
        struct daub_error cause = {0};
        struct net_graph graph;
        bool ok =
            build(onnx, info->fixed_height ? (int)info->fixed_height : onnx->test_side,
                  info->fixed_width ? (int)info->fixed_width : onnx->test_side,
                  info->encoder, true, &graph, &cause);
        net_graph_free(&graph);
        if (ok && !dynamic) /* net_onnx_alignment starts from it */
            onnx->test_side =
                (int)(info->fixed_height < info->fixed_width ? info->fixed_height
                                                             : info->fixed_width);
        if (ok)
            return true;
        if (is_slow(onnx, error))
            return false;
        if (!dynamic || onnx->test_side == 1024 || cause.status != DAUB_ERROR_MODEL)
            return daub_fail(error, cause.status, "%s", cause.message);
    }
}

/* Builds the encoder of a file with two pictures once, for the lengths of what it makes
 * of the style's. */
static bool find_style(struct net_onnx *onnx, struct daub_error *error)
{
    const struct net_onnx_info *info = &onnx->info;
    struct net_graph graph;
    struct net_onnx_builder builder = {
        .graph = &graph, .shapes_only = true, .encoder = true};
    if (onnx->style_image < 0)
        return true;
    if (info->style_height > MAX_SIDE || info->style_width > MAX_SIDE)
        return daub_fail(error, DAUB_ERROR_MODEL, "takes a style's picture of %lldx%lld",
                         (long long)info->style_width, (long long)info->style_height);
    net_graph_init(&graph);
    bool ok = net_onnx_find_cuts(onnx, error);
    if (ok && !net_onnx_run(&builder, onnx,
                            info->style_height ? (int)info->style_height : STYLE_SIDE,
                            info->style_width ? (int)info->style_width : STYLE_SIDE))
        ok = daub_fail(error, builder.error.status, "%s", builder.error.message);
    ok = ok && net_onnx_measure_cuts(onnx, &builder, error);
    net_onnx_finish(&builder);
    net_graph_free(&graph);
    return ok;
}

static struct net_onnx *parse(const void *data, size_t size, const char *name,
                              bool encoder, struct daub_error *error)
{
    struct daub_error cause = {0};
    struct net_onnx *onnx = daub_alloc(1, sizeof(*onnx));
    if (!onnx || !(onnx->name = daub_strdup(name ? name : "model"))) {
        free(onnx);
        daub_no_memory(error, "reading the model");
        return NULL;
    }
    atomic_init(&onnx->owners, 1);
    onnx->info.encoder = encoder;
    onnx->model = net_onnx_unpack(data, size, &cause);
    bool ok = onnx->model && check_versions(onnx, &cause) &&
              net_onnx_load_external(onnx, &cause) && read_properties(onnx, &cause) &&
              net_onnx_link(onnx, &cause) && check_tensors(onnx, &cause) &&
              net_onnx_find_inputs(onnx, &cause) && find_style(onnx, &cause);
    if (!ok)
        daub_fail(error, cause.status, "%.120s: %.380s", onnx->name, cause.message);
    if (ok && build_for_test(onnx, error))
        return onnx;
    net_onnx_free(onnx);
    return NULL;
}

struct net_onnx *net_onnx_parse(const void *data, size_t size, const char *name,
                                struct daub_error *error)
{
    return parse(data, size, name, false, error);
}

struct net_onnx *net_onnx_parse_encoder(const void *data, size_t size, const char *name,
                                        struct daub_error *error)
{
    return parse(data, size, name, true, error);
}

struct net_onnx *net_onnx_share(const struct net_onnx *onnx)
{
    struct net_onnx *shared = (struct net_onnx *)onnx;
    atomic_fetch_add(&shared->owners, 1);
    return shared;
}

void net_onnx_free(struct net_onnx *onnx)
{
    if (!onnx || atomic_fetch_sub(&onnx->owners, 1) > 1)
        return;
    net_onnx_free_model(onnx->model);
    free(onnx->properties);
    free(onnx->symbols);
    free(onnx->nodes);
    free(onnx->links);
    free(onnx->listed);
    free(onnx->graphs);
    free(onnx->guards);
    free(onnx->cuts);
    free(onnx->name);
    free(onnx);
}

const struct net_onnx_info *net_onnx_get_info(const struct net_onnx *onnx)
{
    return &onnx->info;
}

void net_onnx_each_operator(const struct net_onnx *onnx,
                            void (*visit)(const char *name, int count, void *user),
                            void *user)
{
    const char *last = "";
    for (;;) { /* the next name after the last one */
        const char *next = NULL;
        int count = 0;
        for (size_t i = 0; i < onnx->node_count; i++) {
            const struct net_onnx_op *op = onnx->nodes[i].op;
            if (!op->translate || strcmp(op->name, last) <= 0 ||
                (next && strcmp(op->name, next) > 0))
                continue;
            count = next && strcmp(op->name, next) == 0 ? count + 1 : 1;
            next = op->name;
        }
        if (!next)
            return;
        visit(next, count, user);
        last = next;
    }
}

static bool check_size(const struct net_onnx *onnx, int height, int width,
                       struct daub_error *error)
{
    return (height >= 1 && width >= 1 && height <= MAX_SIDE && width <= MAX_SIDE) ||
           daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "%.120s: a picture of %dx%d is out of range (1 to %d)", onnx->name,
                     width, height, MAX_SIDE);
}

bool net_onnx_build(const struct net_onnx *onnx, int height, int width,
                    struct net_graph *graph, struct daub_error *error)
{
    net_graph_init(graph);
    return check_size(onnx, height, width, error) &&
           build(onnx, height, width, onnx->info.encoder, false, graph, error);
}

bool net_onnx_build_encoder(const struct net_onnx *onnx, int height, int width,
                            struct net_graph *graph, struct daub_error *error)
{
    net_graph_init(graph);
    return check_size(onnx, height, width, error) &&
           build(onnx, height, width, true, false, graph, error);
}

/* change: output size minus picture size, height and width. */
static bool size_change(const struct net_onnx *onnx, int height, int width,
                        int64_t change[2], struct daub_error *error)
{
    struct net_graph graph;
    bool ok = build(onnx, height, width, false, true, &graph, error);
    if (ok) {
        const struct net_shape *out = &graph.values[graph.output].shape;
        change[0] = out->dim[graph.nhwc ? 1 : 2] - height;
        change[1] = out->dim[graph.nhwc ? 2 : 3] - width;
    }
    net_graph_free(&graph);
    return ok;
}

/* Search for net_onnx_alignment. */
struct search {
    const struct net_onnx *onnx;
    bool any_size_works; /* the network ran at a size that is no multiple of a stride */
    struct daub_error first; /* of the first size at which building failed */
};

/* Whether pictures whose sides are multiples of step suit the network: at four
 * neighboring multiples the output differs from the picture by the same number of
 * pixels. A multiple that a stride does not divide would be rounded to another
 * difference. */
static bool step_fits(struct search *search, int step)
{
    int from = (search->onnx->test_side + step - 1) / step;
    int64_t first[2] = {0, 0}, change[2];
    for (int k = 0; k < 4; k++) {
        struct daub_error cause = {0};
        if (!size_change(search->onnx, (from + k) * step, (from + k + 1) * step, change,
                         &cause)) {
            if (search->first.status == DAUB_OK || cause.status == DAUB_ERROR_MEMORY)
                search->first = cause;
            return false;
        }
        search->any_size_works = search->any_size_works || step == 1;
        if (k == 0)
            memcpy(first, change, sizeof(first));
        if (change[0] != first[0] || change[1] != first[1])
            return false;
    }
    return true;
}

int net_onnx_alignment(const struct net_onnx *onnx, struct daub_error *error)
{
    struct search search = {.onnx = onnx};
    const struct daub_error *first = &search.first;
    for (int step = 1; step <= MAX_ALIGNMENT && first->status != DAUB_ERROR_MEMORY;
         step += step < SMALL_ALIGNMENT ? 1 : step) {
        if (step_fits(&search, step))
            return step;
        if (is_slow(onnx, error))
            return 0;
    }
    if (search.any_size_works && first->status != DAUB_ERROR_MEMORY)
        daub_fail(error, DAUB_ERROR_MODEL,
                  "%.120s: its total stride is over %d pixels; daub cannot pad to that",
                  onnx->name, MAX_ALIGNMENT);
    else
        daub_fail(error, first->status, "%s", first->message);
    return 0;
}
