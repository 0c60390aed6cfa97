#version 450
// Any convolution or transposed convolution: groups, dilation, odd strides. One invocation
// makes four output channels of a pixel. Used where no faster kernel fits.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_IN(SLOT_WEIGHTS, weights); // [o / 4][ky][kx][i of the group] vec4 over o
FLOATS_IN(SLOT_PARAMS, bias);     // [o / 4] bias, then slopes of PRELU
TENSOR_OUT(SLOT_OUTPUT, y0);

CONV_GENERIC_CONSTANTS(DECLARE_CONSTANT)
OUTPUT_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(CONV_GENERIC_PUSH);

float channel(int pixel, int ch)
{
    const int c = ch >> 2, i = ch & 3;
    const vec4 v = apply0(load_affine0(c), LOAD(x0, pixel * push.in_c4 + c));
    return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// Input index that tap k of output o reads along one axis; -1 where it reads zero padding.
int tap(int o, int k, int stride, int dilation, int pad, int n)
{
    if (TRANSPOSED != 0) {
        const int i = o + pad - k * dilation;
        return i >= 0 && i % stride == 0 && i / stride < n ? i / stride : -1;
    }
    const int i = o * stride + k * dilation - pad;
    if (PAD == PAD_ZERO && (i < 0 || i >= n << UP))
        return -1;
    return pad_index(PAD, i, n << UP) >> UP;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.out_w)
        return;
    const int o = int(gl_WorkGroupID.z);
    const ivec4 base = (ivec4(4 * o) + ivec4(0, 1, 2, 3)) / push.group_out * push.group_in;
    vec4 sum = LOAD_FLOAT(bias, o);
    for (int k = 0; k < push.kh * push.kw; k++) {
        const int ky = k / push.kw, kx = k - ky * push.kw;
        const int iy = tap(y, ky, push.sy, push.dy, push.top, push.in_h);
        const int ix = tap(x, kx, push.sx, push.dx, push.left, push.in_w);
        const float inside = iy >= 0 && ix >= 0 ? 1.0 : 0.0;
        const int pixel = max(iy, 0) * push.in_w + max(ix, 0);
        for (int i = 0; i < push.group_in; i++) {
            const vec4 w = LOAD(weights, (o * push.kh * push.kw + k) * push.group_in + i);
            vec4 v;
            if (SPLIT != 0) {
                const int top = push.in_c4 * 4 - 1;
                v = vec4(channel(pixel, min(base.x + i, top)), channel(pixel, min(base.y + i, top)),
                         channel(pixel, min(base.z + i, top)), channel(pixel, min(base.w + i, top)));
            } else {
                v = vec4(channel(pixel, base.x + i));
            }
            sum += inside * w * v;
        }
    }
    vec4 slope = vec4(0.0);
    if (ACT == ACT_PRELU)
        slope = LOAD_FLOAT(bias, push.out_c4 + o);
    STORE(y0, (y * push.out_w + x) * push.out_c4 + o, activate(ACT, ALPHA, BETA, slope, sum));
}
