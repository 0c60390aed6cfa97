/* A loaded model as the engine sees it. */
#ifndef DAUB_ENGINE_MODEL_H
#define DAUB_ENGINE_MODEL_H

#include <daub/model.h>

#include "net/onnx.h"
#include "net/plan.h"

struct daub_model {
    struct daub_model_info info;
    struct net_onnx *onnx;
    int alignment;
    uint64_t hash; /* of the file */
    char *name, *title, *licence, *recipe;
    struct daub_style_info *styles; /* with owned strings */
};

struct plan_range model_range(const struct daub_model *model);
/* Weights that pick the default style (style input's element count), written to style. */
void model_default_style(const struct daub_model *model, float *style);

#endif
