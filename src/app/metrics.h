/* Scores of a painted video: how steady it is, and what the steadiness costs in sharpness
 * and style. Pictures are [height][width][3] R G B in 0..1, flows [height][width][2] in
 * pixels. Plain C on the processor; use from one thread. */
#ifndef DAUB_APP_METRICS_H
#define DAUB_APP_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include <daub/status.h>

enum { METRICS_LONG = 10 }; /* frames of the long-range error */

/* Of one frame; NaN where there is nothing to compare with. The per-frame painting is the
 * same video with every frame painted by itself. */
struct metrics_frame {
    double warp;            /* E_warp of the painting */
    double warp_input;      /* E_warp of the input */
    double warp_per_frame;  /* E_warp of the per-frame painting */
    double warp_all_pixels; /* of the painting, occluded pixels included */
    double long_range;      /* E_warp to the frame METRICS_LONG frames earlier */
    double luma;            /* mean, 0..1 */
    double sharpness, sharpness_per_frame; /* energy of the Laplacian of luma */
    double style; /* style distance between the painting and the per-frame painting */
    double ghost; /* mean squared difference of these two at occlusions */
};

/* Means over the frames, and values computed from them. */
struct metrics_scores {
    int frames;
    /* Mean squared difference of a frame and the previous one warped along the input's
     * flow, over the channels of all pixels that are not occluded (Lai 2018). */
    double e_warp, e_warp_input, e_warp_per_frame, e_warp_ratio;
    double e_stab; /* root of the mean over all pixels (ReCoNet, Gao 2018) */
    double long_range;
    double flicker; /* standard deviation over time, mean over pixels; of still scenes */
    double drift;   /* slope of luma, in levels of 255 for 1000 frames */
    double sharpness_ratio, style_distance, ghosting;
};

struct metrics;

/* per_frame: metrics_add gets the per-frame painting as well. NULL with *error. */
struct metrics *metrics_create(int width, int height, bool per_frame,
                               struct daub_error *error);
void metrics_free(struct metrics *metrics); /* accepts NULL */

/* Adds the next frame. per_frame is NULL where it was false for metrics_create. backward
 * and forward are the flows of the input from this frame to the previous one and from
 * that to this one; they are not read for the first frame. forward NULL: occluded pixels
 * have a backward vector that points outside the picture. */
bool metrics_add(struct metrics *metrics, const float *input, const float *painted,
                 const float *per_frame, const float *backward, const float *forward,
                 struct daub_error *error);

void metrics_scores(const struct metrics *metrics, struct metrics_scores *scores);
/* One for each frame added; owned by the metrics. */
const struct metrics_frame *metrics_frames(const struct metrics *metrics, size_t *count);

/* How differently two pictures are painted: the relative squared difference of the Gram
 * matrices of rectified derivatives of luma and two opponent colors, as a mean over three
 * scales. The style loss of Gatys (2016) compares features of a network in this way. 0:
 * equal; about 1 and more: paintings of different styles. */
bool metrics_style_distance(const float *a, const float *b, int width, int height,
                            double *distance, struct daub_error *error);

#endif
