#include "util/thread.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

bool daub_thread_start(struct daub_thread *thread, const char *name, void *(*run)(void *),
                       void *arg, struct daub_error *error)
{
    /* A new thread inherits the mask: blocked everywhere but in main, a signal always
     * interrupts main. */
    sigset_t all, previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    int code = pthread_create(&thread->id, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (code != 0)
        return daub_fail(error, DAUB_ERROR_FAILED, "cannot start thread %s: %s", name,
                         strerror(code));
    thread->started = true;
    char cut[16];
    snprintf(cut, sizeof(cut), "%s", name);
    pthread_setname_np(thread->id, cut);
    return true;
}

void daub_thread_join(struct daub_thread *thread)
{
    if (!thread->started)
        return;
    pthread_join(thread->id, NULL);
    thread->started = false;
}
