#include "media/latest_frame.h"

#include <time.h>

#include "util/clock.h"

void latest_frame_init(struct latest_frame *latest)
{
    pthread_condattr_t clock;
    *latest = (struct latest_frame){0};
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&latest->lock, NULL);
    pthread_cond_init(&latest->changed, &clock);
    pthread_condattr_destroy(&clock);
}

void latest_frame_uninit(struct latest_frame *latest)
{
    av_frame_free(&latest->frame);
    pthread_cond_destroy(&latest->changed);
    pthread_mutex_destroy(&latest->lock);
}

bool latest_frame_put(struct latest_frame *latest, const AVFrame *frame)
{
    AVFrame *reference = av_frame_clone(frame), *replaced = NULL;
    pthread_mutex_lock(&latest->lock);
    latest->arrival_us = daub_clock_us();
    if (reference) {
        replaced = latest->frame;
        latest->frame = reference;
        pthread_cond_signal(&latest->changed);
    }
    pthread_mutex_unlock(&latest->lock);
    bool any = replaced != NULL;
    av_frame_free(&replaced);
    return any;
}

void latest_frame_finish(struct latest_frame *latest)
{
    pthread_mutex_lock(&latest->lock);
    latest->finished = true;
    pthread_cond_signal(&latest->changed);
    pthread_mutex_unlock(&latest->lock);
}

static AVFrame *take_locked(struct latest_frame *latest)
{
    AVFrame *frame = latest->frame;
    latest->frame = NULL;
    return frame;
}

AVFrame *latest_frame_take(struct latest_frame *latest)
{
    pthread_mutex_lock(&latest->lock);
    AVFrame *frame = take_locked(latest);
    pthread_mutex_unlock(&latest->lock);
    return frame;
}

static struct timespec deadline_in(int64_t us)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    int64_t ns = deadline.tv_nsec + us % 1000000 * 1000;
    deadline.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
    deadline.tv_nsec = (long)(ns % 1000000000);
    return deadline;
}

AVFrame *latest_frame_wait(struct latest_frame *latest, int64_t timeout_us,
                           bool *finished)
{
    struct timespec deadline = deadline_in(timeout_us);
    int code = 0;
    pthread_mutex_lock(&latest->lock);
    while (code == 0 && !latest->frame && !latest->finished)
        code = pthread_cond_timedwait(&latest->changed, &latest->lock, &deadline);
    AVFrame *frame = take_locked(latest);
    *finished = latest->finished;
    pthread_mutex_unlock(&latest->lock);
    return frame;
}

AVFrame *latest_frame_peek(struct latest_frame *latest)
{
    pthread_mutex_lock(&latest->lock);
    AVFrame *frame = latest->frame ? av_frame_clone(latest->frame) : NULL;
    pthread_mutex_unlock(&latest->lock);
    return frame;
}

bool latest_frame_expire(struct latest_frame *latest, int64_t age_us)
{
    AVFrame *expired = NULL;
    pthread_mutex_lock(&latest->lock);
    bool old = daub_clock_us() - latest->arrival_us > age_us;
    if (old)
        expired = take_locked(latest);
    pthread_mutex_unlock(&latest->lock);
    av_frame_free(&expired);
    return old;
}
