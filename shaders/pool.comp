#version 450
// Max and average pooling.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_OUT(SLOT_OUTPUT, y0);

POOL_CONSTANTS(DECLARE_CONSTANT)
#define DECLARE_POOL(name, number) const int KIND_##name = number;
POOLS(DECLARE_POOL)

DECLARE_PUSH(POOL_PUSH);

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.out_w)
        return;
    const int c = int(gl_WorkGroupID.z);
    const Affine f = load_affine0(c);
    vec4 v = vec4(KIND == KIND_MAX ? -3.0e38 : 0.0);
    float n = 0.0;
    for (int k = 0; k < KH * KW; k++) {
        const int ky = k / KW, kx = k - ky * KW;
        const int iy = y * push.stride_y - push.top + ky * push.dilation_y;
        const int ix = x * push.stride_x - push.left + kx * push.dilation_x;
        const bool inside = iy >= 0 && iy < push.in_h && ix >= 0 && ix < push.in_w;
        const int at = clamp(iy, 0, push.in_h - 1) * push.in_w + clamp(ix, 0, push.in_w - 1);
        const vec4 s = apply0(f, LOAD(x0, at * push.c4 + c));
        if (inside)
            v = KIND == KIND_MAX ? max(v, s) : v + s;
        const bool padded = KIND == KIND_AVERAGE_PADDED && iy < push.in_h + push.bottom && ix < push.in_w + push.right;
        n += inside || padded ? 1.0 : 0.0;
    }
    STORE(y0, (y * push.out_w + x) * push.c4 + c, KIND == KIND_MAX ? v : v / max(n, 1.0));
}
