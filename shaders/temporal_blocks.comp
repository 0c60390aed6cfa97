#version 450
// Per block of SIDE x SIDE pixels: the mean color of the painting and of the previous output, the
// standard deviation of the painting, and the detail of the previous output relative to the
// painting's.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "temporal.glsl"
#include "view.glsl"
#include "painting.glsl"

TEMPORAL_BLOCKS_OWN_SLOTS(DECLARE_SLOT)
TENSOR_IN(TEMPORAL_BLOCKS_HISTORY, history); // the previous output
// [h][w][BLOCK_VECTORS]: mean color and standard deviation of the painting; mean color of the
// previous output and its detail over the painting's.
FLOATS_OUT(TEMPORAL_BLOCKS_RESULT, blocks);

DECLARE_PUSH(TEMPORAL_BLOCKS_PUSH);

const float DETAIL_RATIO_LIMIT = 2.0; // above DETAIL_RATIO_MAX of temporal_blend.comp

// Squared second difference of three neighbors: their part of the detail.
float detail(vec3 a, vec3 b, vec3 c)
{
    const vec3 d = a - 2.0 * b + c;
    return dot(d, d);
}

vec3 previous_at(int x, int y)
{
    return LOAD(history, y * push.picture_w + x).xyz;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const Affine f = load_affine0(0);
    vec3 sum = vec3(0.0), squares = vec3(0.0), previous_sum = vec3(0.0);
    float painted_detail = 0.0, previous_detail = 0.0;
    for (int j = 0; j < SIDE; j++) {
        const int py = min(y * SIDE + j, push.picture_h - 1);
        vec3 left[2] = vec3[2](vec3(0.0), vec3(0.0)), previous_left[2] = left;
        for (int i = 0; i < SIDE; i++) {
            const int px = min(x * SIDE + i, push.picture_w - 1);
            const vec3 p = clamp(painted_at(px, py, push.painted_stride, f) * push.scale + push.shift,
                                 0.0, 1.0);
            const vec3 previous = previous_at(px, py);
            sum += p;
            squares += p * p;
            previous_sum += previous;
            if (i > 1) {
                painted_detail += detail(p, left[0], left[1]);
                previous_detail += detail(previous, previous_left[0], previous_left[1]);
            }
            left = vec3[2](p, left[0]);
            previous_left = vec3[2](previous, previous_left[0]);
        }
    }
    const float n = float(SIDE * SIDE);
    const vec3 mean = sum / n, variance = max(squares / n - mean * mean, 0.0);
    const int at = BLOCK_VECTORS * (y * push.w + x);
    STORE_FLOAT(blocks, at, vec4(mean, sqrt((variance.x + variance.y + variance.z) / 3.0)));
    STORE_FLOAT(blocks, at + 1,
                vec4(previous_sum / n, min(sqrt(previous_detail / max(painted_detail, 1e-6)), DETAIL_RATIO_LIMIT)));
}
