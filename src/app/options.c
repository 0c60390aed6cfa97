#include "app/options.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

enum kind {
    KIND_FLAG = 1,
    KIND_TEXT,
    KIND_LIST,
    KIND_INT,
    KIND_REAL,
    KIND_SI,
    KIND_TIME,
    KIND_CHOICE
};

struct choice {
    const char *name;
    int value;
};

struct option {
    const char *section; /* heading of --help that begins with this option */
    const char *name;    /* with dashes, as --help prints it */
    const char *alias;
    enum kind kind;
    const char *argument; /* as --help prints it */
    unsigned verbs;
    size_t field, given; /* offsets in struct options; given 0: none */
    double min, max;
    const struct choice *choices; /* ended by a NULL name */
    const char *excludes;         /* an option with which it does not go */
    const char *help;
};

static const struct choice ranges[] = {{"1", DAUB_MODEL_RANGE_1},
                                       {"255", DAUB_MODEL_RANGE_255},
                                       {"-1..1", DAUB_MODEL_RANGE_SIGNED},
                                       {NULL, 0}};
static const struct choice precisions[] = {{"auto", DAUB_PRECISION_AUTO},
                                           {"fp16", DAUB_PRECISION_FP16},
                                           {"fp32", DAUB_PRECISION_FP32},
                                           {NULL, 0}};
static const struct choice dumps[] = {
    {"graph", DUMP_GRAPH}, {"plan", DUMP_PLAN}, {NULL, 0}};
static const struct choice temporals[] = {{"off", DAUB_TEMPORAL_OFF},
                                          {"stats", DAUB_TEMPORAL_STATS},
                                          {"flow", DAUB_TEMPORAL_FLOW},
                                          {NULL, 0}};
static const struct choice progresses[] = {
    {"auto", PROGRESS_AUTO}, {"json", PROGRESS_JSON}, {"none", PROGRESS_NONE}, {NULL, 0}};
static const struct choice gaps[] = {{"hold", GAP_HOLD}, {"skip", GAP_SKIP}, {NULL, 0}};
static const struct choice deinterlaces[] = {
    {"auto", DEINTERLACE_AUTO}, {"off", DEINTERLACE_OFF}, {NULL, 0}};
static const struct choice levels[] = {{"quiet", DAUB_LOG_QUIET},
                                       {"error", DAUB_LOG_ERROR},
                                       {"warning", DAUB_LOG_WARNING},
                                       {"info", DAUB_LOG_INFO},
                                       {"verbose", DAUB_LOG_VERBOSE},
                                       {"debug", DAUB_LOG_DEBUG},
                                       {NULL, 0}};

static const struct choice vcam_matrices[] = {
    {"bt601", DAUB_MATRIX_BT601}, {"bt709", DAUB_MATRIX_BT709}, {NULL, 0}};

#define FIELD(name) .field = offsetof(struct options, name)
#define GIVEN(name) .given = offsetof(struct options, name)

