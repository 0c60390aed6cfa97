/* A stylizer paints the frames of a video, all of one size and format, with one model on
 * one device. */
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
    DAUB_PRECISION_AUTO = 0, /* FP16 where the device is faster with it, else FP32 */
    DAUB_PRECISION_FP32,
    DAUB_PRECISION_FP16, /* tensors and weights are stored in 16 bits, sums in 32 */
};

enum daub_color_mode {
    DAUB_COLOR_PAINT = 0, /* luma and chroma of the painting */
    DAUB_COLOR_KEEP,      /* luma of the painting, chroma of the input */
    DAUB_COLOR_ONLY,      /* luma of the input, chroma of the painting */
};

/* What keeps the painting steady from frame to frame. */
enum daub_temporal {
    DAUB_TEMPORAL_OFF = 0, /* every frame is painted by itself */
    DAUB_TEMPORAL_STATS,   /* statistics of normalizations are averaged over frames */
    DAUB_TEMPORAL_FLOW,    /* the history is warped along the optical flow */
};

/* How to create a stylizer. A zero field means the default. */
struct daub_stylizer_params {
    int in_width, in_height; /* required */
    struct daub_format in;   /* in.pixel is required */
    int work_width,
        work_height; /* size at which the network paints; default: the input's */
    int out_width, out_height; /* default: the input's */
    struct daub_format out;    /* default: the input's */
    enum daub_precision precision;
    enum daub_temporal temporal;
    /* With DAUB_TEMPORAL_FLOW: the second of two frames begins a new scene where the
     * symmetric Kullback-Leibler divergence of their histograms exceeds this; default
     * 0.5. */
    float scene_threshold;
    bool skip_check; /* leave out the golden check of the device, see daub_device_check */
    /* Nothing is painted, only scene cuts are found, as painting with DAUB_TEMPORAL_FLOW
     * finds them: daub_stylizer_receive leaves the picture as it is, and
     * daub_stylizer_was_cut answers. */
    bool only_cuts;
};

/* Parameters that may change with every frame without a cost. */
struct daub_frame_params {
    /* 0: exactly the input, 1: the painting. Between, a model with an identity style
     * mixes it with the style, so that the strokes themselves become weaker; with other
     * models the pixels of input and painting are mixed. */
    float strength;
    enum daub_color_mode color;
    /* weight_count weights, as daub_model_mix writes them, borrowed during the call;
     * NULL: the default style. Where the model has neither soft rows nor takes pictures,
     * weight i is that of style i. A frame with other weights than the previous one is
     * painted without history. */
    const float *style;
    /* 0: without history, to 1. With DAUB_TEMPORAL_FLOW: how much a place of the picture
     * may change before its history is dropped. With DAUB_TEMPORAL_STATS: statistics are
     * averaged over 2^(5 stability) frames. */
    float stability;
};
#define DAUB_STABILITY_DEFAULT       0.5f
#define DAUB_SCENE_THRESHOLD_DEFAULT 0.5f

/* Creates a stylizer with everything that its size needs: kernels, device memory and
 * recorded commands. The first time with a model on a device this takes seconds, for
 * compiling shaders and for the golden check, later less. The caller frees *stylizer with
 * daub_stylizer_free. The device must outlive it, the model need not. Errors: ARGUMENT
 * (params), MODEL (the network does not fit the size), WRONG_RESULTS (the golden check
 * failed), MEMORY, DEVICE_LOST, FAILED. */
DAUB_API enum daub_status daub_stylizer_create(struct daub_device *device,
                                               const struct daub_model *model,
                                               const struct daub_stylizer_params *params,
                                               struct daub_stylizer **stylizer,
                                               struct daub_error *error);
/* Waits for the frames in flight and drops them. Accepts NULL. */
DAUB_API void daub_stylizer_free(struct daub_stylizer *stylizer);

/* Starts to paint a frame of exactly the input's size and format, which is copied during
 * the call. params NULL: strength 1, default style and stability. tag is returned with
 * the painted frame. Two frames may be in flight: with a third the call returns
 * DAUB_ERROR_AGAIN and leaves *error unchanged. Errors: ARGUMENT (image or params),
 * MEMORY, DEVICE_LOST, FAILED. */
