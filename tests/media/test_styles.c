/* What -s takes: styles of the model, pictures, kept signals, and mixes of them. The fake
 * library's signals are mean colors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/styles.h"

enum { WEIGHTS = 6 };

struct rig {
    struct daub_stop stop;
    struct daub_device *device;
    struct daub_model *model;
    struct styles styles;
    char folder[32];
};

static void rig_init(struct rig *rig, bool basis)
{
    struct daub_error error = {0};
    *rig = (struct rig){.folder = P_tmpdir "/daub-styles-XXXXXX"};
    assert_non_null(mkdtemp(rig->folder));
    assert_int_equal(chdir(rig->folder), 0);
    if (basis)
        setenv("DAUB_FAKE_BASIS", "1", 1);
    assert_true(daub_stop_init(&rig->stop, &error));
    assert_int_equal(daub_device_open(NULL, &rig->device, &error), DAUB_OK);
    assert_int_equal(daub_model_load("lite", 0, &rig->model, &error), DAUB_OK);
    styles_init(&rig->styles, rig->model, rig->device, &rig->stop);
}

static void rig_uninit(struct rig *rig)
{
    char command[80];
    styles_uninit(&rig->styles);
    daub_model_free(rig->model);
    daub_device_close(rig->device);
    daub_stop_uninit(&rig->stop);
    unsetenv("DAUB_FAKE_BASIS");
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -r '%s'", rig->folder);
    assert_int_equal(system(command), 0);
}

/* An image of one color, in the PPM format. */
static void write_image(const char *path, int width, int height, const char rgb[3])
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "P6\n%d %d\n255\n", width, height);
    for (int i = 0; i < width * height; i++)
        fwrite(rgb, 1, 3, file);
    fclose(file);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect(struct rig *rig, const char *text, const float want[WEIGHTS])
{
    struct daub_error error = {0};
    struct style_mix mix;
    float weights[WEIGHTS] = {0};
    if (!styles_parse(&rig->styles, text, &mix, &error) ||
        !styles_weights(&rig->styles, &mix, 1, weights, &error))
        fail_msg("%s: %s", text, error.message);
    for (int i = 0; i < WEIGHTS; i++) {
        if (weights[i] < want[i] - 2e-3f || weights[i] > want[i] + 2e-3f)
            fail_msg("%s: weight %d is %g, not %g", text, i, (double)weights[i],
                     (double)want[i]);
    }
}

static void refused(struct rig *rig, const char *text, const char *words)
{
    struct daub_error error = {0};
    struct style_mix mix;
    assert_false(styles_parse(&rig->styles, text, &mix, &error));
    if (!strstr(error.message, words))
        fail_msg("%s: '%s' does not contain '%s'", text ? text : "no text", error.message,
                 words);
}

static void test_names(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, false);
    expect(&rig, NULL, (float[WEIGHTS]){1});
    expect(&rig, "wave", (float[WEIGHTS]){0, 1});
    expect(&rig, "wave=3,NIGHT=1", (float[WEIGHTS]){0.25f, 0.75f});
    expect(&rig, "1", (float[WEIGHTS]){0, 1});
    expect(&rig, "0=1,1=3", (float[WEIGHTS]){0.25f, 0.75f});
    refused(&rig, "2", "no style 2");
    refused(&rig, "", "no style");
    refused(&rig, "nigt", "did you mean night?");
    refused(&rig, "night,", "no style");
    refused(&rig, "night=", "from 0 to 1000");
    refused(&rig, "night=-1", "from 0 to 1000");
    refused(&rig, "night=0", "every weight is 0");
    refused(&rig,
            "night,night,night,night,night,night,night,night,night,night,night,"
            "night,night,night,night,night,night",
            "at most 16");
    refused(&rig, "painting.jpg", "takes no pictures");
    rig_uninit(&rig);
    static const struct daub_model_info plain = {.name = "m"};
    struct rig none = {.styles = {.info = &plain}};
    struct style_mix mix;
    assert_true(styles_parse(&none.styles, NULL, &mix, NULL));
    assert_int_equal(mix.count, 0);
    refused(&none, "night", "only one style");
    static const struct daub_model_info taker = {.name = "m", .encoder = "x"};
    struct rig pictures = {.styles = {.info = &taker}};
    refused(&pictures, NULL, "name one with -s");
    refused(&pictures, "night", "no path of one");
}

static void test_pictures(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, true);
    write_image("red.ppm", 80, 70, "\xff\0\0");
    write_image("a,b=2.ppm", 80, 70, "\0\0\xff");
    write_text("kept.json", "fake kept 0 1 0.5");
    expect(&rig, "red.ppm", (float[WEIGHTS]){0, 0, 1, 1, 0, 0});
    expect(&rig, "red.ppm=0.6,wave=0.2", (float[WEIGHTS]){0, 0.25f, 0.75f, 0.75f, 0, 0});
    expect(&rig, "./kept.json=1,night=1",
           (float[WEIGHTS]){0.5f, 0, 0.5f, 0, 0.5f, 0.25f});
    expect(&rig, "a,b=2.ppm", (float[WEIGHTS]){0, 0, 1, 0, 0, 1});
    assert_int_equal(rig.styles.picture_count, 3);
    assert_int_equal(styles_count(&rig.styles), 5);
    assert_string_equal(styles_title(&rig.styles, 1), "A Wave");
    assert_string_equal(styles_title(&rig.styles, 2), "red");
    assert_string_equal(styles_title(&rig.styles, 3), "kept");
    assert_string_equal(styles_title(&rig.styles, 4), "a,b=2");
    /* The same path is read again and keeps its number. */
    write_image("red.ppm", 80, 70, "\0\xff\0");
    expect(&rig, "red.ppm", (float[WEIGHTS]){0, 0, 1, 0, 1, 0});
    assert_int_equal(styles_count(&rig.styles), 5);
    rig_uninit(&rig);
}

static void test_wrong_pictures(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, true);
    write_image("small.ppm", 40, 40, "\xff\0\0");
    write_text("notes.txt", "Not an image, but a text of some length.\n");
    write_text("empty.png", "");
    write_text("wrong.json", "{}");
    refused(&rig, "small.ppm", "small.ppm: the picture has only 40 x 40");
    refused(&rig, "notes.txt", "notes.txt");
    refused(&rig, "empty.png", "empty");
    refused(&rig, "wrong.json", "wrong.json: it is no style");
    refused(&rig, "missing.json", "missing.json");
    refused(&rig, "missing.jpg", "No such file");
    refused(&rig, "missing.jpg,night", "No such file");
    refused(&rig, "./", "no image file");
    refused(&rig, "/dev/null", "no image file");
    assert_int_equal(system("ffmpeg -v error -f lavfi -i testsrc2=size=96x80:d=1:r=5 "
                            "moves.gif </dev/null"),
                     0);
    refused(&rig, "moves.gif", "moves.gif moves");
    assert_int_equal(styles_count(&rig.styles), 2);
    /* One frame in a format of animations is a still picture. */
    assert_int_equal(system("ffmpeg -v error -f lavfi -i color=white:size=96x80:r=1 "
                            "-frames:v 1 still.gif </dev/null"),
                     0);
    struct style_mix mix;
    assert_true(styles_parse(&rig.styles, "still.gif", &mix, NULL));
    assert_int_equal(styles_count(&rig.styles), 3);
    rig_uninit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_wrong_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
