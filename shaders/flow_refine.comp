#version 450
// A sweep of Jacobi's iteration of flow_terms.comp's equations, sped up by Chebyshev's
// weights (Golub and Varga 1961).
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, terms);
FLOATS_IN(1, field);
FLOATS_IN(2, former);   // of two sweeps ago: what refined held
FLOATS_OUT(6, refined); // u, v, difference of luma, 0

layout(push_constant) uniform Push { int w, h; float weight; } push;

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
        u = mix(LOAD_FLOAT(former, i).xy, u, push.weight);
    STORE_FLOAT(refined, i, vec4(u, c.z, 0.0));
}
