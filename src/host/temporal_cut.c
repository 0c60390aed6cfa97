/* Decides whether a frame begins a new scene, on the flow's coarsest level
 * (shaders/temporal_cut.comp, which explains the method). One part: the map is small. */
#include "host/act.h"
#include "host/host.h"

enum { REGIONS = 9, BINS = 16 };

static const float CORRELATION = 0.65f, CLIPPED = 0.97f, NOISE = 2.0f / 255;

static struct host_work work(const struct host_call *call)
{
    (void)call;
    return (struct host_work){1, HOST_PART_FLOATS};
}

struct cut {
    int w, h;
    const vec4 *previous, *current; /* luma in the first element */
    const vec4 *field;              /* backward flow */
};

/* Of the previous frame, of the previous frame warped along the flow, of the current
 * frame; in the fourth element 1. */
struct sums {
    vec4 sum, squares, products;
    float old_counts[BINS], new_counts[BINS];
};

struct region {
    float divergence, correlation, weight;
};

static float previous_luma(const struct cut *cut, int x, int y)
{
    size_t at = (size_t)int_clamp(y, 0, cut->h - 1) * (size_t)cut->w;
    return cut->previous[at + (size_t)int_clamp(x, 0, cut->w - 1)][0];
}

static float mix(float a, float b, float f)
{
    return float_mad(f, b - a, a);
}

static float previous_luma_at(const struct cut *cut, float x, float y)
{
    x = float_clamp(x, -1, (float)cut->w); /* outside, the border continues */
    y = float_clamp(y, -1, (float)cut->h);
    int ax = (int)floorf(x), ay = (int)floorf(y);
    float fx = x - (float)ax, fy = y - (float)ay;
    return mix(
        mix(previous_luma(cut, ax, ay), previous_luma(cut, ax + 1, ay), fx),
        mix(previous_luma(cut, ax, ay + 1), previous_luma(cut, ax + 1, ay + 1), fx), fy);
}

static int bin(float luma)
{
    return int_clamp((int)(luma * (float)BINS), 0, BINS - 1);
}

static void add_pixel(const struct cut *cut, int x, int y, struct sums *s)
{
    size_t at = (size_t)y * (size_t)cut->w + (size_t)x;
    float a = cut->previous[at][0], b = cut->current[at][0];
    s->old_counts[bin(a)] += 1;
    s->new_counts[bin(b)] += 1;
    if (float_max(a, b) >= CLIPPED)
        return;
    vec4 flow = cut->field[at];
    vec4 v = {a, previous_luma_at(cut, (float)x + flow[0], (float)y + flow[1]), b, 1};
    s->sum += v;
    s->squares = vec4_mad(v, v, s->squares);
    s->products = vec4_mad(v, vec4_all(b), s->products);
}

static float correlation(float product, float mean_a, float mean_b, float variance_a,
                         float variance_b)
{
    return float_mad(-mean_a, mean_b, product) /
           sqrtf(float_max(variance_a * variance_b, 1e-12f));
}

static float divergence(const struct sums *s, float n)
{
    float sum = 0;
    for (int i = 0; i < BINS; i += 4) {
        vec4 new_counts = *(const vec4 *)(s->new_counts + i);
        vec4 old_counts = *(const vec4 *)(s->old_counts + i);
        vec4 v = (new_counts - old_counts) * vec4_log(new_counts / old_counts) / n;
        for (int k = 0; k < 4; k++)
            sum += v[k];
    }
    return sum;
}

static struct region compare(const struct cut *cut, int number)
{
    int part_x = number % 3, part_y = number / 3;
    int left = part_x * cut->w / 3, right = (part_x + 1) * cut->w / 3;
    int top = part_y * cut->h / 3, bottom = (part_y + 1) * cut->h / 3;
    struct sums s = {0};
    for (int i = 0; i < BINS; i++)
        s.old_counts[i] = s.new_counts[i] = 1;
    for (int y = top; y < bottom; y++) {
        for (int x = left; x < right; x++)
            add_pixel(cut, x, y, &s);
    }
    float n = (float)int_max((right - left) * (bottom - top), 1);
    float count = s.sum[3], m = float_max(count, 1);
    vec4 mean = s.sum / m, products = s.products / m;
    vec4 variance = vec4_max(vec4_mad(-mean, mean, s.squares / m), (vec4){0});
    float still = correlation(products[0], mean[0], mean[2], variance[0], variance[2]);
    float warped = correlation(products[1], mean[1], mean[2], variance[1], variance[2]);
    return (struct region){divergence(&s, n) / (float)REGIONS, float_max(still, warped),
                           float_min(variance[0], variance[2]) > NOISE * NOISE ? count / n
                                                                               : 0};
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)first;
    (void)end;
    (void)scratch;
    const struct temporal_cut_push *push = &call->push.temporal_cut;
    const vec4 *slopes = call->slot[TEMPORAL_CUT_SLOPES];
    const vec4 *frame_params = call->slot[TEMPORAL_CUT_PARAMS];
    vec4 *report = call->slot[TEMPORAL_CUT_REPORT];
    vec4 *restarts = call->slot[TEMPORAL_CUT_RESTARTS];
    size_t pixels = (size_t)push->w * (size_t)push->h;
    const struct cut cut = {push->w, push->h, slopes + (push->parity ? 0 : pixels),
                            slopes + (push->parity ? pixels : 0),
                            call->slot[TEMPORAL_CUT_FIELD]};
    float divergence_sum = 0, sum = 0, weights = 0;
    for (int i = 0; i < REGIONS; i++) {
        struct region region = compare(&cut, i);
        divergence_sum += region.divergence;
        sum = float_mad(region.weight, region.correlation, sum);
        weights += region.weight;
    }
    float mean = weights > 0 ? sum / weights : 1;
    bool restart = frame_params[1][1] > 0;
    bool is_cut = !restart && divergence_sum > push->divergence && mean < CORRELATION;
    const float restarts_here = restart || is_cut ? 1 : 0;
    report[0] = (vec4){is_cut ? 1 : 0, divergence_sum, mean, restarts_here};
    restarts[push->parity] = (vec4){restarts_here, 0, 0, 0};
}

extern const struct host_kernel HOST(host_temporal_cut);
const struct host_kernel HOST(host_temporal_cut) = {work, NULL, run};
