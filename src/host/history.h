/* Sampling the previous output and coarser maps for runs of pixels of one row, as
 * shaders/history.glsl does. */
#ifndef DAUB_HOST_HISTORY_H
#define DAUB_HOST_HISTORY_H

#include "host/view.h"

enum {
    RUN = 64, /* most pixels of a run; a multiple of VEC_FLOATS */
    TAPS = 6,
};

/* As in shaders/history.glsl. */
static const float WHOLE = 0.05f, FAR = 0.2f; /* pixels */

HOST_INLINE vec4 vec4_mix(vec4 a, vec4 b, float f)
{
    return vec4_mad(vec4_all(f), b - a, a);
}

/* The four channels of a run, one array each. */
HOST_INLINE void split_channels(const vec4 from[RUN], float *const to[4])
{
    for (int i = 0; i < RUN; i += 4) {
        const vec4 *v = from + i;
        vec4 xy01 = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
        vec4 xy23 = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
        vec4 zw01 = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
        vec4 zw23 = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
        *(vec4 *)(to[0] + i) = __builtin_shufflevector(xy01, xy23, 0, 1, 4, 5);
        *(vec4 *)(to[1] + i) = __builtin_shufflevector(xy01, xy23, 2, 3, 6, 7);
        *(vec4 *)(to[2] + i) = __builtin_shufflevector(zw01, zw23, 0, 1, 4, 5);
        *(vec4 *)(to[3] + i) = __builtin_shufflevector(zw01, zw23, 2, 3, 6, 7);
    }
}

/* ---- coarser maps ---- */

struct coarse_map {
    const vec4 *map; /* [h][w][vectors] */
    int w, h, vectors;
    float step; /* pixels of an element's side; at least 1 */
};

/* Where pixels lie between the elements `at` and `at + 1` of a row or column. */
struct coarse_positions {
    int32_t at[RUN];
    float f[RUN]; /* 0: at the element; 0 too at the last one */
};

HOST_INLINE void coarse_positions(const float *x, float step, int count, int n,
                                  struct coarse_positions *to)
{
    const vec zero = {0}, most = vec_all((float)(count - 1)), scale = vec_all(1 / step);
    for (int i = 0; i < n; i += VEC_FLOATS) {
        vec p = vec_mad(vec_load(x + i) + 0.5f, scale, vec_all(-0.5f));
        p = vec_clamp(p, zero, most);
        vec whole = vec_whole(p);
        *(veci *)(to->at + i) = __builtin_convertvector(whole, veci);
        vec_store(to->f + i, p - whole);
    }
}

/* Vector k of the map, interpolated at n (up to RUN) pixels of row y, from x on. */
HOST_INLINE void coarse_row(const struct coarse_map *m, int k, int x, int y, int n,
                            vec4 *out)
{
    float xs[RUN], ys[RUN] = {(float)y};
    struct coarse_positions columns, rows;
    for (int i = 0; i < RUN; i++)
        xs[i] = (float)(x + i);
    coarse_positions(xs, m->step, m->w, n, &columns);
    coarse_positions(ys, m->step, m->h, 1, &rows);
    const int first = columns.at[0], last = columns.at[n - 1];
    const size_t stride = (size_t)m->w * (size_t)m->vectors;
    const vec4 *above = m->map + (size_t)rows.at[0] * stride + k;
    const vec4 *below = rows.at[0] + 1 < m->h ? above + stride : above;
    vec4 column[RUN + 2];
    for (int c = first; c <= last + 1; c++) {
        size_t at = (size_t)int_min(c, m->w - 1) * (size_t)m->vectors;
        column[c - first] = vec4_mix(above[at], below[at], rows.f[0]);
    }
    for (int i = 0; i < n; i++) {
        const vec4 *left = column + (columns.at[i] - first);
        out[i] = vec4_mix(left[0], left[1], columns.f[i]);
    }
}

/* Vector k of the map between columns and rows of pixel i. */
HOST_INLINE vec4 coarse_at(const struct coarse_map *m, int k,
                           const struct coarse_positions *columns,
                           const struct coarse_positions *rows, int i)
{
    const int x = columns->at[i], y = rows->at[i];
    const size_t vectors = (size_t)m->vectors, stride = (size_t)m->w * vectors;
    const size_t right = x + 1 < m->w ? vectors : 0, down = y + 1 < m->h ? stride : 0;
    const vec4 *at = m->map + (size_t)y * stride + (size_t)x * vectors + k;
    return vec4_mix(vec4_mix(at[0], at[down], rows->f[i]),
                    vec4_mix(at[right], at[right + down], rows->f[i]), columns->f[i]);
}

/* ---- the previous output ---- */

