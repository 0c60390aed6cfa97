#include "engine/model.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/passes.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/text.h"

#define MAX_MODEL_BYTES ((size_t)256 << 20)
#define MAX_STYLES      4096

const char *model_property(const struct net_onnx *onnx, const char *key)
{
    const struct net_onnx_info *info = net_onnx_get_info(onnx);
    for (size_t i = 0; i < info->property_count; i++) {
        if (strcmp(info->properties[i].key, key) == 0)
            return info->properties[i].value;
    }
    return NULL;
}

static bool copy_text(const char *text, char **to)
{
    *to = text ? daub_strdup(text) : NULL;
    return !text || *to;
}

/* ---- value range ---- */

static enum daub_model_range range_named(const char *name)
{
    if (!name)
        return 0;
    if (strcmp(name, "1") == 0 || strcmp(name, "0..1") == 0)
        return DAUB_MODEL_RANGE_1;
    if (strcmp(name, "255") == 0 || strcmp(name, "0..255") == 0)
        return DAUB_MODEL_RANGE_255;
    return strcmp(name, "-1..1") == 0 ? DAUB_MODEL_RANGE_SIGNED : 0;
}

/* The range that the file's metadata tell: daub's, WinML's, Core ML's. */
static enum daub_model_range range_in_file(const struct net_onnx *onnx)
{
    const char *own = model_property(onnx, "daub.range");
    const char *winml = model_property(onnx, "Image.NominalPixelRange");
    if (own)
        return range_named(own);
    if (winml && strcmp(winml, "NominalRange_0_255") == 0)
        return DAUB_MODEL_RANGE_255;
    if (winml && strcmp(winml, "Normalized_0_1") == 0)
        return DAUB_MODEL_RANGE_1;
    if (winml && strcmp(winml, "Normalized_1_1") == 0)
        return DAUB_MODEL_RANGE_SIGNED;
    return net_onnx_get_info(onnx)->bytes ? DAUB_MODEL_RANGE_255 : 0;
}

static const struct net_node *producer(const struct net_graph *graph, int value)
{
    int node = graph->values[value].producer;
    return node < 0 ? NULL : &graph->nodes[node];
}

static bool scalar(const struct net_graph *graph, int value, float *number)
{
    const struct net_value *v = &graph->values[value];
    if (!v->data || net_shape_count(&v->shape) != 1)
        return false;
    *number = v->data[0];
    return true;
}

/* Walks back from the output through arithmetic with single numbers to an activation that
 * bounds it; low and high are what its bounds become. */
static bool output_bounds(const struct net_graph *graph, double *low, double *high)
{
    double scale = 1, shift = 0; /* output = scale * value + shift */
    int value = graph->output;
    for (int guard = 0; guard < 32; guard++) {
        const struct net_node *node = producer(graph, value);
        float k;
        if (!node)
            return false;
        if (node->op == NET_ACT && node->u.act.kind == NET_ACT_QUANTIZE) {
            value = node->input[0];
            continue;
        }
        if (node->op == NET_ACT) {
            enum net_act kind = node->u.act.kind;
            double a = kind == NET_ACT_TANH ? -1 : 0, b = 1;
            if (kind == NET_ACT_CLIP) {
                a = node->u.act.alpha;
                b = node->u.act.beta;
            } else if (kind != NET_ACT_TANH && kind != NET_ACT_SIGMOID &&
                       kind != NET_ACT_HARD_SIGMOID) {
                return false;
            }
            *low = scale * a + shift;
            *high = scale * b + shift;
            return true;
        }
        if (node->op == NET_BINARY && scalar(graph, node->input[1], &k)) {
            enum net_binary op = node->u.binary.kind;
            if (op == NET_BINARY_ADD || op == NET_BINARY_SUB)
                shift += scale * (op == NET_BINARY_ADD ? k : -k);
            else if (op == NET_BINARY_MUL)
                scale *= k;
            else if (op == NET_BINARY_DIV && k != 0)
                scale /= k;
            else
                return false;
        } else if (node->op != NET_TRANSPOSE && node->op != NET_SLICE &&
                   node->op != NET_DEPTH_TO_SPACE) {
            return false;
        }
        value = node->input[0];
    }
    return false;
}

