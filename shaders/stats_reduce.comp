#version 450
// Combines the tiles of each segment with the formula of Chan, Golub and LeVeque (1979):
// two parts (mean, M2, n) give M2 = M2a + M2b + d^2 na nb / (na + nb), d = difference of
// the means; nothing cancels however large the map.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"

FLOATS_IN(0, tiles);     // [tile][channel]: mean, M2, count
FLOATS_OUT(7, segments); // [segment][channel], the same

layout(push_constant) uniform Push {
    int channels; // padded to a multiple of four
    int tile_count, segment_tiles, segment_count;
} push;

void main()
{
    const int segment = int(gl_GlobalInvocationID.x) / push.channels;
    const int channel = int(gl_GlobalInvocationID.x) - segment * push.channels;
    if (segment >= push.segment_count)
        return;
    const int first = segment * push.segment_tiles;
    const int last = min(first + push.segment_tiles, push.tile_count);
    vec4 all = vec4(0.0);
    for (int t = first; t < last; t++) {
        const vec4 tile = LOAD_FLOAT(tiles, t * push.channels + channel);
        const float d = tile.x - all.x, n = all.z + tile.z;
        all.y += tile.y + d * d * (all.z * tile.z / n);
        all.x += d * (tile.z / n);
        all.z = n;
    }
    STORE_FLOAT(segments, segment * push.channels + channel, all);
}
