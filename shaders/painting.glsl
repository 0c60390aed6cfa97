// Pixels of the painting, the input of view.glsl: R G B, or blocks of pixels as a final
// DepthToSpace would read them.
PAINTING_CONSTANTS(DECLARE_CONSTANT)

// Vector that holds channel ch of a pixel in a blocked map, and the channel of color i.
int element(int x, int y, int stride, int block, int ch)
{
    const int c4 = (3 * block * block + 3) / 4;
    return ((y / block) * (stride / block) + x / block) * c4 + (ch >> 2);
}

int channel(int x, int y, int block, int crd, int i)
{
    const int phase = y % block * block + x % block;
    return crd != 0 ? i * block * block + phase : phase * 3 + i;
}

float component(vec4 v, int i)
{
    return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// Three neighboring channels of the vectors a and b, from channel ch of a on.
vec3 window(vec4 a, vec4 b, int ch)
{
    return ch == 0 ? a.xyz : ch == 1 ? a.yzw : ch == 2 ? vec3(a.zw, b.x) : vec3(a.w, b.xy);
}

vec3 painted_at(int x, int y, int stride, Affine f)
{
    if (PAINTED_BLOCK == 1)
        return apply0(f, LOAD(x0, y * stride + x)).xyz;
    const int ch = channel(x, y, PAINTED_BLOCK, PAINTED_CRD, 0);
    if (PAINTED_CRD == 0) {
        const vec4 a = LOAD(x0, element(x, y, stride, PAINTED_BLOCK, ch));
        const vec4 b = LOAD(x0, element(x, y, stride, PAINTED_BLOCK, ch + 2));
        return apply0(f, vec4(window(a, b, ch & 3), 0.0)).xyz;
    }
    vec4 rgb = vec4(0.0);
    [[unroll]] for (int i = 0; i < 3; i++) {
        const int at = channel(x, y, PAINTED_BLOCK, 1, i);
        rgb[i] = component(LOAD(x0, element(x, y, stride, PAINTED_BLOCK, at)), at & 3);
    }
    return apply0(f, rgb).xyz;
}
