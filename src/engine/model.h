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

struct daub_model {
    struct daub_model_info info;
    struct net_onnx *onnx;
    struct net_graph small; /* for a small picture, after the passes */
    pthread_mutex_t lock;
    int alignment; /* lock; 0: not known yet */
    uint64_t hash; /* of the file */
    char *name, *title, *licence, *recipe;
    struct daub_style_info *styles; /* with owned strings */
};

/* The graph for a picture of height x width, after the passes. *graph is initialised here
 * and to be freed by the caller in either case. */
bool model_build(const struct daub_model *model, int height, int width,
                 struct net_graph *graph, struct daub_error *error);
/* net_onnx_alignment, searched once and kept in the device's cache; 0 with *error
 * set on failure. Thread-safe. */
int model_alignment(const struct daub_model *model, const struct daub_device *device,
                    struct daub_error *error);
struct plan_range model_range(const struct daub_model *model);
/* Writes the weights of the default style, as many as the style input has. */
void model_default_style(const struct daub_model *model, float *style);

#endif
