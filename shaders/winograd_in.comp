#version 450
// First step of a 3x3 convolution by Winograd's F(4x4, 3x3) (Lavin and Gray 2016): every
// 6x6 piece d of the padded input, four pixels apart, becomes B^T d B. One invocation makes
// one tile of one channel block. B is that of the points 0, 1, -1, 2, -2, infinity.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

FLOATS_OUT(SLOT_STATS, pieces); // [36][c / 4][tile], tiles padded

WINOGRAD_IN_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(WINOGRAD_IN_PUSH);

vec4 d[6], t[36];

void transform()
{
    const vec4 a = d[4] - 4.0 * d[2], b = d[3] - 4.0 * d[1];
    const vec4 e = d[4] - d[2], f = 2.0 * (d[3] - d[1]);
    const vec4 first = 4.0 * d[0] - 5.0 * d[2] + d[4];
    const vec4 last = 4.0 * d[1] - 5.0 * d[3] + d[5];
    d[0] = first;
    d[1] = a + b;
    d[2] = a - b;
    d[3] = e + f;
    d[4] = e - f;
    d[5] = last;
}

void main()
{
    const int tile = int(gl_GlobalInvocationID.x), c = int(gl_WorkGroupID.y);
    const int known = min(tile, push.tiles - 1);
    const int ty = known / push.tiles_x, tx = known - ty * push.tiles_x;
    const int y = ty * 4 - push.top, x = tx * 4 - push.left;
    const Affine f = load_affine0(c);
    [[unroll]] for (int j = 0; j < 6; j++) {
        const int column = pad_index(PAD, x + j, push.in_w);
        const bool column_in = PAD != PAD_ZERO || (x + j >= 0 && x + j < push.in_w);
        [[unroll]] for (int i = 0; i < 6; i++) {
            const int row = pad_index(PAD, y + i, push.in_h);
            d[i] = apply0(f, LOAD(x0, (row * push.in_w + column) * push.ci4 + c));
            if (PAD == PAD_ZERO)
                d[i] = column_in && y + i >= 0 && y + i < push.in_h ? d[i] : vec4(0.0);
        }
        transform();
        [[unroll]] for (int i = 0; i < 6; i++)
            t[i * 6 + j] = d[i];
    }
    [[unroll]] for (int i = 0; i < 6; i++) {
        [[unroll]] for (int j = 0; j < 6; j++)
            d[j] = t[i * 6 + j];
        transform();
        [[unroll]] for (int j = 0; j < 6; j++)
            STORE_FLOAT(pieces, ((i * 6 + j) * push.ci4 + c) * push.tiles_padded + tile, d[j]);
    }
}
