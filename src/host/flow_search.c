/* Inverse search of one level (shaders/flow_search.comp has the method). Four neighboring
 * patches are searched side by side, so that one's arithmetic fills the other's waiting:
 * what is one number a patch is in vec4, patch by patch; a patch's pixels are in vectors
 * of a row. */
#include "host/flow.h"
#include "host/view.h"

enum {
    PATCH = FLOW_PATCH,
    PIXELS = PATCH * PATCH,
    SIDE = 4,                 /* patches searched side by side */
    REACH = 4,                /* as in the shader */
    WINDOW_PITCH = 2 * PATCH, /* floats */
    FAR = 1 << 24,            /* pixels; positions up to there have whole numbers */
};

/* As in the shader. */
static const float NOISE_RATIO = 1.05f, MOTION_NEAR = 2, SEARCH_MAX = PATCH;

/* A row of a patch, the same on every instruction set. */
typedef float vec8 __attribute__((vector_size(4 * PATCH), aligned(4), may_alias));

HOST_INLINE vec8 vec8_mad(vec8 a, vec8 b, vec8 c)
{
#if defined(__AVX2__)
    return (vec8)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    const vec4 low = vec4_mad(__builtin_shufflevector(a, a, 0, 1, 2, 3),
                              __builtin_shufflevector(b, b, 0, 1, 2, 3),
                              __builtin_shufflevector(c, c, 0, 1, 2, 3));
    const vec4 high = vec4_mad(__builtin_shufflevector(a, a, 4, 5, 6, 7),
                               __builtin_shufflevector(b, b, 4, 5, 6, 7),
                               __builtin_shufflevector(c, c, 4, 5, 6, 7));
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    return a * b + c;
#endif
}

static struct host_work work(const struct host_call *call)
{
    const int rows = flow_patch_count(call->push.flow_search.h);
    return (struct host_work){(int)call->groups[2] * rows, HOST_PART_FLOATS};
}

/* Planes of one frame: I, and the slopes' where they are needed. */
struct frame {
    const float *luma, *dx, *dy;
};

struct level {
    int w, h;
    struct frame from;
    const float *to; /* luma */
};

/* A patch where its vector starts: pointers to its first pixel, pitch floats from row to
 * row. copy: where the pixels are if the picture is smaller than a patch. */
struct patch {
    const float *luma, *dx, *dy;
    size_t pitch;
    float copy[3][PATCH * PATCH];
};

/* Copies the patch at (x, y) of a picture smaller than a patch, whose last pixels repeat.
 */
static void copy_patch(const float *plane, int w, int h, int x, int y, float *copy)
{
    for (int j = 0; j < PATCH; j++) {
        const float *row = plane + (size_t)int_min(y + j, h - 1) * (size_t)w;
        for (int i = 0; i < PATCH; i++)
            copy[j * PATCH + i] = row[int_min(x + i, w - 1)];
    }
}

static void find_patch(const struct level *level, int x, int y, struct patch *patch)
{
    const int w = level->w, h = level->h;
    const float *planes[3] = {level->from.luma, level->from.dx, level->from.dy};
    const float *start[3];
    const bool whole = w >= PATCH && h >= PATCH;
    for (int i = 0; i < 3; i++) {
        start[i] = planes[i] + (size_t)y * (size_t)w + x;
        if (!whole) {
            copy_patch(planes[i], w, h, x, y, patch->copy[i]);
            start[i] = patch->copy[i];
        }
    }
    patch->luma = start[0];
    patch->dx = start[1];
    patch->dy = start[2];
    patch->pitch = whole ? (size_t)w : PATCH;
}

HOST_INLINE vec8 row_at(const float *row)
{
    return *(const vec8 *)row;
}

/* Adds up four vectors: element i of the result is the sum of vector i. */
HOST_INLINE vec4 sums(vec8 a, vec8 b, vec8 c, vec8 d)
{
#define HALVES(v)                                                                        \
    (__builtin_shufflevector(v, v, 0, 1, 2, 3) +                                         \
     __builtin_shufflevector(v, v, 4, 5, 6, 7))
    vec4 m[4] = {HALVES(a), HALVES(b), HALVES(c), HALVES(d)};
#undef HALVES
    flow_transpose(m);
    return (m[0] + m[1]) + (m[2] + m[3]);
}

/* Sums over the pixels of r, r * r, r * dI/dx and r * dI/dy (with slopes), r being the
 * difference of the patch at `to`, between pixels, from the patch. */
