/* util/half.h against the definition of binary16, and util/hash.h against FNV's own test
 * vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>

#include <cmocka.h>

#include "util/half.h"
#include "util/hash.h"

/* IEEE 754: 1 sign bit, 5 exponent bits with a bias of 15, 10 mantissa bits. */
static double value_of(unsigned half)
{
    int exponent = (int)(half >> 10), mantissa = (int)(half & 1023);
    return exponent ? (1 + mantissa / 1024.0) * pow(2, exponent - 15)
                    : mantissa / 1024.0 * pow(2, -14);
}

static void test_every_half(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 0x7c00; half++) {
        assert_true((double)daub_half_to_float((uint16_t)half) == value_of(half));
        assert_true((double)daub_half_to_float((uint16_t)(half | 0x8000)) ==
                    -value_of(half));
    }
    assert_true(signbit(daub_half_to_float(0x8000)));
    assert_true(isinf(daub_half_to_float(0x7c00)) && daub_half_to_float(0x7c00) > 0);
    assert_true(isinf(daub_half_to_float(0xfc00)) && daub_half_to_float(0xfc00) < 0);
    assert_true(isnan(daub_half_to_float(0x7c01)) && isnan(daub_half_to_float(0xffff)));
}

/* The middle between two neighbours goes to the even one, what is next to it to the
 * nearer one. */
static void test_nearest_half(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 0x7c00; half++) {
        double x = value_of(half), next = half == 0x7bff ? 65536 : value_of(half + 1);
        float middle = (float)((x + next) / 2); /* exact in a float */
        assert_int_equal(daub_float_to_half((float)x), half);
        assert_int_equal(daub_float_to_half((float)-x), half | 0x8000);
        assert_int_equal(daub_float_to_half(middle), half + (half & 1));
        assert_int_equal(daub_float_to_half(nextafterf(middle, 0)), half);
        assert_int_equal(daub_float_to_half(nextafterf(middle, INFINITY)), half + 1);
    }
    assert_int_equal(daub_float_to_half(INFINITY), 0x7c00);
    assert_int_equal(daub_float_to_half(-1e30f), 0xfc00);
    assert_int_equal(daub_float_to_half(1e-40f), 0);
    assert_true(isnan(daub_half_to_float(daub_float_to_half(NAN))));
}

static void test_hash(void **state)
{
    (void)state;
    assert_true(daub_hash("", 0) == 0xcbf29ce484222325u);
    assert_true(daub_hash("a", 1) == 0xaf63dc4c8601ec8cu);
    assert_true(daub_hash("foobar", 6) == 0x85944171f73967e8u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_nearest_half),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
