#include "app/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

/* A pixel was hidden before where the flow back and forth misses its start by more than
 * this part of their lengths (Sundaram 2010). */
static const float PART = 0.01f, SLACK = 0.5f;
static const float TOUCHED = 1e-7f; /* weight from which on a neighbour counts */
enum { STYLE_EVERY = 5 }; /* frames; the distance is costly and changes slowly */

/* A frame that later ones are compared with. */
struct kept {
    float *input, *painted, *alone;
    float *way;             /* from the newest frame to this one */
    unsigned char *visible; /* what of the newest frame was seen here */
};

struct metrics {
    int width, height;
    size_t pixels;
    bool alone;
    struct kept kept[METRICS_LONG];
    unsigned char *visible; /* of the newest flow */
    float *way;             /* scratch */
    double *sum, *squares;  /* of each painted value over time */
    struct metrics_frame *frames;
    size_t count, capacity;
};

static void *plane(const struct metrics *m, size_t size)
{
    return daub_alloc(m->pixels, size);
}

struct metrics *metrics_create(int width, int height, bool alone,
                               struct daub_error *error)
{
    struct metrics *m = daub_alloc(1, sizeof(*m));
    bool ok = m != NULL;
    if (ok) {
        *m = (struct metrics){.width = width,
                              .height = height,
                              .pixels = (size_t)width * (size_t)height,
                              .alone = alone};
        m->visible = plane(m, 1);
        m->way = plane(m, 2 * sizeof(float));
        m->sum = plane(m, 3 * sizeof(double));
        m->squares = plane(m, 3 * sizeof(double));
        ok = m->visible && m->way && m->sum && m->squares;
    }
    for (int i = 0; ok && i < METRICS_LONG; i++) {
        struct kept *k = &m->kept[i];
        k->painted = plane(m, 3 * sizeof(float));
        k->way = plane(m, 2 * sizeof(float));
        k->visible = plane(m, 1);
        ok = k->painted && k->way && k->visible;
        if (i == 0) { /* the others only serve the long range */
            k->input = plane(m, 3 * sizeof(float));
            k->alone = alone ? plane(m, 3 * sizeof(float)) : NULL;
            ok = ok && k->input && (!alone || k->alone);
        }
    }
    if (ok)
        return m;
    metrics_free(m);
    daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for the metrics");
    return NULL;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int i = 0; i < METRICS_LONG; i++) {
        free(m->kept[i].input);
        free(m->kept[i].painted);
        free(m->kept[i].alone);
        free(m->kept[i].way);
        free(m->kept[i].visible);
    }
    free(m->visible);
    free(m->way);
    free(m->sum);
    free(m->squares);
    free(m->frames);
    free(m);
}

/* ---- sampling ---- */

struct corner {
    size_t at[4]; /* pixels */
    float weight[4];
};

static float limited(float v, int n)
{
    return fminf(fmaxf(v, 0), (float)(n - 1)); /* NaN becomes 0 */
}

static struct corner corner(const struct metrics *m, float x, float y)
{
    x = limited(x, m->width);
    y = limited(y, m->height);
    int x_0 = (int)x, y_0 = (int)y;
    int x_1 = x_0 + 1 < m->width ? x_0 + 1 : x_0,
        y_1 = y_0 + 1 < m->height ? y_0 + 1 : y_0;
    float fx = x - (float)x_0, fy = y - (float)y_0;
    size_t w = (size_t)m->width;
    return (struct corner){{(size_t)y_0 * w + (size_t)x_0, (size_t)y_0 * w + (size_t)x_1,
                            (size_t)y_1 * w + (size_t)x_0, (size_t)y_1 * w + (size_t)x_1},
                           {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy}};
}

static float sample(const float *map, const struct corner *c, size_t channels,
                    size_t channel)
{
    float sum = 0;
    for (int i = 0; i < 4; i++)
        sum += c->weight[i] * map[channels * c->at[i] + channel];
    return sum;
}

static bool inside(const struct metrics *m, float x, float y)
{
    return x >= 0 && y >= 0 && x <= (float)(m->width - 1) && y <= (float)(m->height - 1);
}

