#version 450
// Where the painting of a pixel is to be taken from, at the flow's finest level, and how far
// it may be: a trust of 0..1 that falls where the two directions of the flow contradict each
// other (hidden before; Sundaram, Brox, Keutzer 2010) and where the picture looks different.
//
// It is taken from the anchor, a painting kept for some frames, as long as the way there has
// been trusted in each of them: what moves on is the smooth field of ways, and the painting is
// resampled once, not once a frame. Else from the frame before.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, back); // flow.h's
FLOATS_IN(1, slopes); // of both parities, the finest level
FLOATS_IN(2, past);   // what was written here for the frame before
FLOATS_IN(3, coarse); // flow.h's, both ways
FLOATS_IN(4, state);  // of temporal_cut.comp
FLOATS_IN(5, live);   // element 1: stability
FLOATS_OUT(6, trust); // [h][w][2], in picture pixels: way to the frame before, trust, 0;
                      // way to the anchor, 1 where it has one, 0
layout(set = 0, binding = 7, std430) buffer Anchor {
    float anchor[]; // luma of the frame whose painting is the anchor
};

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
const float ANCHORED = 0.5; // weight of the difference from the anchor

// Half the trust is lost at a difference of 0.6 % at a stability of 0, of 3.6 % at 0.5: at
// more, strokes of what turns or is uncovered begin to smear. Of 22 % at 1.
float carried(vec3 control, float e)
{
    const float limit = 0.006 * exp2(5.2 * control.x);
    return control.x > 0.0 && control.y == 0.0 ? clamp(1.5 - e / (limit * limit), 0.0, 1.0) : 0.0;
}

// The anchor of a new frame is the frame before.
vec4 anchored(vec2 p, vec4 now, vec3 control)
{
    const float known = now.z > 0.5 ? 1.0 : 0.0;
    if (control.z > 0.0)
        return vec4(now.xy, known, 0.0);
    const vec2 whole = floor(p), f = p - whole;
    vec3 sum = vec3(0.0);
    [[unroll]] for (int k = 0; k < 4; k++) {
        const ivec2 c = clamp(ivec2(whole) + ivec2(k & 1, k >> 1), ivec2(0),
                              ivec2(push.w, push.h) - 1);
        const vec2 g = mix(1.0 - f, f, vec2(k & 1, k >> 1));
        const vec4 way = LOAD_FLOAT(past, 2 * (c.y * push.w + c.x) + 1);
        sum += g.x * g.y * way.z * vec3(way.xy, 1.0);
    }
    return sum.z < 0.5 ? vec4(0.0) : vec4(now.xy + sum.xy / sum.z, known, 0.0);
}

float anchor_luma(vec2 p)
{
    const ivec2 a = ivec2(floor(p)), most = ivec2(push.w, push.h) - 1;
    const vec2 f = p - vec2(a);
    float sum = 0.0;
    [[unroll]] for (int k = 0; k < 4; k++) {
        const ivec2 c = clamp(a + ivec2(k & 1, k >> 1), ivec2(0), most);
        const vec2 g = mix(1.0 - f, f, vec2(k & 1, k >> 1));
        sum += g.x * g.y * anchor[c.y * push.w + c.x];
    }
    return sum;
}

void store(int x, int y, vec4 now, vec3 control)
{
    const int i = y * push.w + x;
    vec4 way = anchored(vec2(x, y) + now.xy / push.step, now, control);
    if (control.z > 0.0) {
        anchor[i] = luma(1 - push.parity, x, y);
    } else if (way.z > 0.0) {
        // Small errors of many frames add up: it must look like the anchor, too.
        const float d = luma(push.parity, x, y) - anchor_luma(vec2(x, y) + way.xy / push.step);
        now.z = min(now.z, carried(control, ANCHORED * d * d));
        way.z = now.z > 0.5 ? 1.0 : 0.0;
    }
    STORE_FLOAT(trust, 2 * i, now);
    STORE_FLOAT(trust, 2 * i + 1, way);
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const vec3 control = vec3(LOAD_FLOAT(live, 1).x, LOAD_FLOAT(state, 0).xy);
    // Mean squared differences over 3 x 3 pixels: along the flow, and of a still picture.
    float e = 0.0, still = 0.0;
    [[unroll]] for (int i = 0; i < 9; i++) {
        const int nx = x + i % 3 - 1, ny = y + i / 3 - 1;
        const float d = back_at(nx, ny).z;
        const float s = luma(push.parity, nx, ny) - luma(1 - push.parity, nx, ny);
        e += d * d / 9.0;
        still += s * s / 9.0;
    }
    vec2 way = back_at(x, y).xy * push.step;
    // Noise moves nothing.
    if (max(abs(way.x), abs(way.y)) < REST && still < 1.5 * e + NOISE * NOISE) {
        store(x, y, vec4(0.0, 0.0, carried(control, still), 0.0), control);
        return;
    }
    const vec2 miss = way + forth_at(vec2(x, y) + way / push.step) * push.step;
    const vec2 there = miss - way;
    const float lengths = dot(way, way) + dot(there, there);
    // 1 while the miss is below the limit, 0 at twice that.
    const float consistent = clamp(2.0 - dot(miss, miss) / (0.02 * lengths + 0.5 * push.coarse_step * push.coarse_step), 0.0, 1.0);
    store(x, y, vec4(way, consistent * carried(control, e), 0.0), control);
}
