/* The public optical flow: pictures from the host, fields to the host. */
#include <daub/flow.h>

#include <math.h>
#include <stdlib.h>

#include "engine/exec.h"
#include "engine/compile.h"
#include "engine/flow.h"
#include "engine/probe.h"
#include "util/alloc.h"
#include "util/error.h"

enum { SIDE_MAX = 16384, VEC4 = 16 };

struct daub_flow {
    struct daub_device *device;
    struct flow flow;
    struct gpu_buffer picture;
    struct dispatch_list lists[2]; /* by parity */
    int width, height, parity;
    float *map; /* a picture or a field in the layout of the device */
    size_t map_bytes;
};

static bool set_up(struct daub_flow *f, struct daub_error *error)
{
    VkDeviceSize bytes = (VkDeviceSize)f->width * (VkDeviceSize)f->height * VEC4;
    struct flow_picture picture = {.map = {&f->picture, 0, bytes},
                                   .columns = f->width,
                                   .rows = f->height,
                                   .block = 1};
    if (!flow_init(&f->flow, f->device, false, f->width, f->height, 1, error) ||
        !gpu_buffer_create(f->device, GPU_MEMORY_DEVICE, bytes, "picture", &f->picture,
                           error))
        return false;
    for (int i = 0; i < 2; i++) {
        if (!dispatch_list_init(&f->lists[i], f->device, f->device->kernels,
                                FLOW_MAX_DISPATCHES, error) ||
            !flow_append(&f->flow, &f->lists[i], i, &picture, error) ||
            !compile_list(&f->lists[i], error))
            return false;
    }
    f->map_bytes = (size_t)bytes * 2; /* a field of both directions */
    f->map = daub_alloc(f->map_bytes, 1);
    return f->map || daub_no_memory(error, "the flow");
}

enum daub_status daub_flow_create(struct daub_device *device, int width, int height,
                                  struct daub_flow **out, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    *out = NULL;
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX) {
        daub_fail(error, DAUB_ERROR_ARGUMENT,
                  "no flow of pictures of %d x %d; sides are 1 to %d", width, height,
                  SIDE_MAX);
        return error->status;
    }
    struct daub_flow *f = daub_alloc(1, sizeof(*f));
    if (!f) {
        daub_no_memory(error, "the flow");
        return error->status;
    }
    f->device = device;
    f->width = width;
    f->height = height;
    if (!set_up(f, error)) {
        daub_flow_free(f);
        return error->status;
    }
    *out = f;
    return DAUB_OK;
}

void daub_flow_free(struct daub_flow *f)
{
    if (!f)
        return;
    for (int i = 0; i < 2; i++)
        dispatch_list_free(&f->lists[i]);
    gpu_buffer_free(f->device, &f->picture);
    flow_free(&f->flow);
    free(f->map);
    free(f);
}

/* Enlarges the [h][w] field of a level, whose pixels are step picture pixels wide, to the
 * picture's size by bilinear interpolation. */
static void enlarge(const struct daub_flow *f, const float *field, int w, int h, int step,
                    float *to)
{
    for (int y = 0; y < f->height; y++) {
        float py =
            fminf(fmaxf(((float)y + 0.5f) / (float)step - 0.5f, 0), (float)(h - 1));
        int y_0 = (int)py, y_1 = y_0 + 1 < h ? y_0 + 1 : y_0;
        for (int x = 0; x < f->width; x++) {
            float px =
                fminf(fmaxf(((float)x + 0.5f) / (float)step - 0.5f, 0), (float)(w - 1));
            int x_0 = (int)px, x_1 = x_0 + 1 < w ? x_0 + 1 : x_0;
            float fx = px - (float)x_0, fy = py - (float)y_0;
            for (int c = 0; c < 2; c++) {
                const float *v = field + c;
                float above =
                    (1 - fx) * v[4 * (y_0 * w + x_0)] + fx * v[4 * (y_0 * w + x_1)];
                float below =
                    (1 - fx) * v[4 * (y_1 * w + x_0)] + fx * v[4 * (y_1 * w + x_1)];
                to[2 * ((size_t)y * (size_t)f->width + (size_t)x) + (size_t)c] =
                    (float)step * ((1 - fy) * above + fy * below);
            }
        }
    }
}

static bool read_field(struct daub_flow *f, struct dispatch_binding binding,
                       struct daub_error *error)
{
    return gpu_buffer_read(f->device, &f->flow.maps, binding.offset, f->map,
                           binding.bytes, error);
}

enum daub_status daub_flow_next(struct daub_flow *f, const float *rgb, float *backward,
                                float *forward, struct daub_error *error)
{
    struct daub_error local = {0};
    error = error ? error : &local;
    size_t pixels = (size_t)f->width * (size_t)f->height;
    int coarse = flow_forward_level(&f->flow);
    const struct flow_level *level = &f->flow.levels[coarse];
    for (size_t i = 0; i < pixels; i++) {
        for (size_t c = 0; c < 4; c++)
            f->map[4 * i + c] = c < 3 ? rgb[3 * i + c] : 0;
    }
    if (!gpu_buffer_write(f->device, &f->picture, 0, f->map, pixels * VEC4, error) ||
        !dispatch_list_run(&f->lists[f->parity], NULL, error) ||
        !read_field(f, flow_backward(&f->flow), error))
        return error->status;
    enlarge(f, f->map, f->width, f->height, 1, backward);
    if (!read_field(f, flow_field(&f->flow, coarse, f->parity), error))
        return error->status;
    enlarge(f, f->map + 4 * (size_t)level->w * (size_t)level->h, level->w, level->h,
            1 << coarse, forward);
    f->parity = 1 - f->parity;
    return DAUB_OK;
}
