#include "engine/image.h"

#include <string.h>

#define RGB(...)                                                                         \
    .components = 3, .rgb = true, .component = {__VA_ARGS__}, .alpha_offset = -1
#define YUV(...) .components = 3, .component = {__VA_ARGS__}, .alpha_offset = -1
#define PLANAR                                                                           \
    {0, 1, 0}, {1, 1, 0},                                                                \
    {                                                                                    \
        2, 1, 0                                                                          \
    }
#define GBR                                                                              \
    {2, 1, 0}, {0, 1, 0},                                                                \
    {                                                                                    \
        1, 1, 0                                                                          \
    }

static const struct image_layout layouts[] = {
    {DAUB_PIXEL_RGB24, "rgb24", 1, RGB({0, 3, 0}, {0, 3, 1}, {0, 3, 2}), .bytes = 1,
     .depth = 8},
    {DAUB_PIXEL_RGBA, "rgba", 1, .components = 3, .rgb = true,
     .component = {{0, 4, 0}, {0, 4, 1}, {0, 4, 2}}, .bytes = 1, .depth = 8,
     .alpha_offset = 3},
    {DAUB_PIXEL_BGRA, "bgra", 1, .components = 3, .rgb = true,
     .component = {{0, 4, 2}, {0, 4, 1}, {0, 4, 0}}, .bytes = 1, .depth = 8,
     .alpha_offset = 3},
    {DAUB_PIXEL_GRAY8, "gray", 1, .components = 1, .component = {{0, 1, 0}}, .bytes = 1,
     .depth = 8, .alpha_offset = -1},
    {DAUB_PIXEL_GRAY16, "gray16", 1, .components = 1, .component = {{0, 1, 0}},
     .bytes = 2, .depth = 16, .alpha_offset = -1},
    {DAUB_PIXEL_GBRP, "gbrp", 3, RGB(GBR), .bytes = 1, .depth = 8},
    {DAUB_PIXEL_GBRP10, "gbrp10", 3, RGB(GBR), .bytes = 2, .depth = 10},
    {DAUB_PIXEL_GBRP12, "gbrp12", 3, RGB(GBR), .bytes = 2, .depth = 12},
    {DAUB_PIXEL_GBRP16, "gbrp16", 3, RGB(GBR), .bytes = 2, .depth = 16},
    {DAUB_PIXEL_YUV420P, "yuv420p", 3, YUV(PLANAR), .sub_x = 1, .sub_y = 1, .bytes = 1,
     .depth = 8},
    {DAUB_PIXEL_YUV422P, "yuv422p", 3, YUV(PLANAR), .sub_x = 1, .bytes = 1, .depth = 8},
    {DAUB_PIXEL_YUV444P, "yuv444p", 3, YUV(PLANAR), .bytes = 1, .depth = 8},
    {DAUB_PIXEL_YUV420P10, "yuv420p10", 3, YUV(PLANAR), .sub_x = 1, .sub_y = 1,
     .bytes = 2, .depth = 10},
    {DAUB_PIXEL_YUV422P10, "yuv422p10", 3, YUV(PLANAR), .sub_x = 1, .bytes = 2,
     .depth = 10},
    {DAUB_PIXEL_YUV444P10, "yuv444p10", 3, YUV(PLANAR), .bytes = 2, .depth = 10},
    {DAUB_PIXEL_YUV420P12, "yuv420p12", 3, YUV(PLANAR), .sub_x = 1, .sub_y = 1,
     .bytes = 2, .depth = 12},
    {DAUB_PIXEL_YUV422P12, "yuv422p12", 3, YUV(PLANAR), .sub_x = 1, .bytes = 2,
     .depth = 12},
    {DAUB_PIXEL_YUV444P12, "yuv444p12", 3, YUV(PLANAR), .bytes = 2, .depth = 12},
    {DAUB_PIXEL_YUV444P16, "yuv444p16", 3, YUV(PLANAR), .bytes = 2, .depth = 16},
    {DAUB_PIXEL_NV12, "nv12", 2, YUV({0, 1, 0}, {1, 2, 0}, {1, 2, 1}), .sub_x = 1,
     .sub_y = 1, .bytes = 1, .depth = 8},
    {DAUB_PIXEL_P010, "p010", 2, YUV({0, 1, 0}, {1, 2, 0}, {1, 2, 1}), .sub_x = 1,
     .sub_y = 1, .bytes = 2, .depth = 10, .shift = 6},
    {DAUB_PIXEL_YUYV422, "yuyv422", 1, YUV({0, 2, 0}, {0, 4, 1}, {0, 4, 3}), .sub_x = 1,
     .bytes = 1, .depth = 8},
    {DAUB_PIXEL_UYVY422, "uyvy422", 1, YUV({0, 2, 1}, {0, 4, 0}, {0, 4, 2}), .sub_x = 1,
     .bytes = 1, .depth = 8},
};

const struct image_layout *image_layout(enum daub_pixel_format pixel)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (layouts[i].pixel == pixel)
            return &layouts[i];
    }
    return NULL;
}

int daub_pixel_planes(enum daub_pixel_format pixel)
{
    const struct image_layout *layout = image_layout(pixel);
    return layout ? layout->planes : 0;
}

