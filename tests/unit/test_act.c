/* exp, log and the activations of src/host/act.h against libm in double precision, over
 * all magnitudes; vec and vec4, and all sets with fused multiply-add, give the same bits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "act_forms.h"
#include "host/host.h"
#include "net/graph.h"

enum { LANES_MAX = 16, SPECIAL_COUNT = 16 };

#define DECLARE_FORM(name) extern const struct act_form act_form_##name;
DECLARE_FORM(generic)
#if defined(__x86_64__)
DECLARE_FORM(avx2)
DECLARE_FORM(avx512)
#endif

static const struct {
    const char *name;
    const struct act_form *form;
} forms[] = {
#if defined(__x86_64__)
    {"avx2", &act_form_avx2},
    {"avx512", &act_form_avx512},
    {"generic", &act_form_generic},
#else
    {"neon", &act_form_generic},
#endif
};
enum { FORM_COUNT = sizeof(forms) / sizeof(*forms) };

/* What the function should give, and how far it may be off: `relative` times the result,
 * or `absolute` times 1, whichever is larger. */
struct function {
    const char *name;
    int function;
    float alpha, beta, slope;
    double (*exact)(const struct function *f, double x);
    double relative, absolute;
    float least, most; /* arguments */
};

static double exact_exp(const struct function *f, double x)
{
    (void)f;
    return exp(x);
}

static double exact_log(const struct function *f, double x)
{
    (void)f;
    return log(x);
}

static double exact_activation(const struct function *f, double x)
{
    const double alpha = (double)f->alpha, beta = (double)f->beta;
    switch ((enum net_act)f->function) {
    case NET_ACT_NONE:
        return x;
    case NET_ACT_RELU:
        return x > 0 ? x : 0;
    case NET_ACT_LEAKY_RELU:
        return x > 0 ? x : alpha * x;
    case NET_ACT_PRELU:
        return x > 0 ? x : (double)f->slope * x;
    case NET_ACT_ELU:
        return x > 0 ? x : alpha * expm1(x);
    case NET_ACT_TANH:
        return tanh(x);
    case NET_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case NET_ACT_HARD_SIGMOID:
        return fmin(fmax(alpha * x + beta, 0), 1);
    case NET_ACT_HARD_SWISH:
        return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case NET_ACT_CLIP:
        return fmin(fmax(x, alpha), beta);
    case NET_ACT_SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    case NET_ACT_SQRT:
        return sqrt(x);
    case NET_ACT_NEG:
        return -x;
    case NET_ACT_ABS:
        return fabs(x);
    case NET_ACT_EXP:
        return exp(x);
    case NET_ACT_RECIPROCAL:
        return 1 / x;
    case NET_ACT_LOG:
        return log(x);
    case NET_ACT_FLOOR:
        return floor(x);
    case NET_ACT_CEIL:
        return ceil(x);
    case NET_ACT_TRUNC:
        return trunc(x);
    case NET_ACT_ROUND:
        return nearbyint(x);
    case NET_ACT_SIGN:
        return x > 0 ? 1 : x < 0 ? -1 : 0;
    case NET_ACT_ERF:
        return erf(x);
    case NET_ACT_SELU:
        return beta * (x > 0 ? x : alpha * expm1(x));
    case NET_ACT_CELU:
        return fmax(x, 0) + fmin(0, alpha * expm1(x / alpha));
    case NET_ACT_MISH:
        return x > 40 ? x : x * tanh(log1p(exp(x)));
    case NET_ACT_GELU:
        return x * 0.5 * erfc(-x / sqrt(2));
    case NET_ACT_GELU_TANH:
        return x * 0.5 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case NET_ACT_SWISH:
        return x / (1 + exp(-alpha * x));
    case NET_ACT_SOFTSIGN:
        return x / (1 + fabs(x));
    case NET_ACT_THRESHOLDED_RELU:
        return x > alpha ? x : 0;
    case NET_ACT_SQUARE:
        return x * x;
    case NET_ACT_POWER:
        return pow(x, alpha);
    case NET_ACT_ABOVE:
        return x > alpha;
    case NET_ACT_AT_LEAST:
        return x >= alpha;
    case NET_ACT_EQUALS:
        return x == alpha;
    case NET_ACT_QUANTIZE:
        return fmin(fmax(nearbyint(x), alpha), beta);
    }
    return NAN;
}

