/* Frames in, painted frames out: a stylizer that is built anew when the input changes. */
#ifndef DAUB_APP_PAINTER_H
#define DAUB_APP_PAINTER_H

#include <pthread.h>
#include <stdatomic.h>

#include <libavutil/frame.h>

#include <daub/daub.h>

#include "app/fade.h"
#include "app/options.h"
#include "media/frames.h"
#include "util/thread.h"

enum { PAINTER_SLOTS_MAX = 8 };

struct painter_params {
    struct daub_device *device;
    const struct daub_model *model;
    struct size_spec work; /* of the input's size */
    enum daub_precision precision;
    enum daub_temporal temporal;
    float scene_threshold;
    struct daub_frame_params frame_params; /* to begin with; weights are copied */
    const AVFrame *output; /* size, format, colours and shape of painted frames */
    bool keep_input;       /* painter_input works on painted frames */
};

struct painter {
    struct painter_params params;
    struct daub_stylizer *stylizer;
    double scale;          /* of the working size it paints at, 1: as asked */
    int width, height;     /* of the input the stylizer was built for */
    struct daub_format in; /* the same */
    struct daub_format out;
    AVFrame *waiting[PAINTER_SLOTS_MAX]; /* inputs in flight, oldest first */
    int64_t submitted_us[PAINTER_SLOTS_MAX], taken_us, received_us, work_us;
    int waiting_count;
    struct media_converter converter; /* for formats that the shaders do not read */
    struct media_pool pool;           /* of painted frames */
    bool warned_alpha, warned_matrix;

    /* a change of scale: built beside the painting, then both paint while one fades */
    struct daub_thread builder;
    struct daub_stylizer_params next_params;
    double next_scale;
    struct daub_stylizer *next, *old; /* next: the builder's while it runs */
    atomic_bool built;
    int faded;          /* frames painted by both */
    bool no_other_size; /* building one failed */

    pthread_mutex_t lock;
    struct fade fade;     /* lock */
    float *style_weights; /* of the frame that is being submitted; style_count */
};

/* Builds the stylizer for frames like first. Uninit is allowed after failure. */
bool painter_init(struct painter *painter, const struct painter_params *params,
                  const AVFrame *first, struct daub_error *error);
void painter_uninit(struct painter *painter);

/* Fades to frame_params within fade_us; 0: at once. Any thread. */
void painter_set_frame_params(struct painter *painter,
                              const struct daub_frame_params *frame_params,
                              int64_t fade_us);

/* Whether frame can be submitted without a change; if not, receive all that is in flight,
 * then call painter_change. */
bool painter_fits(const struct painter *painter, const AVFrame *frame);
bool painter_change(struct painter *painter, const AVFrame *frame,
                    struct daub_error *error);

/* Paints at that part (0..1) of the working size from soon on: what is needed is built
 * beside the painting, which goes on, and fades in. Nothing happens while another such
 * change is under way. */
void painter_rescale(struct painter *painter, double scale);
/* Of the frame received last: time that it took, not counting that it waited for others,
 * and the clock when it was submitted. */
int64_t painter_work_us(const struct painter *painter);
int64_t painter_taken_us(const struct painter *painter);

enum painter_result { PAINTER_OK = 1, PAINTER_FULL, PAINTER_EMPTY, PAINTER_ERROR };
/* OK: the painter owns the frame. FULL: receive first. ERROR: *error; the frame stays the
 * caller's in both. */
enum painter_result painter_submit(struct painter *painter, AVFrame *frame,
                                   struct daub_error *error);
/* OK: *painted is the caller's, with the pts and properties of its input. EMPTY: nothing
 * is in flight. */
enum painter_result painter_receive(struct painter *painter, AVFrame **painted,
                                    struct daub_error *error);
/* What a painted frame was painted from, as long as that lives; NULL without keep_input.
 */
const AVFrame *painter_input(const AVFrame *painted);
/* The next frame is painted as the first of a scene. */
void painter_restart(struct painter *painter);
/* Whether the frame received last begins a new scene. */
bool painter_was_cut(const struct painter *painter);

#endif
