/* The governor with simulated devices, whose time for a frame grows with the painted
 * area: it finds a size that is fast enough, keeps it, and returns to a larger one when
 * it can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/governor.h"

enum { SECOND = 1000000, BUILD_US = 300000, FADE_FRAMES = 6 };

struct device {
    struct governor governor;
    int64_t now_us, source_us;
    double full_us;       /* part of a frame's time that is proportional to the area */
    double fixed_us;      /* part that does not depend on the size */
    int next_level;       /* of the change that is under way */
    int64_t requested_us; /* clock when that was requested; 0: no change is under way */
    int changes;
    int fading, old_level; /* frames still to be painted at the old level as well */
};

static double work_at(const struct device *device, int level)
{
    double scale = governor_scale(level);
    return device->fixed_us + device->full_us * scale * scale;
}

static double work(const struct device *device)
{
    return work_at(device, device->governor.level);
}

/* Paints for the given time in microseconds; a new level takes effect BUILD_US after its
 * request. */
static void paint(struct device *device, int64_t us)
{
    int64_t end = device->now_us + us;
    while (device->now_us < end) {
        if (device->requested_us && device->now_us >= device->requested_us + BUILD_US) {
            device->old_level = device->governor.level;
            device->fading = FADE_FRAMES;
            governor_set(&device->governor, device->now_us, device->next_level);
            device->requested_us = 0;
            device->changes++;
        }
        double both = device->fading > 0 ? work_at(device, device->old_level) : 0;
        int64_t took = (int64_t)(work(device) + both);
        device->fading -= device->fading > 0;
        device->now_us += took > device->source_us ? took : device->source_us;
        int level = governor_add(&device->governor, device->now_us, took, 2 * took);
        if (!device->requested_us && level != device->governor.level) {
            device->next_level = level;
            device->requested_us = device->now_us;
        }
    }
}

static struct device make(double fps, double source_fps, double latency_ms)
{
    struct device device = {.now_us = 1, .source_us = (int64_t)(1e6 / source_fps)};
    governor_init(&device.governor, fps, source_fps, latency_ms);
    return device;
}

static void test_no_limits(void **state)
{
    (void)state;
    struct device device = make(0, 30, 0);
    device.full_us = 500000;
    assert_false(governor_active(&device.governor));
    paint(&device, 60 * SECOND);
    assert_int_equal(device.changes, 0);
}

/* At every speed, within seconds or some ten frames, the size is small enough or the
 * smallest one, and not smaller than needed. */
static void check_rate(double fps, double full)
{
    double frame = 1e6 / fps;
    struct device device = make(fps, 30, 0);
    device.full_us = full;
    device.fixed_us = 0.09 * frame;
    paint(&device, 15 * SECOND + 20 * (int64_t)(full + frame));
    int level = device.governor.level;
    double larger = governor_scale(level - 1) * governor_scale(level - 1);
    assert_true(work(&device) <= 1.02 * frame || level == GOVERNOR_LEVELS - 1);
    assert_true(level == 0 || device.fixed_us + full * larger > 0.75 * frame);
    int changes = device.changes;
    paint(&device, 600 * SECOND);
    /* The level stays, except for a few tries at a larger size. */
    assert_int_in_range(device.changes - changes, 0, 4);
}

static void test_rate(void **state)
{
    static const double rates[] = {30, 10, 4};
    (void)state;
    for (int i = 0; i < 3; i++) {
        for (double load = 0.15; load < 60; load *= 1.1)
            check_rate(rates[i], load * 1e6 / rates[i]);
    }
}

static void test_fast_enough(void **state)
{
    (void)state;
    struct device device = make(60, 30, 0); /* the source has only 30 */
    device.full_us = 30000;
    paint(&device, 60 * SECOND);
    assert_int_equal(device.changes, 0);
}

static void test_latency(void **state)
{
    (void)state;
    struct device device = make(0, 30, 100);
    device.full_us = 90000;
    paint(&device, 10 * SECOND);
    assert_true(2 * work(&device) <= 100000);
    assert_int_in_range(device.governor.level, 2, 3);
}

/* A device that is slower for a while. */
static void test_recovers(void **state)
{
    (void)state;
    struct device device = make(30, 30, 0);
    device.full_us = 20000;
    paint(&device, 10 * SECOND);
    assert_int_equal(device.governor.level, 0);
    device.full_us = 80000;
    paint(&device, 5 * SECOND);
    assert_true(device.governor.level >= 3);
    device.full_us = 20000;
    paint(&device, 30 * SECOND);
    assert_int_equal(device.governor.level, 0);
}

/* A device on which the larger size is slower than expected: it is tried more and more
 * rarely. */
static void test_rare_tries(void **state)
{
    (void)state;
    struct device device = make(30, 30, 0);
    device.full_us = 45000;
    for (int i = 0; i < 600; i++) {
        device.full_us = device.governor.level == 0 ? 45000 : 20000;
        paint(&device, SECOND);
    }
    assert_int_in_range(device.changes, 3, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_limits),   cmocka_unit_test(test_rate),
        cmocka_unit_test(test_fast_enough), cmocka_unit_test(test_latency),
        cmocka_unit_test(test_recovers),    cmocka_unit_test(test_rare_tries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