/* clang-format off */
static const struct option table[] = {
    {"Input", "-i", "--input", KIND_TEXT, "FILE", VERB_PAINT | VERB_MODELS,
     FIELD(input),
     .help = "what to paint; the same as a plain INPUT: a video, an image, a folder, a pattern of "
             "images such as in%04d.png, a URL, lavfi:GRAPH, a camera "
             "(cam:0, cam:NAME, /dev/video0), or - for standard input"},
    {NULL, "--recursive", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(recursive),
     .help = "where INPUT is a folder: paint what is in its folders, too"},
    {NULL, "-ss", NULL, KIND_TIME, "TIME", VERBS_PLANNED | VERB_MODELS, FIELD(start_us),
     GIVEN(has_start),
     .help = "start at this time: seconds or [HH:]MM:SS.mmm"},
    {NULL, "-to", NULL, KIND_TIME, "TIME", VERBS_PLANNED, FIELD(end_us), GIVEN(has_end),
     .help = "stop at this time, counted from the input's beginning"},
    {NULL, "-t", NULL, KIND_TIME, "TIME", VERBS_PLANNED, FIELD(length_us), GIVEN(has_length),
     .help = "paint this length of time"},
    {NULL, "--frames", NULL, KIND_INT, "N", VERBS_PLANNED | VERB_BENCH | VERB_METRICS, FIELD(frames),
     .min = 1, .max = 1e12, .help = "paint at most N frames"},
    {NULL, "-framerate", NULL, KIND_TEXT, "R", VERBS_PLANNED, FIELD(frame_rate),
     .help = "frames per second of image patterns and raw streams (25)"},
    {NULL, "--camera-size", NULL, KIND_TEXT, "WxH", VERB_PAINT, FIELD(camera_size),
     .help = "size to capture, or the nearest that the camera has (640x360)"},
    {NULL, "--camera-fps", NULL, KIND_REAL, "N", VERB_PAINT, FIELD(camera_rate), .min = 1,
     .max = 1000, .help = "frames per second to capture (30)"},
    {NULL, "--camera-format", NULL, KIND_TEXT, "F", VERB_PAINT, FIELD(camera_format),
     .help = "auto (raw up to 640x480, else mjpg), mjpg, yuyv, uyvy, nv12, yu12, rgb3, "
             "bgr3 or grey"},
    {NULL, "--realtime", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(realtime),
     .help = "read the input at its own pace and drop frames for which there is no time; "
             "always so with a window"},
    {NULL, "--target-fps", NULL, KIND_REAL, "N", VERB_PAINT, FIELD(target_fps), .min = 1,
     .max = 1000,
     .help = "in real time: paint N frames per second, at a smaller size where painting is "
             "too slow"},
    {NULL, "--max-latency", NULL, KIND_REAL, "MS", VERB_PAINT, FIELD(max_latency_ms),
     .min = 1, .max = 1e6,
     .help = "in real time: the longest delay of a frame in milliseconds; paint at a "
             "smaller size where it would be longer"},
    {NULL, "--hwaccel", NULL, KIND_TEXT, "KIND", VERB_PAINT, FIELD(hwaccel),
     .help = "decode by hardware: none (default), auto, or a kind such as vaapi"},
    {NULL, "--deinterlace", NULL, KIND_CHOICE, "D", VERBS_PLANNED, FIELD(deinterlace),
     .choices = deinterlaces,
     .help = "auto (default; interlaced frames become progressive ones, by bwdif) or off (the "
             "fields are painted as they are)"},
    {NULL, "--gaps", NULL, KIND_CHOICE, "G", VERBS_PLANNED, FIELD(gaps), .choices = gaps,
     .help = "where images of a pattern are missing: hold (default; the image before is shown "
             "longer) or skip"},
    {NULL, "-copyts", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(keep_start),
     .help = "the output begins at the input's first time stamp, not at 0"},
    {NULL, "--allow-filters", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(allow_filters),
     .help = "let filters of lavfi:GRAPH read and write files"},

    {"Output", "-o", "--output", KIND_LIST, "FILE",
     VERB_PAINT | VERB_STYLE | VERB_PLAN | VERB_JOIN | VERB_FARM, FIELD(outputs),
     .help = "where the painting goes: a video, an image, a pattern of images, a URL, a "
             "virtual camera (vcam:, /dev/video10, pipewire:NAME), or - for y4m on standard "
             "output; may be given several times; without any, a window shows it. Of daub "
             "style: the file of the style, such as row.json; of daub plan: the plan"},
    {NULL, "--vcam", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(vcam),
     .help = "show the painting as a camera of other programs, with v4l2loopback or else "
             "PipeWire, and in a window"},
    {NULL, "--window", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(window),
     .excludes = "--no-window", .help = "show a window in addition to the outputs; its key ? lists the keys"},
    {NULL, "--no-window", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(no_window),
     .excludes = "--window", .help = "show no window"},
    {NULL, "--fullscreen", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(fullscreen),
     .help = "the window fills the screen"},
    {NULL, "--mirror", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(mirror),
     .help = "mirror the picture of the window left to right"},
    {NULL, "--control", NULL, KIND_TEXT, "SOCKET", VERB_PAINT, FIELD(control),
     .help = "let \"daub ctl SOCKET\" and other programs of this user change the look"},
    {NULL, "--vcam-matrix", NULL, KIND_CHOICE, "M", VERB_PAINT, FIELD(vcam_matrix),
     .choices = vcam_matrices,
     .help = "colour matrix of a virtual camera: bt601 (default; as browsers expect) or "
             "bt709 (as OBS expects)"},
    {NULL, "-f", "--format", KIND_TEXT, "FMT", VERBS_PLANNED, FIELD(format),
     .help = "output format, where the file's name does not determine it"},
    {NULL, "--flow", NULL, KIND_TEXT, "PATTERN", VERB_METRICS, FIELD(flow),
     .help = "the input's optical flow in .flo files, such as flow_%04d.flo: file n leads "
             "from frame n to frame n-1, starting with 1; vectors of hidden pixels point "
             "outside; default: daub's own flow at full size"},
    {NULL, "--plot", NULL, KIND_TEXT, "FILE.svg", VERB_METRICS, FIELD(plot),
     .help = "draw E_warp over time"},
    {NULL, "--gallery", NULL, KIND_TEXT, "SHEET", VERB_MODELS, FIELD(gallery),
     .help = "image that shows the input's first frame in every style of a model, and in "
             "those of the pictures after it"},
    {NULL, "--strict", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(strict),
     .help = "paint nothing where an output cannot keep all that the input has"},
    {NULL, "--no-verify", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(no_verify),
     .help = "do not read a finished file again to check that it is complete"},
    {NULL, "--dump", NULL, KIND_CHOICE, "WHAT", VERB_MODEL, FIELD(dump), .choices = dumps,
     .help = "print the network as a graph of operators, or as the plan of kernel calls "
             "that the device runs, for the size of --size (640x360)"},
    {NULL, "--check", NULL, KIND_TEXT, "PHOTO", VERB_MODEL, FIELD(check),
     .help = "paint PHOTO and compare the painting with the picture EXPECTED, which "
             "another program painted; exit code 1 below 40 dB"},
    {NULL, "-y", NULL, KIND_FLAG, NULL,
     VERB_PAINT | VERB_MODELS | VERB_METRICS | VERB_STYLE | VERB_PLAN | VERB_JOIN,
     FIELD(overwrite),
     .excludes = "-n", .help = "replace existing files"},
    {NULL, "-n", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(never),
     .excludes = "-y", .help = "never replace an existing file, and do not ask"},
    {NULL, "-an", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(no_audio),
     .help = "leave sound out (it is copied by default)"},
    {NULL, "-sn", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(no_subtitles),
     .help = "leave subtitles out (they are copied by default)"},

    {"Painting", "-m", "--model", KIND_TEXT, "NAME",
     VERBS_PLANNED | VERB_BENCH | VERB_DOCTOR | VERB_MODELS | VERB_STYLE, FIELD(model),
     .help = "a model of \"daub models\" or an .onnx file"},
    {NULL, "--model-range", NULL, KIND_CHOICE, "R",
     VERBS_PLANNED | VERB_BENCH | VERB_DOCTOR | VERB_MODELS | VERB_MODEL, FIELD(model_range),
     .choices = ranges,
     .help = "pixel values of an .onnx file that does not state them: 1, 255 or -1..1"},
    {NULL, "--style-model", NULL, KIND_TEXT, "FILE.onnx",
     VERBS_PLANNED | VERB_BENCH | VERB_DOCTOR | VERB_MODELS | VERB_MODEL | VERB_STYLE,
     FIELD(style_model),
     .help = "the network that makes the style vector of a picture, for a model that takes "
             "such a vector; by default NAME_predict.onnx beside NAME_transform.onnx"},
    {NULL, "-s", "--style", KIND_TEXT, "STYLES", VERBS_PLANNED | VERB_MODEL, FIELD(style),
     .help = "a style of the model, a picture (painting.jpg) to paint like, or what \"daub "
             "style\" made of one (row.json); or a mix: STYLE[=W][,STYLE=W..]"},
    {NULL, "--strength", NULL, KIND_REAL, "S", VERBS_PLANNED, FIELD(strength), .min = 0,
     .max = 1, .help = "0 (the input) to 1 (the painting; default)"},
    {NULL, "--boldness", NULL, KIND_REAL, "B",
     VERBS_PLANNED | VERB_MODELS | VERB_MODEL, FIELD(boldness),
     GIVEN(has_boldness), .min = 0, .max = 1,
     .help = "0 (soft strokes) to 1 (bold ones), where the model has both; the model says "
             "what is the default"},
    {NULL, "--keep-colors", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(keep_colors),
     .excludes = "--colors-only", .help = "paint brightness only, keep the input's colours"},
    {NULL, "--colors-only", NULL, KIND_FLAG, NULL, VERBS_PLANNED, FIELD(colors_only),
     .excludes = "--keep-colors", .help = "paint colours only, keep the input's brightness"},
    {NULL, "--temporal", NULL, KIND_CHOICE, "T", VERBS_PLANNED | VERB_BENCH, FIELD(temporal),
     .choices = temporals,
     .help = "what keeps a video steady: flow (default; strokes follow the motion), stats "
             "(statistics are averaged over frames) or off (each frame by itself)"},
    {NULL, "--stability", NULL, KIND_REAL, "S", VERBS_PLANNED, FIELD(stability), .min = 0,
     .max = 1,
     .help = "0 (every frame is painted by itself) to 1 (strokes stay as long as possible); "
             "default 0.5"},
    {NULL, "--scene-threshold", NULL, KIND_REAL, "X", VERBS_PLANNED, FIELD(scene_threshold),
     .min = 0.01, .max = 1000,
     .help = "difference of two frames' histograms at which a new scene begins; smaller "
             "values find more cuts, 1000 none; default 0.5"},
    {NULL, "--size", NULL, KIND_TEXT, "SIZE",
     VERBS_PLANNED | VERB_BENCH | VERB_MODELS | VERB_MODEL, FIELD(size),
     .help = "size to paint at: WxH, 720p, 50% or native (default; 360p with --gallery); "
             "smaller is faster and has broader strokes"},
    {NULL, "--out-size", NULL, KIND_TEXT, "SIZE", VERBS_PLANNED, FIELD(out_size),
     .help = "size of the output; the input's by default"},

    {"Device", "-g", "--gpu", KIND_TEXT, "DEV",
     VERB_PAINT | VERB_BENCH | VERB_MODELS | VERB_METRICS | VERB_MODEL | VERB_STYLE |
         VERB_PLAN | VERB_SEGMENT,
     FIELD(gpu),
     .help = "number, name or UUID of \"daub devices\", processor, or auto (default); of a "
             "film in segments a list such as 0,1, whose devices paint side by side"},
    {NULL, "--precision", NULL, KIND_CHOICE, "P",
     VERBS_PLANNED | VERB_BENCH | VERB_MODELS | VERB_MODEL, FIELD(precision),
     .choices = precisions, .help = "auto (default), fp16 or fp32"},
    {NULL, "--kernels", NULL, KIND_TEXT, "SET",
     VERBS_PLANNED | VERB_BENCH | VERB_DOCTOR | VERB_MODEL, FIELD(kernels),
     .help = "kernel set: shaders, host (C functions, on the processor), host-avx512, host-avx2, "
             "host-neon or host-generic (one instruction set), or auto (default: host where "
             "the device can run it)"},
    {NULL, "--threads", NULL, KIND_INT, "N",
     VERB_PAINT | VERB_BENCH | VERB_MODELS | VERB_METRICS | VERB_STYLE | VERB_PLAN | VERB_SEGMENT,
     FIELD(threads), .min = 1,
     .max = 256,
     .help = "threads that paint on the processor; default: one for each processor that daub "
             "may use"},
    {NULL, "--validation", NULL, KIND_FLAG, NULL,
     VERB_PAINT | VERB_BENCH | VERB_DOCTOR | VERB_MODEL, FIELD(validation),
     .help = "load the Vulkan validation layer; what it reports is printed, and its errors "
             "make the exit code 3"},
    {NULL, "--no-cache", NULL, KIND_FLAG, NULL,
     VERB_PAINT | VERB_BENCH | VERB_DOCTOR | VERB_MODEL, FIELD(no_cache),
     .help = "neither read nor write the cache of pipelines and device checks"},

    {"Encoding", "-c:v", "--encoder", KIND_TEXT, "NAME", VERBS_PLANNED, FIELD(encoder),
     .help = "encoder; by default what suits the file: libx264, libvpx-vp9, png .."},
    {NULL, "-crf", NULL, KIND_REAL, "N", VERBS_PLANNED, FIELD(quality), GIVEN(has_quality),
     .min = 0, .max = 1000,
     .excludes = "-b:v", .help = "constant quality on the encoder's own scale (libx264: 18)"},
    {NULL, "-preset", NULL, KIND_TEXT, "NAME", VERBS_PLANNED, FIELD(preset),
     .help = "the encoder's preset, which sets its speed (libx264: veryfast)"},
    {NULL, "-b:v", NULL, KIND_SI, "RATE", VERB_PAINT, FIELD(bitrate), .min = 1, .max = 1e12,
     .excludes = "-crf", .help = "bits per second instead of a quality: 4M, 900k"},
    {NULL, "-pix_fmt", NULL, KIND_TEXT, "FMT", VERBS_PLANNED, FIELD(pix_fmt),
     .help = "pixel format; by default 4:2:0 with as many bits as the input has"},
    {NULL, "-e", "--encoder-option", KIND_LIST, "K=V", VERBS_PLANNED, FIELD(extra),
     .help = "option of FFmpeg's encoder or container, as \"ffmpeg -h\" lists them"},

    {"Films in segments", "--segments", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(segments),
     .help = "paint and encode the film in segments that begin where scenes begin, as \"daub "
             "plan\" does for many machines: the file is the same"},
    {NULL, "--resume", NULL, KIND_FLAG, NULL, VERB_PAINT, FIELD(resume),
     .help = "paint in segments, and go on where a run with --segments or --resume was "
             "broken off"},
    {NULL, "--segment-frames", NULL, KIND_INT, "N", VERB_PAINT | VERB_PLAN,
     FIELD(segment_frames), .min = 1, .max = 1e9,
     .help = "a segment has at least N frames (240), and then begins with the next scene"},
    {NULL, "--split", NULL, KIND_INT, "N", VERB_PAINT | VERB_PLAN, FIELD(split_frames),
     .min = 2, .max = 1e9,
     .help = "split scenes that are longer than N frames; a seam may show there"},
    {NULL, "--warm-up", NULL, KIND_INT, "N", VERB_PAINT | VERB_PLAN, FIELD(warm_up),
     .min = 1, .max = 10000,
     .help = "frames painted and left out before a segment that begins inside a scene (24)"},
    {NULL, "--any-device", NULL, KIND_FLAG, NULL, VERB_PAINT | VERB_SEGMENT, FIELD(any_device),
     .help = "paint also where the device or the program differs from the plan's"},
    {NULL, "--status", NULL, KIND_FLAG, NULL, VERB_PLAN, FIELD(status),
     .help = "print which segments of the plan are done, running and failed"},
    {NULL, "--tasks", NULL, KIND_INT, "T", VERB_SEGMENT | VERB_FARM, FIELD(tasks), .min = 1,
     .max = 1e6,
     .help = "T tasks share the segments: the I-th paints the segments I, I+T, I+2T and so "
             "on"},

    {"Reporting", "--progress", NULL, KIND_CHOICE, "KIND",
     VERB_PAINT | VERB_PLAN | VERB_SEGMENT | VERB_JOIN, FIELD(progress),
     .choices = progresses,
     .help = "auto (default; one line on a terminal), json (a line every half second) or none"},
    {NULL, "--check-steps", NULL, KIND_FLAG, NULL, VERB_DOCTOR, FIELD(check_steps),
     .help = "compare every step of the network with the reference and name the first "
             "wrong one"},
    {NULL, "--layers", NULL, KIND_FLAG, NULL, VERB_BENCH, FIELD(layers),
     .help = "report every step of the network"},
    {NULL, "--switch-styles", NULL, KIND_FLAG, NULL, VERB_BENCH, FIELD(switch_styles),
     .help = "compare one style for all frames with a new style in every frame"},
    {NULL, "-v", "--verbose", KIND_FLAG, NULL, VERB_ALL, FIELD(verbose),
     .help = "print more messages, also those of FFmpeg"},
    {NULL, "-q", "--quiet", KIND_FLAG, NULL, VERB_ALL, FIELD(quiet),
     .help = "print errors only"},
    {NULL, "--log-level", NULL, KIND_CHOICE, "L", VERB_ALL, FIELD(log_level),
     .choices = levels, .help = "quiet, error, warning, info, verbose or debug"},
    {NULL, "--preset", NULL, KIND_TEXT, "NAME", VERBS_CONFIGURED,
     FIELD(named_preset),
     .help = "options of this name's section in the configuration, before those given here"},
    {NULL, "--no-config", NULL, KIND_FLAG, NULL, VERBS_CONFIGURED, FIELD(no_config),
     .help = "do not read the configuration, ~/.config/daub/config"},
    {NULL, "--dump-config", NULL, KIND_FLAG, NULL, VERBS_CONFIGURED, FIELD(dump_config),
     .help = "print all options that are in force, in the form of a configuration"},
    {NULL, "-V", "--version", KIND_FLAG, NULL, VERB_ALL, FIELD(version),
     .help = "print the version"},
    {NULL, "-h", "--help", KIND_FLAG, NULL, VERB_ALL, FIELD(help), .help = "print this"},
};
/* clang-format on */
enum { OPTION_COUNT = sizeof(table) / sizeof(table[0]) };

