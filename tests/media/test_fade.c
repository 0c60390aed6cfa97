/* Fades from one set of frame parameters to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/fade.h"

static const struct daub_model_info three = {.weight_count = 3, .default_style = 1};

static struct daub_frame_params at(const struct fade *fade, int64_t now_us,
                                   float *weights)
{
    struct daub_frame_params params;
    fade_at(fade, now_us, &params, weights);
    return params;
}

static void assert_at(const struct fade *fade, int64_t now_us, float strength, float a,
                      float b, float c)
{
    float weights[3];
    struct daub_frame_params params = at(fade, now_us, weights);
    assert_float_equal(params.strength, strength, 1e-6);
    assert_ptr_equal(params.style, weights);
    assert_float_equal(weights[0], a, 1e-6);
    assert_float_equal(weights[1], b, 1e-6);
    assert_float_equal(weights[2], c, 1e-6);
}

static void test_halfway(void **state)
{
    (void)state;
    struct daub_error error;
    struct fade fade;
    assert_true(
        fade_init(&fade, &three, &(struct daub_frame_params){.strength = 1}, &error));
    assert_at(&fade, 0, 1, 0, 1, 0);
    float weights[] = {1, 0, 0};
    fade_to(&fade,
            &(struct daub_frame_params){
                .strength = .5f, .color = DAUB_COLOR_KEEP, .style = weights},
            1000, 400);
    weights[0] = 7; /* they were copied */
    assert_at(&fade, 1000, 1, 0, 1, 0);
    assert_int_equal(at(&fade, 1000, weights).color, DAUB_COLOR_KEEP);
    assert_at(&fade, 1100, .875f, .25f, .75f, 0);
    assert_at(&fade, 1399, .50125f, .9975f, .0025f, 0);
    assert_at(&fade, 1400, .5f, 1, 0, 0);
    assert_at(&fade, 99999, .5f, 1, 0, 0);
    fade_uninit(&fade);
}

/* A second fade starts from the parameters that the first one had reached. */
static void test_second_fade(void **state)
{
    (void)state;
    struct daub_error error;
    struct fade fade;
    const float first[] = {1, 0, 0}, last[] = {0, 0, 1};
    assert_true(fade_init(&fade, &three,
                          &(struct daub_frame_params){.strength = 1, .style = first},
                          &error));
    fade_to(&fade, &(struct daub_frame_params){.strength = 1}, 0,
            100); /* the default style */
    fade_to(&fade, &(struct daub_frame_params){.strength = 1, .style = last}, 50, 100);
    assert_at(&fade, 50, 1, .5f, .5f, 0);
    assert_at(&fade, 100, 1, .25f, .25f, .5f);
    fade_to(&fade, &(struct daub_frame_params){.strength = 0, .style = first}, 100,
            0); /* at once */
    assert_at(&fade, 100, 0, 1, 0, 0);
    fade_uninit(&fade);
}

static void test_model_of_one_style(void **state)
{
    (void)state;
    struct daub_error error;
    struct fade fade;
    const struct daub_model_info one = {.weight_count = 0};
    assert_true(
        fade_init(&fade, &one, &(struct daub_frame_params){.strength = 1}, &error));
    fade_to(&fade, &(struct daub_frame_params){.strength = 0}, 0, 100);
    assert_float_equal(at(&fade, 25, NULL).strength, .75, 1e-6);
    assert_null(at(&fade, 25, NULL).style);
    fade_uninit(&fade);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halfway),
        cmocka_unit_test(test_second_fade),
        cmocka_unit_test(test_model_of_one_style),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
