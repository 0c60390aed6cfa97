#version 450
// Direct convolution for software Vulkan on a processor. One invocation makes ROWS output rows
// of Q output channels in its column; the LANES invocations of a subgroup are neighbors in x,
// so a load of activations reads neighboring pixels. A load of weights reads LANES vectors, one a
// lane; shuffles with a constant lane, one instruction each, copy them to all lanes.
//
// out[y][x][o] = act(bias[o] + sum w[o][i][ky][kx] in[y SY + ky DY - top][x SX + kx DX -
// left][i]), in = the view, upsampled by UP (nearest), padded by PAD.
// PHASES = 4: the 3x3 convolution after a nearest x2 upsampling (or a transposed one of
// stride 2) as four 2x2 convolutions on the small map, one per output parity.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "lanes.glsl"
#include "view.glsl"

// [phase][o / Q][i / 4][kx / KXU][ky / KYU] blocks of [KXU] runs of [KYU][Q] vec4 over i,
// each run padded to LANES
WEIGHTS_IN(SLOT_WEIGHTS, weights);
FLOATS_IN(SLOT_PARAMS, bias);     // [o / 4] bias, then [o / 4] slopes of PRELU
TENSOR_OUT(SLOT_OUTPUT, y0);
FLOATS_OUT(SLOT_STATS, stats);   // [tile][o]: mean, sum of squared differences, count, 0

CONV_TEXEL_CONSTANTS(DECLARE_CONSTANT)
OUTPUT_CONSTANTS(DECLARE_CONSTANT)
DECLARE_PUSH(CONV_TEXEL_PUSH);

const int PARTS_Y = (KH + KYU - 1) / KYU;
const int PARTS_X = (KW + KXU - 1) / KXU;
const int R = (ROWS - 1) * SY + (KYU - 1) * DY + 1;
const int CHUNKS = (KYU * Q + LANES - 1) / LANES;

float acc[ROWS * Q];
int row[R];
vec4 v[R];
bool row_in[R];

// Channels whose sums are reduced: Q rounded up to a power of two, at least LANES, at most
// twice LANES.
const int Q8 = Q > 16 ? 32 : Q > 8 ? 16 : 8;
const int SUMS = Q8 > LANES ? Q8 : LANES;
const int PADDED = (Q + 3) / 4 * 4; // channels that have statistics
float sums[SUMS];

// Adds sums[i] over the lanes. Afterwards lane l holds the sum of channel l in sums[0], or of
// channels 2 l and 2 l + 1 in sums[0] and sums[1] where there are more channels than lanes. Each
// step gives half of the sums to the partner lane: 2 SUMS shuffles instead of SUMS log2(LANES).
void reduce_lanes(int lane)
{
    [[unroll]] for (int k = 1; k <= 4; k++) {
        const int bit = LANES >> k, n = SUMS >> k;
        const bool upper = (lane & bit) != 0;
        [[unroll]] for (int i = 0; i < SUMS / 2; i++) {
            if (bit > 0 && i < n) {
                const float mine = upper ? sums[i + n] : sums[i];
                const float give = upper ? sums[i] : sums[i + n];
                sums[i] = mine + subgroupShuffleXor(give, uint(bit));
            }
        }
    }
}

void find_rows(int first, int n_h)
{
    [[unroll]] for (int r = 0; r < R; r++) {
        row[r] = (pad_index(PAD, first + r, n_h) >> UP) * push.in_w;
        row_in[r] = PAD != PAD_ZERO || (first + r >= 0 && first + r < n_h);
    }
}