/* The name without dashes: -crf and --crf mean the same option. */
static const char *without_dashes(const char *name)
{
    while (*name == '-')
        name++;
    return name;
}

/* length: of the argument up to its value. Two options may differ in their dashes only.
 */
static const struct option *find(const char *argument, size_t length)
{
    const char *bare = without_dashes(argument);
    size_t bare_length = length - (size_t)(bare - argument);
    for (int exact = 1; exact >= 0; exact--) {
        for (int i = 0; i < 2 * OPTION_COUNT; i++) {
            const char *name = i % 2 ? table[i / 2].alias : table[i / 2].name;
            const char *candidate = name && !exact ? without_dashes(name) : name;
            size_t wanted = exact ? length : bare_length;
            if (candidate && strlen(candidate) == wanted &&
                memcmp(candidate, exact ? argument : bare, wanted) == 0)
                return &table[i / 2];
        }
    }
    return NULL;
}

static bool fail_unknown(const char *argument, unsigned verb, struct daub_error *error)
{
    const char *names[2 * OPTION_COUNT], *shown[2 * OPTION_COUNT];
    size_t count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *both[2] = {table[i].name, table[i].alias};
        for (int j = 0; j < 2; j++) {
            /* A name of one letter would be similar to any other one. */
            if (!both[j] || !(table[i].verbs & verb) ||
                strlen(without_dashes(both[j])) < 2)
                continue;
            shown[count] = both[j];
            names[count++] = without_dashes(both[j]);
        }
    }
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(without_dashes(argument), "="),
             without_dashes(argument));
    const char *nearest = daub_text_nearest(word, names, count);
    for (size_t i = 0; nearest && i < count; i++) {
        if (names[i] == nearest)
            return daub_fail(error, DAUB_ERROR_ARGUMENT,
                             "unknown option %s; did you mean %s?", argument, shown[i]);
    }
    return daub_fail(error, DAUB_ERROR_ARGUMENT,
                     "unknown option %s; \"daub --help\" lists them", argument);
}

