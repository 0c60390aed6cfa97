#version 450
// Decides whether a frame begins a new scene, on the flow's coarsest level. In nine regions it
// compares the histograms of luma (symmetric Kullback-Leibler divergence) and the current frame with
// the previous one warped along the flow (correlation). A scene cut changes both. A flash changes
// the histograms and keeps the correlation; a fast pan lowers the correlation and keeps the
// histograms.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

TEMPORAL_CUT_SLOTS(DECLARE_SLOT)
FLOATS_IN(TEMPORAL_CUT_SLOPES, slopes); // both parities
FLOATS_IN(TEMPORAL_CUT_FIELD, field);         // backward flow
FLOATS_IN(TEMPORAL_CUT_PARAMS, frame_params); // element 1: y is 1 to restart
FLOATS_OUT(TEMPORAL_CUT_REPORT, report);      // 1 at a cut, divergence, correlation, 1 to restart
FLOATS_OUT(TEMPORAL_CUT_RESTARTS, restarts);  // of both parities: 1 to restart

DECLARE_PUSH(TEMPORAL_CUT_PUSH);

const int REGIONS = 9, BINS = 16;
// Correlation below which a scene may begin; luma from which a pixel is clipped and not compared
// (docs/measured.md, "Scene cuts"); standard deviation of luma below which a region has no
// contrast.
const float CORRELATION = 0.65, CLIPPED = 0.97, NOISE = 2.0 / 255.0;

shared float divergences[REGIONS], correlations[REGIONS], weights[REGIONS];

float luma(int parity, ivec2 p)
{
    p = clamp(p, ivec2(0), ivec2(push.w, push.h) - 1);
    return LOAD_FLOAT(slopes, (parity * push.h + p.y) * push.w + p.x).x;
}

float previous_luma_at(vec2 p)
{
    const ivec2 a = ivec2(floor(p));
    const vec2 f = p - vec2(a);
    const int previous = 1 - push.parity;
    return mix(mix(luma(previous, a), luma(previous, a + ivec2(1, 0)), f.x),
               mix(luma(previous, a + ivec2(0, 1)), luma(previous, a + 1), f.x), f.y);
}

void compare(int region)
{
    const ivec2 part = ivec2(region % 3, region / 3), size = ivec2(push.w, push.h);
    const ivec2 first = part * size / 3, end = (part + 1) * size / 3;
    float old_counts[BINS], new_counts[BINS];
    for (int i = 0; i < BINS; i++)
        old_counts[i] = new_counts[i] = 1.0;
    // Of the previous frame, of the previous frame warped along the flow, of the current frame.
    vec3 sum = vec3(0.0), squares = vec3(0.0);
    vec2 products = vec2(0.0);
    float count = 0.0;
    for (int y = first.y; y < end.y; y++) {
        for (int x = first.x; x < end.x; x++) {
            const ivec2 p = ivec2(x, y);
            const float a = luma(1 - push.parity, p), b = luma(push.parity, p);
            old_counts[clamp(int(a * float(BINS)), 0, BINS - 1)] += 1.0;
            new_counts[clamp(int(b * float(BINS)), 0, BINS - 1)] += 1.0;
            const vec3 v = vec3(a, previous_luma_at(vec2(p) + LOAD_FLOAT(field, y * push.w + x).xy), b);
            const float usable = max(a, b) < CLIPPED ? 1.0 : 0.0;
            count += usable;
            sum += usable * v;
            squares += usable * v * v;
            products += usable * v.xy * v.z;
        }
    }
    const float n = max(float((end.x - first.x) * (end.y - first.y)), 1.0);
    float divergence = 0.0;
    for (int i = 0; i < BINS; i++)
        divergence += (new_counts[i] - old_counts[i]) * log(new_counts[i] / old_counts[i]) / n;
    divergences[region] = divergence / float(REGIONS);
    const float m = max(count, 1.0);
    const vec3 mean = sum / m, variance = max(squares / m - mean * mean, 0.0);
    // The larger one counts: a flash disturbs the flow, and where the scene moves only the
    // comparison along the flow correlates.
    const vec2 both = (products / m - mean.xy * mean.z) /
                      sqrt(max(variance.xy * variance.z, vec2(1e-12)));
    correlations[region] = max(both.x, both.y);
    // Regions without contrast or fully white have no meaningful correlation.
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
    const bool restart = LOAD_FLOAT(frame_params, 1).y > 0.0;
    const bool cut = !restart && divergence > push.divergence && correlation < CORRELATION;
    const float restarts_here = restart || cut ? 1.0 : 0.0;
    STORE_FLOAT(report, 0, vec4(cut ? 1.0 : 0.0, divergence, correlation, restarts_here));
    STORE_FLOAT(restarts, push.parity, vec4(restarts_here, 0.0, 0.0, 0.0));
}
