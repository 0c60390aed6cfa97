/* Optical flow of pictures whose motion is known exactly, on every device and kernel set.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/host_run.h"
#include "engine/exec.h"
#include "engine/compile.h"
#include "engine/flow.h"
#include "gpu_test.h"

static struct gpu_test test;

/* A picture given by a formula, so that it can be moved by parts of a pixel exactly. */
static double texture(double x, double y, int channel)
{
    double sum = 0.5;
    for (int k = 0; k < 8; k++) {
        double angle = 1.7 * k + channel, frequency = 0.045 * pow(1.45, k);
        sum += 0.09 * sin(frequency * (x * cos(angle) + y * sin(angle)) + 5.1 * k);
    }
    return sum;
}

/* x' = a x + b y + c, y' = d x + e y + f: where pixel (x, y) of the current frame was in
 * the previous one. */
struct motion {
    const char *name;
    double m[6];
    double gain; /* brightness of the current frame over that of the previous one */
    double most; /* largest mean error allowed, pixels */
};

struct place {
    struct daub_device *device;
    enum gpu_kernels kernels;
    bool fp16;
    int block;
    bool crd;
};

struct scene {
    struct place place;
    int w, h;
    struct flow flow;
    struct gpu_buffer picture;
    struct dispatch_list lists[2];
    int parity;
};

static int rounded(int n)
{
    return (n + 3) / 4 * 4;
}

static void open_scene(struct scene *scene, const struct place *place, int w, int h,
                       int step)
{
    struct daub_error error = {0};
    int block = place->block, vectors = (3 * block * block + 3) / 4;
    int columns = rounded(w) / block, rows = rounded(h) / block;
    VkDeviceSize bytes =
        (VkDeviceSize)columns * (VkDeviceSize)(rows * vectors) * (place->fp16 ? 8 : 16);
    *scene = (struct scene){.place = *place, .w = w, .h = h};
    bool ok = flow_init(&scene->flow, place->device, place->fp16, w, h, step, &error) &&
              gpu_buffer_create(place->device, GPU_MEMORY_DEVICE, bytes, "picture",
                                &scene->picture, &error);
    struct flow_picture picture = {.map = {&scene->picture, 0, bytes},
                                   .columns = columns,
                                   .rows = rows,
                                   .block = block,
                                   .crd = place->crd};
    for (int i = 0; i < 2; i++)
        ok = ok &&
             dispatch_list_init(&scene->lists[i], place->device, place->kernels,
                                FLOW_MAX_DISPATCHES, &error) &&
             flow_append(&scene->flow, &scene->lists[i], i, &picture, &error) &&
             compile_list(&scene->lists[i], &error);
    if (!ok)
        fail_msg("%s", error.message);
}

static void close_scene(struct scene *scene)
{
    for (int i = 0; i < 2; i++)
        dispatch_list_free(&scene->lists[i]);
    gpu_buffer_free(scene->place.device, &scene->picture);
    flow_free(&scene->flow);
}

/* Fills the picture with the texture moved by m and runs the flow on it. */
static void show(struct scene *scene, const double m[6], double gain)
{
    struct daub_error error = {0};
    int block = scene->place.block, channels = 3 * block * block;
    int columns = rounded(scene->w) / block, rows = rounded(scene->h) / block;
    size_t count = (size_t)(columns * rows * channels);
    float *chw = calloc(count, sizeof(float));
    void *map = calloc(scene->picture.bytes, 1);
    assert_true(chw && map);
    for (int y = 0; y < rows * block; y++) {
        for (int x = 0; x < columns * block; x++) {
            int phase = y % block * block + x % block;
            for (int c = 0; c < 3; c++) {
                int channel =
                    scene->place.crd ? c * block * block + phase : phase * 3 + c;
                double v = gain * texture(m[0] * x + m[1] * y + m[2],
                                          m[3] * x + m[4] * y + m[5], c);
                chw[(channel * rows + y / block) * columns + x / block] = (float)v;
            }
        }
    }
    exec_pack_map(chw, rows, columns, channels, scene->place.fp16, map);
    bool ok = gpu_buffer_write(scene->place.device, &scene->picture, 0, map,
                               scene->picture.bytes, &error) &&
              dispatch_list_run(&scene->lists[scene->parity], NULL, &error);
    scene->parity = 1 - scene->parity;
    free(chw);
    free(map);
    if (!ok)
        fail_msg("%s", error.message);
}

