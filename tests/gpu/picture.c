#include "picture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/image.h"

#define GUARD 0xa5

/* ---- memory ---- */

void picture_init(struct picture *picture, struct daub_format format, int width,
                  int height, int padding, bool flipped)
{
    size_t row_bytes[3], offset[3], bytes = 0;
    int rows[3], planes = daub_pixel_planes(format.pixel);
    memset(picture, 0, sizeof(*picture));
    picture->image.width = width;
    picture->image.height = height;
    picture->image.format = image_defaults(format, height);
    for (int p = 0; p < planes; p++) {
        assert_true(daub_pixel_plane_size(format.pixel, p, width, height, &row_bytes[p],
                                          &rows[p]));
        offset[p] = bytes;
        bytes += (row_bytes[p] + (size_t)padding) * (size_t)rows[p];
    }
    picture->bytes = bytes;
    picture->memory = malloc(bytes);
    assert_non_null(picture->memory);
    memset(picture->memory, GUARD, bytes);
    for (int p = 0; p < planes; p++) {
        ptrdiff_t stride = (ptrdiff_t)row_bytes[p] + padding;
        picture->image.plane[p] = picture->memory + offset[p];
        picture->image.stride[p] = stride;
        if (flipped) {
            picture->image.plane[p] =
                picture->memory + offset[p] + (ptrdiff_t)(rows[p] - 1) * stride;
            picture->image.stride[p] = -stride;
        }
    }
}

void picture_free(struct picture *picture)
{
    free(picture->memory);
    memset(picture, 0, sizeof(*picture));
}

bool picture_guarded(const struct picture *picture)
{
    const struct daub_image *image = &picture->image;
    for (int p = 0; p < daub_pixel_planes(image->format.pixel); p++) {
        size_t row_bytes;
        int rows;
        daub_pixel_plane_size(image->format.pixel, p, image->width, image->height,
                              &row_bytes, &rows);
        size_t whole = (size_t)llabs((long long)image->stride[p]);
        for (int y = 0; y < rows; y++) {
            const unsigned char *row =
                (const unsigned char *)image->plane[p] + y * image->stride[p];
            for (size_t i = row_bytes; i < whole; i++)
                if (row[i] != GUARD)
                    return false;
        }
    }
    return true;
}

/* ---- samples ---- */

static const struct image_layout *layout_of(const struct picture *picture)
{
    return image_layout(picture->image.format.pixel);
}

int picture_components(const struct picture *picture)
{
    return layout_of(picture)->components;
}

int picture_depth(const struct picture *picture)
{
    return layout_of(picture)->depth;
}

void picture_size(const struct picture *picture, int component, int *columns, int *rows)
{
    const struct image_layout *layout = layout_of(picture);
    bool chroma = component > 0 && !layout->rgb;
    int sub_x = chroma ? layout->sub_x : 0, sub_y = chroma ? layout->sub_y : 0;
    *columns = (picture->image.width + (1 << sub_x) - 1) >> sub_x;
    *rows = (picture->image.height + (1 << sub_y) - 1) >> sub_y;
}

static unsigned char *sample(const struct picture *picture, int component, int x, int y)
{
    const struct image_layout *layout = layout_of(picture);
    const struct image_component *c = &layout->component[component];
    return (unsigned char *)picture->image.plane[c->plane] +
           y * picture->image.stride[c->plane] +
           (x * c->step + c->offset) * layout->bytes;
}

int picture_get(const struct picture *picture, int component, int x, int y)
{
    const struct image_layout *layout = layout_of(picture);
    const unsigned char *at = sample(picture, component, x, y);
    int word = layout->bytes == 1 ? at[0] : at[0] | at[1] << 8;
    return word >> layout->shift;
}

void picture_set(struct picture *picture, int component, int x, int y, int code)
{
    const struct image_layout *layout = layout_of(picture);
    unsigned char *at = sample(picture, component, x, y);
    int word = code << layout->shift;
    at[0] = (unsigned char)word;
    if (layout->bytes == 2)
        at[1] = (unsigned char)(word >> 8);
}

int picture_difference(const struct picture *a, const struct picture *b)
{
    int most = 0;
    for (int c = 0; c < picture_components(a); c++) {
        int columns, rows;
        picture_size(a, c, &columns, &rows);
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++) {
                int off = abs(picture_get(a, c, x, y) - picture_get(b, c, x, y));
                most = off > most ? off : most;
            }
    }
    return most;
}

