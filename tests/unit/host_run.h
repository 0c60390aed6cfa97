/* Calls of host kernels for tests: memory with guards around it, every instruction set.
 */
#ifndef DAUB_TESTS_HOST_RUN_H
#define DAUB_TESTS_HOST_RUN_H

#include "host/host.h"

/* Memory for a slot, aligned as the kernels expect it: data copied, or bytes that are no
 * numbers where data is NULL. Freed by host_slots_free, which fails the test where
 * something was written beyond the end. */
void host_slot_set(struct host_call *call, int slot, const void *data, size_t bytes);
void host_slots_free(struct host_call *call);

/* Makes all parts of the call on one thread, the last one first where reversed. Before,
 * it fills the output slots with bytes that are no numbers. */
void host_run(const struct host_isa *isa, const struct host_call *call, bool reversed);

/* Appends the name and a hash of the data to the file that DAUB_TEST_BITS names, where it
 * is set, so that the results of different processors can be compared (tests/arch). */
void host_record_bits(const char *name, const void *data, size_t bytes);

/* Runs the call on every instruction set that the processor has, in both orders of the
 * parts, and fails unless all sets with fused multiply-add leave the same bytes in the
 * output slots, which are recorded. check is called after each run. */
void host_run_all(const struct host_call *call, const char *name,
                  void (*check)(const struct host_call *call, const char *name,
                                void *user),
                  void *user);

#endif