/* Positions of a run of pixels in the previous output. */
struct history_run {
    float x[RUN], y[RUN]; /* inside the picture */
    float sharpen[RUN];   /* as in shaders/history.glsl */
    float sharpen_min[RUN];
    float used[RUN]; /* 0: the pixel is not needed */
};

/* What the confidence map says of a run. */
struct motion_run {
    float x[RUN], y[RUN]; /* motion in pixels */
    float confidence[RUN], light[RUN];
};

/* The motion of n pixels of row y, from x on, 0 after them. Sets the positions x, y, and
 * used to the confidence, 0 where the position is outside of the picture of w x h. */
HOST_INLINE void history_positions(const struct coarse_map *confidence, int x, int y,
                                   int n, int w, int h, struct motion_run *motion,
                                   struct history_run *run)
{
    vec4 at[RUN];
    coarse_row(confidence, 0, x, y, n, at);
    for (int i = n; i < RUN; i++)
        at[i] = (vec4){0};
    split_channels(at,
                   (float *[4]){motion->x, motion->y, motion->confidence, motion->light});
    float xs[RUN];
    for (int i = 0; i < RUN; i++)
        xs[i] = (float)(x + i);
    const vec zero = {0}, ys = vec_all((float)y), most_x = vec_all((float)(w - 1)),
              most_y = vec_all((float)(h - 1));
    for (int i = 0; i < RUN; i += VEC_FLOATS) {
        vec px = vec_load(xs + i) + vec_load(motion->x + i);
        vec py = ys + vec_load(motion->y + i);
        veci inside = (px >= zero) & (px <= most_x) & (py >= zero) & (py <= most_y);
        vec_store(run->x + i, vec_clamp(px, zero, most_x));
        vec_store(run->y + i, vec_clamp(py, zero, most_y));
        vec_store(run->used + i,
                  vec_select(inside, vec_load(motion->confidence + i), zero));
    }
}

/* What history_row makes of them: SKIP, COPY or RESAMPLE the pixel x, y. */
enum { SKIP, COPY, RESAMPLE };
struct history_taps {
    int32_t x[RUN], y[RUN], how[RUN];
    float wx[TAPS][RUN], wy[TAPS][RUN];
};

/* Weights of the pixels -2 to 3 for a position f between pixels 0 and 1. Their sum is not
 * 1: history_weights divides by it (shaders/history.glsl, resampling_weights). */
HOST_INLINE void resampling_weights(vec f, vec sharpen, vec sharpen_min,
                                    vec weights[TAPS])
{
    /* Sine and cosine of pi / 3 times -2 to 3. */
    static const float sines[TAPS] = {-0.866025404f, -0.866025404f, 0,
                                      0.866025404f,  0.866025404f,  0};
    static const float cosines[TAPS] = {-0.5f, 0.5f, 1, 0.5f, -0.5f, -1};
    const vec one = vec_all(1), zero = {0};
    vec between = vec_min(f, one - f);
    vec k = sharpen * vec_max(vec_min(between * (1 / FAR), one), sharpen_min);
    /* Cosine and sine of pi f / 3 by their Taylor series. */
    vec x = f * 1.04719755f, xx = x * x;
    vec cosine = vec_mad(xx, vec_all(-1.0f / 56), one);
    cosine = vec_mad(xx * (-1.0f / 30), cosine, one);
    cosine = vec_mad(xx * (-1.0f / 12), cosine, one);
    cosine = vec_mad(xx * (-1.0f / 2), cosine, one);
    vec sine = vec_mad(xx, vec_all(-1.0f / 42), one);
    sine = vec_mad(xx * (-1.0f / 20), sine, one);
    sine = x * vec_mad(xx * (-1.0f / 6), sine, one);
    veci whole = between < vec_all(WHOLE);
    vec lanczos[TAPS + 2];
    lanczos[0] = lanczos[TAPS + 1] = zero;
    for (int i = 0; i < TAPS; i++) {
        /* The common factor sin(pi f) is left out. */
        vec d = f - (float)(i - 2);
        vec s = vec_mad(sine, vec_all(cosines[i]), cosine * -sines[i]);
        vec weight = (i & 1 ? -s : s) / vec_max(d * d, vec_all(1e-6f));
        lanczos[i + 1] = vec_select(whole, i == 2 ? one : zero, weight);
    }
    for (int i = 0; i < TAPS; i++) {
        vec own = lanczos[i + 1];
        weights[i] = vec_mad(k, own + own - lanczos[i] - lanczos[i + 2], own);
    }
}

/* Pixels at the ends of row j of the 6 x 6 that are left out: their weights are near 0.
 */