static bool fail_value(const struct option *option, const char *value,
                       struct daub_error *error)
{
    char wanted[160] = "";
    switch (option->kind) {
    case KIND_INT:
    case KIND_REAL:
        snprintf(wanted, sizeof(wanted), "a number from %g to %g", option->min,
                 option->max);
        break;
    case KIND_SI:
        snprintf(wanted, sizeof(wanted), "a rate such as 4M or 900k");
        break;
    case KIND_TIME:
        snprintf(wanted, sizeof(wanted), "a time such as 12.5 or 1:02:03");
        break;
    case KIND_CHOICE:
        for (const struct choice *c = option->choices; c->name; c++) {
            size_t used = strlen(wanted);
            snprintf(wanted + used, sizeof(wanted) - used, "%s%s",
                     used == 0   ? ""
                     : c[1].name ? ", "
                                 : " or ",
                     c->name);
        }
        break;
    case KIND_FLAG:
        snprintf(wanted, sizeof(wanted), "yes or no");
        break;
    case KIND_TEXT:
    case KIND_LIST:
        break;
    }
    return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s %s: must be %s", option->name, value,
                     wanted);
}

static bool append(struct option_list *list, const char *value, struct daub_error *error)
{
    if (!daub_grow(&list->values, &list->capacity, list->count + 1,
                   sizeof(*list->values)))
        return daub_no_memory(error, "the options");
    list->values[list->count++] = value;
    return true;
}

