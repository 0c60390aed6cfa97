#version 450
// Direct convolution for processors behind Vulkan. One invocation makes ROWS output rows
// of Q output channels in its column; the LANES invocations of a subgroup are neighbours
// in x, so an activation load is one vector of pixels. Weights arrive LANES vectors a load
// and are spread by shuffles with constant lane (one instruction each).
//
// out[y][x][o] = act(bias[o] + sum w[o][i][ky][kx] in[y SY + ky DY - top][x SX + kx DX -
// left][i]), in = the view, upsampled by UP (nearest), padded by PAD.
// PHASES = 4: the 3x3 convolution after a nearest x2 upsampling (or a transposed one of
// stride 2) as four 2x2 convolutions on the small map, one per output parity.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

WEIGHTS_IN(4, weights); // [phase][o / Q][i / 4][kx][ky][q] vec4 over i, padded to LANES
FLOATS_IN(5, bias);     // [o / 4] bias, then [o / 4] slopes of PRELU
TENSOR_OUT(6, y0);
FLOATS_OUT(7, stats);   // [tile][o / 4][2]: mean, sum of squared differences

layout(constant_id = 1) const int ROWS = 4;
layout(constant_id = 2) const int Q = 8;
layout(constant_id = 3) const int KH = 3;
layout(constant_id = 4) const int KW = 3;
layout(constant_id = 5) const int SY = 1;
layout(constant_id = 6) const int SX = 1;
layout(constant_id = 7) const int DY = 1;
layout(constant_id = 8) const int DX = 1;
layout(constant_id = 9) const int CI4 = 1;    // input channel blocks
layout(constant_id = 10) const int COMPS = 4; // used channels of a block (3 for a picture)
layout(constant_id = 11) const int PAD = 1;
layout(constant_id = 12) const int UP = 0; // log2 of the upsampling
layout(constant_id = 13) const int PHASES = 1;
layout(constant_id = 14) const int STATS = 0;
layout(constant_id = 15) const int HAS_BIAS = 1;
layout(constant_id = 28) const int ACT = 1;
layout(constant_id = 29) const float ALPHA = 0.0;
layout(constant_id = 30) const float BETA = 0.0;

layout(push_constant) uniform Push {
    int in_h, in_w, out_h, out_w; // out: of one phase
    int top, left;
    int o4;     // output channel blocks
    int groups; // blocks of Q output channels
} push;

const int R = (ROWS - 1) * SY + (KH - 1) * DY + 1;
const int CHUNKS = (KH * Q + LANES - 1) / LANES;

float acc[ROWS * Q];
int row[R];
vec4 v[R];
bool row_in[R];

float lane_sum(float x)
{
    [[unroll]] for (uint step = 1u; step < uint(LANES); step <<= 1)
        x += subgroupShuffle(x, gl_SubgroupInvocationID ^ step);
    return x;
}

