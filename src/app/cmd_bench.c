/* The command "daub bench": paints generated frames and prints the times as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cjson/cJSON.h>

#include "app/commands.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

enum { PICTURES = 4, WARM_UP = 3, FRAMES_DEFAULT = 50, TIMED_FRAMES = 10, PLANES = 3 };
enum { SWITCH_ROUNDS = 8 };

struct bench {
    int width, height;
    int frames;
    struct daub_device *device;
    struct daub_model *model;
    enum daub_precision precision;
    enum daub_temporal temporal;
    unsigned char *pictures[PICTURES]; /* 4:2:0, planes one after the other */
    unsigned char *painted;
    double create_ms;
    double *samples; /* milliseconds between two finished frames */
    double total_s;
    struct daub_memory_info memory;
    float *weights; /* weight_count, with --switch-styles; else NULL */
};

/* A moving gradient with noise: no area is flat, and every picture differs. */
static void draw(unsigned char *pixels, size_t size, int width, unsigned seed)
{
    unsigned state = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        size_t x = i % (size_t)width, y = i / (size_t)width;
        pixels[i] = (unsigned char)(16 + ((x + y + seed * 8) & 127) + (state >> 27));
    }
}

static struct daub_image view(const struct bench *bench, unsigned char *pixels)
{
    struct daub_image image = {.width = bench->width,
                               .height = bench->height,
                               .format = {.pixel = DAUB_PIXEL_YUV420P}};
    for (int i = 0; i < PLANES; i++) {
        size_t row = 0;
        int rows = 0;
        daub_pixel_plane_size(DAUB_PIXEL_YUV420P, i, bench->width, bench->height, &row,
                              &rows);
        image.plane[i] = pixels;
        image.stride[i] = (ptrdiff_t)row;
        pixels += row * (size_t)rows;
    }
    return image;
}

static bool allocate(struct bench *bench, struct daub_error *error)
{
    size_t size = 0;
    for (int i = 0; i < PLANES; i++) {
        size_t row = 0;
        int rows = 0;
        daub_pixel_plane_size(DAUB_PIXEL_YUV420P, i, bench->width, bench->height, &row,
                              &rows);
        size += row * (size_t)rows;
    }
    bool ok = true;
    for (int i = 0; i < PICTURES; i++) {
        bench->pictures[i] = daub_alloc(size, 1);
        ok = ok && bench->pictures[i];
        if (ok)
            draw(bench->pictures[i], size, bench->width, (unsigned)i);
    }
    bench->painted = daub_alloc(size, 1);
    bench->samples = daub_alloc((size_t)bench->frames, sizeof(*bench->samples));
    if (!ok || !bench->painted || !bench->samples)
        return daub_no_memory(error, "the benchmark");
    return true;
}

static struct daub_stylizer *create(const struct bench *bench, struct daub_error *error)
{
    struct daub_stylizer *stylizer = NULL;
    struct daub_stylizer_params params = {.in_width = bench->width,
                                          .in_height = bench->height,
                                          .in = {.pixel = DAUB_PIXEL_YUV420P},
                                          .precision = bench->precision,
                                          .temporal = bench->temporal};
    daub_stylizer_create(bench->device, bench->model, &params, &stylizer, error);
    return stylizer;
}

/* The style weights of a frame; NULL: the default style. */
static const float *next_style(struct bench *bench, int frame)
{
    int count = daub_model_get_info(bench->model)->style_count;
    for (int i = 0; bench->weights && i < count; i++)
        bench->weights[i] = i == frame % count;
    return bench->weights;
}

static bool submit(struct bench *bench, struct daub_stylizer *stylizer, int frame,
                   struct daub_error *error)
{
    struct daub_image image = view(bench, bench->pictures[frame % PICTURES]);
    struct daub_frame_params params = {.strength = 1,
                                       .style = next_style(bench, frame),
                                       .stability = DAUB_STABILITY_DEFAULT};
    return daub_stylizer_submit(stylizer, &image, &params, frame, error) == DAUB_OK;
}

