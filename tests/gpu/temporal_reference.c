#include "temporal_reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/ref.h"

/* A float's rounding error is at most EPSILON of its size. */
#define EPSILON 0x1p-24
#define PI      3.14159265358979323846

/* As in the shaders. */
enum { SIDE = 8, REGIONS = 9, BINS = 16, TAPS = 6 };
static const double WHOLE = 0.05f, FAR = 0.2f;

static double limited(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

static double mixed(double a, double b, double f)
{
    return a + f * (b - a);
}

static double smoothstep(double low, double high, double x)
{
    double t = limited((x - low) / (high - low), 0, 1);
    return t * t * (3 - 2 * t);
}

/* x lies so near to a threshold that floats may be on its other side; exactly there they
 * are not. */
static bool is_near(double x, double threshold, double error)
{
    return x != threshold && fabs(x - threshold) < error;
}

/* ---- maps of vec4 ---- */

struct map {
    const float *data; /* [h][w][vectors] vec4 */
    int w, h, vectors;
};

static double at(const struct map *m, int x, int y, int k, int i)
{
    x = x < 0 ? 0 : x >= m->w ? m->w - 1 : x;
    y = y < 0 ? 0 : y >= m->h ? m->h - 1 : y;
    return (double)m->data[4 * ((y * m->w + x) * m->vectors + k) + i];
}

/* Component i of vector k between four elements; the border continues outside. */
static double between(const struct map *m, double x, double y, int k, int i)
{
    x = limited(x, 0, m->w - 1);
    y = limited(y, 0, m->h - 1);
    int ax = (int)floor(x), ay = (int)floor(y);
    return mixed(mixed(at(m, ax, ay, k, i), at(m, ax + 1, ay, k, i), x - ax),
                 mixed(at(m, ax, ay + 1, k, i), at(m, ax + 1, ay + 1, k, i), x - ax),
                 y - ay);
}

/* Pixel x of a map whose elements are `step` pixels wide, in elements. */
static double element(double x, double step)
{
    return (x + 0.5) / step - 0.5;
}

/* Rounding error of a float position in a picture of w x h, in pixels. */
static double position_error(int w, int h)
{
    return EPSILON * (w > h ? w : h);
}

/* ---- the painting ---- */

/* Color i (0..1) of pixel x, y. */
static double painted(const struct host_call *call, int stride, double scale,
                      double shift, int x, int y, int i)
{
    const struct kernel_constants *k = &call->constants;
    int block = k->PAINTED_BLOCK, c4 = (3 * block * block + 3) / 4;
    int phase = y % block * block + x % block;
    int channel = k->PAINTED_CRD ? i * block * block + phase : phase * 3 + i;
    const float *map = call->slot[SLOT_INPUT0], *affine = call->slot[SLOT_AFFINE0];
    double v = (double)map[4 * c4 * (y / block * (stride / block) + x / block) + channel];
    if (k->V0_AFFINE)
        v = (double)affine[i] * v + (double)affine[4 + i];
    v = net_ref_act_double((enum net_act)k->V0_ACT, (double)k->V0_ALPHA,
                           (double)k->V0_BETA, 0, v);
    return limited(v * scale + shift, 0, 1);
}

/* ---- the previous output ---- */

static double lanczos(double d)
{
    return d == 0         ? 1
           : fabs(d) >= 3 ? 0
                          : 3 * sin(PI * d) * sin(PI * d / 3) / (PI * PI * d * d);
}

/* Of the pixels -2 to 3, for a position f between 0 and 1. */
static void resampling_weights(double f, double sharpen, double sharpen_min,
                               double weights[TAPS])
{
    double k = sharpen * fmax(fmin(fmin(f, 1 - f) / FAR, 1), sharpen_min);
    double l[TAPS + 2] = {0};
    for (int i = 0; i < TAPS; i++)
        l[i + 1] = lanczos(f - (i - 2));
    for (int i = 0; i < TAPS; i++)
        weights[i] = l[i + 1] + k * (2 * l[i + 1] - l[i] - l[i + 2]);
}

static double snapped(double x)
{
    return fabs(x - round(x)) < WHOLE ? round(x) : x;
}

static double history_at(const struct map *history, double x, double y, double sharpen,
                         double sharpen_min, int color)
{
    x = snapped(limited(x, 0, history->w - 1));
    y = snapped(limited(y, 0, history->h - 1));
    int ax = (int)floor(x), ay = (int)floor(y);
    double wx[TAPS], wy[TAPS], sum = 0, weights = 0;
    if (x == ax && y == ay && sharpen_min == 0)
        return at(history, ax, ay, 0, color);
    resampling_weights(x - ax, sharpen, sharpen_min, wx);
    resampling_weights(y - ay, sharpen, sharpen_min, wy);
    for (int j = 0; j < TAPS; j++) {
        int skipped = j < 2 ? 2 - j : j > 3 ? j - 3 : 0;
        for (int i = skipped; i < TAPS - skipped; i++) {
            sum += wx[i] * wy[j] * at(history, ax + i - 2, ay + j - 2, 0, color);
            weights += wx[i] * wy[j];
        }
    }
    return sum / weights;
}

/* Rounding decides which pixels are read at this position. */
static bool undecided_position(double x, double y, int w, int h)
{
    double error = 4 * position_error(w, h), dx = fabs(x - round(x)),
           dy = fabs(y - round(y));
    return is_near(dx, WHOLE, error) || is_near(dy, WHOLE, error) ||
           is_near(x, 0, error) || is_near(y, 0, error) || is_near(x, w - 1, error) ||
           is_near(y, h - 1, error);
}

/* Colors change by at most 1 from pixel to pixel, so they are off by as much as the
 * position is; the rest is rounding in the sum of 32 pixels. */
static double history_slack(int w, int h)
{
    return position_error(w, h) + 32 * EPSILON;
}

static bool is_inside(double x, double y, int w, int h)
{
    return x >= 0 && y >= 0 && x <= w - 1 && y <= h - 1;
}

/* ---- blocks ---- */

struct block {
    double mean[3], deviation, deviation_slack;
    double previous[3], ratio;
};

static double squared(double x)
{
    return x * x;
}

static double second_difference(const double row[SIDE], int i)
{
    return row[i] - 2 * row[i + 1] + row[i + 2];
}

static struct block block_of(const struct host_call *call, int bx, int by)
{
    const struct temporal_blocks_push *push = &call->push.temporal_blocks;
    const struct map history = {call->slot[TEMPORAL_BLOCKS_HISTORY], push->picture_w,
                                push->picture_h, 1};
    struct block b = {.deviation = 0};
    const double n = SIDE * SIDE;
    double variance = 0, painted_detail = 0, previous_detail = 0;
    for (int i = 0; i < 3; i++) {
        double squares = 0, p[SIDE][SIDE], q[SIDE][SIDE];
        for (int k = 0; k < SIDE * SIDE; k++) {
            int x = bx * SIDE + k % SIDE, y = by * SIDE + k / SIDE;
            x = x < push->picture_w ? x : push->picture_w - 1;
            y = y < push->picture_h ? y : push->picture_h - 1;
            p[k / SIDE][k % SIDE] =
                painted(call, push->painted_stride, (double)push->scale,
                        (double)push->shift, x, y, i);
            q[k / SIDE][k % SIDE] = at(&history, x, y, 0, i);
            b.mean[i] += p[k / SIDE][k % SIDE] / n;
            b.previous[i] += q[k / SIDE][k % SIDE] / n;
        }
        for (int k = 0; k < SIDE * SIDE; k++)
            squares += squared(p[k / SIDE][k % SIDE] - b.mean[i]);
        variance += squares / n / 3;
        for (int k = 0; k < SIDE * (SIDE - 2); k++) {
            painted_detail += squared(second_difference(p[k % SIDE], k / SIDE));
            previous_detail += squared(second_difference(q[k % SIDE], k / SIDE));
        }
    }
    b.deviation = sqrt(variance);
    /* The kernels take the variance from the mean of the squares: its error is that of
     * numbers up to 1, 64 of which are added, also where the variance is small. */
    b.deviation_slack = sqrt(variance + 16 * EPSILON) - b.deviation;
    b.ratio = fmin(sqrt(previous_detail / fmax(painted_detail, 1e-6)), 2);
    return b;
}

static void make_blocks(const struct host_call *call, struct temporal_expected *e)
{
    const struct temporal_blocks_push *push = &call->push.temporal_blocks;
    for (int k = 0; k < push->w * push->h; k++) {
        struct block b = block_of(call, k % push->w, k / push->w);
        for (int i = 0; i < 3; i++) {
            e->want[8 * k + i] = b.mean[i];
            e->want[8 * k + 4 + i] = b.previous[i];
            e->slack[8 * k + i] = e->slack[8 * k + 4 + i] = 16 * EPSILON;
        }
        e->want[8 * k + 3] = b.deviation;
        e->slack[8 * k + 3] = b.deviation_slack;
        e->want[8 * k + 7] = b.ratio;
        e->slack[8 * k + 7] = 1e-5;
    }
}

/* ---- blend ---- */

/* The inputs of the blend. */
struct blend {
    const struct temporal_blend_push *push;
    struct map history, confidence, blocks;
};

static double follow_of(double light)
{
    return fmin((double)0.05f + 60 * fmax(light - (double)0.001f, 0), 0.5);
}

static double previous_color(const struct blend *b, int x, int y, double from_x,
                             double from_y, double follow, double restore, int color)
{
    double ratio =
        between(&b->blocks, element(from_x, SIDE), element(from_y, SIDE), 1, 3);
    double sharpen = 0.07 * limited((1.3 - ratio) / (1.3 - 1), 0, 1);
    double bx = element(x, SIDE), by = element(y, SIDE);
    double block = between(&b->blocks, bx, by, 0, color);
    double previous_block =
        between(&b->blocks, element(from_x, SIDE), element(from_y, SIDE), 1, color);
    double range = 4 * between(&b->blocks, bx, by, 0, 3) + 0.01;
    double previous = history_at(&b->history, from_x, from_y, sharpen, restore, color) +
                      follow * (block - previous_block);
    return limited(previous, block - range, block + range);
}

static void blend_pixel(const struct host_call *call, const struct blend *b, int x, int y,
                        double *want, double *slack)
{
    const struct temporal_blend_push *push = b->push;
    double motion[4], mx = element(x, push->step), my = element(y, push->step);
    for (int i = 0; i < 4; i++)
        motion[i] = between(&b->confidence, mx, my, 0, i);
    double from_x = x + motion[0], from_y = y + motion[1];
    double ratio =
        between(&b->blocks, element(from_x, SIDE), element(from_y, SIDE), 1, 3);
    double restore = 0.2 * limited((0.9 - ratio) / (0.9 - 0.6), 0, 1);
    double off = fmax(fabs(from_x - round(from_x)), fabs(from_y - round(from_y)));
    double mixed_in = 0.15 * fmax(smoothstep(WHOLE, FAR, off), restore);
    double inside = is_inside(from_x, from_y, push->w, push->h) ? 1 : 0;
    double weight = motion[2] * inside * (1 - mixed_in);
    bool undecided =
        motion[2] > 0 && undecided_position(from_x, from_y, push->w, push->h);
    for (int i = 0; i < 3; i++) {
        double p = painted(call, push->painted_stride, (double)push->scale,
                           (double)push->shift, x, y, i);
        want[i] = p;
        if (weight > 0)
            want[i] = mixed(
                p,
                previous_color(b, x, y, from_x, from_y, follow_of(motion[3]), restore, i),
                weight);
        want[i] = limited(want[i], 0, 1);
        slack[i] = undecided ? INFINITY : history_slack(push->w, push->h);
    }
}

static void make_blend(const struct host_call *call, struct temporal_expected *e)
{
    const struct temporal_blend_push *push = &call->push.temporal_blend;
    const struct blend b = {
        push,
        {call->slot[TEMPORAL_BLEND_HISTORY], push->w, push->h, 1},
        {call->slot[TEMPORAL_BLEND_CONFIDENCE], push->confidence_w, push->confidence_h,
         1},
        {call->slot[TEMPORAL_BLEND_BLOCKS], push->blocks_w, push->blocks_h, 2}};
    for (int k = 0; k < push->w * push->h; k++) {
        int x = k % push->w, y = k / push->w;
        if (!call->constants.own.temporal_blend.COPY) {
            blend_pixel(call, &b, x, y, e->want + 4 * k, e->slack + 4 * k);
            continue;
        }
        for (int i = 0; i < 3; i++) {
            e->want[4 * k + i] = painted(call, push->painted_stride, (double)push->scale,
                                         (double)push->shift, x, y, i);
            e->slack[4 * k + i] = 8 * EPSILON;
        }
    }
}

/* ---- confidence ---- */

static double confidence_of(const struct host_call *call, double e)
{
    const float *params = call->slot[TEMPORAL_CONFIDENCE_PARAMS];
    const float *report = call->slot[TEMPORAL_CONFIDENCE_REPORT];
    double stability = (double)params[4], limit = 0.01 * exp2(6 * stability);
    if (stability <= 0 || report[3] != 0)
        return 0;
    return limited(1.5 - e / (limit * limit), 0, 1);
}

/* Mean over 3 x 3 pixels, and of the squares. */
static void means(const struct map *flow, const struct map luma[2], int x, int y,
                  double mean[2], double squares[2])
{
    for (int k = 0; k < 9; k++) {
        int nx = x + k % 3 - 1, ny = y + k / 3 - 1;
        double d[2] = {at(flow, nx, ny, 0, 2),
                       at(&luma[1], nx, ny, 0, 0) - at(&luma[0], nx, ny, 0, 0)};
        for (int i = 0; i < 2; i++) {
            mean[i] += d[i] / 9;
            squares[i] += d[i] * d[i] / 9;
        }
    }
}

/* At pixel x, y. */
static double consistency(const struct temporal_confidence_push *push,
                          const struct map *coarse, double x, double y,
                          const double motion[2])
{
    double step = (double)push->step, wide = (double)push->coarse_step;
    double lengths = 0, sum = 0;
    for (int i = 0; i < 2; i++) {
        double forward = between(coarse, element(x + motion[0] / step, wide),
                                 element(y + motion[1] / step, wide), 0, i) *
                         wide * step;
        lengths += motion[i] * motion[i] + forward * forward;
        sum += squared(motion[i] + forward);
    }
    return limited(2 - sum / (0.02 * lengths + 0.5 * wide * wide), 0, 1);
}

/* How far the consistency may differ because the position is rounded to 32 bits: large
 * where the flow jumps. */
static double consistency_slack(const struct temporal_confidence_push *push,
                                const struct map *coarse, int x, int y,
                                const double motion[2])
{
    double most = 0, error = 4 * position_error(push->w, push->h);
    for (int k = 0; k < 9; k++) {
        double moved = consistency(push, coarse, x + (k % 3 - 1) * error,
                                   y + (k / 3 - 1) * error, motion);
        most = fmax(most, fabs(moved - consistency(push, coarse, x, y, motion)));
    }
    return most;
}

static void confidence_pixel(const struct host_call *call, int x, int y, double *want,
                             double *slack)
{
    const struct temporal_confidence_push *push = &call->push.temporal_confidence;
    const int w = push->w, h = push->h;
    const float *slopes = call->slot[TEMPORAL_CONFIDENCE_SLOPES];
    const float *coarse = call->slot[TEMPORAL_CONFIDENCE_COARSE];
    const struct map flow = {call->slot[TEMPORAL_CONFIDENCE_BACKWARD], w, h, 1};
    const struct map luma[2] = {{slopes + (push->parity ? 0 : 4 * w * h), w, h, 1},
                                {slopes + (push->parity ? 4 * w * h : 0), w, h, 1}};
    const struct map forward = {coarse + 4 * push->coarse_w * push->coarse_h,
                                push->coarse_w, push->coarse_h, 1};
    double mean[2] = {0}, squares[2] = {0}, step = (double)push->step;
    means(&flow, luma, x, y, mean, squares);
    double motion[2] = {at(&flow, x, y, 0, 0) * step, at(&flow, x, y, 0, 1) * step};
    double longest = fmax(fabs(motion[0]), fabs(motion[1]));
    double limit = 1.5 * squares[0] + squared(2.0 / 255);
    bool still = longest < (double)0.1f && squares[1] < limit;
    if (still) {
        want[2] = confidence_of(call, squares[1]);
        want[3] = fabs(mean[1]);
    } else {
        want[0] = motion[0];
        want[1] = motion[1];
        want[2] =
            consistency(push, &forward, x, y, motion) * confidence_of(call, squares[0]);
        want[3] = fabs(mean[0]);
    }
    bool undecided = is_near(longest, 0.1, 1e-6) || is_near(squares[1], limit, 1e-8);
    for (int i = 0; i < 4; i++)
        slack[i] = undecided ? INFINITY : 4 * EPSILON;
    if (!still)
        slack[2] += consistency_slack(push, &forward, x, y, motion);
    slack[2] += 64 * EPSILON; /* of e over its limit, each after some ten operations */
}

static void make_confidence(const struct host_call *call, struct temporal_expected *e)
{
    const struct temporal_confidence_push *push = &call->push.temporal_confidence;
    for (int k = 0; k < push->w * push->h; k++)
        confidence_pixel(call, k % push->w, k / push->w, e->want + 4 * k,
                         e->slack + 4 * k);
}

/* ---- cut ---- */

struct region {
    double divergence, correlation, weight;
    double slack; /* of the correlation */
};

/* Of luma a and b of count pixels. */
static double correlation(const double *a, const double *b, int count)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < count; i++) {
        mean_a += a[i] / count;
        mean_b += b[i] / count;
    }
    for (int i = 0; i < count; i++) {
        aa += squared(a[i] - mean_a) / count;
        bb += squared(b[i] - mean_b) / count;
        ab += (a[i] - mean_a) * (b[i] - mean_b) / count;
    }
    return ab / sqrt(fmax(aa * bb, 1e-12));
}

