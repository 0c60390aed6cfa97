#version 450
// Makes the painting shown before the anchor, where that is due. What resampling took from
// its detail is given back, as far as the network's own painting has more of it.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "temporal.glsl"

TENSOR_IN(1, history); // shown before
FLOATS_IN(4, local);   // of temporal_local.comp
FLOATS_IN(5, state);   // of temporal_cut.comp
TENSOR_OUT(6, anchor);

layout(push_constant) uniform Push {
    int w, h;
    int local_w, local_h;
} push;

const float MOST = 0.4; // of the difference from the pixels around

vec4 history_at(int x, int y)
{
    return LOAD(history, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1));
}

float sharpening(ivec2 c)
{
    c = clamp(c, ivec2(0), ivec2(push.local_w, push.local_h) - 1);
    const vec4 detail = LOAD_FLOAT(local, 2 * (c.y * push.local_w + c.x) + 1);
    return clamp(0.5 * (sqrt(detail.x / max(detail.y, 1e-6)) - 1.0), 0.0, MOST);
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w || LOAD_FLOAT(state, 0).y == 0.0)
        return;
    const vec2 p = (vec2(x, y) + 0.5) / float(SIDE) - 0.5, f = fract(p);
    const ivec2 a = ivec2(floor(p));
    const float s = mix(mix(sharpening(a), sharpening(a + ivec2(1, 0)), f.x),
                        mix(sharpening(a + ivec2(0, 1)), sharpening(a + 1), f.x), f.y);
    const vec4 v = history_at(x, y);
    const vec4 around = 0.25 * (history_at(x - 1, y) + history_at(x + 1, y) +
                                history_at(x, y - 1) + history_at(x, y + 1));
    STORE(anchor, y * push.w + x, clamp(v + s * (v - around), 0.0, 1.0));
}