/* Paints count frames, of which two are in flight whenever one is received, and one more
 * before them, so that the time between two receipts is that of one frame. samples: the
 * times in milliseconds, or NULL; *seconds: of the count frames. */
static bool paint(struct bench *bench, struct daub_stylizer *stylizer, int count,
                  double *samples, double *seconds, struct daub_error *error)
{
    struct daub_image out = view(bench, bench->painted);
    int64_t tag, start, last;
    bool ok = submit(bench, stylizer, 0, error);
    start = last = daub_clock_us();
    for (int i = 0; ok && i < count; i++) {
        ok = submit(bench, stylizer, i + 1, error) &&
             daub_stylizer_receive(stylizer, &out, &tag, error) == DAUB_OK;
        int64_t now = daub_clock_us();
        if (samples)
            samples[i] = (double)(now - last) / 1e3;
        last = now;
    }
    *seconds = (double)(last - start) / 1e6;
    return ok && daub_stylizer_receive(stylizer, &out, &tag, error) == DAUB_OK;
}

static bool measure_frames(struct bench *bench, struct daub_error *error)
{
    int64_t start = daub_clock_us();
    struct daub_stylizer *stylizer = create(bench, error);
    bench->create_ms = (double)(daub_clock_us() - start) / 1e3;
    double seconds;
    bool ok =
        stylizer && paint(bench, stylizer, WARM_UP, NULL, &seconds, error) &&
        paint(bench, stylizer, bench->frames, bench->samples, &bench->total_s, error);
    if (ok)
        daub_stylizer_memory(stylizer, &bench->memory);
    daub_stylizer_free(stylizer);
    return ok;
}

/* Adds the values to the object of that name in the array; a missing one is appended
 * first. */
static void add_step(cJSON *array, const char *name, size_t length, double ms,
                     double gflop)
{
    char text[96];
    snprintf(text, sizeof(text), "%.*s", (int)length, name);
    cJSON *entry;
    cJSON_ArrayForEach(entry, array)
    {
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "name")), text) == 0)
            break;
    }
    if (!entry) {
        entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "name", text);
        cJSON_AddNumberToObject(entry, "ms", 0);
        cJSON_AddNumberToObject(entry, "gflop", 0);
        cJSON_AddItemToArray(array, entry);
    }
    cJSON *time = cJSON_GetObjectItem(entry, "ms"),
          *work = cJSON_GetObjectItem(entry, "gflop");
    cJSON_SetNumberValue(time, time->valuedouble + ms);
    cJSON_SetNumberValue(work, work->valuedouble + gflop);
}

static void finish_steps(cJSON *array, int frames)
{
    cJSON *entry;
    cJSON_ArrayForEach(entry, array)
    {
        cJSON *time = cJSON_GetObjectItem(entry, "ms"),
              *work = cJSON_GetObjectItem(entry, "gflop");
        cJSON_SetNumberValue(time, time->valuedouble / frames);
        cJSON_SetNumberValue(work, work->valuedouble / frames);
        if (time->valuedouble > 0 && work->valuedouble > 0)
            cJSON_AddNumberToObject(entry, "gflops",
                                    work->valuedouble / time->valuedouble * 1e3);
    }
}

/* Measures the steps with the device's timestamps. That is a separate run, because
 * timestamps keep steps from overlapping. stages sums up the steps by the first word of
 * their names. */