static double variance_of(const double *a, int count)
{
    double mean = 0, sum = 0;
    for (int i = 0; i < count; i++)
        mean += a[i] / count;
    for (int i = 0; i < count; i++)
        sum += squared(a[i] - mean) / count;
    return sum;
}

static double divergence_of(const double *before, const double *after, int pixels)
{
    double sum = 0;
    for (int i = 0; i < BINS; i++)
        sum += (after[i] - before[i]) * log(after[i] / before[i]) / fmax(pixels, 1);
    return sum;
}

static int bin(double luma)
{
    return (int)limited(luma * BINS, 0, BINS - 1);
}

static struct region compare(const struct host_call *call, int number)
{
    const struct temporal_cut_push *push = &call->push.temporal_cut;
    const int w = push->w, h = push->h;
    const float *slopes = call->slot[TEMPORAL_CUT_SLOPES];
    const struct map previous = {slopes + (push->parity ? 0 : 4 * w * h), w, h, 1};
    const struct map current = {slopes + (push->parity ? 4 * w * h : 0), w, h, 1};
    const struct map flow = {call->slot[TEMPORAL_CUT_FIELD], w, h, 1};
    const int left = number % 3 * w / 3, right = (number % 3 + 1) * w / 3;
    const int top = number / 3 * h / 3, bottom = (number / 3 + 1) * h / 3;
    const int pixels = (right - left) * (bottom - top);
    double before[BINS], after[BINS], *values = calloc(3 * (size_t)pixels + 1, 8);
    double *a = values, *warped = values + pixels, *b = values + 2 * pixels;
    int count = 0;
    assert_non_null(values);
    for (int i = 0; i < BINS; i++)
        before[i] = after[i] = 1;
    for (int k = 0; k < pixels; k++) {
        int x = left + k % (right - left), y = top + k / (right - left);
        a[count] = at(&previous, x, y, 0, 0);
        b[count] = at(&current, x, y, 0, 0);
        before[bin(a[count])]++;
        after[bin(b[count])]++;
        warped[count] = between(&previous, x + at(&flow, x, y, 0, 0),
                                y + at(&flow, x, y, 0, 1), 0, 0);
        count += fmax(a[count], b[count]) < (double)0.97f;
    }
    double least = fmin(variance_of(a, count), variance_of(b, count));
    struct region region = {divergence_of(before, after, pixels) / REGIONS,
                            fmax(correlation(a, b, count), correlation(warped, b, count)),
                            least > squared(2.0 / 255) ? count / fmax(pixels, 1) : 0, 0};
    region.slack = least > 0 ? 64 * EPSILON / least : 0;
    free(values);
    return region;
}

