#version 450
// The output frame: the history (the previous output warped along the flow) where the confidence is
// high, the painting elsewhere. They are not averaged everywhere, because that blurs brush strokes.
// Where the history was resampled, a part of the painting is mixed in and its colors are limited to
// those of the painting around, because repeated resampling and sharpening creates patterns that no
// painting had.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "temporal.glsl"
#include "view.glsl"
#include "painting.glsl"

TEMPORAL_BLEND_OWN_SLOTS(DECLARE_SLOT)
TENSOR_IN(TEMPORAL_BLEND_HISTORY, history);       // the previous output
FLOATS_IN(TEMPORAL_BLEND_CONFIDENCE, confidence); // of temporal_confidence.comp
FLOATS_IN(TEMPORAL_BLEND_BLOCKS, blocks);         // of temporal_blocks.comp
TENSOR_OUT(TEMPORAL_BLEND_OUTPUT, blended);       // R G B in 0..1

TEMPORAL_BLEND_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(TEMPORAL_BLEND_PUSH);

#include "history.glsl"

// Vector k of temporal_blocks.comp at p, interpolated.
vec4 block_at(vec2 p, int k)
{
    p = clamp((p + 0.5) / float(SIDE) - 0.5, vec2(0.0), vec2(push.blocks_w - 1, push.blocks_h - 1));
    const ivec2 a = ivec2(floor(p)), b = min(a + 1, ivec2(push.blocks_w, push.blocks_h) - 1);
    const vec2 f = p - vec2(a);
    return mix(mix(LOAD_FLOAT(blocks, BLOCK_VECTORS * (a.y * push.blocks_w + a.x) + k),
                   LOAD_FLOAT(blocks, BLOCK_VECTORS * (a.y * push.blocks_w + b.x) + k), f.x),
               mix(LOAD_FLOAT(blocks, BLOCK_VECTORS * (b.y * push.blocks_w + a.x) + k),
                   LOAD_FLOAT(blocks, BLOCK_VECTORS * (b.y * push.blocks_w + b.x) + k), f.x), f.y);
}

// The constants below were chosen by E_warp, sharpness and the correlation of strokes on three
// clips and a rendered scene (docs/measured.md, "Steadiness").

// The warped output is limited to the painting's local mean +- CLIP_DEVIATIONS standard deviations
// + CLIP_MIN (variance clipping; Salvi 2016).
const float CLIP_DEVIATIONS = 4.0, CLIP_MIN = 0.01;

// When the light changes, the history must follow: the part of the difference of the local mean
// colors that is added each frame, its growth with the change of luma above that of noise, and its
// maximum ("Changing light" there).
const float FOLLOW = 0.05, FOLLOW_LIGHT = 60.0, LIGHT_NOISE = 0.001, FOLLOW_MAX = 0.5;

// Sharpening that compensates resampling. It falls to 0 where the previous output has
// DETAIL_RATIO_MAX times the detail of the painting.
const float SHARPEN = 0.07, DETAIL_RATIO_MAX = 1.3;

// Part of the painting that is mixed in where the position lies between pixels.
const float MIX_RESAMPLED = 0.15;

// Where the previous output has less than DETAIL_RATIO_LOW of the painting's detail, different
// strokes were averaged there. It is then sharpened and the painting mixed in, also without motion,
// by a factor that grows to RESTORE at DETAIL_RATIO_MIN.
const float DETAIL_RATIO_LOW = 0.9, DETAIL_RATIO_MIN = 0.6, RESTORE = 0.2;

float inside(vec2 p)
{
    return all(greaterThanEqual(p, vec2(0.0))) &&
                   all(lessThanEqual(p, vec2(push.w - 1, push.h - 1)))
               ? 1.0
               : 0.0;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const Affine f = load_affine0(0);
    const vec3 painted =
        clamp(painted_at(x, y, push.painted_stride, f) * push.scale + push.shift, 0.0, 1.0);
    if (COPY != 0) {
        STORE(blended, y * push.w + x, vec4(painted, 0.0));
        return;
    }
    const vec4 motion = confidence_at((vec2(x, y) + 0.5) / float(push.step) - 0.5,
                                      ivec2(push.confidence_w, push.confidence_h));
    const vec2 from = vec2(x, y) + motion.xy, between = abs(from - round(from));
    const vec4 painted_block = block_at(vec2(x, y), 0), previous_block = block_at(from, 1);
    const float detail_ratio = previous_block.w;
    const float restore = RESTORE * clamp((DETAIL_RATIO_LOW - detail_ratio) /
                                              (DETAIL_RATIO_LOW - DETAIL_RATIO_MIN), 0.0, 1.0);
    const float mixed_in =
        MIX_RESAMPLED * max(smoothstep(WHOLE, FAR, max(between.x, between.y)), restore);
    const float weight = motion.z * inside(from) * (1.0 - mixed_in);
    const float sharpen = SHARPEN * clamp((DETAIL_RATIO_MAX - detail_ratio) /
                                              (DETAIL_RATIO_MAX - 1.0), 0.0, 1.0);
    const float follow =
        min(FOLLOW + FOLLOW_LIGHT * max(motion.w - LIGHT_NOISE, 0.0), FOLLOW_MAX);
    const vec3 previous = history_at(from, ivec2(push.w, push.h), sharpen, restore).xyz +
                          follow * (painted_block.xyz - previous_block.xyz);
    const float range = CLIP_DEVIATIONS * painted_block.w + CLIP_MIN;
    const vec3 warped = clamp(previous, painted_block.xyz - range, painted_block.xyz + range);
    STORE(blended, y * push.w + x, vec4(clamp(mix(painted, warped, weight), 0.0, 1.0), 0.0));
}
