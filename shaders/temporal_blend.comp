#version 450
// The shown painting: the anchor or the one of the frame before, moved along the flow, where
// that is trusted, and the network's own elsewhere. Strokes are carried, not averaged: the
// mean of two strokes is no stroke.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "temporal.glsl"
#include "view.glsl"
#include "painting.glsl"

TENSOR_IN(1, paintings);
FLOATS_IN(3, trust);   // of temporal_trust.comp
FLOATS_IN(4, local);   // of temporal_local.comp
TENSOR_OUT(6, shown); // R G B in 0..1

layout(push_constant) uniform Push {
    int w, h;
    int painted_stride;   // pixels
    int trust_w, trust_h;
    int local_w, local_h;
    int step;             // picture pixels a pixel of trust
    int before, anchor;   // where these paintings begin
    float scale, shift;   // net value to 0..1
} push;

// Ways so near to whole pixels are: a still scene stays as sharp as it is.
const float WHOLE = 0.05;

// Weights of Keys' cubic convolution (1981) for the pixels -1, 0, 1, 2; -1 keeps strokes
// crisp.
const float SHARP = -1.0;

vec4 cubic(float f)
{
    const float g = 1.0 - f;
    return vec4(SHARP * f * g * g, 1.0 + f * f * ((SHARP + 2.0) * f - SHARP - 3.0),
                1.0 + g * g * ((SHARP + 2.0) * g - SHARP - 3.0), SHARP * g * f * f);
}

// The painting that begins at base, at p.
vec4 sample_at(int base, vec2 p)
{
    const ivec2 a = ivec2(floor(p)), most = ivec2(push.w, push.h) - 1;
    const vec2 f = p - vec2(a);
    const vec4 wx = cubic(f.x), wy = cubic(f.y);
    vec4 sum = vec4(0.0);
    [[unroll]] for (int j = 0; j < 4; j++) {
        const int row = base + clamp(a.y + j - 1, 0, most.y) * push.w;
        vec4 of_row = vec4(0.0);
        [[unroll]] for (int i = 0; i < 4; i++)
            of_row += wx[i] * LOAD(paintings, row + clamp(a.x + i - 1, 0, most.x));
        sum += wy[j] * of_row;
    }
    return sum;
}

// The two vectors of trust at p of its map; ways to the anchor count where there is one.
mat2x4 trust_at(vec2 p)
{
    p = clamp(p, vec2(0.0), vec2(push.trust_w - 1, push.trust_h - 1));
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, ivec2(push.trust_w, push.trust_h) - 1);
    const vec2 f = p - vec2(a);
    mat2x4 m = mat2x4(0.0);
    [[unroll]] for (int k = 0; k < 4; k++) {
        const ivec2 c = ivec2((k & 1) != 0 ? b.x : a.x, (k & 2) != 0 ? b.y : a.y);
        const float weight = ((k & 1) != 0 ? f.x : 1.0 - f.x) * ((k & 2) != 0 ? f.y : 1.0 - f.y);
        const int at = 2 * (c.y * push.trust_w + c.x);
        const vec4 way = LOAD_FLOAT(trust, at + 1);
        m[0] += weight * LOAD_FLOAT(trust, at);
        m[1] += weight * way.z * vec4(way.xy, 1.0, 0.0);
    }
    m[1].xy /= max(m[1].z, 1e-6);
    return m;
}

// Mean and standard deviation of the network's painting around p.
vec4 local_at(vec2 p)
{
    p = clamp((p + 0.5) / float(SIDE) - 0.5, vec2(0.0), vec2(push.local_w - 1, push.local_h - 1));
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, ivec2(push.local_w, push.local_h) - 1);
    const vec2 f = p - vec2(a);
    return mix(mix(LOAD_FLOAT(local, LOCALS * (a.y * push.local_w + a.x)),
                   LOAD_FLOAT(local, LOCALS * (a.y * push.local_w + b.x)), f.x),
               mix(LOAD_FLOAT(local, LOCALS * (b.y * push.local_w + a.x)),
                   LOAD_FLOAT(local, LOCALS * (b.y * push.local_w + b.x)), f.x), f.y);
}

// A carried stroke may be none that the network would paint here, as it left with what it
// was painted on: it may go this many standard deviations from the mean around.
const float REACH = 2.0, LEAST = 0.04;

float inside(vec2 p)
{
    return all(greaterThanEqual(p, vec2(0.0))) &&
                   all(lessThanEqual(p, vec2(push.w - 1, push.h - 1)))
               ? 1.0
               : 0.0;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const Affine f = load_affine0(0);
    const vec3 painted =
        clamp(painted_at(x, y, push.painted_stride, f) * push.scale + push.shift, 0.0, 1.0);
    const mat2x4 t = trust_at((vec2(x, y) + 0.5) / float(push.step) - 0.5);
    vec2 from = vec2(x, y) + t[0].xy;
    // Half of two strokes is a blur: few pixels get any.
    float m = clamp(2.0 * t[0].z - 0.5, 0.0, 1.0);
    m *= inside(from);
    const bool anchored = t[1].z > 0.5;
    if (anchored)
        from = vec2(x, y) + t[1].xy;
    m *= inside(from);
    const vec2 near = round(from);
    from = mix(from, near, lessThan(abs(from - near), vec2(WHOLE)));
    const vec3 before = sample_at(anchored ? push.anchor : push.before, from).xyz;
    const vec4 around = local_at(vec2(x, y));
    const float reach = REACH * around.w + LEAST;
    const vec3 carried = clamp(before, around.xyz - reach, around.xyz + reach);
    STORE(shown, y * push.w + x, vec4(clamp(mix(painted, carried, m), 0.0, 1.0), 0.0));
}
