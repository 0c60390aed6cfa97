/* A libdaub without a GPU: the public API in plain C, for tests of everything around it.
 * It paints by inverting the samples (of luma and RGB; strength blends, chroma is kept
 * under KEEP and inverted otherwise), converts neither matrix nor range, and resizes by
 * the nearest sample. Two frames are in flight, as in the real library.
 *
 * DAUB_FAKE_PREPARE_AT: creating the n-th stylizer takes a minute. DAUB_FAKE_HANG_AT: the
 * n-th receive takes a minute. DAUB_FAKE_DELAY_MS: a receive takes that long.
 * DAUB_FAKE_NO_DEVICE: no device is found. DAUB_FAKE_PIXELS_MAX: no stylizer is
 * created for larger pictures. DAUB_FAKE_FAIL_AT: the n-th receive fails.
 * DAUB_FAKE_LOG: a file to which every submit adds a line with strength, stability and
 * the style weights, of which there are two; with DAUB_FAKE_BASIS its models take
 * pictures, whose signal is their mean red, green and blue: six weights, of the two
 * styles, of a constant row, and of the signal. DAUB_FAKE_VALIDATION_ERRORS: how many
 * errors the validation layer reports. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <daub/daub.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

enum { SLOTS = 2, PLANES = 3, HANG_MS = 60000 };

struct daub_device {
    struct daub_device_info info;
};

struct daub_model {
    struct daub_model_info info;
};

struct slot {
    uint16_t *rgb; /* out_width x out_height x 3, 16-bit, Y Cb Cr or R G B */
    int64_t tag;
};

struct daub_stylizer {
    struct daub_stylizer_params params;
    struct slot slots[SLOTS];
    int oldest, in_flight;
    long received;
};

/* How a format is stored in memory: per component its plane, byte offset and byte step,
 * and the subsampling of components 1 and 2. */
struct layout {
    enum daub_pixel_format pixel;
    int planes, bits, up; /* up: bits to the left inside the word (P010) */
    int plane[3], offset[3], step[3];
    int shift_x, shift_y;
    bool rgb;
    int components;
};

#define PLANAR(format, depth, sx, sy)                                                    \
    {                                                                                    \
        .pixel = (format), .planes = 3, .bits = (depth), .plane = {0, 1, 2},             \
        .step = {(depth) > 8 ? 2 : 1, (depth) > 8 ? 2 : 1, (depth) > 8 ? 2 : 1},         \
        .shift_x = (sx), .shift_y = (sy), .components = 3                                \
    }
#define GBR(format, depth)                                                               \
    {                                                                                    \
        .pixel = (format), .planes = 3, .bits = (depth), .plane = {2, 0, 1},             \
        .step = {(depth) > 8 ? 2 : 1, (depth) > 8 ? 2 : 1, (depth) > 8 ? 2 : 1},         \
        .rgb = true, .components = 3                                                     \
    }
#define PACKED(format, size, r, g, b)                                                    \
    {                                                                                    \
        .pixel = (format), .planes = 1, .bits = 8, .offset = {(r), (g), (b)},            \
        .step = {(size), (size), (size)}, .rgb = true, .components = 3                   \
    }

