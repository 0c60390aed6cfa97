#version 450
// Where the painting of a pixel was in the frame before, at the flow's finest level, and how far
// it may be taken from there: a trust of 0..1 that falls where the two directions of the flow
// contradict each other (hidden before; Sundaram, Brox, Keutzer 2010) and where the picture
// looks different.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, back); // flow.h's
FLOATS_IN(1, slopes); // of both parities, the finest level
FLOATS_IN(3, coarse); // flow.h's, both ways
FLOATS_IN(4, report); // of temporal_cut.comp
FLOATS_IN(5, live);   // element 1: stability
FLOATS_OUT(6, trust); // [h][w]: way in picture pixels, trust, change of light

layout(push_constant) uniform Push {
    int w, h;
    int parity; // of the newer frame
    float step; // picture pixels a pixel here
    int coarse_w, coarse_h;
    float coarse_step; // pixels here a pixel of coarse
} push;

float luma(int parity, int x, int y)
{
    return LOAD_FLOAT(slopes, (parity * push.h + clamp(y, 0, push.h - 1)) * push.w +
                                  clamp(x, 0, push.w - 1)).x;
}

vec4 back_at(int x, int y)
{
    return LOAD_FLOAT(back, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1));
}

vec2 forth_at(vec2 p)
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

const float NOISE = 2.0 / 255.0, REST = 0.1;

// Half the trust is lost at a difference of 1.5 % at a stability of 0.1, of 8 % at 0.5, of 64 %
// at 1. With more, what is uncovered keeps strokes of what passed for longer.
float carried(vec2 control, float e)
{
    const float limit = 0.01 * exp2(6.0 * control.x);
    return control.x > 0.0 && control.y == 0.0 ? clamp(1.5 - e / (limit * limit), 0.0, 1.0) : 0.0;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const vec2 control = vec2(LOAD_FLOAT(live, 1).x, LOAD_FLOAT(report, 0).w);
    const int at = y * push.w + x;
    // Mean squared differences over 3 x 3 pixels: along the flow, and of a still picture.
    float e = 0.0, still = 0.0, light = 0.0, still_light = 0.0;
    [[unroll]] for (int i = 0; i < 9; i++) {
        const int nx = x + i % 3 - 1, ny = y + i / 3 - 1;
        const float d = back_at(nx, ny).z;
        const float s = luma(push.parity, nx, ny) - luma(1 - push.parity, nx, ny);
        e += d * d / 9.0;
        still += s * s / 9.0;
        light += d / 9.0;
        still_light += s / 9.0;
    }
    vec2 way = back_at(x, y).xy * push.step;
    // Noise moves nothing.
    if (max(abs(way.x), abs(way.y)) < REST && still < 1.5 * e + NOISE * NOISE) {
        STORE_FLOAT(trust, at, vec4(0.0, 0.0, carried(control, still), abs(still_light)));
        return;
    }
    const vec2 miss = way + forth_at(vec2(x, y) + way / push.step) * push.step;
    const vec2 there = miss - way;
    const float lengths = dot(way, way) + dot(there, there);
    // 1 while the miss is below the limit, 0 at twice that.
    const float limit = 0.02 * lengths + 0.5 * push.coarse_step * push.coarse_step;
    const float consistent = clamp(2.0 - dot(miss, miss) / limit, 0.0, 1.0);
    STORE_FLOAT(trust, at, vec4(way, consistent * carried(control, e), abs(light)));
}
