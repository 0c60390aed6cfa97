/* Scores of a painted video: how steady it is, and what that cost. Pictures are
 * [height][width][3] R G B in 0..1, flows [height][width][2] in pixels. Plain C on the
 * host; not thread-safe. */
#ifndef DAUB_APP_METRICS_H
#define DAUB_APP_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include <daub/status.h>

enum { METRICS_LONG = 10 }; /* frames of the long-range error */

/* Of one frame; NaN where there is nothing to compare with. */
struct metrics_frame {
    double warp, warp_input,
        warp_alone;                    /* E_warp of the painting, input, per-frame one */
    double all;                        /* the painting's over all pixels */
    double far;                        /* against METRICS_LONG frames before */
    double luma;                       /* mean, 0..1 */
    double sharpness, sharpness_alone; /* energy of the Laplacian of luma */
    double style;                      /* distance of painting and per-frame one */
    double ghost;                      /* mean squared difference of these where the
                                        * input was hidden before */
};

/* Means over the frames, and what follows from them. */
struct metrics_scores {
    int frames;
    /* Mean squared difference of a frame and the one before moved along the input's flow,
     * over colours and the pixels that were not hidden (Lai 2018). */
    double e_warp, e_warp_input, e_warp_alone, e_warp_ratio;
    double e_stab; /* root of the mean over all pixels (ReCoNet, Gao 2018) */
    double long_range;
    double flicker; /* standard deviation over time, mean over pixels; for still shots */
    double drift;   /* slope of luma, levels of 255 in 1000 frames */
    double sharpness_ratio, style_distance, ghosting;
};

struct metrics;

/* alone: pictures painted frame by frame are there to compare with. */
struct metrics *metrics_create(int width, int height, bool alone,
                               struct daub_error *error);
void metrics_free(struct metrics *metrics); /* accepts NULL */

/* Takes the next frame. alone is NULL unless create was told of it; back and forth are
 * those of the input, from this frame to the one before and the other way; not looked at
 * for the first frame. forth NULL: what was hidden has a vector of back that leads
 * outside the picture. */
bool metrics_add(struct metrics *metrics, const float *input, const float *painted,
                 const float *alone, const float *back, const float *forth,
                 struct daub_error *error);

void metrics_scores(const struct metrics *metrics, struct metrics_scores *scores);
/* One a frame taken, the metrics'. */
const struct metrics_frame *metrics_frames(const struct metrics *metrics, size_t *count);

/* How differently two pictures are painted: over three scales, the relative squared
 * difference of the Gram matrices of rectified derivatives of luma and two opponent
 * colours, as the style loss of Gatys (2016) compares features of a network. 0 where they
 * are equal; about 1 and more between paintings of different styles. */
bool metrics_style_distance(const float *a, const float *b, int width, int height,
                            double *distance, struct daub_error *error);

#endif
