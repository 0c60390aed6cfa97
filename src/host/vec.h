/* Vectors of the instruction set that the file is compiled for, by GCC's vector types.
 *
 * vec: as many floats as a register holds (VEC_FLOATS); vec4: one pixel or channel block,
 * like GLSL's. Neither needs an aligned address. Arithmetic is by operators; `mad` is the
 * multiply-add, fused where the instruction set has it. The build forbids the compiler to
 * fuse others (-ffp-contract=off), so that all instruction sets round alike. */
#ifndef DAUB_HOST_VEC_H
#define DAUB_HOST_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Name of a function or object in the copy for this instruction set. */
#define HOST_JOIN_(name, isa) name##_##isa
#define HOST_JOIN(name, isa)  HOST_JOIN_(name, isa)
#define HOST(name)            HOST_JOIN(name, HOST_ISA)

#if defined(__AVX512F__)
#define VEC_FLOATS 16
#elif defined(__AVX2__)
#define VEC_FLOATS 8
#else
#define VEC_FLOATS 4
#endif

typedef float vec __attribute__((vector_size(4 * VEC_FLOATS), aligned(4), may_alias));
typedef float vec4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t veci __attribute__((vector_size(4 * VEC_FLOATS), aligned(4), may_alias));
typedef int32_t vec4i __attribute__((vector_size(16), aligned(4), may_alias));

#define HOST_INLINE static inline __attribute__((always_inline, unused))

HOST_INLINE vec4 vec4_all(float x)
{
    return (vec4){x, x, x, x};
}

HOST_INLINE vec vec_all(float x)
{
    return x - (vec){0}; /* adding 0 would change -0 and cost an instruction */
}

/* a * b + c. GCC has no fused multiply-add of vector types, hence the intrinsics. */
HOST_INLINE vec vec_mad(vec a, vec b, vec c)
{
#if defined(__AVX512F__)
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

HOST_INLINE vec4 vec4_mad(vec4 a, vec4 b, vec4 c)
{
#if defined(__AVX2__)
    return (vec4)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#elif defined(__aarch64__)
    return (vec4)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

HOST_INLINE float float_mad(float a, float b, float c)
{
#if defined(__AVX2__) || defined(__aarch64__)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* a < b ? a : b in each element, and a > b ? a : b: b where one is not a number. */
HOST_INLINE vec vec_min(vec a, vec b)
{
#if defined(__AVX512F__)
    return (vec)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vec)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__x86_64__)
    return (vec)_mm_min_ps((__m128)a, (__m128)b);
#else
    vec4i less = a < b;
    return (vec)(((vec4i)a & less) | ((vec4i)b & ~less));
#endif
}

HOST_INLINE vec vec_max(vec a, vec b)
{
#if defined(__AVX512F__)
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__x86_64__)
    return (vec)_mm_max_ps((__m128)a, (__m128)b);
#else
    vec4i greater = a > b;
    return (vec)(((vec4i)a & greater) | ((vec4i)b & ~greater));
#endif
}

HOST_INLINE vec4 vec4_min(vec4 a, vec4 b)
{
#if defined(__x86_64__)
    return (vec4)_mm_min_ps((__m128)a, (__m128)b);
#else
    vec4i less = a < b;
    return (vec4)(((vec4i)a & less) | ((vec4i)b & ~less));
#endif
}

HOST_INLINE vec4 vec4_max(vec4 a, vec4 b)
{
#if defined(__x86_64__)
    return (vec4)_mm_max_ps((__m128)a, (__m128)b);
#else
    vec4i greater = a > b;
    return (vec4)(((vec4i)a & greater) | ((vec4i)b & ~greater));
#endif
}

