/* The command line. One static table defines the parser and --help. */
#ifndef DAUB_APP_OPTIONS_H
#define DAUB_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <daub/daub.h>

/* The values of an option that may be given several times. */
struct option_list {
    const char **values; /* the array is owned, its strings are argv's */
    size_t count, capacity;
};

enum dump_kind { DUMP_NONE = 0, DUMP_GRAPH, DUMP_PLAN };
enum gap_kind { GAP_HOLD = 0, GAP_SKIP };
enum deinterlace_kind { DEINTERLACE_AUTO = 0, DEINTERLACE_OFF };
enum progress_kind { PROGRESS_AUTO = 0, PROGRESS_JSON, PROGRESS_NONE };

/* A zero field means that the option was not given. Strings are argv's. */
struct options {
    const char *input;
    struct option_list others; /* operands after the first */
    struct option_list outputs;
    const char *format;
    int64_t start_us, end_us, length_us;
    bool has_start, has_end, has_length;
    int64_t frames;
    bool no_audio, no_subtitles, overwrite, never, strict;
    bool realtime, window, no_window, fullscreen, mirror;
    bool vcam; /* it added "vcam:" to outputs */
    const char *control;
    const char *camera_size, *camera_format;
    double camera_rate;
    int vcam_matrix; /* enum daub_matrix */
    double target_fps, max_latency_ms;
    const char *frame_rate, *hwaccel;
    bool allow_filters, keep_start;
    int gaps, deinterlace; /* enum gap_kind, enum deinterlace_kind */

    const char *model, *style, *gallery;
    int model_range; /* enum daub_model_range */
    double strength; /* 1 by default */
    double boldness;
    bool has_boldness; /* else the model's default */
    bool keep_colors, colors_only;
    int temporal;     /* enum daub_temporal */
    double stability; /* DAUB_STABILITY_DEFAULT by default */
    double scene_threshold;
    const char *size, *out_size;

    const char *gpu;
    int precision;       /* enum daub_precision */
    const char *kernels; /* as daub_device_params takes it; NULL: the fastest */
    int64_t threads;     /* that paint on the processor; 0: one for each processor */
    int dump;            /* enum dump_kind */
    bool validation, no_cache, no_verify, check_steps;

    const char *encoder, *preset, *pix_fmt;
    double quality;
    bool has_quality;
    int64_t bitrate;
    struct option_list extra;

    const char *flow, *plot;

    int progress; /* enum progress_kind */
    int log_level;
    bool quiet, verbose, version, help, layers, switch_styles;
};

/* Which command an option belongs to. */
enum {
    VERB_PAINT = 1 << 0,
    VERB_BENCH = 1 << 1,
    VERB_MODELS = 1 << 2,
    VERB_DEVICES = 1 << 3,
    VERB_DOCTOR = 1 << 4,
    VERB_METRICS = 1 << 5,
    VERB_CTL = 1 << 6,
    VERB_MODEL = 1 << 7,
    VERB_STYLE = 1 << 8,
    VERB_ALL = 0x1ff,
};

struct command {
    const char *name; /* NULL: paint, the default */
    unsigned verb;
    const char *operands, *summary;
    int (*run)(const struct options *options); /* returns an enum exit_code */
};
extern const struct command commands[];
extern const size_t command_count;

/* Parses the arguments after the command's name. On failure *error is set. Free the
 * options in any case. */
bool options_parse(struct options *options, unsigned verb, int count, char **arguments,
                   struct daub_error *error);
void options_free(struct options *options);

/* Prints the text of --help, in lines of at most 80 columns. */
void options_help(FILE *out, const struct command *command);

/* "WxH", "720p" (the shorter side), "50%", "native". */
struct size_spec {
    enum { SIZE_NATIVE = 0, SIZE_FIXED, SIZE_LINES, SIZE_PERCENT } kind;
    int width, height; /* FIXED; LINES: height */
    double percent;
};
/* text NULL: native. option is for the error message. */
bool size_parse(const char *text, const char *option, struct size_spec *size,
                struct daub_error *error);
/* Applies the spec to a picture of width x height; gives at least 1 x 1. */
void size_apply(const struct size_spec *size, int width, int height, int *new_width,
                int *new_height);

#endif
