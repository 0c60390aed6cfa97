/* What the fuzzer and the replay program do with bytes that claim to be a kept style or
 * an encoder. */
#ifndef DAUB_TESTS_SIGNAL_TARGET_H
#define DAUB_TESTS_SIGNAL_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Reads a kept style; what was read is written and read again. Aborts where an invariant
 * is violated. Returns whether the bytes were a style. */
int signal_target(const uint8_t *data, size_t size);
/* Loads an encoder. Returns whether the bytes were one. */
int encoder_target(const uint8_t *data, size_t size);

#endif
