/* The equations of a step of variational refinement (shaders/flow_terms.comp has the
 * method), solved for each pixel's refined vector:
 *     U = offset + matrix (sum of the four neighbors' U)
 * with matrix = w (A + 4 w)^-1 and offset = (A + 4 w)^-1 c, so that no sweep has to. The
 * terms are [h][2][w] vec4: matrix xx, xy, xy, yy; offset x, y, difference of luma, 0. */
#include "host/flow.h"
#include "host/view.h"

/* As in the shader. */
static const float PICTURE = 5, SLOPE = 10, SMOOTH = 10;
static const float FLAT = 1.0f / 255, ROBUST = 1e-3f;

/* Rows in scratch. Of the rows y - 1, y and y + 1: the field, and luma and slopes of the
 * current frame. */
enum { U, V, LUMA, DX, DY, LINES };
/* Of row y: luma and slopes of the previous frame, and the terms. */
enum { OLD_LUMA, OLD_DX, OLD_DY, XX, XY, YY, OFFSET_X, OFFSET_Y, DIFFERENCE, RESULTS };

static struct host_work work(const struct host_call *call)
{
    const struct flow_terms_push *push = &call->push.flow_terms;
    return (struct host_work){push->h, (size_t)push->w * 4};
}

static size_t scratch_bytes(const struct host_call *call)
{
    return (3 * LINES + RESULTS) * flow_row_floats(call->push.flow_terms.w) *
           sizeof(float);
}

struct maps {
    int w, h;
    const vec4 *field, *current, *previous; /* the frames' slopes */
    float *lines[3][LINES];                 /* pixel row y is lines[(y + 1) % 3] */
    float *results[RESULTS];
};

static struct maps find_maps(const struct host_call *call, void *scratch)
{
    const struct flow_terms_push *push = &call->push.flow_terms;
    const size_t size = flow_size(push->w, push->h), pitch = flow_row_floats(push->w);
    const vec4 *slopes = call->slot[FLOW_TERMS_SLOPES];
    struct maps m = {push->w,
                     push->h,
                     call->slot[FLOW_TERMS_FIELD],
                     slopes + size * (size_t)push->parity,
                     slopes + size * (size_t)(1 - push->parity),
                     {{0}},
                     {0}};
    float *row = (float *)scratch + FLOW_BORDER;
    for (int i = 0; i < 3 * LINES; i++, row += pitch)
        m.lines[i / LINES][i % LINES] = row;
    for (int i = 0; i < RESULTS; i++, row += pitch)
        m.results[i] = row;
    return m;
}

static void read_line(const struct maps *m, int y)
{
    float *const *line = m->lines[(y + 1) % 3];
    const size_t at = (size_t)int_clamp(y, 0, m->h - 1) * (size_t)m->w;
    flow_separate(m->field + at, (float *const[4]){line[U], line[V], NULL, NULL}, m->w);
    flow_separate(m->current + at,
                  (float *const[4]){line[LUMA], line[DX], line[DY], NULL}, m->w);
    for (int i = 0; i < LINES; i++)
        flow_extend(line[i], m->w);
}

/* The previous frame's luma and slopes at the ends of the row's vectors. */
static void read_old(const struct maps *m, int y)
{
    float *const *line = m->lines[(y + 1) % 3];
    const int right = m->w - 1, bottom = m->h - 1;
    const vec4 zero = {0}, last_x = vec4_all((float)right),
               last_y = vec4_all((float)bottom);
    for (int x = 0; x < m->w; x += 4) {
        const vec4 u = *(const vec4 *)(line[U] + x), v = *(const vec4 *)(line[V] + x);
        const vec4 from = {0, 1, 2, 3};
        const vec4 at_x = vec4_clamp(from + (float)x + u, zero, last_x);
        const vec4 at_y = vec4_clamp(vec4_all((float)y) + v, zero, last_y);
        const vec4i px = flow_floor(at_x), py = flow_floor(at_y);
        const vec4 fx = at_x - __builtin_convertvector(px, vec4);
        const vec4 fy = at_y - __builtin_convertvector(py, vec4);
        vec4 old[4];
        for (int i = 0; i < 4; i++) {
            const vec4 *upper = m->previous + (size_t)py[i] * (size_t)m->w + px[i];
            const vec4 *lower = upper + (py[i] < bottom ? m->w : 0);
            const int next = px[i] < right ? 1 : 0;
            old[i] = flow_mix(flow_mix(upper[0], upper[next], vec4_all(fx[i])),
                              flow_mix(lower[0], lower[next], vec4_all(fx[i])),
                              vec4_all(fy[i]));
        }
        flow_transpose(old);
        for (int i = 0; i < 3; i++)
            *(vec4 *)(m->results[OLD_LUMA + i] + x) = old[i];
    }
}

