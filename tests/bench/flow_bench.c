/* flow_bench W H STEP [shaders|host|host-ISA] < FRAMES > FIELDS: optical flow of raw
 * rgb24 frames of W x H. Writes, for every frame but the first, the backward flow, two
 * 32-bit floats a pixel of ceil(W / STEP) x ceil(H / STEP), and prints the times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/exec.h"
#include "engine/compile.h"
#include "engine/flow.h"
#include "engine/probe.h"
#include "util/clock.h"

struct bench {
    struct daub_device *device;
    struct flow flow;
    struct dispatch_list lists[2];
    struct gpu_buffer picture;
    int w, h, parity;
};

static bool set_up(struct bench *bench, int step, struct daub_error *error)
{
    VkDeviceSize bytes = (VkDeviceSize)bench->w * (VkDeviceSize)bench->h * 16;
    if (!flow_init(&bench->flow, bench->device, false, bench->w, bench->h, step, error) ||
        !gpu_buffer_create(bench->device, GPU_MEMORY_DEVICE, bytes, "picture",
                           &bench->picture, error))
        return false;
    struct flow_picture picture = {.map = {&bench->picture, 0, bytes},
                                   .columns = bench->w,
                                   .rows = bench->h,
                                   .block = 1};
    for (int i = 0; i < 2; i++) {
        if (!dispatch_list_init(&bench->lists[i], bench->device, bench->device->kernels,
                                FLOW_MAX_DISPATCHES, error) ||
            !flow_append(&bench->flow, &bench->lists[i], i, &picture, error) ||
            !compile_list(&bench->lists[i], error))
            return false;
    }
    return true;
}

static bool run(struct bench *bench, struct daub_error *error)
{
    size_t pixels = (size_t)bench->w * (size_t)bench->h;
    struct dispatch_binding result = flow_backward(&bench->flow);
    unsigned char *rgb = malloc(pixels * 3);
    float *map = calloc(pixels * 4, sizeof(float)), *field = malloc(result.bytes);
    struct daub_stats stats = {0};
    bool ok = rgb && map && field;
    for (int frame = 0; ok && fread(rgb, pixels * 3, 1, stdin) == 1; frame++) {
        for (size_t i = 0; i < pixels * 3; i++)
            map[i / 3 * 4 + i % 3] = (float)rgb[i] / 255;
        bench->parity = frame % 2;
        ok = gpu_buffer_write(bench->device, &bench->picture, 0, map,
                              (VkDeviceSize)pixels * 16, error);
        int64_t start = daub_clock_us();
        ok = ok && dispatch_list_run(&bench->lists[bench->parity], NULL, error);
        if (frame == 0)
            continue;
        daub_stats_add(&stats, (double)(daub_clock_us() - start) / 1e3);
        ok = ok && gpu_buffer_read(bench->device, &bench->flow.maps, result.offset, field,
                                   result.bytes, error);
        for (size_t i = 0; ok && i < result.bytes / 16; i++)
            ok = fwrite(&field[4 * i], sizeof(float), 2, stdout) == 2;
    }
    fprintf(stderr, "%dx%d, %d levels from %dx%d: best %.3f ms, mean %.3f ms\n", bench->w,
            bench->h, bench->flow.level_count, bench->flow.levels[0].w,
            bench->flow.levels[0].h, stats.min, stats.mean);
    free(rgb);
    free(map);
    free(field);
    return ok;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct daub_error error = {0};
    int step = argc > 3 ? atoi(argv[3]) : 0;
    if (argc > 1)
        bench.w = atoi(argv[1]);
    if (argc > 2)
        bench.h = atoi(argv[2]);
    if (bench.w < 1 || bench.h < 1 || (step != 1 && step != 2 && step != 4)) {
        fputs("usage: flow_bench W H 1|2|4 [shaders|host] < FRAMES > FIELDS\n", stderr);
        return 2;
    }
    struct daub_device_params params = {.kernels = argc > 4 ? argv[4] : NULL};
    bool ok = daub_device_open(&params, &bench.device, &error) == DAUB_OK &&
              set_up(&bench, step, &error) && run(&bench, &error);
    if (!ok)
        fprintf(stderr, "flow_bench: %s\n", error.message);
    for (int i = 0; bench.device && i < 2; i++)
        dispatch_list_free(&bench.lists[i]);
    if (bench.device)
        gpu_buffer_free(bench.device, &bench.picture);
    flow_free(&bench.flow);
    daub_device_close(bench.device);
    return ok ? 0 : 1;
}
