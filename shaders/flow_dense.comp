#version 450
// A level's field from its patches: the vector of a pixel is the mean of those of the up to four
// patches over it, each weighted by the inverse of its difference of luma at that pixel (Kroeger
// 2016).
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "flow.glsl"

FLOW_DENSE_SLOTS(DECLARE_SLOT)
FLOATS_IN(FLOW_DENSE_SLOPES, slopes);
FLOATS_IN(FLOW_DENSE_QUADS, quads);
FLOATS_IN(FLOW_DENSE_PATCHES, patches);
FLOATS_OUT(FLOW_DENSE_FIELD, field); // u, v, difference of luma there, 0

DECLARE_PUSH(FLOW_DENSE_PUSH);

// Smaller differences weigh the same: about the noise of a camera. Set by hand, not measured.
const float DIFFERENCE_MIN = 2.0 / 255.0;

float difference(int from, int to, int x, int y, vec2 u)
{
    const vec2 at = clamp(vec2(x, y) + u, vec2(0.0), vec2(push.w - 1, push.h - 1));
    const vec2 whole = floor(at), f = at - whole;
    const vec4 q = LOAD_FLOAT(quads, to + int(whole.y) * push.w + int(whole.x));
    return mix(mix(q.x, q.y, f.x), mix(q.z, q.w, f.x), f.y) -
           LOAD_FLOAT(slopes, from + y * push.w + x).x;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    const int direction = int(gl_WorkGroupID.z);
    if (x >= push.w)
        return;
    const int columns = patch_count(push.w), rows = patch_count(push.h);
    const int size = push.w * push.h;
    const int from = size * (direction == 0 ? push.parity : 1 - push.parity), to = size - from;
    vec3 sum = vec3(0.0);
    [[unroll]] for (int j = -1; j <= 0; j++) {
        [[unroll]] for (int i = -1; i <= 0; i++) {
            const int column = clamp(x / STRIDE + i, 0, columns - 1);
            const int row = clamp(y / STRIDE + j, 0, rows - 1);
            const vec2 u =
                LOAD_FLOAT(patches, (direction * rows + row) * columns + column).xy;
            sum += vec3(u, 1.0) / max(abs(difference(from, to, x, y, u)), DIFFERENCE_MIN);
        }
    }
    const vec2 u = sum.xy / sum.z;
    STORE_FLOAT(field, direction * size + y * push.w + x,
                vec4(u, difference(from, to, x, y, u), 0.0));
}
