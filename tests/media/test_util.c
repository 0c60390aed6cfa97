/* Text, clock and file helpers. */
#include <fcntl.h>
#include <math.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/file_name.h"
#include "util/input.h"
#include "util/stop.h"
#include "util/text.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, P_tmpdir "/daub-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails where a test left something behind */
}

static const char *in_folder(const char *name)
{
    static char paths[4][400];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void test_nearest(void **state)
{
    (void)state;
    const char *const names[] = {"style", "strength", "size", "candy", "crf"};
    assert_string_equal(daub_text_nearest("stlye", names, 5), "style");
    assert_string_equal(daub_text_nearest("STRENGHT", names, 5), "strength");
    assert_string_equal(daub_text_nearest("candi", names, 5), "candy");
    assert_string_equal(daub_text_nearest("cfr", names, 5), "crf");
    assert_string_equal(daub_text_nearest("sise", names, 5), "size");
    assert_null(daub_text_nearest("zebra", names, 5));
    assert_null(daub_text_nearest("x", names, 0));
    char longest[200];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(daub_text_nearest(longest, names, 5));
}

static void test_numbers(void **state)
{
    (void)state;
    int64_t number;
    double real;
    assert_true(daub_text_int("42", 0, 100, &number) && number == 42);
    assert_true(daub_text_int("-3", -5, 5, &number) && number == -3);
    assert_false(daub_text_int("101", 0, 100, &number));
    assert_false(daub_text_int("4x", 0, 100, &number));
    assert_false(daub_text_int(" 4", 0, 100, &number));
    assert_false(daub_text_int("", 0, 100, &number));
    assert_false(daub_text_int("99999999999999999999", 0, INT64_MAX, &number));
    assert_true(daub_text_double("0.25", 0, 1, &real) && real == 0.25);
    assert_true(daub_text_double(".5", 0, 1, &real) && real == 0.5);
    assert_false(daub_text_double("nan", 0, 1, &real));
    assert_false(daub_text_double("inf", 0, 1e300, &real));
    assert_false(daub_text_double("1.5", 0, 1, &real));
    assert_false(daub_text_double("", 0, 1, &real));
    assert_true(daub_text_si("2.5M", 1, INT64_MAX, &number) && number == 2500000);
    assert_true(daub_text_si("900k", 1, INT64_MAX, &number) && number == 900000);
    assert_true(daub_text_si("7", 1, INT64_MAX, &number) && number == 7);
    assert_false(daub_text_si("7T", 1, INT64_MAX, &number));
    assert_false(daub_text_si("-1k", 1, INT64_MAX, &number));
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {{"12.5", 12500000},     {"1:02:03", 3723000000},
                 {"1:30", 90000000},     {"0:00:00.001", 1000},
                 {"1.5s", 1500000},      {"300ms", 300000},
                 {"20us", 20},           {"0", 0},
                 {".5", 500000},         {"90:00", 5400000000},
                 {"00:10:00", 600000000}};
    int64_t us;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(daub_text_time(cases[i].text, &us));
        assert_int_equal(us, cases[i].us);
    }
    static const char *const bad[] = {
        "", "x", "1:2:3:4", "-1", "1:", "1:2x", "1h", "1:30ms", " 1", "1e30"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(daub_text_time(bad[i], &us));
}

static void test_words(void **state)
{
    (void)state;
    char text[32];
    daub_text_clock(text, sizeof(text), 31.9);
    assert_string_equal(text, "0:31");
    daub_text_clock(text, sizeof(text), 3723);
    assert_string_equal(text, "1:02:03");
    daub_text_clock(text, sizeof(text), NAN);
    assert_string_equal(text, "0:00");
    daub_text_bytes(text, sizeof(text), 812);
    assert_string_equal(text, "812 B");
    daub_text_bytes(text, sizeof(text), 5240000);
    assert_string_equal(text, "5.2 MB");
    daub_text_bytes(text, sizeof(text), 999999);
    assert_string_equal(text, "1.0 MB");
    daub_text_bytes(text, sizeof(text), 250000000000);
    assert_string_equal(text, "250 GB");
}

/* Terminals' escapes, ends of lines, direction marks and what is no UTF-8 do not get
 * through; everything else does. */
static void test_clean(void **state)
{
    (void)state;
    static const struct {
        const char *text, *keep, *clean;
    } cases[] = {
        {"plain, and caf\xc3\xa9 \xe2\x80\x93 \xf0\x9f\x98\x80", "",
         "plain, and caf\xc3\xa9 \xe2\x80\x93 \xf0\x9f\x98\x80"},
        {"\x1b[31mred\x07", "", "?[31mred?"},
        {"a\nb\tc\rd\x7f", "\n\t", "a\nb\tc?d?"},
        {"a\nb", "", "a?b"},
        {"\xc2\x9b"
         "31m",
         "", "?31m"}, /* C1: CSI in two bytes */
        {"\x9b"
         "31m \xff\xfe",
         "", "?31m ??"},                                      /* no UTF-8 */
        {"\xe2\x80\xaegnp.exe\xe2\x81\xa6", "", "?gnp.exe?"}, /* right to left */
        {"\xe2\x80\xa8\xe2\x80\xa9", "\n", "??"},             /* line separators */
        {"\xc0\xaf \xe0\x80\xaf", "", "?? ???"},              /* overlong */
        {"\xed\xa0\x80", "", "???"},                          /* a surrogate */
        {"\xf4\x90\x80\x80", "", "????"},                     /* above U+10FFFF */
        {"cut \xe2\x80", "", "cut ??"},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        strcpy(text, cases[i].text);
        daub_text_clean(text, cases[i].keep);
        assert_string_equal(text, cases[i].clean);
    }
}

static void test_statistics(void **state)
{
    (void)state;
    struct daub_stats stats = {0};
    assert_true(daub_stats_deviation(&stats) == 0);
    /* far from zero: a naive sum of squares would lose every digit */
    static const double samples[] = {2, 4, 4, 4, 5, 5, 7, 9};
    for (int i = 0; i < 8; i++)
        daub_stats_add(&stats, 1e9 + samples[i]);
    assert_int_equal(stats.count, 8);
    assert_true(fabs(stats.mean - 1e9 - 5) < 1e-6);
    assert_true(fabs(daub_stats_deviation(&stats) - sqrt(32.0 / 7)) < 1e-6);
    assert_true(stats.min == 1e9 + 2 && stats.max == 1e9 + 9 && stats.last == 1e9 + 9);
    int64_t before = daub_clock_us();
    usleep(2000);
    assert_true(daub_clock_us() - before >= 2000);
}

static size_t content(const char *path, char *data, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    size_t count = fread(data, 1, size, file);
    fclose(file);
    return count;
}

static void test_write(void **state)
{
    (void)state;
    char data[16];
    struct daub_error error = {0};
    const char *path = in_folder("a.bin");
    assert_true(daub_file_write(path, "hello", 5, false, &error));
    assert_int_equal(content(path, data, sizeof(data)), 5);
    /* not replaced, and nothing left beside it */
    assert_false(daub_file_write(path, "other", 5, false, &error));
    assert_non_null(strstr(error.message, "exists"));
    assert_int_equal(content(path, data, sizeof(data)), 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(daub_file_write(path, "new", 3, true, &error));
    assert_int_equal(content(path, data, sizeof(data)), 3);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(unlink(path), 0);
    error = (struct daub_error){0};
    assert_false(daub_file_write(in_folder("no/where.bin"), "x", 1, true, &error));
    assert_non_null(strstr(error.message, "cannot write"));
}

static void test_temp(void **state)
{
    (void)state;
    struct daub_error error = {0};
    struct daub_file file, second;
    assert_true(daub_file_open(&file, in_folder("film.mp4"), false, false, &error));
    assert_string_equal(file.temp, in_folder("film.partial.mp4"));
    assert_int_equal(access(in_folder("film.partial.mp4"), F_OK), 0);
    /* whoever writes it as well is refused */
    assert_false(daub_file_open(&second, in_folder("film.mp4"), true, false, &error));
    assert_non_null(strstr(error.message, "is being written already"));
    daub_file_discard(&second);
    assert_int_equal(access(in_folder("film.partial.mp4"), F_OK), 0);
    daub_file_discard(&file);
    assert_int_equal(access(in_folder("film.partial.mp4"), F_OK), -1);
    /* a name as long as the file system allows */
    char longest[256] = {0};
    memset(longest, 'n', 251);
    strcat(longest, ".mp4");
    error = (struct daub_error){0};
    assert_true(daub_file_write(in_folder(longest), "x", 1, false, &error));
    assert_int_equal(unlink(in_folder(longest)), 0);
    char longer[257] = {0};
    memset(longer, 'n', 256);
    assert_false(daub_file_write(in_folder(longer), "x", 1, false, &error));
    assert_non_null(strstr(error.message, "shorter name"));
}

/* At a sudden end, files that are worth keeping stay; others are removed. */
static void test_leave(void **state)
{
    (void)state;
    struct daub_error error = {0};
    static const char *const names[] = {"useful.mp4", "useless.mp4", "done.mp4"};
    struct daub_file files[3];
    for (int i = 0; i < 3; i++) {
        assert_true(daub_file_open(&files[i], in_folder(names[i]), false, false, &error));
        assert_true(daub_file_put(&files[i], "film", 4, &error));
    }
    daub_file_set_useful(&files[0]);
    assert_true(daub_file_commit(&files[2], &error));
    assert_int_equal(daub_file_leave(), 1);
    assert_int_equal(access(in_folder("useless.partial.mp4"), F_OK), -1);
    daub_file_discard(&files[1]);
    char where[4096];
    assert_true(daub_file_keep(&files[0], where, sizeof(where)));
    assert_string_equal(where, in_folder("useful.partial.mp4"));
    assert_int_equal(unlink(where), 0);
    assert_int_equal(unlink(in_folder("done.mp4")), 0);
}

/* The rename fails, or the folder is gone: the file is kept, and the error says where. */
static void test_keep(void **state)
{
    (void)state;
    struct daub_error error = {0};
    struct daub_file file;
    char data[16];
    assert_true(daub_file_open(&file, in_folder("film.mp4"), false, false, &error));
    assert_true(daub_file_put(&file, "film", 4, &error));
    assert_int_equal(mkdir(in_folder("film.mp4"), 0700), 0);
    assert_false(daub_file_commit(&file, &error));
    assert_non_null(strstr(error.message, in_folder("film.partial.mp4")));
    assert_int_equal(content(in_folder("film.partial.mp4"), data, sizeof(data)), 4);
    assert_int_equal(rmdir(in_folder("film.mp4")), 0);

    /* the leftover is named and left alone, its name is not used again */
    assert_true(daub_file_open(&file, in_folder("film.mp4"), false, false, &error));
    assert_string_equal(file.temp, in_folder("film.partial-2.mp4"));
    daub_file_discard(&file);
    assert_int_equal(unlink(in_folder("film.partial.mp4")), 0);

    char where[4096];
    assert_int_equal(mkdir(in_folder("gone"), 0700), 0);
    error = (struct daub_error){0};
    assert_true(daub_file_open(&file, in_folder("gone/film.mp4"), false, false, &error));
    assert_true(daub_file_put(&file, "film", 4, &error));
    assert_int_equal(unlink(in_folder("gone/film.partial.mp4")), 0);
    assert_int_equal(rmdir(in_folder("gone")), 0);
    assert_int_equal(chdir(folder), 0);
    assert_true(daub_file_keep(&file, where, sizeof(where)));
    assert_string_equal(where, "./film.partial.mp4");
    assert_int_equal(content(where, data, sizeof(data)), 4);
    assert_int_equal(unlink(where), 0);
}

/* The shell makes the path of it again. */
static void test_quote(void **state)
{
    (void)state;
    static const char *const paths[] = {"plain",     "a b", "it's", "'; echo no; '",
                                        "$(no)`no`", "\\",  "*"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char command[256], back[256] = "";
        char *quoted = file_quote(paths[i]);
        snprintf(command, sizeof(command), "printf %%s %s", quoted);
        FILE *shell = popen(command, "r");
        assert_non_null(shell);
        assert_non_null(fgets(back, sizeof(back), shell));
        assert_int_equal(pclose(shell), 0);
        assert_string_equal(back, paths[i]);
        free(quoted);
    }
    char *option = file_quote("-rf");
    assert_string_equal(option, "'./-rf'");
    free(option);
}

/* A named pipe without a writer is refused at once. */
static void test_read(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_null(daub_file_read(in_folder("pipe")));
    assert_int_equal(errno, EINVAL);
    assert_null(daub_file_read(in_folder("none")));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(unlink(in_folder("pipe")), 0);
}

/* Nothing replaces an input, a device or a named pipe; links stay, and their target is
 * written. */
static void test_targets(void **state)
{
    (void)state;
    struct daub_error error = {0};
    char data[16];
    assert_true(daub_file_write(in_folder("in"), "input", 5, false, &error));
    assert_int_equal(link(in_folder("in"), in_folder("hard")), 0);
    assert_int_equal(symlink("hard", in_folder("soft")), 0);
    daub_input_add(in_folder("in"));
    static const char *const names[] = {"in", "./in", "hard", "soft"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        error = (struct daub_error){0};
        assert_false(daub_file_write(in_folder(names[i]), "x", 1, true, &error));
        assert_int_equal(error.status, DAUB_ERROR_ARGUMENT);
        assert_int_equal(content(in_folder(names[i]), data, sizeof(data)), 5);
    }
    error = (struct daub_error){0};
    assert_int_equal(symlink("new", in_folder("dangling")), 0);
    assert_true(daub_file_write(in_folder("dangling"), "x", 1, false, &error));
    assert_int_equal(content(in_folder("new"), data, sizeof(data)), 1);
    struct stat info;
    assert_true(daub_file_write("/dev/null", "x", 1, true, &error));
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    int fd = open(in_folder("pipe"), O_RDONLY | O_NONBLOCK);
    assert_true(daub_file_write(in_folder("pipe"), "x", 1, true, &error));
    assert_int_equal(read(fd, data, sizeof(data)), 1);
    close(fd);
    assert_int_equal(lstat(in_folder("pipe"), &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    static const char *const all[] = {"in", "hard", "soft", "new", "dangling", "pipe"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_int_equal(unlink(in_folder(all[i])), 0);
}

static void test_same(void **state)
{
    (void)state;
    struct daub_error error = {0};
    assert_true(daub_file_write(in_folder("a"), "", 0, false, &error));
    assert_true(daub_file_write(in_folder("b"), "", 0, false, &error));
    assert_int_equal(symlink(in_folder("a"), in_folder("soft")), 0);
    assert_int_equal(link(in_folder("a"), in_folder("hard")), 0);
    assert_true(daub_file_same(in_folder("a"), in_folder("./a")));
    assert_true(daub_file_same(in_folder("a"), in_folder("soft")));
    assert_true(daub_file_same(in_folder("hard"), in_folder("soft")));
    assert_false(daub_file_same(in_folder("a"), in_folder("b")));
    assert_false(daub_file_same(in_folder("a"), in_folder("gone")));
    unlink(in_folder("a"));
    unlink(in_folder("b"));
    unlink(in_folder("soft"));
    unlink(in_folder("hard"));
}

static void test_stop(void **state)
{
    (void)state;
    struct daub_stop stop;
    struct daub_error error = {0};
    assert_true(daub_stop_init(&stop, &error));
    assert_false(daub_stop_requested(&stop));
    for (int i = 0; i < 3; i++)
        daub_stop_request(&stop);
    assert_true(daub_stop_requested(&stop));
    daub_stop_uninit(&stop);
    daub_stop_uninit(&stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test_setup_teardown(test_write, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_temp, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_same, make_folder, remove_folder),
        cmocka_unit_test(test_stop),
        cmocka_unit_test_setup_teardown(test_keep, make_folder, remove_folder),
        cmocka_unit_test(test_quote),
        cmocka_unit_test_setup_teardown(test_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_targets, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_leave, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
