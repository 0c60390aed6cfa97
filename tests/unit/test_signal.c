/* Style signals: as text, the metadata of models that paint with them, and the weights of
 * mixes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <daub/daub.h>

#include "onnx_make.h"
#include "util/alloc.h"

#define IDENTIFIER "0123456789abcdef"

/* K weights scale the picture: the network does not matter here. */
#define NET(k)                                                                           \
    "opset 13; in x 1,3,h,w; in s 1," k "; f g " k ",3 r1; i shape 1,3,1,1; "            \
    "MatMul s,g > p; Reshape p,shape > q; Mul x,q > y; out y 1,3,h,w; meta daub.range 1"
#define STYLES                                                                           \
    "; meta daub.styles [{\"name\":\"identity\"},{\"name\":\"a\"},{\"name\":\"b\"}]"
#define BASIS(more) "; meta daub.basis {\"encoder\":\"" IDENTIFIER "\"," more "}"

static struct daub_model *load(const char *text, struct daub_error *error)
{
    struct daub_model *model;
    size_t size;
    Onnx__ModelProto *proto = onnx_make(text);
    unsigned char *bytes = onnx_make_bytes(proto, &size);
    daub_model_load_memory(bytes, size, "net", 0, &model, error);
    free(bytes);
    onnx_make_free(proto);
    return model;
}

static struct daub_model *loaded(const char *text)
{
    struct daub_error error = {0};
    struct daub_model *model = load(text, &error);
    if (!model)
        fail_msg("%s", error.message);
    return model;
}

static void test_text(void **state)
{
    (void)state;
    struct daub_signal signal = {
        .encoder = IDENTIFIER, .title = "caf\xc3\xa9 \"x\"", .count = 7};
    const float z[7] = {0, -1, 0.1f, 1.0f / 3, -1.1754944e-38f, 3.4028235e38f, 16777216};
    memcpy(signal.z, z, sizeof(z));
    char *text = daub_signal_print(&signal);
    assert_non_null(text);
    assert_null(strchr(text, '\n'));
    struct daub_signal read;
    struct daub_error error = {0};
    assert_int_equal(daub_signal_parse(text, strlen(text), &read, &error), DAUB_OK);
    assert_memory_equal(&read, &signal, sizeof(signal));
    /* Nine digits, not the seventeen of a double. */
    assert_non_null(strstr(text, "0.100000001,"));
    free(text);
}

static void test_wrong_texts(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "no style that"},
        {"[]", "no style that"},
        {"{\"daub-style\": true}", "no style that"},
        {"{\"daub-style\": 2}", "version 2"},
        {"{\"daub-style\": 1}", "hexadecimal"},
        {"{\"daub-style\": 1, \"encoder\": \"0123456789abcde\"}", "hexadecimal"},
        {"{\"daub-style\": 1, \"encoder\": \"0123456789abcdeG\"}", "hexadecimal"},
        {"{\"daub-style\": 1, \"encoder\": \"" IDENTIFIER "\"}", "no list"},
        {"{\"daub-style\": 1, \"encoder\": \"" IDENTIFIER "\", \"z\": []}", "no list"},
        {"{\"daub-style\": 1, \"encoder\": \"" IDENTIFIER "\", \"z\": [1, null]}",
         "element 1"},
        {"{\"daub-style\": 1, \"encoder\": \"" IDENTIFIER "\", \"z\": [1e99]}",
         "element 0"},
        {"{\"daub-style\": 1, \"encoder\": \"" IDENTIFIER "\", \"z\": [1", "no style"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct daub_signal signal;
        struct daub_error error = {0};
        assert_int_equal(
            daub_signal_parse(cases[i].text, strlen(cases[i].text), &signal, &error),
            DAUB_ERROR_ARGUMENT);
        if (!strstr(error.message, cases[i].words))
            fail_msg("'%s' does not contain '%s'", error.message, cases[i].words);
    }
    /* A long title is cut between characters; control characters become blanks. */
    char text[1024] = "{\"daub-style\": 1, \"encoder\": \"" IDENTIFIER "\", \"z\": [1], "
                      "\"title\": \"\\u0007";
    for (int i = 0; i < 80; i++)
        strcat(text, "\xc3\xa9");
    strcat(text, "\"}");
    struct daub_signal signal;
    assert_int_equal(daub_signal_parse(text, strlen(text), &signal, NULL), DAUB_OK);
    assert_int_equal(strlen(signal.title), 127);
    assert_int_equal(signal.title[0], ' ');
    strcpy(strstr(text, "\\u0007"), "x");
    for (int i = 0; i < 80; i++)
        strcat(text, "\xc3\xa9");
    strcat(text, "\xc3\xa9\"}");
    assert_int_equal(daub_signal_parse(text, strlen(text), &signal, NULL), DAUB_OK);
    assert_int_equal(strlen(signal.title), 127);
    strcpy(strstr(text, "\"x") + 1, "");
    for (int i = 0; i < 80; i++)
        strcat(text, "\xc3\xa9");
    strcat(text, "\"}");
    assert_int_equal(daub_signal_parse(text, strlen(text), &signal, NULL), DAUB_OK);
    assert_int_equal(strlen(signal.title), 126);
}

