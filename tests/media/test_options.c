/* The option table, its parser and its help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/commands.h"
#include "app/options.h"
#include "util/alloc.h"

enum { WORDS_MAX = 32 };

/* Parses words separated by blanks; the buffer is valid until the next call. */
static bool parse(struct options *options, unsigned verb, const char *line,
                  struct daub_error *error)
{
    static char buffer[512];
    char *words[WORDS_MAX];
    int count = 0;
    strcpy(buffer, line);
    for (char *word = strtok(buffer, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    *error = (struct daub_error){0};
    return options_parse(options, verb, count, words, error);
}

static void test_values(void **state)
{
    (void)state;
    struct options o;
    struct daub_error error;
    assert_true(
        parse(&o, VERB_PAINT,
              "in.mp4 -ss 1:30 -t 2.5 --frames 7 -o a.mp4 -crf=20 -o b.mkv -e x=1 "
              "--model-range -1..1 --strength .5 -b=3 --hwaccel auto -an",
              &error) == false);
    assert_non_null(strstr(error.message, "-b=3"));
    options_free(&o);
    assert_true(parse(
        &o, VERB_PAINT,
        "in.mp4 -ss 1:30 -t 2.5 --frames 7 -o a.mp4 -crf=20 -o b.mkv -e x=1", &error));
    assert_string_equal(o.input, "in.mp4");
    assert_true(o.has_start && o.start_us == 90000000);
    assert_true(o.has_length && o.length_us == 2500000);
    assert_false(o.has_end);
    assert_int_equal(o.frames, 7);
    assert_int_equal(o.outputs.count, 2);
    assert_string_equal(o.outputs.values[1], "b.mkv");
    assert_true(o.has_quality && o.quality == 20);
    assert_int_equal(o.extra.count, 1);
    assert_true(o.strength == 1);
    options_free(&o);
    assert_true(parse(&o, VERB_PAINT,
                      "--model-range -1..1 --strength .5 -an -y - -o - --precision fp16",
                      &error));
    assert_int_equal(o.model_range, DAUB_MODEL_RANGE_SIGNED);
    assert_true(o.strength == 0.5 && o.no_audio && o.overwrite && !o.no_subtitles);
    assert_string_equal(o.input, "-");
    assert_string_equal(o.outputs.values[0], "-");
    assert_int_equal(o.precision, DAUB_PRECISION_FP16);
    options_free(&o);
    assert_true(parse(&o, VERB_PAINT, "-o x -- -dash.mp4", &error));
    assert_string_equal(o.input, "-dash.mp4");
    options_free(&o);
}

static void test_every_allocation(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct options o;
        struct daub_error error;
        daub_alloc_fail_at(n);
        bool ok = parse(&o, VERB_PAINT, "in -o a -o b -e x=1 -e y=2", &error);
        daub_alloc_fail_at(0);
        options_free(&o);
        if (ok)
            break;
        assert_int_equal(error.status, DAUB_ERROR_MEMORY);
    }
}

static void test_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        options_help(out, &commands[i]);
        fclose(out);
        assert_non_null(strstr(text, "--help"));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            assert_int_in_range(strlen(line), 0, 80);
            assert_true(line[strlen(line) - 1] != ' ');
        }
        free(text);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int width, height, new_width, new_height;
    } cases[] = {
        {NULL, 641, 361, 641, 361},
        {"native", 3, 5, 3, 5},
        {"320x200", 1920, 1080, 320, 200},
        {"720p", 1920, 1080, 1280, 720},
        {"720p", 1080, 1920, 720, 1280},
        {"720p", 641, 361, 1278, 720},
        {"50%", 1920, 1080, 960, 540},
        {"50%", 5, 1, 3, 1},
        {"1%", 10, 10, 1, 1},
        {"200%", 10, 20, 20, 40},
        {"481p", 640, 360, 855, 481},
    };
    struct size_spec size;
    struct daub_error error = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int width, height;
        assert_true(size_parse(cases[i].text, "--size", &size, &error));
        size_apply(&size, cases[i].width, cases[i].height, &width, &height);
        assert_int_equal(width, cases[i].new_width);
        assert_int_equal(height, cases[i].new_height);
    }
    static const char *const bad[] = {"",         "x",    "10x",   "x10",    "0x10",
                                      "p",        "0%",   "10",    "-5x5",   "%",
                                      "10x10x10", "1e9p", "nativ", "99999x1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = (struct daub_error){0};
        assert_false(size_parse(bad[i], "--size", &size, &error));
        assert_int_equal(error.status, DAUB_ERROR_ARGUMENT);
    }
}

static void test_default_model(void **state)
{
    static const struct {
        enum daub_device_kind kind;
        const char *model;
    } cases[] = {{DAUB_DEVICE_DISCRETE, "standard"},
                 {DAUB_DEVICE_VIRTUAL, "standard"},
                 {DAUB_DEVICE_INTEGRATED, "lite"},
                 {DAUB_DEVICE_SOFTWARE, "lite"},
                 {DAUB_DEVICE_OTHER, "lite"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct daub_device_info info = {.kind = cases[i].kind};
        assert_string_equal(command_default_model(&info), cases[i].model);
    }
    assert_string_equal(command_default_model(NULL), "lite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_help),          cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_default_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
