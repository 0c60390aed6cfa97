#version 450
// Normalization's last step: the segments' statistics of each group of channels become the
// affine pair a = scale / sqrt(var + epsilon), b = shift - a mean that the next kernel
// applies while loading. MEAN instead writes the plain means as a [1][1][C] map.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, segments); // [segment][channel]: mean, M2, count
FLOATS_IN(5, params);   // [c / 4] scale, [c / 4] shift, [c / 4] epsilon
#ifdef MEAN
TENSOR_OUT(6, y0);
#else
FLOATS_OUT(7, affine); // [c / 4][2]: a, b
#endif

layout(push_constant) uniform Push {
    int c4, segment_count;
    int group; // channels of a group; 1: instance normalization
    int channels;
} push;

// Statistics of the group that channel ch belongs to.
vec3 group_of(int ch)
{
    const int first = min(ch, push.channels - 1) / push.group * push.group;
    vec3 all = vec3(0.0);
    for (int j = 0; j < push.group * push.segment_count; j++) {
        const int s = j / push.group;
        const vec3 part = LOAD_FLOAT(segments, s * push.c4 * 4 + first + j - s * push.group).xyz;
        const float d = part.x - all.x, n = all.z + part.z;
        all.y += part.y + d * d * (all.z * part.z / n);
        all.x += d * (part.z / n);
        all.z = n;
    }
    return all;
}

void main()
{
    const int c = int(gl_GlobalInvocationID.x);
    if (c >= push.c4)
        return;
    const vec3 s0 = group_of(4 * c), s1 = group_of(4 * c + 1), s2 = group_of(4 * c + 2),
               s3 = group_of(4 * c + 3);
    const vec4 mean = vec4(s0.x, s1.x, s2.x, s3.x);
#ifdef MEAN
    STORE(y0, c, mean);
#else
    const vec4 var = vec4(s0.y, s1.y, s2.y, s3.y) / s0.z;
    const vec4 a = LOAD_FLOAT(params, c) / sqrt(var + LOAD_FLOAT(params, 2 * push.c4 + c));
    STORE_FLOAT(affine, 2 * c, a);
    STORE_FLOAT(affine, 2 * c + 1, LOAD_FLOAT(params, push.c4 + c) - a * mean);
#endif
}
