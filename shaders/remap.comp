#version 450
// Moves elements: slices, pads, depth/space rearrangements, concatenation of two maps.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_IN(1, x1);
FLOATS_IN(3, affine1);
TENSOR_OUT(6, y0);

const int WINDOW = 1, D2S_DCR = 2, D2S_CRD = 3, S2D_DCR = 4, S2D_CRD = 5, CONCAT = 6;
layout(constant_id = 1) const int MODE = 1;
layout(constant_id = 2) const int ALIGNED = 0; // four output channels are one input block
layout(constant_id = 3) const int BLOCK = 2;
layout(constant_id = 4) const int PAD = 1;
layout(constant_id = 5) const float PAD_VALUE = 0.0;
layout(constant_id = 24) const int V1_AFFINE = 0;
layout(constant_id = 25) const int V1_ACT = 1;
layout(constant_id = 26) const float V1_ALPHA = 0.0;
layout(constant_id = 27) const float V1_BETA = 0.0;

layout(push_constant) uniform Push {
    int in_h, in_w, in_c4, in_channels;
    int out_h, out_w, out_c4, out_channels;
    int c_step;
    int start_c, start_y, start_x; // WINDOW: input index = start + step * output index
    int step_c, step_y, step_x;
    int c4_1; // CONCAT: channel blocks of the second map; it begins at in_channels
} push;

vec4 fetch0(int y, int x, int c)
{
    return apply0(load_affine0(c), LOAD(x0, (y * push.in_w + x) * push.in_c4 + c));
}

vec4 fetch1(int y, int x, int c)
{
    vec4 v = LOAD(x1, (y * push.in_w + x) * push.c4_1 + c);
    if (V1_AFFINE != 0)
        v = LOAD_FLOAT(affine1, 2 * c) * v + LOAD_FLOAT(affine1, 2 * c + 1);
    return activate(V1_ACT, V1_ALPHA, V1_BETA, vec4(0.0), v);
}

// The block that holds output channel ch at y, x; .x of the second result is the component,
// negative where the padding value stands instead.
vec4 source(int y, int x, int ch, out int component)
{
    int sc = ch, sy = y, sx = x;
    if (MODE == CONCAT) {
        const bool second = ch >= push.in_channels;
        sc = second ? ch - push.in_channels : ch;
        component = sc & 3;
        if (second)
            return fetch1(y, x, sc >> 2);
        return fetch0(y, x, sc >> 2);
    }
    if (MODE == WINDOW) {
        sc = push.start_c + push.step_c * ch;
        sy = push.start_y + push.step_y * y;
        sx = push.start_x + push.step_x * x;
        const bool inside = sc >= 0 && sc < push.in_channels && sy >= 0 && sy < push.in_h &&
                            sx >= 0 && sx < push.in_w;
        if (!inside && (PAD == PAD_ZERO || PAD == PAD_CONSTANT)) {
            component = -1;
            return vec4(0.0);
        }
        sc = pad_index(PAD, sc, push.in_channels);
        sy = pad_index(PAD, sy, push.in_h);
        sx = pad_index(PAD, sx, push.in_w);
    } else if (MODE == D2S_DCR || MODE == D2S_CRD) {
        const int phase = (y % BLOCK) * BLOCK + x % BLOCK;
        sc = MODE == D2S_DCR ? phase * push.out_channels + ch : ch * BLOCK * BLOCK + phase;
        sy = y / BLOCK;
        sx = x / BLOCK;
    } else {
        const int phase = MODE == S2D_DCR ? ch / push.in_channels : ch % (BLOCK * BLOCK);
        sc = MODE == S2D_DCR ? ch % push.in_channels : ch / (BLOCK * BLOCK);
        sy = y * BLOCK + phase / BLOCK;
        sx = x * BLOCK + phase % BLOCK;
    }
    component = sc & 3;
    return fetch0(sy, sx, sc >> 2);
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    const int first = int(gl_WorkGroupID.z) * push.c_step;
    const int last = min(first + push.c_step, push.out_c4);
    if (x >= push.out_w)
        return;
    for (int c = first; c < last; c++) {
        vec4 v = vec4(0.0);
        int component;
        if (ALIGNED != 0) {
            v = source(y, x, 4 * c, component);
            if (component < 0)
                v = vec4(PAD_VALUE);
        } else {
            [[unroll]] for (int i = 0; i < 4; i++) {
                if (4 * c + i < push.out_channels) {
                    const vec4 s = source(y, x, 4 * c + i, component);
                    v[i] = component < 0 ? PAD_VALUE
                           : component == 0 ? s.x
                           : component == 1 ? s.y
                           : component == 2 ? s.z
                                            : s.w;
                }
            }
        }
        const vec4 used = vec4(lessThan(ivec4(4 * c) + ivec4(0, 1, 2, 3), ivec4(push.out_channels)));
        STORE(y0, (y * push.out_w + x) * push.out_c4 + c, v * used);
    }
}