static void make_cut(const struct host_call *call, struct temporal_expected *e)
{
    const float *params = call->slot[TEMPORAL_CUT_PARAMS];
    double divergence = 0, sum = 0, weights = 0, slack = 0;
    for (int i = 0; i < REGIONS; i++) {
        struct region region = compare(call, i);
        divergence += region.divergence;
        sum += region.weight > 0 ? region.weight * region.correlation : 0;
        slack += region.weight > 0 ? region.weight * region.slack : 0;
        weights += region.weight;
    }
    double mean = weights > 0 ? sum / weights : 1;
    bool restart = params[5] > 0;
    bool cut = !restart && divergence > (double)call->push.temporal_cut.divergence &&
               mean < 0.65;
    e->want[0] = cut;
    e->want[1] = divergence;
    e->want[2] = mean;
    e->want[3] = restart || cut;
    e->slack[1] = 1e-5 * (1 + divergence);
    e->slack[2] = weights > 0 ? 1e-5 + slack / weights : 0;
}

/* ---- input of networks of seven channels ---- */

static int reflected(int i, int n)
{
    i = i >= n ? 2 * n - 2 - i : i;
    return i < 0 ? 0 : i;
}

static void make_input(const struct host_call *call, struct temporal_expected *e)
{
    const struct temporal_input_push *push = &call->push.temporal_input;
    const float *picture = call->slot[TEMPORAL_INPUT_PICTURE];
    const struct map history = {call->slot[TEMPORAL_INPUT_HISTORY], push->w, push->h, 1};
    const struct map confidence = {call->slot[TEMPORAL_INPUT_CONFIDENCE],
                                   push->confidence_w, push->confidence_h, 1};
    for (int k = 0; k < push->net_w * push->net_h; k++) {
        double *want = e->want + 8 * k, *slack = e->slack + 8 * k, motion[3];
        for (int i = 0; i < 3; i++)
            want[i] = (double)picture[4 * k + i];
        if (!call->constants.own.temporal_input.HAS_HISTORY)
            continue;
        int x = reflected(k % push->net_w, push->w);
        int y = reflected(k / push->net_w, push->h);
        for (int i = 0; i < 3; i++)
            motion[i] = between(&confidence, element(x, push->step),
                                element(y, push->step), 0, i);
        double from_x = x + motion[0], from_y = y + motion[1];
        want[6] = motion[2] >= 0.5 && is_inside(from_x, from_y, push->w, push->h);
        bool undecided = is_near(motion[2], 0.5, 1e-6) ||
                         undecided_position(from_x, from_y, push->w, push->h);
        for (int i = 0; i < 3; i++) {
            if (want[6] > 0)
                want[3 + i] =
                    limited(history_at(&history, from_x, from_y, 0, 0, i), 0, 1) *
                        (double)push->scale +
                    (double)push->shift;
            slack[3 + i] = history_slack(push->w, push->h) * fmax((double)push->scale, 1);
        }
        for (int i = 3; undecided && i < 7; i++)
            slack[i] = INFINITY;
    }
}

/* ---- */

struct temporal_expected temporal_reference(const struct host_call *call)
{
    const size_t count = call->bytes[FIRST_OUTPUT_SLOT] / sizeof(float);
    struct temporal_expected e = {calloc(count, sizeof(double)),
                                  calloc(count, sizeof(double)), count};
    assert_true(e.want && e.slack);
    if (call->kernel == KERNEL_TEMPORAL_BLOCKS)
        make_blocks(call, &e);
    else if (call->kernel == KERNEL_TEMPORAL_BLEND)
        make_blend(call, &e);
    else if (call->kernel == KERNEL_TEMPORAL_CONFIDENCE)
        make_confidence(call, &e);
    else if (call->kernel == KERNEL_TEMPORAL_CUT)
        make_cut(call, &e);
    else
        make_input(call, &e);
    return e;
}

void temporal_expected_free(struct temporal_expected *expected)
{
    free(expected->want);
    free(expected->slack);
    *expected = (struct temporal_expected){0};
}
