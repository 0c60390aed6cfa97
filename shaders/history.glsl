// Sampling the previous output (`history`) and the map of temporal_confidence.comp
// (`confidence`), which the including kernel binds.

// A position closer to a pixel center than WHOLE is rounded to it, so that a still scene keeps its
// sharpness. From FAR on, resampling is compensated in full (see resampling_weights). Both set by
// hand, not measured.
const float WHOLE = 0.05, FAR = 0.2; // pixels

const float PI = 3.14159265;
const int TAPS = 6;

// Weights of the pixels -2 to 3 for a position f (0..1) between pixels 0 and 1: Lanczos' kernel of
// three lobes, convolved with (-sharpen, 1 + 2 sharpen, -sharpen). Closer to a pixel center than FAR
// less sharpening is used, but never less than the part sharpen_min (0..1) of it.
void resampling_weights(float f, float sharpen, float sharpen_min, out float weights[TAPS])
{
    const float between = min(f, 1.0 - f);
    const float k = sharpen * max(min(between / FAR, 1.0), sharpen_min);
    // Cosine and sine of pi f / 3 by their Taylor series, then the sine of pi f.
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
        const float left = i > 0 ? lanczos[max(i - 1, 0)] : 0.0;
        const float right = i < TAPS - 1 ? lanczos[min(i + 1, TAPS - 1)] : 0.0;
        weights[i] = (lanczos[i] + k * (2.0 * lanczos[i] - left - right)) / sum;
    }
}

// The previous output, of that size, at p; sharpen and sharpen_min as above.
vec4 history_at(vec2 p, ivec2 size, float sharpen, float sharpen_min)
{
    const vec2 near = round(p);
    p = mix(p, near, lessThan(abs(p - near), vec2(WHOLE)));
    const ivec2 a = ivec2(floor(p)), most = size - 1;
    const vec2 f = p - vec2(a);
    // Without motion, the most common case, the pixel is copied.
    if (f == vec2(0.0) && sharpen_min == 0.0)
        return LOAD(history, clamp(a.y, 0, most.y) * size.x + clamp(a.x, 0, most.x));
    float wx[TAPS], wy[TAPS];
    resampling_weights(f.x, sharpen, sharpen_min, wx);
    resampling_weights(f.y, sharpen, sharpen_min, wy);
    vec4 sum = vec4(0.0);
    float weights = 0.0;
    // Rows are a loop, in which the next row's weight moves to wy[0]: compilers take long where they
    // unroll it, and indexing by a variable is slow.
    [[dont_unroll]] for (int j = 0; j < TAPS; j++) {
        const int row = clamp(a.y + j - 2, 0, most.y) * size.x;
        const int skipped = max(abs(j - 2), abs(j - 3)) - 1; // corner pixels have weights near 0
        vec4 of_row = vec4(0.0);
        float weights_of_row = 0.0;
        [[unroll]] for (int i = 0; i < TAPS; i++) {
            if (i < skipped || i >= TAPS - skipped)
                continue;
            of_row += wx[i] * LOAD(history, row + clamp(a.x + i - 2, 0, most.x));
            weights_of_row += wx[i];
        }
        sum += wy[0] * of_row;
        weights += wy[0] * weights_of_row;
        [[unroll]] for (int i = 0; i + 1 < TAPS; i++)
            wy[i] = wy[i + 1];
    }
    return sum / weights;
}

// Backward flow, confidence and change of luma at p of the confidence map, interpolated.
vec4 confidence_at(vec2 p, ivec2 size)
{
    p = clamp(p, vec2(0.0), vec2(size) - 1.0);
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, size - 1);
    const vec2 f = p - vec2(a);
    return mix(mix(LOAD_FLOAT(confidence, a.y * size.x + a.x), LOAD_FLOAT(confidence, a.y * size.x + b.x), f.x),
               mix(LOAD_FLOAT(confidence, b.y * size.x + a.x), LOAD_FLOAT(confidence, b.y * size.x + b.x), f.x),
               f.y);
}
