/* Rows of maps as the kernels' loops read and write them: runs of whole pixels, all
 * channels side by side. What is pending on a value (affine map, activation) is applied
 * to a whole run at once, so that the loops behind need not know of it. */
#ifndef DAUB_HOST_ROW_H
#define DAUB_HOST_ROW_H

#include "host/view.h"

/* y = act(factor x + offset), in tables over `period` floats. A table repeats the numbers
 * of the channels for four pixels: a multiple of every vector width. */
struct row_function {
    const float *factor, *offset; /* NULL: no affine map */
    const float *slope;           /* PRELU; else NULL */
    size_t period;
    enum net_act act;
    float alpha, beta;
};

/* ---- scratch memory ---- */

HOST_INLINE size_t row_round(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* The next part of the scratch memory, aligned to 64 bytes. */
HOST_INLINE float *row_take(void **scratch, size_t floats)
{
    float *taken = *scratch;
    *scratch = taken + row_round(floats);
    return taken;
}

/* ---- functions ---- */

/* Scratch floats of a function over c4 channel blocks. */
HOST_INLINE size_t row_function_floats(int c4)
{
    return 2 * 16 * (size_t)c4;
}

struct row_function HOST(row_of_view)(const struct host_view *view, int c4,
                                      void **scratch);
/* The activation of the output; slopes: [c / 4] of PRELU. */
struct row_function HOST(row_of_output)(const struct host_call *call, const vec4 *slopes,
                                        int c4, void **scratch);

HOST_INLINE bool row_changes(const struct row_function *f)
{
    return f->factor || f->act != NET_ACT_NONE;
}

/* n floats that begin with the first channel of a pixel; to may be from. */
void HOST(row_apply)(const struct row_function *f, const float *from, size_t n,
                     float *to);

/* ---- rows of a view ---- */

/* The rows of a view with its function applied; up to `places` consecutive rows are kept.
 */
struct row_cache {
    const float *map;
    size_t row; /* floats */
    struct row_function function;
    float *rows;
    int *kept; /* number of the row in each place; -1: none */
    int places;
};

HOST_INLINE size_t row_cache_floats(int w, int c4, int places)
{
    return row_function_floats(c4) + row_round((size_t)places) +
           (size_t)places * row_round((size_t)w * (size_t)c4 * 4);
}

struct row_cache HOST(row_cache)(const struct host_view *view, int w, int c4, int places,
                                 void **scratch);
/* Row y; valid until a row is asked for whose distance is a multiple of `places`. */
const float *HOST(row_get)(struct row_cache *cache, int y);

/* ---- copies ---- */

/* n floats, a multiple of four. */
HOST_INLINE void row_copy(float *to, const float *from, size_t n)
{
    size_t i = 0;
    for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
        *(vec *)(to + i) = *(const vec *)(from + i);
    for (; i < n; i += 4)
        *(vec4 *)(to + i) = *(const vec4 *)(from + i);
}

HOST_INLINE void row_fill(float *to, float value, size_t n)
{
    size_t i = 0;
    for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
        *(vec *)(to + i) = vec_all(value);
    for (; i < n; i += 4)
        *(vec4 *)(to + i) = vec4_all(value);
}

#endif
