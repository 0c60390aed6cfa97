#version 450
// Inverse search (Kroeger, Timofte, Dai, Van Gool 2016) of one level: an invocation finds
// the motion of one patch of 8 x 8 pixels. Patches are compared without their means, so that a
// change of exposure does not look like motion. The search starts from the best of the coarser
// level's field, the previous frame's field, and zero motion.
#extension GL_GOOGLE_include_directive : require
#include "tensor.glsl"
#include "flow.glsl"

FLOW_SEARCH_SLOTS(DECLARE_SLOT)
FLOATS_IN(FLOW_SEARCH_SLOPES, slopes);     // both parities of this level
FLOATS_IN(FLOW_SEARCH_QUADS, quads);       // the same
FLOATS_IN(FLOW_SEARCH_COARSE, coarse);     // field of the coarser level, both directions
FLOATS_IN(FLOW_SEARCH_PREVIOUS, previous); // this level's field of the previous frame, both directions
FLOATS_OUT(FLOW_SEARCH_PATCHES, patches);  // u, v, mean squared difference

FLOW_SEARCH_CONSTANTS(DECLARE_CONSTANT)

DECLARE_PUSH(FLOW_SEARCH_PUSH);

const float PIXELS = float(PATCH * PATCH);
const int REACH = 4; // distance of the neighbors tried, pixels of the coarser level; set by hand
// A motion of at most MOTION_NEAR pixels (set by hand) is taken for noise where zero motion has an
// error of at most NOISE_RATIO times its error. Larger ratios make noise steadier, but a still
// picture then loses sharpness over 1000 frames (docs/measured.md, "Noise").
const float NOISE_RATIO = 1.05, MOTION_NEAR = 2.0;
const float SEARCH_MAX = float(PATCH); // longest distance from the best vector, in pixels

// The position of a patch moved by u: whole pixels, and weights of a quad's corners.
struct Place { int x, y; vec4 weights; };

Place place(ivec2 origin, vec2 u)
{
    const vec2 at = vec2(origin) + u, whole = floor(at), f = at - whole;
    return Place(int(whole.x), int(whole.y),
                 vec4((1.0 - f.x) * (1.0 - f.y), f.x * (1.0 - f.y), (1.0 - f.x) * f.y, f.x * f.y));
}

float sample_at(int base, Place p, int i, int j)
{
    const int x = clamp(p.x + i, 0, push.w - 1), y = clamp(p.y + j, 0, push.h - 1);
    return dot(LOAD_FLOAT(quads, base + y * push.w + x), p.weights);
}

// Slopes of pixel (i, j) of the patch.
vec4 slope_at(int base, ivec2 origin, int i, int j)
{
    const int x = min(origin.x + i, push.w - 1), y = min(origin.y + j, push.h - 1);
    return LOAD_FLOAT(slopes, base + y * push.w + x);
}

// Vector k that the search may start from: zero motion, the previous frame's field, the coarser
// field here and a patch away on each side (a patch at a boundary may belong to either of two
// motions).
vec2 candidate(int k, int direction, ivec2 center)
{
    if (k == 0)
        return vec2(0.0);
    if (k == 1)
        return LOAD_FLOAT(previous, (direction * push.h + center.y) * push.w + center.x).xy;
    const ivec2 away = k == 2 ? ivec2(0) : k < 5 ? ivec2(2 * k - 7, 0) : ivec2(0, 2 * k - 11);
    const ivec2 c = clamp(center / 2 + away * REACH, ivec2(0),
                          ivec2(push.coarse_w, push.coarse_h) - 1);
    return 2.0 * LOAD_FLOAT(coarse, (direction * push.coarse_h + c.y) * push.coarse_w + c.x).xy;
}

void main()
{
    const int columns = patch_count(push.w), rows = patch_count(push.h);
    const int column = int(gl_GlobalInvocationID.x), row = int(gl_WorkGroupID.y);
    const int direction = int(gl_WorkGroupID.z);
    if (column >= columns)
        return;
    const int size = push.w * push.h;
    const int from = size * (direction == 0 ? push.parity : 1 - push.parity), to = size - from;
    const ivec2 origin = ivec2(patch_origin(column, push.w), patch_origin(row, push.h));
    const ivec2 center = min(origin + PATCH / 2, ivec2(push.w, push.h) - 1);

    // Rows are a loop here and below: where compilers unroll them, Mesa 25.0 takes 20 s for this kernel.
    vec2 slope = vec2(0.0);
    float xx = 0.0, xy = 0.0, yy = 0.0;
    [[dont_unroll]] for (int j = 0; j < PATCH; j++) {
        for (int i = 0; i < PATCH; i++) {
            const vec4 s = slope_at(from, origin, i, j);
            slope += s.yz;
            xx += s.y * s.y;
            xy += s.y * s.z;
            yy += s.z * s.z;
        }
    }
    // Less the means. 1e-3 (set by hand) is added so that a flat patch keeps its starting vector.
    xx += 1e-3 - slope.x * slope.x / PIXELS;
    yy += 1e-3 - slope.y * slope.y / PIXELS;
    xy -= slope.x * slope.y / PIXELS;
    const float scale = 1.0 / (xx * yy - xy * xy);

    // The starting vectors, then iterations from the best of them, the last of which only finds its
    // error. One loop, because compilers take long over each copy of what is in it.
    const int candidates = push.coarse_w == 0 ? 2 : 7;
    vec2 u = vec2(0.0), best = u;
    float rest = 0.0, least = 0.0;
    [[dont_unroll]] for (int k = 0; k <= candidates + ITERATIONS; k++) {
        if (k < candidates)
            u = candidate(k, direction, center);
        else if (k == candidates)
            u = best;
        const Place p = place(origin, u);
        float sum = 0.0, squares = 0.0;
        vec2 b = vec2(0.0);
        [[dont_unroll]] for (int j = 0; j < PATCH; j++) {
            for (int i = 0; i < PATCH; i++) {
                const vec4 s = slope_at(from, origin, i, j);
                const float r = sample_at(to, p, i, j) - s.x;
                sum += r;
                squares += r * r;
                b += r * s.yz;
            }
        }
        // Mean squared difference of the patches less their means.
        const float e = (squares - sum * sum / PIXELS) / PIXELS;
        if (k == 0)
            rest = least = e;
        if (e < least) {
            least = e;
            best = u;
        }
        b -= slope * sum / PIXELS;
        u -= scale * vec2(yy * b.x - xy * b.y, xx * b.y - xy * b.x);
        // A vector that is too far away or NaN is replaced by the best one so far.
        const vec2 distance_px = abs(u - best);
        if (!(max(distance_px.x, distance_px.y) <= SEARCH_MAX))
            u = best;
    }
    // A motion whose error is hardly smaller than that of zero motion is replaced by zero, since it
    // probably follows noise. Interpolation between pixels reduces noise and so the error; the
    // factor of the weights accounts for that.
    const vec4 weights = place(origin, best).weights;
    const bool near = max(abs(best.x), abs(best.y)) <= MOTION_NEAR;
    if (near && 0.5 * (1.0 + dot(weights, weights)) * rest <= NOISE_RATIO * least)
        best = vec2(0.0);
    STORE_FLOAT(patches, (direction * rows + row) * columns + column, vec4(best, least, 0.0));
}
