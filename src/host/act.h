/* Activations and padding, as shaders/tensor.glsl has them, for vec, vec4 and floats. */
#ifndef DAUB_HOST_ACT_H
#define DAUB_HOST_ACT_H

#include "host/vec.h"
#include "net/graph.h"

/* e^x = 2^k e^r with |r| <= ln 2 / 2, e^r by a polynomial (Cephes library,
 * Moshier); relative error below 2^-22. Results below 2^-125 become 0. */
#define HOST_EXP(type, itype, name)                                                      \
    HOST_INLINE type name##_exp(type x)                                                  \
    {                                                                                    \
        const type zero = {0};                                                           \
        x = name##_clamp(x, zero - 88.0f, zero + 89.0f);                                 \
        /* Adding 1.5 * 2^23 rounds to a whole number. */                                \
        type k = name##_mad(x, zero + 1.44269504f, zero + 12582912.0f) - 12582912.0f;    \
        type r = name##_mad(k, zero - 0.693359375f, x);                                  \
        r = name##_mad(k, zero + 2.12194440e-4f, r);                                     \
        type p = zero + 1.9875691500e-4f;                                                \
        p = name##_mad(p, r, zero + 1.3981999507e-3f);                                   \
        p = name##_mad(p, r, zero + 8.3334519073e-3f);                                   \
        p = name##_mad(p, r, zero + 4.1665795894e-2f);                                   \
        p = name##_mad(p, r, zero + 1.6666665459e-1f);                                   \
        p = name##_mad(p, r, zero + 5.0000001201e-1f);                                   \
        p = name##_mad(p, r * r, r + 1.0f);                                              \
        /* k - 1, because 2^k would be too large for the greatest results. */            \
        itype bits = (__builtin_convertvector(k, itype) + 126) << 23;                    \
        return (p + p) * (type)(bits & (bits > 0));                                      \
    }

/* Natural logarithm of x >= 2^-126 (Cephes library, Moshier). */
#define HOST_LOG(type, itype, name)                                                      \
    HOST_INLINE type name##_log(type x)                                                  \
    {                                                                                    \
        const type zero = {0};                                                           \
        itype bits = (itype)x;                                                           \
        itype e = (bits >> 23) - 126;                                                    \
        type m = (type)((bits & 0x007fffff) | 0x3f000000); /* [1/2, 1) */                \
        itype small = m < zero + 0.707106781f;                                           \
        e += small; /* -1 where small */                                                 \
        m = m + (type)((itype)m & small) - 1.0f;                                         \
        type z = m * m;                                                                  \
        type p = zero + 7.0376836292e-2f;                                                \
        p = name##_mad(p, m, zero - 1.1514610310e-1f);                                   \
        p = name##_mad(p, m, zero + 1.1676998740e-1f);                                   \
        p = name##_mad(p, m, zero - 1.2420140846e-1f);                                   \
        p = name##_mad(p, m, zero + 1.4249322787e-1f);                                   \
        p = name##_mad(p, m, zero - 1.6668057665e-1f);                                   \
        p = name##_mad(p, m, zero + 2.0000714765e-1f);                                   \
        p = name##_mad(p, m, zero - 2.4999993993e-1f);                                   \
        p = name##_mad(p, m, zero + 3.3333331174e-1f);                                   \
        type f = __builtin_convertvector(e, type);                                       \
        type y = m * z * p;                                                              \
        y = name##_mad(f, zero - 2.12194440e-4f, y);                                     \
        y = name##_mad(z, zero - 0.5f, y);                                               \
        return name##_mad(f, zero + 0.693359375f, m + y);                                \
    }

/* Error function by Abramowitz and Stegun 7.1.26; absolute error below 2e-7. */
#define HOST_ERF(type, itype, name)                                                      \
    HOST_INLINE type name##_erf(type x)                                                  \
    {                                                                                    \
        const type zero = {0};                                                           \
        type size = name##_abs(x);                                                       \
        type t = 1.0f / name##_mad(size, zero + 0.3275911f, zero + 1.0f);                \
        type p = name##_mad(t, zero + 1.061405429f, zero - 1.453152027f);                \
        p = name##_mad(p, t, zero + 1.421413741f);                                       \
        p = name##_mad(p, t, zero - 0.284496736f);                                       \
        p = name##_mad(p, t, zero + 0.254829592f);                                       \
        type e = name##_exp(name##_max(zero - 100.0f, size * -size));                    \
        type y = 1.0f - p * t * e;                                                       \
        return (type)((itype)y | ((itype)x & INT32_MIN)); /* the sign of x */            \
    }

