/* Scores of paintings whose steadiness is known. tests/e2e/metrics.py compares complete
 * videos with another implementation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/metrics.h"
#include "app/plot.h"

enum { W = 24, H = 17, PIXELS = W * H };

/* A picture that moves by dx pixels a frame. */
static void paint(float *rgb, int frame, int dx, float level)
{
    for (int i = 0; i < PIXELS; i++) {
        int x = i % W - frame * dx, y = i / W;
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = level + 0.2f * sinf((float)x * 0.7f + (float)(c + y) * 0.4f);
    }
}

static void move(float *flow, float u)
{
    for (int i = 0; i < PIXELS; i++) {
        flow[2 * i] = u;
        flow[2 * i + 1] = 0;
    }
}

static struct metrics *created(int w, int h, bool per_frame)
{
    struct daub_error error = {0};
    struct metrics *metrics = metrics_create(w, h, per_frame, &error);
    assert_non_null(metrics);
    return metrics;
}

static void add(struct metrics *metrics, const float *input, const float *painted,
                const float *per_frame, const float *backward, const float *forward)
{
    struct daub_error error = {0};
    if (!metrics_add(metrics, input, painted, per_frame, backward, forward, &error))
        fail_msg("%s", error.message);
}

/* The painting follows the motion; each frame by itself flashes by 0.1 a frame. */
static void test_follows(void **state)
{
    (void)state;
    float rgb[3 * PIXELS], flashing[3 * PIXELS], backward[2 * PIXELS],
        forward[2 * PIXELS];
    struct metrics *metrics = created(W, H, true);
    move(backward, -1);
    move(forward, 1);
    for (int n = 0; n < 14; n++) {
        paint(rgb, n, 1, 0.5f);
        paint(flashing, n, 1, n % 2 ? 0.55f : 0.45f);
        add(metrics, rgb, rgb, flashing, backward, forward);
    }
    struct metrics_scores scores;
    metrics_scores(metrics, &scores);
    assert_int_equal(scores.frames, 14);
    assert_true(scores.e_warp < 1e-10 && scores.long_range < 1e-10);
    assert_true(fabs(scores.e_warp_per_frame - 0.01) < 1e-5);
    assert_true(fabs(scores.sharpness_ratio - 1) < 1e-4);
    assert_true(scores.flicker > 0.05);
    /* what came in from the left was hidden in the previous frame */
    assert_true(fabs(scores.ghosting - 0.0025) < 1e-5);
    metrics_free(metrics);
}

static void test_drifts(void **state)
{
    (void)state;
    float rgb[3 * PIXELS], still[2 * PIXELS];
    struct metrics *metrics = created(W, H, false);
    move(still, 0);
    for (int n = 0; n < 5; n++) {
        paint(rgb, 0, 0, 0.4f + 0.01f * (float)n);
        add(metrics, rgb, rgb, NULL, still, NULL);
    }
    struct metrics_scores scores;
    metrics_scores(metrics, &scores);
    assert_true(fabs(scores.drift - 2550) < 1);
    assert_true(fabs(scores.e_stab - 0.01) < 1e-5 && fabs(scores.e_warp - 1e-4) < 1e-7);
    assert_true(isnan(scores.e_warp_ratio) && isnan(scores.long_range));
    metrics_free(metrics);
}

/* Vectors that are no numbers or leave the picture, pictures of several sizes, and their
 * plot. */
static void test_invalid_flow(void **state)
{
    (void)state;
    const int sizes[][2] = {{1, 1}, {1, 9}, {7, 1}, {2, 2}, {W, H}};
    float rgb[3 * PIXELS], wild[2 * PIXELS];
    for (int i = 0; i < 2 * PIXELS; i++)
        wild[i] = i % 5 == 0   ? NAN
                  : i % 5 == 1 ? INFINITY
                  : i % 5 == 2 ? -1e30f
                               : (float)(i % 40) - 20;
    paint(rgb, 0, 0, 0.5f);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct metrics *metrics = created(sizes[s][0], sizes[s][1], true);
        struct metrics_scores scores;
        struct daub_error error = {0};
        for (int n = 0; n < 13; n++)
            add(metrics, rgb, rgb, rgb, wild, n % 2 ? wild : NULL);
        metrics_scores(metrics, &scores);
        assert_int_equal(scores.frames, 13);
        size_t size;
        char *svg = plot_svg(metrics, &size, &error);
        assert_non_null(svg);
        assert_true(strncmp(svg, "<svg", 4) == 0 && strstr(svg, "</svg>"));
        assert_null(strstr(svg, "nan"));
        free(svg);
        metrics_free(metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows),
        cmocka_unit_test(test_drifts),
        cmocka_unit_test(test_invalid_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
