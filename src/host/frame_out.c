/* The painting, mixed with the input, to one plane of the output frame
 * (shaders/frame_out.comp). Works row by row: every pixel of a part is mixed once, into a
 * row of each color, which the chroma filters then read. */
#include "host/painting.h"

#define PLANE_ENUM(name, number) PLANE_##name = (number),
enum { PLANES(PLANE_ENUM) };
#define COLOR_ENUM(name, number) COLOR_##name = (number),
enum { COLOR_MODES(COLOR_ENUM) };

enum {
    MARGIN = 16,     /* floats before the first pixel of a row in scratch */
    BEFORE = 2,      /* pixels that the filters read before the first, */
    AFTER = 3,       /* and after the last */
    FILTER_ROWS = 5, /* of the vertical chroma filter */
    ROW_COUNT = 3 * (FILTER_ROWS + 3) + 1,
    CHUNK = 64, /* samples that are encoded at a time */
};

struct rows {
    float *c[3];
};

/* What a part works with. */
struct output {
    const struct frame_out_push *push;
    const struct frame_out_constants *k;
    struct host_view view;
    struct host_picture painted, source;
    float strength;
    int mode;
    struct rows mixed[FILTER_ROWS]; /* row y is in element y % FILTER_ROWS, */
    int held[FILTER_ROWS];          /* which holds this row now; -1: none */
    struct rows input;              /* a row of the input picture */
    struct rows column;             /* filtered vertically */
    struct rows chroma;             /* filtered in both directions */
    void *codes;                    /* of one row */
};

static size_t row_floats(const struct host_call *call)
{
    return ((size_t)call->push.frame_out.picture_w + MARGIN + AFTER + 15) / 16 * 16;
}

static struct host_work work(const struct host_call *call)
{
    const struct frame_out_push *push = &call->push.frame_out;
    size_t floats = (size_t)push->picture_w * 4;
    /* The chroma filter reads rows of the parts above and below: make those larger. */
    return (struct host_work){push->h,
                              call->constants.own.frame_out.SUB_Y ? floats / 2 : floats};
}

static size_t scratch_bytes(const struct host_call *call)
{
    return ROW_COUNT * row_floats(call) * sizeof(float);
}

static struct rows take_rows(const struct host_call *call, float **at)
{
    struct rows rows;
    for (int i = 0; i < 3; i++, *at += row_floats(call))
        rows.c[i] = *at + MARGIN;
    return rows;
}

static struct output make_output(const struct host_call *call, float *scratch)
{
    const struct frame_out_push *push = &call->push.frame_out;
    const struct frame_out_constants *k = &call->constants.own.frame_out;
    const float *params = call->slot[FRAME_OUT_PARAMS];
    struct output o = {
        .push = push,
        .k = k,
        .view = host_view0(call),
        .painted = {call->slot[SLOT_INPUT0], push->painted_stride,
                    call->constants.PAINTED_BLOCK, call->constants.PAINTED_CRD},
        .source = {call->slot[FRAME_OUT_SOURCE], push->source_stride, k->SOURCE_BLOCK,
                   k->SOURCE_CRD},
        .strength = params[0],
        .mode = (int)params[1],
    };
    /* The rows that are used most lie together. */
    o.input = take_rows(call, &scratch);
    for (int i = 0; i < FILTER_ROWS; i++) {
        o.mixed[i] = take_rows(call, &scratch);
        o.held[i] = -1;
    }
    o.column = take_rows(call, &scratch);
    o.chroma = take_rows(call, &scratch);
    o.codes = scratch;
    return o;
}

/* ---- pixels ---- */

/* Input codes may mean values outside 0..1 (interpolated chroma at a sharp edge,
 * super-white). The painting may be as far outside there, so that a network that changes
 * nothing returns every code. */
HOST_INLINE void limit(float *restrict painted, const float *restrict input, float scale,
                       float shift, int n)
{
    for (int x = 0; x < n; x++) {
        float p = painted[x] * scale + shift, s = input[x];
        painted[x] = float_clamp(p, float_min(s, 0.0f), float_max(s, 1.0f));
    }
}

HOST_INLINE float dot(const float *a, float r, float g, float b)
{
    return a[0] * r + a[1] * g + a[2] * b;
}

static void mix(const struct output *o, const struct rows *painted)
{
    const float *luma = o->push->luma, strength = o->strength;
    for (int x = 0; x < o->push->picture_w; x++) {
        float p[3], s[3];
        for (int i = 0; i < 3; i++) {
            p[i] = painted->c[i][x];
            s[i] = o->input.c[i][x];
        }
        float dy = dot(luma, p[0], p[1], p[2]) - dot(luma, s[0], s[1], s[2]);
        for (int i = 0; i < 3; i++) {
            if (o->mode == COLOR_KEEP)
                p[i] = s[i] + dy;
            else if (o->mode == COLOR_ONLY)
                p[i] -= dy;
            painted->c[i][x] = s[i] * (1.0f - strength) + p[i] * strength;
        }
    }
}