HOST_INLINE int history_skipped(int j)
{
    return j < 2 ? 2 - j : j > 3 ? j - 3 : 0;
}

HOST_INLINE void history_weights(const struct history_run *run, int i, vec fx, vec fy,
                                 struct history_taps *taps)
{
    vec wx[TAPS], wy[TAPS], sum = {0};
    vec sharpen = vec_load(run->sharpen + i),
        sharpen_min = vec_load(run->sharpen_min + i);
    resampling_weights(fx, sharpen, sharpen_min, wx);
    resampling_weights(fy, sharpen, sharpen_min, wy);
    for (int j = 0; j < 3; j++) { /* rows j and 5 - j use the same pixels */
        vec of_row = {0};
        for (int t = history_skipped(j); t < TAPS - history_skipped(j); t++)
            of_row += wx[t];
        sum = vec_mad(of_row, wy[j] + wy[TAPS - 1 - j], sum);
    }
    vec factor = 1.0f / sum;
    for (int t = 0; t < TAPS; t++) {
        vec_store(taps->wx[t] + i, wx[t]);
        vec_store(taps->wy[t] + i, wy[t] * factor);
    }
}

HOST_INLINE void history_taps(const struct history_run *run, int n,
                              struct history_taps *taps)
{
    for (int i = 0; i < n; i += VEC_FLOATS) {
        vec x = vec_load(run->x + i), y = vec_load(run->y + i);
        vec near_x = vec_round(x), near_y = vec_round(y);
        x = vec_select(vec_abs(x - near_x) < vec_all(WHOLE), near_x, x);
        y = vec_select(vec_abs(y - near_y) < vec_all(WHOLE), near_y, y);
        vec ax = vec_whole(x), ay = vec_whole(y), fx = x - ax, fy = y - ay;
        *(veci *)(taps->x + i) = __builtin_convertvector(ax, veci);
        *(veci *)(taps->y + i) = __builtin_convertvector(ay, veci);
        vec zero = {0};
        veci resample =
            (fx != zero) | (fy != zero) | (vec_load(run->sharpen_min + i) != zero);
        veci how = (resample & RESAMPLE) | (~resample & COPY);
        how &= vec_load(run->used + i) != zero;
        *(veci *)(taps->how + i) = how;
        int32_t any = 0;
        for (int l = 0; l < VEC_FLOATS; l++)
            any |= how[l];
        if (any & RESAMPLE)
            history_weights(run, i, fx, fy, taps);
    }
}

/* Adds row j of the 6 x 6 pixels around pixel i's position. inside: all of them lie in
 * the picture. */
HOST_INLINE vec4 history_add_row(const vec4 *history, int w, int h,
                                 const struct history_taps *taps, int i, int j,
                                 bool inside, vec4 sum)
{
    const int x = taps->x[i] - 2, y = taps->y[i] + j - 2, skipped = history_skipped(j);
    const vec4 *row = history + (size_t)int_clamp(y, 0, h - 1) * (size_t)w;
    vec4 of_row = {0};
    for (int t = skipped; t < TAPS - skipped; t++) {
        int column = inside ? x + t : int_clamp(x + t, 0, w - 1);
        of_row = vec4_mad(vec4_all(taps->wx[t][i]), row[column], of_row);
    }
    return vec4_mad(vec4_all(taps->wy[j][i]), of_row, sum);
}

HOST_INLINE vec4 history_resampled(const vec4 *history, int w, int h,
                                   const struct history_taps *taps, int i, bool inside)
{
    vec4 sum = {0};
    sum = history_add_row(history, w, h, taps, i, 0, inside, sum);
    sum = history_add_row(history, w, h, taps, i, 1, inside, sum);
    sum = history_add_row(history, w, h, taps, i, 2, inside, sum);
    sum = history_add_row(history, w, h, taps, i, 3, inside, sum);
    sum = history_add_row(history, w, h, taps, i, 4, inside, sum);
    return history_add_row(history, w, h, taps, i, 5, inside, sum);
}

/* The previous output, of w x h, at n positions; pixels that are not used stay
 * undefined. */
HOST_INLINE void history_row(const vec4 *history, int w, int h,
                             const struct history_run *run, int n, vec4 *out)
{
    struct history_taps taps;
    history_taps(run, n, &taps);
    for (int i = 0; i < n; i++) {
        const int x = taps.x[i], y = taps.y[i];
        if (taps.how[i] == COPY)
            out[i] = history[(size_t)y * (size_t)w + (size_t)x];
        else if (taps.how[i] == RESAMPLE)
            out[i] = x >= 2 && x + 3 < w
                         ? history_resampled(history, w, h, &taps, i, true)
                         : history_resampled(history, w, h, &taps, i, false);
    }
}

#endif