/* 2^-23 is the distance of floats at 1; EPSILON half of it, the error of one rounding. */
#define EPSILON 0x1p-24
#define ACT(name, alpha, beta, slope, relative, absolute)                                \
    {                                                                                    \
#name, NET_ACT_##name, alpha, beta, slope, exact_activation, relative, absolute, \
            -INFINITY, INFINITY                                                          \
    }

/* Results of exp below 2^-125 are 0. The activations that subtract from 1 near 0 have an
 * absolute error of some roundings of 1, as the shaders have. */
static const struct function functions[] = {
    {"exp", ACT_FORM_EXP, 0, 0, 0, exact_exp, 4 * EPSILON, 0x1p-125, -INFINITY, INFINITY},
    {"log", ACT_FORM_LOG, 0, 0, 0, exact_log, 4 * EPSILON, EPSILON, 0x1p-126f, 3.4e38f},
    ACT(NONE, 0, 0, 0, 0, 0),
    ACT(RELU, 0, 0, 0, 0, 0),
    ACT(LEAKY_RELU, 0.2f, 0, 0, EPSILON, 0x1p-149),
    ACT(PRELU, 0, 0, -0.7f, EPSILON, 0x1p-149),
    ACT(ELU, 1.3f, 0, 0, EPSILON, 6 * EPSILON),
    ACT(TANH, 0, 0, 0, 0, 4 * EPSILON),
    ACT(SIGMOID, 0, 0, 0, 6 * EPSILON, 0x1p-125),
    ACT(HARD_SIGMOID, 0.2f, 0.5f, 0, 0, 3 * EPSILON),
    ACT(HARD_SWISH, 0, 0, 0, 2 * EPSILON, 6 * EPSILON),
    ACT(CLIP, -0.3f, 6, 0, 0, 0),
    ACT(SOFTPLUS, 0, 0, 0, 2 * EPSILON, 3 * EPSILON),
    ACT(SQRT, 0, 0, 0, EPSILON, 0),
    ACT(NEG, 0, 0, 0, 0, 0),
    ACT(ABS, 0, 0, 0, 0, 0),
    ACT(EXP, 0, 0, 0, 4 * EPSILON, 0x1p-125),
    ACT(RECIPROCAL, 0, 0, 0, EPSILON, 0x1p-149),
    {"LOG", NET_ACT_LOG, 0, 0, 0, exact_activation, 4 * EPSILON, EPSILON, 0x1p-126f,
     3.4e38f},
    ACT(FLOOR, 0, 0, 0, 0, 0),
    ACT(CEIL, 0, 0, 0, 0, 0),
    ACT(TRUNC, 0, 0, 0, 0, 0),
    ACT(ROUND, 0, 0, 0, 0, 0),
    ACT(SIGN, 0, 0, 0, 0, 0),
    ACT(ERF, 0, 0, 0, 0, 14 * EPSILON),
    ACT(SELU, 1.67326319f, 1.05070102f, 0, 2 * EPSILON, 12 * EPSILON),
    ACT(CELU, 0.6f, 0, 0, 2 * EPSILON, 6 * EPSILON),
    ACT(MISH, 0, 0, 0, 8 * EPSILON, 0x1p-118),
    ACT(GELU, 0, 0, 0, 2 * EPSILON, 14 * EPSILON),
    ACT(GELU_TANH, 0, 0, 0, 8 * EPSILON, 10 * EPSILON),
    ACT(SWISH, 1, 0, 0, 8 * EPSILON, 0x1p-118),
    ACT(SOFTSIGN, 0, 0, 0, 2 * EPSILON, 0x1p-149),
    ACT(THRESHOLDED_RELU, 0.4f, 0, 0, 0, 0),
    ACT(SQUARE, 0, 0, 0, EPSILON, 0x1p-149),
    {"POWER", NET_ACT_POWER, 3, 0, 0, exact_activation, 0x1p-16, 0x1p-125, -1e12f, 1e12f},
    {"POWER -1.5", NET_ACT_POWER, -1.5f, 0, 0, exact_activation, 0x1p-16, 0x1p-125,
     0x1p-80f, 1e12f},
    ACT(ABOVE, 0.1f, 0, 0, 0, 0),
    ACT(AT_LEAST, 0.1f, 0, 0, 0, 0),
    ACT(EQUALS, 0, 0, 0, 0, 0),
    ACT(QUANTIZE, -128, 127, 0, 0, 0),
};
enum { FUNCTION_COUNT = sizeof(functions) / sizeof(*functions) };

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static void check(const struct function *f, const char *isa, float x, float y)
{
    if (isnan(x)) {
        bool test = f->function >= NET_ACT_ABOVE && f->function <= NET_ACT_EQUALS;
        if (test ? y != 0 : !isnan(y))
            fail_msg("%s, %s: %g of what is no number", f->name, isa, (double)y);
        return;
    }
    double exact = f->exact(f, (double)x);
    if (isnan(exact)) /* hard swish of -infinity: -infinity * 0 */
        return;
    double largest = 3.4028234663852886e38, error = (double)y - exact;
    bool ok = isinf(exact)            ? (double)y == exact
              : fabs(exact) > largest ? isinf(y) && (y > 0) == (exact > 0)
              : fabs(exact) > largest * (1 - f->relative)
                  ? isinf(y) || fabs(error) <= f->relative * fabs(exact)
                  : fabs(error) <= fmax(f->relative * fabs(exact), f->absolute);
    if (!ok)
        fail_msg("%s, %s: %a (%g) gives %a, not %a", f->name, isa, (double)x, (double)x,
                 (double)y, exact);
}

