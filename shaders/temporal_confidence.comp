#version 450
// Where each pixel was in the previous frame, at the flow's finest level, and the confidence (0..1)
// with which the previous output may be reused there. The confidence falls where backward and
// forward flow contradict each other (occlusion; Sundaram, Brox, Keutzer 2010) and where the picture
// changed.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

TEMPORAL_CONFIDENCE_SLOTS(DECLARE_SLOT)
FLOATS_IN(TEMPORAL_CONFIDENCE_BACKWARD, backward);   // the refined backward flow
FLOATS_IN(TEMPORAL_CONFIDENCE_SLOPES, slopes);       // both parities, the finest level
FLOATS_IN(TEMPORAL_CONFIDENCE_COARSE, coarse);       // both directions
FLOATS_IN(TEMPORAL_CONFIDENCE_REPORT, report);       // of temporal_cut.comp
FLOATS_IN(TEMPORAL_CONFIDENCE_PARAMS, frame_params); // element 1: stability
// [h][w]: backward flow in picture pixels, confidence, change of luma.
FLOATS_OUT(TEMPORAL_CONFIDENCE_RESULT, confidence);

DECLARE_PUSH(TEMPORAL_CONFIDENCE_PUSH);

float luma(int parity, int x, int y)
{
    return LOAD_FLOAT(slopes, (parity * push.h + clamp(y, 0, push.h - 1)) * push.w +
                                  clamp(x, 0, push.w - 1)).x;
}

vec4 backward_at(int x, int y)
{
    return LOAD_FLOAT(backward, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1));
}

vec2 forward_at(vec2 p)
{
    const int base = push.coarse_w * push.coarse_h;
    p = clamp((p + 0.5) / push.coarse_step - 0.5, vec2(0.0),
              vec2(push.coarse_w - 1, push.coarse_h - 1));
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, ivec2(push.coarse_w, push.coarse_h) - 1);
    const vec2 f = p - vec2(a);
    const vec2 above = mix(LOAD_FLOAT(coarse, base + a.y * push.coarse_w + a.x).xy,
                           LOAD_FLOAT(coarse, base + a.y * push.coarse_w + b.x).xy, f.x);
    const vec2 below = mix(LOAD_FLOAT(coarse, base + b.y * push.coarse_w + a.x).xy,
                           LOAD_FLOAT(coarse, base + b.y * push.coarse_w + b.x).xy, f.x);
    return push.coarse_step * mix(above, below, f.y);
}

// Set by hand, not measured, as the other limits below.
const float NOISE = 2.0 / 255.0; // of luma
const float STILL = 0.1;         // pixels; shorter vectors may be noise

// Confidence at the mean squared difference e. It is halved at a difference of 1.5 % at a stability
// of 0.1, of 8 % at 0.5, of 64 % at 1. Larger limits keep the strokes of a moving object longer on
// the background that it uncovers (docs/measured.md, "Steadiness").
float confidence_of(vec2 control, float e)
{
    const float limit = 0.01 * exp2(6.0 * control.x);
    return control.x > 0.0 && control.y == 0.0 ? clamp(1.5 - e / (limit * limit), 0.0, 1.0) : 0.0;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const vec2 control = vec2(LOAD_FLOAT(frame_params, 1).x, LOAD_FLOAT(report, 0).w);
    const int at = y * push.w + x;
    // Mean squared differences over 3 x 3 pixels along the flow (e) and without motion (still), and
    // the mean differences.
    float e = 0.0, still = 0.0, light = 0.0, still_light = 0.0;
    [[unroll]] for (int i = 0; i < 9; i++) {
        const int nx = x + i % 3 - 1, ny = y + i / 3 - 1;
        const float d = backward_at(nx, ny).z;
        const float s = luma(push.parity, nx, ny) - luma(1 - push.parity, nx, ny);
        e += d * d / 9.0;
        still += s * s / 9.0;
        light += d / 9.0;
        still_light += s / 9.0;
    }
    vec2 motion = backward_at(x, y).xy * push.step;
    // A short vector that explains the picture no better than zero motion is noise.
    if (max(abs(motion.x), abs(motion.y)) < STILL && still < 1.5 * e + NOISE * NOISE) {
        STORE_FLOAT(confidence, at, vec4(0.0, 0.0, confidence_of(control, still), abs(still_light)));
        return;
    }
    const vec2 forward = forward_at(vec2(x, y) + motion / push.step) * push.step;
    const vec2 sum = motion + forward;
    const float lengths = dot(motion, motion) + dot(sum - motion, sum - motion);
    // 1 while the squared sum of both directions is below the limit, 0 at twice the limit.
    const float limit = 0.02 * lengths + 0.5 * push.coarse_step * push.coarse_step;
    const float consistent = clamp(2.0 - dot(sum, sum) / limit, 0.0, 1.0);
    STORE_FLOAT(confidence, at, vec4(motion, consistent * confidence_of(control, e), abs(light)));
}
