/* A loaded model as the engine sees it. */
#ifndef DAUB_ENGINE_MODEL_H
#define DAUB_ENGINE_MODEL_H

#include <pthread.h>

#include <daub/model.h>

#include "gpu/gpu.h"
#include "net/onnx.h"
#include "net/plan.h"

/* Pixels; the side of model->small where the file leaves it open. */
#define MODEL_SMALL_SIDE 64

/* Rows of the style input beside one for each style; -1: none. */
struct model_rows {
    int soft; /* the soft row of style 1, followed by those of the next styles */
    int bold_basis, soft_basis; /* of pictures: the constant row, then one for each
                                   element of the signal */
    bool constant;              /* there is a constant row */
    char encoder[17];           /* whose signals these are */
};

struct daub_model {
    struct daub_model_info info;
    struct net_onnx *onnx;
    struct net_graph small; /* for a small picture, after the passes */
    pthread_mutex_t lock;
    int alignment; /* lock; 0: not known yet */
    char *name, *title, *licence, *recipe;
    struct daub_style_info *styles; /* with owned strings */
    char *path;                     /* of the file, or its name where it was in memory */
    char *encoder_path; /* of the network whose vectors are the style input; NULL: none */
    struct model_rows rows;
};

/* The graph for a picture of height x width, after the passes. *graph is initialised here
 * and to be freed by the caller in either case. */
bool model_build(const struct daub_model *model, int height, int width,
                 struct net_graph *graph, struct daub_error *error);
/* net_onnx_alignment, searched once and kept in the device's cache; 0 with *error
 * set on failure. Thread-safe. */
int model_alignment(const struct daub_model *model, const struct daub_device *device,
                    struct daub_error *error);
/* Multiplications of the convolutions, as the kernels do them. */
double model_macs(const struct net_graph *graph);
struct plan_range model_range(const struct daub_model *model);
/* That of the picture that an encoder reads: as its file says, else the model's. */
struct plan_range model_encoder_range(const struct net_onnx *encoder,
                                      const struct daub_model *model);
/* Writes the weights of the default style, as many as the style input has. */
void model_default_style(const struct daub_model *model, float *style);

/* The value of a metadata key; NULL where the file does not have it. */
const char *model_property(const struct net_onnx *onnx, const char *key);
/* Reads the keys that say which rows the style input has (mix.c). styles: how many
 * daub.styles describes. Sets the members of info that depend on them. */
bool model_read_rows(struct daub_model *model, int styles, struct daub_error *error);
/* false with *error where the model paints with no signals. */
bool model_takes_pictures(const struct daub_model *model, struct daub_error *error);
/* Makes the whole style input the rows of pictures: it is the signal. */
void model_take_signals(struct daub_model *model, const char *encoder);
/* The identifier of a file that does not state one: the hash of its contents. */
void model_identifier(const void *data, size_t size, char identifier[static 17]);
bool model_is_readable(const char *path);
/* Whether text is the identifier of an encoder: 16 hexadecimal digits. */
bool model_is_identifier(const char *text);
/* The contents of a file of at most 256 MB, which the caller frees; NULL with *error. */
void *model_read_file(const char *path, size_t *size, struct daub_error *error);
/* The folder of the built-in models, and the name of the encoder in it. */
const char *model_folder(void);
/* Bytes of a JSON text of metadata; cJSON takes 32 times as much. */
enum { MODEL_TEXT_MAX = 1 << 20 };
#define MODEL_ENCODER_FILE "encoder.onnx"

#endif
