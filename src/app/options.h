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

/* Where an option was given; a later source wins. */
enum option_source { FROM_COMMAND_LINE = 0, FROM_CONFIG = -2, FROM_PRESET = -1 };

struct option_given {
    const char *name;  /* with its dashes, as --help prints it */
    const char *value; /* of a flag "yes" or "no" */
    unsigned verbs;    /* that have the option */
    enum option_source source;
};

enum dump_kind { DUMP_NONE = 0, DUMP_GRAPH, DUMP_PLAN };
enum gap_kind { GAP_HOLD = 0, GAP_SKIP };
enum deinterlace_kind { DEINTERLACE_AUTO = 0, DEINTERLACE_OFF };
enum progress_kind { PROGRESS_AUTO = 0, PROGRESS_JSON, PROGRESS_NONE };

/* A zero field means that the option was not given. Strings are argv's or config_text's.
 */
struct options {
    const char *input;
    struct option_list others; /* operands after the first */
    struct option_list outputs;
    struct option_given *given; /* every option, in the order of its sources */
    size_t given_count, given_capacity;
    const char *named_preset; /* of the configuration */
    bool no_config, dump_config;
    char *config_text; /* owned */
    const char *format;
    int64_t start_us, end_us, length_us;
    bool has_start, has_end, has_length;
    int64_t frames;
    bool no_audio, no_subtitles, overwrite, never, strict;
    bool recursive; /* folders in the input's folder, too */
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

    const char *model, *style_model, *style, *gallery, *check;
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

    /* films in segments: film.h */
    bool segments, resume, any_device, status;
    int64_t segment_frames, split_frames, warm_up, tasks; /* 0: the default */

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
    VERB_PLAN = 1 << 9,
    VERB_SEGMENT = 1 << 10,
    VERB_JOIN = 1 << 11,
    VERB_FARM = 1 << 12,
    VERB_ALL = 0x1fff,
    /* No command: what a plan keeps, because it decides the painting or the encoding. */
    VERB_FILM = 1 << 13,
    /* Commands that read the user's configuration. */
    VERBS_CONFIGURED = VERB_PAINT | VERB_PLAN | VERB_MODELS | VERB_STYLE,
    VERBS_PLANNED = VERB_PAINT | VERB_PLAN | VERB_FILM,
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
/* options_parse in two steps. */
void options_init(struct options *options);
bool options_parse_more(struct options *options, unsigned verb, int count,
                        char **arguments, struct daub_error *error);

/* Sets one option, whose name may lack its dashes; one that the command does not have is
 * ignored. false with *error: there is no such option, or the value is wrong. */
bool options_set(struct options *options, unsigned verb, const char *name,
                 const char *value, enum option_source source, struct daub_error *error);
/* The name without dashes, of two names the longer one. */
const char *options_long_name(const char *name);
/* Whether the configuration may set it. */
bool options_may_be_configured(const char *name);
/* config.c: parses the user's configuration, then the arguments. */
bool options_load(struct options *options, unsigned verb, int count, char **arguments,
                  struct daub_error *error);
/* config.c: prints what was given, as a configuration that says the same. */
void options_dump(FILE *out, const struct options *options);

/* An option, for descriptions other than --help. */
struct option_info {
    const char *section;  /* that begins with it; NULL: none does */
    const char *name;     /* with dashes */
    const char *alias;    /* NULL: none */
    const char *argument; /* NULL: a flag */
    const char *help;
    const char *const *choices; /* values, ended by NULL; NULL: others; until the next
                                   call */
    unsigned verbs;
};
/* Option i of the table; false where there are no more. One thread. */
bool options_describe(size_t i, struct option_info *info);

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