HOST_INLINE vec4 compare(const struct patch *patch, const float *to, size_t to_pitch,
                         float fx, float fy, bool slopes)
{
    const vec8 zero = {0}, x = zero + fx, y = zero + fy;
    const float *luma = patch->luma, *dx = patch->dx, *dy = patch->dy;
    vec8 sum[2] = {zero, zero}, squares[2] = {zero, zero};
    vec8 along_x[2] = {zero, zero}, along_y[2] = {zero, zero};
    vec8 left = row_at(to);
    vec8 upper = vec8_mad(x, row_at(to + 1) - left, left);
#pragma GCC unroll 8
    for (int j = 0; j < PATCH; j++) {
        to += to_pitch;
        left = row_at(to);
        const vec8 lower = vec8_mad(x, row_at(to + 1) - left, left);
        const vec8 r = vec8_mad(y, lower - upper, upper) - row_at(luma);
        sum[j % 2] += r;
        squares[j % 2] = vec8_mad(r, r, squares[j % 2]);
        if (slopes) {
            along_x[j % 2] = vec8_mad(r, row_at(dx), along_x[j % 2]);
            along_y[j % 2] = vec8_mad(r, row_at(dy), along_y[j % 2]);
        }
        upper = lower;
        luma += patch->pitch;
        dx += patch->pitch;
        dy += patch->pitch;
    }
    return sums(sum[0] + sum[1], squares[0] + squares[1], along_x[0] + along_x[1],
                along_y[0] + along_y[1]);
}

/* Four patches and what the search needs of them. */
struct group {
    const struct level *level;
    struct patch patch[SIDE];
    vec4 x, y;                                /* of the first pixel */
    vec4 slope_x, slope_y, xx, xy, yy, scale; /* sums of the slopes; the solver's */
};

struct comparison {
    vec4 sum, along_x, along_y; /* compare */
    vec4 error;                 /* mean squared difference of patches less their means */
};

/* The patch at a position partly outside the picture, interpolated from the nearest pixel
 * inside and the next; compare takes it as a patch between no pixels. */
static void sample_outside(const struct level *level, int px, int py, float fx, float fy,
                           float window[(PATCH + 1) * WINDOW_PITCH])
{
    const int w = level->w, h = level->h;
    memset(window, 0, (PATCH + 1) * WINDOW_PITCH * sizeof(float));
    int left[PATCH], right[PATCH];
    for (int i = 0; i < PATCH; i++) {
        left[i] = int_clamp(px + i, 0, w - 1);
        right[i] = int_min(left[i] + 1, w - 1);
    }
    for (int j = 0; j < PATCH; j++) {
        const int y = int_clamp(py + j, 0, h - 1);
        const float *upper = level->to + (size_t)y * (size_t)w;
        const float *lower = upper + (y < h - 1 ? w : 0);
        for (int i = 0; i < PATCH; i++) {
            const float a = upper[left[i]], b = lower[left[i]];
            const float high = float_mad(fx, upper[right[i]] - a, a);
            const float low = float_mad(fx, lower[right[i]] - b, b);
            window[j * WINDOW_PITCH + i] = float_mad(fy, low - high, high);
        }
    }
}

HOST_INLINE struct comparison compare_group(const struct group *group, vec4 u, vec4 v,
                                            bool slopes)
{
    const struct level *level = group->level;
    const vec4 x = vec4_clamp(group->x + u, vec4_all(-FAR), vec4_all(FAR));
    const vec4 y = vec4_clamp(group->y + v, vec4_all(-FAR), vec4_all(FAR));
    const vec4i px = flow_floor(x), py = flow_floor(y);
    const vec4 fx = x - __builtin_convertvector(px, vec4);
    const vec4 fy = y - __builtin_convertvector(py, vec4);
    vec4 m[SIDE];
    for (int i = 0; i < SIDE; i++) {
        const struct patch *patch = &group->patch[i];
        if (px[i] >= 0 && py[i] >= 0 && px[i] + PATCH < level->w &&
            py[i] + PATCH < level->h) {
            const float *to = level->to + (size_t)py[i] * (size_t)level->w + px[i];
            m[i] = compare(patch, to, (size_t)level->w, fx[i], fy[i], slopes);
        } else {
            float window[(PATCH + 1) * WINDOW_PITCH];
            sample_outside(level, px[i], py[i], fx[i], fy[i], window);
            m[i] = compare(patch, window, WINDOW_PITCH, 0, 0, slopes);
        }
    }
    flow_transpose(m);
    return (struct comparison){m[0], m[2], m[3], (m[1] - m[0] * m[0] / PIXELS) / PIXELS};
}