/* ---- color: ITU-R BT.601, BT.709, BT.2020 ---- */

static void weights(const struct picture *picture, double *kr, double *kb)
{
    static const double red[] = {0, 0.299, 0.2126, 0.2627};
    static const double blue[] = {0, 0.114, 0.0722, 0.0593};
    *kr = red[picture->image.format.matrix];
    *kb = blue[picture->image.format.matrix];
}

/* code = number * scale + zero */
static void quantization(const struct picture *picture, int component, double *scale,
                         double *zero)
{
    int depth = picture_depth(picture);
    double unit = 1 << (depth - 8), all = (1 << depth) - 1;
    bool full = layout_of(picture)->rgb || picture->image.format.range == DAUB_RANGE_FULL;
    bool chroma = component > 0 && !layout_of(picture)->rgb;
    *scale = full ? all : (chroma ? 224 : 219) * unit;
    *zero = chroma ? 128 * unit : full ? 0 : 16 * unit;
}

static void to_rgb(const struct picture *picture, const double in[3], double rgb[3])
{
    double kr, kb, y = in[0];
    weights(picture, &kr, &kb);
    if (layout_of(picture)->rgb) {
        memcpy(rgb, in, 3 * sizeof(*rgb));
    } else if (picture_components(picture) == 1) {
        rgb[0] = rgb[1] = rgb[2] = y;
    } else {
        rgb[0] = y + 2 * (1 - kr) * in[2];
        rgb[2] = y + 2 * (1 - kb) * in[1];
        rgb[1] = (y - kr * rgb[0] - kb * rgb[2]) / (1 - kr - kb);
    }
}

static void from_rgb(const struct picture *picture, const double rgb[3], double out[3])
{
    double kr, kb;
    weights(picture, &kr, &kb);
    memcpy(out, rgb, 3 * sizeof(*out));
    if (layout_of(picture)->rgb)
        return;
    out[0] = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
    out[1] = (rgb[2] - out[0]) / (2 * (1 - kb));
    out[2] = (rgb[0] - out[0]) / (2 * (1 - kr));
}

double picture_luma(const struct picture *picture, const double rgb[3])
{
    double kr = 0.2126, kb = 0.0722;
    if (!layout_of(picture)->rgb)
        weights(picture, &kr, &kb);
    return kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
}

static void put(struct picture *picture, int component, int x, int y, double number)
{
    double scale, zero, most = (1 << picture_depth(picture)) - 1;
    quantization(picture, component, &scale, &zero);
    double code = floor(number * scale + zero + 0.5);
    picture_set(picture, component, x, y, (int)fmin(fmax(code, 0), most));
}

