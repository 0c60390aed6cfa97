#version 450
// Converts the planes of an input frame to the picture tensor: R G B 0 (or blocks of BLOCK x BLOCK
// pixels as SpaceToDepth makes them), values 0..1, chroma interpolated at its true position, the
// picture extended to the tensor's size by reflection. An invocation makes one block.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "frame.glsl"

FRAME_IN_SLOTS(DECLARE_SLOT)
WORDS_IN(FRAME_IN_PLANES, frame);
TENSOR_OUT(FRAME_IN_PICTURE, y0);

FRAME_IN_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(FRAME_IN_PUSH);

float sample_at(int i)
{
    if (WIDE != 0)
        return float((LOAD_WORD(frame, i >> 1) >> (16 * (i & 1)) & 0xffffu) >> SHIFT);
    return float(LOAD_WORD(frame, i >> 2) >> (8 * (i & 3)) & 0xffu);
}

float chroma(int base, int x_0, int x_1, int y_0, int y_1, float fx, float fy)
{
    float top = sample_at(base + y_0 * push.stride[1] + x_0 * STEP_C);
    if (SUB_X != 0)
        top = mix(top, sample_at(base + y_0 * push.stride[1] + x_1 * STEP_C), fx);
    if (SUB_Y == 0)
        return top;
    float low = sample_at(base + y_1 * push.stride[1] + x_0 * STEP_C);
    if (SUB_X != 0)
        low = mix(low, sample_at(base + y_1 * push.stride[1] + x_1 * STEP_C), fx);
    return mix(top, low, fy);
}

// Subsampled position of full-size index i: lower sample and weight of the next.
void position(int i, int sub, int center, int n, out int lower, out int upper, out float f)
{
    lower = i;
    upper = i;
    f = 0.0;
    if (sub != 0) {
        const int quarters = center != 0 ? 2 * i - 1 : 2 * i; // position times four
        lower = quarters >> 2;
        f = float(quarters - 4 * lower) * 0.25;
        upper = min(lower + 1, n - 1);
        lower = max(lower, 0);
    }
}

vec3 decode(int ox, int oy)
{
    const int x = pad_index(PAD_REFLECT, ox, push.w), y = pad_index(PAD_REFLECT, oy, push.h);
    vec3 s = vec3(sample_at(push.base[0] + y * push.stride[0] + x * STEP_0));
    if (COMPONENTS == 3) {
        int x_0, x_1, y_0, y_1;
        float fx, fy;
        position(x, SUB_X, CENTER_X, (push.w + SUB_X) >> SUB_X, x_0, x_1, fx);
        position(y, SUB_Y, CENTER_Y, (push.h + SUB_Y) >> SUB_Y, y_0, y_1, fy);
        s.y = chroma(push.base[1], x_0, x_1, y_0, y_1, fx, fy);
        s.z = chroma(push.base[2], x_0, x_1, y_0, y_1, fx, fy);
    }
    s /= ONE;
    vec3 rgb;
    rgb.x = push.matrix[0] * s.x + push.matrix[1] * s.y + push.matrix[2] * s.z + push.offset[0];
    rgb.y = push.matrix[3] * s.x + push.matrix[4] * s.y + push.matrix[5] * s.z + push.offset[1];
    rgb.z = push.matrix[6] * s.x + push.matrix[7] * s.y + push.matrix[8] * s.z + push.offset[2];
    return rgb;
}

const int PIXELS = BLOCK * BLOCK;
vec3 pixels[PIXELS];

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    const int blocks_x = push.out_w / BLOCK, c4 = (3 * PIXELS + 3) / 4;
    if (x >= blocks_x)
        return;
    [[unroll]] for (int p = 0; p < PIXELS; p++)
        pixels[p] = decode(x * BLOCK + p % BLOCK, y * BLOCK + p / BLOCK);
    [[unroll]] for (int c = 0; c < (3 * PIXELS + 3) / 4; c++) {
        vec4 v = vec4(0.0);
        [[unroll]] for (int i = 0; i < 4; i++) {
            const int ch = 4 * c + i;
            if (ch < 3 * PIXELS)
                v[i] = CRD != 0 ? pixels[ch % PIXELS][ch / PIXELS] : pixels[ch / 3][ch % 3];
        }
        STORE(y0, (y * blocks_x + x) * c4 + c, v);
    }
}
