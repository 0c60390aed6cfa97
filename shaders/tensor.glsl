// How kernels reach memory: all of it is storage buffers. An activation is [H][W][C/4] vec4,
// channels padded to a multiple of four with zeros; element i of it is vector (y W + x) C/4 + c.
// TENSOR, activations and weights, follows the precision; FP16 packs two halves into a word, so no
// 16-bit feature is needed. FLOATS are always 32 bit.
#extension GL_EXT_control_flow_attributes : require
#include "contract.h"

#define DECLARE_SLOT(name, slot) const int name = slot;
#define DECLARE_CONSTANT(id, type, name, value) layout(constant_id = id) const type name = value;
#define DECLARE_FIELD(type, name) type name;
#define DECLARE_PUSH(fields) layout(push_constant) uniform Push { fields(DECLARE_FIELD) } push

NETWORK_SLOTS(DECLARE_SLOT)
LANES_CONSTANTS(DECLARE_CONSTANT)
layout(local_size_x_id = 0) in; // LANES

#ifdef FP16
#define ACT_TYPE uvec2
vec4 unpack_act(uvec2 h)
{
    return vec4(unpackHalf2x16(h.x), unpackHalf2x16(h.y));
}
uvec2 pack_act(vec4 v)
{
    return uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw));
}
#else
#define ACT_TYPE vec4
#define unpack_act(v) (v)
#define pack_act(v) (v)
#endif

#define TENSOR_OUT(b, name) layout(set = 0, binding = b, std430) writeonly buffer B_##name { ACT_TYPE data[]; } name
#define FLOATS_OUT(b, name) layout(set = 0, binding = b, std430) writeonly buffer B_##name { vec4 data[]; } name
#define STORE(name, i, v) name.data[i] = pack_act(v)
#define STORE_FLOAT(name, i, v) name.data[i] = v

#define TENSOR_IN(b, name) layout(set = 0, binding = b, std430) readonly buffer B_##name { ACT_TYPE data[]; } name
#define FLOATS_IN(b, name) layout(set = 0, binding = b, std430) readonly buffer B_##name { vec4 data[]; } name
#define LOAD(name, i) unpack_act(name.data[i])
#define LOAD_FLOAT(name, i) (name.data[i])

// The value that a load returns after v was stored. Statistics are made of these values: on a
// constant map the difference from the mean must be exactly zero, or a normalization amplifies
// the rounding error.
vec4 stored(vec4 v)
{
#ifdef FP16
    // Rounded to 11 bits, or to a multiple of 2^-24 where the half is subnormal. Not by
    // packHalf2x16: compilers may remove it together with its inverse, and round as they like.
    const uvec4 bits = floatBitsToUint(v);
    const vec4 normal = uintBitsToFloat((bits + 0xFFFu + (bits >> 13 & 1u)) & ~0x1FFFu);
    const vec4 subnormal = roundEven(v * 16777216.0) / 16777216.0;
    return mix(normal, subnormal, lessThan(abs(v), vec4(6.103515625e-5)));
#else
    return v;
#endif
}

#define DECLARE_ACT(name, number) const int ACT_##name = number;
ACTIVATIONS(DECLARE_ACT)

// Error function by Abramowitz and Stegun 7.1.26; absolute error below 2e-7.
vec4 error_function(vec4 x)
{
    const vec4 size = abs(x), t = 1.0 / (1.0 + 0.3275911 * size);
    vec4 p = 1.061405429 * t - 1.453152027;
    p = p * t + 1.421413741;
    p = p * t - 0.284496736;
    p = p * t + 0.254829592;
    return sign(x) * (1.0 - p * t * exp(-min(size * size, 80.0)));
}

// x^y. GLSL's pow knows no negative x.
vec4 power(vec4 x, vec4 y)
{
    const float INFINITY = uintBitsToFloat(0x7F800000u), NO_NUMBER = uintBitsToFloat(0x7FC00000u);
    const vec4 p = exp2(y * log2(max(abs(x), 1.17549435e-38)));
    const bvec4 odd = notEqual(floor(y * 0.5), y * 0.5);
    vec4 negative = mix(vec4(NO_NUMBER), mix(p, -p, odd), equal(floor(y), y));
    vec4 none = mix(vec4(0.0), vec4(INFINITY), lessThan(y, vec4(0.0)));
    none = mix(none, vec4(1.0), equal(y, vec4(0.0)));
    return mix(mix(p, negative, lessThan(x, vec4(0.0))), none, equal(x, vec4(0.0)));
}

