#include "app/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

/* A pixel is occluded where the sum of backward and forward flow has a squared length of
 * more than PART of their squared lengths plus SLACK (Sundaram 2010). */
static const float PART = 0.01f, SLACK = 0.5f;
static const float WEIGHT_MIN = 1e-7f; /* neighbours of less weight do not count */
enum { STYLE_EVERY = 5 }; /* frames; the distance takes long and changes slowly */

/* A previous frame, with which later ones are compared. */
struct past_frame {
    float *input, *painted, *per_frame;
    float *flow;            /* from the newest frame to this one */
    unsigned char *visible; /* 1: this pixel of the newest frame is visible here */
};

struct metrics {
    int width, height;
    size_t pixels;
    bool per_frame;
    struct past_frame past[METRICS_LONG];
    unsigned char *visible; /* 1: this pixel is visible in the previous frame */
    float *flow;            /* scratch */
    double *sum, *squares;  /* over time, of each value of the painting */
    struct metrics_frame *frames;
    size_t count, capacity;
};

static void *plane(const struct metrics *m, size_t size)
{
    return daub_alloc(m->pixels, size);
}

struct metrics *metrics_create(int width, int height, bool per_frame,
                               struct daub_error *error)
{
    struct metrics *m = daub_alloc(1, sizeof(*m));
    bool ok = m != NULL;
    if (ok) {
        *m = (struct metrics){.width = width,
                              .height = height,
                              .pixels = (size_t)width * (size_t)height,
                              .per_frame = per_frame};
        m->visible = plane(m, 1);
        m->flow = plane(m, 2 * sizeof(float));
        m->sum = plane(m, 3 * sizeof(double));
        m->squares = plane(m, 3 * sizeof(double));
        ok = m->visible && m->flow && m->sum && m->squares;
    }
    for (int i = 0; ok && i < METRICS_LONG; i++) {
        struct past_frame *k = &m->past[i];
        k->painted = plane(m, 3 * sizeof(float));
        k->flow = plane(m, 2 * sizeof(float));
        k->visible = plane(m, 1);
        ok = k->painted && k->flow && k->visible;
        if (i == 0) { /* older frames are only used for the long-range error */
            k->input = plane(m, 3 * sizeof(float));
            k->per_frame = per_frame ? plane(m, 3 * sizeof(float)) : NULL;
            ok = ok && k->input && (!per_frame || k->per_frame);
        }
    }
    if (ok)
        return m;
    metrics_free(m);
    daub_no_memory(error, "the metrics");
    return NULL;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int i = 0; i < METRICS_LONG; i++) {
        free(m->past[i].input);
        free(m->past[i].painted);
        free(m->past[i].per_frame);
        free(m->past[i].flow);
        free(m->past[i].visible);
    }
    free(m->visible);
    free(m->flow);
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

/* Finds the pixels of the newest frame that are visible in the previous one. */
static void find_visible(struct metrics *m, const float *backward, const float *forward)
{
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            float u = backward[2 * i], v = backward[2 * i + 1];
            if (!forward) {
                m->visible[i] = inside(m, (float)x + u, (float)y + v);
                continue;
            }
            struct corner c = corner(m, (float)x + u, (float)y + v);
            float fu = sample(forward, &c, 2, 0), fv = sample(forward, &c, 2, 1);
            float miss = (u + fu) * (u + fu) + (v + fv) * (v + fv);
            float lengths = u * u + v * v + fu * fu + fv * fv;
            m->visible[i] =
                inside(m, (float)x + u, (float)y + v) && miss <= PART * lengths + SLACK;
        }
    }
}

/* Mean squared difference of current and previous warped along flow, where visible (NULL:
 * everywhere). */
static double difference(const struct metrics *m, const float *current,
                         const float *previous, const float *flow,
                         const unsigned char *visible)
{
    double sum = 0;
    size_t count = 0;
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            if (visible && !visible[i])
                continue;
            struct corner c =
                corner(m, (float)x + flow[2 * i], (float)y + flow[2 * i + 1]);
            for (size_t k = 0; k < 3; k++) {
                double d = (double)(current[3 * i + k] - sample(previous, &c, 3, k));
                sum += d * d;
            }
            count++;
        }
    }
    return count ? sum / (3 * (double)count) : NAN;
}

/* Extends the flow to a past frame by the newest frame: first along backward, then along
 * the flow that was known from there. */
static void extend_flow(struct metrics *m, struct past_frame *past, const float *backward)
{
    unsigned char *visible = past->visible;
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            size_t i = (size_t)y * (size_t)m->width + (size_t)x;
            struct corner c =
                corner(m, (float)x + backward[2 * i], (float)y + backward[2 * i + 1]);
            float u = backward[2 * i] + sample(past->flow, &c, 2, 0);
            float v = backward[2 * i + 1] + sample(past->flow, &c, 2, 1);
            m->flow[2 * i] = u;
            m->flow[2 * i + 1] = v;
            bool is_visible = m->visible[i] && inside(m, (float)x + u, (float)y + v);
            for (int k = 0; k < 4; k++)
                is_visible =
                    is_visible && (c.weight[k] < WEIGHT_MIN || (visible[c.at[k]] & 1));
            /* In bit 1, because other pixels still read the previous value. */
            visible[i] = (unsigned char)((visible[i] & 1) | (is_visible ? 2 : 0));
        }
    }
    for (size_t i = 0; i < m->pixels; i++)
        visible[i] >>= 1;
    memcpy(past->flow, m->flow, m->pixels * 2 * sizeof(float));
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

