/* What a command that paints owns: input, device, model, look, painter and outputs. */
#ifndef DAUB_APP_WORK_H
#define DAUB_APP_WORK_H

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/look.h"
#include "app/options.h"
#include "app/pace.h"
#include "app/painter.h"
#include "app/state.h"
#include "app/styles.h"
#include "media/sink.h"
#include "media/source.h"
#include "util/stop.h"

struct control;
struct recorder;
struct speaker;
struct window;

/* Device and model that one run leaves to the next. */
struct work_kept {
    struct daub_device *device;
    struct daub_model *model;
    struct compiling_view compiling; /* which the device refers to */
};

/* In the order of creation; uninit frees it in reverse order. The functions below log
 * their errors and return the code of the failure. Use from one thread. */
struct work {
    const struct options *options;
    struct daub_stop *stop;
    bool keep_input; /* painter_input works */
    bool only_cuts;  /* nothing is painted */
    /* Of a film in segments (film.h); zero elsewhere. */
    const char *part_of;
    int encoder_threads;
    const struct media_joined *joined;
    struct work_kept *kept; /* NULL: device and model are the run's own */

    struct media_source *source;
    struct size_spec work_size, out_size;
    AVFrame *output; /* frame template of painted frames */
    struct media_sink **sinks;
    size_t sink_count;
    struct compiling_view compiling; /* the window, while the painter is made */
    struct daub_device *device;
    struct daub_device_params reserve; /* the processor */
    struct daub_model *model;
    struct styles styles;
    struct look look;
    struct painter painter;
    bool painter_made;
    struct pace pace;
    struct session_state state;
    struct recorder *recorder; /* NULL, or one of sinks */
    struct window *window;     /* NULL, or one of sinks */
    struct speaker *speaker;   /* NULL: none */
    struct control *control;
};

/* Reads the sizes of the options. */
bool work_sizes(struct work *work, struct daub_error *error);
/* Sets the frame template of paintings to what the first output accepts without
 * conversion. Needs source. */
enum exit_code work_plan_output(struct work *work);
/* How to open a sink for that path. Needs output. */
struct media_sink_params work_sink_params(const struct work *work, const char *path,
                                          bool replace);
/* Opens device and model and makes the look of the options. */
enum exit_code work_make_look(struct work *work);
/* Needs source, output and look. */
enum exit_code work_make_painter(struct work *work);
void work_uninit(struct work *work);

#endif
