#version 450
// ONNX Resize of H and W, nearest or linear without antialiasing.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_OUT(SLOT_OUTPUT, y0);

RESIZE_CONSTANTS(DECLARE_CONSTANT)
#define DECLARE_RESIZE(name, number) const int MODE_##name = number;
RESIZES(DECLARE_RESIZE)
#define DECLARE_COORDINATE(name, number) const int COORD_##name = number;
#define DECLARE_NEAREST(name, number) const int NEAREST_##name = number;
COORDINATES(DECLARE_COORDINATE)
NEARESTS(DECLARE_NEAREST)

DECLARE_PUSH(RESIZE_PUSH);

float coordinate(int o, int n_in, int n_out, float scale)
{
    if (COORD == COORD_ASYMMETRIC)
        return float(o) / scale;
    if (COORD == COORD_HALF_PIXEL)
        return (float(o) + 0.5) / scale - 0.5;
    if (COORD == COORD_PYTORCH_HALF_PIXEL)
        return n_out > 1 ? (float(o) + 0.5) / scale - 0.5 : 0.0;
    return n_out > 1 ? float(o) * float(n_in - 1) / float(n_out - 1) : 0.0;
}

int nearest(float i)
{
    // Coordinates within rounding error of a whole or half number count as that number: Vulkan
    // allows an error of 2.5 units in the last place for a division.
    const float grid = floor(i * 2.0 + 0.5) * 0.5;
    if (abs(i - grid) < 1e-4 + 5e-7 * abs(i))
        i = grid;
    if (NEAREST == NEAREST_FLOOR)
        return int(floor(i));
    if (NEAREST == NEAREST_CEIL)
        return int(ceil(i));
    if (NEAREST == NEAREST_ROUND_PREFER_FLOOR)
        return int(ceil(i - 0.5));
    return int(floor(i + 0.5));
}

// Weights of the four neighbours by Keys' cubic; t: from the second one.
vec4 cubic_weights(float t)
{
    const float a = CUBIC, r = 1.0 - t;
    return vec4(a * t * r * r, ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0,
                ((a + 2.0) * r - (a + 3.0)) * r * r + 1.0, a * r * t * t);
}

vec4 fetch(Affine f, int y, int x, int c)
{
    y = clamp(y, 0, push.in_h - 1);
    x = clamp(x, 0, push.in_w - 1);
    return apply0(f, LOAD(x0, (y * push.in_w + x) * push.c4 + c));
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.out_w)
        return;
    float iy = coordinate(y, push.in_h, push.out_h, push.scale_y);
    float ix = coordinate(x, push.in_w, push.out_w, push.scale_x);
    const int c = int(gl_WorkGroupID.z);
    const Affine f = load_affine0(c);
    vec4 v;
    if (MODE == MODE_CUBIC) {
        const int y_0 = int(floor(iy)), x_0 = int(floor(ix));
        const vec4 wy = cubic_weights(iy - float(y_0)), wx = cubic_weights(ix - float(x_0));
        v = vec4(0.0);
        for (int i = 0; i < 4; i++) {
            vec4 across = vec4(0.0);
            for (int k = 0; k < 4; k++)
                across += wx[k] * fetch(f, y_0 - 1 + i, x_0 - 1 + k, c);
            v += wy[i] * across;
        }
    } else if (MODE == MODE_LINEAR) {
        iy = clamp(iy, 0.0, float(push.in_h - 1));
        ix = clamp(ix, 0.0, float(push.in_w - 1));
        const int y_0 = int(floor(iy)), x_0 = int(floor(ix));
        const float fy = iy - float(y_0), fx = ix - float(x_0);
        const vec4 top = mix(fetch(f, y_0, x_0, c), fetch(f, y_0, x_0 + 1, c), fx);
        const vec4 low = mix(fetch(f, y_0 + 1, x_0, c), fetch(f, y_0 + 1, x_0 + 1, c), fx);
        v = mix(top, low, fy);
    } else {
        v = fetch(f, nearest(iy), nearest(ix), c);
    }
    STORE(y0, (y * push.out_w + x) * push.c4 + c, v);
}