/* x^y, by |x|^y = exp(y log |x|). */
#define HOST_POWER(type, itype, name)                                                    \
    HOST_INLINE type name##_truncated(type x)                                            \
    {                                                                                    \
        /* Beyond 2^23 all floats are whole. */                                          \
        itype small = name##_abs(x) < 8388608.0f;                                        \
        type whole = __builtin_convertvector(                                            \
            __builtin_convertvector((type)((itype)x & small), itype), type);             \
        whole = (type)((itype)whole | ((itype)x & INT32_MIN));                           \
        return name##_select(small, whole, x);                                           \
    }                                                                                    \
    HOST_INLINE type name##_floor(type x)                                                \
    {                                                                                    \
        type whole = name##_truncated(x);                                                \
        return name##_select(whole > x, whole - 1.0f, whole);                            \
    }                                                                                    \
    HOST_INLINE type name##_power(type x, type y)                                        \
    {                                                                                    \
        const type zero = {0};                                                           \
        type size = name##_max(zero + 1.17549435e-38f, name##_abs(x));                   \
        type p = name##_exp(y * name##_log(size));                                       \
        type none = (type)((itype)(zero + INFINITY) & (y < zero));                       \
        none = name##_select(y == zero, zero + 1.0f, none);                              \
        p = name##_select(x == zero, none, p);                                           \
        type half = y * 0.5f;                                                            \
        itype whole = name##_truncated(y) == y;                                          \
        itype odd = whole & (name##_truncated(half) != half);                            \
        type negative = name##_select(odd, -p, p);                                       \
        negative = name##_select(whole, negative, zero + NAN);                           \
        p = name##_select(x < zero, negative, p);                                        \
        return name##_select((x == x) & (y == y), p, x + y);                             \
    }

/* The activations that no model of daub's own uses: inline only where the kind is
 * constant, so that they do not make the loops of convolutions longer. */
#define HOST_FUNCTION(type, itype, name)                                                 \
    HOST_INLINE type name##_one_where(itype mask)                                        \
    {                                                                                    \
        return (type)((itype)name##_all(1.0f) & mask);                                   \
    }                                                                                    \
    HOST_INLINE type name##_rounded(type x)                                              \
    {                                                                                    \
        type size = name##_abs(x);                                                       \
        type whole = size + 8388608.0f - 8388608.0f;                                     \
        whole = name##_select(size < 8388608.0f, whole, size);                           \
        return (type)((itype)whole | ((itype)x & INT32_MIN));                            \
    }                                                                                    \
    HOST_INLINE type name##_logistic(type x)                                             \
    {                                                                                    \
        return 1.0f / (name##_exp(-x) + 1.0f);                                           \
    }                                                                                    \
    HOST_INLINE type name##_function(enum net_act act, float alpha, float beta, type x)  \
    {                                                                                    \
        const type zero = {0};                                                           \
        type e, r;                                                                       \
        switch (act) {                                                                   \
        case NET_ACT_SQRT:                                                               \
            return name##_sqrt(x);                                                       \
        case NET_ACT_NEG:                                                                \
            return -x;                                                                   \
        case NET_ACT_ABS:                                                                \
            return name##_abs(x);                                                        \
        case NET_ACT_EXP:                                                                \
            return name##_exp(x);                                                        \
        case NET_ACT_RECIPROCAL:                                                         \
            return 1.0f / x;                                                             \
        case NET_ACT_LOG:                                                                \
            r = name##_log(name##_max(zero + 1.17549435e-38f, x));                       \
            r = name##_select(x == zero, zero - INFINITY, r);                            \
            return name##_select(x >= zero, r, zero + NAN);                              \
        case NET_ACT_FLOOR:                                                              \
            return name##_floor(x);                                                      \
        case NET_ACT_CEIL:                                                               \
            return -name##_floor(-x);                                                    \
        case NET_ACT_TRUNC:                                                              \
            return name##_truncated(x);                                                  \
        case NET_ACT_ROUND:                                                              \
            return name##_rounded(x);                                                    \
        case NET_ACT_QUANTIZE:                                                           \
            return name##_clamp(name##_rounded(x), zero + alpha, zero + beta);           \
        case NET_ACT_SIGN:                                                               \
            r = name##_one_where(x > zero) - name##_one_where(x < zero);                 \
            return name##_select(x == x, r, x);                                          \
        case NET_ACT_ERF:                                                                \
            return name##_erf(x);                                                        \
        case NET_ACT_SELU:                                                               \
            e = name##_exp(name##_min(zero, x)) - 1.0f;                                  \
            return (name##_max(zero, x) + e * alpha) * beta;                             \
        case NET_ACT_CELU:                                                               \
            e = name##_exp(name##_min(zero, x) / alpha) - 1.0f;                          \
            return name##_max(zero, x) + e * alpha;                                      \
        case NET_ACT_MISH:                                                               \
            e = name##_exp(name##_min(zero + 30.0f, x));                                 \
            r = e * (e + 2.0f);                                                          \
            return x * (r / (r + 2.0f));                                                 \
        case NET_ACT_GELU:                                                               \
            return x * 0.5f * (name##_erf(x * 0.707106781f) + 1.0f);                     \
        case NET_ACT_GELU_TANH:                                                          \
            r = name##_mad(x * x, x * 0.044715f, x) * 1.595769122f;                      \
            return x * name##_logistic(r);                                               \
        case NET_ACT_SWISH:                                                              \
            return x * name##_logistic(x * alpha);                                       \
        case NET_ACT_SOFTSIGN:                                                           \
            return x / (name##_abs(x) + 1.0f);                                           \
        case NET_ACT_THRESHOLDED_RELU:                                                   \
            return (type)((itype)x & ~(itype)(x <= alpha));                              \
        case NET_ACT_SQUARE:                                                             \
            return x * x;                                                                \
        case NET_ACT_POWER:                                                              \
            return name##_power(x, zero + alpha);                                        \
        case NET_ACT_ABOVE:                                                              \
            return name##_one_where(x > alpha);                                          \
        case NET_ACT_AT_LEAST:                                                           \
            return name##_one_where(x >= alpha);                                         \
        case NET_ACT_EQUALS:                                                             \
            return name##_one_where(x == alpha);                                         \
        default:                                                                         \
            return x;                                                                    \
        }                                                                                \
    }                                                                                    \
    static __attribute__((noinline, unused))                                             \
    type name##_rare_function(enum net_act act, float alpha, float beta, type x)         \
    {                                                                                    \
        return name##_function(act, alpha, beta, x);                                     \
    }

#define HOST_ACTIVATE(type, itype, name)                                                 \
    HOST_INLINE type name##_tanh(type x)                                                 \
    {                                                                                    \
        const type zero = {0};                                                           \
        type size = name##_min(zero + 20.0f, name##_abs(x));                             \
        type e = name##_exp(size * -2.0f);                                               \
        type t = (1.0f - e) / (e + 1.0f);                                                \
        return (type)((itype)t | ((itype)x & INT32_MIN)); /* the sign of x */            \
    }                                                                                    \
    HOST_INLINE type name##_activate(enum net_act act, float alpha, float beta,          \
                                     type slope, type x)                                 \
    {                                                                                    \
        const type zero = {0};                                                           \
        switch (act) {                                                                   \
        case NET_ACT_NONE:                                                               \
            return x;                                                                    \
        case NET_ACT_RELU:                                                               \
            return name##_max(zero, x);                                                  \
        case NET_ACT_LEAKY_RELU:                                                         \
            return name##_max(zero, x) + name##_min(zero, x) * alpha;                    \
        case NET_ACT_PRELU:                                                              \
            return name##_max(zero, x) + name##_min(zero, x) * slope;                    \
        case NET_ACT_ELU:                                                                \
            return name##_max(zero, x) +                                                 \
                   (name##_exp(name##_min(zero, x)) - 1.0f) * alpha;                     \
        case NET_ACT_TANH:                                                               \
            return name##_tanh(x);                                                       \
        case NET_ACT_SIGMOID:                                                            \
            return name##_logistic(x);                                                   \
        case NET_ACT_HARD_SIGMOID:                                                       \
            return name##_clamp(x * alpha + beta, zero, zero + 1.0f);                    \
        case NET_ACT_HARD_SWISH:                                                         \
            return x * name##_clamp(x / 6.0f + 0.5f, zero, zero + 1.0f);                 \
        case NET_ACT_CLIP:                                                               \
            return name##_clamp(x, zero + alpha, zero + beta);                           \
        case NET_ACT_SOFTPLUS:                                                           \
            return name##_max(zero, x) + name##_log(name##_exp(-name##_abs(x)) + 1.0f);  \
        default:                                                                         \
            return __builtin_constant_p(act)                                             \
                       ? name##_function(act, alpha, beta, x)                            \
                       : name##_rare_function(act, alpha, beta, x);                      \
        }                                                                                \
    }

HOST_EXP(vec, veci, vec)
HOST_LOG(vec, veci, vec)
HOST_ERF(vec, veci, vec)
HOST_POWER(vec, veci, vec)
HOST_FUNCTION(vec, veci, vec)
HOST_ACTIVATE(vec, veci, vec)
HOST_EXP(vec4, vec4i, vec4)
HOST_LOG(vec4, vec4i, vec4)
HOST_ERF(vec4, vec4i, vec4)
HOST_POWER(vec4, vec4i, vec4)
HOST_FUNCTION(vec4, vec4i, vec4)
HOST_ACTIVATE(vec4, vec4i, vec4)

#undef HOST_EXP
#undef HOST_LOG
#undef HOST_ERF
#undef HOST_POWER
#undef HOST_FUNCTION
#undef HOST_ACTIVATE

/* Index in 0..n-1 of the padded coordinate i. Coordinates that the mode gives no pixel
 * are clamped; with zero and constant padding the caller replaces what is read there. */
HOST_INLINE int pad_index(int mode, int i, int n)
{
    if (mode == NET_PAD_REFLECT) {
        i = i < 0 ? -i : i;
        i = int_min(i, 2 * n - 2 - i);
    }
    return int_clamp(i, 0, n - 1);
}

#endif
