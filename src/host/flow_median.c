/* The median of 3 x 3 vectors, each component by itself (shaders/flow_median.comp). Each
 * column of three is sorted once, for the three pixels that share it. */
#include "host/flow.h"
#include "host/view.h"

enum { LEAST, MIDDLE, MOST, RANKS };

static struct host_work work(const struct host_call *call)
{
    const struct flow_median_push *push = &call->push.flow_median;
    return (struct host_work){push->h, (size_t)push->w * 4};
}

/* Floats of a scratch row of vec4, with a pixel beyond each end. */
static size_t row_floats(const struct host_call *call)
{
    return 4 * flow_row_floats(call->push.flow_median.w);
}

static size_t scratch_bytes(const struct host_call *call)
{
    return RANKS * row_floats(call) * sizeof(float);
}

HOST_INLINE vec median(vec a, vec b, vec c)
{
    return vec_max(vec_min(a, b), vec_min(vec_max(a, b), c));
}

static void sort_columns(const float *above, const float *here, const float *below,
                         size_t n, float *const sorted[RANKS])
{
    for (size_t i = 0; i < n; i += VEC_FLOATS) {
        const vec a = flow_load(above + i, n - i), b = flow_load(here + i, n - i);
        const vec c = flow_load(below + i, n - i);
        const vec least = vec_min(a, b), most = vec_max(a, b);
        *(vec *)(sorted[LEAST] + i) = vec_min(least, c);
        *(vec *)(sorted[MIDDLE] + i) = vec_max(least, vec_min(most, c));
        *(vec *)(sorted[MOST] + i) = vec_max(most, c);
    }
    for (int r = 0; r < RANKS; r++) {
        memcpy(sorted[r] - 4, sorted[r], sizeof(vec4));
        memcpy(sorted[r] + n, sorted[r] + n - 4, sizeof(vec4));
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct flow_median_push *push = &call->push.flow_median;
    const int h = push->h;
    const size_t n = 4 * (size_t)push->w, pitch = row_floats(call);
    const float *field = call->slot[FLOW_MEDIAN_FIELD];
    float *base = (float *)scratch + FLOW_BORDER;
    float *const sorted[RANKS] = {base, base + pitch, base + 2 * pitch};
    for (int y = first; y < end; y++) {
        sort_columns(field + (size_t)int_max(y - 1, 0) * n, field + (size_t)y * n,
                     field + (size_t)int_min(y + 1, h - 1) * n, n, sorted);
        float *to = (float *)call->slot[FLOW_MEDIAN_FILTERED] + (size_t)y * n;
        for (size_t i = 0; i < n; i += VEC_FLOATS) {
#define AT(rank, pixel) (*(const vec *)(sorted[rank] + i + 4 * (pixel)-4))
            const vec low = vec_max(vec_max(AT(LEAST, 0), AT(LEAST, 1)), AT(LEAST, 2));
            const vec high = vec_min(vec_min(AT(MOST, 0), AT(MOST, 1)), AT(MOST, 2));
            const vec middle = median(AT(MIDDLE, 0), AT(MIDDLE, 1), AT(MIDDLE, 2));
            flow_store(to + i, n - i, median(low, middle, high));
#undef AT
        }
    }
}

extern const struct host_kernel HOST(host_flow_median);
const struct host_kernel HOST(host_flow_median) = {work, scratch_bytes, run};