vec4 activate_rare(int kind, float alpha, float beta, vec4 x)
{
    switch (kind) {
    case ACT_SQRT:
        return sqrt(x);
    case ACT_NEG:
        return -x;
    case ACT_ABS:
        return abs(x);
    case ACT_EXP:
        return exp(x);
    case ACT_RECIPROCAL:
        return 1.0 / x;
    case ACT_LOG:
        return log(x);
    case ACT_FLOOR:
        return floor(x);
    case ACT_CEIL:
        return ceil(x);
    case ACT_TRUNC:
        return trunc(x);
    case ACT_ROUND:
        return roundEven(x);
    case ACT_SIGN:
        return sign(x);
    case ACT_ERF:
        return error_function(x);
    case ACT_SELU:
        return beta * (max(x, 0.0) + alpha * (exp(min(x, 0.0)) - 1.0));
    case ACT_CELU:
        return max(x, 0.0) + alpha * (exp(min(x, 0.0) / alpha) - 1.0);
    case ACT_MISH: {
        const vec4 e = exp(min(x, 30.0)), r = e * (e + 2.0);
        return x * (r / (r + 2.0));
    }
    case ACT_GELU:
        return x * 0.5 * (1.0 + error_function(x * 0.70710678));
    case ACT_GELU_TANH:
        return x / (1.0 + exp(-clamp(1.595769122 * (x + 0.044715 * x * x * x), -80.0, 80.0)));
    case ACT_SWISH:
        return x / (1.0 + exp(-clamp(alpha * x, -80.0, 80.0)));
    case ACT_SOFTSIGN:
        return x / (1.0 + abs(x));
    case ACT_THRESHOLDED_RELU:
        return mix(vec4(0.0), x, greaterThan(x, vec4(alpha)));
    case ACT_SQUARE:
        return x * x;
    case ACT_POWER:
        return power(x, vec4(alpha));
    case ACT_ABOVE:
        return vec4(greaterThan(x, vec4(alpha)));
    case ACT_AT_LEAST:
        return vec4(greaterThanEqual(x, vec4(alpha)));
    case ACT_QUANTIZE:
        return clamp(roundEven(x), alpha, beta);
    case ACT_EQUALS:
        return vec4(equal(x, vec4(alpha)));
    }
    return x;
}

vec4 activate(int kind, float alpha, float beta, vec4 slope, vec4 x)
{
    if (kind == ACT_RELU)
        return max(x, 0.0);
    if (kind == ACT_LEAKY_RELU)
        return max(x, 0.0) + alpha * min(x, 0.0);
    if (kind == ACT_PRELU)
        return max(x, 0.0) + slope * min(x, 0.0);
    if (kind == ACT_ELU)
        return max(x, 0.0) + alpha * (exp(min(x, 0.0)) - 1.0);
    if (kind == ACT_TANH) {
        vec4 e = exp(-2.0 * min(abs(x), 20.0));
        return sign(x) * (1.0 - e) / (1.0 + e);
    }
    if (kind == ACT_SIGMOID)
        return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
    if (kind == ACT_HARD_SIGMOID)
        return clamp(alpha * x + beta, 0.0, 1.0);
    if (kind == ACT_HARD_SWISH)
        return x * clamp(x / 6.0 + 0.5, 0.0, 1.0);
    if (kind == ACT_CLIP)
        return clamp(x, alpha, beta);
    if (kind == ACT_SOFTPLUS)
        return max(x, 0.0) + log(1.0 + exp(-abs(x)));
    if (kind >= ACT_SQRT)
        return activate_rare(kind, alpha, beta, x);
    return x;
}

#define DECLARE_PADDING(name, number) const int PAD_##name = number;
PADDINGS(DECLARE_PADDING)

// Index in 0..n-1 of the padded coordinate i. Coordinates that the mode gives no pixel are
// clamped; with PAD_ZERO the caller replaces what is read there by zeros.
int pad_index(int mode, int i, int n)
{
    if (mode == PAD_REFLECT) {
        i = abs(i);
        i = min(i, 2 * n - 2 - i);
    }
    return clamp(i, 0, n - 1);
}
