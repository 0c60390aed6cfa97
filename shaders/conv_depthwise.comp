#version 450
// Depthwise convolution (as many groups as channels). One invocation makes four channels of
// ROWS rows, so that rows are loaded once; memory bandwidth is the limit.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_IN(SLOT_WEIGHTS, weights); // [c / 4][kx][ky] vec4
FLOATS_IN(SLOT_PARAMS, bias);     // [c / 4] bias, then slopes of PRELU
TENSOR_OUT(SLOT_OUTPUT, y0);

CONV_DEPTHWISE_CONSTANTS(DECLARE_CONSTANT)
OUTPUT_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(CONV_DEPTHWISE_PUSH);

const int R = (ROWS - 1) * SY + KH;
vec4 acc[ROWS];

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y) * ROWS;
    if (x >= push.out_w)
        return;
    const int n_h = push.in_h << UP, n_w = push.in_w << UP;
    const int c = int(gl_WorkGroupID.z);
    const Affine f = load_affine0(c);
    const vec4 b = LOAD_FLOAT(bias, c);
    [[unroll]] for (int p = 0; p < ROWS; p++)
        acc[p] = b;
    [[dont_unroll]] for (int kx = 0; kx < KW; kx++) {
        const int xi = x * SX - push.left + kx;
        const int column = pad_index(PAD, xi, n_w) >> UP;
        vec4 w[KH];
        [[unroll]] for (int ky = 0; ky < KH; ky++)
            w[ky] = LOAD(weights, (c * KW + kx) * KH + ky);
        [[unroll]] for (int r = 0; r < R; r++) {
            const int yi = y * SY - push.top + r;
            const int at = (pad_index(PAD, yi, n_h) >> UP) * push.in_w + column;
            vec4 v = apply0(f, LOAD(x0, at * push.c4 + c));
            if (PAD == PAD_ZERO && (xi < 0 || xi >= n_w || yi < 0 || yi >= n_h))
                v = vec4(0.0);
            [[unroll]] for (int p = 0; p < ROWS; p++) {
                const int ky = r - p * SY;
                if (ky >= 0 && ky < KH)
                    acc[p] += w[ky] * v;
            }
        }
    }
    vec4 slope = vec4(0.0);
    if (ACT == ACT_PRELU)
        slope = LOAD_FLOAT(bias, push.c4 + c);
    [[unroll]] for (int p = 0; p < ROWS; p++) {
        if (y + p < push.out_h)
            STORE(y0, ((y + p) * push.out_w + x) * push.c4 + c,
                  activate(ACT, ALPHA, BETA, slope, acc[p]));
    }
}