static const struct layout layouts[] = {
    PACKED(DAUB_PIXEL_RGB24, 3, 0, 1, 2),
    PACKED(DAUB_PIXEL_RGBA, 4, 0, 1, 2),
    PACKED(DAUB_PIXEL_BGRA, 4, 2, 1, 0),
    {.pixel = DAUB_PIXEL_GRAY8, .planes = 1, .bits = 8, .step = {1}, .components = 1},
    {.pixel = DAUB_PIXEL_GRAY16, .planes = 1, .bits = 16, .step = {2}, .components = 1},
    GBR(DAUB_PIXEL_GBRP, 8),
    GBR(DAUB_PIXEL_GBRP10, 10),
    GBR(DAUB_PIXEL_GBRP12, 12),
    GBR(DAUB_PIXEL_GBRP16, 16),
    PLANAR(DAUB_PIXEL_YUV420P, 8, 1, 1),
    PLANAR(DAUB_PIXEL_YUV422P, 8, 1, 0),
    PLANAR(DAUB_PIXEL_YUV444P, 8, 0, 0),
    PLANAR(DAUB_PIXEL_YUV420P10, 10, 1, 1),
    PLANAR(DAUB_PIXEL_YUV422P10, 10, 1, 0),
    PLANAR(DAUB_PIXEL_YUV444P10, 10, 0, 0),
    PLANAR(DAUB_PIXEL_YUV420P12, 12, 1, 1),
    PLANAR(DAUB_PIXEL_YUV422P12, 12, 1, 0),
    PLANAR(DAUB_PIXEL_YUV444P12, 12, 0, 0),
    PLANAR(DAUB_PIXEL_YUV444P16, 16, 0, 0),
    {.pixel = DAUB_PIXEL_NV12,
     .planes = 2,
     .bits = 8,
     .plane = {0, 1, 1},
     .offset = {0, 0, 1},
     .step = {1, 2, 2},
     .shift_x = 1,
     .shift_y = 1,
     .components = 3},
    {.pixel = DAUB_PIXEL_P010,
     .planes = 2,
     .bits = 10,
     .up = 6,
     .plane = {0, 1, 1},
     .offset = {0, 0, 2},
     .step = {2, 4, 4},
     .shift_x = 1,
     .shift_y = 1,
     .components = 3},
    {.pixel = DAUB_PIXEL_YUYV422,
     .planes = 1,
     .bits = 8,
     .offset = {0, 1, 3},
     .step = {2, 4, 4},
     .shift_x = 1,
     .components = 3},
    {.pixel = DAUB_PIXEL_UYVY422,
     .planes = 1,
     .bits = 8,
     .offset = {1, 0, 2},
     .step = {2, 4, 4},
     .shift_x = 1,
     .components = 3},
};

static const struct layout *layout_of(enum daub_pixel_format pixel)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (layouts[i].pixel == pixel)
            return &layouts[i];
    }
    return NULL;
}

const char *daub_version(void)
{
    return DAUB_VERSION "-fake";
}

int daub_pixel_planes(enum daub_pixel_format pixel)
{
    const struct layout *layout = layout_of(pixel);
    return layout ? layout->planes : 0;
}

bool daub_pixel_plane_size(enum daub_pixel_format pixel, int plane, int width, int height,
                           size_t *row_bytes, int *rows)
{
    const struct layout *layout = layout_of(pixel);
    if (!layout || plane < 0 || plane >= layout->planes || width < 1 || height < 1)
        return false;
    bool chroma = plane > 0 && !layout->rgb;
    int columns = chroma ? (width + layout->shift_x) >> layout->shift_x : width;
    *rows = chroma ? (height + layout->shift_y) >> layout->shift_y : height;
    if (layout->planes == 1 && layout->shift_x) /* packed 4:2:2: whole pairs */
        columns = (width + 1) / 2 * 2;
    *row_bytes = (size_t)columns * (size_t)layout->step[plane == 0 ? 0 : 1];
    if (layout->planes == 1 && layout->shift_x)
        *row_bytes = (size_t)columns * 2;
    return true;
}

int daub_device_list(struct daub_device_info *infos, int capacity,
                     struct daub_error *error)
{
    (void)error;
    if (getenv("DAUB_FAKE_NO_DEVICE"))
        return 0;
    if (capacity > 0)
        infos[0] = (struct daub_device_info){.name = "Fake painter",
                                             .driver = "fake 1.0",
                                             .uuid = "00000000000000000000000000000001",
                                             .kind = DAUB_DEVICE_SOFTWARE,
                                             .memory_bytes = 1000000000,
                                             .usable = true};
    return 1;
}

