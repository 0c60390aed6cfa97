#include "engine/crops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <daub/signal.h>

#include "util/alloc.h"
#include "util/error.h"

/* A row or column is a margin where all but OUTLIERS of its pixels (dust) differ from the
 * margins' color by at most MARGIN_CODES in each channel (JPEG's noise). */
enum { MARGIN_CODES = 12 };
static const double OUTLIERS = 0.005;

struct box {
    int x, y, width, height;
};

/* R G B of a pixel, laid on white. */
static void pixel(const struct daub_image *picture, int x, int y, int rgb[3])
{
    bool alpha = picture->format.pixel == DAUB_PIXEL_RGBA;
    const unsigned char *at = (const unsigned char *)picture->plane[0] +
                              y * picture->stride[0] + (ptrdiff_t)x * (alpha ? 4 : 3);
    int opaque = alpha ? at[3] : 255;
    for (int c = 0; c < 3; c++)
        rgb[c] = (at[c] * opaque + 255 * (255 - opaque) + 127) / 255;
}

/* ---- margins ---- */

static bool near(const int a[3], const int b[3])
{
    bool same = true;
    for (int c = 0; c < 3; c++)
        same = same && abs(a[c] - b[c]) <= MARGIN_CODES;
    return same;
}

/* The color that most corners have. */
static void margin_color(const struct daub_image *picture, int color[3])
{
    int corner[4][3], best = 0;
    for (int i = 0; i < 4; i++)
        pixel(picture, i % 2 ? picture->width - 1 : 0, i / 2 ? picture->height - 1 : 0,
              corner[i]);
    for (int i = 0; i < 4; i++) {
        int alike = 0;
        for (int k = 0; k < 4; k++)
            alike += near(corner[i], corner[k]);
        if (alike > best) {
            best = alike;
            memcpy(color, corner[i], sizeof(corner[i]));
        }
    }
}

/* Whether a row or, vertical, a column of the box is of that color. */
static bool is_plain(const struct daub_image *picture, const struct box *box, int at,
                     bool vertical, const int color[3])
{
    int length = vertical ? box->height : box->width, others = 0, rgb[3];
    for (int i = 0; i < length; i++) {
        pixel(picture, vertical ? at : box->x + i, vertical ? box->y + i : at, rgb);
        others += !near(rgb, color);
        if (others > OUTLIERS * length)
            return false;
    }
    return true;
}

/* Cuts lines of that color off: 0 top, 1 bottom, 2 left, 3 right. */
static void trim_side(const struct daub_image *picture, struct box *box, int side,
                      const int color[3])
{
    bool vertical = side >= 2, far = side % 2;
    int *start = vertical ? &box->x : &box->y;
    int *length = vertical ? &box->width : &box->height;
    while (*length > 0 &&
           is_plain(picture, box, far ? *start + *length - 1 : *start, vertical, color)) {
        *start += !far;
        --*length;
    }
}

static bool trim(const struct daub_image *picture, struct box *box,
                 struct daub_error *error)
{
    int color[3];
    margin_color(picture, color);
    for (int side = 0; side < 4 && box->height > 0; side++)
        trim_side(picture, box, side, color);
    if (box->width > 0 && box->height > 0)
        return true;
    return daub_fail(
        error, DAUB_ERROR_ARGUMENT,
        "all of the picture is one color; choose one with strokes or shapes");
}

/* ---- scaling ---- */

/* Input pixels start .. start + count - 1 of one output pixel, with their weights. */
struct taps {
    int start, count;
    float *weight;
};

/* Cubic convolution (Keys 1981) with a = -0.5. */
static double cubic(double x)
{
    x = fabs(x);
    return x < 1   ? (1.5 * x - 2.5) * x * x + 1
           : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2
                   : 0;
}