static void test_metadata(void **state)
{
    (void)state;
    struct daub_model *model = loaded(NET("3"));
    const struct daub_model_info *info = daub_model_get_info(model);
    assert_true(info->style_count == 3 && info->weight_count == 3);
    assert_true(!info->encoder && !info->has_boldness);
    daub_model_free(model);
    model = loaded(NET("12") STYLES
                   "; meta daub.boldness 0.25" BASIS("\"bold\":3,\"rows\":4,\"soft\":8"));
    info = daub_model_get_info(model);
    assert_true(info->style_count == 3 && info->weight_count == 12);
    assert_string_equal(info->encoder, IDENTIFIER);
    assert_true(info->signal_count == 3 && info->has_boldness);
    assert_true(info->boldness == 0.25f);
    assert_int_equal(info->identity_style, 0);
    daub_model_free(model);
    model = loaded(NET("5") STYLES "; meta daub.soft 3");
    info = daub_model_get_info(model);
    assert_true(info->style_count == 3 && info->weight_count == 5);
    assert_true(info->has_boldness && info->boldness == 0.5f && !info->encoder);
    daub_model_free(model);
}

static void test_wrong_metadata(void **state)
{
    static const struct {
        const char *net, *words;
    } cases[] = {
        {NET("12") BASIS("\"bold\":3,\"rows\":4"), "daub.styles"},
        {NET("6") STYLES BASIS("\"bold\":3,\"rows\":4"), "rows 3 to 6"},
        {NET("12") STYLES BASIS("\"bold\":2,\"rows\":4"), "share rows"},
        {NET("12") STYLES BASIS("\"bold\":3,\"rows\":4,\"soft\":6"), "share rows"},
        {NET("12") STYLES BASIS("\"bold\":3,\"rows\":1"), "must be"},
        {NET("12") STYLES BASIS("\"bold\":3.5,\"rows\":4"), "must be"},
        {NET("12") STYLES BASIS("\"bold\":3,\"rows\":4,\"soft\":\"x\""), "must be"},
        {NET("12") STYLES BASIS("\"bold\":-1,\"rows\":4"), "must be"},
        {NET("12") STYLES BASIS("\"rows\":4"), "must be"},
        {NET("12") STYLES "; meta daub.basis {\"encoder\":\"x\",\"bold\":3,\"rows\":4}",
         "must be"},
        {NET("12") STYLES "; meta daub.basis nonsense", "must be"},
        {NET("12") STYLES "; meta daub.soft 11", "rows 11 to 12"},
        {NET("12") STYLES "; meta daub.soft 2", "share rows"},
        {NET("12") STYLES "; meta daub.soft many", "no row"},
        {NET("3") "; meta daub.encoder " IDENTIFIER, "vector"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct daub_error error = {0};
        assert_null(load(cases[i].net, &error));
        assert_int_equal(error.status, DAUB_ERROR_MODEL);
        if (!strstr(error.message, cases[i].words))
            fail_msg("case %zu: '%s' does not contain '%s'", i, error.message,
                     cases[i].words);
    }
}

static void expect(const struct daub_model *model, const struct daub_mix_part *parts,
                   int count, float boldness, const float *want)
{
    struct daub_error error = {0};
    float weights[16];
    int total = daub_model_get_info(model)->weight_count;
    if (daub_model_mix(model, parts, count, boldness, weights, &error) != DAUB_OK)
        fail_msg("%s", error.message);
    for (int i = 0; i < total; i++) {
        if (!(fabsf(weights[i] - want[i]) < 1e-6f))
            fail_msg("weight %d is %g, not %g", i, (double)weights[i], (double)want[i]);
    }
}

static void test_mixes(void **state)
{
    (void)state;
    /* 3 styles, soft rows of 1 and 2, bold basis, soft basis */
    struct daub_model *model = loaded(
        NET("13") STYLES "; meta daub.soft 3" BASIS("\"bold\":5,\"rows\":4,\"soft\":9"));
    const struct daub_signal signal = {
        .encoder = IDENTIFIER, .count = 3, .z = {-1, 0.5f, 3}};
    expect(model, &(struct daub_mix_part){.style = 1, .weight = 7}, 1, 1,
           (float[]){0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    expect(model, &(struct daub_mix_part){.style = 2, .weight = 1}, 1, 0.25f,
           (float[]){0, 0, 0.25f, 0, 0.75f, 0, 0, 0, 0, 0, 0, 0, 0});
    expect(model, &(struct daub_mix_part){.style = 0, .weight = 1}, 1, 0.25f,
           (float[]){1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    expect(model, &(struct daub_mix_part){.signal = &signal, .weight = 1}, 1, 0.75f,
           (float[]){0, 0, 0, 0, 0, 0.75f, -0.75f, 0.375f, 2.25f, 0.25f, -0.25f, 0.125f,
                     0.75f});
    const struct daub_mix_part parts[] = {{.signal = &signal, .weight = 3},
                                          {.style = 1, .weight = 1}};
    expect(model, parts, 2, 1,
           (float[]){0, 0.25f, 0, 0, 0, 0.75f, -0.75f, 0.375f, 2.25f, 0, 0, 0, 0});
    daub_model_free(model);
    /* bold_share at boldness 0.5, linear to 0 and 1; wrong ones count as missing */
    model = loaded(NET("7") "; meta daub.styles [{\"name\":\"identity\"},"
                            "{\"name\":\"a\",\"bold_share\":0.8},"
                            "{\"name\":\"b\",\"bold_share\":7},{}]; meta daub.soft 4");
    assert_true(daub_model_get_info(model)->styles[1].bold_share == 0.8f);
    const struct daub_mix_part a = {.style = 1, .weight = 1},
                               b = {.style = 2, .weight = 1};
    expect(model, &a, 1, 0.25f, (float[]){0, 0.4f, 0, 0, 0.6f, 0, 0});
    expect(model, &a, 1, 0.5f, (float[]){0, 0.8f, 0, 0, 0.2f, 0, 0});
    expect(model, &a, 1, 0.75f, (float[]){0, 0.9f, 0, 0, 0.1f, 0, 0});
    expect(model, &a, 1, 1, (float[]){0, 1, 0, 0, 0, 0, 0});
    expect(model, &b, 1, 0.25f, (float[]){0, 0, 0.25f, 0, 0, 0.75f, 0});
    daub_model_free(model);
    /* Without soft rows the boldness has no effect. */
    model = loaded(NET("7") STYLES BASIS("\"bold\":3,\"rows\":4"));
    expect(model, parts, 2, 0, (float[]){0, 0.25f, 0, 0.75f, -0.75f, 0.375f, 2.25f});
    daub_model_free(model);
}

static void wrong_mix(const struct daub_model *model, struct daub_mix_part part,
                      float boldness, const char *words)
{
    struct daub_error error = {0};
    float weights[16];
    assert_int_equal(daub_model_mix(model, &part, 1, boldness, weights, &error),
                     DAUB_ERROR_ARGUMENT);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not contain '%s'", error.message, words);
}

static void test_wrong_mixes(void **state)
{
    (void)state;
    struct daub_model *plain = loaded(NET("3"));
    struct daub_model *model = loaded(NET("7") STYLES BASIS("\"bold\":3,\"rows\":4"));
    struct daub_signal signal = {.encoder = IDENTIFIER, .title = "t", .count = 3};
    struct daub_signal other = {.encoder = "fedcba9876543210", .title = "t", .count = 3};
    wrong_mix(model, (struct daub_mix_part){.style = 3, .weight = 1}, 1, "number 3");
    wrong_mix(model, (struct daub_mix_part){.style = -1, .weight = 1}, 1, "number -1");
    wrong_mix(model, (struct daub_mix_part){.weight = -1}, 1, "-1 is not 0 or more");
    wrong_mix(model, (struct daub_mix_part){.weight = NAN}, 1, "is not 0 or more");
    wrong_mix(model, (struct daub_mix_part){.weight = 0}, 1, "add up to 0");
    wrong_mix(model, (struct daub_mix_part){.weight = 1}, 1.5f, "boldness 1.5");
    wrong_mix(plain, (struct daub_mix_part){.signal = &signal, .weight = 1}, 1,
              "takes no pictures");
    wrong_mix(model, (struct daub_mix_part){.signal = &other, .weight = 1}, 1,
              "another encoder");
    signal.count = 2;
    wrong_mix(model, (struct daub_mix_part){.signal = &signal, .weight = 1}, 1,
              "another encoder");
    signal.count = 3;
    signal.z[1] = NAN;
    wrong_mix(model, (struct daub_mix_part){.signal = &signal, .weight = 1}, 1,
              "element 1");
    daub_model_free(plain);
    daub_model_free(model);
}

static void wrong_encoder(const char *text, const char *words)
{
    struct daub_error error = {0};
    struct daub_encoder *encoder;
    size_t size;
    Onnx__ModelProto *proto = onnx_make(text);
    unsigned char *bytes = onnx_make_bytes(proto, &size);
    assert_int_equal(daub_encoder_load_memory(bytes, size, "e", &encoder, &error),
                     DAUB_ERROR_MODEL);
    assert_null(encoder);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not contain '%s'", error.message, words);
    free(bytes);
    onnx_make_free(proto);
}

static void test_wrong_encoders(void **state)
{
    (void)state;
    wrong_encoder(NET("3"), "is no encoder");
    wrong_encoder("opset 13; meta daub.encoder x; in p 1,3,h,w; GlobalAveragePool p > z; "
                  "out z 1,3,1,1",
                  "hexadecimal");
#define META "opset 13; meta daub.encoder " IDENTIFIER "; "
    wrong_encoder(META "in p 1,3,h,w; in s 1,3; GlobalAveragePool p > g; Flatten g > f; "
                       "Add f,s > z; out z 1,3",
                  "one picture of three channels");
    wrong_encoder(META "in p 1,3,2048,2048; GlobalAveragePool p > z; out z 1,3,1,1",
                  "pictures of 2048x2048");
    wrong_encoder(META "in p 1,3,256,256; f w 4097,3,1,1 r1; GlobalAveragePool p > g; "
                       "Conv g,w > z kernel_shape=1,1; out z 1,4097,1,1",
                  "at most 4096");
    wrong_encoder(META "in p 1,3,256,256; Relu p > z; out z 1,3,256,256", "vector");
    struct daub_error error = {0};
    struct daub_model *model =
        load(META "in p 1,3,h,w; GlobalAveragePool p > z; out z 1,3,1,1", &error);
    assert_null(model);
    assert_non_null(strstr(error.message, "is an encoder"));
}

static void test_no_memory(void **state)
{
    (void)state;
    size_t size;
    Onnx__ModelProto *proto =
        onnx_make(META "in p 1,3,h,w; f k 3,2 r1; Relu p > r; GlobalAveragePool r > g; "
                       "Flatten g > f; MatMul f,k > z; out z 1,2");
    unsigned char *bytes = onnx_make_bytes(proto, &size);
    onnx_make_free(proto);
    for (long n = 1;; n++) {
        struct daub_error error = {0};
        struct daub_encoder *encoder;
        daub_alloc_fail_at(n);
        enum daub_status status =
            daub_encoder_load_memory(bytes, size, "e", &encoder, &error);
        daub_alloc_fail_at(0);
        daub_encoder_free(encoder);
        if (status == DAUB_OK)
            break;
        assert_null(encoder);
        assert_int_equal(status, DAUB_ERROR_MEMORY);
        assert_true(n < 1000);
    }
    free(bytes);
}

static void test_finding_encoders(void **state)
{
    (void)state;
    char folder[] = "/tmp/daub-encoder-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    setenv("DAUB_MODELS", folder, 1);
    snprintf(path, sizeof(path), "%s/encoder.onnx", folder);
    struct daub_model *plain = loaded(NET("3"));
    struct daub_model *model = loaded(NET("7") STYLES BASIS("\"bold\":3,\"rows\":4"));
    struct daub_encoder *encoder;
    struct daub_error error = {0};
    assert_int_equal(daub_encoder_load(plain, NULL, &encoder, &error),
                     DAUB_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "daub.basis"));
    error = (struct daub_error){0};
    assert_int_equal(daub_encoder_load(model, NULL, &encoder, &error),
                     DAUB_ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, folder));
    static const char *const identifiers[] = {"fedcba9876543210", IDENTIFIER};
    for (int i = 0; i < 2; i++) {
        char text[256];
        size_t size;
        snprintf(text, sizeof(text),
                 "opset 13; meta daub.encoder %s; in p 1,3,h,w; GlobalAveragePool p > z; "
                 "out z 1,3,1,1",
                 identifiers[i]);
        Onnx__ModelProto *proto = onnx_make(text);
        unsigned char *bytes = onnx_make_bytes(proto, &size);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        fclose(file);
        free(bytes);
        onnx_make_free(proto);
        error = (struct daub_error){0};
        assert_int_equal(daub_encoder_load(model, NULL, &encoder, &error),
                         i == 0 ? DAUB_ERROR_MODEL : DAUB_OK);
        assert_int_equal(!encoder, i == 0);
        assert_int_equal(!strstr(error.message, "of other models"), i == 1);
        daub_encoder_free(encoder);
    }
    daub_model_free(plain);
    daub_model_free(model);
    remove(path);
    remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_wrong_texts),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_wrong_metadata),
        cmocka_unit_test(test_mixes),
        cmocka_unit_test(test_wrong_mixes),
        cmocka_unit_test(test_wrong_encoders),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_finding_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
