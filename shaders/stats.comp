#version 450
// Mean and sum of squared differences of a stored map over tiles of tile_w x tile_h pixels, for
// normalizations and means whose input does not come from a convolution that writes statistics.
// One invocation makes one channel block of one tile, in two passes over its pixels, which loses
// no precision.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "view.glsl"

FLOATS_OUT(SLOT_STATS, stats); // [tile][c]: mean, sum of squared differences, count, 0

DECLARE_PUSH(STATS_PUSH);

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
