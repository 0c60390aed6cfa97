#version 450
// Converts the painting (mixed with the input, for strength and color modes) to one plane of the
// output frame. An invocation writes one 32-bit word: four 8-bit samples or two 16-bit ones, so
// that no two invocations write the same word. PAIR writes Cb to one plane and Cr to another from
// the same pixels.
//
// Chroma is subsampled with the dual filters of those with which frame_in.comp interpolates
// (Cohen, Daubechies, Feauveau 1992: (-1 2 6 2 -1)/8 for chroma on a luma column, (-1 3 3 -1)/4
// for chroma between two columns), so that unchanged chroma returns exactly.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"
#include "painting.glsl"
#include "frame.glsl"

FRAME_OUT_OWN_SLOTS(DECLARE_SLOT)
TENSOR_IN(FRAME_OUT_SOURCE, source);
FLOATS_IN(FRAME_OUT_PARAMS, frame_params); // element 0: strength, COLOR_MODES
WORDS_OUT(FRAME_OUT_PLANE, plane);
WORDS_OUT(FRAME_OUT_PLANE_2, plane_2);

#define DECLARE_PLANE(name, number) const int name = number;
#define DECLARE_COLOR_MODE(name, number) const int COLOR_##name = number;
PLANES(DECLARE_PLANE)
COLOR_MODES(DECLARE_COLOR_MODE)
FRAME_OUT_CONSTANTS(DECLARE_CONSTANT)
DECLARE_PUSH(FRAME_OUT_PUSH);

vec3 source_at(int x, int y)
{
    if (SOURCE_BLOCK == 1)
        return LOAD(source, y * push.source_stride + x).xyz;
    vec3 rgb;
    [[unroll]] for (int i = 0; i < 3; i++) {
        const int at = channel(x, y, SOURCE_BLOCK, SOURCE_CRD, i);
        rgb[i] = component(LOAD(source, element(x, y, push.source_stride, SOURCE_BLOCK, at)), at & 3);
    }
    return rgb;
}

vec3 pixel(int x, int y, Affine f, float strength, int mode)
{
    x = clamp(x, 0, push.picture_w - 1);
    y = clamp(y, 0, push.picture_h - 1);
    const vec3 p = painted_at(x, y, push.painted_stride, f) * push.scale + push.shift;
    const vec3 s = source_at(x, y);
    // Input codes may mean values outside 0..1 (interpolated chroma at a sharp edge, super-white).
    // The painting may be as far outside there, so that a network that changes nothing returns
    // every code.
    vec3 rgb = clamp(p, min(s, 0.0), max(s, 1.0));
    if (strength < 1.0 || mode != COLOR_PAINT) {
        const vec3 luma = vec3(push.luma[0], push.luma[1], push.luma[2]);
        const float dy = dot(luma, rgb) - dot(luma, s);
        if (mode == COLOR_KEEP)
            rgb = s + dy;
        else if (mode == COLOR_ONLY)
            rgb = rgb - dy;
        rgb = mix(s, rgb, strength);
    }
    return rgb;
}

vec3 to_samples(vec3 rgb)
{
    vec3 s;
    s.x = push.matrix[0] * rgb.x + push.matrix[1] * rgb.y + push.matrix[2] * rgb.z + push.offset[0];
    s.y = push.matrix[3] * rgb.x + push.matrix[4] * rgb.y + push.matrix[5] * rgb.z + push.offset[1];
    s.z = push.matrix[6] * rgb.x + push.matrix[7] * rgb.y + push.matrix[8] * rgb.z + push.offset[2];
    return s;
}

// Weight of pixel 2 i + k in chroma sample i of n pixels.
float tap(int k, int center, int i, int n)
{
    if (center == 0)
        return k == 0 ? 0.75 : abs(k) == 1 ? 0.25 : abs(k) == 2 ? -0.125 : 0.0;
    // The last sample of an odd width has one pixel only: extrapolate linearly.
    if (2 * i + 1 == n)
        return k == 0 ? 1.5 : k == -1 ? -0.5 : 0.0;
    return k == 0 || k == 1 ? 0.75 : k == -1 || k == 2 ? -0.25 : 0.0;
}

// Column x of the picture, filtered vertically to chroma row y.
vec3 column_at(int x, int y, Affine f, float strength, int mode)
{
    if (SUB_Y == 0)
        return pixel(x, y, f, strength, mode);
    vec3 rgb = vec3(0.0);
    [[dont_unroll]] for (int k = CENTER_Y != 0 ? -1 : -2; k <= 2; k++)
        rgb += tap(k, CENTER_Y, y, push.picture_h) * pixel(x, (y << SUB_Y) + k, f, strength, mode);
    return rgb;
}