static bool choose(const struct choice *choices, const char *value, int *field)
{
    for (; choices->name; choices++) {
        if (strcmp(choices->name, value) == 0) {
            *field = choices->value;
            return true;
        }
    }
    return false;
}

static bool parse_flag(const char *text, bool *value)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        *value = strcmp(text, yes[i]) == 0;
        if (*value || strcmp(text, no[i]) == 0)
            return true;
    }
    return false;
}

/* Takes back the option with which this one does not go, where a weaker source gave it.
 */
static void take_back(struct options *options, const struct option *option,
                      enum option_source source)
{
    for (size_t i = 0; i < options->given_count; i++) {
        struct option_given *given = &options->given[i];
        if (strcmp(given->name, option->excludes) != 0 || given->source >= source)
            continue;
        const struct option *other = find(given->name, strlen(given->name));
        if (other->kind == KIND_FLAG)
            *(bool *)((char *)options + other->field) = false;
        else if (other->kind == KIND_SI)
            *(int64_t *)((char *)options + other->field) = 0;
        if (other->given)
            *(bool *)((char *)options + other->given) = false;
        memmove(given, given + 1, (options->given_count - i - 1) * sizeof(*given));
        options->given_count--;
        i--;
    }
}

static bool remember(struct options *options, const struct option *option,
                     const char *value, enum option_source source,
                     struct daub_error *error)
{
    if (option->excludes)
        take_back(options, option, source);
    if (!daub_grow(&options->given, &options->given_capacity, options->given_count + 1,
                   sizeof(*options->given)))
        return daub_no_memory(error, "the options");
    options->given[options->given_count++] =
        (struct option_given){option->name, value, option->verbs, source};
    return true;
}

