#include "host/row.h"

/* numbers: [c / 4] vectors, `stride` vectors from one to the next. */
static const float *make_table(const vec4 *numbers, size_t stride, int c4, float *table)
{
    for (size_t c = 0; c < (size_t)c4; c++) {
        for (size_t repeat = 0; repeat < 4; repeat++)
            *(vec4 *)(table + (repeat * (size_t)c4 + c) * 4) = numbers[c * stride];
    }
    return table;
}

struct row_function HOST(row_of_view)(const struct host_view *view, int c4,
                                      void **scratch)
{
    size_t period = 16 * (size_t)c4;
    float *tables = row_take(scratch, row_function_floats(c4));
    struct row_function f = {
        .period = period, .act = view->act, .alpha = view->alpha, .beta = view->beta};
    if (view->affine) {
        f.factor = make_table(view->affine, 2, c4, tables);
        f.offset = make_table(view->affine + 1, 2, c4, tables + period);
    }
    return f;
}

struct row_function HOST(row_of_output)(const struct host_call *call, const vec4 *slopes,
                                        int c4, void **scratch)
{
    const struct kernel_constants *k = &call->constants;
    float *tables = row_take(scratch, row_function_floats(c4));
    struct row_function f = {.period = 16 * (size_t)c4,
                             .act = (enum net_act)k->ACT,
                             .alpha = k->ALPHA,
                             .beta = k->BETA};
    if (f.act == NET_ACT_PRELU)
        f.slope = make_table(slopes, 1, c4, tables);
    return f;
}

#define APPLY_AT(type, name)                                                             \
    do {                                                                                 \
        type x = *(const type *)(from + i + j);                                          \
        if (affine)                                                                      \
            x = name##_mad(*(const type *)(factor + j), x, *(const type *)(offset + j)); \
        type s = {0};                                                                    \
        if (act == NET_ACT_PRELU && slope)                                               \
            s = *(const type *)(slope + j);                                              \
        *(type *)(to + i + j) = name##_activate(act, alpha, beta, s, x);                 \
    } while (0)

HOST_INLINE void apply(const struct row_function *f, enum net_act act, bool affine,
                       const float *from, size_t n, float *to)
{
    const float *factor = f->factor, *offset = f->offset, *slope = f->slope;
    const float alpha = f->alpha, beta = f->beta;
    const size_t period = affine || slope ? f->period : n;
    for (size_t i = 0; i < n; i += period) {
        size_t end = n - i < period ? n - i : period, j = 0;
        for (; j + VEC_FLOATS <= end; j += VEC_FLOATS)
            APPLY_AT(vec, vec);
        for (; j < end; j += 4)
            APPLY_AT(vec4, vec4);
    }
}

void HOST(row_apply)(const struct row_function *f, const float *from, size_t n, float *to)
{
    switch (f->act) {
#define CASE(NAME, number)                                                               \
    case NET_ACT_##NAME:                                                                 \
        if (f->factor)                                                                   \
            apply(f, NET_ACT_##NAME, true, from, n, to);                                 \
        else                                                                             \
            apply(f, NET_ACT_##NAME, false, from, n, to);                                \
        break;
        ACTIVATIONS(CASE)
#undef CASE
    }
}

struct row_cache HOST(row_cache)(const struct host_view *view, int w, int c4, int places,
                                 void **scratch)
{
    size_t row = (size_t)w * (size_t)c4 * 4;
    struct row_cache cache = {.map = (const float *)view->x,
                              .row = row,
                              .function = HOST(row_of_view)(view, c4, scratch),
                              .places = places};
    cache.kept = (int *)row_take(scratch, (size_t)places);
    cache.rows = row_take(scratch, (size_t)places * row_round(row));
    for (int i = 0; i < places; i++)
        cache.kept[i] = -1;
    return cache;
}

const float *HOST(row_get)(struct row_cache *cache, int y)
{
    const float *stored = cache->map + (size_t)y * cache->row;
    if (!row_changes(&cache->function))
        return stored;
    int place = y % cache->places;
    float *row = cache->rows + (size_t)place * row_round(cache->row);
    if (cache->kept[place] != y) {
        HOST(row_apply)(&cache->function, stored, cache->row, row);
        cache->kept[place] = y;
    }
    return row;
}