/* Taps of `out` pixels from `in` pixels; room for limit weights each. */
static void fill_taps(struct taps *taps, int in, int out, float *weights, int limit)
{
    double scale = (double)in / out;
    for (int i = 0; i < out; i++) {
        double low = i * scale, high = (i + 1) * scale, center = (low + high) / 2 - 0.5;
        int first = scale >= 1 ? (int)floor(low) : (int)floor(center) - 1;
        int last = scale >= 1 ? (int)ceil(high) - 1 : first + 3;
        double sum = 0;
        struct taps *t = &taps[i];
        t->start = first < 0 ? 0 : first;
        t->count = (last > in - 1 ? in - 1 : last) - t->start + 1;
        t->count = t->count > limit ? limit : t->count;
        t->weight = weights + (size_t)i * (size_t)limit;
        for (int k = first; k <= last; k++) {
            int at = k < t->start ? 0 : k - t->start;
            double w = scale >= 1 ? fmin(high, k + 1) - fmax(low, k) : cubic(k - center);
            at = at > t->count - 1 ? t->count - 1 : at; /* edge pixels are repeated */
            t->weight[at] += (float)w;
            sum += w;
        }
        for (int k = 0; k < t->count; k++)
            t->weight[k] /= (float)sum;
    }
}

static bool make_taps(struct taps **taps, int in, int out, struct daub_error *error)
{
    int limit = in > out ? in / out + 2 : 4;
    size_t bytes = (size_t)out * sizeof(**taps);
    *taps = daub_alloc(bytes + (size_t)out * (size_t)limit * sizeof(float), 1);
    if (!*taps)
        return daub_no_memory(error, "the picture of a style");
    fill_taps(*taps, in, out, (float *)(void *)((char *)*taps + bytes), limit);
    return true;
}

/* The row y of the box, scaled to width: [width][3]. */
static void scale_row(const struct daub_image *picture, const struct box *box, int y,
                      const struct taps *taps, int width, float *row)
{
    for (int i = 0; i < width; i++) {
        float sum[3] = {0};
        for (int k = 0; k < taps[i].count; k++) {
            int rgb[3];
            pixel(picture, box->x + taps[i].start + k, box->y + y, rgb);
            for (int c = 0; c < 3; c++)
                sum[c] += taps[i].weight[k] * (float)rgb[c];
        }
        memcpy(row + 3 * i, sum, sizeof(sum));
    }
}

/* The box scaled to [3][height][width], 0..1; to be freed by the caller. */
static float *scale(const struct daub_image *picture, const struct box *box, int width,
                    int height, struct daub_error *error)
{
    struct taps *across = NULL, *down = NULL;
    size_t plane = (size_t)width * (size_t)height;
    float *out = daub_alloc(plane * 3, sizeof(float));
    float *row = daub_alloc((size_t)width * 3, sizeof(float));
    bool ok = (out && row) || daub_no_memory(error, "the picture of a style");
    ok = ok && make_taps(&across, box->width, width, error) &&
         make_taps(&down, box->height, height, error);
    for (int y = 0; ok && y < height; y++) {
        for (int k = 0; k < down[y].count; k++) {
            scale_row(picture, box, down[y].start + k, across, width, row);
            for (int i = 0; i < 3 * width; i++)
                out[(size_t)(i % 3) * plane + (size_t)y * (size_t)width +
                    (size_t)(i / 3)] += down[y].weight[k] * row[i];
        }
    }
    for (size_t i = 0; ok && i < 3 * plane; i++)
        out[i] = fminf(fmaxf(out[i] / 255, 0), 1);
    free(across);
    free(down);
    free(row);
    if (ok)
        return out;
    free(out);
    return NULL;
}

/* ---- crops ---- */

static bool check_picture(const struct daub_image *picture, struct daub_error *error)
{
    enum daub_pixel_format format = picture->format.pixel;
    if ((format != DAUB_PIXEL_RGB24 && format != DAUB_PIXEL_RGBA) || !picture->plane[0])
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "the picture of a style must be RGB24 or RGBA");
    if (picture->width < 1 || picture->height < 1 || picture->width > 1 << 20 ||
        picture->height > 1 << 20)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "a picture of %d x %d is no picture",
                         picture->width, picture->height);
    return true;
}

