#version 450
// Moves elements: slices, pads, depth/space rearrangements, concatenation of two maps.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

TENSOR_IN(SLOT_INPUT1, x1);
FLOATS_IN(SLOT_AFFINE1, affine1);
TENSOR_OUT(SLOT_OUTPUT, y0);

#define DECLARE_REMAP(name, number) const int name = number;
REMAPS(DECLARE_REMAP)
REMAP_CONSTANTS(DECLARE_CONSTANT)
VIEW1_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(REMAP_PUSH);

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

// The input block that holds output channel ch at y, x, and its component there; component is
// negative where the output is the padding value.
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
    if (MODE == PERMUTE) {
        int rest = (ch * push.out_h + y) * push.out_w + x, from = 0;
        [[unroll]] for (int i = 5; i >= 0; i--) {
            const int digit = rest % push.dims[i];
            rest /= push.dims[i];
            from += digit * push.strides[i];
        }
        sx = from % push.in_w;
        from /= push.in_w;
        sy = from % push.in_h;
        sc = from / push.in_h;
    } else if (MODE == WINDOW) {
        sc = push.start[0] + push.step[0] * ch;
        sy = push.start[1] + push.step[1] * y;
        sx = push.start[2] + push.step[2] * x;
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
    if (x >= push.out_w)
        return;
    const int c = int(gl_WorkGroupID.z);
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