enum daub_status daub_device_open(const struct daub_device_params *params,
                                  struct daub_device **device, struct daub_error *error)
{
    struct daub_device_info info;
    *device = NULL;
    if (daub_device_list(&info, 1, error) == 0) {
        daub_fail(error, DAUB_ERROR_NO_DEVICE, "no Vulkan device; install a driver");
        return DAUB_ERROR_NO_DEVICE;
    }
    if (params && params->select && strcmp(params->select, "auto") != 0 &&
        strcmp(params->select, "0") != 0) {
        daub_fail(error, DAUB_ERROR_NO_DEVICE, "no device is called %s", params->select);
        return DAUB_ERROR_NO_DEVICE;
    }
    const char *kernels = params && params->kernels ? params->kernels : "auto";
    if (strcmp(kernels, "auto") && strcmp(kernels, "shaders") &&
        strncmp(kernels, "host", 4)) {
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "no kernel set is called '%s'; there are shaders and host", kernels);
        return DAUB_ERROR_ARGUMENT;
    }
    *device = daub_alloc(1, sizeof(**device));
    if (!*device) {
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
        return DAUB_ERROR_MEMORY;
    }
    (*device)->info = info;
    return DAUB_OK;
}

void daub_device_close(struct daub_device *device)
{
    free(device);
}

const char *daub_device_kernels(const struct daub_device *device)
{
    (void)device;
    return "fake";
}

int daub_device_validation_errors(const struct daub_device *device)
{
    const char *count = getenv("DAUB_FAKE_VALIDATION_ERRORS");
    (void)device;
    return count ? atoi(count) : 0;
}

const struct daub_device_info *daub_device_get_info(const struct daub_device *device)
{
    return &device->info;
}

#define ENCODER "00000000000000fa"

static const char *const model_names[] = {"lite", "standard"};
static const struct daub_style_info style_infos[] = {
    {.name = "night", .title = "A Night", .artist = "Nobody", .year = 1889},
    {.name = "wave", .title = "A Wave", .artist = "Nobody", .year = 1831}};

enum daub_status daub_model_load(const char *name_or_path, enum daub_model_range range,
                                 struct daub_model **model, struct daub_error *error)
{
    const char *name = NULL;
    *model = NULL;
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(model_names[i], name_or_path) == 0)
            name = model_names[i];
    }
    if (!name) {
        const char *near = daub_text_nearest(name_or_path, model_names, 2);
        daub_fail(error, DAUB_ERROR_NOT_FOUND, "no model %s%s%s%s", name_or_path,
                  near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        return DAUB_ERROR_NOT_FOUND;
    }
    *model = daub_alloc(1, sizeof(**model));
    if (!*model) {
        daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
        return DAUB_ERROR_MEMORY;
    }
    (*model)->info = (struct daub_model_info){.name = name,
                                              .title = "inverts",
                                              .licence = "CC0-1.0",
                                              .range = range ? range : DAUB_MODEL_RANGE_1,
                                              .opset = 13,
                                              .parameters = 1,
                                              .style_count = 2,
                                              .identity_style = -1,
                                              .styles = style_infos,
                                              .weight_count = 2,
                                              .boldness = 0.5f};
    if (getenv("DAUB_FAKE_BASIS")) {
        (*model)->info.encoder = ENCODER;
        (*model)->info.signal_count = 3;
        (*model)->info.weight_count = 6;
    }
    return DAUB_OK;
}

enum daub_status daub_model_load_memory(const void *data, size_t size, const char *name,
                                        enum daub_model_range range,
                                        struct daub_model **model,
                                        struct daub_error *error)
{
    (void)data, (void)size;
    return daub_model_load(name, range, model, error);
}

enum daub_status daub_model_set_encoder(struct daub_model *model, const char *path,
                                        struct daub_error *error)
{
    (void)model, (void)path;
    daub_fail(error, DAUB_ERROR_ARGUMENT, "the fake's models take no style vector");
    return DAUB_ERROR_ARGUMENT;
}

void daub_model_free(struct daub_model *model)
{
    free(model);
}

const struct daub_model_info *daub_model_get_info(const struct daub_model *model)
{
    return &model->info;
}

enum daub_status daub_model_dump(const struct daub_model *model, int width, int height,
                                 FILE *file, struct daub_error *error)
{
    (void)error;
    fprintf(file, "%s %dx%d\n", model->info.name, width, height);
    return DAUB_OK;
}

