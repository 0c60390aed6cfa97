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

HOST_INLINE vec vec_load(const float *from)
{
    return *(const vec *)from;
}

HOST_INLINE void vec_store(float *to, vec x)
{
    *(vec *)to = x;
}

HOST_INLINE vec vec_select(veci mask, vec yes, vec no)
{
    return (vec)(((veci)yes & mask) | ((veci)no & ~mask));
}

HOST_INLINE vec vec_abs(vec x)
{
    return (vec)((veci)x & INT32_MAX);
}

/* The nearest whole number; |x| below 2^22. */
HOST_INLINE vec vec_round(vec x)
{
    return x + 12582912.0f - 12582912.0f; /* 1.5 * 2^23 */
}

/* Without the fraction; |x| below 2^31. */
HOST_INLINE vec vec_whole(vec x)
{
    return __builtin_convertvector(__builtin_convertvector(x, veci), vec);
}

HOST_INLINE vec4 vec4_mix(vec4 a, vec4 b, float f)
{
    return vec4_mad(vec4_all(f), b - a, a);
}

/* ---- coarser maps ---- */

struct coarse_map {
    const vec4 *map; /* [h][w][vectors] */
    int w, h, vectors;
    float step; /* pixels of an element's side; at least 1 */
};

/* Where pixel x lies between elements a and b of n, which have that step. */
struct between {
    int a, b;
    float f; /* 0 at a */
};

HOST_INLINE struct between between_elements(float x, float step, int n)
{
    float p = float_clamp((x + 0.5f) / step - 0.5f, 0, (float)(n - 1));
    int a = (int)p;
    return (struct between){a, int_min(a + 1, n - 1), p - (float)a};
}

/* Vector k of the map, interpolated at n (up to RUN) pixels of row y, from x on. */
HOST_INLINE void coarse_row(const struct coarse_map *m, int k, int x, int y, int n,
                            vec4 *out)
{
    struct between rows = between_elements((float)y, m->step, m->h);
    int first = between_elements((float)x, m->step, m->w).a;
    int last = between_elements((float)(x + n - 1), m->step, m->w).b;
    size_t stride = (size_t)m->w * (size_t)m->vectors;
    const vec4 *above = m->map + (size_t)rows.a * stride + k;
    const vec4 *below = m->map + (size_t)rows.b * stride + k;
    vec4 column[RUN + 2];
    for (int c = first; c <= last; c++) {
        size_t at = (size_t)c * (size_t)m->vectors;
        column[c - first] = vec4_mix(above[at], below[at], rows.f);
    }
    for (int i = 0; i < n; i++) {
        struct between columns = between_elements((float)(x + i), m->step, m->w);
        out[i] =
            vec4_mix(column[columns.a - first], column[columns.b - first], columns.f);
    }
}

/* Vector k of the map at any position, in pixels. */
HOST_INLINE vec4 coarse_at(const struct coarse_map *m, int k, float x, float y)
{
    struct between columns = between_elements(x, m->step, m->w);
    struct between rows = between_elements(y, m->step, m->h);
    size_t vectors = (size_t)m->vectors, stride = (size_t)m->w * vectors;
    const vec4 *above = m->map + (size_t)rows.a * stride + k;
    const vec4 *below = m->map + (size_t)rows.b * stride + k;
    size_t a = (size_t)columns.a * vectors, b = (size_t)columns.b * vectors;
    return vec4_mix(vec4_mix(above[a], below[a], rows.f),
                    vec4_mix(above[b], below[b], rows.f), columns.f);
}

/* ---- the previous output ---- */

/* Positions of a run of pixels in the previous output. */
struct history_run {
    float x[RUN], y[RUN]; /* inside the picture */
    float sharpen[RUN];   /* as in shaders/history.glsl */
    float sharpen_min[RUN];
    float used[RUN]; /* 0: the pixel is not needed */
};

/* What history_row makes of them: SKIP, COPY or RESAMPLE the pixel x, y. */
enum { SKIP, COPY, RESAMPLE };
struct history_taps {
    int32_t x[RUN], y[RUN], how[RUN];
    float wx[TAPS][RUN], wy[TAPS][RUN];
};

/* Weights of the pixels -2 to 3 for positions f between pixels 0 and 1, up to a common
 * factor, which history_weights removes (shaders/history.glsl, resampling_weights). */
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

/* inside: all pixels that are read lie in the picture. */
HOST_INLINE vec4 history_resampled(const vec4 *history, int w, int h,
                                   const struct history_taps *taps, int i, bool inside)
{
    const int x = taps->x[i], y = taps->y[i];
    const vec4 *corner = history + (ptrdiff_t)(y - 2) * w + x - 2;
    vec4 sum = {0};
    for (int j = 0; j < TAPS; j++) {
        vec4 of_row = {0};
        for (int t = history_skipped(j); t < TAPS - history_skipped(j); t++) {
            vec4 pixel =
                inside ? corner[(ptrdiff_t)j * w + t]
                       : history[(size_t)int_clamp(y + j - 2, 0, h - 1) * (size_t)w +
                                 (size_t)int_clamp(x + t - 2, 0, w - 1)];
            of_row = vec4_mad(vec4_all(taps->wx[t][i]), pixel, of_row);
        }
        sum = vec4_mad(vec4_all(taps->wy[j][i]), of_row, sum);
    }
    return sum;
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
            out[i] = x >= 2 && x + 3 < w && y >= 2 && y + 3 < h
                         ? history_resampled(history, w, h, &taps, i, true)
                         : history_resampled(history, w, h, &taps, i, false);
    }
}

#endif
