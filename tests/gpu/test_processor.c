/* The processor as a device: the same bits for any number of threads and on every
 * instruction set with fused multiply-add, over frames with motion, flow and blend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <daub/daub.h>

#include "../unit/host_run.h"
#include "picture.h"

enum { WIDTH = 150, HEIGHT = 94, FRAMES = 4 };

static const struct daub_format format = {.pixel = DAUB_PIXEL_YUV420P};

/* Bars with some texture, moved by three pixels a frame. */
static void input(struct picture *picture, int frame)
{
    picture_init(picture, format, WIDTH, HEIGHT, 0, false);
    picture_gradient(picture);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            int at = x + 3 * frame;
            picture_set(picture, 0, x, y, 40 + (at * 7 ^ y * 5) % 90 + at % 40);
        }
    }
}

/* The painted frames, one behind the other; *bytes each. The caller frees them. */
static unsigned char *paint(const char *kernels, int threads, const char *name,
                            size_t *bytes)
{
    struct daub_error error = {0};
    struct daub_device_params device_params = {
        .select = "processor", .cache_path = "", .kernels = kernels, .threads = threads};
    struct daub_device *device;
    struct daub_model *model;
    struct daub_stylizer *stylizer;
    struct daub_stylizer_params params = {.in_width = WIDTH,
                                          .in_height = HEIGHT,
                                          .in = format,
                                          .temporal = DAUB_TEMPORAL_FLOW,
                                          .skip_check = true};
    if (daub_device_open(&device_params, &device, &error) != DAUB_OK ||
        daub_model_load(name, 0, &model, &error) != DAUB_OK ||
        daub_stylizer_create(device, model, &params, &stylizer, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    assert_string_equal(daub_device_kernels(device), kernels);
    unsigned char *all = NULL;
    for (int i = 0; i < FRAMES; i++) {
        struct picture in, out;
        struct daub_frame_params look = {.strength = 1, .stability = 0.7f};
        int64_t tag;
        input(&in, i);
        picture_init(&out, format, WIDTH, HEIGHT, 0, false);
        if (daub_stylizer_submit(stylizer, &in.image, &look, i, &error) != DAUB_OK ||
            daub_stylizer_receive(stylizer, &out.image, &tag, &error) != DAUB_OK)
            fail_msg("%s", error.message);
        *bytes = out.bytes;
        all = all ? all : calloc(FRAMES, out.bytes);
        assert_non_null(all);
        memcpy(all + (size_t)i * out.bytes, out.memory, out.bytes);
        picture_free(&in);
        picture_free(&out);
    }
    daub_stylizer_free(stylizer);
    daub_model_free(model);
    daub_device_close(device);
    return all;
}

static void compare(const char *name)
{
    unsigned char *first = NULL;
    size_t bytes;
    for (int i = 0; host_isa_at(i); i++) {
        const struct host_isa *isa = host_isa_choose(host_isa_at(i)->name);
        if (!isa || strcmp(isa->name, "generic") == 0)
            continue;
        for (int threads = 1; threads <= 4; threads += 3) {
            unsigned char *painted = paint(isa->set, threads, name, &bytes);
            first =
                first ? first : memcpy(malloc(FRAMES * bytes), painted, FRAMES * bytes);
            for (size_t f = 0; f < FRAMES; f++) {
                if (memcmp(first + f * bytes, painted + f * bytes, bytes) != 0)
                    fail_msg("%s: %s with %d threads paints frame %zu with other bits",
                             name, isa->set, threads, f);
            }
            free(painted);
        }
    }
    if (!first)
        skip(); /* no instruction set with fused multiply-add */
    assert_true(memcmp(first, first + bytes, bytes) != 0);
    host_record_bits(strrchr(name, '/') + 1, first, FRAMES * bytes);
    free(first);
}

static void test_same_bits(void **state)
{
    (void)state;
    compare(MODELS "/lite.onnx");
    compare(MODELS "/standard.onnx");
}

static void test_listed_last(void **state)
{
    (void)state;
    struct daub_device_info infos[16];
    int count = daub_device_list(infos, 16, NULL);
    assert_true(count >= 1);
    for (int i = 0; i < count; i++)
        assert_int_equal(infos[i].kind == DAUB_DEVICE_PROCESSOR, i == count - 1);
    assert_true(infos[count - 1].usable && infos[count - 1].memory_bytes > 0);
}

static void test_refusals(void **state)
{
    (void)state;
    const struct {
        struct daub_device_params params;
        enum daub_status status;
        const char *words;
    } cases[] = {
        {{.select = "processor", .kernels = "shaders"}, DAUB_ERROR_ARGUMENT, "has host"},
        {{.select = "processor", .kernels = "host-mmx"}, DAUB_ERROR_ARGUMENT, "mmx"},
        {{.kernels = "hostile"}, DAUB_ERROR_ARGUMENT, "no kernel set is called"},
        {{.select = "no such device"}, DAUB_ERROR_NO_DEVICE, "daub devices"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct daub_error error = {0};
        struct daub_device *device;
        assert_int_equal(daub_device_open(&cases[i].params, &device, &error),
                         cases[i].status);
        assert_non_null(strstr(error.message, cases[i].words));
        assert_null(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_listed_last),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