static bool measure_steps(struct bench *bench, cJSON *steps, cJSON *stages,
                          double *device_ms, double *gflop, struct daub_error *error)
{
    struct daub_stylizer *stylizer = create(bench, error);
    double seconds;
    bool ok = stylizer && daub_stylizer_enable_timing(stylizer, error) == DAUB_OK &&
              paint(bench, stylizer, 1, NULL, &seconds, error);
    for (int i = 0; ok && i < TIMED_FRAMES; i++) {
        const struct daub_step_time *times = NULL;
        ok = paint(bench, stylizer, 1, NULL, &seconds, error);
        int count = ok ? daub_stylizer_times(stylizer, &times) : 0;
        for (int j = 0; j < count; j++) {
            add_step(steps, times[j].name, strlen(times[j].name), times[j].ms,
                     times[j].gflop);
            add_step(stages, times[j].name, strcspn(times[j].name, " /:."), times[j].ms,
                     times[j].gflop);
            *device_ms += times[j].ms / TIMED_FRAMES;
            *gflop += times[j].gflop / TIMED_FRAMES;
        }
    }
    finish_steps(steps, TIMED_FRAMES);
    finish_steps(stages, TIMED_FRAMES);
    daub_stylizer_free(stylizer);
    return ok;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_wall(cJSON *root, const struct bench *bench)
{
    struct daub_stats stats = {0};
    for (int i = 0; i < bench->frames; i++)
        daub_stats_add(&stats, bench->samples[i]);
    qsort(bench->samples, (size_t)bench->frames, sizeof(*bench->samples), by_value);
    cJSON *wall = cJSON_AddObjectToObject(root, "wall_ms");
    cJSON_AddNumberToObject(wall, "mean", stats.mean);
    cJSON_AddNumberToObject(wall, "median", bench->samples[bench->frames / 2]);
    cJSON_AddNumberToObject(wall, "min", stats.min);
    cJSON_AddNumberToObject(wall, "max", stats.max);
    cJSON_AddNumberToObject(wall, "deviation", daub_stats_deviation(&stats));
    cJSON_AddNumberToObject(root, "fps", bench->frames / bench->total_s);
    cJSON_AddNumberToObject(root, "create_ms", bench->create_ms);
}

static void add_memory(cJSON *root, const struct bench *bench)
{
    struct rusage usage;
    cJSON *memory = cJSON_AddObjectToObject(root, "memory");
    const struct daub_memory_info *info = &bench->memory;
    uint64_t total = info->arena_bytes + info->weight_bytes + info->staging_bytes;
    cJSON_AddNumberToObject(memory, "device_bytes", (double)total);
    cJSON_AddNumberToObject(memory, "arena_bytes", (double)info->arena_bytes);
    cJSON_AddNumberToObject(memory, "weight_bytes", (double)info->weight_bytes);
    cJSON_AddNumberToObject(memory, "staging_bytes", (double)info->staging_bytes);
    if (getrusage(RUSAGE_SELF, &usage) == 0) /* kilobytes */
        cJSON_AddNumberToObject(memory, "peak_resident_bytes",
                                (double)usage.ru_maxrss * 1024);
}

/* Compares one style for all frames with another style in every frame, alternately. */
static bool measure_switching(struct bench *bench, cJSON *root, struct daub_error *error)
{
    double best[2] = {0};
    const struct daub_model_info *info = daub_model_get_info(bench->model);
    int styles = info->style_count;
    int frames = bench->frames / SWITCH_ROUNDS > 1 ? bench->frames / SWITCH_ROUNDS : 1;
    if (styles < 2)
        return daub_fail(
            error, DAUB_ERROR_ARGUMENT,
            "--switch-styles needs a model of several styles; set it with -m");
    float *weights = daub_alloc((size_t)info->weight_count, sizeof(*weights));
    if (!weights)
        return daub_no_memory(error, "the benchmark");
    struct daub_stylizer *stylizer = create(bench, error);
    double seconds;
    bool ok = stylizer && paint(bench, stylizer, WARM_UP, NULL, &seconds, error);
    for (int i = 0; ok && i < 2 * SWITCH_ROUNDS; i++) {
        bench->weights = i % 2 ? weights : NULL;
        ok = paint(bench, stylizer, frames, NULL, &seconds, error);
        double ms = seconds * 1e3 / frames;
        if (i < 2 || ms < best[i % 2])
            best[i % 2] = ms;
    }
    bench->weights = NULL;
    daub_stylizer_free(stylizer);
    free(weights);
    if (!ok)
        return false;
    cJSON *object = cJSON_AddObjectToObject(root, "switch_styles");
    cJSON_AddNumberToObject(object, "styles", styles);
    cJSON_AddNumberToObject(object, "one_style_ms", best[0]);
    cJSON_AddNumberToObject(object, "every_frame_ms", best[1]);
    cJSON_AddNumberToObject(object, "ratio", best[1] / best[0]);
    return true;
}

static cJSON *describe(const struct bench *bench)
{
    static const char *const precisions[] = {[DAUB_PRECISION_AUTO] = "auto",
                                             [DAUB_PRECISION_FP32] = "fp32",
                                             [DAUB_PRECISION_FP16] = "fp16"};
    const struct daub_device_info *device = daub_device_get_info(bench->device);
    const struct daub_model_info *model = daub_model_get_info(bench->model);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "daub", daub_version());
    cJSON_AddStringToObject(root, "device", device->name);
    cJSON_AddStringToObject(root, "driver", device->driver);
    cJSON_AddStringToObject(root, "kernels", daub_device_kernels(bench->device));
    cJSON_AddStringToObject(root, "model", model->name);
    cJSON_AddNumberToObject(root, "parameters", (double)model->parameters);
    cJSON_AddStringToObject(root, "precision", precisions[bench->precision]);
    cJSON_AddNumberToObject(root, "width", bench->width);
    cJSON_AddNumberToObject(root, "height", bench->height);
    cJSON_AddNumberToObject(root, "frames", bench->frames);
    return root;
}