/* Takes the middle of a box that is longer than 2:1. */
static void limit_shape(struct box *box)
{
    int width = box->width, height = box->height;
    if (width > 2 * height) {
        box->width = 2 * height;
        box->x += (width - box->width) / 2;
    } else if (height > 2 * width) {
        box->height = 2 * width;
        box->y += (height - box->height) / 2;
    }
}

static void cut(const float *scaled, int width, int height, int x, int y, int side,
                float *crop)
{
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < side; i++)
            memcpy(crop + (c * side + i) * (ptrdiff_t)side,
                   scaled +
                       ((size_t)c * (size_t)height + (size_t)(y + i)) * (size_t)width + x,
                   (size_t)side * sizeof(float));
    }
}

/* The part of a picture that is used. */
static bool find_box(const struct daub_image *picture, struct box *box,
                     struct daub_error *error)
{
    *box = (struct box){0, 0, picture->width, picture->height};
    if (!check_picture(picture, error) || !trim(picture, box, error))
        return false;
    int shorter = box->width < box->height ? box->width : box->height;
    if (shorter < DAUB_PICTURE_SIDE_MIN)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "the picture has only %d x %d pixels%s; a style needs at least "
                         "%d x %d",
                         box->width, box->height,
                         box->width < picture->width || box->height < picture->height
                             ? " without its margins"
                             : "",
                         DAUB_PICTURE_SIDE_MIN, DAUB_PICTURE_SIDE_MIN);
    limit_shape(box);
    return true;
}

/* The box with a short side of that length; free with free(). */
static float *scale_short_side(const struct daub_image *picture, const struct box *box,
                               int side, int *width, int *height,
                               struct daub_error *error)
{
    bool wide = box->width >= box->height;
    int longer = wide ? box->width : box->height,
        shorter = wide ? box->height : box->width;
    int length = (int)lround((double)side * longer / shorter);
    *width = wide ? length : side;
    *height = wide ? side : length;
    return scale(picture, box, *width, *height, error);
}

bool crops_make(const struct daub_image *picture, int side, struct crops *crops,
                struct daub_error *error)
{
    struct box box;
    int width, height;
    *crops = (struct crops){.width = side, .height = side};
    if (!find_box(picture, &box, error))
        return false;
    float *scaled = scale_short_side(picture, &box, side, &width, &height, error);
    bool wide = width >= height;
    int longer = wide ? box.width : box.height, shorter = wide ? box.height : box.width;
    int length = wide ? width : height;
    int count = longer < 1.1 * shorter ? 1 : CROPS_MAX;
    size_t floats = (size_t)3 * (size_t)side * (size_t)side;
    crops->rgb = scaled ? daub_alloc((size_t)count * floats, sizeof(float)) : NULL;
    if (scaled && !crops->rgb)
        daub_no_memory(error, "the picture of a style");
    for (int i = 0; crops->rgb && i < count; i++) {
        int at = count == 1 ? (length - side) / 2 : (length - side) * i / 2;
        cut(scaled, width, height, wide ? at : 0, wide ? 0 : at, side,
            crops->rgb + (size_t)i * floats);
        crops->count++;
    }
    free(scaled);
    return crops->rgb != NULL;
}

bool crops_whole(const struct daub_image *picture, int most, struct crops *crops,
                 struct daub_error *error)
{
    struct box box;
    *crops = (struct crops){.count = 1};
    if (!find_box(picture, &box, error))
        return false;
    int side = box.width < box.height ? box.width : box.height;
    crops->rgb = scale_short_side(picture, &box, side < most ? side : most, &crops->width,
                                  &crops->height, error);
    return crops->rgb != NULL;
}
