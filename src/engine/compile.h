/* Compiles the pipelines of a dispatch list on all processors. */
#ifndef DAUB_ENGINE_COMPILE_H
#define DAUB_ENGINE_COMPILE_H

#include "engine/dispatch.h"

enum { COMPILE_THREADS_MAX = 8 };

/* Sets the pipeline of every dispatch, and does what drivers put off until a pipeline is
 * used first. Where this takes longer than a second, calls the device's `compiling`, on
 * the calling thread. To be called once, after the last dispatch was added and before the
 * list is recorded or run; does nothing for host kernels. */
bool compile_list(struct dispatch_list *list, struct daub_error *error);

#endif