HOST_INLINE vec square_root(vec x)
{
    vec root;
    for (int i = 0; i < VEC_FLOATS; i++)
        root[i] = sqrtf(x[i]);
    return root;
}

/* A (xx, xy, yy) and b of the equations A d = -b. */
struct equations {
    vec xx, xy, yy, x, y;
};

/* Adds the equation slope . d + rest = 0 with that weight. */
HOST_INLINE void add(struct equations *e, vec x, vec y, vec rest, float weight)
{
    const vec n = 1 / (vec_mad(x, x, y * y) + FLAT * FLAT);
    const vec psi =
        weight * n / square_root(vec_mad(rest * rest, n, vec_all(ROBUST * ROBUST)));
    const vec psi_x = psi * x, psi_y = psi * y;
    e->xx = vec_mad(psi_x, x, e->xx);
    e->xy = vec_mad(psi_x, y, e->xy);
    e->yy = vec_mad(psi_y, y, e->yy);
    e->x = vec_mad(psi_x, rest, e->x);
    e->y = vec_mad(psi_y, rest, e->y);
}

static void make_terms(const struct maps *m, int y)
{
    float *const *above = m->lines[y % 3], *const *here = m->lines[(y + 1) % 3];
    float *const *below = m->lines[(y + 2) % 3], *const *to = m->results;
    for (int x = 0; x < m->w; x += VEC_FLOATS) {
#define AT(line, row, i) (*(const vec *)((line)[row] + x + (i)))
#define ALONG_X(row)     (0.5f * (AT(here, row, 1) - AT(here, row, -1)))
#define ALONG_Y(row)     (0.5f * (AT(below, row, 0) - AT(above, row, 0)))
        const vec u = AT(here, U, 0), v = AT(here, V, 0);
        const vec dx = AT(here, DX, 0), dy = AT(here, DY, 0);
        const vec old_dx = AT(to, OLD_DX, 0), old_dy = AT(to, OLD_DY, 0);
        const vec difference = AT(to, OLD_LUMA, 0) - AT(here, LUMA, 0);
        struct equations e = {0};
        add(&e, 0.5f * (dx + old_dx), 0.5f * (dy + old_dy), difference, PICTURE);
        add(&e, ALONG_X(DX), ALONG_Y(DX), old_dx - dx, SLOPE);
        add(&e, ALONG_X(DY), ALONG_Y(DY), old_dy - dy, SLOPE);
        const vec ux = ALONG_X(U), uy = ALONG_Y(U), vx = ALONG_X(V), vy = ALONG_Y(V);
        const vec steep = vec_mad(ux, ux, vx * vx) + vec_mad(uy, uy, vy * vy);
        const vec weight = SMOOTH / square_root(steep + ROBUST * ROBUST);
#undef AT
#undef ALONG_X
#undef ALONG_Y
        const vec cx = vec_mad(e.xx, u, e.xy * v) - e.x;
        const vec cy = vec_mad(e.xy, u, e.yy * v) - e.y;
        const vec xx = e.xx + 4 * weight, yy = e.yy + 4 * weight;
        const vec scale = 1 / (xx * yy - e.xy * e.xy);
        *(vec *)(to[XX] + x) = scale * weight * yy;
        *(vec *)(to[XY] + x) = -scale * weight * e.xy;
        *(vec *)(to[YY] + x) = scale * weight * xx;
        *(vec *)(to[OFFSET_X] + x) = scale * (yy * cx - e.xy * cy);
        *(vec *)(to[OFFSET_Y] + x) = scale * (xx * cy - e.xy * cx);
        *(vec *)(to[DIFFERENCE] + x) = difference;
    }
}

static void run(const struct host_call *call, int first, int end, void *scratch)
{
    const struct maps m = find_maps(call, scratch);
    float *const *from = m.results;
    vec4 *terms = call->slot[FLOW_TERMS_TERMS];
    for (int y = first; y < end; y++) {
        for (int j = y == first ? -1 : 1; j <= 1; j++)
            read_line(&m, y + j);
        read_old(&m, y);
        make_terms(&m, y);
        vec4 *row = terms + 2 * (size_t)y * (size_t)m.w;
        flow_interleave(row, (const float *[4]){from[XX], from[XY], from[XY], from[YY]},
                        m.w);
        flow_interleave(
            row + m.w,
            (const float *[4]){from[OFFSET_X], from[OFFSET_Y], from[DIFFERENCE], NULL},
            m.w);
    }
}

extern const struct host_kernel HOST(host_flow_terms);
const struct host_kernel HOST(host_flow_terms) = {work, scratch_bytes, run};