static float *read_field(struct scene *scene, struct dispatch_binding binding)
{
    struct daub_error error = {0};
    float *field = malloc(binding.bytes);
    assert_non_null(field);
    if (!gpu_buffer_read(scene->place.device, &scene->flow.maps, binding.offset, field,
                         binding.bytes, &error))
        fail_msg("%s", error.message);
    return field;
}

static float *result(struct scene *scene)
{
    return read_field(scene, flow_backward(&scene->flow));
}

static const double identity[6] = {1, 0, 0, 0, 1, 0};

/* Mean end-point error in picture pixels, of the pixels that the previous frame shows. */
static double mean_error(const struct scene *scene, const float *field, int level_index,
                         const double m[6])
{
    const struct flow_level *level = &scene->flow.levels[level_index];
    int step = scene->flow.step << level_index, count = 0;
    double sum = 0;
    for (int y = 0; y < level->h; y++) {
        for (int x = 0; x < level->w; x++) {
            double px = (x + 0.5) * step - 0.5, py = (y + 0.5) * step - 0.5;
            double wx = m[0] * px + m[1] * py + m[2], wy = m[3] * px + m[4] * py + m[5];
            const float *u = &field[4 * (y * level->w + x)];
            if (wx < 0 || wy < 0 || wx > scene->w - 1 || wy > scene->h - 1)
                continue;
            sum += hypot(u[0] * step - (wx - px), u[1] * step - (wy - py));
            count++;
        }
    }
    assert_true(count > 0);
    return sum / count;
}

static void each_place(void (*run)(const struct place *place))
{
    for (int i = 0; i < test.count; i++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test.devices[i], sets);
        for (int k = 0; k < count; k++) {
            for (int fp16 = 0; fp16 < (sets[k] == GPU_KERNELS_HOST ? 1 : 2); fp16++) {
                run(&(struct place){test.devices[i], sets[k], fp16, 1, false});
                run(&(struct place){test.devices[i], sets[k], fp16, 2, fp16});
            }
        }
    }
}

static void find_motions(const struct place *place)
{
    const struct motion motions[] = {
        {"small shift", {1, 0, 0.7, 0, 1, -0.4}, 1, 0.08},
        {"shift", {1, 0, 5.3, 0, 1, -3.6}, 1, 0.15},
        {"long shift", {1, 0, -17, 0, 1, 11}, 1, 0.4},
        {"turn", {cos(.03), -sin(.03), 4, sin(.03), cos(.03), -5}, 1, 0.2},
        {"zoom", {1.03, 0, -4, 0, 1.03, -3}, 1, 0.2},
        {"brighter shift", {1, 0, 2.4, 0, 1, 1.3}, 1.15, 0.2},
    };
    for (size_t i = 0; i < sizeof(motions) / sizeof(motions[0]); i++) {
        const struct motion *motion = &motions[i];
        struct scene scene;
        open_scene(&scene, place, 321, 203, 2);
        show(&scene, identity, 1);
        /* The current frame has at p what the previous one has at m p. */
        show(&scene, motion->m, motion->gain);
        float *field = result(&scene);
        double error = mean_error(&scene, field, 0, motion->m);
        if (!(error < motion->most))
            fail_msg("%s, %s kernels, fp16 %d, block %d: %.3f px off", motion->name,
                     gpu_test_kernels_name(place->kernels), place->fp16, place->block,
                     error);
        if (place->device->info.kind == DAUB_DEVICE_PROCESSOR)
            host_record_bits(motion->name, field, flow_backward(&scene.flow).bytes);
        free(field);
        close_scene(&scene);
    }
}

static void test_motions(void **state)
{
    (void)state;
    each_place(find_motions);
}

static struct place first_place(void)
{
    enum gpu_kernels sets[GPU_TEST_KERNELS];
    assert_true(gpu_test_kernels(test.devices[0], sets) > 0);
    return (struct place){test.devices[0], sets[0], false, 1, false};
}