void daub_model_operators(const struct daub_model *model,
                          void (*visit)(const char *name, int count, void *user),
                          void *user)
{
    (void)model;
    visit("Neg", 1, user);
}

enum daub_status daub_model_estimate(struct daub_device *device,
                                     const struct daub_model *model, int width,
                                     int height, enum daub_precision precision,
                                     struct daub_model_cost *cost,
                                     struct daub_error *error)
{
    (void)device, (void)model, (void)precision, (void)error;
    *cost = (struct daub_model_cost){
        .alignment = 1, .steps = 1, .arena_bytes = (uint64_t)width * (uint64_t)height};
    return DAUB_OK;
}

void daub_model_each(void (*visit)(const char *path, void *user), void *user)
{
    for (size_t i = 0; i < 2; i++)
        visit(model_names[i], user);
}

/* ---- pictures as styles ---- */

struct daub_encoder {
    char unused;
};

enum daub_status daub_encoder_load(const struct daub_model *model, const char *path,
                                   struct daub_encoder **encoder,
                                   struct daub_error *error)
{
    (void)path;
    *encoder = NULL;
    if (!model->info.encoder) {
        daub_fail(error, DAUB_ERROR_ARGUMENT, "model %s takes no pictures as styles",
                  model->info.name);
        return DAUB_ERROR_ARGUMENT;
    }
    *encoder = daub_alloc(1, sizeof(**encoder));
    return *encoder ? DAUB_OK : DAUB_ERROR_MEMORY;
}

enum daub_status daub_encoder_load_memory(const void *data, size_t size, const char *name,
                                          struct daub_encoder **encoder,
                                          struct daub_error *error)
{
    (void)data, (void)size, (void)name, (void)encoder;
    daub_fail(error, DAUB_ERROR_MODEL, "the fake reads no encoders");
    return DAUB_ERROR_MODEL;
}

void daub_encoder_free(struct daub_encoder *encoder)
{
    free(encoder);
}

enum daub_status daub_encode(struct daub_device *device,
                             const struct daub_encoder *encoder,
                             const struct daub_image *picture, struct daub_signal *signal,
                             struct daub_error *error)
{
    (void)device, (void)encoder;
    double sum[3] = {0};
    int pixels = picture->width * picture->height;
    *signal = (struct daub_signal){.encoder = ENCODER, .count = 3};
    if (picture->width < DAUB_PICTURE_SIDE_MIN) {
        daub_fail(error, DAUB_ERROR_ARGUMENT, "the picture has only %d x %d pixels",
                  picture->width, picture->height);
        return DAUB_ERROR_ARGUMENT;
    }
    for (int i = 0; i < 3 * pixels; i++) {
        int y = i / 3 / picture->width, x = i / 3 % picture->width;
        sum[i % 3] +=
            ((const uint8_t *)picture->plane[0] + y * picture->stride[0])[4 * x + i % 3];
    }
    for (int i = 0; i < 3; i++)
        signal->z[i] = (float)(sum[i] / pixels / 255);
    return DAUB_OK;
}

enum daub_status daub_signal_parse(const char *text, size_t size,
                                   struct daub_signal *signal, struct daub_error *error)
{
    char line[256];
    *signal = (struct daub_signal){.encoder = ENCODER, .count = 3};
    snprintf(line, sizeof(line), "%.*s", (int)size, text);
    if (sscanf(line, "fake %127s %f %f %f", signal->title, &signal->z[0], &signal->z[1],
               &signal->z[2]) == 4)
        return DAUB_OK;
    daub_fail(error, DAUB_ERROR_ARGUMENT, "it is no style");
    return DAUB_ERROR_ARGUMENT;
}

char *daub_signal_print(const struct daub_signal *signal)
{
    char line[256];
    snprintf(line, sizeof(line), "fake %s %f %f %f", signal->title, (double)signal->z[0],
             (double)signal->z[1], (double)signal->z[2]);
    return daub_strdup(line);
}

