#version 450
// The picture's luma (BT.709 weights of the coded values), averaged over STEP x STEP pixels.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "scalar.glsl"

FLOW_LUMA_SLOTS(DECLARE_SLOT)
TENSOR_IN(FLOW_LUMA_PICTURE, picture);
SCALARS_OUT(FLOW_LUMA_LUMA, luma);

FLOW_LUMA_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(FLOW_LUMA_PUSH);

const float WEIGHTS[3] = float[3](0.2126, 0.7152, 0.0722);
const int CHANNELS = 3 * BLOCK * BLOCK, VECTORS = (CHANNELS + 3) / 4;

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const int side = max(STEP / BLOCK, 1); // blocks
    vec4 sum[VECTORS];
    [[unroll]] for (int c = 0; c < VECTORS; c++)
        sum[c] = vec4(0.0);
    for (int j = 0; j < side; j++) {
        for (int i = 0; i < side; i++) {
            const int bx = min(x * side + i, push.columns - 1);
            const int by = min(y * side + j, push.rows - 1);
            [[unroll]] for (int c = 0; c < VECTORS; c++)
                sum[c] += LOAD(picture, (by * push.columns + bx) * VECTORS + c);
        }
    }
    float total = 0.0;
    [[unroll]] for (int ch = 0; ch < CHANNELS; ch++)
        total += sum[ch / 4][ch % 4] * WEIGHTS[CRD != 0 ? ch / (BLOCK * BLOCK) : ch % 3];
    STORE_SCALAR(luma, y * push.w + x, total / float(side * side * BLOCK * BLOCK));
}