void main()
{
    const int lane = int(gl_SubgroupInvocationID);
    const int x = int(gl_WorkGroupID.x) * LANES + lane;
    const int y = int(gl_WorkGroupID.y) * ROWS;
    const int z = int(gl_WorkGroupID.z);
    const int phase = PHASES == 1 ? 0 : z / push.groups;
    const int group = PHASES == 1 ? z : z - phase * push.groups;
    const int py = phase >> 1, px = phase & 1;
    const int n_h = push.in_h << UP, n_w = push.in_w << UP;
    const int y_in = y * SY - push.top + py, x_in = x * SX - push.left + px;

    [[unroll]] for (int i = 0; i < ROWS * Q; i++)
        acc[i] = 0.0;
    [[unroll]] for (int r = 0; r < R; r++) {
        row[r] = (pad_index(PAD, y_in + r, n_h) >> UP) * push.in_w;
        row_in[r] = PAD != PAD_ZERO || (y_in + r >= 0 && y_in + r < n_h);
    }

    int w_at = z * CI4 * KW * CHUNKS * LANES + lane;
    [[dont_unroll]] for (int c = 0; c < CI4; c++) {
        const Affine f = load_affine0(c);
        [[dont_unroll]] for (int kx = 0; kx < KW; kx++) {
            const int xi = x_in + kx * DX;
            const int column = pad_index(PAD, xi, n_w) >> UP;
            const bool column_in = PAD != PAD_ZERO || (xi >= 0 && xi < n_w);
            [[unroll]] for (int r = 0; r < R; r++) {
                v[r] = apply0(f, LOAD(x0, (row[r] + column) * CI4 + c));
                if (PAD == PAD_ZERO)
                    v[r] = column_in && row_in[r] ? v[r] : vec4(0.0);
            }
            [[unroll]] for (int k = 0; k < CHUNKS; k++) {
                const vec4 w = LOAD_WEIGHT(weights, w_at);
                w_at += LANES;
                [[unroll]] for (int l = 0; l < LANES; l++) {
                    const int ky = (k * LANES + l) / Q, q = (k * LANES + l) % Q;
                    if (ky < KH) {
                        [[unroll]] for (int i = 0; i < COMPS; i++) {
                            const float wi = subgroupShuffle(w[i], uint(l));
                            [[unroll]] for (int p = 0; p < ROWS; p++)
                                acc[p * Q + q] += wi * v[p * SY + ky * DY][i];
                        }
                    }
                }
            }
        }
    }

    const int count_y = min(ROWS, push.out_h - y);
    const bool x_ok = x < push.out_w;
    const int scale = PHASES == 1 ? 1 : 2;
    const int tile = (phase * int(gl_NumWorkGroups.y) + int(gl_WorkGroupID.y)) *
                         int(gl_NumWorkGroups.x) + int(gl_WorkGroupID.x);
    const float n = float(count_y * min(LANES, push.out_w - int(gl_WorkGroupID.x) * LANES));
    [[unroll]] for (int q = 0; q < Q; q += 4) {
        const int o = group * ((Q + 3) / 4) + q / 4;
        if (o < push.o4) {
            vec4 total = vec4(0.0), b = vec4(0.0), slope = vec4(0.0);
            if (HAS_BIAS != 0)
                b = LOAD_FLOAT(bias, o);
            if (ACT == ACT_PRELU)
                slope = LOAD_FLOAT(bias, push.o4 + o);
            vec4 result[ROWS];
            [[unroll]] for (int p = 0; p < ROWS; p++) {
                vec4 s = vec4(acc[p * Q + q], 0.0, 0.0, 0.0);
                if (q + 1 < Q)
                    s.y = acc[p * Q + min(q + 1, Q - 1)];
                if (q + 2 < Q)
                    s.z = acc[p * Q + min(q + 2, Q - 1)];
                if (q + 3 < Q)
                    s.w = acc[p * Q + min(q + 3, Q - 1)];
                s = activate(ACT, ALPHA, BETA, slope, s + b);
                result[p] = s;
                if (x_ok && p < count_y) {
                    const int at = ((y + p) * scale + py) * push.out_w * scale + x * scale + px;
                    STORE(y0, at * push.o4 + o, s);
                    total += s;
                }
            }
            if (STATS != 0) {
                [[unroll]] for (int i = 0; i < 4; i++)
                    total[i] = lane_sum(total[i]);
                const vec4 mean = total / n;
                vec4 m2 = vec4(0.0);
                [[unroll]] for (int p = 0; p < ROWS; p++) {
                    const vec4 d = result[p] - mean;
                    if (x_ok && p < count_y)
                        m2 += d * d;
                }
                [[unroll]] for (int i = 0; i < 4; i++)
                    m2[i] = lane_sum(m2[i]);
                if (lane == 0) {
                    STORE_FLOAT(stats, (tile * push.o4 + o) * 2, mean);
                    STORE_FLOAT(stats, (tile * push.o4 + o) * 2 + 1, m2);
                }
            }
        }
    }
}
