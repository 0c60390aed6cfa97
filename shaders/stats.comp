#version 450
// Mean and sum of squared differences of a stored map over tiles of LANES x ROWS pixels,
// for norms and means whose input no convolution's epilogue could measure. One invocation
// makes one channel block of one tile (two passes over its few pixels: no cancellation).
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

FLOATS_OUT(7, stats); // [tile][c]: mean, sum of squared differences, count, 0

layout(push_constant) uniform Push {
    int h, w, c4;
    int tile_h, tile_w, tiles_x, tiles_y;
} push;

void main()
{
    const int tile_x = int(gl_GlobalInvocationID.x), tile_y = int(gl_WorkGroupID.y);
    const int c = int(gl_WorkGroupID.z);
    if (tile_x >= push.tiles_x)
        return;
    const Affine f = load_affine0(c);
    const int n_x = min(push.tile_w, push.w - tile_x * push.tile_w);
    const int n_y = min(push.tile_h, push.h - tile_y * push.tile_h);
    const int origin = tile_y * push.tile_h * push.w + tile_x * push.tile_w;
    vec4 mean = vec4(0.0), m2 = vec4(0.0);
    for (int y = 0; y < n_y; y++) {
        for (int x = 0; x < n_x; x++)
            mean += apply0(f, LOAD(x0, (origin + y * push.w + x) * push.c4 + c));
    }
    mean /= float(n_x * n_y);
    for (int y = 0; y < n_y; y++) {
        for (int x = 0; x < n_x; x++) {
            const vec4 d = apply0(f, LOAD(x0, (origin + y * push.w + x) * push.c4 + c)) - mean;
            m2 += d * d;
        }
    }
    const int at = ((tile_y * push.tiles_x + tile_x) * push.c4 + c) * 4;
    [[unroll]] for (int i = 0; i < 4; i++)
        STORE_FLOAT(stats, at + i, vec4(mean[i], m2[i], float(n_x * n_y), 0.0));
}
