/* Named threads that leave signals to the main thread. */
#ifndef DAUB_UTIL_THREAD_H
#define DAUB_UTIL_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include <daub/status.h>

struct daub_thread {
    pthread_t id;
    bool started;
};

/* name is cut to 15 characters (a limit of Linux). */
bool daub_thread_start(struct daub_thread *thread, const char *name, void *(*run)(void *),
                       void *arg, struct daub_error *error);
/* Waits for its end; does nothing where it was not started or was joined already. */
void daub_thread_join(struct daub_thread *thread);

#endif
