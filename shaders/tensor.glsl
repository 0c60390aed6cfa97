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