/* The range that the output's bounds give. Without bounds, 0..255: networks that end in a
 * plain convolution are mostly like Johnson's (2016), which has that range; those that
 * take the style as a picture are like Huang's (2017), 0..1. */
static enum daub_model_range guess_range(const struct net_graph *graph, bool two_pictures,
                                         const char **reason)
{
    double low, high;
    if (!output_bounds(graph, &low, &high)) {
        *reason = two_pictures ? "guessed, as usual where the style is a picture"
                               : "guessed, as usual where the last operator is a "
                                 "convolution";
        return two_pictures ? DAUB_MODEL_RANGE_1 : DAUB_MODEL_RANGE_255;
    }
    *reason = "guessed from the values to which the last operators limit the painting";
    if (high > 128)
        return DAUB_MODEL_RANGE_255;
    return low < -0.5 ? DAUB_MODEL_RANGE_SIGNED : DAUB_MODEL_RANGE_1;
}

/* ---- arithmetic ---- */

double model_macs(const struct net_graph *graph)
{
    double macs = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct net_node *node = &graph->nodes[i];
        if (node->op != NET_CONV && node->op != NET_CONV_TRANSPOSE)
            continue;
        const struct net_shape *weight = &graph->values[node->input[1]].shape;
        int side = node->op == NET_CONV ? node->output : node->input[0];
        const struct net_shape *map = &graph->values[side].shape;
        double each = (double)net_shape_count(weight);
        /* On an upsampled map, a 3x3 kernel covers only 2x2 different pixels. */
        if (node->op == NET_CONV && node->u.conv.upsample == 2 && weight->dim[2] == 3)
            each *= 4.0 / 9.0;
        macs += each * (double)map->dim[2] * (double)map->dim[3];
    }
    return macs;
}

/* Imports the file for a picture of height x width, without the passes. */
static bool import(const struct daub_model *model, int height, int width,
                   struct net_graph *graph, struct daub_error *error)
{
    daub_log(DAUB_LOG_DEBUG, "building %s for %dx%d", model->name, width, height);
    return net_onnx_build(model->onnx, height, width, graph, error);
}

bool model_build(const struct daub_model *model, int height, int width,
                 struct net_graph *graph, struct daub_error *error)
{
    return import(model, height, width, graph, error) && net_passes_run(graph, error);
}

/* Builds the network for a small picture: range and arithmetic are found from its graph.
 */
static bool build_small(struct daub_model *model, enum daub_model_range range,
                        struct daub_error *error)
{
    const struct net_onnx_info *info = net_onnx_get_info(model->onnx);
    int h = info->fixed_height ? (int)info->fixed_height : MODEL_SMALL_SIDE;
    int w = info->fixed_width ? (int)info->fixed_width : MODEL_SMALL_SIDE;
    if (!import(model, h, w, &model->small, error))
        return false;
    model->info.range = range ? range : range_in_file(model->onnx);
    model->info.range_reason = range ? "as was asked for" : "as the file says";
    if (!model->info.range) {
        model->info.range =
            guess_range(&model->small, info->style_picture, &model->info.range_reason);
        model->info.range_guessed = 1;
    }
    if (!net_passes_run(&model->small, error))
        return false;
    model->info.macs_per_pixel = model_macs(&model->small) / h / w;
    return true;
}

int model_alignment(const struct daub_model *model, const struct daub_device *device,
                    struct daub_error *error)
{
    struct daub_model *own = (struct daub_model *)model;
    char file[64];
    size_t bytes;
    snprintf(file, sizeof(file), "alignment-%016llx",
             (unsigned long long)model->info.hash);
    pthread_mutex_lock(&own->lock);
    if (!own->alignment) {
        unsigned char *cached = gpu_cache_load(device, file, &bytes);
        if (cached && bytes == 1)
            own->alignment = *cached;
        free(cached);
    }
    if (!own->alignment) {
        daub_log(DAUB_LOG_DEBUG, "searching the alignment of %s", model->name);
        own->alignment = net_onnx_alignment(model->onnx, error);
        unsigned char found = (unsigned char)own->alignment;
        if (found)
            gpu_cache_save(device, file, &found, 1);
    }
    int alignment = own->alignment;
    pthread_mutex_unlock(&own->lock);
    return alignment;
}

