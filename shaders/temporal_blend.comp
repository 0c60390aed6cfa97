#version 450
// The shown painting: the one of the frame before, moved along the flow where that is trusted,
// drawn towards the network's own as far as it had to be resampled, and that one elsewhere.
// Strokes are carried, hardly averaged: the mean of two strokes is no stroke. But what is
// resampled and sharpened again and again grows patterns of its own unless it is kept near to
// what the network paints.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "temporal.glsl"
#include "view.glsl"
#include "painting.glsl"

TENSOR_IN(1, history); // shown before
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

// As far from the mean around as this many standard deviations of the network's painting there
// may strokes be carried (variance clipping; Salvi 2016).
const float REACH = 4.0, LEAST = 0.01;

// Light changes, and what is carried must follow: the part by which colours around are drawn to the
// network's own each frame, and what a change of light by 1 above that of noise adds.
const float PULL = 0.05, LIGHT = 60.0, DIM = 0.001, MOST = 0.5;

// Makes up for the detail that resampling takes, and averaging; less where the one shown before
// has more of it than the network's own, none where it has LAVISH times as much.
const float SHARPEN = 0.07, LAVISH = 1.3;

// Part of the network's own where it was read between pixels by more than FAR.
const float OWN = 0.15;

// Where the one shown before has less than THIN of the network's detail, strokes met and were
// averaged: SLOW of both from there on, in full where it has BARE, though nothing moves.
const float THIN = 0.9, BARE = 0.6, SLOW = 0.2;

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
    const vec4 way = trust_at((vec2(x, y) + 0.5) / float(push.step) - 0.5,
                              ivec2(push.trust_w, push.trust_h));
    const vec2 from = vec2(x, y) + way.xy, between = abs(from - round(from));
    const vec4 around = local_at(vec2(x, y), 0), shown_around = local_at(from, 1);
    const float lavish = shown_around.w;
    const float thin = SLOW * clamp((THIN - lavish) / (THIN - BARE), 0.0, 1.0);
    const float own = OWN * max(smoothstep(WHOLE, FAR, max(between.x, between.y)), thin);
    const float m = way.z * inside(from) * (1.0 - own);
    const float sharpen = SHARPEN * clamp((LAVISH - lavish) / (LAVISH - 1.0), 0.0, 1.0);
    const float pull = min(PULL + LIGHT * max(way.w - DIM, 0.0), MOST);
    const vec3 before = sample_at(from, ivec2(push.w, push.h), sharpen, thin).xyz +
                        pull * (around.xyz - shown_around.xyz);
    const float reach = REACH * around.w + LEAST;
    const vec3 carried = clamp(before, around.xyz - reach, around.xyz + reach);
    STORE(shown, y * push.w + x, vec4(clamp(mix(painted, carried, m), 0.0, 1.0), 0.0));
}
