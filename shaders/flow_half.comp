#version 450
// The next level of a luma pyramid: means of 2 x 2 pixels.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "scalar.glsl"

FLOW_HALF_SLOTS(DECLARE_SLOT)
SCALARS_IN(FLOW_HALF_LUMA, luma);
SCALARS_OUT(FLOW_HALF_SMALLER, smaller);

DECLARE_PUSH(FLOW_HALF_PUSH);

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const int x_1 = min(2 * x + 1, push.in_w - 1), y_1 = min(2 * y + 1, push.in_h - 1);
    const float sum = LOAD_SCALAR(luma, 2 * y * push.in_w + 2 * x) +
                      LOAD_SCALAR(luma, 2 * y * push.in_w + x_1) +
                      LOAD_SCALAR(luma, y_1 * push.in_w + 2 * x) +
                      LOAD_SCALAR(luma, y_1 * push.in_w + x_1);
    STORE_SCALAR(smaller, y * push.w + x, 0.25 * sum);
}
