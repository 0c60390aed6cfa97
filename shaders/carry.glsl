// Reading paintings of before: `history` and `trust` (of temporal_trust.comp) are bound.

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

// The painting of that size at p.
vec4 sample_at(vec2 p, ivec2 size, float parameter)
{
    const vec2 near = round(p);
    p = mix(p, near, lessThan(abs(p - near), vec2(WHOLE)));
    const ivec2 a = ivec2(floor(p)), most = size - 1;
    const vec2 f = p - vec2(a);
    const vec4 wx = cubic(f.x, parameter), wy = cubic(f.y, parameter);
    vec4 sum = vec4(0.0);
    [[unroll]] for (int j = 0; j < 4; j++) {
        const int row = clamp(a.y + j - 1, 0, most.y) * size.x;
        vec4 of_row = vec4(0.0);
        [[unroll]] for (int i = 0; i < 4; i++)
            of_row += wx[i] * LOAD(history, row + clamp(a.x + i - 1, 0, most.x));
        sum += wy[j] * of_row;
    }
    return sum;
}

// The way and the trust at p of its map.
vec3 trust_at(vec2 p, ivec2 size)
{
    p = clamp(p, vec2(0.0), vec2(size) - 1.0);
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, size - 1);
    const vec2 f = p - vec2(a);
    return mix(mix(LOAD_FLOAT(trust, a.y * size.x + a.x), LOAD_FLOAT(trust, a.y * size.x + b.x), f.x),
               mix(LOAD_FLOAT(trust, b.y * size.x + a.x), LOAD_FLOAT(trust, b.y * size.x + b.x), f.x),
               f.y).xyz;
}