HOST_INLINE vec4 vec4_sqrt(vec4 x)
{
#if defined(__x86_64__)
    return (vec4)_mm_sqrt_ps((__m128)x);
#elif defined(__aarch64__)
    return (vec4)vsqrtq_f32((float32x4_t)x);
#else
    return (vec4){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
#endif
}

HOST_INLINE vec vec_sqrt(vec x)
{
#if defined(__AVX512F__)
    return (vec)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
    return (vec)_mm256_sqrt_ps((__m256)x);
#else
    return (vec)vec4_sqrt((vec4)x);
#endif
}

HOST_INLINE float float_min(float a, float b)
{
    return a < b ? a : b;
}

HOST_INLINE float float_max(float a, float b)
{
    return a > b ? a : b;
}

HOST_INLINE int int_min(int a, int b)
{
    return a < b ? a : b;
}

HOST_INLINE int int_max(int a, int b)
{
    return a > b ? a : b;
}

/* What is not a number stays so. */
#define HOST_CLAMP(type, name)                                                           \
    HOST_INLINE type name##_clamp(type x, type low, type high)                           \
    {                                                                                    \
        return name##_min(high, name##_max(low, x));                                     \
    }
HOST_CLAMP(vec, vec)
HOST_CLAMP(vec4, vec4)
HOST_CLAMP(float, float)
HOST_CLAMP(int, int)
#undef HOST_CLAMP

/* mask: all bits of an element set, as comparisons make them, or none. */
HOST_INLINE vec4 vec4_select(vec4i mask, vec4 yes, vec4 no)
{
    return (vec4)(((vec4i)yes & mask) | ((vec4i)no & ~mask));
}

HOST_INLINE vec4 vec4_abs(vec4 x)
{
    return (vec4)((vec4i)x & INT32_MAX);
}

HOST_INLINE vec vec_load(const float *from)
{
    return *(const vec *)from;
}

HOST_INLINE void vec_store(float *to, vec x)
{
    *(vec *)to = x;
}

HOST_INLINE vec vec_select(veci mask, vec yes, vec no)
{
    return (vec)(((veci)yes & mask) | ((veci)no & ~mask));
}

HOST_INLINE vec vec_abs(vec x)
{
    return (vec)((veci)x & INT32_MAX);
}

/* Of each lane, four neighboring elements: elements i, j of a's and k, l of b's. */
#define VEC_LANE_(n, i, j, k, l)                                                         \
    (i) + 4 * (n), (j) + 4 * (n), VEC_FLOATS + (k) + 4 * (n), VEC_FLOATS + (l) + 4 * (n)
#if VEC_FLOATS == 16
#define VEC_LANES_(i, j, k, l)                                                           \
    VEC_LANE_(0, i, j, k, l), VEC_LANE_(1, i, j, k, l), VEC_LANE_(2, i, j, k, l),        \
        VEC_LANE_(3, i, j, k, l)
#elif VEC_FLOATS == 8
#define VEC_LANES_(i, j, k, l) VEC_LANE_(0, i, j, k, l), VEC_LANE_(1, i, j, k, l)
#else
#define VEC_LANES_(i, j, k, l) VEC_LANE_(0, i, j, k, l)
#endif

/* Transposes the 4x4 elements that lane n of the four vectors has, for every n. */
HOST_INLINE void vec_transpose_lanes(vec r[4])
{
    vec a = __builtin_shufflevector(r[0], r[1], VEC_LANES_(0, 1, 0, 1));
    vec b = __builtin_shufflevector(r[0], r[1], VEC_LANES_(2, 3, 2, 3));
    vec c = __builtin_shufflevector(r[2], r[3], VEC_LANES_(0, 1, 0, 1));
    vec d = __builtin_shufflevector(r[2], r[3], VEC_LANES_(2, 3, 2, 3));
    r[0] = __builtin_shufflevector(a, c, VEC_LANES_(0, 2, 0, 2));
    r[1] = __builtin_shufflevector(a, c, VEC_LANES_(1, 3, 1, 3));
    r[2] = __builtin_shufflevector(b, d, VEC_LANES_(0, 2, 0, 2));
    r[3] = __builtin_shufflevector(b, d, VEC_LANES_(1, 3, 1, 3));
}

/* Stores lane n at to + n * step, for the first lanes. */
HOST_INLINE void vec_store_lanes(vec x, int lanes, float *to, size_t step)
{
    *(vec4 *)to = __builtin_shufflevector(x, x, 0, 1, 2, 3);
#if VEC_FLOATS >= 8
    if (lanes > 1)
        *(vec4 *)(to + step) = __builtin_shufflevector(x, x, 4, 5, 6, 7);
#endif
#if VEC_FLOATS >= 16
    if (lanes > 2)
        *(vec4 *)(to + 2 * step) = __builtin_shufflevector(x, x, 8, 9, 10, 11);
    if (lanes > 3)
        *(vec4 *)(to + 3 * step) = __builtin_shufflevector(x, x, 12, 13, 14, 15);
#endif
    (void)lanes, (void)step;
}

/* The nearest whole number; |x| below 2^22. */
HOST_INLINE vec vec_round(vec x)
{
    return x + 12582912.0f - 12582912.0f; /* 1.5 * 2^23 */
}

/* Without the fraction; |x| below 2^31. */
HOST_INLINE vec vec_whole(vec x)
{
    return __builtin_convertvector(__builtin_convertvector(x, veci), vec);
}

#endif
