#version 450
// The median of 3 x 3 vectors, each component by itself.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOW_MEDIAN_SLOTS(DECLARE_SLOT)
FLOATS_IN(FLOW_MEDIAN_FIELD, field);
FLOATS_OUT(FLOW_MEDIAN_FILTERED, smooth_field);

DECLARE_PUSH(FLOW_MEDIAN_PUSH);

vec4 v[9];

#define SORT(a, b)                  \
    {                               \
        const vec4 t = min(v[a], v[b]); \
        v[b] = max(v[a], v[b]);     \
        v[a] = t;                   \
    }

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    const int base = int(gl_WorkGroupID.z) * push.w * push.h;
    if (x >= push.w)
        return;
    [[unroll]] for (int i = 0; i < 9; i++)
        v[i] = LOAD_FLOAT(field, base + clamp(y + i / 3 - 1, 0, push.h - 1) * push.w +
                                     clamp(x + i % 3 - 1, 0, push.w - 1));
    // The network of Paeth (1990) for the median of nine.
    SORT(1, 2) SORT(4, 5) SORT(7, 8) SORT(0, 1) SORT(3, 4) SORT(6, 7) SORT(1, 2)
    SORT(4, 5) SORT(7, 8) SORT(0, 3) SORT(5, 8) SORT(4, 7) SORT(3, 6) SORT(1, 4)
    SORT(2, 5) SORT(4, 7) SORT(4, 2) SORT(6, 4) SORT(4, 2)
    STORE_FLOAT(smooth_field, base + y * push.w + x, v[4]);
}
