/* A stylizer paints a stream of equally sized pictures with one model on one device. */
#ifndef DAUB_STYLIZER_H
#define DAUB_STYLIZER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <daub/device.h>
#include <daub/image.h>
#include <daub/model.h>

#ifdef __cplusplus
extern "C" {
#endif

struct daub_stylizer; /* opaque; use from one thread at a time */

enum daub_precision {
    DAUB_PRECISION_AUTO = 0, /* fp16 storage where the device gains by it, else fp32 */
    DAUB_PRECISION_FP32,
    DAUB_PRECISION_FP16, /* maps and weights stored in 16 bits, sums in 32 */
};

enum daub_color_mode {
    DAUB_COLOR_PAINT = 0, /* the painting as it is */
    DAUB_COLOR_KEEP,      /* painted luma, the input's chroma */
    DAUB_COLOR_ONLY,      /* the input's luma, painted chroma */
};

/* What keeps the painting steady from frame to frame. */
enum daub_temporal {
    DAUB_TEMPORAL_OFF = 0, /* each frame by itself */
    DAUB_TEMPORAL_STATS,   /* norm statistics are averaged over frames: no pumping */
    DAUB_TEMPORAL_FLOW,    /* strokes are carried along the optical flow */
};

/* Zero means default. */
struct daub_stylizer_params {
    int in_width, in_height;     /* required */
    struct daub_format in;       /* in.pixel required */
    int work_width, work_height; /* size the network paints at; default: the input's */
    int out_width, out_height;   /* default: the input's */
    struct daub_format out;      /* default: the input's */
    enum daub_precision precision;
    enum daub_temporal temporal;
    /* With DAUB_TEMPORAL_FLOW: how far the histograms of two frames must part (symmetric
     * Kullback-Leibler divergence) for the second to begin a new scene; default 0.5. */
    float scene_threshold;
    bool skip_check; /* leave out the golden-frame check of the device */
};

/* What may change with every frame; changing it re-records nothing. */
struct daub_live {
    /* 0 input .. 1 painting. A model with an identity style is mixed with it, so that the
     * strokes themselves grow weaker; of others, the pixels are mixed. 0 is the input
     * exactly. */
    float strength;
    enum daub_color_mode color;
    const float *style; /* style_count weights of the model, or NULL: the default style */
    /* 0: each frame by itself, to 1. With DAUB_TEMPORAL_FLOW, how much a place may change
     * before it is painted anew; with DAUB_TEMPORAL_STATS, how many frames are averaged
     * (2^(5 stability)). A new style mix always begins anew. */
    float stability;
};
#define DAUB_STABILITY_DEFAULT       0.5f
#define DAUB_SCENE_THRESHOLD_DEFAULT 0.5f

/* Builds everything for one size: the plan, pipelines, memory, recorded commands. Takes
 * seconds the first time a device sees a model (shader compilation and the check below),
 * less after.
 * The device must outlive the stylizer; the model need not. */
DAUB_API enum daub_status daub_stylizer_create(struct daub_device *device,
                                               const struct daub_model *model,
                                               const struct daub_stylizer_params *params,
                                               struct daub_stylizer **stylizer,
                                               struct daub_error *error);
/* Waits for frames in flight and drops them. */
DAUB_API void daub_stylizer_free(struct daub_stylizer *stylizer);

/* Starts painting a picture of exactly the input size and format (it is copied before the
 * call returns). live NULL means strength 1 and the default stability. tag comes back
 * with the painting. Returns DAUB_ERROR_AGAIN, without setting *error, while two frames
 * are in flight. */
DAUB_API enum daub_status daub_stylizer_submit(struct daub_stylizer *stylizer,
                                               const struct daub_image *image,
                                               const struct daub_live *live, int64_t tag,
                                               struct daub_error *error);
/* Waits for the oldest frame in flight and writes it to image, whose size, format and
 * planes the caller set to the output's. Returns DAUB_ERROR_AGAIN, without setting
 * *error, when nothing is in flight. */
DAUB_API enum daub_status daub_stylizer_receive(struct daub_stylizer *stylizer,
                                                struct daub_image *image, int64_t *tag,
                                                struct daub_error *error);

/* The next frame submitted continues no other: after a seek, or where a cut is known. */
DAUB_API void daub_stylizer_reset_history(struct daub_stylizer *stylizer);

/* With DAUB_TEMPORAL_FLOW: whether the frame received last was found to begin a new
 * scene; it continues no other, either. */
DAUB_API bool daub_stylizer_was_cut(const struct daub_stylizer *stylizer);

/* Size and format that receive expects, after defaults were filled in. */
DAUB_API void daub_stylizer_output(const struct daub_stylizer *stylizer, int *width,
                                   int *height, struct daub_format *format);

/* Paints a small golden picture with the model at fp32 or fp16 and compares it with a
 * plain C reference of the network: *psnr_db is the agreement over the model's value
 * range (infinite where equal, NaN where the device made values that are no numbers),
 * *safe whether stylizers accept it. Every stylizer does this once a device, model and
 * precision and remembers the answer in the cache; this call always paints. */
DAUB_API enum daub_status daub_device_check(struct daub_device *device,
                                            const struct daub_model *model,
                                            enum daub_precision precision,
                                            double *psnr_db, bool *safe,
                                            struct daub_error *error);

/* What one step of the network wrote, compared with the plain C reference. */
struct daub_checked_step {
    char name[80];  /* the node and the kernel */
    double psnr_db; /* over the largest value of the reference; NaN as above */
    bool right;
};
/* Paints the golden picture step by step at fp32 and calls visit for every step in order
 * whose result is a value of the network: the first that is not right is the faulty one.
 */
DAUB_API enum daub_status
daub_device_check_steps(struct daub_device *device, const struct daub_model *model,
                        void (*visit)(const struct daub_checked_step *step, void *user),
                        void *user, struct daub_error *error);

/* One timed part of a frame's way. */
struct daub_step_time {
    const char *name; /* owned by the stylizer */
    double ms;        /* of the last received frame; 0 where the device cannot tell */
    double gflop;     /* arithmetic of the step; 0 for steps that only move data */
};
/* Switches per-step timestamps on: steps then run one after another. Call before the
 * first submit. */
DAUB_API enum daub_status daub_stylizer_enable_timing(struct daub_stylizer *stylizer,
                                                      struct daub_error *error);
/* Steps of the last received frame, owned by the stylizer; returns their number. */
DAUB_API int daub_stylizer_times(const struct daub_stylizer *stylizer,
                                 const struct daub_step_time **steps);

/* Writes the network's plan to file: one line a kernel call with its tensors. The form
 * may change with every version. */
DAUB_API void daub_stylizer_dump(const struct daub_stylizer *stylizer, FILE *file);

/* Device memory the stylizer holds: activations, weights, staging. */
struct daub_memory_info {
    uint64_t arena_bytes, weight_bytes, staging_bytes;
};
DAUB_API void daub_stylizer_memory(const struct daub_stylizer *stylizer,
                                   struct daub_memory_info *info);

#ifdef __cplusplus
}
#endif
#endif
