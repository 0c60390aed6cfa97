/* A slot for the latest frame of a stream, between the thread that puts frames in and a
 * slower one that takes them out: a frame that was not taken is replaced by the next. */
#ifndef DAUB_MEDIA_LATEST_FRAME_H
#define DAUB_MEDIA_LATEST_FRAME_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

/* Any thread may call the functions below, except init and uninit. */
struct latest_frame {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    AVFrame *frame;     /* lock; NULL: none since the last one was taken */
    int64_t arrival_us; /* lock; clock when the last one was put in */
    bool finished;      /* lock */
};

void latest_frame_init(struct latest_frame *latest);
/* No thread may be waiting. */
void latest_frame_uninit(struct latest_frame *latest);

/* Puts in a reference to the frame; where memory runs out, the previous one stays.
 * Returns whether it replaced a frame that nobody took. */
bool latest_frame_put(struct latest_frame *latest, const AVFrame *frame);
/* No frame will be put in any more; wakes latest_frame_wait. */
void latest_frame_finish(struct latest_frame *latest);

/* Removes and returns the frame, which the caller frees; NULL: there is none. */
AVFrame *latest_frame_take(struct latest_frame *latest);
/* The same, but waits for a frame or the finish, timeout_us at the most. *finished: there
 * will be no other frame. */
AVFrame *latest_frame_wait(struct latest_frame *latest, int64_t timeout_us,
                           bool *finished);
/* A reference to the frame, which stays; NULL: there is none, or memory ran out. */
AVFrame *latest_frame_peek(struct latest_frame *latest);
/* Whether the last frame was put in more than age_us ago. It is dropped then, unless it
 * was taken before. */
bool latest_frame_expire(struct latest_frame *latest, int64_t age_us);

#endif
