#version 450
// Makes the painting shown before the anchor; runs where that is due. What resampling took from
// its detail, or added to it, is undone until it has as much as the network's own painting,
// and its colours are drawn towards that one's: neither blur nor brightness creeps.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "temporal.glsl"

TENSOR_IN(1, history); // shown before
FLOATS_IN(3, trust);   // of temporal_trust.comp, for the frame before
FLOATS_IN(4, local);   // of temporal_local.comp
TENSOR_OUT(6, anchor);

layout(push_constant) uniform Push {
    int w, h;
    int local_w, local_h;
    int trust_w, trust_h;
    int step; // picture pixels a pixel of trust
} push;

const float LEAST = -0.2, MOST = 0.4; // of the difference from the pixels around
const float PULL = 0.25; // of the difference in colour

vec4 history_at(int x, int y)
{
    return LOAD(history, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1));
}

// What a block's pixels lack: colour in xyz, and in w how much of the difference from the
// pixels around.
vec4 missing(ivec2 c)
{
    c = clamp(c, ivec2(0), ivec2(push.local_w, push.local_h) - 1);
    const int at = LOCALS * (c.y * push.local_w + c.x);
    const vec4 painted = LOAD_FLOAT(local, at), shown = LOAD_FLOAT(local, at + 2);
    const vec4 detail = LOAD_FLOAT(local, at + 1);
    return vec4(PULL * (painted.xyz - shown.xyz),
                clamp(0.5 * (sqrt(detail.x / max(detail.y, 1e-6)) - 1.0), LEAST, MOST));
}

// 1 where a picture was read half between its pixels, 0 where it was read at one.
float resampled(int x, int y)
{
    const ivec2 c = min(ivec2(x, y) / push.step, ivec2(push.trust_w, push.trust_h) - 1);
    const int at = 2 * (c.y * push.trust_w + c.x);
    const vec4 way = LOAD_FLOAT(trust, at + 1);
    const vec2 from = way.z > 0.0 ? way.xy : LOAD_FLOAT(trust, at).xy;
    const vec2 rest = abs(from - round(from));
    return min(2.0 * max(rest.x, rest.y), 1.0);
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const vec2 p = (vec2(x, y) + 0.5) / float(SIDE) - 0.5, f = fract(p);
    const ivec2 a = ivec2(floor(p));
    const vec4 lack = mix(mix(missing(a), missing(a + ivec2(1, 0)), f.x),
                          mix(missing(a + ivec2(0, 1)), missing(a + 1), f.x), f.y);
    const float gain = lack.w * (lack.w > 0.0 ? resampled(x, y) : 1.0);
    const vec4 v = history_at(x, y);
    const vec4 around = 0.25 * (history_at(x - 1, y) + history_at(x + 1, y) +
                                history_at(x, y - 1) + history_at(x, y + 1));
    STORE(anchor, y * push.w + x, clamp(v + gain * (v - around) + vec4(lack.xyz, 0.0), 0.0, 1.0));
}