static struct plan_range to_plan_range(enum daub_model_range range)
{
    switch (range) {
    case DAUB_MODEL_RANGE_255:
        return (struct plan_range){255, 0};
    case DAUB_MODEL_RANGE_SIGNED:
        return (struct plan_range){2, -1};
    case DAUB_MODEL_RANGE_1:
        break;
    }
    return (struct plan_range){1, 0};
}

struct plan_range model_range(const struct daub_model *model)
{
    return to_plan_range(model->info.range);
}

struct plan_range model_encoder_range(const struct net_onnx *encoder,
                                      const struct daub_model *model)
{
    enum daub_model_range own = range_in_file(encoder);
    return to_plan_range(own ? own : model->info.range);
}

/* ---- styles ---- */

#define BOLD_SHARE_DEFAULT 0.5f

static const char *json_text(const cJSON *item, const char *key)
{
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(item, key);
    return cJSON_IsString(field) ? field->valuestring : NULL;
}

static bool add_style(struct daub_model *model, const cJSON *item, int index)
{
    struct daub_style_info *style = &model->styles[index];
    char name[32];
    snprintf(name, sizeof(name), "style-%d", index);
    const char *given = item ? json_text(item, "name") : NULL;
    const cJSON *year = item ? cJSON_GetObjectItemCaseSensitive(item, "year") : NULL;
    if (cJSON_IsNumber(year))
        style->year = year->valueint;
    const cJSON *share =
        item ? cJSON_GetObjectItemCaseSensitive(item, "bold_share") : NULL;
    bool stated =
        cJSON_IsNumber(share) && share->valuedouble >= 0 && share->valuedouble <= 1;
    style->bold_share = stated ? (float)share->valuedouble : BOLD_SHARE_DEFAULT;
    return copy_text(given ? given : name, (char **)&style->name) &&
           copy_text(item ? json_text(item, "title") : NULL, (char **)&style->title) &&
           copy_text(item ? json_text(item, "artist") : NULL, (char **)&style->artist) &&
           copy_text(item ? json_text(item, "licence") : NULL, (char **)&style->licence);
}

/* Index of a style; -1: there is none of that name. */
static int style_named(const struct daub_model *model, const char *name)
{
    for (int i = 0; name && i < model->info.style_count; i++) {
        if (strcmp(model->styles[i].name, name) == 0)
            return i;
    }
    return -1;
}

static void drop_styles(struct daub_model *model)
{
    for (int i = 0; model->styles && i < model->info.style_count; i++) {
        free((char *)model->styles[i].name);
        free((char *)model->styles[i].title);
        free((char *)model->styles[i].artist);
        free((char *)model->styles[i].licence);
    }
    free(model->styles);
    model->styles = NULL;
    model->info.styles = NULL;
    model->info.style_count = 0;
}

/* side: text of the file beside the model's, used where the model does not describe its
 * styles; NULL: there is none. */
