/* What a session can paint with: the styles of the model, and pictures as they are asked
 * for. Both have numbers: first the styles, then the pictures. */
#ifndef DAUB_APP_STYLES_H
#define DAUB_APP_STYLES_H

#include <daub/daub.h>

#include "util/stop.h"

enum { STYLE_MIX_MAX = 16 };

struct style_part {
    int style; /* number */
    float weight;
};

struct style_mix {
    struct style_part parts[STYLE_MIX_MAX];
    int count; /* 0: the model has one fixed style */
};

/* A picture as a style. */
struct styles_picture {
    char *path;
    struct daub_signal signal;
};

/* Use from one thread. */
struct styles {
    const struct daub_model *model;
    const struct daub_model_info *info; /* the model's */
    struct daub_device *device;
    struct daub_stop *stop;
    struct daub_encoder *encoder; /* loaded for the first picture */
    struct styles_picture *pictures;
    size_t picture_count, picture_capacity;
};

/* Model, device and stop must outlive it. A zeroed struct may be uninitialised. */
void styles_init(struct styles *styles, const struct daub_model *model,
                 struct daub_device *device, struct daub_stop *stop);
void styles_uninit(struct styles *styles);

/* How many numbers there are. */
int styles_count(const struct styles *styles);
/* The title of a style or picture, for people. */
const char *styles_title(const struct styles *styles, int style);

/* Finds the signal of a picture, or reads the one that "daub style" wrote (.json), and
 * gives it a number, the one that the path had before. */
bool styles_add(struct styles *styles, const char *path, int *style,
                struct daub_error *error);
/* Parses "PART[,PART..]", where PART is NAME[=W]: a style of the model or a picture's
 * path, which contains a '.' or a '/' and is added. A text that names a file is one
 * picture, whatever characters it has. text NULL: the default style. */
bool styles_parse(struct styles *styles, const char *text, struct style_mix *mix,
                  struct daub_error *error);
/* daub_model_mix; weights has room for weight_count. */
bool styles_weights(const struct styles *styles, const struct style_mix *mix,
                    float boldness, float *weights, struct daub_error *error);

#endif
