#version 450
// Direct convolution for GPUs. A work-group makes TILE_W x TILE_H output pixels of
// OC = 4 Q4 OGROUPS output channels. For every CHUNK channel blocks the tile with its border
// is loaded once to shared memory, with view, upsampling and padding applied. The taps read it
// there; weights are read from memory and its cache. Each invocation makes PIX pixels, PER_SET
// apart, so that neighboring invocations read neighboring pixels, of 4 Q4 channels; OGROUPS sets
// of invocations share a tile.
//
// out[y][x][o] = act(bias[o] + sum w[o][i][ky][kx] in[y SY + ky DY - top][x SX + kx DX -
// left][i]), in = the view, upsampled by UP (nearest), padded by PAD.
// PHASES = 4: the 3x3 convolution after a nearest x2 upsampling (or a transposed one of
// stride 2) as four 2x2 convolutions on the small map, one per output parity.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_IN(SLOT_WEIGHTS, weights); // [phase][o / 4][i / 4][ky][kx][o % 4], vectors of four inputs i
FLOATS_IN(SLOT_PARAMS, bias);     // [o / 4] bias, then [o / 4] slopes of PRELU
TENSOR_OUT(SLOT_OUTPUT, y0);
FLOATS_OUT(SLOT_STATS, stats);   // [tile][o]: mean, sum of squared differences, count, 0

CONV_SHARED_CONSTANTS(DECLARE_CONSTANT)
OUTPUT_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(CONV_SHARED_PUSH);

const int HALO_H = (TILE_H - 1) * SY + (KH - 1) * DY + 1;
const int HALO_W = (TILE_W - 1) * SX + (KW - 1) * DX + 1;
const int PER_SET = LANES / OGROUPS;               // invocations of a set
const int PIX = (TILE_H * TILE_W) / PER_SET;       // pixels an invocation makes
const int TILE_VECS = HALO_H * HALO_W * CHUNK;
const int SUM_VECS = LANES * Q4; // the memory is used again for the reduction of the statistics
shared vec4 tile[TILE_VECS > SUM_VECS ? TILE_VECS : SUM_VECS];

vec4 acc[PIX * Q4];

void load_tile(int first, int y_in, int x_in)
{
    const int n_h = push.in_h << UP, n_w = push.in_w << UP;
    for (int i = int(gl_LocalInvocationID.x); i < TILE_VECS; i += LANES) {
        const int c = i % CHUNK, p = i / CHUNK;
        const int hy = p / HALO_W, hx = p - hy * HALO_W;
        const int y = y_in + hy, x = x_in + hx;
        vec4 v = vec4(0.0);
        const bool inside = y >= 0 && y < n_h && x >= 0 && x < n_w;
        if (first + c < CI4 && (PAD != PAD_ZERO || inside)) {
            const int at = (pad_index(PAD, y, n_h) >> UP) * push.in_w + (pad_index(PAD, x, n_w) >> UP);
            v = apply0(load_affine0(first + c), LOAD(x0, at * CI4 + first + c));
        }
        tile[i] = v;
    }
}

void multiply(int first, int pixel, int o_first, int phase)
{
    // The taps are left to the compiler. Where it unrolls the blocks, too, it takes seconds.
    [[dont_unroll]] for (int c = 0; c < CHUNK && first + c < CI4; c++) {
        for (int k = 0; k < KH * KW; k++) {
            const int ky = k / KW, kx = k - ky * KW;
            vec4 v[PIX];
            [[unroll]] for (int p = 0; p < PIX; p++) {
                const int at = pixel + p * PER_SET;
                const int hy = at / TILE_W * SY + ky * DY, hx = at % TILE_W * SX + kx * DX;
                v[p] = tile[(hy * HALO_W + hx) * CHUNK + c];
            }
            [[unroll]] for (int q = 0; q < Q4; q++) {
                const int o = min(o_first + q, push.o4 - 1);
                const int w_at = (((phase * push.o4 + o) * CI4 + first + c) * KH * KW + k) * 4;
                const vec4 w0 = LOAD(weights, w_at), w1 = LOAD(weights, w_at + 1),
                           w2 = LOAD(weights, w_at + 2), w3 = LOAD(weights, w_at + 3);
                [[unroll]] for (int p = 0; p < PIX; p++)
                    acc[p * Q4 + q] += vec4(dot(w0, v[p]), dot(w1, v[p]), dot(w2, v[p]), dot(w3, v[p]));
            }
        }
    }
}