/* The boldness has no effect. */
enum daub_status daub_model_mix(const struct daub_model *model,
                                const struct daub_mix_part *parts, int count,
                                float boldness, float *weights, struct daub_error *error)
{
    float sum = 0;
    (void)boldness, (void)error;
    memset(weights, 0, (size_t)model->info.weight_count * sizeof(*weights));
    for (int i = 0; i < count; i++)
        sum += parts[i].weight;
    for (int i = 0; i < count; i++) {
        float weight = parts[i].weight / sum;
        if (!parts[i].signal)
            weights[parts[i].style] += weight;
        for (int k = 0; parts[i].signal && k < 4; k++)
            weights[2 + k] += weight * (k ? parts[i].signal->z[k - 1] : 1);
    }
    return DAUB_OK;
}

static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtol(text, NULL, 10) : 0;
}

/* Like a call of a driver, it is not ended by signals. */
static void sleep_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (ms > 0 && nanosleep(&left, &left) != 0) {
    }
}

enum daub_status daub_stylizer_create(struct daub_device *device,
                                      const struct daub_model *model,
                                      const struct daub_stylizer_params *params,
                                      struct daub_stylizer **stylizer,
                                      struct daub_error *error)
{
    (void)device, (void)model;
    *stylizer = NULL;
    if (!layout_of(params->in.pixel) || params->in_width < 1 || params->in_height < 1) {
        daub_fail(error, DAUB_ERROR_ARGUMENT, "size or format is missing");
        return DAUB_ERROR_ARGUMENT;
    }
    long pixels_max = number_of("DAUB_FAKE_PIXELS_MAX");
    if (pixels_max && (long)params->in_width * params->in_height > pixels_max) {
        daub_fail(error, DAUB_ERROR_MEMORY, "the picture does not fit into the memory");
        return DAUB_ERROR_MEMORY;
    }
    static atomic_long made_before;
    if (atomic_fetch_add(&made_before, 1) + 1 == number_of("DAUB_FAKE_PREPARE_AT"))
        sleep_ms(HANG_MS);
    struct daub_stylizer *made = daub_alloc(1, sizeof(*made));
    if (!made)
        goto no_memory;
    made->params = *params;
    struct daub_stylizer_params *p = &made->params;
    p->out_width = p->out_width ? p->out_width : p->in_width;
    p->out_height = p->out_height ? p->out_height : p->in_height;
    p->out = p->out.pixel ? p->out : p->in;
    for (int i = 0; i < SLOTS; i++) {
        made->slots[i].rgb = daub_alloc((size_t)p->out_width * (size_t)p->out_height * 3,
                                        sizeof(uint16_t));
        if (!made->slots[i].rgb)
            goto no_memory;
    }
    *stylizer = made;
    return DAUB_OK;
no_memory:
    daub_stylizer_free(made);
    daub_fail(error, DAUB_ERROR_MEMORY, "out of memory");
    return DAUB_ERROR_MEMORY;
}

void daub_stylizer_free(struct daub_stylizer *stylizer)
{
    if (!stylizer)
        return;
    for (int i = 0; i < SLOTS; i++)
        free(stylizer->slots[i].rgb);
    free(stylizer);
}

/* Where the sample of component c for pixel (x, y) lies. */
static unsigned char *at(const struct daub_image *image, const struct layout *layout,
                         int c, int x, int y)
{
    bool chroma = c > 0 && !layout->rgb;
    int sx = chroma ? x >> layout->shift_x : x, sy = chroma ? y >> layout->shift_y : y;
    return (unsigned char *)image->plane[layout->plane[c]] +
           sy * image->stride[layout->plane[c]] + sx * layout->step[c] +
           layout->offset[c];
}

static uint16_t load(const struct daub_image *image, const struct layout *layout, int c,
                     int x, int y)
{
    const unsigned char *p = at(image, layout, c, x, y);
    if (layout->bits == 8)
        return (uint16_t)(*p << 8);
    unsigned word = (unsigned)(p[0] | p[1] << 8) >> layout->up;
    return (uint16_t)(word << (16 - layout->bits));
}

static void store(const struct daub_image *image, const struct layout *layout, int c,
                  int x, int y, uint16_t value)
{
    unsigned char *p = at(image, layout, c, x, y);
    if (layout->bits == 8) {
        *p = (unsigned char)(value >> 8);
        return;
    }
    unsigned word = (unsigned)(value >> (16 - layout->bits)) << layout->up;
    p[0] = (unsigned char)word;
    p[1] = (unsigned char)(word >> 8);
}