static bool store(struct options *options, const struct option *option, const char *value,
                  enum option_source source, struct daub_error *error)
{
    char *field = (char *)options + option->field;
    bool ok = true;
    switch (option->kind) {
    case KIND_FLAG:
        ok = parse_flag(value, (bool *)field);
        break;
    case KIND_TEXT:
        *(const char **)field = value;
        break;
    case KIND_LIST:
        if (!append((struct option_list *)field, value, error))
            return false;
        break;
    case KIND_INT:
        ok = daub_text_int(value, (int64_t)option->min, (int64_t)option->max,
                           (int64_t *)field);
        break;
    case KIND_REAL:
        ok = daub_text_double(value, option->min, option->max, (double *)field);
        break;
    case KIND_SI:
        ok = daub_text_si(value, (int64_t)option->min, (int64_t)option->max,
                          (int64_t *)field);
        break;
    case KIND_TIME:
        ok = daub_text_time(value, (int64_t *)field);
        break;
    case KIND_CHOICE:
        ok = choose(option->choices, value, (int *)field);
        break;
    }
    if (!ok)
        return fail_value(option, value, error);
    if (option->given)
        *(bool *)((char *)options + option->given) = true;
    return remember(options, option, value, source, error);
}

static bool operand(struct options *options, unsigned verb, const char *text,
                    struct daub_error *error)
{
    if (!(verb & (VERB_PAINT | VERB_MODELS | VERB_METRICS | VERB_CTL | VERB_MODEL |
                  VERB_STYLE | VERB_PLAN | VERB_SEGMENT | VERB_JOIN | VERB_FARM)))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "unexpected argument %s; this command has only options", text);
    if (options->input && (verb & (VERB_METRICS | VERB_CTL | VERB_MODELS | VERB_MODEL |
                                   VERB_SEGMENT | VERB_FARM)))
        return append(&options->others, text, error);
    if (options->input)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "two inputs: %s and %s; outputs are given with -o",
                         options->input, text);
    options->input = text;
    return true;
}

