#version 450
// The last step of a normalization: from the statistics of the tiles of each group of channels it
// makes the affine pair a = scale / sqrt(var + epsilon), b = shift - a mean, which the next kernel
// applies while loading. MEAN instead writes the means as a [1][1][C] map. One work-group makes
// one channel block. AVERAGE averages with the statistics of the previous frames, so that the
// brightness does not change periodically.
//
// Parts (mean, M2, n) combine by the formula of Chan, Golub and LeVeque (1979): M2 = M2a +
// M2b + d^2 na nb / (na + nb), d = difference of the means, which loses no precision on large
// maps.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(SLOT_INPUT0, tiles);  // [tile][channel]: mean, M2, count
FLOATS_IN(SLOT_PARAMS, params); // [c / 4] scale, [c / 4] shift, [c / 4] epsilon
#ifdef MEAN
TENSOR_OUT(SLOT_OUTPUT, y0);
#else
FINALIZE_OWN_SLOTS(DECLARE_SLOT)
FLOATS_OUT(SLOT_STATS, affine); // [c / 4][2]: a, b
FLOATS_IN(FINALIZE_FRAME_PARAMS, frame_params); // AVERAGE: element 1: stability, 1 to restart
layout(set = 0, binding = FINALIZE_AVERAGES, std430) buffer Averages {
    vec4 averages[]; // AVERAGE: [c / 4][2]: mean, variance
};
FINALIZE_CONSTANTS(DECLARE_CONSTANT)

// Statistics that differ more from the average are taken for another scene's and not averaged:
// distance of the means in standard deviations, ratio of the variances. Set by hand, not measured.
const float MEAN_DISTANCE_MAX = 0.25, VARIANCE_RATIO_MAX = 1.5;

// Averages mean and variance with those of the previous frames and stores the result for the next
// frame.
void average(int c, inout vec4 mean, inout vec4 var)
{
    const vec4 control = LOAD_FLOAT(frame_params, 1);
    const vec4 old_mean = averages[2 * c], old_var = averages[2 * c + 1];
    const vec4 d = mean - old_mean;
    // A weight of 1 at a stability of 0, of 1/32 at 1.
    const float weight = control.y > 0.0 ? 1.0 : exp2(-5.0 * control.x);
    [[unroll]] for (int i = 0; i < 4; i++) {
        // False where a number is NaN, so that a NaN is never kept.
        const bool near = d[i] * d[i] <= MEAN_DISTANCE_MAX * MEAN_DISTANCE_MAX * old_var[i] &&
                          var[i] <= VARIANCE_RATIO_MAX * old_var[i] &&
                          old_var[i] <= VARIANCE_RATIO_MAX * var[i];
        if (near && weight < 1.0) {
            mean[i] = mix(old_mean[i], mean[i], weight);
            var[i] = mix(old_var[i], var[i], weight);
        }
    }
    averages[2 * c] = mean;
    averages[2 * c + 1] = var;
}
#endif

DECLARE_PUSH(FINALIZE_PUSH);

vec3 combine(vec3 p, vec3 q)
{
    const float d = q.x - p.x, n = max(p.z + q.z, 1.0);
    return vec3(p.x + d * (q.z / n), p.y + q.y + d * d * (p.z * q.z / n), p.z + q.z);
}

shared vec3 parts[LANES];

// Combines the parts of all invocations; every invocation returns the whole.
vec3 combine_lanes(int lane, vec3 part)
{
    barrier();
    parts[lane] = part;
    for (int half_count = LANES / 2; half_count > 0; half_count /= 2) {
        barrier();
        if (lane < half_count)
            parts[lane] = combine(parts[lane], parts[lane + half_count]);
    }
    barrier();
    return parts[0];
}

void main()
{
    const int lane = int(gl_LocalInvocationID.x), c = int(gl_WorkGroupID.x);
    vec4 mean, m2;
    vec3 all = vec3(0.0);
    int known = -1; // the first channel of the group that `all` is of
    [[unroll]] for (int i = 0; i < 4; i++) {
        const int channel = min(4 * c + i, push.channels - 1);
        const int first = channel / push.group * push.group;
        if (first != known) {
            known = first;
            all = vec3(0.0);
            for (int j = lane; j < push.group * push.tile_count; j += LANES) {
                const int tile = j / push.group, at = j - tile * push.group;
                all = combine(all, LOAD_FLOAT(tiles, tile * push.c4 * 4 + first + at).xyz);
            }
            all = combine_lanes(lane, all);
        }
        mean[i] = all.x;
        m2[i] = all.y;
    }
    if (lane != 0)
        return;
#ifdef MEAN
    STORE(y0, c, mean);
#else
    vec4 var = m2 / all.z;
    if (AVERAGE != 0)
        average(c, mean, var);
    const vec4 a = LOAD_FLOAT(params, c) / sqrt(var + LOAD_FLOAT(params, 2 * push.c4 + c));
    STORE_FLOAT(affine, 2 * c, a);
    STORE_FLOAT(affine, 2 * c + 1, LOAD_FLOAT(params, push.c4 + c) - a * mean);
#endif
}