static bool read_styles(struct daub_model *model, const char *side,
                        struct daub_error *error)
{
    int inputs = net_onnx_get_info(model->onnx)->style_count;
    if (inputs > MAX_STYLES)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s has %d styles; at most %d can be used", model->name, inputs,
                         MAX_STYLES);
    if (net_onnx_get_info(model->onnx)->style_picture) {
        char identifier[17];
        snprintf(identifier, sizeof(identifier), "%016llx",
                 (unsigned long long)model->info.hash);
        model_take_signals(model, identifier);
        return true;
    }
    const char *text = model_property(model->onnx, "daub.styles");
    if (strlen(text ? text : side ? side : "") > MODEL_TEXT_MAX)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "the description of the styles of %s has over %d MB; shorten it",
                         model->name, MODEL_TEXT_MAX >> 20);
    cJSON *json = text ? cJSON_Parse(text) : side ? cJSON_Parse(side) : NULL;
    if (!text && side && !cJSON_IsArray(json)) {
        cJSON_Delete(json);
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "the file .styles.json beside %s is no JSON list "
                         "such as [{\"name\": \"wave\"}]; correct it or move it away",
                         model->path);
    }
    int described = cJSON_IsArray(json) ? cJSON_GetArraySize(json) : 0;
    if (!model_read_rows(model, described, error)) {
        cJSON_Delete(json);
        return false;
    }
    /* A network without a style input may describe its one style. */
    int count = inputs == 0 && described > 0 ? 1 : model->info.style_count;
    model->info.style_count = 0;
    model->styles = daub_alloc((size_t)count, sizeof(*model->styles));
    bool ok = model->styles != NULL;
    model->info.styles = model->styles;
    model->info.style_count = ok ? count : 0;
    model->info.weight_count = inputs > 0 ? inputs : count;
    for (int i = 0; ok && i < count; i++)
        ok = add_style(model, i < described ? cJSON_GetArrayItem(json, i) : NULL, i);
    cJSON_Delete(json);
    if (!ok)
        return daub_no_memory(error, model->name);
    model->info.identity_style = inputs > 1 ? style_named(model, "identity") : -1;
    int wanted = style_named(model, model_property(model->onnx, "daub.default"));
    model->info.default_style = wanted >= 0                                    ? wanted
                                : model->info.identity_style == 0 && count > 1 ? 1
                                                                               : 0;
    return true;
}

/* ---- loading ---- */

static char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = daub_strdup(slash ? slash + 1 : path);
    char *dot = name ? strstr(name, ".onnx") : NULL;
    if (dot)
        *dot = 0;
    return name;
}

static bool fill_info(struct daub_model *model, enum daub_model_range range,
                      const char *side, struct daub_error *error)
{
    const struct net_onnx_info *onnx = net_onnx_get_info(model->onnx);
    model->info.name = model->name;
    model->info.opset = onnx->opset;
    model->info.parameters = onnx->parameters;
    model->info.channels = onnx->file_channels;
    model->info.channels_last = onnx->nhwc;
    model->info.width = (int)onnx->fixed_width;
    model->info.height = (int)onnx->fixed_height;
    model->info.style_picture = onnx->style_picture;
    if (!copy_text(model_property(model->onnx, "daub.title"), &model->title) ||
        !copy_text(model_property(model->onnx, "daub.licence"), &model->licence) ||
        !copy_text(model_property(model->onnx, "daub.recipe"), &model->recipe))
        return daub_no_memory(error, model->name);
    model->info.title = model->title;
    model->info.licence = model->licence;
    model->info.recipe = model->recipe;
    if (onnx->encoder)
        return daub_fail(error, DAUB_ERROR_MODEL,
                         "%s is an encoder, which paints nothing; choose a model of "
                         "\"daub models\"",
                         model->name);
    if (onnx->opset > NET_ONNX_KNOWN_OPSET)
        daub_log(
            DAUB_LOG_WARNING,
            "%s uses opset %d; daub knows what operators mean up to opset %d. Compare "
            "a painting (daub model --check)",
            model->name, onnx->opset, NET_ONNX_KNOWN_OPSET);
    return build_small(model, range, error) && read_styles(model, side, error);
}

/* ---- the style as a picture ---- */

bool model_is_readable(const char *path)
{
    FILE *file = daub_file_read(path);
    if (file)
        fclose(file);
    return file != NULL;
}

enum daub_status daub_model_set_encoder(struct daub_model *model, const char *path,
                                        struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    const struct net_onnx_info *info = net_onnx_get_info(model->onnx);
    char identifier[17];
    size_t size;
    if (info->style_count == 0 || info->style_picture) {
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  info->style_picture
                      ? "model %s reads the style's picture itself; leave out "
                        "--style-model"
                      : "model %s takes no style vector; leave out --style-model",
                  model->name);
        return error->status;
    }
    void *data = model_read_file(path, &size, error);
    char *copy = data ? daub_strdup(path) : NULL;
    if (copy) {
        model_identifier(data, size, identifier);
        free(model->encoder_path);
        model->encoder_path = copy;
        drop_styles(model);
        model_take_signals(model, identifier);
    } else if (data) {
        daub_no_memory(error, path);
    }
    free(data);
    return copy ? DAUB_OK : error->status;
}

