/* A level's planes (host/flow.h) and slopes from its luma (shaders/flow_maps.comp). */
#include "host/flow.h"
#include "host/view.h"

enum { ROW_DX = 3, ROW_DY, ROWS }; /* scratch rows, after the three of luma */

static struct host_work work(const struct host_call *call)
{
    const struct flow_maps_push *push = &call->push.flow_maps;
    return (struct host_work){push->h, (size_t)push->w * 4};
}

static size_t scratch_bytes(const struct host_call *call)
{
    return ROWS * flow_row_floats(call->push.flow_maps.w) * sizeof(float);
}

/* Scharr's derivative: 3 10 3 across. */
static void derive(const float *above, const float *here, const float *below, int w,
                   float *dx, float *dy)
{
    for (int x = 0; x < w; x += VEC_FLOATS) {
#define AT(row, i) (*(const vec *)((row) + x + (i)))
        const vec nw = AT(above, -1), ne = AT(above, 1);
        const vec sw = AT(below, -1), se = AT(below, 1);
        *(vec *)(dx + x) =
            vec_mad(vec_all(10), AT(here, 1) - AT(here, -1), 3 * (ne - nw + se - sw)) *
            (1.0f / 32);
        *(vec *)(dy + x) =
            vec_mad(vec_all(10), AT(below, 0) - AT(above, 0), 3 * (sw - nw + se - ne)) *
            (1.0f / 32);
#undef AT
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct flow_maps_push *push = &call->push.flow_maps;
    const int w = push->w, h = push->h;
    const size_t size = flow_size(w, h), pitch = flow_row_floats(w);
    const size_t row_bytes = (size_t)w * sizeof(float);
    const float *luma = call->slot[FLOW_MAPS_LUMA];
    float *planes = call->slot[FLOW_MAPS_QUADS];
    vec4 *slopes = call->slot[FLOW_MAPS_SLOPES];
    float *base = (float *)scratch + FLOW_BORDER;
    float *dx = base + ROW_DX * pitch, *dy = base + ROW_DY * pitch;
    for (int y = first; y < end; y++) {
        float *lines[3]; /* rows y - 1, y, y + 1 */
        for (int j = 0; j < 3; j++) {
            lines[j] = base + (size_t)((y + j) % 3) * pitch;
            if (j < 2 && y > first)
                continue; /* read with the row before */
            memcpy(lines[j], luma + (size_t)int_clamp(y + j - 1, 0, h - 1) * (size_t)w,
                   row_bytes);
            flow_extend(lines[j], w);
        }
        derive(lines[0], lines[1], lines[2], w, dx, dy);
        const size_t at = (size_t)y * (size_t)w;
        memcpy(planes + at, lines[1], row_bytes);
        memcpy(planes + size + at, dx, row_bytes);
        memcpy(planes + 2 * size + at, dy, row_bytes);
        flow_interleave(slopes + at, (const float *[4]){lines[1], dx, dy, NULL}, w);
    }
}

extern const struct host_kernel HOST(host_flow_maps);
const struct host_kernel HOST(host_flow_maps) = {work, scratch_bytes, run};
