/* Models: ONNX files of feed-forward image-to-image networks. */
#ifndef DAUB_MODEL_H
#define DAUB_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <daub/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct daub_model; /* opaque; immutable after load, so usable from any thread */

/* Values of the network's image input and output. */
enum daub_model_range {
    DAUB_MODEL_RANGE_1 = 1,  /* 0..1 */
    DAUB_MODEL_RANGE_255,    /* 0..255 */
    DAUB_MODEL_RANGE_SIGNED, /* -1..1 */
};

struct daub_style_info {
    const char *name;  /* as given to --style */
    const char *title; /* of the painting; NULL where unknown */
    const char *artist;
    const char *licence; /* of the picture */
    int year;            /* 0 where unknown */
};

struct daub_model_info {
    const char *name; /* file name without its extension */
    const char *title;
    const char *licence;
    const char *recipe;
    enum daub_model_range range;
    int range_guessed; /* the file does not tell; range is a guess from its family */
    int opset;
    int64_t parameters;
    double macs_per_pixel; /* multiplications of its convolutions */
    int style_count;       /* entries of styles; 0 for a net of one fixed style */
    int default_style;     /* index into styles */
    int identity_style;    /* the style that gives the photo back; -1: none */
    const struct daub_style_info *styles;
};

/* Loads a model by path (has a '/' or ends in ".onnx") or by built-in name, looked for in
 * $DAUB_MODELS, the installed folder and the build's source tree. A name that is not
 * found is answered with the nearest one. range 0 takes the file's own. The caller frees
 * *model; stylizers made from it keep what they need. */
DAUB_API enum daub_status daub_model_load(const char *name_or_path,
                                          enum daub_model_range range,
                                          struct daub_model **model,
                                          struct daub_error *error);
/* The same from size bytes in memory, which are not kept. name is for messages. */
DAUB_API enum daub_status daub_model_load_memory(const void *data, size_t size,
                                                 const char *name,
                                                 enum daub_model_range range,
                                                 struct daub_model **model,
                                                 struct daub_error *error);
DAUB_API void daub_model_free(struct daub_model *model);
/* Owned by the model. */
DAUB_API const struct daub_model_info *
daub_model_get_info(const struct daub_model *model);

/* Writes the network for a picture of width x height to file: one line an operator, as it
 * is after the rewrites. The form may change with every version. */
DAUB_API enum daub_status daub_model_dump(const struct daub_model *model, int width,
                                          int height, FILE *file,
                                          struct daub_error *error);

/* Calls visit(path, user) for every built-in model in name order. */
DAUB_API void daub_model_each(void (*visit)(const char *path, void *user), void *user);

#ifdef __cplusplus
}
#endif
#endif