/* BT.601 full range, enough for a fake; Y Cb Cr <-> R G B in 16 bits. */
static uint16_t clip(double v)
{
    return (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
}

static void convert(uint16_t pixel[3], bool from_rgb, bool to_rgb)
{
    double a = pixel[0], b = pixel[1], c = pixel[2];
    if (from_rgb && !to_rgb) {
        double y = 0.299 * a + 0.587 * b + 0.114 * c;
        pixel[0] = clip(y);
        pixel[1] = clip((c - y) / 1.772 + 32768);
        pixel[2] = clip((a - y) / 1.402 + 32768);
    } else if (!from_rgb && to_rgb) {
        b -= 32768;
        c -= 32768;
        pixel[0] = clip(a + 1.402 * c);
        pixel[1] = clip(a - 0.344136 * b - 0.714136 * c);
        pixel[2] = clip(a + 1.772 * b);
    }
}

static void paint_pixel(uint16_t pixel[3], const struct daub_frame_params *params,
                        bool rgb)
{
    double strength = params ? params->strength : 1;
    enum daub_color_mode color = params ? params->color : DAUB_COLOR_PAINT;
    for (int c = 0; c < 3; c++) {
        bool luma = rgb || c == 0;
        if ((luma && color == DAUB_COLOR_ONLY) || (!luma && color == DAUB_COLOR_KEEP))
            continue;
        pixel[c] = clip(pixel[c] * (1 - strength) + (65535 - pixel[c]) * strength);
    }
}

static void log_params(const struct daub_frame_params *params)
{
    const char *path = getenv("DAUB_FAKE_LOG");
    FILE *file = path && params && params->style ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "%.6g %.6g", (double)params->strength, (double)params->stability);
    for (int i = 0; i < (getenv("DAUB_FAKE_BASIS") ? 6 : 2); i++)
        fprintf(file, " %.6g", (double)params->style[i]);
    fputc('\n', file);
    fclose(file);
}

enum daub_status daub_stylizer_submit(struct daub_stylizer *stylizer,
                                      const struct daub_image *image,
                                      const struct daub_frame_params *params, int64_t tag,
                                      struct daub_error *error)
{
    const struct daub_stylizer_params *p = &stylizer->params;
    const struct layout *in = layout_of(p->in.pixel), *out = layout_of(p->out.pixel);
    if (stylizer->in_flight == SLOTS)
        return DAUB_ERROR_AGAIN;
    if (image->width != p->in_width || image->height != p->in_height ||
        image->format.pixel != p->in.pixel) {
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "the picture has another size or format than the stylizer");
        return DAUB_ERROR_ARGUMENT;
    }
    struct slot *slot =
        &stylizer->slots[(stylizer->oldest + stylizer->in_flight) % SLOTS];
    uint16_t *to = slot->rgb;
    for (int y = 0; y < p->out_height; y++) {
        int iy = (int)((int64_t)y * p->in_height / p->out_height);
        for (int x = 0; x < p->out_width; x++, to += 3) {
            int ix = (int)((int64_t)x * p->in_width / p->out_width);
            to[1] = to[2] = 32768;
            for (int c = 0; c < in->components; c++)
                to[c] = load(image, in, c, ix, iy);
            paint_pixel(to, params, in->rgb);
            convert(to, in->rgb, out->rgb);
        }
    }
    log_params(params);
    slot->tag = tag;
    stylizer->in_flight++;
    return DAUB_OK;
}