/* What of the newest frame was seen in the one before. */
static void find_visible(struct metrics *m, const float *back, const float *forth)
{
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            float u = back[2 * i], v = back[2 * i + 1];
            if (!forth) {
                m->visible[i] = inside(m, (float)x + u, (float)y + v);
                continue;
            }
            struct corner c = corner(m, (float)x + u, (float)y + v);
            float fu = sample(forth, &c, 2, 0), fv = sample(forth, &c, 2, 1);
            float miss = (u + fu) * (u + fu) + (v + fv) * (v + fv);
            float lengths = u * u + v * v + fu * fu + fv * fv;
            m->visible[i] =
                inside(m, (float)x + u, (float)y + v) && miss <= PART * lengths + SLACK;
        }
    }
}

/* Mean squared difference of now and before moved along way, where visible (NULL:
 * everywhere). */
static double difference(const struct metrics *m, const float *now, const float *before,
                         const float *way, const unsigned char *visible)
{
    double sum = 0;
    size_t count = 0;
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            if (visible && !visible[i])
                continue;
            struct corner c = corner(m, (float)x + way[2 * i], (float)y + way[2 * i + 1]);
            for (size_t k = 0; k < 3; k++) {
                double d = (double)(now[3 * i + k] - sample(before, &c, 3, k));
                sum += d * d;
            }
            count++;
        }
    }
    return count ? sum / (3 * (double)count) : NAN;
}

/* The way to a frame one further back: along back, then along what led from there. */
static void lengthen(struct metrics *m, struct kept *kept, const float *back)
{
    unsigned char *visible = kept->visible;
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            struct corner c =
                corner(m, (float)x + back[2 * i], (float)y + back[2 * i + 1]);
            float u = back[2 * i] + sample(kept->way, &c, 2, 0);
            float v = back[2 * i + 1] + sample(kept->way, &c, 2, 1);
            m->way[2 * i] = u;
            m->way[2 * i + 1] = v;
            bool seen = m->visible[i] && inside(m, (float)x + u, (float)y + v);
            for (int k = 0; k < 4; k++)
                seen = seen && (c.weight[k] < TOUCHED || (visible[c.at[k]] & 1));
            /* bit 1, as the neighbours still need the old answer */
            visible[i] = (unsigned char)((visible[i] & 1) | (seen ? 2 : 0));
        }
    }
    for (size_t i = 0; i < m->pixels; i++)
        visible[i] >>= 1;
    memcpy(kept->way, m->way, m->pixels * 2 * sizeof(float));
}

/* ---- one picture ---- */

static float luma(const float *rgb)
{
    return 0.2126f * rgb[0] + 0.7152f * rgb[1] + 0.0722f * rgb[2];
}

static double mean_luma(const struct metrics *m, const float *picture)
{
    double sum = 0;
    for (size_t i = 0; i < m->pixels; i++)
        sum += (double)luma(&picture[3 * i]);
    return sum / (double)m->pixels;
}

static double sharpness(const struct metrics *m, const float *picture)
{
    double sum = 0;
    size_t w = (size_t)m->width, count = 0;
    for (int y = 1; y + 1 < m->height; y++) {
        for (int x = 1; x + 1 < m->width; x++) {
            const float *p = &picture[3 * ((size_t)y * w + (size_t)x)];
            double d = (double)(luma(p - 3) + luma(p + 3) + luma(p - 3 * w) +
                                luma(p + 3 * w) - 4 * luma(p));
            sum += d * d;
            count++;
        }
    }
    return count ? sum / (double)count : 0;
}

static double ghost(const struct metrics *m, const float *painted, const float *alone)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < m->pixels; i++) {
        if (m->visible[i])
            continue;
        for (size_t k = 0; k < 3; k++) {
            double d = (double)(painted[3 * i + k] - alone[3 * i + k]);
            sum += d * d;
        }
        count++;
    }
    return count ? sum / (3 * (double)count) : NAN;
}

/* ---- the stream ---- */

/* Compares with the frames before. */
static void compare(struct metrics *m, struct metrics_frame *frame, const float *input,
                    const float *painted, const float *alone, const float *back,
                    const float *forth)
{
    const struct kept *last = &m->kept[0];
    find_visible(m, back, forth);
    frame->warp = difference(m, painted, last->painted, back, m->visible);
    frame->all = difference(m, painted, last->painted, back, NULL);
    frame->warp_input = difference(m, input, last->input, back, m->visible);
    if (m->alone) {
        frame->warp_alone = difference(m, alone, last->alone, back, m->visible);
        frame->ghost = ghost(m, painted, alone);
    }
    size_t held = m->count < METRICS_LONG ? m->count : METRICS_LONG;
    for (size_t i = 0; i < held; i++)
        lengthen(m, &m->kept[i], back);
    if (held == METRICS_LONG) {
        const struct kept *oldest = &m->kept[METRICS_LONG - 1];
        frame->far =
            difference(m, painted, oldest->painted, oldest->way, oldest->visible);
    }
}

