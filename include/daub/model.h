/* Models: ONNX files with a feed-forward image-to-image network. */
#ifndef DAUB_MODEL_H
#define DAUB_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <daub/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct daub_model; /* opaque; constant after load, so any thread may use it */

/* The range of values of the network's input and output picture. */
enum daub_model_range {
    DAUB_MODEL_RANGE_1 = 1,  /* 0..1 */
    DAUB_MODEL_RANGE_255,    /* 0..255 */
    DAUB_MODEL_RANGE_SIGNED, /* -1..1 */
};

struct daub_style_info {
    const char *name;  /* unique within the model */
    const char *title; /* of the artist's work; NULL: unknown, as the next two */
    const char *artist;
    const char *licence; /* of the picture that the style was trained with */
    int year;            /* 0: unknown */
    float bold_share; /* share of its bold row at boldness 0.5: as the file states, else
                         0.5 */
};

struct daub_model_info {
    const char *name;  /* file name without its extension */
    const char *title; /* NULL: unknown, as the next two */
    const char *licence;
    const char *recipe; /* how it was trained */
    uint64_t hash;      /* of the file, and of weights in other files */
    enum daub_model_range range;
    int range_guessed;        /* the file does not state the range; it was guessed */
    const char *range_reason; /* why it has that range, for people */
    int channels;             /* of the picture that the file takes: 1, 3, 4 or 7 */
    int channels_last;        /* the file takes [1,H,W,C] */
    int width, height;        /* for which the file was made; 0: for any */
    int style_picture;        /* the file takes the style as a second picture */
    int opset;                /* version of the ONNX operator set that the file uses */
    int64_t parameters;       /* number of weights */
    double macs_per_pixel;    /* multiply-accumulate operations of the convolutions */
    int style_count;    /* entries of styles; 0: one fixed style, or (encoder) pictures
                           alone */
    int default_style;  /* index into styles */
    int identity_style; /* the style that reproduces the input; -1: none */
    const struct daub_style_info *styles;
    int weight_count;    /* elements of daub_frame_params.style; see daub_model_mix */
    int has_boldness;    /* it has soft rows, so that the boldness has an effect */
    float boldness;      /* the default, 0 to 1: as the file states, else 0.5 */
    const char *encoder; /* identifier of the encoder whose signals it paints with; NULL:
                            it takes no pictures as styles */
    int signal_count;    /* elements of such a signal */
};

/* Loads a model. name_or_path is a path if it contains a '/' or ends in ".onnx", else the
 * name of a built-in model. Built-in models are in the first of these folders that
 * exists: $DAUB_MODELS, the installed one, the one of the source tree. range 0: as the
 * file states or, where it does not, as guessed. The caller frees *model with
 * daub_model_free; stylizers that were created with it do not need it. Thread-safe.
 * Errors: NOT_FOUND (the message suggests the most similar name), MODEL, MEMORY. */
DAUB_API enum daub_status daub_model_load(const char *name_or_path,
                                          enum daub_model_range range,
                                          struct daub_model **model,
                                          struct daub_error *error);
/* The same for a file in memory: size bytes at data, which are copied. name is used in
 * messages. */
DAUB_API enum daub_status daub_model_load_memory(const void *data, size_t size,
                                                 const char *name,
                                                 enum daub_model_range range,
                                                 struct daub_model **model,
                                                 struct daub_error *error);
/* Says that the model's style input is the vector that the network of that file makes of
 * a picture: the model then has no styles and takes pictures. For before the first use of
 * the model. daub_model_load does so where it finds the two side by side
 * (NAME_transform.onnx and NAME_predict.onnx). Errors: ARGUMENT (the model has no style
 * input), NOT_FOUND, MODEL, MEMORY. */
DAUB_API enum daub_status daub_model_set_encoder(struct daub_model *model,
                                                 const char *path,
                                                 struct daub_error *error);
/* Accepts NULL. */
DAUB_API void daub_model_free(struct daub_model *model);
/* The description of the model, owned by it. Thread-safe. */
DAUB_API const struct daub_model_info *
daub_model_get_info(const struct daub_model *model);

/* Writes the network for a picture of width x height to file: one line for each operator,
 * after the rewrites. The format may change with every version. Errors: MODEL, MEMORY. */
DAUB_API enum daub_status daub_model_dump(const struct daub_model *model, int width,
                                          int height, FILE *file,
                                          struct daub_error *error);

/* Calls visit(name, count, user) for every ONNX operator of the file that computes
 * something of the picture, with the number of its nodes, in the order of names. */
DAUB_API void daub_model_operators(const struct daub_model *model,
                                   void (*visit)(const char *name, int count, void *user),
                                   void *user);

/* Calls visit(path, user) for every built-in model in the order of names; encoder.onnx is
 * none. path is valid during the call. Thread-safe. */
DAUB_API void daub_model_each(void (*visit)(const char *path, void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
