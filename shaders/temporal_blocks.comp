#version 450
// Over blocks of pixels: means of the network's painting and of the one shown before, the former's
// deviation, and how much of its detail the latter has.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "temporal.glsl"
#include "view.glsl"
#include "painting.glsl"

TENSOR_IN(1, history); // shown before
FLOATS_OUT(6, local); // [h][w][LOCALS]: mean colour, standard deviation; mean colour shown
                      // before, its detail where the network's own has 1

layout(push_constant) uniform Push {
    int w, h;             // blocks
    int picture_w, picture_h;
    int painted_stride;   // pixels
    float scale, shift;   // net value to 0..1
} push;

const float MOST = 2.0; // of that ratio

// What three neighbours add to the detail around.
float detail(vec3 a, vec3 b, vec3 c)
{
    const vec3 d = a - 2.0 * b + c;
    return dot(d, d);
}

vec3 shown_at(int x, int y)
{
    return LOAD(history, y * push.picture_w + x).xyz;
}

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const Affine f = load_affine0(0);
    vec3 sum = vec3(0.0), squares = vec3(0.0), shown_sum = vec3(0.0);
    float painted_detail = 0.0, shown_detail = 0.0;
    for (int j = 0; j < SIDE; j++) {
        const int py = min(y * SIDE + j, push.picture_h - 1);
        vec3 left[2] = vec3[2](vec3(0.0), vec3(0.0)), shown_left[2] = left;
        for (int i = 0; i < SIDE; i++) {
            const int px = min(x * SIDE + i, push.picture_w - 1);
            const vec3 p = clamp(painted_at(px, py, push.painted_stride, f) * push.scale + push.shift,
                                 0.0, 1.0);
            const vec3 shown = shown_at(px, py);
            sum += p;
            squares += p * p;
            shown_sum += shown;
            if (i > 1) {
                painted_detail += detail(p, left[0], left[1]);
                shown_detail += detail(shown, shown_left[0], shown_left[1]);
            }
            left = vec3[2](p, left[0]);
            shown_left = vec3[2](shown, shown_left[0]);
        }
    }
    const float n = float(SIDE * SIDE);
    const vec3 mean = sum / n, variance = max(squares / n - mean * mean, 0.0);
    const int at = LOCALS * (y * push.w + x);
    STORE_FLOAT(local, at, vec4(mean, sqrt((variance.x + variance.y + variance.z) / 3.0)));
    STORE_FLOAT(local, at + 1,
                vec4(shown_sum / n, min(sqrt(shown_detail / max(painted_detail, 1e-6)), MOST)));
}