// COUNT neighboring chroma samples from x on: each column is computed once and added to all
// samples that need it.
const int COUNT = WIDE != 0 ? (KIND == INTERLEAVED ? 1 : 2) : (KIND == INTERLEAVED ? 2 : 4);
vec3 chroma[COUNT];

void chroma_at(int x, int y, Affine f, float strength, int mode)
{
    [[unroll]] for (int i = 0; i < COUNT; i++)
        chroma[i] = vec3(0.0);
    for (int k = -2; k <= 2 * COUNT; k++) {
        const vec3 rgb = column_at((x << SUB_X) + k, y, f, strength, mode);
        [[unroll]] for (int i = 0; i < COUNT; i++)
            chroma[i] += tap(k - 2 * i, CENTER_X, x + i, push.picture_w) * rgb;
    }
}

vec3 samples_at(int x, int y, Affine f, float strength, int mode)
{
    if (SUB_X == 0)
        return to_samples(column_at(x, y, f, strength, mode));
    vec3 rgb = vec3(0.0);
    for (int k = -2; k <= 2; k++)
        rgb += tap(k, CENTER_X, x, push.picture_w) * column_at((x << SUB_X) + k, y, f, strength, mode);
    return to_samples(rgb);
}

// The value added before a sample is rounded down to a code: ordered dither (Bayer 1973), so that
// gradients in 8 bits have no visible bands. Exact codes do not change, and a still picture gives
// the same codes in every frame.
float rounding(int x, int y)
{
    if (WIDE != 0)
        return 0.5;
    const int d = x ^ y;
    const int rank = (d & 1) << 3 | (y & 1) << 2 | (d & 2) | (y & 2) >> 1;
    return (float(rank) + 0.5) / 16.0;
}

// The code of sample x, y of the plane.
uint code(float v, int x, int y)
{
    return uint(clamp(v, 0.0, 1.0) * ONE + rounding(x, y)) << SHIFT;
}

void main()
{
    const int word = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (word >= push.row_words)
        return;
    const vec4 control = LOAD_FLOAT(frame_params, 0);
    const float strength = control.x;
    const int mode = int(control.y);
    const Affine f = load_affine0(0);
    const int per_word = WIDE != 0 ? 2 : 4, bits = WIDE != 0 ? 16 : 8;
    uint a = 0u, b = 0u;
    if (SUB_X != 0 && (KIND == PAIR || KIND == INTERLEAVED)) {
        // Samples after the row's end are padding.
        chroma_at(word * COUNT, y, f, strength, mode);
        [[unroll]] for (int i = 0; i < COUNT; i++) {
            const vec3 s = to_samples(chroma[i]);
            if (KIND == PAIR) {
                a |= code(s.y, word * COUNT + i, y) << (bits * i);
                b |= code(s.z, word * COUNT + i, y) << (bits * i);
            } else {
                a |= (code(s.y, word * COUNT + i, y) | code(s.z, word * COUNT + i, y) << bits)
                     << (2 * bits * i);
            }
        }
        STORE_WORD(plane, push.words + y * push.row_words + word, a);
        if (KIND == PAIR)
            STORE_WORD(plane_2, push.words_2 + y * push.row_words + word, b);
        return;
    }
    [[dont_unroll]] for (int i = 0; i < per_word; i++) {
        const int at = word * per_word + i;
        vec3 s;
        if (KIND == PAIR) {
            s = samples_at(min(at, push.w - 1), y, f, strength, mode);
            a |= code(s.y, at, y) << (bits * i);
            b |= code(s.z, at, y) << (bits * i);
        } else if (KIND == PACKED) {
            const int group = min(at / STEP, push.w - 1), k = at % STEP;
            const int what = ORDER >> (2 * k) & 3;
            if (GROUP_X == 0) {
                s = pixel(group, y, f, strength, mode);
                a |= (what == 3 ? uint(ONE) : code(component(vec4(s, 0.0), what), group, y)) << (bits * i);
            } else if (what == 0) {
                // The group's Y samples in order: samples 0 and 1 hold the first pixel's.
                s = to_samples(pixel((group << GROUP_X) + (k >= 2 ? 1 : 0), y, f, strength, mode));
                a |= code(s.x, 2 * group + (k >= 2 ? 1 : 0), y) << (bits * i);
            } else {
                a |= code(component(vec4(samples_at(group, y, f, strength, mode), 0.0), what), group, y) << (bits * i);
            }
        } else {
            s = samples_at(min(at, push.w - 1), y, f, strength, mode);
            a |= code(component(vec4(s, 0.0), COMPONENT), at, y) << (bits * i);
        }
    }
    STORE_WORD(plane, push.words + y * push.row_words + word, a);
    if (KIND == PAIR)
        STORE_WORD(plane_2, push.words_2 + y * push.row_words + word, b);
}
