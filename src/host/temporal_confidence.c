/* Where each pixel was in the previous frame, at the flow's finest level, and the
 * confidence with which the previous output may be reused there
 * (shaders/temporal_confidence.comp, which explains the method). */
#include "host/history.h"

static const float NOISE = 2.0f / 255; /* of luma */
static const float STILL = 0.1f;       /* pixels */

static struct host_work work(const struct host_call *call)
{
    const struct temporal_confidence_push *push = &call->push.temporal_confidence;
    return (struct host_work){push->h, (size_t)push->w * 4};
}

struct confidence {
    const struct temporal_confidence_push *push;
    const vec4 *backward;
    const vec4 *previous, *current; /* luma in the first element */
    struct coarse_map forward;
    float limit; /* of the mean squared difference; 0: no history is used */
};

static float difference_limit(const struct host_call *call)
{
    const vec4 *frame_params = call->slot[TEMPORAL_CONFIDENCE_PARAMS];
    const vec4 *report = call->slot[TEMPORAL_CONFIDENCE_REPORT];
    float stability = frame_params[1][0];
    if (!(stability > 0) || report[0][3] != 0)
        return 0;
    float limit = 0.01f * vec4_exp(vec4_all(stability * (6 * 0.693147181f)))[0];
    return limit * limit;
}

HOST_INLINE vec confidence_of(const struct confidence *c, vec e)
{
    vec zero = {0};
    return c->limit > 0 ? vec_clamp(1.5f - e / c->limit, zero, vec_all(1)) : zero;
}

/* Differences of luma along the flow and without motion at the pixels x - 1 to x + n of
 * row y. */
struct differences {
    float flow[RUN + 2], still[RUN + 2];
};

static void read_differences(const struct confidence *c, int x, int y, int n,
                             struct differences *d)
{
    int w = c->push->w;
    size_t row = (size_t)int_clamp(y, 0, c->push->h - 1) * (size_t)w;
    for (int i = 0; i < n + 2; i++) {
        size_t at = row + (size_t)int_clamp(x + i - 1, 0, w - 1);
        d->flow[i] = c->backward[at][2];
        d->still[i] = c->current[at][0] - c->previous[at][0];
    }
}

/* Mean over 3 x 3 pixels of the values and of their squares; rows: three rows from pixel
 * -1 on. */
HOST_INLINE void means(const float *const rows[3], vec *mean, vec *square)
{
    vec sum = {0}, squares = {0};
    for (int j = 0; j < 3; j++) {
        for (int i = 0; i < 3; i++) {
            vec v = vec_load(rows[j] + i);
            sum += v;
            squares = vec_mad(v, v, squares);
        }
    }
    *mean = sum * (1.0f / 9);
    *square = squares * (1.0f / 9);
}

/* The pixels of a run: motion in picture pixels, confidence, change of luma. */
struct confidence_run {
    float x[RUN], y[RUN], confidence[RUN], light[RUN];
    int32_t still[RUN]; /* -1: the motion is noise */
};

/* rows: of three neighboring pixel rows. Sets everything but the consistency of the
 * flow. */
static void compare(const struct confidence *c, const struct differences *const rows[3],
                    int n, struct confidence_run *run)
{
    for (int i = 0; i < n; i += VEC_FLOATS) {
        const float *const flow[3] = {rows[0]->flow + i, rows[1]->flow + i,
                                      rows[2]->flow + i};
        const float *const still[3] = {rows[0]->still + i, rows[1]->still + i,
                                       rows[2]->still + i};
        vec light, e, still_light, still_e, zero = {0};
        means(flow, &light, &e);
        means(still, &still_light, &still_e);
        vec x = vec_load(run->x + i), y = vec_load(run->y + i);
        veci is_still = (vec_max(vec_abs(x), vec_abs(y)) < vec_all(STILL)) &
                        (still_e < vec_mad(vec_all(1.5f), e, vec_all(NOISE * NOISE)));
        vec_store(run->x + i, vec_select(is_still, zero, x));
        vec_store(run->y + i, vec_select(is_still, zero, y));
        vec_store(run->confidence + i,
                  confidence_of(c, vec_select(is_still, still_e, e)));
        vec_store(run->light + i, vec_abs(vec_select(is_still, still_light, light)));
        *(veci *)(run->still + i) = is_still;
    }
}

