#version 450
// The equations of a step of variational refinement (Brox, Bruhn, Papenberg, Weickert 2004,
// with the normalized data terms of Zimmer 2009): luma and its slopes are constant along the flow,
// and neighboring vectors are similar. The equation of each pixel is
//     (A + 4 w) U = c + w (sum of the four neighbors' U)
// for its refined vector U.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOW_TERMS_SLOTS(DECLARE_SLOT)
FLOATS_IN(FLOW_TERMS_SLOPES, slopes); // both parities
FLOATS_IN(FLOW_TERMS_FIELD, field);  // u, v
FLOATS_OUT(FLOW_TERMS_TERMS, terms); // [h][w][2]: A xx, xy, yy, w; c x, y, difference of luma, 0

DECLARE_PUSH(FLOW_TERMS_PUSH);

// Weights of the equations for luma, slopes and smoothness. Set by hand, not measured.
const float PICTURE = 5.0, SLOPE = 10.0, SMOOTH = 10.0;
const float FLAT = 1.0 / 255.0; // slopes of about this size are noise (Zimmer 2009); set by hand
const float ROBUST = 1e-3;      // epsilon of the robust function sqrt(x^2 + epsilon^2), as in Brox 2004

vec4 slope_at(int parity, int x, int y)
{
    return LOAD_FLOAT(slopes, (parity * push.h + clamp(y, 0, push.h - 1)) * push.w +
                                  clamp(x, 0, push.w - 1));
}

vec2 flow_at(int x, int y)
{
    return LOAD_FLOAT(field, clamp(y, 0, push.h - 1) * push.w + clamp(x, 0, push.w - 1)).xy;
}

// Adds the equation slope . d + rest = 0 with that weight.
void add(vec2 slope, float rest, float weight, inout vec3 a, inout vec2 b)
{
    const float n = 1.0 / (dot(slope, slope) + FLAT * FLAT);
    const float psi = weight * n * inversesqrt(rest * rest * n + ROBUST * ROBUST);
    a += psi * vec3(slope.x * slope.x, slope.x * slope.y, slope.y * slope.y);
    b += psi * rest * slope;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const vec2 u = flow_at(x, y);
    const vec2 at = clamp(vec2(x, y) + u, vec2(0.0), vec2(push.w - 1, push.h - 1));
    const vec2 whole = floor(at), f = at - whole;
    const ivec2 p = ivec2(whole);
    const int current = push.parity, previous = 1 - current;
    const vec4 old = mix(mix(slope_at(previous, p.x, p.y), slope_at(previous, p.x + 1, p.y), f.x),
                         mix(slope_at(previous, p.x, p.y + 1), slope_at(previous, p.x + 1, p.y + 1), f.x),
                         f.y);
    const vec4 here = slope_at(current, x, y);
    const vec2 along_x = 0.5 * (slope_at(current, x + 1, y) - slope_at(current, x - 1, y)).yz;
    const vec2 along_y = 0.5 * (slope_at(current, x, y + 1) - slope_at(current, x, y - 1)).yz;
    const vec3 rest = old.xyz - here.xyz;
    vec3 a = vec3(0.0);
    vec2 b = vec2(0.0);
    add(0.5 * (here.yz + old.yz), rest.x, PICTURE, a, b);
    add(vec2(along_x.x, along_y.x), rest.y, SLOPE, a, b);
    add(vec2(along_x.y, along_y.y), rest.z, SLOPE, a, b);
    const vec2 dx = 0.5 * (flow_at(x + 1, y) - flow_at(x - 1, y));
    const vec2 dy = 0.5 * (flow_at(x, y + 1) - flow_at(x, y - 1));
    const float w = SMOOTH * inversesqrt(dot(dx, dx) + dot(dy, dy) + ROBUST * ROBUST);
    const int i = 2 * (y * push.w + x);
    STORE_FLOAT(terms, i, vec4(a, w));
    STORE_FLOAT(terms, i + 1, vec4(a.x * u.x + a.y * u.y - b.x, a.y * u.x + a.z * u.y - b.y,
                                   rest.x, 0.0));
}
