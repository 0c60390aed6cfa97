#version 450
// The shown painting: the one of the frame before, moved along the flow, where it is
// trusted, and the network's own elsewhere. Strokes are carried, not averaged: the mean of
// two strokes is no stroke.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"
#include "painting.glsl"

TENSOR_IN(1, history);
FLOATS_IN(3, trust);
FLOATS_IN(4, local); // of temporal_local.comp
TENSOR_OUT(6, shown); // R G B in 0..1

layout(push_constant) uniform Push {
    int w, h;
    int painted_stride;   // pixels
    int trust_w, trust_h;
    int local_w, local_h;
    int step;             // picture pixels a pixel of trust
    float scale, shift;   // net value to 0..1
} push;

// Below this way, in pixels, nothing is resampled: a still scene stays as sharp as it is.
const float STILL = 0.05;

vec4 history_at(int x, int y)
{
    return LOAD(history, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1));
}

// Weights of Catmull and Rom's spline (1974) for the pixels -1, 0, 1, 2.
vec4 spline(float f)
{
    const float g = 1.0 - f;
    return 0.5 * vec4(-f * g * g, 2.0 + f * f * (3.0 * f - 5.0), 2.0 + g * g * (3.0 * g - 5.0),
                      -g * f * f);
}

vec4 moved(vec2 p)
{
    const vec2 whole = floor(p), f = p - whole;
    const int x = int(whole.x), y = int(whole.y);
    const vec4 wx = spline(f.x), wy = spline(f.y);
    vec4 sum = vec4(0.0);
    [[unroll]] for (int j = 0; j < 4; j++) {
        vec4 row = vec4(0.0);
        [[unroll]] for (int i = 0; i < 4; i++)
            row += wx[i] * history_at(x + i - 1, y + j - 1);
        sum += wy[j] * row;
    }
    return sum;
}

vec4 trust_at(vec2 p)
{
    p = clamp(p, vec2(0.0), vec2(push.trust_w - 1, push.trust_h - 1));
    const vec2 whole = floor(p), f = p - whole;
    const int x = int(whole.x), y = int(whole.y);
    const int x_1 = min(x + 1, push.trust_w - 1), y_1 = min(y + 1, push.trust_h - 1);
    return mix(mix(LOAD_FLOAT(trust, y * push.trust_w + x),
                   LOAD_FLOAT(trust, y * push.trust_w + x_1), f.x),
               mix(LOAD_FLOAT(trust, y_1 * push.trust_w + x),
                   LOAD_FLOAT(trust, y_1 * push.trust_w + x_1), f.x), f.y);
}

// Mean and mean square of the painting around p.
mat2x3 local_at(vec2 p)
{
    p = clamp((p + 0.5) / 4.0 - 0.5, vec2(0.0), vec2(push.local_w - 1, push.local_h - 1));
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, ivec2(push.local_w, push.local_h) - 1);
    const vec2 f = p - vec2(a);
    mat2x3 m = mat2x3(0.0);
    [[unroll]] for (int k = 0; k < 4; k++) {
        const ivec2 c = ivec2((k & 1) != 0 ? b.x : a.x, (k & 2) != 0 ? b.y : a.y);
        const float weight = ((k & 1) != 0 ? f.x : 1.0 - f.x) * ((k & 2) != 0 ? f.y : 1.0 - f.y);
        const int at = 2 * (c.y * push.local_w + c.x);
        m[0] += weight * LOAD_FLOAT(local, at).xyz;
        m[1] += weight * LOAD_FLOAT(local, at + 1).xyz;
    }
    return m;
}

// A carried stroke may be none that the network would paint here, as it left with what it
// was painted on: it may go this many standard deviations from the mean around.
const float REACH = 3.0, LEAST = 0.04, OVER = 0.08;

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const Affine f = load_affine0(0);
    const vec3 painted =
        clamp(painted_at(x, y, push.painted_stride, f) * push.scale + push.shift, 0.0, 1.0);
    const vec4 t = trust_at((vec2(x, y) + 0.5) / float(push.step) - 0.5);
    const vec2 from = vec2(x, y) + t.xy;
    float m = t.z;
    if (from.x < 0.0 || from.y < 0.0 || from.x > float(push.w - 1) || from.y > float(push.h - 1))
        m = 0.0;
    vec4 before = history_at(x, y);
    if (max(abs(t.x), abs(t.y)) > STILL)
        before = moved(from);
    const mat2x3 around = local_at(vec2(x, y));
    const vec3 reach = REACH * sqrt(max(around[1] - around[0] * around[0], 0.0)) + LEAST;
    const vec3 over = abs(before.xyz - around[0]) - reach;
    m *= clamp(1.0 - max(over.x, max(over.y, over.z)) / OVER, 0.0, 1.0);
    const vec3 rgb = mix(painted, clamp(before.xyz, 0.0, 1.0), m);
    STORE(shown, y * push.w + x, vec4(rgb, 0.0));
}
