#version 450
// Last step of the Winograd convolution: the 6x6 products m of every tile become the 4x4 output
// pixels A^T m A; bias, activation and statistics as in conv_texel.comp.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "lanes.glsl"

FLOATS_IN(SLOT_INPUT0, products); // [36][o / 4][tile]
FLOATS_IN(SLOT_PARAMS, bias);     // [o / 4] bias, then [o / 4] slopes of PRELU
TENSOR_OUT(SLOT_OUTPUT, y0);
FLOATS_OUT(SLOT_STATS, stats);   // [work-group][o]: mean, sum of squared differences, count, 0

WINOGRAD_OUT_CONSTANTS(DECLARE_CONSTANT)
OUTPUT_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(WINOGRAD_OUT_PUSH);

vec4 m[6], t[24], result[16];

// m[0..3] = A^T m[0..5].
void transform()
{
    const vec4 a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    m[0] = m[0] + a + c;
    m[1] = b + 2.0 * d;
    m[2] = a + 4.0 * c;
    m[3] = b + 8.0 * d + m[5];
}

void main()
{
    const int tile = int(gl_GlobalInvocationID.x), o = int(gl_WorkGroupID.y);
    const int ty = tile / push.tiles_x, tx = tile - ty * push.tiles_x;
    const bool known = tile < push.tiles;
    [[unroll]] for (int j = 0; j < 6; j++) {
        [[unroll]] for (int i = 0; i < 6; i++)
            m[i] = LOAD_FLOAT(products, ((i * 6 + j) * push.o4 + o) * push.tiles_padded + tile);
        transform();
        [[unroll]] for (int i = 0; i < 4; i++)
            t[i * 6 + j] = m[i];
    }
    const vec4 b = LOAD_FLOAT(bias, o);
    vec4 slope = vec4(0.0);
    if (ACT == ACT_PRELU)
        slope = LOAD_FLOAT(bias, push.o4 + o);
    const int n_y = known ? min(4, push.out_h - ty * 4) : 0;
    const int n_x = known ? min(4, push.out_w - tx * 4) : 0;
    [[unroll]] for (int i = 0; i < 4; i++) {
        [[unroll]] for (int j = 0; j < 6; j++)
            m[j] = t[i * 6 + j];
        transform();
        [[unroll]] for (int j = 0; j < 4; j++) {
            result[i * 4 + j] = activate(ACT, ALPHA, BETA, slope, m[j] + b);
            if (i < n_y && j < n_x)
                STORE(y0, ((ty * 4 + i) * push.out_w + tx * 4 + j) * push.o4 + o, result[i * 4 + j]);
        }
    }
    if (STATS == 0)
        return;

    // One pass: differences from a value of the work-group, so that the squares lose no precision.
    vec4 origin, s = vec4(0.0), s2 = vec4(0.0);
    [[unroll]] for (int i = 0; i < 4; i++)
        origin[i] = subgroupShuffle(result[0][i], 0u);
    [[unroll]] for (int i = 0; i < 16; i++) {
        const vec4 diff = (i / 4) < n_y && (i % 4) < n_x ? result[i] - origin : vec4(0.0);
        s += diff;
        s2 += diff * diff;
    }
    const float n = lane_sum(float(n_y * n_x));
    [[unroll]] for (int i = 0; i < 4; i++) {
        const float sum = lane_sum(s[i]), sum2 = lane_sum(s2[i]);
        if (gl_SubgroupInvocationID == 0u)
            STORE_FLOAT(stats, (int(gl_WorkGroupID.x) * push.o4 + o) * 4 + i,
                        vec4(origin[i] + sum / n, sum2 - sum * sum / n, n, 0.0));
    }
}