static double ghost(const struct metrics *m, const float *painted, const float *per_frame)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < m->pixels; i++) {
        if (m->visible[i])
            continue;
        for (size_t k = 0; k < 3; k++) {
            double d = (double)(painted[3 * i + k] - per_frame[3 * i + k]);
            sum += d * d;
        }
        count++;
    }
    return count ? sum / (3 * (double)count) : NAN;
}

/* ---- the stream ---- */

/* Compares the frame with the past frames. */
static void compare(struct metrics *m, struct metrics_frame *frame, const float *input,
                    const float *painted, const float *per_frame, const float *backward,
                    const float *forward)
{
    const struct past_frame *last = &m->past[0];
    find_visible(m, backward, forward);
    frame->warp = difference(m, painted, last->painted, backward, m->visible);
    frame->warp_all_pixels = difference(m, painted, last->painted, backward, NULL);
    frame->warp_input = difference(m, input, last->input, backward, m->visible);
    if (m->per_frame) {
        frame->warp_per_frame =
            difference(m, per_frame, last->per_frame, backward, m->visible);
        frame->ghost = ghost(m, painted, per_frame);
    }
    size_t held = m->count < METRICS_LONG ? m->count : METRICS_LONG;
    for (size_t i = 0; i < held; i++)
        extend_flow(m, &m->past[i], backward);
    if (held == METRICS_LONG) {
        const struct past_frame *oldest = &m->past[METRICS_LONG - 1];
        frame->long_range =
            difference(m, painted, oldest->painted, oldest->flow, oldest->visible);
    }
}

/* Makes the frame the first past frame, in the memory of the oldest one. */
static void keep(struct metrics *m, const float *input, const float *painted,
                 const float *per_frame)
{
    size_t bytes = m->pixels * 3 * sizeof(float);
    float *last_input = m->past[0].input, *last_per_frame = m->past[0].per_frame;
    struct past_frame oldest = m->past[METRICS_LONG - 1];
    memmove(&m->past[1], &m->past[0], (METRICS_LONG - 1) * sizeof(m->past[0]));
    m->past[1].input = m->past[1].per_frame = NULL;
    oldest.input = last_input;
    oldest.per_frame = last_per_frame;
    m->past[0] = oldest;
    memcpy(oldest.input, input, bytes);
    memcpy(oldest.painted, painted, bytes);
    if (per_frame)
        memcpy(oldest.per_frame, per_frame, bytes);
    memset(oldest.flow, 0, m->pixels * 2 * sizeof(float));
    memset(oldest.visible, 1, m->pixels);
}

bool metrics_add(struct metrics *m, const float *input, const float *painted,
                 const float *per_frame, const float *backward, const float *forward,
                 struct daub_error *error)
{
    struct metrics_frame frame = {NAN, NAN, NAN, NAN, NAN, 0, 0, NAN, NAN, NAN};
    if (!daub_grow(&m->frames, &m->capacity, m->count + 1, sizeof(*m->frames)))
        return daub_no_memory(error, "the metrics");
    frame.luma = mean_luma(m, painted);
    frame.sharpness = sharpness(m, painted);
    if (m->per_frame) {
        frame.sharpness_per_frame = sharpness(m, per_frame);
        if (m->count % STYLE_EVERY == 0 &&
            !metrics_style_distance(painted, per_frame, m->width, m->height, &frame.style,
                                    error))
            return false;
    }
    if (m->count > 0)
        compare(m, &frame, input, painted, per_frame, backward, forward);
    for (size_t i = 0; i < 3 * m->pixels; i++) {
        double v = (double)painted[i];
        m->sum[i] += v;
        m->squares[i] += v * v;
    }
    keep(m, input, painted, per_frame);
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
        .e_warp_per_frame = MEAN(m, warp_per_frame),
        .e_warp_ratio = MEAN(m, warp) / MEAN(m, warp_per_frame),
        .e_stab = sqrt(MEAN(m, warp_all_pixels)),
        .long_range = MEAN(m, long_range),
        .flicker = flicker / (3 * (double)m->pixels),
        .drift = slope(m) * 255 * 1000,
        .sharpness_ratio = MEAN(m, sharpness) / MEAN(m, sharpness_per_frame),
        .style_distance = MEAN(m, style),
        .ghosting = MEAN(m, ghost),
    };
}

const struct metrics_frame *metrics_frames(const struct metrics *m, size_t *count)
{
    *count = m->count;
    return m->frames;
}
