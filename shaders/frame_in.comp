#version 450
// A frame's planes to the picture tensor: R G B 0 (or blocks of BLOCK x BLOCK pixels as
// SpaceToDepth makes them), values 0..1, chroma interpolated at its true position, the
// picture extended to the tensor's size by reflection. An invocation makes one block.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "frame.glsl"

WORDS_IN(0, frame);
TENSOR_OUT(6, y0);

layout(constant_id = 1) const int WIDE = 0; // 16-bit samples
layout(constant_id = 2) const int SHIFT = 0; // zero bits below the value
layout(constant_id = 3) const int COMPONENTS = 3;
layout(constant_id = 4) const int SUB_X = 0;
layout(constant_id = 5) const int SUB_Y = 0;
layout(constant_id = 6) const int CENTER_X = 0; // chroma between luma columns
layout(constant_id = 7) const int CENTER_Y = 0; // chroma between luma rows
layout(constant_id = 8) const int STEP_0 = 1;   // samples from pixel to pixel
layout(constant_id = 9) const int STEP_C = 1;
layout(constant_id = 10) const float ONE = 255.0; // code of 1.0
layout(constant_id = 11) const int BLOCK = 1;     // side of the space-to-depth blocks
layout(constant_id = 12) const int CRD = 0;       // channel order within them

layout(push_constant) uniform Push {
    int w, h, out_w, out_h;
    int base_0, base_1, base_2;     // sample index of a component's first sample
    int stride_0, stride_1;         // samples from row to row: first component, chroma
    float offset[3], matrix[9];     // rgb = matrix sample + offset, row-major
} push;

float sample_at(int i)
{
    if (WIDE != 0)
        return float((LOAD_WORD(frame, i >> 1) >> (16 * (i & 1)) & 0xffffu) >> SHIFT);
    return float(LOAD_WORD(frame, i >> 2) >> (8 * (i & 3)) & 0xffu);
}

float chroma(int base, int x_0, int x_1, int y_0, int y_1, float fx, float fy)
{
    float top = sample_at(base + y_0 * push.stride_1 + x_0 * STEP_C);
    if (SUB_X != 0)
        top = mix(top, sample_at(base + y_0 * push.stride_1 + x_1 * STEP_C), fx);
    if (SUB_Y == 0)
        return top;
    float low = sample_at(base + y_1 * push.stride_1 + x_0 * STEP_C);
    if (SUB_X != 0)
        low = mix(low, sample_at(base + y_1 * push.stride_1 + x_1 * STEP_C), fx);
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
    vec3 s = vec3(sample_at(push.base_0 + y * push.stride_0 + x * STEP_0));
    if (COMPONENTS == 3) {
        int x_0, x_1, y_0, y_1;
        float fx, fy;
        position(x, SUB_X, CENTER_X, (push.w + SUB_X) >> SUB_X, x_0, x_1, fx);
        position(y, SUB_Y, CENTER_Y, (push.h + SUB_Y) >> SUB_Y, y_0, y_1, fy);
        s.y = chroma(push.base_1, x_0, x_1, y_0, y_1, fx, fy);
        s.z = chroma(push.base_2, x_0, x_1, y_0, y_1, fx, fy);
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