/* The second layer of the coarser field is the forward flow. */
static void test_forward(void **state)
{
    (void)state;
    const double there[6] = {1, 0, 3.5, 0, 1, 2}, back[6] = {1, 0, -3.5, 0, 1, -2};
    struct scene scene;
    struct place place = first_place();
    open_scene(&scene, &place, 256, 160, 2);
    show(&scene, identity, 1);
    show(&scene, there, 1);
    int coarse = flow_forward_level(&scene.flow);
    assert_int_equal(coarse, 1);
    float *field = read_field(&scene, flow_field(&scene.flow, coarse, 1 - scene.parity));
    const struct flow_level *level = &scene.flow.levels[coarse];
    assert_true(mean_error(&scene, field, coarse, there) < 0.3);
    assert_true(mean_error(&scene, field + (size_t)(4 * level->w * level->h), coarse,
                           back) < 0.3);
    free(field);
    close_scene(&scene);
}

/* The field that the set finds; fails unless it is the expected one (NULL: any). */
static float *move_odd(const struct place *place, int w, int h, const float *expected)
{
    const double moved[6] = {1, 0, 2.3, 0, 1, -1.4};
    struct scene scene;
    open_scene(&scene, place, w, h, 2);
    show(&scene, identity, 1);
    show(&scene, moved, 1);
    float *field = result(&scene);
    const struct flow_level *level = &scene.flow.levels[0];
    double sum = 0;
    for (int k = 0; expected && k < 4 * level->w * level->h; k++)
        sum += fabs((double)(field[k] - expected[k]));
    if (!(sum < 1e-3 * level->w * level->h))
        fail_msg("%dx%d, %s kernels: %.4f px a pixel from the first set's flow", w, h,
                 gpu_test_kernels_name(place->kernels), sum / level->w / level->h);
    close_scene(&scene);
    return field;
}

/* All kernel sets of a device find the same flow, at the picture's border too. */
static void test_sets_agree(void **state)
{
    (void)state;
    const int sizes[][2] = {{66, 34}, {18, 14}, {10, 180}, {128, 14}, {2, 2}};
    for (int i = 0; i < test.count; i++) {
        enum gpu_kernels sets[GPU_TEST_KERNELS];
        int count = gpu_test_kernels(test.devices[i], sets);
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            struct place place = {test.devices[i], sets[0], false, 1, false};
            float *expected = move_odd(&place, sizes[k][0], sizes[k][1], NULL);
            for (int set = 1; set < count; set++) {
                place.kernels = sets[set];
                free(move_odd(&place, sizes[k][0], sizes[k][1], expected));
            }
            free(expected);
        }
    }
}

/* Still pictures of any size have no flow, also after several frames. */
static void stay(const struct place *place)
{
    const int sizes[][2] = {{321, 203}, {64, 7}, {5, 90}, {1, 1}, {33, 40}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct scene scene;
        open_scene(&scene, place, sizes[i][0], sizes[i][1], i % 2 ? 4 : 2);
        for (int frame = 0; frame < 3; frame++)
            show(&scene, identity, 1);
        float *field = result(&scene);
        const struct flow_level *level = &scene.flow.levels[0];
        for (int k = 0; k < level->w * level->h; k++)
            assert_true(fabsf(field[4 * k]) < 1e-3f && fabsf(field[4 * k + 1]) < 1e-3f &&
                        fabsf(field[4 * k + 2]) < 1e-3f);
        free(field);
        close_scene(&scene);
    }
}

static void test_rest(void **state)
{
    (void)state;
    each_place(stay);
}

/* A picture without detail, and white after black: the flow has no NaN. */
static void test_nothing_to_see(void **state)
{
    (void)state;
    const double far_away[6] = {0, 0, 7, 0, 0, 7}; /* every pixel is that of one point */
    struct scene scene;
    struct place place = first_place();
    open_scene(&scene, &place, 100, 80, 2);
    const double gains[] = {0, 1, 1, 0, 1e6, 1};
    for (size_t i = 0; i < sizeof(gains) / sizeof(gains[0]); i++) {
        show(&scene, far_away, gains[i]);
        float *field = result(&scene);
        const struct flow_level *level = &scene.flow.levels[0];
        for (int k = 0; k < 4 * level->w * level->h; k++)
            assert_true(isfinite(field[k]));
        free(field);
    }
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_motions),        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_sets_agree),     cmocka_unit_test(test_rest),
        cmocka_unit_test(test_nothing_to_see),
    };
    if (!gpu_test_open(&test))
        return 77;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return gpu_test_close(&test) && failed == 0 ? 0 : 1;
}