static void mix_row(const struct output *o, const struct rows *to, int y)
{
    const struct frame_out_push *push = o->push;
    int n = push->picture_w;
    picture_read_row(&o->painted, y, n, to->c);
    picture_apply_view(&o->view, n, to->c);
    picture_read_row(&o->source, y, n, o->input.c);
    for (int i = 0; i < 3; i++)
        limit(to->c[i], o->input.c[i], push->scale, push->shift, n);
    if (o->strength < 1.0f || o->mode != COLOR_PAINT)
        mix(o, to);
    for (int i = 0; i < 3; i++) {
        float *row = to->c[i];
        for (int x = 1; x <= BEFORE; x++)
            row[-x] = row[0];
        for (int x = 0; x < AFTER; x++)
            row[n + x] = row[n - 1];
    }
}

/* Row y of the mixed picture, edges repeated. */
static const struct rows *pixels(struct output *o, int y)
{
    y = int_clamp(y, 0, o->push->picture_h - 1);
    int at = o->k->SUB_Y ? y % FILTER_ROWS : 0;
    if (o->held[at] != y) {
        mix_row(o, &o->mixed[at], y);
        o->held[at] = y;
    }
    return &o->mixed[at];
}

/* ---- chroma ---- */

/* Weights of pixels 2 i - 2 to 2 i + 2 in chroma sample i of n pixels: the dual filters
 * of those with which frame_in interpolates (Cohen, Daubechies, Feauveau 1992). */
static const float *taps(int center, int i, int n)
{
    static const float on_pixel[] = {-0.125f, 0.25f, 0.75f, 0.25f, -0.125f};
    static const float between[] = {0.0f, -0.25f, 0.75f, 0.75f, -0.25f};
    /* The last sample of an odd side has one pixel only: extrapolate linearly. */
    static const float last[] = {0.0f, -0.5f, 1.5f, 0.0f, 0.0f};
    return !center ? on_pixel : 2 * i + 1 == n ? last : between;
}

HOST_INLINE void filter_rows(const float *restrict a, const float *restrict b,
                             const float *restrict c, const float *restrict d,
                             const float *restrict e, const float *w, int n,
                             float *restrict to)
{
    const float wa = w[0], wb = w[1], wc = w[2], wd = w[3], we = w[4];
    for (int x = 0; x < n; x++)
        to[x] = a[x] * wa + b[x] * wb + c[x] * wc + d[x] * wd + e[x] * we;
}

/* Picture rows filtered to row y of a chroma plane. */
static const struct rows *column_row(struct output *o, int y)
{
    if (!o->k->SUB_Y)
        return pixels(o, y);
    const float *w = taps(o->k->CENTER_Y, y, o->push->picture_h);
    const struct rows *from[FILTER_ROWS];
    for (int i = 0; i < FILTER_ROWS; i++)
        from[i] = pixels(o, 2 * y + (w[i] != 0.0f ? i - 2 : 0));
    for (int i = 0; i < 3; i++)
        filter_rows(from[0]->c[i] - BEFORE, from[1]->c[i] - BEFORE,
                    from[2]->c[i] - BEFORE, from[3]->c[i] - BEFORE,
                    from[4]->c[i] - BEFORE, w, o->push->picture_w + BEFORE + AFTER,
                    o->column.c[i] - BEFORE);
    return &o->column;
}

HOST_INLINE float filter_pixel(const float *at, const float *w)
{
    return at[-2] * w[0] + at[-1] * w[1] + at[0] * w[2] + at[1] * w[3] + at[2] * w[4];
}

HOST_INLINE void filter_row(const float *restrict from, const float *w, int n,
                            float *restrict to)
{
    const float wa = w[0], wb = w[1], wc = w[2], wd = w[3], we = w[4];
    for (int x = 0; x < n; x++) {
        const float *at = from + 2 * (size_t)x;
        to[x] = at[-2] * wa + at[-1] * wb + at[0] * wc + at[1] * wd + at[2] * we;
    }
}

/* Row y of a plane's pixels, filtered where they are subsampled. */
static const struct rows *chroma_row(struct output *o, int y)
{
    const struct rows *from = column_row(o, y);
    if (!o->k->SUB_X)
        return from;
    int width = o->push->picture_w, n = o->push->w;
    for (int i = 0; i < 3; i++) {
        const float *row = from->c[i];
        filter_row(row, taps(o->k->CENTER_X, 0, 0), n, o->chroma.c[i]);
        o->chroma.c[i][n - 1] =
            filter_pixel(row + 2 * (n - 1), taps(o->k->CENTER_X, n - 1, width));
    }
    return &o->chroma;
}

/* ---- codes ---- */

/* The values added before the samples of row y are rounded down to codes: ordered dither
 * (Bayer 1973), of which every row repeats four values. */
static void make_rounding(const struct output *o, int y, float rounding[CHUNK])
{
    for (int x = 0; x < CHUNK; x++) {
        int d = x ^ y;
        int rank = (d & 1) << 3 | (y & 1) << 2 | (d & 2) | (y & 2) >> 1;
        rounding[x] = o->k->WIDE ? 0.5f : ((float)rank + 0.5f) / 16.0f;
    }
}

