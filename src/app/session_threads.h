/* What the threads of a session share, and its source and engine threads. */
#ifndef DAUB_APP_SESSION_THREADS_H
#define DAUB_APP_SESSION_THREADS_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/delays.h"
#include "app/session.h"
#include "util/queue.h"
#include "util/thread.h"

/* A frame on its way from the source's thread to the engine's. */
struct session_item {
    AVFrame *frame;
    int64_t arrival_us;  /* clock */
    unsigned generation; /* where it differs from the previous frame's, the frame does not
                            continue that one */
};

struct session {
    struct session_params params;
    struct daub_queue frames; /* struct session_item; source's thread to engine's */

    pthread_mutex_t lock;
    enum exit_code code;     /* lock: of the first failure; DONE: none */
    struct daub_error error; /* lock: its cause; empty where a sink's join reports it */

    atomic_ullong failed_sinks; /* one bit for each of the first 64 sinks */
    atomic_bool finishing;      /* session_finish_sinks was called */
    struct daub_stop finished;  /* requested when session_finish_sinks returns */
};

/* Keeps the first failure and requests the stop. error NULL: a sink's join reports the
 * cause. */
void session_fail(struct session *session, enum exit_code code,
                  const struct daub_error *error);
bool session_failed(struct session *session);

bool session_sink_failed(struct session *session, size_t sink);
/* Call this when a push to the sink returned false. Returns whether the session goes on:
 * in real time it does where another output or the window still works. */
bool session_lose_sink(struct session *session, size_t sink);

/* Finishes every sink; what was painted is kept unless something failed. Any thread;
 * later calls do nothing. */
void session_finish_sinks(struct session *session);

struct source_thread {
    struct session *session;
    struct daub_thread thread;
    int64_t next_us; /* source time from which the target rate allows another frame */
    int64_t asleep_since_us;                  /* clock */
    unsigned generation, previous_generation; /* of this and of the previous frame */
};

/* Reads until the source ends or the stop is requested. */
bool source_thread_start(struct source_thread *self, struct session *session,
                         struct daub_error *error);

struct engine_thread {
    struct session *session;
    struct source_thread *source; /* joined before the sinks are finished */
    struct daub_thread thread;
    struct governor governor;
    struct delays delays; /* used by this thread, after its end by session_run */
    int64_t arrivals_us[PAINTER_SLOTS_MAX]; /* of frames in flight, oldest first */
    int in_flight;
    int64_t first_us;    /* source time of the first painting */
    unsigned generation; /* of the last frame */
    int64_t skipped;     /* frames that could not be painted */
    int skipped_in_row;
};

/* Paints and delivers until the source ends or the stop is requested, then finishes the
 * sinks. */
bool engine_thread_start(struct engine_thread *self, struct session *session,
                         struct source_thread *source, struct daub_error *error);

#endif
