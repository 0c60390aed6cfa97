#version 450
// One sweep of Jacobi's iteration for the equations of flow_terms.comp, accelerated by Chebyshev
// weights (Golub and Varga 1961).
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOW_REFINE_SLOTS(DECLARE_SLOT)
FLOATS_IN(FLOW_REFINE_TERMS, terms);
FLOATS_IN(FLOW_REFINE_FIELD, field);
FLOATS_IN(FLOW_REFINE_PREVIOUS, previous); // field of two sweeps ago, the same memory as refined
FLOATS_OUT(FLOW_REFINE_RESULT, refined);   // u, v, difference of luma, 0

DECLARE_PUSH(FLOW_REFINE_PUSH);

vec2 flow_at(int x, int y)
{
    return LOAD_FLOAT(field, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1)).xy;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const int i = y * push.w + x;
    const vec4 a = LOAD_FLOAT(terms, 2 * i), c = LOAD_FLOAT(terms, 2 * i + 1);
    const vec2 sum = c.xy + a.w * (flow_at(x - 1, y) + flow_at(x + 1, y) + flow_at(x, y - 1) +
                                   flow_at(x, y + 1));
    const float xx = a.x + 4.0 * a.w, yy = a.z + 4.0 * a.w;
    const float scale = 1.0 / (xx * yy - a.y * a.y);
    vec2 u = scale * vec2(yy * sum.x - a.y * sum.y, xx * sum.y - a.y * sum.x);
    if (push.weight != 1.0)
        u = mix(LOAD_FLOAT(previous, i).xy, u, push.weight);
    STORE_FLOAT(refined, i, vec4(u, c.z, 0.0));
}
