/* The crops that an encoder reads, against those that OpenCV and Pillow make. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/crops.h"
#include "script.h"
#include "util/alloc.h"

static FILE *cases;

static void take(void *to, size_t size)
{
    assert_int_equal(fread(to, 1, size, cases), size);
}

static int take_int(void)
{
    int32_t value;
    take(&value, sizeof(value));
    return value;
}

/* Largest difference, without the pixels at the edges. */
static double worst(const float *have, const float *want, int skipped)
{
    double most = 0;
    for (int i = 0; i < 3 * CROP_SIDE * CROP_SIDE; i++) {
        int x = i % CROP_SIDE, y = i / CROP_SIDE % CROP_SIDE;
        if (x < skipped || y < skipped || x >= CROP_SIDE - skipped ||
            y >= CROP_SIDE - skipped)
            continue;
        most = fmax(most, fabs((double)have[i] - (double)want[i]));
    }
    return most;
}

static void run_case(void)
{
    char name[64];
    struct daub_error error = {0};
    struct crops crops;
    size_t floats = (size_t)3 * CROP_SIDE * CROP_SIDE;
    take(name, sizeof(name));
    int width = take_int(), height = take_int(), step = take_int();
    size_t size = (size_t)width * (size_t)height * (size_t)step;
    unsigned char *pixels = malloc(size);
    float *want = malloc(floats * sizeof(*want));
    assert_true(pixels && want);
    take(pixels, size);
    struct daub_image picture = {.width = width,
                                 .height = height,
                                 .format.pixel =
                                     step == 4 ? DAUB_PIXEL_RGBA : DAUB_PIXEL_RGB24,
                                 .plane = {pixels},
                                 .stride = {(ptrdiff_t)width * step}};
    if (!crops_make(&picture, CROP_SIDE, &crops, &error))
        fail_msg("%s: %s", name, error.message);
    int count = take_int(), skipped = take_int();
    if (crops.count != count)
        fail_msg("%s: %d crops, not %d", name, crops.count, count);
    for (int i = 0; i < count; i++) {
        take(want, floats * sizeof(*want));
        double off = worst(crops.rgb + (size_t)i * floats, want, skipped);
        /* One part of 255 is what the roundings of alpha may differ by. */
        if (!(off < (step == 4 ? 1.1 / 255 : 2e-3)))
            fail_msg("%s: crop %d is off by %g", name, i, off);
    }
    free(crops.rgb);
    free(pixels);
    free(want);
}

static void test_cases(void **state)
{
    char magic[8];
    (void)state;
    take(magic, sizeof(magic));
    assert_memory_equal(magic, "DAUBCROP", 8);
    int count = take_int();
    assert_true(count > 10);
    for (int i = 0; i < count; i++)
        run_case();
    assert_int_equal(fgetc(cases), EOF);
}

static void test_memory(void **state)
{
    enum { WIDTH = 200, HEIGHT = 100 };
    static unsigned char pixels[HEIGHT][WIDTH][3];
    struct daub_image picture = {.width = WIDTH,
                                 .height = HEIGHT,
                                 .format.pixel = DAUB_PIXEL_RGB24,
                                 .plane = {pixels},
                                 .stride = {sizeof(pixels[0])}};
    (void)state;
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        pixels[i / WIDTH][i % WIDTH][i % 3] = (unsigned char)(i * 7);
    for (long n = 1;; n++) {
        struct daub_error error = {0};
        struct crops crops;
        daub_alloc_fail_at(n);
        bool ok = crops_make(&picture, CROP_SIDE, &crops, &error);
        daub_alloc_fail_at(0);
        free(crops.rgb);
        if (ok)
            break;
        assert_int_equal(error.status, DAUB_ERROR_MEMORY);
        assert_true(n < 20);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
                                       cmocka_unit_test(test_memory)};
    int code = 0;
    cases = argc == 3 ? run_script(argv[1], argv[2], &code) : NULL;
    if (!cases)
        return code ? code : 2;
    code = cmocka_run_group_tests(tests, NULL, NULL);
    fclose(cases);
    return code;
}
