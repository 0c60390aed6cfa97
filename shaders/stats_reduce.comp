#version 450
// Combines the tiles of each segment with the formula of Chan, Golub and LeVeque (1979):
// two parts (n, mean, M2) give M2 = M2a + M2b + d^2 na nb / (na + nb), d = difference of
// the means; nothing cancels however large the map.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, tiles);     // [tile][c / 4][2]
FLOATS_OUT(7, segments); // [segment][c / 4][3]: mean, M2, count

layout(push_constant) uniform Push {
    int c4, tile_count, segment_tiles, segment_count;
    int tile_h, tile_w, tiles_x, tiles_y; // tiles_y of one phase
    int h, w;                             // of one phase
} push;

void main()
{
    const int segment = int(gl_GlobalInvocationID.x), c = int(gl_WorkGroupID.y);
    if (segment >= push.segment_count)
        return;
    const int first = segment * push.segment_tiles;
    const int last = min(first + push.segment_tiles, push.tile_count);
    float n = 0.0;
    vec4 mean = vec4(0.0), m2 = vec4(0.0);
    for (int t = first; t < last; t++) {
        const int row = t / push.tiles_x;
        const int tile_x = t - row * push.tiles_x, tile_y = row % push.tiles_y;
        const float nb = float(min(push.tile_w, push.w - tile_x * push.tile_w) *
                               min(push.tile_h, push.h - tile_y * push.tile_h));
        const vec4 d = LOAD_FLOAT(tiles, (t * push.c4 + c) * 2) - mean;
        const float total = n + nb;
        m2 += LOAD_FLOAT(tiles, (t * push.c4 + c) * 2 + 1) + d * d * (n * nb / total);
        mean += d * (nb / total);
        n = total;
    }
    STORE_FLOAT(segments, (segment * push.c4 + c) * 3, mean);
    STORE_FLOAT(segments, (segment * push.c4 + c) * 3 + 1, m2);
    STORE_FLOAT(segments, (segment * push.c4 + c) * 3 + 2, vec4(n));
}
