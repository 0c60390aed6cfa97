#version 450
// The painting (and the input beside it, for strength and colour modes) to one plane of
// the output frame. An invocation writes one 32-bit word: four 8-bit samples or two 16-bit
// ones, so neighbours never share a word. PAIR writes Cb to one plane and Cr to another
// from the same pixels.
//
// Chroma is brought to its position with the duals of the filters that frame_in.comp
// interpolates with (Cohen, Daubechies, Feauveau 1992: (-1 2 6 2 -1)/8 for linear on the
// grid, (-1 3 3 -1)/4 for linear between), so that input chroma comes back unchanged.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"
#include "painting.glsl"
#include "frame.glsl"

TENSOR_IN(1, source);
FLOATS_IN(5, live); // strength, colour mode (enum daub_color_mode)
WORDS_OUT(6, plane);
WORDS_OUT(7, plane_2);

const int SINGLE = 1, PAIR = 2, INTERLEAVED = 3, PACKED = 4;
layout(constant_id = 1) const int KIND = 1; // what a word's samples are
layout(constant_id = 2) const int WIDE = 0;
layout(constant_id = 3) const int SHIFT = 0;
layout(constant_id = 4) const int SUB_X = 0; // of this plane
layout(constant_id = 5) const int SUB_Y = 0;
layout(constant_id = 6) const int CENTER_X = 0;
layout(constant_id = 7) const int CENTER_Y = 0;
layout(constant_id = 8) const int COMPONENT = 0; // SINGLE: which one
// PACKED: which component each of a group's STEP samples is (0..2, 3 alpha); a group is
// 1 << GROUP_X pixels, chroma of a group taken at its first.
layout(constant_id = 9) const int STEP = 1;
layout(constant_id = 10) const int ORDER = 0; // two bits a sample
layout(constant_id = 11) const int GROUP_X = 0;
layout(constant_id = 12) const float ONE = 255.0;
// Layout of the source, as that of the painting.
layout(constant_id = 15) const int SOURCE_BLOCK = 1;
layout(constant_id = 16) const int SOURCE_CRD = 0;

layout(push_constant) uniform Push {
    int w, h;                        // samples of this plane's rows (groups if PACKED)
    int pic_w, pic_h;                // of the picture
    int painted_stride, source_stride; // pixels
    int words, words_2;              // first word of the plane(s)
    int row_words;                   // words from row to row
    float scale, shift;              // net value to 0..1
    float offset[3], matrix[9];      // sample = matrix rgb + offset, row-major
    float luma[3];                   // weights of R, G, B
} push;

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
    x = clamp(x, 0, push.pic_w - 1);
    y = clamp(y, 0, push.pic_h - 1);
    const vec3 p = painted_at(x, y, push.painted_stride, f) * push.scale + push.shift;
    const vec3 s = source_at(x, y);
    // The input's own codes may mean more than 0..1 (interpolated chroma at a sharp edge,
    // super-white): the painting may go as far there, so that a net that changes nothing
    // returns every code.
    vec3 rgb = clamp(p, min(s, 0.0), max(s, 1.0));
    if (strength < 1.0 || mode != 0) {
        const vec3 luma = vec3(push.luma[0], push.luma[1], push.luma[2]);
        const float dy = dot(luma, rgb) - dot(luma, s);
        if (mode == 1)
            rgb = s + dy;
        else if (mode == 2)
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
    // The last of an odd number has one pixel only: continue the interpolation's slope.
    if (2 * i + 1 == n)
        return k == 0 ? 1.5 : k == -1 ? -0.5 : 0.0;
    return k == 0 || k == 1 ? 0.75 : k == -1 || k == 2 ? -0.25 : 0.0;
}

// Column x of the picture brought to chroma row y.
vec3 column_at(int x, int y, Affine f, float strength, int mode)
{
    if (SUB_Y == 0)
        return pixel(x, y, f, strength, mode);
    vec3 rgb = vec3(0.0);
    for (int k = CENTER_Y != 0 ? -1 : -2; k <= 2; k++)
        rgb += tap(k, CENTER_Y, y, push.pic_h) * pixel(x, (y << SUB_Y) + k, f, strength, mode);
    return rgb;
}

// COUNT neighbouring chroma samples from x on: each column is made once and given to the
// samples that reach it.
const int COUNT = WIDE != 0 ? (KIND == INTERLEAVED ? 1 : 2) : (KIND == INTERLEAVED ? 2 : 4);
vec3 chroma[COUNT];

void chroma_at(int x, int y, Affine f, float strength, int mode)
{
    [[unroll]] for (int i = 0; i < COUNT; i++)
        chroma[i] = vec3(0.0);
    for (int k = -2; k <= 2 * COUNT; k++) {
        const vec3 rgb = column_at((x << SUB_X) + k, y, f, strength, mode);
        [[unroll]] for (int i = 0; i < COUNT; i++)
            chroma[i] += tap(k - 2 * i, CENTER_X, x + i, push.pic_w) * rgb;
    }
}

vec3 samples_at(int x, int y, Affine f, float strength, int mode)
{
    if (SUB_X == 0)
        return to_samples(column_at(x, y, f, strength, mode));
    vec3 rgb = vec3(0.0);
    for (int k = -2; k <= 2; k++)
        rgb += tap(k, CENTER_X, x, push.pic_w) * column_at((x << SUB_X) + k, y, f, strength, mode);
    return to_samples(rgb);
}

// What is added before cutting to a code, by the ordered dither of Bayer (1973): gradients of
// 8 bits do not band, whole codes stay what they are, and a still picture stays still.
float rounding(int x, int y)
{
    if (WIDE != 0)
        return 0.5;
    const int d = x ^ y;
    const int rank = (d & 1) << 3 | (y & 1) << 2 | (d & 2) | (y & 2) >> 1;
    return (float(rank) + 0.5) / 16.0;
}

// Of the plane's sample x, y.
uint code(float v, int x, int y)
{
    return uint(clamp(v, 0.0, 1.0) * ONE + rounding(x, y)) << SHIFT;
}

void main()
{
    const int word = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (word >= push.row_words)
        return;
    const vec4 control = LOAD_FLOAT(live, 0);
    const float strength = control.x;
    const int mode = int(control.y);
    const Affine f = load_affine0(0);
    const int per_word = WIDE != 0 ? 2 : 4, bits = WIDE != 0 ? 16 : 8;
    uint a = 0u, b = 0u;
    if (SUB_X != 0 && (KIND == PAIR || KIND == INTERLEAVED)) {
        // Past the row's end lies padding that nobody reads.
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
                // Y of the group's pixels in order: the first where fewer samples precede it.
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