static void plane_samples(const struct image_layout *layout, int plane, int width,
                          int height, int *columns, int *rows)
{
    int samples = 0;
    bool chroma = true;
    /* The longest row of the components, which share one where pixels are packed. */
    for (int i = 0; i < layout->components; i++) {
        const struct image_component *c = &layout->component[i];
        if (c->plane != plane)
            continue;
        int sub = i > 0 && !layout->rgb ? layout->sub_x : 0;
        int pixels = (width + (1 << sub) - 1) >> sub;
        int end = pixels * c->step;
        if (end > samples)
            samples = end;
        chroma = chroma && i > 0 && !layout->rgb;
    }
    *columns = samples;
    *rows = chroma ? (height + (1 << layout->sub_y) - 1) >> layout->sub_y : height;
}

bool daub_pixel_plane_size(enum daub_pixel_format pixel, int plane, int width, int height,
                           size_t *row_bytes, int *rows)
{
    const struct image_layout *layout = image_layout(pixel);
    int columns;
    if (!layout || plane < 0 || plane >= layout->planes || width <= 0 || height <= 0)
        return false;
    plane_samples(layout, plane, width, height, &columns, rows);
    *row_bytes = (size_t)columns * (size_t)layout->bytes;
    return true;
}

size_t image_packed_stride(const struct image_layout *layout, int plane, int width)
{
    size_t row_bytes = 0;
    int rows;
    daub_pixel_plane_size(layout->pixel, plane, width, 2, &row_bytes, &rows);
    return (row_bytes + 3) & ~(size_t)3;
}

size_t image_packed_offset(const struct image_layout *layout, int plane, int width,
                           int height)
{
    size_t offset = 0;
    for (int p = 0; p < plane; p++) {
        size_t row_bytes;
        int rows = 0;
        daub_pixel_plane_size(layout->pixel, p, width, height, &row_bytes, &rows);
        offset += image_packed_stride(layout, p, width) * (size_t)rows;
    }
    return offset;
}

struct daub_format image_defaults(struct daub_format format, int height)
{
    if (!format.matrix)
        format.matrix = height >= 720 ? DAUB_MATRIX_BT709 : DAUB_MATRIX_BT601;
    if (!format.range)
        format.range = DAUB_RANGE_LIMITED;
    if (!format.chroma)
        format.chroma = DAUB_CHROMA_LEFT;
    return format;
}

static void invert(const double m[3][3], double out[3][3])
{
    double det = 0;
    for (int i = 0; i < 3; i++)
        det += m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] -
                          m[1][(i + 2) % 3] * m[2][(i + 1) % 3]);
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 3; c++)
            out[r][c] = (m[(c + 1) % 3][(r + 1) % 3] * m[(c + 2) % 3][(r + 2) % 3] -
                         m[(c + 1) % 3][(r + 2) % 3] * m[(c + 2) % 3][(r + 1) % 3]) /
                        det;
    }
}

void image_color(const struct daub_format *format, struct image_color *color)
{
    const struct image_layout *layout = image_layout(format->pixel);
    double forward[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, back[3][3];
    double offset[3] = {0, 0, 0};
    if (!layout->rgb) {
        double kr = format->matrix == DAUB_MATRIX_BT601    ? 0.299
                    : format->matrix == DAUB_MATRIX_BT2020 ? 0.2627
                                                           : 0.2126;
        double kb = format->matrix == DAUB_MATRIX_BT601    ? 0.114
                    : format->matrix == DAUB_MATRIX_BT2020 ? 0.0593
                                                           : 0.0722;
        double codes = (double)((1 << layout->depth) - 1),
               unit = (double)(1 << (layout->depth - 8));
        bool full = format->range == DAUB_RANGE_FULL;
        double luma = full ? 1 : 219 * unit / codes,
               chroma = full ? 1 : 224 * unit / codes;
        const double yuv[3][3] = {
            {kr, 1 - kr - kb, kb},
            {-kr / (2 * (1 - kb)), -(1 - kr - kb) / (2 * (1 - kb)), 0.5},
            {0.5, -(1 - kr - kb) / (2 * (1 - kr)), -kb / (2 * (1 - kr))},
        };
        for (int i = 0; i < 3; i++) {
            for (int k = 0; k < 3; k++)
                forward[i][k] = yuv[i][k] * (i == 0 ? luma : chroma);
            offset[i] = i > 0 ? 128 * unit / codes : full ? 0 : 16 * unit / codes;
        }
    }
    if (layout->components == 1) {
        /* To RGB: R = G = B = luma. From RGB: luma by the format's matrix. */
        double scale =
            format->range == DAUB_RANGE_FULL
                ? 1
                : 219.0 * (1 << (layout->depth - 8)) / ((1 << layout->depth) - 1);
        memset(color, 0, sizeof(*color));
        for (int i = 0; i < 3; i++) {
            color->to_rgb[i][0] = (float)(1 / scale);
            color->to_rgb_offset[i] = (float)(-offset[0] / scale);
            color->from_rgb[0][i] = (float)forward[0][i];
        }
        color->from_rgb_offset[0] = (float)offset[0];
        return;
    }
    invert(forward, back);
    for (int i = 0; i < 3; i++) {
        double shifted = 0;
        for (int k = 0; k < 3; k++) {
            color->from_rgb[i][k] = (float)forward[i][k];
            color->to_rgb[i][k] = (float)back[i][k];
            shifted -= back[i][k] * offset[k];
        }
        color->from_rgb_offset[i] = (float)offset[i];
        color->to_rgb_offset[i] = (float)shifted;
    }
}
