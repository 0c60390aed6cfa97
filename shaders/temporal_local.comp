#version 450
// Means and mean squares of the network's painting over blocks of 4 x 4 pixels.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"
#include "painting.glsl"

FLOATS_OUT(6, local); // [h][w][2]

layout(push_constant) uniform Push {
    int w, h;             // blocks
    int picture_w, picture_h;
    int painted_stride;   // pixels
    float scale, shift;   // net value to 0..1
} push;

const int SIDE = 4;

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= push.w)
        return;
    const Affine f = load_affine0(0);
    vec3 sum = vec3(0.0), squares = vec3(0.0);
    for (int j = 0; j < SIDE; j++) {
        for (int i = 0; i < SIDE; i++) {
            const vec3 p = clamp(painted_at(min(x * SIDE + i, push.picture_w - 1),
                                            min(y * SIDE + j, push.picture_h - 1),
                                            push.painted_stride, f) * push.scale + push.shift,
                                 0.0, 1.0);
            sum += p;
            squares += p * p;
        }
    }
    const float n = float(SIDE * SIDE);
    STORE_FLOAT(local, 2 * (y * push.w + x), vec4(sum / n, 0.0));
    STORE_FLOAT(local, 2 * (y * push.w + x) + 1, vec4(squares / n, 0.0));
}
