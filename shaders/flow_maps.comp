#version 450
// A level's quads and slopes (flow.glsl) from its luma.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "scalar.glsl"

FLOW_MAPS_SLOTS(DECLARE_SLOT)
SCALARS_IN(FLOW_MAPS_LUMA, luma);
FLOATS_OUT(FLOW_MAPS_QUADS, quads);
FLOATS_OUT(FLOW_MAPS_SLOPES, slopes);

DECLARE_PUSH(FLOW_MAPS_PUSH);

float at(int x, int y)
{
    return LOAD_SCALAR(luma, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1));
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const float here = at(x, y), right = at(x + 1, y), below = at(x, y + 1);
    STORE_FLOAT(quads, y * push.w + x, vec4(here, right, below, at(x + 1, y + 1)));
    // Scharr's derivative: 3 10 3 across.
    const float nw = at(x - 1, y - 1), ne = at(x + 1, y - 1);
    const float sw = at(x - 1, y + 1), se = at(x + 1, y + 1);
    const float dx = (10.0 * (right - at(x - 1, y)) + 3.0 * (ne - nw + se - sw)) / 32.0;
    const float dy = (10.0 * (below - at(x, y - 1)) + 3.0 * (sw - nw + se - ne)) / 32.0;
    STORE_FLOAT(slopes, y * push.w + x, vec4(here, dx, dy, 0.0));
}