// Sums of v over the invocations of a set; every invocation of the work-group calls it.
void set_sum(inout vec4 v[Q4], int set, int pixel)
{
    const int at = int(gl_LocalInvocationID.x);
    barrier();
    [[unroll]] for (int q = 0; q < Q4; q++)
        tile[q * LANES + at] = v[q];
    barrier();
    [[dont_unroll]] for (int half_n = PER_SET / 2; half_n > 0; half_n >>= 1) {
        [[unroll]] for (int q = 0; q < Q4; q++) {
            if (pixel < half_n)
                tile[q * LANES + at] += tile[q * LANES + at + half_n];
        }
        barrier();
    }
    [[unroll]] for (int q = 0; q < Q4; q++)
        v[q] = tile[q * LANES + set * PER_SET];
}

void main()
{
    const int z = int(gl_WorkGroupID.z);
    const int phase = PHASES == 1 ? 0 : z / push.groups;
    const int group = PHASES == 1 ? z : z - phase * push.groups;
    const int py = phase >> 1, px = phase & 1;
    const int set = int(gl_LocalInvocationID.x) / PER_SET;
    const int pixel = int(gl_LocalInvocationID.x) - set * PER_SET;
    const int tile_x = int(gl_WorkGroupID.x) * TILE_W, tile_y = int(gl_WorkGroupID.y) * TILE_H;
    const int o_first = (group * OGROUPS + set) * Q4;

    [[unroll]] for (int i = 0; i < PIX * Q4; i++)
        acc[i] = vec4(0.0);
    [[dont_unroll]] for (int first = 0; first < CI4; first += CHUNK) {
        load_tile(first, tile_y * SY - push.top + py, tile_x * SX - push.left + px);
        barrier();
        multiply(first, pixel, o_first, phase);
        barrier();
    }

    const int scale = PHASES == 1 ? 1 : 2;
    const float n = float(min(TILE_W, push.out_w - tile_x) * min(TILE_H, push.out_h - tile_y));
    const int tile_index = (phase * int(gl_NumWorkGroups.y) + int(gl_WorkGroupID.y)) *
                               int(gl_NumWorkGroups.x) + int(gl_WorkGroupID.x);
    vec4 sums[Q4], mean[Q4];
    [[unroll]] for (int q = 0; q < Q4; q++) {
        const int o = o_first + q;
        const bool o_ok = o < push.o4;
        vec4 b = vec4(0.0), slope = vec4(0.0);
        sums[q] = mean[q] = vec4(0.0);
        if (o_ok)
            b = LOAD_FLOAT(bias, o);
        if (ACT == ACT_PRELU && o_ok)
            slope = LOAD_FLOAT(bias, push.o4 + o);
        [[unroll]] for (int p = 0; p < PIX; p++) {
            const int at = pixel + p * PER_SET;
            const int y = tile_y + at / TILE_W, x = tile_x + at % TILE_W;
            vec4 s = activate(ACT, ALPHA, BETA, slope, acc[p * Q4 + q] + b);
            if (STATS != 0)
                s = stored(s);
            acc[p * Q4 + q] = s;
            if (o_ok && y < push.out_h && x < push.out_w) {
                STORE(y0, ((y * scale + py) * push.out_w * scale + x * scale + px) * push.o4 + o, s);
                sums[q] += s;
            }
        }
    }
    if (STATS == 0)
        return;
    // The means, then the sums of squared differences from them: a loop, since each barrier takes
    // compilers for processors long.
    [[dont_unroll]] for (int round = 0; round < 2; round++) {
        [[unroll]] for (int q = 0; q < Q4; q++) {
            if (round == 1)
                sums[q] = vec4(0.0);
            [[unroll]] for (int p = 0; p < PIX; p++) {
                const int at = pixel + p * PER_SET;
                const vec4 d = acc[p * Q4 + q] - mean[q];
                if (round == 1 && tile_y + at / TILE_W < push.out_h && tile_x + at % TILE_W < push.out_w)
                    sums[q] += d * d;
            }
        }
        set_sum(sums, set, pixel);
        [[unroll]] for (int q = 0; q < Q4; q++)
            mean[q] = round == 0 ? sums[q] / n : mean[q];
    }
    [[unroll]] for (int q = 0; q < Q4; q++) {
        if (pixel < 4 && o_first + q < push.o4)
            STORE_FLOAT(stats, (tile_index * push.o4 + o_first + q) * 4 + pixel,
                        vec4(mean[q][pixel], sums[q][pixel], n, 0.0));
    }
}
