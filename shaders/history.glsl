// Reading paintings of before: `history` and `trust` (of temporal_trust.comp) are bound.

// Ways so near to whole pixels are: a still scene stays as sharp as it is. From FAR on, what
// resampling costs is made up for in full.
const float WHOLE = 0.05, FAR = 0.2; // pixels

const float PI = 3.14159265;
const int TAPS = 6;

// Weights of the pixels -2 to 3 at the place f between 0 and 1: Lanczos' kernel of three lobes,
// convolved with (-sharpen, 1 + 2 sharpen, -sharpen); near a pixel with less of sharpen, at one
// with that part of it which thin says, 0..1.
void weigh(float f, float sharpen, float thin, out float weights[TAPS])
{
    const float between = min(f, 1.0 - f);
    const float k = sharpen * max(min(between / FAR, 1.0), thin);
    // Cosine and sine of a third of the angle by their series, and the whole angle's sine.
    const float x = PI / 3.0 * f, xx = x * x;
    const vec2 third = vec2(1.0 - xx / 2.0 * (1.0 - xx / 12.0 * (1.0 - xx / 30.0 * (1.0 - xx / 56.0))),
                            x * (1.0 - xx / 6.0 * (1.0 - xx / 20.0 * (1.0 - xx / 42.0))));
    const float s = third.y * (3.0 - 4.0 * third.y * third.y);
    float lanczos[TAPS], sum = 0.0;
    [[unroll]] for (int i = 0; i < TAPS; i++) {
        const float d = f - float(i - 2), angle = PI / 3.0 * float(i - 2);
        lanczos[i] = between < WHOLE ? (i == 2 ? 1.0 : 0.0)
                                     : ((i & 1) == 0 ? s : -s) *
                                           (third.y * cos(angle) - third.x * sin(angle)) / max(d * d, 1e-6);
        sum += lanczos[i];
    }
    [[unroll]] for (int i = 0; i < TAPS; i++) {
        const float before = i > 0 ? lanczos[max(i - 1, 0)] : 0.0;
        const float after = i < TAPS - 1 ? lanczos[min(i + 1, TAPS - 1)] : 0.0;
        weights[i] = (lanczos[i] + k * (2.0 * lanczos[i] - before - after)) / sum;
    }
}

// The painting of that size at p; sharpen and thin as above.
vec4 sample_at(vec2 p, ivec2 size, float sharpen, float thin)
{
    const vec2 near = round(p);
    p = mix(p, near, lessThan(abs(p - near), vec2(WHOLE)));
    const ivec2 a = ivec2(floor(p)), most = size - 1;
    const vec2 f = p - vec2(a);
    // What rests, most of many pictures, is copied.
    if (f == vec2(0.0) && thin == 0.0)
        return LOAD(history, clamp(a.y, 0, most.y) * size.x + clamp(a.x, 0, most.x));
    float wx[TAPS], wy[TAPS];
    weigh(f.x, sharpen, thin, wx);
    weigh(f.y, sharpen, thin, wy);
    vec4 sum = vec4(0.0);
    float weights = 0.0;
    [[unroll]] for (int j = 0; j < TAPS; j++) {
        const int row = clamp(a.y + j - 2, 0, most.y) * size.x;
        const int skipped = max(abs(j - 2), abs(j - 3)) - 1; // the corners hardly weigh anything
        vec4 of_row = vec4(0.0);
        float weights_of_row = 0.0;
        [[unroll]] for (int i = 0; i < TAPS; i++) {
            if (i < skipped || i >= TAPS - skipped)
                continue;
            of_row += wx[i] * LOAD(history, row + clamp(a.x + i - 2, 0, most.x));
            weights_of_row += wx[i];
        }
        sum += wy[j] * of_row;
        weights += wy[j] * weights_of_row;
    }
    return sum / weights;
}

// The way, the trust and the change of light at p of their map.
vec4 trust_at(vec2 p, ivec2 size)
{
    p = clamp(p, vec2(0.0), vec2(size) - 1.0);
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, size - 1);
    const vec2 f = p - vec2(a);
    return mix(mix(LOAD_FLOAT(trust, a.y * size.x + a.x), LOAD_FLOAT(trust, a.y * size.x + b.x), f.x),
               mix(LOAD_FLOAT(trust, b.y * size.x + a.x), LOAD_FLOAT(trust, b.y * size.x + b.x), f.x),
               f.y);
}
