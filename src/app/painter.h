/* Paints frames: creates the stylizer for the input's size and format, and another one
 * when these or the working size change. */
#ifndef DAUB_APP_PAINTER_H
#define DAUB_APP_PAINTER_H

#include <pthread.h>
#include <stdatomic.h>

#include <libavutil/frame.h>

#include <daub/daub.h>

#include "app/fade.h"
#include "app/options.h"
#include "media/convert.h"
#include "util/thread.h"

enum { PAINTER_SLOTS_MAX = 8 };

struct painter_params {
    struct daub_device *device;
    const struct daub_model *model;
    struct size_spec work; /* working size, relative to the input's size */
    enum daub_precision precision;
    enum daub_temporal temporal;
    float scene_threshold;
    bool only_cuts; /* nothing is painted; painter_was_cut answers */
    struct daub_frame_params frame_params; /* to start with; weights are copied */
    const AVFrame *output; /* frame template of painted frames; outlives the painter */
    bool keep_input;       /* painter_input works on painted frames */
    /* Where the device fails, painting goes on with this one, which the painter opens.
     * NULL: the failure is reported. */
    const struct daub_device_params *reserve;
};

/* Use from one thread, except where a function says otherwise. */
struct painter {
    struct painter_params params;
    struct daub_device *reserve; /* opened where params.device has failed */
    struct daub_stylizer *stylizer;
    double scale;          /* of the working size that params ask for, 0..1 */
    int width, height;     /* of the input that the stylizer was created for */
    struct daub_format in; /* the same */
    struct daub_format out;
    AVFrame *waiting[PAINTER_SLOTS_MAX];     /* inputs in flight, oldest first */
    int64_t submitted_us[PAINTER_SLOTS_MAX]; /* clock when each was submitted */
    int waiting_count;
    int64_t last_submitted_us, last_received_us; /* clock, of the frame received last */
    int64_t work_us;                             /* the same frame; see painter_work_us */
    struct media_converter converter; /* for formats that the shaders do not read */
    struct media_pool pool;           /* of painted frames */
    bool warned_alpha, warned_matrix;

    /* A change of scale: next is created while stylizer paints; then both paint for some
     * frames while the outputs of previous fade out. */
    struct daub_thread builder;
    struct daub_stylizer_params next_params;
    double next_scale;
    struct daub_stylizer *next; /* owned by the builder until next_ready */
    atomic_bool next_ready;     /* the builder has ended; next is NULL where it failed */
    struct daub_stylizer *previous;
    int faded_frames;
    bool no_other_size; /* creating one failed; it is not tried again */

    pthread_mutex_t lock;
    struct fade fade;     /* lock */
    float *style_weights; /* of the frame that is being submitted; weight_count */
};

/* Creates the stylizer for frames like first. Uninit is allowed after failure. */
bool painter_init(struct painter *painter, const struct painter_params *params,
                  const AVFrame *first, struct daub_error *error);
void painter_uninit(struct painter *painter);

/* Fades to the parameters within fade_us; 0: the next frame has them. Any thread. */
void painter_set_frame_params(struct painter *painter,
                              const struct daub_frame_params *frame_params,
                              int64_t fade_us);

/* Whether the frame can be submitted as it is. If not, receive all that is in flight,
 * then call painter_change. */
bool painter_fits(const struct painter *painter, const AVFrame *frame);
bool painter_change(struct painter *painter, const AVFrame *frame,
                    struct daub_error *error);

/* Changes the working size to that part (0..1) of the one in the parameters. The new
 * stylizer is created on another thread, then its output fades in. Does nothing while
 * such a change is under way. */
void painter_rescale(struct painter *painter, double scale);

/* Of the frame received last: the time that it took, without the time that it waited for
 * previous frames, and the clock when it was submitted. */
int64_t painter_work_us(const struct painter *painter);
int64_t painter_submitted_us(const struct painter *painter);

enum painter_result { PAINTER_OK = 1, PAINTER_FULL, PAINTER_EMPTY, PAINTER_ERROR };
/* OK: the painter owns the frame. FULL: receive first. ERROR: *error is set. The frame
 * stays the caller's in the last two cases. */
enum painter_result painter_submit(struct painter *painter, AVFrame *frame,
                                   struct daub_error *error);
/* OK: *painted is the caller's, with the pts and properties of its input. EMPTY: nothing
 * is in flight. */
enum painter_result painter_receive(struct painter *painter, AVFrame **painted,
                                    struct daub_error *error);
/* The input of a painted frame, valid as long as that frame; NULL without keep_input. Any
 * thread. */
const AVFrame *painter_input(const AVFrame *painted);
/* The next frame is painted without history. */
void painter_restart(struct painter *painter);
/* Whether the frame received last begins a new scene. */
bool painter_was_cut(const struct painter *painter);

#endif