/* The equations of the patches' motion, from their slopes. */
static void set_equations(struct group *group)
{
    const vec8 zero = {0};
    vec4 m[SIDE], n[SIDE];
    for (int i = 0; i < SIDE; i++) {
        const struct patch *patch = &group->patch[i];
        vec8 x = zero, y = zero, xx = zero, xy = zero, yy = zero;
        for (size_t j = 0; j < PATCH; j++) {
            const vec8 dx = row_at(patch->dx + j * patch->pitch);
            const vec8 dy = row_at(patch->dy + j * patch->pitch);
            x += dx;
            y += dy;
            xx = vec8_mad(dx, dx, xx);
            xy = vec8_mad(dx, dy, xy);
            yy = vec8_mad(dy, dy, yy);
        }
        m[i] = sums(x, y, xx, xy);
        n[i] = sums(yy, zero, zero, zero);
    }
    flow_transpose(m);
    flow_transpose(n);
    group->slope_x = m[0];
    group->slope_y = m[1];
    /* Less the means; 1e-3 as in the shader. */
    group->xx = m[2] + (1e-3f - m[0] * m[0] / PIXELS);
    group->yy = n[0] + (1e-3f - m[1] * m[1] / PIXELS);
    group->xy = m[3] - m[0] * m[1] / PIXELS;
    group->scale = 1 / (group->xx * group->yy - group->xy * group->xy);
}

/* The best vectors so far. */
struct best {
    vec4 u, v, error;
};

HOST_INLINE void keep_better(struct best *best, vec4 u, vec4 v, vec4 error)
{
    const vec4i better = error < best->error;
    best->error = vec4_select(better, error, best->error);
    best->u = vec4_select(better, u, best->u);
    best->v = vec4_select(better, v, best->v);
}

static void try_start(const struct group *group, vec4 u, vec4 v, struct best *best)
{
    keep_better(best, u, v, compare_group(group, u, v, false).error);
}

static void iterate(const struct group *group, int iterations, struct best *best)
{
    vec4 u = best->u, v = best->v;
    for (int k = 0; k < iterations; k++) {
        const struct comparison c = compare_group(group, u, v, true);
        keep_better(best, u, v, c.error);
        const vec4 b_x = c.along_x - group->slope_x * c.sum / PIXELS;
        const vec4 b_y = c.along_y - group->slope_y * c.sum / PIXELS;
        u -= group->scale * (group->yy * b_x - group->xy * b_y);
        v -= group->scale * (group->xx * b_y - group->xy * b_x);
        /* A vector that is too far away or NaN is replaced by the best one so far. */
        const vec4 far_u = u - best->u, far_v = v - best->v;
        const vec4i close = (far_u <= SEARCH_MAX) & (far_u >= -SEARCH_MAX) &
                            (far_v <= SEARCH_MAX) & (far_v >= -SEARCH_MAX);
        u = vec4_select(close, u, best->u);
        v = vec4_select(close, v, best->v);
    }
    try_start(group, u, v, best);
}

/* Replaces motion by zero that is probably noise, as in the shader; rest: errors of zero
 * motion. */
static void drop_noise(vec4 rest, struct best *best)
{
    const vec4 u = best->u, v = best->v, one = vec4_all(1);
    const vec4 fx = u - __builtin_convertvector(flow_floor(u), vec4);
    const vec4 fy = v - __builtin_convertvector(flow_floor(v), vec4);
    /* The squares of the corners' weights sum to a product. */
    const vec4 squares =
        (fx * fx + (one - fx) * (one - fx)) * (fy * fy + (one - fy) * (one - fy));
    const vec4i noise = (u <= MOTION_NEAR) & (u >= -MOTION_NEAR) & (v <= MOTION_NEAR) &
                        (v >= -MOTION_NEAR) &
                        (0.5f * (one + squares) * rest <= NOISE_RATIO * best->error);
    best->u = vec4_select(noise, (vec4){0}, u);
    best->v = vec4_select(noise, (vec4){0}, v);
}

/* Fields that a search starts from, of one direction. */
struct starts {
    const vec4 *previous; /* of the level */
    const vec4 *coarse;   /* of the coarser one; NULL: there is none */
    int w, h, coarse_w, coarse_h;
};