/* 1 where backward and forward flow agree, 0 where they contradict each other. */
HOST_INLINE float consistency(const struct confidence *c, vec4 forward, float x, float y)
{
    const struct temporal_confidence_push *push = c->push;
    const float scale = push->coarse_step * push->step;
    float fx = forward[0] * scale, fy = forward[1] * scale, sx = x + fx, sy = y + fy;
    float lengths = float_mad(x, x, y * y) + float_mad(fx, fx, fy * fy);
    float limit = float_mad(0.02f, lengths, 0.5f * push->coarse_step * push->coarse_step);
    return float_clamp(2 - float_mad(sx, sx, sy * sy) / limit, 0, 1);
}

static void apply_consistency(const struct confidence *c, int x, int y, int n,
                              struct confidence_run *run)
{
    struct coarse_positions columns, rows;
    float to_x[RUN], to_y[RUN];
    for (int i = 0; i < RUN; i++) {
        to_x[i] = float_mad(run->x[i], 1 / c->push->step, (float)(x + i));
        to_y[i] = float_mad(run->y[i], 1 / c->push->step, (float)y);
    }
    coarse_positions(to_x, c->forward.step, c->forward.w, n, &columns);
    coarse_positions(to_y, c->forward.step, c->forward.h, n, &rows);
    for (int i = 0; i < n; i++) {
        if (run->still[i] || run->confidence[i] == 0)
            continue;
        vec4 forward = coarse_at(&c->forward, 0, &columns, &rows, i);
        run->confidence[i] *= consistency(c, forward, run->x[i], run->y[i]);
    }
}

static void store_run(const struct confidence *c, int x, int y, int n,
                      const struct differences *const rows[3], vec4 *out)
{
    struct confidence_run run = {0};
    size_t at = (size_t)y * (size_t)c->push->w + (size_t)x;
    for (int i = 0; i < n; i++) {
        run.x[i] = c->backward[at + (size_t)i][0] * c->push->step;
        run.y[i] = c->backward[at + (size_t)i][1] * c->push->step;
    }
    compare(c, rows, n, &run);
    apply_consistency(c, x, y, n, &run);
    for (int i = 0; i < n; i++)
        out[at + (size_t)i] = (vec4){run.x[i], run.y[i], run.confidence[i], run.light[i]};
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)scratch;
    const struct temporal_confidence_push *push = &call->push.temporal_confidence;
    const vec4 *slopes = call->slot[TEMPORAL_CONFIDENCE_SLOPES];
    const vec4 *coarse = call->slot[TEMPORAL_CONFIDENCE_COARSE];
    size_t pixels = (size_t)push->w * (size_t)push->h;
    const struct confidence c = {
        push,
        call->slot[TEMPORAL_CONFIDENCE_BACKWARD],
        slopes + (push->parity ? 0 : pixels),
        slopes + (push->parity ? pixels : 0),
        {coarse + (size_t)push->coarse_w * (size_t)push->coarse_h, push->coarse_w,
         push->coarse_h, 1, push->coarse_step},
        difference_limit(call)};
    for (int x = 0; x < push->w; x += RUN) {
        int n = int_min(RUN, push->w - x);
        struct differences rows[3] = {0}; /* row y at y % 3 */
        for (int y = first - 1; y < first + 1; y++)
            read_differences(&c, x, y, n, &rows[(y + 3) % 3]);
        for (int y = first; y < end; y++) {
            read_differences(&c, x, y + 1, n, &rows[(y + 1) % 3]);
            const struct differences *const around[3] = {&rows[(y + 2) % 3], &rows[y % 3],
                                                         &rows[(y + 1) % 3]};
            store_run(&c, x, y, n, around, call->slot[TEMPORAL_CONFIDENCE_RESULT]);
        }
    }
}

extern const struct host_kernel HOST(host_temporal_confidence);
const struct host_kernel HOST(host_temporal_confidence) = {work, NULL, run};
