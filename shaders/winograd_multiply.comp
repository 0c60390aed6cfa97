#version 450
// Second step of the Winograd convolution: 36 matrix products,
// out[k][o][tile] = sum_i w[k][o][i] in[k][i][tile]. One invocation makes
// GROUPS tiles (LANES apart) of Q output channels; weights are copied to all lanes as in
// conv_texel.comp.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "lanes.glsl"

FLOATS_IN(SLOT_INPUT0, pieces);   // [36][i / 4][tile]
WEIGHTS_IN(SLOT_WEIGHTS, weights); // [36][o / Q][i / 4][Q] vec4 over i, padded to LANES
FLOATS_OUT(SLOT_STATS, products); // [36][o / 4][tile]

WINOGRAD_MULTIPLY_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(WINOGRAD_MULTIPLY_PUSH);

const int CHUNKS = (Q + LANES - 1) / LANES;
float acc[GROUPS * Q];
vec4 v[GROUPS];

void main()
{
    const int lane = int(gl_SubgroupInvocationID);
    const int tile = int(gl_WorkGroupID.x) * LANES * GROUPS + lane;
    const int block = int(gl_WorkGroupID.y), k = int(gl_WorkGroupID.z);
    [[unroll]] for (int i = 0; i < GROUPS * Q; i++)
        acc[i] = 0.0;
    int w_at = (k * int(gl_NumWorkGroups.y) + block) * CI4 * CHUNKS * LANES + lane;
    int at = k * CI4 * push.tiles_padded + tile;
    [[dont_unroll]] for (int c = 0; c < CI4; c++) {
        [[unroll]] for (int g = 0; g < GROUPS; g++)
            v[g] = LOAD_FLOAT(pieces, at + g * LANES);
        [[unroll]] for (int chunk = 0; chunk < CHUNKS; chunk++) {
            const vec4 w = LOAD_WEIGHT(weights, w_at + chunk * LANES);
            [[unroll]] for (int l = 0; l < LANES; l++) {
                const int q = chunk * LANES + l;
                if (q < Q) {
                    [[unroll]] for (int i = 0; i < 4; i++) {
                        const float wi = subgroupShuffle(w[i], uint(l));
                        [[unroll]] for (int g = 0; g < GROUPS; g++)
                            acc[g * Q + q] += wi * v[g][i];
                    }
                }
            }
        }
        w_at += CHUNKS * LANES;
        at += push.tiles_padded;
    }
    [[unroll]] for (int q = 0; q < Q; q += 4) {
        const int o = block * (Q / 4) + q / 4;
        if (o < push.o4) {
            [[unroll]] for (int g = 0; g < GROUPS; g++)
                STORE_FLOAT(products, (k * push.o4 + o) * push.tiles_padded + tile + g * LANES,
                            vec4(acc[g * Q + q], acc[g * Q + q + 1], acc[g * Q + q + 2],
                                 acc[g * Q + q + 3]));
        }
    }
}
