/* A level's field from its patches (shaders/flow_dense.comp). The same up to four patches
 * lie over each cell of 4 x 4 pixels. */
#include "host/flow.h"
#include "host/view.h"

enum { CELL = FLOW_STRIDE };

static const float DIFFERENCE_MIN = 2.0f / 255; /* as in the shader */

static int cell_rows(const struct host_call *call)
{
    return (call->push.flow_dense.h + CELL - 1) / CELL;
}

/* A unit is a row of cells of one direction. */
static struct host_work work(const struct host_call *call)
{
    const struct flow_dense_push *push = &call->push.flow_dense;
    return (struct host_work){(int)call->groups[2] * cell_rows(call),
                              (size_t)push->w * CELL * 4};
}

struct frames {
    int w, h;
    const float *from, *to; /* luma where the vectors start and end */
};

/* Luma of four neighboring pixels of `from`; pixels right of the picture repeat its last
 * one. */
HOST_INLINE vec4 luma_at(const struct frames *f, int x, int y)
{
    const float *row = f->from + (size_t)y * (size_t)f->w;
    if (x + CELL <= f->w)
        return *(const vec4 *)(row + x);
    vec4 luma;
    for (int i = 0; i < CELL; i++)
        luma[i] = row[int_min(x + i, f->w - 1)];
    return luma;
}

/* Luma of to at the ends of vectors from pixels x .. x + 3 of row y, minus that of from
 * at their starts. */
static vec4 difference(const struct frames *f, int x, int y, vec4 u, vec4 v)
{
    const int right = f->w - 1, bottom = f->h - 1;
    const vec4 zero = {0}, at = {0, 1, 2, 3};
    u = vec4_clamp(at + (float)x + u, zero, vec4_all((float)right));
    v = vec4_clamp(v + (float)y, zero, vec4_all((float)bottom));
    const vec4i px = flow_floor(u), py = flow_floor(v);
    const vec4 fx = u - __builtin_convertvector(px, vec4);
    const vec4 fy = v - __builtin_convertvector(py, vec4);
    vec4 corner[4];
    for (int i = 0; i < CELL; i++) {
        const float *upper = f->to + (size_t)py[i] * (size_t)f->w + px[i];
        const float *lower = upper + (py[i] < bottom ? f->w : 0);
        const int next = px[i] < right ? 1 : 0;
        corner[0][i] = upper[0];
        corner[1][i] = upper[next];
        corner[2][i] = lower[0];
        corner[3][i] = lower[next];
    }
    return flow_mix(flow_mix(corner[0], corner[1], fx),
                    flow_mix(corner[2], corner[3], fx), fy) -
           luma_at(f, x, y);
}

/* The same for a cell of pixels with one vector. */
HOST_INLINE void cell_differences(const struct frames *f, int x, int y, vec4 vector,
                                  vec4 result[CELL])
{
    const vec4i whole = flow_floor(vector);
    const vec4 part = vector - __builtin_convertvector(whole, vec4);
    const int px = x + whole[0], py = y + whole[1];
    if (px < 0 || py < 0 || px + CELL >= f->w || py + CELL >= f->h || x + CELL > f->w ||
        y + CELL > f->h) {
        for (int j = 0; j < CELL; j++)
            result[j] = difference(f, x, int_min(y + j, f->h - 1), vec4_all(vector[0]),
                                   vec4_all(vector[1]));
        return;
    }
    const vec4 fx = vec4_all(part[0]), fy = vec4_all(part[1]);
    const float *to = f->to + (size_t)py * (size_t)f->w + px;
    vec4 upper = flow_mix(*(const vec4 *)to, *(const vec4 *)(to + 1), fx);
    for (int j = 0; j < CELL; j++) {
        to += f->w;
        const vec4 lower = flow_mix(*(const vec4 *)to, *(const vec4 *)(to + 1), fx);
        result[j] = flow_mix(upper, lower, fy) - luma_at(f, x, y + j);
        upper = lower;
    }
}

/* vectors: of the four patches. */
HOST_INLINE void make_cell(const struct frames *f, int x, int y, const vec4 vectors[4],
                           vec4 *field)
{
    vec4 sum_u[CELL] = {{0}}, sum_v[CELL] = {{0}}, sum[CELL] = {{0}};
    for (int k = 0; k < 4; k++) {
        vec4 differences[CELL];
        cell_differences(f, x, y, vectors[k], differences);
        for (int j = 0; j < CELL; j++) {
            const vec4 d = vec4_max(differences[j], -differences[j]);
            const vec4 weight = 1 / vec4_max(d, vec4_all(DIFFERENCE_MIN));
            sum_u[j] = vec4_mad(weight, vec4_all(vectors[k][0]), sum_u[j]);
            sum_v[j] = vec4_mad(weight, vec4_all(vectors[k][1]), sum_v[j]);
            sum[j] += weight;
        }
    }
    for (int j = 0; j < CELL && y + j < f->h; j++) {
        const vec4 u = sum_u[j] / sum[j], v = sum_v[j] / sum[j];
        vec4 pixels[4] = {u, v, difference(f, x, y + j, u, v), {0}};
        flow_transpose(pixels);
        memcpy(field + (size_t)(y + j) * (size_t)f->w + x, pixels,
               (size_t)int_min(CELL, f->w - x) * sizeof(vec4));
    }
}

static void make_row(const struct host_call *call, int direction, int j)
{
    const struct flow_dense_push *push = &call->push.flow_dense;
    const int w = push->w, h = push->h;
    const int columns = flow_patch_count(w), rows = flow_patch_count(h);
    const int parity = direction == 0 ? push->parity : 1 - push->parity;
    const size_t size = flow_size(w, h);
    const void *planes = call->slot[FLOW_DENSE_QUADS];
    const struct frames frames = {w, h, flow_luma(planes, size, parity),
                                  flow_luma(planes, size, 1 - parity)};
    const vec4 *patches = (const vec4 *)call->slot[FLOW_DENSE_PATCHES] +
                          flow_size(columns, rows) * (size_t)direction;
    vec4 *field = (vec4 *)call->slot[FLOW_DENSE_FIELD] + size * (size_t)direction;
    const vec4 *upper = patches + flow_size(int_clamp(j - 1, 0, rows - 1), columns);
    const vec4 *lower = patches + flow_size(int_min(j, rows - 1), columns);
    for (int i = 0; i * CELL < w; i++) {
        const int left = int_clamp(i - 1, 0, columns - 1),
                  right = int_min(i, columns - 1);
        const vec4 vectors[4] = {upper[left], upper[right], lower[left], lower[right]};
        make_cell(&frames, i * CELL, j * CELL, vectors, field);
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    (void)scratch;
    const int rows = cell_rows(call);
    for (int i = first; i < end; i++)
        make_row(call, i / rows, i % rows);
}

extern const struct host_kernel HOST(host_flow_dense);
const struct host_kernel HOST(host_flow_dense) = {work, NULL, run};
