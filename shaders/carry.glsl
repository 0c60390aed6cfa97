// Reading paintings of before: `paintings` and `trust` (of temporal_trust.comp) are bound.

// Ways so near to whole pixels are: a still scene stays as sharp as it is.
const float WHOLE = 0.05;

// Weights of Keys' cubic convolution (1981) for the pixels -1, 0, 1, 2. The parameter -0.5
// is the most exact; what is lower sharpens.
vec4 cubic(float f, float a)
{
    const float g = 1.0 - f;
    return vec4(a * f * g * g, 1.0 + f * f * ((a + 2.0) * f - a - 3.0),
                1.0 + g * g * ((a + 2.0) * g - a - 3.0), a * g * f * f);
}

// The painting of that size that begins at base, at p.
vec4 sample_at(int base, vec2 p, ivec2 size, float parameter)
{
    const vec2 near = round(p);
    p = mix(p, near, lessThan(abs(p - near), vec2(WHOLE)));
    const ivec2 a = ivec2(floor(p)), most = size - 1;
    const vec2 f = p - vec2(a);
    const vec4 wx = cubic(f.x, parameter), wy = cubic(f.y, parameter);
    vec4 sum = vec4(0.0);
    [[unroll]] for (int j = 0; j < 4; j++) {
        const int row = base + clamp(a.y + j - 1, 0, most.y) * size.x;
        vec4 of_row = vec4(0.0);
        [[unroll]] for (int i = 0; i < 4; i++)
            of_row += wx[i] * LOAD(paintings, row + clamp(a.x + i - 1, 0, most.x));
        sum += wy[j] * of_row;
    }
    return sum;
}

// The two vectors of trust at p of its map; ways to the anchor count where there is one.
mat2x4 trust_at(vec2 p, ivec2 size)
{
    p = clamp(p, vec2(0.0), vec2(size) - 1.0);
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, size - 1);
    const vec2 f = p - vec2(a);
    mat2x4 m = mat2x4(0.0);
    [[unroll]] for (int k = 0; k < 4; k++) {
        const ivec2 c = ivec2((k & 1) != 0 ? b.x : a.x, (k & 2) != 0 ? b.y : a.y);
        const float weight = ((k & 1) != 0 ? f.x : 1.0 - f.x) * ((k & 2) != 0 ? f.y : 1.0 - f.y);
        const int at = 2 * (c.y * size.x + c.x);
        const vec4 way = LOAD_FLOAT(trust, at + 1);
        m[0] += weight * LOAD_FLOAT(trust, at);
        m[1] += weight * way.z * vec4(way.xy, 1.0, 0.0);
    }
    m[1].xy /= max(m[1].z, 1e-6);
    return m;
}
