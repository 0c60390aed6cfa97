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

// Of a network that is fed the painting before: shown as it is.
layout(constant_id = 1) const int FED = 0;

layout(push_constant) uniform Push {
    int w, h;
    int painted_stride;   // pixels
    int trust_w, trust_h;
    int local_w, local_h;
    int step;             // picture pixels a pixel of trust
    int before, anchor;   // where these paintings begin
    float scale, shift;   // net value to 0..1
} push;

#include "carry.glsl"

// Vector k of temporal_local.comp around p.
vec4 local_at(vec2 p, int k)
{
    p = clamp((p + 0.5) / float(SIDE) - 0.5, vec2(0.0), vec2(push.local_w - 1, push.local_h - 1));
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, ivec2(push.local_w, push.local_h) - 1);
    const vec2 f = p - vec2(a);
    return mix(mix(LOAD_FLOAT(local, LOCALS * (a.y * push.local_w + a.x) + k),
                   LOAD_FLOAT(local, LOCALS * (a.y * push.local_w + b.x) + k), f.x),
               mix(LOAD_FLOAT(local, LOCALS * (b.y * push.local_w + a.x) + k),
                   LOAD_FLOAT(local, LOCALS * (b.y * push.local_w + b.x) + k), f.x), f.y);
}

// A carried stroke may be none that the network would paint here, as it left with what it
// was painted on: it may go this many standard deviations from the mean around.
const float REACH = 2.5, LEAST = 0.04;

// Resampling takes detail: it sharpens as far as the one shown before has less than the
// network's own times this, which makes up for what it takes itself.
const float DETAIL = 1.1;

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
    if (FED != 0) {
        STORE(shown, y * push.w + x, vec4(painted, 0.0));
        return;
    }
    const mat2x4 t = trust_at((vec2(x, y) + 0.5) / float(push.step) - 0.5,
                              ivec2(push.trust_w, push.trust_h));
    vec2 from = vec2(x, y) + t[0].xy;
    // Half of two strokes is a blur: few pixels get any.
    float m = clamp(2.0 * t[0].z - 0.5, 0.0, 1.0);
    m *= inside(from);
    const bool anchored = t[1].z > 0.5;
    if (anchored)
        from = vec2(x, y) + t[1].xy;
    m *= inside(from);
    const vec4 around = local_at(vec2(x, y), 0), detail = local_at(vec2(x, y), 1);
    const float sharpen = clamp(sqrt(DETAIL * detail.x / max(detail.y, 1e-6)), 0.5, 1.5);
    const vec3 before =
        sample_at(anchored ? push.anchor : push.before, from, ivec2(push.w, push.h), -sharpen).xyz;
    const float reach = REACH * around.w + LEAST;
    const vec3 carried = clamp(before, around.xyz - reach, around.xyz + reach);
    STORE(shown, y * push.w + x, vec4(clamp(mix(painted, carried, m), 0.0, 1.0), 0.0));
}