/* Names of two networks that belong together: the one that paints, the one that finds
 * its style vector in a picture. */
static const struct {
    const char *paints, *reads;
} pairs[] = {
    {"transform", "predict"}, {"transfer", "predict"}, {"transfer", "prediction"}};

/* Takes the second network of a pair where it is beside the model's file. */
static bool find_pair(struct daub_model *model, struct daub_error *error)
{
    const struct net_onnx_info *info = net_onnx_get_info(model->onnx);
    const char *slash = strrchr(model->path, '/');
    if (info->style_count == 0 || info->style_picture || model->info.encoder ||
        model_property(model->onnx, "daub.styles"))
        return true;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *at = strstr(slash ? slash : model->path, pairs[i].paints);
        char path[4400];
        if (!at)
            continue;
        snprintf(path, sizeof(path), "%.*s%s%s", (int)(at - model->path), model->path,
                 pairs[i].reads, at + strlen(pairs[i].paints));
        if (model_is_readable(path))
            return daub_model_set_encoder(model, path, error) == DAUB_OK;
    }
    return true;
}

static enum daub_status load(const void *data, size_t size, const char *name,
                             enum daub_model_range range, const char *side,
                             struct daub_model **out, struct daub_error *error)
{
    *out = NULL;
    struct daub_model *model = daub_alloc(1, sizeof(*model));
    if (model) {
        pthread_mutex_init(&model->lock, NULL);
        model->name = base_name(name);
        model->path = daub_strdup(name);
    }
    if (!model || !model->name || !model->path) {
        daub_no_memory(error, name);
        goto fail;
    }
    model->info.hash = daub_hash(data, size);
    model->onnx = net_onnx_parse(data, size, name, error);
    if (!model->onnx)
        goto fail;
    model->info.hash ^= net_onnx_get_info(model->onnx)->external_hash;
    if (!fill_info(model, range, side, error))
        goto fail;
    *out = model;
    return DAUB_OK;
fail:
    daub_model_free(model);
    return error->status;
}

enum daub_status daub_model_load_memory(const void *data, size_t size, const char *name,
                                        enum daub_model_range range,
                                        struct daub_model **model,
                                        struct daub_error *error)
{
    struct daub_error local = {0};
    return load(data, size, name, range, NULL, model, error ? error : &local);
}

void daub_model_free(struct daub_model *model)
{
    if (!model)
        return;
    drop_styles(model);
    free(model->encoder_path);
    free(model->name);
    free(model->path);
    free(model->title);
    free(model->licence);
    free(model->recipe);
    net_graph_free(&model->small);
    net_onnx_free(model->onnx);
    pthread_mutex_destroy(&model->lock);
    free(model);
}

const struct daub_model_info *daub_model_get_info(const struct daub_model *model)
{
    return &model->info;
}

enum daub_status daub_model_dump(const struct daub_model *model, int width, int height,
                                 FILE *file, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    struct net_graph graph;
    bool ok = model_build(model, height, width, &graph, error);
    if (ok)
        net_graph_dump(&graph, file);
    net_graph_free(&graph);
    return ok ? DAUB_OK : error->status;
}

void daub_model_operators(const struct daub_model *model,
                          void (*visit)(const char *name, int count, void *user),
                          void *user)
{
    net_onnx_each_operator(model->onnx, visit, user);
}

/* ---- built-in models ---- */

/* Whether the name is that of an ONNX file. */
static bool is_model_file(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".onnx") == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void each_in(const char *folder, void (*visit)(const char *path, void *user),
                    void *user)
{
    char *names[256];
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) && count < 256;) {
        if (is_model_file(entry->d_name) &&
            strcmp(entry->d_name, MODEL_ENCODER_FILE) != 0 &&
            (names[count] = daub_strdup(entry->d_name)))
            count++;
    }
    if (dir)
        closedir(dir);
    qsort(names, count, sizeof(names[0]), compare_names);
    for (size_t i = 0; i < count; i++) {
        char path[4400];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        visit(path, user);
        free(names[i]);
    }
}

