#include "app/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/error.h"

enum { WIDTH = 800, HEIGHT = 360, LEFT = 70, RIGHT = 20, TOP = 40, BOTTOM = 40 };
static const double LEAST = 1e-8; /* smaller errors are drawn as this one */

struct series {
    const char *name, *colour;
    size_t field;
};

static const struct series all_series[] = {
    {"painting", "#c0392b", offsetof(struct metrics_frame, warp)},
    {"each frame by itself", "#2c5f8a", offsetof(struct metrics_frame, warp_per_frame)},
    {"input", "#7f8c8d", offsetof(struct metrics_frame, warp_input)},
};
enum { SERIES = sizeof(all_series) / sizeof(all_series[0]) };

static double value_of(const struct metrics_frame *frame, const struct series *series)
{
    double v = *(const double *)((const char *)frame + series->field);
    return isfinite(v) ? log10(fmax(v, LEAST)) : NAN;
}

static double y_of(double v, double low, double high)
{
    return TOP + (high - v) / (high - low) * (HEIGHT - TOP - BOTTOM);
}

static void draw_axes(FILE *out, size_t count, double low, double high)
{
    for (double v = low; v <= high; v++) {
        double y = y_of(v, low, high);
        fprintf(out,
                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">1e%.0f</text>\n",
                LEFT, y, WIDTH - RIGHT, y, LEFT - 8, y + 4, v);
    }
    fprintf(out, "<text x=\"%d\" y=\"%d\">0</text>", LEFT, HEIGHT - BOTTOM + 20);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">frame %zu</text>\n",
            WIDTH - RIGHT, HEIGHT - BOTTOM + 20, count - 1);
}

static void draw_series(FILE *out, const struct metrics_frame *frames, size_t count,
                        int index, double low, double high)
{
    const struct series *series = &all_series[index];
    int drawn = 0;
    for (size_t i = 0; i < count; i++) {
        double v = value_of(&frames[i], series);
        if (isnan(v))
            continue;
        double x = LEFT + (double)i / (double)(count - 1) * (WIDTH - LEFT - RIGHT);
        fprintf(out, "%s%.1f,%.1f", drawn++ ? " " : "<polyline fill=\"none\" points=\"",
                x, y_of(v, low, high));
    }
    if (drawn)
        fprintf(out,
                "\" stroke=\"%s\" stroke-width=\"1.5\"/>\n"
                "<text x=\"%d\" y=\"24\" fill=\"%s\">%s</text>\n",
                series->colour, LEFT + 90 + index * 190, series->colour, series->name);
}

char *plot_svg(const struct metrics *metrics, size_t *size, struct daub_error *error)
{
    size_t count;
    const struct metrics_frame *frames = metrics_frames(metrics, &count);
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < SERIES; k++) {
            double v = value_of(&frames[i], &all_series[k]);
            low = fmin(low, v); /* fmin and fmax ignore NaN */
            high = fmax(high, v);
        }
    }
    low = isfinite(low) ? floor(low) : -1;
    high = isfinite(high) && ceil(high) > low ? ceil(high) : low + 1;
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out) {
        fprintf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                "font-family=\"sans-serif\" font-size=\"13\">\n"
                "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
                "<text x=\"%d\" y=\"24\">E_warp</text>\n",
                WIDTH, HEIGHT, LEFT);
        draw_axes(out, count, low, high);
        for (int k = 0; k < SERIES; k++)
            draw_series(out, frames, count, k, low, high);
        fputs("</svg>\n", out);
        if (fclose(out) == 0)
            return text;
    }
    free(text);
    daub_no_memory(error, "the plot");
    return NULL;
}
