#version 450
// How far the painting of the frame before may be carried on, at the flow's finest level:
// where each pixel was, and a trust of 0..1 that falls where the two directions of the flow
// contradict each other (hidden before; Sundaram, Brox, Keutzer 2010) and where the picture
// looks different.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, field); // flow.h's result
FLOATS_IN(1, slopes); // of both parities, the finest level
FLOATS_IN(5, live);   // element 1: stability, 1 to start anew
FLOATS_OUT(6, trust); // where it was: x, y of the way there in picture pixels, trust, 0

layout(push_constant) uniform Push {
    int w, h;
    int parity; // of the newer frame
    float step; // picture pixels a pixel here
} push;

float luma(int parity, int x, int y)
{
    return LOAD_FLOAT(slopes, (parity * push.h + clamp(y, 0, push.h - 1)) * push.w +
                                  clamp(x, 0, push.w - 1)).x;
}

vec4 at(int direction, int x, int y)
{
    return LOAD_FLOAT(field, (direction * push.h + clamp(y, 0, push.h - 1)) * push.w +
                                 clamp(x, 0, push.w - 1));
}

vec2 forth(vec2 p)
{
    const vec2 whole = floor(p), f = p - whole;
    const int x = int(whole.x), y = int(whole.y);
    return mix(mix(at(1, x, y).xy, at(1, x + 1, y).xy, f.x),
               mix(at(1, x, y + 1).xy, at(1, x + 1, y + 1).xy, f.x), f.y);
}

const float NOISE = 2.0 / 255.0;

// Half the trust is lost at a difference of 2 % at a stability of 0, of 16 % at 1.
float carried(vec4 control, float e)
{
    const float limit = 0.02 * exp2(3.0 * control.x);
    return control.x > 0.0 && control.y == 0.0 ? clamp(1.5 - e / (limit * limit), 0.0, 1.0) : 0.0;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const vec4 control = LOAD_FLOAT(live, 1);
    // Mean squared differences over 3 x 3 pixels: along the flow, and of a still picture.
    float e = 0.0, still = 0.0;
    [[unroll]] for (int i = 0; i < 9; i++) {
        const int nx = x + i % 3 - 1, ny = y + i / 3 - 1;
        const float d = at(0, nx, ny).z;
        const float s = luma(push.parity, nx, ny) - luma(1 - push.parity, nx, ny);
        e += d * d / 9.0;
        still += s * s / 9.0;
    }
    // Rest explains it as well: noise moves nothing, and what is not resampled stays sharp.
    vec2 back = at(0, x, y).xy * push.step;
    if (still < 1.5 * e + NOISE * NOISE) {
        STORE_FLOAT(trust, y * push.w + x, vec4(0.0, 0.0, carried(control, still), 0.0));
        return;
    }
    const vec2 there = forth(vec2(x, y) + back / push.step) * push.step;
    const vec2 miss = back + there;
    const float lengths = dot(back, back) + dot(there, there);
    // 1 while the miss is below the limit, 0 at twice that.
    const float consistent = clamp(2.0 - dot(miss, miss) / (0.01 * lengths + 0.5), 0.0, 1.0);
    STORE_FLOAT(trust, y * push.w + x,
                vec4(back, consistent * carried(control, e), 0.0));
}
