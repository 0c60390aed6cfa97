#version 450
// Normalization's last step: the segments' statistics of each group of channels become the
// affine pair a = scale / sqrt(var + epsilon), b = shift - a mean that the next kernel
// applies while loading. MEAN instead writes the plain means as a [1][1][C] map.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, segments); // [segment][c / 4][3]: mean, M2, count
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

void combine(inout float n, inout float mean, inout float m2, float nb, float mean_b, float m2_b)
{
    const float d = mean_b - mean, total = n + nb;
    m2 += m2_b + d * d * (n * nb / total);
    mean += d * (nb / total);
    n = total;
}

void main()
{
    const int c = int(gl_GlobalInvocationID.x);
    if (c >= push.c4)
        return;
    vec4 mean = vec4(0.0), m2 = vec4(0.0);
    float n = 0.0;
    if (push.group == 1) {
        for (int s = 0; s < push.segment_count; s++) {
            const int at = (s * push.c4 + c) * 3;
            const float nb = LOAD_FLOAT(segments, at + 2).x, total = n + nb;
            const vec4 d = LOAD_FLOAT(segments, at) - mean;
            m2 += LOAD_FLOAT(segments, at + 1) + d * d * (n * nb / total);
            mean += d * (nb / total);
            n = total;
        }
    } else {
        for (int i = 0; i < 4; i++) {
            const int first = min(4 * c + i, push.channels - 1) / push.group * push.group;
            float n_i = 0.0, mean_i = 0.0, m2_i = 0.0;
            for (int j = 0; j < push.group * push.segment_count; j++) {
                const int s = j / push.group, ch = first + j - s * push.group;
                const int at = (s * push.c4 + (ch >> 2)) * 3, k = ch & 3;
                const vec4 mv = LOAD_FLOAT(segments, at), sv = LOAD_FLOAT(segments, at + 1);
                const float nb = LOAD_FLOAT(segments, at + 2).x;
                combine(n_i, mean_i, m2_i, nb, k == 0 ? mv.x : k == 1 ? mv.y : k == 2 ? mv.z : mv.w,
                        k == 0 ? sv.x : k == 1 ? sv.y : k == 2 ? sv.z : sv.w);
            }
            mean[i] = mean_i;
            m2[i] = m2_i;
            n = n_i;
        }
    }
#ifdef MEAN
    STORE(y0, c, mean);
#else
    const vec4 a = LOAD_FLOAT(params, c) / sqrt(m2 / n + LOAD_FLOAT(params, 2 * push.c4 + c));
    STORE_FLOAT(affine, 2 * c, a);
    STORE_FLOAT(affine, 2 * c + 1, LOAD_FLOAT(params, push.c4 + c) - a * mean);
#endif
}