// Adds the products of the next KYU taps with the rows in v to acc.
void multiply(inout int w_at)
{
    [[unroll]] for (int k = 0; k < CHUNKS; k++) {
        const vec4 w = LOAD_WEIGHT(weights, w_at);
        w_at += LANES;
        [[unroll]] for (int l = 0; l < LANES; l++) {
            const int ky = (k * LANES + l) / Q, q = (k * LANES + l) % Q;
            if (ky < KYU) {
                [[unroll]] for (int i = 0; i < COMPS; i++) {
                    const float wi = subgroupShuffle(w[i], uint(l));
                    [[unroll]] for (int p = 0; p < ROWS; p++)
                        acc[p * Q + q] += wi * v[p * SY + ky * DY][i];
                }
            }
        }
    }
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
    if (PARTS_Y == 1)
        find_rows(y_in, n_h);

    int w_at = z * CI4 * PARTS_X * PARTS_Y * KXU * CHUNKS * LANES + lane;
    int c = 0, part_x = 0, part_y = 0;
    // One loop over all parts: with nested loops llvmpipe keeps the sums in memory and needs twice
    // the time (measured).
    [[dont_unroll]] for (int part = 0; part < CI4 * PARTS_X * PARTS_Y; part++) {
        const Affine f = load_affine0(c);
        if (PARTS_Y > 1)
            find_rows(y_in + part_y * KYU * DY, n_h);
        [[unroll]] for (int kx = 0; kx < KXU; kx++) {
            const int xi = x_in + (part_x * KXU + kx) * DX;
            const int column = pad_index(PAD, xi, n_w) >> UP;
            const bool column_in = PAD != PAD_ZERO || (xi >= 0 && xi < n_w);
            [[unroll]] for (int r = 0; r < R; r++) {
                v[r] = apply0(f, LOAD(x0, (row[r] + column) * CI4 + c));
                if (PAD == PAD_ZERO)
                    v[r] = column_in && row_in[r] ? v[r] : vec4(0.0);
            }
            multiply(w_at);
        }
        part_y += 1;
        const int next_x = part_y == PARTS_Y ? 1 : 0;
        part_y = next_x != 0 ? 0 : part_y;
        part_x += next_x;
        const int next_c = part_x == PARTS_X ? 1 : 0;
        part_x = next_c != 0 ? 0 : part_x;
        c += next_c;
    }

    const int count_y = min(ROWS, push.out_h - y);
    const bool x_ok = x < push.out_w;
    const int scale = PHASES == 1 ? 1 : 2;
    const int at0 = (y * scale + py) * push.out_w * scale + x * scale + px;
    [[unroll]] for (int q = 0; q < Q; q += 4) {
        const int o = group * ((Q + 3) / 4) + q / 4;
        const vec4 b = LOAD_FLOAT(bias, min(o, push.o4 - 1));
        vec4 slope = vec4(0.0);
        if (ACT == ACT_PRELU)
            slope = LOAD_FLOAT(bias, push.o4 + min(o, push.o4 - 1));
        [[unroll]] for (int p = 0; p < ROWS; p++) {
            vec4 s = vec4(0.0);
            [[unroll]] for (int i = 0; i < 4; i++) {
                if (q + i < Q)
                    s[i] = acc[p * Q + q + i];
            }
            s = activate(ACT, ALPHA, BETA, slope, s + b);
            if (STATS != 0)
                s = stored(s);
            [[unroll]] for (int i = 0; i < 4; i++) {
                if (q + i < Q)
                    acc[p * Q + q + i] = s[i];
            }
            if (x_ok && p < count_y && o < push.o4)
                STORE(y0, (at0 + p * push.out_w * scale * scale) * push.o4 + o, s);
        }
    }
    if (STATS == 0)
        return;

    // One pass: differences from a value of the tile, so that the squares lose no precision.
    const float n = float(count_y * min(LANES, push.out_w - int(gl_WorkGroupID.x) * LANES));
    const int tile = (phase * int(gl_NumWorkGroups.y) + int(gl_WorkGroupID.y)) *
                         int(gl_NumWorkGroups.x) + int(gl_WorkGroupID.x);
    float origin[Q];
    [[unroll]] for (int i = 0; i < SUMS; i++) {
        sums[i] = 0.0;
        if (i < Q) {
            origin[i] = subgroupShuffle(acc[i], 0u);
            [[unroll]] for (int p = 0; p < ROWS; p++) {
                acc[p * Q + i] -= origin[i];
                sums[i] += x_ok && p < count_y ? acc[p * Q + i] : 0.0;
            }
        }
    }
    reduce_lanes(lane);
    const float s0 = sums[0], s1 = SUMS > LANES ? sums[SUMS > LANES ? 1 : 0] : 0.0;
    [[unroll]] for (int i = 0; i < SUMS; i++) {
        sums[i] = 0.0;
        if (i < Q) {
            [[unroll]] for (int p = 0; p < ROWS; p++)
                sums[i] += x_ok && p < count_y ? acc[p * Q + i] * acc[p * Q + i] : 0.0;
        }
    }
    reduce_lanes(lane);
    const float m0 = sums[0], m1 = SUMS > LANES ? sums[SUMS > LANES ? 1 : 0] : 0.0;
    const int per_lane = SUMS / LANES, first = lane * per_lane;
    float k0 = 0.0, k1 = 0.0; // origin of each of this lane's channels
    [[unroll]] for (int i = 0; i < Q; i++) {
        k0 = first == i ? origin[i] : k0;
        k1 = first + 1 == i ? origin[i] : k1;
    }
    const int channel = group * Q + first;
    if (first < PADDED && channel < push.o4 * 4)
        STORE_FLOAT(stats, tile * push.o4 * 4 + channel, vec4(k0 + s0 / n, m0 - s0 * s0 / n, n, 0.0));
    if (per_lane > 1 && first + 1 < PADDED && channel + 1 < push.o4 * 4)
        STORE_FLOAT(stats, tile * push.o4 * 4 + channel + 1, vec4(k1 + s1 / n, m1 - s1 * s1 / n, n, 0.0));
}