/* The first folder that exists holds the built-in models. */
const char *model_folder(void)
{
    const char *chosen = getenv("DAUB_MODELS");
    /* the last one is empty in programs that are to be installed */
    const char *folders[] = {chosen && *chosen ? chosen : DAUB_MODEL_DIR, DAUB_MODEL_DIR,
                             DAUB_SOURCE_MODEL_DIR};
    for (int i = 0; i < 3; i++) {
        DIR *dir = opendir(folders[i]);
        if (dir) {
            closedir(dir);
            return folders[i];
        }
    }
    return DAUB_MODEL_DIR;
}

void daub_model_each(void (*visit)(const char *path, void *user), void *user)
{
    each_in(model_folder(), visit, user);
}

struct search {
    const char *wanted;
    char path[4400];
    const char *names[256]; /* owned */
    size_t count;
};

static void consider(const char *path, void *user)
{
    struct search *search = user;
    char *name = base_name(path);
    if (!name)
        return;
    if (strcmp(name, search->wanted) == 0)
        snprintf(search->path, sizeof(search->path), "%s", path);
    search->names[search->count++] = name;
}

static bool find_model(const char *wanted, char *path, size_t size,
                       struct daub_error *error)
{
    if (strchr(wanted, '/') || is_model_file(wanted)) {
        snprintf(path, size, "%s", wanted);
        return true;
    }
    struct search search = {.wanted = wanted};
    daub_model_each(consider, &search);
    const char *near = daub_text_nearest(wanted, search.names, search.count);
    bool found = search.path[0];
    if (found)
        snprintf(path, size, "%s", search.path);
    else if (search.count == 0)
        daub_fail(
            error, DAUB_ERROR_NOT_FOUND,
            "no model is called '%s' and %s holds none; give a path to an .onnx file",
            wanted, model_folder());
    else
        daub_fail(error, DAUB_ERROR_NOT_FOUND,
                  "no model is called '%s'%s%s%s `daub models` lists them, a path ends "
                  "in .onnx",
                  wanted, near ? "; did you mean '" : ";", near ? near : "",
                  near ? "'?" : "");
    for (size_t i = 0; i < search.count; i++)
        free((char *)search.names[i]);
    return found;
}

void *model_read_file(const char *path, size_t *size, struct daub_error *error)
{
    void *data = daub_file_load(path, MAX_MODEL_BYTES, size);
    if (data)
        return data;
    if (errno == ENOMEM)
        daub_no_memory(error, path);
    else if (errno == EINVAL)
        daub_fail(error, DAUB_ERROR_MODEL, "%s is no file; give an .onnx file", path);
    else if (errno == EFBIG)
        daub_fail(error, DAUB_ERROR_MODEL,
                  "%s has over %zu MB, more than daub reads; give a smaller model", path,
                  MAX_MODEL_BYTES >> 20);
    else
        daub_fail(error, DAUB_ERROR_NOT_FOUND, "cannot read model %s: %s", path,
                  strerror(errno));
    return NULL;
}

/* The text of NAME.styles.json beside NAME.onnx, with the names of its styles; NULL where
 * there is none. */
static char *read_side_file(const char *path)
{
    char side[4400];
    size_t length = strlen(path), size = 0;
    if (!is_model_file(path) || length >= sizeof(side))
        return NULL;
    snprintf(side, sizeof(side), "%.*s.styles.json", (int)length - 5, path);
    return daub_file_load(side, MAX_MODEL_BYTES, &size);
}

enum daub_status daub_model_load(const char *name_or_path, enum daub_model_range range,
                                 struct daub_model **model, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    char path[4400];
    size_t size;
    *model = NULL;
    if (!find_model(name_or_path, path, sizeof(path), error))
        return error->status;
    void *data = model_read_file(path, &size, error);
    if (!data)
        return error->status;
    char *side = read_side_file(path);
    enum daub_status status = load(data, size, path, range, side, model, error);
    free(data);
    if (status == DAUB_OK && !side && !find_pair(*model, error)) {
        daub_model_free(*model);
        *model = NULL;
        status = error->status;
    }
    free(side);
    return status;
}