/* Position of a full-size index among the samples of a component. */
static double position(const struct picture *picture, int component, bool vertical, int i)
{
    const struct image_layout *layout = layout_of(picture);
    enum daub_chroma chroma = picture->image.format.chroma;
    bool subsampled = component > 0 && (vertical ? layout->sub_y : layout->sub_x);
    bool centered =
        vertical ? chroma != DAUB_CHROMA_TOPLEFT : chroma == DAUB_CHROMA_CENTER;
    if (!subsampled)
        return i;
    return centered ? (i - 0.5) / 2 : i / 2.0;
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static double interpolated(const struct picture *picture, int component, int x, int y)
{
    double scale, zero, at_x = position(picture, component, false, x),
                        at_y = position(picture, component, true, y);
    int columns, rows, x_0 = (int)floor(at_x), y_0 = (int)floor(at_y);
    double fx = at_x - x_0, fy = at_y - y_0, sum = 0;
    picture_size(picture, component, &columns, &rows);
    quantization(picture, component, &scale, &zero);
    for (int k = 0; k < 4; k++) {
        double weight = (k & 1 ? fx : 1 - fx) * (k & 2 ? fy : 1 - fy);
        if (weight > 0)
            sum += weight * picture_get(picture, component, clamp(x_0 + (k & 1), columns),
                                        clamp(y_0 + (k >> 1), rows));
    }
    return (sum - zero) / scale;
}

void picture_decode(const struct picture *picture, double *rgb)
{
    for (int y = 0; y < picture->image.height; y++)
        for (int x = 0; x < picture->image.width; x++, rgb += 3) {
            double in[3] = {0};
            for (int c = 0; c < picture_components(picture); c++)
                in[c] = interpolated(picture, c, x, y);
            to_rgb(picture, in, rgb);
        }
}

/* The filter that linear interpolation undoes exactly: taps from -2 on. */
static const double *dual(bool centered, bool alone)
{
    static const double on_grid[] = {-0.125, 0.25, 0.75, 0.25, -0.125},
                        between[] = {0, -0.25, 0.75, 0.75, -0.25},
                        last[] = {0, -0.5, 1.5, 0, 0};
    return !centered ? on_grid : alone ? last : between;
}

static void filtered(const struct picture *picture, const double *rgb, int component,
                     int x, int y, double out[3])
{
    static const double whole[] = {0, 0, 1, 0, 0};
    const struct image_layout *layout = layout_of(picture);
    int w = picture->image.width, h = picture->image.height;
    bool sub_x = component > 0 && layout->sub_x, sub_y = component > 0 && layout->sub_y;
    enum daub_chroma chroma = picture->image.format.chroma;
    const double *fx = sub_x ? dual(chroma == DAUB_CHROMA_CENTER, 2 * x + 1 == w) : whole;
    const double *fy =
        sub_y ? dual(chroma != DAUB_CHROMA_TOPLEFT, 2 * y + 1 == h) : whole;
    double sum[3] = {0};
    for (int ky = -2; ky <= 2; ky++)
        for (int kx = -2; kx <= 2; kx++) {
            const double *pixel =
                rgb + 3 * (clamp((y << sub_y) + ky, h) * w + clamp((x << sub_x) + kx, w));
            for (int i = 0; i < 3; i++)
                sum[i] += fx[kx + 2] * fy[ky + 2] * pixel[i];
        }
    from_rgb(picture, sum, out);
}

void picture_encode(struct picture *picture, const double *rgb)
{
    for (int c = 0; c < picture_components(picture); c++) {
        int columns, rows;
        picture_size(picture, c, &columns, &rows);
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++) {
                double out[3];
                filtered(picture, rgb, c, x, y, out);
                put(picture, c, x, y, out[c]);
            }
    }
}

/* ---- contents ---- */

/* Sets every sample from the color at its position, unfiltered. */
static void paint(struct picture *picture,
                  void (*color)(double u, double v, double rgb[3]))
{
    for (int c = 0; c < picture_components(picture); c++) {
        int columns, rows;
        picture_size(picture, c, &columns, &rows);
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++) {
                double rgb[3], out[3];
                color((x + 0.5) / columns, (y + 0.5) / rows, rgb);
                from_rgb(picture, rgb, out);
                put(picture, c, x, y, out[c]);
            }
    }
}

/* After SMPTE ECR 1-1978: bars of 75 %, their reverse in blue, then white, black, the
 * darkest steps and a ramp. */
static void bars(double u, double v, double rgb[3])
{
    static const int colors[] = {7, 6, 3, 2, 5, 4, 1}; /* white ... blue: bits R G B */
    int bar = (int)(u * 7), set = v < 0.67 ? colors[bar] : bar % 2 ? 0 : colors[6 - bar];
    static const double steps[] = {1, 0, 0.04, 0, 0.08, 0.5, 0.75};
    for (int i = 0; i < 3; i++) {
        rgb[i] = set >> (2 - i) & 1 ? 0.75 : 0;
        if (v >= 0.75)
            rgb[i] = v < 0.9 ? steps[bar] : u;
    }
}

static void gradient(double u, double v, double rgb[3])
{
    rgb[0] = 0.1 + 0.8 * u;
    rgb[1] = 0.9 - 0.7 * v;
    rgb[2] = 0.5 + 0.35 * sin(4 * u + 3 * v);
}

void picture_bars(struct picture *picture)
{
    paint(picture, bars);
}

void picture_gradient(struct picture *picture)
{
    paint(picture, gradient);
}

void picture_noise(struct picture *picture, unsigned seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (int c = 0; c < picture_components(picture); c++) {
        int columns, rows;
        picture_size(picture, c, &columns, &rows);
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++) {
                state = state * 1664525u + 1013904223u;
                picture_set(picture, c, x, y,
                            (int)(state >> 8 & ((1u << picture_depth(picture)) - 1)));
            }
    }
}
