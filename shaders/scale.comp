#version 450
// One direction of a separable resampling: out[i] = sum_k w[i][k] in[first[i] + k], with edge
// padding; the result is extended by reflection to the tensor's size. For every output index the
// table holds first (as a float) and TAPS weights, in ceil((1 + TAPS) / 4) vectors.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

FLOATS_IN(SLOT_PARAMS, table);
TENSOR_OUT(SLOT_OUTPUT, y0);

SCALE_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(SCALE_PUSH);

void main()
{
    const int ox = int(gl_GlobalInvocationID.x), oy = int(gl_WorkGroupID.y);
    if (ox >= push.out_w)
        return;
    const int x = pad_index(PAD_REFLECT, ox, push.w), y = pad_index(PAD_REFLECT, oy, push.h);
    const int i = VERTICAL != 0 ? y : x;
    const int row = i * ((TAPS + 4) / 4);
    const Affine f = load_affine0(0);
    vec4 t = LOAD_FLOAT(table, row), sum = vec4(0.0);
    const int first = int(t.x);
    for (int k = 0; k < TAPS; k++) {
        const int at = k + 1, c = at & 3;
        if (c == 0)
            t = LOAD_FLOAT(table, row + (at >> 2));
        const float weight = c == 0 ? t.x : c == 1 ? t.y : c == 2 ? t.z : t.w;
        const int sx = VERTICAL != 0 ? x : clamp(first + k, 0, push.in_w - 1);
        const int sy = VERTICAL != 0 ? clamp(first + k, 0, push.in_h - 1) : y;
        sum += weight * apply0(f, LOAD(x0, sy * push.in_stride + sx));
    }
    STORE(y0, oy * push.out_w + ox, sum);
}
