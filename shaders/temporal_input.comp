#version 450
// What a network of seven input channels reads (Ruder, Dosovitskiy, Brox 2018): the picture,
// the painting shown before moved along the flow, and 1 where that is trusted. The painting
// is in the network's values and 0 where it is not trusted; both are extended by reflection.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

TENSOR_IN(0, picture);
TENSOR_IN(1, history); // the one shown before
FLOATS_IN(3, trust);     // of temporal_trust.comp
TENSOR_OUT(6, fed);      // [net_h][net_w][2]

layout(constant_id = 1) const int STEADY = 0; // 0: nothing was painted before

layout(push_constant) uniform Push {
    int net_w, net_h, w, h;
    int trust_w, trust_h;
    int step;           // picture pixels a pixel of trust
    float scale, shift; // 0..1 to net value
} push;

#include "carry.glsl"

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.net_w)
        return;
    const int i = y * push.net_w + x;
    const vec4 rgb = LOAD(picture, i);
    vec3 before = vec3(0.0);
    float m = 0.0;
    if (STEADY != 0) {
        const vec2 p = vec2(pad_index(PAD_REFLECT, x, push.w), pad_index(PAD_REFLECT, y, push.h));
        const vec4 way = trust_at((p + 0.5) / float(push.step) - 0.5,
                                  ivec2(push.trust_w, push.trust_h));
        const vec2 from = p + way.xy;
        if (way.z >= 0.5 && all(greaterThanEqual(from, vec2(0.0))) &&
            all(lessThanEqual(from, vec2(push.w - 1, push.h - 1)))) {
            m = 1.0;
            before = clamp(sample_at(from, ivec2(push.w, push.h), 0.0, 0.0).xyz, 0.0, 1.0) * push.scale +
                     push.shift;
        }
    }
    STORE(fed, 2 * i, vec4(rgb.xyz, before.x));
    STORE(fed, 2 * i + 1, vec4(before.yz, m, 0.0));
}