HOST_INLINE void read_vectors(const vec4 *const from[SIDE], float factor, vec4 *u,
                              vec4 *v)
{
    vec4 m[SIDE] = {*from[0], *from[1], *from[2], *from[3]};
    flow_transpose(m);
    *u = factor * m[0];
    *v = factor * m[1];
}

static void search_group(struct group *group, const struct starts *starts,
                         const int x[SIDE], int y, int iterations, vec4 results[SIDE])
{
    const vec4 zero = {0};
    struct best best = {zero, zero, compare_group(group, zero, zero, false).error};
    const vec4 rest = best.error;
    const vec4 *from[SIDE];
    vec4 u, v;
    const int center_y = int_min(y + PATCH / 2, starts->h - 1);
    int center_x[SIDE];
    for (int i = 0; i < SIDE; i++) {
        center_x[i] = int_min(x[i] + PATCH / 2, starts->w - 1);
        from[i] = starts->previous + flow_size(center_y, starts->w) + center_x[i];
    }
    read_vectors(from, 1, &u, &v);
    try_start(group, u, v, &best);
    /* The coarser field here and a patch away on each side. */
    static const int away[5][2] = {
        {0, 0}, {-REACH, 0}, {REACH, 0}, {0, -REACH}, {0, REACH}};
    for (int k = 0; k < 5 && starts->coarse; k++) {
        const int cy = int_clamp(center_y / 2 + away[k][1], 0, starts->coarse_h - 1);
        for (int i = 0; i < SIDE; i++) {
            const int cx =
                int_clamp(center_x[i] / 2 + away[k][0], 0, starts->coarse_w - 1);
            from[i] = starts->coarse + flow_size(cy, starts->coarse_w) + cx;
        }
        read_vectors(from, 2, &u, &v);
        try_start(group, u, v, &best);
    }
    set_equations(group);
    iterate(group, iterations, &best);
    drop_noise(rest, &best);
    vec4 m[SIDE] = {best.u, best.v, best.error, zero};
    flow_transpose(m);
    memcpy(results, m, sizeof(m));
}

/* A row of patches of one direction: numbered direction by direction. */
static void search_row(const struct host_call *call, int unit)
{
    const struct flow_search_push *push = &call->push.flow_search;
    const struct flow_search_constants *k = &call->constants.own.flow_search;
    const int w = push->w, h = push->h;
    const int columns = flow_patch_count(w), rows = flow_patch_count(h);
    const int direction = unit / rows, row = unit % rows;
    const int parity = direction == 0 ? push->parity : 1 - push->parity;
    const size_t size = flow_size(w, h);
    const void *planes = call->slot[FLOW_SEARCH_QUADS];
    const float *luma = flow_luma(planes, size, parity);
    const struct level level = {
        w, h, {luma, luma + size, luma + 2 * size}, flow_luma(planes, size, 1 - parity)};
    const vec4 *coarse = call->slot[FLOW_SEARCH_COARSE];
    const size_t coarse_size = flow_size(push->coarse_w, push->coarse_h);
    const struct starts starts = {
        (const vec4 *)call->slot[FLOW_SEARCH_PREVIOUS] + size * (size_t)direction,
        push->coarse_w == 0 ? NULL : coarse + coarse_size * (size_t)direction,
        w,
        h,
        push->coarse_w,
        push->coarse_h};
    vec4 *patches =
        (vec4 *)call->slot[FLOW_SEARCH_PATCHES] + (size_t)unit * (size_t)columns;
    const int y = flow_patch_origin(row, h);
    for (int column = 0; column < columns; column += SIDE) {
        struct group group = {.level = &level, .y = vec4_all((float)y)};
        int x[SIDE];
        for (int i = 0; i < SIDE; i++) {
            x[i] = flow_patch_origin(int_min(column + i, columns - 1), w);
            group.x[i] = (float)x[i];
            find_patch(&level, x[i], y, &group.patch[i]);
        }
        vec4 results[SIDE];
        search_group(&group, &starts, x, y, k->ITERATIONS, results);
        memcpy(patches + column, results,
               (size_t)int_min(SIDE, columns - column) * sizeof(vec4));
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)scratch;
    for (int i = first; i < end; i++)
        search_row(call, i);
}

extern const struct host_kernel HOST(host_flow_search);
const struct host_kernel HOST(host_flow_search) = {work, NULL, run};
