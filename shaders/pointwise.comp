#version 450
// Element by element: out = act(view0 OP view1), with broadcasting. Used for operators of two maps
// (in place where the plan allows it) and for views that the next kernel cannot apply.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_IN(SLOT_INPUT1, x1);
FLOATS_IN(SLOT_AFFINE1, affine1);
FLOATS_IN(SLOT_PARAMS, slopes); // [c] of PRELU
TENSOR_OUT(SLOT_OUTPUT, y0);

POINTWISE_CONSTANTS(DECLARE_CONSTANT)
VIEW1_CONSTANTS(DECLARE_CONSTANT)
OUTPUT_CONSTANTS(DECLARE_CONSTANT)
#define DECLARE_BINARY(name, number) const int OP_##name = number;
#define DECLARE_AXIS(name, number) const int AXIS_##name = number;
BINARIES(DECLARE_BINARY)
BROADCAST_AXES(DECLARE_AXIS)

DECLARE_PUSH(POINTWISE_PUSH);

int element(int broadcast, int y, int x, int c)
{
    const int w = (broadcast & AXIS_W) != 0 ? 1 : push.w;
    const int c4 = (broadcast & AXIS_C) != 0 ? 1 : push.c4;
    y = (broadcast & AXIS_H) != 0 ? 0 : y;
    x = (broadcast & AXIS_W) != 0 ? 0 : x;
    c = (broadcast & AXIS_C) != 0 ? 0 : c;
    return (y * w + x) * c4 + c;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const int c = int(gl_WorkGroupID.z);
    const Affine f0 = load_affine0((BROADCAST0 & AXIS_C) != 0 ? 0 : c);
    const int c1 = (BROADCAST1 & AXIS_C) != 0 ? 0 : c;
    Affine f1 = Affine(vec4(1.0), vec4(0.0));
    if (V1_AFFINE != 0)
        f1 = Affine(LOAD_FLOAT(affine1, 2 * c1), LOAD_FLOAT(affine1, 2 * c1 + 1));
    vec4 slope = vec4(0.0);
    if (ACT == ACT_PRELU)
        slope = LOAD_FLOAT(slopes, c);
    // Padding channels after the last one stay zero.
    const bvec4 used = lessThan(ivec4(4 * c) + ivec4(0, 1, 2, 3), ivec4(push.channels));
    // The view is applied to the operand's own channels, before broadcasting.
    vec4 a = apply0(f0, LOAD(x0, element(BROADCAST0, y, x, c)));
    if ((BROADCAST0 & AXIS_C) != 0)
        a = a.xxxx;
    if (OP != 0) {
        vec4 b = LOAD(x1, element(BROADCAST1, y, x, c));
        if (V1_AFFINE != 0)
            b = f1.a * b + f1.b;
        b = activate(V1_ACT, V1_ALPHA, V1_BETA, vec4(0.0), b);
        if ((BROADCAST1 & AXIS_C) != 0)
            b = b.xxxx;
        if (OP == OP_ADD)
            a += b;
        else if (OP == OP_SUB)
            a -= b;
        else if (OP == OP_MUL)
            a *= b;
        else if (OP == OP_DIV)
            a /= b;
        else if (OP == OP_POW)
            a = power(a, b);
        else if (OP == OP_MIN)
            a = min(a, b);
        else if (OP == OP_MAX)
            a = max(a, b);
        else if (OP == OP_GREATER)
            a = vec4(greaterThan(a, b));
        else if (OP == OP_GREATER_EQUAL)
            a = vec4(greaterThanEqual(a, b));
        else if (OP == OP_LESS)
            a = vec4(lessThan(a, b));
        else if (OP == OP_LESS_EQUAL)
            a = vec4(lessThanEqual(a, b));
        else
            a = vec4(equal(a, b));
    }
    a = mix(vec4(0.0), activate(ACT, ALPHA, BETA, slope, a), used);
    STORE(y0, (y * push.w + x) * push.c4 + c, a);
}