/* Parses one option with its value and moves *index past them. */
static bool option_at(struct options *options, unsigned verb, int count, char **arguments,
                      int *index, struct daub_error *error)
{
    const char *argument = arguments[*index];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    const struct option *option = find(argument, length);
    if (!option)
        return fail_unknown(argument, verb, error);
    if (!(option->verbs & verb))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s does not go with this command; \"daub --help\" and \"daub "
                         "COMMAND --help\" list the options of each command",
                         option->name);
    const char *value = equals ? equals + 1 : NULL;
    if (option->kind == KIND_FLAG && !value)
        value = "yes";
    if (!value) {
        if (*index + 1 >= count)
            return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s needs a value: %s %s",
                             option->name, option->name, option->argument);
        value = arguments[++*index];
    }
    if (value && !*value)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "%s has an empty value",
                         option->name);
    if (option->field == offsetof(struct options, input))
        return operand(options, verb, value, error);
    return store(options, option, value, FROM_COMMAND_LINE, error);
}

const char *options_long_name(const char *name)
{
    const struct option *option = find(name, strlen(name));
    const char *bare = without_dashes(name);
    const char *alias = option && option->alias ? without_dashes(option->alias) : "";
    return strlen(alias) > strlen(bare) ? alias : bare;
}

bool options_may_be_configured(const char *name)
{
    static const size_t own[] = {
        offsetof(struct options, input), offsetof(struct options, outputs),
        offsetof(struct options, named_preset), offsetof(struct options, no_config),
        offsetof(struct options, dump_config)};
    const struct option *option = find(name, strlen(name));
    if (!option || !(option->verbs & VERBS_CONFIGURED) || option->verbs == VERB_ALL)
        return false;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (option->field == own[i])
            return false;
    }
    return true;
}

bool options_set(struct options *options, unsigned verb, const char *name,
                 const char *value, enum option_source source, struct daub_error *error)
{
    const struct option *option = find(name, strlen(name));
    if (!option)
        return fail_unknown(name, VERB_PAINT, error);
    if (!options_may_be_configured(name))
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "%s cannot be set in the configuration", option->name);
    return !(option->verbs & verb) || store(options, option, value, source, error);
}

static bool check(const struct options *options, struct daub_error *error)
{
    if (options->keep_colors && options->colors_only)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--keep-colors and --colors-only exclude each other");
    if (options->window && options->no_window)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--window and --no-window exclude each other");
    if (options->no_window && options->outputs.count == 0)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "--no-window leaves no output; give one with -o");
    if ((options->segments || options->resume) && options->bitrate)
        return daub_fail(
            error, DAUB_ERROR_ARGUMENT,
            "-b:v does not go with segments: each would be given the rate by "
            "itself; choose a quality with -crf");
    if ((options->segments || options->resume) && options->outputs.count != 1)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "a film in segments needs one output: -o FILE");
    if (options->overwrite && options->never)
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "-y and -n exclude each other");
    if (options->has_quality && options->bitrate)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "-crf (a quality) and -b:v (a rate) exclude each other");
    if (options->has_start && options->has_end && options->end_us <= options->start_us)
        return daub_fail(error, DAUB_ERROR_ARGUMENT,
                         "-to must be later than -ss; both count from the beginning");
    if ((options->has_end && options->end_us == 0) ||
        (options->has_length && options->length_us == 0))
        return daub_fail(error, DAUB_ERROR_ARGUMENT, "-t and -to must not be 0");
    return true;
}

