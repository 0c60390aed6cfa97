/* Any picture as a style: an encoder finds a style signal in a picture, and models made
 * for this encoder (daub_model_info.encoder) paint with it, alone or mixed with their
 * styles. An encoder is a file of daub's own, the network that belongs to a model with a
 * style vector (daub_model_set_encoder), or a part of a model that takes the style as a
 * second picture. */
#ifndef DAUB_SIGNAL_H
#define DAUB_SIGNAL_H

#include <stddef.h>

#include <daub/device.h>
#include <daub/image.h>
#include <daub/model.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DAUB_SIGNAL_MAX       4096 /* most elements of a signal */
#define DAUB_PICTURE_SIDE_MIN 64   /* pixels of a picture's short side, without margins */

/* What an encoder finds in a picture; it depends on no model. */
struct daub_signal {
    char encoder[17]; /* identifier of the encoder: 16 hexadecimal digits */
    char title[128];  /* for people, UTF-8; the caller's: daub_encode leaves it empty */
    int count;        /* elements of z */
    float z[DAUB_SIGNAL_MAX];
};

struct daub_encoder; /* opaque; constant after load, so any thread may use it */

/* Loads the encoder of the model. path NULL: the part of the model, the file of
 * daub_model_set_encoder, else encoder.onnx beside the model's file or among the built-in
 * models. The caller frees *encoder with daub_encoder_free; the
 * model may be freed before. Thread-safe. Errors: ARGUMENT (the model takes no pictures),
 * NOT_FOUND, MODEL (also where it is the encoder of other models), MEMORY. */
DAUB_API enum daub_status daub_encoder_load(const struct daub_model *model,
                                            const char *path,
                                            struct daub_encoder **encoder,
                                            struct daub_error *error);
/* The same for a file in memory, of any models: size bytes at data, which are copied.
 * name is used in messages. */
DAUB_API enum daub_status daub_encoder_load_memory(const void *data, size_t size,
                                                   const char *name,
                                                   struct daub_encoder **encoder,
                                                   struct daub_error *error);
/* Accepts NULL. */
DAUB_API void daub_encoder_free(struct daub_encoder *encoder);

/* Finds the signal of a picture in DAUB_PIXEL_RGB24, or in DAUB_PIXEL_RGBA, which is laid
 * on white. It must stand upright. Margins of one color are cut off; of a picture longer
 * than 2:1 only the middle is used. Waits for the device. Thread-safe. Errors: ARGUMENT
 * (another pixel format; the picture is smaller than DAUB_PICTURE_SIDE_MIN or all of one
 * color), MODEL, MEMORY, DEVICE_LOST, FAILED. */
DAUB_API enum daub_status daub_encode(struct daub_device *device,
                                      const struct daub_encoder *encoder,
                                      const struct daub_image *picture,
                                      struct daub_signal *signal,
                                      struct daub_error *error);

/* Reads a signal from size bytes of JSON as daub_signal_print writes it. Thread-safe.
 * Errors: ARGUMENT (it is no such text), MEMORY. */
DAUB_API enum daub_status daub_signal_parse(const char *text, size_t size,
                                            struct daub_signal *signal,
                                            struct daub_error *error);
/* The signal as one line of JSON, an object with the members "daub-style" (1), "encoder",
 * "title" and "z" (an array of numbers). The caller frees it with free(); NULL where
 * memory ran out. Thread-safe. */
DAUB_API char *daub_signal_print(const struct daub_signal *signal);

/* A part of a mix. */
struct daub_mix_part {
    const struct daub_signal *signal; /* NULL: a style of the model; borrowed */
    int style;                        /* index into daub_model_info.styles */
    float weight;                     /* 0 or more; divided by the sum of all parts' */
};

/* Writes the weights of a mix, daub_model_info.weight_count of them, for
 * daub_frame_params.style. boldness: 0 to 1, how far its strokes leave the input's
 * shapes, 0.5 as bold as looks best; it has an effect where daub_model_info.has_boldness
 * is set. Thread-safe.
 * Errors: ARGUMENT (an index, a weight or the boldness is out of range, all weights are
 * 0, or a signal is not of the model's encoder). */
DAUB_API enum daub_status daub_model_mix(const struct daub_model *model,
                                         const struct daub_mix_part *parts, int count,
                                         float boldness, float *weights,
                                         struct daub_error *error);

#ifdef __cplusplus
}
#endif
#endif