enum daub_status daub_stylizer_receive(struct daub_stylizer *stylizer,
                                       struct daub_image *image, int64_t *tag,
                                       struct daub_error *error)
{
    const struct daub_stylizer_params *p = &stylizer->params;
    const struct layout *out = layout_of(p->out.pixel);
    if (stylizer->in_flight == 0)
        return DAUB_ERROR_AGAIN;
    sleep_ms(number_of("DAUB_FAKE_DELAY_MS"));
    stylizer->received++;
    if (stylizer->received == number_of("DAUB_FAKE_HANG_AT"))
        sleep_ms(HANG_MS);
    long limit = number_of("DAUB_FAKE_FAIL_AT");
    if (limit && stylizer->received >= limit) {
        daub_fail(error, DAUB_ERROR_DEVICE_LOST, "the device was lost; try again");
        return DAUB_ERROR_DEVICE_LOST;
    }
    struct slot *slot = &stylizer->slots[stylizer->oldest];
    const uint16_t *from = slot->rgb;
    for (int y = 0; y < p->out_height; y++) {
        for (int x = 0; x < p->out_width; x++, from += 3) {
            for (int c = 0; c < out->components; c++)
                store(image, out, c, x, y, from[c]);
        }
    }
    *tag = slot->tag;
    stylizer->oldest = (stylizer->oldest + 1) % SLOTS;
    stylizer->in_flight--;
    return DAUB_OK;
}

void daub_stylizer_reset_history(struct daub_stylizer *s)
{
    (void)s;
}

bool daub_stylizer_was_cut(const struct daub_stylizer *stylizer)
{
    (void)stylizer;
    return false;
}

void daub_stylizer_output(const struct daub_stylizer *stylizer, int *width, int *height,
                          struct daub_format *format)
{
    *width = stylizer->params.out_width;
    *height = stylizer->params.out_height;
    *format = stylizer->params.out;
}

enum daub_status daub_stylizer_enable_timing(struct daub_stylizer *stylizer,
                                             struct daub_error *error)
{
    (void)stylizer, (void)error;
    return DAUB_OK;
}

int daub_stylizer_times(const struct daub_stylizer *stylizer,
                        const struct daub_step_time **steps)
{
    static const struct daub_step_time times[] = {
        {.name = "decode frame", .ms = 1},
        {.name = "conv1 texel", .ms = 2, .gflop = 0.5}};
    (void)stylizer;
    *steps = times;
    return 2;
}

void daub_stylizer_dump(const struct daub_stylizer *stylizer, FILE *file)
{
    fprintf(file, "%d in flight\n", stylizer->in_flight);
}

void daub_stylizer_memory(const struct daub_stylizer *stylizer,
                          struct daub_memory_info *info)
{
    const struct daub_stylizer_params *p = &stylizer->params;
    *info = (struct daub_memory_info){.arena_bytes = (uint64_t)p->out_width *
                                                     (uint64_t)p->out_height * 12};
}

enum daub_status daub_device_check(struct daub_device *device,
                                   const struct daub_model *model,
                                   enum daub_precision precision, double *psnr_db,
                                   bool *safe, struct daub_error *error)
{
    (void)device;
    (void)model;
    (void)precision;
    (void)error;
    *psnr_db = 99;
    *safe = true;
    return DAUB_OK;
}

/* ---- flow ---- */

enum daub_status
daub_device_check_steps(struct daub_device *device, const struct daub_model *model,
                        void (*visit)(const struct daub_checked_step *step, void *user),
                        void *user, struct daub_error *error)
{
    struct daub_checked_step step = {.name = "all", .psnr_db = 100, .right = true};
    (void)device;
    (void)model;
    (void)error;
    visit(&step, user);
    return DAUB_OK;
}

enum daub_status daub_flow_create(struct daub_device *device, int width, int height,
                                  struct daub_flow **flow, struct daub_error *error)
{
    (void)device, (void)width, (void)height;
    *flow = NULL;
    *error = (struct daub_error){DAUB_ERROR_FAILED, "the fake painter computes no flow"};
    return error->status;
}

void daub_flow_free(struct daub_flow *flow)
{
    (void)flow;
}

enum daub_status daub_flow_next(struct daub_flow *flow, const float *rgb, float *backward,
                                float *forward, struct daub_error *error)
{
    (void)flow, (void)rgb, (void)backward, (void)forward;
    return error->status;
}

void daub_device_fingerprint(const struct daub_device *device, char *line, size_t size)
{
    (void)device;
    snprintf(line, size, "fake");
}