static bool run(struct bench *bench, const struct options *options,
                struct daub_error *error)
{
    double device_ms = 0, gflop = 0;
    cJSON *root = describe(bench);
    cJSON *steps = cJSON_CreateArray(), *stages = cJSON_CreateArray();
    bool ok = allocate(bench, error) && measure_frames(bench, error) &&
              measure_steps(bench, steps, stages, &device_ms, &gflop, error) &&
              (!options->switch_styles || measure_switching(bench, root, error));
    if (ok) {
        add_wall(root, bench);
        cJSON_AddNumberToObject(root, "device_ms", device_ms);
        cJSON_AddNumberToObject(root, "gflop", gflop);
        cJSON_AddNumberToObject(root, "gflops", gflop / (bench->total_s / bench->frames));
        add_memory(root, bench);
    }
    cJSON_AddItemToObject(root, "stages", stages);
    if (options->layers)
        cJSON_AddItemToObject(root, "layers", steps);
    else
        cJSON_Delete(steps);
    char *text = ok ? cJSON_Print(root) : NULL;
    if (text)
        daub_text_print(stdout, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(root);
    return ok;
}

int command_bench(const struct options *options)
{
    struct daub_error error = {0};
    struct size_spec size;
    struct bench bench = {.precision = (enum daub_precision)options->precision};
    bench.temporal = (enum daub_temporal)options->temporal;
    if (options->frames > 1000000) {
        daub_log(DAUB_LOG_ERROR, "--frames: must be at most 1000000");
        return EXIT_CODE_USAGE;
    }
    bench.frames = options->frames ? (int)options->frames : FRAMES_DEFAULT;
    if (!size_parse(options->size, "--size", &size, &error))
        return command_fail(EXIT_CODE_USAGE, &error);
    size_apply(&size, 640, 360, &bench.width, &bench.height);
    enum exit_code code = command_open(options, NULL, &bench.device, &bench.model);
    if (code == EXIT_CODE_DONE && !run(&bench, options, &error))
        code = command_fail(exit_code_of(error.status), &error);
    code = (enum exit_code)command_validated(bench.device, (int)code);
    for (int i = 0; i < PICTURES; i++)
        free(bench.pictures[i]);
    free(bench.painted);
    free(bench.samples);
    daub_model_free(bench.model);
    daub_device_close(bench.device);
    return code;
}
