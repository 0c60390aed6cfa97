/* The threads that run the host kernels: one pool for each device. They sleep while
 * nothing runs. */
#ifndef DAUB_HOST_POOL_H
#define DAUB_HOST_POOL_H

#include "host/host.h"

struct host_pool;

/* threads: how many work on a call, the caller's included; 0: one for each processor that
 * this process may use. NULL with *error set. */
struct host_pool *host_pool_create(int threads, struct daub_error *error);
void host_pool_free(struct host_pool *pool); /* accepts NULL; nothing may be running */
int host_pool_threads(const struct host_pool *pool);

/* Scratch memory for the call in every thread. Call it before the first host_pool_run of
 * the call. Thread-safe. */
bool host_pool_reserve(struct host_pool *pool, const struct host_isa *isa,
                       const struct host_call *call, struct daub_error *error);
/* Runs the call and returns when it is done. Thread-safe: calls of several threads run
 * one after the other. */
void host_pool_run(struct host_pool *pool, const struct host_isa *isa,
                   const struct host_call *call);

#endif