/* Special values first, then numbers of every magnitude and both signs: every
 * 4,099th float. */
static bool next_argument(uint64_t *i, float *x)
{
    static const float special[] = {
        0.0f,     -0.0f,    NAN,    INFINITY, -INFINITY, 0x1p-149f, -0x1p-149f, 3.4e38f,
        -3.4e38f, 88.7228f, 88.73f, -87.34f,  -103.0f,   1.0f,      -1.0f,      6.0f};
    if (*i < SPECIAL_COUNT) {
        *x = special[(*i)++];
        return true;
    }
    uint64_t bits = (*i - SPECIAL_COUNT) * 4099;
    (*i)++;
    if (bits > UINT32_MAX)
        return false;
    uint32_t word = (uint32_t)bits;
    memcpy(x, &word, sizeof(word));
    return true;
}

static void check_vector(const struct function *f, const float *x)
{
    uint32_t fused[LANES_MAX];
    bool have_fused = false;
    for (int i = 0; i < FORM_COUNT; i++) {
        if (!host_isa_choose(forms[i].name))
            continue;
        const struct act_form *form = forms[i].form;
        float wide[LANES_MAX], four[LANES_MAX];
        for (int at = 0; at < LANES_MAX; at += form->lanes())
            form->wide(f->function, f->alpha, f->beta, f->slope, x + at, wide + at);
        for (int at = 0; at < LANES_MAX; at += 4)
            form->four(f->function, f->alpha, f->beta, f->slope, x + at, four + at);
        bool is_fused = strcmp(forms[i].name, "generic") != 0;
        for (int k = 0; k < LANES_MAX; k++) {
            check(f, forms[i].name, x[k], wide[k]);
            if (bits_of(wide[k]) != bits_of(four[k]))
                fail_msg("%s, %s: %a gives %a as vec, %a as vec4", f->name, forms[i].name,
                         (double)x[k], (double)wide[k], (double)four[k]);
            if (is_fused && have_fused && !isnan(wide[k]) && fused[k] != bits_of(wide[k]))
                fail_msg("%s, %s: %a gives other bits", f->name, forms[i].name,
                         (double)x[k]);
            if (is_fused)
                fused[k] = bits_of(wide[k]);
        }
        have_fused = have_fused || is_fused;
    }
}

static void test_functions(void **state)
{
    (void)state;
    for (int n = 0; n < FUNCTION_COUNT; n++) {
        const struct function *f = &functions[n];
        float x[LANES_MAX], argument;
        int count = 0;
        for (uint64_t i = 0; next_argument(&i, &argument);) {
            if (isnan(argument) ? f->function == ACT_FORM_LOG
                                : argument < f->least || argument > f->most)
                continue;
            x[count++] = argument;
            if (count == LANES_MAX) {
                check_vector(f, x);
                count = 0;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
