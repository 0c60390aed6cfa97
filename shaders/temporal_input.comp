#version 450
// The input of a network of seven channels (Ruder, Dosovitskiy, Brox 2018): the picture, the
// previous output warped along the flow, and a mask that is 1 where the confidence is at least 0.5.
// The warped output is in the network's value range and 0 where the mask is 0; both are
// extended by reflection.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

TEMPORAL_INPUT_SLOTS(DECLARE_SLOT)
TENSOR_IN(TEMPORAL_INPUT_PICTURE, picture);
TENSOR_IN(TEMPORAL_INPUT_HISTORY, history);       // the previous output
FLOATS_IN(TEMPORAL_INPUT_CONFIDENCE, confidence); // of temporal_confidence.comp
TENSOR_OUT(TEMPORAL_INPUT_RESULT, result);        // [net_h][net_w][2]

TEMPORAL_INPUT_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(TEMPORAL_INPUT_PUSH);

#include "history.glsl"

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.net_w)
        return;
    const int i = y * push.net_w + x;
    const vec4 rgb = LOAD(picture, i);
    vec3 warped = vec3(0.0);
    float mask = 0.0;
    if (HAS_HISTORY != 0) {
        const vec2 p = vec2(pad_index(PAD_REFLECT, x, push.w), pad_index(PAD_REFLECT, y, push.h));
        const vec4 motion = confidence_at((p + 0.5) / float(push.step) - 0.5,
                                          ivec2(push.confidence_w, push.confidence_h));
        const vec2 from = p + motion.xy;
        if (motion.z >= 0.5 && all(greaterThanEqual(from, vec2(0.0))) &&
            all(lessThanEqual(from, vec2(push.w - 1, push.h - 1)))) {
            mask = 1.0;
            warped = clamp(history_at(from, ivec2(push.w, push.h), 0.0, 0.0).xyz, 0.0, 1.0) * push.scale +
                     push.shift;
        }
    }
    STORE(result, 2 * i, vec4(rgb.xyz, warped.x));
    STORE(result, 2 * i + 1, vec4(warped.yz, mask, 0.0));
}