bool options_parse(struct options *options, unsigned verb, int count, char **arguments,
                   struct daub_error *error)
{
    options_init(options);
    return options_parse_more(options, verb, count, arguments, error);
}

void options_init(struct options *options)
{
    *options = (struct options){.strength = 1,
                                .temporal = DAUB_TEMPORAL_FLOW,
                                .stability = DAUB_STABILITY_DEFAULT,
                                .scene_threshold = DAUB_SCENE_THRESHOLD_DEFAULT};
}

bool options_parse_more(struct options *options, unsigned verb, int count,
                        char **arguments, struct daub_error *error)
{
    bool plain = false;
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i];
        if (!plain && strcmp(argument, "--") == 0) {
            plain = true;
        } else if (plain || argument[0] != '-' || strcmp(argument, "-") == 0) {
            if (!operand(options, verb, argument, error))
                return false;
        } else if (!option_at(options, verb, count, arguments, &i, error)) {
            return false;
        }
    }
    if (options->vcam && !append(&options->outputs, "vcam:", error))
        return false;
    return options->help || options->version || check(options, error);
}

void options_free(struct options *options)
{
    free(options->others.values);
    free(options->outputs.values);
    free(options->extra.values);
    free(options->given);
    free(options->config_text);
    *options = (struct options){0};
}

bool options_describe(size_t i, struct option_info *info)
{
    enum { CHOICES_MAX = 16 };
    static const char *choices[CHOICES_MAX + 1];
    if (i >= OPTION_COUNT)
        return false;
    const struct option *option = &table[i];
    int count = 0;
    for (const struct choice *c = option->choices; c && c->name && count < CHOICES_MAX;
         c++)
        choices[count++] = c->name;
    choices[count] = NULL;
    *info = (struct option_info){.section = option->section,
                                 .name = option->name,
                                 .alias = option->alias,
                                 .argument = option->argument,
                                 .help = option->help,
                                 .choices = option->choices ? choices : NULL,
                                 .verbs = option->verbs};
    return true;
}

enum { COLUMNS = 80, HELP_COLUMN = 24 };

/* Writes text in lines from HELP_COLUMN to COLUMNS; column: number of characters already
 * in the line. */
static void wrap(FILE *out, const char *text, int column)
{
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column + 1 + length > COLUMNS) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", length, text);
        column += length;
        text += length + (text[length] == ' ');
    }
    fputc('\n', out);
}

static void help_option(FILE *out, const struct option *option)
{
    char left[96];
    snprintf(left, sizeof(left), "  %s%s%s%s%s", option->name, option->alias ? ", " : "",
             option->alias ? option->alias : "", option->argument ? " " : "",
             option->argument ? option->argument : "");
    int column = fprintf(out, "%s", left);
    if (column > HELP_COLUMN - 1) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", HELP_COLUMN - column, "");
    wrap(out, option->help, HELP_COLUMN);
}

static void help_commands(FILE *out)
{
    fputs("\nCommands\n", out);
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].name)
            continue;
        int column = fprintf(out, "  %s", commands[i].name);
        fprintf(out, "%*s", HELP_COLUMN - column, "");
        wrap(out, commands[i].summary, HELP_COLUMN);
    }
    fputs("  daub COMMAND --help lists its options.\n", out);
}

void options_help(FILE *out, const struct command *command)
{
    if (command->name)
        fprintf(out, "Usage: daub %s [options]%s%s\n%s\n", command->name,
                *command->operands ? " " : "", command->operands, command->summary);
    else
        fprintf(out,
                "Usage: daub [options] %s\n"
                "       daub COMMAND [options]\n%s\n",
                command->operands, command->summary);
    const char *section = NULL;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (table[i].section)
            section = table[i].section;
        if (!(table[i].verbs & command->verb))
            continue;
        if (section)
            fprintf(out, "\n%s\n", section);
        section = NULL;
        help_option(out, &table[i]);
    }
    if (command->name)
        return;
    help_commands(out);
    fputs("\nExit codes: 0 done; 1 failed while running; 2 usage; 3 no usable device;\n"
          "4 input unreadable; 5 output unwritable; 130 interrupted (the file is\n"
          "playable up to there).\n",
          out);
}
