#version 450
// Whether a frame begins a new scene, on the flow's coarsest level: in nine regions, the
// histograms of luma part (symmetric Kullback-Leibler divergence) and what is seen there is
// nowhere in the frame before (correlation along the flow). A flash parts histograms and
// leaves the correlation; a fast pan lowers the correlation and keeps the histograms.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, slopes); // both parities
FLOATS_IN(1, field);  // the way back
FLOATS_IN(5, live);   // element 1: y 1 to start anew
FLOATS_OUT(6, report); // 1 at a cut, divergence, correlation, 1 to start anew

layout(push_constant) uniform Push {
    int w, h, parity; // of the newer frame
    float divergence; // of a cut, at least
} push;

const int REGIONS = 9, BINS = 16;
const float CORRELATION = 0.65, CLIPPED = 0.97;
const float NOISE = 2.0 / 255.0;

shared float divergences[REGIONS], correlations[REGIONS], weights[REGIONS];

float luma(int parity, ivec2 p)
{
    p = clamp(p, ivec2(0), ivec2(push.w, push.h) - 1);
    return LOAD_FLOAT(slopes, (parity * push.h + p.y) * push.w + p.x).x;
}

float moved(vec2 p)
{
    const ivec2 a = ivec2(floor(p));
    const vec2 f = p - vec2(a);
    const int before = 1 - push.parity;
    return mix(mix(luma(before, a), luma(before, a + ivec2(1, 0)), f.x),
               mix(luma(before, a + ivec2(0, 1)), luma(before, a + 1), f.x), f.y);
}

void compare(int region)
{
    const ivec2 part = ivec2(region % 3, region / 3), size = ivec2(push.w, push.h);
    const ivec2 first = part * size / 3, end = (part + 1) * size / 3;
    float old[BINS], now[BINS];
    for (int i = 0; i < BINS; i++)
        old[i] = now[i] = 1.0;
    // Of the frame before, of it moved along the flow, and of the frame.
    vec3 sum = vec3(0.0), squares = vec3(0.0);
    vec2 products = vec2(0.0);
    float count = 0.0;
    for (int y = first.y; y < end.y; y++) {
        for (int x = first.x; x < end.x; x++) {
            const ivec2 p = ivec2(x, y);
            const float a = luma(1 - push.parity, p), b = luma(push.parity, p);
            old[clamp(int(a * float(BINS)), 0, BINS - 1)] += 1.0;
            now[clamp(int(b * float(BINS)), 0, BINS - 1)] += 1.0;
            const vec3 v = vec3(a, moved(vec2(p) + LOAD_FLOAT(field, y * push.w + x).xy), b);
            const float seen = max(a, b) < CLIPPED ? 1.0 : 0.0;
            count += seen;
            sum += seen * v;
            squares += seen * v * v;
            products += seen * v.xy * v.z;
        }
    }
    const float n = max(float((end.x - first.x) * (end.y - first.y)), 1.0);
    float divergence = 0.0;
    for (int i = 0; i < BINS; i++)
        divergence += (now[i] - old[i]) * log(now[i] / old[i]) / n;
    divergences[region] = divergence / float(REGIONS);
    const float m = max(count, 1.0);
    const vec3 mean = sum / m, variance = max(squares / m - mean * mean, 0.0);
    // A flash misleads the flow, a motion the comparison at rest.
    const vec2 both = (products / m - mean.xy * mean.z) /
                      sqrt(max(variance.xy * variance.z, vec2(1e-12)));
    correlations[region] = max(both.x, both.y);
    // What has no contrast or is all white correlates with nothing.
    weights[region] = min(variance.x, variance.z) > NOISE * NOISE ? count / n : 0.0;
}

void main()
{
    const int lane = int(gl_LocalInvocationIndex);
    for (int region = lane; region < REGIONS; region += int(gl_WorkGroupSize.x))
        compare(region);
    barrier();
    if (lane > 0)
        return;
    float divergence = 0.0;
    vec2 sum = vec2(0.0);
    for (int i = 0; i < REGIONS; i++) {
        divergence += divergences[i];
        sum += weights[i] * vec2(correlations[i], 1.0);
    }
    const float correlation = sum.y > 0.0 ? sum.x / sum.y : 1.0;
    const bool told = LOAD_FLOAT(live, 1).y > 0.0;
    const bool cut = !told && divergence > push.divergence && correlation < CORRELATION;
    STORE_FLOAT(report, 0,
                vec4(cut ? 1.0 : 0.0, divergence, correlation, told || cut ? 1.0 : 0.0));
}