#define ENCODE(type, name)                                                               \
    HOST_INLINE void name(const float *restrict r, const float *restrict g,              \
                          const float *restrict b, const float *m, float offset,         \
                          float one, int shift, const float *restrict rounding, int n,   \
                          type *restrict to)                                             \
    {                                                                                    \
        const float m0 = m[0], m1 = m[1], m2 = m[2];                                     \
        for (int x = 0; x < n; x++) {                                                    \
            float v = m0 * r[x] + m1 * g[x] + m2 * b[x] + offset;                        \
            v = float_clamp(v, 0.0f, 1.0f) * one + rounding[x];                          \
            to[x] = (type)((int)v << shift);                                             \
        }                                                                                \
    }
ENCODE(uint8_t, encode_bytes)
ENCODE(uint16_t, encode_words)

/* Codes of component i of n samples. */
static void encode(const struct output *o, const struct rows *rows, int i,
                   const float rounding[CHUNK], int n, void *to)
{
    const float *m = o->push->matrix + 3 * (size_t)i, offset = o->push->offset[i];
    for (int x = 0; x < n; x += CHUNK) {
        const float *r = rows->c[0] + x, *g = rows->c[1] + x, *b = rows->c[2] + x;
        int count = int_min(CHUNK, n - x);
        if (o->k->WIDE)
            encode_words(r, g, b, m, offset, o->k->ONE, o->k->SHIFT, rounding, count,
                         (uint16_t *)to + x);
        else
            encode_bytes(r, g, b, m, offset, o->k->ONE, o->k->SHIFT, rounding, count,
                         (uint8_t *)to + x);
    }
}

#define PLACE(type, name)                                                                \
    HOST_INLINE void name(const type *restrict codes, int n, size_t step,                \
                          type *restrict to)                                             \
    {                                                                                    \
        for (size_t x = 0; x < (size_t)n; x++)                                           \
            to[x * step] = codes[x];                                                     \
    }
PLACE(uint8_t, place_bytes)
PLACE(uint16_t, place_words)

/* Codes of component i of n samples, from sample `first` of a row of the plane on, each
 * `step` samples after the one before. */
static void write_samples(const struct output *o, const struct rows *rows, int i,
                          const float rounding[CHUNK], int n, unsigned char *row,
                          int first, int step)
{
    if (step == 1) {
        encode(o, rows, i, rounding, n, row);
        return;
    }
    encode(o, rows, i, rounding, n, o->codes);
    if (o->k->WIDE)
        place_words(o->codes, n, (size_t)step, (uint16_t *)(void *)row + first);
    else
        place_bytes(o->codes, n, (size_t)step, row + first);
}

/* Row of groups of pixels, whose samples have ORDER's components. */
static void write_packed(struct output *o, const float rounding[CHUNK], int y,
                         unsigned char *row)
{
    int n = o->push->w, step = o->k->STEP;
    bool seen_luma = false;
    for (int at = 0; at < step; at++) {
        int what = o->k->ORDER >> (2 * at) & 3;
        if (what == 3) {
            for (size_t x = 0; x < (size_t)n; x++)
                row[x * (size_t)step + (size_t)at] = (unsigned char)o->k->ONE;
        } else if (o->k->GROUP_X && what == 0) {
            /* Two luma samples a group. */
            if (!seen_luma)
                write_samples(o, pixels(o, y), 0, rounding, 2 * n, row, at, step / 2);
            seen_luma = true;
        } else {
            write_samples(o, chroma_row(o, y), what, rounding, n, row, at, step);
        }
    }
}

static unsigned char *plane_row(const struct host_call *call, int slot, int words, int y)
{
    size_t word = (size_t)words + (size_t)y * (size_t)call->push.frame_out.row_words;
    return (unsigned char *)call->slot[slot] + 4 * word;
}

static void write_row(const struct host_call *call, struct output *o, int y)
{
    const struct frame_out_push *push = o->push;
    unsigned char *row = plane_row(call, FRAME_OUT_PLANE, push->words, y);
    float rounding[CHUNK];
    make_rounding(o, y, rounding);
    if (o->k->KIND == PLANE_PACKED) {
        write_packed(o, rounding, y, row);
        return;
    }
    const struct rows *rows = chroma_row(o, y);
    if (o->k->KIND == PLANE_SINGLE) {
        write_samples(o, rows, o->k->COMPONENT, rounding, push->w, row, 0, 1);
    } else if (o->k->KIND == PLANE_INTERLEAVED) {
        write_samples(o, rows, 1, rounding, push->w, row, 0, 2);
        write_samples(o, rows, 2, rounding, push->w, row, 1, 2);
    } else {
        unsigned char *row_2 = plane_row(call, FRAME_OUT_PLANE_2, push->words_2, y);
        write_samples(o, rows, 1, rounding, push->w, row, 0, 1);
        write_samples(o, rows, 2, rounding, push->w, row_2, 0, 1);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    struct output output = make_output(call, scratch);
    for (int y = first; y < end; y++)
        write_row(call, &output, y);
}

extern const struct host_kernel HOST(host_frame_out);
const struct host_kernel HOST(host_frame_out) = {work, scratch_bytes, run};