/* Becomes the first of the kept frames; the oldest one's memory is used again. */
static void keep(struct metrics *m, const float *input, const float *painted,
                 const float *alone)
{
    size_t bytes = m->pixels * 3 * sizeof(float);
    float *last_input = m->kept[0].input, *last_alone = m->kept[0].alone;
    struct kept oldest = m->kept[METRICS_LONG - 1];
    memmove(&m->kept[1], &m->kept[0], (METRICS_LONG - 1) * sizeof(m->kept[0]));
    m->kept[1].input = m->kept[1].alone = NULL;
    oldest.input = last_input;
    oldest.alone = last_alone;
    m->kept[0] = oldest;
    memcpy(oldest.input, input, bytes);
    memcpy(oldest.painted, painted, bytes);
    if (alone)
        memcpy(oldest.alone, alone, bytes);
    memset(oldest.way, 0, m->pixels * 2 * sizeof(float));
    memset(oldest.visible, 1, m->pixels);
}

bool metrics_add(struct metrics *m, const float *input, const float *painted,
                 const float *alone, const float *back, const float *forth,
                 struct daub_error *error)
{
    struct metrics_frame frame = {NAN, NAN, NAN, NAN, NAN, 0, 0, NAN, NAN, NAN};
    if (!daub_grow(&m->frames, &m->capacity, m->count + 1, sizeof(*m->frames)))
        return daub_fail(error, DAUB_ERROR_MEMORY, "out of memory for the metrics");
    frame.luma = mean_luma(m, painted);
    frame.sharpness = sharpness(m, painted);
    if (m->alone) {
        frame.sharpness_alone = sharpness(m, alone);
        if (m->count % STYLE_EVERY == 0 &&
            !metrics_style_distance(painted, alone, m->width, m->height, &frame.style,
                                    error))
            return false;
    }
    if (m->count > 0)
        compare(m, &frame, input, painted, alone, back, forth);
    for (size_t i = 0; i < 3 * m->pixels; i++) {
        double v = (double)painted[i];
        m->sum[i] += v;
        m->squares[i] += v * v;
    }
    keep(m, input, painted, alone);
    m->frames[m->count++] = frame;
    return true;
}

/* ---- results ---- */

static double mean_of(const struct metrics *m, size_t field)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++) {
        double v = *(const double *)((const char *)&m->frames[i] + field);
        if (!isnan(v)) {
            sum += v;
            count++;
        }
    }
    return count ? sum / (double)count : NAN;
}
#define MEAN(m, name) mean_of(m, offsetof(struct metrics_frame, name))

/* The slope of the least-squares line through the frames' luma. */
static double slope(const struct metrics *m)
{
    double n = (double)m->count, middle = (n - 1) / 2, top = 0, bottom = 0;
    for (size_t i = 0; i < m->count; i++) {
        double t = (double)i - middle;
        top += t * m->frames[i].luma;
        bottom += t * t;
    }
    return bottom > 0 ? top / bottom : NAN;
}

void metrics_scores(const struct metrics *m, struct metrics_scores *scores)
{
    double n = (double)m->count, flicker = 0;
    for (size_t i = 0; m->count && i < 3 * m->pixels; i++) {
        double mean = m->sum[i] / n;
        flicker += sqrt(fmax(m->squares[i] / n - mean * mean, 0));
    }
    *scores = (struct metrics_scores){
        .frames = (int)m->count,
        .e_warp = MEAN(m, warp),
        .e_warp_input = MEAN(m, warp_input),
        .e_warp_alone = MEAN(m, warp_alone),
        .e_warp_ratio = MEAN(m, warp) / MEAN(m, warp_alone),
        .e_stab = sqrt(MEAN(m, all)),
        .long_range = MEAN(m, far),
        .flicker = flicker / (3 * (double)m->pixels),
        .drift = slope(m) * 255 * 1000,
        .sharpness_ratio = MEAN(m, sharpness) / MEAN(m, sharpness_alone),
        .style_distance = MEAN(m, style),
        .ghosting = MEAN(m, ghost),
    };
}

const struct metrics_frame *metrics_frames(const struct metrics *m, size_t *count)
{
    *count = m->count;
    return m->frames;
}