DAUB_API enum daub_status daub_stylizer_submit(struct daub_stylizer *stylizer,
                                               const struct daub_image *image,
                                               const struct daub_frame_params *params,
                                               int64_t tag, struct daub_error *error);
/* Waits for the oldest frame in flight and writes it to the caller's image, which must
 * have the size and format of daub_stylizer_output. *tag (NULL: not needed) is that of
 * the submit. Without a frame in flight the call returns DAUB_ERROR_AGAIN and leaves
 * *error unchanged. Errors: ARGUMENT (image), DEVICE_LOST, FAILED. */
DAUB_API enum daub_status daub_stylizer_receive(struct daub_stylizer *stylizer,
                                                struct daub_image *image, int64_t *tag,
                                                struct daub_error *error);

/* Makes the next frame that is submitted the first of a scene, painted without history:
 * after a seek or at a known scene cut. */
DAUB_API void daub_stylizer_reset_history(struct daub_stylizer *stylizer);

/* With DAUB_TEMPORAL_FLOW: whether the frame received last was found to begin a new
 * scene, so that it was painted without history. */
DAUB_API bool daub_stylizer_was_cut(const struct daub_stylizer *stylizer);

/* Size and format that receive expects, with the defaults filled in. */
DAUB_API void daub_stylizer_output(const struct daub_stylizer *stylizer, int *width,
                                   int *height, struct daub_format *format);

/* The golden check: paints a small picture with the model at fp32 or fp16 and compares it
 * with a plain C reference of the network. *psnr_db is the peak signal-to-noise ratio
 * over the model's range of values: infinite where they are equal, NaN where the device
 * computed values that are no numbers. *safe: whether stylizers accept this result. A
 * stylizer does this check once for every device, model and precision and stores the
 * result in the cache; this call always paints. Errors: MODEL, MEMORY, DEVICE_LOST,
 * FAILED. */
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

/* One step of painting a frame. */
struct daub_step_time {
    const char *name; /* owned by the stylizer */
    double ms;        /* for the last received frame; 0: the device has no timestamps */
    double gflop;     /* arithmetic of the step; 0 for steps that only move data */
};
/* Switches the timestamps of steps on; steps then run one after another. Call it before
 * the first submit. Errors: MEMORY, FAILED. */
DAUB_API enum daub_status daub_stylizer_enable_timing(struct daub_stylizer *stylizer,
                                                      struct daub_error *error);
/* Sets *steps to the steps of the last received frame, owned by the stylizer, and returns
 * their number; 0 without daub_stylizer_enable_timing. */
DAUB_API int daub_stylizer_times(const struct daub_stylizer *stylizer,
                                 const struct daub_step_time **steps);

/* Writes the network's plan to file: one line for each kernel call, with its tensors. The
 * format may change with every version. */
DAUB_API void daub_stylizer_dump(const struct daub_stylizer *stylizer, FILE *file);

/* Memory that the stylizer holds on the device. */
struct daub_memory_info {
    uint64_t arena_bytes;   /* activations, history and other maps */
    uint64_t weight_bytes;  /* weights and tables */
    uint64_t staging_bytes; /* buffers for frames in and out */
};
DAUB_API void daub_stylizer_memory(const struct daub_stylizer *stylizer,
                                   struct daub_memory_info *info);

/* What a model takes on a device at one size. */
struct daub_model_cost {
    int alignment;         /* sides that are no multiples of it are extended */
    int steps;             /* kernel calls of a frame */
    double macs;           /* multiply-accumulate operations of a frame's convolutions */
    uint64_t arena_bytes;  /* activations */
    uint64_t weight_bytes; /* weights */
};
/* Plans the network for a picture of width x height, and allocates nothing on the device.
 * Errors: MODEL, MEMORY (also where a map is larger than the device can read, or all of
 * them are larger than its memory). */
DAUB_API enum daub_status daub_model_estimate(struct daub_device *device,
                                              const struct daub_model *model, int width,
                                              int height, enum daub_precision precision,
                                              struct daub_model_cost *cost,
                                              struct daub_error *error);

#ifdef __cplusplus
}
#endif
#endif
